//! Key pairs: the public halves, and which name is whose.

use ec2_api::KeyPairInfo;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{KEY_PAIR, Kind};
use crate::model::filter::{Values, maybe, one};

/// A key pair with its public key, which is shown only to those who ask for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyPairRecord {
    pub id: String,
    pub shown: Kept<KeyPairInfo>,
}

impl Versioned for KeyPairRecord {
    const VERSION: u16 = 1;
}

impl KeyPairRecord {
    pub fn name(&self) -> &str {
        self.shown.key_name.as_deref().unwrap_or_default()
    }
}

impl Resource for KeyPairRecord {
    const TABLE: Table<Place, KeyPairRecord> = Table::new("ec2.key-pairs");
    const KIND: &'static Kind = &KEY_PAIR;
    const FILTERS: &'static [&'static str] = &["key-pair-id", "fingerprint", "key-name"];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "key-pair-id" => one(&self.id),
            "fingerprint" => maybe(self.shown.key_fingerprint.as_ref()),
            "key-name" => one(self.name()),
            _ => None,
        }
    }
}

/// Ids by name: a name is used once in an account and region.
pub const KEY_NAMES: Table<Place, NamedRecord> = Table::new("ec2.key-names");

/// The id behind a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedRecord {
    pub id: String,
}

impl Versioned for NamedRecord {
    const VERSION: u16 = 1;
}
