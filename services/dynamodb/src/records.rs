//! What DynamoDB keeps in the store. Items are the table engine's; here is what tables are.

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region, Timestamp};
use dynamodb_api as api;
use identity::policy::Pins;
use serde::{Deserialize, Serialize};
use service::{Call, Kept};
use store::{Table, Versioned};

use crate::model::key_schema::{KeySchema, Projection, ScalarType};

pub type Place = (AccountId, Region);

/// Tables by name.
pub const TABLES: Table<Place, TableRecord> = Table::new("dynamodb.tables");

/// The next number of the engine's spaces, under `space`.
pub const COUNTERS: Table<(), CounterRecord> = Table::new("dynamodb.counters");

/// Streams, `table/label`. They outlive their tables by a day.
pub const STREAMS: Table<Place, StreamRecord> = Table::new("dynamodb.streams");

/// What tasks have to look after, `kind/account/region/table` and, where there are several, `/id`.
pub const WORK: Table<(), WorkRecord> = Table::new("dynamodb.work");

/// How far other regions know of a table's writes, `table id/region`.
pub const SENT: Table<Place, SentRecord> = Table::new("dynamodb.replication-sent");

/// Backups, `table/id`; ids begin with the moment, so that they are in their order.
pub const BACKUPS: Table<Place, BackupRecord> = Table::new("dynamodb.backups");

/// Exports and imports, `table/id`.
pub const EXPORTS: Table<Place, ExportRecord> = Table::new("dynamodb.exports");
pub const IMPORTS: Table<Place, ImportRecord> = Table::new("dynamodb.imports");

/// Spaces that nobody needs any more, by number, until the engine has given their room back.
pub const DROPPED: Table<(), DroppedRecord> = Table::new("dynamodb.dropped-spaces");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CounterRecord {
    pub next: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkRecord {
    pub account: AccountId,
    pub region: Region,
    pub table: String,
    /// Of the table, so that a later one of the same name is told apart.
    pub table_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DroppedRecord {
    pub at: Timestamp,
    /// Whose it was: it may still be in use for a moment.
    pub table_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// A UUID; a table that was deleted and made again has another.
    pub id: String,
    pub created: Timestamp,
    pub status: TableStatus,
    /// The types of all key attributes, in the order they were given.
    pub attributes: Vec<AttributeRecord>,
    pub key: KeySchema,
    /// The engine's space of the items.
    pub items: u64,
    /// The space of the sizes of item collections, which tables with local indexes limit.
    pub collections: Option<u64>,
    pub indexes: Vec<IndexRecord>,
    pub billing: Billing,
    /// What the table key is sealed with.
    pub encryption: EncryptionRecord,
    pub class: TableClass,
    /// When the class was changed lately.
    pub class_changes: Vec<Timestamp>,
    pub deletion_protection: bool,
    pub stream: Option<StreamRef>,
    /// When the table was first streamed and to what, though it may not be any more: `LatestStreamArn`.
    pub latest_stream: Option<String>,
    pub ttl: Ttl,
    /// When the time to live was changed the last time.
    pub ttl_changed: Option<Timestamp>,
    /// By what the items whose time is over are found, once a task has begun it.
    #[serde(default)]
    pub expiry: Option<ExpiryRecord>,
    pub recovery: Option<Recovery>,
    pub tags: BTreeMap<String, String>,
    pub policy: Option<PolicyRecord>,
    pub stream_policy: Option<PolicyRecord>,
    pub replication: Option<Replication>,
    pub restored: Option<Restored>,
    /// Contributor insights of the table (under the empty name) and of its indexes.
    pub insights: BTreeMap<String, Insights>,
    pub auto_scaling: Kept<api::TableAutoScalingDescription>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeRecord {
    pub name: String,
    pub kind: ScalarType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableStatus {
    /// Its items are being restored, imported or copied from another region; it cannot be used yet.
    Creating,
    Active,
    /// An index is being filled or a replica made; it can be used.
    Updating,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexRecord {
    pub name: String,
    pub kind: IndexKind,
    pub key: KeySchema,
    pub projection: Projection,
    /// The engine's space of the entries.
    pub space: u64,
    pub status: IndexStatus,
    /// Of a global index.
    pub throughput: Throughput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexKind {
    Local,
    Global,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexStatus {
    Active,
    /// Entries are being made for the items that were there before; those behind this key are still missing. New
    /// writes keep the index already.
    Backfilling {
        after: Option<Vec<u8>>,
    },
    Deleting,
}

/// How reads and writes are paid for, and thereby limited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Billing {
    pub mode: BillingMode,
    pub throughput: Throughput,
    /// When the mode became on-demand the last time.
    pub on_demand_since: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BillingMode {
    Provisioned,
    OnDemand,
}

/// The capacity of a table or a global index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Throughput {
    /// Units a second; zero where billed by request.
    pub read_units: i64,
    pub write_units: i64,
    pub increased: Option<Timestamp>,
    pub decreased: Option<Timestamp>,
    pub decreases_today: i64,
    /// Request units a second that a table billed by request is held to.
    pub on_demand_read_max: Option<i64>,
    pub on_demand_write_max: Option<i64>,
    pub warm_read: i64,
    pub warm_write: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableClass {
    Standard,
    InfrequentAccess,
}

/// What the table key is sealed with. All spaces' keys derive from the table key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EncryptionRecord {
    pub kind: SseKind,
    pub sealed: Vec<u8>,
    /// The table that the key was made for, to which it is bound.
    pub table: String,
    pub table_id: String,
    /// When the kind was changed lately.
    pub changes: Vec<Timestamp>,
    /// When the KMS key was found unusable.
    pub inaccessible: Option<Timestamp>,
}

impl EncryptionRecord {
    pub fn is_kms(&self) -> bool {
        matches!(self.kind, SseKind::Kms { .. })
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SseKind {
    /// A key of the cloud's own, which nobody sees.
    Owned,
    /// A KMS key, by its ARN; `alias/aws/dynamodb` among them.
    Kms { key_arn: String },
}

/// The stream a table writes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamRef {
    /// `2026-11-22T10:00:00.000`
    pub label: String,
    pub view: StreamView,
    pub space: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamView {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

/// A stream, which is there for a day after it was switched off or its table was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamRecord {
    pub table: String,
    pub table_id: String,
    pub label: String,
    pub view: StreamView,
    pub key: KeySchema,
    pub space: u64,
    pub created: Timestamp,
    pub disabled: Option<Timestamp>,
    pub encryption: EncryptionRecord,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Ttl {
    Disabled,
    Enabled { attribute: String, since: Timestamp },
}

/// Where a table's items have entries by the times of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpiryRecord {
    pub attribute: String,
    /// The engine's space of the entries.
    pub space: u64,
    pub state: ExpiryState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExpiryState {
    Ready,
    /// Entries are being made for the items that were there before; those behind this key are still missing. New
    /// writes keep them already.
    Filling {
        after: Option<Vec<u8>>,
    },
}

/// Point-in-time recovery: what every write replaced is kept for so many days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    pub since: Timestamp,
    pub days: i32,
    /// The space of the undo records.
    pub undo: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub document: String,
    pub revision: String,
    /// Whom the policy named when it was set.
    pub pins: Pins,
}

/// A table that is in several regions, its own among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replication {
    pub replicas: Vec<ReplicaRecord>,
    /// The space of what is to be sent to the other regions.
    pub log: u64,
    /// The space of the times of the items' last writes, which decide between two regions' writes.
    pub versions: u64,
    /// Until when the table cannot be deleted, because replicas were made of it.
    pub source_until: Option<Timestamp>,
}

/// One of the other regions that a table is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaRecord {
    pub region: Region,
    pub status: ReplicaStatus,
    /// What is otherwise there, as it was asked for.
    pub settings: Kept<api::ReplicaDescription>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaStatus {
    /// Items that were here before it was made are being copied there from here.
    Creating,
    Active,
}

/// How far another region has been told of a table's writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SentRecord {
    /// Of the items that were there when the replica was made, the last that was copied.
    pub copied: Option<Vec<u8>>,
    /// The last record of the log that was sent.
    pub sent: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    pub backup: Option<Arn>,
    pub table: Arn,
    pub at: Timestamp,
    pub in_progress: bool,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Insights {
    pub enabled: bool,
    pub throttled_only: bool,
    pub changed: Timestamp,
}

/// Where the items of a table that is being made come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    /// The key in [`BACKUPS`] of the place.
    Backup { place: Place, key: String },
    /// Another table as it was at some moment.
    Table { place: Place, name: String, table_id: String, at: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupRecord {
    pub name: String,
    /// What the ARN ends with: `01731931200000-1a2b3c4d`.
    pub id: String,
    pub table_name: String,
    pub table_arn: Arn,
    /// The table as it was.
    pub table: TableRecord,
    /// The space of the items, with keys that follow from the table's key.
    pub space: u64,
    pub kind: BackupKind,
    pub is_complete: bool,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub bytes: u64,
    pub items: u64,
    /// The ids of tables that are being restored from it.
    pub restoring: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupKind {
    User,
    System,
    /// AWS Backup made it, and only that deletes it.
    AwsBackup,
}

/// How far an export or import is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum JobState {
    InProgress,
    Completed { at: Timestamp },
    Failed { at: Timestamp, code: String, message: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// What the ARN ends with: `01731931200000-1a2b3c4d`.
    pub id: String,
    pub table: String,
    pub table_arn: Arn,
    pub table_id: String,
    /// As whom S3 is asked.
    pub call: Call,
    pub what: Exported,
    /// Where it goes, and how it was asked for.
    pub wish: Kept<api::ExportTableToPointInTimeInput>,
    pub started: Timestamp,
    pub state: JobState,
    /// The key of the manifest.
    pub manifest: Option<String>,
    pub items: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exported {
    /// All items, as they were at that moment.
    Full { at: Timestamp },
    /// What was changed after the one moment and up to the other.
    Changes { from: Timestamp, to: Timestamp, old_images: bool },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportRecord {
    pub id: String,
    pub table: String,
    pub table_arn: Arn,
    pub table_id: String,
    /// As whom S3 is asked.
    pub call: Call,
    pub wish: Kept<api::ImportTableInput>,
    pub started: Timestamp,
    pub state: JobState,
    /// Of the objects, as they lie in the bucket.
    pub bytes: u64,
    pub processed: u64,
    pub imported: u64,
    pub errors: u64,
}

macro_rules! versioned {
    ($($record:ident)*) => { $(impl Versioned for $record {
        const VERSION: u16 = 1;
    })* };
}

versioned! {
    CounterRecord BackupRecord DroppedRecord ExportRecord ImportRecord SentRecord WorkRecord TableRecord StreamRecord
}
