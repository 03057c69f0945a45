//! Every limit of the engine, the unit last.

/// The longest key. DynamoDB's are 2 KiB and 1 KiB; an index's contain its table's.
pub const KEY_BYTES_MAX: usize = 16 << 10;

/// The most keys that one change reads, and the most writes it makes.
pub const CHANGE_KEYS_MAX: usize = 10_000;

/// The largest change, with keys and all. A transaction of 4 MiB with many indexes and its old images is far below.
pub const CHANGE_BYTES_MAX: usize = 128 << 20;

/// The most bytes a scan returns at once.
pub const SCAN_BYTES_MAX: usize = 16 << 20;

/// The most keys read at one moment.
pub const GET_KEYS_MAX: usize = 10_000;

/// How many keys can be locked apart from each other; those that share a lock wait for each other.
pub const LOCKS: usize = 1 << 14;

/// Of changes that wait for their commit. Who comes later waits for room.
pub const WAITING_BYTES_MAX: usize = 64 << 20;

/// The most bytes, and the most changes, that are written before a sync.
pub const COMMIT_BYTES_MAX: usize = 8 << 20;
pub const COMMIT_CHANGES_MAX: usize = 4096;

/// Beyond so many memtables that wait to be written, and so many unmerged tables, writes wait.
pub const SEALED_MEMTABLES_MAX: usize = 3;
pub const UNMERGED_TABLES_MAX: usize = 24;

/// The size of a block in the tree, which is what a point read reads.
pub const BLOCK_BYTES: u32 = 4 << 10;

/// The size of a file of the tree. Smaller ones make smaller merges, which need less room at a time.
pub const TREE_FILE_BYTES: u64 = 32 << 20;

/// How many files of the tree are open at a time.
pub const OPEN_FILES_MAX: usize = 256;

/// How many left-over entries of a dropped space are deleted in one change.
pub const PURGE_ENTRIES_AT_ONCE: usize = 1000;

/// The most damaged places that a verification names; it counts all.
pub const REPORTED_DAMAGES_MAX: usize = 1000;

/// How far the threads that write and merge files stand back: 0 is as everybody else, 19 the farthest. At 5 they get a
/// third of what a thread that answers gets, where there is not enough for both, so that they do not fall behind for
/// good.
#[cfg(target_os = "linux")]
pub const KEEPER_NICENESS: i32 = 5;
