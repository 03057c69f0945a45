//! What a rule may say, beyond the shapes of the model.

use rbin_api::{
    ResourceTag, ResourceType, RetentionPeriod, RetentionPeriodUnit, UnlockDelay, UnlockDelayUnit,
};

use crate::error::Error;
use crate::limits::{RETENTION_DAYS_MAX, UNLOCK_DELAY_DAYS, VOLUME_RETENTION_DAYS_MAX};

pub fn resource_type(kind: &ResourceType) -> Result<(), Error> {
    match kind {
        ResourceType::EbsSnapshot | ResourceType::Ec2Image | ResourceType::EbsVolume => Ok(()),
        ResourceType::Unknown(other) => {
            Err(Error::Invalid(format!("The resource type '{other}' is not valid.")))
        }
    }
}

/// Days are the only unit: 1 to 365 of them, 1 to 7 for volumes (RetentionPeriod).
pub fn retention(kind: &ResourceType, period: &RetentionPeriod) -> Result<(), Error> {
    if let RetentionPeriodUnit::Unknown(other) = &period.retention_period_unit {
        return Err(Error::Invalid(format!("The retention period unit '{other}' is not valid.")));
    }
    let most = match kind {
        ResourceType::EbsVolume => VOLUME_RETENTION_DAYS_MAX,
        _ => RETENTION_DAYS_MAX,
    };
    let days = period.retention_period_value;
    if (1..=most).contains(&days) {
        return Ok(());
    }
    Err(Error::Invalid(format!("The retention period for {kind} must be between 1 and {most} days.")))
}

pub fn unlock_delay(delay: &UnlockDelay) -> Result<(), Error> {
    match &delay.unlock_delay_unit {
        UnlockDelayUnit::Days if UNLOCK_DELAY_DAYS.contains(&delay.unlock_delay_value) => Ok(()),
        UnlockDelayUnit::Days => {
            let (least, most) = (UNLOCK_DELAY_DAYS.start(), UNLOCK_DELAY_DAYS.end());
            Err(Error::Invalid(format!("The unlock delay must be between {least} and {most} days.")))
        }
        UnlockDelayUnit::Unknown(other) => {
            Err(Error::Invalid(format!("The unlock delay unit '{other}' is not valid.")))
        }
    }
}

/// A rule is either of resources with tags, or of a region, which may leave some out.
pub fn tags(of: &[ResourceTag], without: &[ResourceTag]) -> Result<(), Error> {
    if !of.is_empty() && !without.is_empty() {
        let message = "Exclusion tags cannot be specified for tag-level retention rules.";
        return Err(Error::Invalid(message.into()));
    }
    for tags in [of, without] {
        for (at, tag) in tags.iter().enumerate() {
            if tags[..at].contains(tag) {
                let message = format!("The resource tag {} is there twice.", tag.resource_tag_key);
                return Err(Error::Invalid(message));
            }
        }
    }
    Ok(())
}

/// Only rules of a whole region are locked (LockRule).
pub fn lockable(of: &[ResourceTag], without: &[ResourceTag]) -> Result<(), Error> {
    if of.is_empty() && without.is_empty() {
        return Ok(());
    }
    let message = "Tag-level retention rules, and Region-level retention rules that have exclusion tags, cannot \
                   be locked.";
    Err(Error::Invalid(message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(value: i32) -> RetentionPeriod {
        RetentionPeriod { retention_period_value: value, retention_period_unit: RetentionPeriodUnit::Days }
    }

    fn tag(key: &str, value: &str) -> ResourceTag {
        ResourceTag { resource_tag_key: key.to_owned(), resource_tag_value: Some(value.to_owned()) }
    }

    #[test]
    fn volumes_are_retained_for_a_week_and_the_rest_for_a_year() {
        for (kind, value, good) in [
            (ResourceType::EbsVolume, 7, true),
            (ResourceType::EbsVolume, 8, false),
            (ResourceType::EbsSnapshot, 0, false),
            (ResourceType::EbsSnapshot, 1, true),
            (ResourceType::EbsSnapshot, 365, true),
            (ResourceType::Ec2Image, 366, false),
        ] {
            assert_eq!(retention(&kind, &days(value)).is_ok(), good, "{kind} {value}");
        }
    }

    #[test]
    fn exclusions_are_for_regions() {
        assert!(tags(&[tag("a", "1"), tag("a", "2")], &[]).is_ok());
        assert!(tags(&[], &[tag("a", "1")]).is_ok());
        assert!(tags(&[tag("a", "1")], &[tag("b", "1")]).is_err());
        assert!(tags(&[tag("a", "1"), tag("a", "1")], &[]).is_err());
    }
}
