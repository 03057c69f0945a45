//! Who may do what: roles are passed on, and vaults' policies hold for what is in them.

use crate::support::*;
use backup_api::*;
use base::Region;
use service::Principal;
use testkit::Cloud;

const BACKUP_ALL: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "backup:*", "Resource": "*"}}"#;

async fn policy(cloud: &Cloud, document: &str) {
    let input = PutBackupVaultAccessPolicyInput {
        backup_vault_name: VAULT.to_owned(),
        policy: Some(document.to_owned()),
    };
    cloud.call(PutBackupVaultAccessPolicy, input).await.unwrap();
}

async fn delete_by(cloud: &Cloud, who: Principal, point: &str) -> Result<(), schema::Fault> {
    let input = DeleteRecoveryPointInput {
        backup_vault_name: VAULT.to_owned(),
        recovery_point_arn: point.to_owned(),
    };
    cloud.call_by(who, DeleteRecoveryPoint, input).await.map(drop)
}

#[tokio::test]
async fn whoever_names_a_role_may_pass_it() {
    let (cloud, role) = prepared(1).await;
    let disk = volume(&cloud, &[]).await;
    let anna = user(&cloud, BACKUP_ALL).await;
    let refused = cloud.call_by(anna, StartBackupJob, job_input(&role, &disk)).await.unwrap_err();
    assert_eq!(refused.status(), 403);
    assert!(refused.message().contains("iam:PassRole"), "{}", refused.message());
}

#[tokio::test]
async fn a_vaults_policy_denies_what_is_done_to_its_recovery_points() {
    let (cloud, role) = prepared(2).await;
    let point = backed_up(&cloud, &role, &volume(&cloud, &[]).await).await;
    let anna = user(&cloud, BACKUP_ALL).await;
    policy(
        &cloud,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}}"#,
    )
    .await;
    let refused = delete_by(&cloud, anna.clone(), &point).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDeniedException", 403));
    let input = DeleteBackupVaultAccessPolicyInput { backup_vault_name: VAULT.to_owned() };
    cloud.call(DeleteBackupVaultAccessPolicy, input).await.unwrap();
    // Of EC2 she may do nothing: it is Backup that deletes.
    delete_by(&cloud, anna, &point).await.unwrap();
    let input = GetBackupVaultAccessPolicyInput { backup_vault_name: VAULT.to_owned() };
    let gone = cloud.call(GetBackupVaultAccessPolicy, input).await.unwrap_err();
    assert_eq!(gone.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_vaults_policy_holds_for_the_vault() {
    let (cloud, role) = prepared(3).await;
    let disk = volume(&cloud, &[]).await;
    policy(
        &cloud,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "Action": "backup:StartBackupJob", "Resource": "*"}}"#,
    )
    .await;
    let refused = cloud.call(StartBackupJob, job_input(&role, &disk)).await.unwrap_err();
    assert_eq!(refused.status(), 403);
}

#[tokio::test]
async fn vaults_are_told_apart_by_their_arns() {
    let cloud = Cloud::new(4).await;
    let ours = vault(&cloud, Region::US_EAST_1, "ours").await;
    vault(&cloud, Region::US_EAST_1, "other").await;
    let anna =
        user(&cloud, &BACKUP_ALL.replace(r#""Resource": "*""#, &format!(r#""Resource": "{ours}""#))).await;
    let look =
        |name: &str| DescribeBackupVaultInput { backup_vault_name: name.to_owned(), ..Default::default() };
    cloud.call_by(anna.clone(), DescribeBackupVault, look("ours")).await.unwrap();
    assert_eq!(cloud.call_by(anna, DescribeBackupVault, look("other")).await.unwrap_err().status(), 403);
}
