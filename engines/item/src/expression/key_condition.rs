//! Key conditions: which partition a query reads, and which range of it.
//!
//! The grammar is that of all conditions; what cannot be a key condition is refused afterwards, with messages that
//! have no common beginning. Whether the attributes are the key's is known only with the table:
//! [`KeyCondition::check`].

use super::bind::{Binder, Bound};
use super::condition::{Comparator, Condition, Operand};
use super::{Kind, Path, Placeholders, check, parser};
use crate::error::ExpressionError;
use crate::keys::{self, KeyRange, KeyValue, RangeCondition};
use crate::limits::{PARTITION_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX};
use crate::value::{Value, ValueType};

const NOT_SUPPORTED: &str = "Query key condition not supported";

/// Conditions on different attributes, all of which have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCondition {
    pub terms: Vec<KeyTerm>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerm {
    pub attribute: String,
    pub condition: RangeCondition,
}

/// The key of a table or an index.
#[derive(Debug, Clone, Copy)]
pub struct KeySchema<'a> {
    /// One; of a global index up to four.
    pub hash: &'a [KeyPart<'a>],
    /// None or one; of a global index up to four.
    pub range: &'a [KeyPart<'a>],
}

#[derive(Debug, Clone, Copy)]
pub struct KeyPart<'a> {
    pub name: &'a str,
    /// A string, a number or a binary.
    pub value_type: ValueType,
}

/// What a query reads. The values are of the key's types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySelection {
    pub hash: Vec<Value>,
    /// Of a sort key of several attributes: what all but the last one that has a condition are equal to.
    pub equal: Vec<Value>,
    /// The condition on the last attribute of the sort key that has one.
    pub range: Option<RangeCondition>,
}

impl KeyCondition {
    /// Reads a `KeyConditionExpression`.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Bound<KeyCondition> {
        let kind = Kind::KeyCondition;
        placeholders.check_size()?;
        let node = parser::parse_condition(kind, text)?;
        check::check_condition(kind, &node)?;
        let condition = Binder { kind, placeholders }.condition(&node)?;
        KeyCondition::of(&condition)
    }

    fn of(condition: &Condition) -> Bound<KeyCondition> {
        let mut terms = Vec::new();
        add_terms(condition, &mut terms)?;
        Ok(KeyCondition { terms })
    }

    /// Whether the conditions are those that a key allows: every attribute of the partition key equal to something,
    /// and of the sort key's attributes the first ones, of which the last may have any condition.
    pub fn check(&self, schema: KeySchema<'_>) -> Bound<KeySelection> {
        let term = |part: &KeyPart<'_>| self.terms.iter().find(|term| term.attribute == part.name);
        let attributes = schema.hash.len() + schema.range.len();
        if self.terms.len() > attributes {
            let why = match attributes {
                2 => "Conditions can be of length 1 or 2 only",
                _ => NOT_SUPPORTED,
            };
            return Err(ExpressionError::new(why));
        }
        let mut hash = Vec::with_capacity(schema.hash.len());
        for part in schema.hash {
            let Some(term) = term(part) else { return Err(missed(part)) };
            check_type(part, &term.condition)?;
            let RangeCondition::Equal(value) = &term.condition else {
                return Err(ExpressionError::new(NOT_SUPPORTED));
            };
            hash.push(value.clone());
        }
        let mut sorted = Vec::with_capacity(schema.range.len());
        let conditioned = self.terms.len() - hash.len();
        for part in &schema.range[..conditioned] {
            let Some(term) = term(part) else { return Err(missed(part)) };
            check_type(part, &term.condition)?;
            sorted.push(term.condition.clone());
        }
        let range = sorted.pop();
        let equal = sorted.into_iter().map(|condition| match condition {
            RangeCondition::Equal(value) => Ok(value),
            _ => Err(ExpressionError::new(NOT_SUPPORTED)),
        });
        let selection = KeySelection { hash, equal: equal.collect::<Bound<_>>()?, range };
        selection.check_sizes(schema)?;
        Ok(selection)
    }
}

impl KeySelection {
    pub fn key_range(&self) -> KeyRange {
        let hash: Vec<_> = self.hash.iter().filter_map(KeyValue::of).collect();
        let equal: Vec<_> = self.equal.iter().filter_map(KeyValue::of).collect();
        keys::range(&hash, &equal, self.range.as_ref())
    }

    fn check_sizes(&self, schema: KeySchema<'_>) -> Bound<()> {
        let sorted = self.equal.iter().chain(self.range.iter().flat_map(RangeCondition::values));
        let sorted: Vec<&Value> = sorted.collect();
        let range_names =
            (0..sorted.len()).filter_map(|index| schema.range.get(index).or(schema.range.last()));
        let named = schema.hash.iter().zip(&self.hash).chain(range_names.zip(sorted.iter().copied()));
        for (part, value) in named {
            let kind = match value {
                Value::String(text) if text.is_empty() => "string",
                Value::Binary(bytes) if bytes.is_empty() => "binary",
                _ => continue,
            };
            return Err(ExpressionError::new(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
                 an empty {kind} value. Key: {}",
                part.name
            )));
        }
        let longest = |values: &mut dyn Iterator<Item = &Value>| {
            values.filter_map(KeyValue::of).map(KeyValue::byte_count).max().unwrap_or_default()
        };
        if longest(&mut self.hash.iter()) > PARTITION_KEY_BYTES_MAX {
            return Err(ExpressionError::new(
                "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit \
                 of2048 bytes",
            ));
        }
        if longest(&mut sorted.into_iter()) > SORT_KEY_BYTES_MAX {
            return Err(ExpressionError::new(
                "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the \
                 size limit of 1024 bytes",
            ));
        }
        Ok(())
    }
}

impl RangeCondition {
    /// Without a value of its own where the comparator is `<>`.
    pub fn compare(comparator: Comparator, value: Value) -> Option<RangeCondition> {
        Some(match comparator {
            Comparator::Equal => RangeCondition::Equal(value),
            Comparator::NotEqual => return None,
            Comparator::Less => RangeCondition::Less(value),
            Comparator::LessOrEqual => RangeCondition::LessOrEqual(value),
            Comparator::Greater => RangeCondition::Greater(value),
            Comparator::GreaterOrEqual => RangeCondition::GreaterOrEqual(value),
        })
    }

    /// What it compares with.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        let (one, other) = match self {
            RangeCondition::Equal(value)
            | RangeCondition::Less(value)
            | RangeCondition::LessOrEqual(value)
            | RangeCondition::Greater(value)
            | RangeCondition::GreaterOrEqual(value)
            | RangeCondition::BeginsWith(value) => (value, None),
            RangeCondition::Between(low, high) => (low, Some(high)),
        };
        std::iter::once(one).chain(other)
    }
}

fn missed(part: &KeyPart<'_>) -> ExpressionError {
    ExpressionError::new(format!("Query condition missed key schema element: {}", part.name))
}

fn check_type(part: &KeyPart<'_>, condition: &RangeCondition) -> Bound<()> {
    if condition.values().all(|value| value.value_type() == part.value_type) {
        return Ok(());
    }
    Err(ExpressionError::new(
        "One or more parameter values were invalid: Condition parameter type does not match schema type",
    ))
}

fn add_terms(condition: &Condition, terms: &mut Vec<KeyTerm>) -> Bound<()> {
    let (path, condition) = match condition {
        Condition::And(conditions) => {
            return conditions.iter().try_for_each(|condition| add_terms(condition, terms));
        }
        Condition::Or(_) => return Err(invalid_operator("OR")),
        Condition::Not(_) => return Err(invalid_operator("NOT")),
        Condition::In { .. } => return Err(invalid_operator("IN")),
        Condition::Exists(_) => return Err(invalid_operator("attribute_exists")),
        Condition::NotExists(_) => return Err(invalid_operator("attribute_not_exists")),
        Condition::HasType { .. } => return Err(invalid_operator("attribute_type")),
        Condition::Contains { .. } => return Err(invalid_operator("contains")),
        Condition::Compare { comparator: Comparator::NotEqual, .. } => return Err(invalid_operator("<>")),
        Condition::Compare { left, comparator, right } => compared(left, *comparator, right)?,
        Condition::Between { operand, low, high } => {
            let path = first_operand("BETWEEN", operand)?;
            only_values(path, [low, high])?;
            (path, RangeCondition::Between(value_of(low)?, value_of(high)?))
        }
        Condition::BeginsWith { operand, prefix } => {
            let path = first_operand("begins_with", operand)?;
            only_values(path, [prefix])?;
            (path, RangeCondition::BeginsWith(value_of(prefix)?))
        }
    };
    if terms.iter().any(|term| term.attribute == path.root) {
        return Err(
            Kind::KeyCondition.invalid("KeyConditionExpressions must only contain one condition per key")
        );
    }
    terms.push(KeyTerm { attribute: path.root.clone(), condition });
    Ok(())
}

/// The attribute may stand on either side.
fn compared<'c>(
    left: &'c Operand,
    comparator: Comparator,
    right: &'c Operand,
) -> Bound<(&'c Path, RangeCondition)> {
    let (path, comparator, value) = match (left, right) {
        (Operand::Path(path), other) => {
            only_values(path, [other])?;
            (path, comparator, other)
        }
        (other, Operand::Path(path)) => {
            only_values(path, [other])?;
            (path, comparator.mirrored(), other)
        }
        (Operand::Size(_), _) | (_, Operand::Size(_)) => return Err(nested_operation()),
        _ => return Err(invalid_condition("No key attribute specified")),
    };
    let condition =
        RangeCondition::compare(comparator, value_of(value)?).ok_or_else(|| invalid_operator("<>"))?;
    Ok((path, condition))
}

fn first_operand<'c>(operator: &str, operand: &'c Operand) -> Bound<&'c Path> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(invalid_condition(&format!(
            "{operator} operator must have the key attribute as its first operand"
        ))),
    }
}

/// That the path is an attribute, and nothing else is a path or a size.
fn only_values<'c>(path: &Path, others: impl IntoIterator<Item = &'c Operand>) -> Bound<()> {
    if !path.is_attribute() {
        return Err(
            Kind::KeyCondition.invalid("KeyConditionExpressions cannot have conditions on nested attributes")
        );
    }
    others.into_iter().try_for_each(|other| match other {
        Operand::Value(_) => Ok(()),
        Operand::Path(_) => Err(invalid_condition("Multiple attribute names used in one condition")),
        Operand::Size(_) => Err(nested_operation()),
    })
}

fn value_of(operand: &Operand) -> Bound<Value> {
    match operand {
        Operand::Value(value) => Ok(Value::clone(value)),
        _ => Err(nested_operation()),
    }
}

fn invalid_operator(operator: &str) -> ExpressionError {
    ExpressionError::new(format!("Invalid operator used in KeyConditionExpression: {operator}"))
}

fn invalid_condition(why: &str) -> ExpressionError {
    ExpressionError::new(format!("Invalid condition in KeyConditionExpression: {why}"))
}

fn nested_operation() -> ExpressionError {
    ExpressionError::new("KeyConditionExpressions cannot contain nested operations")
}
