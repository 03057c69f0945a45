//! Backup jobs and the recovery points that they make.

use std::collections::BTreeMap;

use crate::support::*;
use backup_api::*;
use base::Region;
use dynamodb_api as tables;
use ec2_api::{DeleteSnapshot, DeleteSnapshotInput};
use testkit::Cloud;

#[tokio::test]
async fn a_volume_is_backed_up_as_a_snapshot_that_only_backup_deletes() {
    let (cloud, role) = prepared(1).await;
    let disk = volume(&cloud, &[("app", "shop")]).await;
    let tags = BTreeMap::from([("by".to_owned(), "hand".to_owned())]);
    let input = StartBackupJobInput { recovery_point_tags: Some(tags), ..job_input(&role, &disk) };
    let id = cloud.call(StartBackupJob, input).await.unwrap().backup_job_id.unwrap();
    finish(&cloud).await;
    let done = job(&cloud, &id).await;
    assert_eq!(done.state, Some(BackupJobState::Completed), "{:?}", done.status_message);
    assert_eq!(done.backup_size_in_bytes, Some(1 << 30));
    let snapshot = snapshots(&cloud, Region::US_EAST_1).await.remove(0);
    let snapshot_id = snapshot.snapshot_id.unwrap();
    let point = done.recovery_point_arn.unwrap();
    assert_eq!(point, format!("arn:aws:ec2:us-east-1::snapshot/{snapshot_id}"));
    let shown: BTreeMap<_, _> =
        snapshot.tags.unwrap().into_iter().map(|tag| (tag.key.unwrap(), tag.value.unwrap())).collect();
    assert_eq!(shown["app"], "shop");
    assert_eq!(shown["by"], "hand");
    assert_eq!(shown["aws:backup:source-resource"], disk);
    let input = DeleteSnapshotInput { snapshot_id, ..DeleteSnapshotInput::default() };
    let refused = cloud.call(DeleteSnapshot, input).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValue");
    assert!(refused.message().contains("managed by the AWS Backup service"));
    let input = DeleteBackupVaultInput { backup_vault_name: VAULT.to_owned() };
    let refused = cloud.call(DeleteBackupVault, input.clone()).await.unwrap_err();
    assert_eq!(refused.message(), "Backup vault cannot be deleted because it contains recovery points.");
    delete(&cloud, &point).await.unwrap();
    cloud.settle().await;
    assert!(snapshots(&cloud, Region::US_EAST_1).await.is_empty());
    cloud.call(DeleteBackupVault, input).await.unwrap();
}

#[tokio::test]
async fn a_table_is_backed_up_by_dynamodb_itself() {
    let (cloud, role) = prepared(2).await;
    let music = table(&cloud, "Music").await;
    let point = backed_up(&cloud, &role, &music).await;
    let list = |kind| tables::ListBackupsInput { backup_type: Some(kind), ..Default::default() };
    let own = cloud.call(tables::ListBackups, list(tables::BackupTypeFilter::User)).await.unwrap();
    assert!(own.backup_summaries.unwrap().is_empty());
    let ours = cloud.call(tables::ListBackups, list(tables::BackupTypeFilter::AwsBackup)).await.unwrap();
    assert_eq!(ours.backup_summaries.unwrap()[0].backup_arn.as_deref(), Some(point.as_str()));
    let input = tables::DeleteBackupInput { backup_arn: point.clone() };
    assert_eq!(cloud.call(tables::DeleteBackup, input).await.unwrap_err().code(), "ValidationException");
    delete(&cloud, &point).await.unwrap();
    let left = cloud.call(tables::ListBackups, list(tables::BackupTypeFilter::All)).await.unwrap();
    assert!(left.backup_summaries.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_protected_is_listed_with_its_last_recovery_point() {
    let (cloud, role) = prepared(3).await;
    let (disk, music) = (volume(&cloud, &[]).await, table(&cloud, "Music").await);
    backed_up(&cloud, &role, &disk).await;
    pass(&cloud, HOUR).await;
    let last = backed_up(&cloud, &role, &disk).await;
    backed_up(&cloud, &role, &music).await;
    let all = cloud.call(ListProtectedResources, ListProtectedResourcesInput::default()).await.unwrap();
    let arns: Vec<_> = all.results.unwrap().into_iter().filter_map(|one| one.resource_arn).collect();
    assert_eq!(arns, [music, disk.clone()]);
    let input = DescribeProtectedResourceInput { resource_arn: disk.clone() };
    let shown = cloud.call(DescribeProtectedResource, input).await.unwrap();
    assert_eq!(shown.last_recovery_point_arn, Some(last));
    let input = ListRecoveryPointsByResourceInput { resource_arn: disk, ..Default::default() };
    let of_it = cloud.call(ListRecoveryPointsByResource, input).await.unwrap().recovery_points.unwrap();
    assert_eq!(of_it.len(), 2);
    assert_eq!(points(&cloud).await.len(), 3);
}

#[tokio::test]
async fn a_recovery_point_is_deleted_in_its_time_and_its_time_can_be_changed() {
    let (cloud, role) = prepared(4).await;
    let disk = volume(&cloud, &[]).await;
    let week = Lifecycle { delete_after_days: Some(7), ..Lifecycle::default() };
    let input = StartBackupJobInput { lifecycle: Some(week), ..job_input(&role, &disk) };
    cloud.call(StartBackupJob, input).await.unwrap();
    finish(&cloud).await;
    let kept = backed_up(&cloud, &role, &disk).await;
    pass(&cloud, 6 * DAY).await;
    assert_eq!(points(&cloud).await.len(), 2);
    pass(&cloud, DAY).await;
    pass(&cloud, HOUR).await;
    let left = points(&cloud).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].recovery_point_arn.as_ref(), Some(&kept));
    let input = UpdateRecoveryPointLifecycleInput {
        backup_vault_name: VAULT.to_owned(),
        recovery_point_arn: kept,
        lifecycle: Some(Lifecycle { delete_after_days: Some(8), ..Lifecycle::default() }),
    };
    cloud.call(UpdateRecoveryPointLifecycle, input).await.unwrap();
    pass(&cloud, DAY).await;
    pass(&cloud, HOUR).await;
    assert!(points(&cloud).await.is_empty());
    assert!(snapshots(&cloud, Region::US_EAST_1).await.is_empty());
}

#[tokio::test]
async fn a_job_is_stopped_and_takes_what_it_made_with_it() {
    let (cloud, role) = prepared(5).await;
    let disk = volume(&cloud, &[]).await;
    let id = start(&cloud, &role, &disk).await;
    cloud.call(StopBackupJob, StopBackupJobInput { backup_job_id: id.clone() }).await.unwrap();
    finish(&cloud).await;
    assert_eq!(job(&cloud, &id).await.state, Some(BackupJobState::Aborted));
    assert!(points(&cloud).await.is_empty());
    assert!(snapshots(&cloud, Region::US_EAST_1).await.is_empty());
    let again = cloud.call(StopBackupJob, StopBackupJobInput { backup_job_id: id }).await.unwrap_err();
    assert_eq!(again.code(), "InvalidRequestException");
}

#[tokio::test]
async fn a_job_fails_with_the_reason_of_its_role() {
    let cloud = Cloud::new(6).await;
    vault(&cloud, Region::US_EAST_1, VAULT).await;
    let only_look = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*",
        "Resource": "*"}]}"#;
    let role = role_with(&cloud, only_look).await;
    let disk = volume(&cloud, &[]).await;
    let id = start(&cloud, &role, &disk).await;
    finish(&cloud).await;
    let failed = job(&cloud, &id).await;
    assert_eq!(failed.state, Some(BackupJobState::Failed));
    assert!(failed.status_message.unwrap().contains("not authorized to perform: ec2:CreateSnapshot"));
}

#[tokio::test]
async fn what_cannot_be_deleted_in_time_is_expired() {
    let (cloud, role) = prepared(7).await;
    let disk = volume(&cloud, &[]).await;
    let input = StartBackupJobInput {
        lifecycle: Some(Lifecycle { delete_after_days: Some(1), ..Lifecycle::default() }),
        ..job_input(&role, &disk)
    };
    cloud.call(StartBackupJob, input).await.unwrap();
    finish(&cloud).await;
    let denied =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}"#;
    allow(&cloud, denied).await;
    pass(&cloud, DAY).await;
    pass(&cloud, HOUR).await;
    let left = points(&cloud).await;
    assert_eq!(left[0].status, Some(RecoveryPointStatus::Expired));
    allow(&cloud, &denied.replace("Deny", "Allow")).await;
    pass(&cloud, DAY).await;
    pass(&cloud, HOUR).await;
    assert!(points(&cloud).await.is_empty());
}

#[tokio::test]
async fn the_same_token_starts_one_job() {
    let (cloud, role) = prepared(8).await;
    let disk = volume(&cloud, &[]).await;
    let input = StartBackupJobInput { idempotency_token: Some("once".to_owned()), ..job_input(&role, &disk) };
    let first = cloud.call(StartBackupJob, input.clone()).await.unwrap().backup_job_id;
    assert_eq!(cloud.call(StartBackupJob, input.clone()).await.unwrap().backup_job_id, first);
    let other = StartBackupJobInput { start_window_minutes: Some(90), ..input };
    assert_eq!(cloud.call(StartBackupJob, other).await.unwrap_err().code(), "InvalidParameterValueException");
    let all = cloud.call(ListBackupJobs, ListBackupJobsInput::default()).await.unwrap().backup_jobs.unwrap();
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_backed_up_is_refused_by_name() {
    let (cloud, role) = prepared(9).await;
    for (resource, words) in [
        ("arn:aws:s3:::bucket", "S3"),
        ("arn:aws:ec2:us-east-1:000000000000:instance/i-1", "EC2"),
        ("arn:aws:ec2:eu-west-1:000000000000:volume/vol-1", "not a resource of this account and Region"),
    ] {
        let refused = cloud.call(StartBackupJob, job_input(&role, resource)).await.unwrap_err();
        assert!(refused.message().contains(words), "{resource}: {}", refused.message());
    }
    let gone = "arn:aws:ec2:us-east-1:000000000000:volume/vol-00000000000000000";
    let id = start(&cloud, &role, gone).await;
    finish(&cloud).await;
    assert_eq!(job(&cloud, &id).await.state, Some(BackupJobState::Failed));
}
