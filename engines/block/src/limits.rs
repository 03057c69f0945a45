//! Every limit of the engine, the unit last.

/// A block: what snapshots share and copy, and what a volume's map knows of. As in the EBS direct APIs.
pub const BLOCK_BYTES: usize = 512 << 10;

/// What a volume is encrypted in: its content is read, decrypted and written in these.
pub const SECTOR_BYTES: usize = 4 << 10;

/// Requests from here on pass the host's page cache by.
pub const DIRECT_BYTES_MIN: usize = 128 << 10;

/// Reads from here on are asked of the disk whole.
pub const FETCHED_BYTES_MIN: u64 = 192 << 10;

/// The largest volume: 64 TiB, as of io2 Block Express.
pub const VOLUME_BYTES_MAX: u64 = 64 << 40;

/// Blocks of snapshots that a volume keeps decrypted.
pub const CACHED_BLOCKS_MAX: usize = 4;

/// Tables of snapshots that are kept open.
pub const CACHED_TABLES_MAX: usize = 4;

/// The longest id of a volume, a snapshot or a zone.
pub const ID_BYTES_MAX: usize = 100;

/// Volumes of one snapshot call.
pub const VOLUMES_AT_ONCE_MAX: usize = 256;

/// The longest record of a log or a description. A volume's holds a key for every file of blocks of its lineage.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Blocks that one list gives at most.
pub const LISTED_BLOCKS_MAX: usize = 10_000;

/// The locks that writers of the same block share.
pub const STRIPES: usize = 64;

/// A durable map that was appended to this often is written anew when the volume is opened or synced next.
pub const MAP_BATCHES_MAX: usize = 4096;

/// Requests of a volume that are worked on at once, each by a thread.
pub const SLOTS_COUNT: usize = 8;

/// Bytes of one request. Longer ones come in pieces, which several threads work on.
pub const SLOT_DATA_BYTES: usize = 512 << 10;

pub const WORKER_STACK_BYTES: usize = 256 << 10;

/// The longest message between holder, daemon and whoever started them.
pub const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// The longest head of a message between client and daemon: a list of blocks.
pub const HEAD_BYTES_MAX: usize = 4 << 20;

/// The longest body of such a message: a block.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Conversations that the daemon has at once.
pub const CONVERSATIONS_MAX: usize = 64;

/// Conversations that a client keeps for the next question.
pub const IDLE_CONVERSATIONS_MAX: usize = 8;

/// How long a client asks while daemon after daemon goes away.
pub const ASKING_SECONDS_MAX: u64 = 20;

/// How long the first daemon may take to open the store.
pub const START_MILLIS_MAX: u64 = 60_000;

/// The longest pause before a daemon that keeps dying is started again.
pub const RESTART_MILLIS_MAX: u64 = 1_000;

/// How often a volume that cannot be opened after a restart is tried again.
pub const OPEN_RETRY_MILLIS: u64 = 1_000;

/// How often a writer tries again while the host's disk is full.
pub const FULL_RETRY_MILLIS: u64 = 200;

/// How long a device that others have open is waited for.
pub const LEAVING_MILLIS_MAX: u64 = 1_500;

/// Events that are kept for watchers that are slow.
pub const EVENTS_MAX: usize = 256;

/// Snapshots that are copied at once.
pub const COPIERS_COUNT: usize = 2;

/// How long a daemon waits for somebody who needs it, and how often it looks.
pub const IDLE_SECONDS_MAX: u64 = 10;
pub const LOOK_MILLIS: u64 = 1_000;

/// How often a watcher hears that nothing happened.
pub const WATCH_MILLIS: u64 = 2_000;
