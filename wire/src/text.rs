//! Scalars as text: what query parameters, headers, labels and XML elements hold.

use std::borrow::Cow;

use base::Timestamp;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use schema::{Malformed, TimestampFormat};

/// Reads base64 with or without its padding, and writes it with.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(crate) fn boolean(text: &str) -> Result<bool, Malformed> {
    match text.trim() {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        other => Err(Malformed(format!("{} must be 'true' or 'false'", quoted(other)))),
    }
}

pub(crate) fn integer(text: &str) -> Result<i64, Malformed> {
    text.trim().parse().map_err(|_| Malformed(format!("{} is not a valid integer", quoted(text))))
}

pub(crate) fn double(text: &str) -> Result<f64, Malformed> {
    match text.trim() {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        // Rust reads more than numbers here ("inf", "nan"), which AWS does not.
        number
            if number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) =>
        {
            number.parse().map_err(|_| not_a_number(text))
        }
        _ => Err(not_a_number(text)),
    }
}

fn not_a_number(text: &str) -> Malformed {
    Malformed(format!("{} is not a valid number", quoted(text)))
}

pub(crate) fn blob(text: &str) -> Result<Bytes, Malformed> {
    let decoded = BASE64.decode(text).or_else(|error| {
        // MIME's line breaks are rare enough to be looked for only when the text does not decode.
        let joined: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
        if joined.len() == text.len() { Err(error) } else { BASE64.decode(joined) }
    });
    decoded.map(Bytes::from).map_err(|_| Malformed("only base-64-encoded data is expected".to_owned()))
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads a timestamp in the format its place has, or in any of the others: AWS is lenient here.
pub(crate) fn timestamp(text: &str, format: TimestampFormat) -> Result<Timestamp, Malformed> {
    let text = text.trim();
    let named = match format {
        TimestampFormat::EpochSeconds => epoch_seconds(text),
        TimestampFormat::Iso8601 => Timestamp::parse_iso8601(text),
        TimestampFormat::HttpDate => Timestamp::parse_http_date(text),
    };
    named
        .or_else(|| Timestamp::parse_iso8601(text))
        .or_else(|| Timestamp::parse_http_date(text))
        .or_else(|| Timestamp::parse_basic_iso8601(text))
        .or_else(|| epoch_seconds(text))
        .ok_or_else(|| Malformed(format!("{} is not a valid timestamp", quoted(text))))
}

/// Exact for plain decimals; finer than a millisecond is cut.
fn epoch_seconds(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Ok(seconds) = whole.parse::<i64>()
        && digits(fraction)
    {
        let millis = fraction.bytes().take(3).chain(std::iter::repeat(b'0')).take(3);
        let millis = millis.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let signed = if whole.starts_with('-') { -millis } else { millis };
        return Some(Timestamp::from_millis(seconds.saturating_mul(1000).saturating_add(signed)));
    }
    let plain = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if plain { epoch_double(text.parse().ok()?) } else { None }
}

/// A timestamp from seconds with a fraction; nothing for what is no number.
pub(crate) fn epoch_double(seconds: f64) -> Option<Timestamp> {
    seconds.is_finite().then(|| Timestamp::from_millis((seconds * 1000.0).round() as i64))
}

pub(crate) fn format_timestamp(moment: Timestamp, format: TimestampFormat) -> String {
    match format {
        TimestampFormat::EpochSeconds => format_epoch(moment),
        TimestampFormat::Iso8601 => moment.to_iso8601(),
        // HTTP's date has no fraction.
        TimestampFormat::HttpDate => Timestamp::from_secs(moment.as_secs()).to_http_date(),
    }
}

/// Seconds, with milliseconds only where there are some.
pub(crate) fn format_epoch(moment: Timestamp) -> String {
    let millis = moment.as_millis();
    let sign = if millis < 0 { "-" } else { "" };
    let (whole, fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    match fraction {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{}", format!("{fraction:03}").trim_end_matches('0')),
    }
}

pub(crate) fn format_double(number: f64) -> Cow<'static, str> {
    special(number).map_or_else(|| Cow::Owned(format!("{number:?}")), Cow::Borrowed)
}

pub(crate) fn format_float(number: f32) -> Cow<'static, str> {
    special(f64::from(number)).map_or_else(|| Cow::Owned(format!("{number:?}")), Cow::Borrowed)
}

/// The names of the numbers that are none.
pub(crate) fn special(number: f64) -> Option<&'static str> {
    if number.is_nan() {
        Some("NaN")
    } else if number.is_infinite() {
        Some(if number > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// Text as a message shows it: quoted, and cut where it is long.
fn quoted(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 100;
    let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    format!("'{cut}'")
}

/// Undoes percent-encoding strictly: what is broken, or is no UTF-8, is nothing. `plus` tells whether a plus
/// sign is a space, which it is in forms and query strings but not in paths.
pub(crate) fn percent_decode(text: &str, plus: bool) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || (plus && byte == b'+')) {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const UNRESERVED_OR_SLASH: &percent_encoding::AsciiSet = &UNRESERVED.remove(b'/');

/// Encodes all but the unreserved characters, as signatures need it.
pub(crate) fn percent_encode(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, UNRESERVED)
}

/// The same, for a greedy label, whose slashes stay.
pub(crate) fn percent_encode_path(text: &str) -> percent_encoding::PercentEncode<'_> {
    percent_encoding::utf8_percent_encode(text, UNRESERVED_OR_SLASH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_seconds_are_exact_to_the_millisecond() {
        for (text, millis) in [
            ("1398796238", 1_398_796_238_000),
            ("1398796238.123", 1_398_796_238_123),
            ("1398796238.5", 1_398_796_238_500),
            ("-0.5", -500),
            ("-1.25", -1250),
            ("1.398796238123E9", 1_398_796_238_123),
        ] {
            let moment = timestamp(text, TimestampFormat::EpochSeconds).unwrap();
            assert_eq!(moment.as_millis(), millis, "{text}");
        }
        for bad in ["", "x", "1.2.3", "1e999", "NaN"] {
            assert!(timestamp(bad, TimestampFormat::EpochSeconds).is_err(), "{bad}");
        }
        assert_eq!(format_epoch(Timestamp::from_millis(1_500)), "1.5");
        assert_eq!(format_epoch(Timestamp::from_millis(-500)), "-0.5");
    }

    #[test]
    fn broken_percent_encoding_is_refused() {
        assert_eq!(percent_decode("a%20b+c", true).as_deref(), Some("a b c"));
        assert_eq!(percent_decode("a+c", false).as_deref(), Some("a+c"));
        for bad in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(bad, true), None, "{bad}");
        }
    }

    #[test]
    fn words_for_numbers_are_aws_ones() {
        assert!(double("NaN").unwrap().is_nan());
        assert_eq!(double("-Infinity").unwrap(), f64::NEG_INFINITY);
        for bad in ["nan", "inf", "infinity", "", "0x10"] {
            assert!(double(bad).is_err(), "{bad}");
        }
    }
}
