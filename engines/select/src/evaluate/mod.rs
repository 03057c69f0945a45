//! What an expression is worth in a row.
//!
//! NULL and MISSING are unknown, and so is nearly everything made of them; the logic has three values. Names and
//! types are as PartiQL has them: there is no conversion that is not asked for by CAST.

mod aggregate;
mod function;
mod path;

use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) use aggregate::Totals;
pub(crate) use path::rows;

use crate::bind::Binding;
use crate::error::SelectError;
use crate::input::CsvRecord;
use crate::sql::{Case, Comparison, Expr, LikePattern};
use crate::value::{Like, SqlTimestamp, Value, apply, cast, equal, negate, order};

#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'r> {
    Csv(&'r CsvRecord),
    Columns(&'r [Value<'static>]),
    /// As JSON; nothing where a path of FROM led nowhere.
    Value(Option<&'r str>),
}

/// What an expression is evaluated with.
#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'e> {
    pub bindings: &'e [Binding],
    pub row: Row<'e>,
    /// The results of the aggregates, at the end.
    pub totals: &'e [Value<'static>],
    pub now: &'e SqlTimestamp,
}

impl<'e> Evaluator<'e> {
    /// Whether a condition is true, rather than false or unknown.
    pub(crate) fn holds(&self, condition: &'e Expr) -> Result<bool, SelectError> {
        Ok(truth(&self.value(condition)?)? == Some(true))
    }

    pub(crate) fn value(&self, expr: &'e Expr) -> Result<Value<'e>, SelectError> {
        match expr {
            Expr::Literal(value) => Ok(value.borrowed()),
            Expr::Path(number) => path::find(self.row, &self.bindings[*number]),
            Expr::Aggregate(number) => Ok(self.totals.get(*number).map_or(Value::Null, Value::borrowed)),
            Expr::Not(inner) => Ok(from_truth(truth(&self.value(inner)?)?.map(|value| !value))),
            Expr::Negate(inner) => {
                let value = self.value(inner)?;
                if value.is_unknown() { Ok(Value::Null) } else { negate(&value) }
            }
            Expr::Arithmetic(operation, operands) => {
                self.known_pair(operands, |one, other| apply(*operation, one, other))
            }
            Expr::Concat(operands) => self.known_pair(operands, concat),
            Expr::Compare(comparison, operands) => {
                self.known_pair(operands, |one, other| compare(*comparison, one, other).map(Value::Bool))
            }
            Expr::And(parts) => self.chain(parts, false),
            Expr::Or(parts) => self.chain(parts, true),
            Expr::Between(operands) => self.between(operands),
            Expr::In(needle, list) => self.is_in(needle, list),
            Expr::Like(text, pattern) => self.like(text, pattern),
            Expr::Is(inner, kind) => Ok(Value::Bool(kind.describes(&self.value(inner)?))),
            Expr::Case(case) => self.case(case),
            Expr::Cast(inner, to) => cast(self.value(inner)?, *to),
            Expr::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    fn known_pair(
        &self,
        operands: &'e [Expr; 2],
        apply: impl Fn(&Value<'e>, &Value<'e>) -> Result<Value<'static>, SelectError>,
    ) -> Result<Value<'e>, SelectError> {
        let [one, other] = operands;
        let (one, other) = (self.value(one)?, self.value(other)?);
        if one.is_unknown() || other.is_unknown() { Ok(Value::Null) } else { apply(&one, &other) }
    }

    /// ANDs end with the first that is false, ORs with the first that is true; else what is unknown decides.
    fn chain(&self, parts: &'e [Expr], decisive: bool) -> Result<Value<'e>, SelectError> {
        let mut all_known = true;
        for part in parts {
            match truth(&self.value(part)?)? {
                Some(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Some(_) => {}
                None => all_known = false,
            }
        }
        Ok(from_truth(all_known.then_some(!decisive)))
    }

    fn between(&self, operands: &'e [Expr; 3]) -> Result<Value<'e>, SelectError> {
        let [value, low, high] = operands;
        let (value, low, high) = (self.value(value)?, self.value(low)?, self.value(high)?);
        let within = |comparison, bound: &Value<'_>| {
            let known = !value.is_unknown() && !bound.is_unknown();
            if known { compare(comparison, &value, bound).map(Some) } else { Ok(None) }
        };
        let above = within(Comparison::GreaterOrEqual, &low)?;
        let below = within(Comparison::LessOrEqual, &high)?;
        Ok(from_truth(match (above, below) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }))
    }

    fn is_in(&self, needle: &'e Expr, list: &'e [Expr]) -> Result<Value<'e>, SelectError> {
        let needle = self.value(needle)?;
        if needle.is_unknown() {
            return Ok(Value::Null);
        }
        let mut all_known = true;
        for candidate in list {
            let candidate = self.value(candidate)?;
            if candidate.is_unknown() {
                all_known = false;
            } else if equal(&needle, &candidate) {
                return Ok(Value::Bool(true));
            }
        }
        Ok(from_truth(all_known.then_some(false)))
    }

    fn like(&self, text: &'e Expr, pattern: &'e LikePattern) -> Result<Value<'e>, SelectError> {
        let text = self.value(text)?;
        let compiled;
        let like = match pattern {
            LikePattern::Fixed(like) => like,
            LikePattern::Evaluated(pattern, escape) => {
                let pattern = self.value(pattern)?;
                let escape = escape.as_ref().map(|escape| self.value(escape)).transpose()?;
                if pattern.is_unknown() || escape.as_ref().is_some_and(Value::is_unknown) {
                    return Ok(Value::Null);
                }
                let escape = escape.as_ref().map(like_input).transpose()?;
                compiled = Like::compile(like_input(&pattern)?, escape)?;
                &compiled
            }
        };
        if text.is_unknown() { Ok(Value::Null) } else { Ok(Value::Bool(like.matches(like_input(&text)?))) }
    }

    fn case(&self, case: &'e Case) -> Result<Value<'e>, SelectError> {
        let operand = case.operand.as_ref().map(|operand| self.value(operand)).transpose()?;
        for (when, then) in &case.whens {
            let chosen = match &operand {
                None => self.holds(when)?,
                Some(operand) => {
                    let candidate = self.value(when)?;
                    !operand.is_unknown() && !candidate.is_unknown() && equal(operand, &candidate)
                }
            };
            if chosen {
                return self.value(then);
            }
        }
        case.otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| self.value(otherwise))
    }
}

fn compare(comparison: Comparison, one: &Value<'_>, other: &Value<'_>) -> Result<bool, SelectError> {
    Ok(match comparison {
        Comparison::Equal => equal(one, other),
        Comparison::NotEqual => !equal(one, other),
        Comparison::Less => order(one, other)? == Ordering::Less,
        Comparison::LessOrEqual => order(one, other)? != Ordering::Greater,
        Comparison::Greater => order(one, other)? == Ordering::Greater,
        Comparison::GreaterOrEqual => order(one, other)? != Ordering::Less,
    })
}

fn concat(one: &Value<'_>, other: &Value<'_>) -> Result<Value<'static>, SelectError> {
    match (one, other) {
        (Value::String(one), Value::String(other)) => {
            if one.len() + other.len() > crate::limits::RECORD_BYTES_MAX {
                return Err(SelectError::record_too_long());
            }
            Ok(Value::string(format!("{one}{other}")))
        }
        _ => Err(SelectError::cannot_evaluate(format!("{} || {}", one.kind(), other.kind()))),
    }
}

fn like_input<'v>(value: &'v Value<'_>) -> Result<&'v str, SelectError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(crate::error::Code::LikeInvalidInputs.into()),
    }
}

/// `None` is unknown.
fn truth(value: &Value<'_>) -> Result<Option<bool>, SelectError> {
    match value {
        Value::Bool(value) => Ok(Some(*value)),
        _ if value.is_unknown() => Ok(None),
        _ => Err(SelectError::cannot_evaluate(format!("{} is neither true nor false", value.kind()))),
    }
}

fn from_truth(truth: Option<bool>) -> Value<'static> {
    truth.map_or(Value::Null, Value::Bool)
}

/// Text out of a value that lives as long as the row.
pub(super) fn into_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
