//! Making a table and taking it away: for CreateTable and DeleteTable, and for whatever else makes one (restores,
//! imports, replicas).

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Arn, Timestamp};
use dynamodb_api as api;
use service::Kept;
use store::{Tx, ordered};

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::description::stream_label;
use crate::model::table_schema::{NewIndex, NewTable};
use crate::records::{
    Billing, BillingMode, COUNTERS, CounterRecord, DROPPED, DroppedRecord, EncryptionRecord, IndexKind,
    IndexRecord, IndexStatus, Place, PolicyRecord, Replication, Restored, STREAMS, StreamRecord, StreamRef,
    StreamView, TABLES, TableClass, TableRecord, TableStatus, Ttl, WORK, WorkRecord,
};
use crate::tasks;
use crate::tasks::{KEYS, TIME_TO_LIVE};

/// Everything about a table that is to be made but the numbers of its spaces.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: String,
    pub new: NewTable,
    pub encryption: EncryptionRecord,
    pub status: TableStatus,
    pub class: TableClass,
    pub deletion_protection: bool,
    pub stream: Option<StreamView>,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<PolicyRecord>,
    pub restored: Option<Restored>,
    pub ttl: Ttl,
    pub replication: Option<Replication>,
    /// The kind of work that some task has to do for it.
    pub work: Option<&'static str>,
}

/// Those below are the service's own.
const FIRST_SPACE: u64 = 1024;

/// Takes so many numbers of spaces that nobody has.
pub async fn take_spaces(tx: &Tx, count: u64) -> Result<std::ops::Range<u64>, Error> {
    const SPACE: &str = "space";
    let next = COUNTERS.get(tx, &(), SPACE).await?.map_or(FIRST_SPACE, |counter| counter.next);
    COUNTERS.put(tx, &(), SPACE, &CounterRecord { next: next + count }).await?;
    Ok(next..next + count)
}

/// Makes a table that is not there yet, and its spaces.
pub async fn make(
    dynamodb: &DynamoDB,
    place: Place,
    name: &str,
    now: Timestamp,
    plan: &Plan,
) -> Result<Arc<TableView>, Error> {
    dynamodb
        .store
        .transact(|tx| async move {
            if let Some(found) = TABLES.get(&tx, &place, name).await? {
                return Err(exists(name, found.status));
            }
            // More than are needed at most: items, collections, a stream, two of the replication.
            let count = 5 + plan.new.indexes.len() as u64;
            let mut spaces = take_spaces(&tx, count).await?;
            let record = record(plan, now, &mut spaces);
            TABLES.put(&tx, &place, name, &record).await?;
            if let Some(stream) = &record.stream {
                put_stream(&tx, place, name, &record, stream, now).await?;
            }
            if let Ttl::Enabled { .. } = plan.ttl {
                put_work(&tx, TIME_TO_LIVE, place, name, &plan.id).await?;
            }
            if plan.encryption.is_kms() {
                put_work(&tx, KEYS, place, name, &plan.id).await?;
            }
            if let Some(kind) = plan.work {
                put_work(&tx, kind, place, name, &plan.id).await?;
            }
            Ok(())
        })
        .await?;
    dynamodb.directory.forget(place, name);
    let view = dynamodb.directory.find(place, name).await?;
    view.ok_or_else(|| Error::internal("a table was deleted while it was made"))
}

fn exists(name: &str, status: TableStatus) -> Error {
    match status {
        TableStatus::Creating => Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table is being created: {name}"
        )),
        _ => Error::ResourceInUse(format!("Table already exists: {name}")),
    }
}

fn record(plan: &Plan, now: Timestamp, spaces: &mut std::ops::Range<u64>) -> TableRecord {
    let mut space = || spaces.next().expect("as many numbers were taken as there are spaces");
    let on_demand = plan.new.mode.billing == BillingMode::OnDemand;
    let stream = plan.stream.map(|view| StreamRef { label: stream_label(now), view, space: space() });
    TableRecord {
        id: plan.id.clone(),
        created: now,
        status: plan.status,
        attributes: plan.new.attributes.clone(),
        key: plan.new.key.clone(),
        items: space(),
        collections: plan.new.indexes.iter().any(|index| index.kind == IndexKind::Local).then(&mut space),
        indexes: plan.new.indexes.iter().map(|index| index_record(index, space())).collect(),
        billing: Billing {
            mode: plan.new.mode.billing,
            throughput: plan.new.mode.throughput.clone(),
            on_demand_since: on_demand.then_some(now),
        },
        encryption: plan.encryption.clone(),
        class: plan.class,
        class_changes: Vec::new(),
        deletion_protection: plan.deletion_protection,
        latest_stream: stream.as_ref().map(|stream| stream.label.clone()),
        stream,
        ttl: plan.ttl.clone(),
        ttl_changed: None,
        expiry: None,
        recovery: None,
        tags: plan.tags.clone(),
        policy: plan.policy.clone(),
        stream_policy: None,
        replication: plan.replication.clone().map(|replication| Replication {
            log: space(),
            versions: space(),
            ..replication
        }),
        restored: plan.restored.clone(),
        insights: BTreeMap::new(),
        auto_scaling: Kept(api::TableAutoScalingDescription::default()),
    }
}

pub fn index_record(index: &NewIndex, space: u64) -> IndexRecord {
    let throughput = index.mode.as_ref().map(|mode| mode.throughput.clone());
    IndexRecord {
        name: index.name.clone(),
        kind: index.kind,
        key: index.key.clone(),
        projection: index.projection.clone(),
        space,
        status: IndexStatus::Active,
        throughput: throughput.unwrap_or_default(),
    }
}

/// Keeps a stream beside its table, since it is there for a day longer.
pub async fn put_stream(
    tx: &Tx,
    place: Place,
    name: &str,
    table: &TableRecord,
    stream: &StreamRef,
    now: Timestamp,
) -> Result<(), Error> {
    let record = StreamRecord {
        table: name.to_owned(),
        table_id: table.id.clone(),
        label: stream.label.clone(),
        view: stream.view,
        key: table.key.clone(),
        space: stream.space,
        created: now,
        disabled: None,
        encryption: table.encryption.clone(),
    };
    STREAMS.put(tx, &place, &stream_key(name, &stream.label), &record).await?;
    put_work_of(tx, tasks::STREAMS, place, name, &table.id, &stream.label).await
}

pub fn stream_key(table: &str, label: &str) -> String {
    format!("{table}/{label}")
}

/// A stream that nothing is written to any more; it can be read for another day.
pub async fn end_stream(
    tx: &Tx,
    place: Place,
    name: &str,
    stream: &StreamRef,
    now: Timestamp,
) -> Result<(), Error> {
    let key = stream_key(name, &stream.label);
    if let Some(mut record) = STREAMS.get(tx, &place, &key).await? {
        record.disabled = Some(now);
        STREAMS.put(tx, &place, &key, &record).await?;
    }
    Ok(())
}

/// Leaves something to a task.
pub async fn put_work(
    tx: &Tx,
    kind: &'static str,
    (account, region): Place,
    table: &str,
    table_id: &str,
) -> Result<(), Error> {
    let record = WorkRecord { account, region, table: table.to_owned(), table_id: table_id.to_owned() };
    WORK.put(tx, &(), &work_key(kind, (account, region), table), &record).await?;
    Ok(())
}

/// Leaves one of several things of its kind about a table to a task.
pub async fn put_work_of(
    tx: &Tx,
    kind: &'static str,
    (account, region): Place,
    table: &str,
    table_id: &str,
    id: &str,
) -> Result<(), Error> {
    let record = WorkRecord { account, region, table: table.to_owned(), table_id: table_id.to_owned() };
    let key = format!("{}/{id}", work_key(kind, (account, region), table));
    WORK.put(tx, &(), &key, &record).await?;
    Ok(())
}

pub fn work_key(kind: &str, (account, region): Place, table: &str) -> String {
    format!("{kind}/{account}/{region}/{table}")
}

/// Leaves a space to the task that gives its room back.
pub async fn drop_space(tx: &Tx, space: u64, table_id: &str, now: Timestamp) -> Result<(), Error> {
    let record = DroppedRecord { at: now, table_id: table_id.to_owned() };
    DROPPED.put(tx, &(), &ordered(space), &record).await?;
    Ok(())
}

/// The ARN of something below a table: `…:table/Music/backup/01…`.
pub fn below(table: &Arn, kind: &str, name: &str) -> Arn {
    format!("{table}/{kind}/{name}").parse().expect("an ARN stays one with more at its end")
}
