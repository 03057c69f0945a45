//! For how long recovery points are kept.

use std::time::Duration;

use backup_api::{CalculatedLifecycle, Lifecycle};
use base::Timestamp;

use crate::error::Error;
use crate::limits::{RETENTION_DAYS_MAX, RETENTION_DAYS_MIN};

const DAY_SECS: u64 = 24 * 3600;

pub fn days(count: i64) -> Duration {
    Duration::from_secs(DAY_SECS * u64::try_from(count).unwrap_or(0))
}

/// Refuses what no recovery point here can do: neither snapshots nor tables' own backups move to cold storage.
pub fn check(lifecycle: &Lifecycle) -> Result<(), Error> {
    // -1 is how clients take a value away.
    let given = |days: Option<i64>| days.filter(|days| *days != -1);
    if given(lifecycle.move_to_cold_storage_after_days).is_some() {
        return Err(Error::NotImplemented("Lifecycle.MoveToColdStorageAfterDays".to_owned()));
    }
    if lifecycle.opt_in_to_archive_for_supported_resources == Some(true) {
        return Err(Error::NotImplemented("Lifecycle.OptInToArchiveForSupportedResources".to_owned()));
    }
    if lifecycle.delete_after_event.is_some() {
        return Err(Error::NotImplemented("Lifecycle.DeleteAfterEvent".to_owned()));
    }
    match given(lifecycle.delete_after_days) {
        Some(days) if !(RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days) => Err(Error::Invalid(
            format!("DeleteAfterDays must be between {RETENTION_DAYS_MIN} and {RETENTION_DAYS_MAX}"),
        )),
        _ => Ok(()),
    }
}

/// The days after which something is deleted; nothing for ever.
pub fn delete_after(lifecycle: Option<&Lifecycle>) -> Option<i64> {
    lifecycle?.delete_after_days.filter(|days| *days > 0)
}

pub fn calculated(lifecycle: Option<&Lifecycle>, created: Timestamp) -> Option<CalculatedLifecycle> {
    let delete_at = created + days(delete_after(lifecycle)?);
    Some(CalculatedLifecycle { delete_at: Some(delete_at), ..CalculatedLifecycle::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deletion_is_planned() {
        let delete = |days| Lifecycle { delete_after_days: Some(days), ..Lifecycle::default() };
        for (lifecycle, is_good) in [
            (Lifecycle::default(), true),
            (delete(1), true),
            (delete(-1), true),
            (delete(0), false),
            (delete(36_501), false),
            (Lifecycle { move_to_cold_storage_after_days: Some(30), ..delete(200) }, false),
            (Lifecycle { opt_in_to_archive_for_supported_resources: Some(true), ..delete(200) }, false),
        ] {
            assert_eq!(check(&lifecycle).is_ok(), is_good, "{lifecycle:?}");
        }
        let now = Timestamp::from_secs(1_800_000_000);
        let at = calculated(Some(&delete(2)), now).unwrap().delete_at;
        assert_eq!(at, Some(Timestamp::from_secs(1_800_000_000 + 2 * 86_400)));
        assert_eq!(calculated(Some(&delete(-1)), now), None);
    }
}
