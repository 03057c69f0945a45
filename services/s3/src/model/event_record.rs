//! The JSON of a notification: fields in AWS's order, as "Event message structure" of the S3 guide has them.

use base::{AccountId, Arn, Region, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use service::{Call, Principal, PrincipalKind};

use super::acl::canonical_id;
use super::notification::{Event, EventName};

/// All that a record is made from.
pub struct Happened<'a> {
    pub event: &'a Event<'a>,
    /// What made it happen.
    pub call: &'a Call,
    pub bucket: &'a str,
    pub arn: &'a Arn,
    pub region: Region,
    pub owner: AccountId,
    pub configuration_id: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    #[serde(rename = "Records")]
    records: [Record<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    event_source: &'static str,
    aws_region: &'static str,
    event_time: String,
    event_name: &'static str,
    user_identity: Identity,
    request_parameters: RequestParameters,
    response_elements: ResponseElements<'a>,
    s3: Entity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glacier_event_data: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_event_data: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_event_data: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: String,
}

#[derive(Serialize)]
struct RequestParameters {
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
}

#[derive(Serialize)]
struct ResponseElements<'a> {
    #[serde(rename = "x-amz-request-id")]
    request_id: &'a str,
    #[serde(rename = "x-amz-id-2")]
    id_2: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entity<'a> {
    #[serde(rename = "s3SchemaVersion")]
    schema_version: &'static str,
    configuration_id: &'a str,
    bucket: BucketEntity<'a>,
    object: ObjectEntity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BucketEntity<'a> {
    name: &'a str,
    owner_identity: Identity,
    arn: &'a Arn,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectEntity<'a> {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    sequencer: String,
}

/// The message that tells of one event.
pub fn message(happened: &Happened<'_>) -> String {
    let Happened { event, call, .. } = happened;
    let (glacier, lifecycle, replication) = details(&event.name, event.key);
    let record = Record {
        event_version: event.name.record_version(),
        event_source: "aws:s3",
        aws_region: happened.region.as_str(),
        event_time: with_millis(call.now),
        event_name: event.name.as_str().trim_start_matches("s3:"),
        user_identity: Identity { principal_id: principal_id(&call.principal) },
        request_parameters: RequestParameters {
            source_ip_address: match call.source.ip {
                Some(ip) => ip.to_canonical().to_string(),
                // What a service did by itself, or for itself.
                None => "s3.amazonaws.com".to_owned(),
            },
        },
        response_elements: ResponseElements { request_id: &call.request_id, id_2: &call.request_id },
        s3: Entity {
            schema_version: "1.0",
            configuration_id: happened.configuration_id,
            bucket: BucketEntity {
                name: happened.bucket,
                owner_identity: Identity { principal_id: customer_id(happened.owner) },
                arn: happened.arn,
            },
            object: ObjectEntity {
                key: encoded(event.key),
                size: event.size,
                e_tag: event.etag.map(|etag| etag.to_string()),
                version_id: event.version_id,
                sequencer: format!("00{:016X}", event.order),
            },
        },
        glacier_event_data: glacier,
        lifecycle_event_data: lifecycle,
        replication_event_data: replication,
    };
    serde_json::to_string(&Message { records: [record] }).expect("plain fields are written to memory")
}

/// What is sent once when a destination is configured, to see whether it can be reached.
pub fn test_message(call: &Call, bucket: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Test<'a> {
        service: &'static str,
        event: &'static str,
        time: String,
        bucket: &'a str,
        request_id: &'a str,
        host_id: &'a str,
    }
    let test = Test {
        service: "Amazon S3",
        event: "s3:TestEvent",
        time: with_millis(call.now),
        bucket,
        request_id: &call.request_id,
        host_id: &call.request_id,
    };
    serde_json::to_string(&test).expect("plain fields are written to memory")
}

type Details = (Option<serde_json::Value>, Option<serde_json::Value>, Option<serde_json::Value>);

/// `glacierEventData`, `lifecycleEventData` and `replicationEventData`.
fn details(name: &EventName, key: &str) -> Details {
    match name {
        EventName::ObjectRestoreCompleted { until, class } => {
            let restored = serde_json::json!({ "restoreEventData": {
                "lifecycleRestorationExpiryTime": with_millis(*until),
                "lifecycleRestoreStorageClass": class.as_str(),
            }});
            (Some(restored), None, None)
        }
        EventName::LifecycleTransition { to } => {
            let moved =
                serde_json::json!({ "transitionEventData": { "destinationStorageClass": to.as_str() }});
            (None, Some(moved), None)
        }
        EventName::ReplicationFailed { rule, destination, requested, reason } => {
            let failed = serde_json::json!({
                "replicationRuleId": rule,
                "destinationBucket": destination,
                "s3Operation": format!("OBJECT_PUT {key}"),
                "requestTime": with_millis(*requested),
                "failureReason": reason,
            });
            (None, None, Some(failed))
        }
        _ => (None, None, None),
    }
}

/// Always with milliseconds.
fn with_millis(moment: Timestamp) -> String {
    let text = moment.to_iso8601();
    match text.strip_suffix('Z') {
        Some(whole) if !text.contains('.') => format!("{whole}.000Z"),
        _ => text,
    }
}

fn principal_id(principal: &Principal) -> String {
    match principal.kind {
        PrincipalKind::Service => principal.arn.clone(),
        PrincipalKind::Anonymous => "Anonymous".to_owned(),
        _ => format!("AWS:{}", principal.user_id),
    }
}

/// A shorter id than the canonical one, which S3 shows here alone: fourteen capital letters and digits.
fn customer_id(account: AccountId) -> String {
    let capitals = canonical_id(account).to_ascii_uppercase();
    format!("A{}", &capitals[..13])
}

/// As in forms: spaces are plus signs.
fn encoded(key: &str) -> String {
    const KEPT: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');
    utf8_percent_encode(key, KEPT).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_as_in_forms() {
        for (key, expected) in [
            ("red flower.jpg", "red+flower.jpg"),
            ("a/b+c(1)", "a/b%2Bc%281%29"),
            ("ü", "%C3%BC"),
            ("100%", "100%25"),
        ] {
            assert_eq!(encoded(key), expected);
        }
    }

    #[test]
    fn times_always_have_milliseconds() {
        assert_eq!(with_millis(Timestamp::EPOCH), "1970-01-01T00:00:00.000Z");
        assert_eq!(with_millis(Timestamp::from_millis(5)), "1970-01-01T00:00:00.005Z");
    }
}
