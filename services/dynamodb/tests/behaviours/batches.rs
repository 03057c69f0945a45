//! BatchGetItem and BatchWriteItem.

use dynamodb_api::*;

use crate::items::*;

fn puts(items: Vec<Item>) -> Vec<WriteRequest> {
    let put = |item| WriteRequest { put_request: Some(PutRequest { item }), delete_request: None };
    items.into_iter().map(put).collect()
}

fn write(requests: Vec<(&str, Vec<WriteRequest>)>) -> BatchWriteItemInput {
    let request_items = requests.into_iter().map(|(table, requests)| (table.to_owned(), requests)).collect();
    BatchWriteItemInput { request_items, ..Default::default() }
}

#[tokio::test]
async fn a_batch_writes_and_reads_several_tables() {
    let cloud = cloud_with(table("things", true)).await;
    create(&cloud, table("others", false)).await;
    let items = (0..20).map(|sk| item(&[("pk", s("a")), ("sk", n(sk)), ("v", n(sk))])).collect();
    let mut input = write(vec![("things", puts(items)), ("others", puts(vec![item(&[("pk", s("x"))])]))]);
    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
    let done = cloud.call(BatchWriteItem, input).await.expect("it is answered");
    assert_eq!(done.unprocessed_items, Some([].into()));
    let consumed = done.consumed_capacity.expect("it is there");
    let units: Vec<f64> = consumed.iter().filter_map(|one| one.capacity_units).collect();
    assert_eq!(units, [1.0, 20.0]);

    let keys = |range: std::ops::Range<i32>| KeysAndAttributes {
        keys: range.map(|sk| item(&[("pk", s("a")), ("sk", n(sk))])).collect(),
        projection_expression: Some("v".into()),
        ..Default::default()
    };
    let others = KeysAndAttributes {
        keys: vec![item(&[("pk", s("x"))]), item(&[("pk", s("y"))])],
        ..Default::default()
    };
    let input = BatchGetItemInput {
        request_items: [("things".into(), keys(15..25)), ("others".into(), others)].into(),
        ..Default::default()
    };
    let found = cloud.call(BatchGetItem, input).await.expect("it is answered");
    let mut responses = found.responses.expect("it is there");
    assert_eq!(numbers(responses.remove("things"), "v"), [15, 16, 17, 18, 19]);
    assert_eq!(responses.remove("others"), Some(vec![item(&[("pk", s("x"))])]));
    assert_eq!(found.unprocessed_keys, Some([].into()));
}

#[tokio::test]
async fn an_answer_stops_at_sixteen_mebibytes_and_gives_the_rest_back() {
    let cloud = cloud_with(table("things", true)).await;
    for sk in 0..50 {
        put(&cloud, "things", item(&[("pk", s("a")), ("sk", n(sk)), ("v", s(&"x".repeat(400_000)))])).await;
    }
    let keys = (0..50).map(|sk| item(&[("pk", s("a")), ("sk", n(sk))])).collect();
    let wanted = KeysAndAttributes { keys, consistent_read: Some(true), ..Default::default() };
    let input = BatchGetItemInput { request_items: [("things".into(), wanted)].into(), ..Default::default() };
    let found = cloud.call(BatchGetItem, input).await.expect("it is answered");
    assert_eq!(found.responses.expect("it is there")["things"].len(), 41);
    let left = &found.unprocessed_keys.expect("it is there")["things"];
    assert_eq!((left.keys.len(), left.consistent_read), (9, Some(true)));
}

#[tokio::test]
async fn a_bad_batch_writes_nothing() {
    let cloud = cloud_with(table("things", false)).await;
    let good = || item(&[("pk", s("a"))]);
    for (requests, message) in [
        (puts(vec![good(), good()]), "Provided list of item keys contains duplicates"),
        (puts(vec![good(), item(&[("pk", n(1))])]), "The provided key element does not match the schema"),
        (
            puts((0..26).map(|number| item(&[("pk", s(&number.to_string()))])).collect()),
            "Too many items requested for the BatchWriteItem call",
        ),
    ] {
        invalid(cloud.call(BatchWriteItem, write(vec![("things", requests)])).await, message);
    }
    let missing = write(vec![("things", puts(vec![good()])), ("none", puts(vec![good()]))]);
    refused(
        cloud.call(BatchWriteItem, missing).await,
        "ResourceNotFoundException",
        "Requested resource not found",
    );
    assert_eq!(get(&cloud, "things", good()).await, None);
}
