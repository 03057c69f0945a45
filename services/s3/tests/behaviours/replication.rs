//! Replication to buckets of other regions and accounts, as the configuration's role may.

use base::Region;
use iam_api::{CreateRole, CreateRoleInput, PutRolePolicy, PutRolePolicyInput};
use s3_api::*;
use testkit::Cloud;

use crate::support::*;

const ROLE: &str = "arn:aws:iam::000000000000:role/copying";
const COPIES: &str = "the-copies";

/// A bucket with versions, a role, and a bucket with versions in another region and account that lets the role in.
async fn two_buckets(seed: u64, allowed: &[&str]) -> Cloud {
    let cloud = versioned_cloud(seed).await;
    let trust = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}}"#;
    let role = CreateRoleInput {
        role_name: "copying".to_owned(),
        assume_role_policy_document: trust.to_owned(),
        ..CreateRoleInput::default()
    };
    cloud.call(CreateRole, role).await.expect("the role is possible");
    let actions = allowed.iter().map(|action| format!("\"s3:{action}\"")).collect::<Vec<_>>().join(", ");
    let policy = PutRolePolicyInput {
        role_name: "copying".to_owned(),
        policy_name: "copying".to_owned(),
        policy_document: format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": [{actions}], "Resource": "*"}}}}"#
        ),
    };
    cloud.call(PutRolePolicy, policy).await.expect("the policy is well formed");
    make_destination(&cloud).await;
    cloud
}

async fn there<O: schema::OperationType>(cloud: &Cloud, operation: O, input: O::Input) -> O::Output {
    let ireland = Region::parse("eu-west-1").expect("there is such a region");
    let result = cloud.call_as(stranger(), ireland, operation, input).await;
    result.expect("the destination's owner may")
}

async fn make_destination(cloud: &Cloud) {
    let location = CreateBucketConfiguration {
        location_constraint: Some("eu-west-1".into()),
        ..CreateBucketConfiguration::default()
    };
    let input = CreateBucketInput {
        bucket: COPIES.to_owned(),
        create_bucket_configuration: Some(location),
        ..CreateBucketInput::default()
    };
    there(cloud, CreateBucket, input).await;
    let versioning_configuration = VersioningConfiguration {
        status: Some(BucketVersioningStatus::Enabled),
        ..VersioningConfiguration::default()
    };
    let input = PutBucketVersioningInput {
        bucket: COPIES.to_owned(),
        versioning_configuration,
        ..PutBucketVersioningInput::default()
    };
    there(cloud, PutBucketVersioning, input).await;
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{ROLE}"}},
        "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
        "Resource": "arn:aws:s3:::{COPIES}/*"}}}}"#
    );
    let input = PutBucketPolicyInput { bucket: COPIES.to_owned(), policy, ..PutBucketPolicyInput::default() };
    there(cloud, PutBucketPolicy, input).await;
}

async fn replicate(cloud: &Cloud) {
    let rule = ReplicationRule {
        id: Some("the-rule".to_owned()),
        priority: Some(1),
        filter: Some(ReplicationRuleFilter { prefix: Some("go/".to_owned()), ..Default::default() }),
        status: ReplicationRuleStatus::Enabled,
        destination: Destination { bucket: format!("arn:aws:s3:::{COPIES}"), ..Destination::default() },
        delete_marker_replication: Some(DeleteMarkerReplication {
            status: Some(DeleteMarkerReplicationStatus::Enabled),
        }),
        ..ReplicationRule::default()
    };
    let input = PutBucketReplicationInput {
        bucket: BUCKET.to_owned(),
        replication_configuration: ReplicationConfiguration { role: ROLE.to_owned(), rules: vec![rule] },
        ..PutBucketReplicationInput::default()
    };
    cloud.call(PutBucketReplication, input).await.expect("both buckets keep versions");
}

async fn status(cloud: &Cloud, key: &str) -> Option<ReplicationStatus> {
    for _ in 0..500 {
        cloud.settle().await;
        let status = head(cloud, key).await.replication_status;
        if status != Some(ReplicationStatus::Pending) {
            return status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    Some(ReplicationStatus::Pending)
}

const ENOUGH: &[&str] =
    &["GetObjectVersionForReplication", "ReplicateObject", "ReplicateDelete", "ReplicateTags"];

#[tokio::test]
async fn a_version_arrives_under_its_own_id_and_says_so_at_both_ends() {
    let cloud = two_buckets(1, ENOUGH).await;
    put(&cloud, "go/before", "not copied").await;
    replicate(&cloud).await;
    let input = PutObjectInput {
        content_type: Some("text/fog".to_owned()),
        tagging: Some("k=v".to_owned()),
        ..putting("go/1", "on little cat feet")
    };
    let put_there = cloud.call(PutObject, input).await.unwrap();
    put(&cloud, "stay/1", "here").await;
    assert_eq!(status(&cloud, "go/1").await, Some(ReplicationStatus::Completed));
    assert_eq!(status(&cloud, "go/before").await, None);
    assert_eq!(status(&cloud, "stay/1").await, None);
    let input =
        GetObjectInput { bucket: COPIES.to_owned(), key: "go/1".to_owned(), ..GetObjectInput::default() };
    let copy = there(&cloud, GetObject, input).await;
    assert_eq!(copy.version_id, put_there.version_id);
    assert_eq!(copy.e_tag, put_there.e_tag);
    assert_eq!(copy.content_type.as_deref(), Some("text/fog"));
    assert_eq!(copy.tag_count, Some(1));
    assert_eq!(copy.replication_status, Some(ReplicationStatus::Replica));
    assert_eq!(bytes_of(copy).await, b"on little cat feet");
}

#[tokio::test]
async fn delete_markers_go_along_and_deleted_versions_do_not() {
    let cloud = two_buckets(2, ENOUGH).await;
    replicate(&cloud).await;
    let first = put(&cloud, "go/1", "one").await;
    assert_eq!(status(&cloud, "go/1").await, Some(ReplicationStatus::Completed));
    let deleting = DeleteObjectInput {
        bucket: BUCKET.to_owned(),
        key: "go/1".to_owned(),
        ..DeleteObjectInput::default()
    };
    let marker = cloud.call(DeleteObject, deleting.clone()).await.unwrap();
    let for_good = DeleteObjectInput { version_id: first.version_id.clone(), ..deleting };
    cloud.call(DeleteObject, for_good).await.unwrap();
    let mut seen = None;
    for _ in 0..500 {
        cloud.settle().await;
        let input =
            ListObjectVersionsInput { bucket: COPIES.to_owned(), ..ListObjectVersionsInput::default() };
        let listed = there(&cloud, ListObjectVersions, input).await;
        let id = |each: Option<String>| each.unwrap_or_default();
        let versions: Vec<String> =
            listed.versions.into_iter().flatten().map(|each| id(each.version_id)).collect();
        let markers: Vec<String> =
            listed.delete_markers.into_iter().flatten().map(|each| id(each.version_id)).collect();
        seen = Some((versions, markers));
        if seen.as_ref().is_some_and(|(_, markers)| !markers.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let expected = (vec![first.version_id.unwrap()], vec![marker.version_id.unwrap()]);
    assert_eq!(seen, Some(expected));
}

#[tokio::test]
async fn what_the_role_may_not_do_fails() {
    let cloud = two_buckets(3, &["GetObjectVersionForReplication"]).await;
    replicate(&cloud).await;
    // The bucket's policy lets the role in, but the account of the role does not.
    put(&cloud, "go/1", "one").await;
    assert_eq!(status(&cloud, "go/1").await, Some(ReplicationStatus::Failed));
}
