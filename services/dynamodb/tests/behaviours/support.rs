//! Short ways to say what the tests of DynamoDB do most.

use std::collections::BTreeMap;

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

pub type Attributes = BTreeMap<String, AttributeValue>;

pub fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub fn item(pairs: &[(&str, AttributeValue)]) -> Attributes {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub fn defined(name: &str, attribute_type: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition { attribute_name: name.to_owned(), attribute_type }
}

pub fn hash(name: &str) -> KeySchemaElement {
    KeySchemaElement { attribute_name: name.to_owned(), key_type: KeyType::Hash }
}

pub fn range(name: &str) -> KeySchemaElement {
    KeySchemaElement { attribute_name: name.to_owned(), key_type: KeyType::Range }
}

pub fn all() -> Projection {
    Projection { projection_type: Some(ProjectionType::All), ..Projection::default() }
}

/// A table with the partition key `pk` and the sort key `sk`, both texts, billed by request.
pub fn creating(name: &str) -> CreateTableInput {
    CreateTableInput {
        table_name: name.to_owned(),
        attribute_definitions: Some(vec![
            defined("pk", ScalarAttributeType::S),
            defined("sk", ScalarAttributeType::S),
        ]),
        key_schema: Some(vec![hash("pk"), range("sk")]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..CreateTableInput::default()
    }
}

pub async fn create(cloud: &Cloud, name: &str) -> TableDescription {
    let output = cloud.call(CreateTable, creating(name)).await.expect("the table is possible");
    output.table_description.expect("a new table is described")
}

/// A cloud with one table.
pub async fn cloud_with(seed: u64, table: &str) -> Cloud {
    let cloud = Cloud::new(seed).await;
    create(&cloud, table).await;
    cloud
}

pub async fn describe(cloud: &Cloud, name: &str) -> Result<TableDescription, Fault> {
    let output = cloud.call(DescribeTable, DescribeTableInput { table_name: name.to_owned() }).await?;
    Ok(output.table.expect("a table that is found is described"))
}

pub async fn put(cloud: &Cloud, table: &str, item: Attributes) {
    let input = PutItemInput { table_name: table.to_owned(), item, ..PutItemInput::default() };
    cloud.call(PutItem, input).await.expect("the item is put");
}

pub async fn get(cloud: &Cloud, table: &str, pk: &str, sk: &str) -> Option<Attributes> {
    let input = GetItemInput {
        table_name: table.to_owned(),
        key: item(&[("pk", text(pk)), ("sk", text(sk))]),
        consistent_read: Some(true),
        ..GetItemInput::default()
    };
    cloud.call(GetItem, input).await.expect("the item can be asked for").item
}

/// Everything in a table, or in one of its indexes.
pub async fn scan(cloud: &Cloud, table: &str, index: Option<&str>) -> Result<Vec<Attributes>, Fault> {
    let input = ScanInput {
        table_name: table.to_owned(),
        index_name: index.map(str::to_owned),
        ..ScanInput::default()
    };
    Ok(cloud.call(Scan, input).await?.items.unwrap_or_default())
}

pub async fn update(cloud: &Cloud, input: UpdateTableInput) -> Result<TableDescription, Fault> {
    let output = cloud.call(UpdateTable, input).await?;
    Ok(output.table_description.expect("a table that is updated is described"))
}

pub fn updating(table: &str) -> UpdateTableInput {
    UpdateTableInput { table_name: table.to_owned(), ..UpdateTableInput::default() }
}

/// Lets the background work go on until the condition holds.
pub async fn until<F: AsyncFnMut() -> bool>(cloud: &Cloud, mut holds: F) {
    for _ in 0..200 {
        if holds().await {
            return;
        }
        // Tasks that wait for a moment wait by the cloud's clock.
        cloud.clock.advance(std::time::Duration::from_millis(100));
        cloud.settle().await;
    }
    panic!("it never came to that");
}

/// The code of a refusal.
#[track_caller]
pub fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    result.expect_err("it is refused").name().to_owned()
}

/// The words of a refusal.
#[track_caller]
pub fn words<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    result.expect_err("it is refused").message().to_owned()
}
