//! What is carried out: the schedules of a policy, or the one that a default or an event-based policy amounts to.

use dlm_api::{
    CreateRule, CrossRegionCopyRetainRule, CrossRegionCopyRule, IntervalUnitValues, PolicyDetails,
    RetainRule, RetentionIntervalUnitValues as Unit, Schedule,
};

use super::kinds;
use crate::limits::{CREATE_DAYS_DEFAULT, RETAIN_DAYS_DEFAULT};

const HOURS_OF_A_DAY: i32 = 24;

pub fn of(details: &PolicyDetails) -> Vec<Schedule> {
    if kinds::is_default(details) {
        return vec![of_default(details)];
    }
    match details.actions.as_deref() {
        Some([action, ..]) => vec![of_action(action)],
        _ => details.schedules.clone().unwrap_or_default(),
    }
}

/// How often a default policy runs, in days; what is younger than that needs no other backup.
pub fn create_days(details: &PolicyDetails) -> i32 {
    details.create_interval.unwrap_or(CREATE_DAYS_DEFAULT)
}

/// "Copies use the same retention period as the source", and come without its tags.
fn of_default(details: &PolicyDetails) -> Schedule {
    let days = details.retain_interval.unwrap_or(RETAIN_DAYS_DEFAULT);
    let copy = |region: &String| CrossRegionCopyRule {
        target: Some(region.clone()),
        target_region: Some(region.clone()),
        retain_rule: Some(CrossRegionCopyRetainRule {
            interval: Some(days),
            interval_unit: Some(Unit::Days),
        }),
        ..CrossRegionCopyRule::default()
    };
    let targets = details.cross_region_copy_targets.iter().flatten();
    Schedule {
        name: Some("Default".to_owned()),
        copy_tags: details.copy_tags,
        create_rule: Some(CreateRule {
            interval: Some(create_days(details) * HOURS_OF_A_DAY),
            interval_unit: Some(IntervalUnitValues::Hours),
            ..CreateRule::default()
        }),
        retain_rule: Some(RetainRule {
            interval: Some(days),
            interval_unit: Some(Unit::Days),
            ..RetainRule::default()
        }),
        cross_region_copy_rules: Some(
            targets.filter_map(|target| target.target_region.as_ref()).map(copy).collect(),
        ),
        ..Schedule::default()
    }
}

/// Nothing is made at any time: what is shared is copied.
fn of_action(action: &dlm_api::Action) -> Schedule {
    let rules = action.cross_region_copy.iter().map(|copy| CrossRegionCopyRule {
        target: Some(copy.target.clone()),
        encrypted: copy.encryption_configuration.encrypted,
        cmk_arn: copy.encryption_configuration.cmk_arn.clone(),
        retain_rule: copy.retain_rule.clone(),
        ..CrossRegionCopyRule::default()
    });
    Schedule {
        name: Some(action.name.clone()),
        cross_region_copy_rules: Some(rules.collect()),
        ..Schedule::default()
    }
}
