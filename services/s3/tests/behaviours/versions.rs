//! Versions: what putting and deleting do in buckets that never had versioning, have it, or had it.

use s3_api::*;
use testkit::Cloud;

use crate::support::*;

fn deleting(key: &str, version_id: Option<&str>) -> DeleteObjectInput {
    DeleteObjectInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        version_id: version_id.map(str::to_owned),
        ..DeleteObjectInput::default()
    }
}

async fn delete(cloud: &Cloud, key: &str, version_id: Option<&str>) -> DeleteObjectOutput {
    cloud.call(DeleteObject, deleting(key, version_id)).await.expect("it may be deleted")
}

fn getting_version(key: &str, version_id: &str) -> GetObjectInput {
    GetObjectInput { version_id: Some(version_id.to_owned()), ..getting(key) }
}

async fn read_version(cloud: &Cloud, key: &str, version_id: &str) -> Vec<u8> {
    let output = cloud.call(GetObject, getting_version(key, version_id)).await;
    bytes_of(output.expect("the version is there")).await
}

fn object(key: &str, version_id: Option<&str>) -> ObjectIdentifier {
    ObjectIdentifier {
        key: key.to_owned(),
        version_id: version_id.map(str::to_owned),
        ..ObjectIdentifier::default()
    }
}

fn deleting_many(objects: Vec<ObjectIdentifier>) -> DeleteObjectsInput {
    DeleteObjectsInput {
        bucket: BUCKET.to_owned(),
        delete: Delete { objects, quiet: None },
        ..DeleteObjectsInput::default()
    }
}

#[tokio::test]
async fn without_versioning_a_deleted_object_is_gone_and_its_room_is_given_back() {
    let cloud = cloud(1).await;
    assert_eq!(put(&cloud, "k", vec![7; 100_000]).await.version_id, None);
    assert_eq!(delete(&cloud, "k", None).await, DeleteObjectOutput::default());
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "NoSuchKey");
    assert_eq!(delete(&cloud, "k", None).await, DeleteObjectOutput::default(), "deleting nothing is fine");
}

#[tokio::test]
async fn with_versioning_everything_is_kept_and_a_deletion_is_a_marker() {
    let cloud = versioned_cloud(2).await;
    let one = put(&cloud, "k", "one").await.version_id.unwrap();
    let two = put(&cloud, "k", "two").await.version_id.unwrap();
    assert_ne!(one, two);
    let deleted = delete(&cloud, "k", None).await;
    assert_eq!(deleted.delete_marker, Some(true));
    let marker = deleted.version_id.unwrap();
    let missing = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!(missing.code(), "NoSuchKey");
    assert_eq!(header(&missing, "x-amz-delete-marker"), Some("true"));
    assert_eq!(header(&missing, "x-amz-version-id"), Some(marker.as_str()));
    let refused = cloud.call(GetObject, getting_version("k", &marker)).await.unwrap_err();
    assert_eq!((refused.code(), header(&refused, "Allow")), ("MethodNotAllowed", Some("DELETE")));
    assert_eq!(read_version(&cloud, "k", &one).await, b"one");

    let undeleted = delete(&cloud, "k", Some(&marker)).await;
    assert_eq!(
        (undeleted.delete_marker, undeleted.version_id.as_deref()),
        (Some(true), Some(marker.as_str()))
    );
    assert_eq!(read(&cloud, "k").await, b"two");
    let gone = delete(&cloud, "k", Some(&two)).await;
    assert_eq!((gone.delete_marker, gone.version_id), (None, Some(two.clone())));
    assert_eq!(read(&cloud, "k").await, b"one", "the one before is the newest again");
    assert_eq!(code(cloud.call(GetObject, getting_version("k", &two)).await), "NoSuchVersion");
}

#[tokio::test]
async fn what_was_there_before_versioning_is_the_null_version() {
    let cloud = cloud(3).await;
    put(&cloud, "k", "before").await;
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    assert_eq!(get(&cloud, "k").await.version_id.as_deref(), Some("null"));
    let during = put(&cloud, "k", "during").await.version_id.unwrap();
    assert_eq!(read_version(&cloud, "k", "null").await, b"before");

    set_versioning(&cloud, BucketVersioningStatus::Suspended).await;
    assert_eq!(put(&cloud, "k", "after").await.version_id.as_deref(), Some("null"));
    assert_eq!(read_version(&cloud, "k", "null").await, b"after", "the null version was replaced");
    assert_eq!(read_version(&cloud, "k", &during).await, b"during");

    let deleted = delete(&cloud, "k", None).await;
    assert_eq!((deleted.delete_marker, deleted.version_id.as_deref()), (Some(true), Some("null")));
    assert_eq!(code(cloud.call(GetObject, getting_version("k", "null")).await), "MethodNotAllowed");
    delete(&cloud, "k", Some("null")).await;
    assert_eq!(read(&cloud, "k").await, b"during");
}

#[tokio::test]
async fn ids_that_cannot_be_ids_are_told_from_those_of_nothing() {
    let cloud = versioned_cloud(4).await;
    let version = put(&cloud, "k", "one").await.version_id.unwrap();
    for (id, said) in [("", "Version id cannot be the empty string"), ("abc", "Invalid version id specified")]
    {
        let fault = cloud.call(DeleteObject, deleting("k", Some(id))).await.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("InvalidArgument", said));
        assert_eq!(field(&fault, "ArgumentName"), Some("versionId"));
    }
    let elsewhere = delete(&cloud, "other", Some(&version)).await;
    assert_eq!(elsewhere.version_id, Some(version), "deleting what is not there is no error");
    assert_eq!(read(&cloud, "k").await, b"one");
}

#[tokio::test]
async fn a_condition_is_met_only_by_what_exists_and_is_the_same() {
    let cloud = versioned_cloud(5).await;
    let etag = put(&cloud, "k", "one").await.e_tag;
    let if_match =
        |tag: Option<&str>| DeleteObjectInput { if_match: tag.map(str::to_owned), ..deleting("k", None) };
    let refused = cloud.call(DeleteObject, if_match(Some("\"00\""))).await.unwrap_err();
    assert_eq!((refused.status(), refused.code()), (412, "PreconditionFailed"));
    assert_eq!(field(&refused, "Condition"), Some("If-Match"));
    let missing = DeleteObjectInput { if_match: Some("*".to_owned()), ..deleting("absent", None) };
    assert_eq!(code(cloud.call(DeleteObject, missing).await), "NoSuchKey");
    cloud.call(DeleteObject, if_match(etag.as_deref())).await.unwrap();
    assert_eq!(code(cloud.call(DeleteObject, if_match(Some("*"))).await), "PreconditionFailed");
    let sized = DeleteObjectInput { if_match_size: Some(3), ..deleting("k", None) };
    assert_eq!(code(cloud.call(DeleteObject, sized).await), "NotImplemented", "only in directory buckets");
}

#[tokio::test]
async fn many_keys_are_deleted_at_once_each_with_its_own_answer() {
    let cloud = versioned_cloud(6).await;
    let one = put(&cloud, "a", "one").await.version_id.unwrap();
    put(&cloud, "b", "two").await;
    let objects = vec![
        object("a", Some(&one)),
        object("b", None),
        object("b", None),
        object("absent", None),
        object("a", Some("abc")),
        ObjectIdentifier { e_tag: Some("\"00\"".to_owned()), ..object("b", None) },
    ];
    let output = cloud.call(DeleteObjects, deleting_many(objects)).await.unwrap();
    let deleted = output.deleted.unwrap();
    let keys: Vec<&str> = deleted.iter().filter_map(|one| one.key.as_deref()).collect();
    assert_eq!(keys, ["a", "b", "absent"], "what is named twice is deleted once");
    assert_eq!((deleted[0].version_id.as_ref(), deleted[0].delete_marker), (Some(&one), None));
    assert_eq!((deleted[1].delete_marker, deleted[1].version_id.as_ref()), (Some(true), None));
    let marker = deleted[1].delete_marker_version_id.clone().unwrap();
    let errors = output.errors.unwrap();
    let codes: Vec<&str> = errors.iter().filter_map(|error| error.code.as_deref()).collect();
    assert_eq!(codes, ["NoSuchVersion"]);
    let quiet = DeleteObjectsInput {
        delete: Delete { objects: vec![object("b", Some(&marker))], quiet: Some(true) },
        ..deleting_many(Vec::new())
    };
    let output = cloud.call(DeleteObjects, quiet).await.unwrap();
    assert_eq!((output.deleted, output.errors), (None, None));
    assert_eq!(read(&cloud, "b").await, b"two");
}

#[tokio::test]
async fn a_thousand_keys_are_deleted_at_once_and_no_more() {
    let cloud = cloud(7).await;
    let keys = |count: usize| (0..count).map(|number| object(&format!("k{number}"), None)).collect();
    for key in ["k0", "k500", "k999"] {
        put(&cloud, key, "x").await;
    }
    let output = cloud.call(DeleteObjects, deleting_many(keys(1000))).await.unwrap();
    assert_eq!(output.deleted.map(|deleted| deleted.len()), Some(1000));
    assert_eq!(code(cloud.call(GetObject, getting("k500")).await), "NoSuchKey");
    for objects in [keys(1001), Vec::new()] {
        assert_eq!(code(cloud.call(DeleteObjects, deleting_many(objects)).await), "MalformedXML");
    }
}

#[tokio::test]
async fn whoever_may_not_delete_a_key_is_told_so_for_that_key() {
    let cloud = cloud(8).await;
    put(&cloud, "k", "x").await;
    let output = as_stranger(&cloud, DeleteObjects, deleting_many(vec![object("k", None)])).await.unwrap();
    let errors = output.errors.unwrap();
    assert_eq!(errors[0].code.as_deref(), Some("AccessDenied"));
    assert_eq!(read(&cloud, "k").await, b"x");
    assert_eq!(code(as_stranger(&cloud, DeleteObject, deleting("k", None)).await), "AccessDenied");
}

#[tokio::test]
async fn the_bucket_that_is_meant_is_the_owners_that_is_expected() {
    let cloud = cloud(9).await;
    let input =
        DeleteObjectInput { expected_bucket_owner: Some("111111111111".to_owned()), ..deleting("k", None) };
    assert_eq!(code(cloud.call(DeleteObject, input).await), "AccessDenied");
    let input = DeleteObjectInput { expected_bucket_owner: Some(OWNER.to_owned()), ..deleting("k", None) };
    cloud.call(DeleteObject, input).await.unwrap();
}
