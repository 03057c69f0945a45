//! LockSnapshot, UnlockSnapshot, DescribeLockedSnapshots. The rules are in `model/snapshot_locks.rs`.

use ec2_api::*;
use service::Call;

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::model::filter::{Filters, maybe};
use crate::model::snapshot_locks::{Wish, not_locked};
use crate::model::tags::Tags;
use crate::records::Resource;
use crate::records::snapshot_states::{self, LOCKS, LockRecord};
use crate::records::snapshots::SnapshotRecord;
use crate::resources;

pub async fn lock_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: LockSnapshotInput,
) -> Result<LockSnapshotOutput, Error> {
    let id = input.snapshot_id.as_str();
    let wish =
        &Wish::parse(&input.lock_mode, input.cool_off_period, input.lock_duration, input.expiration_date)?;
    let place = &call.scope();
    let locked = ec2.store.transact(|tx| async move {
        let completed = resources::get::<SnapshotRecord>(&tx, place, id).await?.completed();
        let earlier = LOCKS.get(&tx, place, id).await?.map(|record| record.lock);
        let lock = wish.clone().granted(id, earlier.as_ref(), completed, call.now)?;
        LOCKS.put(&tx, place, id, &LockRecord { lock: lock.clone() }).await?;
        Ok::<_, Error>(lock.shown(completed, call.now))
    });
    let shown = locked.await?;
    Ok(LockSnapshotOutput {
        snapshot_id: Some(input.snapshot_id),
        lock_state: shown.lock_state,
        lock_duration: shown.lock_duration,
        cool_off_period: shown.cool_off_period,
        cool_off_period_expires_on: shown.cool_off_period_expires_on,
        lock_created_on: shown.lock_created_on,
        lock_expires_on: shown.lock_expires_on,
        lock_duration_start_time: shown.lock_duration_start_time,
    })
}

pub async fn unlock_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: UnlockSnapshotInput,
) -> Result<UnlockSnapshotOutput, Error> {
    let (id, place) = (input.snapshot_id.as_str(), &call.scope());
    let unlocked = ec2.store.transact(|tx| async move {
        let completed = resources::get::<SnapshotRecord>(&tx, place, id).await?.completed();
        let record = LOCKS.get(&tx, place, id).await?.ok_or_else(|| not_locked(id))?;
        record.lock.check_unlock(id, completed, call.now)?;
        Ok::<_, Error>(LOCKS.delete(&tx, place, id).await?)
    });
    unlocked.await?;
    Ok(UnlockSnapshotOutput { snapshot_id: Some(input.snapshot_id) })
}

pub async fn describe_locked_snapshots(
    ec2: &Ec2,
    call: &Call,
    input: DescribeLockedSnapshotsInput,
) -> Result<DescribeLockedSnapshotsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| (name == "lock-state").then(Vec::new))?;
    let ids = &input.snapshot_ids.unwrap_or_default();
    let place = &call.scope();
    let found = ec2.store.read(|tx| async move {
        for id in ids {
            resources::get::<SnapshotRecord>(&tx, place, id).await?;
        }
        let mut found = Vec::new();
        for (id, record) in snapshot_states::all(&tx, LOCKS, place).await? {
            if !ids.is_empty() && !ids.contains(&id) {
                continue;
            }
            if let Some(snapshot) = SnapshotRecord::TABLE.get(&tx, place, &id).await? {
                found.push((id, record.lock.shown(snapshot.completed(), call.now)));
            }
        }
        Ok::<_, Error>(found)
    });
    let mut locked = Vec::new();
    for (id, shown) in found.await? {
        let state = |name: &str| if name == "lock-state" { maybe(shown.lock_state.as_ref()) } else { None };
        if filters.admit(&Tags::new(), &state)? {
            let (owner_id, snapshot_id) = (Some(call.account.to_string()), Some(id));
            locked.push(LockedSnapshotsInfo { owner_id, snapshot_id, ..shown });
        }
    }
    let asked = Asked {
        operation: "DescribeLockedSnapshots",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |shown: &LockedSnapshotsInfo| shown.snapshot_id.clone().unwrap_or_default();
    let (snapshots, next_token) = lists::page(ec2, call, asked, locked, position)?;
    Ok(DescribeLockedSnapshotsOutput { snapshots: Some(snapshots), next_token })
}
