//! Short ways to say what the tests of items do most: tables, values, items, expressions.

use std::collections::BTreeMap;
use std::time::Duration;

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

pub type Item = BTreeMap<String, AttributeValue>;

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub fn item(attributes: &[(&str, AttributeValue)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A table `things` with the key `pk` and, if `sorted`, `sk` (a number).
pub fn table(name: &str, sorted: bool) -> CreateTableInput {
    let mut input = CreateTableInput {
        table_name: name.to_owned(),
        billing_mode: Some(BillingMode::PayPerRequest),
        attribute_definitions: Some(vec![definition("pk", "S")]),
        key_schema: Some(vec![element("pk", KeyType::Hash)]),
        ..CreateTableInput::default()
    };
    if sorted {
        input.attribute_definitions.get_or_insert_default().push(definition("sk", "N"));
        input.key_schema.get_or_insert_default().push(element("sk", KeyType::Range));
    }
    input
}

pub fn definition(name: &str, kind: &str) -> AttributeDefinition {
    AttributeDefinition { attribute_name: name.to_owned(), attribute_type: kind.into() }
}

pub fn element(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement { attribute_name: name.to_owned(), key_type }
}

pub fn projection(kind: &str, names: &[&str]) -> Projection {
    Projection {
        projection_type: Some(kind.into()),
        non_key_attributes: (!names.is_empty())
            .then(|| names.iter().map(|name| (*name).to_owned()).collect()),
    }
}

/// Adds a global index `by-g` on the attribute `g`, a string.
pub fn with_global(mut input: CreateTableInput, projection: Projection) -> CreateTableInput {
    input.attribute_definitions.get_or_insert_default().push(definition("g", "S"));
    input.global_secondary_indexes = Some(vec![GlobalSecondaryIndex {
        index_name: "by-g".to_owned(),
        key_schema: vec![element("g", KeyType::Hash)],
        projection,
        ..GlobalSecondaryIndex::default()
    }]);
    input
}

/// Adds a local index `by-l` on the attribute `l`, a string.
pub fn with_local(mut input: CreateTableInput, projection: Projection) -> CreateTableInput {
    input.attribute_definitions.get_or_insert_default().push(definition("l", "S"));
    input.local_secondary_indexes = Some(vec![LocalSecondaryIndex {
        index_name: "by-l".to_owned(),
        key_schema: vec![element("pk", KeyType::Hash), element("l", KeyType::Range)],
        projection,
    }]);
    input
}

pub async fn create(cloud: &Cloud, input: CreateTableInput) {
    cloud.call(CreateTable, input).await.expect("the table is new and its description is good");
    cloud.advance(Duration::from_secs(30)).await;
}

/// A cloud with one table `things`.
pub async fn cloud_with(input: CreateTableInput) -> Cloud {
    let cloud = Cloud::new(7).await;
    create(&cloud, input).await;
    cloud
}

pub fn put_input(table: &str, item: Item) -> PutItemInput {
    PutItemInput { table_name: table.to_owned(), item, ..PutItemInput::default() }
}

pub async fn put(cloud: &Cloud, table: &str, item: Item) {
    cloud.call(PutItem, put_input(table, item)).await.expect("the item is good");
}

pub async fn get(cloud: &Cloud, table: &str, key: Item) -> Option<Item> {
    let input = GetItemInput { table_name: table.to_owned(), key, ..GetItemInput::default() };
    cloud.call(GetItem, input).await.expect("the key is good").item
}

pub fn names(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    let names: BTreeMap<String, String> =
        pairs.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
    (!names.is_empty()).then_some(names)
}

pub fn update_input(key: Item, expression: &str, values: &[(&str, AttributeValue)]) -> UpdateItemInput {
    UpdateItemInput {
        table_name: "things".to_owned(),
        key,
        update_expression: Some(expression.to_owned()),
        expression_attribute_values: (!values.is_empty()).then(|| item(values)),
        ..UpdateItemInput::default()
    }
}

pub fn query_input(condition: &str, values: &[(&str, AttributeValue)]) -> QueryInput {
    QueryInput {
        table_name: "things".to_owned(),
        key_condition_expression: Some(condition.to_owned()),
        expression_attribute_values: Some(item(values)),
        ..QueryInput::default()
    }
}

/// The numbers of one attribute over items, in their order.
pub fn numbers(items: Option<Vec<Item>>, name: &str) -> Vec<i64> {
    let number = |item: &Item| match item.get(name)? {
        AttributeValue::N(number) => number.parse().ok(),
        _ => None,
    };
    items.unwrap_or_default().iter().filter_map(number).collect()
}

#[track_caller]
pub fn refused<T>(result: Result<T, Fault>, code: &str, message: &str) {
    match result {
        Ok(_) => panic!("it was not refused: {message}"),
        Err(fault) => assert_eq!((fault.name(), fault.message()), (code, message)),
    }
}

#[track_caller]
pub fn invalid<T>(result: Result<T, Fault>, message: &str) {
    refused(result, "ValidationException", message);
}
