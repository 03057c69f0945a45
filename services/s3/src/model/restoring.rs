//! Archived objects, and the copies of them that can be read for a while.
//!
//! A restore is done when the clock says so: nothing has to happen in between. How long it takes is the upper end of
//! what "Archive retrieval options" of the S3 guide gives; a copy lives to the midnight (UTC) after its days are over.

use std::time::Duration;

use base::Timestamp;

use crate::model::storage_class::StorageClass;
use crate::records::Restored;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    Expedited,
    Standard,
    Bulk,
}

impl Tier {
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Expedited => "Expedited",
            Tier::Standard => "Standard",
            Tier::Bulk => "Bulk",
        }
    }
}

/// What can be read of an object now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// It is not archived.
    Always,
    /// Nothing, until it is restored.
    Archived,
    Restoring,
    /// There is a copy to read until then.
    Until(Timestamp),
}

impl Availability {
    pub fn of(class: StorageClass, restored: Option<Restored>, now: Timestamp) -> Availability {
        if !class.is_archive() {
            return Availability::Always;
        }
        match restored.map(|restored| settled(restored, now)) {
            None => Availability::Archived,
            Some(Restored::Ongoing { .. }) => Availability::Restoring,
            Some(Restored::Until(until)) if until > now => Availability::Until(until),
            Some(Restored::Until(_)) => Availability::Archived,
        }
    }

    pub fn is_readable(self) -> bool {
        matches!(self, Availability::Always | Availability::Until(_))
    }

    /// The value of `x-amz-restore`.
    pub fn header(self) -> Option<String> {
        match self {
            Availability::Always | Availability::Archived => None,
            Availability::Restoring => Some(r#"ongoing-request="true""#.to_owned()),
            Availability::Until(until) => {
                Some(format!(r#"ongoing-request="false", expiry-date="{}""#, until.to_http_date()))
            }
        }
    }
}

/// A restore as it is now: one whose time has come is done.
pub fn settled(restored: Restored, now: Timestamp) -> Restored {
    match restored {
        Restored::Ongoing { done, days } if done <= now => Restored::Until(end(done, days)),
        other => other,
    }
}

/// When a copy that can be read from `from` on goes away.
pub fn end(from: Timestamp, days: u32) -> Timestamp {
    let day = DAY.as_secs().cast_signed();
    Timestamp::from_secs(((from + DAY * days).as_secs().div_euclid(day) + 1) * day)
}

/// How long a restore takes; nothing where there is no such tier.
pub fn duration(class: StorageClass, tier: Tier) -> Option<Duration> {
    match (class, tier) {
        (StorageClass::Glacier, Tier::Expedited) => Some(5 * MINUTE),
        (StorageClass::Glacier, Tier::Standard) => Some(5 * HOUR),
        (StorageClass::Glacier, Tier::Bulk) => Some(12 * HOUR),
        (StorageClass::DeepArchive, Tier::Standard) => Some(12 * HOUR),
        (StorageClass::DeepArchive, Tier::Bulk) => Some(48 * HOUR),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lives_to_the_midnight_after_its_days() {
        let at = |text| Timestamp::parse_iso8601(text).unwrap();
        assert_eq!(end(at("2012-10-15T10:30:00Z"), 3), at("2012-10-19T00:00:00Z"));
        assert_eq!(end(at("2012-10-15T00:00:00Z"), 1), at("2012-10-17T00:00:00Z"));
    }

    #[test]
    fn a_restore_goes_on_is_done_and_is_over_by_the_clock() {
        let done = Timestamp::parse_iso8601("2026-01-01T05:00:00Z").unwrap();
        let restored = Some(Restored::Ongoing { done, days: 1 });
        let of = |now| Availability::of(StorageClass::Glacier, restored, now);
        let before = of(done + Duration::ZERO - Duration::from_secs(1));
        assert_eq!((before, before.is_readable()), (Availability::Restoring, false));
        assert_eq!(before.header().unwrap(), r#"ongoing-request="true""#);
        let during = of(done);
        assert!(during.is_readable());
        let header = r#"ongoing-request="false", expiry-date="Sat, 03 Jan 2026 00:00:00 GMT""#;
        assert_eq!(during.header().unwrap(), header);
        let after = of(done + 3 * DAY);
        assert_eq!((after, after.header()), (Availability::Archived, None));
        assert_eq!(Availability::of(StorageClass::GlacierIr, None, done), Availability::Always);
    }

    #[test]
    fn the_deepest_archive_has_no_expedited_way_out() {
        assert_eq!(duration(StorageClass::DeepArchive, Tier::Expedited), None);
        assert_eq!(duration(StorageClass::Standard, Tier::Bulk), None);
        assert_eq!(duration(StorageClass::DeepArchive, Tier::Bulk), Some(48 * HOUR));
    }
}
