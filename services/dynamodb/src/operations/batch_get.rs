//! BatchGetItem: up to 100 items by their keys, over several tables.
//!
//! What would take the answer over 16 MiB, and what the tables' throughput does not allow, is given back as unprocessed
//! keys. Items come in the order of the request here; DynamoDB promises none.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use dynamodb_api::{BatchGetItemInput, BatchGetItemOutput, KeysAndAttributes};
use item_engine::Item;
use item_engine::expression::Projection;
use service::Call;
use table_engine::SpaceId;

use super::get::projection;
use super::tables_of::{Tables, tables_of};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{BATCH_GET_BYTES_MAX, BATCH_GETS_MAX};
use crate::model::capacity::{self, Named, Shown, Units, read_units};
use crate::model::parameters::{Styles, check_distinct};
use crate::model::reading::{check_projected_keys, shown_item, stored_bytes};
use crate::model::values::Attributes;
use crate::model::{older, primary_key, values};

/// What is wanted of one table.
struct Wanted {
    keys: Vec<Item>,
    projection: Option<Projection>,
    consistent: bool,
    /// The request without its keys, for what is given back.
    rest: KeysAndAttributes,
}

pub async fn batch_get_item(
    dynamodb: &DynamoDB,
    call: &Call,
    input: BatchGetItemInput,
) -> Result<BatchGetItemOutput, Error> {
    let wanted = read(input.request_items)?;
    let tables = tables_of(dynamodb, call, wanted.keys()).await?;
    let mut locations: Vec<(SpaceId, Bytes)> = Vec::new();
    for (name, wanted) in &wanted {
        let view = &tables[name];
        check_projected_keys(view, wanted.projection.as_ref())?;
        let mut seen = BTreeSet::new();
        for key in &wanted.keys {
            let key: Bytes = primary_key::of_key(&view.key, key)?.into();
            if !seen.insert(key.clone()) {
                return Err(Error::validation("Provided list of item keys contains duplicates"));
            }
            locations.push((view.items, key));
        }
    }
    let found = dynamodb.engine.get_many(&locations).await?;
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    answer(dynamodb, call, &tables, wanted, found.into_iter(), shown)
}

fn answer(
    dynamodb: &DynamoDB,
    call: &Call,
    tables: &Tables,
    wanted: BTreeMap<String, Wanted>,
    mut found: impl Iterator<Item = Option<Bytes>>,
    shown: Shown,
) -> Result<BatchGetItemOutput, Error> {
    let mut responses: BTreeMap<String, Vec<Attributes>> = BTreeMap::new();
    let mut unprocessed: BTreeMap<String, KeysAndAttributes> = BTreeMap::new();
    let mut consumed = Vec::new();
    let (mut total_bytes, mut is_any_read) = (0, false);
    for (name, wanted) in wanted {
        let view = &tables[&name];
        let items = responses.entry(name.clone()).or_default();
        let mut left = wanted.rest;
        let mut units = Units::default();
        for (key, found) in wanted.keys.into_iter().zip(&mut found) {
            let bytes = found.as_ref().map(|bytes| stored_bytes(bytes)).transpose()?.unwrap_or_default();
            let is_full = total_bytes + bytes > BATCH_GET_BYTES_MAX;
            if is_full || dynamodb.throughput.admit_read(view, None, call.now).is_err() {
                left.keys.push(values::attributes(key));
                continue;
            }
            is_any_read = true;
            total_bytes += bytes;
            let one = Units::of_table(read_units(bytes, wanted.consistent));
            dynamodb.throughput.note_read(view, &one, call.now);
            units.add(&one);
            if let Some(found) = found {
                items.push(shown_item(&found, wanted.projection.as_ref())?);
            }
        }
        if !left.keys.is_empty() {
            unprocessed.insert(name.clone(), left);
        }
        consumed.extend(capacity::shown(view, &name, shown, &units, Named::No));
    }
    if !is_any_read && !unprocessed.is_empty() {
        return Err(dynamodb.throughput.exceeded_by_batch(tables.values()));
    }
    Ok(BatchGetItemOutput {
        responses: Some(responses),
        unprocessed_keys: Some(unprocessed),
        consumed_capacity: shown.is_wanted().then_some(consumed),
    })
}

/// Everything that can be said without knowing the tables.
fn read(given: BTreeMap<String, KeysAndAttributes>) -> Result<BTreeMap<String, Wanted>, Error> {
    if given.values().map(|wanted| wanted.keys.len()).sum::<usize>() > BATCH_GETS_MAX {
        return Err(Error::validation("Too many items requested for the BatchGetItem call"));
    }
    given.into_iter().map(|(name, wanted)| Ok((name, read_one(wanted)?))).collect()
}

fn read_one(mut given: KeysAndAttributes) -> Result<Wanted, Error> {
    let styles = Styles {
        expressions: &[("ProjectionExpression", given.projection_expression.is_some())],
        older: &[("AttributesToGet", given.attributes_to_get.is_some())],
        has_names: given.expression_attribute_names.is_some(),
        has_values: false,
    };
    styles.check()?;
    let keys = std::mem::take(&mut given.keys).into_iter().map(values::item).collect::<Result<_, _>>()?;
    check_distinct(given.attributes_to_get.as_deref())?;
    let projection = match &given.projection_expression {
        None => given.attributes_to_get.clone().map(older::projection),
        Some(text) => projection(text, given.expression_attribute_names.clone())?,
    };
    Ok(Wanted { keys, projection, consistent: given.consistent_read == Some(true), rest: given })
}
