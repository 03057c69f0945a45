//! What a policy may say. Fields that this cloud does nothing with are refused by name: a policy that is accepted is
//! carried out whole.

mod defaults;
mod events;
mod schedules;

use base::Timestamp;
use dlm_api::{
    PolicyDetails, PolicyLanguageValues, ResourceLocationValues, RetentionIntervalUnitValues as Unit,
};

use super::kinds::{self, Kind, quoted};
use crate::error::Error;
use crate::limits::{DESCRIPTION_CHARS_MAX, RETAINED_YEARS_MAX};

pub use events::pattern;

/// `^[0-9A-Za-z _-]+$`
pub fn description(text: &str) -> Result<(), Error> {
    let good = |sign: char| sign.is_ascii_alphanumeric() || " _-".contains(sign);
    if text.is_empty() || text.len() > DESCRIPTION_CHARS_MAX || !text.chars().all(good) {
        return Err(Error::InvalidValue("Description", text.to_owned()));
    }
    Ok(())
}

/// Whether a policy may say this, now.
///
/// # Errors
/// `InvalidRequestException`; ours for what is not implemented.
pub fn details(details: &PolicyDetails, now: Timestamp) -> Result<(), Error> {
    if let Some(PolicyLanguageValues::Unknown(other)) = &details.policy_language {
        return Err(Error::InvalidValue("PolicyLanguage", quoted(other)));
    }
    if kinds::is_default(details) {
        return defaults::details(details);
    }
    if let Some(name) =
        defaults::fields(details).into_iter().find_map(|(name, is_there)| is_there.then_some(name))
    {
        return Err(Error::Invalid(format!("{name} is for default policies only")));
    }
    let kind = kinds::of(details)?;
    if kind == Kind::Shared {
        return events::details(details);
    }
    if details.event_source.is_some() || details.actions.is_some() {
        return Err(Error::Invalid("EventSource and Actions are for event-based policies only".into()));
    }
    place(details)?;
    if details.target_tags.as_deref().unwrap_or_default().is_empty() {
        return Err(Error::Missing("TargetTags"));
    }
    parameters(details, kind)?;
    schedules::all(details.schedules.as_deref().unwrap_or_default(), kind, now)
}

fn place(details: &PolicyDetails) -> Result<(), Error> {
    match details.resource_locations.as_deref() {
        None | Some([ResourceLocationValues::Cloud]) => Ok(()),
        Some([ResourceLocationValues::Outpost | ResourceLocationValues::LocalZone]) => {
            Err(Error::NotImplemented("ResourceLocations other than CLOUD"))
        }
        Some(_) => Err(Error::InvalidValue("ResourceLocations", String::new())),
    }
}

fn parameters(details: &PolicyDetails, kind: Kind) -> Result<(), Error> {
    let Some(parameters) = details.parameters.as_ref() else { return Ok(()) };
    let is_of_snapshots =
        parameters.exclude_boot_volume.is_some() || parameters.exclude_data_volume_tags.is_some();
    match kind {
        Kind::Instances if parameters.no_reboot.is_some() => {
            Err(Error::Invalid("NoReboot is for AMI policies only".into()))
        }
        Kind::Images if is_of_snapshots => Err(Error::Invalid(
            "ExcludeBootVolume and ExcludeDataVolumeTags are for snapshot policies that target instances only"
                .into(),
        )),
        Kind::Instances | Kind::Images => Ok(()),
        Kind::Volumes | Kind::Shared => {
            Err(Error::Invalid("Parameters are for policies that target instances only".into()))
        }
    }
}

/// At most a hundred years.
fn for_long(name: &'static str, interval: i32, unit: Option<&Unit>) -> Result<(), Error> {
    for_years(name, interval, unit, RETAINED_YEARS_MAX)
}

fn for_years(name: &'static str, interval: i32, unit: Option<&Unit>, years: i32) -> Result<(), Error> {
    let a_year = match unit {
        Some(Unit::Days) => 365,
        Some(Unit::Weeks) => 52,
        Some(Unit::Months) => 12,
        Some(Unit::Years) => 1,
        Some(Unit::Unknown(other)) => return Err(Error::InvalidValue("IntervalUnit", quoted(other))),
        None => return Err(Error::Missing("IntervalUnit")),
    };
    if interval < 1 || interval > a_year * years {
        return Err(Error::InvalidValue(name, interval.to_string()));
    }
    Ok(())
}

/// A region of this world.
fn region(name: &'static str, text: &str) -> Result<(), Error> {
    match text.parse::<base::Region>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::InvalidValue(name, quoted(text))),
    }
}

#[cfg(test)]
mod tests;
