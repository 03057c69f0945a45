//! Global indexes that are added to and taken from a table that is in use.

use dynamodb_api::*;
use testkit::Cloud;

use crate::support::*;

fn adding(table: &str, index: &str, key: &str) -> UpdateTableInput {
    let create = CreateGlobalSecondaryIndexAction {
        index_name: index.to_owned(),
        key_schema: vec![hash(key)],
        projection: all(),
        ..CreateGlobalSecondaryIndexAction::default()
    };
    UpdateTableInput {
        attribute_definitions: Some(vec![defined(key, ScalarAttributeType::S)]),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(create),
            ..GlobalSecondaryIndexUpdate::default()
        }]),
        ..updating(table)
    }
}

fn removing(table: &str, index: &str) -> UpdateTableInput {
    let delete = DeleteGlobalSecondaryIndexAction { index_name: index.to_owned() };
    UpdateTableInput {
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            delete: Some(delete),
            ..GlobalSecondaryIndexUpdate::default()
        }]),
        ..updating(table)
    }
}

async fn status(cloud: &Cloud, table: &str, index: &str) -> Option<IndexStatus> {
    let described = describe(cloud, table).await.expect("it is there");
    let indexes = described.global_secondary_indexes.unwrap_or_default();
    indexes.into_iter().find(|found| found.index_name.as_deref() == Some(index))?.index_status
}

#[tokio::test]
async fn an_index_that_is_added_gets_all_items_there_are_and_come() {
    let cloud = cloud_with(1, "Music").await;
    for number in 0..1203 {
        let year = format!("{}", 1990 + number % 3);
        put(
            &cloud,
            "Music",
            item(&[("pk", text(&number.to_string())), ("sk", text("x")), ("year", text(&year))]),
        )
        .await;
    }
    put(&cloud, "Music", item(&[("pk", text("sparse")), ("sk", text("x"))])).await;
    let answer = update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    assert_eq!(answer.table_status, Some(TableStatus::Updating));
    put(&cloud, "Music", item(&[("pk", text("late")), ("sk", text("x")), ("year", text("1990"))])).await;
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    let index = &table.global_secondary_indexes.expect("there is one")[0];
    assert_eq!((table.item_count, index.item_count), (Some(1205), Some(1204)));
    until(&cloud, async || {
        describe(&cloud, "Music").await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
    assert_eq!(index.backfilling, None);
}

#[tokio::test]
async fn one_index_comes_or_goes_at_a_time() {
    let cloud = cloud_with(2, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("year", text("1990"))])).await;
    update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    assert_eq!(
        words(update(&cloud, adding("Music", "byYear", "year")).await),
        "Attempting to create an index which already exists"
    );
    let mut both = adding("Music", "byGenre", "genre");
    let more = removing("Music", "byYear").global_secondary_index_updates.unwrap_or_default();
    both.global_secondary_index_updates.get_or_insert_default().extend(more);
    assert_eq!(code(update(&cloud, both).await), "LimitExceededException");
    assert_eq!(
        words(update(&cloud, removing("Music", "ghost")).await),
        "Requested resource not found: Index ghost for table Music"
    );
}

#[tokio::test]
async fn an_index_that_is_taken_away_takes_its_definitions_along() {
    let cloud = cloud_with(3, "Music").await;
    update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    let spaces = cloud.tables.spaces().len();
    update(&cloud, removing("Music", "byYear")).await.expect("it is there");
    until(&cloud, async || status(&cloud, "Music", "byYear").await.is_none()).await;
    until(&cloud, async || cloud.tables.spaces().len() < spaces).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.attribute_definitions.unwrap_or_default().len(), 2);
}
