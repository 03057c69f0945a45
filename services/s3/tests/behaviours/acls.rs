//! Access control lists: where they count, what they grant, and whose objects they make.

use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::identities::user;
use crate::support::*;

async fn set_ownership(cloud: &Cloud, ownership: ObjectOwnership) {
    let rules = vec![OwnershipControlsRule { object_ownership: ownership }];
    let input = PutBucketOwnershipControlsInput {
        bucket: BUCKET.to_owned(),
        ownership_controls: OwnershipControls { rules },
        ..Default::default()
    };
    cloud.call(PutBucketOwnershipControls, input).await.expect("the owner may");
}

async fn open_to_the_public(cloud: &Cloud) {
    let input = DeletePublicAccessBlockInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(DeletePublicAccessBlock, input).await.expect("the owner may");
}

fn canned(acl: BucketCannedACL) -> PutBucketAclInput {
    PutBucketAclInput { bucket: BUCKET.to_owned(), acl: Some(acl), ..PutBucketAclInput::default() }
}

async fn shown(cloud: &Cloud) -> GetBucketAclOutput {
    let input = GetBucketAclInput { bucket: BUCKET.to_owned(), ..GetBucketAclInput::default() };
    cloud.call(GetBucketAcl, input).await.expect("the owner may")
}

fn listing() -> ListObjectsV2Input {
    ListObjectsV2Input { bucket: BUCKET.to_owned(), ..ListObjectsV2Input::default() }
}

fn is_ok<T>(result: Result<T, Fault>) -> bool {
    result.is_ok()
}

#[tokio::test]
async fn new_buckets_take_no_lists_and_show_that_all_is_the_owners() {
    let cloud = cloud(1).await;
    let refused = cloud.call(PutBucketAcl, canned(BucketCannedACL::PublicRead)).await;
    assert_eq!(code(refused), "AccessControlListNotSupported");
    let acl = shown(&cloud).await;
    let grants = acl.grants.unwrap();
    assert_eq!(grants.len(), 1);
    assert_eq!(grants[0].grantee.as_ref().unwrap().id, acl.owner.unwrap().id);
    assert_eq!(grants[0].permission, Some(Permission::FullControl));
}

#[tokio::test]
async fn a_canned_list_opens_a_bucket_unless_that_is_blocked() {
    let cloud = cloud(2).await;
    set_ownership(&cloud, ObjectOwnership::ObjectWriter).await;
    assert_eq!(code(cloud.call(PutBucketAcl, canned(BucketCannedACL::PublicRead)).await), "AccessDenied");
    open_to_the_public(&cloud).await;
    cloud.call(PutBucketAcl, canned(BucketCannedACL::PublicRead)).await.unwrap();
    assert!(is_ok(as_nobody(&cloud, ListObjectsV2, listing()).await));
    assert_eq!(code(as_nobody(&cloud, PutObject, putting("k", "v")).await), "AccessDenied");
    cloud.call(PutBucketAcl, canned(BucketCannedACL::AuthenticatedRead)).await.unwrap();
    assert_eq!(code(as_nobody(&cloud, ListObjectsV2, listing()).await), "AccessDenied");
    assert!(is_ok(as_stranger(&cloud, ListObjectsV2, listing()).await));
    let ignored = PutPublicAccessBlockInput {
        bucket: BUCKET.to_owned(),
        public_access_block_configuration: PublicAccessBlockConfiguration {
            ignore_public_acls: Some(true),
            ..Default::default()
        },
        ..Default::default()
    };
    cloud.call(PutPublicAccessBlock, ignored).await.unwrap();
    assert_eq!(code(as_stranger(&cloud, ListObjectsV2, listing()).await), "AccessDenied");
}

#[tokio::test]
async fn grants_name_accounts_by_canonical_id() {
    let cloud = cloud(3).await;
    set_ownership(&cloud, ObjectOwnership::BucketOwnerPreferred).await;
    let others = as_stranger(&cloud, ListBuckets, ListBucketsInput::default()).await.unwrap();
    let id = others.owner.unwrap().id.unwrap();
    let granting = PutBucketAclInput {
        bucket: BUCKET.to_owned(),
        grant_read: Some(format!("id=\"{id}\"")),
        ..PutBucketAclInput::default()
    };
    cloud.call(PutBucketAcl, granting).await.unwrap();
    assert!(is_ok(as_stranger(&cloud, ListObjectsV2, listing()).await));
    // The account was granted it, and has to pass it on to its users.
    let without = user(&cloud, stranger(), "without", "").await;
    assert_eq!(code(cloud.call_by(without, ListObjectsV2, listing()).await), "AccessDenied");
    let enforce = PutBucketOwnershipControlsInput {
        bucket: BUCKET.to_owned(),
        ownership_controls: OwnershipControls {
            rules: vec![OwnershipControlsRule { object_ownership: ObjectOwnership::BucketOwnerEnforced }],
        },
        ..Default::default()
    };
    let refused = cloud.call(PutBucketOwnershipControls, enforce).await;
    assert_eq!(code(refused), "InvalidBucketAclWithObjectOwnership");
    let acl = shown(&cloud).await;
    let body = AccessControlPolicy { grants: acl.grants, owner: acl.owner };
    let as_body = PutBucketAclInput {
        bucket: BUCKET.to_owned(),
        access_control_policy: Some(body),
        ..PutBucketAclInput::default()
    };
    cloud.call(PutBucketAcl, as_body).await.expect("what is shown can be set");
    let nothing = PutBucketAclInput { bucket: BUCKET.to_owned(), ..PutBucketAclInput::default() };
    assert_eq!(code(cloud.call(PutBucketAcl, nothing).await), "MissingSecurityHeader");
}

#[tokio::test]
async fn what_a_stranger_writes_is_the_strangers_unless_it_is_given() {
    let cloud = cloud(4).await;
    set_ownership(&cloud, ObjectOwnership::BucketOwnerPreferred).await;
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},
        "Action":["s3:PutObject","s3:PutObjectAcl","s3:GetObject"],"Resource":"arn:aws:s3:::the-bucket/*"}]}"#;
    let input =
        PutBucketPolicyInput { bucket: BUCKET.to_owned(), policy: policy.to_owned(), ..Default::default() };
    cloud.call(PutBucketPolicy, input).await.unwrap();
    as_stranger(&cloud, PutObject, putting("kept", "v")).await.unwrap();
    assert_eq!(code(cloud.call(GetObject, getting("kept")).await), "AccessDenied");
    assert!(is_ok(as_stranger(&cloud, GetObject, getting("kept")).await));
    let given =
        PutObjectInput { acl: Some(ObjectCannedACL::BucketOwnerFullControl), ..putting("given", "v") };
    as_stranger(&cloud, PutObject, given).await.unwrap();
    assert!(is_ok(cloud.call(GetObject, getting("given")).await));
    let delete =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "kept".to_owned(), ..Default::default() };
    cloud.call(DeleteObject, delete).await.expect("the bucket's owner may always delete");
}

#[tokio::test]
async fn an_objects_list_opens_that_object() {
    let cloud = cloud(5).await;
    set_ownership(&cloud, ObjectOwnership::ObjectWriter).await;
    open_to_the_public(&cloud).await;
    let public = PutObjectInput { acl: Some(ObjectCannedACL::PublicRead), ..putting("open", "v") };
    cloud.call(PutObject, public).await.unwrap();
    put(&cloud, "closed", "v").await;
    assert!(is_ok(as_nobody(&cloud, GetObject, getting("open")).await));
    assert_eq!(code(as_nobody(&cloud, GetObject, getting("closed")).await), "AccessDenied");
}
