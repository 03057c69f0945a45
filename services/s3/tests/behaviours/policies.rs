//! Who gets into a bucket: policies, blocks of public access, and the words of a refusal.

use base::AccountId;
use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::identities::{allows, user};
use crate::support::*;

fn document(effect: &str, principal: &str, action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":"{action}",
        "Resource":"{resource}","Condition":{condition}}}]}}"#
    )
}

fn setting(policy: &str) -> PutBucketPolicyInput {
    PutBucketPolicyInput {
        bucket: BUCKET.to_owned(),
        policy: policy.to_owned(),
        ..PutBucketPolicyInput::default()
    }
}

async fn set(cloud: &Cloud, policy: &str) {
    cloud.call(PutBucketPolicy, setting(policy)).await.expect("the policy is good");
}

async fn open_to_the_public(cloud: &Cloud) {
    let input = DeletePublicAccessBlockInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(DeletePublicAccessBlock, input).await.expect("the owner may");
}

/// The lecture's policy: everybody may read every object.
fn public_read() -> String {
    document("Allow", "\"*\"", "s3:GetObject", "arn:aws:s3:::the-bucket/*", "{}")
}

fn listing() -> ListObjectsV2Input {
    ListObjectsV2Input { bucket: BUCKET.to_owned(), ..ListObjectsV2Input::default() }
}

fn is_ok<T>(result: Result<T, Fault>) -> bool {
    result.is_ok()
}

#[tokio::test]
async fn a_public_read_policy_lets_anybody_read_and_nothing_else() {
    let cloud = cloud(1).await;
    put(&cloud, "page.html", "hello").await;
    assert_eq!(code(as_nobody(&cloud, GetObject, getting("page.html")).await), "AccessDenied");
    let blocked = cloud.call(PutBucketPolicy, setting(&public_read())).await.unwrap_err();
    assert!(blocked.message().contains("BlockPublicPolicy"), "{}", blocked.message());
    open_to_the_public(&cloud).await;
    set(&cloud, &public_read()).await;
    let output = as_nobody(&cloud, GetObject, getting("page.html")).await.unwrap();
    assert_eq!(bytes_of(output).await, b"hello");
    for refused in [
        as_nobody(&cloud, ListObjectsV2, listing()).await.map(drop),
        as_nobody(&cloud, PutObject, putting("x", "y")).await.map(drop),
        // Who may not list learns nothing of what is missing.
        as_nobody(&cloud, GetObject, getting("missing")).await.map(drop),
    ] {
        let fault = refused.unwrap_err();
        assert_eq!((fault.code(), fault.message()), ("AccessDenied", "Access Denied"));
    }
    let input = GetBucketPolicyStatusInput { bucket: BUCKET.to_owned(), ..Default::default() };
    let status = cloud.call(GetBucketPolicyStatus, input).await.unwrap().policy_status.unwrap();
    assert_eq!(status.is_public, Some(true));
}

#[tokio::test]
async fn a_public_bucket_can_be_restricted_to_its_own_account() {
    let cloud = cloud(2).await;
    put(&cloud, "k", "v").await;
    open_to_the_public(&cloud).await;
    set(&cloud, &public_read()).await;
    assert!(is_ok(as_nobody(&cloud, GetObject, getting("k")).await));
    let restricted =
        PublicAccessBlockConfiguration { restrict_public_buckets: Some(true), ..Default::default() };
    let input = PutPublicAccessBlockInput {
        bucket: BUCKET.to_owned(),
        public_access_block_configuration: restricted,
        ..Default::default()
    };
    cloud.call(PutPublicAccessBlock, input).await.unwrap();
    assert_eq!(code(as_nobody(&cloud, GetObject, getting("k")).await), "AccessDenied");
    assert_eq!(code(as_stranger(&cloud, GetObject, getting("k")).await), "AccessDenied");
    assert!(is_ok(cloud.call(GetObject, getting("k")).await));
    let input = GetPublicAccessBlockInput { bucket: BUCKET.to_owned(), ..Default::default() };
    let shown = cloud.call(GetPublicAccessBlock, input).await.unwrap();
    let shown = shown.public_access_block_configuration.unwrap();
    assert_eq!((shown.restrict_public_buckets, shown.block_public_acls), (Some(true), Some(false)));
}

#[tokio::test]
async fn two_accounts_share_a_bucket_and_a_third_is_refused() {
    let cloud = cloud(3).await;
    put(&cloud, "shared/a", "v").await;
    let partner = r#"{"AWS":"arn:aws:iam::222222222222:root"}"#;
    set(&cloud, &document("Allow", partner, "s3:GetObject", "arn:aws:s3:::the-bucket/shared/*", "{}")).await;
    assert!(is_ok(as_stranger(&cloud, GetObject, getting("shared/a")).await));
    assert_eq!(code(as_stranger(&cloud, GetObject, getting("other")).await), "AccessDenied");
    let third = AccountId::new(333_333_333_333).unwrap();
    let region = base::Region::US_EAST_1;
    let refused = cloud.call_as(third, region, GetObject, getting("shared/a")).await.unwrap_err();
    assert_eq!(refused.message(), "Access Denied");

    // A user of the partner's needs its own account's leave as well.
    let without = user(&cloud, stranger(), "without", "").await;
    assert_eq!(code(cloud.call_by(without, GetObject, getting("shared/a")).await), "AccessDenied");
    let with = user(&cloud, stranger(), "with", &allows("s3:GetObject", "arn:aws:s3:::the-bucket/*")).await;
    assert!(is_ok(cloud.call_by(with, GetObject, getting("shared/a")).await));
}

#[tokio::test]
async fn a_refusal_within_the_account_says_what_is_missing() {
    let cloud = cloud(4).await;
    put(&cloud, "a key", "v").await;
    let bob = user(&cloud, AccountId::DEV, "bob", "").await;
    let fault = cloud.call_by(bob.clone(), GetObject, getting("a key")).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: s3:GetObject on resource: \
         \"arn:aws:s3:::the-bucket/a key\" because no identity-based policy allows the s3:GetObject action"
    );
    let all = cloud.call_by(bob.clone(), ListBuckets, ListBucketsInput::default()).await.unwrap_err();
    assert_eq!(
        all.message(),
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: s3:ListAllMyBuckets because no \
         identity-based policy allows the s3:ListAllMyBuckets action"
    );
    let reader = user(&cloud, AccountId::DEV, "reader", &allows("s3:GetObject", "*")).await;
    let fault = cloud.call_by(reader, GetObject, getting("missing")).await.unwrap_err();
    assert_eq!(fault.code(), "AccessDenied");
    assert!(fault.message().contains("s3:ListBucket on resource: \"arn:aws:s3:::the-bucket\""));
    let lister = user(&cloud, AccountId::DEV, "lister", &allows("s3:*", "*")).await;
    assert_eq!(code(cloud.call_by(lister, GetObject, getting("missing")).await), "NoSuchKey");
}

#[tokio::test]
async fn conditions_see_the_request_the_bucket_and_the_object() {
    let cloud = cloud(5).await;
    put(&cloud, "home/a", "v").await;
    let tagged = PutObjectInput { tagging: Some("secrecy=none".to_owned()), ..putting("open", "v") };
    cloud.call(PutObject, tagged).await.unwrap();
    let bob = user(&cloud, AccountId::DEV, "bob", "").await;
    let principal = format!(r#"{{"AWS":"{}"}}"#, bob.arn);
    let statement = |action: &str, resource: &str, condition: &str| {
        document("Allow", &principal, action, resource, condition)
    };
    let by_prefix = r#"{"StringEquals":{"s3:prefix":"home/"}}"#;
    set(&cloud, &statement("s3:ListBucket", "arn:aws:s3:::the-bucket", by_prefix)).await;
    let narrowed = ListObjectsV2Input { prefix: Some("home/".to_owned()), ..listing() };
    assert!(is_ok(cloud.call_by(bob.clone(), ListObjectsV2, narrowed).await));
    assert_eq!(code(cloud.call_by(bob.clone(), ListObjectsV2, listing()).await), "AccessDenied");

    let by_tag = r#"{"StringEquals":{"s3:ExistingObjectTag/secrecy":"none"}}"#;
    set(&cloud, &statement("s3:GetObject", "arn:aws:s3:::the-bucket/*", by_tag)).await;
    assert!(is_ok(cloud.call_by(bob.clone(), GetObject, getting("open")).await));
    assert_eq!(code(cloud.call_by(bob.clone(), GetObject, getting("home/a")).await), "AccessDenied");

    let by_class = r#"{"StringEquals":{"s3:x-amz-storage-class":"STANDARD_IA"}}"#;
    set(&cloud, &statement("s3:PutObject", "arn:aws:s3:::the-bucket/*", by_class)).await;
    assert_eq!(code(cloud.call_by(bob.clone(), PutObject, putting("x", "y")).await), "AccessDenied");
    let rare = PutObjectInput { storage_class: Some(StorageClass::StandardIa), ..putting("x", "y") };
    assert!(is_ok(cloud.call_by(bob.clone(), PutObject, rare).await));
}

#[tokio::test]
async fn tags_of_a_bucket_count_where_it_says_so() {
    let cloud = cloud(6).await;
    let tag = Tag { key: "team".to_owned(), value: "blue".to_owned() };
    let input = PutBucketTaggingInput {
        bucket: BUCKET.to_owned(),
        tagging: Tagging { tag_set: vec![tag] },
        ..Default::default()
    };
    cloud.call(PutBucketTagging, input.clone()).await.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}"#;
    let bob = user(&cloud, AccountId::DEV, "bob", policy).await;
    assert_eq!(code(cloud.call_by(bob.clone(), ListObjectsV2, listing()).await), "AccessDenied");
    let abac = PutBucketAbacInput {
        bucket: BUCKET.to_owned(),
        abac_status: AbacStatus { status: Some(BucketAbacStatus::Enabled) },
        ..Default::default()
    };
    cloud.call(PutBucketAbac, abac).await.unwrap();
    assert!(is_ok(cloud.call_by(bob, ListObjectsV2, listing()).await));
    assert_eq!(code(cloud.call(PutBucketTagging, input).await), "InvalidRequest");
}

#[tokio::test]
async fn policies_name_those_who_are_there_and_stay_theirs() {
    let cloud = cloud(7).await;
    put(&cloud, "k", "v").await;
    let nobody = r#"{"AWS":"arn:aws:iam::000000000000:user/nobody"}"#;
    let policy = document("Allow", nobody, "s3:GetObject", "arn:aws:s3:::the-bucket/*", "{}");
    let fault = cloud.call(PutBucketPolicy, setting(&policy)).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("MalformedPolicy", "Invalid principal in policy"));
    let bob = user(&cloud, AccountId::DEV, "bob", "").await;
    let principal = format!(r#"{{"AWS":"{}"}}"#, bob.arn);
    let policy = document("Allow", &principal, "s3:GetObject", "arn:aws:s3:::the-bucket/*", "{}");
    set(&cloud, &policy).await;
    assert!(is_ok(cloud.call_by(bob.clone(), GetObject, getting("k")).await));
    let input = iam_api::DeleteUserInput { user_name: "bob".to_owned() };
    cloud.call(iam_api::DeleteUser, input).await.unwrap();
    let again = user(&cloud, AccountId::DEV, "bob", "").await;
    assert_eq!(code(cloud.call_by(again, GetObject, getting("k")).await), "AccessDenied");
    let input = || GetBucketPolicyInput { bucket: BUCKET.to_owned(), ..Default::default() };
    let shown = cloud.call(GetBucketPolicy, input()).await.unwrap().policy.unwrap();
    assert!(shown.contains(&bob.user_id), "{shown}");
    let delete = DeleteBucketPolicyInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(DeleteBucketPolicy, delete).await.unwrap();
    assert_eq!(code(cloud.call(GetBucketPolicy, input()).await), "NoSuchBucketPolicy");
}

#[tokio::test]
async fn the_root_can_always_mend_a_policy() {
    let cloud = cloud(8).await;
    set(&cloud, &document("Deny", "\"*\"", "s3:*", "arn:aws:s3:::the-bucket", "{}")).await;
    assert_eq!(code(cloud.call(ListObjectsV2, listing()).await), "AccessDenied");
    let delete = DeleteBucketPolicyInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(DeleteBucketPolicy, delete).await.expect("the root is never locked out");
    assert!(is_ok(cloud.call(ListObjectsV2, listing()).await));
}
