//! Vaults: made, shown, locked, tagged, deleted.

use std::collections::BTreeMap;

use crate::support::*;
use backup_api::*;
use base::Region;
use testkit::Cloud;

fn named() -> DescribeBackupVaultInput {
    DescribeBackupVaultInput { backup_vault_name: VAULT.to_owned(), ..Default::default() }
}

fn lock(min: i64, changeable: Option<i64>) -> PutBackupVaultLockConfigurationInput {
    PutBackupVaultLockConfigurationInput {
        backup_vault_name: VAULT.to_owned(),
        min_retention_days: Some(min),
        max_retention_days: Some(365),
        changeable_for_days: changeable,
    }
}

#[tokio::test]
async fn a_vault_is_made_once_shown_and_deleted() {
    let cloud = Cloud::new(1).await;
    let arn = vault(&cloud, Region::US_EAST_1, VAULT).await;
    assert_eq!(arn, "arn:aws:backup:us-east-1:000000000000:backup-vault:vault");
    let input = CreateBackupVaultInput { backup_vault_name: VAULT.to_owned(), ..Default::default() };
    let refused = cloud.call(CreateBackupVault, input).await.unwrap_err();
    assert_eq!(refused.code(), "AlreadyExistsException");
    let shown = cloud.call(DescribeBackupVault, named()).await.unwrap();
    assert_eq!((shown.number_of_recovery_points, shown.locked), (Some(0), Some(false)));
    let listed = cloud.call(ListBackupVaults, ListBackupVaultsInput::default()).await.unwrap();
    assert_eq!(listed.backup_vault_list.unwrap().len(), 1);
    let input = DeleteBackupVaultInput { backup_vault_name: VAULT.to_owned() };
    cloud.call(DeleteBackupVault, input).await.unwrap();
    let gone = cloud.call(DescribeBackupVault, named()).await.unwrap_err();
    assert_eq!(gone.code(), "ResourceNotFoundException");
}

#[tokio::test]
async fn vaults_are_listed_by_pages() {
    let cloud = Cloud::new(2).await;
    for name in ["one", "three", "two"] {
        vault(&cloud, Region::US_EAST_1, name).await;
    }
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = ListBackupVaultsInput { max_results: Some(2), next_token: token, ..Default::default() };
        let page = cloud.call(ListBackupVaults, input).await.unwrap();
        found.extend(page.backup_vault_list.unwrap().into_iter().filter_map(|one| one.backup_vault_name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, ["one", "three", "two"]);
}

#[tokio::test]
async fn a_lock_in_compliance_mode_is_fixed_by_the_clock() {
    let (cloud, _) = prepared(3).await;
    cloud.call(PutBackupVaultLockConfiguration, lock(7, Some(3))).await.unwrap();
    assert_eq!(cloud.call(DescribeBackupVault, named()).await.unwrap().locked, Some(true));
    cloud.advance(2 * DAY).await;
    cloud.call(PutBackupVaultLockConfiguration, lock(8, Some(3))).await.unwrap();
    cloud.advance(3 * DAY).await;
    let refused = cloud.call(PutBackupVaultLockConfiguration, lock(1, None)).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequestException");
    let input = DeleteBackupVaultLockConfigurationInput { backup_vault_name: VAULT.to_owned() };
    assert!(cloud.call(DeleteBackupVaultLockConfiguration, input).await.is_err());
}

#[tokio::test]
async fn a_locked_vault_keeps_what_it_has_and_takes_what_stays_long_enough() {
    let (cloud, role) = prepared(4).await;
    let disk = volume(&cloud, &[]).await;
    let point = backed_up(&cloud, &role, &disk).await;
    cloud.call(PutBackupVaultLockConfiguration, lock(7, None)).await.unwrap();
    assert_eq!(delete(&cloud, &point).await.unwrap_err().code(), "InvalidRequestException");
    let short = Lifecycle { delete_after_days: Some(6), ..Lifecycle::default() };
    let input = StartBackupJobInput { lifecycle: Some(short), ..job_input(&role, &disk) };
    let id = cloud.call(StartBackupJob, input).await.unwrap().backup_job_id.unwrap();
    finish(&cloud).await;
    let failed = job(&cloud, &id).await;
    assert_eq!(failed.state, Some(BackupJobState::Failed));
    assert!(failed.status_message.unwrap().contains("minimum of 7 days"));
    // In governance mode whoever may takes the lock away.
    let input = DeleteBackupVaultLockConfigurationInput { backup_vault_name: VAULT.to_owned() };
    cloud.call(DeleteBackupVaultLockConfiguration, input).await.unwrap();
    delete(&cloud, &point).await.unwrap();
}

#[tokio::test]
async fn tags_of_vaults_plans_and_recovery_points_come_and_go() {
    let (cloud, role) = prepared(5).await;
    let disk = volume(&cloud, &[("app", "shop")]).await;
    let point = backed_up(&cloud, &role, &disk).await;
    let vault = cloud.call(DescribeBackupVault, named()).await.unwrap().backup_vault_arn.unwrap();
    for arn in [vault, point] {
        let tags = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        cloud.call(TagResource, TagResourceInput { resource_arn: arn.clone(), tags }).await.unwrap();
        let input = UntagResourceInput { resource_arn: arn.clone(), tag_key_list: vec!["a".to_owned()] };
        cloud.call(UntagResource, input).await.unwrap();
        let input = ListTagsInput { resource_arn: arn.clone(), ..Default::default() };
        let tags = cloud.call(ListTags, input).await.unwrap().tags.unwrap();
        assert_eq!(tags.get("b").map(String::as_str), Some("2"), "{arn}");
        assert!(!tags.contains_key("a"), "{arn}");
    }
    let input = ListTagsInput {
        resource_arn: "arn:aws:ec2:us-east-1::snapshot/snap-0123".to_owned(),
        ..Default::default()
    };
    assert_eq!(cloud.call(ListTags, input).await.unwrap_err().code(), "ResourceNotFoundException");
}
