//! Every limit of the store. They are what a distributed engine could honour as well, so that no service grows
//! a habit that only one machine can serve.

use std::time::Duration;

/// The longest key, with table name and scope.
pub const KEY_BYTES_MAX: usize = 8 * 1024;

/// The largest value: the largest SQS message with room for what is stored beside it.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024 + 128 * 1024;

/// Everything one transaction writes, keys and values together.
pub const TRANSACTION_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How many keys and ranges one transaction may read before it writes.
pub const TRANSACTION_READS_MAX: usize = 20_000;

/// How long one attempt at a transaction may take. An older snapshot would keep old pages alive.
pub const TRANSACTION_TIME_MAX: Duration = Duration::from_secs(5);

/// How often a transaction is tried again after a conflict before the caller is told.
pub const TRANSACTION_RETRIES_MAX: u32 = 64;

/// The pause before a retry doubles from the first to the second, and is then drawn at random below it.
pub const RETRY_PAUSE_MIN: Duration = Duration::from_micros(200);
pub const RETRY_PAUSE_MAX: Duration = Duration::from_millis(50);

/// The largest page of a scan, in entries and (softly: the entry that crosses it is still included) in bytes.
pub const SCAN_ENTRIES_MAX: usize = 1000;
pub const SCAN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Writes that wait for the disk; who brings more waits until there is room. A multiple of a KiB.
pub const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Recent versions kept for transactions that are still running; beyond it the oldest of them must start again.
pub const VERSIONS_BYTES_MAX: usize = 192 * 1024 * 1024;

/// Puts are refused while the file system has less room than this, so that deletes still find some.
pub const DISK_RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// How often a full or failed disk is looked at again.
pub const DISK_RETRY_PERIOD: Duration = Duration::from_millis(200);

/// After this long without commits the allocator's state is saved, so that a crash then needs no repair.
pub const CHECKPOINT_IDLE: Duration = Duration::from_millis(500);

/// Pages of the database that redb keeps in memory, unless the options say otherwise.
pub const CACHE_BYTES_DEFAULT: usize = 16 * 1024 * 1024;

/// The longest name of an outbox queue or a lease.
pub const NAME_BYTES_MAX: usize = 2048;

/// The longest time a lease may be taken for without being renewed.
pub const LEASE_TIME_MAX: Duration = Duration::from_secs(3600);
