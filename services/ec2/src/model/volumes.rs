//! Volumes: the types and what each can, what a volume is shown as, and what filters see.
//!
//! Sources: CreateVolume and ModifyVolume in the model; "Amazon EBS volume types" for ratios and pace.

use ec2_api::{Volume, VolumeAttachment, VolumeAttachmentState, VolumeState, VolumeType};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE};
use crate::ground::disks::{Credits, Pace};
use crate::model::filter::{Values, maybe, one, with_millis};
use crate::records::volumes::{AttachmentRecord, Step, VolumeRecord};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Creating,
    /// In use, where it is attached.
    Available,
    Deleting,
    Error,
}

/// What a type of volumes can be.
struct Bounds {
    gib: (i32, i32),
    /// Where IOPS may be asked for.
    iops: Option<(i32, i32)>,
    iops_of_a_gib: i32,
    /// MiB a second, where they may be asked for.
    throughput: Option<(i32, i32)>,
}

fn bounds(volume_type: &VolumeType) -> Result<Bounds, Error> {
    let plain = |gib| Bounds { gib, iops: None, iops_of_a_gib: 0, throughput: None };
    Ok(match volume_type {
        VolumeType::Gp2 => plain((1, 16_384)),
        VolumeType::Gp3 => Bounds {
            gib: (1, 65_536),
            iops: Some((3_000, 80_000)),
            iops_of_a_gib: 500,
            throughput: Some((125, 2_000)),
        },
        VolumeType::Io1 => Bounds { iops: Some((100, 64_000)), iops_of_a_gib: 50, ..plain((4, 16_384)) },
        VolumeType::Io2 => Bounds { iops: Some((100, 256_000)), iops_of_a_gib: 1_000, ..plain((4, 65_536)) },
        VolumeType::St1 | VolumeType::Sc1 => plain((125, 16_384)),
        VolumeType::Standard => plain((1, 1_024)),
        VolumeType::Unknown(other) => return Err(Error::invalid_value(other, "volumeType", "")),
    })
}

/// How large and how fast a volume is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    pub volume_type: VolumeType,
    pub gib: i32,
    /// As shown: for gp2, what follows from the size.
    pub iops: Option<i32>,
    pub throughput: Option<i32>,
}

/// Looks over what is asked for and fills in what follows from it.
///
/// # Errors
/// `InvalidParameterValue`, `InvalidParameterCombination`, `MissingParameter`
pub fn measures(
    volume_type: VolumeType,
    gib: i32,
    iops: Option<i32>,
    throughput: Option<i32>,
) -> Result<Measures, Error> {
    let bounds = bounds(&volume_type)?;
    let name = volume_type.as_str().to_owned();
    let refused = |message: String| Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    let (least, most) = bounds.gib;
    if gib < least {
        return refused(format!(
            "Volume of {gib}GiB is too small for volume type {name}; minimum is {least}GiB."
        ));
    }
    if gib > most {
        return refused(format!(
            "Volume of {gib}GiB is too large for volume type {name}; maximum is {most}GiB."
        ));
    }
    let unsupported = |what: &str| {
        let message = format!("The parameter {what} is not supported for {name} volumes.");
        Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
    };
    match (bounds.iops, iops) {
        (None, Some(_)) => return unsupported("iops"),
        (Some((least, _)), Some(iops)) if iops < least => {
            return refused(format!("Volume iops of {iops} is too low; minimum is {least}."));
        }
        (Some((_, most)), Some(iops)) if iops > most => {
            return refused(format!("Volume iops of {iops} is too high; maximum is {most}."));
        }
        // What every gp3 volume has, however small, is no ratio asked for.
        (Some((least, _)), Some(iops))
            if iops > gib.saturating_mul(bounds.iops_of_a_gib)
                && !(volume_type == VolumeType::Gp3 && iops == least) =>
        {
            let ratio = f64::from(iops) / f64::from(gib);
            let most = bounds.iops_of_a_gib;
            return refused(format!(
                "Iops to volume size ratio of {ratio:.6} is too high; maximum is {most}."
            ));
        }
        (Some(_), None) if matches!(volume_type, VolumeType::Io1 | VolumeType::Io2) => {
            let message = format!("The parameter iops must be specified for {name} volumes.");
            return Err(Error::new(&crate::error::codes::MISSING_PARAMETER, message));
        }
        _ => {}
    }
    let shown = match volume_type {
        VolumeType::Gp2 => Some(gib.saturating_mul(3).clamp(100, 16_000)),
        VolumeType::Gp3 => iops.or(Some(3_000)),
        _ => iops,
    };
    match (bounds.throughput, throughput) {
        (None, Some(_)) => return unsupported("throughput"),
        (Some((least, most)), Some(throughput)) => {
            if throughput < least {
                return refused(format!("Volume throughput of {throughput} is too low; minimum is {least}."));
            }
            if throughput > most {
                return refused(format!("Volume throughput of {throughput} is too high; maximum is {most}."));
            }
            if throughput.saturating_mul(4) > shown.unwrap_or_default() {
                let ratio = f64::from(throughput) / f64::from(shown.unwrap_or(1));
                let message = format!(
                    "Throughput (MiBps) to iops ratio of {ratio:.6} is too high; maximum is 0.250000 MiBps per iops."
                );
                return refused(message);
            }
        }
        _ => {}
    }
    let throughput = throughput.or((volume_type == VolumeType::Gp3).then_some(125));
    Ok(Measures { volume_type, gib, iops: shown, throughput })
}

/// Credits of a gp2 volume at most: 3,000 IOPS for 30 minutes ("Amazon EBS volume types").
const IO_CREDITS: u64 = 5_400_000;

/// What a volume bursts with: gp2 earns credits at the IOPS of its size, st1 and sc1 by the TiB, each a TiB at most for
/// each TiB of theirs. Nothing for those whose baseline is as fast as their burst.
fn credits(volume_type: &VolumeType, gib: u64, iops: u32) -> Option<Credits> {
    let of_bytes = |mib_of_a_tib: u64, most: u64| {
        let mib = (mib_of_a_tib * gib / 1_024).clamp(1, most);
        Some(Credits { are_bytes: true, earned_a_second: mib << 20, most: gib << 30 })
    };
    match volume_type {
        VolumeType::Gp2 if iops < 3_000 => {
            Some(Credits { are_bytes: false, earned_a_second: iops.into(), most: IO_CREDITS })
        }
        VolumeType::St1 => of_bytes(40, 500),
        VolumeType::Sc1 => of_bytes(12, 250),
        _ => None,
    }
}

/// How fast a volume may be at most: its burst, where its type has one ("Amazon EBS volume types").
pub fn pace(volume: &Volume) -> Option<Pace> {
    let gib = volume.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(1);
    let iops = volume.iops.and_then(|iops| u32::try_from(iops).ok()).unwrap_or_default();
    let of_a_tib = |mib: u64, most: u64| (mib * gib / 1_024).clamp(1, most);
    let volume_type = volume.volume_type.as_ref()?;
    let (operations_a_second, mib) = match volume_type {
        VolumeType::Gp2 => (iops.max(3_000), if gib <= 170 { 128 } else { 250 }),
        VolumeType::Gp3 => (iops, volume.throughput.and_then(|mib| u64::try_from(mib).ok()).unwrap_or(125)),
        VolumeType::Io1 => (iops, (u64::from(iops) / 4).clamp(1, 1_000)),
        VolumeType::Io2 => (iops, (u64::from(iops) / 4).clamp(1, 4_000)),
        VolumeType::St1 => (500, of_a_tib(250, 500)),
        VolumeType::Sc1 => (250, of_a_tib(80, 250)),
        VolumeType::Standard => (200, 90),
        VolumeType::Unknown(_) => return None,
    };
    let credits = credits(volume_type, gib, iops);
    Some(Pace { operations_a_second, bytes_a_second: mib << 20, credits })
}

/// The state that clients see.
pub fn state(record: &VolumeRecord) -> VolumeState {
    match record.state {
        State::Creating => VolumeState::Creating,
        State::Deleting => VolumeState::Deleting,
        State::Error => VolumeState::Error,
        State::Available if record.attachment.is_some() => VolumeState::InUse,
        State::Available => VolumeState::Available,
    }
}

pub fn step(step: Step) -> VolumeAttachmentState {
    match step {
        Step::Attaching => VolumeAttachmentState::Attaching,
        Step::Attached => VolumeAttachmentState::Attached,
        Step::Detaching { .. } => VolumeAttachmentState::Detaching,
        Step::Busy => VolumeAttachmentState::Busy,
    }
}

pub fn attachment(volume: &str, attachment: &AttachmentRecord) -> VolumeAttachment {
    VolumeAttachment {
        volume_id: Some(volume.to_owned()),
        instance_id: Some(attachment.instance.clone()),
        device: Some(attachment.device.clone()),
        attach_time: Some(attachment.at),
        delete_on_termination: Some(attachment.delete_on_termination),
        state: Some(step(attachment.step)),
        ..VolumeAttachment::default()
    }
}

/// DescribeVolumes, besides tags.
pub const FILTERS: &[&str] = &[
    "attachment.attach-time",
    "attachment.delete-on-termination",
    "attachment.device",
    "attachment.instance-id",
    "attachment.status",
    "availability-zone",
    "availability-zone-id",
    "create-time",
    "encrypted",
    "fast-restored",
    "multi-attach-enabled",
    "operator.managed",
    "operator.principal",
    "size",
    "snapshot-id",
    "status",
    "volume-id",
    "volume-type",
];

pub fn value(record: &VolumeRecord, name: &str) -> Values {
    let (shown, attachment) = (&record.shown, record.attachment.as_ref());
    match name {
        "attachment.attach-time" => maybe(attachment.map(|it| with_millis(it.at))),
        "attachment.delete-on-termination" => maybe(attachment.map(|it| it.delete_on_termination)),
        "attachment.device" => maybe(attachment.map(|it| &it.device)),
        "attachment.instance-id" => maybe(attachment.map(|it| &it.instance)),
        "attachment.status" => maybe(attachment.map(|it| step(it.step))),
        "availability-zone" => one(record.zone()),
        "availability-zone-id" => maybe(shown.availability_zone_id.as_ref()),
        "create-time" => maybe(shown.create_time.map(with_millis)),
        "encrypted" => maybe(shown.encrypted),
        "fast-restored" => maybe(shown.fast_restored.or(Some(false))),
        "multi-attach-enabled" => maybe(shown.multi_attach_enabled),
        "operator.managed" => one(false),
        "operator.principal" => Some(Vec::new()),
        "size" => one(record.gib()),
        "snapshot-id" => maybe(shown.snapshot_id.as_ref().filter(|id| !id.is_empty())),
        "status" => one(state(record)),
        "volume-id" => one(&record.id),
        "volume-type" => maybe(shown.volume_type.as_ref()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_burst_earn_by_their_size() {
        let of = |volume_type: VolumeType, gib| {
            let iops = measures(volume_type.clone(), gib, None, None).unwrap().iops;
            let volume_type = Some(volume_type);
            let volume = Volume { volume_type, size: Some(gib), iops, ..Volume::default() };
            let pace = pace(&volume).unwrap();
            let credits = pace.credits.map(|it| (it.are_bytes, it.earned_a_second, it.most));
            (pace.operations_a_second, pace.bytes_a_second >> 20, credits)
        };
        assert_eq!(of(VolumeType::Gp2, 8), (3_000, 128, Some((false, 100, 5_400_000))));
        assert_eq!(of(VolumeType::Gp2, 500), (3_000, 250, Some((false, 1_500, 5_400_000))));
        assert_eq!(of(VolumeType::Gp2, 2_000), (6_000, 250, None));
        assert_eq!(of(VolumeType::Gp3, 8), (3_000, 125, None));
        assert_eq!(of(VolumeType::St1, 1_024), (500, 250, Some((true, 40 << 20, 1 << 40))));
        assert_eq!(of(VolumeType::St1, 16_384), (500, 500, Some((true, 500 << 20, 16 << 40))));
        assert_eq!(of(VolumeType::Sc1, 1_024), (250, 80, Some((true, 12 << 20, 1 << 40))));
    }

    #[test]
    fn each_type_has_its_sizes_and_ratios() {
        use VolumeType::*;
        for (volume_type, gib, iops, throughput, good) in [
            (Gp2, 1, None, None, true),
            (Gp2, 0, None, None, false),
            (Gp2, 16_385, None, None, false),
            (Gp2, 10, Some(100), None, false),
            (Gp3, 1, None, None, true),
            (Gp3, 1, Some(3_000), None, true),
            (Gp3, 8, Some(4_000), None, true),
            (Gp3, 8, Some(4_001), None, false),
            (Gp3, 100, Some(3_000), Some(750), true),
            (Gp3, 100, Some(3_000), Some(751), false),
            (Gp3, 100, Some(2_999), None, false),
            (Gp3, 100, None, Some(124), false),
            (Io1, 4, Some(200), None, true),
            (Io1, 4, Some(201), None, false),
            (Io1, 4, None, None, false),
            (Io2, 4, Some(4_000), None, true),
            (Io2, 4, Some(4_001), None, false),
            (Io2, 4, Some(100), Some(200), false),
            (St1, 124, None, None, false),
            (St1, 125, None, None, true),
            (Standard, 1_025, None, None, false),
        ] {
            let found = measures(volume_type.clone(), gib, iops, throughput);
            assert_eq!(found.is_ok(), good, "{volume_type} {gib} {iops:?} {throughput:?}: {found:?}");
        }
        assert_eq!(measures(Gp2, 8, None, None).unwrap().iops, Some(100));
        assert_eq!(measures(Gp2, 1_000, None, None).unwrap().iops, Some(3_000));
        assert_eq!(measures(Gp3, 8, None, None).unwrap().throughput, Some(125));
    }
}
