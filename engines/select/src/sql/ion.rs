//! Literals between backticks, which are scalars of Ion: `` `2010-01-01T` ``, `` `true` ``, `` `1.5` ``.

use crate::error::{Code, SelectError};
use crate::value::{SqlTimestamp, Value, parse_number};

pub(super) fn literal(text: &str) -> Result<Value<'static>, SelectError> {
    let text = text.trim();
    let scalar = match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ if text == "null" || text.starts_with("null.") => Some(Value::Null),
        _ => SqlTimestamp::parse(text)
            .map(Value::Timestamp)
            .or_else(|| number(text))
            .or_else(|| quoted(text))
            .or_else(|| symbol(text)),
    };
    scalar.ok_or_else(|| Code::LexerInvalidIONLiteral.into())
}

/// Ion writes the exponent of a decimal with a `d`.
fn number(text: &str) -> Option<Value<'static>> {
    if let Some(value) = parse_number(text) {
        return Some(value);
    }
    let (mantissa, exponent) = text.split_once(['d', 'D'])?;
    let cast = |value| crate::value::cast(value, crate::value::Type::Decimal).ok();
    parse_number(mantissa)?;
    cast(Value::string(format!("{mantissa}e{exponent}")))
}

/// A string in double quotes, or a symbol in single ones.
fn quoted(text: &str) -> Option<Value<'static>> {
    let double = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let single = || text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let inner = double.or_else(single)?;
    // Ion's escapes are more than JSON's; none of them is of use here.
    (!inner.contains(['\\', '"', '\''])).then(|| Value::string(inner))
}

/// A symbol compares like a string.
fn symbol(text: &str) -> Option<Value<'static>> {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_' || first == '$');
    let fits = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '$';
    (starts && text.chars().all(fits)).then(|| Value::string(text))
}
