//! Fast restores: a rule has the newest snapshots of a volume ready for them, or each for some time.
//!
//! Surprising: EC2 answers for every snapshot and zone by itself, and a request of which nothing succeeds is none that
//! fails.

use base::Timestamp;
use dlm_api::FastRestoreRule;
use ec2_api::{
    DisableFastSnapshotRestores, DisableFastSnapshotRestoresInput, EnableFastSnapshotRestores,
    EnableFastSnapshotRestoresInput,
};
use service::AsService;

use super::snapshots::{Standing, completed};
use super::{Work, making, role};
use crate::error::Error;
use crate::model::retention;
use crate::records::{Due, MadeRecord};

/// Makes a snapshot ready once it is completed, and the oldest of its volume no longer where there is a count.
pub async fn enable(work: &Work<'_>, snapshot: &str, since: Timestamp) -> Result<(), Error> {
    let Some(rule) = work.schedule.fast_restore_rule.as_ref() else { return Ok(()) };
    let ec2 = role::assume(work, work.due.region).await?;
    let Standing::Completed(_) = completed(work, &ec2, snapshot, since).await? else { return Ok(()) };
    let made = making::made(work).await?;
    let Some((key, record)) = made.iter().find(|(_, record)| record.id == snapshot) else { return Ok(()) };
    if record.archived.is_some() {
        return Ok(());
    }
    if let Some(count) = rule.count.and_then(|count| usize::try_from(count).ok()) {
        let is_fast = |one: &&(String, MadeRecord)| {
            one.1.target == record.target && one.1.fast && one.1.id != record.id
        };
        let fast: Vec<&(String, MadeRecord)> = made.iter().filter(is_fast).collect();
        // Room is made first: an account has few of them.
        for (key, record) in &fast[..fast.len().saturating_sub(count.saturating_sub(1))] {
            disable(work, &ec2, key, record).await?;
        }
    }
    let input = EnableFastSnapshotRestoresInput {
        availability_zones: rule.availability_zones.clone(),
        availability_zone_ids: rule.availability_zone_ids.clone(),
        source_snapshot_ids: vec![snapshot.to_owned()],
        dry_run: None,
    };
    let output = ec2.call(EnableFastSnapshotRestores, input).await?;
    making::change(work, key, |record| record.fast = true).await?;
    if let Some(at) = ends(rule, since) {
        making::later(work, at, Due::SlowDown { snapshot: snapshot.to_owned() }).await?;
    }
    let failures = output.unsuccessful.into_iter().flatten();
    let mut failures = failures.flat_map(|one| one.fast_snapshot_restore_state_errors.unwrap_or_default());
    match failures.find_map(|one| one.error?.message) {
        Some(message) => Err(Error::Invalid(message)),
        None => Ok(()),
    }
}

fn ends(rule: &FastRestoreRule, since: Timestamp) -> Option<Timestamp> {
    retention::after(since, rule.interval?, rule.interval_unit.as_ref()?)
}

pub async fn end(work: &Work<'_>, snapshot: &str) -> Result<(), Error> {
    let ec2 = role::assume(work, work.due.region).await?;
    let made = making::made(work).await?;
    match made.iter().find(|(_, record)| record.id == snapshot) {
        Some((key, record)) => disable(work, &ec2, key, record).await,
        None => Ok(()),
    }
}

/// In the zones of the rule as it is now: others are the owner's.
pub async fn disable(work: &Work<'_>, ec2: &AsService, key: &str, record: &MadeRecord) -> Result<(), Error> {
    let Some(rule) = work.schedule.fast_restore_rule.as_ref().filter(|_| record.fast) else { return Ok(()) };
    let input = DisableFastSnapshotRestoresInput {
        availability_zones: rule.availability_zones.clone(),
        availability_zone_ids: rule.availability_zone_ids.clone(),
        source_snapshot_ids: vec![record.id.clone()],
        dry_run: None,
    };
    // What is not enabled any more is told as a failure, and is what is wanted.
    ec2.call(DisableFastSnapshotRestores, input).await?;
    making::change(work, key, |record| record.fast = false).await
}
