//! Restore jobs: new volumes and tables of recovery points.

use std::collections::BTreeMap;

use crate::support::*;
use backup_api::*;
use dynamodb_api as tables;
use ec2_api::{DescribeVolumes, DescribeVolumesInput};
use testkit::Cloud;

fn input(role: &str, point: &str, metadata: &[(&str, &str)]) -> StartRestoreJobInput {
    StartRestoreJobInput {
        recovery_point_arn: point.to_owned(),
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        iam_role_arn: Some(role.to_owned()),
        ..StartRestoreJobInput::default()
    }
}

async fn restored(cloud: &Cloud, input: StartRestoreJobInput) -> DescribeRestoreJobOutput {
    let id = cloud.call(StartRestoreJob, input).await.unwrap().restore_job_id.unwrap();
    finish(cloud).await;
    cloud.call(DescribeRestoreJob, DescribeRestoreJobInput { restore_job_id: id }).await.unwrap()
}

#[tokio::test]
async fn a_new_volume_is_made_of_a_snapshot() {
    let (cloud, role) = prepared(1).await;
    let disk = volume(&cloud, &[("app", "shop")]).await;
    let point = backed_up(&cloud, &role, &disk).await;
    let asked = GetRecoveryPointRestoreMetadataInput {
        backup_vault_name: VAULT.to_owned(),
        recovery_point_arn: point.clone(),
        ..Default::default()
    };
    let known = cloud.call(GetRecoveryPointRestoreMetadata, asked).await.unwrap().restore_metadata.unwrap();
    assert_eq!(known["availabilityZone"], "us-east-1a");
    let wish = StartRestoreJobInput {
        copy_source_tags_to_restored_resource: Some(true),
        metadata: known,
        ..input(&role, &point, &[])
    };
    let done = restored(&cloud, wish).await;
    assert_eq!(done.status, Some(RestoreJobStatus::Completed), "{:?}", done.status_message);
    let made = done.created_resource_arn.unwrap();
    let id = made.rsplit('/').next().unwrap().to_owned();
    let shown = DescribeVolumesInput { volume_ids: Some(vec![id]), ..DescribeVolumesInput::default() };
    let shown = cloud.call(DescribeVolumes, shown).await.unwrap().volumes.unwrap().remove(0);
    assert_eq!(shown.snapshot_id.as_deref(), point.rsplit('/').next());
    assert_eq!(shown.tags.unwrap()[0].key.as_deref(), Some("app"));
    let by = ListRestoreJobsByProtectedResourceInput { resource_arn: disk, ..Default::default() };
    let jobs = cloud.call(ListRestoreJobsByProtectedResource, by).await.unwrap().restore_jobs.unwrap();
    assert_eq!(jobs.len(), 1);
    assert!(points(&cloud).await[0].last_restore_time.is_some());
}

#[tokio::test]
async fn a_new_table_is_made_of_a_backup_with_its_items() {
    let (cloud, role) = prepared(2).await;
    let music = table(&cloud, "Music").await;
    let point = backed_up(&cloud, &role, &music).await;
    let done = restored(&cloud, input(&role, &point, &[("targetTableName", "Copy")])).await;
    assert_eq!(done.status, Some(RestoreJobStatus::Completed), "{:?}", done.status_message);
    let key = BTreeMap::from([("id".to_owned(), tables::AttributeValue::S("a".to_owned()))]);
    let get = tables::GetItemInput { table_name: "Copy".to_owned(), key, ..tables::GetItemInput::default() };
    assert!(cloud.call(tables::GetItem, get).await.unwrap().item.is_some());
}

#[tokio::test]
async fn a_restore_that_cannot_be_is_refused_or_fails_with_the_reason() {
    let (cloud, role) = prepared(3).await;
    let disk = volume(&cloud, &[]).await;
    let point = backed_up(&cloud, &role, &disk).await;
    let refused = cloud.call(StartRestoreJob, input(&role, &point, &[("colour", "red")])).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValueException");
    let nobody = StartRestoreJobInput {
        iam_role_arn: None,
        ..input(&role, &point, &[("availabilityZone", "us-east-1a")])
    };
    let refused = cloud.call(StartRestoreJob, nobody).await.unwrap_err();
    assert_eq!(refused.code(), "MissingParameterValueException");
    let done = restored(&cloud, input(&role, &point, &[("availabilityZone", "us-east-1z")])).await;
    assert_eq!(done.status, Some(RestoreJobStatus::Failed));
    assert!(done.status_message.is_some());
}
