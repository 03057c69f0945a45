//! Numbers: what is read, printed, refused, and computed.

use fogbank_item::{Number, NumberError};

use crate::support::number;

#[test]
fn a_number_is_printed_without_zeros_signs_and_exponents_that_say_nothing() {
    for (given, printed) in [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        ("0E999", "0"),
        ("1", "1"),
        ("+1", "1"),
        ("-1.50", "-1.5"),
        ("007", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("12.30e-3", "0.0123"),
        ("1000000000000000000000000000000000000000", "1000000000000000000000000000000000000000"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
        ("1234567890123456789.0123456789012345678", "1234567890123456789.0123456789012345678"),
        ("100000000000000000000.5", "100000000000000000000.5"),
        ("1E30", "1000000000000000000000000000000"),
    ] {
        assert_eq!(number(given).to_string(), printed, "{given}");
        let mut written = String::new();
        number(given).write_to(&mut written);
        assert_eq!(written, printed, "{given}");
    }
}

#[test]
fn the_largest_and_smallest_numbers_fit() {
    let largest = "99999999999999999999999999999999999999E88";
    assert_eq!(number(largest).to_string().len(), 126);
    assert_eq!(number("1E-130").to_string().len(), 132);
    assert_eq!(number("-9.9999999999999999999999999999999999999E-130").to_string().len(), 170);
    for text in ["1E126", "-1E126", "10E125", "1E999999999999", "100000E121", "99E125"] {
        assert_eq!(Number::parse(text), Err(NumberError::Overflow), "{text}");
    }
    for text in ["1E-131", "0.1E-130", "-1E-9999999999", "0.00001E-126"] {
        assert_eq!(Number::parse(text), Err(NumberError::Underflow), "{text}");
    }
}

#[test]
fn more_than_38_digits_are_refused_unless_they_are_zeros() {
    assert_eq!(Number::parse("123456789012345678901234567890123456789"), Err(NumberError::TooPrecise));
    assert_eq!(Number::parse("1.00000000000000000000000000000000000001"), Err(NumberError::TooPrecise));
    assert_eq!(number("1.00000000000000000000000000000000000000").to_string(), "1");
    assert_eq!(number("12345678901234567890123456789012345678000").to_string().len(), 41);
    // The range is looked at first.
    assert_eq!(Number::parse("123456789012345678901234567890123456789E125"), Err(NumberError::Overflow));
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "a", "1a", "1 ", " 1", "--1", "1.2.3", "1e", "e5", "1e+", ".", "-", "+", "NaN", "Infinity", "0x1",
        "1_0",
    ] {
        assert_eq!(Number::parse(text), Err(NumberError::NotANumber(text.to_owned())), "{text}");
    }
    assert_eq!(
        Number::parse("").unwrap_err().to_string(),
        "The parameter cannot be converted to a numeric value"
    );
    assert_eq!(
        Number::parse("abc").unwrap_err().to_string(),
        "The parameter cannot be converted to a numeric value: abc"
    );
}

#[test]
fn sums_are_exact_or_refused() {
    for (one, other, sum) in [
        ("1", "2", "3"),
        ("0.1", "0.2", "0.3"),
        ("1", "-1", "0"),
        ("1E38", "-1", "99999999999999999999999999999999999999"),
        ("99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000"),
        ("5E125", "-5E125", "0"),
        ("-3", "1.5", "-1.5"),
        ("0", "-7", "-7"),
        ("1E100", "1E90", "10000000001E90"),
    ] {
        assert_eq!(number(one).add(&number(other)), Ok(number(sum)), "{one} + {other}");
        assert_eq!(number(other).add(&number(one)), Ok(number(sum)), "{other} + {one}");
    }
    for (one, other, error) in [
        ("1E38", "1", NumberError::TooPrecise),
        ("1E100", "1", NumberError::TooPrecise),
        ("1E125", "1E-130", NumberError::TooPrecise),
        ("99999999999999999999999999999999999999", "0.1", NumberError::TooPrecise),
        ("99999999999999999999999999999999999999", "2", NumberError::TooPrecise),
        ("9E125", "9E125", NumberError::Overflow),
        ("1.2E-130", "-1.1E-130", NumberError::Underflow),
    ] {
        assert_eq!(number(one).add(&number(other)), Err(error), "{one} + {other}");
    }
    assert_eq!(number("3").subtract(&number("5")), Ok(number("-2")));
}

#[test]
fn whole_numbers_are_told() {
    assert_eq!(number("1700000000").to_i64(), Some(1_700_000_000));
    assert_eq!(number("-9223372036854775808").to_i64(), Some(i64::MIN));
    assert_eq!(number("9223372036854775808").to_i64(), None);
    assert_eq!(number("1E5").to_i64(), Some(100_000));
    assert_eq!(number("1.5").to_i64(), None);
    assert_eq!(number("1E30").to_i64(), None);
    assert_eq!(Number::from(-25i64), number("-25"));
    assert_eq!(Number::from(u64::MAX), number("18446744073709551615"));
}
