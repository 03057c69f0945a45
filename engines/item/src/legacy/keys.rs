//! KeyConditions and AttributesToGet.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{Comparison, Filter};
use super::invalid;
use crate::error::ExpressionError;
use crate::expression::{KeyCondition, KeySchema, KeySelection, KeyTerm, Projection};
use crate::keys::RangeCondition;
use crate::value::Value;

/// `KeyConditions` of a Query, of which it is not yet known whether they are about the key.
#[derive(Debug, Clone)]
pub struct KeyConditions {
    conditions: BTreeMap<String, Filter>,
}

impl KeyConditions {
    /// Refuses what is wrong whatever the table's key is.
    pub fn new(conditions: BTreeMap<String, Filter>) -> Result<KeyConditions, ExpressionError> {
        conditions.values().try_for_each(Filter::check)?;
        Ok(KeyConditions { conditions })
    }

    /// What they read of a table or index.
    pub fn check(&self, schema: KeySchema<'_>) -> Result<KeySelection, ExpressionError> {
        let hash = schema.hash.iter().map(|part| (part, true));
        for (part, is_hash) in hash.chain(schema.range.iter().map(|part| (part, false))) {
            let Some(filter) = self.conditions.get(part.name) else { break };
            if range_condition(filter).is_none() {
                return Err(ExpressionError::new(
                    "Attempted conditional constraint is not an indexable operation",
                ));
            }
            let fits = filter.values.iter().all(|value| value.value_type() == part.value_type);
            if !fits || (is_hash && filter.comparison != Comparison::Equal) {
                break;
            }
        }
        let terms = self.conditions.iter().map(|(attribute, filter)| KeyTerm {
            attribute: attribute.clone(),
            // What has no range is about no attribute of the key, and is refused for that.
            condition: range_condition(filter).unwrap_or(RangeCondition::Equal(Value::Null)),
        });
        KeyCondition { terms: terms.collect() }.check(schema)
    }
}

/// A QueryFilter must leave the key's attributes to the key conditions.
pub fn check_query_filter(
    filters: &BTreeMap<String, Filter>,
    key_attributes: &[&str],
) -> Result<(), ExpressionError> {
    match key_attributes.iter().find(|name| filters.contains_key(**name)) {
        None => Ok(()),
        Some(name) => Err(ExpressionError::new(format!(
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: {name}"
        ))),
    }
}

/// The projection of AttributesToGet.
pub fn attributes_to_get(names: &[String]) -> Result<Projection, ExpressionError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(invalid(format_args!("Duplicate value in attribute name: {name}"))),
        None => Ok(Projection::of_attributes(names.iter().cloned())),
    }
}

/// None where an index is of no use.
fn range_condition(filter: &Filter) -> Option<RangeCondition> {
    let condition = match (filter.comparison, filter.values.as_slice()) {
        (Comparison::Equal, [value]) => RangeCondition::Equal(value.clone()),
        (Comparison::Less, [value]) => RangeCondition::Less(value.clone()),
        (Comparison::LessOrEqual, [value]) => RangeCondition::LessOrEqual(value.clone()),
        (Comparison::Greater, [value]) => RangeCondition::Greater(value.clone()),
        (Comparison::GreaterOrEqual, [value]) => RangeCondition::GreaterOrEqual(value.clone()),
        (Comparison::BeginsWith, [value]) => RangeCondition::BeginsWith(value.clone()),
        (Comparison::Between, [low, high]) => RangeCondition::Between(low.clone(), high.clone()),
        _ => return None,
    };
    Some(condition)
}
