//! The functions: conditional, of dates and of strings.

use std::borrow::Cow;

use super::{Evaluator, into_text};
use crate::error::{Code, SelectError};
use crate::sql::{Expr, Function, TrimSide};
use crate::value::{Pattern, SqlTimestamp, Value, equal};

impl<'e> Evaluator<'e> {
    pub(super) fn call(&self, function: Function, arguments: &'e [Expr]) -> Result<Value<'e>, SelectError> {
        match function {
            Function::Coalesce => return self.coalesce(arguments),
            Function::NullIf => return self.null_if(arguments),
            Function::UtcNow => return Ok(Value::Timestamp(self.now.clone())),
            _ => {}
        }
        // All others are unknown where an argument is.
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let value = self.value(argument)?;
            if value.is_unknown() {
                return Ok(Value::Null);
            }
            values.push(value);
        }
        known(function, values)
    }

    /// The first that is known; NULL if none is.
    fn coalesce(&self, arguments: &'e [Expr]) -> Result<Value<'e>, SelectError> {
        for argument in arguments {
            let value = self.value(argument)?;
            if !value.is_unknown() {
                return Ok(value);
            }
        }
        Ok(Value::Null)
    }

    fn null_if(&self, arguments: &'e [Expr]) -> Result<Value<'e>, SelectError> {
        let [one, other] = arguments else { return Err(Code::EvaluatorInvalidArguments.into()) };
        let (one, other) = (self.value(one)?, self.value(other)?);
        if one.is_unknown() || (!other.is_unknown() && equal(&one, &other)) {
            return Ok(Value::Null);
        }
        Ok(one)
    }
}

fn known<'v>(function: Function, values: Vec<Value<'v>>) -> Result<Value<'v>, SelectError> {
    let mut values = values.into_iter();
    let mut next = || values.next().ok_or_else(|| SelectError::new(Code::EvaluatorInvalidArguments));
    let first = next()?;
    Ok(match function {
        Function::CharLength => {
            let characters = text(first)?.chars().count();
            Value::Int(i64::try_from(characters).expect("a record is short"))
        }
        Function::Lower => Value::string(text(first)?.to_lowercase()),
        Function::Upper => Value::string(text(first)?.to_uppercase()),
        Function::Trim(side) => {
            let removed = next().ok().map(text).transpose()?;
            Value::String(trim(text(first)?, side, removed.as_deref().unwrap_or(" ")))
        }
        Function::Substring => {
            let start = int(next()?)?;
            let length = next().ok().map(int).transpose()?;
            Value::String(substring(text(first)?, start, length)?)
        }
        Function::DateAdd(part) => Value::Timestamp(timestamp(next()?)?.add(part, int(first)?)?),
        Function::DateDiff(part) => Value::Int(timestamp(first)?.until(part, &timestamp(next()?)?)?),
        Function::Extract(part) => Value::Int(timestamp(first)?.part(part)),
        Function::ToString => {
            let pattern = Pattern::parse(&text(next()?)?)?;
            Value::string(pattern.format(&timestamp(first)?))
        }
        Function::ToTimestamp => Value::Timestamp(match next() {
            Ok(pattern) => Pattern::parse(&text(pattern)?)?.read(&text(first)?)?,
            Err(_) => SqlTimestamp::parse(&text(first)?).ok_or(Code::ValueParseFailure)?,
        }),
        Function::Coalesce | Function::NullIf | Function::UtcNow => {
            unreachable!("these look at unknown arguments too")
        }
    })
}

fn text(value: Value<'_>) -> Result<Cow<'_, str>, SelectError> {
    into_text(value).ok_or_else(|| Code::IncorrectSqlFunctionArgumentType.into())
}

fn int(value: Value<'_>) -> Result<i64, SelectError> {
    match value {
        Value::Int(value) => Ok(value),
        _ => Err(Code::IncorrectSqlFunctionArgumentType.into()),
    }
}

fn timestamp(value: Value<'_>) -> Result<SqlTimestamp, SelectError> {
    match value {
        Value::Timestamp(value) => Ok(value),
        _ => Err(Code::IncorrectSqlFunctionArgumentType.into()),
    }
}

/// Characters count from 1. What lies before the first takes its share of the length, as in SQL-92.
fn substring(text: Cow<'_, str>, start: i64, length: Option<i64>) -> Result<Cow<'_, str>, SelectError> {
    if length.is_some_and(|length| length < 0) {
        return Err(Code::EvaluatorInvalidArguments.into());
    }
    let end = length.map_or(i64::MAX, |length| start.saturating_add(length));
    let skipped = usize::try_from(start.max(1) - 1).unwrap_or(usize::MAX);
    let taken = usize::try_from(end.saturating_sub(start.max(1))).unwrap_or(0);
    let byte_of = |text: &str, characters: usize| {
        text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte)
    };
    let first = byte_of(&text, skipped);
    let last = first + byte_of(&text[first..], taken);
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[first..last]),
        Cow::Owned(text) => Cow::Owned(text[first..last].to_owned()),
    })
}

fn trim<'t>(text: Cow<'t, str>, side: TrimSide, removed: &str) -> Cow<'t, str> {
    let cut = |text: &str| {
        let unwanted = |character: char| removed.contains(character);
        let start = match side {
            TrimSide::Trailing => 0,
            _ => text.len() - text.trim_start_matches(unwanted).len(),
        };
        let end = match side {
            TrimSide::Leading => text.len(),
            _ => start + text[start..].trim_end_matches(unwanted).len(),
        };
        start..end
    };
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[cut(text)]),
        Cow::Owned(text) => Cow::Owned(text[cut(&text)].to_owned()),
    }
}
