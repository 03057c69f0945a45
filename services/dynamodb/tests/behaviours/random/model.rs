//! A table as simple as can be: things by their keys.

use std::collections::{BTreeMap, BTreeSet};

use dynamodb_api::AttributeValue;

pub type Attributes = BTreeMap<String, AttributeValue>;

/// The partition key and the sort key.
pub type Key = (String, i64);

/// All items, sorted as queries are: strings here are ASCII, and numbers are whole.
#[derive(Debug, Default, Clone)]
pub struct Model {
    pub things: BTreeMap<Key, Thing>,
}

/// An item beside its key. What is not there is none; sets are never empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Thing {
    pub count: Option<i64>,
    /// The partition key of the global index.
    pub team: Option<String>,
    /// The sort key of both indexes.
    pub points: Option<i64>,
    pub labels: BTreeSet<String>,
    pub notes: Option<Vec<String>>,
    pub scores: Option<BTreeMap<String, i64>>,
}

pub fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub fn texts<'t>(texts: impl IntoIterator<Item = &'t String>) -> AttributeValue {
    AttributeValue::SS(texts.into_iter().cloned().collect())
}

pub fn list(texts: &[String]) -> AttributeValue {
    AttributeValue::L(texts.iter().map(|one| text(one)).collect())
}

pub fn map(scores: &BTreeMap<String, i64>) -> AttributeValue {
    let scores = scores.iter().map(|(name, score)| (name.clone(), number(*score))).collect();
    AttributeValue::M(scores)
}

pub fn key_attributes(key: &Key) -> Attributes {
    Attributes::from([("pk".to_owned(), text(&key.0)), ("sk".to_owned(), number(key.1))])
}

impl Thing {
    /// The item as it is answered, with its key.
    pub fn attributes(&self, key: &Key) -> Attributes {
        let mut shown = key_attributes(key);
        let mut add = |name: &str, value: Option<AttributeValue>| {
            shown.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("hits", self.count.map(number));
        add("team", self.team.as_deref().map(text));
        add("points", self.points.map(number));
        add("labels", (!self.labels.is_empty()).then(|| texts(&self.labels)));
        add("notes", self.notes.as_deref().map(list));
        add("scores", self.scores.as_ref().map(map));
        shown
    }

    /// What the global index has of it, if it is in there: keys and notes.
    pub fn in_index(&self, key: &Key) -> Option<Attributes> {
        self.team.as_ref()?;
        self.points?;
        let mut shown = self.attributes(key);
        shown.retain(|name, _| ["pk", "sk", "team", "points", "notes"].contains(&name.as_str()));
        Some(shown)
    }
}

impl Model {
    pub fn shown(&self, key: &Key) -> Option<Attributes> {
        self.things.get(key).map(|thing| thing.attributes(key))
    }

    /// Of one partition, in order.
    pub fn partition(&self, partition: &str) -> impl Iterator<Item = (&Key, &Thing)> {
        self.things.iter().filter(move |(key, _)| key.0 == partition)
    }

    pub fn put(&mut self, key: &Key, thing: Option<Thing>) {
        match thing {
            Some(thing) => self.things.insert(key.clone(), thing),
            None => self.things.remove(key),
        };
    }
}
