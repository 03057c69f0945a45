//! Numbers as bytes: in the order of their values for keys, and compact for items.
//!
//! In keys a number is a byte for its sign, one for its magnitude, its digits in pairs, and an end: comparing bytes is
//! comparing numbers, and nothing has to be known of the length. In items it is a head of two bytes (sign, exponent,
//! width) and the coefficient in as many bytes as it needs.

use super::{DIGITS_MAX, MAGNITUDE_MIN, Number, digits, power_of_ten, without_trailing_zeros};
use crate::error::Damaged;

const NEGATIVE: u8 = 1;
const ZERO: u8 = 2;
const POSITIVE: u8 = 3;

/// Pairs of digits are kept one higher, so that the end of a number sorts before all of them.
const END: u8 = 0;

/// The exponent is kept as a number that is not negative.
const EXPONENT_BIAS: i32 = 200;

impl Number {
    /// Appends at most 22 bytes, whose order is the order of the numbers.
    pub fn write_ordered(&self, out: &mut Vec<u8>) {
        if self.is_zero() {
            return out.push(ZERO);
        }
        let flip = if self.negative { 0xff } else { 0 };
        out.push(if self.negative { NEGATIVE } else { POSITIVE });
        let magnitude = u8::try_from(self.magnitude() - MAGNITUDE_MIN).expect("there are 256 magnitudes");
        out.push(magnitude ^ flip);
        // All pairs, the first digit in front of the first pair; zeros at the end are no pairs.
        let mut left = self.coefficient() * power_of_ten(DIGITS_MAX - self.digits());
        let mut unit = power_of_ten(DIGITS_MAX - 2);
        while left > 0 {
            out.push(((left / unit) as u8 + 1) ^ flip);
            left %= unit;
            unit = (unit / 100).max(1);
        }
        out.push(END ^ flip);
    }

    /// Reads what `write_ordered` wrote, and what lies behind it.
    pub fn read_ordered(bytes: &[u8]) -> Result<(Number, &[u8]), Damaged> {
        let (sign, rest) = bytes.split_first().ok_or(Damaged)?;
        let flip = match *sign {
            ZERO => return Ok((Number::ZERO, rest)),
            POSITIVE => 0,
            NEGATIVE => 0xff,
            _ => return Err(Damaged),
        };
        let (magnitude, rest) = rest.split_first().ok_or(Damaged)?;
        let magnitude = i32::from(magnitude ^ flip) + MAGNITUDE_MIN;
        let end = memchr::memchr(END ^ flip, rest).ok_or(Damaged)?;
        if end == 0 || end > DIGITS_MAX as usize / 2 {
            return Err(Damaged);
        }
        let mut coefficient = 0u128;
        for pair in &rest[..end] {
            let pair = (pair ^ flip).checked_sub(1).filter(|pair| *pair < 100).ok_or(Damaged)?;
            coefficient = coefficient * 100 + u128::from(pair);
        }
        // The first pair has two digits, or the magnitude would be another one.
        let exponent = magnitude + 1 - 2 * end as i32;
        if digits(coefficient) != 2 * end as u32 {
            return Err(Damaged);
        }
        let (coefficient, exponent) = without_trailing_zeros(coefficient, exponent);
        Ok((Number::of_parts(flip != 0, coefficient, exponent), &rest[end + 1..]))
    }

    /// Appends two bytes and as many as the coefficient needs.
    pub fn write_compact(&self, out: &mut Vec<u8>) {
        let coefficient = self.coefficient();
        let width = 16 - coefficient.leading_zeros() / 8;
        let exponent = (i32::from(self.exponent) + EXPONENT_BIAS) as u16;
        let head = exponent << 6 | (width as u16) << 1 | u16::from(self.negative);
        out.extend_from_slice(&head.to_be_bytes());
        out.extend_from_slice(&coefficient.to_le_bytes()[..width as usize]);
    }

    /// Reads what `write_compact` wrote, and what lies behind it.
    pub fn read_compact(bytes: &[u8]) -> Result<(Number, &[u8]), Damaged> {
        let (head, rest) = bytes.split_first_chunk::<2>().ok_or(Damaged)?;
        let head = u16::from_be_bytes(*head);
        let width = usize::from(head >> 1 & 0x1f);
        let mut coefficient = [0; 16];
        let kept = coefficient.get_mut(..width).ok_or(Damaged)?;
        let (bytes, rest) = rest.split_at_checked(width).ok_or(Damaged)?;
        kept.copy_from_slice(bytes);
        let number = Number::new(
            head & 1 == 1,
            u128::from_le_bytes(coefficient),
            i32::from(head >> 6) - EXPONENT_BIAS,
        );
        Ok((number.map_err(|_| Damaged)?, rest))
    }
}
