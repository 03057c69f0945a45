//! Point-in-time recovery: the setting. From the moment it is on, every write keeps what it replaced.
//!
//! Surprising: `ContinuousBackupsStatus` is always enabled, and not what is meant; switching off and on again begins a
//! new history, and a period is thirty-five days again.

use base::Timestamp;
use dynamodb_api as api;
use dynamodb_api::{
    DescribeContinuousBackupsInput, DescribeContinuousBackupsOutput, UpdateContinuousBackupsInput,
    UpdateContinuousBackupsOutput,
};
use service::Call;

use super::backups::table;
use super::making::{drop_space, put_work, take_spaces, work_key};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{OUTDATED_WAIT, OUTDATED_WAITS_MAX, RECOVERY_DAYS_MAX, RECOVERY_LAG};
use crate::records::{Place, Recovery, TABLES, TableRecord, WORK};
use crate::tasks::HISTORY;

pub async fn describe_continuous_backups(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeContinuousBackupsInput,
) -> Result<DescribeContinuousBackupsOutput, Error> {
    let view = table(dynamodb, call, &input.table_name).await?;
    Ok(DescribeContinuousBackupsOutput {
        continuous_backups_description: Some(shown(&view.record, call.now)),
    })
}

fn shown(record: &TableRecord, now: Timestamp) -> api::ContinuousBackupsDescription {
    let recovery = record.recovery.as_ref();
    let window = recovery.map(|recovery| window(recovery, now));
    let description = api::PointInTimeRecoveryDescription {
        point_in_time_recovery_status: Some(match recovery {
            Some(_) => api::PointInTimeRecoveryStatus::Enabled,
            None => api::PointInTimeRecoveryStatus::Disabled,
        }),
        recovery_period_in_days: recovery.map(|recovery| recovery.days),
        earliest_restorable_date_time: window.map(|(earliest, _)| earliest),
        latest_restorable_date_time: window.map(|(_, latest)| latest),
    };
    api::ContinuousBackupsDescription {
        continuous_backups_status: api::ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(description),
    }
}

/// The first and the last moment that a table can be restored to, in whole seconds.
pub fn window(recovery: &Recovery, now: Timestamp) -> (Timestamp, Timestamp) {
    let days = i64::from(recovery.days) * 24 * 3600;
    let begun =
        recovery.since.as_millis().div_euclid(1000) + i64::from(recovery.since.as_millis() % 1000 != 0);
    let earliest = begun.max(now.as_secs() - days);
    let latest = (now.as_secs() - RECOVERY_LAG.as_secs() as i64).max(earliest);
    (Timestamp::from_secs(earliest), Timestamp::from_secs(latest))
}

pub async fn update_continuous_backups(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateContinuousBackupsInput,
) -> Result<UpdateContinuousBackupsOutput, Error> {
    let wanted = &input.point_in_time_recovery_specification;
    if !wanted.point_in_time_recovery_enabled && wanted.recovery_period_in_days.is_some() {
        return Err(Error::Validation(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery."
                .to_owned(),
        ));
    }
    let view = table(dynamodb, call, &input.table_name).await?;
    let (place, name, id) = (view.place(), view.name.clone(), view.record.id.clone());
    drop(view);
    let begins = set(dynamodb, place, (&name, &id), wanted, call.now).await?;
    dynamodb.directory.forget(place, &name);
    dynamodb.dropping.nudge();
    if begins {
        begin(dynamodb, call, &input.table_name, &id).await?;
    }
    let view = table(dynamodb, call, &input.table_name).await?;
    let description = shown(&view.record, call.now);
    Ok(UpdateContinuousBackupsOutput { continuous_backups_description: Some(description) })
}

/// Whether a history begins.
async fn set(
    dynamodb: &DynamoDB,
    place: Place,
    (name, id): (&str, &str),
    wanted: &api::PointInTimeRecoverySpecification,
    now: Timestamp,
) -> Result<bool, Error> {
    dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let mut record = found.ok_or_else(|| Error::TableNotFound(format!("Table not found: {name}")))?;
            let before = record.recovery.take();
            let begins = before.is_none() && wanted.point_in_time_recovery_enabled;
            match (before, wanted.point_in_time_recovery_enabled) {
                (Some(recovery), true) => {
                    let days = wanted.recovery_period_in_days.unwrap_or(recovery.days);
                    record.recovery = Some(Recovery { days, ..recovery });
                }
                (None, true) => {
                    let undo = take_spaces(&tx, 1).await?.start;
                    let days = wanted.recovery_period_in_days.unwrap_or(RECOVERY_DAYS_MAX);
                    record.recovery = Some(Recovery { since: now, days, undo });
                    put_work(&tx, HISTORY, place, name, id).await?;
                }
                (Some(recovery), false) => {
                    drop_space(&tx, recovery.undo, id, now).await?;
                    WORK.delete(&tx, &(), &work_key(HISTORY, place, name)).await?;
                }
                (None, false) => {}
            }
            TABLES.put(&tx, &place, name, &record).await?;
            Ok::<_, Error>(begins)
        })
        .await
}

/// Begins a history once nobody is left who writes without it, so that nothing is missing in it.
async fn begin(dynamodb: &DynamoDB, call: &Call, table_name: &str, table_id: &str) -> Result<(), Error> {
    for _ in 0..OUTDATED_WAITS_MAX {
        if !dynamodb.directory.is_outdated(table_id) {
            break;
        }
        tokio::time::sleep(OUTDATED_WAIT).await;
    }
    let (view, now) = (table(dynamodb, call, table_name).await?, dynamodb.clock.now());
    dynamodb
        .directory
        .change(&view, |record| {
            if let Some(recovery) = &mut record.recovery {
                recovery.since = now;
            }
            Ok(())
        })
        .await
}
