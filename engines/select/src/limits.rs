//! Limits, S3's own and ours. S3's are from "Requirements and limits" of the page "Querying data in place with
//! Amazon S3 Select".

/// S3's: "The maximum length of a SQL expression is 256 KB."
pub const EXPRESSION_BYTES_MAX: usize = 256 * 1024;
/// S3's: "The maximum length of a record in the input or result is 1 MB."
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// S3's, for Parquet: "The maximum uncompressed row group size is 256 MB."
pub const ROW_GROUP_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// S3's, for decimals.
pub const DECIMAL_DIGITS_MAX: u64 = 38;

/// How deep parentheses, calls and CASEs may nest, which is how deep the parser recurses.
pub const EXPRESSION_NESTING_MAX: usize = 128;
/// How deep the tree of an expression may be, which is how deep its evaluation recurses. AND and OR are flat.
pub const EXPRESSION_DEPTH_MAX: usize = 200;
pub const PATH_STEPS_MAX: usize = 64;
/// Matching takes up to the text times the pattern.
pub const LIKE_PATTERN_BYTES_MAX: usize = 1024;
pub const COLUMNS_MAX: usize = 16_384;
pub const DELIMITER_BYTES_MAX: usize = 8;

/// A number longer than this in the data is not read as one. Reading a decimal takes quadratic time.
pub const NUMBER_BYTES_MAX: usize = 512;
/// S3 gives the exponent 31 bits; that far, a number could not be written out within a record.
pub const DECIMAL_EXPONENT_MAX: i64 = 1_024;

/// As soon as this much of the result is there, it is sent.
pub const BATCH_BYTES: usize = 64 * 1024;
/// So much is evaluated before others get their turn.
pub const STEP_BYTES: usize = 64 * 1024;
/// So much is unpacked at once. Deflate packs up to 1,032 times, so that this makes up to 4 MiB.
pub const GZIP_STEP_BYTES: usize = 4 * 1024;
/// After so much of the object that gave nothing to send, the client hears that the query still runs.
pub const SILENT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Progress is told every so much of the object.
pub const PROGRESS_BYTES: u64 = 4 * 1024 * 1024;

/// How much of a Parquet object is fetched at once.
pub const PARQUET_FETCH_BYTES: u64 = 256 * 1024;
pub const PARQUET_FOOTER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Of one page, packed or unpacked. Writers aim at 1 MiB.
pub const PAGE_BYTES_MAX: i64 = 16 * 1024 * 1024;
pub const PAGE_VALUES_MAX: i64 = 16 * 1024 * 1024;
/// How deep the groups of a schema may nest, which is how deep its reader recurses.
pub const SCHEMA_DEPTH_MAX: usize = 64;
/// Results that wait for the client before the reading of a Parquet object pauses.
pub const PARQUET_EVENTS_AHEAD: usize = 4;
/// JSON is looked at for whole values when there is so much of it, and each time it has doubled.
pub const JSON_LOOK_BYTES: usize = 4 * 1024;
