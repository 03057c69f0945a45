//! The limits of S3, unit last.

use std::time::Duration;

/// How long the delivery of an event is tried.
pub const EVENT_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// How often access logs are delivered.
pub const ACCESS_LOG_PERIOD: Duration = Duration::from_secs(5 * 60);

/// Requests that wait in memory to be kept for access logs; more are not logged.
pub const ACCESS_LOG_WAITING_MAX: usize = 20_000;

/// What a record of an access log, and an object of one, grow to, give or take a line.
pub const ACCESS_LOG_RECORD_BYTES_MAX: usize = 256 * 1024;
pub const ACCESS_LOG_OBJECT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Records of access logs that are read at once.
pub const ACCESS_LOG_PAGE_RECORDS: usize = 64;

/// Of an object's key.
pub const KEY_BYTES_MAX: usize = 1024;

/// What one page of a list shows at most: keys, versions, uploads or parts, and common prefixes.
pub const LIST_ENTRIES_MAX: usize = 1000;

/// The first look of a list that has a delimiter, and the first behind a common prefix; each further one is twice as
/// long, so that short groups are read in one piece and long ones are passed over.
pub const LIST_LOOK_ENTRIES_MIN: usize = 8;

/// Of one DeleteObjects.
pub const DELETE_KEYS_MAX: usize = 1000;

/// How many keys of one DeleteObjects are deleted in one transaction.
pub const DELETE_KEYS_AT_ONCE: usize = 100;

/// What CopyObject copies at most.
pub const COPY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Of an object.
pub const OBJECT_TAGS_MAX: usize = 10;

/// Of a tag's key, in UTF-16.
pub const TAG_KEY_UNITS_MAX: usize = 128;

/// Of a tag's value, in UTF-16.
pub const TAG_VALUE_UNITS_MAX: usize = 256;

/// What a default retention lasts at most.
pub const RETENTION_DAYS_MAX: u32 = 36_500;
pub const RETENTION_YEARS_MAX: u32 = 100;

/// What GetObjectAttributes shows of an object's parts at once.
pub const ATTRIBUTE_PARTS_MAX: usize = 1000;

/// Extents that are given back in one pass.
pub const GARBAGE_AT_ONCE_MAX: usize = 50_000;

/// How long those who read what was replaced meanwhile are waited for.
pub const READERS_WAIT_MAX: Duration = Duration::from_secs(6 * 3600);

/// Of a body that is uploaded at once: an object, or a part.
pub const PUT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// How many bodies are hashed at a time on threads of their own.
pub const HASHES_AT_ONCE: usize = 8;

/// What is read of a body before it is hashed and written, while the next is read.
pub const LOT_BYTES: usize = 64 * 1024;

/// Up to here a body is gathered in memory, and shares a file with others.
pub const PACKED_BYTES_MAX: u64 = object_engine::limits::PACKED_BYTES_MAX as u64;

/// Up to here bytes are hashed where they are; it takes about as long as going to another thread.
pub const HASH_INLINE_BYTES_MAX: usize = 32 * 1024;

/// Up to here a range is read before its answer begins.
pub const READ_AT_ONCE_BYTES_MAX: u64 = 64 * 1024;

/// AES-256.
pub const DATA_KEY_BYTES: usize = 32;

/// How long a data key of S3's own encrypts new content.
pub const MANAGED_DATA_KEY_TIME_MAX: Duration = Duration::from_secs(24 * 3600);

/// Data keys held ready; beyond it they are opened anew.
pub const MANAGED_DATA_KEYS_KNOWN_MAX: usize = 10_000;

/// How long a bucket key serves a caller before KMS is asked again.
pub const BUCKET_KEY_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// Bucket keys held ready; beyond it KMS is asked anew.
pub const BUCKET_KEYS_KNOWN_MAX: usize = 10_000;

/// Of an object's metadata, names and values together.
pub const USER_METADATA_BYTES_MAX: usize = 2 * 1024;

/// How many parts an upload may have, and the highest number of one.
pub const PARTS_MAX: u16 = 10_000;

/// Of all parts of an upload but the last.
pub const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// Rows of one file of an inventory report, give or take a page, and records that are read for it at once.
pub const INVENTORY_FILE_ROWS_MAX: usize = 50_000;
pub const INVENTORY_PAGE_RECORDS: usize = 1000;

/// Records that lifecycle rules are held against in one pass, and how much is done for them at a time.
pub const LIFECYCLE_PAGE_RECORDS: usize = 500;
pub const LIFECYCLE_ACTIONS_AT_ONCE_MAX: usize = 32;

/// Among how many older versions of its key a completion that is repeated looks for what it made.
pub const COMPLETED_VERSIONS_MAX: usize = 100;

/// What the scrubber reads in a second: records, and bytes of their content.
pub const SCRUB_RECORDS_AT_ONCE_MAX: usize = 200;
pub const SCRUB_BYTES_AT_ONCE_MAX: u64 = 16 << 20;

/// Of an account (a quota, which AWS raises on request).
pub const BUCKETS_OF_ACCOUNT_MAX: u64 = 10_000;

/// What one page of ListBuckets shows at most, and one of ListDirectoryBuckets.
pub const LIST_BUCKETS_MAX: usize = 10_000;
pub const LIST_DIRECTORY_BUCKETS_MAX: usize = 1000;

/// Parts that deleting a bucket gives back in one transaction.
pub const PARTS_AT_ONCE: usize = 100;

/// Of one access control list.
pub const ACL_GRANTS_MAX: usize = 100;

/// Of a bucket.
pub const BUCKET_TAGS_MAX: usize = 50;

/// Of a bucket's policy, and of an access point's.
pub const POLICY_BYTES_MAX: usize = 20 * 1024;

/// Of a bucket's cross-origin configuration, and of a website's.
pub const CORS_RULES_MAX: usize = 100;
pub const ROUTING_RULES_MAX: usize = 50;

/// Of the id of a rule.
pub const RULE_ID_CHARS_MAX: usize = 255;

/// Of a bucket's lifecycle, replication and notification configurations.
pub const LIFECYCLE_RULES_MAX: usize = 1000;
pub const REPLICATION_RULES_MAX: usize = 1000;
pub const NOTIFICATION_RULES_MAX: usize = 100;

/// Of each kind of configuration that has ids of its own: analytics, inventory, metrics, intelligent tiering.
pub const CONFIGURATIONS_MAX: usize = 1000;

/// What one page of a list of these shows.
pub const LIST_CONFIGURATIONS_MAX: usize = 100;

/// Of the id of one.
pub const CONFIGURATION_ID_CHARS_MAX: usize = 64;

/// How long a session with a directory bucket lasts.
pub const SESSION_TIME: Duration = Duration::from_secs(300);

/// What one page of ListAccessPoints shows.
pub const LIST_ACCESS_POINTS_MAX: usize = 1000;

/// Contents that fsck verifies at the same time, and objects that it names.
pub const FSCK_AT_ONCE_MAX: usize = 4;
pub const FSCK_FINDINGS_MAX: usize = 1000;
