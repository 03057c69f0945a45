//! Query and Scan.

use dynamodb_api::*;
use testkit::Cloud;

use crate::items::*;

/// Ten items in each of the partitions `a` and `b`.
async fn filled(input: CreateTableInput) -> Cloud {
    let cloud = cloud_with(input).await;
    for pk in ["a", "b"] {
        for sk in 0..10 {
            let parity = if sk % 2 == 0 { "even" } else { "odd" };
            let one =
                item(&[("pk", s(pk)), ("sk", n(sk)), ("g", s(parity)), ("l", s(parity)), ("v", n(sk * 10))]);
            put(&cloud, "things", one).await;
        }
    }
    cloud
}

#[tokio::test]
async fn a_query_reads_one_partition_in_order_either_way() {
    let cloud = filled(table("things", true)).await;
    for (condition, values, expected) in [
        ("pk = :p", vec![(":p", s("a"))], (0..10).collect::<Vec<i64>>()),
        ("pk = :p AND sk > :n", vec![(":p", s("a")), (":n", n(6))], vec![7, 8, 9]),
        ("pk = :p AND sk <= :n", vec![(":p", s("a")), (":n", n(1))], vec![0, 1]),
        ("sk BETWEEN :l AND :h AND pk = :p", vec![(":p", s("a")), (":l", n(3)), (":h", n(5))], vec![3, 4, 5]),
        ("pk = :p AND sk = :n", vec![(":p", s("a")), (":n", n("4.0"))], vec![4]),
        ("pk = :p", vec![(":p", s("none"))], vec![]),
    ] {
        let mut input = query_input(condition, &values);
        let found = cloud.call(Query, input.clone()).await.expect("it is answered");
        assert_eq!(
            (found.count, found.scanned_count),
            (Some(expected.len() as i32), Some(expected.len() as i32))
        );
        assert_eq!(numbers(found.items, "sk"), expected);
        input.scan_index_forward = Some(false);
        let found = cloud.call(Query, input).await.expect("it is answered");
        assert_eq!(numbers(found.items, "sk"), expected.into_iter().rev().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let cloud = filled(table("things", true)).await;
    for forward in [true, false] {
        let mut input = query_input("pk = :p", &[(":p", s("a"))]);
        input.limit = Some(4);
        input.scan_index_forward = Some(forward);
        let (mut seen, mut pages) = (Vec::new(), 0);
        loop {
            let found = cloud.call(Query, input.clone()).await.expect("it is answered");
            seen.extend(numbers(found.items, "sk"));
            pages += 1;
            match found.last_evaluated_key {
                Some(key) => input.exclusive_start_key = Some(key),
                None => break,
            }
        }
        let mut expected: Vec<i64> = (0..10).collect();
        if !forward {
            expected.reverse();
        }
        assert_eq!((seen, pages), (expected, 3));
    }
}

#[tokio::test]
async fn a_filter_counts_what_it_looked_at() {
    let cloud = filled(table("things", true)).await;
    let mut input = query_input("pk = :p", &[(":p", s("a")), (":v", n(50))]);
    input.filter_expression = Some("v >= :v".into());
    input.limit = Some(7);
    let found = cloud.call(Query, input.clone()).await.expect("it is answered");
    assert_eq!((found.count, found.scanned_count), (Some(2), Some(7)));
    assert_eq!(found.last_evaluated_key, Some(item(&[("pk", s("a")), ("sk", n(6))])));
    input.filter_expression = Some("sk >= :v".into());
    invalid(
        cloud.call(Query, input.clone()).await,
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
    );
    input.filter_expression = None;
    input.expression_attribute_values = Some(item(&[(":p", s("a"))]));
    input.select = Some(Select::Count);
    let found = cloud.call(Query, input).await.expect("it is answered");
    assert_eq!((found.items, found.count), (None, Some(7)));
}

#[tokio::test]
async fn a_page_ends_with_the_item_that_takes_it_over_a_mebibyte() {
    let cloud = cloud_with(table("things", true)).await;
    for sk in 0..8 {
        put(&cloud, "things", item(&[("pk", s("a")), ("sk", n(sk)), ("v", s(&"x".repeat(300_000)))])).await;
    }
    let mut input = query_input("pk = :p", &[(":p", s("a"))]);
    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
    let found = cloud.call(Query, input.clone()).await.expect("it is answered");
    assert_eq!(numbers(found.items, "sk"), [0, 1, 2, 3]);
    assert_eq!(
        found.consumed_capacity.expect("it is there").capacity_units,
        Some((4.0 * 300_010.0 / 4096.0_f64).ceil() / 2.0)
    );
    input.exclusive_start_key = found.last_evaluated_key;
    let found = cloud.call(Query, input).await.expect("it is answered");
    assert_eq!(numbers(found.items, "sk"), [4, 5, 6, 7]);
}

#[tokio::test]
async fn indexes_are_queried_by_their_own_keys_and_have_what_they_project() {
    let input = with_local(table("things", true), projection("KEYS_ONLY", &[]));
    let cloud = filled(with_global(input, projection("INCLUDE", &["v"]))).await;
    let mut input = query_input("g = :g", &[(":g", s("odd"))]);
    input.index_name = Some("by-g".into());
    input.limit = Some(3);
    let mut seen = 0;
    loop {
        let found = cloud.call(Query, input.clone()).await.expect("it is answered");
        for item in found.items.iter().flatten() {
            assert_eq!(item.keys().collect::<Vec<_>>(), ["g", "pk", "sk", "v"]);
        }
        seen += found.count.expect("it is there");
        match found.last_evaluated_key {
            Some(key) => {
                assert_eq!(key.keys().collect::<Vec<_>>(), ["g", "pk", "sk"]);
                input.exclusive_start_key = Some(key);
            }
            None => break,
        }
    }
    assert_eq!(seen, 10);
    input.exclusive_start_key = None;
    input.consistent_read = Some(true);
    let message = "Consistent reads are not supported on global secondary indexes";
    invalid(cloud.call(Query, input.clone()).await, message);
    input.consistent_read = None;
    input.select = Some(Select::AllAttributes);
    invalid(
        cloud.call(Query, input.clone()).await,
        "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary \
         index by-g because its projection type is not ALL",
    );
    input.index_name = Some("by-x".into());
    invalid(cloud.call(Query, input).await, "The table does not have the specified index: by-x");

    // A local index is completed from its table, at a price.
    let mut input = query_input("pk = :p AND l = :l", &[(":p", s("a")), (":l", s("even"))]);
    input.index_name = Some("by-l".into());
    let found = cloud.call(Query, input.clone()).await.expect("it is answered");
    assert!(found.items.iter().flatten().all(|item| !item.contains_key("v")));
    input.select = Some(Select::AllAttributes);
    input.consistent_read = Some(true);
    input.return_consumed_capacity = Some(ReturnConsumedCapacity::Indexes);
    let found = cloud.call(Query, input).await.expect("it is answered");
    assert_eq!(numbers(found.items, "v"), [0, 20, 40, 60, 80]);
    let consumed = found.consumed_capacity.expect("it is there");
    assert_eq!(
        (consumed.capacity_units, consumed.table.expect("it is there").capacity_units),
        (Some(6.0), Some(5.0))
    );
}

#[tokio::test]
async fn an_index_follows_its_items() {
    let cloud = cloud_with(with_global(table("things", false), projection("ALL", &[]))).await;
    let scan = || async {
        let input =
            ScanInput { table_name: "things".into(), index_name: Some("by-g".into()), ..Default::default() };
        cloud.call(Scan, input).await.expect("it is answered").items.expect("it is there")
    };
    put(&cloud, "things", item(&[("pk", s("a"))])).await;
    assert!(scan().await.is_empty(), "without the key there is no entry");
    put(&cloud, "things", item(&[("pk", s("a")), ("g", s("x"))])).await;
    assert_eq!(scan().await, [item(&[("pk", s("a")), ("g", s("x"))])]);
    let key = || item(&[("pk", s("a"))]);
    cloud
        .call(UpdateItem, update_input(key(), "SET g = :g, v = :g", &[(":g", s("y"))]))
        .await
        .expect("it is answered");
    assert_eq!(scan().await, [item(&[("pk", s("a")), ("g", s("y")), ("v", s("y"))])]);
    cloud.call(UpdateItem, update_input(key(), "REMOVE g", &[])).await.expect("it is answered");
    assert!(scan().await.is_empty());
    for (wrong, message) in [
        (
            n(1),
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: \
             by-g",
        ),
        (
            s(""),
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. \
             The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-g, IndexKey: g",
        ),
    ] {
        invalid(
            cloud.call(PutItem, put_input("things", item(&[("pk", s("a")), ("g", wrong)]))).await,
            message,
        );
    }
    invalid(
        cloud.call(UpdateItem, update_input(key(), "SET g = :g", &[(":g", n(1))])).await,
        "The update expression attempted to update the secondary index key to unsupported type",
    );
}

#[tokio::test]
async fn the_segments_of_a_scan_are_everything_once() {
    let cloud = cloud_with(table("things", false)).await;
    for number in 0..50 {
        put(&cloud, "things", item(&[("pk", s(&format!("k{number}"))), ("v", n(number))])).await;
    }
    let mut seen = Vec::new();
    for segment in 0..4 {
        let mut input = ScanInput {
            table_name: "things".into(),
            segment: Some(segment),
            total_segments: Some(4),
            limit: Some(5),
            ..Default::default()
        };
        loop {
            let found = cloud.call(Scan, input.clone()).await.expect("it is answered");
            seen.extend(numbers(found.items, "v"));
            match found.last_evaluated_key {
                Some(key) => input.exclusive_start_key = Some(key),
                None => break,
            }
        }
        if let Some(key) = input.exclusive_start_key {
            let other = (segment + 1) % 4;
            let input = ScanInput { segment: Some(other), exclusive_start_key: Some(key), ..input_of(4) };
            let message = format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with \
                 correct Segment. TotalSegments: 4 Segment: {other}"
            );
            invalid(cloud.call(Scan, input).await, &message);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    let input = ScanInput { segment: Some(4), ..input_of(4) };
    invalid(
        cloud.call(Scan, input).await,
        "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 4 is not less than \
         TotalSegments: 4",
    );
}

fn input_of(total: i32) -> ScanInput {
    ScanInput { table_name: "things".into(), total_segments: Some(total), ..Default::default() }
}

#[tokio::test]
async fn start_keys_have_to_fit_the_query() {
    let cloud = filled(table("things", true)).await;
    let mut input = query_input("pk = :p AND sk > :n", &[(":p", s("a")), (":n", n(5))]);
    for (start, message) in [
        (item(&[("pk", s("a"))]), "The provided starting key is invalid"),
        (
            item(&[("pk", s("b")), ("sk", n(6))]),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            item(&[("pk", s("a")), ("sk", n(1))]),
            "The provided starting key does not match the range key predicate",
        ),
    ] {
        input.exclusive_start_key = Some(start);
        invalid(cloud.call(Query, input.clone()).await, message);
    }
    let neither = QueryInput { table_name: "things".into(), ..Default::default() };
    invalid(
        cloud.call(Query, neither).await,
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    );
    let missed = query_input("sk = :n", &[(":n", n(5))]);
    invalid(cloud.call(Query, missed).await, "Query condition missed key schema element: pk");
}

#[tokio::test]
async fn older_conditions_query_and_filter_as_well() {
    let cloud = filled(table("things", true)).await;
    let condition = |operator: &str, values: Vec<AttributeValue>| Condition {
        comparison_operator: operator.into(),
        attribute_value_list: Some(values),
    };
    let input = QueryInput {
        table_name: "things".into(),
        key_conditions: Some(
            [("pk".into(), condition("EQ", vec![s("a")])), ("sk".into(), condition("GE", vec![n(4)]))].into(),
        ),
        query_filter: Some([("v".into(), condition("LT", vec![n(80)]))].into()),
        attributes_to_get: Some(vec!["v".into()]),
        ..Default::default()
    };
    let found = cloud.call(Query, input).await.expect("it is answered");
    assert_eq!((numbers(found.items, "v"), found.scanned_count), (vec![40, 50, 60, 70], Some(6)));
    let input = ScanInput {
        table_name: "things".into(),
        scan_filter: Some([("v".into(), condition("EQ", vec![n(30)]))].into()),
        ..Default::default()
    };
    assert_eq!(cloud.call(Scan, input).await.expect("it is answered").count, Some(2));
}
