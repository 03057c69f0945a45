//! What KMS keeps in the store. Key material is sealed by the vault before it comes here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Pins;
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};
use vault::KeySpec;

type Place = (AccountId, Region);

/// Keys by their id (`1234abcd-…` or `mrk-…`).
pub const KEYS: Table<Place, KeyRecord> = Table::new("kms.keys");

/// `key/number`, the number ordered: every material a key ever had. What was deleted stays, without its bytes.
pub const MATERIALS: Table<Place, MaterialRecord> = Table::new("kms.materials");

/// Aliases by their name, without `alias/`.
pub const ALIASES: Table<Place, AliasRecord> = Table::new("kms.aliases");

/// `key/alias` for every alias, to list those of one key.
pub const ALIASES_OF_KEYS: Table<Place, AliasOfKeyRecord> = Table::new("kms.aliases-of-keys");

/// `key/grant` for every grant.
pub const GRANTS: Table<Place, GrantRecord> = Table::new("kms.grants");

/// `principal ARN, space, key, slash, grant` for every grant with a retiring principal; the place is the principal's
/// account (for a service, the key's) and the key's region.
pub const RETIRABLE: Table<Place, RetirableRecord> = Table::new("kms.retirable-grants");

/// Keys by their id: when they were used last, as of a minute ago. Apart from the key, whose record then need not be
/// read again.
pub const LAST_USES: Table<Place, LastUse> = Table::new("kms.last-uses");

/// `when, ordered, slash, account, region, key`: what the clock will do to keys. The records themselves decide
/// whether it is still to be done.
pub const DUE: Table<(), DueRecord> = Table::new("kms.due");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    pub created: Timestamp,
    pub description: String,
    pub usage: KeyUsage,
    pub spec: KeySpec,
    pub origin: Origin,
    pub state: KeyState,
    pub manager: Manager,
    /// JSON, as it came in.
    pub policy: String,
    /// Whom the policy named when it was set.
    #[serde(default)]
    pub pins: Pins,
    pub tags: BTreeMap<String, String>,
    /// The number of the material that new ciphertexts are made with; nothing while an import is awaited.
    pub material: Option<u32>,
    /// The number the next material gets.
    pub next_material: u32,
    /// DER, SubjectPublicKeyInfo; asymmetric keys only.
    pub public_key: Option<Vec<u8>>,
    pub rotation: Rotation,
    pub multi_region: Option<MultiRegion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyUsage {
    EncryptDecrypt,
    SignVerify,
    GenerateVerifyMac,
    KeyAgreement,
    EncapsulateDecapsulate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    AwsKms,
    External,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    Enabled,
    Disabled,
    PendingImport,
    PendingDeletion {
        deletion: Timestamp,
        window_days: u32,
    },
    /// A primary key whose replicas must go first; the window begins when the last one is gone.
    PendingReplicaDeletion {
        window_days: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manager {
    Customer,
    /// `s3` of `aws/s3`.
    Aws {
        service: String,
    },
}

/// When the material is changed by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rotation {
    /// Nothing if rotation is not enabled.
    pub every: Option<Duration>,
    pub next: Option<Timestamp>,
    pub on_demand_done: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiRegion {
    pub primary: Region,
    /// All regions with a key of this id besides the primary's.
    pub replicas: BTreeSet<Region>,
}

/// Which operation used a key last, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastUse {
    pub at: Timestamp,
    pub operation: String,
    pub request_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MaterialRecord {
    /// KeyMaterialId: 64 hexadecimal digits.
    pub id: String,
    pub created: Timestamp,
    /// By the vault, bound to the key's id and this number. Nothing after it was deleted or expired.
    pub sealed: Option<Vec<u8>>,
    pub how: Became,
    /// Imported material may end by the clock.
    pub valid_to: Option<Timestamp>,
    pub description: Option<String>,
    /// When it became the current one by a rotation.
    pub rotated: Option<Timestamp>,
}

/// How a material became the key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Became {
    First,
    RotatedByTheClock,
    RotatedOnDemand,
    /// Imported, and waiting for RotateKeyOnDemand to make it current.
    PendingRotation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasRecord {
    pub key: String,
    pub created: Timestamp,
    pub updated: Timestamp,
}

/// The key says it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasOfKeyRecord {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantRecord {
    pub created: Timestamp,
    pub name: Option<String>,
    /// As it was given: an ARN, or a service's name.
    pub grantee: String,
    pub retiring: Option<String>,
    /// The unique ids of these two, where they are users or roles.
    #[serde(default)]
    pub pins: Pins,
    /// The account that asked for the grant; shown as IssuingAccount.
    pub issuing_account: AccountId,
    /// In the API's spelling.
    pub operations: BTreeSet<String>,
    pub constraints: Constraints,
}

impl GrantRecord {
    /// The unique id of one of its principals, or the principal as it was given.
    pub fn pinned<'a>(&'a self, principal: &'a str) -> &'a str {
        self.pins.get(principal).map_or(principal, String::as_str)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    pub context_subset: Option<BTreeMap<String, String>>,
    pub context_equals: Option<BTreeMap<String, String>>,
    pub source_arn: Option<Arn>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetirableRecord {
    /// The account of the key.
    pub owner: AccountId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DueRecord {
    pub account: AccountId,
    pub region: Region,
    pub key: String,
}

impl Versioned for KeyRecord {
    const VERSION: u16 = 1;
}

impl Versioned for LastUse {
    const VERSION: u16 = 1;
}

impl Versioned for MaterialRecord {
    const VERSION: u16 = 1;
}

impl Versioned for AliasRecord {
    const VERSION: u16 = 1;
}

impl Versioned for AliasOfKeyRecord {
    const VERSION: u16 = 1;
}

impl Versioned for GrantRecord {
    const VERSION: u16 = 1;
}

impl Versioned for RetirableRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DueRecord {
    const VERSION: u16 = 1;
}
