//! Numbers as text: what DynamoDB reads, and how it prints.

use std::fmt;
use std::str::FromStr;

use super::{DIGITS_MAX, Number, NumberError};

/// Exponents beyond are the same to us: far outside of every limit, whatever the digits say.
const EXPONENT_CEILING: i64 = 1_000_000_000_000;

const HALF_DIGITS: u32 = 19;
const HALF: u128 = 10u128.pow(HALF_DIGITS);

/// The longest text of a number: a sign, a zero, a point, and 167 places.
const TEXT_BYTES_MAX: usize = 170;

impl Number {
    /// Signs, a point and an exponent are read; spaces, names of infinities and other digits than ASCII's are not.
    pub fn parse(text: &str) -> Result<Number, NumberError> {
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        read(text.as_bytes()).unwrap_or_else(|| Err(NumberError::NotANumber(text.to_owned())))
    }
}

/// `None` for what is no number at all.
fn read(text: &[u8]) -> Option<Result<Number, NumberError>> {
    let (negative, text) = sign(text);
    let mut scan = Scan::default();
    let mut point = false;
    let mut rest = text;
    let mut exponent = 0i64;
    while let [first, tail @ ..] = rest {
        match first {
            b'0'..=b'9' => scan.digit(first - b'0', point),
            b'.' if !point => point = true,
            b'e' | b'E' => {
                exponent = read_exponent(tail)?;
                break;
            }
            _ => return None,
        }
        rest = tail;
    }
    if !scan.any {
        return None;
    }
    Some(scan.number(negative, exponent))
}

fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        exponent = (exponent * 10 + i64::from(digit - b'0')).min(EXPONENT_CEILING);
    }
    Some(if negative { -exponent } else { exponent })
}

/// The digits as they come. Zeros wait until a digit follows, so that trailing ones never count.
#[derive(Default)]
struct Scan {
    any: bool,
    coefficient: u128,
    significant: u32,
    /// Zeros that were seen behind the last other digit.
    zeros: u32,
    /// How many places behind the point were seen, all of them.
    places: i64,
    too_precise: bool,
}

impl Scan {
    fn digit(&mut self, digit: u8, behind_point: bool) {
        self.any = true;
        self.places += i64::from(behind_point);
        if digit == 0 {
            // Leading zeros count for nothing.
            self.zeros += u32::from(self.significant > 0);
            return;
        }
        let width = self.zeros.saturating_add(1);
        if self.significant.saturating_add(width) > DIGITS_MAX {
            // What follows matters for the range only.
            self.too_precise = true;
            self.zeros = width;
            return;
        }
        self.coefficient = if width == 1 && self.significant < 18 {
            u128::from(self.coefficient as u64 * 10 + u64::from(digit))
        } else {
            self.coefficient * 10u128.pow(width) + u128::from(digit)
        };
        self.significant += width;
        self.zeros = 0;
    }

    fn number(self, negative: bool, exponent: i64) -> Result<Number, NumberError> {
        let last = exponent + i64::from(self.zeros) - self.places;
        let last = last.clamp(-EXPONENT_CEILING / 1000, EXPONENT_CEILING / 1000) as i32;
        // The range is looked at before the digits are counted.
        let number = Number::new(negative, self.coefficient, last)?;
        if self.too_precise { Err(NumberError::TooPrecise) } else { Ok(number) }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Number, NumberError> {
        Number::parse(text)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text { bytes: [b'0'; TEXT_BYTES_MAX], from: TEXT_BYTES_MAX };
        text.number(self);
        f.write_str(text.as_str())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Number {
    /// Appends what `Display` shows, without the detour over a formatter.
    pub fn write_to(&self, out: &mut String) {
        let mut text = Text { bytes: [b'0'; TEXT_BYTES_MAX], from: TEXT_BYTES_MAX };
        text.number(self);
        out.push_str(text.as_str());
    }
}

/// Filled from its end; what was not written yet are zeros.
struct Text {
    bytes: [u8; TEXT_BYTES_MAX],
    from: usize,
}

impl Text {
    fn number(&mut self, number: &Number) {
        let places = usize::from(number.exponent.min(0).unsigned_abs());
        // Trailing zeros of a whole number stand there already.
        self.from -= usize::from(number.exponent.max(0).unsigned_abs());
        let behind_point = self.from - places;
        self.digits(number.coefficient(), behind_point, places > 0);
        if number.negative {
            self.push(b'-');
        }
    }

    /// Writes digits to the left; the point goes where `point_at` is reached.
    fn digits(&mut self, coefficient: u128, point_at: usize, has_point: bool) {
        let mut point = has_point;
        // In halves that fit 64 bits, since dividing wide numbers is slow.
        let (upper, mut lower) = ((coefficient / HALF) as u64, (coefficient % HALF) as u64);
        if upper > 0 {
            for _ in 0..HALF_DIGITS {
                self.digit((lower % 10) as u8, &mut point, point_at);
                lower /= 10;
            }
            lower = upper;
        }
        while lower > 0 {
            self.digit((lower % 10) as u8, &mut point, point_at);
            lower /= 10;
        }
        if point {
            // Zeros between the point and the first digit stand there already.
            self.from = point_at;
            self.push(b'.');
            self.push(b'0');
        } else if self.from == TEXT_BYTES_MAX {
            self.push(b'0');
        }
    }

    fn digit(&mut self, digit: u8, point: &mut bool, point_at: usize) {
        if *point && self.from == point_at {
            self.push(b'.');
            *point = false;
        }
        self.push(b'0' + digit);
    }

    fn push(&mut self, byte: u8) {
        self.from -= 1;
        self.bytes[self.from] = byte;
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.from..]).expect("digits, a point and a sign are ASCII")
    }
}
