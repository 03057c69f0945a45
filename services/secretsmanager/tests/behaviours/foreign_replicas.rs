//! Replicas in other accounts.

use base::{AccountId, Region};
use schema::{Fault, OperationType};
use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

fn other() -> AccountId {
    AccountId::new(111_122_223_333).expect("it has twelve digits")
}

async fn there<O: OperationType>(cloud: &Cloud, operation: O, input: O::Input) -> Result<O::Output, Fault> {
    cloud.call_as(other(), Region::US_EAST_1, operation, input).await
}

const KEY_POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS":
    ["arn:aws:iam::000000000000:root", "arn:aws:iam::111122223333:root"]}, "Action": "kms:*", "Resource": "*"}]}"#;

/// A primary secret here and a replica for it there: both ARNs.
async fn pair(cloud: &Cloud) -> (String, String) {
    let primary = create(cloud, "s", "one").await.arn.expect("it has an ARN");
    let key = key_in(cloud, other(), "us-east-1", Some(KEY_POLICY)).await;
    let input = CreateSecretInput {
        name: "copy".to_owned(),
        kms_key_id: Some(key),
        cross_account_primary_arn: Some(primary.clone()),
        ..CreateSecretInput::default()
    };
    let replica = there(cloud, CreateSecret, input).await.expect("the replica is new").arn;
    (primary, replica.expect("it has an ARN"))
}

fn associating(replica: &str) -> AssociateCrossAccountReplicaInput {
    AssociateCrossAccountReplicaInput {
        secret_id: "s".to_owned(),
        cross_account_replica_arn: replica.to_owned(),
        replica_restriction: Some(ReplicaRestrictionType::NoRestriction),
        replication_role_arn: None,
    }
}

#[tokio::test]
async fn a_replica_in_another_account_follows_once_it_is_associated() {
    let cloud = Cloud::new(1).await;
    let (primary, replica) = pair(&cloud).await;
    let describing = DescribeSecretInput { secret_id: "copy".to_owned() };
    let link =
        there(&cloud, DescribeSecret, describing.clone()).await.unwrap().cross_account_primary.unwrap();
    assert_eq!(link.replication_status.unwrap().as_str(), "Pending");
    assert_eq!(code(there(&cloud, GetSecretValue, reading("copy")).await), "ResourceNotFoundException");

    let associated = cloud.call(AssociateCrossAccountReplica, associating(&replica)).await.unwrap();
    assert_eq!(associated.replication_status.unwrap().as_str(), "InSync");
    let read = there(&cloud, GetSecretValue, reading("copy")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("one"));
    put(&cloud, "s", "two", "two", &[]).await;
    let read = there(&cloud, GetSecretValue, reading("copy")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("two"));
    let shown = describe(&cloud, "s").await.cross_account_replicas.unwrap();
    assert_eq!(shown[0].replica_secret_arn.as_deref(), Some(replica.as_str()));
    let link =
        there(&cloud, DescribeSecret, describing.clone()).await.unwrap().cross_account_primary.unwrap();
    assert_eq!(
        (link.primary_secret_arn, link.replication_status.unwrap().as_str()),
        (Some(primary), "InSync")
    );
    let deleting = DeleteSecretInput { secret_id: "s".to_owned(), ..DeleteSecretInput::default() };
    assert_eq!(code(cloud.call(DeleteSecret, deleting.clone()).await), "InvalidRequestException");

    let ending = DisassociateCrossAccountReplicaInput {
        secret_id: "s".to_owned(),
        cross_account_replica_arn: replica,
    };
    cloud.call(DisassociateCrossAccountReplica, ending.clone()).await.unwrap();
    assert_eq!(code(cloud.call(DisassociateCrossAccountReplica, ending).await), "InvalidRequestException");
    let link = there(&cloud, DescribeSecret, describing).await.unwrap().cross_account_primary.unwrap();
    assert_eq!(link.replication_status.unwrap().as_str(), "Detached");
    put(&cloud, "s", "three", "three", &[]).await;
    let read = there(&cloud, GetSecretValue, reading("copy")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("two"), "it is not followed any more");
    cloud.call(DeleteSecret, deleting).await.unwrap();
}

#[tokio::test]
async fn a_replica_can_be_promoted_by_its_own_account() {
    let cloud = Cloud::new(2).await;
    let (_, replica) = pair(&cloud).await;
    cloud.call(AssociateCrossAccountReplica, associating(&replica)).await.unwrap();
    let listing =
        ListResourcePoliciesInput { secret_id: "copy".to_owned(), ..ListResourcePoliciesInput::default() };
    assert_eq!(
        there(&cloud, ListResourcePolicies, listing.clone()).await.unwrap().resource_policies.len(),
        1
    );
    let stopping = StopReplicationToReplicaInput { secret_id: "copy".to_owned() };
    there(&cloud, StopReplicationToReplica, stopping).await.unwrap();
    let shown = describe(&cloud, "s").await.cross_account_replicas.unwrap();
    assert_eq!(shown[0].replication_status.as_ref().unwrap().as_str(), "Detached");
    assert!(there(&cloud, ListResourcePolicies, listing).await.unwrap().resource_policies.is_empty());
    let putting = PutSecretValueInput {
        secret_id: "copy".to_owned(),
        secret_string: Some("mine".to_owned()),
        ..PutSecretValueInput::default()
    };
    there(&cloud, PutSecretValue, putting).await.unwrap();
}

#[tokio::test]
async fn what_was_not_made_for_each_other_is_not_associated() {
    let cloud = Cloud::new(3).await;
    let (_, replica) = pair(&cloud).await;
    create(&cloud, "stranger", "x").await;
    let stranger =
        AssociateCrossAccountReplicaInput { secret_id: "stranger".to_owned(), ..associating(&replica) };
    assert_eq!(code(cloud.call(AssociateCrossAccountReplica, stranger).await), "InvalidRequestException");
    let restricted = AssociateCrossAccountReplicaInput { replica_restriction: None, ..associating(&replica) };
    let (name, message) = refusal(cloud.call(AssociateCrossAccountReplica, restricted).await);
    assert_eq!(name, "InvalidRequestException");
    assert!(message.contains("same organization"), "{message}");
    let own = describe(&cloud, "stranger").await.arn.unwrap();
    let same = cloud.call(AssociateCrossAccountReplica, associating(&own)).await;
    assert_eq!(code(same), "InvalidParameterException");
    for (input, missing) in [
        (creation("x", "value"), false),
        (CreateSecretInput { name: "x".to_owned(), ..CreateSecretInput::default() }, true),
    ] {
        let input = CreateSecretInput {
            cross_account_primary_arn: describe(&cloud, "s").await.arn,
            kms_key_id: (!missing).then(|| "alias/mine".to_owned()),
            ..input
        };
        assert_eq!(code(there(&cloud, CreateSecret, input).await), "InvalidParameterException");
    }
}
