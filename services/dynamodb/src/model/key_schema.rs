//! Key schemas and projections as plain data: what tables, indexes and backups all have.

use dynamodb_api as api;
use serde::{Deserialize, Serialize};

/// The type of a key attribute: nothing but these three can be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalarType {
    S,
    N,
    B,
}

impl ScalarType {
    /// As clients write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            ScalarType::S => "S",
            ScalarType::N => "N",
            ScalarType::B => "B",
        }
    }

    pub fn parse(kind: &api::ScalarAttributeType) -> Option<ScalarType> {
        match kind {
            api::ScalarAttributeType::S => Some(ScalarType::S),
            api::ScalarAttributeType::N => Some(ScalarType::N),
            api::ScalarAttributeType::B => Some(ScalarType::B),
            api::ScalarAttributeType::Unknown(_) => None,
        }
    }

    pub const fn shown(self) -> api::ScalarAttributeType {
        match self {
            ScalarType::S => api::ScalarAttributeType::S,
            ScalarType::N => api::ScalarAttributeType::N,
            ScalarType::B => api::ScalarAttributeType::B,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    pub name: String,
    pub kind: ScalarType,
}

/// The primary key of a table, or the key of an index. Both halves of a global index's may have several attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    pub hash: KeyAttribute,
    /// What the partition key has besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_hash: Vec<KeyAttribute>,
    pub range: Option<KeyAttribute>,
    /// What the sort key has besides, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_range: Vec<KeyAttribute>,
}

impl KeySchema {
    /// The partition key, and the sort key where there is one.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.hash_attributes().chain(self.range_attributes())
    }

    pub fn hash_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.hash).chain(&self.more_hash)
    }

    pub fn range_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.range.iter().chain(&self.more_range)
    }

    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    pub fn shown(&self) -> Vec<api::KeySchemaElement> {
        let element = |attribute: &KeyAttribute, key_type| api::KeySchemaElement {
            attribute_name: attribute.name.clone(),
            key_type,
        };
        let hash = self.hash_attributes().map(|hash| element(hash, api::KeyType::Hash));
        hash.chain(self.range_attributes().map(|range| element(range, api::KeyType::Range))).collect()
    }
}

/// What of an item is in an index, besides the keys of both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projection {
    All,
    KeysOnly,
    Include(Vec<String>),
}

impl Projection {
    pub fn shown(&self) -> api::Projection {
        let (projection_type, non_key_attributes) = match self {
            Projection::All => (api::ProjectionType::All, None),
            Projection::KeysOnly => (api::ProjectionType::KeysOnly, None),
            Projection::Include(names) => (api::ProjectionType::Include, Some(names.clone())),
        };
        api::Projection { projection_type: Some(projection_type), non_key_attributes }
    }
}
