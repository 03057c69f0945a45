//! Copies of recovery points into other vaults.

use crate::support::*;
use backup_api::*;
use base::{AccountId, Region};
use testkit::Cloud;

async fn copied(cloud: &Cloud, role: &str, point: &str, into: &str) -> CopyJob {
    let input = StartCopyJobInput {
        recovery_point_arn: point.to_owned(),
        source_backup_vault_name: VAULT.to_owned(),
        destination_backup_vault_arn: into.to_owned(),
        iam_role_arn: role.to_owned(),
        lifecycle: Some(Lifecycle { delete_after_days: Some(3), ..Lifecycle::default() }),
        ..StartCopyJobInput::default()
    };
    let id = cloud.call(StartCopyJob, input).await.unwrap().copy_job_id.unwrap();
    finish(cloud).await;
    let shown = cloud.call(DescribeCopyJob, DescribeCopyJobInput { copy_job_id: id }).await.unwrap();
    shown.copy_job.unwrap()
}

#[tokio::test]
async fn a_snapshot_is_copied_to_a_vault_of_another_region_and_lives_its_own_life() {
    let (cloud, role) = prepared(1).await;
    let there: Region = "eu-west-1".parse().unwrap();
    let far = vault(&cloud, there, "far").await;
    let disk = volume(&cloud, &[("app", "shop")]).await;
    let point = backed_up(&cloud, &role, &disk).await;
    let done = copied(&cloud, &role, &point, &far).await;
    assert_eq!(done.state, Some(CopyJobState::Completed), "{:?}", done.status_message);
    let copies = points_in(&cloud, there, "far").await;
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].resource_arn.as_ref(), Some(&disk));
    assert_eq!(copies[0].recovery_point_arn, done.destination_recovery_point_arn);
    assert_eq!(snapshots(&cloud, there).await.len(), 1);
    pass(&cloud, 3 * DAY).await;
    pass(&cloud, HOUR).await;
    assert!(points_in(&cloud, there, "far").await.is_empty());
    assert!(snapshots(&cloud, there).await.is_empty());
    assert_eq!(points(&cloud).await.len(), 1);
    let listed = cloud.call(ListCopyJobs, ListCopyJobsInput::default()).await.unwrap();
    assert_eq!(listed.copy_jobs.unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused() {
    let (cloud, role) = prepared(2).await;
    let other = vault(&cloud, Region::US_EAST_1, "other").await;
    let music = table(&cloud, "Music").await;
    let point = backed_up(&cloud, &role, &music).await;
    let input = |into: &str| StartCopyJobInput {
        recovery_point_arn: point.clone(),
        source_backup_vault_name: VAULT.to_owned(),
        destination_backup_vault_arn: into.to_owned(),
        iam_role_arn: role.clone(),
        ..StartCopyJobInput::default()
    };
    assert_eq!(cloud.call(StartCopyJob, input(&other)).await.unwrap_err().code(), "InvalidRequestException");
    let foreign = other.replace("000000000000", "111122223333");
    assert!(
        cloud.call(StartCopyJob, input(&foreign)).await.unwrap_err().message().contains("another account")
    );
    let none =
        cloud.call_as(AccountId::DEV, Region::US_EAST_1, ListCopyJobs, ListCopyJobsInput::default()).await;
    assert!(none.unwrap().copy_jobs.unwrap().is_empty());
}
