//! The limits of requests to the outside, unit last.

use std::time::Duration;

/// What another's server may send in answer. Key sets and their like are a few kilobytes.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// From looking the name up to the last byte of the answer.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// Longer addresses are nobody's.
pub const URL_BYTES_MAX: usize = 2048;
