//! STS's limits, unit last. Those that the model states (durations, names, codes) are checked before an operation runs.

use std::time::Duration;

/// What a role's session lasts if nobody says otherwise, and the most where a session begot it.
pub const ROLE_SESSION_SECONDS_DEFAULT: u32 = 3_600;
pub const CHAINED_SESSION_SECONDS_MAX: u32 = 3_600;

/// What sessions of users last if nobody says otherwise, and the most that the root of an account gets.
pub const USER_SESSION_SECONDS_DEFAULT: u32 = 43_200;
pub const ROOT_SESSION_SECONDS_MAX: u32 = 3_600;

/// What a session of a member account's root lasts if nobody says otherwise, which is the most as well.
pub const ROOT_TASK_SECONDS_DEFAULT: u32 = 900;

/// Session policies: the text of all together with the ARNs of managed ones, and how many of these.
pub const SESSION_POLICY_CHARS_MAX: usize = 2_048;
pub const SESSION_POLICY_ARNS_MAX: usize = 10;

pub const SESSION_TAGS_MAX: usize = 50;

/// Of which a session token's size is a share, for `SessionTokenUtilization`.
pub const SESSION_TOKEN_BYTES_MAX: usize = 4_096;

/// How far a provider's clock may be ahead of ours.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(300);

/// A SAML response that was made longer ago is refused.
pub const ASSERTION_AGE_MAX: Duration = Duration::from_secs(300);

/// How long a provider's keys are believed without asking again, and how soon it may be asked again for a key that it
/// did not have. Cloud time.
pub const PROVIDER_KEYS_AGE_MAX: Duration = Duration::from_secs(3_600);
pub const PROVIDER_KEYS_AGE_MIN: Duration = Duration::from_secs(5);

/// Providers whose keys are remembered.
pub const PROVIDERS_REMEMBERED_MAX: usize = 1_000;

/// Keys of one kind (RSA, elliptic curves) that are read of a provider's set, as in AWS's quotas.
pub const PROVIDER_KEYS_MAX: usize = 100;

/// What a SAML document may hold.
pub const XML_NODES_MAX: u32 = 20_000;
pub const XML_DEPTH_MAX: usize = 64;
