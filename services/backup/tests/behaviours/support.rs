//! Short ways to say what the tests do most.

use std::collections::BTreeMap;
use std::time::Duration;

use backup_api::*;
use base::{AccountId, Region};
use dynamodb_api as tables;
use ec2_api::{
    CreateVolume, CreateVolumeInput, DescribeSnapshots, DescribeSnapshotsInput, Snapshot, TagSpecification,
};
use iam_api::{
    CreateRole, CreateRoleInput, CreateUser, CreateUserInput, PutRolePolicy, PutRolePolicyInput,
    PutUserPolicy, PutUserPolicyInput,
};
use schema::Fault;
use service::{Principal, PrincipalKind};
use testkit::Cloud;

pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const VAULT: &str = "vault";
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "backup.amazonaws.com"}}]}"#;
const EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

/// A role that Backup may assume, which may do what the policy allows.
pub async fn role_with(cloud: &Cloud, policy: &str) -> String {
    let name = "backups";
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: TRUST.to_owned(),
        ..CreateRoleInput::default()
    };
    let role = cloud.call(CreateRole, input).await.expect("the role is good").role;
    allow(cloud, policy).await;
    role.arn
}

/// Gives the role another policy.
pub async fn allow(cloud: &Cloud, policy: &str) {
    let input = PutRolePolicyInput {
        role_name: "backups".to_owned(),
        policy_name: "all".to_owned(),
        policy_document: policy.to_owned(),
    };
    cloud.call(PutRolePolicy, input).await.expect("the policy is good");
}

pub async fn role(cloud: &Cloud) -> String {
    role_with(cloud, EVERYTHING).await
}

/// A user with this policy.
pub async fn user(cloud: &Cloud, document: &str) -> Principal {
    let input = CreateUserInput { user_name: "anna".to_owned(), ..CreateUserInput::default() };
    let user = cloud.call(CreateUser, input).await.unwrap().user.unwrap();
    let input = PutUserPolicyInput {
        user_name: "anna".to_owned(),
        policy_name: "all".to_owned(),
        policy_document: document.to_owned(),
    };
    cloud.call(PutUserPolicy, input).await.unwrap();
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: user.arn,
        user_id: user.user_id,
        access_key_id: None,
        session: None,
    }
}

pub async fn vault(cloud: &Cloud, region: Region, name: &str) -> String {
    let input = CreateBackupVaultInput { backup_vault_name: name.to_owned(), ..Default::default() };
    let made =
        cloud.call_as(AccountId::DEV, region, CreateBackupVault, input).await.expect("the vault is good");
    made.backup_vault_arn.expect("a new vault has an ARN")
}

/// A cloud with a vault and a role.
pub async fn prepared(seed: u64) -> (Cloud, String) {
    let cloud = Cloud::new(seed).await;
    vault(&cloud, Region::US_EAST_1, VAULT).await;
    let role = role(&cloud).await;
    (cloud, role)
}

pub async fn pass(cloud: &Cloud, time: Duration) {
    cloud.advance(time).await;
    cloud.settle().await;
}

/// Lets jobs come to their end.
pub async fn finish(cloud: &Cloud) {
    for _ in 0..6 {
        pass(cloud, Duration::from_secs(2)).await;
    }
}

/// The ARN of a new volume.
pub async fn volume(cloud: &Cloud, tags: &[(&str, &str)]) -> String {
    let tags = tags
        .iter()
        .map(|(key, value)| ec2_api::Tag { key: Some((*key).to_owned()), value: Some((*value).to_owned()) });
    let input = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(1),
        tag_specifications: Some(vec![TagSpecification {
            resource_type: Some("volume".to_owned()),
            tags: Some(tags.collect()),
        }]),
        ..CreateVolumeInput::default()
    };
    let volume = cloud.call(CreateVolume, input).await.expect("the volume is good");
    cloud.settle().await;
    format!("arn:aws:ec2:us-east-1:000000000000:volume/{}", volume.volume_id.expect("it has an id"))
}

/// The ARN of a new table with one item.
pub async fn table(cloud: &Cloud, name: &str) -> String {
    let input = tables::CreateTableInput {
        table_name: name.to_owned(),
        attribute_definitions: Some(vec![tables::AttributeDefinition {
            attribute_name: "id".to_owned(),
            attribute_type: tables::ScalarAttributeType::S,
        }]),
        key_schema: Some(vec![tables::KeySchemaElement {
            attribute_name: "id".to_owned(),
            key_type: tables::KeyType::Hash,
        }]),
        billing_mode: Some(tables::BillingMode::PayPerRequest),
        ..tables::CreateTableInput::default()
    };
    let made = cloud.call(tables::CreateTable, input).await.expect("the table is good");
    cloud.settle().await;
    let input = tables::PutItemInput {
        table_name: name.to_owned(),
        item: BTreeMap::from([("id".to_owned(), tables::AttributeValue::S("a".to_owned()))]),
        ..tables::PutItemInput::default()
    };
    cloud.call(tables::PutItem, input).await.expect("the item is good");
    made.table_description.and_then(|table| table.table_arn).expect("a new table has an ARN")
}

pub fn job_input(role: &str, resource: &str) -> StartBackupJobInput {
    StartBackupJobInput {
        backup_vault_name: VAULT.to_owned(),
        resource_arn: resource.to_owned(),
        iam_role_arn: role.to_owned(),
        ..StartBackupJobInput::default()
    }
}

pub async fn start(cloud: &Cloud, role: &str, resource: &str) -> String {
    let made = cloud.call(StartBackupJob, job_input(role, resource)).await.expect("the job is good");
    made.backup_job_id.expect("a new job has an id")
}

pub async fn job(cloud: &Cloud, id: &str) -> DescribeBackupJobOutput {
    let input = DescribeBackupJobInput { backup_job_id: id.to_owned() };
    cloud.call(DescribeBackupJob, input).await.expect("the job is there")
}

/// Backs up a resource, and returns the recovery point's ARN.
pub async fn backed_up(cloud: &Cloud, role: &str, resource: &str) -> String {
    let id = start(cloud, role, resource).await;
    finish(cloud).await;
    let done = job(cloud, &id).await;
    assert_eq!(done.state, Some(BackupJobState::Completed), "{:?}", done.status_message);
    done.recovery_point_arn.expect("a completed job has made something")
}

pub async fn points(cloud: &Cloud) -> Vec<RecoveryPointByBackupVault> {
    points_in(cloud, Region::US_EAST_1, VAULT).await
}

pub async fn points_in(cloud: &Cloud, region: Region, vault: &str) -> Vec<RecoveryPointByBackupVault> {
    let input =
        ListRecoveryPointsByBackupVaultInput { backup_vault_name: vault.to_owned(), ..Default::default() };
    let listed = cloud.call_as(AccountId::DEV, region, ListRecoveryPointsByBackupVault, input).await;
    listed.expect("the vault is there").recovery_points.unwrap_or_default()
}

pub async fn delete(cloud: &Cloud, point: &str) -> Result<(), Fault> {
    let input = DeleteRecoveryPointInput {
        backup_vault_name: VAULT.to_owned(),
        recovery_point_arn: point.to_owned(),
    };
    cloud.call(DeleteRecoveryPoint, input).await.map(drop)
}

pub async fn snapshots(cloud: &Cloud, region: Region) -> Vec<Snapshot> {
    let input = DescribeSnapshotsInput {
        owner_ids: Some(vec!["self".to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    let output = cloud.call_as(AccountId::DEV, region, DescribeSnapshots, input).await;
    output.expect("there are some or none").snapshots.unwrap_or_default()
}
