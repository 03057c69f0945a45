//! Sums and differences. They are exact or refused: DynamoDB rounds nothing.

use super::{DIGITS_MAX, Number, NumberError, digits, power_of_ten};

impl Number {
    /// `self + other`.
    pub fn add(&self, other: &Number) -> Result<Number, NumberError> {
        if self.is_zero() {
            return Ok(*other);
        }
        if other.is_zero() {
            return Ok(*self);
        }
        let (upper, lower) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        let shift = u32::from(upper.exponent.abs_diff(lower.exponent));
        // The last digit of the lower number stays the last digit of the result, so that a wide gap means too many
        // digits. One digit more than fits may still vanish by borrowing: 1E+38 - 1 is 38 nines.
        if digits(upper.coefficient()) + shift > DIGITS_MAX + 1 {
            return Err(NumberError::TooPrecise);
        }
        let raised = power(shift).and_then(|power| upper.coefficient().checked_mul(power));
        let Some(raised) = raised else { return Err(NumberError::TooPrecise) };
        let (negative, coefficient) = match upper.negative == lower.negative {
            true => match raised.checked_add(lower.coefficient()) {
                Some(sum) => (upper.negative, sum),
                None => return Err(NumberError::TooPrecise),
            },
            false if raised >= lower.coefficient() => (upper.negative, raised - lower.coefficient()),
            false => (lower.negative, lower.coefficient() - raised),
        };
        Number::new(negative, coefficient, i32::from(lower.exponent))
    }

    /// `self - other`.
    pub fn subtract(&self, other: &Number) -> Result<Number, NumberError> {
        self.add(&other.negated())
    }

    pub fn negated(&self) -> Number {
        Number { negative: !self.negative && !self.is_zero(), ..*self }
    }
}

fn power(exponent: u32) -> Option<u128> {
    (exponent <= DIGITS_MAX).then(|| power_of_ten(exponent))
}
