//! Durations as people write them: `90s`, `15m`, `12h`, `30d`, `2w`, and sums such as `1d12h`.

use std::time::Duration;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no duration: write a number and one of ms, s, m, h, d, w, such as 90s, 30d or 1d12h")]
pub struct DurationError(String);

pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError(text.to_owned());
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fail)?;
        let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let millis_each: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(fail()),
        };
        rest = &rest[letters..];
        let part = Duration::from_millis(number.checked_mul(millis_each).ok_or_else(fail)?);
        total = total.checked_add(part).ok_or_else(fail)?;
    }
    if text.is_empty() { Err(fail()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse_duration("1d12h"), Ok(Duration::from_secs(36 * 3600)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "30", "d", "-1s", "1y", "99999999999999999999d", "18446744073709551615w"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
