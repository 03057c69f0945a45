//! AttachVolume and DetachVolume. A volume and its instance are in one zone; a device's name is used once.
//!
//! Surprising: a guest that has a volume mounted keeps it: the attachment is shown as `busy` until it is unmounted, or
//! until somebody forces it.

use base::Timestamp;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::check_zone;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ATTACHMENT_LIMIT_EXCEEDED, INCORRECT_STATE, INVALID_ATTACHMENT_NOT_FOUND, INVALID_PARAMETER_VALUE,
    INVALID_VOLUME_ZONE_MISMATCH, OPERATION_NOT_PERMITTED, UNSUPPORTED_OPERATION, VOLUME_IN_USE,
};
use crate::limits::ATTACHED_VOLUMES_MAX;
use crate::model::instances::State as InstanceState;
use crate::model::volumes::{self, State};
use crate::operations::disk_keys;
use crate::records::Place;
use crate::records::instances::InstanceRecord;
use crate::records::volumes::{
    ATTACHED, AttachedRecord, AttachmentRecord, Step, VolumeRecord, attached_key, mark_busy, of_instance, put,
};
use crate::resources;

/// `/dev/sdf`, `sdf`, `xvdba`: what becomes a device's name in a guest.
pub fn check_device(name: &str) -> Result<(), Error> {
    let short = name.strip_prefix("/dev/").unwrap_or(name);
    let is_good = (3..=15).contains(&short.len())
        && short.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && short.starts_with(|first: char| first.is_ascii_lowercase());
    match is_good {
        true => Ok(()),
        false => {
            let why = format!("{name} is not a valid EBS device name.");
            Err(Error::invalid_value(name, "device", &why))
        }
    }
}

/// Two names of the same device: `/dev/sdf` and `sdf`.
fn is_same(one: &str, other: &str) -> bool {
    one.strip_prefix("/dev/").unwrap_or(one) == other.strip_prefix("/dev/").unwrap_or(other)
}

/// Writes that a volume is an instance's, which shows it from now on.
pub async fn bind(
    tx: &Tx,
    place: &Place,
    volume: &VolumeRecord,
    instance: &mut InstanceRecord,
) -> Result<(), Error> {
    let key = attached_key(&instance.id, &volume.id);
    ATTACHED.put(tx, place, &key, &AttachedRecord {}).await?;
    show(instance, volume);
    Ok(())
}

/// What an instance shows of a volume.
pub fn show(instance: &mut InstanceRecord, volume: &VolumeRecord) {
    let mappings = instance.shown.0.block_device_mappings.get_or_insert_default();
    mappings.retain(|mapping| {
        mapping.ebs.as_ref().and_then(|ebs| ebs.volume_id.as_deref()) != Some(volume.id.as_str())
    });
    let Some(attachment) = &volume.attachment else { return };
    let status = match attachment.step {
        Step::Attaching => AttachmentStatus::Attaching,
        Step::Attached => AttachmentStatus::Attached,
        Step::Detaching { .. } | Step::Busy => AttachmentStatus::Detaching,
    };
    mappings.push(InstanceBlockDeviceMapping {
        device_name: Some(attachment.device.clone()),
        ebs: Some(EbsInstanceBlockDevice {
            attach_time: Some(attachment.at),
            delete_on_termination: Some(attachment.delete_on_termination),
            status: Some(status),
            volume_id: Some(volume.id.clone()),
            ..EbsInstanceBlockDevice::default()
        }),
    });
    mappings.sort_by(|one, other| one.device_name.cmp(&other.device_name));
}

/// Changes how far an attachment is; with nothing, the volume is free again.
pub async fn step(
    tx: &Tx,
    place: &Place,
    volume: &mut VolumeRecord,
    step: Option<Step>,
) -> Result<(), Error> {
    let Some(attachment) = volume.attachment.as_mut() else { return Ok(()) };
    let id = attachment.instance.clone();
    match step {
        Some(step) => attachment.step = step,
        None => {
            volume.attachment = None;
            ATTACHED.delete(tx, place, &attached_key(&id, &volume.id)).await?;
        }
    }
    put(tx, place, volume).await?;
    if let Ok(mut instance) = resources::get::<InstanceRecord>(tx, place, &id).await {
        show(&mut instance, volume);
        resources::put(tx, place, &instance).await?;
    }
    Ok(())
}

/// A new attachment.
///
/// # Errors
/// `InvalidParameterValue` for a device that is taken, `AttachmentLimitExceeded`
pub async fn attachment(
    tx: &Tx,
    place: &Place,
    instance: &InstanceRecord,
    device: &str,
    now: Timestamp,
) -> Result<AttachmentRecord, Error> {
    check_device(device)?;
    let mut taken = instance.shown.block_device_mappings.iter().flatten();
    if taken.any(|known| known.device_name.as_deref().is_some_and(|name| is_same(name, device))) {
        let message =
            format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if of_instance(tx, place, &instance.id).await?.len() >= ATTACHED_VOLUMES_MAX {
        let message =
            format!("Exceeded the maximum number of {ATTACHED_VOLUMES_MAX} volumes of an instance.");
        return Err(Error::new(&ATTACHMENT_LIMIT_EXCEEDED, message));
    }
    Ok(AttachmentRecord {
        instance: instance.id.clone(),
        device: device.to_owned(),
        at: now,
        delete_on_termination: false,
        step: Step::Attaching,
    })
}

pub async fn attach_volume(
    ec2: &Ec2,
    call: &Call,
    input: AttachVolumeInput,
) -> Result<AttachVolumeOutput, Error> {
    if let Some(lacking) = super::driver(ec2)?.lacking() {
        let message = format!("No volume can be attached on this host: {lacking}");
        return Err(Error::new(&crate::error::codes::UNSUPPORTED, message));
    }
    if input.ebs_card_index.is_some_and(|index| index != 0) {
        let message = "EBS cards besides the first are not supported by the machines of this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let (instance_id, device) = (input.instance_id.as_str(), input.device.as_str());
    let key = ec2
        .store
        .read(|tx| async move { Ok::<_, Error>(resources::get::<VolumeRecord>(&tx, place, id).await?.key) });
    if let Some(key) = key.await? {
        disk_keys::open_as_caller(ec2, call, &key).await?;
    }
    let attached = ec2.store.transact(|tx| async move {
        let mut volume: VolumeRecord = resources::get(&tx, place, id).await?;
        let mut instance: InstanceRecord = resources::get(&tx, place, instance_id).await?;
        check_free(&volume)?;
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
            let message = format!("Instance '{instance_id}' is not 'running'.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        if volume.zone() != instance.zone() {
            let message =
                format!("The volume '{id}' is not in the same availability zone as instance '{instance_id}'");
            return Err(Error::new(&INVALID_VOLUME_ZONE_MISMATCH, message));
        }
        check_zone(&tx, &volume).await?;
        let made = attachment(&tx, place, &instance, device, call.now).await?;
        volume.attachment = Some(made.clone());
        put(&tx, place, &volume).await?;
        bind(&tx, place, &volume, &mut instance).await?;
        resources::put(&tx, place, &instance).await?;
        mark_busy(&tx, place, id).await?;
        Ok(made)
    });
    let shown = volumes::attachment(id, &attached.await?);
    ec2.disks.nudge();
    Ok(AttachVolumeOutput {
        delete_on_termination: shown.delete_on_termination,
        volume_id: shown.volume_id,
        instance_id: shown.instance_id,
        device: shown.device,
        state: shown.state,
        attach_time: shown.attach_time,
        ..AttachVolumeOutput::default()
    })
}

fn check_free(volume: &VolumeRecord) -> Result<(), Error> {
    let id = &volume.id;
    if let Some(attachment) = &volume.attachment {
        let message = format!("{id} is already attached to an instance: {}", attachment.instance);
        return Err(Error::new(&VOLUME_IN_USE, message));
    }
    match volume.state {
        State::Available => Ok(()),
        _ => Err(Error::new(&INCORRECT_STATE, format!("Volume '{id}' is not 'available'."))),
    }
}

pub async fn detach_volume(
    ec2: &Ec2,
    call: &Call,
    input: DetachVolumeInput,
) -> Result<DetachVolumeOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let (instance_id, device) = (input.instance_id.as_deref(), input.device.as_deref());
    let forced = input.force == Some(true);
    let detached = ec2.store.transact(|tx| async move {
        let mut volume: VolumeRecord = resources::get(&tx, place, id).await?;
        let Some(attachment) = volume.attachment.clone() else {
            return Err(Error::new(&INCORRECT_STATE, format!("Volume '{id}' is in the 'available' state.")));
        };
        let fits = instance_id.is_none_or(|wanted| wanted == attachment.instance)
            && device.is_none_or(|wanted| is_same(wanted, &attachment.device));
        if !fits {
            let message = format!(
                "The volume '{id}' is not attached to instance '{}' as device '{}'",
                instance_id.unwrap_or(&attachment.instance),
                device.unwrap_or(&attachment.device)
            );
            return Err(Error::new(&INVALID_ATTACHMENT_NOT_FOUND, message));
        }
        let instance: InstanceRecord = resources::get(&tx, place, &attachment.instance).await?;
        let is_root = instance.shown.root_device_name.as_deref() == Some(attachment.device.as_str());
        if is_root && instance.state != InstanceState::Stopped {
            let message = format!("Unable to detach root volume '{id}' from instance '{}'", instance.id);
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        match attachment.step {
            Step::Detaching { .. } | Step::Busy if !forced => {}
            _ => step(&tx, place, &mut volume, Some(Step::Detaching { forced })).await?,
        }
        mark_busy(&tx, place, id).await?;
        Ok(volume.attachment)
    });
    let shown = detached.await?.map(|it| volumes::attachment(id, &it)).unwrap_or_default();
    ec2.disks.nudge();
    Ok(DetachVolumeOutput {
        delete_on_termination: shown.delete_on_termination,
        volume_id: shown.volume_id,
        instance_id: shown.instance_id,
        device: shown.device,
        state: shown.state,
        attach_time: shown.attach_time,
        ..DetachVolumeOutput::default()
    })
}
