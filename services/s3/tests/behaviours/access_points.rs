//! S3 Control: blocks of an account, access points, and tags one by one.

use base::AccountId;
use s3_api::{
    GetObject, GetObjectInput, ListObjectsV2, ListObjectsV2Input, PutBucketPolicy, PutBucketPolicyInput,
};
use s3control_api::*;
use testkit::Cloud;

use crate::identities::{allows, user};
use crate::support::{BUCKET, OWNER, as_nobody, as_stranger, cloud, code, getting, put};

fn account() -> String {
    OWNER.to_owned()
}

async fn make_point(cloud: &Cloud, name: &str) -> CreateAccessPointOutput {
    let input = CreateAccessPointInput {
        account_id: account(),
        name: name.to_owned(),
        bucket: BUCKET.to_owned(),
        ..Default::default()
    };
    cloud.call(CreateAccessPoint, input).await.expect("the point is possible")
}

fn through(bucket: &str, key: &str) -> GetObjectInput {
    GetObjectInput { bucket: bucket.to_owned(), ..getting(key) }
}

#[tokio::test]
async fn an_accounts_block_holds_for_all_its_buckets() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "v").await;
    let off = s3_api::DeletePublicAccessBlockInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(s3_api::DeletePublicAccessBlock, off).await.unwrap();
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::the-bucket/*"}]}"#;
    let policy =
        PutBucketPolicyInput { bucket: BUCKET.to_owned(), policy: policy.to_owned(), ..Default::default() };
    cloud.call(PutBucketPolicy, policy.clone()).await.unwrap();
    assert!(as_nobody(&cloud, GetObject, getting("k")).await.is_ok());
    let get = || GetPublicAccessBlockInput { account_id: account() };
    let missing = cloud.call(GetPublicAccessBlock, get()).await;
    assert_eq!(code(missing), "NoSuchPublicAccessBlockConfiguration");
    let block = PutPublicAccessBlockInput {
        account_id: account(),
        public_access_block_configuration: PublicAccessBlockConfiguration {
            block_public_policy: Some(true),
            restrict_public_buckets: Some(true),
            ..Default::default()
        },
    };
    cloud.call(PutPublicAccessBlock, block).await.unwrap();
    assert_eq!(code(as_nobody(&cloud, GetObject, getting("k")).await), "AccessDenied");
    assert_eq!(code(cloud.call(PutBucketPolicy, policy).await), "AccessDenied");
    let shown =
        cloud.call(GetPublicAccessBlock, get()).await.unwrap().public_access_block_configuration.unwrap();
    assert_eq!(shown.block_public_acls, Some(false));
    assert_eq!(code(as_stranger(&cloud, GetPublicAccessBlock, get()).await), "AccessDenied");
    let delete = DeletePublicAccessBlockInput { account_id: account() };
    cloud.call(DeletePublicAccessBlock, delete).await.unwrap();
    assert!(as_nobody(&cloud, GetObject, getting("k")).await.is_ok());
}

#[tokio::test]
async fn a_bucket_is_reached_through_its_point() {
    let cloud = cloud(2).await;
    put(&cloud, "k", "v").await;
    let made = make_point(&cloud, "finance").await;
    let (arn, alias) = (made.access_point_arn.unwrap(), made.alias.unwrap());
    assert_eq!(arn, "arn:aws:s3:us-east-1:000000000000:accesspoint/finance");
    assert!(alias.starts_with("finance-") && alias.ends_with("-s3alias") && alias.len() <= 63, "{alias}");
    for name in [arn.as_str(), alias.as_str(), "finance-000000000000"] {
        assert!(cloud.call(GetObject, through(name, "k")).await.is_ok(), "{name}");
        let list = ListObjectsV2Input { bucket: name.to_owned(), ..Default::default() };
        assert!(cloud.call(ListObjectsV2, list).await.is_ok(), "{name}");
    }
    for (name, error) in [
        ("arn:aws:s3:us-east-1:000000000000:accesspoint/other", "NoSuchAccessPoint"),
        ("other-abcdefghij-s3alias", "InvalidAccessPointAliasError"),
        ("other-000000000000", "NoSuchBucket"),
    ] {
        assert_eq!(code(cloud.call(GetObject, through(name, "k")).await), error, "{name}");
    }
    let again = CreateAccessPointInput {
        account_id: account(),
        name: "finance".to_owned(),
        bucket: BUCKET.to_owned(),
        ..Default::default()
    };
    assert_eq!(code(cloud.call(CreateAccessPoint, again).await), "AccessPointAlreadyOwnedByYou");
    let delete = s3_api::DeleteBucketInput { bucket: BUCKET.to_owned(), ..Default::default() };
    let object =
        s3_api::DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..Default::default() };
    cloud.call(s3_api::DeleteObject, object).await.unwrap();
    assert_eq!(code(cloud.call(s3_api::DeleteBucket, delete.clone()).await), "BucketHasAccessPointsAttached");
    let point = DeleteAccessPointInput { account_id: account(), name: "finance".to_owned() };
    cloud.call(DeleteAccessPoint, point).await.unwrap();
    cloud.call(s3_api::DeleteBucket, delete).await.unwrap();
}

#[tokio::test]
async fn both_policies_have_to_let_one_in() {
    let cloud = cloud(3).await;
    put(&cloud, "k", "v").await;
    let arn = make_point(&cloud, "finance").await.access_point_arn.unwrap();
    let bob = user(&cloud, AccountId::DEV, "bob", "").await;
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"s3:GetObject",
        "Resource":"{arn}/object/*"}}]}}"#,
        bob.arn
    );
    let input = PutAccessPointPolicyInput { account_id: account(), name: "finance".to_owned(), policy };
    cloud.call(PutAccessPointPolicy, input).await.unwrap();
    let refused = cloud.call_by(bob.clone(), GetObject, through(&arn, "k")).await.unwrap_err();
    assert!(refused.message().contains("arn:aws:s3:::the-bucket/k"), "{}", refused.message());
    // The bucket leaves it to the points of its account.
    let delegates = r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"*",
        "Resource":["arn:aws:s3:::the-bucket","arn:aws:s3:::the-bucket/*"],
        "Condition":{"StringEquals":{"s3:DataAccessPointAccount":"000000000000"}}}]}"#;
    let input = PutBucketPolicyInput {
        bucket: BUCKET.to_owned(),
        policy: delegates.to_owned(),
        ..Default::default()
    };
    cloud.call(PutBucketPolicy, input).await.unwrap();
    assert!(cloud.call_by(bob.clone(), GetObject, through(&arn, "k")).await.is_ok());
    assert_eq!(code(cloud.call_by(bob, GetObject, getting("k")).await), "AccessDenied");
    let carol =
        user(&cloud, AccountId::DEV, "carol", &allows("s3:GetObject", "arn:aws:s3:::the-bucket/*")).await;
    assert_eq!(code(cloud.call_by(carol, GetObject, through(&arn, "k")).await), "AccessDenied");
    let name = || "finance".to_owned();
    let status = GetAccessPointPolicyStatusInput { account_id: account(), name: name() };
    let status = cloud.call(GetAccessPointPolicyStatus, status).await.unwrap().policy_status.unwrap();
    assert_eq!(status.is_public, Some(false));
    let delete = DeleteAccessPointPolicyInput { account_id: account(), name: name() };
    cloud.call(DeleteAccessPointPolicy, delete).await.unwrap();
    let get = GetAccessPointPolicyInput { account_id: account(), name: name() };
    assert_eq!(code(cloud.call(GetAccessPointPolicy, get).await), "NoSuchAccessPointPolicy");
}

#[tokio::test]
async fn points_are_listed_and_shown() {
    let cloud = cloud(4).await;
    for name in ["aaa", "bbb", "ccc"] {
        make_point(&cloud, name).await;
    }
    let list = |token: Option<String>| ListAccessPointsInput {
        account_id: account(),
        max_results: Some(2),
        next_token: token,
        ..Default::default()
    };
    let first = cloud.call(ListAccessPoints, list(None)).await.unwrap();
    assert_eq!(first.access_point_list.map(|points| points.len()), Some(2));
    let rest = cloud.call(ListAccessPoints, list(first.next_token)).await.unwrap();
    assert_eq!(rest.access_point_list.unwrap()[0].name, "ccc");
    let get = GetAccessPointInput { account_id: account(), name: "aaa".to_owned() };
    let shown = cloud.call(GetAccessPoint, get).await.unwrap();
    assert_eq!(shown.bucket.as_deref(), Some(BUCKET));
    assert_eq!(shown.public_access_block_configuration.unwrap().block_public_policy, Some(true));
    for bad in ["ab", "Upper", "-abc", "abc-s3alias"] {
        let input = CreateAccessPointInput {
            account_id: account(),
            name: bad.to_owned(),
            bucket: BUCKET.to_owned(),
            ..Default::default()
        };
        assert_eq!(code(cloud.call(CreateAccessPoint, input).await), "InvalidRequest", "{bad}");
    }
}

#[tokio::test]
async fn tags_are_added_and_removed_one_by_one() {
    let cloud = cloud(5).await;
    let point = make_point(&cloud, "finance").await.access_point_arn.unwrap();
    for arn in ["arn:aws:s3:::the-bucket", point.as_str()] {
        let tag = |key: &str| Tag { key: key.to_owned(), value: "v".to_owned() };
        let input = TagResourceInput {
            account_id: account(),
            resource_arn: arn.to_owned(),
            tags: vec![tag("a"), tag("b")],
        };
        cloud.call(TagResource, input).await.unwrap();
        let input = UntagResourceInput {
            account_id: account(),
            resource_arn: arn.to_owned(),
            tag_keys: vec!["a".to_owned()],
        };
        cloud.call(UntagResource, input).await.unwrap();
        let input = ListTagsForResourceInput { account_id: account(), resource_arn: arn.to_owned() };
        let shown = cloud.call(ListTagsForResource, input).await.unwrap();
        assert_eq!(shown.tags, Some(vec![tag("b")]), "{arn}");
    }
    let missing =
        ListTagsForResourceInput { account_id: account(), resource_arn: "arn:aws:s3:::missing".to_owned() };
    assert_eq!(code(cloud.call(ListTagsForResource, missing).await), "NoSuchBucket");
}

#[tokio::test]
async fn every_key_of_many_asks_the_point_too() {
    let cloud = cloud(6).await;
    for key in ["keep/a", "drop/a"] {
        put(&cloud, key, "v").await;
    }
    let arn = make_point(&cloud, "finance").await.access_point_arn.unwrap();
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject",
        "Resource":"{arn}/object/keep/*"}}]}}"#
    );
    let input = PutAccessPointPolicyInput { account_id: account(), name: "finance".to_owned(), policy };
    cloud.call(PutAccessPointPolicy, input).await.unwrap();
    let delete_all = |bucket: &str| s3_api::DeleteObjectsInput {
        bucket: bucket.to_owned(),
        delete: s3_api::Delete {
            objects: ["keep/a", "drop/a"].map(object_identifier).into(),
            ..Default::default()
        },
        ..Default::default()
    };
    let output = cloud.call(s3_api::DeleteObjects, delete_all(&arn)).await.unwrap();
    let errors = output.errors.expect("one is kept");
    assert_eq!(errors[0].key.as_deref(), Some("keep/a"));
    assert_eq!(errors[0].code.as_deref(), Some("AccessDenied"));
    assert_eq!(output.deleted.unwrap()[0].key.as_deref(), Some("drop/a"));
    let output = cloud.call(s3_api::DeleteObjects, delete_all(BUCKET)).await.unwrap();
    assert_eq!(output.errors, None, "the point's policy says nothing of the bucket itself");
}

fn object_identifier(key: &str) -> s3_api::ObjectIdentifier {
    s3_api::ObjectIdentifier { key: key.to_owned(), ..Default::default() }
}
