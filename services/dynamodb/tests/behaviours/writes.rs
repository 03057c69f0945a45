//! PutItem, GetItem, UpdateItem, DeleteItem.

use std::time::Duration;

use dynamodb_api::*;

use crate::items::*;

#[tokio::test]
async fn an_item_that_was_put_is_got_back_exactly() {
    let cloud = cloud_with(table("things", true)).await;
    let mut whole = item(&[("pk", s("a")), ("sk", n(1)), ("empty", s("")), ("n", n("1E+3"))]);
    whole.insert("b".into(), AttributeValue::B(vec![0, 255].into()));
    whole.insert("list".into(), AttributeValue::L(vec![s("x"), n(2)]));
    whole.insert("null".into(), AttributeValue::NULL(true));
    put(&cloud, "things", whole.clone()).await;
    whole.insert("n".into(), n(1000));
    assert_eq!(get(&cloud, "things", item(&[("pk", s("a")), ("sk", n("1.0"))])).await, Some(whole));
    assert_eq!(get(&cloud, "things", item(&[("pk", s("a")), ("sk", n(2))])).await, None);
}

#[tokio::test]
async fn only_what_is_asked_for_comes_back() {
    let cloud = cloud_with(table("things", false)).await;
    let map = AttributeValue::M(item(&[("x", n(1)), ("y", n(2))]));
    put(&cloud, "things", item(&[("pk", s("a")), ("m", map), ("other", s("o"))])).await;
    let mut input = GetItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a"))]),
        projection_expression: Some("#m.x, absent".into()),
        expression_attribute_names: names(&[("#m", "m")]),
        ..Default::default()
    };
    let part = AttributeValue::M(item(&[("x", n(1))]));
    let found = cloud.call(GetItem, input.clone()).await.expect("it is answered");
    assert_eq!(found.item, Some(item(&[("m", part)])));
    input.projection_expression = None;
    input.expression_attribute_names = None;
    input.attributes_to_get = Some(vec!["other".into()]);
    let found = cloud.call(GetItem, input).await.expect("it is answered");
    assert_eq!(found.item, Some(item(&[("other", s("o"))])));
}

#[tokio::test]
async fn a_condition_that_does_not_hold_changes_nothing_and_may_show_the_item() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
    let mut input = put_input("things", item(&[("pk", s("a")), ("v", n(2))]));
    input.condition_expression = Some("attribute_not_exists(pk)".into());
    input.return_values_on_condition_check_failure = Some(ReturnValuesOnConditionCheckFailure::AllOld);
    let fault = cloud.call(PutItem, input.clone()).await.unwrap_err();
    assert_eq!(fault.name(), "ConditionalCheckFailedException");
    assert_eq!(fault.message(), "The conditional request failed");
    let detail = fault.detail().and_then(|detail| {
        detail.as_any().downcast_ref::<ConditionalCheckFailedException>().and_then(|error| error.item.clone())
    });
    assert_eq!(detail, Some(item(&[("pk", s("a")), ("v", n(1))])));
    input.condition_expression = Some("v < :v".into());
    input.expression_attribute_values = Some(item(&[(":v", n(10))]));
    input.return_values = Some(ReturnValue::AllOld);
    let done = cloud.call(PutItem, input).await.expect("it is answered");
    assert_eq!(done.attributes, Some(item(&[("pk", s("a")), ("v", n(1))])));
}

#[tokio::test]
async fn older_conditions_and_updates_mean_the_same() {
    let cloud = cloud_with(table("things", false)).await;
    let expects = |value: Option<AttributeValue>, exists: Option<bool>| {
        Some([("v".to_owned(), ExpectedAttributeValue { value, exists, ..Default::default() })].into())
    };
    let mut input = put_input("things", item(&[("pk", s("a")), ("v", n(1))]));
    input.expected = expects(None, Some(false));
    cloud.call(PutItem, input.clone()).await.expect("it is answered");
    let again = cloud.call(PutItem, input).await;
    refused(again, "ConditionalCheckFailedException", "The conditional request failed");
    let update = |action: &str, value: AttributeValue| AttributeValueUpdate {
        value: Some(value),
        action: Some(action.into()),
    };
    let input = UpdateItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a"))]),
        attribute_updates: Some(
            [("v".into(), update("ADD", n(4))), ("w".into(), update("PUT", s("x")))].into(),
        ),
        expected: expects(Some(n(1)), None),
        return_values: Some(ReturnValue::UpdatedNew),
        ..Default::default()
    };
    let done = cloud.call(UpdateItem, input).await.expect("it is answered");
    assert_eq!(done.attributes, Some(item(&[("v", n(5)), ("w", s("x"))])));
}

#[tokio::test]
async fn an_update_returns_what_it_is_asked_for() {
    let cloud = cloud_with(table("things", false)).await;
    let key = || item(&[("pk", s("a"))]);
    let mut input = update_input(key(), "SET a = :one, b = :two", &[(":one", n(1)), (":two", n(2))]);
    input.return_values = Some(ReturnValue::AllOld);
    assert_eq!(cloud.call(UpdateItem, input).await.expect("it is answered").attributes, None);
    for (wanted, expected) in [
        (ReturnValue::None, None),
        (ReturnValue::UpdatedOld, Some(item(&[("a", n(2))]))),
        (ReturnValue::UpdatedNew, Some(item(&[("a", n(4))]))),
        (ReturnValue::AllOld, Some(item(&[("pk", s("a")), ("a", n(4)), ("b", n(2))]))),
        (ReturnValue::AllNew, Some(item(&[("pk", s("a")), ("a", n(6)), ("b", n(2))]))),
    ] {
        let mut input = update_input(key(), "ADD a :one", &[(":one", n(1))]);
        input.return_values = Some(wanted);
        assert_eq!(cloud.call(UpdateItem, input).await.expect("it is answered").attributes, expected);
    }
}

#[tokio::test]
async fn deleting_tells_what_was_there_and_is_no_error_twice() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
    let input = DeleteItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a"))]),
        return_values: Some(ReturnValue::AllOld),
        ..Default::default()
    };
    let done = cloud.call(DeleteItem, input.clone()).await.expect("it is answered");
    assert_eq!(done.attributes, Some(item(&[("pk", s("a")), ("v", n(1))])));
    assert_eq!(cloud.call(DeleteItem, input).await.expect("it is answered").attributes, None);
}

#[tokio::test]
async fn wrong_keys_and_values_are_refused_in_dynamodbs_words() {
    let cloud = cloud_with(table("things", true)).await;
    let mismatch = "The provided key element does not match the schema";
    for key in [
        item(&[("pk", s("a"))]),
        item(&[("pk", s("a")), ("sk", s("1"))]),
        item(&[("pk", s("a")), ("sk", n(1)), ("more", n(1))]),
    ] {
        let input = GetItemInput { table_name: "things".into(), key, ..Default::default() };
        invalid(cloud.call(GetItem, input).await, mismatch);
    }
    for (wrong, message) in [
        (
            item(&[("pk", s("a"))]),
            "One or more parameter values were invalid: Missing the key sk in the item",
        ),
        (
            item(&[("pk", s("a")), ("sk", s("x"))]),
            "One or more parameter values were invalid: Type mismatch for key sk expected: N actual: S",
        ),
        (
            item(&[("pk", s("")), ("sk", n(1))]),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             string value. Key: pk",
        ),
        (
            item(&[("pk", s(&"x".repeat(2049))), ("sk", n(1))]),
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ),
        (
            item(&[("pk", s("a")), ("sk", n("1x"))]),
            "1 validation error detected: The parameter cannot be converted to a numeric value: 1x",
        ),
        (
            item(&[("pk", s("a")), ("sk", n(1)), ("v", s(&"x".repeat(409_600)))]),
            "Item size has exceeded the maximum allowed size",
        ),
    ] {
        invalid(cloud.call(PutItem, put_input("things", wrong)).await, message);
    }
    let mut input = put_input("things", item(&[("pk", s("a")), ("sk", n(1))]));
    input.return_values = Some(ReturnValue::AllNew);
    invalid(cloud.call(PutItem, input).await, "ReturnValues can only be ALL_OLD or NONE");
    let key = item(&[("pk", s("a")), ("sk", n(1))]);
    let set_key = update_input(key, "SET pk = :v", &[(":v", s("b"))]);
    invalid(
        cloud.call(UpdateItem, set_key).await,
        "One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key",
    );
    let nowhere = cloud.call(PutItem, put_input("none", item(&[("pk", s("a"))]))).await;
    refused(nowhere, "ResourceNotFoundException", "Requested resource not found");
}

#[tokio::test]
async fn consumed_capacity_follows_the_documented_rules() {
    let local = with_local(table("things", true), projection("KEYS_ONLY", &[]));
    let cloud = cloud_with(with_global(local, projection("ALL", &[]))).await;
    let mut input = put_input("things", item(&[("pk", s("a")), ("sk", n(1)), ("v", s(&"x".repeat(2000)))]));
    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
    let units = |output: &PutItemOutput| output.consumed_capacity.clone().expect("it is there");
    let plain = units(&cloud.call(PutItem, input.clone()).await.expect("it is answered"));
    assert_eq!(
        (plain.capacity_units, plain.table.expect("it is there").capacity_units),
        (Some(2.0), Some(2.0))
    );
    assert_eq!(plain.global_secondary_indexes, None);
    input.item.insert("g".into(), s("g"));
    input.item.insert("l".into(), s("l"));
    let indexed = units(&cloud.call(PutItem, input.clone()).await.expect("it is answered"));
    assert_eq!(indexed.capacity_units, Some(2.0 + 2.0 + 1.0));
    assert_eq!(indexed.global_secondary_indexes.expect("it is there")["by-g"].capacity_units, Some(2.0));
    assert_eq!(indexed.local_secondary_indexes.expect("it is there")["by-l"].capacity_units, Some(1.0));
    // The entries move: two writes each. The local one is left alone by what it does not project.
    input.item.insert("g".into(), s("h"));
    let moved = units(&cloud.call(PutItem, input).await.expect("it is answered"));
    assert_eq!(moved.capacity_units, Some(2.0 + 4.0));
    let read = |consistent| GetItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a")), ("sk", n(1))]),
        consistent_read: Some(consistent),
        return_consumed_capacity: Some(ReturnConsumedCapacity::Total),
        ..Default::default()
    };
    for (consistent, units) in [(true, 1.0), (false, 0.5)] {
        let found = cloud.call(GetItem, read(consistent)).await.expect("it is answered");
        assert_eq!(found.consumed_capacity.expect("it is there").capacity_units, Some(units));
    }
}

#[tokio::test]
async fn item_collections_are_measured_where_there_are_local_indexes() {
    let cloud = cloud_with(with_local(table("things", true), projection("ALL", &[]))).await;
    let mut input = put_input("things", item(&[("pk", s("a")), ("sk", n(1)), ("l", s("l"))]));
    input.return_item_collection_metrics = Some(ReturnItemCollectionMetrics::Size);
    let metrics = cloud
        .call(PutItem, input.clone())
        .await
        .expect("it is answered")
        .item_collection_metrics
        .expect("it is there");
    assert_eq!(metrics.item_collection_key, Some(item(&[("pk", s("a"))])));
    assert_eq!(metrics.size_estimate_range_gb, Some(vec![0.0, 1.0]));
    create(&cloud, table("plain", true)).await;
    input.table_name = "plain".into();
    assert_eq!(cloud.call(PutItem, input).await.expect("it is answered").item_collection_metrics, None);
}

/// As large as is allowed, and no byte larger; whatever does not grow goes on.
#[tokio::test]
async fn an_item_collection_is_limited_where_there_are_local_indexes() {
    let held_to = fogbank_dynamodb::HeldTo { collection_bytes: 10_000, ..Default::default() };
    let cloud = testkit::Cloud::holding_tables_to(4, held_to).await;
    create(&cloud, with_local(table("things", true), projection("ALL", &[]))).await;
    create(&cloud, table("plain", true)).await;
    let things = |table: &str, pk: &str, sk: i32, bytes: usize| {
        put_input(
            table,
            item(&[("pk", s(pk)), ("sk", n(sk)), ("l", s("l")), ("body", s(&"x".repeat(bytes)))]),
        )
    };
    // The item and its entry in the index: 2 * (4 names and their values).
    for sk in 0..4 {
        cloud.call(PutItem, things("things", "a", sk, 1000)).await.expect("there is room");
    }
    const EXCEEDED: &str = "ItemCollectionSizeLimitExceededException";
    let refused = cloud.call(PutItem, things("things", "a", 4, 1000)).await;
    assert_eq!(refused.expect_err("it is full").name(), EXCEEDED);
    let grown = UpdateItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a")), ("sk", n(0))]),
        update_expression: Some("SET more = :more".into()),
        expression_attribute_values: Some(item(&[(":more", s(&"x".repeat(1000)))])),
        ..Default::default()
    };
    assert_eq!(cloud.call(UpdateItem, grown.clone()).await.expect_err("it is full").name(), EXCEEDED);
    let part = TransactWriteItem {
        put: Some(Put {
            table_name: "things".into(),
            item: things("things", "a", 5, 1000).item,
            ..Default::default()
        }),
        ..Default::default()
    };
    let together = TransactWriteItemsInput { transact_items: vec![part], ..Default::default() };
    let cancelled = cloud.call(TransactWriteItems, together).await.expect_err("it is full");
    assert!(cancelled.message().contains("ItemCollectionSizeLimitExceeded"), "{}", cancelled.message());
    for (table, pk) in [("things", "b"), ("plain", "a")] {
        for sk in 0..8 {
            let put =
                cloud.call(PutItem, things(table, pk, sk, if table == "plain" { 2000 } else { 500 })).await;
            put.unwrap_or_else(|error| panic!("{table} {pk}: {error:?}"));
        }
    }
    cloud.call(PutItem, things("things", "a", 3, 900)).await.expect("it gets smaller");
    let gone = DeleteItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s("a")), ("sk", n(3))]),
        ..Default::default()
    };
    cloud.call(DeleteItem, gone).await.expect("deletes are never refused");
    cloud.call(UpdateItem, grown).await.expect("there is room again");
}

#[tokio::test]
async fn provisioned_throughput_throttles_where_the_cloud_is_asked_to_and_bursts_are_let_through() {
    let cloud = testkit::Cloud::with_throttling(3).await;
    let mut input = table("things", false);
    input.billing_mode = Some(BillingMode::Provisioned);
    input.provisioned_throughput =
        Some(ProvisionedThroughput { read_capacity_units: 1, write_capacity_units: 2 });
    create(&cloud, input).await;
    let write = || cloud.call(PutItem, put_input("things", item(&[("pk", s("a"))])));
    write().await.expect("it is answered");
    write().await.expect("it is answered");
    let fault = write().await.unwrap_err();
    assert_eq!(fault.name(), "ProvisionedThroughputExceededException");
    let detail = fault.detail().expect("it is there").as_any();
    let detail = detail.downcast_ref::<ProvisionedThroughputExceededException>().expect("it is there");
    let reason = detail.throttling_reasons.as_ref().expect("it is there")[0].clone();
    assert_eq!(reason.reason.as_deref(), Some("TableWriteProvisionedThroughputExceeded"));
    cloud.advance(Duration::from_secs(10)).await;
    for _ in 0..20 {
        write().await.expect("it is answered");
    }
    assert!(write().await.is_err());
}
