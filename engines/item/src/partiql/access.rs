//! What WHERE says of keys: which partitions a SELECT reads and in which order, and the one item of a write.
//!
//! A SELECT scans unless the partition key is equal to something, or one of a list ("PartiQL select statements"). What
//! is found here only narrows what is read; the whole condition is asked of every item anyway.

use super::limits::PARTITIONS_MAX;
use super::statement::{OrderBy, Select};
use crate::error::ExpressionError;
use crate::expression::{
    Comparator, Condition, KeyCondition, KeySchema, KeySelection, KeyTerm, Operand, Path,
};
use crate::keys::RangeCondition;
use crate::value::{Item, Value};

/// What a SELECT reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Everything, in the table's order.
    Scan,
    /// Some partitions, one after the other.
    Partitions { selections: Vec<KeySelection>, forward: bool },
}

/// How a SELECT reads a table, or the index that it names.
pub fn access(select: &Select, schema: KeySchema<'_>) -> Result<Access, ExpressionError> {
    let order = &select.order;
    let hash_name = schema.hash.first().map(|part| part.name);
    let parts = || schema.hash.iter().chain(schema.range).map(|part| part.name);
    if let Some(foreign) = order.iter().find(|one| parts().all(|name| name != one.name)) {
        return Err(ExpressionError::new(format!(
            "Variable reference {} in ORDER BY clause must be part of the primary key",
            foreign.name
        )));
    }
    let Some(mut hashes) = select.condition.as_ref().and_then(|condition| hashes(condition, schema)) else {
        return match order.is_empty() {
            true => Ok(Access::Scan),
            false => Err(ExpressionError::new(
                "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.",
            )),
        };
    };
    if hashes.len() > PARTITIONS_MAX {
        return Err(ExpressionError::new(format!(
            "The WHERE clause names {} values of the partition key, at most {PARTITIONS_MAX} are allowed",
            hashes.len()
        )));
    }
    let leads = order.first().is_some_and(|first| Some(first.name.as_str()) == hash_name);
    if hashes.len() > 1 && !order.is_empty() && !leads {
        return Err(ExpressionError::new(
            "Must have hash key in ORDER BY clause when more than one hash key condition specified in WHERE clause.",
        ));
    }
    if leads {
        sort_hashes(&mut hashes, order[0].descending);
    }
    let forward = !order.iter().any(|one| sorts(one, schema) && one.descending);
    let condition = select.condition.as_ref().expect("hashes come from a condition");
    let selections = hashes.into_iter().map(|hash| selection(hash, condition, schema));
    Ok(Access::Partitions { selections: selections.collect::<Result<_, _>>()?, forward })
}

/// The key of the one item that WHERE names, for UPDATE, DELETE, EXISTS and reads in batches and transactions. The
/// types of its values are the caller's to check.
pub fn primary_key(condition: Option<&Condition>, schema: KeySchema<'_>) -> Result<Item, ExpressionError> {
    let condition = condition.ok_or_else(key_is_missing)?;
    let parts = schema.hash.iter().chain(schema.range);
    let values = parts.map(|part| match equal_to(condition, part.name).as_deref() {
        Some([value]) => Ok((String::from(part.name), value.clone())),
        _ => Err(key_is_missing()),
    });
    values.collect()
}

pub(super) fn key_is_missing() -> ExpressionError {
    ExpressionError::new("Where clause does not contain a mandatory equality on all key attributes")
}

fn sorts(order: &OrderBy, schema: KeySchema<'_>) -> bool {
    schema.range.iter().any(|part| part.name == order.name)
}

fn sort_hashes(hashes: &mut [Vec<Value>], descending: bool) {
    hashes.sort_by(|one, other| {
        let order = one[0].compare(&other[0]).unwrap_or(std::cmp::Ordering::Equal);
        if descending { order.reverse() } else { order }
    });
}

/// All partition keys that the condition lets through; `None` if it does not say.
fn hashes(condition: &Condition, schema: KeySchema<'_>) -> Option<Vec<Vec<Value>>> {
    let mut found = vec![Vec::new()];
    for part in schema.hash {
        let values = equal_to(condition, part.name)?;
        found = found
            .iter()
            .flat_map(|hash: &Vec<Value>| {
                values.iter().map(|value| [hash.as_slice(), std::slice::from_ref(value)].concat())
            })
            .take(PARTITIONS_MAX + 1)
            .collect();
    }
    Some(found)
}

/// The values that an attribute may have, each once; `None` if the condition does not bound them.
fn equal_to(condition: &Condition, name: &str) -> Option<Vec<Value>> {
    match condition {
        Condition::Compare { left, comparator: Comparator::Equal, right } => match (left, right) {
            (Operand::Path(path), Operand::Value(value)) | (Operand::Value(value), Operand::Path(path))
                if is_attribute(path, name) =>
            {
                Some(vec![Value::clone(value)])
            }
            _ => None,
        },
        Condition::In { operand: Operand::Path(path), options } if is_attribute(path, name) => {
            let values = options.iter().map(|option| match option {
                Operand::Value(value) => Some(Value::clone(value)),
                _ => None,
            });
            values.collect::<Option<Vec<_>>>().map(once_each)
        }
        Condition::And(conditions) => {
            let mut bounds = conditions.iter().filter_map(|condition| equal_to(condition, name));
            let first = bounds.next()?;
            Some(bounds.fold(first, |found, other| {
                found.into_iter().filter(|value| other.contains(value)).collect()
            }))
        }
        Condition::Or(conditions) => {
            let bounds = conditions.iter().map(|condition| equal_to(condition, name));
            bounds.collect::<Option<Vec<_>>>().map(|bounds| once_each(bounds.concat()))
        }
        _ => None,
    }
}

fn is_attribute(path: &Path, name: &str) -> bool {
    path.is_attribute() && path.root == name
}

fn once_each(values: Vec<Value>) -> Vec<Value> {
    let mut seen = Vec::with_capacity(values.len());
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

/// One partition, and as much of its sort key as all of the condition's parts together say.
fn selection(
    hash: Vec<Value>,
    condition: &Condition,
    schema: KeySchema<'_>,
) -> Result<KeySelection, ExpressionError> {
    let mut terms: Vec<KeyTerm> = schema
        .hash
        .iter()
        .zip(hash)
        .map(|(part, value)| KeyTerm { attribute: part.name.into(), condition: RangeCondition::Equal(value) })
        .collect();
    for part in schema.range {
        let Some(condition) = range_of(condition, part.name) else { break };
        let goes_on = matches!(condition, RangeCondition::Equal(_));
        // A condition of another type lets nothing through, and says nothing of the range.
        if condition.values().all(|value| value.value_type() == part.value_type) {
            terms.push(KeyTerm { attribute: part.name.into(), condition });
        } else {
            break;
        }
        if !goes_on {
            break;
        }
    }
    KeyCondition { terms }.check(schema)
}

/// What is asked of a sort key by itself: an equality before everything else.
fn range_of(condition: &Condition, name: &str) -> Option<RangeCondition> {
    match condition {
        Condition::And(conditions) => {
            let mut found: Vec<RangeCondition> =
                conditions.iter().filter_map(|condition| range_of(condition, name)).collect();
            let equal = found.iter().position(|one| matches!(one, RangeCondition::Equal(_)));
            match (equal, found.is_empty()) {
                (_, true) => None,
                (place, false) => Some(found.swap_remove(place.unwrap_or_default())),
            }
        }
        Condition::Compare { left, comparator, right } => match (left, right) {
            (Operand::Path(path), Operand::Value(value)) if is_attribute(path, name) => {
                RangeCondition::compare(*comparator, Value::clone(value))
            }
            (Operand::Value(value), Operand::Path(path)) if is_attribute(path, name) => {
                RangeCondition::compare(comparator.mirrored(), Value::clone(value))
            }
            _ => None,
        },
        Condition::Between {
            operand: Operand::Path(path),
            low: Operand::Value(low),
            high: Operand::Value(high),
        } if is_attribute(path, name) => Some(RangeCondition::Between(Value::clone(low), Value::clone(high))),
        Condition::BeginsWith { operand: Operand::Path(path), prefix: Operand::Value(prefix) }
            if is_attribute(path, name) =>
        {
            Some(RangeCondition::BeginsWith(Value::clone(prefix)))
        }
        _ => None,
    }
}
