//! The check that indexes agree with their tables.

use dynamodb_api::*;
use table_engine::{Direction, KeyRange, ScanLimit, Write};
use testkit::Cloud;

use crate::support::*;

/// A table with a global and a local index, and items of which some are in them.
async fn cloud() -> Cloud {
    let cloud = Cloud::new(1).await;
    let input = CreateTableInput {
        attribute_definitions: Some(vec![
            defined("pk", ScalarAttributeType::S),
            defined("sk", ScalarAttributeType::S),
            defined("year", ScalarAttributeType::N),
        ]),
        global_secondary_indexes: Some(vec![GlobalSecondaryIndex {
            index_name: "by-year".to_owned(),
            key_schema: vec![hash("year"), range("pk")],
            projection: Projection {
                projection_type: Some(ProjectionType::KeysOnly),
                ..Projection::default()
            },
            ..GlobalSecondaryIndex::default()
        }]),
        local_secondary_indexes: Some(vec![LocalSecondaryIndex {
            index_name: "local".to_owned(),
            key_schema: vec![hash("pk"), range("year")],
            projection: all(),
        }]),
        ..creating("Music")
    };
    cloud.call(CreateTable, input).await.expect("the table is possible");
    for nth in 0..300 {
        let mut attributes = item(&[("pk", text(&format!("{}", nth % 7))), ("sk", text(&format!("{nth}")))]);
        if nth % 3 > 0 {
            attributes.insert("year".to_owned(), number(1990 + nth % 11));
        }
        put(&cloud, "Music", attributes).await;
    }
    cloud
}

#[tokio::test]
async fn tables_and_their_indexes_agree() {
    let cloud = cloud().await;
    let report = cloud.dynamodb.fsck(|_| {}).await.expect("nothing fails");
    assert_eq!((report.tables, report.items, report.entries), (1, 300, 400));
    assert_eq!((report.findings, report.closed), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test]
async fn an_entry_without_item_and_an_item_without_entry_are_found_wherever_they_are() {
    let cloud = cloud().await;
    let mut found = Vec::new();
    for space in cloud.tables.spaces() {
        let limit = ScanLimit::entries(1000);
        let page = cloud.tables.scan(space, &KeyRange::all(), Direction::Forward, limit).await;
        // Of the table's own spaces, those of items and of entries have many.
        let Some(page) = page.ok().filter(|page| page.pairs.len() >= 200) else { continue };
        let (key, value) = page.pairs[100].clone();
        let keys = vec![(space, key.clone())];
        let delete = Write::Delete { space, key: key.clone() };
        cloud.tables.change(keys.clone(), |_| Ok::<_, ()>((vec![delete], ()))).await.unwrap().unwrap();
        let report = cloud.dynamodb.fsck(|_| {}).await.expect("nothing fails");
        assert!(!report.is_clean(), "{space:?}");
        found.push(report.findings.iter().filter(|finding| finding.contains("has no")).count());
        let put = Write::Put { space, key, value };
        cloud.tables.change(keys, |_| Ok::<_, ()>((vec![put], ()))).await.unwrap().unwrap();
        assert!(cloud.dynamodb.fsck(|_| {}).await.expect("nothing fails").is_clean());
    }
    assert_eq!(found.len(), 3, "the items, and two indexes: {found:?}");
    assert!(found.iter().all(|findings| (1..=2).contains(findings)), "{found:?}");
}
