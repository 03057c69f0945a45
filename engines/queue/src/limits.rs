//! Every limit of the engine, the unit last.

/// One segment file. Small enough that rewriting one is quick, large enough that switching is rare. What is kept
/// free for whom follows from it ([`crate::Options::segment_bytes`]).
pub const SEGMENT_BYTES: u32 = 32 << 20;

/// The smallest segments (tests use them, to see many).
pub const SEGMENT_BYTES_MIN: u32 = 64 << 10;

/// The largest payload with its identifiers. SQS allows 1 MiB for body and attributes; the service's own
/// encoding of the attributes comes on top.
pub const RECORD_BYTES_MAX: usize = 2 << 20;

/// The most messages one call sends, receives, deletes or moves.
pub const BATCH_MESSAGES_MAX: usize = 1000;

/// The most bytes one call sends; a quarter of a segment at most.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// How many messages are rewritten before the keeper lets others have the disk.
pub const REWRITE_MESSAGES_AT_ONCE: usize = 64;

/// How long a deduplication id, and a receive request attempt id, is remembered (SQS: five minutes).
pub const DEDUP_MILLIS: i64 = 5 * 60 * 1000;

/// The longest that one receive may hide a message, extensions included (SQS: twelve hours).
pub const VISIBILITY_MILLIS_MAX: i64 = 12 * 60 * 60 * 1000;

/// Receive request attempt ids remembered for one queue; beyond it the oldest are forgotten.
pub const ATTEMPTS_MAX: usize = 20_000;

/// How many messages one receive moves to a dead-letter queue before it looks again.
pub const BURY_MESSAGES_AT_ONCE: usize = 100;

/// A read that spans neighbours is made in one go up to this size.
pub const READ_TOGETHER_BYTES: u32 = 1 << 20;
