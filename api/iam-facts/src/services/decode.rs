//! From the text on the shelf to facts. Names that occur again, as condition keys do, are kept once.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;

use super::{
    AccessLevel, Action, ActionResource, ConditionKey, ConditionKeyType, ResourceType, ServiceFacts,
    ServiceHead,
};

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Text<'a> {
    actions: BTreeMap<Cow<'a, str>, ActionText<'a>>,
    resources: BTreeMap<Cow<'a, str>, ResourceText<'a>>,
    keys: BTreeMap<Cow<'a, str>, ConditionKeyType>,
}

#[derive(Deserialize)]
struct ActionText<'a> {
    access: AccessLevel,
    /// A name that ends in an asterisk is required.
    #[serde(borrow, default)]
    resources: BTreeMap<Cow<'a, str>, Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    keys: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    dependent: Vec<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ResourceText<'a> {
    #[serde(borrow)]
    arn: Cow<'a, str>,
    #[serde(borrow, default)]
    keys: Vec<Cow<'a, str>>,
}

/// Strings that were met already.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn one(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }

    fn all(&mut self, names: &[Cow<'_, str>]) -> Vec<Arc<str>> {
        names.iter().map(|name| self.one(name)).collect()
    }
}

pub fn decode(head: &ServiceHead) -> ServiceFacts {
    let text = head.place.text();
    let text: Text<'_> =
        serde_json::from_str(&text).expect("the importer wrote the facts; a test reads them all");
    let mut names = Names::default();
    let keys = text.keys.iter();
    let condition_keys =
        keys.map(|(name, kind)| ConditionKey { name: names.one(name), kind: *kind }).collect();
    let resource_types = text.resources.iter();
    let resource_types = resource_types
        .map(|(name, resource)| ResourceType {
            name: names.one(name),
            arn_format: resource.arn.as_ref().into(),
            condition_keys: names.all(&resource.keys),
        })
        .collect();
    let actions = text.actions.iter();
    let mut actions: Vec<Action> =
        actions.map(|(name, action)| decode_action(name, action, &mut names)).collect();
    actions.sort_by(|a, b| without_case(&a.name, &b.name));
    ServiceFacts { prefix: head.prefix, name: head.name, actions, resource_types, condition_keys }
}

fn decode_action(name: &str, action: &ActionText<'_>, names: &mut Names) -> Action {
    let resources = action.resources.iter();
    let resources = resources
        .map(|(name, keys)| ActionResource {
            required: name.ends_with('*'),
            resource_type: names.one(name.trim_end_matches('*')),
            condition_keys: names.all(keys),
        })
        .collect();
    Action {
        name: name.into(),
        access: action.access,
        resources,
        condition_keys: names.all(&action.keys),
        dependent_actions: names.all(&action.dependent),
    }
}

pub fn without_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|byte| byte.to_ascii_lowercase()).cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}
