//! PartiQL: ExecuteStatement, BatchExecuteStatement and ExecuteTransaction, which come to the same actions, pages and
//! transactions as the other operations.

use std::sync::Arc;

use dynamodb_api::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput, BatchStatementError,
    BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse, ConsumedCapacity,
    ExecuteStatementInput, ExecuteStatementOutput, ExecuteTransactionInput, ExecuteTransactionOutput,
    ReturnValuesOnConditionCheckFailure,
};
use futures_util::future::join_all;
use item_engine::partiql::{Returning, Select, Statement, parse};
use service::Call;

use super::saving::{Saved, Stamp, Wants, save};
use super::selecting::{Page, select};
use super::statement_parts::{only_item, read_part, require_statement, write_part};
use super::tokens::RequestToken;
use super::{transact_get, transact_write};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::capacity::{self, Named, Shown, Units, read_units};
use crate::model::reading::stored_bytes;
use crate::model::values::{self, Attributes};
use crate::model::writing::shows_failed;

const MIXED: &str = "The request must contain either read statements or write statements, not both";

/// Reads one statement and its parameters.
fn read(text: &str, parameters: Option<Vec<dynamodb_api::AttributeValue>>) -> Result<Statement, Error> {
    let parameters =
        parameters.unwrap_or_default().into_iter().map(values::value).collect::<Result<Vec<_>, _>>()?;
    Ok(parse(text, &parameters)?)
}

pub async fn execute_statement(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ExecuteStatementInput,
) -> Result<ExecuteStatementOutput, Error> {
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let statement = read(&input.statement, input.parameters)?;
    require_statement(dynamodb, call, &statement, "ExecuteStatement").await?;
    match statement {
        Statement::Select(found) => {
            let page = Page {
                limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
                token: input.next_token,
                consistent: input.consistent_read == Some(true),
                statement: input.statement,
            };
            select(dynamodb, call, found, page, shown).await
        }
        Statement::Exists(_) => Err(Error::validation("EXISTS() function is supported only in transactions")),
        write => {
            let shows = shows_failed(input.return_values_on_condition_check_failure.as_ref());
            let written = write_one(dynamodb, call, write, shows, shown.is_wanted()).await?;
            let consumed_capacity = written.consumed(shown);
            Ok(ExecuteStatementOutput {
                items: Some(written.item.into_iter().collect()),
                consumed_capacity,
                ..ExecuteStatementOutput::default()
            })
        }
    }
}

/// What one statement that writes came to.
struct Written {
    view: Arc<TableView>,
    table: String,
    units: Units,
    /// With RETURNING.
    item: Option<Attributes>,
}

impl Written {
    fn consumed(&self, shown: Shown) -> Option<ConsumedCapacity> {
        capacity::shown(&self.view, &self.table, shown, &self.units, Named::No)
    }
}

async fn write_one(
    dynamodb: &DynamoDB,
    call: &Call,
    statement: Statement,
    shows_failed: bool,
    counts: bool,
) -> Result<Written, Error> {
    let table = statement.table().to_owned();
    let view = dynamodb.directory.table(call, &table).await?;
    let returning = match &statement {
        Statement::Update(update) => update.returning.map(|returning| (returning, update.update.targets())),
        Statement::Delete(delete) => delete.returning.then(|| (Returning::AllOld, Default::default())),
        _ => None,
    };
    let part = write_part(&view, statement, shows_failed)?;
    let action = transact_write::action(view.clone(), part)?;
    dynamodb.throughput.admit_write(&view, call.now)?;
    let wants = Wants { old: returning.is_some(), units: counts || dynamodb.throughput.counts(&view) };
    let Saved { decided, units, .. } = save(dynamodb, Stamp::caller(call.now), action, wants).await?;
    dynamodb.throughput.note_write(&view, &units, call.now);
    let item = returning.and_then(|(returning, targets)| match returning {
        Returning::AllOld => decided.old,
        Returning::AllNew => decided.into_new_item(),
        Returning::ModifiedOld => decided.old.map(|old| targets.take(old)),
        Returning::ModifiedNew => decided.into_new_item().map(|new| targets.take(new)),
    });
    let item = item.filter(|item| !item.is_empty()).map(values::attributes);
    Ok(Written { view, table, units, item })
}

pub async fn batch_execute_statement(
    dynamodb: &DynamoDB,
    call: &Call,
    input: BatchExecuteStatementInput,
) -> Result<BatchExecuteStatementOutput, Error> {
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let given: Vec<(Result<Statement, Error>, bool, bool)> = input
        .statements
        .into_iter()
        .map(|request: BatchStatementRequest| {
            let shows = shows_failed(request.return_values_on_condition_check_failure.as_ref());
            let consistent = request.consistent_read == Some(true);
            (read(&request.statement, request.parameters), consistent, shows)
        })
        .collect();
    let mut kinds =
        given.iter().filter_map(|(statement, ..)| statement.as_ref().ok()).map(Statement::is_read);
    if let Some(first) = kinds.next()
        && kinds.any(|kind| kind != first)
    {
        return Err(Error::validation(MIXED));
    }
    // All at once: what they write is synced together.
    let running = given.into_iter().map(|(statement, consistent, shows)| async move {
        let table = statement.as_ref().ok().map(|statement| statement.table().to_owned());
        let done = match statement {
            Ok(statement) => one_of_batch(dynamodb, call, statement, (consistent, shows, shown)).await,
            Err(error) => Err(error),
        };
        (table, done)
    });
    let (mut responses, mut consumed) = (Vec::new(), Vec::new());
    for (table_name, done) in join_all(running).await {
        responses.push(match done {
            Ok((item, capacity)) => {
                consumed.extend(capacity);
                BatchStatementResponse { error: None, table_name, item }
            }
            Err(error) => BatchStatementResponse { error: Some(told(error)?), table_name, item: None },
        });
    }
    Ok(BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: shown.is_wanted().then_some(consumed),
    })
}

async fn one_of_batch(
    dynamodb: &DynamoDB,
    call: &Call,
    statement: Statement,
    (consistent, shows, shown): (bool, bool, Shown),
) -> Result<(Option<Attributes>, Option<ConsumedCapacity>), Error> {
    require_statement(dynamodb, call, &statement, "BatchExecuteStatement").await?;
    match statement {
        Statement::Select(select) => get_one(dynamodb, call, select, consistent, shown).await,
        Statement::Exists(_) => Err(Error::validation("EXISTS() function is supported only in transactions")),
        write => {
            let written = write_one(dynamodb, call, write, shows, shown.is_wanted()).await?;
            let consumed = written.consumed(shown);
            Ok((written.item, consumed))
        }
    }
}

/// A SELECT of one item by its whole key.
async fn get_one(
    dynamodb: &DynamoDB,
    call: &Call,
    select: Select,
    consistent: bool,
    shown: Shown,
) -> Result<(Option<Attributes>, Option<ConsumedCapacity>), Error> {
    let view = dynamodb.directory.table(call, &select.table).await?;
    let table = select.table.clone();
    let (key, part) = only_item(&view, select)?;
    dynamodb.throughput.admit_read(&view, None, call.now)?;
    let found = dynamodb.engine.get(view.items, &key).await?;
    let bytes = found.as_ref().map(|bytes| stored_bytes(bytes)).transpose()?.unwrap_or_default();
    let units = Units::of_table(read_units(bytes, consistent));
    dynamodb.throughput.note_read(&view, &units, call.now);
    let item = found.map(|bytes| part.shown(&bytes)).transpose()?.flatten();
    Ok((item, capacity::shown(&view, &table, shown, &units, Named::No)))
}

/// How a batch tells of a statement that failed. What is not about a statement fails the batch.
fn told(error: Error) -> Result<BatchStatementError, Error> {
    use BatchStatementErrorCodeEnum as Code;
    let mut failed = None;
    let (code, message) = match error {
        Error::ConditionalCheckFailed { message, item } => {
            failed = item;
            (Code::ConditionalCheckFailed, message)
        }
        Error::Validation(message) => (Code::ValidationError, message),
        Error::ResourceNotFound(message) => (Code::ResourceNotFound, message),
        Error::DuplicateItem => (Code::DuplicateItem, "Duplicate primary key exists in table".to_owned()),
        Error::TransactionConflict => {
            (Code::TransactionConflict, "Transaction is ongoing for the item".to_owned())
        }
        Error::ItemCollectionSizeLimitExceeded => {
            (Code::ItemCollectionSizeLimitExceeded, "Collection size exceeded.".to_owned())
        }
        Error::ProvisionedThroughputExceeded { message, .. } => {
            (Code::ProvisionedThroughputExceeded, message)
        }
        Error::Throttling { message, .. } => (Code::ThrottlingError, message),
        Error::AccessDenied(message) => (Code::AccessDenied, message),
        Error::Other(fault) if fault.name() == "AccessDeniedException" => {
            (Code::AccessDenied, fault.message().to_owned())
        }
        other => return Err(other),
    };
    Ok(BatchStatementError { code: Some(code), message: Some(message), item: failed })
}

pub async fn execute_transaction(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput, Error> {
    let token = input.client_request_token.as_deref().map(|token| {
        RequestToken::new(call, "ExecuteTransaction", token, &format!("{:?}", input.transact_statements))
    });
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let mut statements = Vec::with_capacity(input.transact_statements.len());
    for given in input.transact_statements {
        let shows: Option<ReturnValuesOnConditionCheckFailure> =
            given.return_values_on_condition_check_failure;
        statements.push((read(&given.statement, given.parameters)?, shows_failed(shows.as_ref())));
    }
    for (statement, _) in &statements {
        require_statement(dynamodb, call, statement, "ExecuteTransaction").await?;
    }
    let reads = statements.iter().filter(|(statement, _)| statement.is_read()).count();
    if reads > 0 && reads < statements.len() {
        return Err(Error::validation(MIXED));
    }
    if reads > 0 {
        let mut parts = Vec::with_capacity(statements.len());
        for (statement, _) in statements {
            let Statement::Select(select) = statement else { return Err(Error::validation(MIXED)) };
            let view = dynamodb.directory.table(call, &select.table).await?;
            parts.push(read_part(&view, select)?);
        }
        let (responses, consumed_capacity) = transact_get::run(dynamodb, call, parts, shown).await?;
        return Ok(ExecuteTransactionOutput { responses: Some(responses), consumed_capacity });
    }
    let mut parts = Vec::with_capacity(statements.len());
    for (statement, shows) in statements {
        if matches!(&statement, Statement::Update(update) if update.returning.is_some())
            || matches!(&statement, Statement::Delete(delete) if delete.returning)
        {
            return Err(Error::validation("RETURNING is not supported in transactions"));
        }
        let view = dynamodb.directory.table(call, statement.table()).await?;
        parts.push(write_part(&view, statement, shows)?);
    }
    let done = transact_write::run(dynamodb, call, parts, token).await?;
    let consumed_capacity = shown.is_wanted().then(|| done.consumed(shown));
    Ok(ExecuteTransactionOutput { responses: Some(Vec::new()), consumed_capacity })
}
