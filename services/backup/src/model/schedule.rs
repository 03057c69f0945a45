//! When the rules of a plan run: cron expressions in a time zone, and rates.
//!
//! Surprising: a time that a clock change skips is moved on by what was skipped, and one that comes twice is taken once.

use base::{Cron, Timestamp};
use jiff::tz::TimeZone;

const DEFAULT: &str = "cron(0 5 ? * * *)";
const MINUTE_MS: i64 = 60_000;

/// A schedule that was read.
#[derive(Clone, Debug)]
pub enum Schedule {
    Cron(Box<Cron>, TimeZone),
    Every { millis: i64 },
}

impl Schedule {
    /// Nothing where it is none. Without an expression it is every day at five.
    pub fn parse(expression: Option<&str>, zone: Option<&str>) -> Option<Schedule> {
        let text = expression.unwrap_or(DEFAULT);
        if let Some(rate) = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
            return every(rate);
        }
        let zone = match zone.unwrap_or("Etc/UTC") {
            "Etc/UTC" | "UTC" => TimeZone::UTC,
            name => TimeZone::get(name).ok()?,
        };
        Some(Schedule::Cron(Box::new(Cron::parse(text)?), zone))
    }

    /// The first time after `now`; rates count from `since`.
    pub fn next_after(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Every { millis } => {
                let passed = (now.as_millis() - since.as_millis()).div_euclid(*millis) + 1;
                Some(Timestamp::from_millis(since.as_millis() + passed * millis))
            }
            Schedule::Cron(cron, zone) => local_after(cron, zone, now),
        }
    }
}

/// `1 day`, `12 hours`
fn every(rate: &str) -> Option<Schedule> {
    let (count, unit) = rate.split_once(' ')?;
    let count: i64 = count.parse().ok().filter(|count| (1..=100_000).contains(count))?;
    let minutes = match (unit, count) {
        ("minute", 1) | ("minutes", 2..) => 1,
        ("hour", 1) | ("hours", 2..) => 60,
        ("day", 1) | ("days", 2..) => 24 * 60,
        _ => return None,
    };
    Some(Schedule::Every { millis: count * minutes * MINUTE_MS })
}

/// The expression is asked for local times as if they were UTC's.
fn local_after(cron: &Cron, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
    let mut from =
        shifted(now, |moment| moment.to_zoned(zone.clone()).datetime().to_zoned(TimeZone::UTC).ok())?;
    loop {
        let next = cron.next_after(from)?;
        let real =
            shifted(next, |moment| moment.to_zoned(TimeZone::UTC).datetime().to_zoned(zone.clone()).ok())?;
        if real > now {
            return Some(real);
        }
        from = next;
    }
}

fn shifted(at: Timestamp, to: impl Fn(jiff::Timestamp) -> Option<jiff::Zoned>) -> Option<Timestamp> {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(Timestamp::from_millis(to(moment)?.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, zone: Option<&str>, now: &str) -> String {
        let (since, now) = (
            Timestamp::parse_iso8601("2026-11-20T08:10:00Z").unwrap(),
            Timestamp::parse_iso8601(now).unwrap(),
        );
        let schedule = Schedule::parse(Some(expression), zone).expect(expression);
        schedule.next_after(since, now).expect(expression).to_iso8601()
    }

    #[test]
    fn rules_run_in_their_time_zone() {
        for (expression, zone, now, expected) in [
            ("cron(0 5 ? * * *)", None, "2026-11-23T06:00:00Z", "2026-11-24T05:00:00Z"),
            ("cron(0 5 ? * * *)", Some("America/New_York"), "2026-11-23T06:00:00Z", "2026-11-23T10:00:00Z"),
            ("cron(0 5 ? * * *)", Some("America/New_York"), "2026-07-23T06:00:00Z", "2026-07-23T09:00:00Z"),
            // Half past two does not exist on the day that summer time begins, and comes twice when it ends.
            ("cron(30 2 ? * * *)", Some("Europe/Berlin"), "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
            ("cron(30 2 ? * * *)", Some("Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
            ("15 * ? * * *", None, "2026-11-23T06:16:00Z", "2026-11-23T07:15:00Z"),
            ("rate(12 hours)", None, "2026-11-23T06:00:00Z", "2026-11-23T08:10:00Z"),
            ("rate(1 day)", None, "2026-11-23T08:10:00Z", "2026-11-24T08:10:00Z"),
        ] {
            assert_eq!(next(expression, zone, now), expected, "{expression} {zone:?} after {now}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_not_read() {
        for (expression, zone) in [
            ("cron(0 5 * * * *)", None),
            ("rate(1 days)", None),
            ("rate(0 hours)", None),
            ("every day", None),
            ("cron(0 5 ? * * *)", Some("Mars/Olympus")),
        ] {
            assert!(Schedule::parse(Some(expression), zone).is_none(), "{expression} {zone:?}");
        }
        assert!(Schedule::parse(None, None).is_some());
    }
}
