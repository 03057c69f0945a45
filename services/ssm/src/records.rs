//! What the Parameter Store keeps.

use std::collections::BTreeMap;
use std::fmt;

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Table, Versioned, ordered};

use crate::model::filter::Subject;
use crate::model::labels::Labels;
use crate::model::policies::ParameterPolicy;
use crate::model::tier::{Counts, Tier};
use crate::model::value::Kind;

pub type Place = (AccountId, Region);

/// Parameters with their current version, by [`crate::model::name::ParameterName::key`].
pub const PARAMETERS: Table<Place, ParameterRecord> = Table::new("ssm.parameters");

/// Versions that are no longer current: see [`version_key`].
pub const VERSIONS: Table<Place, VersionRecord> = Table::new("ssm.versions");

/// How many parameters there are, under [`COUNTS_KEY`].
pub const COUNTS: Table<Place, CountsRecord> = Table::new("ssm.counts");
pub const COUNTS_KEY: &str = "parameters";

/// Settings that are not as they were, by id.
pub const SETTINGS: Table<Place, SettingRecord> = Table::new("ssm.settings");

/// Parameters that expire, by [`expiry_key`], whoever has them.
pub const EXPIRIES: Table<(), ExpiryRecord> = Table::new("ssm.expiries");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterRecord {
    pub name: String,
    pub current: VersionRecord,
    /// The oldest version that is kept.
    pub oldest: u64,
    pub labels: Labels,
    pub tags: BTreeMap<String, String>,
    pub sharing: Option<SharingRecord>,
    /// When its policies delete it.
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRecord {
    pub version: u64,
    /// The request that made it, so that a transaction that runs again knows its own work.
    pub request: String,
    pub modified: Timestamp,
    /// The ARN of whoever made it.
    pub user: String,
    pub kind: Kind,
    pub value: Value,
    /// As it was given: an alias may come to mean another key.
    pub key_id: Option<String>,
    pub description: Option<String>,
    pub allowed_pattern: Option<String>,
    pub tier: Tier,
    pub data_type: String,
    pub policies: Vec<ParameterPolicy>,
}

/// A value as it is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Of a String or StringList.
    Plain(String),
    /// Of a SecureString of the standard tier: KMS's ciphertext, in base64.
    Sealed(String),
    /// Of a SecureString of the advanced tier: see [`crate::model::envelope`], in base64.
    Enveloped(String),
}

/// A value may be somebody's password in the clear, and has no business in a log.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Plain(_) => "Plain(…)",
            Value::Sealed(_) => "Sealed(…)",
            Value::Enveloped(_) => "Enveloped(…)",
        })
    }
}

/// The resource policy of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharingRecord {
    pub id: String,
    pub hash: String,
    pub policy: String,
    /// The request that put it, so that a transaction that runs again knows its own work.
    pub request: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CountsRecord {
    pub counts: Counts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingRecord {
    pub value: String,
    pub modified: Timestamp,
    pub user: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpiryRecord {
    pub account: AccountId,
    pub region: Region,
    /// The key in [`PARAMETERS`].
    pub parameter: String,
}

impl ParameterRecord {
    /// As filters see it.
    pub fn subject<'a>(&'a self, key: &'a str) -> Subject<'a> {
        Subject {
            key,
            name: &self.name,
            kind: self.current.kind.as_str(),
            key_id: self.current.key_id.as_deref(),
            tier: match self.current.tier {
                Tier::Standard => "Standard",
                Tier::Advanced => "Advanced",
            },
            data_type: &self.current.data_type,
            tags: &self.tags,
            labels: &self.labels,
        }
    }
}

/// The key of a version of the parameter with that key. No character of a name sorts before the separator, so that one
/// parameter's versions lie together.
pub fn version_key(parameter: &str, version: u64) -> String {
    version_prefix(parameter) + &ordered(version)
}

pub fn version_prefix(parameter: &str) -> String {
    format!("{parameter}\u{2}")
}

/// By time, so that what is due comes first.
pub fn expiry_key(at: Timestamp, (account, region): Place, parameter: &str) -> String {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    format!("{}\u{2}{account}\u{2}{region}\u{2}{parameter}", ordered(millis))
}

/// When the entry with that key is due.
pub fn due(key: &str) -> Option<Timestamp> {
    let millis = key.split('\u{2}').next()?.parse().ok()?;
    Some(Timestamp::from_millis(millis))
}

impl Versioned for ParameterRecord {
    const VERSION: u16 = 1;
}

impl Versioned for VersionRecord {
    const VERSION: u16 = 1;
}

impl Versioned for CountsRecord {
    const VERSION: u16 = 1;
}

impl Versioned for SettingRecord {
    const VERSION: u16 = 1;
}

impl Versioned for ExpiryRecord {
    const VERSION: u16 = 1;
}
