//! Lifecycle rules, seen with the clock turned.

use std::time::Duration;

use s3_api::*;
use testkit::Cloud;

use crate::events::{make_queue, notify, told};
use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Worth a transition.
const SIZE: usize = 200 * 1024;

fn rule(prefix: &str) -> LifecycleRule {
    LifecycleRule {
        id: Some("the-rule".to_owned()),
        filter: Some(LifecycleRuleFilter {
            prefix: Some(prefix.to_owned()),
            ..LifecycleRuleFilter::default()
        }),
        status: ExpirationStatus::Enabled,
        ..LifecycleRule::default()
    }
}

fn after_days(days: i32) -> Option<LifecycleExpiration> {
    Some(LifecycleExpiration { days: Some(days), ..LifecycleExpiration::default() })
}

async fn set(cloud: &Cloud, rules: Vec<LifecycleRule>) {
    let input = PutBucketLifecycleConfigurationInput {
        bucket: BUCKET.to_owned(),
        lifecycle_configuration: Some(BucketLifecycleConfiguration { rules }),
        ..PutBucketLifecycleConfigurationInput::default()
    };
    cloud.call(PutBucketLifecycleConfiguration, input).await.expect("the rules are possible");
}

/// Versions and delete markers of the bucket, as `key`, `key (older)`, `key (marker)`, `key (older marker)`.
async fn versions(cloud: &Cloud) -> Vec<String> {
    let input = ListObjectVersionsInput { bucket: BUCKET.to_owned(), ..ListObjectVersionsInput::default() };
    let listed = cloud.call(ListObjectVersions, input).await.expect("the bucket is there");
    let newest = |is: Option<bool>| if is == Some(true) { "" } else { " (older)" };
    let objects = listed.versions.into_iter().flatten();
    let objects = objects.map(|each| format!("{}{}", each.key.unwrap_or_default(), newest(each.is_latest)));
    let markers = listed.delete_markers.into_iter().flatten();
    let markers =
        markers.map(|each| format!("{} marker{}", each.key.unwrap_or_default(), newest(each.is_latest)));
    let mut all: Vec<String> = objects.chain(markers).collect();
    all.sort();
    all
}

/// Turns the clock by days, and waits until the bucket shows what is expected.
async fn days_later(cloud: &Cloud, days: u32, expected: &[&str]) {
    cloud.clock.advance(DAY * days);
    let mut seen = Vec::new();
    for _ in 0..500 {
        cloud.settle().await;
        seen = versions(cloud).await;
        if seen == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(seen, expected);
}

/// Gives background work time to do what it should not.
async fn quiet(cloud: &Cloud) {
    for _ in 0..30 {
        cloud.settle().await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn class(cloud: &Cloud, key: &str) -> Option<StorageClass> {
    head(cloud, key).await.storage_class
}

async fn becomes(cloud: &Cloud, key: &str, expected: &StorageClass) {
    for _ in 0..500 {
        cloud.settle().await;
        if class(cloud, key).await.as_ref() == Some(expected) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{key} is {:?}", class(cloud, key).await);
}

#[tokio::test]
async fn logs_go_to_the_archive_after_7_days_and_away_after_2600() {
    let cloud = cloud(1).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:LifecycleTransition", "s3:LifecycleExpiration:*"], "").await;
    let transition = Transition {
        days: Some(7),
        storage_class: Some(TransitionStorageClass::Glacier),
        ..Transition::default()
    };
    let logs =
        LifecycleRule { transitions: Some(vec![transition]), expiration: after_days(2600), ..rule("logs/") };
    set(&cloud, vec![logs]).await;
    put(&cloud, "logs/1", vec![b'x'; SIZE]).await;
    put(&cloud, "logs/small", "x").await;
    put(&cloud, "other", vec![b'x'; SIZE]).await;
    let expiration = head(&cloud, "logs/1").await.expiration;
    let expected = r#"expiry-date="Tue, 28 Feb 2034 00:00:00 GMT", rule-id="the-rule""#;
    assert_eq!(expiration.as_deref(), Some(expected));
    cloud.clock.advance(DAY * 7);
    quiet(&cloud).await;
    assert_eq!(class(&cloud, "logs/1").await, None, "seven days are over at eight, not at midnight");
    cloud.clock.advance(DAY);
    becomes(&cloud, "logs/1", &StorageClass::Glacier).await;
    assert_eq!(class(&cloud, "logs/small").await, None, "too small to be worth it");
    assert_eq!(class(&cloud, "other").await, None);
    assert_eq!(told(&cloud, 1).await, ["LifecycleTransition logs/1"]);
    days_later(&cloud, 2592, &["logs/1", "logs/small", "other"]).await;
    days_later(&cloud, 1, &["other"]).await;
    let expected = ["LifecycleExpiration:Delete logs/1", "LifecycleExpiration:Delete logs/small"];
    assert_eq!(told(&cloud, 2).await, expected);
}

#[tokio::test]
async fn versions_come_and_go_as_the_rules_for_them_say() {
    let cloud = versioned_cloud(2).await;
    let keep = NoncurrentVersionExpiration { noncurrent_days: Some(10), newer_noncurrent_versions: Some(1) };
    let rules =
        LifecycleRule { expiration: after_days(30), noncurrent_version_expiration: Some(keep), ..rule("") };
    set(&cloud, vec![rules]).await;
    for body in ["one", "two", "three", "four"] {
        put(&cloud, "k", body).await;
    }
    days_later(&cloud, 10, &["k", "k (older)", "k (older)", "k (older)"]).await;
    // The newest of the older ones is kept.
    days_later(&cloud, 1, &["k", "k (older)"]).await;
    // The object expires: a marker takes its place, and now it is the one older version that is kept.
    days_later(&cloud, 19, &["k", "k (older)"]).await;
    days_later(&cloud, 1, &["k (older)", "k marker"]).await;
    cloud.clock.advance(DAY * 100);
    quiet(&cloud).await;
    assert_eq!(versions(&cloud).await, ["k (older)", "k marker"]);
}

#[tokio::test]
async fn a_delete_marker_goes_once_nothing_is_behind_it() {
    let cloud = versioned_cloud(3).await;
    let all = NoncurrentVersionExpiration { noncurrent_days: Some(1), newer_noncurrent_versions: None };
    let markers =
        LifecycleExpiration { expired_object_delete_marker: Some(true), ..LifecycleExpiration::default() };
    let rules =
        LifecycleRule { expiration: Some(markers), noncurrent_version_expiration: Some(all), ..rule("") };
    set(&cloud, vec![rules]).await;
    put(&cloud, "k", "x").await;
    let input =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..DeleteObjectInput::default() };
    cloud.call(DeleteObject, input).await.unwrap();
    assert_eq!(versions(&cloud).await, ["k (older)", "k marker"]);
    cloud.clock.advance(DAY);
    quiet(&cloud).await;
    assert_eq!(versions(&cloud).await, ["k (older)", "k marker"], "it stays while something is behind it");
    // A look that finds the older version leaves the marker to the next: which day's looks these are, the machine decides.
    for _ in 0..10 {
        cloud.clock.advance(DAY);
        quiet(&cloud).await;
        if versions(&cloud).await.is_empty() {
            return;
        }
    }
    panic!("it stays: {:?}", versions(&cloud).await);
}

#[tokio::test]
async fn unfinished_uploads_are_given_up() {
    let cloud = cloud(4).await;
    let abort = AbortIncompleteMultipartUpload { days_after_initiation: Some(2) };
    set(&cloud, vec![LifecycleRule { abort_incomplete_multipart_upload: Some(abort), ..rule("") }]).await;
    let input = CreateMultipartUploadInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        ..CreateMultipartUploadInput::default()
    };
    let upload = cloud.call(CreateMultipartUpload, input).await.expect("an upload begins");
    assert_eq!(upload.abort_rule_id.as_deref(), Some("the-rule"));
    let part = UploadPartInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        upload_id: upload.upload_id.expect("it has an id"),
        part_number: 1,
        body: body(vec![b'x'; SIZE]),
        ..UploadPartInput::default()
    };
    cloud.call(UploadPart, part).await.expect("the part is taken");
    assert!(kept_bytes(&cloud).await > 0);
    cloud.clock.advance(DAY * 3);
    for _ in 0..300 {
        cloud.settle().await;
        if kept_bytes(&cloud).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(kept_bytes(&cloud).await, 0);
    let input =
        ListMultipartUploadsInput { bucket: BUCKET.to_owned(), ..ListMultipartUploadsInput::default() };
    let listed = cloud.call(ListMultipartUploads, input).await.unwrap();
    assert!(listed.uploads.is_none_or(|uploads| uploads.is_empty()));
}
