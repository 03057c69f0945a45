//! On-demand backups: made, shown, listed, deleted.
//!
//! Surprising: names are not unique, a backup outlives its table, and one that DynamoDB made of a deleted table that had
//! point-in-time recovery cannot be deleted. A backup holds the items as they were at the moment of the request; they are
//! copied by a task from a snapshot of that moment.

use base::{Arn, Timestamp};
use dynamodb_api as api;
use dynamodb_api::{
    CreateBackupInput, CreateBackupOutput, DeleteBackupInput, DeleteBackupOutput, DescribeBackupInput,
    DescribeBackupOutput, ListBackupsInput, ListBackupsOutput,
};
use service::Call;
use store::{Select, Tx};

use super::making::{below, drop_space, put_work_of, take_spaces};
use super::sizes;
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{LIST_BACKUPS_MAX, SYSTEM_BACKUP_AGE};
use crate::model::description;
use crate::model::table_name::{TableAddress, check_name};
use crate::operations::time_to_live;
use crate::records::{BACKUPS, BackupKind, BackupRecord, IndexKind, Place, TableRecord, TableStatus};
use crate::tasks::BACKUP;

pub async fn create_backup(
    dynamodb: &DynamoDB,
    call: &Call,
    input: CreateBackupInput,
) -> Result<CreateBackupOutput, Error> {
    check_name("backupName", &input.backup_name)?;
    let view = table(dynamodb, call, &input.table_name).await?;
    let snapshot = dynamodb.engine.snapshot();
    let size = sizes::of_space(dynamodb, view.record.items);
    let id = format!("{:014}-{}", call.now.as_millis(), dynamodb.ids.hex(8));
    let fresh = BackupRecord {
        name: input.backup_name,
        id: id.clone(),
        table_name: view.name.clone(),
        table_arn: view.arn.clone(),
        table: view.record.clone(),
        space: 0,
        kind: if is_aws_backup(call) { BackupKind::AwsBackup } else { BackupKind::User },
        is_complete: false,
        created: call.now,
        expires: None,
        bytes: size.bytes,
        items: size.entries,
        restoring: Vec::new(),
    };
    let (place, fresh) = (view.place(), &fresh);
    let backup = dynamodb
        .store
        .transact(|tx| async move {
            let space = take_spaces(&tx, 1).await?.start;
            let backup = BackupRecord { space, ..fresh.clone() };
            put(&tx, place, &backup).await?;
            put_work_of(&tx, BACKUP, place, &backup.table_name, &backup.table.id, &backup.id).await?;
            Ok::<_, Error>(backup)
        })
        .await?;
    dynamodb.snapshots.lock().insert(id, snapshot);
    dynamodb.backing_up.nudge();
    Ok(CreateBackupOutput { backup_details: Some(details(&backup)) })
}

/// Whether AWS Backup calls, by itself or in the role of a job.
pub fn is_aws_backup(call: &Call) -> bool {
    call.source.via_service.as_deref() == Some("backup.amazonaws.com")
}

/// The table of the operations on backups, which have an error of their own for one that is not there.
pub async fn table(
    dynamodb: &DynamoDB,
    call: &Call,
    name_or_arn: &str,
) -> Result<std::sync::Arc<TableView>, Error> {
    let address = TableAddress::parse(call.scope(), name_or_arn)?;
    let view = dynamodb.directory.find((address.account, address.region), &address.name).await?;
    let view = view.filter(|view| view.record.status != TableStatus::Creating);
    view.ok_or_else(|| Error::TableNotFound(format!("Table not found: {}", address.name)))
}

/// Of a table that is being deleted and could be restored to a point in time.
pub fn of_deleted(dynamodb: &DynamoDB, view: &TableView, now: Timestamp) -> Option<BackupRecord> {
    view.record.recovery.as_ref()?;
    let size = sizes::of_space(dynamodb, view.record.items);
    Some(BackupRecord {
        name: format!("{}$DeletedTableBackup", view.name),
        id: format!("{:014}-00000000", now.as_millis()),
        table_name: view.name.clone(),
        table_arn: view.arn.clone(),
        table: view.record.clone(),
        space: view.record.items,
        kind: BackupKind::System,
        is_complete: true,
        created: now,
        expires: Some(now + SYSTEM_BACKUP_AGE),
        bytes: size.bytes,
        items: size.entries,
        restoring: Vec::new(),
    })
}

pub async fn put(tx: &Tx, place: Place, backup: &BackupRecord) -> Result<(), Error> {
    BACKUPS.put(tx, &place, &backup_key(&backup.table_name, &backup.id), backup).await?;
    Ok(())
}

pub fn backup_key(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}

fn arn(backup: &BackupRecord) -> Arn {
    below(&backup.table_arn, "backup", &backup.id)
}

pub fn details(backup: &BackupRecord) -> api::BackupDetails {
    api::BackupDetails {
        backup_arn: arn(backup).to_string(),
        backup_name: backup.name.clone(),
        backup_size_bytes: Some(backup.bytes as i64),
        backup_status: status(backup),
        backup_type: kind(backup),
        backup_creation_date_time: backup.created,
        backup_expiry_date_time: backup.expires,
    }
}

fn status(backup: &BackupRecord) -> api::BackupStatus {
    if backup.is_complete { api::BackupStatus::Available } else { api::BackupStatus::Creating }
}

fn kind(backup: &BackupRecord) -> api::BackupType {
    match backup.kind {
        BackupKind::User => api::BackupType::User,
        BackupKind::System => api::BackupType::System,
        BackupKind::AwsBackup => api::BackupType::AwsBackup,
    }
}

fn description_of(backup: &BackupRecord, status: api::BackupStatus) -> api::BackupDescription {
    let details = api::BackupDetails { backup_status: status, ..details(backup) };
    api::BackupDescription {
        backup_details: Some(details),
        source_table_details: Some(source(backup)),
        source_table_feature_details: Some(features(backup)),
    }
}

fn source(backup: &BackupRecord) -> api::SourceTableDetails {
    let TableRecord { billing, key, created, id, .. } = &backup.table;
    api::SourceTableDetails {
        table_name: backup.table_name.clone(),
        table_id: id.clone(),
        table_arn: Some(backup.table_arn.to_string()),
        table_size_bytes: Some(backup.bytes as i64),
        key_schema: key.shown(),
        table_creation_date_time: *created,
        provisioned_throughput: api::ProvisionedThroughput {
            read_capacity_units: billing.throughput.read_units,
            write_capacity_units: billing.throughput.write_units,
        },
        on_demand_throughput: description::on_demand(&billing.throughput),
        item_count: Some(backup.items as i64),
        billing_mode: Some(description::billing_mode_shown(billing.mode)),
    }
}

fn features(backup: &BackupRecord) -> api::SourceTableFeatureDetails {
    // What DynamoDB keeps of a deleted table says nothing of what it had.
    if backup.kind == BackupKind::System {
        return api::SourceTableFeatureDetails::default();
    }
    let table = &backup.table;
    let of_kind = |kind| table.indexes.iter().filter(move |index| index.kind == kind);
    let local = of_kind(IndexKind::Local).map(|index| api::LocalSecondaryIndexInfo {
        index_name: Some(index.name.clone()),
        key_schema: Some(index.key.shown()),
        projection: Some(index.projection.shown()),
    });
    let global = of_kind(IndexKind::Global).map(|index| api::GlobalSecondaryIndexInfo {
        index_name: Some(index.name.clone()),
        key_schema: Some(index.key.shown()),
        projection: Some(index.projection.shown()),
        provisioned_throughput: Some(api::ProvisionedThroughput {
            read_capacity_units: index.throughput.read_units,
            write_capacity_units: index.throughput.write_units,
        }),
        on_demand_throughput: description::on_demand(&index.throughput),
    });
    let (local, global): (Vec<_>, Vec<_>) = (local.collect(), global.collect());
    api::SourceTableFeatureDetails {
        local_secondary_indexes: (!local.is_empty()).then_some(local),
        global_secondary_indexes: (!global.is_empty()).then_some(global),
        stream_description: table
            .stream
            .as_ref()
            .map(|stream| description::stream_specification(stream.view)),
        time_to_live_description: Some(time_to_live::shown(&table.ttl)),
        sse_description: description::encryption(&table.encryption),
        vector_indexes: None,
    }
}

/// Finds a backup of the caller's by its ARN.
pub async fn find(dynamodb: &DynamoDB, call: &Call, text: &str) -> Result<(String, BackupRecord), Error> {
    let key = key_of(call, text)?;
    let (place, name) = (call.scope(), key.as_str());
    let found = dynamodb.store.read(|tx| async move { BACKUPS.get(&tx, &place, name).await }).await?;
    let found = found.ok_or_else(|| Error::BackupNotFound(format!("Backup not found: {text}")))?;
    Ok((key, found))
}

fn key_of(call: &Call, text: &str) -> Result<String, Error> {
    let invalid = || Error::Validation("Invalid Request: BackupArn is not valid".to_owned());
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    if arn.service() != "dynamodb" || arn.region().is_none() {
        return Err(invalid());
    }
    if arn.account() != Some(call.account) {
        return Err(Error::AccessDenied(format!("Access to the resource {text} is denied.")));
    }
    let path = arn.resource().strip_prefix("table/").ok_or_else(invalid)?;
    let (table, id) = path.split_once("/backup/").ok_or_else(invalid)?;
    Ok(backup_key(table, id))
}

pub async fn describe_backup(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeBackupInput,
) -> Result<DescribeBackupOutput, Error> {
    let (_, backup) = find(dynamodb, call, &input.backup_arn).await?;
    Ok(DescribeBackupOutput { backup_description: Some(description_of(&backup, status(&backup))) })
}

pub async fn delete_backup(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DeleteBackupInput,
) -> Result<DeleteBackupOutput, Error> {
    let (key, _) = find(dynamodb, call, &input.backup_arn).await?;
    let (place, key, text) = (call.scope(), key.as_str(), input.backup_arn.as_str());
    let backup = dynamodb
        .store
        .transact(|tx| async move {
            let found = BACKUPS.get(&tx, &place, key).await?;
            let backup = found.ok_or_else(|| Error::BackupNotFound(format!("Backup not found: {text}")))?;
            check_deletable(call, &backup, text)?;
            BACKUPS.delete(&tx, &place, key).await?;
            drop_space(&tx, backup.space, &backup.table.id, call.now).await?;
            Ok::<_, Error>(backup)
        })
        .await?;
    dynamodb.snapshots.lock().remove(&backup.id);
    dynamodb.dropping.nudge();
    let shown = description_of(&backup, api::BackupStatus::Deleted);
    Ok(DeleteBackupOutput { backup_description: Some(shown) })
}

fn check_deletable(call: &Call, backup: &BackupRecord, arn: &str) -> Result<(), Error> {
    if backup.kind == BackupKind::System {
        let until = backup.expires.map(Timestamp::to_iso8601).unwrap_or_default();
        return Err(Error::Validation(format!(
            "Invalid Request: User is not allowed to delete the system backup with arn {arn}. It will automatically \
             expire on {until}"
        )));
    }
    if backup.kind == BackupKind::AwsBackup && !is_aws_backup(call) {
        return Err(Error::Validation(format!(
            "Invalid Request: The backup with arn {arn} is managed by AWS Backup and can be deleted there only"
        )));
    }
    if !backup.is_complete || !backup.restoring.is_empty() {
        return Err(in_use(arn));
    }
    Ok(())
}

pub fn in_use(arn: &str) -> Error {
    Error::BackupInUse(format!("Backup is being used by another operation: {arn}"))
}

pub async fn list_backups(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListBackupsInput,
) -> Result<ListBackupsOutput, Error> {
    if let (Some(lower), Some(upper)) = (input.time_range_lower_bound, input.time_range_upper_bound)
        && lower > upper
    {
        return Err(Error::invalid_values(
            "Time range lower bound must be less than or equal to upper bound",
        ));
    }
    let limit = input.limit.map_or(LIST_BACKUPS_MAX, |limit| limit as usize);
    let prefix = match &input.table_name {
        Some(name) => format!("{}/", TableAddress::parse(call.scope(), name)?.name),
        None => String::new(),
    };
    let mut after = match &input.exclusive_start_backup_arn {
        Some(arn) => Some(key_of(call, arn)?),
        None => None,
    };
    let mut found: Vec<BackupRecord> = Vec::new();
    loop {
        let (place, prefix, position) = (call.scope(), prefix.as_str(), after.as_deref());
        let select = Select::prefix(prefix).after(position);
        let listing = dynamodb
            .store
            .read(|tx| async move { BACKUPS.scan(&tx, &place, select, LIST_BACKUPS_MAX).await })
            .await?;
        let wanted =
            listing.records.into_iter().map(|(_, backup)| backup).filter(|backup| wants(&input, backup));
        found.extend(wanted);
        after = listing.next;
        if found.len() > limit || after.is_none() {
            break;
        }
    }
    let is_more = found.len() > limit || (found.len() == limit && after.is_some());
    found.truncate(limit);
    let last = found.last().filter(|_| is_more).map(|backup| arn(backup).to_string());
    Ok(ListBackupsOutput {
        backup_summaries: Some(found.iter().map(summary).collect()),
        last_evaluated_backup_arn: last,
    })
}

/// Times include the lower bound and exclude the upper; without a filter only what users made is shown.
fn wants(input: &ListBackupsInput, backup: &BackupRecord) -> bool {
    let of_kind = match input.backup_type {
        Some(api::BackupTypeFilter::All) => true,
        Some(api::BackupTypeFilter::System) => backup.kind == BackupKind::System,
        Some(api::BackupTypeFilter::AwsBackup) => backup.kind == BackupKind::AwsBackup,
        _ => backup.kind == BackupKind::User,
    };
    of_kind
        && input.time_range_lower_bound.is_none_or(|lower| backup.created >= lower)
        && input.time_range_upper_bound.is_none_or(|upper| backup.created < upper)
}

fn summary(backup: &BackupRecord) -> api::BackupSummary {
    api::BackupSummary {
        table_name: Some(backup.table_name.clone()),
        table_id: Some(backup.table.id.clone()),
        table_arn: Some(backup.table_arn.to_string()),
        backup_arn: Some(arn(backup).to_string()),
        backup_name: Some(backup.name.clone()),
        backup_creation_date_time: Some(backup.created),
        backup_expiry_date_time: backup.expires,
        backup_status: Some(status(backup)),
        backup_type: Some(kind(backup)),
        backup_size_bytes: Some(backup.bytes as i64),
    }
}
