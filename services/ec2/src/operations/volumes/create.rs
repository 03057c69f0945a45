//! CreateVolume, and what launches make volumes with.
//!
//! Surprising: a volume is gp2 where nothing is said, and one from an encrypted snapshot is encrypted whatever is said.

use base::{AccountId, Timestamp};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::{driver, shown};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_ZONE_NOT_FOUND,
    MISSING_PARAMETER, UNSUPPORTED_OPERATION,
};
use crate::kind::VOLUME;
use crate::model::tags::Tags;
use crate::model::volumes::{Measures, State, measures};
use crate::model::vpcs::zones;
use crate::operations::fast_restores::take_credit;
use crate::operations::snapshot_finding::find;
use crate::operations::snapshot_tiers::check_usable;
use crate::operations::vpcs::tokens::Token;
use crate::operations::{disk_keys, tags};
use crate::records::instances::PlaceRecord;
use crate::records::snapshots::{SealedKey, SnapshotRecord};
use crate::records::volumes::{AttachmentRecord, VOLUME_PLACES, VolumeRecord, mark_busy};
use crate::records::zones::down_since;
use crate::resources;

/// A volume that may be made: everything was looked up and looked over.
#[derive(Clone, Debug)]
pub struct Planned {
    pub measures: Measures,
    pub snapshot: Option<String>,
    snapshot_key: Option<SealedKey>,
    key: Option<SealedKey>,
}

/// Looks over what a volume is to be, as a block device of a launch says it or CreateVolume does. `id` is what its data
/// key is bound to; `lender`, whose image it is that names the snapshot: who may launch an image may use its snapshots.
///
/// # Errors
/// Those of CreateVolume.
pub async fn plan(
    ec2: &Ec2,
    call: &Call,
    asked: &EbsBlockDevice,
    id: &str,
    lender: Option<AccountId>,
) -> Result<Planned, Error> {
    driver(ec2)?;
    let snapshot_id = asked.snapshot_id.as_deref().filter(|id| !id.is_empty());
    let snapshot = match snapshot_id {
        Some(id) => Some(usable(ec2, call, id, lender).await?),
        None => None,
    };
    let least = snapshot.as_ref().and_then(|record| record.shown.volume_size);
    let gib = asked.volume_size.or(least).ok_or_else(|| {
        Error::new(&MISSING_PARAMETER, "The request must contain the parameter size/snapshot")
    })?;
    if let Some(least) = least.filter(|least| gib < *least) {
        let id = snapshot_id.unwrap_or_default();
        let message =
            format!("Volume of size {gib}GB is smaller than snapshot '{id}', expect size >= {least}GB");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let volume_type = asked.volume_type.clone().unwrap_or(VolumeType::Gp2);
    let measures = measures(volume_type, gib, asked.iops, asked.throughput)?;
    let snapshot_key = snapshot.and_then(|record| record.key);
    let wanted = asked.kms_key_id.as_deref();
    let chosen = disk_keys::choose(ec2, call, asked.encrypted, wanted, snapshot_key.as_ref()).await?;
    if let Some(key) = &snapshot_key {
        disk_keys::lend(ec2, call, key).await?;
    }
    let key = match chosen {
        Some(kms_key) => Some(disk_keys::seal(ec2, call, &kms_key, id).await?),
        None => None,
    };
    Ok(Planned { measures, snapshot: snapshot_id.map(str::to_owned), snapshot_key, key })
}

/// A snapshot that volumes can be created from now: one that the caller may use, or the lender's.
pub async fn usable(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    lender: Option<AccountId>,
) -> Result<SnapshotRecord, Error> {
    let (account, region) = (lender.unwrap_or(call.account), call.region);
    let record = ec2.store.read(|tx| async move {
        let found = find(&tx, account, region, id).await?;
        check_usable(&tx, &found.place, id, call.now).await?;
        Ok::<_, Error>(found.record)
    });
    let record = record.await?;
    match record.completed() {
        Some(_) => Ok(record),
        None => {
            let message = format!("Snapshot is in invalid state - {}", record.state());
            Err(Error::new(&INCORRECT_STATE, message))
        }
    }
}

/// The record of a new volume.
pub fn record(
    planned: &Planned,
    call: &Call,
    id: &str,
    zone: &str,
    attachment: Option<AttachmentRecord>,
) -> VolumeRecord {
    let Planned { measures, snapshot, snapshot_key, key } = planned.clone();
    let shown = Volume {
        volume_id: Some(id.to_owned()),
        size: Some(measures.gib),
        volume_type: Some(measures.volume_type),
        iops: measures.iops,
        throughput: measures.throughput,
        snapshot_id: Some(snapshot.unwrap_or_default()),
        availability_zone: Some(zone.to_owned()),
        availability_zone_id: zones::id_of(call.region, zone),
        create_time: Some(call.now),
        encrypted: Some(key.is_some()),
        kms_key_id: key.as_ref().map(|key| key.key_arn.clone()),
        multi_attach_enabled: Some(false),
        operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
        ..Volume::default()
    };
    VolumeRecord {
        id: id.to_owned(),
        shown: Kept(shown),
        state: State::Creating,
        since: call.now,
        attachment,
        key,
        snapshot_key,
        modification: None,
        modified: Vec::<Timestamp>::new(),
        auto_enable_io: false,
        stalled: None,
        doubt: None,
    }
}

/// Keeps a new volume; the task of disks makes it.
pub async fn save(tx: &Tx, call: &Call, record: &VolumeRecord, given: &Tags) -> Result<(), Error> {
    let place = &call.scope();
    resources::create(tx, place, record, given).await?;
    crate::records::usage::volume(tx, place, record, call.now).await?;
    VOLUME_PLACES.put(tx, &(), &record.id, &PlaceRecord::of(place)).await?;
    mark_busy(tx, place, &record.id).await
}

fn check(input: &CreateVolumeInput) -> Result<(), Error> {
    if input.multi_attach_enabled == Some(true) {
        let message = match input.volume_type {
            Some(VolumeType::Io1 | VolumeType::Io2) => {
                "Multi-Attach is not supported by the volumes of this cloud."
            }
            _ => {
                let message = "The parameter MultiAttachEnabled is only supported for io1 and io2 volumes.";
                return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
            }
        };
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let cannot = [
        ("An Outpost", input.outpost_arn.is_some()),
        ("A managed operator", input.operator.is_some()),
        ("A volume initialization rate", input.volume_initialization_rate.is_some()),
    ];
    match cannot.iter().find(|(_, is_given)| *is_given) {
        Some((what, _)) => {
            let message = format!("{what} is not supported by the volumes of this cloud.");
            Err(Error::new(&UNSUPPORTED_OPERATION, message))
        }
        None => Ok(()),
    }
}

fn zone_of(call: &Call, name: Option<&str>, id: Option<&str>) -> Result<String, Error> {
    let unknown =
        |zone: &str| Error::new(&INVALID_ZONE_NOT_FOUND, format!("The zone '{zone}' does not exist."));
    match (name, id) {
        (Some(_), Some(_)) => {
            let message = "AvailabilityZone and AvailabilityZoneId cannot be specified together.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (Some(name), None) => {
            zones::id_of(call.region, name).map(|_| name.to_owned()).ok_or_else(|| unknown(name))
        }
        (None, Some(id)) => zones::name_of(call.region, id).ok_or_else(|| unknown(id)),
        (None, None) => Err(Error::missing("AvailabilityZone")),
    }
}

pub async fn create_volume(
    ec2: &Ec2,
    call: &Call,
    input: CreateVolumeInput,
) -> Result<CreateVolumeOutput, Error> {
    check(&input)?;
    let zone = &zone_of(call, input.availability_zone.as_deref(), input.availability_zone_id.as_deref())?;
    let specifications = input.tag_specifications.as_deref();
    let given = &tags::of_new(ec2, call, "CreateVolume", specifications, &VOLUME, &[]).await?;
    let parameters = Kept(CreateVolumeInput { client_token: None, dry_run: None, ..input.clone() });
    let parameters = serde_json::to_string(&parameters).unwrap_or_default();
    let token = &Token::new("ec2.CreateVolume", input.client_token.as_deref(), parameters);
    let earlier = ec2.store.read(|tx| async move { token.earlier(&tx, call).await }).await?;
    let id = match earlier {
        Some(id) => id,
        None => {
            let asked = EbsBlockDevice {
                iops: input.iops,
                snapshot_id: input.snapshot_id,
                volume_size: input.size,
                volume_type: input.volume_type,
                kms_key_id: input.kms_key_id,
                throughput: input.throughput,
                encrypted: input.encrypted,
                ..EbsBlockDevice::default()
            };
            let id = VOLUME.new_id(&ec2.ids);
            let planned = plan(ec2, call, &asked, &id, None).await?;
            let (record, source) = (&record(&planned, call, &id, zone, None), planned.snapshot.as_deref());
            let made = ec2.store.transact(|tx| async move {
                if let Some(id) = token.earlier(&tx, call).await? {
                    return Ok(id);
                }
                if down_since(&tx, zone).await?.is_some() {
                    let message = format!("The Availability Zone {zone} is not available.");
                    return Err(Error::new(&INCORRECT_STATE, message));
                }
                let mut record = record.clone();
                if let Some(snapshot) = source
                    && take_credit(&tx, call, snapshot, zone).await?
                {
                    record.shown.0.fast_restored = Some(true);
                }
                save(&tx, call, &record, given).await?;
                token.remember(&tx, call, &record.id).await?;
                Ok::<_, Error>(record.id.clone())
            });
            made.await?
        }
    };
    let (place, id) = (&call.scope(), id.as_str());
    let found = ec2.store.read(|tx| async move {
        let record: VolumeRecord = resources::get(&tx, place, id).await?;
        Ok::<_, Error>((record, resources::tags(&tx, place, id).await?))
    });
    let (record, tags) = found.await?;
    ec2.disks.nudge();
    Ok(output(shown(&record, &tags)))
}

fn output(volume: Volume) -> CreateVolumeOutput {
    CreateVolumeOutput {
        availability_zone_id: volume.availability_zone_id,
        iops: volume.iops,
        tags: volume.tags,
        volume_type: volume.volume_type,
        multi_attach_enabled: volume.multi_attach_enabled,
        throughput: volume.throughput,
        operator: volume.operator,
        volume_id: volume.volume_id,
        size: volume.size,
        snapshot_id: volume.snapshot_id,
        availability_zone: volume.availability_zone,
        state: volume.state,
        create_time: volume.create_time,
        attachments: volume.attachments,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id,
        fast_restored: volume.fast_restored,
        ..CreateVolumeOutput::default()
    }
}
