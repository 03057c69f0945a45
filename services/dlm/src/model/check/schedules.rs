//! What the schedules of a policy may say, and which of their rules go together.

use std::time::Duration;

use base::{Cron, Timestamp};
use dlm_api::{
    ArchiveRule, CreateRule, CrossRegionCopyRule, DeprecateRule, FastRestoreRule, LocationValues, RetainRule,
    RetentionIntervalUnitValues as Unit, Schedule, ShareRule,
};

use super::{for_long, for_years, region};
use crate::error::Error;
use crate::limits::{
    ARCHIVED_GAP_MIN, ARCHIVED_TIME_MIN, DEPRECATED_YEARS_MAX, INTERVAL_HOURS, RETAINED_MAX,
};
use crate::model::kinds::{Kind, quoted};
use crate::model::retention::{self, Keep};
use crate::model::times;

pub fn all(schedules: &[Schedule], kind: Kind, now: Timestamp) -> Result<(), Error> {
    if schedules.is_empty() {
        return Err(Error::Missing("Schedules"));
    }
    for (at, schedule) in schedules.iter().enumerate() {
        one(schedule, kind, now)?;
        let earlier = &schedules[..at];
        if earlier.iter().any(|earlier| earlier.name.is_some() && earlier.name == schedule.name) {
            return Err(Error::Invalid("Schedule names must be unique within a policy".into()));
        }
        if earlier.iter().any(|earlier| is_by_count(earlier) != is_by_count(schedule)) {
            return Err(Error::Invalid("All schedules must have the same retention type".into()));
        }
    }
    Ok(())
}

fn keep(schedule: &Schedule) -> Option<Keep<'_>> {
    schedule.retain_rule.as_ref().and_then(Keep::of)
}

fn is_by_count(schedule: &Schedule) -> bool {
    matches!(keep(schedule), Some(Keep::Newest(_)))
}

fn one(schedule: &Schedule, kind: Kind, now: Timestamp) -> Result<(), Error> {
    if schedule.name.is_none() {
        return Err(Error::Missing("Name"));
    }
    let rule = schedule.create_rule.as_ref().ok_or(Error::Missing("CreateRule"))?;
    create(rule)?;
    retain(schedule)?;
    variable_tags(schedule, kind)?;
    let of_snapshots = [
        ("FastRestoreRule", schedule.fast_restore_rule.is_some()),
        ("ShareRules", schedule.share_rules.as_ref().is_some_and(|rules| !rules.is_empty())),
        ("ArchiveRule", schedule.archive_rule.is_some()),
    ];
    if kind == Kind::Images
        && let Some((name, _)) = of_snapshots.iter().find(|(_, is_there)| *is_there)
    {
        return Err(Error::Invalid(format!("{name} is for snapshot policies only")));
    }
    if let Some(rule) = &schedule.fast_restore_rule {
        fast_restore(rule, schedule)?;
    }
    if let Some(rule) = &schedule.archive_rule {
        archive(rule, schedule, kind, now)?;
    }
    if let Some(rule) = &schedule.deprecate_rule {
        deprecate(rule, schedule, kind)?;
    }
    schedule.cross_region_copy_rules.iter().flatten().try_for_each(|rule| copy(rule, kind))?;
    schedule.share_rules.iter().flatten().try_for_each(share)
}

fn variable_tags(schedule: &Schedule, kind: Kind) -> Result<(), Error> {
    let tags = schedule.variable_tags.as_deref().unwrap_or_default();
    if kind == Kind::Volumes && !tags.is_empty() {
        return Err(Error::Invalid("VariableTags are for policies that target instances only".into()));
    }
    match tags.iter().find(|tag| !["$(instance-id)", "$(timestamp)"].contains(&tag.value.as_str())) {
        Some(tag) => Err(Error::InvalidValue("VariableTags", quoted(&tag.value))),
        None => Ok(()),
    }
}

fn create(rule: &CreateRule) -> Result<(), Error> {
    if rule.scripts.as_ref().is_some_and(|scripts| !scripts.is_empty()) {
        return Err(Error::NotImplemented("Scripts before and after snapshots"));
    }
    if !matches!(rule.location, None | Some(LocationValues::Cloud)) {
        return Err(Error::NotImplemented("Location other than CLOUD"));
    }
    match (rule.cron_expression.as_deref(), rule.interval) {
        (Some(_), Some(_)) => {
            Err(Error::Invalid("CronExpression and Interval are mutually exclusive".into()))
        }
        (Some(cron), None) if !cron.starts_with("cron(") || Cron::parse(cron).is_none() => {
            Err(Error::InvalidValue("CronExpression", quoted(cron)))
        }
        (Some(_), None) if rule.times.is_some() => {
            Err(Error::Invalid("CronExpression and Times are mutually exclusive".into()))
        }
        (Some(_), None) => Ok(()),
        (None, None) => Err(Error::Missing("Interval")),
        (None, Some(hours)) if !INTERVAL_HOURS.contains(&hours) => {
            Err(Error::InvalidValue("Interval", hours.to_string()))
        }
        (None, Some(_)) if rule.interval_unit.is_none() => Err(Error::Missing("IntervalUnit")),
        (None, Some(_)) => match rule.times.iter().flatten().find(|time| times::minutes(time).is_none()) {
            Some(time) => Err(Error::InvalidValue("Times", quoted(time))),
            None => Ok(()),
        },
    }
}

/// Nothing is kept in the standard tier where the schedule archives at once: "If you specify a FastRestoreRule,
/// ShareRule, or a CrossRegionCopyRule, then you must specify a retention count of 1 or more".
fn retain(schedule: &Schedule) -> Result<(), Error> {
    let rule: &RetainRule = schedule.retain_rule.as_ref().ok_or(Error::Missing("RetainRule"))?;
    let is_some = |number: Option<i32>| number.is_some_and(|number| number > 0);
    if is_some(rule.count) && is_some(rule.interval) {
        return Err(Error::Invalid("Count and Interval are mutually exclusive".into()));
    }
    let rules_that_need_it = schedule.fast_restore_rule.is_some()
        || schedule.share_rules.as_ref().is_some_and(|rules| !rules.is_empty())
        || schedule.cross_region_copy_rules.as_ref().is_some_and(|rules| !rules.is_empty());
    match keep(schedule) {
        None if is_some(rule.interval) => Err(Error::Missing("IntervalUnit")),
        None => Err(Error::Missing("Count")),
        Some(keep) if keep.is_nothing() && schedule.archive_rule.is_none() => Err(Error::Missing("Count")),
        Some(keep) if keep.is_nothing() && rules_that_need_it => Err(Error::Invalid(
            "A schedule with a FastRestoreRule, ShareRule or CrossRegionCopyRule must retain snapshots in the \
             standard tier"
                .into(),
        )),
        Some(keep) if keep.is_nothing() => Ok(()),
        Some(Keep::Younger(interval, unit)) => for_long("RetainRule", interval, Some(unit)),
        Some(Keep::Newest(count)) if i32::try_from(count).is_ok_and(|count| count <= RETAINED_MAX) => Ok(()),
        Some(Keep::Newest(count)) => Err(Error::InvalidValue("Count", count.to_string())),
    }
}

fn fast_restore(rule: &FastRestoreRule, schedule: &Schedule) -> Result<(), Error> {
    let names = rule.availability_zones.as_deref().unwrap_or_default();
    let ids = rule.availability_zone_ids.as_deref().unwrap_or_default();
    if !names.is_empty() && !ids.is_empty() {
        return Err(Error::Invalid(
            "AvailabilityZones and AvailabilityZoneIds are mutually exclusive".into(),
        ));
    }
    if names.is_empty() && ids.is_empty() {
        return Err(Error::Missing("AvailabilityZones"));
    }
    match as_kept("FastRestoreRule", rule.count, rule.interval, schedule)? {
        Some((interval, ..)) => for_long("FastRestoreRule", interval, rule.interval_unit.as_ref()),
        None => Ok(()),
    }
}

/// A rule goes by count or by age as its schedule does. Checks a count; an age is returned, with the schedule's.
fn as_kept<'s>(
    name: &'static str,
    count: Option<i32>,
    interval: Option<i32>,
    schedule: &'s Schedule,
) -> Result<Option<(i32, i32, &'s Unit)>, Error> {
    match (count, interval, keep(schedule)) {
        (Some(_), Some(_), _) => Err(Error::Invalid("Count and Interval are mutually exclusive".into())),
        (None, None, _) => Err(Error::Missing("Count")),
        (Some(count), None, Some(Keep::Newest(kept))) => {
            match usize::try_from(count).is_ok_and(|count| (1..=kept).contains(&count)) {
                true => Ok(None),
                false => Err(Error::InvalidValue(name, count.to_string())),
            }
        }
        (None, Some(interval), Some(Keep::Younger(kept, unit))) => Ok(Some((interval, kept, unit))),
        _ => Err(Error::Invalid(format!("{name} must have the retention type of its schedule"))),
    }
}

/// A count has to keep snapshots in the archive for ninety days, going by how often there is one.
fn archive(rule: &ArchiveRule, schedule: &Schedule, kind: Kind, now: Timestamp) -> Result<(), Error> {
    if kind != Kind::Volumes {
        return Err(Error::Invalid("ArchiveRule is for policies that target volumes only".into()));
    }
    let gap = schedule.create_rule.as_ref().and_then(|rule| times::shortest_gap(rule, now));
    if gap.is_none_or(|gap| gap < ARCHIVED_GAP_MIN) {
        let message = "ArchiveRule needs a schedule with a creation frequency of at least 28 days";
        return Err(Error::Invalid(message.into()));
    }
    let tier = &rule.retain_rule.retention_archive_tier;
    let time = match (keep(schedule), Keep::in_archive(tier)) {
        (Some(Keep::Newest(_)), Some(Keep::Newest(count))) => {
            if i32::try_from(count).is_ok_and(|count| count > RETAINED_MAX) {
                return Err(Error::InvalidValue("RetentionArchiveTier", count.to_string()));
            }
            // One that is archived has the count of others after it when it goes, each a run later. Months differ,
            // and the guide takes three of them for ninety days.
            let months = u32::try_from(count).unwrap_or(u32::MAX);
            gap.unwrap_or_default().max(Duration::from_secs(30 * 24 * 3_600)).saturating_mul(months)
        }
        (Some(Keep::Younger(..)), Some(Keep::Younger(interval, unit))) => {
            for_long("RetentionArchiveTier", interval, Some(unit))?;
            let end = retention::after(now, interval, unit).unwrap_or(now);
            // The three months with a February in them are as good as others.
            match unit {
                Unit::Months if interval >= 3 => ARCHIVED_TIME_MIN,
                _ => end.since(now),
            }
        }
        (Some(Keep::Newest(_)), _) => return Err(Error::Missing("Count")),
        _ => return Err(Error::Missing("Interval")),
    };
    if time < ARCHIVED_TIME_MIN {
        return Err(Error::Invalid(
            "Snapshots must be retained in the archive tier for at least 90 days".into(),
        ));
    }
    Ok(())
}

fn deprecate(rule: &DeprecateRule, schedule: &Schedule, kind: Kind) -> Result<(), Error> {
    if kind != Kind::Images {
        return Err(Error::Invalid("DeprecateRule is for AMI policies only".into()));
    }
    match as_kept("DeprecateRule", rule.count, rule.interval, schedule)? {
        Some((interval, kept, kept_unit)) => {
            let unit = rule.interval_unit.as_ref();
            for_years("DeprecateRule", interval, unit, DEPRECATED_YEARS_MAX)?;
            is_no_longer(interval, unit, kept, Some(kept_unit))
        }
        None => Ok(()),
    }
}

/// "The period must be less than or equal to the … retention period."
fn is_no_longer(
    interval: i32,
    unit: Option<&Unit>,
    kept: i32,
    kept_unit: Option<&Unit>,
) -> Result<(), Error> {
    let after = |interval, unit: Option<&_>| retention::after(Timestamp::EPOCH, interval, unit?);
    match after(interval, unit).zip(after(kept, kept_unit)) {
        Some((deprecated, gone)) if deprecated > gone => {
            Err(Error::InvalidValue("DeprecateRule", interval.to_string()))
        }
        _ => Ok(()),
    }
}

fn copy(rule: &CrossRegionCopyRule, kind: Kind) -> Result<(), Error> {
    let retain = rule.retain_rule.as_ref().ok_or(Error::Missing("RetainRule"))?;
    let interval = retain.interval.ok_or(Error::Missing("Interval"))?;
    let unit = retain.interval_unit.as_ref();
    if kind != Kind::Images {
        if rule.target_region.is_some() || rule.deprecate_rule.is_some() {
            let message = "TargetRegion and DeprecateRule are for AMI policies only";
            return Err(Error::Invalid(message.into()));
        }
        region("Target", rule.target.as_deref().ok_or(Error::Missing("Target"))?)?;
        return for_long("RetainRule", interval, unit);
    }
    if rule.target.is_some() {
        return Err(Error::Invalid("Target is for snapshot policies only; use TargetRegion".into()));
    }
    region("TargetRegion", rule.target_region.as_deref().ok_or(Error::Missing("TargetRegion"))?)?;
    for_long("RetainRule", interval, unit)?;
    let Some(deprecate) = &rule.deprecate_rule else { return Ok(()) };
    let after = deprecate.interval.ok_or(Error::Missing("Interval"))?;
    for_years("DeprecateRule", after, deprecate.interval_unit.as_ref(), DEPRECATED_YEARS_MAX)?;
    is_no_longer(after, deprecate.interval_unit.as_ref(), interval, unit)
}

fn share(rule: &ShareRule) -> Result<(), Error> {
    let bad = |account: &&String| account.parse::<base::AccountId>().is_err();
    if let Some(account) = rule.target_accounts.iter().find(bad) {
        return Err(Error::InvalidValue("TargetAccounts", quoted(account)));
    }
    match rule.unshare_interval {
        Some(interval) => for_long("UnshareInterval", interval, rule.unshare_interval_unit.as_ref()),
        None => Ok(()),
    }
}
