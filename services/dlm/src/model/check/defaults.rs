//! Default policies: few fields, all with defaults, and none of the other policies' ones.

use dlm_api::{CrossRegionCopyTarget, Exclusions, PolicyDetails, PolicyTypeValues};

use super::region;
use crate::error::Error;
use crate::limits::{CREATE_DAYS, RETAIN_DAYS, RETAIN_DAYS_DEFAULT};
use crate::model::kinds::{self, Kind, quoted};
use crate::model::schedules;

const VOLUME_TYPES: [&str; 7] = ["standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"];

/// The fields that other policies have not.
pub fn fields(details: &PolicyDetails) -> [(&'static str, bool); 7] {
    [
        ("ResourceType", details.resource_type.is_some()),
        ("CreateInterval", details.create_interval.is_some()),
        ("RetainInterval", details.retain_interval.is_some()),
        ("CopyTags", details.copy_tags.is_some()),
        ("ExtendDeletion", details.extend_deletion.is_some()),
        ("CrossRegionCopyTargets", details.cross_region_copy_targets.is_some()),
        ("Exclusions", details.exclusions.is_some()),
    ]
}

fn fields_of_others(details: &PolicyDetails) -> [(&'static str, bool); 7] {
    [
        ("ResourceTypes", details.resource_types.is_some()),
        ("ResourceLocations", details.resource_locations.is_some()),
        ("TargetTags", details.target_tags.is_some()),
        ("Schedules", details.schedules.is_some()),
        ("Parameters", details.parameters.is_some()),
        ("EventSource", details.event_source.is_some()),
        ("Actions", details.actions.is_some()),
    ]
}

pub fn details(details: &PolicyDetails) -> Result<(), Error> {
    let others = fields_of_others(details).into_iter().find(|(_, is_there)| *is_there);
    if let Some((name, _)) = others {
        return Err(Error::Invalid(format!("{name} is for custom policies only")));
    }
    let kind = kinds::of(details)?;
    // The type is left out, or what follows from the resource's: images of instances.
    let is_other = match &details.policy_type {
        None => false,
        Some(PolicyTypeValues::EbsSnapshotManagement) => kind != Kind::Volumes,
        Some(other) => kind != Kind::Images || *other != PolicyTypeValues::ImageManagement,
    };
    if is_other {
        return Err(Error::Invalid("The policy type does not match the resource type".into()));
    }
    let create = schedules::create_days(details);
    if !CREATE_DAYS.contains(&create) {
        return Err(Error::InvalidValue("CreateInterval", create.to_string()));
    }
    let retain = details.retain_interval.unwrap_or(RETAIN_DAYS_DEFAULT);
    if !RETAIN_DAYS.contains(&retain) {
        return Err(Error::InvalidValue("RetainInterval", retain.to_string()));
    }
    if retain <= create {
        return Err(Error::Invalid("RetainInterval must be greater than CreateInterval".into()));
    }
    targets(details.cross_region_copy_targets.as_deref().unwrap_or_default())?;
    details.exclusions.as_ref().map_or(Ok(()), |exclusions| excluded(exclusions, kind))
}

fn targets(targets: &[CrossRegionCopyTarget]) -> Result<(), Error> {
    for (at, target) in targets.iter().enumerate() {
        let name = target.target_region.as_deref().ok_or(Error::Missing("TargetRegion"))?;
        region("TargetRegion", name)?;
        if targets[..at].iter().any(|earlier| earlier.target_region == target.target_region) {
            return Err(Error::InvalidValue("CrossRegionCopyTargets", quoted(name)));
        }
    }
    Ok(())
}

fn excluded(exclusions: &Exclusions, kind: Kind) -> Result<(), Error> {
    let types = exclusions.exclude_volume_types.as_deref().unwrap_or_default();
    if kind == Kind::Images && (exclusions.exclude_boot_volumes == Some(true) || !types.is_empty()) {
        let message =
            "ExcludeBootVolumes and ExcludeVolumeTypes are for default policies for EBS snapshots only";
        return Err(Error::Invalid(message.into()));
    }
    match types.iter().find(|name| !VOLUME_TYPES.contains(&name.as_str())) {
        Some(unknown) => Err(Error::InvalidValue("ExcludeVolumeTypes", quoted(unknown))),
        None => Ok(()),
    }
}
