//! Snapshots: what a volume held at a moment, restored any day and shared.

use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, filters, refused, tagged};
use crate::volumes::{look, sized, volume};

async fn snapshot(cloud: &Cloud, volume: &str) -> String {
    let input = CreateSnapshotInput { volume_id: volume.to_owned(), ..CreateSnapshotInput::default() };
    let made = cloud.call(CreateSnapshot, input).await.unwrap();
    assert_eq!(made.state, Some(SnapshotState::Pending));
    cloud.settle().await;
    made.snapshot_id.unwrap()
}

async fn show(cloud: &Cloud, id: &str) -> Snapshot {
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().remove(0)
}

#[tokio::test]
async fn a_snapshot_holds_the_moment_of_the_call_and_any_zone_restores_it() {
    let cloud = Cloud::new(1).await;
    let id = volume(&cloud, sized(2)).await;
    cloud.disks.write(&id, 0, b"monday");
    cloud.disks.hold_copying(true);
    let first = snapshot(&cloud, &id).await;
    cloud.disks.write(&id, 0, b"tuesday");
    assert_eq!(show(&cloud, &first).await.progress.as_deref(), Some("50%"));
    let from = |snapshot: &str, size| CreateVolumeInput {
        availability_zone: Some("us-east-1b".to_owned()),
        snapshot_id: Some(snapshot.to_owned()),
        size,
        ..CreateVolumeInput::default()
    };
    assert_eq!(code(cloud.call(CreateVolume, from(&first, None)).await), "IncorrectState");
    cloud.disks.hold_copying(false);
    cloud.settle().await;
    let shown = show(&cloud, &first).await;
    assert_eq!((shown.state, shown.progress.as_deref()), (Some(SnapshotState::Completed), Some("100%")));
    assert_eq!(shown.full_snapshot_size_in_bytes, Some(512 << 10));
    assert_eq!(code(cloud.call(CreateVolume, from(&first, Some(1))).await), "InvalidParameterValue");
    let restored = volume(&cloud, from(&first, Some(4))).await;
    assert_eq!(look(&cloud, &restored).await.snapshot_id, Some(first.clone()));
    assert_eq!(cloud.disks.read(&restored, 0).as_deref(), Some(b"monday".as_slice()));
    let input = DeleteSnapshotInput { snapshot_id: first.clone(), ..DeleteSnapshotInput::default() };
    cloud.call(DeleteSnapshot, input.clone()).await.unwrap();
    cloud.settle().await;
    assert_eq!(code(cloud.call(DeleteSnapshot, input).await), "InvalidSnapshot.NotFound");
    assert_eq!(cloud.disks.read(&restored, 0).as_deref(), Some(b"monday".as_slice()));
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_begun_leaves_nothing() {
    let cloud = Cloud::new(2).await;
    let id = volume(&cloud, sized(1)).await;
    cloud.disks.fail(Some("the disk is gone"));
    let input = CreateSnapshotInput { volume_id: id, ..CreateSnapshotInput::default() };
    assert_eq!(code(cloud.call(CreateSnapshot, input).await), "InternalError");
    let own = DescribeSnapshotsInput { owner_ids: Some(vec!["self".to_owned()]), ..Default::default() };
    let all = cloud.call(DescribeSnapshots, own).await.unwrap();
    assert_eq!(all.snapshots, Some(Vec::new()));
}

#[tokio::test]
async fn snapshots_are_filtered_and_tagged() {
    let cloud = Cloud::new(3).await;
    let id = volume(&cloud, sized(1)).await;
    let input = CreateSnapshotInput {
        volume_id: id.clone(),
        description: Some("nightly".to_owned()),
        tag_specifications: tagged("snapshot", &[("keep", "week")]),
        ..CreateSnapshotInput::default()
    };
    let kept = cloud.call(CreateSnapshot, input).await.unwrap().snapshot_id;
    snapshot(&cloud, &id).await;
    let list = async |pairs: &[(&str, &str)]| {
        let input = DescribeSnapshotsInput { filters: filters(pairs), ..Default::default() };
        cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap()
    };
    assert_eq!(list(&[("volume-id", &id)]).await.len(), 2);
    for pair in [("tag:keep", "week"), ("description", "night*")] {
        let found = list(&[pair, ("status", "completed"), ("storage-tier", "standard")]).await;
        assert_eq!(
            found.into_iter().map(|one| one.snapshot_id).collect::<Vec<_>>(),
            std::slice::from_ref(&kept)
        );
    }
}

#[tokio::test]
async fn a_snapshot_is_shared_with_an_account_and_its_encryption_bounds_that() {
    let cloud = Cloud::new(4).await;
    let plain = volume(&cloud, sized(1)).await;
    let plain = snapshot(&cloud, &plain).await;
    let encrypted = volume(&cloud, CreateVolumeInput { encrypted: Some(true), ..sized(1) }).await;
    let encrypted = snapshot(&cloud, &encrypted).await;
    assert_eq!(show(&cloud, &encrypted).await.encrypted, Some(true));
    let share = async |id: &str, permission: CreateVolumePermission| {
        let input = ModifySnapshotAttributeInput {
            snapshot_id: id.to_owned(),
            create_volume_permission: Some(CreateVolumePermissionModifications {
                add: Some(vec![permission]),
                remove: None,
            }),
            ..ModifySnapshotAttributeInput::default()
        };
        cloud.call(ModifySnapshotAttribute, input).await
    };
    let account = |id: &str| CreateVolumePermission { user_id: Some(id.to_owned()), group: None };
    let (refusal, message) = refused(share(&encrypted, account("111122223333")).await);
    assert_eq!(refusal, "InvalidParameterValue");
    assert_eq!(message, "Encrypted snapshots with EBS default key cannot be shared");
    assert_eq!(code(share(&plain, account("12")).await), "InvalidUserID.Malformed");
    share(&plain, account("111122223333")).await.unwrap();
    let input = DescribeSnapshotAttributeInput {
        snapshot_id: plain.clone(),
        attribute: SnapshotAttributeName::CreateVolumePermission,
        ..DescribeSnapshotAttributeInput::default()
    };
    let shown = cloud.call(DescribeSnapshotAttribute, input).await.unwrap();
    assert_eq!(shown.create_volume_permissions, Some(vec![account("111122223333")]));
    let other = cloud.as_account(111_122_223_333);
    assert_eq!(show(&other, &plain).await.snapshot_id, Some(plain.clone()));
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![encrypted]), ..Default::default() };
    assert_eq!(code(other.call(DescribeSnapshots, input).await), "InvalidSnapshot.NotFound");
    let input = CreateVolumeInput { snapshot_id: Some(plain.clone()), ..sized(1) };
    volume(&other, input).await;
    let input = DeleteSnapshotInput { snapshot_id: plain, ..DeleteSnapshotInput::default() };
    assert_eq!(code(other.call(DeleteSnapshot, input).await), "AuthFailure");
}
