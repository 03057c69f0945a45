//! Organizations' limits, unit last. Source: "Quotas and service limits for AWS Organizations" in the user guide.

use std::time::Duration;

/// AWS begins at 10 and raises it on request; here is nobody to ask.
pub const ACCOUNTS_MAX: u32 = 5_000;
pub const UNITS_MAX: u32 = 2_000;
/// Levels of OUs below the root.
pub const UNIT_DEPTH_MAX: usize = 5;
pub const CREATIONS_AT_ONCE_MAX: usize = 5;
pub const CLOSINGS_AT_ONCE_MAX: usize = 3;
/// Closures within [`CLOSING_WINDOW`]: this many, or a fifth of the accounts where that is more.
pub const CLOSINGS_MIN: u32 = 250;
pub const CLOSINGS_MAX: u32 = 1_000;
pub const CLOSING_WINDOW: Duration = Duration::from_secs(30 * DAY_SECONDS);
/// A closed account is gone for good after this.
pub const CLOSED_TIME: Duration = Duration::from_secs(90 * DAY_SECONDS);
/// A created account cannot leave before it is this old.
pub const CREATED_AGE_MIN: Duration = Duration::from_secs(4 * DAY_SECONDS);

pub const INVITATION_TIME: Duration = Duration::from_secs(15 * DAY_SECONDS);
pub const ALL_FEATURES_TIME: Duration = Duration::from_secs(90 * DAY_SECONDS);
/// How long a handshake is shown after it came to its end.
pub const HANDSHAKE_KEPT_TIME: Duration = Duration::from_secs(30 * DAY_SECONDS);

pub const RESULTS_MAX: usize = 20;
pub const RESOURCE_POLICY_CHARS_MAX: usize = 40_000;
/// Accounts that may administer one service, as AWS allows most services at least.
pub const ADMINISTRATORS_MAX: usize = 3;

const DAY_SECONDS: u64 = 24 * 3600;
