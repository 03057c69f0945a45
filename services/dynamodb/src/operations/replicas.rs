//! Replicas of a table in other regions of this cloud: global tables of the version of 2019.
//!
//! A replica is a table of its own, in its region, with the keys and global indexes of the one it was made of. Every write
//! is sent to the others by a task, and of two writes of one item the later wins everywhere. Surprising: a stream of both
//! images is switched on and cannot be switched off, and the last replica that is taken away leaves a plain table.

use std::sync::Arc;

use base::{Region, Timestamp};
use dynamodb_api as api;
use schema::OperationType;
use service::{Ask, Call, Kept};
use store::Tx;

use super::making::{self, Plan, drop_space, put_stream, put_work, take_spaces, work_key};
use super::tables::{self, Leave, region};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::encryption::{PRINCIPAL, Protected};
use crate::error::Error;
use crate::limits::REPLICA_SOURCE_TIME;
use crate::model::description::stream_label;
use crate::model::table_name::table_arn;
use crate::model::table_schema::{NewIndex, NewTable};
use crate::model::throughput::Mode;
use crate::records::{
    BillingMode, IndexStatus, Place, ReplicaRecord, ReplicaStatus, Replication, SENT, SseKind, StreamRef,
    StreamView, TABLES, TableRecord, TableStatus, WORK,
};
use crate::tasks::REPLICAS;

/// What one request asks for, which is one thing.
enum Change<'a> {
    Create(&'a api::CreateReplicationGroupMemberAction),
    Update(&'a api::UpdateReplicationGroupMemberAction),
    Delete(&'a str),
}

pub async fn update(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &Arc<TableView>,
    updates: &[api::ReplicationGroupUpdate],
) -> Result<Arc<TableView>, Error> {
    if view.record.status == TableStatus::Creating {
        return Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table is being created: {}",
            view.name
        )));
    }
    match only_change(updates)? {
        Change::Create(create) => add(dynamodb, call, view, create).await?,
        Change::Update(update) => configure(dynamodb, call, view, update).await?,
        Change::Delete(name) => remove(dynamodb, call, view, name).await?,
    }
    let found = dynamodb.directory.find(view.place(), &view.name).await?;
    found.ok_or_else(|| Error::no_such_table(&view.name))
}

fn only_change(updates: &[api::ReplicationGroupUpdate]) -> Result<Change<'_>, Error> {
    let refused = |message: &str| Err(Error::Validation(message.to_owned()));
    let [update] = updates else {
        return match updates.is_empty() {
            true => refused("There are no actions specified in the Replica Update Action of the request."),
            false => refused(
                "Update table operation with more than one create or delete replica actions not allowed",
            ),
        };
    };
    match (&update.create, &update.update, &update.delete, &update.disassociate) {
        (Some(create), None, None, None) => Ok(Change::Create(create)),
        (None, Some(update), None, None) => Ok(Change::Update(update)),
        (None, None, Some(delete), None) => Ok(Change::Delete(&delete.region_name)),
        (None, None, None, Some(_)) => Err(Error::NotImplemented(
            "Taking a replica out of its global table without deleting it is not implemented by Fogbank"
                .to_owned(),
        )),
        (None, None, None, None) => {
            refused("There are no actions specified in the Replica Update Action of the request.")
        }
        _ => refused("Update table operation with more than one type of replica actions not allowed."),
    }
}

fn other_region(view: &TableView, name: &str) -> Result<Region, Error> {
    let region = region(name)?;
    if region == view.region {
        return Err(Error::Validation(
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or \
             UpdateTable as required."
                .to_owned(),
        ));
    }
    Ok(region)
}

/// The table in all its regions but its own.
fn members(record: &TableRecord) -> &[ReplicaRecord] {
    record.replication.as_ref().map_or(&[], |replication| &replication.replicas)
}

async fn permit(
    dynamodb: &DynamoDB,
    call: &Call,
    action: &str,
    place: Place,
    name: &str,
) -> Result<(), Error> {
    let arn = table_arn(place, name);
    let ask = Ask { prefix: "dynamodb", action, resource: Some(&arn), keys: &[], input: None };
    Ok(dynamodb.aws.require(call, &ask).await?)
}

async fn add(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &TableView,
    create: &api::CreateReplicationGroupMemberAction,
) -> Result<(), Error> {
    let region = other_region(view, &create.region_name)?;
    let (name, target) = (view.name.as_str(), (view.account, region));
    if members(&view.record).iter().any(|replica| replica.region == region) {
        return Err(Error::ResourceInUse(format!(
            "Global table with name: '{name}' already exists with replicas in regions: '{region}'."
        )));
    }
    let is_scaled = view.record.auto_scaling.replicas.is_some();
    if view.record.billing.mode == BillingMode::Provisioned && !is_scaled {
        let message = "Table write capacity should either be Pay-Per-Request or AutoScaled.";
        return Err(Error::Validation(message.to_owned()));
    }
    permit(dynamodb, call, "CreateTableReplica", target, name).await?;
    if dynamodb.directory.find(target, name).await?.is_some() {
        return Err(Error::Validation(format!(
            "Failed to create a the new replica of table with name: ‘{name}’ because one or more replicas already \
             existed as tables."
        )));
    }
    let settings = settings(create);
    let others = begin(dynamodb, view, region, &settings, call.now).await?;
    let plan = plan(dynamodb, call, view, region, create, others).await?;
    making::make(dynamodb, target, name, call.now, &plan).await?;
    tell_others(dynamodb, view, region, &settings).await?;
    dynamodb.replicating.nudge();
    Ok(())
}

fn settings(create: &api::CreateReplicationGroupMemberAction) -> api::ReplicaDescription {
    let table_class = create.table_class_override.clone();
    api::ReplicaDescription {
        kms_master_key_id: create.kms_master_key_id.clone(),
        provisioned_throughput_override: create.provisioned_throughput_override.clone(),
        on_demand_throughput_override: create.on_demand_throughput_override.clone(),
        replica_table_class_summary: table_class
            .map(|class| api::TableClassSummary { table_class: Some(class), last_update_date_time: None }),
        ..api::ReplicaDescription::default()
    }
}

/// Makes the table one that is replicated, and notes its new replica. All regions it is in already.
async fn begin(
    dynamodb: &DynamoDB,
    view: &TableView,
    region: Region,
    settings: &api::ReplicaDescription,
    now: Timestamp,
) -> Result<Vec<ReplicaRecord>, Error> {
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    let others = dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let mut record = found.ok_or_else(|| Error::no_such_table(name))?;
            let mut replication = match record.replication.take() {
                Some(replication) => replication,
                None => {
                    let spaces = take_spaces(&tx, 2).await?;
                    let (log, versions) = (spaces.start, spaces.start + 1);
                    Replication { replicas: Vec::new(), log, versions, source_until: None }
                }
            };
            let others = replication.replicas.clone();
            let settings = Kept(settings.clone());
            replication.replicas.push(ReplicaRecord { region, status: ReplicaStatus::Creating, settings });
            replication.source_until = Some(now + REPLICA_SOURCE_TIME);
            record.replication = Some(replication);
            record.status = TableStatus::Updating;
            if record.stream.is_none() {
                let space = take_spaces(&tx, 1).await?.start;
                let stream = StreamRef { label: stream_label(now), view: StreamView::NewAndOldImages, space };
                put_stream(&tx, place, name, &record, &stream, now).await?;
                record.latest_stream = Some(stream.label.clone());
                record.stream = Some(stream);
            }
            TABLES.put(&tx, &place, name, &record).await?;
            put_work(&tx, REPLICAS, place, name, id).await?;
            Ok::<_, Error>(others)
        })
        .await?;
    dynamodb.directory.forget(place, name);
    Ok(others)
}

/// The table that the replica is.
async fn plan(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &TableView,
    region: Region,
    create: &api::CreateReplicationGroupMemberAction,
    others: Vec<ReplicaRecord>,
) -> Result<Plan, Error> {
    let source = &view.record;
    let id = dynamodb.ids.uuid();
    let active = |region| ReplicaRecord {
        region,
        status: ReplicaStatus::Active,
        settings: Kept(api::ReplicaDescription::default()),
    };
    let replicas = others.into_iter().chain([active(view.region)]).collect();
    let kms_key = match (&create.kms_master_key_id, &source.encryption.kind) {
        (Some(key), _) => Some(key.clone()),
        (None, SseKind::Kms { .. }) => Some(crate::encryption::DEFAULT_KEY.to_owned()),
        (None, SseKind::Owned) => None,
    };
    let what = Protected { place: (view.account, region), table: &view.name, table_id: &id };
    let encryption = dynamodb.directory.keys.make(call, what, kms_key.as_deref()).await?;
    let new = NewTable {
        attributes: source.attributes.clone(),
        key: source.key.clone(),
        indexes: indexes(source),
        mode: Mode { billing: source.billing.mode, throughput: source.billing.throughput.clone() },
    };
    Ok(Plan {
        id,
        new,
        encryption,
        status: TableStatus::Creating,
        class: create
            .table_class_override
            .as_ref()
            .map_or(Ok(source.class), |class| tables::table_class(Some(class)))?,
        deletion_protection: false,
        stream: Some(StreamView::NewAndOldImages),
        tags: Default::default(),
        policy: None,
        restored: None,
        ttl: source.ttl.clone(),
        replication: Some(Replication { replicas, log: 0, versions: 0, source_until: None }),
        work: Some(REPLICAS),
    })
}

fn indexes(source: &TableRecord) -> Vec<NewIndex> {
    let there = source.indexes.iter().filter(|index| index.status != IndexStatus::Deleting);
    let same = there.map(|index| NewIndex {
        name: index.name.clone(),
        kind: index.kind,
        key: index.key.clone(),
        projection: index.projection.clone(),
        mode: Some(Mode { billing: source.billing.mode, throughput: index.throughput.clone() }),
    });
    same.collect()
}

/// The other replicas learn of the new one.
async fn tell_others(
    dynamodb: &DynamoDB,
    view: &TableView,
    region: Region,
    settings: &api::ReplicaDescription,
) -> Result<(), Error> {
    for other in members(&view.record) {
        let Some(there) = dynamodb.directory.find((view.account, other.region), &view.name).await? else {
            continue;
        };
        let replica =
            ReplicaRecord { region, status: ReplicaStatus::Active, settings: Kept(settings.clone()) };
        dynamodb
            .directory
            .change(&there, |record| {
                if let Some(replication) = &mut record.replication {
                    replication.replicas.retain(|known| known.region != region);
                    replication.replicas.push(replica.clone());
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

async fn configure(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &TableView,
    update: &api::UpdateReplicationGroupMemberAction,
) -> Result<(), Error> {
    let region = other_region(view, &update.region_name)?;
    permit(dynamodb, call, "UpdateTable", (view.account, region), &view.name).await?;
    dynamodb
        .directory
        .change(view, |record| {
            let replicas = record.replication.iter_mut().flat_map(|replication| &mut replication.replicas);
            let Some(replica) = replicas.into_iter().find(|replica| replica.region == region) else {
                return Err(not_found());
            };
            let Kept(settings) = &mut replica.settings;
            if update.kms_master_key_id.is_some() {
                settings.kms_master_key_id.clone_from(&update.kms_master_key_id);
            }
            if update.provisioned_throughput_override.is_some() {
                settings.provisioned_throughput_override.clone_from(&update.provisioned_throughput_override);
            }
            if update.on_demand_throughput_override.is_some() {
                settings.on_demand_throughput_override.clone_from(&update.on_demand_throughput_override);
            }
            if let Some(class) = &update.table_class_override {
                settings.replica_table_class_summary = Some(api::TableClassSummary {
                    table_class: Some(class.clone()),
                    last_update_date_time: Some(call.now),
                });
            }
            Ok(())
        })
        .await
}

fn not_found() -> Error {
    Error::Validation(
        "Replica specified in the Replica Update or Replica Delete action of the request was not found."
            .to_owned(),
    )
}

async fn remove(dynamodb: &DynamoDB, call: &Call, view: &TableView, name: &str) -> Result<(), Error> {
    let region = other_region(view, name)?;
    if !members(&view.record).iter().any(|replica| replica.region == region) {
        return Err(not_found());
    }
    let target = (view.account, region);
    permit(dynamodb, call, "DeleteTableReplica", target, &view.name).await?;
    if let Some(there) = dynamodb.directory.find(target, &view.name).await? {
        if there.record.deletion_protection {
            return Err(Error::Validation(format!(
                "Cannot delete table {} in region {region} because it has deletion protection enabled. Disable \
                 deletion protection first.",
                view.name
            )));
        }
        tables::delete(dynamodb, &there, call.now, Leave::Nothing).await?;
    }
    forget(dynamodb, view, region, call.now).await
}

/// Does in all other regions of a global table what its owner asked for in this one: time to live, capacity and indexes
/// are the same everywhere.
pub async fn pass_on<O>(
    dynamodb: &DynamoDB,
    call: &Call,
    view: &TableView,
    operation: O,
    input: &O::Input,
) -> Result<(), Error>
where
    O: OperationType + Copy,
    O::Input: Clone,
{
    // What was passed on to this region is not passed on again.
    if call.source.via_service.as_deref() == Some(PRINCIPAL) {
        return Ok(());
    }
    for replica in members(&view.record) {
        let there = dynamodb.aws.as_caller(call).via(PRINCIPAL).in_region(replica.region);
        match there.call(operation, input.clone()).await {
            Ok(_) => {}
            // It is so already.
            Err(fault) if fault.status() == 400 && fault.name() == "ValidationException" => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(())
}

/// Takes a replica that is gone out of the lists of all others.
pub async fn forget(
    dynamodb: &DynamoDB,
    view: &TableView,
    gone: Region,
    now: Timestamp,
) -> Result<(), Error> {
    let regions = members(&view.record).iter().map(|replica| replica.region).chain([view.region]);
    for region in regions.filter(|region| *region != gone) {
        let place = (view.account, region);
        let name = view.name.as_str();
        dynamodb
            .store
            .transact(|tx| async move {
                let Some(mut record) = TABLES.get(&tx, &place, name).await? else { return Ok(()) };
                leave(&tx, place, name, &mut record, gone, now).await?;
                TABLES.put(&tx, &place, name, &record).await?;
                Ok::<_, Error>(())
            })
            .await?;
        dynamodb.directory.forget(place, name);
    }
    dynamodb.dropping.nudge();
    Ok(())
}

async fn leave(
    tx: &Tx,
    place: Place,
    name: &str,
    record: &mut TableRecord,
    gone: Region,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(replication) = &mut record.replication else { return Ok(()) };
    replication.replicas.retain(|replica| replica.region != gone);
    SENT.delete(tx, &place, &sent_key(&record.id, gone)).await?;
    if !replication.replicas.is_empty() {
        return Ok(());
    }
    drop_space(tx, replication.log, &record.id, now).await?;
    drop_space(tx, replication.versions, &record.id, now).await?;
    record.replication = None;
    record.status = TableStatus::Active;
    WORK.delete(tx, &(), &work_key(REPLICAS, place, name)).await?;
    Ok(())
}

pub fn sent_key(table_id: &str, region: Region) -> String {
    format!("{table_id}/{region}")
}
