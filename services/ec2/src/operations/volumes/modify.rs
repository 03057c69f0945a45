//! ModifyVolume and DescribeVolumesModifications.
//!
//! Surprising: a volume only grows; the next change waits until the last is completed, and there are four within a day
//! (ModifyVolume). The new size is there when the change is `optimizing`; the file system is the guest's affair.

use std::time::Duration;

use ec2_api::*;
use service::{Call, Kept};

use super::check_zone;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_MODIFICATION_STATE, INCORRECT_STATE, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
    VOLUME_MODIFICATION_NOT_FOUND, VOLUME_MODIFICATION_RATE_EXCEEDED,
};
use crate::kind::VOLUME;
use crate::limits::MODIFICATIONS_A_DAY_MAX;
use crate::model::filter::{Filters, Values, maybe, with_millis};
use crate::model::volumes::{Measures, State, measures};
use crate::operations::lists::{self, Asked};
use crate::records::volumes::{VolumeRecord, mark_busy, put};
use crate::resources;

const DAY: Duration = Duration::from_secs(86_400);

/// What a volume is to become.
fn target(record: &VolumeRecord, input: &ModifyVolumeInput) -> Result<Measures, Error> {
    let shown = &record.shown;
    let gib = input.size.unwrap_or_else(|| record.gib());
    if gib < record.gib() {
        let message = "New size cannot be smaller than existing size";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let old_type = shown.volume_type.clone().unwrap_or(VolumeType::Gp2);
    let volume_type = input.volume_type.clone().unwrap_or_else(|| old_type.clone());
    let is_same = volume_type == old_type;
    let is_provisioned = matches!(volume_type, VolumeType::Io1 | VolumeType::Io2 | VolumeType::Gp3);
    let kept = shown.iops.filter(|_| is_same && is_provisioned);
    let iops = input.iops.or(kept).or((is_provisioned && !is_same).then_some(3_000));
    let throughput = input.throughput.or(shown.throughput.filter(|_| is_same));
    measures(volume_type, gib, iops, throughput)
}

pub async fn modify_volume(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVolumeInput,
) -> Result<ModifyVolumeOutput, Error> {
    if input.multi_attach_enabled == Some(true) {
        let message = "Multi-Attach is not supported by the volumes of this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let (place, id, input) = (&call.scope(), input.volume_id.as_str(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: VolumeRecord = resources::get(&tx, place, id).await?;
        if record.state != State::Available {
            let message = format!("Volume '{id}' is not in the 'available' or 'in-use' state.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        check_zone(&tx, &record).await?;
        let last = record.modification.as_ref().and_then(|last| last.modification_state.clone());
        if matches!(last, Some(VolumeModificationState::Modifying | VolumeModificationState::Optimizing)) {
            let message = format!("Cannot modify volume {id} in modification state {}", last.map(|state| state.as_str().to_uppercase()).unwrap_or_default());
            return Err(Error::new(&INCORRECT_MODIFICATION_STATE, message));
        }
        record.modified.retain(|at| call.now.since(*at) < DAY);
        if record.modified.len() >= MODIFICATIONS_A_DAY_MAX {
            let next = record.modified.first().map(|at| (*at + DAY).to_iso8601()).unwrap_or_default();
            let message = format!(
                "You've reached the maximum modification rate per volume limit. Wait until {next} before you modify {id} again."
            );
            return Err(Error::new(&VOLUME_MODIFICATION_RATE_EXCEEDED, message));
        }
        let target = target(&record, input)?;
        let modification = begun(&record, &target, call);
        record.modified.push(call.now);
        record.modification = Some(Kept(modification.clone()));
        put(&tx, place, &record).await?;
        mark_busy(&tx, place, id).await?;
        Ok(modification)
    });
    let volume_modification = Some(changed.await?);
    ec2.disks.nudge();
    Ok(ModifyVolumeOutput { volume_modification })
}

fn begun(record: &VolumeRecord, target: &Measures, call: &Call) -> VolumeModification {
    let shown = &record.shown;
    VolumeModification {
        volume_id: Some(record.id.clone()),
        modification_state: Some(VolumeModificationState::Modifying),
        target_size: Some(target.gib),
        target_iops: target.iops,
        target_volume_type: Some(target.volume_type.clone()),
        target_throughput: target.throughput,
        target_multi_attach_enabled: Some(false),
        original_size: shown.size,
        original_iops: shown.iops,
        original_volume_type: shown.volume_type.clone(),
        original_throughput: shown.throughput,
        original_multi_attach_enabled: Some(false),
        progress: Some(0),
        start_time: Some(call.now),
        ..VolumeModification::default()
    }
}

const FILTERS: &[&str] = &[
    "modification-state",
    "original-iops",
    "original-size",
    "original-volume-type",
    "originalMultiAttachEnabled",
    "start-time",
    "target-iops",
    "target-size",
    "target-volume-type",
    "targetMultiAttachEnabled",
    "volume-id",
];

fn value(shown: &VolumeModification, name: &str) -> Values {
    match name {
        "modification-state" => maybe(shown.modification_state.as_ref()),
        "original-iops" => maybe(shown.original_iops),
        "original-size" => maybe(shown.original_size),
        "original-volume-type" => maybe(shown.original_volume_type.as_ref()),
        "originalMultiAttachEnabled" => maybe(shown.original_multi_attach_enabled),
        "start-time" => maybe(shown.start_time.map(with_millis)),
        "target-iops" => maybe(shown.target_iops),
        "target-size" => maybe(shown.target_size),
        "target-volume-type" => maybe(shown.target_volume_type.as_ref()),
        "targetMultiAttachEnabled" => maybe(shown.target_multi_attach_enabled),
        "volume-id" => maybe(shown.volume_id.as_ref()),
        _ => None,
    }
}

pub async fn describe_volumes_modifications(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVolumesModificationsInput,
) -> Result<DescribeVolumesModificationsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let (place, ids) = (&call.scope(), &input.volume_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        if ids.is_empty() {
            return resources::all::<VolumeRecord>(&tx, place).await;
        }
        let mut found = Vec::new();
        for id in ids {
            VOLUME.check(id)?;
            let record: VolumeRecord = resources::get(&tx, place, id).await?;
            if record.modification.is_none() {
                let message = format!("Modification for volume '{id}' does not exist.");
                return Err(Error::new(&VOLUME_MODIFICATION_NOT_FOUND, message));
            }
            found.push(record);
        }
        Ok(found)
    });
    let mut shown = Vec::new();
    for modification in found.await?.into_iter().filter_map(|record| record.modification) {
        if filters.admit(&std::collections::BTreeMap::new(), &|name| value(&modification, name))? {
            shown.push(modification.0);
        }
    }
    let asked = Asked {
        operation: "DescribeVolumesModifications",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |one: &VolumeModification| one.volume_id.clone().unwrap_or_default();
    let (shown, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(DescribeVolumesModificationsOutput { volumes_modifications: Some(shown), next_token })
}
