//! DynamoDB: start with the table below, follow one row to its function.
//!
//! Tables are records ([`records`]), held ready by the [`directory`]; items, entries of indexes, streams and histories
//! are the table engine's, and change only together ([`operations::saving`]). What AWS does, with sources, is in
//! `BEHAVIOURS.md` beside this crate.

mod access;
mod directory;
mod encryption;
mod error;
mod fsck;
mod in_flight;
mod limits;
mod model;
mod operations;
mod records;
mod streams;
mod tasks;
mod throttling;

use std::collections::HashMap;
use std::sync::Arc;

use base::{Clock, Ids};
use parking_lot::Mutex;
use service::{Aws, Nudge, PageTokens, Task, service};
use store::Store;
use table_engine::{Snapshot, TableEngine};
use tokio::sync::OnceCell;
use vault::Vault;

use directory::Directory;
use encryption::TableKeys;
use error::Error;
use in_flight::InFlight;
use operations::{
    account, auto_scaling, backups, batch_get, batch_write, continuous_backups, delete, exports, get,
    global_tables, imports, insights, kinesis, permissions, policies, put, query, restore, scan, statements,
    tables, tags, targets, time_to_live, transact_get, transact_write, update, update_table,
};

pub use fsck::FsckReport;
pub use streams::DynamoDBStreams;
use throttling::Throttling;

pub struct DynamoDB {
    store: Store,
    engine: TableEngine,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    directory: Directory,
    /// Items that transactions are at work on.
    in_flight: InFlight,
    /// What tables are held to, where this cloud throttles.
    throughput: Throttling,
    /// What item collections are held to.
    collection_bytes_max: u64,
    /// Whether the space of tokens is ready.
    tokens: OnceCell<()>,
    /// Wakes the task that gives the room of dropped spaces back.
    dropping: Nudge,
    /// Wakes the task that fills and removes indexes.
    indexing: Nudge,
    /// Wakes the task that copies items into backups.
    backing_up: Nudge,
    /// Wakes the tasks that write exports and read imports.
    exporting: Nudge,
    importing: Nudge,
    /// Wakes the task that tells other regions of writes.
    replicating: Nudge,
    /// Wakes the task that fills tables that are restored.
    restoring: Nudge,
    /// The moments of backups that are being made, by their ids.
    snapshots: Mutex<HashMap<String, Snapshot>>,
}

/// What the composition root gives this service.
pub struct DynamoDBParts {
    pub store: Store,
    pub engine: TableEngine,
    /// Seals the keys of tables that have no KMS key.
    pub vault: Vault,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    /// For KMS and S3.
    pub aws: Aws,
    pub held_to: HeldTo,
}

/// What tables are held to, where a cloud decides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldTo {
    /// Their throughput.
    pub throughput: bool,
    /// The most that one partition may take with its entries in local indexes, where there are any.
    pub collection_bytes: u64,
}

impl Default for HeldTo {
    /// As AWS does, but for the throughput.
    fn default() -> HeldTo {
        HeldTo { throughput: false, collection_bytes: limits::COLLECTION_BYTES_MAX }
    }
}

service! { DynamoDB: dynamodb_api, principal "dynamodb.amazonaws.com", error Error, resources access::facts of input;
    BatchExecuteStatement => statements::batch_execute_statement on permissions::by_parts as "PartiQLSelect"
        free "each statement asks for what it does",
    BatchGetItem => batch_get::batch_get_item on permissions::by_gets,
    BatchWriteItem => batch_write::batch_write_item on permissions::by_writes,
    CreateBackup => backups::create_backup on targets::by_table,
    CreateGlobalTable => global_tables::create_global_table on targets::by_global_table,
    CreateTable => tables::create_table on targets::by_table,
    DeleteBackup => backups::delete_backup on targets::by_arn,
    DeleteItem => delete::delete_item on targets::by_table,
    DeleteResourcePolicy => policies::delete_resource_policy on targets::by_resource,
    DeleteTable => tables::delete_table on targets::by_table,
    DescribeBackup => backups::describe_backup on targets::by_arn,
    DescribeContinuousBackups => continuous_backups::describe_continuous_backups on targets::by_table,
    DescribeContributorInsights => insights::describe_contributor_insights on targets::by_index,
    DescribeEndpoints => account::describe_endpoints on targets::nothing,
    DescribeExport => exports::describe_export on targets::by_arn,
    DescribeGlobalTable => global_tables::describe_global_table on targets::by_global_table,
    DescribeGlobalTableSettings => global_tables::describe_global_table_settings on targets::by_global_table,
    DescribeImport => imports::describe_import on targets::by_arn,
    DescribeKinesisStreamingDestination => kinesis::describe_kinesis_streaming_destination on targets::by_table,
    DescribeLimits => account::describe_limits on targets::nothing,
    DescribeTable => tables::describe_table on targets::by_table,
    DescribeTableReplicaAutoScaling => auto_scaling::describe_table_replica_auto_scaling on targets::by_table,
    DescribeTimeToLive => time_to_live::describe_time_to_live on targets::by_table,
    DisableKinesisStreamingDestination => kinesis::disable_kinesis_streaming_destination on targets::by_table,
    EnableKinesisStreamingDestination => kinesis::enable_kinesis_streaming_destination on targets::by_table,
    ExecuteStatement => statements::execute_statement on permissions::by_parts as "PartiQLSelect"
        free "a statement asks for what it does",
    ExecuteTransaction => statements::execute_transaction on permissions::by_parts as "PartiQLSelect"
        free "each statement asks for what it does",
    ExportTableToPointInTime => exports::export_table_to_point_in_time on targets::by_table,
    GetItem => get::get_item on targets::by_table,
    GetResourcePolicy => policies::get_resource_policy on targets::by_resource,
    ImportTable => imports::import_table on targets::by_imported,
    ListBackups => backups::list_backups on targets::nothing,
    ListContributorInsights => insights::list_contributor_insights on targets::nothing,
    ListExports => exports::list_exports on targets::by_exported,
    ListGlobalTables => global_tables::list_global_tables on targets::nothing,
    ListImports => imports::list_imports on targets::by_exported,
    ListTables => tables::list_tables on targets::nothing,
    ListTagsOfResource => tags::list_tags_of_resource on targets::by_resource,
    PutItem => put::put_item on targets::by_table,
    PutResourcePolicy => policies::put_resource_policy on targets::by_resource,
    Query => query::query on targets::by_index,
    RestoreTableFromBackup => restore::restore_table_from_backup on targets::by_restored,
    RestoreTableToPointInTime => restore::restore_table_to_point_in_time on targets::by_recovered,
    Scan => scan::scan on targets::by_index,
    TagResource => tags::tag_resource on targets::by_resource,
    TransactGetItems => transact_get::transact_get_items on permissions::by_parts as "GetItem"
        free "each part asks for what it does",
    TransactWriteItems => transact_write::transact_write_items on permissions::by_parts as "PutItem"
        free "each part asks for what it does",
    UntagResource => tags::untag_resource on targets::by_resource,
    UpdateContinuousBackups => continuous_backups::update_continuous_backups on targets::by_table,
    UpdateContributorInsights => insights::update_contributor_insights on targets::by_index,
    UpdateGlobalTable => global_tables::update_global_table on targets::by_global_table,
    UpdateGlobalTableSettings => global_tables::update_global_table_settings on targets::by_global_table,
    UpdateItem => update::update_item on targets::by_table,
    UpdateKinesisStreamingDestination => kinesis::update_kinesis_streaming_destination on targets::by_table,
    UpdateTable => update_table::update_table on targets::by_table,
    UpdateTableReplicaAutoScaling => auto_scaling::update_table_replica_auto_scaling on targets::by_table,
    UpdateTimeToLive => time_to_live::update_time_to_live on targets::by_table,
}

impl DynamoDB {
    pub fn new(parts: DynamoDBParts) -> Arc<DynamoDB> {
        let DynamoDBParts { store, engine, vault, clock, ids, pages, aws, held_to } = parts;
        let keys = TableKeys::new(vault, aws.clone(), clock.clone(), ids.clone());
        Arc::new(DynamoDB {
            directory: Directory::new(store.clone(), engine.clone(), keys),
            in_flight: InFlight::default(),
            throughput: Throttling::new(held_to.throughput),
            collection_bytes_max: held_to.collection_bytes,
            tokens: OnceCell::new(),
            dropping: Nudge::default(),
            indexing: Nudge::default(),
            backing_up: Nudge::default(),
            exporting: Nudge::default(),
            importing: Nudge::default(),
            replicating: Nudge::default(),
            restoring: Nudge::default(),
            snapshots: Mutex::default(),
            store,
            engine,
            clock,
            ids,
            pages,
            aws,
        })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<DynamoDB>) -> Vec<Task> {
        vec![
            tasks::backup::task(self),
            tasks::dropped_spaces::task(self),
            tasks::export::task(self),
            tasks::history::task(self),
            tasks::import::task(self),
            tasks::indexes::task(self),
            tasks::keys::task(self),
            tasks::old_backups::task(self),
            tasks::replicas::task(self),
            tasks::restore::task(self),
            tasks::streams::task(self),
            tasks::time_to_live::task(self),
        ]
    }
}
