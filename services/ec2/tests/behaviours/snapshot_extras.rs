//! Locks, the archive, fast restores, copies of snapshots, and whether they may be public.

use std::time::Duration;

use base::{AccountId, Region};
use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::ebs::{made, of_size};
use crate::support::{code, filters, refused, tagged};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const OTHER: u64 = 222_222_222_222;

async fn snapshot(cloud: &Cloud) -> String {
    made(cloud, of_size(1), &[(0, 1), (3, 2)]).await
}

async fn delete(cloud: &Cloud, id: &str) -> Result<DeleteSnapshotOutput, Fault> {
    cloud.call(DeleteSnapshot, DeleteSnapshotInput { snapshot_id: id.to_owned(), dry_run: None }).await
}

async fn described(cloud: &Cloud, id: &str) -> Snapshot {
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().remove(0)
}

fn lock(id: &str, mode: LockMode, days: i32, cool_off: Option<i32>) -> LockSnapshotInput {
    LockSnapshotInput {
        snapshot_id: id.to_owned(),
        lock_mode: mode,
        lock_duration: Some(days),
        cool_off_period: cool_off,
        ..LockSnapshotInput::default()
    }
}

async fn unlock(cloud: &Cloud, id: &str) -> Result<UnlockSnapshotOutput, Fault> {
    cloud.call(UnlockSnapshot, UnlockSnapshotInput { snapshot_id: id.to_owned(), dry_run: None }).await
}

#[tokio::test]
async fn a_locked_snapshot_is_not_deleted() {
    let cloud = Cloud::new(21).await;
    let id = snapshot(&cloud).await;
    let locked = cloud.call(LockSnapshot, lock(&id, LockMode::Governance, 2, None)).await.unwrap();
    assert_eq!(locked.lock_state, Some(LockState::Governance));
    assert_eq!(locked.lock_expires_on, Some(cloud.clock.now() + DAY * 2));
    assert_eq!(code(delete(&cloud, &id).await), "OperationNotPermitted");
    unlock(&cloud, &id).await.unwrap();
    assert_eq!(code(unlock(&cloud, &id).await), "IncorrectState");
    cloud.call(LockSnapshot, lock(&id, LockMode::Governance, 2, None)).await.unwrap();
    cloud.advance(DAY * 2).await;
    delete(&cloud, &id).await.unwrap();
    let listed = cloud.call(DescribeLockedSnapshots, DescribeLockedSnapshotsInput::default()).await.unwrap();
    assert_eq!(listed.snapshots, Some(Vec::new()));
}

#[tokio::test]
async fn a_lock_in_compliance_mode_can_be_lifted_while_it_cools_off() {
    let cloud = Cloud::new(22).await;
    let (first, second) = (snapshot(&cloud).await, snapshot(&cloud).await);
    for id in [&first, &second] {
        cloud.call(LockSnapshot, lock(id, LockMode::Compliance, 10, Some(2))).await.unwrap();
    }
    unlock(&cloud, &first).await.unwrap();
    cloud.advance(HOUR * 2).await;
    assert_eq!(code(unlock(&cloud, &second).await), "OperationNotPermitted");
    let shorter = cloud.call(LockSnapshot, lock(&second, LockMode::Compliance, 9, None)).await;
    assert_eq!(code(shorter), "OperationNotPermitted");
    cloud.call(LockSnapshot, lock(&second, LockMode::Compliance, 11, None)).await.unwrap();
    let by_state = DescribeLockedSnapshotsInput {
        filters: filters(&[("lock-state", "compliance")]),
        ..DescribeLockedSnapshotsInput::default()
    };
    let listed = cloud.call(DescribeLockedSnapshots, by_state).await.unwrap().snapshots.unwrap();
    assert_eq!(listed[0].snapshot_id, Some(second.clone()));
    assert_eq!((listed[0].lock_duration, listed[0].cool_off_period), (Some(11), Some(2)));
    cloud.advance(DAY * 11).await;
    delete(&cloud, &second).await.unwrap();
}

async fn status(cloud: &Cloud) -> SnapshotTierStatus {
    let output = cloud.call(DescribeSnapshotTierStatus, DescribeSnapshotTierStatusInput::default()).await;
    output.unwrap().snapshot_tier_statuses.unwrap().remove(0)
}

async fn create_volume(cloud: &Cloud, id: &str) -> Result<CreateVolumeOutput, Fault> {
    let input = CreateVolumeInput {
        snapshot_id: Some(id.to_owned()),
        availability_zone: Some("us-east-1a".to_owned()),
        ..CreateVolumeInput::default()
    };
    cloud.call(CreateVolume, input).await
}

#[tokio::test]
async fn an_archived_snapshot_has_to_come_back_before_it_is_used() {
    let cloud = Cloud::new(23).await;
    let id = snapshot(&cloud).await;
    let archive = || ModifySnapshotTierInput { snapshot_id: id.clone(), ..Default::default() };
    let restore = |days, for_good| RestoreSnapshotTierInput {
        snapshot_id: id.clone(),
        temporary_restore_days: days,
        permanent_restore: for_good,
        ..RestoreSnapshotTierInput::default()
    };
    assert_eq!(code(cloud.call(RestoreSnapshotTier, restore(Some(1), None)).await), "IncorrectState");
    cloud.call(ModifySnapshotTier, archive()).await.unwrap();
    assert_eq!(status(&cloud).await.last_tiering_progress, Some(0));
    create_volume(&cloud, &id).await.unwrap();
    assert_eq!(code(cloud.call(ModifySnapshotTier, archive()).await), "IncorrectState");
    cloud.advance(HOUR).await;
    let there = status(&cloud).await;
    assert_eq!(there.last_tiering_operation_status, Some(TieringOperationStatus::ArchivalCompleted));
    assert_eq!(there.archival_complete_time, Some(cloud.clock.now()));
    assert_eq!(described(&cloud, &id).await.storage_tier, Some(StorageTier::Archive));
    assert_eq!(code(create_volume(&cloud, &id).await), "IncorrectState");
    assert_eq!(code(copy(&cloud, &id, "us-east-1").await), "IncorrectState");
    for (days, for_good, why) in [
        (None, None, "MissingParameter"),
        (Some(181), None, "InvalidParameterValue"),
        (Some(1), Some(true), "InvalidParameterCombination"),
    ] {
        assert_eq!(code(cloud.call(RestoreSnapshotTier, restore(days, for_good)).await), why);
    }
    cloud.call(RestoreSnapshotTier, restore(Some(2), None)).await.unwrap();
    assert_eq!(code(create_volume(&cloud, &id).await), "IncorrectState");
    cloud.advance(HOUR).await;
    create_volume(&cloud, &id).await.unwrap();
    let shown = described(&cloud, &id).await;
    assert_eq!(shown.restore_expiry_time, Some(cloud.clock.now() + DAY * 2));
    cloud.advance(DAY * 2).await;
    assert_eq!(code(create_volume(&cloud, &id).await), "IncorrectState");
    cloud.call(RestoreSnapshotTier, restore(None, Some(true))).await.unwrap();
    cloud.advance(HOUR).await;
    assert_eq!(described(&cloud, &id).await.storage_tier, Some(StorageTier::Standard));
    create_volume(&cloud, &id).await.unwrap();
}

#[tokio::test]
async fn fast_restores_become_enabled_by_the_clock_and_cost_credits() {
    let cloud = Cloud::new(24).await;
    let id = snapshot(&cloud).await;
    let zones = vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()];
    let enable = EnableFastSnapshotRestoresInput {
        availability_zones: Some(zones.clone()),
        source_snapshot_ids: vec![id.clone(), "snap-00000000000000000".to_owned()],
        ..EnableFastSnapshotRestoresInput::default()
    };
    let enabled = cloud.call(EnableFastSnapshotRestores, enable).await.unwrap();
    let states: Vec<_> = enabled.successful.unwrap().into_iter().map(|it| it.state.unwrap()).collect();
    assert_eq!(states, [FastSnapshotRestoreStateCode::Enabling, FastSnapshotRestoreStateCode::Enabling]);
    let failed = enabled.unsuccessful.unwrap().remove(0).fast_snapshot_restore_state_errors.unwrap();
    let error = failed[0].error.as_ref().unwrap().code.as_deref();
    assert_eq!((failed.len(), error), (2, Some("InvalidSnapshot.NotFound")));
    cloud.advance(HOUR).await;
    let by_zone = DescribeFastSnapshotRestoresInput {
        filters: filters(&[("availability-zone", "us-east-1a"), ("state", "enabled")]),
        ..DescribeFastSnapshotRestoresInput::default()
    };
    let listed = cloud.call(DescribeFastSnapshotRestores, by_zone).await.unwrap();
    assert_eq!(listed.fast_snapshot_restores.unwrap().len(), 1);
    assert_eq!(create_volume(&cloud, &id).await.unwrap().fast_restored, Some(true));
    let disable = DisableFastSnapshotRestoresInput {
        availability_zones: Some(zones),
        source_snapshot_ids: vec![id.clone()],
        ..DisableFastSnapshotRestoresInput::default()
    };
    let disabled = cloud.call(DisableFastSnapshotRestores, disable.clone()).await.unwrap();
    assert_eq!(disabled.successful.unwrap().len(), 2);
    let again = cloud.call(DisableFastSnapshotRestores, disable).await.unwrap();
    assert_eq!(again.unsuccessful.unwrap().len(), 1);
    assert_ne!(create_volume(&cloud, &id).await.unwrap().fast_restored, Some(true));
    let none = cloud.call(EnableFastSnapshotRestores, EnableFastSnapshotRestoresInput::default()).await;
    assert_eq!(code(none), "InvalidParameterCombination");
}

async fn copy(cloud: &Cloud, id: &str, to: &str) -> Result<String, Fault> {
    let input = CopySnapshotInput {
        source_region: "us-east-1".to_owned(),
        source_snapshot_id: id.to_owned(),
        ..CopySnapshotInput::default()
    };
    let copied = copy_as(cloud, AccountId::DEV, to, input).await?;
    Ok(copied.snapshot_id.unwrap())
}

async fn copy_as(
    cloud: &Cloud,
    account: AccountId,
    to: &str,
    input: CopySnapshotInput,
) -> Result<CopySnapshotOutput, Fault> {
    let copied = cloud.call_as(account, Region::parse(to).unwrap(), CopySnapshot, input).await;
    cloud.settle().await;
    copied
}

async fn of_region(cloud: &Cloud, region: &str, id: &str) -> Snapshot {
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.to_owned()]), ..Default::default() };
    let region = Region::parse(region).unwrap();
    let found = cloud.call_as(AccountId::DEV, region, DescribeSnapshots, input).await.unwrap();
    found.snapshots.unwrap().remove(0)
}

#[tokio::test]
async fn a_copy_in_another_region_stands_alone() {
    let cloud = Cloud::new(25).await;
    let id = snapshot(&cloud).await;
    let input = CopySnapshotInput {
        source_region: "us-east-1".to_owned(),
        source_snapshot_id: id.clone(),
        encrypted: Some(true),
        destination_region: Some("eu-west-1".to_owned()),
        presigned_url: Some("https://ec2.us-east-1.amazonaws.com/?Action=CopySnapshot".to_owned()),
        tag_specifications: tagged("snapshot", &[("of", "monday")]),
        completion_duration_minutes: Some(30),
        ..CopySnapshotInput::default()
    };
    let copied = copy_as(&cloud, AccountId::DEV, "eu-west-1", input.clone()).await.unwrap();
    assert_eq!(copied.tags.unwrap()[0].key.as_deref(), Some("of"));
    let copy = copied.snapshot_id.unwrap();
    delete(&cloud, &id).await.unwrap();
    cloud.settle().await;
    let shown = of_region(&cloud, "eu-west-1", &copy).await;
    assert_eq!(shown.state, Some(SnapshotState::Completed));
    assert_eq!((shown.encrypted, shown.volume_id.as_deref()), (Some(true), Some("vol-ffffffff")));
    assert_eq!(shown.description, Some(format!("[Copied {id} from us-east-1]")));
    assert!(shown.kms_key_id.unwrap().starts_with("arn:aws:kms:eu-west-1:"));
    let again = copy_as(&cloud, AccountId::DEV, "eu-west-1", input.clone()).await;
    assert_eq!(code(again), "InvalidSnapshot.NotFound");
    for (wrong, why) in [
        (CopySnapshotInput { encrypted: Some(false), ..input.clone() }, "InvalidParameterValue"),
        (
            CopySnapshotInput { completion_duration_minutes: Some(20), ..input.clone() },
            "InvalidParameterValue",
        ),
        (
            CopySnapshotInput { destination_outpost_arn: Some("arn".to_owned()), ..input.clone() },
            "UnsupportedOperation",
        ),
    ] {
        assert_eq!(code(copy_as(&cloud, AccountId::DEV, "eu-west-1", wrong).await), why);
    }
}

async fn share(cloud: &Cloud, id: &str, with: CreateVolumePermission) -> Result<(), Fault> {
    let input = ModifySnapshotAttributeInput {
        snapshot_id: id.to_owned(),
        attribute: Some(SnapshotAttributeName::CreateVolumePermission),
        create_volume_permission: Some(CreateVolumePermissionModifications {
            add: Some(vec![with]),
            remove: None,
        }),
        ..ModifySnapshotAttributeInput::default()
    };
    cloud.call(ModifySnapshotAttribute, input).await.map(drop)
}

#[tokio::test]
async fn a_shared_snapshot_is_copied_by_those_it_is_shared_with() {
    let cloud = Cloud::new(26).await;
    let id = snapshot(&cloud).await;
    let other = AccountId::new(OTHER).unwrap();
    let input = CopySnapshotInput {
        source_region: "us-east-1".to_owned(),
        source_snapshot_id: id.clone(),
        ..CopySnapshotInput::default()
    };
    let before = copy_as(&cloud, other, "us-east-1", input.clone()).await;
    assert_eq!(code(before), "InvalidSnapshot.NotFound");
    let permission = CreateVolumePermission { user_id: Some(other.to_string()), group: None };
    share(&cloud, &id, permission).await.unwrap();
    copy_as(&cloud, other, "us-east-1", input).await.unwrap();
}

#[tokio::test]
async fn public_sharing_can_be_blocked_for_an_account() {
    let cloud = Cloud::new(27).await;
    let id = snapshot(&cloud).await;
    let everyone = || CreateVolumePermission { group: Some(PermissionGroup::All), user_id: None };
    let state = |state| EnableSnapshotBlockPublicAccessInput { state, dry_run: None };
    use SnapshotBlockPublicAccessState as State;
    cloud.call(EnableSnapshotBlockPublicAccess, state(State::BlockNewSharing)).await.unwrap();
    let (refusal, _) = refused(share(&cloud, &id, everyone()).await);
    assert_eq!(refusal, "OperationNotPermitted");
    cloud
        .call(DisableSnapshotBlockPublicAccess, DisableSnapshotBlockPublicAccessInput::default())
        .await
        .unwrap();
    share(&cloud, &id, everyone()).await.unwrap();
    let other = AccountId::new(OTHER).unwrap();
    let seen = || {
        let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.clone()]), ..Default::default() };
        cloud.call_as(other, Region::US_EAST_1, DescribeSnapshots, input)
    };
    assert_eq!(seen().await.unwrap().snapshots.unwrap().len(), 1);
    cloud.call(EnableSnapshotBlockPublicAccess, state(State::BlockAllSharing)).await.unwrap();
    assert_eq!(code(seen().await), "InvalidSnapshot.NotFound");
    let get = GetSnapshotBlockPublicAccessStateInput::default();
    let got = cloud.call(GetSnapshotBlockPublicAccessState, get).await.unwrap();
    assert_eq!(got.state, Some(State::BlockAllSharing));
    let unblocked = cloud.call(EnableSnapshotBlockPublicAccess, state(State::Unblocked)).await;
    assert_eq!(code(unblocked), "InvalidParameterValue");
}
