//! What S3 Control keeps: what holds for an account as a whole, and access points.

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use identity::policy::Pins;
use s3_api as api;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use crate::records::BucketId;

/// What holds for all buckets of an account, under an empty key.
pub const ACCOUNTS: Table<AccountId, AccountRecord> = Table::new("s3.accounts");

/// Access points, by [`access_point_key`].
pub const ACCESS_POINTS: Table<AccountId, AccessPointRecord> = Table::new("s3.access-points");

/// Access points by their aliases, which are names of buckets to clients.
pub const ALIASES: Table<(), AliasRecord> = Table::new("s3.access-point-aliases");

/// The access points of a bucket, in whatever account; the key is the point's ARN.
pub const BUCKET_ACCESS_POINTS: Table<BucketId, AliasRecord> = Table::new("s3.bucket-access-points");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountRecord {
    pub public_access_block: Option<Kept<api::PublicAccessBlockConfiguration>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessPointRecord {
    pub bucket: String,
    pub bucket_account: AccountId,
    pub alias: String,
    pub created: Timestamp,
    /// The policy document, and whom it named when it was set.
    pub policy: Option<String>,
    pub pins: Pins,
    /// Cannot be changed once the point is there.
    pub public_access_block: Kept<api::PublicAccessBlockConfiguration>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasRecord {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
}

/// The key of an access point. The name comes first, so that a name without its region is found too.
pub fn access_point_key(name: &str, region: Region) -> String {
    format!("{name}/{region}")
}

impl Versioned for AccountRecord {
    const VERSION: u16 = 1;
}

impl Versioned for AccessPointRecord {
    const VERSION: u16 = 1;
}

impl Versioned for AliasRecord {
    const VERSION: u16 = 1;
}
