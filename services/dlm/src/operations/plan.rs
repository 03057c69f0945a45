//! What is to be done for a policy, and when.

use base::Timestamp;
use store::{StoreError, Tx};

use crate::model::kinds::{self, Kind};
use crate::model::times;
use crate::records::{DUE, Due, DueRecord, Place, PolicyRecord, due_key};

/// Writes down when each schedule of a policy is due next. What was planned before is found to be out of date when it
/// is due, by the revision.
pub async fn all(
    tx: &Tx,
    place: &Place,
    id: &str,
    record: &PolicyRecord,
    now: Timestamp,
) -> Result<(), StoreError> {
    if record.enabled && is_of_events(record) {
        return watch(tx, place, id, record, now).await;
    }
    for at in 0..record.schedules().len() {
        next(tx, place, id, record, at, now).await?;
    }
    Ok(())
}

fn is_of_events(record: &PolicyRecord) -> bool {
    record.details().is_some_and(|details| kinds::of(details).is_ok_and(|kind| kind == Kind::Shared))
}

/// Writes down when an event-based policy looks next.
pub async fn watch(
    tx: &Tx,
    place: &Place,
    id: &str,
    record: &PolicyRecord,
    at: Timestamp,
) -> Result<(), StoreError> {
    later(tx, at, regular(place, id, record, 0, Due::Watch)).await
}

fn regular(place: &Place, id: &str, record: &PolicyRecord, schedule: usize, what: Due) -> DueRecord {
    let (account, region) = *place;
    DueRecord { account, region, policy: id.to_owned(), revision: record.revision, schedule, what }
}

/// Writes down when one schedule is due after `now`: also of a policy that is off, where its backups go on going.
pub async fn next(
    tx: &Tx,
    place: &Place,
    id: &str,
    record: &PolicyRecord,
    schedule: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let schedules = record.schedules();
    let rule = schedules.get(schedule).and_then(|schedule| schedule.create_rule.as_ref());
    let changed = record.shown.date_modified.unwrap_or(now);
    let runs = record.enabled || record.extends_deletion();
    let Some(at) = rule.filter(|_| runs).and_then(|rule| times::next(rule, changed, now)) else {
        return Ok(());
    };
    later(tx, at, regular(place, id, record, schedule, Due::Run)).await
}

/// Writes down one thing to do.
pub async fn later(tx: &Tx, at: Timestamp, due: DueRecord) -> Result<(), StoreError> {
    let what = match &due.what {
        Due::Run => format!("run {}", due.revision),
        Due::Watch => format!("watch {}", due.revision),
        Due::Copy { snapshot, rule, .. } => format!("copy {snapshot} {rule}"),
        Due::Unshare { snapshot } => format!("unshare {snapshot}"),
        Due::DropCopy { region, snapshot } => format!("drop {region} {snapshot}"),
        Due::SpeedUp { snapshot, .. } => format!("speed up {snapshot}"),
        Due::SlowDown { snapshot } => format!("slow down {snapshot}"),
        Due::Archive { snapshot, .. } => format!("archive {snapshot}"),
    };
    DUE.put(tx, &(), &due_key(at, &due.policy, due.schedule, &what), &due).await
}
