//! Which events there are, and which rules of a bucket ask for one.
//! Reference: "Event notification types and destinations" of the S3 guide.

use std::borrow::Cow;

use base::{Arn, Timestamp};
use s3_api as api;

use super::etag::ETag;
use super::storage_class::StorageClass;

/// What happened, with what its record says besides.
#[derive(Clone, Debug, PartialEq)]
pub enum EventName {
    ObjectCreatedPut,
    ObjectCreatedPost,
    ObjectCreatedCopy,
    ObjectCreatedCompleteMultipartUpload,
    ObjectRemovedDelete,
    ObjectRemovedDeleteMarkerCreated,
    ObjectRestorePost,
    ObjectRestoreCompleted { until: Timestamp, class: StorageClass },
    ObjectRestoreDelete,
    ObjectTaggingPut,
    ObjectTaggingDelete,
    ObjectAclPut,
    ObjectRetentionPut,
    LifecycleTransition { to: StorageClass },
    LifecycleExpirationDelete,
    LifecycleExpirationDeleteMarkerCreated,
    ReplicationFailed { rule: String, destination: String, requested: Timestamp, reason: &'static str },
}

/// What happened to an object.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub name: EventName,
    pub key: &'a str,
    /// In bytes. Nothing where the object is gone.
    pub size: Option<u64>,
    pub etag: Option<ETag>,
    /// Nothing where the bucket never had versioning.
    pub version_id: Option<&'a str>,
    /// What the order of events of a key follows from: the version's, or the moment of what happened in microseconds.
    pub order: u64,
}

/// A rule that asks for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub arn: Arn,
    pub id: String,
}

impl EventName {
    /// As it stands in rules, with `s3:`.
    pub fn as_str(&self) -> &'static str {
        match self {
            EventName::ObjectCreatedPut => "s3:ObjectCreated:Put",
            EventName::ObjectCreatedPost => "s3:ObjectCreated:Post",
            EventName::ObjectCreatedCopy => "s3:ObjectCreated:Copy",
            EventName::ObjectCreatedCompleteMultipartUpload => "s3:ObjectCreated:CompleteMultipartUpload",
            EventName::ObjectRemovedDelete => "s3:ObjectRemoved:Delete",
            EventName::ObjectRemovedDeleteMarkerCreated => "s3:ObjectRemoved:DeleteMarkerCreated",
            EventName::ObjectRestorePost => "s3:ObjectRestore:Post",
            EventName::ObjectRestoreCompleted { .. } => "s3:ObjectRestore:Completed",
            EventName::ObjectRestoreDelete => "s3:ObjectRestore:Delete",
            EventName::ObjectTaggingPut => "s3:ObjectTagging:Put",
            EventName::ObjectTaggingDelete => "s3:ObjectTagging:Delete",
            EventName::ObjectAclPut => "s3:ObjectAcl:Put",
            EventName::ObjectRetentionPut => "s3:ObjectRetention:Put",
            EventName::LifecycleTransition { .. } => "s3:LifecycleTransition",
            EventName::LifecycleExpirationDelete => "s3:LifecycleExpiration:Delete",
            EventName::LifecycleExpirationDeleteMarkerCreated => "s3:LifecycleExpiration:DeleteMarkerCreated",
            EventName::ReplicationFailed { .. } => "s3:Replication:OperationFailedReplication",
        }
    }

    /// The version of the record's structure, which differs by the kind of event.
    pub fn record_version(&self) -> &'static str {
        match self {
            EventName::ReplicationFailed { .. } => "2.2",
            EventName::LifecycleTransition { .. }
            | EventName::LifecycleExpirationDelete
            | EventName::LifecycleExpirationDeleteMarkerCreated
            | EventName::ObjectTaggingPut
            | EventName::ObjectTaggingDelete
            | EventName::ObjectAclPut
            | EventName::ObjectRetentionPut
            | EventName::ObjectRestoreDelete => "2.3",
            _ => "2.1",
        }
    }
}

/// The rules of a configuration that ask for this event of this key, in their order.
pub fn matching(configuration: &api::NotificationConfiguration, name: &EventName, key: &str) -> Vec<Asked> {
    let queues = configuration.queue_configurations.iter().flatten();
    let topics = configuration.topic_configurations.iter().flatten();
    let functions = configuration.lambda_function_configurations.iter().flatten();
    let rules = queues
        .map(|rule| (&rule.queue_arn, &rule.id, &rule.events, &rule.filter))
        .chain(topics.map(|rule| (&rule.topic_arn, &rule.id, &rule.events, &rule.filter)))
        .chain(functions.map(|rule| (&rule.lambda_function_arn, &rule.id, &rule.events, &rule.filter)));
    rules
        .filter(|(_, _, events, filter)| {
            events.iter().any(|event| asks_for(event.as_str(), name.as_str())) && passes(filter.as_ref(), key)
        })
        // An ARN that is none was never accepted.
        .filter_map(|(arn, id, _, _)| {
            Some(Asked { arn: arn.parse().ok()?, id: id.clone().unwrap_or_default() })
        })
        .collect()
}

/// `s3:ObjectCreated:*` asks for `s3:ObjectCreated:Put`.
fn asks_for(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => pattern == name,
    }
}

/// The rules of a filter hold for the key as it is, while their values may be encoded as in URLs.
fn passes(filter: Option<&api::NotificationConfigurationFilter>, key: &str) -> bool {
    let rules = filter.and_then(|filter| filter.key.as_ref()).and_then(|key| key.filter_rules.as_deref());
    rules.unwrap_or_default().iter().all(|rule| {
        let value = decoded(rule.value.as_deref().unwrap_or_default());
        match &rule.name {
            Some(api::FilterRuleName::Suffix) => key.ends_with(&*value),
            // AWS answers with `Prefix` where it was sent so.
            Some(name) if name.as_str().eq_ignore_ascii_case("suffix") => key.ends_with(&*value),
            _ => key.starts_with(&*value),
        }
    })
}

/// Special characters in filter values have to be sent URL-encoded.
fn decoded(value: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(value).decode_utf8().unwrap_or(Cow::Borrowed(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, events: &[&str], filter: &[(&str, &str)]) -> api::QueueConfiguration {
        let rules = filter.iter().map(|(name, value)| api::FilterRule {
            name: Some(api::FilterRuleName::from(*name)),
            value: Some((*value).to_owned()),
        });
        api::QueueConfiguration {
            id: Some(id.to_owned()),
            queue_arn: "arn:aws:sqs:us-east-1:000000000000:q".to_owned(),
            events: events.iter().map(|event| api::Event::from(*event)).collect(),
            filter: Some(api::NotificationConfigurationFilter {
                key: Some(api::S3KeyFilter { filter_rules: Some(rules.collect()) }),
            }),
        }
    }

    #[test]
    fn rules_ask_by_name_by_wildcard_and_by_the_ends_of_keys() {
        let configuration = api::NotificationConfiguration {
            queue_configurations: Some(vec![
                rule("all", &["s3:ObjectCreated:*"], &[]),
                rule("put", &["s3:ObjectCreated:Put", "s3:ObjectRemoved:*"], &[("prefix", "logs/")]),
                rule("images", &["s3:ObjectCreated:Put"], &[("Prefix", "a%20b/"), ("Suffix", ".jpg")]),
                rule("transitions", &["s3:LifecycleTransition"], &[]),
            ]),
            ..api::NotificationConfiguration::default()
        };
        let to = StorageClass::Glacier;
        for (name, key, expected) in [
            (EventName::ObjectCreatedPut, "logs/1", "all put"),
            (EventName::ObjectCreatedPut, "a b/c.jpg", "all images"),
            (EventName::ObjectCreatedPut, "a b/c.png", "all"),
            (EventName::ObjectCreatedCopy, "logs/1", "all"),
            (EventName::ObjectRemovedDelete, "logs/1", "put"),
            (EventName::ObjectRemovedDelete, "log", ""),
            (EventName::LifecycleTransition { to }, "x", "transitions"),
            (EventName::LifecycleExpirationDelete, "x", ""),
        ] {
            let ids: Vec<String> =
                matching(&configuration, &name, key).into_iter().map(|asked| asked.id).collect();
            assert_eq!(ids.join(" "), expected, "{name:?} {key}");
        }
    }
}
