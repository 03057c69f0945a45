//! Tables made from backups, and from other tables as they were at some second.
//!
//! Surprising: the order of refusals (the form of the request, recovery of the source, the time, the target), and that a
//! backup serves one restore at a time. The items are put by a task, with all entries of indexes.

use base::{Arn, Timestamp};
use dynamodb_api as api;
use dynamodb_api::{
    RestoreTableFromBackupInput, RestoreTableFromBackupOutput, RestoreTableToPointInTimeInput,
    RestoreTableToPointInTimeOutput,
};
use service::Call;

use super::backups;
use super::continuous_backups::window;
use super::making::{self, Plan, below};
use super::tables::kms_key;
use crate::DynamoDB;
use crate::encryption::Protected;
use crate::error::Error;
use crate::model::description;
use crate::model::restoring::{Overrides, new_table};
use crate::model::table_name::{TableAddress, check_name};
use crate::records::{
    BACKUPS, EncryptionRecord, Origin, Place, Restored, SseKind, TABLES, TableRecord, TableStatus, Ttl,
};
use crate::tasks::RESTORE;

/// What both operations come to.
struct Wish<'a> {
    target: &'a str,
    source: &'a TableRecord,
    restored: Restored,
    overrides: Overrides,
    encryption: Option<&'a api::SSESpecification>,
}

pub async fn restore_table_from_backup(
    dynamodb: &DynamoDB,
    call: &Call,
    input: RestoreTableFromBackupInput,
) -> Result<RestoreTableFromBackupOutput, Error> {
    check_name("targetTableName", &input.target_table_name)?;
    refuse_vectors(input.vector_index_override.is_some())?;
    let (key, backup) = backups::find(dynamodb, call, &input.backup_arn).await?;
    if !backup.is_complete || !backup.restoring.is_empty() {
        return Err(backups::in_use(&input.backup_arn));
    }
    check_target(dynamodb, call.scope(), &input.target_table_name).await?;
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        global_indexes: input.global_secondary_index_override,
        local_indexes: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
    };
    let restored = Restored {
        backup: Some(below(&backup.table_arn, "backup", &backup.id)),
        table: backup.table_arn.clone(),
        at: backup.created,
        in_progress: true,
        origin: Origin::Backup { place: call.scope(), key: key.clone() },
    };
    let wish = Wish {
        target: &input.target_table_name,
        source: &backup.table,
        restored,
        overrides,
        encryption: input.sse_specification_override.as_ref(),
    };
    let (plan, place) = (plan(dynamodb, call, &wish).await?, call.scope());
    claim(dynamodb, place, &key, &plan.id, &input.backup_arn).await?;
    let table_description = Some(make(dynamodb, place, &input.target_table_name, call.now, &plan).await?);
    Ok(RestoreTableFromBackupOutput { table_description })
}

fn refuse_vectors(asked: bool) -> Result<(), Error> {
    match asked {
        true => Err(Error::NotImplemented("Vector indexes are not implemented by Fogbank".to_owned())),
        false => Ok(()),
    }
}

/// Notes in the backup that it is in use.
async fn claim(dynamodb: &DynamoDB, place: Place, key: &str, table_id: &str, arn: &str) -> Result<(), Error> {
    dynamodb
        .store
        .transact(|tx| async move {
            let found = BACKUPS.get(&tx, &place, key).await?;
            let mut backup =
                found.ok_or_else(|| Error::BackupNotFound(format!("Backup not found: {arn}")))?;
            if backup.restoring.iter().any(|other| other != table_id) {
                return Err(backups::in_use(arn));
            }
            backup.restoring = vec![table_id.to_owned()];
            BACKUPS.put(&tx, &place, key, &backup).await?;
            Ok(())
        })
        .await
}

async fn check_target(dynamodb: &DynamoDB, place: Place, name: &str) -> Result<(), Error> {
    let found = dynamodb.store.read(|tx| async move { TABLES.get(&tx, &place, name).await }).await?;
    match found {
        Some(record) if record.status == TableStatus::Creating => Err(Error::TableInUse(format!(
            "Attempt to change a resource which is still in use: Table is being created: {name}"
        ))),
        Some(_) => Err(Error::TableAlreadyExists(format!("Table already exists: {name}"))),
        None => Ok(()),
    }
}

pub async fn restore_table_to_point_in_time(
    dynamodb: &DynamoDB,
    call: &Call,
    input: RestoreTableToPointInTimeInput,
) -> Result<RestoreTableToPointInTimeOutput, Error> {
    check_name("targetTableName", &input.target_table_name)?;
    let source = source_name(&input)?;
    let invalid = |what: &str| Error::Validation(format!("Invalid Request: {what}"));
    let latest = input.use_latest_restorable_time == Some(true);
    match (latest, input.restore_date_time) {
        (true, Some(_)) => {
            return Err(invalid(
                "Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time restore request. \
                 Please specify only one of them.",
            ));
        }
        (false, None) => {
            return Err(invalid(
                "Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not both",
            ));
        }
        _ => {}
    }
    refuse_vectors(input.vector_index_override.is_some())?;
    let address = TableAddress::parse(call.scope(), source)?;
    let place = (address.account, address.region);
    let view = backups::table(dynamodb, call, source).await?;
    let Some(recovery) = &view.record.recovery else {
        return Err(no_recovery(&view.name));
    };
    let at = moment(window(recovery, call.now), input.restore_date_time)?;
    check_target(dynamodb, call.scope(), &input.target_table_name).await?;
    let overrides = Overrides {
        billing_mode: input.billing_mode_override,
        global_indexes: input.global_secondary_index_override,
        local_indexes: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
    };
    let restored = Restored {
        backup: None,
        table: view.arn.clone(),
        at,
        in_progress: true,
        origin: Origin::Table { place, name: view.name.clone(), table_id: view.record.id.clone(), at },
    };
    let wish = Wish {
        target: &input.target_table_name,
        source: &view.record,
        restored,
        overrides,
        encryption: input.sse_specification_override.as_ref(),
    };
    let plan = plan(dynamodb, call, &wish).await?;
    let table_description =
        Some(make(dynamodb, call.scope(), &input.target_table_name, call.now, &plan).await?);
    Ok(RestoreTableToPointInTimeOutput { table_description })
}

fn source_name(input: &RestoreTableToPointInTimeInput) -> Result<&str, Error> {
    match (&input.source_table_name, &input.source_table_arn) {
        (Some(name), None) => Ok(name),
        (None, Some(arn)) => match arn.parse::<Arn>() {
            Ok(_) => Ok(arn),
            Err(_) => Err(Error::invalid_values("sourceTableArn is not a valid ARN")),
        },
        (None, None) | (Some(_), Some(_)) => Err(Error::Validation(
            "Invalid Request: Must provide exactly one of: sourceTableArn, sourceTableName".to_owned(),
        )),
    }
}

pub fn no_recovery(table: &str) -> Error {
    Error::PointInTimeRecoveryUnavailable(format!(
        "Point in time recovery is not enabled for table '{table}'"
    ))
}

/// The second that is wanted, within the window.
fn moment((earliest, latest): (Timestamp, Timestamp), wanted: Option<Timestamp>) -> Result<Timestamp, Error> {
    let Some(wanted) = wanted else { return Ok(latest) };
    let at = Timestamp::from_secs(wanted.as_secs());
    if at < earliest || at > latest {
        return Err(Error::InvalidRestoreTime(format!(
            "RestoreDateTime '{}' must be within EarliestRestorableDateTime '{}' and LatestRestorableDateTime '{}'",
            at.to_iso8601(),
            earliest.to_iso8601(),
            latest.to_iso8601()
        )));
    }
    Ok(at)
}

async fn plan(dynamodb: &DynamoDB, call: &Call, wish: &Wish<'_>) -> Result<Plan, Error> {
    let new = new_table(wish.source, &wish.overrides, call.region)?;
    let kms_key = match wish.encryption {
        Some(wanted) => kms_key(Some(wanted))?,
        None => kms_key_of(&wish.source.encryption),
    };
    let id = dynamodb.ids.uuid();
    let what = Protected { place: call.scope(), table: wish.target, table_id: &id };
    let encryption = dynamodb.directory.keys.make(call, what, kms_key.as_deref()).await?;
    Ok(Plan {
        id,
        new,
        encryption,
        status: TableStatus::Creating,
        class: wish.source.class,
        deletion_protection: false,
        stream: None,
        tags: Default::default(),
        policy: None,
        restored: Some(wish.restored.clone()),
        ttl: Ttl::Disabled,
        replication: None,
        work: Some(RESTORE),
    })
}

fn kms_key_of(encryption: &EncryptionRecord) -> Option<String> {
    match &encryption.kind {
        SseKind::Owned => None,
        SseKind::Kms { key_arn } => Some(key_arn.clone()),
    }
}

async fn make(
    dynamodb: &DynamoDB,
    place: Place,
    name: &str,
    now: Timestamp,
    plan: &Plan,
) -> Result<api::TableDescription, Error> {
    let made = making::make(dynamodb, place, name, now, plan).await;
    let view = made.map_err(|error| match error {
        Error::ResourceInUse(_) => Error::TableAlreadyExists(format!("Table already exists: {name}")),
        other => other,
    })?;
    dynamodb.restoring.nudge();
    Ok(description::being_created(&view))
}
