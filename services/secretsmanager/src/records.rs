//! What Secrets Manager keeps. A secret's record knows its versions, but not their values: these are records of their
//! own, sealed before they come here, so that to list or describe secrets reads none of them.

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Pins;
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};

use crate::model::schedule::Rules;
use crate::model::sealed::SealedValue;

/// Whose secrets, and where.
pub type Place = (AccountId, Region);

/// Secrets by their name.
pub const SECRETS: Table<Place, SecretRecord> = Table::new("secretsmanager.secrets");

/// `when it was created, ordered, space, name`: the order in which secrets are listed.
pub const BY_CREATION: Table<Place, ByCreationRecord> = Table::new("secretsmanager.by-creation");

/// `name, space, version`: no name has a space in it.
pub const VALUES: Table<Place, ValueRecord> = Table::new("secretsmanager.values");

/// `when, ordered, space, account, space, region, space, name`: secrets to be deleted. The secret's record decides
/// whether it still is.
pub const DUE: Table<(), DueRecord> = Table::new("secretsmanager.due");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// The six characters at the end of the ARN.
    pub suffix: String,
    pub created: Timestamp,
    pub changed: Timestamp,
    /// The day on which a value was read last.
    pub accessed: Option<Timestamp>,
    pub description: Option<String>,
    /// As it was given; nothing for the key of the service.
    pub kms_key: Option<String>,
    /// Who holds an external secret, as it was given.
    pub kind: Option<String>,
    /// The service that created the secret for its user: `rds`.
    pub owning_service: Option<String>,
    pub tags: BTreeMap<String, String>,
    /// JSON, as it came in.
    pub policy: Option<String>,
    /// Whom the policy named when it was set.
    #[serde(default)]
    pub pins: Pins,
    pub deletion: Option<Deletion>,
    pub rotation: Option<Rotation>,
    pub versions: BTreeMap<String, Version>,
    /// Where this secret is replicated to.
    pub replicas: BTreeMap<Region, Replica>,
    /// The region this secret is a replica from.
    pub primary: Option<Region>,
    /// The one replica in another account.
    pub foreign_replica: Option<ForeignReplica>,
    /// The secret in another account this one is a replica of.
    pub foreign_primary: Option<ForeignPrimary>,
}

/// A secret in its recovery window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub asked: Timestamp,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    pub created: Timestamp,
    /// Staging labels, in the order they came.
    pub labels: Vec<String>,
    /// The day on which the value was read last.
    pub accessed: Option<Timestamp>,
    /// The key its data key is encrypted with, as the secret named it then.
    pub kms_key: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// False after CancelRotateSecret, which keeps the rest.
    pub enabled: bool,
    pub function: Option<String>,
    pub rules: Option<Rules>,
    pub external_metadata: Vec<(String, String)>,
    pub external_role: Option<String>,
    pub rotated: Option<Timestamp>,
    pub next: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    pub kms_key: Option<String>,
    pub state: ReplicaState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaState {
    InSync,
    /// The replica does not exist, or lacks what could not be brought to it.
    Failed {
        why: String,
    },
}

/// A link from a primary secret to its replica in another account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignReplica {
    pub arn: Arn,
    pub role: Option<String>,
    pub state: ForeignState,
}

/// A link from a replica to its primary secret in another account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignPrimary {
    pub arn: Arn,
    pub state: ForeignState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ForeignState {
    /// Not associated by the primary yet.
    Pending,
    InSync,
    Failed {
        why: String,
    },
    Detached,
}

/// The key says it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByCreationRecord {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueRecord {
    pub sealed: SealedValue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DueRecord {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

impl SecretRecord {
    /// A new secret without anything.
    pub fn new(suffix: String, now: Timestamp) -> SecretRecord {
        SecretRecord {
            suffix,
            created: now,
            changed: now,
            accessed: None,
            description: None,
            kms_key: None,
            kind: None,
            owning_service: None,
            tags: BTreeMap::new(),
            policy: None,
            pins: Pins::new(),
            deletion: None,
            rotation: None,
            versions: BTreeMap::new(),
            replicas: BTreeMap::new(),
            primary: None,
            foreign_replica: None,
            foreign_primary: None,
        }
    }

    /// Whether the recovery window is over, and the secret with it.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        self.deletion.is_some_and(|deletion| deletion.at <= now)
    }

    /// The version that has a staging label.
    pub fn labelled(&self, label: &str) -> Option<&str> {
        let mut versions = self.versions.iter();
        versions.find(|(_, version)| version.labels.iter().any(|own| own == label)).map(|(id, _)| &**id)
    }
}

impl Versioned for SecretRecord {
    const VERSION: u16 = 1;
}

impl Versioned for ByCreationRecord {
    const VERSION: u16 = 1;
}

impl Versioned for ValueRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DueRecord {
    const VERSION: u16 = 1;
}
