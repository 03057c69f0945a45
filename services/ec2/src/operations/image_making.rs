//! CreateImage: the volumes of an instance become the snapshots of an image.
//!
//! Surprising: unless NoReboot is said, an instance that runs is shut down for it and started again, and is shown as
//! running meanwhile. The image is pending until its snapshots are completed.

use std::collections::BTreeSet;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::image_mappings::{check_names, of_volume};
use super::volumes::{check_zone, driver};
use super::{disk_keys, images, snapshot_finding, snapshots, tags};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, INVALID_BLOCK_DEVICE_MAPPING, INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
};
use crate::ground::disks::SnapshotSpec;
use crate::kind::{IMAGE, INSTANCE, SNAPSHOT};
use crate::model::filter::with_millis;
use crate::model::images::Root;
use crate::model::instances::State;
use crate::model::tags::Tags;
use crate::model::transfers::images::snapshots_of;
use crate::model::volumes::measures;
use crate::records::images::{ImageRecord, PENDING_IMAGES};
use crate::records::instances::{BUSY_INSTANCES, InstanceRecord, PlaceRecord};
use crate::records::snapshots::{SNAPSHOT_PLACES, SnapshotRecord};
use crate::records::volumes::{Step, VolumeRecord, mark_busy, of_instance};
use crate::records::{Place, Resource};
use crate::resources;

pub fn to_make(_: &Ec2, call: &Call, input: &CreateImageInput) -> Result<Vec<Arn>, Error> {
    INSTANCE.check(&input.instance_id)?;
    let instance = INSTANCE.arn(call, &input.instance_id);
    Ok(vec![instance, images::arn(call, "*"), snapshot_finding::arn(call, "*")])
}

/// A snapshot that is to be made for an image.
struct Made {
    volume: VolumeRecord,
    snapshot: SnapshotRecord,
}

pub async fn create_image(
    ec2: &Ec2,
    call: &Call,
    input: CreateImageInput,
) -> Result<CreateImageOutput, Error> {
    images::check_name(&input.name)?;
    driver(ec2)?;
    let specifications = input.tag_specifications.as_deref();
    let given = &tags::of_new(ec2, call, "CreateImage", specifications, &IMAGE, &[&SNAPSHOT]).await?;
    let of_snapshots = &tags::of_new(ec2, call, "CreateImage", specifications, &SNAPSHOT, &[&IMAGE]).await?;
    snapshots::check_location(None, input.snapshot_location.as_ref())?;
    let (place, instance_id) = (&call.scope(), input.instance_id.as_str());
    let found = ec2.store.read(|tx| async move {
        let instance: InstanceRecord = resources::get(&tx, place, instance_id).await?;
        Ok::<_, Error>((instance, of_instance(&tx, place, instance_id).await?))
    });
    let (instance, volumes) = found.await?;
    check(&instance)?;
    let boot_mode = boot_mode(&instance, input.boot_mode_override.as_ref())?;
    let id = IMAGE.new_id(&ec2.ids);
    let asked = input.block_device_mappings.clone().unwrap_or_default();
    let (mappings, made) = lay_out(ec2, call, &instance, volumes, asked, &id).await?;
    let reboots = instance.state == State::Running && input.no_reboot != Some(true);
    let record = &ImageRecord {
        id: id.clone(),
        shown: Kept(Image { boot_mode, ..image(call, &id, &instance, &input, mappings) }),
        root: Root::Volume,
        launch_permissions: Vec::new(),
        uefi_data: None,
    };
    let made = &made;
    let kept = ec2.store.transact(|tx| async move {
        let mut instance: InstanceRecord = resources::get(&tx, place, instance_id).await?;
        check(&instance)?;
        images::check_name_is_free(&tx, place, &record.shown).await?;
        for one in made {
            keep(&tx, place, one, of_snapshots).await?;
        }
        images::keep(&tx, place, record, given).await?;
        PENDING_IMAGES.put(&tx, &(), &record.id, &PlaceRecord::of(place)).await?;
        if reboots && instance.state == State::Running {
            instance.imaging.push(record.id.clone());
            resources::put(&tx, place, &instance).await?;
            BUSY_INSTANCES.put(&tx, &(), &instance.id, &PlaceRecord::of(place)).await?;
            return Ok(false);
        }
        Ok::<_, Error>(true)
    });
    if kept.await? {
        begin(ec2, place, &id).await?;
    }
    ec2.machines.nudge();
    ec2.disks.nudge();
    ec2.images.nudge();
    Ok(CreateImageOutput { image_id: Some(id) })
}

fn check(instance: &InstanceRecord) -> Result<(), Error> {
    let id = &instance.id;
    if instance.root != Root::Volume {
        let message =
            format!("The instance '{id}' does not have an 'ebs' root device type: its root is no volume.");
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    if !matches!(instance.state, State::Running | State::Stopped) {
        let message = format!("The instance '{id}' is not in the 'running' or 'stopped' state.");
        return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
    }
    match instance.root_volume() {
        Some(_) => Ok(()),
        None => {
            let message = format!("The instance '{id}' does not have a volume attached at its root.");
            Err(Error::new(&INCORRECT_INSTANCE_STATE, message))
        }
    }
}

/// How the image boots: like its instance, or as it is said, which an instance that booted by UEFI alone may.
fn boot_mode(
    instance: &InstanceRecord,
    over: Option<&BootModeOverrideValues>,
) -> Result<Option<BootModeValues>, Error> {
    match over {
        None => Ok(instance.shown.boot_mode.clone()),
        Some(BootModeOverrideValues::Unknown(other)) => {
            Err(Error::invalid_value(other, "BootModeOverride", ""))
        }
        Some(_) if instance.shown.current_instance_boot_mode == Some(InstanceBootModeValues::Uefi) => {
            Ok(Some(BootModeValues::Uefi))
        }
        Some(_) => {
            let message = format!(
                "BootModeOverride can be specified only if the current boot mode of the instance '{}' is uefi.",
                instance.id
            );
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
    }
}

/// The image's mappings, and the snapshots that it takes: of all volumes that the instance has, but those left out.
async fn lay_out(
    ec2: &Ec2,
    call: &Call,
    instance: &InstanceRecord,
    volumes: Vec<VolumeRecord>,
    mut asked: Vec<BlockDeviceMapping>,
    image: &str,
) -> Result<(Vec<BlockDeviceMapping>, Vec<Made>), Error> {
    check_names(&asked)?;
    let root = instance.shown.root_device_name.as_deref().unwrap_or_default();
    let (mut mappings, mut made) = (Vec::new(), Vec::new());
    for volume in volumes {
        let Some(attachment) = volume.attachment.as_ref().filter(|it| it.step == Step::Attached) else {
            continue;
        };
        let name = attachment.device.clone();
        let position = asked.iter().position(|mapping| mapping.device_name.as_ref() == Some(&name));
        let over = position.map(|at| asked.remove(at));
        if over.as_ref().is_some_and(|mapping| mapping.no_device.is_some()) {
            if name == root {
                let message = "The root device cannot be left out";
                return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
            }
            continue;
        }
        snapshots::check_volume(&volume)?;
        let id = SNAPSHOT.new_id(&ec2.ids);
        let description = format!("Created by CreateImage({}) for {image}", instance.id);
        let ebs = of_attached(&volume, &id, over.and_then(|mapping| mapping.ebs))?;
        mappings.push(BlockDeviceMapping {
            device_name: Some(name),
            ebs: Some(ebs),
            ..BlockDeviceMapping::default()
        });
        let snapshot = snapshots::record(call, id, &volume, Some(&description));
        made.push(Made { volume, snapshot });
    }
    for mut mapping in asked.into_iter().filter(|mapping| mapping.no_device.is_none()) {
        if let Some(ebs) = mapping.ebs.take() {
            mapping.ebs = Some(of_volume(ec2, call, ebs).await?);
        }
        mappings.push(mapping);
    }
    check_names(&mappings)?;
    Ok((mappings, made))
}

/// A volume of the instance as the image has it.
fn of_attached(
    volume: &VolumeRecord,
    snapshot: &str,
    over: Option<EbsBlockDevice>,
) -> Result<EbsBlockDevice, Error> {
    let (over, shown) = (over.unwrap_or_default(), &volume.shown);
    if over.snapshot_id.is_some() || over.encrypted.is_some() {
        let message = "The snapshot and the encryption of a device that the instance has cannot be changed.";
        return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
    }
    let gib = over.volume_size.unwrap_or_else(|| volume.gib());
    if gib < volume.gib() {
        let message = format!(
            "Volume of size {gib}GB is smaller than the volume '{}', expect size >= {}GB",
            volume.id,
            volume.gib()
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let volume_type = over.volume_type.or_else(|| shown.volume_type.clone()).unwrap_or(VolumeType::Gp2);
    let is_same = shown.volume_type.as_ref() == Some(&volume_type);
    // A gp2 volume shows what follows from its size.
    let is_said = is_same && volume_type != VolumeType::Gp2;
    let iops = over.iops.or(shown.iops.filter(|_| is_said));
    let throughput = over.throughput.or(shown.throughput.filter(|_| is_said));
    measures(volume_type.clone(), gib, iops, throughput)?;
    let attachment = volume.attachment.as_ref();
    Ok(EbsBlockDevice {
        delete_on_termination: over.delete_on_termination.or(attachment.map(|it| it.delete_on_termination)),
        iops,
        snapshot_id: Some(snapshot.to_owned()),
        volume_size: Some(gib),
        volume_type: Some(volume_type),
        throughput,
        encrypted: Some(volume.key.is_some()),
        ..EbsBlockDevice::default()
    })
}

fn image(
    call: &Call,
    id: &str,
    instance: &InstanceRecord,
    input: &CreateImageInput,
    mappings: Vec<BlockDeviceMapping>,
) -> Image {
    let from = &instance.shown;
    Image {
        image_id: Some(id.to_owned()),
        name: Some(input.name.clone()),
        description: input.description.clone(),
        image_location: Some(format!("{}/{}", call.account, input.name)),
        owner_id: Some(call.account.to_string()),
        creation_date: Some(with_millis(call.now)),
        state: Some(ImageState::Pending),
        public: Some(false),
        image_type: Some(ImageTypeValues::Machine),
        block_device_mappings: Some(mappings),
        root_device_name: from.root_device_name.clone(),
        root_device_type: Some(DeviceType::Ebs),
        architecture: from.architecture.clone(),
        virtualization_type: from.virtualization_type.clone(),
        hypervisor: from.hypervisor.clone(),
        ena_support: from.ena_support,
        tpm_support: from.tpm_support.as_deref().map(TpmSupportValues::from),
        platform_details: from.platform_details.clone(),
        usage_operation: from.usage_operation.clone(),
        source_instance_id: Some(instance.id.clone()),
        source_image_id: from.image_id.clone(),
        source_image_region: Some(call.region.to_string()),
        ..Image::default()
    }
}

async fn keep(tx: &Tx, place: &Place, one: &Made, given: &Tags) -> Result<(), Error> {
    let volume: VolumeRecord = resources::get(tx, place, &one.volume.id).await?;
    snapshots::check_volume(&volume)?;
    check_zone(tx, &volume).await?;
    let snapshot = &one.snapshot;
    SNAPSHOT_PLACES.put(tx, &(), &snapshot.id, &PlaceRecord::of(place)).await?;
    resources::create(tx, place, snapshot, given).await?;
    mark_busy(tx, place, &snapshot.id).await
}

/// Has the engine fix what the volumes hold now, all in one moment, for those of an image's snapshots that it does not
/// know of yet. What goes wrong is seen in the image's state.
pub async fn begin(ec2: &Ec2, place: &Place, image: &str) -> Result<(), Error> {
    let read = ec2.store.read(|tx| async move {
        let Some(record) = ImageRecord::TABLE.get(&tx, place, image).await? else { return Ok(Vec::new()) };
        let mut pairs = Vec::new();
        for id in snapshots_of(&record.shown) {
            let Some(snapshot) = SnapshotRecord::TABLE.get(&tx, place, &id).await? else { continue };
            let volume = snapshot.shown.volume_id.clone().unwrap_or_default();
            let Some(volume) = VolumeRecord::TABLE.get(&tx, place, &volume).await? else { continue };
            if !snapshot.begun && snapshot.state() == SnapshotState::Pending {
                pairs.push((volume, id));
            }
        }
        Ok::<_, Error>(pairs)
    });
    let pairs = read.await?;
    if pairs.is_empty() {
        return Ok(());
    }
    let (mut specs, mut ids) = (Vec::with_capacity(pairs.len()), BTreeSet::new());
    for (volume, snapshot) in pairs {
        let key = disk_keys::open(ec2, place, volume.key.as_ref()).await?;
        ids.insert(snapshot.clone());
        specs.push(SnapshotSpec { volume: volume.id, key: key.clone(), snapshot, snapshot_key: key });
    }
    let outcome = driver(ec2)?.snapshot(&specs).await;
    for id in &ids {
        match &outcome {
            Ok(()) => super::snapshot_making::begun(ec2, place, id).await?,
            Err(error) => super::snapshot_making::fail(ec2, place, id, &error.to_string()).await?,
        }
    }
    ec2.disks.nudge();
    ec2.images.nudge();
    Ok(())
}
