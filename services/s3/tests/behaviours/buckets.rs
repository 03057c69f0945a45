//! Buckets: made, listed, found from elsewhere, deleted.

use base::{AccountId, Region};
use s3_api::*;
use testkit::Cloud;

use crate::identities::{allows, user};
use crate::support::*;

fn making(name: &str) -> CreateBucketInput {
    CreateBucketInput { bucket: name.to_owned(), ..CreateBucketInput::default() }
}

fn making_in(name: &str, region: &str) -> CreateBucketInput {
    let location_constraint = Some(BucketLocationConstraint::from(region));
    let configuration =
        CreateBucketConfiguration { location_constraint, ..CreateBucketConfiguration::default() };
    CreateBucketInput { create_bucket_configuration: Some(configuration), ..making(name) }
}

fn region(name: &str) -> Region {
    Region::parse(name).expect("AWS has it")
}

fn deleting(name: &str) -> DeleteBucketInput {
    DeleteBucketInput { bucket: name.to_owned(), ..DeleteBucketInput::default() }
}

fn heading(name: &str) -> HeadBucketInput {
    HeadBucketInput { bucket: name.to_owned(), ..HeadBucketInput::default() }
}

async fn names(cloud: &Cloud, input: ListBucketsInput) -> Vec<String> {
    let listed = cloud.call(ListBuckets, input).await.expect("one may list one's own");
    listed.buckets.expect("it is there, perhaps empty").into_iter().filter_map(|bucket| bucket.name).collect()
}

#[tokio::test]
async fn a_name_is_taken_once_in_the_whole_cloud() {
    let cloud = cloud(1).await;
    assert_eq!(code(as_stranger(&cloud, CreateBucket, making(BUCKET)).await), "BucketAlreadyExists");
    cloud.call(CreateBucket, making(BUCKET)).await.expect("in us-east-1 it may be made again");
    let frankfurt = region("eu-central-1");
    let input = || making_in("elsewhere", "eu-central-1");
    let made = cloud.call_as(AccountId::DEV, frankfurt, CreateBucket, input()).await.unwrap();
    assert_eq!(made.location.as_deref(), Some("http://elsewhere.s3.amazonaws.com/"));
    let again = cloud.call_as(AccountId::DEV, frankfurt, CreateBucket, input()).await;
    assert_eq!(code(again), "BucketAlreadyOwnedByYou");
    for bad in ["AB", "Abc", "a..b", "1.2.3.4", "abc-s3alias"] {
        assert_eq!(code(cloud.call(CreateBucket, making(bad)).await), "InvalidBucketName", "{bad}");
    }
    let nobody = as_nobody(&cloud, CreateBucket, making("nobodys")).await;
    assert_eq!(code(nobody), "AccessDenied");
}

#[tokio::test]
async fn a_bucket_is_where_it_was_made() {
    let cloud = cloud(2).await;
    let frankfurt = region("eu-central-1");
    let refused = cloud.call_as(AccountId::DEV, frankfurt, CreateBucket, making("abc")).await;
    assert_eq!(code(refused), "IllegalLocationConstraintException");
    let other = making_in("abc", "eu-west-1");
    let refused = cloud.call_as(AccountId::DEV, frankfurt, CreateBucket, other).await.unwrap_err();
    assert!(refused.message().starts_with("The eu-west-1 location constraint is incompatible"));
    for bad in ["us-east-1", "nowhere"] {
        let refused = cloud.call(CreateBucket, making_in("abc", bad)).await;
        assert_eq!(code(refused), "InvalidLocationConstraint", "{bad}");
    }
    cloud
        .call(CreateBucket, making_in("remote", "eu-central-1"))
        .await
        .expect("us-east-1 makes them anywhere");
    let fault = cloud.call(HeadBucket, heading("remote")).await.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("PermanentRedirect", 301));
    assert_eq!(header(&fault, "x-amz-bucket-region"), Some("eu-central-1"));
    let there = cloud.call_as(AccountId::DEV, frankfurt, HeadBucket, heading("remote")).await.unwrap();
    assert_eq!(there.bucket_region.as_deref(), Some("eu-central-1"));
    for (name, constraint) in [("remote", "eu-central-1"), (BUCKET, "")] {
        let input = GetBucketLocationInput { bucket: name.to_owned(), ..Default::default() };
        let location = cloud.call(GetBucketLocation, input).await.unwrap();
        assert_eq!(location.location_constraint.unwrap().as_str(), constraint);
    }
}

#[tokio::test]
async fn lists_are_paged_and_narrowed() {
    let cloud = cloud(3).await;
    for name in ["a-1", "a-2", "a-3", "b-1"] {
        make_bucket(&cloud, name).await;
    }
    cloud.call(CreateBucket, making_in("a-4", "eu-west-1")).await.unwrap();
    assert_eq!(names(&cloud, ListBucketsInput::default()).await, ["a-1", "a-2", "a-3", "a-4", "b-1", BUCKET]);
    let narrowed = ListBucketsInput {
        prefix: Some("a-".to_owned()),
        bucket_region: Some("us-east-1".to_owned()),
        max_buckets: Some(2),
        ..ListBucketsInput::default()
    };
    let first = cloud.call(ListBuckets, narrowed.clone()).await.unwrap();
    let shown = first.buckets.unwrap();
    assert_eq!(shown[0].bucket_region.as_deref(), Some("us-east-1"));
    let token = first.continuation_token.clone();
    assert!(token.is_some());
    let rest = ListBucketsInput { continuation_token: token, ..narrowed };
    assert_eq!(names(&cloud, rest).await, ["a-3"]);
    for bad in [
        ListBucketsInput { bucket_region: Some("eu-west-1".to_owned()), ..Default::default() },
        ListBucketsInput { bucket_region: Some("nowhere".to_owned()), ..Default::default() },
        ListBucketsInput { continuation_token: Some("mine".to_owned()), ..Default::default() },
    ] {
        assert_eq!(code(cloud.call(ListBuckets, bad).await), "InvalidArgument");
    }
    let others = as_stranger(&cloud, ListBuckets, ListBucketsInput::default()).await.unwrap();
    assert_eq!(others.buckets, Some(Vec::new()));
}

#[tokio::test]
async fn only_an_empty_bucket_goes() {
    let cloud = versioned_cloud(4).await;
    put(&cloud, "k", "v").await;
    let delete = DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..Default::default() };
    cloud.call(DeleteObject, delete).await.unwrap();
    let refused = cloud.call(DeleteBucket, deleting(BUCKET)).await.unwrap_err();
    assert_eq!(refused.code(), "BucketNotEmpty");
    assert!(refused.message().contains("You must delete all versions"));
    make_bucket(&cloud, "other").await;
    cloud.call(DeleteBucket, deleting("other")).await.expect("it is empty");
    assert_eq!(code(cloud.call(HeadBucket, heading("other")).await), "NoSuchBucket");
    assert_eq!(code(cloud.call(DeleteBucket, deleting("other")).await), "NoSuchBucket");
    as_stranger(&cloud, CreateBucket, making("other")).await.expect("the name is free again");
}

#[tokio::test]
async fn an_unfinished_upload_goes_with_its_bucket() {
    let cloud = cloud(5).await;
    let create =
        CreateMultipartUploadInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..Default::default() };
    let upload_id = cloud.call(CreateMultipartUpload, create).await.unwrap().upload_id.unwrap();
    let part = UploadPartInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        part_number: 1,
        upload_id,
        body: body("part"),
        ..UploadPartInput::default()
    };
    cloud.call(UploadPart, part).await.unwrap();
    cloud.call(DeleteBucket, deleting(BUCKET)).await.expect("uploads do not count");
    assert_eq!(names(&cloud, ListBucketsInput::default()).await, [""; 0]);
}

#[tokio::test]
async fn the_expected_owner_is_checked() {
    let cloud = cloud(6).await;
    let expecting =
        |owner: &str| HeadBucketInput { expected_bucket_owner: Some(owner.to_owned()), ..heading(BUCKET) };
    assert!(cloud.call(HeadBucket, expecting(OWNER)).await.is_ok());
    assert_eq!(code(cloud.call(HeadBucket, expecting("111111111111")).await), "AccessDenied");
}

#[tokio::test]
async fn what_is_set_with_a_bucket_needs_its_own_permission() {
    let cloud = Cloud::new(7).await;
    let maker = user(&cloud, AccountId::DEV, "maker", &allows("s3:CreateBucket", "*")).await;
    cloud.call_by(maker.clone(), CreateBucket, making("plain")).await.expect("that is allowed");
    let locked = CreateBucketInput { object_lock_enabled_for_bucket: Some(true), ..making("locked") };
    let fault = cloud.call_by(maker.clone(), CreateBucket, locked.clone()).await.unwrap_err();
    assert!(fault.message().contains("s3:PutBucketObjectLockConfiguration"), "{}", fault.message());
    cloud.call(CreateBucket, locked).await.unwrap();
    let input = GetBucketVersioningInput { bucket: "locked".to_owned(), ..Default::default() };
    let status = cloud.call(GetBucketVersioning, input).await.unwrap().status;
    assert_eq!(status, Some(BucketVersioningStatus::Enabled));
    let shared = CreateBucketInput { acl: Some(BucketCannedACL::PublicRead), ..making("shared") };
    assert_eq!(code(cloud.call(CreateBucket, shared.clone()).await), "InvalidBucketAclWithObjectOwnership");
    let shared = CreateBucketInput { object_ownership: Some(ObjectOwnership::ObjectWriter), ..shared };
    assert_eq!(code(cloud.call(CreateBucket, shared).await), "InvalidBucketAclWithBlockPublicAccessError");
}

#[tokio::test]
async fn names_of_an_accounts_own_namespace_are_its_own() {
    let cloud = Cloud::new(8).await;
    let own = format!("logs-{OWNER}-us-east-1-an");
    let input =
        CreateBucketInput { bucket_namespace: Some(BucketNamespace::AccountRegional), ..making(&own) };
    assert_eq!(code(as_stranger(&cloud, CreateBucket, input.clone()).await), "InvalidBucketName");
    assert_eq!(code(as_stranger(&cloud, CreateBucket, making(&own)).await), "InvalidBucketName");
    cloud.call(CreateBucket, input).await.expect("it is the account's own");
}
