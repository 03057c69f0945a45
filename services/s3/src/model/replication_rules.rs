//! Replication configurations: what is refused when one is set.
//!
//! Surprising: there are two versions of rules, told apart by whether they have a filter; the newer one must say its
//! priority and what becomes of delete markers.
//! Reference: PutBucketReplication of the API reference; "Replication configuration file elements" of the S3 guide.

use std::collections::BTreeSet;

use base::Ids;
use s3_api::{ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter};

use crate::error::{Error, INVALID_ARGUMENT, INVALID_REQUEST, MALFORMED_XML};
use crate::limits::{REPLICATION_RULES_MAX, RULE_ID_CHARS_MAX};

/// The only time that replication time control knows.
const CONTROLLED_MINUTES: i32 = 15;

fn refused(message: impl Into<String>) -> Error {
    Error::worded(&INVALID_REQUEST, message.into())
}

fn malformed() -> Error {
    Error::new(&MALFORMED_XML)
}

/// Refuses what S3 refuses of the configuration alone; rules without an id get one.
pub fn complete(configuration: &mut ReplicationConfiguration, ids: &Ids) -> Result<(), Error> {
    let rules = &mut configuration.rules;
    if rules.is_empty() || rules.len() > REPLICATION_RULES_MAX {
        return Err(malformed());
    }
    let (mut seen, mut priorities) = (BTreeSet::new(), BTreeSet::new());
    let is_newer = rules[0].filter.is_some();
    for rule in rules.iter_mut() {
        let id = rule.id.take().filter(|id| !id.is_empty()).unwrap_or_else(|| ids.uuid());
        if id.chars().count() > RULE_ID_CHARS_MAX {
            return Err(Error::worded(&INVALID_ARGUMENT, "ID length should not exceed allowed limit of 255"));
        }
        if !seen.insert(id.clone()) {
            return Err(Error::worded(
                &INVALID_ARGUMENT,
                "Rule Id must be unique. Found same ID for more than one rule",
            ));
        }
        rule.id = Some(id);
        if rule.filter.is_some() != is_newer {
            return Err(malformed());
        }
        if is_newer {
            check_newer(rule)?
        } else {
            check_older(rule)?
        }
        if let Some(priority) = rule.priority
            && !priorities.insert(priority)
        {
            return Err(refused(format!("Found duplicate priority {priority}")));
        }
        check_destination(rule)?;
    }
    Ok(())
}

fn check_older(rule: &ReplicationRule) -> Result<(), Error> {
    if rule.prefix.is_none() || rule.priority.is_some() || rule.delete_marker_replication.is_some() {
        return Err(malformed());
    }
    Ok(())
}

fn check_newer(rule: &ReplicationRule) -> Result<(), Error> {
    const SCHEMA: &str = "must be specified for this version of Cross Region Replication configuration schema. Please \
                          refer to S3 Developer Guide for more information.";
    if rule.prefix.is_some() {
        return Err(malformed());
    }
    match rule.priority {
        None => return Err(refused(format!("Priority {SCHEMA}"))),
        Some(priority) if priority < 0 => return Err(malformed()),
        Some(_) => {}
    }
    let Some(markers) = rule.delete_marker_replication.as_ref().and_then(|markers| markers.status.as_ref())
    else {
        return Err(refused(format!("DeleteMarkerReplication {SCHEMA}")));
    };
    let has_tags = rule.filter.as_ref().map_or(Ok(false), check_filter)?;
    if has_tags && markers.as_str() == "Enabled" {
        return Err(refused(
            "Delete marker replication is not supported if any Tag filter is specified. Please refer to S3 Developer \
             Guide for more information.",
        ));
    }
    Ok(())
}

/// Says whether the filter asks for tags.
fn check_filter(filter: &ReplicationRuleFilter) -> Result<bool, Error> {
    let given = [filter.prefix.is_some(), filter.tag.is_some(), filter.and.is_some()];
    if given.into_iter().filter(|is| *is).count() > 1 {
        return Err(malformed());
    }
    let mut tags: Vec<&s3_api::Tag> = filter.tag.iter().collect();
    if let Some(and) = &filter.and {
        tags.extend(and.tags.iter().flatten());
        if tags.is_empty() || usize::from(and.prefix.is_some()) + tags.len() < 2 {
            return Err(malformed());
        }
    }
    let keys: BTreeSet<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    if keys.len() < tags.len() {
        return Err(refused("Duplicate Tag Keys are not allowed."));
    }
    Ok(!tags.is_empty())
}

fn check_destination(rule: &ReplicationRule) -> Result<(), Error> {
    let destination = &rule.destination;
    let criteria = rule.source_selection_criteria.as_ref();
    let takes_kms = criteria
        .and_then(|criteria| criteria.sse_kms_encrypted_objects.as_ref())
        .is_some_and(|objects| objects.status.as_str() == "Enabled");
    let key = destination.encryption_configuration.as_ref();
    if takes_kms && key.is_none_or(|key| key.replica_kms_key_id.is_none()) {
        return Err(refused("ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present."));
    }
    if key.is_some() && !takes_kms {
        return Err(refused(
            "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
        ));
    }
    if destination.access_control_translation.is_some() && destination.account.is_none() {
        return Err(refused("Account is required for AccessControlTranslation"));
    }
    if let Some(time) = &destination.replication_time {
        if time.time.minutes != Some(CONTROLLED_MINUTES) {
            return Err(refused("ReplicationTime minutes must be 15"));
        }
        let measured =
            destination.metrics.as_ref().is_some_and(|metrics| metrics.status.as_str() == "Enabled");
        if time.status.as_str() == "Enabled" && !measured {
            return Err(refused("Metrics must be enabled when ReplicationTime is enabled"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3_api::{DeleteMarkerReplication, Destination, Tag};

    fn newer() -> ReplicationRule {
        ReplicationRule {
            status: "Enabled".into(),
            priority: Some(1),
            filter: Some(ReplicationRuleFilter::default()),
            delete_marker_replication: Some(DeleteMarkerReplication { status: Some("Disabled".into()) }),
            destination: Destination { bucket: "arn:aws:s3:::copies".to_owned(), ..Destination::default() },
            ..ReplicationRule::default()
        }
    }

    fn older() -> ReplicationRule {
        ReplicationRule {
            prefix: Some(String::new()),
            priority: None,
            filter: None,
            delete_marker_replication: None,
            ..newer()
        }
    }

    fn check(rules: Vec<ReplicationRule>) -> Result<(), Error> {
        let mut configuration = ReplicationConfiguration { role: "r".to_owned(), rules };
        complete(&mut configuration, &Ids::seeded(1))
    }

    #[test]
    fn both_versions_of_rules_are_taken_but_not_mixed() {
        assert!(check(vec![newer()]).is_ok());
        assert!(check(vec![older()]).is_ok());
        assert!(check(vec![newer(), older()]).is_err());
        assert!(check(Vec::new()).is_err());
        assert!(check(vec![newer(), newer()]).is_err(), "the priority is there twice");
    }

    #[test]
    fn newer_rules_say_priority_and_what_becomes_of_markers() {
        let tag = Tag { key: "k".to_owned(), value: "v".to_owned() };
        let filter = Some(ReplicationRuleFilter { tag: Some(tag), ..ReplicationRuleFilter::default() });
        let markers = Some(DeleteMarkerReplication { status: Some("Enabled".into()) });
        for bad in [
            ReplicationRule { priority: None, ..newer() },
            ReplicationRule { delete_marker_replication: None, ..newer() },
            ReplicationRule { filter, delete_marker_replication: markers, ..newer() },
            ReplicationRule { prefix: Some(String::new()), ..newer() },
        ] {
            assert!(check(vec![bad.clone()]).is_err(), "{bad:?}");
        }
    }
}
