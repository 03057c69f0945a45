//! Which bytes of an object a request asks for: by `Range`, or by the number of a part.
//!
//! Surprising, and so at AWS: a header with several ranges, or one that cannot be understood, is as if it were not
//! there, so that the whole object is the answer; a part's number gives a partial answer even where the object has a
//! single part. Reference: "GetObject" of the S3 API reference.

use std::ops::Range;

use crate::error::{Error, INVALID_PART_NUMBER, INVALID_RANGE, INVALID_REQUEST};
use crate::records::{ObjectRecord, PartSummary};

/// What is to be answered of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub range: Range<u64>,
    /// The answer is a 206 that says which bytes it has.
    pub is_partial: bool,
    /// The part that was asked for by its number.
    pub part: Option<u16>,
}

impl Wanted {
    pub fn whole(size: u64) -> Wanted {
        Wanted { range: 0..size, is_partial: false, part: None }
    }

    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// `Content-Range`, of a partial answer that has bytes.
    pub fn content_range(&self, size: u64) -> Option<String> {
        let last = self.range.end.checked_sub(1).filter(|last| *last >= self.range.start)?;
        self.is_partial.then(|| format!("bytes {}-{last}/{size}", self.range.start))
    }
}

/// What a request means, given the object.
pub fn wanted(object: &ObjectRecord, range: Option<&str>, part: Option<i32>) -> Result<Wanted, Error> {
    match (range, part) {
        (Some(_), Some(_)) => Err(Error::worded(
            &INVALID_REQUEST,
            "Cannot specify both Range header and partNumber query parameter",
        )),
        (Some(header), None) => of_header(header, object.size),
        (None, Some(number)) => of_part(number, object.size, &object.parts),
        (None, None) => Ok(Wanted::whole(object.size)),
    }
}

fn of_header(header: &str, size: u64) -> Result<Wanted, Error> {
    let unsatisfiable = || {
        let error = Error::new(&INVALID_RANGE).with("RangeRequested", header);
        error.with("ActualObjectSize", size.to_string())
    };
    let partial = |range| Ok(Wanted { range, is_partial: true, part: None });
    match parse(header) {
        None => Ok(Wanted::whole(size)),
        Some(Asked::Last(bytes)) if bytes == 0 || size == 0 => Err(unsatisfiable()),
        Some(Asked::Last(bytes)) => partial(size.saturating_sub(bytes)..size),
        Some(Asked::From(start) | Asked::Between(start, _)) if start >= size => Err(unsatisfiable()),
        Some(Asked::From(start)) => partial(start..size),
        Some(Asked::Between(start, last)) => partial(start..size.min(last.saturating_add(1))),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

/// One range of bytes; nothing for anything else.
fn parse(header: &str) -> Option<Asked> {
    let (unit, range) = header.trim().split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => number(last).map(Asked::Last),
        (false, true) => number(first).map(Asked::From),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Asked::Between(first, last))
        }
    }
}

/// Digits alone; more of them than any object has bytes mean the end of all.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn of_part(number: i32, size: u64, parts: &[PartSummary]) -> Result<Wanted, Error> {
    let Some(number) = u16::try_from(number).ok().filter(|number| (1..=10_000).contains(number)) else {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(Error::argument(message, "partNumber", &number.to_string()));
    };
    let part = Some(number);
    if parts.is_empty() && number == 1 {
        return Ok(Wanted { range: 0..size, is_partial: true, part });
    }
    let mut start = 0;
    for summary in parts {
        if summary.number == number {
            return Ok(Wanted { range: start..start + summary.size, is_partial: true, part });
        }
        start += summary.size;
    }
    let error = Error::new(&INVALID_PART_NUMBER).with("PartNumberRequested", number.to_string());
    Err(error.with("ActualPartCount", parts.len().max(1).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(header: &str, size: u64) -> Result<(u64, u64, bool), ()> {
        let wanted = of_header(header, size).map_err(|error| assert!(error.is(&INVALID_RANGE)))?;
        Ok((wanted.range.start, wanted.range.end, wanted.is_partial))
    }

    #[test]
    fn one_range_is_answered_and_anything_else_is_not_heard() {
        for (header, answer) in [
            ("bytes=0-9", Ok((0, 10, true))),
            ("bytes=0-0", Ok((0, 1, true))),
            ("bytes=99-99", Ok((99, 100, true))),
            ("bytes=90-", Ok((90, 100, true))),
            ("bytes=0-", Ok((0, 100, true))),
            ("bytes=90-1000", Ok((90, 100, true))),
            ("bytes=0-99999999999999999999999", Ok((0, 100, true))),
            ("bytes=-10", Ok((90, 100, true))),
            ("bytes=-1000", Ok((0, 100, true))),
            (" Bytes=1-2 ", Ok((1, 3, true))),
            ("bytes=100-", Err(())),
            ("bytes=100-200", Err(())),
            ("bytes=99999999999999999999999-", Err(())),
            ("bytes=-0", Err(())),
            ("bytes=5-2", Ok((0, 100, false))),
            ("bytes=0-1,3-4", Ok((0, 100, false))),
            ("bytes=-", Ok((0, 100, false))),
            ("bytes=a-b", Ok((0, 100, false))),
            ("bytes=+1-2", Ok((0, 100, false))),
            ("bytes", Ok((0, 100, false))),
            ("lines=0-1", Ok((0, 100, false))),
            ("", Ok((0, 100, false))),
        ] {
            assert_eq!(bytes(header, 100), answer, "{header:?}");
        }
        assert_eq!(bytes("bytes=0-", 0), Err(()));
        assert_eq!(bytes("bytes=-1", 0), Err(()));
        assert_eq!(bytes("nothing", 0), Ok((0, 0, false)));
    }

    #[test]
    fn a_partial_answer_says_which_bytes_it_has() {
        let wanted = of_header("bytes=3-5", 10).unwrap();
        assert_eq!(wanted.content_range(10).as_deref(), Some("bytes 3-5/10"));
        assert_eq!(Wanted::whole(10).content_range(10), None);
        assert_eq!(of_part(1, 0, &[]).unwrap().content_range(0), None);
    }

    #[test]
    fn parts_are_found_by_their_numbers() {
        let part = |number, size| PartSummary { number, size, checksum: None };
        let parts = [part(2, 10), part(3, 10), part(7, 5)];
        let range = |number| of_part(number, 25, &parts).map(|wanted| wanted.range);
        assert_eq!(range(2).unwrap(), 0..10);
        assert_eq!(range(7).unwrap(), 20..25);
        assert!(range(1).unwrap_err().is(&INVALID_PART_NUMBER));
        assert!(range(0).is_err() && range(10_001).is_err() && range(-1).is_err());
        assert_eq!(of_part(1, 25, &[]).unwrap().range, 0..25);
        assert!(of_part(2, 25, &[]).unwrap_err().is(&INVALID_PART_NUMBER));
    }

    proptest! {
        #[test]
        fn what_is_answered_is_within_the_object(header in "bytes=[0-9]{0,4}-[0-9]{0,4}|.{0,12}", size in 0u64..5000) {
            if let Ok(wanted) = of_header(&header, size) {
                prop_assert!(wanted.range.start <= wanted.range.end && wanted.range.end <= size);
                prop_assert!(!wanted.is_partial || wanted.length() > 0);
            }
        }
    }
}
