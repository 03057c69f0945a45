//! Volumes: made, attached, changed, deleted; and what launches do with them.

use std::time::Duration;

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::instances::{one, request, run, show, until};
use crate::support::{code, filters, refused, tagged};

pub fn sized(gib: i32) -> CreateVolumeInput {
    CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(gib),
        volume_type: Some(VolumeType::Gp3),
        ..CreateVolumeInput::default()
    }
}

pub async fn volume(cloud: &Cloud, input: CreateVolumeInput) -> String {
    let made = cloud.call(CreateVolume, input).await.unwrap();
    assert_eq!(made.state, Some(VolumeState::Creating));
    let id = made.volume_id.unwrap();
    cloud.settle().await;
    assert_eq!(look(cloud, &id).await.state, Some(VolumeState::Available));
    id
}

pub async fn look(cloud: &Cloud, id: &str) -> Volume {
    let input = DescribeVolumesInput { volume_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeVolumes, input).await.unwrap().volumes.unwrap().remove(0)
}

pub async fn attach(
    cloud: &Cloud,
    volume: &str,
    instance: &str,
    device: &str,
) -> Result<AttachVolumeOutput, Fault> {
    let input = AttachVolumeInput {
        volume_id: volume.to_owned(),
        instance_id: instance.to_owned(),
        device: device.to_owned(),
        ..AttachVolumeInput::default()
    };
    cloud.call(AttachVolume, input).await
}

pub async fn detach(cloud: &Cloud, volume: &str, force: bool) -> Result<DetachVolumeOutput, Fault> {
    let input = DetachVolumeInput {
        volume_id: volume.to_owned(),
        force: Some(force),
        ..DetachVolumeInput::default()
    };
    cloud.call(DetachVolume, input).await
}

async fn delete(cloud: &Cloud, id: &str) -> Result<DeleteVolumeOutput, Fault> {
    cloud.call(DeleteVolume, DeleteVolumeInput { volume_id: id.to_owned(), ..Default::default() }).await
}

/// An instance in the zone of the volumes.
pub async fn neighbour(cloud: &Cloud) -> String {
    let placement = Placement { availability_zone: Some("us-east-1a".to_owned()), ..Placement::default() };
    let input = RunInstancesInput { placement: Some(placement), ..request(cloud, 1).await };
    let id = run(cloud, input).await.remove(0);
    until(cloud, &id, InstanceStateName::Running).await;
    id
}

pub async fn step(cloud: &Cloud, id: &str) -> Option<VolumeAttachmentState> {
    look(cloud, id).await.attachments.unwrap().first().and_then(|one| one.state.clone())
}

#[tokio::test]
async fn a_volume_goes_from_one_instance_to_the_next_with_its_data() {
    let cloud = Cloud::new(1).await;
    let input = CreateVolumeInput { tag_specifications: tagged("volume", &[("Name", "data")]), ..sized(8) };
    let id = volume(&cloud, input).await;
    let (first, second) = (neighbour(&cloud).await, neighbour(&cloud).await);
    let attached = attach(&cloud, &id, &first, "/dev/sdf").await.unwrap();
    assert_eq!(attached.state, Some(VolumeAttachmentState::Attaching));
    cloud.settle().await;
    let shown = look(&cloud, &id).await;
    assert_eq!(shown.state, Some(VolumeState::InUse));
    assert_eq!(step(&cloud, &id).await, Some(VolumeAttachmentState::Attached));
    let known = cloud.disks.attachment(&id).unwrap();
    assert_eq!((known.machine.as_str(), known.device.as_str()), (first.as_str(), "/dev/sdf"));
    assert_eq!(known.pace.map(|pace| pace.operations_a_second), Some(3_000));
    let mappings = show(&cloud, &first).await.block_device_mappings.unwrap();
    assert!(mappings.iter().any(|one| one.device_name.as_deref() == Some("/dev/sdf")));
    cloud.disks.write(&id, 3, b"kept");
    assert_eq!(code(attach(&cloud, &id, &second, "/dev/sdf").await), "VolumeInUse");
    assert_eq!(code(delete(&cloud, &id).await), "VolumeInUse");
    detach(&cloud, &id, false).await.unwrap();
    cloud.settle().await;
    assert_eq!(look(&cloud, &id).await.state, Some(VolumeState::Available));
    attach(&cloud, &id, &second, "sdf").await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.disks.attachment(&id).unwrap().machine, second);
    assert_eq!(cloud.disks.read(&id, 3).as_deref(), Some(b"kept".as_slice()));
    let mappings = show(&cloud, &first).await.block_device_mappings.unwrap();
    assert!(!mappings.iter().any(|one| one.device_name.as_deref() == Some("/dev/sdf")));
    detach(&cloud, &id, false).await.unwrap();
    cloud.settle().await;
    delete(&cloud, &id).await.unwrap();
    cloud.settle().await;
    let input = DescribeVolumesInput { volume_ids: Some(vec![id.clone()]), ..Default::default() };
    let (refusal, message) = refused(cloud.call(DescribeVolumes, input).await);
    assert_eq!(refusal, "InvalidVolume.NotFound");
    assert_eq!(message, format!("The volume ID '{id}' does not exist"));
    assert!(cloud.disks.spec(&id).is_none());
}

#[tokio::test]
async fn a_mounted_volume_is_busy_until_it_is_unmounted_or_forced() {
    let cloud = Cloud::new(2).await;
    let (id, instance) = (volume(&cloud, sized(1)).await, neighbour(&cloud).await);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    cloud.disks.set_open(&id, true);
    detach(&cloud, &id, false).await.unwrap();
    cloud.settle().await;
    assert_eq!(step(&cloud, &id).await, Some(VolumeAttachmentState::Busy));
    cloud.disks.set_open(&id, false);
    cloud.settle().await;
    assert_eq!(step(&cloud, &id).await, None);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    cloud.disks.set_open(&id, true);
    detach(&cloud, &id, true).await.unwrap();
    cloud.settle().await;
    assert_eq!(step(&cloud, &id).await, None);
    assert_eq!(cloud.disks.detachments(), [(id.clone(), false), (id, true)]);
}

#[tokio::test]
async fn an_attachment_that_fails_at_the_device_ends() {
    let cloud = Cloud::new(8).await;
    let (id, instance) = (volume(&cloud, sized(1)).await, neighbour(&cloud).await);
    cloud.disks.fail_attaching(Some("there is no loop device left"));
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    assert_eq!(step(&cloud, &id).await, Some(VolumeAttachmentState::Attaching));
    cloud.settle().await;
    assert_eq!(look(&cloud, &id).await.state, Some(VolumeState::Available));
    assert_eq!(step(&cloud, &id).await, None);
    let mappings = show(&cloud, &instance).await.block_device_mappings.unwrap();
    assert!(!mappings.iter().any(|one| one.device_name.as_deref() == Some("/dev/sdf")));
    cloud.disks.fail_attaching(None);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    assert_eq!(step(&cloud, &id).await, Some(VolumeAttachmentState::Attached));
}

#[tokio::test]
async fn a_volume_whose_key_is_disabled_is_not_attached() {
    let cloud = Cloud::new(9).await;
    let key = cloud.call(kms_api::CreateKey, kms_api::CreateKeyInput::default()).await.unwrap();
    let key = key.key_metadata.unwrap().arn.unwrap();
    let input = CreateVolumeInput { encrypted: Some(true), kms_key_id: Some(key.clone()), ..sized(1) };
    let (id, instance) = (volume(&cloud, input).await, neighbour(&cloud).await);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    // Before the task opens the data key, the KMS key is disabled.
    cloud.call(kms_api::DisableKey, kms_api::DisableKeyInput { key_id: key }).await.unwrap();
    cloud.settle().await;
    assert_eq!(look(&cloud, &id).await.state, Some(VolumeState::Available));
    assert_eq!(code(attach(&cloud, &id, &instance, "/dev/sdf").await), "InvalidParameterValue");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let cloud = Cloud::new(3).await;
    let base = sized(8);
    let with = |change: &dyn Fn(&mut CreateVolumeInput)| {
        let mut input = base.clone();
        change(&mut input);
        input
    };
    for (input, expected) in [
        (with(&|it| it.availability_zone = Some("us-east-1z".into())), "InvalidZone.NotFound"),
        (with(&|it| it.availability_zone = None), "MissingParameter"),
        (with(&|it| it.size = None), "MissingParameter"),
        (with(&|it| it.size = Some(70_000)), "InvalidParameterValue"),
        (with(&|it| it.iops = Some(5_000)), "InvalidParameterValue"),
        (with(&|it| (it.volume_type, it.iops) = (None, Some(100))), "InvalidParameterCombination"),
        (with(&|it| it.volume_type = Some(VolumeType::Io1)), "MissingParameter"),
        (with(&|it| it.multi_attach_enabled = Some(true)), "InvalidParameterCombination"),
        (
            with(&|it| {
                (it.volume_type, it.iops) = (Some(VolumeType::Io2), Some(100));
                it.multi_attach_enabled = Some(true);
            }),
            "UnsupportedOperation",
        ),
        (with(&|it| it.kms_key_id = Some("alias/own".into())), "InvalidParameterDependency"),
        (with(&|it| it.snapshot_id = Some("snap-00000000000000000".into())), "InvalidSnapshot.NotFound"),
    ] {
        assert_eq!(code(cloud.call(CreateVolume, input.clone()).await), expected, "{input:?}");
    }
    let id = volume(&cloud, sized(1)).await;
    let instance = one(&cloud).await;
    let zone = show(&cloud, &instance).await.placement.unwrap().availability_zone.unwrap();
    let there = CreateVolumeInput { availability_zone: Some(zone.clone()), ..sized(1) };
    let near = volume(&cloud, there).await;
    let far = if zone == "us-east-1a" { "us-east-1b" } else { "us-east-1a" };
    let far = volume(&cloud, CreateVolumeInput { availability_zone: Some(far.to_owned()), ..sized(1) }).await;
    assert_eq!(code(attach(&cloud, &far, &instance, "/dev/sdf").await), "InvalidVolume.ZoneMismatch");
    assert_eq!(code(attach(&cloud, &near, &instance, "/dev/../x").await), "InvalidParameterValue");
    assert_eq!(code(attach(&cloud, &near, &instance, "/dev/xvda").await), "InvalidParameterValue");
    assert_eq!(code(detach(&cloud, &id, false).await), "IncorrectState");
}

#[tokio::test]
async fn a_volume_grows_while_it_is_attached_and_never_shrinks() {
    let cloud = Cloud::new(4).await;
    let (id, instance) = (volume(&cloud, sized(8)).await, neighbour(&cloud).await);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    let modify = async |size: i32, iops: Option<i32>| {
        let input = ModifyVolumeInput {
            volume_id: id.clone(),
            size: Some(size),
            iops,
            ..ModifyVolumeInput::default()
        };
        cloud.call(ModifyVolume, input).await
    };
    let last = async || {
        let input = DescribeVolumesModificationsInput {
            volume_ids: Some(vec![id.clone()]),
            ..DescribeVolumesModificationsInput::default()
        };
        cloud
            .call(DescribeVolumesModifications, input)
            .await
            .unwrap()
            .volumes_modifications
            .unwrap()
            .remove(0)
    };
    assert_eq!(code(modify(4, None).await), "InvalidParameterValue");
    let begun = modify(20, Some(4_000)).await.unwrap().volume_modification.unwrap();
    assert_eq!(begun.modification_state, Some(VolumeModificationState::Modifying));
    assert_eq!((begun.original_size, begun.target_size), (Some(8), Some(20)));
    cloud.settle().await;
    assert_eq!(last().await.modification_state, Some(VolumeModificationState::Optimizing));
    assert_eq!(look(&cloud, &id).await.size, Some(20));
    assert_eq!(cloud.disks.spec(&id).unwrap().bytes, 20 << 30);
    assert_eq!(cloud.disks.attachment(&id).unwrap().pace.unwrap().operations_a_second, 4_000);
    assert_eq!(code(modify(30, None).await), "IncorrectModificationState");
    for size in [21, 22, 23] {
        cloud.advance(Duration::from_secs(120)).await;
        cloud.settle().await;
        assert_eq!(last().await.modification_state, Some(VolumeModificationState::Completed));
        modify(size, None).await.unwrap();
        cloud.settle().await;
    }
    cloud.advance(Duration::from_secs(120)).await;
    cloud.settle().await;
    assert_eq!(code(modify(24, None).await), "VolumeModificationRateExceeded");
    cloud.advance(Duration::from_secs(86_400)).await;
    modify(24, None).await.unwrap();
}

#[tokio::test]
async fn volumes_of_a_launch_are_there_before_the_machine_and_go_as_they_are_told() {
    let cloud = Cloud::new(5).await;
    let device = |name: &str, stays: bool| BlockDeviceMapping {
        device_name: Some(name.to_owned()),
        ebs: Some(EbsBlockDevice {
            volume_size: Some(2),
            delete_on_termination: Some(!stays),
            ..EbsBlockDevice::default()
        }),
        ..BlockDeviceMapping::default()
    };
    let input = RunInstancesInput {
        block_device_mappings: Some(vec![device("/dev/sdf", true), device("/dev/sdg", false)]),
        tag_specifications: tagged("volume", &[("team", "web")]),
        ..request(&cloud, 2).await
    };
    let ids = run(&cloud, input).await;
    for id in &ids {
        until(&cloud, id, InstanceStateName::Running).await;
    }
    let of = async |id: &str| {
        let input = DescribeVolumesInput {
            filters: filters(&[("attachment.instance-id", id), ("tag:team", "web")]),
            ..DescribeVolumesInput::default()
        };
        cloud.call(DescribeVolumes, input).await.unwrap().volumes.unwrap()
    };
    let volumes = of(&ids[0]).await;
    assert_eq!(volumes.len(), 3, "its root and two more");
    assert!(volumes.iter().all(|one| one.state == Some(VolumeState::InUse)));
    let id_of = |device: &str| {
        let is_it = |one: &&Volume| one.attachments.as_ref().unwrap()[0].device.as_deref() == Some(device);
        volumes.iter().find(is_it).unwrap().volume_id.clone().unwrap()
    };
    let (stays, goes) = (id_of("/dev/sdf"), id_of("/dev/sdg"));
    let input = StopInstancesInput { instance_ids: vec![ids[0].clone()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, input).await.unwrap();
    until(&cloud, &ids[0], InstanceStateName::Stopped).await;
    assert_eq!(of(&ids[0]).await.len(), 3, "volumes stay while an instance is stopped");
    cloud.disks.lose_attachments();
    let input = StartInstancesInput { instance_ids: vec![ids[0].clone()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, input).await.unwrap();
    until(&cloud, &ids[0], InstanceStateName::Running).await;
    assert!(cloud.disks.attachment(&stays).is_some(), "they are attached again before the machine starts");
    let input = TerminateInstancesInput { instance_ids: vec![ids[0].clone()], ..Default::default() };
    cloud.call(TerminateInstances, input).await.unwrap();
    until(&cloud, &ids[0], InstanceStateName::Terminated).await;
    cloud.settle().await;
    assert_eq!(look(&cloud, &stays).await.state, Some(VolumeState::Available));
    assert!(cloud.disks.spec(&goes).is_none());
    assert_eq!(of(&ids[1]).await.len(), 3);
}

#[tokio::test]
async fn an_encrypted_volume_has_a_key_of_kms_and_by_default_all_are() {
    let cloud = Cloud::new(6).await;
    let key = cloud.call(kms_api::CreateKey, kms_api::CreateKeyInput::default()).await.unwrap();
    let key = key.key_metadata.unwrap().arn.unwrap();
    let own = CreateVolumeInput { encrypted: Some(true), kms_key_id: Some(key.clone()), ..sized(1) };
    let own = volume(&cloud, own).await;
    let shown = look(&cloud, &own).await;
    assert_eq!((shown.encrypted, shown.kms_key_id), (Some(true), Some(key.clone())));
    let first = cloud.disks.spec(&own).unwrap().key.expect("the engine has the data key");
    let instance = neighbour(&cloud).await;
    attach(&cloud, &own, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.disks.attachment(&own).unwrap().key, Some(first.clone()));
    let plain = volume(&cloud, sized(1)).await;
    assert!(cloud.disks.spec(&plain).unwrap().key.is_none());
    cloud.call(EnableEbsEncryptionByDefault, Default::default()).await.unwrap();
    let on = cloud.call(GetEbsEncryptionByDefault, Default::default()).await.unwrap();
    assert_eq!(on.ebs_encryption_by_default, Some(true));
    let default = volume(&cloud, sized(1)).await;
    assert_eq!(look(&cloud, &default).await.encrypted, Some(true));
    assert_ne!(cloud.disks.spec(&default).unwrap().key, Some(first));
    let change = ModifyEbsDefaultKmsKeyIdInput { kms_key_id: key.clone(), ..Default::default() };
    cloud.call(ModifyEbsDefaultKmsKeyId, change).await.unwrap();
    let third = volume(&cloud, sized(1)).await;
    assert_eq!(look(&cloud, &third).await.kms_key_id, Some(key));
}

#[tokio::test]
async fn volumes_of_a_zone_that_is_down_are_impaired_and_wait() {
    let cloud = Cloud::new(7).await;
    let id = volume(&cloud, sized(1)).await;
    cloud.ec2.set_zone("us-east-1a", true).await.unwrap();
    let status = async || {
        let input = DescribeVolumeStatusInput { volume_ids: Some(vec![id.clone()]), ..Default::default() };
        let all = cloud.call(DescribeVolumeStatus, input).await.unwrap().volume_statuses.unwrap();
        all[0].volume_status.clone().unwrap().status.unwrap()
    };
    assert_eq!(status().await, VolumeStatusInfoStatus::Impaired);
    let input = CreateSnapshotInput { volume_id: id.clone(), ..CreateSnapshotInput::default() };
    assert_eq!(code(cloud.call(CreateSnapshot, input).await), "IncorrectState");
    assert_eq!(code(cloud.call(CreateVolume, sized(1)).await), "IncorrectState");
    delete(&cloud, &id).await.unwrap();
    cloud.settle().await;
    assert!(cloud.disks.spec(&id).is_some());
    cloud.ec2.set_zone("us-east-1a", false).await.unwrap();
    cloud.settle().await;
    assert!(cloud.disks.spec(&id).is_none());
}
