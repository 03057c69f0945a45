//! Root volumes that are replaced while their instances run.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::instances::{one, request, run, show, until};
use crate::root_volumes::{available, burn, is_there, root_of, shown, stop, terminate};
use crate::support::{code, filters, tagged};
use crate::volumes::{attach, look, neighbour, sized, volume};

async fn replace(
    cloud: &Cloud,
    instance: &str,
    change: impl FnOnce(&mut CreateReplaceRootVolumeTaskInput),
) -> Result<ReplaceRootVolumeTask, Fault> {
    let mut input =
        CreateReplaceRootVolumeTaskInput { instance_id: instance.to_owned(), ..Default::default() };
    change(&mut input);
    Ok(cloud.call(CreateReplaceRootVolumeTask, input).await?.replace_root_volume_task.unwrap())
}

async fn task(cloud: &Cloud, id: &str) -> ReplaceRootVolumeTask {
    let input = DescribeReplaceRootVolumeTasksInput {
        replace_root_volume_task_ids: Some(vec![id.to_owned()]),
        ..Default::default()
    };
    let found = cloud.call(DescribeReplaceRootVolumeTasks, input).await.unwrap();
    found.replace_root_volume_tasks.unwrap().remove(0)
}

/// How a replacement ends.
async fn ended(cloud: &Cloud, id: &str) -> ReplaceRootVolumeTaskState {
    for _ in 0..20 {
        cloud.settle().await;
        let task = task(cloud, id).await;
        if task.complete_time.is_some() {
            return task.task_state.unwrap();
        }
    }
    panic!("the task stays {:?}", task(cloud, id).await.task_state);
}

async fn snapshot_of(cloud: &Cloud, volume: &str) -> String {
    let input = CreateSnapshotInput { volume_id: volume.to_owned(), ..Default::default() };
    let id = cloud.call(CreateSnapshot, input).await.unwrap().snapshot_id.unwrap();
    cloud.settle().await;
    id
}

#[tokio::test]
async fn a_root_goes_back_to_its_launch_state() {
    let cloud = Cloud::new(621).await;
    let instance = one(&cloud).await;
    let before = show(&cloud, &instance).await;
    let root = root_of(&cloud, &instance).await;
    let original = look(&cloud, &root).await;
    cloud.disks.write(&root, 9, b"broken");
    let boots = cloud.machines.boots(&instance);
    let begun = replace(&cloud, &instance, |input| {
        input.tag_specifications = tagged("replace-root-volume-task", &[("why", "broken")]);
    });
    let begun = begun.await.unwrap();
    let id = begun.replace_root_volume_task_id.unwrap();
    assert!(id.starts_with("replacevol-"), "{id}");
    assert_eq!(begun.task_state, Some(ReplaceRootVolumeTaskState::Pending));
    assert_eq!(begun.complete_time, None);
    assert_eq!(code(replace(&cloud, &instance, |_| {}).await), "IncorrectInstanceState");
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Succeeded);
    let input = DescribeReplaceRootVolumeTasksInput {
        filters: filters(&[("instance-id", instance.as_str()), ("tag:why", "broken")]),
        ..Default::default()
    };
    let listed = cloud.call(DescribeReplaceRootVolumeTasks, input).await.unwrap();
    assert_eq!(listed.replace_root_volume_tasks.unwrap().len(), 1);
    let new = root_of(&cloud, &instance).await;
    assert_ne!(new, root);
    let volume = look(&cloud, &new).await;
    assert_eq!((volume.size, &volume.volume_type), (original.size, &original.volume_type));
    assert_eq!(volume.snapshot_id, original.snapshot_id);
    assert_eq!(volume.attachments.unwrap()[0].delete_on_termination, Some(true));
    assert_eq!(cloud.disks.read(&new, 9), None);
    assert_eq!(cloud.disks.attachment(&new).unwrap().machine, instance);
    assert!(cloud.disks.attachment(&root).is_none());
    assert_eq!(cloud.machines.boots(&instance), boots + 1, "it was started anew");
    // The original is kept, with what it holds.
    assert_eq!(look(&cloud, &root).await.state, Some(VolumeState::Available));
    assert_eq!(cloud.disks.read(&root, 9).as_deref(), Some(b"broken".as_slice()));
    let now = show(&cloud, &instance).await;
    assert_eq!(now.private_ip_address, before.private_ip_address);
    assert_eq!(now.image_id, before.image_id);
    assert_eq!(now.launch_time, before.launch_time);
    terminate(&cloud, &instance).await;
    assert!(!is_there(&cloud, &new).await);
    assert!(is_there(&cloud, &root).await);
}

#[tokio::test]
async fn a_root_is_replaced_from_snapshots_of_it_and_of_its_predecessors_only() {
    let cloud = Cloud::new(622).await;
    let instance = one(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    cloud.disks.write(&root, 9, b"good");
    let good = snapshot_of(&cloud, &root).await;
    let foreign = volume(&cloud, sized(8)).await;
    let foreign = snapshot_of(&cloud, &foreign).await;
    let copy = CopySnapshotInput {
        source_region: "us-east-1".to_owned(),
        source_snapshot_id: good.clone(),
        ..Default::default()
    };
    let copy = cloud.call(CopySnapshot, copy).await.unwrap().snapshot_id.unwrap();
    cloud.settle().await;
    for unfit in [&foreign, &copy] {
        let refused = replace(&cloud, &instance, |input| input.snapshot_id = Some(unfit.clone()));
        assert_eq!(code(refused.await), "InvalidParameterValue");
    }
    let with_token = |input: &mut CreateReplaceRootVolumeTaskInput| {
        input.snapshot_id = Some(good.clone());
        input.delete_replaced_root_volume = Some(true);
        input.client_token = Some("once".to_owned());
    };
    let begun = replace(&cloud, &instance, with_token).await.unwrap();
    assert_eq!((begun.snapshot_id.as_ref(), begun.delete_replaced_root_volume), (Some(&good), Some(true)));
    let id = begun.replace_root_volume_task_id.unwrap();
    let again = replace(&cloud, &instance, with_token).await.unwrap();
    assert_eq!(again.replace_root_volume_task_id.as_ref(), Some(&id));
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Succeeded);
    let second = root_of(&cloud, &instance).await;
    assert_eq!(cloud.disks.read(&second, 9).as_deref(), Some(b"good".as_slice()));
    cloud.settle().await;
    assert!(!is_there(&cloud, &root).await, "the original was deleted");
    // Its snapshot is still of the lineage.
    let begun = replace(&cloud, &instance, |input| input.snapshot_id = Some(good.clone())).await.unwrap();
    let state = ended(&cloud, &begun.replace_root_volume_task_id.unwrap()).await;
    assert_eq!(state, ReplaceRootVolumeTaskState::Succeeded);
}

#[tokio::test]
async fn a_root_is_replaced_from_an_image_and_from_a_volume() {
    let cloud = Cloud::new(623).await;
    let (instance, other) = (neighbour(&cloud).await, one(&cloud).await);
    let source = root_of(&cloud, &other).await;
    cloud.disks.write(&source, 9, b"patched");
    let image = burn(&cloud, &other, |input| input.no_reboot = Some(true)).await.unwrap();
    available(&cloud, base::Region::US_EAST_1, &image).await;
    let begun = replace(&cloud, &instance, |input| input.image_id = Some(image.clone())).await.unwrap();
    assert_eq!(begun.image_id.as_ref(), Some(&image));
    let id = begun.replace_root_volume_task_id.unwrap();
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Succeeded);
    let root = root_of(&cloud, &instance).await;
    assert_eq!(cloud.disks.read(&root, 9).as_deref(), Some(b"patched".as_slice()));
    assert_eq!(show(&cloud, &instance).await.image_id.as_ref(), Some(&image));
    // A volume that was prepared elsewhere.
    let snapshot_id = shown(&cloud, base::Region::US_EAST_1, &image).await.block_device_mappings.unwrap();
    let snapshot_id = snapshot_id[0].ebs.as_ref().unwrap().snapshot_id.clone();
    let prepared = volume(&cloud, CreateVolumeInput { snapshot_id, ..sized(12) }).await;
    cloud.disks.write(&prepared, 5, b"prepared");
    let far = CreateVolumeInput { availability_zone: Some("us-east-1b".to_owned()), ..sized(8) };
    let far = volume(&cloud, far).await;
    let with = |id: &str| {
        let id = id.to_owned();
        move |input: &mut CreateReplaceRootVolumeTaskInput| input.volume_id = Some(id)
    };
    assert_eq!(code(replace(&cloud, &instance, with(&far)).await), "InvalidVolume.ZoneMismatch");
    let taken = volume(&cloud, sized(1)).await;
    attach(&cloud, &taken, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    assert_eq!(code(replace(&cloud, &instance, with(&taken)).await), "VolumeInUse");
    let begun = replace(&cloud, &instance, with(&prepared)).await.unwrap();
    let id = begun.replace_root_volume_task_id.unwrap();
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Succeeded);
    assert_eq!(root_of(&cloud, &instance).await, prepared);
    let volume = look(&cloud, &prepared).await;
    assert_eq!(volume.attachments.unwrap()[0].delete_on_termination, Some(false));
    assert_eq!(cloud.disks.attachment(&taken).unwrap().machine, instance, "other volumes stay");
}

#[tokio::test]
async fn an_encrypted_root_stays_encrypted_under_its_key() {
    let cloud = Cloud::new(624).await;
    let key = cloud.call(kms_api::CreateKey, kms_api::CreateKeyInput::default()).await.unwrap();
    let key = key.key_metadata.unwrap().arn.unwrap();
    let ebs =
        EbsBlockDevice { encrypted: Some(true), kms_key_id: Some(key.clone()), ..EbsBlockDevice::default() };
    let placement = Placement { availability_zone: Some("us-east-1a".to_owned()), ..Placement::default() };
    let mapping = BlockDeviceMapping {
        device_name: Some("/dev/xvda".to_owned()),
        ebs: Some(ebs),
        ..BlockDeviceMapping::default()
    };
    let input = RunInstancesInput {
        block_device_mappings: Some(vec![mapping]),
        placement: Some(placement),
        ..request(&cloud, 1).await
    };
    let instance = run(&cloud, input).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    let begun = replace(&cloud, &instance, |_| {}).await.unwrap();
    let id = begun.replace_root_volume_task_id.unwrap();
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Succeeded);
    let root = root_of(&cloud, &instance).await;
    assert_eq!(look(&cloud, &root).await.kms_key_id.as_ref(), Some(&key));
    let plain = volume(&cloud, sized(8)).await;
    let refused = replace(&cloud, &instance, |input| input.volume_id = Some(plain));
    assert_eq!(code(refused.await), "InvalidParameterValue");
}

#[tokio::test]
async fn an_instance_that_does_not_start_from_its_new_root_gets_the_old_one_back() {
    let cloud = Cloud::new(625).await;
    let instance = one(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    cloud.disks.fail_attaching(Some("no such device"));
    let begun = replace(&cloud, &instance, |_| {}).await.unwrap();
    let id = begun.replace_root_volume_task_id.unwrap();
    cloud.settle().await;
    assert_eq!(task(&cloud, &id).await.task_state, Some(ReplaceRootVolumeTaskState::Failing));
    cloud.disks.fail_attaching(None);
    cloud.advance(std::time::Duration::from_secs(60)).await;
    assert_eq!(ended(&cloud, &id).await, ReplaceRootVolumeTaskState::Failed);
    assert_eq!(root_of(&cloud, &instance).await, root);
    assert_eq!(look(&cloud, &root).await.state, Some(VolumeState::InUse));
    assert!(cloud.machines.running().contains(&instance));
    let input = DescribeVolumesInput::default();
    let volumes = cloud.call(DescribeVolumes, input).await.unwrap().volumes.unwrap();
    assert_eq!(volumes.len(), 1, "what was made for it is gone: {volumes:?}");
    assert_eq!(show(&cloud, &instance).await.state.unwrap().name, Some(InstanceStateName::Running));
}

#[tokio::test]
async fn what_cannot_be_replaced_is_refused() {
    let cloud = Cloud::new(626).await;
    let instance = one(&cloud).await;
    let image = crate::instances::image(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    for (expected, change) in [
        (
            "InvalidParameterCombination",
            Box::new(|input: &mut CreateReplaceRootVolumeTaskInput| {
                (input.image_id, input.volume_id) = (Some(image.clone()), Some(root.clone()));
            }) as Box<dyn Fn(&mut CreateReplaceRootVolumeTaskInput)>,
        ),
        ("UnsupportedOperation", Box::new(|input| input.volume_initialization_rate = Some(150))),
        ("VolumeInUse", Box::new(|input| input.volume_id = Some(root.clone()))),
        ("InvalidVolume.NotFound", Box::new(|input| input.volume_id = Some("vol-00000000000000000".into()))),
        ("InvalidAMIID.NotFound", Box::new(|input| input.image_id = Some("ami-00000000000000000".into()))),
        (
            "InvalidSnapshot.NotFound",
            Box::new(|input| input.snapshot_id = Some("snap-00000000000000000".into())),
        ),
        ("InvalidInstanceID.NotFound", Box::new(|input| input.instance_id = "i-00000000000000000".into())),
    ] {
        assert_eq!(code(replace(&cloud, &instance, |input| change(input)).await), expected);
    }
    stop(&cloud, &instance).await;
    assert_eq!(code(replace(&cloud, &instance, |_| {}).await), "IncorrectInstanceState");
    let input = DescribeReplaceRootVolumeTasksInput {
        replace_root_volume_task_ids: Some(vec!["replacevol-00000000000000000".to_owned()]),
        ..Default::default()
    };
    let refused = code(cloud.call(DescribeReplaceRootVolumeTasks, input).await);
    assert_eq!(refused, "InvalidReplaceRootVolumeTaskId.NotFound");
}
