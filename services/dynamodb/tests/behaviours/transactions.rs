//! TransactWriteItems and TransactGetItems.

use std::time::Duration;

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::items::*;

fn put_of(table: &str, item: Item, condition: Option<&str>) -> TransactWriteItem {
    let put = Put {
        table_name: table.to_owned(),
        item,
        condition_expression: condition.map(str::to_owned),
        return_values_on_condition_check_failure: Some(ReturnValuesOnConditionCheckFailure::AllOld),
        ..Default::default()
    };
    TransactWriteItem { put: Some(put), ..Default::default() }
}

fn update_of(key: Item, expression: &str, values: &[(&str, AttributeValue)]) -> TransactWriteItem {
    let update = Update {
        table_name: "things".into(),
        key,
        update_expression: expression.into(),
        expression_attribute_values: Some(item(values)),
        ..Default::default()
    };
    TransactWriteItem { update: Some(update), ..Default::default() }
}

fn check_of(key: Item, condition: &str) -> TransactWriteItem {
    let check = ConditionCheck {
        table_name: "things".into(),
        key,
        condition_expression: condition.into(),
        ..Default::default()
    };
    TransactWriteItem { condition_check: Some(check), ..Default::default() }
}

fn key(pk: &str) -> Item {
    item(&[("pk", s(pk))])
}

async fn transact(
    cloud: &Cloud,
    items: Vec<TransactWriteItem>,
    token: Option<&str>,
) -> Result<TransactWriteItemsOutput, Fault> {
    let input = TransactWriteItemsInput {
        transact_items: items,
        client_request_token: token.map(str::to_owned),
        return_consumed_capacity: Some(ReturnConsumedCapacity::Total),
        ..Default::default()
    };
    cloud.call(TransactWriteItems, input).await
}

fn reasons(fault: &Fault) -> Vec<CancellationReason> {
    let detail = fault.detail().expect("it says why").as_any();
    let canceled = detail.downcast_ref::<TransactionCanceledException>().expect("it was cancelled");
    canceled.cancellation_reasons.clone().expect("there is one a part")
}

#[tokio::test]
async fn a_transaction_is_done_over_tables_or_not_at_all() {
    let cloud = cloud_with(table("things", false)).await;
    create(&cloud, table("others", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
    let parts = |condition| {
        vec![
            update_of(key("a"), "ADD v :one", &[(":one", n(1))]),
            put_of("others", key("new"), None),
            check_of(key("b"), condition),
        ]
    };
    let fault = transact(&cloud, parts("attribute_exists(pk)"), None).await.unwrap_err();
    assert_eq!(fault.name(), "TransactionCanceledException");
    assert_eq!(
        fault.message(),
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, None, \
         ConditionalCheckFailed]"
    );
    assert_eq!(get(&cloud, "others", key("new")).await, None);
    let done = transact(&cloud, parts("attribute_not_exists(pk)"), None).await.expect("it is answered");
    let consumed = done.consumed_capacity.expect("it is there");
    assert_eq!(consumed[0].capacity_units, Some(2.0));
    assert_eq!(consumed[1].write_capacity_units, Some(4.0));
    assert_eq!(get(&cloud, "things", key("a")).await.expect("it is answered")["v"], n(2));
    assert!(get(&cloud, "others", key("new")).await.is_some());
}

#[tokio::test]
async fn reasons_show_the_item_and_say_what_was_wrong() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", s("text"))])).await;
    let parts = vec![
        put_of("things", key("a"), Some("attribute_not_exists(pk)")),
        update_of(key("b"), "SET v = absent + :one", &[(":one", n(1))]),
    ];
    let reasons = reasons(&transact(&cloud, parts, None).await.unwrap_err());
    assert_eq!(reasons[0].item, Some(item(&[("pk", s("a")), ("v", s("text"))])));
    assert_eq!(reasons[0].message.as_deref(), Some("The conditional request failed"));
    assert_eq!(reasons[1].code.as_deref(), Some("ValidationError"));
    assert_eq!(
        reasons[1].message.as_deref(),
        Some("The provided expression refers to an attribute that does not exist in the item")
    );
}

#[tokio::test]
async fn a_token_does_a_transaction_once() {
    let cloud = cloud_with(table("things", false)).await;
    let add = || vec![update_of(key("a"), "ADD v :one", &[(":one", n(1))])];
    transact(&cloud, add(), Some("token")).await.expect("it is answered");
    let again = transact(&cloud, add(), Some("token")).await.expect("it is answered");
    assert_eq!(again.consumed_capacity.expect("it is there")[0].read_capacity_units, Some(2.0));
    assert_eq!(get(&cloud, "things", key("a")).await.expect("it is answered")["v"], n(1));
    let other = transact(&cloud, vec![put_of("things", key("b"), None)], Some("token")).await.unwrap_err();
    assert_eq!(other.name(), "IdempotentParameterMismatchException");
    cloud.advance(Duration::from_secs(601)).await;
    transact(&cloud, add(), Some("token")).await.expect("it is answered");
    assert_eq!(get(&cloud, "things", key("a")).await.expect("it is answered")["v"], n(2));
}

#[tokio::test]
async fn wrong_transactions_are_refused() {
    let cloud = cloud_with(table("things", false)).await;
    let twice = vec![put_of("things", key("a"), None), check_of(key("a"), "attribute_exists(pk)")];
    invalid(
        transact(&cloud, twice, None).await,
        "Transaction request cannot include multiple operations on one item",
    );
    let both = TransactWriteItem {
        put: put_of("things", key("a"), None).put,
        ..check_of(key("b"), "attribute_exists(pk)")
    };
    invalid(
        transact(&cloud, vec![both], None).await,
        "TransactItems can only contain one of Check, Put, Update or Delete",
    );
    let fault = transact(&cloud, vec![check_of(item(&[("pk", n(1))]), "attribute_exists(pk)")], None).await;
    let reasons = reasons(&fault.unwrap_err());
    assert_eq!(reasons[0].message.as_deref(), Some("The provided key element does not match the schema"));
    let large = |number: usize| {
        let item = item(&[("pk", s(&number.to_string())), ("v", s(&"x".repeat(400_000)))]);
        put_of("things", item, None)
    };
    let fault = transact(&cloud, (0..11).map(large).collect(), None).await.unwrap_err();
    assert_eq!(fault.name(), "ValidationException");

    // Items count as they are afterwards, too.
    let text = s(&"x".repeat(390_000));
    for number in 0..11 {
        put(&cloud, "things", item(&[("pk", s(&number.to_string())), ("v", text.clone())])).await;
    }
    let touch = |number: usize| update_of(key(&number.to_string()), "SET w = :one", &[(":one", n(1))]);
    invalid(
        transact(&cloud, (0..11).map(touch).collect(), None).await,
        "The aggregate size of the items in the transaction cannot exceed 4 MB",
    );
    transact(&cloud, (0..10).map(touch).collect(), None).await.unwrap();
}

#[tokio::test]
async fn concurrent_transactions_never_lose_an_addition() {
    let cloud = cloud_with(table("things", false)).await;
    let attempts = (0..20).map(|_| async {
        let parts = vec![
            update_of(key("a"), "ADD v :one", &[(":one", n(1))]),
            update_of(key("b"), "ADD v :one", &[(":one", n(1))]),
        ];
        match transact(&cloud, parts, None).await {
            Ok(_) => 1,
            Err(fault) => {
                assert_eq!(fault.name(), "TransactionCanceledException");
                assert!(
                    reasons(&fault)
                        .iter()
                        .any(|reason| reason.code.as_deref() == Some("TransactionConflict"))
                );
                0
            }
        }
    });
    let done: i32 = futures_util::future::join_all(attempts).await.into_iter().sum();
    assert!(done > 0);
    for pk in ["a", "b"] {
        assert_eq!(get(&cloud, "things", key(pk)).await.expect("it is answered")["v"], n(done));
    }
}

#[tokio::test]
async fn items_are_read_together_in_the_order_they_were_asked_for() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1)), ("w", n(2))])).await;
    let get = |pk: &str, projection: Option<&str>| TransactGetItem {
        get: Get {
            table_name: "things".into(),
            key: key(pk),
            projection_expression: projection.map(str::to_owned),
            ..Default::default()
        },
    };
    let mut input = TransactGetItemsInput {
        transact_items: vec![get("none", None), get("a", Some("w"))],
        return_consumed_capacity: Some(ReturnConsumedCapacity::Total),
    };
    let found = cloud.call(TransactGetItems, input.clone()).await.expect("it is answered");
    let items: Vec<Option<Item>> =
        found.responses.expect("it is there").into_iter().map(|response| response.item).collect();
    assert_eq!(items, [None, Some(item(&[("w", n(2))]))]);
    assert_eq!(found.consumed_capacity.expect("it is there")[0].read_capacity_units, Some(4.0));
    input.transact_items.push(get("a", None));
    invalid(
        cloud.call(TransactGetItems, input).await,
        "Transaction request cannot include multiple operations on one item",
    );
}
