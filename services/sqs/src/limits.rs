//! SQS's limits, unit last. Source: "Amazon SQS message quotas" and "queue quotas" in the developer guide.

use std::time::Duration;

pub const QUEUE_NAME_CHARS_MAX: usize = 80;
pub const BATCH_ENTRIES_MAX: usize = 10;
pub const BATCH_ENTRY_ID_CHARS_MAX: usize = 80;
pub const MESSAGE_BYTES_MAX: usize = 1_048_576;
pub const MESSAGE_BYTES_MIN: usize = 1_024;
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;
pub const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// Group, deduplication and attempt ids.
pub const TOKEN_CHARS_MAX: usize = 128;
pub const RECEIVE_MESSAGES_MAX: i32 = 10;
pub const WAIT_SECONDS_MAX: i32 = 20;
pub const VISIBILITY_SECONDS_MAX: i32 = 43_200;
pub const DELAY_SECONDS_MAX: i32 = 900;
pub const LIST_RESULTS_MAX: i32 = 1_000;
pub const MOVE_TASK_RESULTS_MAX: i32 = 10;
pub const MOVE_RATE_PER_SECOND_MAX: i32 = 500;
/// Messages a move task takes in one step; without a rate of its own, it goes on at once.
pub const MOVE_STEP_MESSAGES_MAX: usize = 100;
pub const MOVE_TASK_TIME_MAX: Duration = Duration::from_secs(36 * 3600);
/// Finished move tasks that are still listed, a source queue.
pub const MOVE_TASKS_KEPT_MAX: usize = 10;
pub const PURGE_INTERVAL: Duration = Duration::from_secs(60);
pub const NAME_REUSE_DELAY: Duration = Duration::from_secs(60);
pub const POLICY_BYTES_MAX: usize = 8_192;
pub const POLICY_STATEMENTS_MAX: usize = 20;
pub const PERMISSION_ACTIONS_MAX: usize = 7;
pub const REDRIVE_SOURCES_MAX: usize = 10;
pub const RECEIVES_BEFORE_DEAD_MAX: u32 = 1_000;
/// AES-256.
pub const DATA_KEY_BYTES: usize = 32;
/// How long a data key of SQS's own encrypts new messages, and how many sends or batches of ten in one run; both keep
/// it below 2³² messages.
pub const MANAGED_DATA_KEY_TIME_MAX: Duration = Duration::from_secs(24 * 3600);
pub const MANAGED_DATA_KEY_SENDS_MAX: u64 = 1 << 28;
/// Data keys held ready; beyond it they are opened anew.
pub const MANAGED_DATA_KEYS_KNOWN_MAX: usize = 10_000;
/// Those who use data keys of KMS, and how many of them for each.
pub const REQUESTERS_KNOWN_MAX: usize = 10_000;
pub const REQUESTER_DATA_KEYS_MAX: usize = 10_000;
/// The longest that KmsDataKeyReusePeriodSeconds allows.
pub const DATA_KEY_REUSE_TIME_MAX: Duration = Duration::from_secs(86_400);
/// In flight at once, for both kinds of queues.
pub const IN_FLIGHT_MESSAGES_MAX: u32 = 120_000;
