//! Volumes. Operations write what is wanted; the task of disks makes it so.

pub mod attachments;
pub mod attributes;
pub mod create;
pub mod describe;
pub mod modify;
pub mod status;
pub mod targets;

use std::sync::Arc;

use ec2_api::Volume;
use service::Call;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INCORRECT_STATE, UNSUPPORTED, VOLUME_IN_USE};
use crate::ground::disks::Disks;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::volumes::{self, State};
use crate::operations::recycle_bin;
use crate::records::recycle_bin::put_in;
use crate::records::volumes::{VolumeRecord, mark_busy};
use crate::records::{Place, zones};
use crate::resources;

/// What keeps volumes and snapshots.
///
/// # Errors
/// `Unsupported` where this cloud has nothing that does.
pub fn driver(ec2: &Ec2) -> Result<&Arc<dyn Disks>, Error> {
    ec2.disk_driver.as_ref().ok_or_else(|| {
        let message = "No volume can be kept on this host: This cloud runs without a driver for disks";
        Error::new(&UNSUPPORTED, message)
    })
}

/// A volume as clients see it.
pub fn shown(record: &VolumeRecord, tags: &Tags) -> Volume {
    let attachment = record.attachment.as_ref().map(|it| volumes::attachment(&record.id, it));
    Volume {
        state: Some(volumes::state(record)),
        attachments: Some(attachment.into_iter().collect()),
        tags: Some(shown_tags(tags)),
        ..record.shown.0.clone()
    }
}

/// Refuses what needs the zone of a volume while that is down.
///
/// # Errors
/// `IncorrectState`
pub async fn check_zone(tx: &Tx, record: &VolumeRecord) -> Result<(), Error> {
    match zones::down_since(tx, record.zone()).await? {
        None => Ok(()),
        Some(_) => {
            let message =
                format!("The Availability Zone {} of {} is not available.", record.zone(), record.id);
            Err(Error::new(&INCORRECT_STATE, message))
        }
    }
}

pub async fn delete_volume(
    ec2: &Ec2,
    call: &Call,
    input: ec2_api::DeleteVolumeInput,
) -> Result<ec2_api::DeleteVolumeOutput, Error> {
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let rules = &recycle_bin::rules(ec2, call, rbin_api::ResourceType::EbsVolume).await?;
    let deleted = ec2.store.transact(|tx| async move {
        let mut record: VolumeRecord = resources::get(&tx, place, id).await?;
        if let Some(attachment) = &record.attachment {
            let message = format!("Volume {id} is currently attached to {}", attachment.instance);
            return Err(Error::new(&VOLUME_IN_USE, message));
        }
        if record.state == State::Available
            && let Some(time) = rules.time(&tx, place, id).await?
        {
            return put_in(&tx, place, &record, call.now, time).await;
        }
        match record.state {
            State::Available | State::Error => delete(&tx, call.now, place, &mut record).await,
            State::Deleting => Ok(()),
            State::Creating => {
                let message = format!("The volume '{id}' is in the state 'creating'.");
                Err(Error::new(&INCORRECT_STATE, message))
            }
        }
    });
    deleted.await?;
    ec2.disks.nudge();
    Ok(ec2_api::DeleteVolumeOutput::default())
}

/// From now on a volume goes away.
pub async fn delete(
    tx: &Tx,
    now: base::Timestamp,
    place: &Place,
    record: &mut VolumeRecord,
) -> Result<(), Error> {
    record.state = State::Deleting;
    record.since = now;
    crate::records::usage::volume(tx, place, record, now).await?;
    crate::records::volumes::put(tx, place, record).await?;
    mark_busy(tx, place, &record.id).await
}
