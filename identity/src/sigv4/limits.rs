//! The numbers of the signature protocol, in one place.

use std::time::Duration;

/// How far the clock of a caller may be off, for most services.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// The same for S3, SQS and a few more of the oldest services, whose messages end in `- 15 min.)`.
pub const CLOCK_SKEW_LONG_MAX: Duration = Duration::from_secs(15 * 60);

/// A presigned request lives for at most seven days.
pub const PRESIGNED_EXPIRES_SECS_MAX: u64 = 604_800;

/// Access key ids have sixteen to 128 characters; `--dev` uses shorter ones, longer ones are never looked up.
pub const ACCESS_KEY_ID_BYTES_MAX: usize = 128;

/// How many signing keys are remembered. One entry is below 2 KiB, so that the cache stays below 2 MiB.
pub const SIGNING_KEYS_MAX: usize = 1024;

/// The size line of a chunk with its signature takes about 100 bytes, 166 with Signature Version 4a.
pub const CHUNK_HEADER_BYTES_MAX: usize = 1024;

/// A single chunk may hold a whole object of one PUT: 5 GiB.
pub const CHUNK_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// S3 refuses smaller chunks, save for the last.
pub const CHUNK_BYTES_MIN: u64 = 8192;

/// S3 defines one trailing checksum; some more are let through to whoever reads them.
pub const TRAILERS_MAX: usize = 16;

/// One trailer, its name and its value.
pub const TRAILER_BYTES_MAX: usize = 2048;
