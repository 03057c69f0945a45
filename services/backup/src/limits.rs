//! The limits of AWS Backup, unit last. Source: the model, and "AWS Backup quotas".

use std::time::Duration;

/// Vaults, plans of an account in a region; versions of a plan; selections of a plan; copies of a rule; rules of a plan.
pub const VAULTS_MAX: usize = 300;
pub const PLANS_MAX: usize = 300;
pub const VERSIONS_MAX: usize = 2_000;
pub const SELECTIONS_MAX: usize = 100;
pub const RULES_MAX: usize = 20;
pub const COPIES_OF_A_RULE_MAX: usize = 10;
/// ARNs of a selection, and those of them with wildcards.
pub const SELECTED_ARNS_MAX: usize = 500;
pub const SELECTED_PATTERNS_MAX: usize = 30;
pub const SELECTED_TAGS_MAX: usize = 30;

pub const POLICY_BYTES_MAX: usize = 20_480;
pub const TEMPLATE_BYTES_MAX: usize = 65_536;

/// Before a lock in compliance mode takes hold.
pub const COOLING_OFF_DAYS_MIN: i64 = 3;
pub const RETENTION_DAYS_MIN: i64 = 1;
pub const RETENTION_DAYS_MAX: i64 = 36_500;

/// Of jobs, where the request says nothing: eight hours to begin in, seven days to be done in.
pub const START_WINDOW_MINUTES: i64 = 8 * 60;
pub const START_WINDOW_MINUTES_MIN: i64 = 60;
pub const COMPLETION_WINDOW_MINUTES: i64 = 7 * 24 * 60;
pub const WINDOW_MINUTES_MAX: i64 = 100 * 24 * 60;

/// Records that one listing goes through.
pub const RECORDS_MAX: usize = 50_000;
pub const RECORDS_AT_ONCE_MAX: usize = 1_000;
/// Resources that one run of a rule goes through, and those on a page of what other services are asked for.
pub const TARGETS_MAX: usize = 10_000;
pub const TARGETS_PAGE: i32 = 500;
/// A page of a listing, where the request says nothing.
pub const PAGE_MAX: usize = 1_000;

/// Things that are due, done in one pass.
pub const DUE_AT_ONCE_MAX: usize = 32;
/// How often the task looks of its own accord.
pub const TASK_PERIOD: Duration = Duration::from_secs(60);
/// A job that goes on is looked at again after a tenth of its time so far, within these.
pub const FOLLOW_UP_MIN: Duration = Duration::from_secs(1);
pub const FOLLOW_UP_MAX: Duration = Duration::from_secs(60);
/// A job that could not begin tries again ("at least every 10 minutes").
pub const RETRY_PERIOD: Duration = Duration::from_secs(60);
/// What has been kept for long enough and cannot be deleted is tried again.
pub const EXPIRY_RETRY_PERIOD: Duration = Duration::from_secs(24 * 3600);
