//! What WHERE asks, as the conditions that expressions have.

use super::columns::path;
use super::error::unsupported;
use super::limits::IN_VALUES_MAX;
use super::literal;
use super::tree::{Node, Term};
use crate::error::ExpressionError;
use crate::expression::{Comparator, Condition, Operand, Path};
use crate::value::{Value, ValueType};

pub(super) fn condition(node: &Node) -> Result<Condition, ExpressionError> {
    match &node.term {
        Term::And(nodes) => all(nodes).map(Condition::And),
        Term::Or(nodes) => all(nodes).map(Condition::Or),
        Term::Not(node) => Ok(not(condition(node)?)),
        Term::Binary(operator, left, right) => match comparator(operator) {
            Some(comparator) => comparison(left, comparator, right),
            None => Err(unsupported("Expected a condition", node.span)),
        },
        Term::Between { operand: value, low, high, negated } => {
            let between = Condition::Between {
                operand: operand(value)?,
                low: ordered(low, "BETWEEN")?,
                high: ordered(high, "BETWEEN")?,
            };
            Ok(maybe_not(between, *negated))
        }
        Term::In { operand: value, list, negated } => {
            let found = Condition::In { operand: operand(value)?, options: options(list)? };
            Ok(maybe_not(found, *negated))
        }
        Term::Is { operand, type_name, negated } => {
            is_of_type(operand, type_name).map(|condition| maybe_not(condition, *negated))
        }
        Term::Like { .. } => Err(unsupported("Unsupported operator: LIKE", node.span)),
        Term::Call(name, arguments) => function(name, arguments, node),
        Term::CallOfAll(name) => Err(unsupported(format_args!("Unsupported function: {name}"), node.span)),
        Term::Select(_) => Err(unsupported("Unsupported nested SELECT", node.span)),
        _ => Err(unsupported("Expected a condition", node.span)),
    }
}

fn all(nodes: &[Node]) -> Result<Vec<Condition>, ExpressionError> {
    nodes.iter().map(condition).collect()
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn maybe_not(condition: Condition, negated: bool) -> Condition {
    match negated {
        true => not(condition),
        false => condition,
    }
}

fn comparator(operator: &str) -> Option<Comparator> {
    let comparators = [
        Comparator::Equal,
        Comparator::NotEqual,
        Comparator::Less,
        Comparator::LessOrEqual,
        Comparator::Greater,
        Comparator::GreaterOrEqual,
    ];
    comparators.into_iter().find(|comparator| comparator.text() == operator)
}

fn comparison(left: &Node, comparator: Comparator, right: &Node) -> Result<Condition, ExpressionError> {
    let (left, right) = match comparator {
        Comparator::Equal | Comparator::NotEqual => (operand(left)?, operand(right)?),
        _ => (ordered(left, comparator.text())?, ordered(right, comparator.text())?),
    };
    Ok(Condition::Compare { left, comparator, right })
}

/// An attribute, a value, or the size of an attribute.
fn operand(node: &Node) -> Result<Operand, ExpressionError> {
    match &node.term {
        Term::Name(_) | Term::Path(_, _) => path(node).map(Operand::Path),
        Term::Call(name, arguments) if name == "size" => match arguments.as_slice() {
            [argument] => Ok(Operand::Size(Box::new(Operand::Path(path(argument)?)))),
            _ => Err(wrong_count("size", arguments.len())),
        },
        Term::Call(name, _) | Term::CallOfAll(name) => {
            Err(unsupported(format_args!("Unsupported function: {name}"), node.span))
        }
        Term::Missing => Err(unsupported("MISSING is only supported with IS and IS NOT", node.span)),
        _ => literal::value(node).map(Operand::value),
    }
}

/// An operand of what compares by order, which only strings, numbers and binaries have.
fn ordered(node: &Node, operator: &str) -> Result<Operand, ExpressionError> {
    let operand = operand(node)?;
    match &operand {
        Operand::Value(value) => {
            let value_type = value.value_type();
            match value_type {
                ValueType::String | ValueType::Number | ValueType::Binary => Ok(operand),
                _ => Err(wrong_type(operator, value_type)),
            }
        }
        _ => Ok(operand),
    }
}

fn options(list: &Node) -> Result<Vec<Operand>, ExpressionError> {
    let options = match &list.term {
        Term::List(nodes) => nodes.iter().map(operand).collect::<Result<Vec<_>, _>>()?,
        Term::Literal(Value::List(values)) => values.iter().cloned().map(Operand::value).collect(),
        _ => return Err(unsupported("Expected a list behind IN", list.span)),
    };
    match options.len() {
        0 => Err(unsupported("Expected a list that is not empty behind IN", list.span)),
        count if count > IN_VALUES_MAX => Err(ExpressionError::new(format!(
            "The IN operator accepts at most {IN_VALUES_MAX} values, {count} were given"
        ))),
        _ => Ok(options),
    }
}

fn is_of_type(operand: &Node, type_name: &str) -> Result<Condition, ExpressionError> {
    let path = path(operand)?;
    let has = |path: Path, value_type| Condition::HasType { path, value_type };
    let value_type = match type_name {
        "missing" => return Ok(Condition::NotExists(path)),
        "bag" => {
            let sets = [ValueType::StringSet, ValueType::NumberSet, ValueType::BinarySet];
            return Ok(Condition::Or(sets.map(|set| has(path.clone(), set)).into()));
        }
        "null" => ValueType::Null,
        "bool" | "boolean" => ValueType::Bool,
        "string" | "symbol" | "varchar" | "clob" => ValueType::String,
        "blob" => ValueType::Binary,
        "list" | "sexp" => ValueType::List,
        "struct" | "tuple" => ValueType::Map,
        "timestamp" => {
            return Err(unsupported(format_args!("Unsupported type: {type_name}"), operand.span));
        }
        _ => ValueType::Number,
    };
    Ok(has(path, value_type))
}

fn function(name: &str, arguments: &[Node], node: &Node) -> Result<Condition, ExpressionError> {
    let takes = |count: usize| match arguments.len() == count {
        true => Ok(()),
        false => Err(wrong_count(name, arguments.len())),
    };
    match name {
        "begins_with" => {
            takes(2)?;
            let (operand, prefix) = (operand(&arguments[0])?, operand(&arguments[1])?);
            if let Operand::Value(value) = &prefix
                && !matches!(value.value_type(), ValueType::String | ValueType::Binary)
            {
                return Err(wrong_type(name, value.value_type()));
            }
            Ok(Condition::BeginsWith { operand, prefix })
        }
        "contains" => {
            takes(2)?;
            Ok(Condition::Contains { operand: operand(&arguments[0])?, element: operand(&arguments[1])? })
        }
        "attribute_type" => {
            takes(2)?;
            let path = path(&arguments[0])?;
            match literal::value(&arguments[1])? {
                Value::String(code) => match ValueType::from_code(&code) {
                    Some(value_type) => Ok(Condition::HasType { path, value_type }),
                    None => Err(ExpressionError::new(format!(
                        "Invalid attribute type name found; type: {code}, valid types: {VALID_TYPES}"
                    ))),
                },
                other => Err(wrong_type(name, other.value_type())),
            }
        }
        _ => Err(unsupported(format_args!("Unsupported function: {name}"), node.span)),
    }
}

/// In the order in which DynamoDB lists them.
const VALID_TYPES: &str = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}";

fn wrong_count(name: &str, count: usize) -> ExpressionError {
    ExpressionError::new(format!(
        "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
    ))
}

fn wrong_type(name: &str, value_type: ValueType) -> ExpressionError {
    let code = value_type.code();
    ExpressionError::new(format!(
        "Incorrect operand type for operator or function; operator or function: {name}, operand type: {code}"
    ))
}
