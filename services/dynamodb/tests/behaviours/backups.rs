//! On-demand backups and what is restored from them.

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

async fn back_up(cloud: &Cloud, table: &str, name: &str) -> Result<BackupDetails, Fault> {
    let input = CreateBackupInput { table_name: table.to_owned(), backup_name: name.to_owned() };
    Ok(cloud.call(CreateBackup, input).await?.backup_details.expect("a backup has details"))
}

async fn status(cloud: &Cloud, arn: &str) -> Option<BackupStatus> {
    let output = cloud.call(DescribeBackup, DescribeBackupInput { backup_arn: arn.to_owned() }).await.ok()?;
    Some(output.backup_description?.backup_details?.backup_status)
}

async fn complete(cloud: &Cloud, arn: &str) {
    until(cloud, async || status(cloud, arn).await == Some(BackupStatus::Available)).await;
}

async fn active(cloud: &Cloud, table: &str) {
    until(cloud, async || {
        describe(cloud, table).await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
}

fn restoring(arn: &str, target: &str) -> RestoreTableFromBackupInput {
    RestoreTableFromBackupInput {
        target_table_name: target.to_owned(),
        backup_arn: arn.to_owned(),
        ..RestoreTableFromBackupInput::default()
    }
}

#[tokio::test]
async fn a_backup_holds_what_was_there_when_it_was_asked_for() {
    let cloud = cloud_with(1, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(1))])).await;
    let backup = back_up(&cloud, "Music", "monday").await.expect("it is possible");
    assert_eq!(backup.backup_status, BackupStatus::Creating);
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(2))])).await;
    put(&cloud, "Music", item(&[("pk", text("b")), ("sk", text("x"))])).await;
    complete(&cloud, &backup.backup_arn).await;
    let output = cloud.call(RestoreTableFromBackup, restoring(&backup.backup_arn, "Copy")).await;
    let table = output.expect("the backup is complete").table_description.expect("it is described");
    assert_eq!(table.table_status, Some(TableStatus::Creating));
    assert_eq!(table.restore_summary.map(|summary| summary.restore_in_progress), Some(true));
    active(&cloud, "Copy").await;
    let found = scan(&cloud, "Copy", None).await.expect("it can be read");
    assert_eq!(found, [item(&[("pk", text("a")), ("sk", text("x")), ("v", number(1))])]);
    let table = describe(&cloud, "Copy").await.expect("it is there");
    assert_eq!(table.restore_summary.map(|summary| summary.restore_in_progress), Some(false));
}

#[tokio::test]
async fn a_backup_outlives_its_table_and_is_deleted_by_itself() {
    let cloud = cloud_with(2, "Music").await;
    let backup = back_up(&cloud, "Music", "last").await.expect("it is possible");
    complete(&cloud, &backup.backup_arn).await;
    cloud.call(DeleteTable, DeleteTableInput { table_name: "Music".to_owned() }).await.expect("it is there");
    cloud.settle().await;
    assert_eq!(status(&cloud, &backup.backup_arn).await, Some(BackupStatus::Available));
    cloud
        .call(RestoreTableFromBackup, restoring(&backup.backup_arn, "Music"))
        .await
        .expect("its name is free");
    active(&cloud, "Music").await;
    let deleting = DeleteBackupInput { backup_arn: backup.backup_arn.clone() };
    cloud.call(DeleteBackup, deleting.clone()).await.expect("it is there");
    assert_eq!(code(cloud.call(DeleteBackup, deleting).await), "BackupNotFoundException");
}

#[tokio::test]
async fn backups_are_listed_in_their_order_and_names_are_not_unique() {
    let cloud = cloud_with(3, "Music").await;
    for _ in 0..3 {
        let backup = back_up(&cloud, "Music", "daily").await.expect("it is possible");
        complete(&cloud, &backup.backup_arn).await;
    }
    let list = async |after: Option<String>| {
        let input = ListBackupsInput {
            table_name: Some("Music".to_owned()),
            limit: Some(2),
            exclusive_start_backup_arn: after,
            ..ListBackupsInput::default()
        };
        let output = cloud.call(ListBackups, input).await.expect("they are listed");
        (output.backup_summaries.unwrap_or_default(), output.last_evaluated_backup_arn)
    };
    let (first, next) = list(None).await;
    assert_eq!(first.len(), 2);
    assert!(first[0].backup_creation_date_time < first[1].backup_creation_date_time);
    let (rest, end) = list(next).await;
    assert_eq!((rest.len(), end), (1, None));
}

#[tokio::test]
async fn what_is_restored_may_be_billed_and_indexed_otherwise() {
    let cloud = Cloud::new(4).await;
    let index = GlobalSecondaryIndex {
        index_name: "bySort".to_owned(),
        key_schema: vec![hash("sk")],
        projection: all(),
        ..GlobalSecondaryIndex::default()
    };
    let input = CreateTableInput { global_secondary_indexes: Some(vec![index.clone()]), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("it is possible");
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x"))])).await;
    let backup = back_up(&cloud, "Music", "all").await.expect("it is possible");
    complete(&cloud, &backup.backup_arn).await;
    let unknown = GlobalSecondaryIndex { index_name: "other".to_owned(), ..index };
    let refused = RestoreTableFromBackupInput {
        global_secondary_index_override: Some(vec![unknown]),
        ..restoring(&backup.backup_arn, "Copy")
    };
    assert_eq!(
        words(cloud.call(RestoreTableFromBackup, refused).await),
        "Invalid Request: Index other does not match a secondary index that existed in the source table and cannot be \
         created during the restore operation"
    );
    cloud.call(RestoreTableFromBackup, restoring(&backup.backup_arn, "Copy")).await.expect("as it was");
    active(&cloud, "Copy").await;
    assert_eq!(scan(&cloud, "Copy", Some("bySort")).await.expect("the index is there").len(), 1);
    let bare = RestoreTableFromBackupInput {
        global_secondary_index_override: Some(Vec::new()),
        billing_mode_override: Some(BillingMode::Provisioned),
        provisioned_throughput_override: Some(ProvisionedThroughput {
            read_capacity_units: 1,
            write_capacity_units: 1,
        }),
        ..restoring(&backup.backup_arn, "Bare")
    };
    cloud.call(RestoreTableFromBackup, bare).await.expect("without any");
    active(&cloud, "Bare").await;
    let table = describe(&cloud, "Bare").await.expect("it is there");
    assert_eq!((table.global_secondary_indexes, table.billing_mode_summary), (None, None));
}
