//! Expected, QueryFilter and ScanFilter.

use std::collections::BTreeMap;

use super::invalid;
use crate::error::ExpressionError;
use crate::expression::{Comparator, Condition, Operand, Path};
use crate::value::{Value, ValueType};

/// `ComparisonOperator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Between,
    In,
    BeginsWith,
    Contains,
    NotContains,
    Null,
    NotNull,
}

/// `ConditionalOperator`; without one, AND.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ConditionalOperator {
    #[default]
    And,
    Or,
}

/// `ExpectedAttributeValue`. What is absent is `None`: an empty list of values is not.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    pub comparison: Option<Comparison>,
    pub values: Option<Vec<Value>>,
    pub value: Option<Value>,
    pub exists: Option<bool>,
}

/// `Condition`: of KeyConditions, QueryFilter and ScanFilter.
#[derive(Debug, Clone)]
pub struct Filter {
    pub comparison: Comparison,
    pub values: Vec<Value>,
}

impl Comparison {
    const ALL: [(Comparison, &'static str); 13] = [
        (Comparison::Equal, "EQ"),
        (Comparison::NotEqual, "NE"),
        (Comparison::Less, "LT"),
        (Comparison::LessOrEqual, "LE"),
        (Comparison::Greater, "GT"),
        (Comparison::GreaterOrEqual, "GE"),
        (Comparison::Between, "BETWEEN"),
        (Comparison::In, "IN"),
        (Comparison::BeginsWith, "BEGINS_WITH"),
        (Comparison::Contains, "CONTAINS"),
        (Comparison::NotContains, "NOT_CONTAINS"),
        (Comparison::Null, "NULL"),
        (Comparison::NotNull, "NOT_NULL"),
    ];

    pub fn from_code(code: &str) -> Option<Comparison> {
        Comparison::ALL.into_iter().find(|(_, own)| *own == code).map(|(comparison, _)| comparison)
    }

    pub fn code(self) -> &'static str {
        let found = Comparison::ALL.into_iter().find(|(comparison, _)| *comparison == self);
        found.expect("the list has all of them").1
    }

    fn takes(self, count: usize) -> bool {
        match self {
            Comparison::Null | Comparison::NotNull => count == 0,
            Comparison::Between => count == 2,
            Comparison::In => count > 0,
            _ => count == 1,
        }
    }

    fn compares(self, value_type: ValueType) -> bool {
        use ValueType::{Binary, Bool, Null, Number, String};
        match self {
            Comparison::Equal | Comparison::NotEqual | Comparison::Null | Comparison::NotNull => true,
            Comparison::BeginsWith => matches!(value_type, String | Binary),
            Comparison::Contains | Comparison::NotContains => {
                matches!(value_type, String | Number | Binary | Bool | Null)
            }
            _ => matches!(value_type, String | Number | Binary),
        }
    }
}

/// The condition of a write.
pub fn expected(
    expected: &BTreeMap<String, Expected>,
    operator: ConditionalOperator,
) -> Result<Condition, ExpressionError> {
    let conditions = expected.iter().map(|(name, expected)| expected_of(name, expected));
    conditions.collect::<Result<Vec<_>, _>>().map(|conditions| operator.join(conditions))
}

/// The condition of a QueryFilter or ScanFilter.
pub fn filter(
    filters: &BTreeMap<String, Filter>,
    operator: ConditionalOperator,
) -> Result<Condition, ExpressionError> {
    let conditions = filters.iter().map(|(name, filter)| {
        filter.check()?;
        Ok(condition_of(name, filter.comparison, &filter.values))
    });
    conditions.collect::<Result<Vec<_>, _>>().map(|conditions| operator.join(conditions))
}

impl ConditionalOperator {
    fn join(self, conditions: Vec<Condition>) -> Condition {
        match self {
            ConditionalOperator::And => Condition::And(conditions),
            ConditionalOperator::Or => Condition::Or(conditions),
        }
    }
}

impl Filter {
    /// Whether the operator takes so many values of such types.
    pub(super) fn check(&self) -> Result<(), ExpressionError> {
        let code = self.comparison.code();
        if !self.comparison.takes(self.values.len()) {
            return Err(invalid(format_args!(
                "Invalid number of argument(s) for the {code} ComparisonOperator"
            )));
        }
        let types: Vec<ValueType> = self.values.iter().map(Value::value_type).collect();
        if types.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(invalid("AttributeValues inside AttributeValueList must be of same type"));
        }
        if let Some(wrong) = types.into_iter().find(|value_type| !self.comparison.compares(*value_type)) {
            let wrong = wrong.code();
            return Err(invalid(format_args!(
                "ComparisonOperator {code} is not valid for {wrong} AttributeValue type"
            )));
        }
        match (self.comparison, self.values.as_slice()) {
            (Comparison::Between, [low, high])
                if low.compare(high).is_some_and(std::cmp::Ordering::is_gt) =>
            {
                Err(ExpressionError::new(
                    "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
                ))
            }
            _ => Ok(()),
        }
    }
}

fn expected_of(name: &str, expected: &Expected) -> Result<Condition, ExpressionError> {
    if expected.values.is_some() && expected.value.is_some() {
        return Err(invalid(format_args!(
            "Value and AttributeValueList cannot be used together for Attribute: {name}"
        )));
    }
    match (expected.comparison, &expected.values) {
        (Some(comparison), _) => expected_by_comparison(name, comparison, expected),
        (None, Some(_)) => Err(invalid(format_args!(
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        ))),
        (None, None) => expected_by_value(name, expected),
    }
}

fn expected_by_comparison(
    name: &str,
    comparison: Comparison,
    expected: &Expected,
) -> Result<Condition, ExpressionError> {
    if expected.exists.is_some() {
        return Err(invalid(format_args!(
            "Exists and ComparisonOperator cannot be used together for Attribute: {name}"
        )));
    }
    let values = match (&expected.values, &expected.value) {
        (Some(values), _) => values.clone(),
        (None, Some(value)) => vec![value.clone()],
        (None, None) if comparison.takes(0) => Vec::new(),
        (None, None) => {
            return Err(invalid(format_args!(
                "Value or AttributeValueList must be used with ComparisonOperator: {} for Attribute: {name}",
                comparison.code()
            )));
        }
    };
    let filter = Filter { comparison, values };
    filter.check()?;
    Ok(condition_of(name, comparison, &filter.values))
}

/// `Value` and `Exists`, the oldest form.
fn expected_by_value(name: &str, expected: &Expected) -> Result<Condition, ExpressionError> {
    match (expected.exists, &expected.value) {
        (None | Some(true), Some(value)) => {
            Ok(condition_of(name, Comparison::Equal, std::slice::from_ref(value)))
        }
        (Some(false), None) => Ok(condition_of(name, Comparison::Null, &[])),
        (Some(false), Some(_)) => {
            Err(invalid(format_args!("Value cannot be used when Exists is false for Attribute: {name}")))
        }
        (exists, None) => {
            let exists = if exists.is_some() { "true" } else { "null" };
            Err(invalid(format_args!("Value must be provided when Exists is {exists} for Attribute: {name}")))
        }
    }
}

/// Of values that were checked.
fn condition_of(name: &str, comparison: Comparison, values: &[Value]) -> Condition {
    let path = || Path::attribute(name);
    let operand = Operand::attribute(name);
    let mut values = values.iter().cloned().map(Operand::value);
    let mut next = || values.next().expect("the count of values was checked");
    let compare = |comparator, right| Condition::Compare { left: operand.clone(), comparator, right };
    match comparison {
        Comparison::Equal => compare(Comparator::Equal, next()),
        Comparison::NotEqual => compare(Comparator::NotEqual, next()),
        Comparison::Less => compare(Comparator::Less, next()),
        Comparison::LessOrEqual => compare(Comparator::LessOrEqual, next()),
        Comparison::Greater => compare(Comparator::Greater, next()),
        Comparison::GreaterOrEqual => compare(Comparator::GreaterOrEqual, next()),
        Comparison::Between => Condition::Between { low: next(), high: next(), operand },
        Comparison::In => Condition::In { options: values.collect(), operand },
        Comparison::BeginsWith => Condition::BeginsWith { prefix: next(), operand },
        Comparison::Contains => Condition::Contains { element: next(), operand },
        // Unlike NOT contains(…): what is not there does not lack it.
        Comparison::NotContains => Condition::And(vec![
            Condition::Exists(path()),
            Condition::Not(Box::new(Condition::Contains { element: next(), operand })),
        ]),
        Comparison::Null => Condition::NotExists(path()),
        Comparison::NotNull => Condition::Exists(path()),
    }
}
