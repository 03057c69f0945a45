//! The limits of Recycle Bin, unit last. Source: the model, and "Quotas" of the Recycle Bin in the EBS user guide.

/// "Retention rules per Region"
pub const RULES_MAX: usize = 250;
/// Rules that may name the same tag (CreateRule, ResourceTags).
pub const RULES_OF_A_TAG_MAX: usize = 5;
/// Rules on a page, unless fewer are asked for (ListRules, MaxResults).
pub const PAGE_MAX: usize = 1_000;
/// How long snapshots and images may be retained (RetentionPeriodValue),
pub const RETENTION_DAYS_MAX: i32 = 365;
/// and volumes.
pub const VOLUME_RETENTION_DAYS_MAX: i32 = 7;

/// What may lie between unlocking a rule and changing it (UnlockDelayValue).
pub const UNLOCK_DELAY_DAYS: std::ops::RangeInclusive<i32> = 7..=30;

pub const ID_CHARS: usize = 11;
