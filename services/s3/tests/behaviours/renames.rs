//! Renames in directory buckets.

use s3_api::*;
use testkit::Cloud;

use crate::support::*;

const DIRECTORY: &str = "quick--use1-az4--x-s3";

async fn directory_cloud(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    let configuration = CreateBucketConfiguration {
        location: Some(LocationInfo {
            name: Some("use1-az4".to_owned()),
            r#type: Some(LocationType::AvailabilityZone),
        }),
        bucket: Some(BucketInfo {
            data_redundancy: Some(DataRedundancy::SingleAvailabilityZone),
            r#type: Some(BucketType::Directory),
        }),
        ..CreateBucketConfiguration::default()
    };
    let input = CreateBucketInput {
        bucket: DIRECTORY.to_owned(),
        create_bucket_configuration: Some(configuration),
        ..CreateBucketInput::default()
    };
    cloud.call(CreateBucket, input).await.expect("the bucket is possible");
    cloud
}

fn renaming(from: &str, to: &str) -> RenameObjectInput {
    RenameObjectInput {
        bucket: DIRECTORY.to_owned(),
        key: to.to_owned(),
        rename_source: from.to_owned(),
        ..RenameObjectInput::default()
    }
}

async fn put_there(cloud: &Cloud, key: &str, content: &'static str) -> String {
    let input = PutObjectInput { bucket: DIRECTORY.to_owned(), ..putting(key, content) };
    cloud.call(PutObject, input).await.expect("the object is put").e_tag.expect("it has a tag")
}

async fn read_there(cloud: &Cloud, key: &str) -> Option<Vec<u8>> {
    let input = GetObjectInput { bucket: DIRECTORY.to_owned(), ..getting(key) };
    match cloud.call(GetObject, input).await {
        Ok(output) => Some(bytes_of(output).await),
        Err(_) => None,
    }
}

#[tokio::test]
async fn an_object_gets_another_key_in_one_step() {
    let cloud = directory_cloud(1).await;
    put_there(&cloud, "a", "one").await;
    put_there(&cloud, "b", "two").await;
    cloud.call(RenameObject, renaming("a", "b")).await.unwrap();
    assert_eq!(read_there(&cloud, "a").await, None);
    assert_eq!(read_there(&cloud, "b").await.as_deref(), Some(&b"one"[..]));
    assert_eq!(code(cloud.call(RenameObject, renaming("a", "c")).await), "NoSuchKey");
}

#[tokio::test]
async fn conditions_are_asked_of_both_sides_and_a_token_repeats() {
    let cloud = directory_cloud(2).await;
    let etag = put_there(&cloud, "a", "one").await;
    put_there(&cloud, "b", "two").await;
    for input in [
        RenameObjectInput { destination_if_none_match: Some("*".to_owned()), ..renaming("a", "b") },
        RenameObjectInput { source_if_match: Some("\"00\"".to_owned()), ..renaming("a", "c") },
        RenameObjectInput { source_if_none_match: Some(etag.clone()), ..renaming("a", "c") },
    ] {
        assert_eq!(code(cloud.call(RenameObject, input).await), "PreconditionFailed");
    }
    let input = RenameObjectInput {
        source_if_match: Some(etag),
        client_token: Some("once".to_owned()),
        ..renaming("a", "c")
    };
    cloud.call(RenameObject, input.clone()).await.unwrap();
    cloud.call(RenameObject, input.clone()).await.expect("the same again is the same");
    let other = RenameObjectInput { key: "d".to_owned(), ..input };
    assert_eq!(code(cloud.call(RenameObject, other).await), "IdempotencyParameterMismatch");
}

#[tokio::test]
async fn buckets_with_versions_do_not_rename() {
    let cloud = cloud(3).await;
    put(&cloud, "a", "one").await;
    let input = RenameObjectInput { bucket: BUCKET.to_owned(), ..renaming("a", "b") };
    assert_eq!(code(cloud.call(RenameObject, input).await), "NotImplemented");
}
