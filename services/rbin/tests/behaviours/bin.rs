//! What rules do in EC2: deleted snapshots, volumes and images stay in the bin to their time.

use crate::support::*;
use ec2_api::*;
use rbin_api::{CreateRuleInput, DeleteRule, DeleteRuleInput, ResourceType as Kind};
use testkit::Cloud;

async fn delete_snapshot(cloud: &Cloud, id: &str) {
    let input = DeleteSnapshotInput { snapshot_id: id.to_owned(), ..DeleteSnapshotInput::default() };
    cloud.call(DeleteSnapshot, input).await.unwrap();
    cloud.settle().await;
}

async fn snapshots_in_bin(cloud: &Cloud) -> Vec<SnapshotRecycleBinInfo> {
    let input = ListSnapshotsInRecycleBinInput::default();
    cloud.call(ListSnapshotsInRecycleBin, input).await.unwrap().snapshots.unwrap()
}

async fn describe(cloud: &Cloud, id: &str) -> Result<DescribeSnapshotsOutput, schema::Fault> {
    let input = DescribeSnapshotsInput {
        snapshot_ids: Some(vec![id.to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    cloud.call(DescribeSnapshots, input).await
}

async fn restore_snapshot(
    cloud: &Cloud,
    id: &str,
) -> Result<RestoreSnapshotFromRecycleBinOutput, schema::Fault> {
    let input = RestoreSnapshotFromRecycleBinInput {
        snapshot_id: id.to_owned(),
        ..RestoreSnapshotFromRecycleBinInput::default()
    };
    cloud.call(RestoreSnapshotFromRecycleBin, input).await
}

fn from(snapshot: &str) -> CreateVolumeInput {
    CreateVolumeInput {
        availability_zone: Some("us-east-1b".to_owned()),
        snapshot_id: Some(snapshot.to_owned()),
        ..CreateVolumeInput::default()
    }
}

#[tokio::test]
async fn a_deleted_snapshot_comes_back_whole() {
    let cloud = Cloud::new(1).await;
    create(&cloud, region(Kind::EbsSnapshot, 7)).await;
    let of = volume(&cloud, &[]).await;
    cloud.disks.write(&of, 0, b"precious");
    let id = snapshot(&cloud, &of, &[("app", "shop")]).await;
    let now = cloud.clock.now();
    delete_snapshot(&cloud, &id).await;
    let kept = snapshots_in_bin(&cloud).await;
    assert_eq!((kept.len(), kept[0].snapshot_id.as_deref()), (1, Some(id.as_str())));
    assert_eq!(kept[0].recycle_bin_enter_time, Some(now));
    assert_eq!(kept[0].recycle_bin_exit_time, Some(now + DAY * 7));
    assert_eq!(kept[0].volume_id.as_ref(), Some(&of));
    assert_eq!(code(describe(&cloud, &id).await), "InvalidSnapshot.NotFound");
    assert_eq!(code(cloud.call(CreateVolume, from(&id)).await), "InvalidSnapshot.NotFound");
    pass(&cloud, DAY * 6).await;
    let restored = restore_snapshot(&cloud, &id).await.unwrap();
    assert_eq!((restored.state, restored.volume_size), (Some(SnapshotState::Completed), Some(1)));
    let shown = describe(&cloud, &id).await.unwrap().snapshots.unwrap().remove(0);
    let tags = shown.tags.unwrap();
    assert_eq!((tags.len(), tags[0].key.as_deref()), (1, Some("app")));
    assert!(snapshots_in_bin(&cloud).await.is_empty());
    let volume = cloud.call(CreateVolume, from(&id)).await.unwrap().volume_id.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.disks.read(&volume, 0).as_deref(), Some(b"precious".as_slice()));
    // Its time is not up a second time.
    pass(&cloud, DAY * 3).await;
    assert!(describe(&cloud, &id).await.is_ok());
}

#[tokio::test]
async fn after_its_time_a_snapshot_is_gone_for_good_whatever_became_of_the_rule() {
    let cloud = Cloud::new(2).await;
    let rule = create(&cloud, region(Kind::EbsSnapshot, 2)).await;
    let id = snapshot(&cloud, &volume(&cloud, &[]).await, &[]).await;
    delete_snapshot(&cloud, &id).await;
    cloud.call(DeleteRule, DeleteRuleInput { identifier: rule }).await.unwrap();
    pass(&cloud, DAY).await;
    assert_eq!(snapshots_in_bin(&cloud).await.len(), 1);
    pass(&cloud, DAY).await;
    assert!(snapshots_in_bin(&cloud).await.is_empty());
    assert_eq!(code(restore_snapshot(&cloud, &id).await), "InvalidSnapshot.NotFound");
    let other = snapshot(&cloud, &volume(&cloud, &[]).await, &[]).await;
    delete_snapshot(&cloud, &other).await;
    assert!(snapshots_in_bin(&cloud).await.is_empty(), "there is no rule any more");
}

/// What the snapshots of this month have taken so far.
async fn paid(cloud: &Cloud) -> f64 {
    let costs = cloud.ec2.costs(None, None, None).await.unwrap();
    let of_snapshots = costs.lines.iter().filter(|line| line.item.to_lowercase().contains("snapshot"));
    of_snapshots.map(|line| line.amount.parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn what_lies_in_the_bin_is_paid_for_until_it_is_gone() {
    let cloud = Cloud::new(6).await;
    create(&cloud, region(Kind::EbsSnapshot, 2)).await;
    let of = volume(&cloud, &[]).await;
    for block in 0..2_048 {
        cloud.disks.write(&of, block, b"much");
    }
    let id = snapshot(&cloud, &of, &[]).await;
    delete_snapshot(&cloud, &id).await;
    let at_first = paid(&cloud).await;
    pass(&cloud, DAY).await;
    let later = paid(&cloud).await;
    assert!(later > at_first, "{later} after {at_first}");
    pass(&cloud, DAY).await;
    let gone = paid(&cloud).await;
    pass(&cloud, DAY).await;
    assert!((paid(&cloud).await - gone).abs() < 1e-9);
}

#[tokio::test]
async fn rules_are_of_tags_or_leave_them_out() {
    let cloud = Cloud::new(3).await;
    let of_tag =
        CreateRuleInput { resource_tags: Some(vec![tag("app", "shop")]), ..region(Kind::EbsSnapshot, 30) };
    create(&cloud, of_tag).await;
    let but_tag = CreateRuleInput {
        exclude_resource_tags: Some(vec![tag("scratch", "yes")]),
        ..region(Kind::EbsSnapshot, 3)
    };
    create(&cloud, but_tag).await;
    let of = volume(&cloud, &[]).await;
    for (tags, days) in [
        (&[("app", "shop")][..], Some(30)),
        (&[("app", "bank")], Some(3)),
        (&[("scratch", "yes")], None),
        (&[("scratch", "yes"), ("app", "shop")], Some(30)),
    ] {
        let id = snapshot(&cloud, &of, tags).await;
        let now = cloud.clock.now();
        delete_snapshot(&cloud, &id).await;
        let kept = snapshots_in_bin(&cloud).await;
        let kept = kept.iter().find(|one| one.snapshot_id.as_ref() == Some(&id));
        let until = kept.and_then(|one| one.recycle_bin_exit_time);
        assert_eq!(until, days.map(|days| now + DAY * days), "{tags:?}");
    }
}

#[tokio::test]
async fn a_deleted_volume_comes_back_or_goes_after_its_time() {
    let cloud = Cloud::new(4).await;
    create(&cloud, region(Kind::EbsVolume, 7)).await;
    let (back, gone) = (volume(&cloud, &[]).await, volume(&cloud, &[]).await);
    cloud.disks.write(&back, 0, b"kept");
    for id in [&back, &gone] {
        let input = DeleteVolumeInput { volume_id: id.clone(), ..DeleteVolumeInput::default() };
        cloud.call(DeleteVolume, input).await.unwrap();
    }
    cloud.settle().await;
    let look = |id: &String| DescribeVolumesInput {
        volume_ids: Some(vec![id.clone()]),
        ..DescribeVolumesInput::default()
    };
    assert_eq!(code(cloud.call(DescribeVolumes, look(&back)).await), "InvalidVolume.NotFound");
    let listed = cloud.call(ListVolumesInRecycleBin, ListVolumesInRecycleBinInput::default()).await.unwrap();
    assert_eq!(listed.volumes.unwrap().len(), 2);
    let restore =
        |id: &String| RestoreVolumeFromRecycleBinInput { volume_id: id.clone(), ..Default::default() };
    cloud.call(RestoreVolumeFromRecycleBin, restore(&back)).await.unwrap();
    cloud.settle().await;
    let shown = cloud.call(DescribeVolumes, look(&back)).await.unwrap().volumes.unwrap().remove(0);
    assert_eq!(shown.state, Some(VolumeState::Available));
    assert_eq!(cloud.disks.read(&back, 0).as_deref(), Some(b"kept".as_slice()));
    pass(&cloud, DAY * 7).await;
    let refused = cloud.call(RestoreVolumeFromRecycleBin, restore(&gone)).await;
    assert_eq!(code(refused), "InvalidVolume.NotFound");
    assert!(cloud.disks.read(&gone, 0).is_none(), "its blocks are gone too");
    assert!(cloud.disks.read(&back, 0).is_some());
}

#[tokio::test]
async fn a_deregistered_image_comes_back_once_its_snapshots_are_there() {
    let cloud = Cloud::new(5).await;
    create(&cloud, region(Kind::Ec2Image, 3)).await;
    create(&cloud, region(Kind::EbsSnapshot, 9)).await;
    let root = snapshot(&cloud, &volume(&cloud, &[]).await, &[]).await;
    let mapping = BlockDeviceMapping {
        device_name: Some("/dev/xvda".to_owned()),
        ebs: Some(EbsBlockDevice { snapshot_id: Some(root.clone()), ..EbsBlockDevice::default() }),
        ..BlockDeviceMapping::default()
    };
    let input = RegisterImageInput {
        name: "golden".to_owned(),
        root_device_name: Some("/dev/xvda".to_owned()),
        block_device_mappings: Some(vec![mapping]),
        ..RegisterImageInput::default()
    };
    let id = cloud.call(RegisterImage, input).await.unwrap().image_id.unwrap();
    let gone = DeregisterImageInput { image_id: id.clone(), ..DeregisterImageInput::default() };
    cloud.call(DeregisterImage, gone.clone()).await.unwrap();
    delete_snapshot(&cloud, &root).await;
    let listed = cloud.call(ListImagesInRecycleBin, ListImagesInRecycleBinInput::default()).await.unwrap();
    assert_eq!(listed.images.unwrap()[0].name.as_deref(), Some("golden"));
    let restore = RestoreImageFromRecycleBinInput { image_id: id.clone(), ..Default::default() };
    assert_eq!(
        code(cloud.call(RestoreImageFromRecycleBin, restore.clone()).await),
        "InvalidSnapshot.NotFound"
    );
    restore_snapshot(&cloud, &root).await.unwrap();
    cloud.call(RestoreImageFromRecycleBin, restore.clone()).await.unwrap();
    let look = DescribeImagesInput { image_ids: Some(vec![id]), ..DescribeImagesInput::default() };
    assert_eq!(cloud.call(DescribeImages, look).await.unwrap().images.unwrap().len(), 1);
    cloud.call(DeregisterImage, gone).await.unwrap();
    pass(&cloud, DAY * 3).await;
    assert_eq!(code(cloud.call(RestoreImageFromRecycleBin, restore).await), "InvalidAMIID.NotFound");
}
