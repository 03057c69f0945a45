//! Times that repeat, as AWS's services write them: `cron(0 12 ? * MON-FRI *)`, in UTC.
//!
//! Reference: "Cron expressions reference" in the EventBridge user guide. Six fields: minutes, hours, day of the month,
//! month, day of the week (1 is Sunday), year. One of the two days is `?`.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use crate::Timestamp;

const YEAR_MIN: i16 = 1970;
const YEAR_MAX: i16 = 2199;
/// Leap days come every eight years at worst, and a weekday on one within forty.
const SEARCHED_DAYS_MAX: usize = 41 * 366;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A cron expression that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    day: Day,
    months: Vec<i16>,
    years: Vec<i16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Day {
    OfMonth(Vec<i16>),
    /// `L`
    LastOfMonth,
    /// `15W`: the working day nearest to the 15th, in the same month.
    Working(i16),
    OfWeek(Vec<i16>),
    /// `6L`: the last Friday of the month.
    LastOfWeek(i16),
    /// `3#2`: the second Tuesday.
    Nth(i16, i16),
}

impl Cron {
    /// Reads `cron(…)`, or the six fields alone. Nothing where it is none.
    pub fn parse(text: &str) -> Option<Cron> {
        let inner = text.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
        let mut fields = inner.split_ascii_whitespace();
        let mut next = || fields.next();
        let (minutes, hours, month_day) = (next()?, next()?, next()?);
        let (months, week_day, years) = (next()?, next()?, next()?);
        if next().is_some() {
            return None;
        }
        Some(Cron {
            minutes: values(minutes, 0, 59, &[])?,
            hours: values(hours, 0, 23, &[])?,
            day: Day::parse(month_day, week_day)?,
            months: values(months, 1, 12, &MONTHS)?,
            years: values(years, YEAR_MIN, YEAR_MAX, &[])?,
        })
    }

    /// The first time that it names after `moment`, if there is one.
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let from = jiff::Timestamp::from_millisecond(moment.as_millis()).ok()?.to_zoned(TimeZone::UTC);
        let mut date = from.date();
        // A time is a whole minute: one that has begun is past.
        let mut after = Some((i16::from(from.hour()), i16::from(from.minute())));
        for _ in 0..SEARCHED_DAYS_MAX {
            if date.year() > YEAR_MAX {
                return None;
            }
            if self.has(date)
                && let Some((hour, minute)) = self.time_after(after)
            {
                let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
                let zoned = date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
                return Some(Timestamp::from_millis(zoned.timestamp().as_millisecond()));
            }
            after = None;
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn has(&self, date: Date) -> bool {
        self.years.contains(&date.year())
            && self.months.contains(&i16::from(date.month()))
            && self.day.is(date)
    }

    fn time_after(&self, after: Option<(i16, i16)>) -> Option<(i16, i16)> {
        let times =
            self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)));
        times.filter(|time| after.is_none_or(|after| *time > after)).min()
    }
}

impl Day {
    fn parse(of_month: &str, of_week: &str) -> Option<Day> {
        match (of_month, of_week) {
            ("?", "?") => None,
            ("?", "L") => Some(Day::OfWeek(vec![7])),
            ("?", _) => {
                let one =
                    |text: &str| values(text, 1, 7, &DAYS).filter(|days| days.len() == 1).map(|days| days[0]);
                if let Some(day) = of_week.strip_suffix('L') {
                    return one(day).map(Day::LastOfWeek);
                }
                if let Some((day, nth)) = of_week.split_once('#') {
                    let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
                    return one(day).map(|day| Day::Nth(day, nth));
                }
                values(of_week, 1, 7, &DAYS).map(Day::OfWeek)
            }
            ("L", "?") => Some(Day::LastOfMonth),
            (_, "?") => match of_month.strip_suffix('W') {
                Some(day) => day.parse().ok().filter(|day| (1..=31).contains(day)).map(Day::Working),
                None => values(of_month, 1, 31, &[]).map(Day::OfMonth),
            },
            _ => None,
        }
    }

    fn is(&self, date: Date) -> bool {
        let (day, last) = (i16::from(date.day()), i16::from(date.days_in_month()));
        let weekday = i16::from(date.weekday().to_sunday_one_offset());
        match self {
            Day::OfMonth(days) => days.contains(&day),
            Day::LastOfMonth => day == last,
            Day::Working(near) => *near <= last && working_day(date, *near) == Some(day),
            Day::OfWeek(days) => days.contains(&weekday),
            Day::LastOfWeek(of) => weekday == *of && day + 7 > last,
            Day::Nth(of, nth) => weekday == *of && (day - 1) / 7 + 1 == *nth,
        }
    }
}

/// The working day nearest to a day of the date's month, without leaving the month.
fn working_day(date: Date, near: i16) -> Option<i16> {
    let wanted = Date::new(date.year(), date.month(), i8::try_from(near).ok()?).ok()?;
    let last = i16::from(date.days_in_month());
    Some(match wanted.weekday() {
        Weekday::Saturday if near == 1 => 3,
        Weekday::Saturday => near - 1,
        Weekday::Sunday if near == last => near - 2,
        Weekday::Sunday => near + 1,
        _ => near,
    })
}

/// `*`, `5`, `1-5`, `MON-FRI`, `*/15`, `0/5`, and lists of such; in order, without doubles.
fn values(field: &str, min: i16, max: i16, names: &[&str]) -> Option<Vec<i16>> {
    let number = |text: &str| -> Option<i16> {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(at) => min + i16::try_from(at).ok()?,
            None => text.parse().ok()?,
        };
        (min..=max).contains(&value).then_some(value)
    };
    let mut found = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<i16>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None if range == "*" => (min, max),
            // `5/10` goes on to the end.
            None => (number(range)?, if step.is_some() { max } else { number(range)? }),
        };
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        // `FRI-MON` goes around.
        let span: Vec<i16> =
            if first <= last { (first..=last).collect() } else { (first..=max).chain(min..=last).collect() };
        found.extend(span.into_iter().step_by(step));
    }
    found.sort_unstable();
    found.dedup();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, after: &str) -> Option<String> {
        let after = Timestamp::parse_iso8601(after).unwrap();
        Cron::parse(cron).expect(cron).next_after(after).map(Timestamp::to_iso8601)
    }

    #[test]
    fn the_next_time_is_found() {
        for (cron, after, expected) in [
            ("cron(0 10 * * ? *)", "2026-11-23T09:59:59Z", "2026-11-23T10:00:00Z"),
            ("cron(0 10 * * ? *)", "2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z"),
            ("cron(0 18 ? * MON-FRI *)", "2026-11-27T18:00:00Z", "2026-11-30T18:00:00Z"),
            ("cron(0 8 1 * ? *)", "2026-11-23T00:00:00Z", "2026-12-01T08:00:00Z"),
            ("cron(0/15 * * * ? *)", "2026-11-23T23:50:10Z", "2026-11-24T00:00:00Z"),
            ("cron(0 9 ? * 2#1 *)", "2026-11-23T00:00:00Z", "2026-12-07T09:00:00Z"),
            ("cron(0 0 L * ? *)", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            ("cron(0 0 ? * 6L *)", "2026-11-23T00:00:00Z", "2026-11-27T00:00:00Z"),
            ("cron(0 0 ? * L *)", "2026-11-23T00:00:00Z", "2026-11-28T00:00:00Z"),
            // 1 August 2026 is a Saturday, so that its working day is Monday the 3rd.
            ("cron(0 0 1W 8 ? 2026)", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z"),
            ("cron(30 6 29 2 ? *)", "2026-11-23T00:00:00Z", "2028-02-29T06:30:00Z"),
            ("cron(0 0 ? JAN,MAR FRI-SUN *)", "2026-11-23T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(next(cron, after).as_deref(), Some(expected), "{cron} after {after}");
        }
    }

    #[test]
    fn what_is_over_or_never_comes_has_no_next_time() {
        assert_eq!(next("cron(0 0 1 1 ? 2020)", "2026-11-23T00:00:00Z"), None);
        assert_eq!(next("cron(0 0 31 2 ? *)", "2026-11-23T00:00:00Z"), None);
    }

    #[test]
    fn what_is_none_is_not_read() {
        for text in [
            "",
            "cron()",
            "cron(0 10 * * *)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(60 10 * * ? *)",
            "cron(0 10 * 13 ? *)",
            "cron(0/0 10 * * ? *)",
            "cron(0 10 * * ? * *)",
            "cron(0 9 ? * 2#6 *)",
            "cron(a b c d e f)",
        ] {
            assert_eq!(Cron::parse(text), None, "{text}");
        }
    }
}
