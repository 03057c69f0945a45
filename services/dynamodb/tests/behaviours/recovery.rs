//! Point-in-time recovery: a table as it was at any second.

use std::time::Duration;

use base::Timestamp;
use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

async fn set(cloud: &Cloud, enabled: bool) -> PointInTimeRecoveryDescription {
    let input = UpdateContinuousBackupsInput {
        table_name: "Music".to_owned(),
        point_in_time_recovery_specification: PointInTimeRecoverySpecification {
            point_in_time_recovery_enabled: enabled,
            recovery_period_in_days: None,
        },
    };
    let output = cloud.call(UpdateContinuousBackups, input).await.expect("the table is there");
    let description = output.continuous_backups_description.expect("it is described");
    description.point_in_time_recovery_description.expect("it is described")
}

async fn restore(cloud: &Cloud, target: &str, at: Option<Timestamp>) -> Result<(), Fault> {
    let input = RestoreTableToPointInTimeInput {
        source_table_name: Some("Music".to_owned()),
        target_table_name: target.to_owned(),
        use_latest_restorable_time: at.is_none().then_some(true),
        restore_date_time: at,
        ..RestoreTableToPointInTimeInput::default()
    };
    cloud.call(RestoreTableToPointInTime, input).await?;
    until(cloud, async || {
        describe(cloud, target).await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
    Ok(())
}

fn versioned(pk: &str, version: i64) -> Attributes {
    item(&[("pk", text(pk)), ("sk", text("x")), ("v", number(version))])
}

#[tokio::test]
async fn a_table_is_restored_to_each_of_its_moments() {
    let cloud = cloud_with(1, "Music").await;
    put(&cloud, "Music", versioned("before", 0)).await;
    assert_eq!(set(&cloud, true).await.recovery_period_in_days, Some(35));
    let mut moments = Vec::new();
    for version in 1..=3 {
        cloud.advance(Duration::from_secs(100)).await;
        put(&cloud, "Music", versioned("a", version)).await;
        put(&cloud, "Music", versioned(&format!("only{version}"), version)).await;
        moments.push(cloud.clock.now());
    }
    cloud.advance(Duration::from_secs(100)).await;
    let key = item(&[("pk", text("before")), ("sk", text("x"))]);
    let deleting = DeleteItemInput { table_name: "Music".to_owned(), key, ..DeleteItemInput::default() };
    cloud.call(DeleteItem, deleting).await.expect("it is there");
    cloud.advance(Duration::from_secs(600)).await;
    for (version, at) in (1..).zip(&moments) {
        let target = format!("Copy{version}");
        restore(&cloud, &target, Some(*at)).await.expect("it is within the window");
        let mut found = scan(&cloud, &target, None).await.expect("it can be read");
        found.sort_by_key(|item| format!("{:?}", item["pk"]));
        let mut expected = vec![versioned("a", version), versioned("before", 0)];
        expected.extend((1..=version).map(|version| versioned(&format!("only{version}"), version)));
        assert_eq!(found, expected, "version {version}");
    }
    restore(&cloud, "Latest", None).await.expect("there is a latest");
    assert_eq!(scan(&cloud, "Latest", None).await.expect("it can be read").len(), 4);
}

#[tokio::test]
async fn moments_outside_of_the_window_are_refused() {
    let cloud = cloud_with(2, "Music").await;
    let at = cloud.clock.now();
    assert_eq!(code(restore(&cloud, "Copy", Some(at)).await), "PointInTimeRecoveryUnavailableException");
    set(&cloud, true).await;
    cloud.advance(Duration::from_secs(3600)).await;
    let now = cloud.clock.now();
    for wrong in [Timestamp::from_secs(at.as_secs() - 1), now] {
        assert_eq!(code(restore(&cloud, "Copy", Some(wrong)).await), "InvalidRestoreTimeException");
    }
    assert_eq!(code(restore(&cloud, "Music", None).await), "TableAlreadyExistsException");
    set(&cloud, false).await;
    assert_eq!(code(restore(&cloud, "Copy", None).await), "PointInTimeRecoveryUnavailableException");
}

#[tokio::test]
async fn a_deleted_table_leaves_a_backup_that_nobody_deletes() {
    let cloud = cloud_with(3, "Music").await;
    set(&cloud, true).await;
    put(&cloud, "Music", versioned("a", 1)).await;
    let deleting = DeleteTableInput { table_name: "Music".to_owned() };
    cloud.call(DeleteTable, deleting).await.expect("it is there");
    cloud.advance(Duration::from_secs(120)).await;
    let list = async |kind: Option<BackupTypeFilter>| {
        let input = ListBackupsInput { backup_type: kind, ..ListBackupsInput::default() };
        cloud.call(ListBackups, input).await.expect("they are listed").backup_summaries.unwrap_or_default()
    };
    assert_eq!(list(None).await, [], "only those of users are shown unless asked");
    let system = list(Some(BackupTypeFilter::System)).await;
    assert_eq!(system[0].backup_name.as_deref(), Some("Music$DeletedTableBackup"));
    let arn = system[0].backup_arn.clone().expect("a backup has an ARN");
    let refused = cloud.call(DeleteBackup, DeleteBackupInput { backup_arn: arn.clone() }).await;
    assert_eq!(code(refused), "ValidationException");
    let restoring = RestoreTableFromBackupInput {
        target_table_name: "Again".to_owned(),
        backup_arn: arn,
        ..RestoreTableFromBackupInput::default()
    };
    cloud.call(RestoreTableFromBackup, restoring).await.expect("it is complete");
    until(&cloud, async || {
        describe(&cloud, "Again").await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
    assert_eq!(scan(&cloud, "Again", None).await.expect("it can be read"), [versioned("a", 1)]);
    cloud.advance(Duration::from_secs(36 * 24 * 3600)).await;
    until(&cloud, async || list(Some(BackupTypeFilter::System)).await.is_empty()).await;
}
