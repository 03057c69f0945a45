//! Calls of the service, short enough for a test that makes thousands.

use std::collections::BTreeMap;

use dynamodb_api::{
    AttributeDefinition, AttributeValue, BillingMode, CreateTable, CreateTableInput, GetItem, GetItemInput,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection, ProjectionType, Query,
    QueryInput, ScalarAttributeType, Scan, ScanInput,
};
use testkit::Cloud;

use super::model::{Attributes, Key, key_attributes};

pub const TABLE: &str = "things";
pub const BY_POINTS: &str = "by-points";
pub const BY_TEAM: &str = "by-team";

pub struct Table<'c> {
    pub cloud: &'c Cloud,
    /// Where the test is, for what is wrong.
    pub place: String,
}

pub async fn create_table(cloud: &Cloud) {
    let define =
        |name: &str, attribute_type| AttributeDefinition { attribute_name: name.to_owned(), attribute_type };
    let key = |name: &str, key_type| KeySchemaElement { attribute_name: name.to_owned(), key_type };
    let input = CreateTableInput {
        table_name: TABLE.to_owned(),
        attribute_definitions: Some(vec![
            define("pk", ScalarAttributeType::S),
            define("sk", ScalarAttributeType::N),
            define("team", ScalarAttributeType::S),
            define("points", ScalarAttributeType::N),
        ]),
        key_schema: Some(vec![key("pk", KeyType::Hash), key("sk", KeyType::Range)]),
        local_secondary_indexes: Some(vec![LocalSecondaryIndex {
            index_name: BY_POINTS.to_owned(),
            key_schema: vec![key("pk", KeyType::Hash), key("points", KeyType::Range)],
            projection: Projection { projection_type: Some(ProjectionType::All), non_key_attributes: None },
        }]),
        global_secondary_indexes: Some(vec![GlobalSecondaryIndex {
            index_name: BY_TEAM.to_owned(),
            key_schema: vec![key("team", KeyType::Hash), key("points", KeyType::Range)],
            projection: Projection {
                projection_type: Some(ProjectionType::Include),
                non_key_attributes: Some(vec!["notes".to_owned()]),
            },
            ..GlobalSecondaryIndex::default()
        }]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..CreateTableInput::default()
    };
    cloud.call(CreateTable, input).await.expect("the table is possible");
    // Until it is active.
    cloud.advance(std::time::Duration::from_secs(60)).await;
}

/// A map of a handful of entries.
pub fn entries<V, const N: usize>(entries: [(&str, V); N]) -> Option<BTreeMap<String, V>> {
    (N > 0).then(|| entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What a query asks for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub index: Option<&'static str>,
    pub condition: String,
    pub values: Attributes,
    pub filter: Option<String>,
    pub backward: bool,
    pub page: Option<i32>,
}

impl Table<'_> {
    pub async fn get(&self, key: &Key) -> Option<Attributes> {
        let input = GetItemInput {
            table_name: TABLE.to_owned(),
            key: key_attributes(key),
            consistent_read: Some(true),
            ..GetItemInput::default()
        };
        self.cloud.call(GetItem, input).await.unwrap_or_else(|fault| self.fail(&fault)).item
    }

    /// All pages of a query.
    pub async fn query(&self, asked: &Asked) -> Vec<Attributes> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let input = QueryInput {
                table_name: TABLE.to_owned(),
                index_name: asked.index.map(str::to_owned),
                key_condition_expression: Some(asked.condition.clone()),
                filter_expression: asked.filter.clone(),
                expression_attribute_values: Some(asked.values.clone()),
                scan_index_forward: Some(!asked.backward),
                limit: asked.page,
                exclusive_start_key: start.take(),
                ..QueryInput::default()
            };
            let output = self.cloud.call(Query, input).await.unwrap_or_else(|fault| self.fail(&fault));
            found.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return found;
            }
        }
    }

    /// All pages of a scan of all segments.
    pub async fn scan(&self, index: Option<&str>, segments: i32, page: Option<i32>) -> Vec<Attributes> {
        let mut found = Vec::new();
        for segment in 0..segments {
            let mut start = None;
            loop {
                let input = ScanInput {
                    table_name: TABLE.to_owned(),
                    index_name: index.map(str::to_owned),
                    segment: Some(segment),
                    total_segments: Some(segments),
                    limit: page,
                    exclusive_start_key: start.take(),
                    ..ScanInput::default()
                };
                let output = self.cloud.call(Scan, input).await.unwrap_or_else(|fault| self.fail(&fault));
                found.extend(output.items.unwrap_or_default());
                start = output.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
        }
        found
    }

    pub fn fail(&self, what: &dyn std::fmt::Debug) -> ! {
        panic!("{}: {what:?}", self.place)
    }
}

/// As items of a scan come in no order of ours.
pub fn sorted(mut items: Vec<Attributes>) -> Vec<Attributes> {
    items.sort_by_key(|item| {
        let owner = match item.get("pk") {
            Some(AttributeValue::S(owner)) => Some(owner.clone()),
            _ => None,
        };
        let number = match item.get("sk") {
            Some(AttributeValue::N(number)) => number.parse::<i64>().unwrap_or_default(),
            _ => 0,
        };
        (owner, number)
    });
    items
}
