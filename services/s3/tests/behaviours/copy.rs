//! Copies: what travels with them, what does not, and who may make them.

use std::collections::BTreeMap;

use base::{AccountId, Region};
use s3_api::*;
use testkit::Cloud;

use crate::support::*;

fn copying(source: &str, key: &str) -> CopyObjectInput {
    CopyObjectInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        copy_source: format!("{BUCKET}/{source}"),
        ..CopyObjectInput::default()
    }
}

async fn copy(cloud: &Cloud, source: &str, key: &str) -> CopyObjectOutput {
    cloud.call(CopyObject, copying(source, key)).await.expect("it may be copied")
}

fn described(key: &str) -> PutObjectInput {
    PutObjectInput {
        content_type: Some("text/plain".to_owned()),
        cache_control: Some("no-cache".to_owned()),
        website_redirect_location: Some("/elsewhere".to_owned()),
        metadata: Some(BTreeMap::from([("colour".to_owned(), "grey".to_owned())])),
        tagging: Some("team=fog".to_owned()),
        storage_class: Some(StorageClass::StandardIa),
        ..putting(key, "content")
    }
}

#[tokio::test]
async fn a_copy_has_the_content_the_metadata_and_the_tags_of_its_source() {
    let cloud = cloud(1).await;
    let put = cloud.call(PutObject, described("a")).await.unwrap();
    let output = copy(&cloud, "a", "b c/ü").await;
    let result = output.copy_object_result.unwrap();
    assert_eq!(result.e_tag, put.e_tag);
    assert_eq!(result.checksum_crc64_nvme, put.checksum_crc64_nvme);
    assert_eq!(read(&cloud, "b c/ü").await, b"content");
    let head = head(&cloud, "b c/ü").await;
    assert_eq!(head.content_type.as_deref(), Some("text/plain"));
    assert_eq!(head.cache_control.as_deref(), Some("no-cache"));
    assert_eq!(head.metadata.unwrap()["colour"], "grey");
    assert_eq!(head.tag_count, Some(1));
    assert_eq!(head.website_redirect_location, None, "a redirect is never copied");
    assert_eq!(head.storage_class, None, "a class is never copied");
}

#[tokio::test]
async fn a_copy_takes_what_it_is_told_to_replace_from_the_request() {
    let cloud = cloud(2).await;
    cloud.call(PutObject, described("a")).await.unwrap();
    let input = CopyObjectInput {
        metadata_directive: Some(MetadataDirective::Replace),
        tagging_directive: Some(TaggingDirective::Replace),
        content_language: Some("de".to_owned()),
        website_redirect_location: Some("/new".to_owned()),
        storage_class: Some(StorageClass::GlacierIr),
        ..copying("a", "b")
    };
    cloud.call(CopyObject, input).await.unwrap();
    let head = head(&cloud, "b").await;
    assert_eq!(head.content_type.as_deref(), Some("binary/octet-stream"));
    assert_eq!((head.cache_control, head.tag_count), (None, None));
    assert_eq!(head.metadata.unwrap_or_default(), BTreeMap::new());
    assert_eq!(head.content_language.as_deref(), Some("de"));
    assert_eq!(head.website_redirect_location.as_deref(), Some("/new"));
    assert_eq!(head.storage_class, Some(StorageClass::GlacierIr));
    let unknown = CopyObjectInput { metadata_directive: Some("MERGE".into()), ..copying("a", "b") };
    assert_eq!(cloud.call(CopyObject, unknown).await.unwrap_err().message(), "Unknown metadata directive.");
}

#[tokio::test]
async fn a_copy_onto_itself_has_to_change_something() {
    let cloud = versioned_cloud(3).await;
    let one = put(&cloud, "a", "one").await.version_id.unwrap();
    put(&cloud, "a", "two").await;
    let refused = cloud.call(CopyObject, copying("a", "a")).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert!(refused.message().starts_with("This copy request is illegal because"), "{refused}");
    let input = CopyObjectInput { storage_class: Some(StorageClass::StandardIa), ..copying("a", "a") };
    cloud.call(CopyObject, input).await.unwrap();
    assert_eq!(head(&cloud, "a").await.storage_class, Some(StorageClass::StandardIa));
    let output = copy(&cloud, &format!("a?versionId={one}"), "a").await;
    assert_eq!(output.copy_source_version_id, Some(one));
    assert_eq!(read(&cloud, "a").await, b"one", "an older version was brought back");
}

#[tokio::test]
async fn a_source_that_is_deleted_or_missing_is_said_to_be() {
    let cloud = versioned_cloud(4).await;
    put(&cloud, "a", "one").await;
    let input =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "a".to_owned(), ..DeleteObjectInput::default() };
    let marker = cloud.call(DeleteObject, input).await.unwrap().version_id.unwrap();
    let missing = cloud.call(CopyObject, copying("a", "b")).await.unwrap_err();
    assert_eq!((missing.code(), header(&missing, "x-amz-delete-marker")), ("NoSuchKey", Some("true")));
    let named = cloud.call(CopyObject, copying(&format!("a?versionId={marker}"), "b")).await.unwrap_err();
    let said = "The source of a copy request may not specifically refer to a delete marker by version id.";
    assert_eq!((named.code(), named.message()), ("InvalidRequest", said));
    for (source, expected) in [
        ("absent", "NoSuchKey"),
        ("a?versionId=abc", "InvalidRequest"),
        ("a?versionId=", "InvalidArgument"),
        ("", "InvalidArgument"),
    ] {
        assert_eq!(code(cloud.call(CopyObject, copying(source, "b")).await), expected, "{source}");
    }
    let elsewhere = CopyObjectInput { copy_source: "no-such-bucket/a".to_owned(), ..copying("a", "b") };
    let missing = cloud.call(CopyObject, elsewhere).await.unwrap_err();
    assert_eq!((missing.code(), field(&missing, "BucketName")), ("NoSuchBucket", Some("no-such-bucket")));
}

#[tokio::test]
async fn conditions_are_asked_of_source_and_destination() {
    let cloud = cloud(5).await;
    let etag = put(&cloud, "a", "one").await.e_tag.unwrap();
    put(&cloud, "b", "two").await;
    let refusals: [(CopyObjectInput, &str); 4] = [
        (
            CopyObjectInput { copy_source_if_match: Some("\"00\"".to_owned()), ..copying("a", "c") },
            "x-amz-copy-source-If-Match",
        ),
        (
            CopyObjectInput { copy_source_if_none_match: Some(etag.clone()), ..copying("a", "c") },
            "x-amz-copy-source-If-None-Match",
        ),
        (CopyObjectInput { if_none_match: Some("*".to_owned()), ..copying("a", "b") }, "If-None-Match"),
        (CopyObjectInput { if_match: Some(etag.clone()), ..copying("a", "b") }, "If-Match"),
    ];
    for (input, condition) in refusals {
        let refused = cloud.call(CopyObject, input).await.unwrap_err();
        assert_eq!((refused.status(), field(&refused, "Condition")), (412, Some(condition)));
    }
    assert_eq!(read(&cloud, "b").await, b"two");
    let input = CopyObjectInput { copy_source_if_match: Some(etag), ..copying("a", "b") };
    cloud.call(CopyObject, input).await.unwrap();
    assert_eq!(read(&cloud, "b").await, b"one");
}

#[tokio::test]
async fn copies_go_to_other_regions_and_need_leave_on_both_sides() {
    let cloud = cloud(6).await;
    put(&cloud, "a", "one").await;
    let account = AccountId::new(STRANGER).unwrap();
    let frankfurt: Region = "eu-central-1".parse().unwrap();
    let create = CreateBucketInput {
        bucket: "their-bucket".to_owned(),
        create_bucket_configuration: Some(CreateBucketConfiguration {
            location_constraint: Some("eu-central-1".into()),
            ..CreateBucketConfiguration::default()
        }),
        ..CreateBucketInput::default()
    };
    cloud.call_as(account, frankfurt, CreateBucket, create.clone()).await.unwrap();
    let there = CopyObjectInput { bucket: "their-bucket".to_owned(), ..copying("a", "b") };
    let refused = cloud.call_as(account, frankfurt, CopyObject, there.clone()).await;
    assert_eq!(code(refused), "AccessDenied", "the source is not theirs");
    assert_eq!(code(cloud.call_as(AccountId::DEV, frankfurt, CopyObject, there).await), "AccessDenied");

    let own = CreateBucketInput { bucket: "own-in-frankfurt".to_owned(), ..create };
    cloud.call_as(AccountId::DEV, frankfurt, CreateBucket, own).await.unwrap();
    let there = CopyObjectInput { bucket: "own-in-frankfurt".to_owned(), ..copying("a", "b") };
    cloud.call_as(AccountId::DEV, frankfurt, CopyObject, there).await.unwrap();
    let input = GetObjectInput { bucket: "own-in-frankfurt".to_owned(), ..getting("b") };
    let output = cloud.call_as(AccountId::DEV, frankfurt, GetObject, input).await.unwrap();
    assert_eq!(bytes_of(output).await, b"one");
}

#[tokio::test]
async fn a_large_copy_streams_and_is_whole() {
    let cloud = cloud(7).await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let output = put(&cloud, "a", content.clone()).await;
    let copied = copy(&cloud, "a", "b").await.copy_object_result.unwrap();
    assert_eq!(copied.e_tag, output.e_tag);
    assert!(read(&cloud, "b").await == content, "the copy is the same");
}

#[tokio::test]
async fn a_copy_can_be_under_another_algorithm_than_its_source() {
    let cloud = cloud(8).await;
    put(&cloud, "a", "one").await;
    let input = CopyObjectInput { checksum_algorithm: Some(ChecksumAlgorithm::Sha256), ..copying("a", "b") };
    let result = cloud.call(CopyObject, input).await.unwrap().copy_object_result.unwrap();
    assert!(result.checksum_sha256.is_some() && result.checksum_crc64_nvme.is_none());
    let result = copy(&cloud, "b", "c").await.copy_object_result.unwrap();
    assert!(result.checksum_sha256.is_some(), "it goes on to further copies");
}

#[tokio::test]
async fn an_archived_source_has_to_be_restored_before() {
    let cloud = cloud(9).await;
    let input = PutObjectInput { storage_class: Some(StorageClass::Glacier), ..putting("a", "cold") };
    cloud.call(PutObject, input).await.unwrap();
    let refused = cloud.call(CopyObject, copying("a", "b")).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidObjectState");
    assert_eq!(refused.message(), "Operation is not valid for the source object's storage class");
    let input = RestoreObjectInput {
        bucket: BUCKET.to_owned(),
        key: "a".to_owned(),
        restore_request: Some(RestoreRequest { days: Some(1), ..RestoreRequest::default() }),
        ..RestoreObjectInput::default()
    };
    cloud.call(RestoreObject, input).await.unwrap();
    cloud.advance(std::time::Duration::from_secs(5 * 3600)).await;
    copy(&cloud, "a", "b").await;
    assert_eq!(read(&cloud, "b").await, b"cold");
}
