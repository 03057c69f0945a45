//! The frame's limits, unit last.

use std::time::Duration;

/// How deep services may call each other before the chain is taken for a loop.
pub const CALL_DEPTH_MAX: u8 = 16;

/// How many audit events are kept at hand for `fogbank status` and for the trail.
pub const AUDIT_EVENTS_MAX: usize = 4096;

/// Tags a resource may have, unless its service says otherwise.
pub const TAGS_MAX: usize = 50;
pub const TAG_KEY_CHARS_MAX: usize = 128;
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// How long a client token is remembered.
pub const CLIENT_TOKEN_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
pub const CLIENT_TOKEN_BYTES_MAX: usize = 256;

/// Longer page tokens are not ours.
pub const PAGE_TOKEN_BYTES_MAX: usize = 4096;

/// How long a shutdown waits for calls and passes that are under way.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// How long one runner holds a task before another may take it over.
pub const TASK_LEASE_TIME: Duration = Duration::from_secs(60);

/// A pass that fails is tried again after this, doubled each time up to the last.
pub const TASK_RETRY_MIN: Duration = Duration::from_millis(200);
pub const TASK_RETRY_MAX: Duration = Duration::from_secs(60);

/// Decisions of one call that are kept for its audit event.
pub const DECISIONS_MAX: usize = 64;

/// Dynamic references in one template.
pub const DYNAMIC_REFERENCES_MAX: usize = 60;

/// Effects of an outbox that are delivered in one pass, and queues of them at the same time.
pub const DELIVERIES_AT_ONCE_MAX: usize = 256;
pub const DELIVERY_QUEUES_AT_ONCE_MAX: usize = 32;

/// A delivery that fails is tried again after this, doubled each time up to the last.
pub const DELIVERY_RETRY_MIN: Duration = Duration::from_secs(1);
pub const DELIVERY_RETRY_MAX: Duration = Duration::from_secs(300);
