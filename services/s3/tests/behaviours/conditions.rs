//! Conditional reads and writes.

use base::Timestamp;
use s3_api::*;
use testkit::{Cloud, START};

use crate::support::*;

fn if_none_match(key: &str, tag: &str) -> GetObjectInput {
    GetObjectInput { if_none_match: Some(tag.to_owned()), ..getting(key) }
}

#[tokio::test]
async fn what_the_client_has_already_is_not_sent_again() {
    let cloud = cloud(1).await;
    let tag = put(&cloud, "k", "content").await.e_tag.unwrap();
    let unchanged = cloud.call(GetObject, if_none_match("k", &tag)).await.unwrap_err();
    assert_eq!((unchanged.code(), unchanged.status()), ("NotModified", 304));
    assert_eq!(header(&unchanged, "ETag"), Some(&*tag));
    assert_eq!(header(&unchanged, "Last-Modified"), Some(&*START.to_http_date()));
    assert!(cloud.call(GetObject, if_none_match("k", "\"other\"")).await.is_ok());
    let since = |time| GetObjectInput { if_modified_since: Some(time), ..getting("k") };
    assert_eq!(code(cloud.call(GetObject, since(START)).await), "NotModified");
    assert!(cloud.call(GetObject, since(Timestamp::from_secs(START.as_secs() - 1))).await.is_ok());
    let head = HeadObjectInput { if_none_match: Some(tag), ..heading("k") };
    assert_eq!(cloud.call(HeadObject, head).await.unwrap_err().status(), 304);
}

#[tokio::test]
async fn what_has_changed_is_not_read_by_those_who_say_so() {
    let cloud = cloud(1).await;
    let tag = put(&cloud, "k", "content").await.e_tag.unwrap();
    let matching = |tag: &str| GetObjectInput { if_match: Some(tag.to_owned()), ..getting("k") };
    assert!(cloud.call(GetObject, matching(&tag)).await.is_ok());
    let refused = cloud.call(GetObject, matching("\"other\"")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("PreconditionFailed", 412));
    assert_eq!(field(&refused, "Condition"), Some("If-Match"));
    let since = Timestamp::from_secs(START.as_secs() - 1);
    let unmodified = GetObjectInput { if_unmodified_since: Some(since), ..getting("k") };
    let refused = cloud.call(GetObject, unmodified.clone()).await.unwrap_err();
    assert_eq!(field(&refused, "Condition"), Some("If-Unmodified-Since"));
    let both = GetObjectInput { if_match: Some(tag), ..unmodified };
    assert!(cloud.call(GetObject, both).await.is_ok(), "the tag goes before the date");
}

async fn put_if(
    cloud: &Cloud,
    key: &str,
    tag: Option<&str>,
    absent: bool,
) -> Result<PutObjectOutput, String> {
    let input = PutObjectInput {
        if_match: tag.map(str::to_owned),
        if_none_match: absent.then(|| "*".to_owned()),
        ..putting(key, "new")
    };
    cloud.call(PutObject, input).await.map_err(|fault| fault.code().to_owned())
}

#[tokio::test]
async fn a_write_may_ask_that_nothing_is_there() {
    let cloud = cloud(1).await;
    assert!(put_if(&cloud, "k", None, true).await.is_ok());
    assert_eq!(put_if(&cloud, "k", None, true).await.unwrap_err(), "PreconditionFailed");
    let before = kept_bytes(&cloud).await;
    assert_eq!(put_if(&cloud, "k", None, true).await.unwrap_err(), "PreconditionFailed");
    assert_eq!(kept_bytes(&cloud).await, before, "what was refused leaves nothing behind");
}

#[tokio::test]
async fn a_write_may_ask_that_what_is_there_is_the_same() {
    let cloud = cloud(1).await;
    let tag = put(&cloud, "k", "old").await.e_tag.unwrap();
    assert_eq!(put_if(&cloud, "missing", Some(&tag), false).await.unwrap_err(), "NoSuchKey");
    assert_eq!(put_if(&cloud, "k", Some("\"other\""), false).await.unwrap_err(), "PreconditionFailed");
    assert_eq!(read(&cloud, "k").await, b"old");
    assert!(put_if(&cloud, "k", Some(&tag), false).await.is_ok());
    assert_eq!(put_if(&cloud, "k", Some(&tag), false).await.unwrap_err(), "PreconditionFailed");
    assert_eq!(put_if(&cloud, "k", Some(&tag), true).await.unwrap_err(), "NotImplemented");
}

#[tokio::test]
async fn a_delete_marker_is_nothing_to_a_conditional_write() {
    let cloud = versioned_cloud(1).await;
    let tag = put(&cloud, "k", "old").await.e_tag.unwrap();
    let delete =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..DeleteObjectInput::default() };
    cloud.call(DeleteObject, delete).await.unwrap();
    assert_eq!(put_if(&cloud, "k", Some(&tag), false).await.unwrap_err(), "NoSuchKey");
    assert!(put_if(&cloud, "k", None, true).await.is_ok());
}
