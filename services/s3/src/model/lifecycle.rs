//! Lifecycle rules: what becomes due for an object, an older version, a delete marker or an unfinished upload, and when.
//!
//! Days count from the creation (of older versions: from when they ceased to be the newest), and the moment is then
//! rounded up to the next midnight UTC. Of several actions that are due a deletion comes before a transition, and of
//! transitions the one to the lowest class. References: "Setting lifecycle configuration on a bucket", "Lifecycle
//! configuration elements", "Conflicting lifecycle configurations" and "Transitioning objects" of the S3 guide.

use std::collections::BTreeMap;

use base::Timestamp;
use s3_api as api;

use super::storage_class::StorageClass;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// Smaller objects are not worth a transition, unless a rule says which sizes it is for.
pub const TRANSITION_BYTES_MIN: u64 = 128 * 1024;

/// Which small objects stay where they are: `x-amz-transition-default-minimum-object-size`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SmallObjects {
    /// `all_storage_classes_128K`
    #[default]
    StayEverywhere,
    /// `varies_by_storage_class`: they may move to Glacier and Deep Archive.
    MayBeArchived,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub key: &'a str,
    /// In bytes; nothing for delete markers and uploads, which no rule about sizes is for.
    pub size: Option<u64>,
    pub tags: &'a BTreeMap<String, String>,
    pub class: StorageClass,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Expire,
    Transition(StorageClass),
}

/// An action with its moment, and the rule that asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<'r> {
    pub at: Timestamp,
    pub rule_id: &'r str,
    pub action: Action,
}

/// A bucket's rules.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    pub rules: &'r [api::LifecycleRule],
    pub small: SmallObjects,
}

impl SmallObjects {
    pub fn parse(text: Option<&str>) -> SmallObjects {
        match text {
            Some("varies_by_storage_class") => SmallObjects::MayBeArchived,
            _ => SmallObjects::StayEverywhere,
        }
    }
}

impl<'r> Rules<'r> {
    pub fn of(configuration: &'r api::BucketLifecycleConfiguration, small: SmallObjects) -> Rules<'r> {
        Rules { rules: &configuration.rules, small }
    }

    /// What is due now for the newest version, which was created then.
    pub fn due(&self, subject: &Subject<'_>, created: Timestamp, now: Timestamp) -> Option<Planned<'r>> {
        let planned = self.matching(subject).flat_map(|rule| {
            let transitions = rule.transitions.iter().flatten().filter_map(move |transition| {
                let at = moment(transition.date, transition.days, created)?;
                let to = class_of(transition.storage_class.as_ref())?;
                self.may_move(rule, subject, to).then_some((at, Action::Transition(to)))
            });
            let expires = expiration_of(rule, created).map(|at| (at, Action::Expire));
            let each = transitions.chain(expires);
            each.map(|(at, action)| Planned { at, rule_id: id_of(rule), action })
        });
        most_urgent(planned, now)
    }

    /// When the newest version will expire: `x-amz-expiration`.
    pub fn expiration(&self, subject: &Subject<'_>, created: Timestamp) -> Option<Planned<'r>> {
        let planned = self.matching(subject).filter_map(|rule| {
            let at = expiration_of(rule, created)?;
            Some(Planned { at, rule_id: id_of(rule), action: Action::Expire })
        });
        planned.min_by_key(|planned| planned.at)
    }

    /// What is due for a version that ceased to be the newest `since` then, and is followed by so many `newer` versions
    /// that are not the newest either.
    pub fn due_noncurrent(
        &self,
        subject: &Subject<'_>,
        since: Timestamp,
        newer: usize,
        now: Timestamp,
    ) -> Option<Planned<'r>> {
        let enough = |kept: Option<i32>| newer >= kept.map_or(0, |kept| usize::try_from(kept).unwrap_or(0));
        let planned = self.matching(subject).flat_map(|rule| {
            let transitions = rule.noncurrent_version_transitions.iter().flatten().filter_map(move |each| {
                let at = moment(None, each.noncurrent_days, since)?;
                let to = class_of(each.storage_class.as_ref())?;
                let moves = self.may_move(rule, subject, to) && enough(each.newer_noncurrent_versions);
                moves.then_some((at, Action::Transition(to)))
            });
            let expiration = rule.noncurrent_version_expiration.as_ref();
            let expires = expiration
                .filter(|each| enough(each.newer_noncurrent_versions))
                .and_then(|each| moment(None, each.noncurrent_days, since))
                .map(|at| (at, Action::Expire));
            let each = transitions.chain(expires);
            each.map(|(at, action)| Planned { at, rule_id: id_of(rule), action })
        });
        most_urgent(planned, now)
    }

    /// Whether a delete marker that has no versions behind it any more goes, too.
    pub fn removes_marker(&self, subject: &Subject<'_>, created: Timestamp, now: Timestamp) -> bool {
        self.matching(subject).filter_map(|rule| rule.expiration.as_ref()).any(|expiration| {
            expiration.expired_object_delete_marker == Some(true)
                || moment(expiration.date, expiration.days, created).is_some_and(|at| at <= now)
        })
    }

    /// When an upload that began then is given up: `x-amz-abort-date` and `x-amz-abort-rule-id`.
    pub fn abort(&self, key: &str, initiated: Timestamp) -> Option<Planned<'r>> {
        let none = BTreeMap::new();
        let subject = Subject { key, size: None, tags: &none, class: StorageClass::Standard };
        let planned = self.matching(&subject).filter_map(|rule| {
            let days = rule.abort_incomplete_multipart_upload.as_ref()?.days_after_initiation;
            let at = moment(None, days, initiated)?;
            Some(Planned { at, rule_id: id_of(rule), action: Action::Expire })
        });
        planned.min_by_key(|planned| planned.at)
    }

    /// Whether anything is said about versions that are not the newest, or about delete markers.
    pub fn speaks_of_versions(&self) -> bool {
        self.enabled().any(|rule| {
            rule.noncurrent_version_expiration.is_some()
                || rule.noncurrent_version_transitions.as_ref().is_some_and(|each| !each.is_empty())
                || rule.expiration.is_some()
        })
    }

    pub fn speaks_of_uploads(&self) -> bool {
        self.enabled().any(|rule| rule.abort_incomplete_multipart_upload.is_some())
    }

    fn enabled(&self) -> impl Iterator<Item = &'r api::LifecycleRule> + use<'r> {
        self.rules.iter().filter(|rule| rule.status == api::ExpirationStatus::Enabled)
    }

    fn matching<'s>(
        &self,
        subject: &'s Subject<'_>,
    ) -> impl Iterator<Item = &'r api::LifecycleRule> + use<'r, 's> {
        let subject = *subject;
        self.enabled().filter(move |rule| is_for(rule, &subject))
    }

    /// Transitions go down only, and not for what is too small to save anything.
    fn may_move(&self, rule: &api::LifecycleRule, subject: &Subject<'_>, to: StorageClass) -> bool {
        let Some(size) = subject.size else { return false };
        let goes_down = match (depth(subject.class), depth(to)) {
            (Some(from), Some(to)) => from < to,
            _ => false,
        };
        let stays = match self.small {
            SmallObjects::StayEverywhere => true,
            SmallObjects::MayBeArchived => !to.is_archive(),
        };
        goes_down && !(stays && size < TRANSITION_BYTES_MIN && !names_sizes(rule))
    }
}

/// `expiry-date="Fri, 23 Dec 2012 00:00:00 GMT", rule-id="the%20rule"`
pub fn expiration_header(planned: &Planned<'_>) -> String {
    let rule = percent_encoding::utf8_percent_encode(planned.rule_id, percent_encoding::NON_ALPHANUMERIC);
    let rule = rule.to_string().replace("%2D", "-").replace("%5F", "_").replace("%2E", ".");
    format!("expiry-date=\"{}\", rule-id=\"{rule}\"", planned.at.to_http_date())
}

/// The moment of an action: a date, or days after something, rounded up to the next midnight.
fn moment(date: Option<Timestamp>, days: Option<i32>, from: Timestamp) -> Option<Timestamp> {
    if date.is_some() {
        return date;
    }
    let after = from.as_millis().saturating_add(i64::from(days?) * DAY_MILLIS);
    let midnight = after.saturating_add(DAY_MILLIS - 1).div_euclid(DAY_MILLIS) * DAY_MILLIS;
    Some(Timestamp::from_millis(midnight))
}

fn expiration_of(rule: &api::LifecycleRule, created: Timestamp) -> Option<Timestamp> {
    let expiration = rule.expiration.as_ref()?;
    moment(expiration.date, expiration.days, created)
}

/// A deletion first, then the lowest class.
fn most_urgent<'r>(planned: impl Iterator<Item = Planned<'r>>, now: Timestamp) -> Option<Planned<'r>> {
    planned.filter(|planned| planned.at <= now).max_by_key(|planned| match planned.action {
        Action::Expire => u8::MAX,
        Action::Transition(to) => depth(to).unwrap_or(0),
    })
}

/// How far down the waterfall of classes one is; nothing for those outside of it.
fn depth(class: StorageClass) -> Option<u8> {
    Some(match class {
        StorageClass::Standard | StorageClass::ReducedRedundancy => 0,
        StorageClass::StandardIa => 1,
        StorageClass::IntelligentTiering => 2,
        StorageClass::OnezoneIa => 3,
        StorageClass::GlacierIr => 4,
        StorageClass::Glacier => 5,
        StorageClass::DeepArchive => 6,
        StorageClass::ExpressOnezone | StorageClass::Outposts | StorageClass::Snow => return None,
    })
}

fn class_of(class: Option<&api::TransitionStorageClass>) -> Option<StorageClass> {
    StorageClass::parse(class?.as_str())
}

fn id_of(rule: &api::LifecycleRule) -> &str {
    rule.id.as_deref().unwrap_or_default()
}

fn names_sizes(rule: &api::LifecycleRule) -> bool {
    rule.filter.as_ref().is_some_and(|filter| {
        let and = filter.and.as_ref();
        filter.object_size_greater_than.is_some()
            || filter.object_size_less_than.is_some()
            || and.is_some_and(|and| {
                and.object_size_greater_than.is_some() || and.object_size_less_than.is_some()
            })
    })
}

fn is_for(rule: &api::LifecycleRule, subject: &Subject<'_>) -> bool {
    // Before there were filters, a rule had a prefix.
    if let Some(prefix) = &rule.prefix
        && !subject.key.starts_with(prefix.as_str())
    {
        return false;
    }
    let Some(filter) = &rule.filter else { return true };
    let (more, less) = (filter.object_size_greater_than, filter.object_size_less_than);
    let plain = has_prefix(filter.prefix.as_deref(), subject)
        && filter.tag.as_ref().is_none_or(|tag| has_tag(tag, subject))
        && has_size(more, less, subject);
    let Some(and) = &filter.and else { return plain };
    plain
        && has_prefix(and.prefix.as_deref(), subject)
        && and.tags.iter().flatten().all(|tag| has_tag(tag, subject))
        && has_size(and.object_size_greater_than, and.object_size_less_than, subject)
}

fn has_prefix(prefix: Option<&str>, subject: &Subject<'_>) -> bool {
    prefix.is_none_or(|prefix| subject.key.starts_with(prefix))
}

fn has_tag(tag: &api::Tag, subject: &Subject<'_>) -> bool {
    subject.tags.get(&tag.key) == Some(&tag.value)
}

fn has_size(more: Option<i64>, less: Option<i64>, subject: &Subject<'_>) -> bool {
    let Some(size) = subject.size else { return more.is_none() && less.is_none() };
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    more.is_none_or(|more| size > more) && less.is_none_or(|less| size < less)
}

#[cfg(test)]
mod tests;
