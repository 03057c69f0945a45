//! Decimals of up to 38 digits. Results with more are rounded.

use std::cmp::Ordering;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, FromPrimitive, RoundingMode, Signed, ToPrimitive, Zero};

use crate::error::{Code, SelectError};
use crate::limits::{DECIMAL_DIGITS_MAX, DECIMAL_EXPONENT_MAX};

#[derive(Debug, Clone)]
pub(crate) struct Decimal(BigDecimal);

impl Decimal {
    /// Of a number that [`super::parse_number`] found well formed and short.
    pub(super) fn parse(text: &str) -> Option<Decimal> {
        Decimal::rounded(BigDecimal::from_str(text).ok()?).ok()
    }

    /// `None` if it is no number.
    pub(super) fn from_float(value: f64) -> Option<Decimal> {
        // By its shortest text: 0.1 is meant as a tenth.
        Decimal::parse(&format!("{value:e}"))
    }

    /// A number given as an integer, and how many of its digits stand after the point.
    pub(crate) fn from_scaled(unscaled: BigInt, scale: i64) -> Option<Decimal> {
        Decimal::rounded(BigDecimal::new(unscaled, scale)).ok()
    }

    /// The same, of the bytes of a two's complement integer, most significant first.
    pub(crate) fn from_scaled_bytes(unscaled: &[u8], scale: i64) -> Option<Decimal> {
        Decimal::from_scaled(BigInt::from_signed_bytes_be(unscaled), scale)
    }

    fn rounded(value: BigDecimal) -> Result<Decimal, SelectError> {
        let precision = NonZeroU64::new(DECIMAL_DIGITS_MAX).expect("38 is not zero");
        let value = match value.digits() > DECIMAL_DIGITS_MAX {
            true => value.with_precision_round(precision, RoundingMode::HalfEven).normalized(),
            false => value,
        };
        if value.is_zero() {
            // Nought with any exponent is nought, but keeps up to 38 noughts after the point.
            let scale = value.fractional_digit_count().clamp(0, DECIMAL_DIGITS_MAX as i64);
            return Ok(Decimal(value.with_scale(scale)));
        }
        let (_, scale) = value.as_bigint_and_exponent();
        if scale.abs() > DECIMAL_EXPONENT_MAX {
            return Err(Code::NumberFormatError.into());
        }
        Ok(Decimal(value))
    }

    pub(super) fn add(&self, other: &Decimal) -> Result<Decimal, SelectError> {
        Decimal::rounded(&self.0 + &other.0)
    }

    pub(super) fn subtract(&self, other: &Decimal) -> Result<Decimal, SelectError> {
        Decimal::rounded(&self.0 - &other.0)
    }

    pub(super) fn multiply(&self, other: &Decimal) -> Result<Decimal, SelectError> {
        Decimal::rounded(&self.0 * &other.0)
    }

    /// Not by nought, which is the caller's to see.
    pub(super) fn divide(&self, other: &Decimal) -> Result<Decimal, SelectError> {
        Decimal::rounded((&self.0 / &other.0).normalized())
    }

    pub(super) fn remainder(&self, other: &Decimal) -> Result<Decimal, SelectError> {
        Decimal::rounded(&self.0 % &other.0)
    }

    pub(super) fn negate(&self) -> Decimal {
        Decimal(-&self.0)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    pub(super) fn to_float(&self) -> f64 {
        self.0.to_f64().unwrap_or(if self.0.is_negative() { f64::NEG_INFINITY } else { f64::INFINITY })
    }

    /// Cut after the point.
    pub(super) fn to_int(&self) -> Option<i64> {
        self.0.with_scale_round(0, RoundingMode::Down).to_i64()
    }
}

impl From<i64> for Decimal {
    fn from(value: i64) -> Decimal {
        Decimal(BigDecimal::from_i64(value).expect("any integer is a decimal"))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.0 == other.0
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.0.cmp(&other.0))
    }
}

/// Written out, without an exponent.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}
