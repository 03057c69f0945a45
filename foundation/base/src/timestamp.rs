//! A moment, in milliseconds since 1970. AWS shows seconds or milliseconds, never finer.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

#[derive(
    Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Timestamp = Timestamp(0);

    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(millis)
    }

    /// Saturates: a timestamp on the wire may name a year that milliseconds cannot hold.
    pub const fn from_secs(seconds: i64) -> Timestamp {
        Timestamp(seconds.saturating_mul(1000))
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time since `earlier`, or zero if `earlier` is in fact later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// `2026-11-21T22:50:53Z`, with milliseconds only where there are some.
    pub fn to_iso8601(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        if self.0.rem_euclid(1000) == 0 {
            moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        } else {
            moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
        }
    }

    /// `Sat, 21 Nov 2026 22:50:53 GMT`, the date of HTTP headers.
    pub fn to_http_date(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        if self.0.rem_euclid(1000) == 0 {
            moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
        } else {
            moment.strftime("%a, %d %b %Y %H:%M:%S.%3f GMT").to_string()
        }
    }

    /// `20261121T225053Z`, the date of signatures.
    pub fn to_basic_iso8601(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        moment.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Reads RFC 3339, with any offset and any number of fractional digits (finer than a millisecond is cut).
    pub fn parse_iso8601(text: &str) -> Option<Timestamp> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Timestamp(moment.as_millisecond()))
    }

    /// Reads the date of HTTP headers, with or without a fraction of a second.
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let civil = text.strip_suffix(" GMT").or_else(|| text.strip_suffix(" UTC"))?;
        let date = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S%.f", civil).ok()?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp(zoned.timestamp().as_millisecond()))
    }

    /// Reads the date of signatures, `20261121T225053Z`.
    pub fn parse_basic_iso8601(text: &str) -> Option<Timestamp> {
        if text.len() != 16 || !text.ends_with('Z') {
            return None;
        }
        let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", &text[..15]).ok()?;
        let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp(zoned.timestamp().as_millisecond()))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_iso8601())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_back() {
        for millis in [0, 1_763_765_453_000, 1_763_765_453_123, 951_782_400_000] {
            let moment = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::parse_iso8601(&moment.to_iso8601()), Some(moment));
            assert_eq!(Timestamp::parse_http_date(&moment.to_http_date()), Some(moment));
            let second = Timestamp::from_secs(moment.as_secs());
            assert_eq!(Timestamp::parse_basic_iso8601(&second.to_basic_iso8601()), Some(second));
        }
        assert_eq!(Timestamp::from_secs(1_763_765_453).to_iso8601(), "2025-11-21T22:50:53Z");
        assert_eq!(Timestamp::from_secs(1_763_765_453).to_http_date(), "Fri, 21 Nov 2025 22:50:53 GMT");
    }

    #[test]
    fn nonsense_is_no_time_and_extremes_do_not_panic() {
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "20261121T225053"] {
            assert_eq!(Timestamp::parse_iso8601(bad), None, "{bad}");
            assert_eq!(Timestamp::parse_basic_iso8601(bad), None, "{bad}");
        }
        for extreme in [i64::MIN, i64::MAX] {
            assert!(!Timestamp::from_secs(extreme).to_iso8601().is_empty());
        }
    }
}
