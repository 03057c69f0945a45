//! TransactGetItems: up to 100 items as they were at one moment.

use std::collections::BTreeMap;

use bytes::Bytes;
use dynamodb_api::{Get, ItemResponse, TransactGetItemsInput, TransactGetItemsOutput};
use item_engine::Item;
use item_engine::expression::Projection;
use item_engine::partiql::Select;
use service::Call;
use table_engine::SpaceId;

use super::get::projection;
use super::saving::{TOGETHER_TOO_LARGE, Verdict};
use super::tables_of::tables_of;
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{TRANSACTION_BYTES_MAX, TRANSACTION_UNITS_FACTOR};
use crate::model::action::decode;
use crate::model::cancellation::canceled;
use crate::model::capacity::{self, Named, Shown, Units, read_units};
use crate::model::parameters::Styles;
use crate::model::reading::{check_projected_keys, shown_item, stored_bytes};
use crate::model::values::Attributes;
use crate::model::{primary_key, values};

/// A part of a transaction that reads.
pub struct ReadPart {
    pub table: String,
    pub key: Item,
    pub projection: Option<Projection>,
    /// Of a statement, instead of a projection.
    pub select: Option<Select>,
}

impl ReadPart {
    /// The item as it is answered; a statement may find that it is not the one.
    pub fn shown(&self, bytes: &[u8]) -> Result<Option<Attributes>, Error> {
        let Some(select) = &self.select else {
            return shown_item(bytes, self.projection.as_ref()).map(Some);
        };
        let item = decode(bytes)?;
        let fits = select.condition.as_ref().is_none_or(|condition| condition.evaluate(&item));
        Ok(fits.then(|| values::attributes(select.columns.apply(item))))
    }
}

pub async fn transact_get_items(
    dynamodb: &DynamoDB,
    call: &Call,
    input: TransactGetItemsInput,
) -> Result<TransactGetItemsOutput, Error> {
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let parts =
        input.transact_items.into_iter().map(|item| read(item.get)).collect::<Result<Vec<_>, Error>>()?;
    super::permissions::require_reads(dynamodb, call, &parts, "TransactGetItems").await?;
    let (responses, consumed) = run(dynamodb, call, parts, shown).await?;
    Ok(TransactGetItemsOutput { consumed_capacity: consumed, responses: Some(responses) })
}

/// The items, and what they cost where that is shown.
pub type Read = (Vec<ItemResponse>, Option<Vec<dynamodb_api::ConsumedCapacity>>);

pub async fn run(
    dynamodb: &DynamoDB,
    call: &Call,
    parts: Vec<ReadPart>,
    shown: Shown,
) -> Result<Read, Error> {
    let tables = tables_of(dynamodb, call, parts.iter().map(|part| &part.table)).await?;
    let mut locations: Vec<(SpaceId, Bytes)> = Vec::with_capacity(parts.len());
    let mut verdicts: Vec<Verdict> = Vec::with_capacity(parts.len());
    for part in &parts {
        let view = &tables[&part.table];
        let key = primary_key::of_key(&view.key, &part.key)
            .and_then(|key| check_projected_keys(view, part.projection.as_ref()).map(|()| key));
        verdicts.push(key.map(|key| locations.push((view.items, key.into()))));
    }
    if verdicts.iter().any(Result::is_err) {
        return Err(canceled(verdicts));
    }
    let mut distinct = locations.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() < locations.len() {
        return Err(Error::validation("Transaction request cannot include multiple operations on one item"));
    }
    for view in tables.values() {
        dynamodb.throughput.admit_read(view, None, call.now)?;
    }
    let conflict = |(space, key): &(SpaceId, Bytes)| dynamodb.in_flight.check(*space, key);
    let verdicts: Vec<Verdict> = locations.iter().map(conflict).collect();
    if verdicts.iter().any(Result::is_err) {
        return Err(canceled(verdicts));
    }
    let found = dynamodb.engine.get_many(&locations).await?;
    let mut units: BTreeMap<&str, Units> = BTreeMap::new();
    let (mut responses, mut total) = (Vec::with_capacity(parts.len()), 0);
    for (part, found) in parts.iter().zip(found) {
        let bytes = found.as_ref().map(|bytes| stored_bytes(bytes)).transpose()?.unwrap_or_default();
        total += bytes;
        if total > TRANSACTION_BYTES_MAX {
            return Err(Error::validation(TOGETHER_TOO_LARGE));
        }
        let cost = Units::of_table(read_units(bytes, true)).times(TRANSACTION_UNITS_FACTOR);
        units.entry(&part.table).or_default().add(&cost);
        let item = found.map(|bytes| part.shown(&bytes)).transpose()?.flatten();
        responses.push(ItemResponse { item });
    }
    let mut consumed = Vec::new();
    for (name, units) in &units {
        let view = &tables[*name];
        dynamodb.throughput.note_read(view, units, call.now);
        consumed.extend(capacity::shown(view, name, shown, units, Named::Read));
    }
    Ok((responses, shown.is_wanted().then_some(consumed)))
}

fn read(get: Get) -> Result<ReadPart, Error> {
    let Get { key, table_name, projection_expression, expression_attribute_names } = get;
    let styles = Styles {
        expressions: &[("ProjectionExpression", projection_expression.is_some())],
        older: &[],
        has_names: expression_attribute_names.is_some(),
        has_values: false,
    };
    styles.check()?;
    let key = values::item(key)?;
    let projection = match projection_expression {
        None => None,
        Some(text) => projection(&text, expression_attribute_names)?,
    };
    Ok(ReadPart { table: table_name, key, projection, select: None })
}
