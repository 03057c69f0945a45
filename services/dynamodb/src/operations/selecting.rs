//! A SELECT: partitions one after the other, or everything, in pages.

use dynamodb_api::ExecuteStatementOutput;
use item_engine::partiql::{self, Access, Columns, Select};
use serde::{Deserialize, Serialize};
use service::Call;
use table_engine::{Direction, KeyRange};

use super::walking::{Shape, Walk, walk};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::PAGE_BYTES_MAX;
use crate::model::capacity::{self, Named, Shown, Units};
use crate::model::selection::{Wanted, check_index_has, engine_range, index_of, with_parts};
use crate::model::values;
use crate::model::writing::check_condition_keys;

/// Which page of a statement's answer is wanted.
pub struct Page {
    pub limit: Option<usize>,
    pub token: Option<String>,
    pub consistent: bool,
    /// Tokens are good for the statement they were made for.
    pub statement: String,
}

/// Where a page goes on: in which of the partitions, and behind which key.
#[derive(Serialize, Deserialize)]
struct Position {
    partition: usize,
    behind: Option<Vec<u8>>,
}

const BAD_TOKEN: &str = "NextToken does not match request";

pub async fn select(
    dynamodb: &DynamoDB,
    call: &Call,
    select: Select,
    page: Page,
    shown: Shown,
) -> Result<ExecuteStatementOutput, Error> {
    let view = dynamodb.directory.table(call, &select.table).await?;
    let index = select.index.as_deref().map(|name| index_of(&view, name, page.consistent)).transpose()?;
    let index_view = index.map(|place| &view.indexes[place]);
    let schema = index_view.map_or(&view.key, |index| &index.key);
    check_condition_keys(&view, select.condition.as_ref())?;
    let access = with_parts(schema, |parts| partiql::access(&select, parts))?;
    let (ranges, direction) = match access {
        Access::Scan => (vec![KeyRange::all()], Direction::Forward),
        Access::Partitions { selections, forward } => {
            let ranges = selections.iter().map(|selection| engine_range(selection.key_range())).collect();
            (ranges, if forward { Direction::Forward } else { Direction::Backward })
        }
    };
    let fetches = index_view.map_or(Ok(false), |index| {
        // A local index is completed from its table, a global one answers what it has.
        check_index_has(&view, index, Wanted::Projected, None, select.condition.as_ref())
    })?;
    dynamodb.throughput.admit_read(&view, index, call.now)?;
    let position = page.token.as_deref().map(|token| position(dynamodb, call, &page, token)).transpose()?;
    let position = position.unwrap_or(Position { partition: 0, behind: None });
    let mut plan = Walk {
        view: view.clone(),
        index,
        range: KeyRange::all(),
        direction,
        limit: page.limit,
        filter: select.condition,
        shape: match select.columns {
            Columns::All => Shape::Whole,
            columns => Shape::Columns(columns),
        },
        fetches,
        consistent: page.consistent,
    };
    let mut answer = Answer::default();
    for (partition, range) in ranges.into_iter().enumerate().skip(position.partition) {
        plan.range = match &position.behind {
            Some(key) if partition == position.partition => range.beyond(key, direction),
            _ => range,
        };
        let walked = walk(dynamodb, &plan).await?;
        answer.units.add(&walked.units);
        answer.items.extend(walked.items);
        plan.limit = plan.limit.map(|limit| limit - walked.scanned);
        answer.bytes += walked.bytes;
        if let Some((key, item)) = walked.last_key.zip(walked.last) {
            answer.next = Some(Position { partition, behind: Some(key) });
            answer.last = Some(item);
            break;
        }
        if answer.bytes >= PAGE_BYTES_MAX {
            answer.next = Some(Position { partition: partition + 1, behind: None });
            break;
        }
    }
    dynamodb.throughput.note_read(&view, &answer.units, call.now);
    let next_token = answer.next.as_ref().map(|next| token(dynamodb, call, &page, next)).transpose()?;
    Ok(ExecuteStatementOutput {
        items: Some(answer.items),
        next_token,
        consumed_capacity: capacity::shown(&view, &select.table, shown, &answer.units, Named::No),
        last_evaluated_key: answer.last.map(values::attributes),
    })
}

#[derive(Default)]
struct Answer {
    items: Vec<values::Attributes>,
    units: Units,
    bytes: usize,
    next: Option<Position>,
    last: Option<item_engine::Item>,
}

/// What a token is bound to.
fn context(page: &Page) -> String {
    format!("ExecuteStatement {}", page.statement)
}

fn token(dynamodb: &DynamoDB, call: &Call, page: &Page, next: &Position) -> Result<String, Error> {
    let text = serde_json::to_string(next).map_err(Error::internal)?;
    Ok(dynamodb.pages.make(&context(page), call.account, &text))
}

fn position(dynamodb: &DynamoDB, call: &Call, page: &Page, token: &str) -> Result<Position, Error> {
    let text = dynamodb.pages.read(&context(page), call.account, token);
    let text = text.map_err(|_| Error::validation(BAD_TOKEN))?;
    serde_json::from_str(&text).map_err(|_| Error::validation(BAD_TOKEN))
}
