//! Object lock: retention and legal holds keep versions, whoever asks, until their time.

use std::time::Duration;

use base::Timestamp;
use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

const LOCKED: &str = "locked-bucket";
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn locked_cloud(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    let input = CreateBucketInput {
        bucket: LOCKED.to_owned(),
        object_lock_enabled_for_bucket: Some(true),
        ..CreateBucketInput::default()
    };
    cloud.call(CreateBucket, input).await.expect("the bucket is possible");
    cloud
}

async fn put_locked(cloud: &Cloud, key: &str) -> String {
    let input = PutObjectInput { bucket: LOCKED.to_owned(), ..putting(key, "kept") };
    let output = cloud.call(PutObject, input).await.expect("the object is put");
    output.version_id.expect("locked buckets keep versions")
}

fn later(cloud: &Cloud, days: u32) -> Timestamp {
    cloud.clock.now() + DAY * days
}

fn retaining(key: &str, mode: &str, until: Timestamp) -> PutObjectRetentionInput {
    PutObjectRetentionInput {
        bucket: LOCKED.to_owned(),
        key: key.to_owned(),
        retention: Some(ObjectLockRetention {
            mode: Some(mode.into()),
            retain_until_date: Some(until),
            ..ObjectLockRetention::default()
        }),
        ..PutObjectRetentionInput::default()
    }
}

async fn retain(cloud: &Cloud, key: &str, mode: &str, days: u32) -> Result<(), Fault> {
    cloud.call(PutObjectRetention, retaining(key, mode, later(cloud, days))).await.map(drop)
}

async fn delete(cloud: &Cloud, key: &str, version: &str, bypass: bool) -> Result<(), Fault> {
    let input = DeleteObjectInput {
        bucket: LOCKED.to_owned(),
        key: key.to_owned(),
        version_id: Some(version.to_owned()),
        bypass_governance_retention: Some(bypass),
        ..DeleteObjectInput::default()
    };
    cloud.call(DeleteObject, input).await.map(drop)
}

async fn hold(cloud: &Cloud, key: &str, status: &str) {
    let legal_hold = Some(ObjectLockLegalHold { status: Some(status.into()) });
    let input = PutObjectLegalHoldInput {
        bucket: LOCKED.to_owned(),
        key: key.to_owned(),
        legal_hold,
        ..PutObjectLegalHoldInput::default()
    };
    cloud.call(PutObjectLegalHold, input).await.expect("the object is there");
}

#[tokio::test]
async fn compliance_keeps_a_version_from_everybody_until_its_time() {
    let cloud = locked_cloud(1).await;
    let version = put_locked(&cloud, "k").await;
    retain(&cloud, "k", "COMPLIANCE", 10).await.unwrap();
    for bypass in [false, true] {
        let refused = delete(&cloud, "k", &version, bypass).await.unwrap_err();
        assert_eq!(refused.message(), "Access Denied because object protected by object lock.");
    }
    retain(&cloud, "k", "COMPLIANCE", 20).await.unwrap();
    assert_eq!(code(retain(&cloud, "k", "COMPLIANCE", 19).await), "AccessDenied");
    assert_eq!(code(retain(&cloud, "k", "GOVERNANCE", 30).await), "AccessDenied");
    cloud.advance(20 * DAY - Duration::from_secs(1)).await;
    assert_eq!(code(delete(&cloud, "k", &version, true).await), "AccessDenied");
    cloud.advance(Duration::from_secs(1)).await;
    delete(&cloud, "k", &version, false).await.unwrap();
}

#[tokio::test]
async fn governance_is_bypassed_by_those_who_say_so() {
    let cloud = locked_cloud(2).await;
    let version = put_locked(&cloud, "k").await;
    retain(&cloud, "k", "GOVERNANCE", 10).await.unwrap();
    assert_eq!(code(delete(&cloud, "k", &version, false).await), "AccessDenied");
    assert_eq!(code(retain(&cloud, "k", "GOVERNANCE", 5).await), "AccessDenied");
    let shorter = PutObjectRetentionInput {
        bypass_governance_retention: Some(true),
        ..retaining("k", "GOVERNANCE", later(&cloud, 5))
    };
    cloud.call(PutObjectRetention, shorter).await.unwrap();
    let none = PutObjectRetentionInput {
        bypass_governance_retention: Some(true),
        retention: Some(ObjectLockRetention::default()),
        ..retaining("k", "GOVERNANCE", later(&cloud, 5))
    };
    cloud.call(PutObjectRetention, none).await.unwrap();
    retain(&cloud, "k", "GOVERNANCE", 10).await.unwrap();
    delete(&cloud, "k", &version, true).await.unwrap();
}

#[tokio::test]
async fn a_legal_hold_lasts_until_it_is_lifted() {
    let cloud = locked_cloud(3).await;
    let version = put_locked(&cloud, "k").await;
    let input = GetObjectLegalHoldInput {
        bucket: LOCKED.to_owned(),
        key: "k".to_owned(),
        ..GetObjectLegalHoldInput::default()
    };
    let status = async || {
        let output = cloud.call(GetObjectLegalHold, input.clone()).await?;
        Ok::<_, Fault>(output.legal_hold.unwrap().status.unwrap().to_string())
    };
    assert_eq!(code(status().await), "NoSuchObjectLockConfiguration");
    hold(&cloud, "k", "ON").await;
    assert_eq!(status().await.unwrap(), "ON");
    cloud.advance(1000 * DAY).await;
    assert_eq!(code(delete(&cloud, "k", &version, true).await), "AccessDenied");
    hold(&cloud, "k", "OFF").await;
    assert_eq!(status().await.unwrap(), "OFF");
    delete(&cloud, "k", &version, false).await.unwrap();
}

#[tokio::test]
async fn a_locked_key_can_be_hidden_and_written_over_but_not_lost() {
    let cloud = locked_cloud(4).await;
    let version = put_locked(&cloud, "k").await;
    retain(&cloud, "k", "COMPLIANCE", 10).await.unwrap();
    put_locked(&cloud, "k").await;
    let input =
        DeleteObjectInput { bucket: LOCKED.to_owned(), key: "k".to_owned(), ..DeleteObjectInput::default() };
    assert_eq!(cloud.call(DeleteObject, input).await.unwrap().delete_marker, Some(true));
    let input =
        GetObjectInput { bucket: LOCKED.to_owned(), version_id: Some(version.clone()), ..getting("k") };
    assert_eq!(bytes_of(cloud.call(GetObject, input).await.unwrap()).await, b"kept");
    let objects = vec![ObjectIdentifier {
        key: "k".to_owned(),
        version_id: Some(version),
        ..ObjectIdentifier::default()
    }];
    let input = DeleteObjectsInput {
        bucket: LOCKED.to_owned(),
        delete: Delete { objects, quiet: Some(true) },
        bypass_governance_retention: Some(true),
        ..DeleteObjectsInput::default()
    };
    let errors = cloud.call(DeleteObjects, input).await.unwrap().errors.unwrap();
    assert_eq!(errors[0].code.as_deref(), Some("AccessDenied"));
}

#[tokio::test]
async fn a_lock_needs_a_bucket_that_has_them_and_a_date_to_come() {
    let cloud = locked_cloud(5).await;
    put_locked(&cloud, "k").await;
    let past = retaining("k", "GOVERNANCE", cloud.clock.now());
    let refused = cloud.call(PutObjectRetention, past).await.unwrap_err();
    assert_eq!(refused.message(), "The retain until date must be in the future!");
    let half = PutObjectRetentionInput {
        retention: Some(ObjectLockRetention {
            mode: Some(ObjectLockRetentionMode::Governance),
            ..ObjectLockRetention::default()
        }),
        ..retaining("k", "GOVERNANCE", later(&cloud, 1))
    };
    assert_eq!(code(cloud.call(PutObjectRetention, half).await), "MalformedXML");
    let input = GetObjectRetentionInput {
        bucket: LOCKED.to_owned(),
        key: "k".to_owned(),
        ..GetObjectRetentionInput::default()
    };
    let missing = cloud.call(GetObjectRetention, input).await.unwrap_err();
    assert_eq!((missing.status(), missing.code()), (404, "NoSuchObjectLockConfiguration"));

    make_bucket(&cloud, BUCKET).await;
    put(&cloud, "k", "x").await;
    let elsewhere = PutObjectRetentionInput {
        bucket: BUCKET.to_owned(),
        ..retaining("k", "GOVERNANCE", later(&cloud, 1))
    };
    let refused = cloud.call(PutObjectRetention, elsewhere).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert_eq!(refused.message(), "Bucket is missing Object Lock Configuration");
}

#[tokio::test]
async fn a_lock_can_come_with_the_object_and_is_asked_for_in_full() {
    let cloud = locked_cloud(6).await;
    let until = later(&cloud, 3);
    let locked = |mode: Option<ObjectLockMode>, until| PutObjectInput {
        bucket: LOCKED.to_owned(),
        object_lock_mode: mode,
        object_lock_retain_until_date: until,
        checksum_algorithm: Some(ChecksumAlgorithm::Crc32),
        checksum_crc32: Some("+yhqBg==".to_owned()),
        ..putting("k", "kept")
    };
    for (mode, until) in [(Some(ObjectLockMode::Compliance), None), (None, Some(until))] {
        let refused = cloud.call(PutObject, locked(mode, until)).await.unwrap_err();
        assert_eq!(refused.code(), "InvalidArgument", "{refused}");
    }
    let input = locked(Some(ObjectLockMode::Compliance), Some(until));
    let version = cloud.call(PutObject, input).await.unwrap().version_id.unwrap();
    assert_eq!(code(delete(&cloud, "k", &version, true).await), "AccessDenied");
    cloud.advance(3 * DAY).await;
    delete(&cloud, "k", &version, true).await.unwrap();
}

#[tokio::test]
async fn a_bucket_gives_what_is_put_and_copied_its_lock() {
    let cloud = locked_cloud(7).await;
    let default = DefaultRetention {
        mode: Some(ObjectLockRetentionMode::Compliance),
        days: Some(5),
        ..DefaultRetention::default()
    };
    let configuration = ObjectLockConfiguration {
        object_lock_enabled: Some(ObjectLockEnabled::Enabled),
        rule: Some(ObjectLockRule { default_retention: Some(default) }),
    };
    let input = PutObjectLockConfigurationInput {
        bucket: LOCKED.to_owned(),
        object_lock_configuration: Some(configuration),
        ..PutObjectLockConfigurationInput::default()
    };
    cloud.call(PutObjectLockConfiguration, input).await.unwrap();
    let put = PutObjectInput {
        bucket: LOCKED.to_owned(),
        checksum_crc32: Some("+yhqBg==".to_owned()),
        ..putting("k", "kept")
    };
    let one = cloud.call(PutObject, put).await.unwrap().version_id.unwrap();
    let copy = CopyObjectInput {
        bucket: LOCKED.to_owned(),
        key: "copy".to_owned(),
        copy_source: format!("{LOCKED}/k"),
        ..CopyObjectInput::default()
    };
    let two = cloud.call(CopyObject, copy).await.unwrap().version_id.unwrap();
    for (key, version) in [("k", &one), ("copy", &two)] {
        assert_eq!(code(delete(&cloud, key, version, true).await), "AccessDenied", "{key}");
    }
    cloud.advance(5 * DAY).await;
    for (key, version) in [("k", &one), ("copy", &two)] {
        delete(&cloud, key, version, false).await.unwrap();
    }
}
