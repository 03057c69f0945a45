//! Timestamps of Ion: with a precision from a year to a fraction of a second, and an offset that may be unknown.
//!
//! The page "Data types" follows the W3C's note on dates and times; those that are coarser than a day end with `T`.
//! S3 keeps any number of fractional digits, here the first nine are kept.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};

use crate::error::{Code, SelectError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SqlTimestamp {
    /// As clocks there show it.
    local: DateTime,
    precision: Precision,
    fraction_digits: usize,
    /// Minutes east of UTC; `None` is unknown, which Ion writes `-00:00`.
    offset: Option<i32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Year,
    Month,
    Day,
    Minute,
    Second,
}

/// What DATE_ADD, DATE_DIFF and EXTRACT name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    TimezoneHour,
    TimezoneMinute,
}

impl FromStr for Part {
    type Err = ();

    fn from_str(text: &str) -> Result<Part, ()> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "year" => Part::Year,
            "month" => Part::Month,
            "day" => Part::Day,
            "hour" => Part::Hour,
            "minute" => Part::Minute,
            "second" => Part::Second,
            "timezone_hour" => Part::TimezoneHour,
            "timezone_minute" => Part::TimezoneMinute,
            _ => return Err(()),
        })
    }
}

const NANOS: i128 = 1_000_000_000;

impl SqlTimestamp {
    /// To the second, with a fraction of so many digits. `None` for a day that is none, or beyond the years 1 to 9999.
    pub(super) fn new(local: DateTime, fraction_digits: usize, offset: Option<i32>) -> Option<SqlTimestamp> {
        let timestamp = SqlTimestamp { local, precision: Precision::Second, fraction_digits, offset };
        timestamp.in_reach().then_some(timestamp)
    }

    pub(crate) fn utc_millis(millis: i64) -> Option<SqlTimestamp> {
        SqlTimestamp::utc_nanos(i128::from(millis) * 1_000_000, 3)
    }

    /// A moment by its nanoseconds since 1970, of which so many fractional digits are meant.
    pub(crate) fn utc_nanos(nanos: i128, fraction_digits: usize) -> Option<SqlTimestamp> {
        let days = i64::try_from(nanos.div_euclid(86_400 * NANOS)).ok()?;
        let of_day = nanos.rem_euclid(86_400 * NANOS);
        let second = i64::try_from(of_day / NANOS).expect("a day is short");
        let time = Time::midnight()
            .checked_add(Span::new().seconds(second).nanoseconds((of_day % NANOS) as i64))
            .expect("less than a day after midnight is the same day");
        SqlTimestamp::new(DateTime::from_parts(day(days)?, time), fraction_digits, Some(0))
    }

    /// A whole day, by its number since 1970.
    pub(crate) fn from_days(days: i64) -> Option<SqlTimestamp> {
        let local = day(days)?.to_datetime(Time::midnight());
        let timestamp = SqlTimestamp { local, precision: Precision::Day, fraction_digits: 0, offset: None };
        timestamp.in_reach().then_some(timestamp)
    }

    fn in_reach(&self) -> bool {
        (1..=9999).contains(&self.local.year())
    }

    /// Nanoseconds since 1970 in UTC; an unknown offset counts as none.
    pub(crate) fn instant(&self) -> i128 {
        let days = Date::constant(1970, 1, 1).until(self.local.date()).expect("years up to 9999").get_days();
        let time = self.local.time();
        let seconds = i64::from(days) * 86_400
            + i64::from(time.hour()) * 3600
            + i64::from(time.minute()) * 60
            + i64::from(time.second())
            - i64::from(self.offset.unwrap_or(0)) * 60;
        i128::from(seconds) * NANOS + i128::from(time.subsec_nanosecond())
    }

    pub(super) fn local(&self) -> DateTime {
        self.local
    }

    pub(super) fn offset_minutes(&self) -> Option<i32> {
        self.offset
    }

    /// As DATE_ADD does it: the precision grows where the part asks for it.
    pub(crate) fn add(&self, part: Part, quantity: i64) -> Result<SqlTimestamp, SelectError> {
        let span = Span::new();
        let (span, precision) = match part {
            Part::Year => (span.try_years(quantity), Precision::Year),
            Part::Month => (span.try_months(quantity), Precision::Month),
            Part::Day => (span.try_days(quantity), Precision::Day),
            Part::Hour => (span.try_hours(quantity), Precision::Minute),
            Part::Minute => (span.try_minutes(quantity), Precision::Minute),
            Part::Second => (span.try_seconds(quantity), Precision::Second),
            Part::TimezoneHour | Part::TimezoneMinute => {
                return Err(Code::IllegalSqlFunctionArgument.into());
            }
        };
        let local = span.and_then(|span| self.local.checked_add(span));
        let local =
            local.map_err(|error| SelectError::new(Code::IllegalSqlFunctionArgument).because(error))?;
        let sum = SqlTimestamp { local, precision: self.precision.max(precision), ..self.clone() };
        if sum.in_reach() { Ok(sum) } else { Err(Code::IllegalSqlFunctionArgument.into()) }
    }

    /// How many whole parts lie from this to the other, as DATE_DIFF counts them.
    pub(crate) fn until(&self, part: Part, other: &SqlTimestamp) -> Result<i64, SelectError> {
        let seconds = (other.instant() - self.instant()) / NANOS;
        let whole =
            |unit: i128| i64::try_from(seconds / unit).expect("ten thousand years have fewer seconds");
        Ok(match part {
            Part::Year => self.months_until(other) / 12,
            Part::Month => self.months_until(other),
            Part::Day => whole(86_400),
            Part::Hour => whole(3600),
            Part::Minute => whole(60),
            Part::Second => whole(1),
            Part::TimezoneHour | Part::TimezoneMinute => {
                return Err(Code::IllegalSqlFunctionArgument.into());
            }
        })
    }

    fn months_until(&self, other: &SqlTimestamp) -> i64 {
        if self.instant() > other.instant() {
            return -other.months_until(self);
        }
        let (one, other) = (self.in_utc(), other.in_utc());
        let months = |at: DateTime| i64::from(at.year()) * 12 + i64::from(at.month());
        let begun = (other.day(), other.time()) < (one.day(), one.time());
        months(other) - months(one) - i64::from(begun)
    }

    /// Within a day of the local time, so a day beyond the years that are allowed at most.
    fn in_utc(&self) -> DateTime {
        let minutes = i64::from(self.offset.unwrap_or(0));
        self.local.checked_sub(Span::new().minutes(minutes)).unwrap_or(self.local)
    }

    /// As EXTRACT gives it; of seconds the whole ones.
    pub(crate) fn part(&self, part: Part) -> i64 {
        match part {
            Part::Year => i64::from(self.local.year()),
            Part::Month => i64::from(self.local.month()),
            Part::Day => i64::from(self.local.day()),
            Part::Hour => i64::from(self.local.hour()),
            Part::Minute => i64::from(self.local.minute()),
            Part::Second => i64::from(self.local.second()),
            Part::TimezoneHour => i64::from(self.offset.unwrap_or(0) / 60),
            Part::TimezoneMinute => i64::from(self.offset.unwrap_or(0) % 60),
        }
    }

    pub(crate) fn parse(text: &str) -> Option<SqlTimestamp> {
        let (year, rest) = digits(text, 4)?;
        let at = |month: i64, day: i64| Date::new(year as i16, month as i8, day as i8).ok();
        let coarse = |date: Date, precision| {
            let local = date.to_datetime(Time::midnight());
            let timestamp = SqlTimestamp { local, precision, fraction_digits: 0, offset: None };
            timestamp.in_reach().then_some(timestamp)
        };
        if rest == "T" {
            return coarse(at(1, 1)?, Precision::Year);
        }
        let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
        if rest == "T" {
            return coarse(at(month, 1)?, Precision::Month);
        }
        let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
        let date = at(month, day)?;
        if rest.is_empty() || rest == "T" {
            return coarse(date, Precision::Day);
        }
        SqlTimestamp::parse_time(date, rest.strip_prefix('T')?)
    }

    /// `hh:mm[:ss[.fraction]]` and the offset, which has to be there.
    fn parse_time(date: Date, text: &str) -> Option<SqlTimestamp> {
        let (hour, rest) = digits(text, 2)?;
        let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
        let (mut precision, mut second, mut nanos, mut fraction_digits) = (Precision::Minute, 0, 0, 0);
        if let Some(after) = rest.strip_prefix(':') {
            precision = Precision::Second;
            (second, rest) = digits(after, 2)?;
            if let Some(after) = rest.strip_prefix('.') {
                let length = after.bytes().take_while(u8::is_ascii_digit).count();
                fraction_digits = length.min(9);
                nanos = nanoseconds(after.get(..fraction_digits).filter(|digits| !digits.is_empty())?)?;
                rest = &after[length..];
            }
        }
        let offset = parse_offset(rest)?;
        let time = Time::new(hour as i8, minute as i8, second as i8, nanos).ok()?;
        let timestamp =
            SqlTimestamp { local: DateTime::from_parts(date, time), precision, fraction_digits, offset };
        timestamp.in_reach().then_some(timestamp)
    }
}

fn day(days: i64) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok()
}

/// Up to nine digits after the point.
pub(super) fn nanoseconds(fraction: &str) -> Option<i32> {
    let padding = u32::try_from(9_usize.checked_sub(fraction.len())?).ok()?;
    Some(fraction.parse::<i32>().ok()? * 10_i32.pow(padding))
}

/// `Z`, or hours and minutes. `-00:00` is an offset that is not known.
pub(super) fn parse_offset(text: &str) -> Option<Option<i32>> {
    match text {
        "Z" => return Some(Some(0)),
        "-00:00" => return Some(None),
        _ => {}
    }
    let (sign, rest) = match text.strip_prefix('+') {
        Some(rest) => (1, rest),
        None => (-1, text.strip_prefix('-')?),
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let fits = rest.is_empty() && hours < 24 && minutes < 60;
    fits.then_some(Some(sign * (hours * 60 + minutes) as i32))
}

/// So many digits, and what follows them.
fn digits(text: &str, count: usize) -> Option<(i64, &str)> {
    let number = text.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((number.parse().ok()?, &text[count..]))
}

/// As Ion writes it.
impl fmt::Display for SqlTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.local;
        match self.precision {
            Precision::Year => return write!(f, "{:04}T", at.year()),
            Precision::Month => return write!(f, "{:04}-{:02}T", at.year(), at.month()),
            _ => write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day())?,
        }
        if self.precision == Precision::Day {
            return Ok(());
        }
        write!(f, "T{:02}:{:02}", at.hour(), at.minute())?;
        if self.precision == Precision::Second {
            write!(f, ":{:02}", at.second())?;
            if self.fraction_digits > 0 {
                let fraction = format!("{:09}", at.subsec_nanosecond());
                write!(f, ".{}", &fraction[..self.fraction_digits])?;
            }
        }
        match self.offset {
            None => f.write_str("-00:00"),
            Some(0) => f.write_str("Z"),
            Some(minutes) => f.write_str(&offset_text(minutes, ":")),
        }
    }
}

/// `+07:08`, with what is asked for between hours and minutes.
pub(super) fn offset_text(minutes: i32, between: &str) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}{between}{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
