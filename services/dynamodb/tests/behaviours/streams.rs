//! DynamoDB Streams.

use std::time::Duration;

use dynamodb_api::{
    CreateTableInput, DeleteItem, DeleteItemInput, DescribeTable, DescribeTableInput, StreamSpecification,
    StreamViewType,
};
use dynamodbstreams_api as streams;
use schema::Fault;
use streams::{OperationType, Record, ShardIteratorType};
use testkit::Cloud;

use crate::items::*;

fn streamed(view: StreamViewType) -> CreateTableInput {
    CreateTableInput {
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(view),
        }),
        ..table("things", false)
    }
}

async fn stream_arn(cloud: &Cloud) -> String {
    let input = DescribeTableInput { table_name: "things".into() };
    let table = cloud.call(DescribeTable, input).await.expect("it is answered").table.expect("it is there");
    table.latest_stream_arn.expect("the table is streamed")
}

async fn describe(cloud: &Cloud, arn: &str) -> streams::StreamDescription {
    let input = streams::DescribeStreamInput { stream_arn: arn.to_owned(), ..Default::default() };
    cloud
        .call(streams::DescribeStream, input)
        .await
        .expect("it is answered")
        .stream_description
        .expect("it is there")
}

async fn iterator(
    cloud: &Cloud,
    (arn, shard): (&str, &str),
    kind: ShardIteratorType,
    number: Option<String>,
) -> Result<String, Fault> {
    let input = streams::GetShardIteratorInput {
        stream_arn: arn.to_owned(),
        shard_id: shard.to_owned(),
        shard_iterator_type: kind,
        sequence_number: number,
        timestamp: None,
    };
    Ok(cloud.call(streams::GetShardIterator, input).await?.shard_iterator.expect("it is there"))
}

async fn read(cloud: &Cloud, iterator: &str, limit: Option<i32>) -> Result<streams::GetRecordsOutput, Fault> {
    let input = streams::GetRecordsInput { shard_iterator: iterator.to_owned(), limit };
    cloud.call(streams::GetRecords, input).await
}

async fn all(cloud: &Cloud, arn: &str) -> Vec<Record> {
    let mut records = Vec::new();
    for shard in describe(cloud, arn).await.shards.expect("it is there") {
        let shard = shard.shard_id.expect("it is there");
        let mut next = Some(
            iterator(cloud, (arn, &shard), ShardIteratorType::TrimHorizon, None)
                .await
                .expect("it is answered"),
        );
        while let Some(iterator) = next {
            let page = read(cloud, &iterator, Some(2)).await.expect("it is answered");
            let found = page.records.expect("it is there");
            next = page.next_shard_iterator.filter(|_| !found.is_empty());
            records.extend(found);
        }
    }
    records
}

fn key_of(change: &streams::StreamRecord) -> Option<String> {
    match change.keys.as_ref()?.get("pk")? {
        streams::AttributeValue::S(key) => Some(key.clone()),
        _ => None,
    }
}

async fn delete(cloud: &Cloud, pk: &str) {
    let input =
        DeleteItemInput { table_name: "things".into(), key: item(&[("pk", s(pk))]), ..Default::default() };
    cloud.call(DeleteItem, input).await.expect("it is answered");
}

#[tokio::test]
async fn every_change_is_in_the_stream_in_order_and_as_its_view_says() {
    for (view, has_old, has_new) in [
        (StreamViewType::NewAndOldImages, true, true),
        (StreamViewType::NewImage, false, true),
        (StreamViewType::OldImage, true, false),
        (StreamViewType::KeysOnly, false, false),
    ] {
        let cloud = cloud_with(streamed(view)).await;
        put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
        put(&cloud, "things", item(&[("pk", s("a")), ("v", n(2))])).await;
        // What changes nothing is no change.
        put(&cloud, "things", item(&[("pk", s("a")), ("v", n(2))])).await;
        delete(&cloud, "a").await;
        delete(&cloud, "a").await;
        let arn = stream_arn(&cloud).await;
        let records = all(&cloud, &arn).await;
        let events: Vec<OperationType> =
            records.iter().filter_map(|record| record.event_name.clone()).collect();
        assert_eq!(events, [OperationType::Insert, OperationType::Modify, OperationType::Remove]);
        let changes: Vec<_> = records.into_iter().filter_map(|record| record.dynamodb).collect();
        assert_eq!(changes[1].old_image.is_some(), has_old);
        assert_eq!(changes[1].new_image.is_some(), has_new);
        assert!(changes[0].old_image.is_none() && changes[2].new_image.is_none());
        let numbers: Vec<_> =
            changes.iter().map(|change| change.sequence_number.clone().expect("it is there")).collect();
        assert!(numbers.is_sorted());
        assert_eq!(key_of(&changes[0]).as_deref(), Some("a"));
    }
}

#[tokio::test]
async fn iterators_begin_where_they_say_and_expire() {
    let cloud = cloud_with(streamed(StreamViewType::KeysOnly)).await;
    let arn = stream_arn(&cloud).await;
    for pk in ["a", "b", "c"] {
        put(&cloud, "things", item(&[("pk", s(pk))])).await;
    }
    let shard =
        describe(&cloud, &arn).await.shards.expect("it is there")[0].shard_id.clone().expect("it is there");
    let place = (arn.as_str(), shard.as_str());
    let records = all(&cloud, &arn).await;
    let number = records[1].dynamodb.as_ref().expect("it is there").sequence_number.clone();
    let latest = iterator(&cloud, place, ShardIteratorType::Latest, None).await.expect("it is answered");
    for (kind, number, expected) in [
        (ShardIteratorType::AtSequenceNumber, number.clone(), "bc"),
        (ShardIteratorType::AfterSequenceNumber, number, "c"),
        (ShardIteratorType::TrimHorizon, None, "abc"),
    ] {
        let iterator = iterator(&cloud, place, kind, number).await.expect("it is answered");
        let found =
            read(&cloud, &iterator, None).await.expect("it is answered").records.expect("it is there");
        let keys: String = found.iter().filter_map(|record| key_of(record.dynamodb.as_ref()?)).collect();
        assert_eq!(keys, expected);
    }
    let nothing = read(&cloud, &latest, None).await.expect("it is answered");
    assert!(nothing.records.expect("it is there").is_empty());
    put(&cloud, "things", item(&[("pk", s("d"))])).await;
    assert_eq!(
        read(&cloud, &nothing.next_shard_iterator.expect("it is there"), None)
            .await
            .expect("it is answered")
            .records
            .expect("it is there")
            .len(),
        1
    );
    cloud.advance(Duration::from_secs(15 * 60)).await;
    let expired = read(&cloud, &latest, None).await;
    assert_eq!(expired.unwrap_err().name(), "ExpiredIteratorException");
    let strange = read(&cloud, "strange", None).await;
    assert_eq!(strange.unwrap_err().name(), "ValidationException");
    let unknown =
        iterator(&cloud, (&arn, "shardId-00000000000000000000-00000000"), ShardIteratorType::Latest, None);
    assert_eq!(unknown.await.unwrap_err().name(), "ResourceNotFoundException");
}

#[tokio::test]
async fn shards_roll_and_records_are_trimmed_after_a_day() {
    let cloud = cloud_with(streamed(StreamViewType::NewImage)).await;
    let arn = stream_arn(&cloud).await;
    put(&cloud, "things", item(&[("pk", s("a"))])).await;
    cloud.advance(Duration::from_secs(4 * 3600)).await;
    put(&cloud, "things", item(&[("pk", s("b"))])).await;
    let shards = describe(&cloud, &arn).await.shards.expect("it is there");
    assert_eq!(shards.len(), 2);
    assert_eq!(shards[1].parent_shard_id, shards[0].shard_id);
    let range = shards[0].sequence_number_range.as_ref().expect("it is there");
    assert!(range.ending_sequence_number.is_some());
    let records = all(&cloud, &arn).await;
    assert_eq!(records.len(), 2);
    let first = records[0].dynamodb.as_ref().expect("it is there").sequence_number.clone();
    cloud.advance(Duration::from_secs(20 * 3600)).await;
    assert_eq!(all(&cloud, &arn).await.len(), 1, "the first one is a day old");
    let oldest = shards[0].shard_id.clone().expect("it is there");
    let trimmed = iterator(&cloud, (&arn, &oldest), ShardIteratorType::AtSequenceNumber, first).await;
    assert_eq!(trimmed.unwrap_err().name(), "TrimmedDataAccessException");
}

#[tokio::test]
async fn streams_are_listed_and_outlive_their_table_by_a_day() {
    let cloud = cloud_with(streamed(StreamViewType::NewImage)).await;
    let arn = stream_arn(&cloud).await;
    put(&cloud, "things", item(&[("pk", s("a"))])).await;
    let input = dynamodb_api::DeleteTableInput { table_name: "things".into() };
    cloud.call(dynamodb_api::DeleteTable, input).await.expect("it is answered");
    cloud.advance(Duration::from_secs(60)).await;
    let list = || async {
        cloud
            .call(streams::ListStreams, streams::ListStreamsInput::default())
            .await
            .expect("it is answered")
            .streams
            .expect("it is there")
    };
    assert_eq!(list().await[0].stream_arn.as_deref(), Some(arn.as_str()));
    assert_eq!(describe(&cloud, &arn).await.stream_status, Some(streams::StreamStatus::Disabled));
    assert_eq!(all(&cloud, &arn).await.len(), 1);
    cloud.advance(Duration::from_secs(24 * 3600)).await;
    assert!(list().await.is_empty());
}
