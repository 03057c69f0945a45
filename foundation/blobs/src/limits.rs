//! Every limit of the blobs.

/// What is verified at once. Part of the format on disk: changing it needs a new version there. Smaller ones make
/// short ranges cheaper to read.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// How many chunks are read or written in one visit to the blocking pool.
pub const CHUNKS_AT_ONCE: usize = 4;

/// After how many written bytes the kernel is told to begin with bringing them to the disk, so that the sync at the
/// end finds little to do.
pub const WRITE_BACK_BYTES: u64 = 1024 * 1024;

/// The longest blob: the largest EBS volume, which is more than the largest S3 object.
pub const BLOB_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024 * 1024;

/// The longest page of a listing.
pub const LIST_ITEMS_MAX: usize = 1000;
