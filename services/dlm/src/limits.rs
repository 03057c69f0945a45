//! The limits of Data Lifecycle Manager, unit last. Source: the model, and "Amazon Data Lifecycle Manager quotas".

use std::time::Duration;

/// Policies of an account in a region ("You can create up to 100 lifecycle policies").
pub const POLICIES_MAX: usize = 100;
/// Resources that one run of a schedule goes through.
pub const TARGETS_MAX: usize = 10_000;
/// Resources on a page of what EC2 is asked for.
pub const TARGETS_PAGE: i32 = 500;
/// Things that are due, done in one pass.
pub const DUE_AT_ONCE_MAX: usize = 32;
/// Snapshots of a schedule that are looked through for their age at once.
pub const SNAPSHOTS_AT_ONCE_MAX: usize = 20_000;
/// What waits for a snapshot to be completed is tried again this often,
pub const FOLLOW_UP_PERIOD: Duration = Duration::from_secs(60);
/// and given up after this long.
pub const FOLLOW_UP_TIME_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often the task looks of its own accord.
pub const TASK_PERIOD: Duration = Duration::from_secs(60);

pub const DESCRIPTION_CHARS_MAX: usize = 500;
pub const RETAINED_MAX: i32 = 1_000;
pub const RETAINED_YEARS_MAX: i32 = 100;
/// How far ahead an image's deprecation may be.
pub const DEPRECATED_YEARS_MAX: i32 = 10;
pub const INTERVAL_HOURS: [i32; 8] = [1, 2, 3, 4, 6, 8, 12, 24];

/// Default policies: days between runs, and days that backups are kept.
pub const CREATE_DAYS: std::ops::RangeInclusive<i32> = 1..=7;
pub const CREATE_DAYS_DEFAULT: i32 = 1;
pub const RETAIN_DAYS: std::ops::RangeInclusive<i32> = 2..=14;
pub const RETAIN_DAYS_DEFAULT: i32 = 7;
/// "Default policies will only start targeting resources that are at least 24 hours old."
pub const TARGET_AGE_MIN: Duration = Duration::from_secs(24 * 3600);
/// A backup that is so much younger than a default policy's interval is no recent one: runs may begin late.
pub const RUN_SLACK: Duration = Duration::from_secs(3600);
/// How long a default policy that was deleted lets go of its backups, in the longest case.
pub const EXTENDED_DELETION_TIME_MAX: Duration = Duration::from_secs(15 * 24 * 3600);

/// "If you need to specify an ArchiveRule for the schedule, then you must specify a creation frequency of at least 28
/// days", and "the archive retention rule must retain snapshots for a minimum of 90 days".
pub const ARCHIVED_GAP_MIN: Duration = Duration::from_secs(28 * 24 * 3600);
pub const ARCHIVED_TIME_MIN: Duration = Duration::from_secs(90 * 24 * 3600);
/// Runs of a cron expression that are looked at for the time between them: five years of months.
pub const RUNS_LOOKED_AT_MAX: usize = 60;

/// How often event-based policies look for snapshots that were shared.
pub const WATCH_PERIOD: Duration = Duration::from_secs(60);
/// Of a compiled pattern for descriptions.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;
/// AWS takes deprecations that lie ahead only.
pub const DEPRECATION_DELAY: Duration = Duration::from_secs(60);
