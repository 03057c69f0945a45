//! The limits of Secrets Manager, unit last. Source: the model, and "Secrets Manager quotas" in the user guide.

use std::time::Duration;

pub const NAME_CHARS_MAX: usize = 512;
/// A secret's value, string or binary. The model says so too; a value in UTF-8 may have fewer characters than bytes.
pub const VALUE_BYTES_MAX: usize = 65_536;
/// Staging labels over all versions of a secret.
pub const LABELS_MAX: usize = 20;
/// Beyond so many versions those without labels go, oldest first, but none younger than a day.
pub const VERSIONS_KEPT_MAX: usize = 100;
pub const VERSION_AGE_MIN: Duration = Duration::from_secs(24 * 3600);
/// What a day of too many new versions may lead to. AWS's figure is not known.
pub const VERSIONS_MAX: usize = 1_000;
pub const POLICY_BYTES_MAX: usize = 20_480;
pub const RECOVERY_DAYS_MIN: i64 = 7;
pub const RECOVERY_DAYS_MAX: i64 = 30;
pub const PASSWORD_CHARS_DEFAULT: i64 = 32;
pub const ROTATION_DAYS_MAX: i64 = 1_000;
pub const ROTATION_RATE_DAYS_MAX: u32 = 999;
pub const ROTATION_HOURS_MIN: u32 = 4;
pub const REPLICAS_MAX: usize = 64;
pub const LIST_RESULTS_MAX: usize = 100;
pub const BATCH_RESULTS_MAX: usize = 20;
/// Secrets one call of a list looks at before it answers with what it has and a token.
pub const LIST_LOOKED_AT_MAX: usize = 10_000;
/// How often an operation begins again because the secret's keys or regions changed under it.
pub const ATTEMPTS_MAX: usize = 5;
/// Deletions finished in one transaction.
pub const DELETIONS_AT_ONCE_MAX: usize = 20;
/// Compiled resource policies that are remembered; the memory begins anew beyond.
pub const COMPILED_POLICIES_MAX: usize = 10_000;
