//! The condition keys that only DynamoDB has, of requests of the data plane: "Using IAM policy conditions for
//! fine-grained access control".
//!
//! Attributes are top-level names: those that are written, asked for, or looked at by an expression. A request that
//! asks for all of an item names none, which is what `dynamodb:Select` is there to tell.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dynamodb_api as api;
use item_engine::expression::{KeyCondition, Placeholders};
use item_engine::keys::RangeCondition;
use item_engine::{Item, Value};
use schema::Structure;

use crate::directory::TableView;
use crate::model::key_schema::KeySchema;
use crate::model::values::{self, Attributes};

/// Names and values; a key with several values is there several times.
pub type Keys = Vec<(String, String)>;

const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
const ATTRIBUTES: &str = "dynamodb:Attributes";
pub const SELECT: &str = "dynamodb:Select";
pub const RETURN_VALUES: &str = "dynamodb:ReturnValues";
const RETURN_CONSUMED_CAPACITY: &str = "dynamodb:ReturnConsumedCapacity";
pub const ENCLOSING_OPERATION: &str = "dynamodb:EnclosingOperation";
pub const FULL_TABLE_SCAN: &str = "dynamodb:FullTableScan";

const ALL: &str = "ALL_ATTRIBUTES";
const SPECIFIC: &str = "SPECIFIC_ATTRIBUTES";

/// What a request says that policies may ask for, as far as it is about this table.
pub fn of_request(view: &TableView, is_index: Option<&str>, input: &dyn Structure) -> Keys {
    let any = input.as_any();
    let index = is_index.and_then(|name| view.index(name));
    let schema = index.map_or(&view.key, |index| &index.key);
    let mut found = Found::default();
    if let Some(input) = any.downcast_ref::<api::GetItemInput>() {
        found.get(schema, input);
    } else if let Some(input) = any.downcast_ref::<api::PutItemInput>() {
        found.put(schema, input);
    } else if let Some(input) = any.downcast_ref::<api::UpdateItemInput>() {
        found.update(schema, input);
    } else if let Some(input) = any.downcast_ref::<api::DeleteItemInput>() {
        found.delete(schema, input);
    } else if let Some(input) = any.downcast_ref::<api::QueryInput>() {
        found.query(schema, input);
    } else if let Some(input) = any.downcast_ref::<api::ScanInput>() {
        found.scan(input);
    } else if let Some(input) = any.downcast_ref::<api::BatchGetItemInput>() {
        found.batch_get(view, input);
    } else if let Some(input) = any.downcast_ref::<api::BatchWriteItemInput>() {
        found.batch_write(view, input);
    }
    found.into_keys()
}

/// The partition key's value as policies compare it.
pub fn leading_key(schema: &KeySchema, item: &Item) -> Option<String> {
    item.get(&schema.hash.name).and_then(text_of)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Binary(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

/// A list as keys are given to the frame.
pub fn keys_of(
    leading: impl IntoIterator<Item = String>,
    attributes: impl IntoIterator<Item = String>,
    more: &[(&str, &str)],
) -> Vec<(String, Vec<String>)> {
    let several = [
        (LEADING_KEYS, leading.into_iter().collect::<Vec<_>>()),
        (ATTRIBUTES, attributes.into_iter().collect::<Vec<_>>()),
    ];
    let several = several.into_iter().filter(|(_, values)| !values.is_empty());
    let several = several.map(|(name, values)| (name.to_owned(), values));
    let single = more.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
    several.chain(single).collect()
}

#[derive(Default)]
struct Found {
    keys: Keys,
    attributes: BTreeSet<String>,
}

impl Found {
    fn into_keys(self) -> Keys {
        let attributes = self.attributes.into_iter().map(|name| (ATTRIBUTES.to_owned(), name));
        self.keys.into_iter().chain(attributes).collect()
    }

    fn add(&mut self, key: &str, value: impl Into<String>) {
        self.keys.push((key.to_owned(), value.into()));
    }

    fn capacity(&mut self, wanted: Option<&api::ReturnConsumedCapacity>) {
        self.add(RETURN_CONSUMED_CAPACITY, wanted.map_or("NONE", api::ReturnConsumedCapacity::as_str));
    }

    fn returns(&mut self, wanted: Option<&api::ReturnValue>) {
        self.add(RETURN_VALUES, wanted.map_or("NONE", api::ReturnValue::as_str));
    }

    fn leading(&mut self, schema: &KeySchema, item: &Attributes) {
        let value = item.get(&schema.hash.name).cloned().and_then(|value| values::value(value).ok());
        if let Some(text) = value.as_ref().and_then(text_of) {
            self.add(LEADING_KEYS, text);
        }
    }

    fn written(&mut self, item: &Attributes) {
        self.attributes.extend(item.keys().cloned());
    }

    /// The attributes that expressions and the older parameters name.
    fn named<'t>(
        &mut self,
        names: Option<&BTreeMap<String, String>>,
        texts: impl IntoIterator<Item = Option<&'t String>>,
    ) {
        for text in texts.into_iter().flatten() {
            roots(text, names, &mut self.attributes);
        }
    }

    fn older<T>(&mut self, given: Option<&BTreeMap<String, T>>) {
        self.attributes.extend(given.into_iter().flatten().map(|(name, _)| name.clone()));
    }

    fn selected(&mut self, specific: bool) {
        self.add(SELECT, if specific { SPECIFIC } else { ALL });
    }

    fn get(&mut self, schema: &KeySchema, input: &api::GetItemInput) {
        self.leading(schema, &input.key);
        self.capacity(input.return_consumed_capacity.as_ref());
        self.attributes.extend(input.attributes_to_get.iter().flatten().cloned());
        self.named(input.expression_attribute_names.as_ref(), [input.projection_expression.as_ref()]);
        self.selected(input.projection_expression.is_some() || input.attributes_to_get.is_some());
    }

    fn put(&mut self, schema: &KeySchema, input: &api::PutItemInput) {
        self.leading(schema, &input.item);
        self.capacity(input.return_consumed_capacity.as_ref());
        self.returns(input.return_values.as_ref());
        self.written(&input.item);
        self.older(input.expected.as_ref());
        self.named(input.expression_attribute_names.as_ref(), [input.condition_expression.as_ref()]);
    }

    fn update(&mut self, schema: &KeySchema, input: &api::UpdateItemInput) {
        self.leading(schema, &input.key);
        self.capacity(input.return_consumed_capacity.as_ref());
        self.returns(input.return_values.as_ref());
        self.written(&input.key);
        self.older(input.expected.as_ref());
        self.older(input.attribute_updates.as_ref());
        let texts = [input.update_expression.as_ref(), input.condition_expression.as_ref()];
        self.named(input.expression_attribute_names.as_ref(), texts);
    }

    fn delete(&mut self, schema: &KeySchema, input: &api::DeleteItemInput) {
        self.leading(schema, &input.key);
        self.capacity(input.return_consumed_capacity.as_ref());
        self.returns(input.return_values.as_ref());
        self.written(&input.key);
        self.older(input.expected.as_ref());
        self.named(input.expression_attribute_names.as_ref(), [input.condition_expression.as_ref()]);
    }

    fn query(&mut self, schema: &KeySchema, input: &api::QueryInput) {
        if let Some(text) = queried(schema, input) {
            self.add(LEADING_KEYS, text);
        }
        self.capacity(input.return_consumed_capacity.as_ref());
        self.older(input.key_conditions.as_ref());
        self.older(input.query_filter.as_ref());
        self.attributes.extend(input.attributes_to_get.iter().flatten().cloned());
        let texts = [
            input.projection_expression.as_ref(),
            input.filter_expression.as_ref(),
            input.key_condition_expression.as_ref(),
        ];
        self.named(input.expression_attribute_names.as_ref(), texts);
        let specific = input.projection_expression.is_some() || input.attributes_to_get.is_some();
        self.select(input.select.as_ref(), specific, input.index_name.is_some());
    }

    fn scan(&mut self, input: &api::ScanInput) {
        self.capacity(input.return_consumed_capacity.as_ref());
        self.older(input.scan_filter.as_ref());
        self.attributes.extend(input.attributes_to_get.iter().flatten().cloned());
        let texts = [input.projection_expression.as_ref(), input.filter_expression.as_ref()];
        self.named(input.expression_attribute_names.as_ref(), texts);
        let specific = input.projection_expression.is_some() || input.attributes_to_get.is_some();
        self.select(input.select.as_ref(), specific, input.index_name.is_some());
    }

    fn select(&mut self, given: Option<&api::Select>, specific: bool, has_index: bool) {
        let select = match given {
            Some(select) => select.as_str(),
            None if specific => SPECIFIC,
            None if has_index => "ALL_PROJECTED_ATTRIBUTES",
            None => ALL,
        };
        self.add(SELECT, select);
    }

    fn batch_get(&mut self, view: &TableView, input: &api::BatchGetItemInput) {
        self.capacity(input.return_consumed_capacity.as_ref());
        for (_, wanted) in input.request_items.iter().filter(|(name, _)| is_of(view, name)) {
            wanted.keys.iter().for_each(|key| self.leading(&view.key, key));
            self.attributes.extend(wanted.attributes_to_get.iter().flatten().cloned());
            self.named(wanted.expression_attribute_names.as_ref(), [wanted.projection_expression.as_ref()]);
            self.selected(wanted.projection_expression.is_some() || wanted.attributes_to_get.is_some());
        }
    }

    fn batch_write(&mut self, view: &TableView, input: &api::BatchWriteItemInput) {
        self.capacity(input.return_consumed_capacity.as_ref());
        for (_, requests) in input.request_items.iter().filter(|(name, _)| is_of(view, name)) {
            let items =
                requests.iter().filter_map(|request| match (&request.put_request, &request.delete_request) {
                    (Some(put), _) => Some(&put.item),
                    (None, Some(delete)) => Some(&delete.key),
                    (None, None) => None,
                });
            for item in items {
                self.leading(&view.key, item);
                self.written(item);
            }
        }
    }
}

/// Whether what a request calls a table is this one, by name or ARN.
fn is_of(view: &TableView, name: &str) -> bool {
    name == view.name || name == view.arn.as_str()
}

/// The partition that a query reads.
fn queried(schema: &KeySchema, input: &api::QueryInput) -> Option<String> {
    let hash = &schema.hash.name;
    if let Some(text) = &input.key_condition_expression {
        let names = input.expression_attribute_names.clone().unwrap_or_default();
        let values = input.expression_attribute_values.iter().flatten();
        let values =
            values.filter_map(|(name, value)| Some((name.clone(), values::value(value.clone()).ok()?)));
        let mut placeholders = Placeholders::new(names, values.collect());
        let condition = KeyCondition::parse(text, &mut placeholders).ok()?;
        let term = condition.terms.iter().find(|term| term.attribute == *hash)?;
        return match &term.condition {
            RangeCondition::Equal(value) => text_of(value),
            _ => None,
        };
    }
    let condition = input.key_conditions.as_ref()?.get(hash)?;
    let value = condition.attribute_value_list.as_ref()?.first()?;
    text_of(&values::value(value.clone()).ok()?)
}

const KEYWORDS: [&str; 9] = ["AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"];

/// The attributes that an expression names. It need not be a good one: whether it is, is seen later.
fn roots(text: &str, names: Option<&BTreeMap<String, String>>, into: &mut BTreeSet<String>) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'#' | b':' | b'.' => at += 1,
            byte if is_word(byte) => {}
            _ => {
                at += 1;
                continue;
            }
        }
        // What stands behind a point, a `#` too, lies inside of an attribute.
        if bytes[start] == b'.' && bytes.get(at) == Some(&b'#') {
            at += 1;
        }
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        let word = &text[start..at];
        match bytes[start] {
            b'#' => into.extend(names.and_then(|names| names.get(word)).cloned()),
            b':' | b'.' | b'0'..=b'9' => {}
            _ => {
                let is_call = text[at..].trim_start().starts_with('(');
                let is_keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word));
                if !is_call && !is_keyword {
                    into.insert(word.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_name_their_attributes() {
        let names = BTreeMap::from([("#n".to_owned(), "name".to_owned()), ("#x".to_owned(), "x".to_owned())]);
        for (text, expected) in [
            ("SET a = :v, b.c[1] = if_not_exists(d, :w) REMOVE #n.#x", vec!["a", "b", "d", "name"]),
            ("attribute_exists (a) and begins_with(#n, :p) OR size(z) > :three", vec!["a", "name", "z"]),
            ("a, b[0].c, #x", vec!["a", "b", "x"]),
            ("pk = :v AND sk BETWEEN :a AND :b", vec!["pk", "sk"]),
            ("", vec![]),
        ] {
            let mut found = BTreeSet::new();
            roots(text, Some(&names), &mut found);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
