//! When a schedule makes snapshots.

use std::time::Duration;

use base::{Cron, Timestamp};
use dlm_api::CreateRule;

use crate::limits::RUNS_LOOKED_AT_MAX;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The first time after `now`. AWS begins within an hour of a time that is given, and within a day where none is; here
/// it is the time itself, and an interval after the policy was made or changed.
pub fn next(rule: &CreateRule, changed: Timestamp, now: Timestamp) -> Option<Timestamp> {
    if let Some(cron) = rule.cron_expression.as_deref() {
        return Cron::parse(cron)?.next_after(now);
    }
    let every = i64::from(rule.interval?) * HOUR_MS;
    let named = rule.times.as_ref().and_then(|times| times.first()).and_then(|time| minutes(time));
    let anchor = match named {
        // An interval divides the day, so that every day has the same times.
        Some(minutes) => now.as_millis().div_euclid(DAY_MS) * DAY_MS + minutes * MINUTE_MS,
        None => changed.as_millis(),
    };
    let passed = (now.as_millis() - anchor).div_euclid(every) + 1;
    Some(Timestamp::from_millis(anchor + passed * every))
}

/// The shortest time between two runs of a schedule, as far as its next dozens of runs show; nothing if it runs once at
/// most.
pub fn shortest_gap(rule: &CreateRule, now: Timestamp) -> Option<Duration> {
    let Some(cron) = rule.cron_expression.as_deref().and_then(Cron::parse) else {
        return Some(Duration::from_secs(u64::try_from(rule.interval?).ok()? * 3_600));
    };
    let (mut last, mut shortest) = (cron.next_after(now)?, None);
    for _ in 0..RUNS_LOOKED_AT_MAX {
        let Some(next) = cron.next_after(last) else { break };
        let gap = next.since(last);
        shortest = Some(shortest.map_or(gap, |shortest: Duration| shortest.min(gap)));
        last = next;
    }
    shortest
}

/// `09:30`, in minutes of the day.
pub fn minutes(time: &str) -> Option<i64> {
    let (hours, minutes) = time.split_once(':').filter(|_| time.len() == 5)?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso8601(text).unwrap()
    }

    fn every(hours: i32, time: Option<&str>) -> CreateRule {
        CreateRule {
            interval: Some(hours),
            times: time.map(|time| vec![time.to_owned()]),
            ..CreateRule::default()
        }
    }

    #[test]
    fn intervals_go_on_from_their_time() {
        let changed = at("2026-11-20T08:10:00Z");
        for (hours, time, now, expected) in [
            (24, Some("09:00"), "2026-11-23T08:59:59Z", "2026-11-23T09:00:00Z"),
            (24, Some("09:00"), "2026-11-23T09:00:00Z", "2026-11-24T09:00:00Z"),
            (6, Some("23:45"), "2026-11-23T01:00:00Z", "2026-11-23T05:45:00Z"),
            (12, None, "2026-11-20T08:10:00Z", "2026-11-20T20:10:00Z"),
            (12, None, "2026-11-23T09:00:00Z", "2026-11-23T20:10:00Z"),
        ] {
            assert_eq!(
                next(&every(hours, time), changed, at(now)),
                Some(at(expected)),
                "{hours} {time:?} {now}"
            );
        }
    }

    #[test]
    fn the_shortest_gap_of_months_is_that_of_february() {
        let cron = |text: &str| CreateRule { cron_expression: Some(text.into()), ..CreateRule::default() };
        let now = at("2026-11-23T09:00:00Z");
        let days = |days: u64| Some(Duration::from_secs(days * 86_400));
        assert_eq!(shortest_gap(&cron("cron(0 9 1 * ? *)"), now), days(28));
        assert_eq!(shortest_gap(&cron("cron(0 9 ? * 2 *)"), now), days(7));
        assert_eq!(shortest_gap(&cron("cron(0 9 1 1 ? 2027)"), now), None);
        assert_eq!(shortest_gap(&every(24, None), now), days(1));
    }

    #[test]
    fn a_time_has_hours_and_minutes() {
        assert_eq!(minutes("09:30"), Some(570));
        for text in ["9:30", "24:00", "12:60", "1230", "ab:cd", ""] {
            assert_eq!(minutes(text), None, "{text}");
        }
    }
}
