//! Event-based policies: who has to share a snapshot, how it is described, and where it is copied to.

use dlm_api::{EventSourceValues, EventTypeValues, PolicyDetails};
use regex::{Regex, RegexBuilder};

use super::{for_long, region};
use crate::error::Error;
use crate::limits::PATTERN_BYTES_MAX;
use crate::model::kinds::quoted;

pub fn details(details: &PolicyDetails) -> Result<(), Error> {
    let others = [
        ("ResourceTypes", details.resource_types.is_some()),
        ("ResourceLocations", details.resource_locations.is_some()),
        ("TargetTags", details.target_tags.is_some()),
        ("Schedules", details.schedules.is_some()),
        ("Parameters", details.parameters.is_some()),
    ];
    if let Some((name, _)) = others.iter().find(|(_, is_there)| *is_there) {
        return Err(Error::Invalid(format!("{name} is not for event-based policies")));
    }
    source(details)?;
    let [action] = details.actions.as_deref().unwrap_or_default() else {
        return Err(Error::Missing("Actions"));
    };
    if action.cross_region_copy.is_empty() {
        return Err(Error::Missing("CrossRegionCopy"));
    }
    for copy in &action.cross_region_copy {
        region("Target", &copy.target)?;
        if let Some(retain) = &copy.retain_rule {
            let interval = retain.interval.ok_or(Error::Missing("Interval"))?;
            for_long("RetainRule", interval, retain.interval_unit.as_ref())?;
        }
    }
    Ok(())
}

fn source(details: &PolicyDetails) -> Result<(), Error> {
    let source = details.event_source.as_ref().ok_or(Error::Missing("EventSource"))?;
    if let EventSourceValues::Unknown(other) = &source.r#type {
        return Err(Error::InvalidValue("Type", quoted(other)));
    }
    let parameters = source.parameters.as_ref().ok_or(Error::Missing("Parameters"))?;
    if let EventTypeValues::Unknown(other) = &parameters.event_type {
        return Err(Error::InvalidValue("EventType", quoted(other)));
    }
    if parameters.snapshot_owner.is_empty() {
        return Err(Error::Missing("SnapshotOwner"));
    }
    let bad = |account: &&String| account.parse::<base::AccountId>().is_err();
    if let Some(account) = parameters.snapshot_owner.iter().find(bad) {
        return Err(Error::InvalidValue("SnapshotOwner", quoted(account)));
    }
    pattern(&parameters.description_regex).map(drop)
}

/// What a snapshot's whole description has to match: the guide's examples have `.*` at their ends.
pub fn pattern(text: &str) -> Result<Regex, Error> {
    let whole = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(PATTERN_BYTES_MAX).build();
    whole.map_err(|_| Error::InvalidValue("DescriptionRegex", quoted(text)))
}
