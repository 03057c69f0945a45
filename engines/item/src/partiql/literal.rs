//! Values that stand in statements: `'text'`, `1e3`, `{'name': value}`, `[…]` lists, `<<…>>` sets.

use std::collections::{BTreeMap, BTreeSet};

use super::error::unsupported;
use super::lexer::Span;
use super::tree::{Node, Term};
use crate::error::ExpressionError;
use crate::value::{Value, ValueType};

/// The value of an expression in which no attribute is asked for.
pub(super) fn value(node: &Node) -> Result<Value, ExpressionError> {
    match &node.term {
        Term::Literal(value) => Ok(value.clone()),
        Term::List(nodes) => nodes.iter().map(value).collect::<Result<_, _>>().map(Value::List),
        Term::Struct(members) => map(members).map(Value::Map),
        Term::Bag(nodes) => set(nodes, node.span),
        Term::Binary(operator @ ("+" | "-"), left, right) => match (value(left)?, value(right)?) {
            (Value::Number(left), Value::Number(right)) => {
                let result = if *operator == "+" { left.add(&right) } else { left.subtract(&right) };
                result.map(Value::Number).map_err(|error| ExpressionError::new(error.to_string()))
            }
            _ => Err(unsupported(format_args!("Operands of {operator} must be numbers"), node.span)),
        },
        _ => Err(unsupported("Unexpected expression where a value was expected", node.span)),
    }
}

/// Whether [`value`] is worth asking: nothing in it refers to an item.
pub(super) fn is_value(node: &Node) -> bool {
    match &node.term {
        Term::Literal(_) | Term::Struct(_) | Term::Bag(_) | Term::List(_) => true,
        Term::Binary("+" | "-", left, right) => is_value(left) && is_value(right),
        _ => false,
    }
}

pub(super) fn map(members: &[(Node, Node)]) -> Result<BTreeMap<String, Value>, ExpressionError> {
    let mut map = BTreeMap::new();
    for (name, member) in members {
        let Term::Literal(Value::String(text)) = &name.term else {
            return Err(unsupported("Names of a tuple must be string literals", name.span));
        };
        if map.insert(text.clone(), value(member)?).is_some() {
            return Err(unsupported(format_args!("Duplicate name {text} in a tuple"), name.span));
        }
    }
    Ok(map)
}

/// A bag is a set: of strings, of numbers or of binaries (which only parameters can be).
fn set(nodes: &[Node], span: Span) -> Result<Value, ExpressionError> {
    let values = nodes.iter().map(value).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = values.first() else {
        return Err(invalid("An string set  may not be empty"));
    };
    if values.iter().any(|value| value.value_type() != first.value_type()) {
        return Err(unsupported("Elements of a set must be of the same type", span));
    }
    match first.value_type() {
        ValueType::String => {
            let texts: Vec<String> = values.into_iter().filter_map(text).collect();
            let set: BTreeSet<String> = texts.iter().cloned().collect();
            if set.len() < texts.len() {
                let listed = texts.join(", ");
                return Err(invalid(format_args!("Input collection [{listed}] contains duplicates.")));
            }
            Ok(Value::StringSet(set))
        }
        ValueType::Number => {
            let count = values.len();
            let set: BTreeSet<_> = values.into_iter().filter_map(number).collect();
            match set.len() < count {
                true => Err(ExpressionError::new("Input collection contains duplicates")),
                false => Ok(Value::NumberSet(set)),
            }
        }
        ValueType::Binary => {
            let count = values.len();
            let set: BTreeSet<_> = values.into_iter().filter_map(binary).collect();
            match set.len() < count {
                true => Err(ExpressionError::new("Input collection contains duplicates")),
                false => Ok(Value::BinarySet(set)),
            }
        }
        _ => Err(unsupported("Elements of a set must be strings, numbers or binaries", span)),
    }
}

fn invalid(what: impl std::fmt::Display) -> ExpressionError {
    ExpressionError::new(format!("One or more parameter values were invalid: {what}"))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn number(value: Value) -> Option<crate::number::Number> {
    match value {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

fn binary(value: Value) -> Option<bytes::Bytes> {
    match value {
        Value::Binary(bytes) => Some(bytes),
        _ => None,
    }
}
