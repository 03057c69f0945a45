//! Numbers: 38 significant decimal digits exactly, from 1E-130 to 9.99…E+125, of both signs, and zero.
//!
//! No float is anywhere near. A number is a coefficient without trailing zeros and a power of ten, so equal numbers are
//! equal in memory: `1.0`, `1` and `10E-1` are one and the same, and DynamoDB prints all of them as `1`. What is printed
//! never has an exponent: `1E+30` comes back as a one and thirty zeros.
//! See "Supported data types and naming rules in Amazon DynamoDB", "Numbers".

mod arithmetic;
mod bytes;
mod text;

use std::cmp::Ordering;

/// More digits are refused.
pub const DIGITS_MAX: u32 = 38;
/// The place of the first digit, as a power of ten.
pub const MAGNITUDE_MAX: i32 = 125;
pub const MAGNITUDE_MIN: i32 = -130;

/// An exact decimal number.
// Two halves instead of a `u128`, which would align values and items to sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    high: u64,
    low: u64,
    /// The power of ten of the coefficient's last digit; zero for zero.
    exponent: i16,
    /// Never of zero.
    negative: bool,
}

/// Why there is no such number, in DynamoDB's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Empty text.
    #[error("The parameter cannot be converted to a numeric value")]
    Empty,
    #[error("The parameter cannot be converted to a numeric value: {0}")]
    NotANumber(String),
    #[error("Number overflow. Attempting to store a number with magnitude larger than supported range")]
    Overflow,
    #[error("Number underflow. Attempting to store a number with magnitude smaller than supported range")]
    Underflow,
    #[error("Attempting to store more than 38 significant digits in a Number")]
    TooPrecise,
}

impl Number {
    pub const ZERO: Number = Number { high: 0, low: 0, exponent: 0, negative: false };

    /// Of any coefficient and exponent: trailing zeros go, limits are held.
    pub fn new(negative: bool, coefficient: u128, exponent: i32) -> Result<Number, NumberError> {
        if coefficient == 0 {
            return Ok(Number::ZERO);
        }
        let (coefficient, exponent) = without_trailing_zeros(coefficient, exponent);
        let digits = digits(coefficient);
        let magnitude = exponent.saturating_add(digits as i32 - 1);
        if magnitude > MAGNITUDE_MAX {
            return Err(NumberError::Overflow);
        }
        if magnitude < MAGNITUDE_MIN {
            return Err(NumberError::Underflow);
        }
        if digits > DIGITS_MAX {
            return Err(NumberError::TooPrecise);
        }
        Ok(Number::of_parts(negative, coefficient, exponent))
    }

    /// Of parts that hold the invariants.
    fn of_parts(negative: bool, coefficient: u128, exponent: i32) -> Number {
        Number {
            high: (coefficient >> 64) as u64,
            low: coefficient as u64,
            exponent: i16::try_from(exponent).expect("exponents are between -167 and 125"),
            negative,
        }
    }

    pub fn is_zero(&self) -> bool {
        self.high == 0 && self.low == 0
    }

    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// As a whole number, where it is one that fits: for capacities, times to live, counts.
    pub fn to_i64(&self) -> Option<i64> {
        let exponent = u32::try_from(self.exponent).ok()?;
        let power = 10u64.checked_pow(exponent)?;
        let size = i128::from(u64::try_from(self.coefficient()).ok()?.checked_mul(power)?);
        i64::try_from(if self.negative { -size } else { size }).ok()
    }

    /// How many significant digits there are; zero has none.
    pub fn digits(&self) -> u32 {
        if self.is_zero() { 0 } else { digits(self.coefficient()) }
    }

    /// The power of ten of the first digit.
    pub fn magnitude(&self) -> i32 {
        i32::from(self.exponent) + self.digits().saturating_sub(1) as i32
    }

    fn coefficient(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }

    fn compare_sizes(&self, other: &Number) -> Ordering {
        let aligned = |number: &Number| number.coefficient() * power_of_ten(DIGITS_MAX - number.digits());
        self.magnitude().cmp(&other.magnitude()).then_with(|| aligned(self).cmp(&aligned(other)))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let sign = |number: &Number| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (one, two) = (sign(self), sign(other));
        one.cmp(&two).then_with(|| match one {
            0 => Ordering::Equal,
            1 => self.compare_sizes(other),
            _ => other.compare_sizes(self),
        })
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number::new(value < 0, u128::from(value.unsigned_abs()), 0)
            .expect("nineteen digits are within the limits")
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Number {
        Number::new(false, u128::from(value), 0).expect("twenty digits are within the limits")
    }
}

/// Up to 38, which is what fits.
fn power_of_ten(exponent: u32) -> u128 {
    10u128.pow(exponent)
}

fn digits(coefficient: u128) -> u32 {
    coefficient.checked_ilog10().map_or(1, |log| log + 1)
}

fn without_trailing_zeros(mut coefficient: u128, mut exponent: i32) -> (u128, i32) {
    // Narrow division is several times faster, and most numbers are narrow.
    if let Ok(mut narrow) = u64::try_from(coefficient) {
        while narrow.is_multiple_of(10) {
            narrow /= 10;
            exponent += 1;
        }
        return (u128::from(narrow), exponent);
    }
    while coefficient.is_multiple_of(10) {
        coefficient /= 10;
        exponent += 1;
    }
    (coefficient, exponent)
}
