//! BatchWriteItem: up to 25 puts and deletes, over several tables.
//!
//! A batch is checked as a whole before anything of it is written. It need not be atomic; here it is written in one
//! change, which costs one sync. What is not written since a transaction is at work on the item, or since the table's
//! throughput is used up, is given back as unprocessed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use dynamodb_api::{
    BatchWriteItemInput, BatchWriteItemOutput, ConsumedCapacity, DeleteRequest, ItemCollectionMetrics,
    PutRequest, ReturnItemCollectionMetrics, WriteRequest,
};
use item_engine::Item;
use service::Call;

use super::put::check_size;
use super::saving::{Combined, Saved, Stamp, Together, Token, Wants, save_together};
use super::tables_of::{Tables, tables_of};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::BATCH_WRITES_MAX;
use crate::model::action::{Action, Verb};
use crate::model::capacity::{self, Named, Shown, Units};
use crate::model::primary_key::{self, IndexKeyWords, check_index_keys};
use crate::model::values::Attributes;
use crate::model::{collection_metrics, values};

/// One request of the batch, checked but for its table.
enum Wanted {
    Put(Item),
    Delete(Item),
}

pub async fn batch_write_item(
    dynamodb: &DynamoDB,
    call: &Call,
    input: BatchWriteItemInput,
) -> Result<BatchWriteItemOutput, Error> {
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let wanted = read(input.request_items)?;
    let tables = tables_of(dynamodb, call, wanted.keys()).await?;
    let mut batch = Batch::new(dynamodb, call, &tables);
    for (name, requests) in wanted {
        batch.add(&name, requests)?;
    }
    let Batch { actions, owners, unprocessed, .. } = batch;
    if actions.is_empty() && !unprocessed.is_empty() {
        // Not even one could be written.
        return Err(dynamodb.throughput.exceeded_by_batch(tables.values()));
    }
    let counted = tables.values().any(|view| dynamodb.throughput.counts(view));
    let together = Together {
        actions,
        wants: Wants { old: false, units: shown.is_wanted() || counted },
        bytes_max: None,
        token: None,
    };
    let combined =
        save_together(dynamodb, Stamp::caller(call.now), together, |_| Ok(Token::<()>::New(None))).await?;
    let saved = match combined {
        Combined::Done(saved) => saved,
        Combined::Repeated(()) => Vec::new(),
        Combined::Refused(verdicts) => {
            let refused = verdicts.into_iter().find_map(Result::err);
            return Err(refused.expect("a batch that is refused has a request that is"));
        }
    };
    let metrics = input.return_item_collection_metrics.as_ref();
    let told = tell(dynamodb, call, &tables, (&owners, &saved), shown, metrics);
    Ok(BatchWriteItemOutput {
        unprocessed_items: Some(unprocessed),
        item_collection_metrics: told.metrics,
        consumed_capacity: told.capacity,
    })
}

struct Told {
    capacity: Option<Vec<ConsumedCapacity>>,
    metrics: Option<BTreeMap<String, Vec<ItemCollectionMetrics>>>,
}

/// What was consumed, a table each, and what of item collections was asked for.
fn tell(
    dynamodb: &DynamoDB,
    call: &Call,
    tables: &Tables,
    (owners, saved): (&[String], &[Saved]),
    shown: Shown,
    wanted: Option<&ReturnItemCollectionMetrics>,
) -> Told {
    let mut units: BTreeMap<&str, Units> = BTreeMap::new();
    let mut metrics: BTreeMap<String, Vec<ItemCollectionMetrics>> = BTreeMap::new();
    for (name, saved) in owners.iter().zip(saved) {
        units.entry(name).or_default().add(&saved.units);
        if let Some(metric) = collection_metrics::of(&tables[name], saved.collection(), wanted) {
            let of_table = metrics.entry(name.clone()).or_default();
            // One a collection, with the size after the last write.
            of_table.retain(|known| known.item_collection_key != metric.item_collection_key);
            of_table.push(metric);
        }
    }
    let mut capacity = Vec::new();
    for (name, units) in &units {
        let view = &tables[*name];
        dynamodb.throughput.note_write(view, units, call.now);
        capacity.extend(capacity::shown(view, name, shown, units, Named::No));
    }
    Told {
        capacity: shown.is_wanted().then_some(capacity),
        metrics: (wanted == Some(&ReturnItemCollectionMetrics::Size)).then_some(metrics),
    }
}

/// Everything that can be said without knowing the tables.
fn read(given: BTreeMap<String, Vec<WriteRequest>>) -> Result<BTreeMap<String, Vec<Wanted>>, Error> {
    if given.values().map(Vec::len).sum::<usize>() > BATCH_WRITES_MAX {
        return Err(Error::validation("Too many items requested for the BatchWriteItem call"));
    }
    let requests = |(name, requests): (String, Vec<WriteRequest>)| {
        if requests.is_empty() {
            return Err(Error::validation(
                "The batch write request list for a table cannot be null or empty",
            ));
        }
        Ok((name, requests.into_iter().map(read_one).collect::<Result<_, Error>>()?))
    };
    given.into_iter().map(requests).collect()
}

fn read_one(request: WriteRequest) -> Result<Wanted, Error> {
    match (request.put_request, request.delete_request) {
        (Some(put), None) => {
            let item = values::item(put.item)?;
            check_size(&item)?;
            Ok(Wanted::Put(item))
        }
        (None, Some(delete)) => Ok(Wanted::Delete(values::item(delete.key)?)),
        (Some(_), Some(_)) => Err(Error::validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes",
        )),
        (None, None) => Err(Error::validation(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
        )),
    }
}

/// A batch as it is sorted into what is written and what is not.
struct Batch<'a> {
    dynamodb: &'a DynamoDB,
    call: &'a Call,
    tables: &'a Tables,
    actions: Vec<Action>,
    /// The table of each action, as the request calls it.
    owners: Vec<String>,
    unprocessed: BTreeMap<String, Vec<WriteRequest>>,
}

impl<'a> Batch<'a> {
    fn new(dynamodb: &'a DynamoDB, call: &'a Call, tables: &'a Tables) -> Batch<'a> {
        Batch {
            dynamodb,
            call,
            tables,
            actions: Vec::new(),
            owners: Vec::new(),
            unprocessed: BTreeMap::new(),
        }
    }

    fn add(&mut self, name: &str, requests: Vec<Wanted>) -> Result<(), Error> {
        let view = &self.tables[name];
        let mut seen: BTreeSet<Bytes> = BTreeSet::new();
        let throughput = &self.dynamodb.throughput;
        for request in requests {
            let key: Bytes = match &request {
                Wanted::Put(item) => {
                    check_index_keys(&view.indexes, None, item, IndexKeyWords::Put)?;
                    // Unlike PutItem, a batch has one sentence for keys.
                    let key = primary_key::only_key(&view.key, item);
                    primary_key::of_key(&view.key, &key)?.into()
                }
                Wanted::Delete(key) => primary_key::of_key(&view.key, key)?.into(),
            };
            if !seen.insert(key.clone()) {
                return Err(Error::validation("Provided list of item keys contains duplicates"));
            }
            let is_taken = self.dynamodb.in_flight.is_claimed(view.items, &key);
            if is_taken || throughput.admit_write(view, self.call.now).is_err() {
                self.unprocessed.entry(name.to_owned()).or_default().push(given_back(request));
                continue;
            }
            self.owners.push(name.to_owned());
            self.actions.push(match request {
                Wanted::Put(item) => Action::put(view.clone(), key, item),
                Wanted::Delete(_) => Action::new(view.clone(), key, Verb::Delete),
            });
        }
        Ok(())
    }
}

/// A request as it came.
fn given_back(request: Wanted) -> WriteRequest {
    let shown = |item: Item| -> Attributes { values::attributes(item) };
    match request {
        Wanted::Put(item) => {
            WriteRequest { put_request: Some(PutRequest { item: shown(item) }), delete_request: None }
        }
        Wanted::Delete(key) => {
            WriteRequest { put_request: None, delete_request: Some(DeleteRequest { key: shown(key) }) }
        }
    }
}
