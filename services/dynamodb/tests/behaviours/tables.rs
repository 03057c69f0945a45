//! Tables: made, shown, listed, deleted.

use dynamodb_api::*;
use testkit::{Cloud, START};

use crate::support::*;

#[tokio::test]
async fn a_new_table_is_being_created_and_active_when_asked_for() {
    let cloud = Cloud::new(1).await;
    let created = create(&cloud, "Music").await;
    assert_eq!(created.table_status, Some(TableStatus::Creating));
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.table_status, Some(TableStatus::Active));
    assert_eq!(table.table_arn.as_deref(), Some("arn:aws:dynamodb:us-east-1:000000000000:table/Music"));
    assert_eq!(table.creation_date_time, Some(START));
    assert_eq!(table.deletion_protection_enabled, Some(false));
    assert_eq!(table.sse_description, None);
    assert_eq!(table.table_class_summary, None);
    let billing = table.billing_mode_summary.expect("it is billed by request");
    assert_eq!(billing.billing_mode, Some(BillingMode::PayPerRequest));
    let by_arn = describe(&cloud, "arn:aws:dynamodb:us-east-1:000000000000:table/Music").await;
    assert_eq!(by_arn.expect("an ARN is as good as a name").table_id, created.table_id);
}

#[tokio::test]
async fn a_table_of_provisioned_capacity_says_nothing_of_its_billing_mode() {
    let cloud = Cloud::new(2).await;
    let units = ProvisionedThroughput { read_capacity_units: 5, write_capacity_units: 6 };
    let input =
        CreateTableInput { billing_mode: None, provisioned_throughput: Some(units), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("it is possible");
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.billing_mode_summary, None);
    let throughput = table.provisioned_throughput.expect("it has some");
    assert_eq!((throughput.read_capacity_units, throughput.write_capacity_units), (Some(5), Some(6)));
    assert_eq!(table.warm_throughput.and_then(|warm| warm.read_units_per_second), Some(5));
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let cloud = cloud_with(3, "Music").await;
    let again = cloud.call(CreateTable, creating("Music")).await;
    assert_eq!(words(again), "Table already exists: Music");
    let elsewhere = base::Region::parse("eu-west-1").expect("it is a region");
    let created = cloud.call_as(base::AccountId::DEV, elsewhere, CreateTable, creating("Music")).await;
    assert!(created.is_ok(), "another region is another place");
}

#[tokio::test]
async fn names_are_checked_before_anything_is_looked_for() {
    let cloud = Cloud::new(4).await;
    let said = words(describe(&cloud, "ab").await);
    assert_eq!(
        said,
        "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length \
         greater than or equal to 3"
    );
    assert_eq!(code(describe(&cloud, "absent").await), "ResourceNotFoundException");
    assert_eq!(
        words(describe(&cloud, "absent").await),
        "Requested resource not found: Table: absent not found"
    );
}

#[tokio::test]
async fn tables_are_listed_in_pages_by_name() {
    let cloud = Cloud::new(5).await;
    for name in ["ccc", "aaa", "bbb"] {
        create(&cloud, name).await;
    }
    let list = async |after: Option<&str>| {
        let input = ListTablesInput { exclusive_start_table_name: after.map(str::to_owned), limit: Some(2) };
        let output = cloud.call(ListTables, input).await.expect("they are listed");
        (output.table_names.unwrap_or_default(), output.last_evaluated_table_name)
    };
    let (first, next) = list(None).await;
    assert_eq!(first, ["aaa", "bbb"]);
    assert_eq!(next.as_deref(), Some("bbb"));
    assert_eq!(list(next.as_deref()).await, (vec!["ccc".to_owned()], None));
}

#[tokio::test]
async fn a_deleted_table_is_gone_and_its_room_given_back() {
    let cloud = cloud_with(6, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    let before = cloud.tables.spaces().len();
    let deleting = DeleteTableInput { table_name: "Music".to_owned() };
    let output = cloud.call(DeleteTable, deleting.clone()).await.expect("it is there");
    let status = output.table_description.and_then(|table| table.table_status);
    assert_eq!(status, Some(TableStatus::Deleting));
    assert_eq!(code(describe(&cloud, "Music").await), "ResourceNotFoundException");
    assert_eq!(code(cloud.call(DeleteTable, deleting).await), "ResourceNotFoundException");
    until(&cloud, async || cloud.tables.spaces().len() < before).await;
    create(&cloud, "Music").await;
    assert_eq!(get(&cloud, "Music", "a", "b").await, None, "a new table of that name is empty");
}

#[tokio::test]
async fn a_protected_table_is_not_deleted() {
    let cloud = Cloud::new(7).await;
    let input = CreateTableInput { deletion_protection_enabled: Some(true), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("it is possible");
    let deleting = DeleteTableInput { table_name: "Music".to_owned() };
    assert_eq!(
        words(cloud.call(DeleteTable, deleting.clone()).await),
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
    );
    let unprotect = UpdateTableInput { deletion_protection_enabled: Some(false), ..updating("Music") };
    let updated = update(&cloud, unprotect).await.expect("it can be");
    assert_eq!(updated.table_status, Some(TableStatus::Active));
    cloud.call(DeleteTable, deleting).await.expect("nothing protects it");
}

#[tokio::test]
async fn a_table_survives_a_crash_of_its_record_and_its_spaces_apart() {
    let cloud = cloud_with(8, "Music").await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!((table.item_count, table.table_size_bytes), (Some(0), Some(0)));
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.item_count, Some(1));
}

#[tokio::test]
async fn what_is_not_there_is_refused_and_not_dropped() {
    let cloud = cloud_with(9, "Music").await;
    let vectors = CreateTableInput { vector_indexes: Some(Vec::new()), ..creating("Vectors") };
    assert_eq!(code(cloud.call(CreateTable, vectors).await), "NotImplemented");
    let strong = UpdateTableInput {
        multi_region_consistency: Some(MultiRegionConsistency::Strong),
        ..updating("Music")
    };
    assert_eq!(code(update(&cloud, strong).await), "NotImplemented");
}
