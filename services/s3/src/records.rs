//! What S3 keeps in the store. The bytes of objects are the object engine's; here is what objects and buckets are.
//!
//! An object's current version is in [`CURRENT`], so that listing and reading the newest touch nothing else; older
//! versions and all delete markers are in [`VERSIONS`], the newest of a key first. A key whose newest version is a
//! delete marker is not in [`CURRENT`].

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use identity::policy::Pins;
use object_engine::Extent;
use s3_api as api;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Scope, Table, Versioned};

use crate::model::acl::Acl;
use crate::model::checksum::Checksum;
use crate::model::etag::ETag;
use crate::model::inventory::ReportFile;
use crate::model::storage_class::StorageClass;
use crate::model::upload_id::UploadId;

/// Buckets by name, which is one for the whole cloud.
pub const BUCKETS: Table<(), BucketRecord> = Table::new("s3.buckets");

/// The names of an account's buckets.
pub const OWNED: Table<AccountId, OwnedRecord> = Table::new("s3.owned-buckets");

/// How many buckets an account has.
pub const BUCKET_COUNTS: Table<AccountId, CountRecord> = Table::new("s3.bucket-counts");

/// What every write to a bucket must agree with, small because each reads it.
pub const STATES: Table<BucketId, BucketState> = Table::new("s3.states");

/// The newest version of every key that has one, unless that is a delete marker.
pub const CURRENT: Table<BucketId, ObjectRecord> = Table::new("s3.objects");

/// Every other version, by [`crate::model::version::place`]: key, then newest first.
pub const VERSIONS: Table<BucketId, VersionRecord> = Table::new("s3.versions");

/// Where in [`VERSIONS`] the version with the id `null` is, for keys that have it there: its order.
pub const NULL_VERSIONS: Table<BucketId, NullRecord> = Table::new("s3.null-versions");

/// Multipart uploads under way, by [`crate::model::upload_id::place`]: key, then oldest first.
pub const UPLOADS: Table<BucketId, UploadRecord> = Table::new("s3.uploads");

/// Their parts: the upload's id, a slash, and the part's number in five digits.
pub const PARTS: Table<BucketId, PartRecord> = Table::new("s3.parts");

/// Content that nobody refers to any more, for the task that gives its room back.
pub const GARBAGE: Table<(), GarbageRecord> = Table::new("s3.garbage");

/// Content that went back to where a sweep may have been already; kept until the next sweep has seen it.
pub const MOVED: Table<(), GarbageRecord> = Table::new("s3.moved");

/// When content was last gone through, and where that is now; by [`SWEEP`] and [`SCRUB`].
pub const ROUNDS: Table<(), RoundRecord> = Table::new("s3.rounds");

/// Versions and parts whose content the scrubber found damaged, by [`crate::contents::Holder::place`].
pub const DAMAGED: Table<BucketId, DamagedRecord> = Table::new("s3.damaged");

/// Restores of archived objects that will be done, or over, by the moment of that.
pub const RESTORES: Table<(), RestoreRecord> = Table::new("s3.restores");

/// How far the lifecycle rules have got today; one record, under an empty key.
pub const LIFECYCLE_RUNS: Table<(), LifecycleRunRecord> = Table::new("s3.lifecycle-runs");

/// Lines of access logs that wait to be delivered: by bucket, day, and when they were kept.
pub const ACCESS_LOGS: Table<(), AccessLogRecord> = Table::new("s3.access-logs");

/// The latest report of each inventory configuration: the bucket's number, a slash, and the configuration's id.
pub const INVENTORY_RUNS: Table<(), InventoryRunRecord> = Table::new("s3.inventory-runs");

/// Data keys of S3's own (SSE-S3) by their number.
pub const DATA_KEYS: Table<(), DataKeyRecord> = Table::new("s3.data-keys");

/// The data key that new objects of a bucket's owner in its region are encrypted with.
pub const CURRENT_DATA_KEYS: Table<(AccountId, Region), CurrentDataKeyRecord> =
    Table::new("s3.current-data-keys");

/// A bucket's number, never used again: a bucket that is made again under its old name has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketId(pub u64);

impl Scope for BucketId {
    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.0.to_be_bytes());
    }
}

/// A bucket and all of its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketRecord {
    pub id: BucketId,
    pub account: AccountId,
    pub region: Region,
    pub created: Timestamp,
    pub kind: BucketKind,
    pub versioning: Versioning,
    pub mfa_delete: bool,
    /// Some object has or had tags, so that permissions may depend on them.
    #[serde(default)]
    pub holds_tags: bool,
    pub settings: Settings,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BucketKind {
    General,
    /// A directory bucket in one zone (`use1-az4`): its name ends in `--use1-az4--x-s3`.
    Directory {
        zone: String,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// What a bucket's owner may set, each as it was accepted. Nothing where it was not set or was deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub ownership: Ownership,
    /// The ownership controls were deleted, and what older buckets have holds: `ObjectWriter`.
    pub ownership_deleted: bool,
    pub acl: Option<Acl>,
    /// The policy document, and whom it named when it was set.
    pub policy: Option<String>,
    pub pins: Pins,
    pub public_access_block: Option<Kept<api::PublicAccessBlockConfiguration>>,
    pub encryption: Option<Kept<api::ServerSideEncryptionConfiguration>>,
    pub object_lock: Option<Kept<api::ObjectLockConfiguration>>,
    pub lifecycle: Option<Kept<api::BucketLifecycleConfiguration>>,
    /// `x-amz-transition-default-minimum-object-size`, as it was given with the lifecycle configuration.
    pub lifecycle_small_objects: Option<String>,
    pub cors: Option<Kept<api::CORSConfiguration>>,
    pub website: Option<Kept<api::WebsiteConfiguration>>,
    pub logging: Option<Kept<api::LoggingEnabled>>,
    pub notification: Option<Kept<api::NotificationConfiguration>>,
    pub replication: Option<Kept<api::ReplicationConfiguration>>,
    pub requester_pays: bool,
    pub accelerate: Option<String>,
    pub abac: bool,
    pub tags: BTreeMap<String, String>,
    pub analytics: BTreeMap<String, Kept<api::AnalyticsConfiguration>>,
    pub inventory: BTreeMap<String, Kept<api::InventoryConfiguration>>,
    pub metrics: BTreeMap<String, Kept<api::MetricsConfiguration>>,
    pub intelligent_tiering: BTreeMap<String, Kept<api::IntelligentTieringConfiguration>>,
}

/// `ObjectOwnership`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// ACLs mean nothing; what new buckets have.
    #[default]
    BucketOwnerEnforced,
    BucketOwnerPreferred,
    ObjectWriter,
}

/// What lists of buckets show besides the name, which is the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedRecord {
    pub created: Timestamp,
    pub region: Region,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRecord {
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketState {
    pub versioning: Versioning,
}

/// One version of an object that has content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Nothing for the version whose id is `null`.
    pub version: Option<VersionTail>,
    /// Microseconds since 1970 at which it became the newest; ascends within a key, and is part of the version's id.
    pub order: u64,
    pub modified: Timestamp,
    /// In bytes, of the content as the client sent it.
    pub size: u64,
    pub etag: ETag,
    pub content: Content,
    pub checksum: Option<Checksum>,
    /// The parts it was uploaded in, for objects of multipart uploads.
    pub parts: Vec<PartSummary>,
    /// The multipart upload it comes from, so that a completion that is repeated finds what it made.
    pub upload: Option<UploadId>,
    pub described: Described,
    /// Whose it is, where that is not the bucket's owner.
    pub owner: Option<AccountId>,
    pub restored: Option<Restored>,
    pub replication: Option<ReplicationState>,
}

/// What whoever wrote an object said about it: travels from an upload to its object, and with copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Described {
    /// `Content-Type`, `Cache-Control`, `Content-Disposition`, `Content-Encoding`, `Content-Language`, `Expires`,
    /// `x-amz-website-redirect-location`: as they were given, by their lower-case names.
    pub system: BTreeMap<String, String>,
    /// `x-amz-meta-…`, without the prefix.
    pub user: BTreeMap<String, String>,
    pub storage_class: StorageClass,
    pub tags: BTreeMap<String, String>,
    pub acl: Option<Acl>,
    pub retention: Option<Retention>,
    /// Nothing until it was set or lifted for the first time.
    pub legal_hold: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub mode: RetentionMode,
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetentionMode {
    Governance,
    Compliance,
}

/// Where the bytes are, and what they are encrypted with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// In order; none for an empty object.
    pub extents: Vec<Extent>,
    pub encryption: Encryption,
}

/// How the content's key is found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Encryption {
    /// SSE-S3: a number in [`DATA_KEYS`].
    Managed { data_key: u64 },
    /// SSE-KMS: the data key as KMS encrypted it, and the context it is bound to besides the ARN.
    Kms(Box<KmsEncryption>),
    /// DSSE-KMS: two layers, the inner under a key of S3's own.
    Dual { kms: Box<KmsEncryption>, data_key: u64 },
    /// SSE-C: whoever reads brings the key. A salted hash tells whether it is the right one.
    Customer { salt: [u8; 16], check: [u8; 32], key_md5: [u8; 16] },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KmsEncryption {
    pub key_arn: String,
    pub sealed: Vec<u8>,
    /// Further pairs of the encryption context, as the client gave them.
    pub context: BTreeMap<String, String>,
    /// The value of `aws:s3:arn` in the context: the bucket's ARN with a bucket key, else the object's.
    pub arn: String,
    pub bucket_key: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSummary {
    pub number: u16,
    pub size: u64,
    pub checksum: Option<Checksum>,
}

/// An archived object whose content can be read until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restored {
    Ongoing { done: Timestamp, days: u32 },
    Until(Timestamp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicationState {
    Pending,
    Completed,
    Failed,
    /// It is a copy itself.
    Replica,
}

/// The random part of a version's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionTail(pub [u8; 16]);

/// A version that is not the current object: older, or a delete marker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum VersionRecord {
    Object(Box<ObjectRecord>),
    Marker(MarkerRecord),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkerRecord {
    /// Nothing for the version whose id is `null`.
    pub version: Option<VersionTail>,
    pub order: u64,
    pub modified: Timestamp,
    pub owner: Option<AccountId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NullRecord {
    pub order: u64,
}

/// A multipart upload under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadRecord {
    pub key: String,
    pub initiated: Timestamp,
    /// The ARN of whoever began it, and their account.
    pub initiator: String,
    pub account: AccountId,
    /// Whose the object will be, where that is not the bucket's owner.
    pub owner: Option<AccountId>,
    pub described: Described,
    pub encryption: Encryption,
    /// `CRC32`, …, and whether the whole object or the parts' checksums are summed up.
    pub checksum: Option<UploadChecksum>,
    /// There was an object of that key when it began.
    pub replaces: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadChecksum {
    pub algorithm: crate::model::checksum::Algorithm,
    pub full_object: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    pub size: u64,
    pub md5: [u8; 16],
    pub checksum: Option<Checksum>,
    pub extents: Vec<Extent>,
    pub modified: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GarbageRecord {
    pub extents: Vec<Extent>,
}

/// The key of the sweep in [`ROUNDS`], and that of the scrubber.
pub const SWEEP: &str = "sweep";
pub const SCRUB: &str = "scrub";

/// Something that goes through all content now and then.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundRecord {
    pub finished: Option<Timestamp>,
    /// The cloud that is running, or ran last, has not ended as it should: what was being written may be left over.
    pub is_dirty: bool,
    /// Where a round under way is.
    pub at: Option<Position>,
}

/// A place in a walk through all content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The name of the last bucket that is done.
    pub after_bucket: Option<String>,
    /// In the bucket after it: the stage, and the last record that is done.
    pub stage: u8,
    pub after: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DamagedRecord {
    pub bucket: String,
    pub key: String,
    /// The version's id, or the upload's with the part's number.
    pub what: String,
    pub found: Timestamp,
    pub damage: String,
}

/// A version whose restore will be done, or over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreRecord {
    pub bucket: BucketId,
    /// The bucket's.
    pub name: String,
    pub key: String,
    pub version: String,
}

/// How far an inventory report has got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryRunRecord {
    /// Days since 1970 that it is for.
    pub day: i64,
    pub started: Timestamp,
    pub files: Vec<ReportFile>,
    /// The newest versions are listed, and the others are being.
    pub in_versions: bool,
    /// Up to where, and of which key that was.
    pub after: Option<String>,
    pub last_key: Option<String>,
    /// All is in files; only the manifest is left.
    pub listed: bool,
    pub finished: bool,
}

/// What a bucket's requests of one day read in its access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLogRecord {
    pub bucket: String,
    pub id: BucketId,
    /// Its midnight, UTC.
    pub day: Timestamp,
    pub text: String,
}

/// Where a run through all buckets is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LifecycleRunRecord {
    /// Days since 1970 of the midnight that the run is for.
    pub day: i64,
    pub finished: bool,
    /// The buckets up to this one are done.
    pub after_bucket: Option<String>,
    /// The bucket it is in, which of its records it goes through, and up to where.
    pub bucket: Option<BucketId>,
    pub stage: LifecycleStage,
    pub after: Option<String>,
    pub carried: Option<CarriedVersions>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LifecycleStage {
    #[default]
    Objects,
    Versions,
    Uploads,
}

/// What was seen of a key whose versions go on behind a page's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedVersions {
    pub key: String,
    /// How many versions of the key were seen that are not its newest.
    pub noncurrent: usize,
    /// When the version that was seen last was made.
    pub made: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataKeyRecord {
    pub account: AccountId,
    pub region: Region,
    pub created: Timestamp,
    /// By the vault, bound to account, region and number.
    pub sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurrentDataKeyRecord {
    pub number: u64,
    pub created: Timestamp,
}

impl Ownership {
    pub fn as_str(self) -> &'static str {
        match self {
            Ownership::BucketOwnerEnforced => "BucketOwnerEnforced",
            Ownership::BucketOwnerPreferred => "BucketOwnerPreferred",
            Ownership::ObjectWriter => "ObjectWriter",
        }
    }

    pub fn parse(text: &str) -> Option<Ownership> {
        [Ownership::BucketOwnerEnforced, Ownership::BucketOwnerPreferred, Ownership::ObjectWriter]
            .into_iter()
            .find(|ownership| ownership.as_str() == text)
    }
}

impl BucketRecord {
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, BucketKind::Directory { .. })
    }
}

impl VersionRecord {
    pub fn order(&self) -> u64 {
        match self {
            VersionRecord::Object(object) => object.order,
            VersionRecord::Marker(marker) => marker.order,
        }
    }

    pub fn version(&self) -> Option<VersionTail> {
        match self {
            VersionRecord::Object(object) => object.version,
            VersionRecord::Marker(marker) => marker.version,
        }
    }
}

impl Versioned for BucketRecord {
    const VERSION: u16 = 1;
}

impl Versioned for OwnedRecord {
    const VERSION: u16 = 1;
}

impl Versioned for CountRecord {
    const VERSION: u16 = 1;
}

impl Versioned for BucketState {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for ObjectRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for VersionRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for NullRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for UploadRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for PartRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for GarbageRecord {
    const VERSION: u16 = 1;
    const COMPACT: bool = true;
}

impl Versioned for RoundRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DamagedRecord {
    const VERSION: u16 = 1;
}

impl Versioned for InventoryRunRecord {
    const VERSION: u16 = 1;
}

impl Versioned for AccessLogRecord {
    const VERSION: u16 = 1;
}

impl Versioned for RestoreRecord {
    const VERSION: u16 = 1;
}

impl Versioned for LifecycleRunRecord {
    const VERSION: u16 = 1;
}

impl Versioned for DataKeyRecord {
    const VERSION: u16 = 1;
}

impl Versioned for CurrentDataKeyRecord {
    const VERSION: u16 = 1;
}
