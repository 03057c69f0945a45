//! The limits of DynamoDB, unit last.

use std::time::Duration;

/// Of the name of a table, an index or a backup.
pub const NAME_CHARS_MIN: usize = 3;
pub const NAME_CHARS_MAX: usize = 255;

/// Of a table.
pub const LOCAL_INDEXES_MAX: usize = 5;
pub const GLOBAL_INDEXES_MAX: usize = 20;

/// Of either half of a global index's key.
pub const KEY_ATTRIBUTES_MAX: usize = 4;

/// Attributes that the indexes of one table name in their projections, all together.
pub const PROJECTED_ATTRIBUTES_MAX: usize = 100;

/// What one page of ListTables shows.
pub const LIST_TABLES_MAX: usize = 100;

/// What DescribeLimits tells, and what provisioned throughput goes up to (quotas, which AWS raises on request).
pub const ACCOUNT_CAPACITY_UNITS_MAX: i64 = 80_000;
pub const TABLE_CAPACITY_UNITS_MAX: i64 = 40_000;

/// Values of provisioned throughput beyond are not looked at.
pub const CAPACITY_UNITS_MAX: i64 = 1_000_000_000_000;

/// What a new table that is billed by request can do at once.
pub const WARM_READ_UNITS: i64 = 12_000;
pub const WARM_WRITE_UNITS: i64 = 4_000;

/// Tables held ready; beyond it they are looked up anew.
pub const TABLES_KNOWN_MAX: usize = 100_000;

/// Of a table's key: AES-256.
pub const TABLE_KEY_BYTES: usize = 32;

/// How far back a table can be restored, and how far the present is left out.
pub const RECOVERY_DAYS_MAX: i32 = 35;
pub const RECOVERY_LAG: Duration = Duration::from_secs(5 * 60);

/// Of a resource policy.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// Items that a task looks at in one pass.
pub const PASS_ITEMS_MAX: usize = 500;
pub const PASS_BYTES_MAX: usize = 4 << 20;

/// What one page of ListTagsOfResource shows.
pub const LIST_TAGS_MAX: usize = 10;

/// How often the TTL task, the trimming of histories and the like run.
pub const TTL_PERIOD: Duration = Duration::from_secs(60);
pub const TRIM_PERIOD: Duration = Duration::from_secs(3600);

/// Decreases of provisioned throughput that are free on one day of UTC, and how long the next one has to wait.
pub const ACCOUNT_DECREASES_FREE: i64 = 4;
pub const DECREASE_INTERVAL: Duration = Duration::from_secs(3600);

/// Changes of a table's class within its window.
pub const CLASS_CHANGES_MAX: usize = 2;
pub const CLASS_CHANGES_WINDOW: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long the time to live of a table cannot be changed again.
pub const TTL_CHANGE_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// Of an item: names and values together, by DynamoDB's own measure.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Of the attributes of keys.
pub const HASH_KEY_BYTES_MAX: usize = 2048;
pub const RANGE_KEY_BYTES_MAX: usize = 1024;

/// Lists and maps within each other in one attribute: of the 32 documented levels, the attribute's own is one.
pub const VALUE_DEPTH_MAX: usize = 31;

/// What one unit of capacity reads and writes.
pub const READ_UNIT_BYTES: usize = 4096;
pub const WRITE_UNIT_BYTES: usize = 1024;

/// Transactions read and write everything twice.
pub const TRANSACTION_UNITS_FACTOR: f64 = 2.0;

/// Of the items of a transaction, together.
pub const TRANSACTION_BYTES_MAX: usize = 4 << 20;

/// For so long, a transaction with the same token is not done again.
pub const TOKEN_AGE_MAX: Duration = Duration::from_secs(10 * 60);

/// Of one partition with its local indexes.
pub const COLLECTION_BYTES_MAX: u64 = 10 * GIGABYTE_BYTES;
pub const GIGABYTE_BYTES: u64 = 1 << 30;

/// Of a batch.
pub const BATCH_WRITES_MAX: usize = 25;
pub const BATCH_GETS_MAX: usize = 100;
pub const BATCH_GET_BYTES_MAX: usize = 16 << 20;

/// A page of a query or scan ends with the item that takes it here.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// What is read of the engine at once, of a page.
pub const PAGE_ENTRIES_AT_ONCE: usize = 1000;

/// Unused throughput that is kept for bursts.
pub const BURST_PERIOD: Duration = Duration::from_secs(300);

/// Records are in a stream for a day.
pub const STREAM_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A shard takes records for so long; then another one does.
pub const SHARD_PERIOD: Duration = Duration::from_secs(4 * 3600);

/// An iterator is good for so long.
pub const ITERATOR_AGE_MAX: Duration = Duration::from_secs(15 * 60);

/// Of one GetRecords.
pub const STREAM_RECORDS_MAX: usize = 1000;
pub const STREAM_RECORDS_BYTES_MAX: usize = 1 << 20;

/// Of one page of ListStreams and DescribeStream.
pub const STREAMS_PAGE_MAX: usize = 100;

/// How often shards are looked at, and what was trimmed is given back.
pub const STREAM_PERIOD: Duration = Duration::from_secs(60);

/// Changes of a table's encryption that are free within their window, and how long the next one has to wait.
pub const ENCRYPTION_CHANGES_FREE: usize = 4;
pub const ENCRYPTION_CHANGES_WINDOW: Duration = Duration::from_secs(24 * 3600);
pub const ENCRYPTION_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// What one page of ListBackups shows.
pub const LIST_BACKUPS_MAX: usize = 100;

/// How long the backup of a deleted table is there.
pub const SYSTEM_BACKUP_AGE: Duration = Duration::from_secs(35 * 24 * 3600);

/// How long a task waits for those who are still at work with a table as it was.
pub const OUTDATED_WAIT: Duration = Duration::from_millis(50);

/// Items that expired longer ago are kept.
pub const EXPIRY_AGE_MAX: Duration = Duration::from_secs(5 * 365 * 24 * 3600);

/// How often somebody at work with a table as it was is waited for before a history begins without them.
pub const OUTDATED_WAITS_MAX: usize = 100;

/// How long clients remember an endpoint.
pub const ENDPOINT_CACHE_MINUTES: i64 = 1440;

/// Items that a restore or an import puts at the same time.
pub const PUTS_AT_ONCE_MAX: usize = 64;

/// Between two looks for writes that other regions are to be told of.
pub const REPLICATION_PAUSE: Duration = Duration::from_millis(250);

/// How long a table that a replica was made of cannot be deleted.
pub const REPLICA_SOURCE_TIME: Duration = Duration::from_secs(24 * 3600);

/// The most of what is wrong that a check names; it counts all.
pub const FSCK_FINDINGS_MAX: usize = 1000;

/// What one page of ListExports and ListImports shows.
pub const LIST_JOBS_MAX: usize = 25;

/// Of the span of an incremental export.
pub const EXPORT_WINDOW_MIN: Duration = Duration::from_secs(15 * 60);
pub const EXPORT_WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);

/// Items of one file of an export, before they are compressed and give or take one.
pub const EXPORT_FILE_BYTES_MAX: usize = 16 << 20;

/// Of a line of an import: an item of the largest size, as JSON.
pub const IMPORT_LINE_BYTES_MAX: usize = 8 << 20;

/// How often the KMS keys of tables are looked at.
pub const KEY_CHECK_PERIOD: Duration = Duration::from_secs(5 * 60);
