//! Every limit of the blobs.

/// What is verified, read and written at once. Part of the format on disk: changing it needs a new version there.
/// Smaller ones make short ranges cheaper to read; larger ones make fewer visits to the blocking pool.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// The longest blob: the largest EBS volume, which is more than the largest S3 object.
pub const BLOB_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024 * 1024;

/// The longest page of a listing.
pub const LIST_ITEMS_MAX: usize = 1000;
