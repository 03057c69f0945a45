//! UpdateTable: capacity, class, streams, and what goes together.

use std::time::Duration;

use dynamodb_api::*;

use crate::support::*;

fn units(read: i64, write: i64) -> Option<ProvisionedThroughput> {
    Some(ProvisionedThroughput { read_capacity_units: read, write_capacity_units: write })
}

#[tokio::test]
async fn a_request_for_nothing_is_refused() {
    let cloud = cloud_with(1, "Music").await;
    assert!(
        words(update(&cloud, updating("Music")).await).starts_with("At least one of ProvisionedThroughput")
    );
}

#[tokio::test]
async fn most_changes_want_to_be_alone() {
    let cloud = cloud_with(2, "Music").await;
    let both = UpdateTableInput {
        deletion_protection_enabled: Some(true),
        table_class: Some(TableClass::StandardInfrequentAccess),
        ..updating("Music")
    };
    assert_eq!(
        words(update(&cloud, both).await),
        "One or more parameter values were invalid: TableClass modification must be the only operation in the request"
    );
}

#[tokio::test]
async fn capacity_changes_between_the_modes() {
    let cloud = cloud_with(3, "Music").await;
    let provisioned = || UpdateTableInput {
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: units(3, 4),
        ..updating("Music")
    };
    let answer = update(&cloud, provisioned()).await.expect("it can be");
    assert_eq!(answer.table_status, Some(TableStatus::Updating));
    let table = describe(&cloud, "Music").await.expect("it is there");
    let throughput = table.provisioned_throughput.expect("it has some");
    assert_eq!((throughput.read_capacity_units, throughput.write_capacity_units), (Some(3), Some(4)));
    let again = words(update(&cloud, provisioned()).await);
    assert!(again.starts_with("The provisioned throughput for the table will not change."), "{again}");
    let on_demand = UpdateTableInput { billing_mode: Some(BillingMode::PayPerRequest), ..updating("Music") };
    update(&cloud, on_demand.clone()).await.expect("it can be");
    update(&cloud, on_demand).await.expect("twice is no error");
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.provisioned_throughput.and_then(|units| units.read_capacity_units), Some(0));
}

#[tokio::test]
async fn the_class_changes_twice_in_thirty_days() {
    let cloud = cloud_with(4, "Music").await;
    let set = async |class: TableClass| {
        update(&cloud, UpdateTableInput { table_class: Some(class), ..updating("Music") }).await
    };
    set(TableClass::StandardInfrequentAccess).await.expect("once");
    set(TableClass::Standard).await.expect("twice");
    assert_eq!(code(set(TableClass::StandardInfrequentAccess).await), "LimitExceededException");
    cloud.advance(Duration::from_secs(31 * 24 * 3600)).await;
    set(TableClass::StandardInfrequentAccess).await.expect("a month later");
    let table = describe(&cloud, "Music").await.expect("it is there");
    let class = table.table_class_summary.and_then(|summary| summary.table_class);
    assert_eq!(class, Some(TableClass::StandardInfrequentAccess));
}

#[tokio::test]
async fn a_stream_is_switched_on_and_off_and_is_another_then() {
    let cloud = cloud_with(5, "Music").await;
    let set = async |enabled: bool, view: Option<StreamViewType>| {
        let wanted = StreamSpecification { stream_enabled: enabled, stream_view_type: view };
        update(&cloud, UpdateTableInput { stream_specification: Some(wanted), ..updating("Music") }).await
    };
    assert_eq!(words(set(false, None).await), "Table has no stream to disable: TableName: Music");
    set(true, Some(StreamViewType::NewImage)).await.expect("it has none");
    assert_eq!(
        words(set(true, Some(StreamViewType::KeysOnly)).await),
        "Table already has an enabled stream: TableName: Music"
    );
    let first = describe(&cloud, "Music").await.expect("it is there").latest_stream_arn;
    set(false, None).await.expect("it has one");
    let off = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!((off.stream_specification, off.latest_stream_arn.clone()), (None, first.clone()));
    cloud.advance(Duration::from_secs(1)).await;
    set(true, Some(StreamViewType::KeysOnly)).await.expect("it has none");
    let second = describe(&cloud, "Music").await.expect("it is there").latest_stream_arn;
    assert_ne!(first, second);
}
