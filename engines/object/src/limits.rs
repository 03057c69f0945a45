//! Every limit of the engine, the unit last.

/// What is sealed at once, with its tags. Part of the format on disk, and one chunk of the files' own checksums.
pub const CHUNK_BYTES: usize = blobs::limits::CHUNK_BYTES;

/// The layers of encryption that content may have (S3's dual-layer encryption has two).
pub const LAYERS_MAX: usize = 2;

/// What a layer adds to a chunk.
pub const TAG_BYTES: usize = 16;

/// How much content a chunk holds. Room for two tags is kept even if there is one layer only, so that where the
/// chunks of an extent are follows from its length alone, without its keys.
pub const CONTENT_BYTES: usize = CHUNK_BYTES - LAYERS_MAX * TAG_BYTES;

/// Longer content gets a file of its own.
pub const PACKED_BYTES_MAX: usize = 256 << 10;

/// The longest content: what the chunks of the longest blob hold.
pub const LENGTH_BYTES_MAX: u64 = blobs::limits::BLOB_BYTES_MAX / CHUNK_BYTES as u64 * CONTENT_BYTES as u64;

/// One pack, if the options say nothing else. Larger ones need fewer open files, smaller ones are gone sooner when
/// everything in them is free.
pub const PACK_BYTES: u32 = 1 << 30;

/// The smallest packs (tests use them, to see many).
pub const PACK_BYTES_MIN: u32 = 1 << 20;

/// No frame crosses a multiple of this, so that the last frames of a pack are found without reading all of it; and
/// this much room is reserved at once.
pub const LOT_BYTES: u32 = 16 << 20;

/// Of content that waits for its commit. Who comes later waits for room.
pub const WAITING_BYTES_MAX: usize = 32 << 20;

/// The most bytes, and the most frames, that are written before a sync.
pub const COMMIT_BYTES_MAX: usize = 8 << 20;
pub const COMMIT_FRAMES_MAX: usize = 1000;

/// How many packs are open at a time; others are opened when they are read.
pub const OPEN_PACKS_MAX: usize = 512;

/// Up to here a read tries the page cache on the thread that asks, before it goes to those that may wait: all that is
/// packed. 256 KiB take some 100 µs there, and at 256 readers ten times less than to have them change threads.
pub const CACHED_READ_BYTES_MAX: usize = 512 << 10;

/// What is read, or written, of a file in one visit to the threads that may wait.
pub const CHUNKS_AT_ONCE: usize = blobs::limits::CHUNKS_AT_ONCE;

/// How many such visits a reader has under way, besides what it has ready.
pub const READ_AHEAD: usize = 3;

/// How many such visits there are at a time for all readers, so that hundreds of them do not become hundreds of
/// threads. Whoever finds none free waits its turn.
pub const READS_AT_ONCE: usize = 16;

/// The same for writers: hundreds of threads would each keep memory of their own, and the disk is no faster for them.
pub const WRITES_AT_ONCE: usize = 16;

/// The most extents one call frees; more are freed in several commits.
pub const FREE_EXTENTS_MAX: usize = 10_000;

/// A journal of frees beyond this is written anew, if the options say nothing else.
pub const JOURNAL_BYTES: u64 = 4 << 20;

/// More files of the journal are made one: every start begins one.
pub const JOURNAL_FILES_MAX: usize = 16;

/// The longest grace period of a sweep; what this process wrote earlier than that counts as old.
pub const GRACE_SECONDS_MAX: u64 = 60 * 60;

/// How much of a pack is in memory while it is walked.
pub const WALK_BYTES: usize = 1 << 20;

/// The most damaged places that a report names; it counts all.
pub const REPORTED_DAMAGES_MAX: usize = 10_000;
