//! Global tables: replicas in other regions of the cloud.

use std::time::Duration;

use base::{AccountId, Region};
use dynamodb_api::*;
use schema::{Fault, OperationType};
use testkit::Cloud;

use crate::support::*;

fn west() -> Region {
    Region::parse("eu-west-1").expect("it is a region")
}

async fn there<O: OperationType>(cloud: &Cloud, operation: O, input: O::Input) -> Result<O::Output, Fault> {
    cloud.call_as(AccountId::DEV, west(), operation, input).await
}

fn replica(create: bool, region: &str) -> UpdateTableInput {
    let region_name = region.to_owned();
    let update = match create {
        true => ReplicationGroupUpdate {
            create: Some(CreateReplicationGroupMemberAction { region_name, ..Default::default() }),
            ..ReplicationGroupUpdate::default()
        },
        false => ReplicationGroupUpdate {
            delete: Some(DeleteReplicationGroupMemberAction { region_name }),
            ..ReplicationGroupUpdate::default()
        },
    };
    UpdateTableInput { replica_updates: Some(vec![update]), ..updating("Music") }
}

async fn get_there(cloud: &Cloud, pk: &str) -> Option<Attributes> {
    let input = GetItemInput {
        table_name: "Music".to_owned(),
        key: item(&[("pk", text(pk)), ("sk", text("x"))]),
        ..GetItemInput::default()
    };
    there(cloud, GetItem, input).await.ok()?.item
}

async fn put_there(cloud: &Cloud, item: Attributes) {
    let input = PutItemInput { table_name: "Music".to_owned(), item, ..PutItemInput::default() };
    there(cloud, PutItem, input).await.expect("the replica takes writes");
}

async fn replicated(seed: u64) -> Cloud {
    let cloud = cloud_with(seed, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("before")), ("sk", text("x"))])).await;
    update(&cloud, replica(true, "eu-west-1")).await.expect("a replica is possible");
    until(&cloud, async || {
        describe(&cloud, "Music").await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
    cloud
}

#[tokio::test]
async fn writes_of_each_region_come_to_the_other() {
    let cloud = replicated(1).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.global_table_version.as_deref(), Some("2019.11.21"));
    assert_eq!(table.replicas.unwrap_or_default().len(), 2);
    assert!(table.stream_specification.is_some());
    until(&cloud, async || get_there(&cloud, "before").await.is_some()).await;
    put(&cloud, "Music", item(&[("pk", text("here")), ("sk", text("x"))])).await;
    put_there(&cloud, item(&[("pk", text("there")), ("sk", text("x"))])).await;
    until(&cloud, async || {
        get_there(&cloud, "here").await.is_some() && get(&cloud, "Music", "there", "x").await.is_some()
    })
    .await;
    let deleting = DeleteItemInput {
        table_name: "Music".to_owned(),
        key: item(&[("pk", text("there")), ("sk", text("x"))]),
        ..DeleteItemInput::default()
    };
    cloud.call(DeleteItem, deleting).await.expect("it is there");
    until(&cloud, async || get_there(&cloud, "there").await.is_none()).await;
}

#[tokio::test]
async fn of_two_writes_the_later_wins_everywhere() {
    let cloud = replicated(2).await;
    let version = |value: i64| item(&[("pk", text("a")), ("sk", text("x")), ("v", number(value))]);
    put(&cloud, "Music", version(1)).await;
    cloud.clock.advance(Duration::from_millis(5));
    put_there(&cloud, version(2)).await;
    until(&cloud, async || get(&cloud, "Music", "a", "x").await == Some(version(2))).await;
    cloud.advance(Duration::from_secs(2)).await;
    assert_eq!(get_there(&cloud, "a").await, Some(version(2)));
}

#[tokio::test]
async fn settings_are_the_same_everywhere() {
    let cloud = replicated(3).await;
    let input = UpdateTimeToLiveInput {
        table_name: "Music".to_owned(),
        time_to_live_specification: TimeToLiveSpecification {
            enabled: true,
            attribute_name: "ttl".to_owned(),
        },
    };
    cloud.call(UpdateTimeToLive, input).await.expect("it is off");
    let input = DescribeTimeToLiveInput { table_name: "Music".to_owned() };
    let shown = there(&cloud, DescribeTimeToLive, input).await.expect("the replica is there");
    let shown = shown.time_to_live_description.and_then(|shown| shown.time_to_live_status);
    assert_eq!(shown, Some(TimeToLiveStatus::Enabled));
}

#[tokio::test]
async fn a_replica_is_taken_away_and_a_plain_table_left() {
    let cloud = replicated(4).await;
    assert_eq!(
        words(update(&cloud, replica(true, "us-east-1")).await),
        "Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or \
         UpdateTable as required."
    );
    assert_eq!(code(update(&cloud, replica(true, "eu-west-1")).await), "ResourceInUseException");
    let deleting = DeleteTableInput { table_name: "Music".to_owned() };
    let source = words(cloud.call(DeleteTable, deleting).await);
    assert!(source.starts_with("Replica cannot be deleted because it has acted as a source"), "{source}");
    update(&cloud, replica(false, "eu-west-1")).await.expect("it is there");
    assert_eq!(
        words(update(&cloud, replica(false, "eu-west-1")).await),
        "Replica specified in the Replica Update or Replica Delete action of the request was not found."
    );
    let input = DescribeTableInput { table_name: "Music".to_owned() };
    assert_eq!(code(there(&cloud, DescribeTable, input).await), "ResourceNotFoundException");
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!((table.replicas, table.global_table_version), (None, None));
    put(&cloud, "Music", item(&[("pk", text("after")), ("sk", text("x"))])).await;
}

#[tokio::test]
async fn global_tables_of_2017_are_no_more() {
    let cloud = cloud_with(5, "Music").await;
    let input = CreateGlobalTableInput {
        global_table_name: "Music".to_owned(),
        replication_group: vec![Replica { region_name: Some("us-east-1".to_owned()) }],
    };
    assert!(
        words(cloud.call(CreateGlobalTable, input).await).contains("version 2017.11.29 is not supported")
    );
    let input = DescribeGlobalTableInput { global_table_name: "Music".to_owned() };
    assert_eq!(code(cloud.call(DescribeGlobalTable, input).await), "GlobalTableNotFoundException");
}
