//! Which snapshots and images of a schedule are kept.

use base::Timestamp;
use dlm_api::{DeprecateRule, RetainRule, RetentionArchiveTier, RetentionIntervalUnitValues as Unit};
use jiff::ToSpan;
use jiff::tz::TimeZone;

/// What is kept of a resource's backups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep<'a> {
    /// The newest.
    Newest(usize),
    /// Those that are younger.
    Younger(i32, &'a Unit),
}

impl Keep<'_> {
    pub fn of(rule: &RetainRule) -> Option<Keep<'_>> {
        keep(rule.count, rule.interval, rule.interval_unit.as_ref())
    }

    pub fn in_archive(tier: &RetentionArchiveTier) -> Option<Keep<'_>> {
        keep(tier.count, tier.interval, tier.interval_unit.as_ref())
    }

    /// Whether nothing stays, which is for schedules that archive at once.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Keep::Newest(0) | Keep::Younger(0, _))
    }
}

/// Clients send a zero for what is not meant.
fn keep(count: Option<i32>, interval: Option<i32>, unit: Option<&Unit>) -> Option<Keep<'_>> {
    let newest = count.and_then(|count| usize::try_from(count).ok());
    let younger = interval.zip(unit).map(|(interval, unit)| Keep::Younger(interval, unit));
    match (newest, younger) {
        (Some(0), Some(younger)) => Some(younger),
        (Some(count), _) => Some(Keep::Newest(count)),
        (None, younger) => younger,
    }
}

/// The moment an interval before `now`, by the calendar. Nothing if the interval is none.
pub fn before(now: Timestamp, interval: i32, unit: &Unit) -> Option<Timestamp> {
    shifted(now, -i64::from(interval), unit)
}

pub fn after(now: Timestamp, interval: i32, unit: &Unit) -> Option<Timestamp> {
    shifted(now, i64::from(interval), unit)
}

fn shifted(now: Timestamp, by: i64, unit: &Unit) -> Option<Timestamp> {
    let span = match unit {
        Unit::Days => by.days(),
        Unit::Weeks => by.weeks(),
        Unit::Months => by.months(),
        Unit::Years => by.years(),
        Unit::Unknown(_) => return None,
    };
    let moment = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?.to_zoned(TimeZone::UTC);
    let shifted = moment.checked_add(span).ok()?;
    Some(Timestamp::from_millis(shifted.timestamp().as_millisecond()))
}

/// How many of a resource's backups, made at these times (the oldest first), are given up.
pub fn expired(keep: Keep<'_>, made: &[Timestamp], now: Timestamp) -> usize {
    match keep {
        Keep::Newest(count) => made.len().saturating_sub(count),
        Keep::Younger(interval, unit) => match before(now, interval, unit) {
            Some(limit) => made.iter().take_while(|at| **at <= limit).count(),
            None => 0,
        },
    }
}

/// How many of a resource's images, the oldest first, are deprecated by their number: of those that a full schedule
/// keeps, the rule's count of oldest ones.
pub fn deprecated(rule: &DeprecateRule, kept: usize, images: usize) -> usize {
    let count = rule.count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    match count {
        0 => 0,
        count => images.saturating_sub(kept.saturating_sub(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[i64]) -> Vec<Timestamp> {
        days.iter().map(|day| Timestamp::from_secs(day * 86_400)).collect()
    }

    #[test]
    fn a_count_keeps_the_newest() {
        assert_eq!(expired(Keep::Newest(2), &days(&[1, 2, 3, 4]), Timestamp::EPOCH), 2);
        assert_eq!(expired(Keep::Newest(2), &days(&[1]), Timestamp::EPOCH), 0);
    }

    #[test]
    fn an_age_keeps_what_is_younger() {
        let week = Keep::Younger(1, &Unit::Weeks);
        assert_eq!(expired(week, &days(&[1, 2, 3, 4]), days(&[10])[0]), 3);
        assert_eq!(expired(week, &days(&[1, 2]), days(&[7])[0]), 0);
    }

    #[test]
    fn a_zero_beside_the_other_is_not_meant() {
        let rule = RetainRule { count: Some(3), interval: Some(0), interval_unit: Some(Unit::Days) };
        assert_eq!(Keep::of(&rule), Some(Keep::Newest(3)));
        let rule = RetainRule { count: Some(0), interval: Some(2), interval_unit: Some(Unit::Days) };
        assert_eq!(Keep::of(&rule), Some(Keep::Younger(2, &Unit::Days)));
        let rule = RetainRule { count: Some(0), ..RetainRule::default() };
        assert!(Keep::of(&rule).unwrap().is_nothing());
        assert_eq!(Keep::of(&RetainRule::default()), None);
    }

    #[test]
    fn the_oldest_of_a_full_schedule_are_deprecated() {
        let rule = DeprecateRule { count: Some(2), ..DeprecateRule::default() };
        for (images, expected) in [(1, 0), (3, 0), (4, 1), (5, 2), (6, 3)] {
            assert_eq!(deprecated(&rule, 5, images), expected, "{images}");
        }
        assert_eq!(deprecated(&DeprecateRule::default(), 5, 5), 0);
    }

    #[test]
    fn months_are_the_calendars() {
        let now = Timestamp::parse_iso8601("2027-03-31T12:00:00Z").unwrap();
        assert_eq!(before(now, 1, &Unit::Months).unwrap().to_iso8601(), "2027-02-28T12:00:00Z");
        assert_eq!(after(now, 1, &Unit::Years).unwrap().to_iso8601(), "2028-03-31T12:00:00Z");
    }
}
