//! Rotation schedules: what may be asked for, and until when the next rotation is due.
//!
//! "Rotation schedules" of the user guide. A schedule opens windows; a secret is rotated at any time within one, so
//! what is shown as the next rotation's date is the end of the next window.

use std::time::Duration;

use base::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use secretsmanager_api::RotationRulesType;
use serde::{Deserialize, Serialize};

use super::cron::Cron;
use crate::error::Error;
use crate::limits::{ROTATION_DAYS_MAX, ROTATION_HOURS_MIN, ROTATION_RATE_DAYS_MAX};

/// As they were given, to be read back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub days: Option<i64>,
    pub expression: Option<String>,
    pub duration: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Schedule {
    Days(i64),
    Hours(i64),
    Cron(Cron),
}

const HOUR_MILLIS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;
/// Longer than any schedule pauses: the 29th of February comes after eight years at the latest.
const DAYS_AHEAD_MAX: usize = 9 * 366;

impl Rules {
    /// Reads and checks the rules of a request.
    pub fn parse(rules: &RotationRulesType) -> Result<Rules, Error> {
        let RotationRulesType { automatically_after_days, duration, schedule_expression } = rules.clone();
        let rules = Rules { days: automatically_after_days, expression: schedule_expression, duration };
        rules.read()?;
        Ok(rules)
    }

    pub fn show(&self) -> RotationRulesType {
        RotationRulesType {
            automatically_after_days: self.days,
            duration: self.duration.clone(),
            schedule_expression: self.expression.clone(),
        }
    }

    /// The end of the first window that opens after this moment.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let (schedule, hours) = self.read().ok()?;
        let start = schedule.next_window(after)?;
        let length = hours.unwrap_or_else(|| schedule.default_hours(hour_of(start)));
        Some(start + Duration::from_secs((length * 3600 - 1).unsigned_abs()))
    }

    /// The schedule, and the length of its windows in hours where one was given.
    fn read(&self) -> Result<(Schedule, Option<i64>), Error> {
        let schedule = match (self.days, &self.expression) {
            (Some(_), Some(_)) => {
                return Err(Error::parameter(
                    "You cannot specify both rotation frequency and schedule expression together.",
                ));
            }
            (None, None) => {
                return Err(Error::parameter(
                    "You must specify either AutomaticallyAfterDays or ScheduleExpression in RotationRules.",
                ));
            }
            (Some(days), None) if (1..=ROTATION_DAYS_MAX).contains(&days) => Schedule::Days(days),
            (Some(_), None) => {
                return Err(Error::parameter("RotationRules.AutomaticallyAfterDays must be within 1-1000."));
            }
            (None, Some(text)) => Schedule::parse(text)?,
        };
        let hours = self.duration.as_deref().map(|text| duration(text, &schedule)).transpose()?;
        Ok((schedule, hours))
    }
}

impl Schedule {
    fn parse(text: &str) -> Result<Schedule, Error> {
        let invalid = || Error::parameter(format!("Invalid schedule expression: {text}."));
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inside("rate") {
            let (number, unit) = rate.split_once(' ').ok_or_else(invalid)?;
            let number: u32 = number.parse().map_err(|_| invalid())?;
            return match unit {
                "day" | "days" if (1..=ROTATION_RATE_DAYS_MAX).contains(&number) => {
                    Ok(Schedule::Days(number.into()))
                }
                "hour" | "hours" if (ROTATION_HOURS_MIN..=ROTATION_RATE_DAYS_MAX * 24).contains(&number) => {
                    Ok(Schedule::Hours(number.into()))
                }
                _ => Err(invalid()),
            };
        }
        let cron = inside("cron").and_then(Cron::parse).ok_or_else(invalid)?;
        if gap(&cron.hours).is_some_and(|gap| gap < i64::from(ROTATION_HOURS_MIN)) {
            return Err(Error::parameter(format!(
                "Invalid schedule expression: {text}. A secret can be rotated every {ROTATION_HOURS_MIN} hours at most."
            )));
        }
        Ok(Schedule::Cron(cron))
    }

    /// The hours from one window to the next, for schedules in hours.
    fn interval(&self) -> Option<i64> {
        match self {
            Schedule::Days(_) => None,
            Schedule::Hours(hours) => Some(*hours),
            Schedule::Cron(cron) => gap(&cron.hours),
        }
    }

    /// The hour of the day at which windows of schedules in days open.
    fn opening_hour(&self) -> i64 {
        match self {
            Schedule::Cron(cron) => cron.hours.first().copied().unwrap_or_default().into(),
            _ => 0,
        }
    }

    /// An hour for schedules in hours, else what is left of the day.
    fn default_hours(&self, opening: i64) -> i64 {
        if self.interval().is_some() { 1 } else { DAY_HOURS - opening }
    }

    fn next_window(&self, after: Timestamp) -> Option<Timestamp> {
        let hour = after.as_millis().div_euclid(HOUR_MILLIS);
        match self {
            Schedule::Hours(hours) => Some(Timestamp::from_millis((hour + hours) * HOUR_MILLIS)),
            Schedule::Days(days) => {
                let day = hour.div_euclid(DAY_HOURS);
                Some(Timestamp::from_millis((day + days) * DAY_HOURS * HOUR_MILLIS))
            }
            Schedule::Cron(cron) => {
                let mut date = date_of(after)?;
                for _ in 0..DAYS_AHEAD_MAX {
                    let midnight = midnight(date)?;
                    let hours = cron.hours.iter().map(|hour| i64::from(*hour));
                    let mut windows =
                        hours.map(|hour| Timestamp::from_millis(midnight.as_millis() + hour * HOUR_MILLIS));
                    if cron.is_on(date)
                        && let Some(window) = windows.find(|window| *window > after)
                    {
                        return Some(window);
                    }
                    date = date.tomorrow().ok()?;
                }
                None
            }
        }
    }
}

/// The smallest number of hours between two of a day's windows, over midnight too; nothing if there is one a day.
fn gap(hours: &[i8]) -> Option<i64> {
    let (first, last) = (hours.first()?, hours.last()?);
    let over_midnight = DAY_HOURS - i64::from(*last) + i64::from(*first);
    let within = hours.windows(2).map(|pair| i64::from(pair[1] - pair[0])).min()?;
    Some(within.min(over_midnight))
}

/// Reads a window's length and checks it against the schedule.
fn duration(text: &str, schedule: &Schedule) -> Result<i64, Error> {
    let digits = text.strip_suffix('h').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let hours: i64 = digits
        .and_then(|digits| digits.parse().ok())
        .filter(|hours| *hours > 0)
        .ok_or_else(|| Error::parameter(format!("Invalid rotation window duration: {text}.")))?;
    let fits = match schedule.interval() {
        Some(interval) => hours <= interval,
        None => schedule.opening_hour() + hours <= DAY_HOURS,
    };
    if fits {
        return Ok(hours);
    }
    Err(Error::parameter(
        "The rotation window must not extend into the next UTC day or into the next rotation window.",
    ))
}

fn date_of(moment: Timestamp) -> Option<Date> {
    let moment = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?;
    Some(moment.to_zoned(TimeZone::UTC).date())
}

fn midnight(date: Date) -> Option<Timestamp> {
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

fn hour_of(moment: Timestamp) -> i64 {
    moment.as_millis().div_euclid(HOUR_MILLIS).rem_euclid(DAY_HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(days: Option<i64>, expression: Option<&str>, duration: Option<&str>) -> Result<Rules, Error> {
        Rules::parse(&RotationRulesType {
            automatically_after_days: days,
            duration: duration.map(str::to_owned),
            schedule_expression: expression.map(str::to_owned),
        })
    }

    #[test]
    fn a_schedule_says_until_when_the_next_rotation_is_due() {
        let now = Timestamp::parse_iso8601("2026-11-22T06:30:00Z").unwrap();
        for (days, expression, duration, expected) in [
            (Some(30), None, None, "2026-12-22T23:59:59Z"),
            (Some(1), None, Some("3h"), "2026-11-23T02:59:59Z"),
            (None, Some("rate(10 days)"), None, "2026-12-02T23:59:59Z"),
            (None, Some("rate(4 hours)"), None, "2026-11-22T10:59:59Z"),
            (None, Some("rate(12 hours)"), Some("2h"), "2026-11-22T19:59:59Z"),
            (None, Some("cron(0 8/8 * * ? *)"), None, "2026-11-22T08:59:59Z"),
            (None, Some("cron(0 6 * * ? *)"), None, "2026-11-23T23:59:59Z"),
            (None, Some("cron(0 16 L * ? *)"), Some("2h"), "2026-11-30T17:59:59Z"),
            (None, Some("cron(0 0 29 2 ? *)"), None, "2028-02-29T23:59:59Z"),
        ] {
            let rules = rules(days, expression, duration).expect("the rules are good");
            assert_eq!(rules.next(now).map(|next| next.to_iso8601()), Some(expected.to_owned()), "{rules:?}");
        }
    }

    #[test]
    fn rules_that_cannot_be_kept_are_refused() {
        for (days, expression, duration) in [
            (None, None, None),
            (None, None, Some("3h")),
            (Some(0), None, None),
            (Some(1001), None, None),
            (Some(7), Some("rate(7 days)"), None),
            (None, Some("rate(3 hours)"), None),
            (None, Some("rate(0 days)"), None),
            (None, Some("rate(1000 days)"), None),
            (None, Some("rate(7 weeks)"), None),
            (None, Some("rate(7)"), None),
            (None, Some("every day"), None),
            (None, Some("cron(0 * * * ? *)"), None),
            (None, Some("cron(0 0,22 * * ? *)"), None),
            (Some(7), None, Some("25h")),
            (Some(7), None, Some("0h")),
            (None, Some("rate(4 hours)"), Some("5h")),
            (None, Some("cron(0 20 * * ? *)"), Some("5h")),
        ] {
            let refused = rules(days, expression, duration);
            assert!(
                matches!(refused, Err(Error::InvalidParameter(_))),
                "{days:?} {expression:?} {duration:?}"
            );
        }
    }

    #[test]
    fn rules_are_shown_as_they_were_given() {
        let given = rules(None, Some("rate(10 days)"), Some("3h")).unwrap().show();
        assert_eq!(given.schedule_expression.as_deref(), Some("rate(10 days)"));
        assert_eq!((given.duration.as_deref(), given.automatically_after_days), (Some("3h"), None));
    }
}
