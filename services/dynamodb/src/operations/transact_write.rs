//! TransactWriteItems: up to 100 writes and checks, over several tables, done together or not at all.
//!
//! What is wrong with the request's own form is an error of the request; what a part meets at its item cancels the
//! transaction, with a reason for each part. Transactions that meet at an item do not wait: the later one is cancelled.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use dynamodb_api::{
    ItemCollectionMetrics, ReturnItemCollectionMetrics, TransactWriteItem, TransactWriteItemsInput,
    TransactWriteItemsOutput,
};
use item_engine::Item;
use item_engine::expression::{Condition, Update};
use service::Call;
use table_engine::SpaceId;

use super::put::check_size;
use super::saving::{
    Combined, Saved, Stamp, TOGETHER_TOO_LARGE, Together, Token, Verdict, Wants, save_together,
};
use super::tables_of::{Tables, tables_of};
use super::tokens::{self, RequestToken};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{TRANSACTION_BYTES_MAX, TRANSACTION_UNITS_FACTOR};
use crate::model::action::{Action, Existence, Verb, Words};
use crate::model::cancellation::canceled;
use crate::model::capacity::{self, Named, Shown, Units, read_units};
use crate::model::expressions::Expressions;
use crate::model::primary_key::{self, EMPTY_KEY, IndexKeyWords, check_index_keys};
use crate::model::writing::{check_condition_keys, check_update_keys, shows_failed};
use crate::model::{collection_metrics, values};

/// A part of a transaction, read but for its table.
pub struct Part {
    pub table: String,
    pub verb: PartVerb,
    pub condition: Option<Condition>,
    pub existence: Existence,
    pub shows_failed: bool,
}

/// Keys are as they were given; whether the table has such is seen later.
pub enum PartVerb {
    Put(Item),
    Update(Item, Update),
    Delete(Item),
    Check(Item),
}

pub async fn transact_write_items(
    dynamodb: &DynamoDB,
    call: &Call,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput, Error> {
    let token = input.client_request_token.as_deref().map(|token| {
        RequestToken::new(call, "TransactWriteItems", token, &format!("{:?}", input.transact_items))
    });
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let metrics = input.return_item_collection_metrics;
    let parts = input.transact_items.into_iter().map(read).collect::<Result<Vec<Part>, Error>>()?;
    super::permissions::require_writes(dynamodb, call, &parts, "TransactWriteItems").await?;
    let done = run(dynamodb, call, parts, token).await?;
    Ok(TransactWriteItemsOutput {
        consumed_capacity: shown.is_wanted().then(|| done.consumed(shown)),
        item_collection_metrics: (metrics == Some(ReturnItemCollectionMetrics::Size)).then(|| done.metrics()),
    })
}

/// A transaction that was done.
pub struct Done {
    tables: Tables,
    /// The table of each part.
    owners: Vec<String>,
    outcome: DoneOutcome,
}

enum DoneOutcome {
    Now(Vec<Saved>),
    /// It was done before; its parts' keys were only read.
    Before,
}

/// Does what the parts say.
pub async fn run(
    dynamodb: &DynamoDB,
    call: &Call,
    parts: Vec<Part>,
    token: Option<RequestToken>,
) -> Result<Done, Error> {
    let tables = tables_of(dynamodb, call, parts.iter().map(|part| &part.table)).await?;
    let owners: Vec<String> = parts.iter().map(|part| part.table.clone()).collect();
    let actions = bind(&tables, parts)?;
    for view in tables.values() {
        dynamodb.throughput.admit_write(view, call.now)?;
    }
    let items: Vec<(SpaceId, Bytes)> =
        actions.iter().map(|action| (action.view.items, action.key.clone())).collect();
    let claim = dynamodb.in_flight.claim(items).map_err(|taken| {
        let verdict = |taken| if taken { Err(Error::TransactionConflict) } else { Ok(()) };
        canceled(taken.into_iter().map(verdict).collect())
    })?;
    if token.is_some() {
        tokens::open(dynamodb).await?;
    }
    let together = Together {
        actions,
        wants: Wants { old: false, units: true },
        bytes_max: Some(TRANSACTION_BYTES_MAX),
        token: token.as_ref().map(RequestToken::place),
    };
    let check = move |found: Option<&Bytes>| match token {
        Some(token) => token.check(found),
        None => Ok(Token::New(None)),
    };
    let combined = save_together(dynamodb, Stamp::caller(call.now), together, check).await;
    drop(claim);
    let outcome = match combined? {
        Combined::Done(saved) => DoneOutcome::Now(saved),
        Combined::Repeated(()) => DoneOutcome::Before,
        Combined::Refused(verdicts) => return Err(canceled(verdicts)),
    };
    let done = Done { tables, owners, outcome };
    for (name, units) in done.units() {
        dynamodb.throughput.note_write(&done.tables[name], &units, call.now);
    }
    Ok(done)
}

impl Done {
    fn units(&self) -> BTreeMap<&str, Units> {
        let mut units: BTreeMap<&str, Units> = BTreeMap::new();
        match &self.outcome {
            DoneOutcome::Now(saved) => {
                for (name, saved) in self.owners.iter().zip(saved) {
                    let cost = saved.units.clone().times(TRANSACTION_UNITS_FACTOR);
                    units.entry(name).or_default().add(&cost);
                }
            }
            DoneOutcome::Before => {
                for name in &self.owners {
                    let cost = Units::of_table(read_units(0, true)).times(TRANSACTION_UNITS_FACTOR);
                    units.entry(name).or_default().add(&cost);
                }
            }
        }
        units
    }

    pub fn consumed(&self, shown: Shown) -> Vec<dynamodb_api::ConsumedCapacity> {
        let named = match self.outcome {
            DoneOutcome::Now(_) => Named::Write,
            DoneOutcome::Before => Named::Read,
        };
        let units = self.units().into_iter();
        units
            .filter_map(|(name, units)| capacity::shown(&self.tables[name], name, shown, &units, named))
            .collect()
    }

    fn metrics(&self) -> BTreeMap<String, Vec<ItemCollectionMetrics>> {
        let mut metrics: BTreeMap<String, Vec<ItemCollectionMetrics>> = BTreeMap::new();
        let DoneOutcome::Now(saved) = &self.outcome else { return metrics };
        for (name, saved) in self.owners.iter().zip(saved) {
            let wanted = Some(&ReturnItemCollectionMetrics::Size);
            if let Some(metric) = collection_metrics::of(&self.tables[name], saved.collection(), wanted) {
                let of_table = metrics.entry(name.clone()).or_default();
                of_table.retain(|known| known.item_collection_key != metric.item_collection_key);
                of_table.push(metric);
            }
        }
        metrics
    }
}

/// Everything that can be said of a part without knowing its table.
fn read(item: TransactWriteItem) -> Result<Part, Error> {
    let TransactWriteItem { condition_check, put, delete, update } = item;
    match (condition_check, put, delete, update) {
        (Some(check), None, None, None) => {
            let key = values::item(check.key)?;
            let mut expressions =
                Expressions::new(check.expression_attribute_names, check.expression_attribute_values)?;
            let condition = expressions.condition(Some(&check.condition_expression))?;
            expressions.finish()?;
            let shows = shows_failed(check.return_values_on_condition_check_failure.as_ref());
            Ok(Part::new(check.table_name, PartVerb::Check(key), condition, shows))
        }
        (None, Some(put), None, None) => {
            let item = values::item(put.item)?;
            check_size(&item)?;
            let condition = condition(
                put.condition_expression,
                put.expression_attribute_names,
                put.expression_attribute_values,
            )?;
            let shows = shows_failed(put.return_values_on_condition_check_failure.as_ref());
            Ok(Part::new(put.table_name, PartVerb::Put(item), condition, shows))
        }
        (None, None, Some(delete), None) => {
            let key = values::item(delete.key)?;
            let condition = condition(
                delete.condition_expression,
                delete.expression_attribute_names,
                delete.expression_attribute_values,
            )?;
            let shows = shows_failed(delete.return_values_on_condition_check_failure.as_ref());
            Ok(Part::new(delete.table_name, PartVerb::Delete(key), condition, shows))
        }
        (None, None, None, Some(update)) => read_update(update),
        (None, None, None, None) => Err(Error::validation(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        )),
        _ => Err(Error::validation("TransactItems can only contain one of Check, Put, Update or Delete")),
    }
}

fn read_update(update: dynamodb_api::Update) -> Result<Part, Error> {
    let key = values::item(update.key)?;
    let mut expressions =
        Expressions::new(update.expression_attribute_names, update.expression_attribute_values)?;
    let changes = expressions.update(Some(&update.update_expression))?.unwrap_or_default();
    let condition = expressions.condition(update.condition_expression.as_deref())?;
    expressions.finish()?;
    let shows = shows_failed(update.return_values_on_condition_check_failure.as_ref());
    Ok(Part::new(update.table_name, PartVerb::Update(key, changes), condition, shows))
}

fn condition(
    text: Option<String>,
    names: Option<BTreeMap<String, String>>,
    values: Option<values::Attributes>,
) -> Result<Option<Condition>, Error> {
    let styles = crate::model::parameters::Styles {
        expressions: &[("ConditionExpression", text.is_some())],
        older: &[],
        has_names: names.is_some(),
        has_values: values.is_some(),
    };
    styles.check()?;
    let mut expressions = Expressions::new(names, values)?;
    let condition = expressions.condition(text.as_deref())?;
    expressions.finish()?;
    Ok(condition)
}

impl Part {
    pub fn new(table: String, verb: PartVerb, condition: Option<Condition>, shows_failed: bool) -> Part {
        Part { table, verb, condition, existence: Existence::Any, shows_failed }
    }

    /// What names the part's item: its key, or the item itself.
    pub fn item(&self) -> &Item {
        match &self.verb {
            PartVerb::Put(item)
            | PartVerb::Update(item, _)
            | PartVerb::Delete(item)
            | PartVerb::Check(item) => item,
        }
    }
}

/// Parts and their tables make actions. What does not fit its table cancels the transaction.
fn bind(tables: &Tables, parts: Vec<Part>) -> Result<Vec<Action>, Error> {
    let bytes: usize = parts.iter().map(|part| item_engine::size::item_bytes(part.item())).sum();
    if bytes > TRANSACTION_BYTES_MAX {
        return Err(Error::validation(TOGETHER_TOO_LARGE));
    }
    let bound: Vec<Result<Action, Error>> = parts
        .into_iter()
        .map(|part| {
            let view = tables[&part.table].clone();
            action(view, part)
        })
        .collect();
    let mut seen: HashSet<(SpaceId, Bytes)> = HashSet::new();
    let mut bound_twice = bound.iter().flatten().map(|action| (action.view.items, action.key.clone()));
    if !bound_twice.all(|item| seen.insert(item)) {
        return Err(Error::validation("Transaction request cannot include multiple operations on one item"));
    }
    // Empty keys are the request's fault, other keys that do not fit cancel the transaction.
    let is_empty_key = |bound: &Result<Action, Error>| matches!(bound, Err(Error::Validation(message)) if message.starts_with(EMPTY_KEY));
    if bound.iter().any(is_empty_key) {
        return bound.into_iter().filter(is_empty_key).collect();
    }
    if bound.iter().any(Result::is_err) {
        return Err(canceled(bound.into_iter().map(|action| -> Verdict { action.map(drop) }).collect()));
    }
    bound.into_iter().collect()
}

pub fn action(view: Arc<TableView>, part: Part) -> Result<Action, Error> {
    check_condition_keys(&view, part.condition.as_ref())?;
    let mut action = match part.verb {
        PartVerb::Put(item) => {
            let key = primary_key::of_item(&view.key, &item)?;
            check_index_keys(&view.indexes, None, &item, IndexKeyWords::Put)?;
            Action::put(view, key.into(), item)
        }
        PartVerb::Update(key_item, update) => {
            let key = primary_key::of_key(&view.key, &key_item)?;
            check_update_keys(&view, &update)?;
            Action::new(view, key.into(), Verb::Update { key: key_item, update, words: Words::Expressions })
        }
        PartVerb::Delete(key) => {
            let key = primary_key::of_key(&view.key, &key)?;
            Action::new(view, key.into(), Verb::Delete)
        }
        PartVerb::Check(key) => {
            let key = primary_key::of_key(&view.key, &key)?;
            Action::new(view, key.into(), Verb::Check)
        }
    };
    action.condition = part.condition;
    action.existence = part.existence;
    action.shows_failed = part.shows_failed;
    Ok(action)
}
