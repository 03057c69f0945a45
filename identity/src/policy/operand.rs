//! The typed values of conditions: numbers, dates, Booleans, bytes and address ranges.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Integers and decimals; AWS does not say how large.
pub(super) fn number(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let number: f64 = text.chars().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

pub(super) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Milliseconds since 1970 of a date of the W3C profile of ISO 8601 (`2020-04`, `2020-04-01`,
/// `2020-04-01T12:00Z`, `2020-04-01T12:00:00.5+02:00`) or of a number of seconds. Without a zone it is UTC.
pub(super) fn date(text: &str) -> Option<i64> {
    if !text.contains(['-', 'T', 't']) {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let seconds: i64 = digits(seconds, 1..=18)?;
        return seconds.checked_mul(1000)?.checked_add(millis(fraction)?);
    }
    let (day, time) = match text.split_once(['T', 't']) {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4..=4)?;
    let month = parts.next().map_or(Some(1), |part| digits(part, 1..=2))?;
    let day = parts.next().map_or(Some(1), |part| digits(part, 1..=2))?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400_000;
    Some(midnight + time.map_or(Some(0), time_of_day)?)
}

/// Milliseconds since midnight UTC, which may be negative where the zone is east.
fn time_of_day(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let zone = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (clock, zone) = text.split_at(zone);
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 1..=2)?;
    let minute = parts.next().map_or(Some(0), |part| digits(part, 1..=2))?;
    let (second, fraction) =
        parts.next().map(|part| part.split_once('.').unwrap_or((part, "0"))).unwrap_or(("0", "0"));
    let second = digits(second, 1..=2)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let offset = match zone {
        "" | "Z" | "z" => 0,
        zone => {
            let (hours, minutes) = match zone[1..].split_once(':') {
                Some(parts) => parts,
                None => zone[1..].split_at_checked(2)?,
            };
            let minutes = if minutes.is_empty() { 0 } else { digits(minutes, 2..=2)? };
            let offset = digits(hours, 2..=2)? * 60 + minutes;
            if zone.starts_with('-') { -offset } else { offset }
        }
    };
    Some(((hour * 60 + minute - offset) * 60 + second) * 1000 + millis(fraction)?)
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let plain = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// The first three digits of a fraction of a second.
fn millis(fraction: &str) -> Option<i64> {
    digits(fraction, 1..=9)?;
    let mut millis = 0;
    for place in 0..3 {
        millis = millis * 10 + fraction.as_bytes().get(place).map_or(0, |digit| i64::from(digit - b'0'));
    }
    Some(millis)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar; years start in March, so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// `203.0.113.0/24`, `2001:db8::/32`; without a length the range is one address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    network: IpAddr,
    length: u32,
}

impl Range {
    pub(super) fn parse(text: &str) -> Option<Range> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(digits(length, 1..=3)?)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().ok()?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(longest), |length| u32::try_from(length).ok())?;
        (length <= longest).then_some(Range { network, length })
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let differ = match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                u128::from(u32::from(network) ^ u32::from(address)) << 96
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => u128::from(network) ^ u128::from(address),
            _ => return false,
        };
        differ.leading_zeros() >= self.length
    }
}

/// An IPv4 address that a socket shows as IPv6 is an IPv4 address.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}
