//! Vault Lock: what a vault keeps, nobody deletes before its time ("AWS Backup Vault Lock").
//!
//! In governance mode whoever may can take the lock away; in compliance mode nobody can once its date has come.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::lifecycle::days;
use crate::error::Error;
use crate::limits::{COOLING_OFF_DAYS_MIN, RETENTION_DAYS_MAX, RETENTION_DAYS_MIN};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub min_days: Option<i64>,
    pub max_days: Option<i64>,
    /// From then on it cannot be changed; nothing in governance mode.
    pub from: Option<Timestamp>,
}

impl Lock {
    pub fn new(
        min_days: Option<i64>,
        max_days: Option<i64>,
        changeable: Option<i64>,
        now: Timestamp,
    ) -> Result<Lock, Error> {
        let invalid = |message: String| Err(Error::Invalid(message));
        for (name, days) in [("MinRetentionDays", min_days), ("MaxRetentionDays", max_days)] {
            if days.is_some_and(|days| !(RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days)) {
                let (least, most) = (RETENTION_DAYS_MIN, RETENTION_DAYS_MAX);
                return invalid(format!("{name} must be between {least} and {most} days"));
            }
        }
        if let (Some(min), Some(max)) = (min_days, max_days)
            && min > max
        {
            return invalid("MinRetentionDays cannot be greater than MaxRetentionDays".to_owned());
        }
        if changeable.is_some_and(|days| !(COOLING_OFF_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days)) {
            let (least, most) = (COOLING_OFF_DAYS_MIN, RETENTION_DAYS_MAX);
            return invalid(format!("ChangeableForDays must be between {least} and {most} days"));
        }
        Ok(Lock { min_days, max_days, from: changeable.map(|changeable| now + days(changeable)) })
    }

    /// Whether nobody can change it any more.
    pub fn is_fixed(&self, now: Timestamp) -> bool {
        self.from.is_some_and(|from| now >= from)
    }

    /// Refuses a backup that would be kept for less or more than the vault says; without a lifecycle it is for ever.
    pub fn admits(&self, delete_after: Option<i64>) -> Result<(), String> {
        let kept = delete_after.unwrap_or(i64::MAX);
        if self.min_days.is_some_and(|min| kept < min) {
            let min = self.min_days.unwrap_or_default();
            return Err(format!("The retention period is shorter than the vault's minimum of {min} days."));
        }
        if self.max_days.is_some_and(|max| kept > max) {
            let max = self.max_days.unwrap_or_default();
            return Err(format!("The retention period is longer than the vault's maximum of {max} days."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    #[test]
    fn compliance_begins_after_the_cooling_off() {
        let lock = Lock::new(Some(7), Some(365), Some(3), NOW).unwrap();
        assert!(!lock.is_fixed(NOW + days(2)));
        assert!(lock.is_fixed(NOW + days(3)));
        let governed = Lock::new(Some(7), None, None, NOW).unwrap();
        assert!(!governed.is_fixed(NOW + days(10_000)));
    }

    #[test]
    fn bounds_are_checked() {
        for (min, max, changeable) in [
            (Some(0), None, None),
            (None, Some(36_501), None),
            (Some(8), Some(7), None),
            (None, None, Some(2)),
        ] {
            assert!(Lock::new(min, max, changeable, NOW).is_err(), "{min:?} {max:?} {changeable:?}");
        }
    }

    #[test]
    fn backups_are_kept_for_as_long_as_the_vault_says() {
        let lock = Lock::new(Some(7), Some(30), None, NOW).unwrap();
        for (kept, is_good) in
            [(Some(6), false), (Some(7), true), (Some(30), true), (Some(31), false), (None, false)]
        {
            assert_eq!(lock.admits(kept).is_ok(), is_good, "{kept:?}");
        }
        let only_min = Lock::new(Some(7), None, None, NOW).unwrap();
        assert!(only_min.admits(None).is_ok());
    }
}
