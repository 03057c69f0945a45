//! Archived objects: restored by the clock, read for some days, and archived again.

use std::time::Duration;

use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn archived(seed: u64, class: StorageClass) -> Cloud {
    let cloud = cloud(seed).await;
    let input = PutObjectInput { storage_class: Some(class), ..putting("k", "cold") };
    cloud.call(PutObject, input).await.expect("the object is put");
    cloud
}

async fn restore(cloud: &Cloud, days: Option<i32>, tier: Option<Tier>) -> Result<Option<i32>, Fault> {
    let request = RestoreRequest {
        days,
        glacier_job_parameters: tier.map(|tier| GlacierJobParameters { tier }),
        ..RestoreRequest::default()
    };
    let input = RestoreObjectInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        restore_request: Some(request),
        ..RestoreObjectInput::default()
    };
    cloud.call(RestoreObject, input).await.map(|output| output.status_code)
}

#[tokio::test]
async fn an_archived_object_is_read_after_hours_and_for_days() {
    let cloud = archived(1, StorageClass::Glacier).await;
    let refused = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (403, "InvalidObjectState"));
    assert_eq!(restore(&cloud, Some(2), None).await.unwrap(), Some(202));
    assert_eq!(head(&cloud, "k").await.restore.as_deref(), Some(r#"ongoing-request="true""#));
    assert_eq!(code(restore(&cloud, Some(2), None).await), "RestoreAlreadyInProgress");

    cloud.advance(5 * HOUR).await;
    assert_eq!(read(&cloud, "k").await, b"cold");
    let shown = head(&cloud, "k").await;
    assert!(shown.restore.as_deref().unwrap().starts_with(r#"ongoing-request="false", expiry-date=""#));
    assert_eq!(shown.storage_class, Some(StorageClass::Glacier), "it stays archived");

    cloud.advance(2 * DAY).await;
    assert_eq!(restore(&cloud, Some(5), None).await.unwrap(), Some(200), "the copy's life is longer now");
    cloud.advance(5 * DAY).await;
    assert_eq!(read(&cloud, "k").await, b"cold");
    cloud.advance(DAY).await;
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "InvalidObjectState");
    assert_eq!(head(&cloud, "k").await.restore, None);
    assert_eq!(restore(&cloud, Some(1), None).await.unwrap(), Some(202));
}

#[tokio::test]
async fn a_restore_is_hastened_by_a_faster_tier() {
    let cloud = archived(2, StorageClass::Glacier).await;
    restore(&cloud, Some(1), Some(Tier::Bulk)).await.unwrap();
    assert_eq!(code(restore(&cloud, Some(1), Some(Tier::Bulk)).await), "RestoreAlreadyInProgress");
    assert_eq!(restore(&cloud, None, Some(Tier::Expedited)).await.unwrap(), Some(202));
    cloud.advance(Duration::from_secs(300)).await;
    assert_eq!(read(&cloud, "k").await, b"cold");
}

#[tokio::test]
async fn the_deepest_archive_takes_half_a_day_or_two_days() {
    let cloud = archived(3, StorageClass::DeepArchive).await;
    let refused = restore(&cloud, Some(1), Some(Tier::Expedited)).await.unwrap_err();
    assert_eq!(refused.message(), "Retrieval option is not supported by this storage class");
    restore(&cloud, Some(1), Some(Tier::Standard)).await.unwrap();
    cloud.advance(12 * HOUR - Duration::from_secs(1)).await;
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "InvalidObjectState");
    cloud.advance(Duration::from_secs(1)).await;
    assert_eq!(read(&cloud, "k").await, b"cold");
}

#[tokio::test]
async fn what_is_not_archived_and_what_says_too_little_is_refused() {
    let cloud = archived(4, StorageClass::GlacierIr).await;
    let refused = restore(&cloud, Some(1), None).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidObjectState");
    assert_eq!(refused.message(), "Restore is not allowed for the object's current storage class");
    let cloud = archived(5, StorageClass::Glacier).await;
    for days in [None, Some(0), Some(-1)] {
        assert_eq!(code(restore(&cloud, days, None).await), "MalformedXML", "{days:?}");
    }
    let input = RestoreObjectInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        restore_request: Some(RestoreRequest {
            r#type: Some(RestoreRequestType::Select),
            ..RestoreRequest::default()
        }),
        ..RestoreObjectInput::default()
    };
    assert_eq!(code(cloud.call(RestoreObject, input).await), "NotImplemented");
    assert_eq!(head(&cloud, "k").await.restore, None, "nothing was begun");
}
