//! Tables that are refused, and in which words.

use super::*;
use base::Region;

fn attribute(name: &str) -> api::AttributeDefinition {
    api::AttributeDefinition { attribute_name: name.to_owned(), attribute_type: api::ScalarAttributeType::S }
}

fn element(name: &str, key_type: api::KeyType) -> api::KeySchemaElement {
    api::KeySchemaElement { attribute_name: name.to_owned(), key_type }
}

fn hash(name: &str) -> api::KeySchemaElement {
    element(name, api::KeyType::Hash)
}

fn range(name: &str) -> api::KeySchemaElement {
    element(name, api::KeyType::Range)
}

fn wish(defined: &[&str], keys: &[api::KeySchemaElement]) -> TableWish {
    TableWish {
        attribute_definitions: defined.iter().map(|name| attribute(name)).collect(),
        key_schema: keys.to_vec(),
        capacity: Capacity { billing_mode: Some(api::BillingMode::PayPerRequest), ..Capacity::default() },
        ..TableWish::default()
    }
}

fn all() -> api::Projection {
    api::Projection { projection_type: Some(api::ProjectionType::All), ..api::Projection::default() }
}

fn local(name: &str, keys: &[api::KeySchemaElement]) -> api::LocalSecondaryIndex {
    api::LocalSecondaryIndex { index_name: name.to_owned(), key_schema: keys.to_vec(), projection: all() }
}

fn global(name: &str, keys: &[api::KeySchemaElement]) -> api::GlobalSecondaryIndex {
    api::GlobalSecondaryIndex {
        index_name: name.to_owned(),
        key_schema: keys.to_vec(),
        projection: all(),
        ..api::GlobalSecondaryIndex::default()
    }
}

#[track_caller]
fn check(wish: &TableWish, expected: &str) {
    match parse(wish, Region::US_EAST_1) {
        Err(Error::Validation(message)) => assert_eq!(message, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_and_definitions_must_agree() {
    for (wish, expected) in [
        (
            wish(&["a"], &[hash("b")]),
            "One or more parameter values were invalid: Some index key attributes are not defined in \
             AttributeDefinitions. Keys: [b], AttributeDefinitions: [a]",
        ),
        (
            wish(&["a"], &[hash("a"), range("b")]),
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            wish(&["a", "b"], &[hash("a"), range("a")]),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (wish(&["a"], &[range("a")]), "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
        (
            wish(&["a", "b"], &[hash("a"), hash("b")]),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ),
        (
            wish(&["a", "b"], &[hash("a")]),
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match \
             number of attributes defined in AttributeDefinitions",
        ),
        (wish(&["a", "a"], &[hash("a")]), "Attribute Name is duplicated: a"),
    ] {
        check(&wish, expected);
    }
}

#[test]
fn indexes_are_refused_one_by_one() {
    let table = || wish(&["a", "b", "c"], &[hash("a"), range("b")]);
    let with_local = |index| TableWish { local_indexes: Some(vec![index]), ..table() };
    let with_global = |index| TableWish { global_indexes: Some(vec![index]), ..table() };
    check(
        &with_local(local("byC", &[hash("a")])),
        "One or more parameter values were invalid: Index KeySchema does not have a range key for index: byC",
    );
    check(
        &with_local(local("byC", &[hash("b"), range("c")])),
        "One or more parameter values were invalid: Index KeySchema does not have the same leading hash key as table \
         KeySchema for index: byC. index hash key: b, table hash key: a",
    );
    check(
        &with_global(global("byA", &[hash("a")])),
        "One or more parameter values were invalid: Some AttributeDefinitions are not used. AttributeDefinitions: \
         [a, b, c], keys used: [a, b]",
    );
    let included = api::Projection {
        projection_type: Some(api::ProjectionType::KeysOnly),
        non_key_attributes: Some(vec!["x".to_owned()]),
    };
    check(
        &with_global(api::GlobalSecondaryIndex { projection: included, ..global("byC", &[hash("c")]) }),
        "One or more parameter values were invalid: ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
    );
    let twice = vec![global("byC", &[hash("c")]), global("byC", &[hash("c")])];
    check(
        &TableWish { global_indexes: Some(twice), ..table() },
        "One or more parameter values were invalid: Duplicate index name: byC",
    );
    check(
        &TableWish { global_indexes: Some(Vec::new()), ..table() },
        "One or more parameter values were invalid: List of GlobalSecondaryIndexes is empty",
    );
}

#[test]
fn a_table_with_indexes_of_both_kinds_is_read() {
    let wished = TableWish {
        local_indexes: Some(vec![local("byC", &[hash("a"), range("c")])]),
        global_indexes: Some(vec![global("all-c", &[hash("c")])]),
        ..wish(&["a", "b", "c"], &[hash("a"), range("b")])
    };
    let table = parse(&wished, Region::US_EAST_1).expect("it is a table");
    assert_eq!(table.key.hash.name, "a");
    let kinds: Vec<_> = table.indexes.iter().map(|index| (index.name.as_str(), index.kind)).collect();
    assert_eq!(kinds, [("byC", IndexKind::Local), ("all-c", IndexKind::Global)]);
}
