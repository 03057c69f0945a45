//! Object lock: until when a version may not be deleted, and how its lock may change.
//!
//! Surprising, and so at AWS: a longer retention in the same mode needs no permission to bypass governance, every other
//! change of a governance lock does, also the one to compliance. A retention that has run out holds nobody.
//! Reference: "Locking objects with Object Lock" of the S3 guide.

use std::time::Duration;

use base::Timestamp;
use s3_api as api;

use crate::limits::{RETENTION_DAYS_MAX, RETENTION_YEARS_MAX};
use crate::records::{Described, Retention, RetentionMode};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR_DAYS: u32 = 365;

impl RetentionMode {
    pub fn as_str(self) -> &'static str {
        match self {
            RetentionMode::Governance => "GOVERNANCE",
            RetentionMode::Compliance => "COMPLIANCE",
        }
    }

    pub fn parse(text: &str) -> Option<RetentionMode> {
        [RetentionMode::Governance, RetentionMode::Compliance].into_iter().find(|mode| mode.as_str() == text)
    }
}

impl Retention {
    fn holds(self, now: Timestamp) -> bool {
        self.until > now
    }
}

/// Whether a version may be deleted for good. `bypass` is leave to pass over governance.
pub fn is_deletable(described: &Described, bypass: bool, now: Timestamp) -> bool {
    let retained = described.retention.is_some_and(|retention| {
        retention.holds(now) && !(bypass && retention.mode == RetentionMode::Governance)
    });
    described.legal_hold != Some(true) && !retained
}

/// Whether a version's retention may become another, or none.
pub fn may_become(old: Option<Retention>, new: Option<Retention>, bypass: bool, now: Timestamp) -> bool {
    let Some(old) = old.filter(|old| old.holds(now)) else { return true };
    let extends = new.is_some_and(|new| new.mode == old.mode && new.until >= old.until);
    extends || (bypass && old.mode == RetentionMode::Governance)
}

/// What a bucket's configuration gives new objects that bring no retention of their own.
pub fn default_retention(configuration: &api::ObjectLockConfiguration, now: Timestamp) -> Option<Retention> {
    let default = configuration.rule.as_ref()?.default_retention.as_ref()?;
    let mode = RetentionMode::parse(default.mode.as_ref()?.as_str())?;
    let days = match (default.days, default.years) {
        (Some(days), _) => u32::try_from(days).ok()?.min(RETENTION_DAYS_MAX),
        (None, Some(years)) => u32::try_from(years).ok()?.min(RETENTION_YEARS_MAX) * YEAR_DAYS,
        (None, None) => return None,
    };
    Some(Retention { mode, until: now + DAY * days })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000);

    fn until(mode: RetentionMode, seconds: i64) -> Option<Retention> {
        Some(Retention { mode, until: Timestamp::from_secs(seconds) })
    }

    #[test]
    fn only_governance_is_bypassed_and_a_legal_hold_holds_everybody() {
        use RetentionMode::{Compliance, Governance};
        for (retention, legal_hold, bypass, deletable) in [
            (None, false, false, true),
            (None, true, true, false),
            (until(Governance, 1_001), false, false, false),
            (until(Governance, 1_001), false, true, true),
            (until(Governance, 1_001), true, true, false),
            (until(Compliance, 1_001), false, true, false),
            (until(Compliance, 1_000), false, false, true),
        ] {
            let described = Described { retention, legal_hold: Some(legal_hold), ..Described::default() };
            let found = is_deletable(&described, bypass, NOW);
            assert_eq!(found, deletable, "{retention:?} {legal_hold} {bypass}");
        }
    }

    #[test]
    fn locks_are_extended_by_anyone_and_loosened_by_nobody_or_a_few() {
        use RetentionMode::{Compliance, Governance};
        for (old, new, plainly, bypassing) in [
            (None, until(Compliance, 2_000), true, true),
            (until(Governance, 1_500), until(Governance, 1_600), true, true),
            (until(Governance, 1_500), until(Governance, 1_400), false, true),
            (until(Governance, 1_500), until(Compliance, 1_600), false, true),
            (until(Governance, 1_500), None, false, true),
            (until(Compliance, 1_500), until(Compliance, 1_600), true, true),
            (until(Compliance, 1_500), until(Compliance, 1_499), false, false),
            (until(Compliance, 1_500), until(Governance, 1_600), false, false),
            (until(Compliance, 1_500), None, false, false),
            (until(Compliance, 999), None, true, true),
        ] {
            assert_eq!(may_become(old, new, false, NOW), plainly, "{old:?} to {new:?}");
            assert_eq!(may_become(old, new, true, NOW), bypassing, "{old:?} to {new:?} bypassing");
        }
    }

    #[test]
    fn a_default_is_so_many_days_or_years_from_now() {
        let of = |days, years| {
            let retention = api::DefaultRetention {
                mode: Some("COMPLIANCE".into()),
                days,
                years,
                ..api::DefaultRetention::default()
            };
            let rule = api::ObjectLockRule { default_retention: Some(retention) };
            let configuration =
                api::ObjectLockConfiguration { rule: Some(rule), ..api::ObjectLockConfiguration::default() };
            default_retention(&configuration, NOW).map(|retention| retention.until.as_secs())
        };
        assert_eq!(of(Some(2), None), Some(1_000 + 2 * 86_400));
        assert_eq!(of(None, Some(1)), Some(1_000 + 365 * 86_400));
        assert_eq!(of(None, None), None);
    }
}
