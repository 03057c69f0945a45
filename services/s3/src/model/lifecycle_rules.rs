//! Lifecycle configurations: what is refused when one is set. What rules do is [`super::lifecycle`]'s.
//! References: PutBucketLifecycleConfiguration of the API reference; "Lifecycle configuration elements" and
//! "Transitioning objects using Amazon S3 Lifecycle" of the S3 guide; wording from reports of users.

use std::collections::BTreeSet;

use base::{Ids, Timestamp};
use s3_api::{
    BucketLifecycleConfiguration, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, Transition,
    TransitionStorageClass,
};

use super::storage_class::StorageClass;
use crate::error::{Error, INVALID_ARGUMENT, INVALID_REQUEST, MALFORMED_XML};
use crate::limits::{LIFECYCLE_RULES_MAX, RULE_ID_CHARS_MAX};

/// Objects stay in the standard classes at least that long before they may go to infrequent access, and as long there.
const INFREQUENT_DAYS_MIN: i32 = 30;

const NEWER_VERSIONS_MAX: i32 = 100;

fn refused(message: impl Into<String>) -> Error {
    Error::worded(&INVALID_REQUEST, message.into())
}

fn bad_argument(message: impl Into<String>) -> Error {
    Error::worded(&INVALID_ARGUMENT, message.into())
}

fn malformed() -> Error {
    Error::new(&MALFORMED_XML)
}

/// Refuses what S3 refuses; rules without an id get one.
pub fn complete(configuration: &mut BucketLifecycleConfiguration, ids: &Ids) -> Result<(), Error> {
    let rules = &mut configuration.rules;
    if rules.is_empty() || rules.len() > LIFECYCLE_RULES_MAX {
        return Err(malformed());
    }
    let mut seen = BTreeSet::new();
    for rule in rules.iter_mut() {
        let id = rule.id.take().filter(|id| !id.is_empty()).unwrap_or_else(|| ids.uuid());
        if id.chars().count() > RULE_ID_CHARS_MAX {
            return Err(bad_argument("ID length should not exceed allowed limit of 255"));
        }
        if !seen.insert(id.clone()) {
            return Err(bad_argument("Rule ID must be unique. Found same ID for more than one rule"));
        }
        rule.id = Some(id);
        check(rule)?;
    }
    if rules.iter().any(|rule| rule.filter.is_some()) && rules.iter().any(|rule| rule.prefix.is_some()) {
        return Err(refused("Filter element can only be used in Lifecycle V2."));
    }
    Ok(())
}

fn check(rule: &LifecycleRule) -> Result<(), Error> {
    if rule.filter.is_some() == rule.prefix.is_some() {
        return Err(malformed());
    }
    let narrows = match &rule.filter {
        Some(filter) => narrowing(filter)?,
        None => Narrowing::default(),
    };
    let has_action = rule.expiration.is_some()
        || rule.transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.noncurrent_version_transitions.as_ref().is_some_and(|list| !list.is_empty())
        || rule.noncurrent_version_expiration.is_some()
        || rule.abort_incomplete_multipart_upload.is_some();
    if !has_action {
        return Err(refused("At least one action needs to be specified in a rule"));
    }
    if let Some(expiration) = &rule.expiration {
        check_expiration(expiration)?;
        if expiration.expired_object_delete_marker.is_some() {
            narrows.refuse("ExpiredObjectDeleteMarker")?;
        }
    }
    if let Some(abort) = &rule.abort_incomplete_multipart_upload {
        narrows.refuse("AbortIncompleteMultipartUpload")?;
        if abort.days_after_initiation.is_none_or(|days| days <= 0) {
            return Err(bad_argument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            ));
        }
    }
    let transitions = rule.transitions.as_deref().unwrap_or_default();
    check_transitions(transitions, rule.expiration.as_ref(), &prefix_of(rule))?;
    check_noncurrent(rule)
}

/// What narrows a rule besides the prefix, which some actions do not go with.
#[derive(Default)]
struct Narrowing {
    by_tags: bool,
    by_size: bool,
}

impl Narrowing {
    fn refuse(&self, action: &str) -> Result<(), Error> {
        match (self.by_tags, self.by_size) {
            (true, _) => Err(refused(format!("{action} cannot be specified with Tags."))),
            (_, true) => Err(refused(format!("{action} cannot be specified with Object Size."))),
            _ => Ok(()),
        }
    }
}

fn narrowing(filter: &LifecycleRuleFilter) -> Result<Narrowing, Error> {
    let given = [
        filter.prefix.is_some(),
        filter.tag.is_some(),
        filter.object_size_greater_than.is_some(),
        filter.object_size_less_than.is_some(),
        filter.and.is_some(),
    ];
    if given.into_iter().filter(|is| *is).count() > 1 {
        return Err(malformed());
    }
    let (mut above, mut below) = (filter.object_size_greater_than, filter.object_size_less_than);
    let mut tags: Vec<&s3_api::Tag> = filter.tag.iter().collect();
    if let Some(and) = &filter.and {
        (above, below) = (and.object_size_greater_than, and.object_size_less_than);
        tags.extend(and.tags.iter().flatten());
        let parts = usize::from(and.prefix.is_some())
            + tags.len()
            + usize::from(above.is_some())
            + usize::from(below.is_some());
        if parts < 2 {
            return Err(malformed());
        }
    }
    let keys: BTreeSet<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    if keys.len() < tags.len() {
        return Err(refused("Duplicate Tag Keys are not allowed."));
    }
    if tags.iter().any(|tag| tag.key.is_empty()) {
        return Err(bad_argument("The TagKey you have provided is invalid"));
    }
    if above.is_some_and(|size| size < 0) || below.is_some_and(|size| size <= 0) {
        return Err(bad_argument(
            "'ObjectSizeGreaterThan' and 'ObjectSizeLessThan' must be positive integers",
        ));
    }
    if let (Some(above), Some(below)) = (above, below)
        && below <= above + 1
    {
        return Err(refused("'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."));
    }
    Ok(Narrowing { by_tags: !tags.is_empty(), by_size: above.is_some() || below.is_some() })
}

fn check_expiration(expiration: &LifecycleExpiration) -> Result<(), Error> {
    let given = [
        expiration.date.is_some(),
        expiration.days.is_some(),
        expiration.expired_object_delete_marker.is_some(),
    ];
    if given.into_iter().filter(|is| *is).count() != 1 {
        return Err(malformed());
    }
    if expiration.days.is_some_and(|days| days <= 0) {
        return Err(bad_argument("'Days' for Expiration action must be a positive integer"));
    }
    expiration.date.map_or(Ok(()), check_midnight)
}

fn check_midnight(date: Timestamp) -> Result<(), Error> {
    const DAY_MILLIS: i64 = 24 * 3600 * 1000;
    if date.as_millis().rem_euclid(DAY_MILLIS) == 0 {
        return Ok(());
    }
    Err(bad_argument("'Date' must be at midnight GMT"))
}

fn check_transitions(
    transitions: &[Transition],
    expiration: Option<&LifecycleExpiration>,
    prefix: &str,
) -> Result<(), Error> {
    let mut classes = BTreeSet::new();
    for transition in transitions {
        let class = class_of(transition.storage_class.as_ref())?;
        if transition.date.is_some() == transition.days.is_some() {
            return Err(malformed());
        }
        if !classes.insert(class) {
            return Err(refused(format!(
                "'StorageClass' must be different for 'Transition' actions in same 'Rule' with prefix '{prefix}'"
            )));
        }
        transition.date.map_or(Ok(()), check_midnight)?;
        transition.days.map_or(Ok(()), |days| check_days("Transition", "Days", days, class))?;
    }
    let dated = transitions.iter().filter(|transition| transition.date.is_some()).count();
    if dated > 0 && dated < transitions.len() {
        return Err(refused(format!(
            "Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for prefix '{prefix}'"
        )));
    }
    check_order(transitions, prefix)?;
    let Some(expiration) = expiration.filter(|_| !transitions.is_empty()) else { return Ok(()) };
    if expiration.expired_object_delete_marker.is_none() && expiration.date.is_some() != (dated > 0) {
        return Err(refused(format!(
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for prefix \
             '{prefix}'"
        )));
    }
    let is_late = |transition: &&Transition| match (expiration.days, transition.days) {
        (Some(end), Some(days)) => days >= end,
        _ => expiration.date.zip(transition.date).is_some_and(|(end, date)| date >= end),
    };
    if let Some(late) = transitions.iter().find(is_late) {
        let unit = if late.days.is_some() { "Days" } else { "Date" };
        let relation = if late.days.is_some() { "greater" } else { "later" };
        return Err(bad_argument(format!(
            "'{unit}' in the Expiration action for prefix '{prefix}' must be {relation} than '{unit}' in the \
             Transition action"
        )));
    }
    Ok(())
}

/// Colder classes come later, and infrequent access lasts thirty days at least.
fn check_order(transitions: &[Transition], prefix: &str) -> Result<(), Error> {
    for one in transitions {
        for other in transitions {
            let classes = (class_of(one.storage_class.as_ref())?, class_of(other.storage_class.as_ref())?);
            let (Some(days), Some(later)) = (one.days, other.days) else { continue };
            if coldness(classes.0) >= coldness(classes.1) {
                continue;
            }
            let rest = if is_infrequent(classes.0) { INFREQUENT_DAYS_MIN } else { 0 };
            if later < days + rest || later == days {
                return Err(bad_argument(format!(
                    "'Days' in the 'Transition' action for StorageClass '{}' for prefix '{prefix}' must be {} days more \
                     than 'Days' in the 'Transition' action for StorageClass '{}'",
                    classes.1.as_str(),
                    rest.max(1),
                    classes.0.as_str()
                )));
            }
        }
    }
    Ok(())
}

fn check_days(action: &str, name: &str, days: i32, class: StorageClass) -> Result<(), Error> {
    if days < 0 {
        return Err(bad_argument(format!("'{name}' in {action} action must be nonnegative")));
    }
    if is_infrequent(class) && days < INFREQUENT_DAYS_MIN {
        return Err(bad_argument(format!(
            "'{name}' in {action} action must be greater than or equal to {INFREQUENT_DAYS_MIN} for storageClass '{}'",
            class.as_str()
        )));
    }
    Ok(())
}

fn check_noncurrent(rule: &LifecycleRule) -> Result<(), Error> {
    let check_newer = |newer: Option<i32>, action: &str| match newer {
        Some(newer) if !(1..=NEWER_VERSIONS_MAX).contains(&newer) => Err(bad_argument(format!(
            "'NewerNoncurrentVersions' for {action} action must be between 1 and {NEWER_VERSIONS_MAX}"
        ))),
        _ => Ok(()),
    };
    let mut classes = BTreeSet::new();
    let transitions = rule.noncurrent_version_transitions.as_deref().unwrap_or_default();
    for transition in transitions {
        let class = class_of(transition.storage_class.as_ref())?;
        let days = transition.noncurrent_days.ok_or_else(malformed)?;
        check_days("NoncurrentVersionTransition", "NoncurrentDays", days, class)?;
        check_newer(transition.newer_noncurrent_versions, "NoncurrentVersionTransition")?;
        if !classes.insert(class) {
            return Err(refused(format!(
                "'StorageClass' must be different for 'NoncurrentVersionTransition' actions in same 'Rule' with prefix \
                 '{}'",
                prefix_of(rule)
            )));
        }
    }
    let Some(expiration) = &rule.noncurrent_version_expiration else { return Ok(()) };
    let action = "NoncurrentVersionExpiration";
    check_newer(expiration.newer_noncurrent_versions, action)?;
    let days = expiration.noncurrent_days.ok_or_else(malformed)?;
    if days <= 0 {
        return Err(bad_argument(format!("'NoncurrentDays' for {action} action must be a positive integer")));
    }
    if transitions.iter().any(|transition| transition.noncurrent_days >= Some(days)) {
        return Err(bad_argument(format!(
            "'NoncurrentDays' in the {action} action for prefix '{}' must be greater than 'NoncurrentDays' in the \
             NoncurrentVersionTransition action",
            prefix_of(rule)
        )));
    }
    Ok(())
}

fn class_of(class: Option<&TransitionStorageClass>) -> Result<StorageClass, Error> {
    let class = class.and_then(|class| StorageClass::parse(class.as_str()));
    class.filter(|class| coldness(*class) > 0).ok_or_else(malformed)
}

/// The order in which objects may go from class to class; nothing goes to the first.
fn coldness(class: StorageClass) -> u8 {
    match class {
        StorageClass::StandardIa => 1,
        StorageClass::IntelligentTiering => 2,
        StorageClass::OnezoneIa => 3,
        StorageClass::GlacierIr => 4,
        StorageClass::Glacier => 5,
        StorageClass::DeepArchive => 6,
        _ => 0,
    }
}

fn is_infrequent(class: StorageClass) -> bool {
    matches!(class, StorageClass::StandardIa | StorageClass::OnezoneIa)
}

/// As errors name it.
fn prefix_of(rule: &LifecycleRule) -> String {
    let of_filter = rule.filter.as_ref().and_then(|filter| {
        filter.prefix.clone().or_else(|| filter.and.as_ref().and_then(|and| and.prefix.clone()))
    });
    rule.prefix.clone().or(of_filter).unwrap_or_default()
}

#[cfg(test)]
mod tests;
