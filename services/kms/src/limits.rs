//! KMS's limits, unit last. Source: "Quotas" in the KMS developer guide, and the API reference.

use std::time::Duration;

pub const ALIASES_OF_A_KEY_MAX: usize = 50;
/// The document as it came in.
pub const KEY_POLICY_BYTES_MAX: usize = 32_768;
/// AWS has 50,000. All grants of a key are read when one is made, and one transaction cannot read so many.
pub const GRANTS_OF_A_KEY_MAX: usize = 5_000;
/// Grants that are compiled as one policy, and how long that may get.
pub const GRANTS_OF_A_POLICY_MAX: usize = 500;
pub const GRANTS_OF_A_POLICY_BYTES_MAX: usize = 100_000;
pub const LIST_GRANTS_DEFAULT: usize = 50;
pub const LIST_GRANTS_MAX: usize = 100;
pub const ON_DEMAND_ROTATIONS_MAX: u32 = 25;
pub const DELETION_WINDOW_DAYS_MIN: u32 = 7;
pub const DELETION_WINDOW_DAYS_MAX: u32 = 30;
pub const ROTATION_PERIOD_DAYS_DEFAULT: u32 = 365;
/// So long before an automatic rotation there is none on demand.
pub const ROTATION_NEAR_TIME: Duration = Duration::from_secs(20 * 60);
pub const IMPORT_PARAMETERS_TIME: Duration = Duration::from_secs(24 * 3600);
pub const IMPORTED_MATERIAL_TIME_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Pages, as long as they are when nothing is said, and the longest.
pub const LIST_DEFAULT: usize = 100;
pub const LIST_MAX: usize = 1_000;
pub const LIST_ALIASES_DEFAULT: usize = 50;
pub const LIST_ALIASES_MAX: usize = 100;
pub const LIST_TAGS_DEFAULT: usize = 50;
pub const LIST_TAGS_MAX: usize = 50;

/// What the clock brought about is worked off in steps.
pub const DUE_KEYS_AT_ONCE_MAX: usize = 100;
/// Rotations of one key in one step, when the clock was turned far.
pub const ROTATIONS_AT_ONCE_MAX: usize = 50;
/// Aliases, grants and materials of a deleted key that are removed in one step.
pub const REMOVED_AT_ONCE_MAX: usize = 1_000;
/// Keys whose last use is still to be written down.
pub const NOTED_USES_MAX: usize = 100_000;
/// Uses of one key written down in one step.
pub const NOTED_USES_AT_ONCE_MAX: usize = 200;

pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// Names and values of an encryption context together.
pub const ENCRYPTION_CONTEXT_BYTES_MAX: usize = 8_192;
/// Of one grant constraint.
pub const GRANT_CONTEXT_PAIRS_MAX: usize = 8;
pub const GRANT_CONTEXT_VALUE_CHARS_MAX: usize = 384;
/// Of a data key, and of GenerateRandom.
pub const DATA_KEY_BYTES_MAX: usize = 1_024;
/// The message representative of ML-DSA (FIPS 204).
pub const EXTERNAL_MU_BYTES: usize = 64;
/// `GrantId`, hexadecimal.
pub const GRANT_ID_CHARS: usize = 64;
