//! Event-based policies: snapshots that other accounts share with this one are copied.
//!
//! AWS has its event for that. Here the policy looks every minute what is shared, and what was not before is the event;
//! what was shared before the policy was switched on is none. A snapshot that is pending is one once it is completed.

use std::collections::BTreeMap;

use base::Timestamp;
use dlm_api::EventParameters;
use ec2_api::{DescribeSnapshots, DescribeSnapshotsInput, Snapshot, SnapshotState};
use service::AsService;
use store::Select;

use super::{Work, role};
use crate::error::Error;
use crate::limits::{SNAPSHOTS_AT_ONCE_MAX, TARGETS_PAGE};
use crate::model::check;
use crate::operations::plan;
use crate::records::{Due, DueRecord, SEEN, SeenRecord, made_by, seen_key};

pub async fn watch(work: &Work<'_>) -> Result<(), Error> {
    let source = work.details.event_source.as_ref();
    let Some(parameters) = source.and_then(|source| source.parameters.as_ref()) else { return Ok(()) };
    let pattern = check::pattern(&parameters.description_regex)?;
    let ec2 = role::assume(work, work.due.region).await?;
    let mut seen = seen(work).await?;
    let now = work.dlm.clock.now();
    for snapshot in shared(&ec2, parameters).await? {
        let id = snapshot.snapshot_id.unwrap_or_default();
        if seen.remove(&seen_key(&work.due.policy, &id)).is_some() {
            continue;
        }
        let is_new = work.policy.watching;
        if is_new && snapshot.state == Some(SnapshotState::Pending) {
            continue;
        }
        let description = snapshot.description.unwrap_or_default();
        let is_event =
            is_new && snapshot.state == Some(SnapshotState::Completed) && pattern.is_match(&description);
        note(work, &id, now, is_event).await?;
    }
    // One that is shared no longer may be shared again.
    let place = &work.due.place();
    for key in seen.keys() {
        work.dlm.store.transact(|tx| async move { SEEN.delete(&tx, place, key).await }).await?;
    }
    Ok(())
}

async fn seen(work: &Work<'_>) -> Result<BTreeMap<String, SeenRecord>, Error> {
    let (place, prefix) = (&work.due.place(), &made_by(&work.due.policy));
    let all = work
        .dlm
        .store
        .read(|tx| async move { SEEN.scan(&tx, place, Select::prefix(prefix), SNAPSHOTS_AT_ONCE_MAX).await });
    Ok(all.await?.records.into_iter().collect())
}

/// What the policy's source accounts share with this account by name.
async fn shared(ec2: &AsService, parameters: &EventParameters) -> Result<Vec<Snapshot>, Error> {
    let mut found = Vec::new();
    let mut input = DescribeSnapshotsInput {
        owner_ids: Some(parameters.snapshot_owner.clone()),
        restorable_by_user_ids: Some(vec!["self".to_owned()]),
        max_results: Some(TARGETS_PAGE),
        ..DescribeSnapshotsInput::default()
    };
    loop {
        let output = ec2.call(DescribeSnapshots, input.clone()).await?;
        found.extend(output.snapshots.into_iter().flatten());
        input.next_token = output.next_token;
        if input.next_token.is_none() || found.len() >= SNAPSHOTS_AT_ONCE_MAX {
            return Ok(found);
        }
    }
}

/// Writes down that a snapshot is known, and the copies of one that is to be copied.
async fn note(work: &Work<'_>, id: &str, now: Timestamp, is_event: bool) -> Result<(), Error> {
    let (place, key) = (&work.due.place(), &seen_key(&work.due.policy, id));
    let rules = work.schedule.cross_region_copy_rules.as_deref().unwrap_or_default();
    let noted = work.dlm.store.transact(|tx| async move {
        SEEN.put(&tx, place, key, &SeenRecord { at: now }).await?;
        for (rule, copy) in rules.iter().enumerate().filter(|_| is_event) {
            let target = copy.target.clone().unwrap_or_default();
            let what = Due::Copy { snapshot: id.to_owned(), target, rule, since: now };
            plan::later(&tx, now, DueRecord { what, ..work.due.clone() }).await?;
        }
        Ok::<_, Error>(())
    });
    noted.await
}
