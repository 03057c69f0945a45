//! Instances whose root is a volume, and images that are made of them.

use base::Region;
use ec2_api::*;
use fogbank_ec2::Root;
use schema::Fault;
use testkit::Cloud;

use crate::instances::{one, request, run, show, until};
use crate::support::{code, filters, refused, tagged};
use crate::volumes::{attach, look};

pub async fn shown(cloud: &Cloud, region: Region, id: &str) -> Image {
    let input = DescribeImagesInput { image_ids: Some(vec![id.to_owned()]), ..Default::default() };
    let account = base::AccountId::DEV;
    cloud.call_as(account, region, DescribeImages, input).await.unwrap().images.unwrap().remove(0)
}

pub fn ebs_of(image: &Image, device: &str) -> EbsBlockDevice {
    let mut mappings = image.block_device_mappings.iter().flatten();
    let found = mappings.find(|mapping| mapping.device_name.as_deref() == Some(device));
    found.unwrap().ebs.clone().unwrap()
}

/// The volume at an instance's root device.
pub async fn root_of(cloud: &Cloud, instance: &str) -> String {
    let shown = show(cloud, instance).await;
    let mut mappings = shown.block_device_mappings.iter().flatten();
    let root = mappings.find(|mapping| mapping.device_name == shown.root_device_name).unwrap();
    root.ebs.as_ref().unwrap().volume_id.clone().unwrap()
}

pub fn mapped(device: &str, ebs: EbsBlockDevice) -> Option<Vec<BlockDeviceMapping>> {
    let device_name = Some(device.to_owned());
    Some(vec![BlockDeviceMapping { device_name, ebs: Some(ebs), ..BlockDeviceMapping::default() }])
}

pub async fn stop(cloud: &Cloud, id: &str) {
    let input = StopInstancesInput { instance_ids: vec![id.to_owned()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, input).await.unwrap();
    until(cloud, id, InstanceStateName::Stopped).await;
}

async fn start(cloud: &Cloud, id: &str) -> Result<StartInstancesOutput, Fault> {
    let input = StartInstancesInput { instance_ids: vec![id.to_owned()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, input).await
}

pub async fn terminate(cloud: &Cloud, id: &str) {
    let input = TerminateInstancesInput { instance_ids: vec![id.to_owned()], ..Default::default() };
    cloud.call(TerminateInstances, input).await.unwrap();
    until(cloud, id, InstanceStateName::Terminated).await;
    cloud.settle().await;
}

pub async fn detach(cloud: &Cloud, volume: &str) -> Result<DetachVolumeOutput, Fault> {
    let input = DetachVolumeInput { volume_id: volume.to_owned(), ..DetachVolumeInput::default() };
    cloud.call(DetachVolume, input).await
}

pub async fn is_there(cloud: &Cloud, volume: &str) -> bool {
    let input = DescribeVolumesInput { filters: filters(&[("volume-id", volume)]), ..Default::default() };
    !cloud.call(DescribeVolumes, input).await.unwrap().volumes.unwrap().is_empty()
}

#[tokio::test]
async fn an_instance_starts_from_a_volume_of_its_images_snapshot() {
    let cloud = Cloud::new(601).await;
    let ebs = EbsBlockDevice { volume_size: Some(20), ..EbsBlockDevice::default() };
    let input = RunInstancesInput {
        block_device_mappings: mapped("/dev/xvda", ebs),
        tag_specifications: tagged("volume", &[("Name", "root")]),
        ..request(&cloud, 1).await
    };
    let image = shown(&cloud, Region::US_EAST_1, input.image_id.as_deref().unwrap()).await;
    let snapshot = ebs_of(&image, "/dev/xvda").snapshot_id.unwrap();
    let instance = run(&cloud, input).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    let root = root_of(&cloud, &instance).await;
    let volume = look(&cloud, &root).await;
    assert_eq!((volume.size, volume.volume_type), (Some(20), Some(VolumeType::Gp3)));
    assert_eq!(volume.snapshot_id.as_ref(), Some(&snapshot));
    assert_eq!(volume.state, Some(VolumeState::InUse));
    assert_eq!(volume.attachments.unwrap()[0].delete_on_termination, Some(true));
    assert_eq!(volume.tags.unwrap()[0].value.as_deref(), Some("root"));
    assert_eq!(cloud.disks.read(&root, 0).as_deref(), Some(b"Minimal".as_slice()));
    let spec = cloud.machines.spec(&instance).unwrap();
    assert_eq!((spec.root, spec.root_device.as_str()), (Root::Volume, "/dev/xvda"));
    assert_eq!(cloud.disks.attachment(&root).unwrap().machine, instance);
    // The snapshot is everybody's to see and to use.
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![snapshot]), ..Default::default() };
    let seen = cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().remove(0);
    assert_eq!((seen.volume_size, seen.owner_id), (Some(8), image.owner_id));
    terminate(&cloud, &instance).await;
    assert!(!is_there(&cloud, &root).await);
    assert!(cloud.disks.spec(&root).is_none());
}

#[tokio::test]
async fn a_root_that_is_kept_outlives_its_instance() {
    let cloud = Cloud::new(602).await;
    let ebs = EbsBlockDevice { delete_on_termination: Some(false), ..EbsBlockDevice::default() };
    let input =
        RunInstancesInput { block_device_mappings: mapped("/dev/xvda", ebs), ..request(&cloud, 1).await };
    let instance = run(&cloud, input).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    let root = root_of(&cloud, &instance).await;
    cloud.disks.write(&root, 7, b"kept");
    stop(&cloud, &instance).await;
    start(&cloud, &instance).await.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    assert_eq!(root_of(&cloud, &instance).await, root);
    assert_eq!(cloud.disks.read(&root, 7).as_deref(), Some(b"kept".as_slice()));
    terminate(&cloud, &instance).await;
    assert_eq!(look(&cloud, &root).await.state, Some(VolumeState::Available));
    assert_eq!(cloud.disks.read(&root, 7).as_deref(), Some(b"kept".as_slice()));
}

#[tokio::test]
async fn a_root_is_exchanged_while_its_instance_is_stopped() {
    let cloud = Cloud::new(603).await;
    let (instance, other) = (one(&cloud).await, one(&cloud).await);
    let root = root_of(&cloud, &instance).await;
    let (refusal, message) = refused(detach(&cloud, &root).await);
    assert_eq!(refusal, "OperationNotPermitted", "{message}");
    stop(&cloud, &instance).await;
    stop(&cloud, &other).await;
    detach(&cloud, &root).await.unwrap();
    cloud.settle().await;
    assert_eq!(look(&cloud, &root).await.state, Some(VolumeState::Available));
    assert_eq!(code(start(&cloud, &instance).await), "IncorrectInstanceState");
    let second = root_of(&cloud, &other).await;
    detach(&cloud, &second).await.unwrap();
    cloud.settle().await;
    if show(&cloud, &instance).await.placement == show(&cloud, &other).await.placement {
        attach(&cloud, &second, &instance, "/dev/xvda").await.unwrap();
    } else {
        attach(&cloud, &root, &instance, "/dev/xvda").await.unwrap();
    }
    cloud.settle().await;
    start(&cloud, &instance).await.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    let now = root_of(&cloud, &instance).await;
    assert_eq!(look(&cloud, &now).await.attachments.unwrap()[0].delete_on_termination, Some(false));
}

#[tokio::test]
async fn what_cannot_be_a_root_is_refused() {
    let cloud = Cloud::new(604).await;
    let with = |ebs: EbsBlockDevice| mapped("/dev/xvda", ebs);
    for (ebs, expected) in [
        (EbsBlockDevice { volume_size: Some(4), ..Default::default() }, "InvalidBlockDeviceMapping"),
        (
            EbsBlockDevice {
                volume_type: Some(VolumeType::St1),
                volume_size: Some(500),
                ..Default::default()
            },
            "InvalidBlockDeviceMapping",
        ),
    ] {
        let input = RunInstancesInput { block_device_mappings: with(ebs), ..request(&cloud, 1).await };
        assert_eq!(code(cloud.call(RunInstances, input).await), expected);
    }
}

pub async fn burn(
    cloud: &Cloud,
    instance: &str,
    change: impl FnOnce(&mut CreateImageInput),
) -> Result<String, Fault> {
    let mut input = CreateImageInput {
        instance_id: instance.to_owned(),
        name: "golden".to_owned(),
        ..CreateImageInput::default()
    };
    change(&mut input);
    Ok(cloud.call(CreateImage, input).await?.image_id.unwrap())
}

pub async fn available(cloud: &Cloud, region: Region, id: &str) -> Image {
    for _ in 0..20 {
        let image = shown(cloud, region, id).await;
        if image.state != Some(ImageState::Pending) {
            assert_eq!(image.state, Some(ImageState::Available), "{:?}", image.state_reason);
            return image;
        }
        cloud.settle().await;
    }
    panic!("the image stays pending");
}

#[tokio::test]
async fn an_image_is_burnt_from_an_instance_and_launched() {
    let cloud = Cloud::new(605).await;
    let instance = one(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    cloud.disks.write(&root, 9, b"configured");
    let boots = cloud.machines.boots(&instance);
    let id = burn(&cloud, &instance, |input| {
        input.tag_specifications = tagged("snapshot", &[("Of", "golden")]);
        input.block_device_mappings =
            mapped("/dev/sdf", EbsBlockDevice { volume_size: Some(3), ..Default::default() });
    });
    let id = id.await.unwrap();
    assert_eq!(shown(&cloud, Region::US_EAST_1, &id).await.state, Some(ImageState::Pending));
    let image = available(&cloud, Region::US_EAST_1, &id).await;
    assert_eq!(image.source_instance_id.as_ref(), Some(&instance));
    assert_eq!(image.root_device_type, Some(DeviceType::Ebs));
    until(&cloud, &instance, InstanceStateName::Running).await;
    assert_eq!(cloud.machines.boots(&instance), boots + 1, "it was shut down for it");
    let snapshot = ebs_of(&image, "/dev/xvda").snapshot_id.unwrap();
    let input = DescribeSnapshotsInput { filters: filters(&[("tag:Of", "golden")]), ..Default::default() };
    let seen = cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap();
    assert_eq!((seen.len(), seen[0].snapshot_id.as_ref()), (1, Some(&snapshot)));
    assert_eq!(seen[0].volume_id.as_ref(), Some(&root));
    let input = RunInstancesInput { image_id: Some(id.clone()), ..request(&cloud, 10).await };
    for copy in run(&cloud, input).await {
        until(&cloud, &copy, InstanceStateName::Running).await;
        let root = root_of(&cloud, &copy).await;
        assert_eq!(cloud.disks.read(&root, 9).as_deref(), Some(b"configured".as_slice()));
        assert_eq!(show(&cloud, &copy).await.block_device_mappings.unwrap().len(), 2);
    }
    // Without the image, its snapshot is free.
    let delete = || DeleteSnapshotInput { snapshot_id: snapshot.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteSnapshot, delete()).await), "InvalidSnapshot.InUse");
    let input = DeregisterImageInput { image_id: id, ..Default::default() };
    cloud.call(DeregisterImage, input).await.unwrap();
    cloud.call(DeleteSnapshot, delete()).await.unwrap();
}

#[tokio::test]
async fn an_image_without_a_reboot_is_of_the_moment() {
    let cloud = Cloud::new(606).await;
    let instance = one(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    let boots = cloud.machines.boots(&instance);
    cloud.disks.write(&root, 9, b"before");
    let id = burn(&cloud, &instance, |input| input.no_reboot = Some(true)).await.unwrap();
    cloud.disks.write(&root, 9, b"after");
    available(&cloud, Region::US_EAST_1, &id).await;
    assert_eq!(cloud.machines.boots(&instance), boots);
    assert_eq!(code(burn(&cloud, &instance, |_| {}).await), "InvalidAMIName.Duplicate");
    let by_uefi = burn(&cloud, &instance, |input| {
        input.name = "uefi".to_owned();
        input.boot_mode_override = Some(BootModeOverrideValues::Uefi);
    });
    let by_uefi = by_uefi.await.unwrap();
    let mode = async |id: &str| shown(&cloud, Region::US_EAST_1, id).await.boot_mode;
    assert_eq!(mode(&by_uefi).await, Some(BootModeValues::Uefi));
    assert_eq!(mode(&id).await, Some(BootModeValues::UefiPreferred));
    let none = BlockDeviceMapping {
        no_device: Some(String::new()),
        device_name: Some("/dev/xvda".into()),
        ..Default::default()
    };
    let left_out = burn(&cloud, &instance, |input| {
        input.name = "other".to_owned();
        input.block_device_mappings = Some(vec![none]);
    });
    assert_eq!(code(left_out.await), "InvalidBlockDeviceMapping");
    let copy = RunInstancesInput { image_id: Some(id.clone()), ..request(&cloud, 1).await };
    let copy = run(&cloud, copy).await.remove(0);
    until(&cloud, &copy, InstanceStateName::Running).await;
    let copied = root_of(&cloud, &copy).await;
    assert_eq!(cloud.disks.read(&copied, 9).as_deref(), Some(b"before".as_slice()));
    // Deregistered with its snapshots.
    let input = DeregisterImageInput { image_id: id, delete_associated_snapshots: Some(true), dry_run: None };
    let results = cloud.call(DeregisterImage, input).await.unwrap().delete_snapshot_results.unwrap();
    assert_eq!(results[0].return_code, Some(SnapshotReturnCodes::Success));
}

#[tokio::test]
async fn an_image_is_registered_of_a_snapshot_and_copied_to_another_region() {
    let cloud = Cloud::new(607).await;
    let instance = one(&cloud).await;
    stop(&cloud, &instance).await;
    let volume_id = root_of(&cloud, &instance).await;
    let input = CreateSnapshotInput { volume_id, ..CreateSnapshotInput::default() };
    let snapshot = cloud.call(CreateSnapshot, input).await.unwrap().snapshot_id.unwrap();
    cloud.settle().await;
    let ebs = |snapshot: Option<&str>| EbsBlockDevice {
        snapshot_id: snapshot.map(str::to_owned),
        ..Default::default()
    };
    let register = |device: &str, snapshot| RegisterImageInput {
        name: "registered".to_owned(),
        boot_mode: Some(BootModeValues::LegacyBios),
        root_device_name: Some("/dev/xvda".to_owned()),
        block_device_mappings: mapped(device, ebs(snapshot)),
        ..RegisterImageInput::default()
    };
    for (input, expected) in [
        (register("/dev/sdf", Some(snapshot.as_str())), "InvalidBlockDeviceMapping"),
        (register("/dev/xvda", Some("snap-00000000000000000")), "InvalidSnapshot.NotFound"),
    ] {
        assert_eq!(code(cloud.call(RegisterImage, input).await), expected);
    }
    let made = cloud.call(RegisterImage, register("/dev/xvda", Some(snapshot.as_str()))).await.unwrap();
    let id = made.image_id.unwrap();
    let image = shown(&cloud, Region::US_EAST_1, &id).await;
    assert_eq!(image.state, Some(ImageState::Available));
    assert_eq!(ebs_of(&image, "/dev/xvda").volume_size, Some(8));
    let input = RunInstancesInput { image_id: Some(id.clone()), ..request(&cloud, 1).await };
    let copy = run(&cloud, input).await.remove(0);
    until(&cloud, &copy, InstanceStateName::Running).await;
    let by_uefi = burn(&cloud, &copy, |input| {
        input.boot_mode_override = Some(BootModeOverrideValues::Uefi);
    });
    assert_eq!(code(by_uefi.await), "InvalidParameterCombination", "it booted by a BIOS");
    let there = Region::parse("eu-west-1").unwrap();
    let input = CopyImageInput {
        name: "copied".to_owned(),
        source_image_id: id,
        source_region: "us-east-1".to_owned(),
        encrypted: Some(true),
        ..CopyImageInput::default()
    };
    let made = cloud.call_as(base::AccountId::DEV, there, CopyImage, input).await.unwrap();
    let copied = available(&cloud, there, &made.image_id.unwrap()).await;
    let ebs = ebs_of(&copied, "/dev/xvda");
    assert_eq!(ebs.encrypted, Some(true));
    assert_ne!(ebs.snapshot_id.as_deref(), Some(snapshot.as_str()));
    assert_eq!(copied.source_image_region.as_deref(), Some("us-east-1"));
}
