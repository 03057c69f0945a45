//! Replication rules: where a new version, a delete marker or a change of a version goes.
//!
//! One rule a destination, the one with the highest priority. Rules without a filter are of the first version of the
//! configuration: they copy delete markers, those with a filter do if they say so. Replicas are not copied on. What was
//! in an archive class when it was written, or is under KMS where no rule asks for that, stays where it is.
//! Reference: "Replicating objects within and across Regions" and "Replication configuration file elements" of the S3
//! guide.

use std::collections::BTreeMap;

use s3_api as api;

use super::storage_class::StorageClass;

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub key: &'a str,
    pub tags: &'a BTreeMap<String, String>,
    pub class: StorageClass,
    /// Encrypted with a key of KMS.
    pub is_kms: bool,
}

/// The rules that a version is copied by, one a destination.
pub fn of_object<'r>(
    configuration: &'r api::ReplicationConfiguration,
    subject: &Subject<'_>,
) -> Vec<&'r api::ReplicationRule> {
    if subject.class.is_archive() {
        return Vec::new();
    }
    let matching = enabled(configuration)
        .filter(|rule| is_for(rule, subject.key, subject.tags))
        .filter(|rule| !subject.is_kms || takes_kms(rule));
    one_a_destination(matching)
}

/// The rules that a delete marker is copied by. Rules about tags never are: a marker has none.
pub fn of_marker<'r>(
    configuration: &'r api::ReplicationConfiguration,
    key: &str,
) -> Vec<&'r api::ReplicationRule> {
    let none = BTreeMap::new();
    let matching = enabled(configuration).filter(|rule| is_for(rule, key, &none)).filter(|rule| {
        match (&rule.delete_marker_replication, &rule.filter) {
            (Some(markers), _) => markers.status == Some(api::DeleteMarkerReplicationStatus::Enabled),
            (None, filter) => filter.is_none(),
        }
    });
    one_a_destination(matching)
}

fn enabled(configuration: &api::ReplicationConfiguration) -> impl Iterator<Item = &api::ReplicationRule> {
    configuration.rules.iter().filter(|rule| rule.status == api::ReplicationRuleStatus::Enabled)
}

fn one_a_destination<'r>(
    matching: impl Iterator<Item = &'r api::ReplicationRule>,
) -> Vec<&'r api::ReplicationRule> {
    let mut best: BTreeMap<&str, &api::ReplicationRule> = BTreeMap::new();
    for rule in matching {
        let other = best.get(rule.destination.bucket.as_str());
        if other.is_none_or(|other| other.priority.unwrap_or(0) < rule.priority.unwrap_or(0)) {
            best.insert(&rule.destination.bucket, rule);
        }
    }
    best.into_values().collect()
}

fn takes_kms(rule: &api::ReplicationRule) -> bool {
    let criteria = rule.source_selection_criteria.as_ref();
    criteria
        .and_then(|criteria| criteria.sse_kms_encrypted_objects.as_ref())
        .is_some_and(|kms| kms.status == api::SseKmsEncryptedObjectsStatus::Enabled)
}

fn is_for(rule: &api::ReplicationRule, key: &str, tags: &BTreeMap<String, String>) -> bool {
    let starts = |prefix: Option<&String>| prefix.is_none_or(|prefix| key.starts_with(prefix.as_str()));
    let has = |tag: &api::Tag| tags.get(&tag.key) == Some(&tag.value);
    if !starts(rule.prefix.as_ref()) {
        return false;
    }
    let Some(filter) = &rule.filter else { return true };
    let and = filter.and.as_ref();
    starts(filter.prefix.as_ref())
        && filter.tag.as_ref().is_none_or(has)
        && and.is_none_or(|and| starts(and.prefix.as_ref()) && and.tags.iter().flatten().all(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(to: &str, priority: i32, filter: Option<&str>) -> api::ReplicationRule {
        api::ReplicationRule {
            id: Some(format!("{to}{priority}")),
            priority: Some(priority),
            filter: filter.map(|prefix| api::ReplicationRuleFilter {
                prefix: Some(prefix.to_owned()),
                ..api::ReplicationRuleFilter::default()
            }),
            status: api::ReplicationRuleStatus::Enabled,
            destination: api::Destination { bucket: format!("arn:aws:s3:::{to}"), ..Default::default() },
            ..api::ReplicationRule::default()
        }
    }

    fn ids(rules: &[&api::ReplicationRule]) -> String {
        rules.iter().filter_map(|rule| rule.id.as_deref()).collect::<Vec<_>>().join(" ")
    }

    fn check(rules: Vec<api::ReplicationRule>, key: &str, objects: &str, markers: &str) {
        let configuration = api::ReplicationConfiguration { rules, ..Default::default() };
        let none = BTreeMap::new();
        let subject = Subject { key, tags: &none, class: StorageClass::Standard, is_kms: false };
        assert_eq!(ids(&of_object(&configuration, &subject)), objects, "{key}");
        assert_eq!(ids(&of_marker(&configuration, key)), markers, "{key}");
        let archived = Subject { class: StorageClass::Glacier, ..subject };
        let under_kms = Subject { is_kms: true, ..subject };
        assert!(of_object(&configuration, &archived).is_empty());
        assert!(of_object(&configuration, &under_kms).is_empty());
    }

    #[test]
    fn the_highest_priority_wins_at_each_destination() {
        let rules = || vec![rule("a", 1, Some("")), rule("a", 2, Some("logs/")), rule("b", 1, Some("x"))];
        check(rules(), "logs/1", "a2", "");
        check(rules(), "x", "a1 b1", "");
        check(rules(), "y", "a1", "");
    }

    #[test]
    fn markers_go_along_in_old_rules_and_where_a_rule_says_so() {
        let mut asked = rule("b", 1, Some(""));
        asked.delete_marker_replication =
            Some(api::DeleteMarkerReplication { status: Some(api::DeleteMarkerReplicationStatus::Enabled) });
        check(vec![rule("a", 0, None), asked], "k", "a0 b1", "a0 b1");
    }
}
