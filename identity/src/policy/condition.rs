//! The `Condition` element: operators, their variants and what they do with missing and with several values.
//!
//! A key that is missing fails an operator, and passes its negation. `…IfExists` passes. `ForAllValues:` passes,
//! `ForAnyValue:` fails, negated or not; both take empty values for none. Several values of the policy are
//! alternatives, and a negated operator wants none of them (NOR). Reference: "Condition operators", "Conditions
//! with multiple context keys or values", "Single-valued vs. multivalued context keys".

use std::cmp::Ordering;

use super::operand::{self, Range};
use super::request::{Keys, Values};
use super::resource::ArnPattern;
use super::template::{Dialect, Pattern};

/// One key of one operator, with its alternatives.
#[derive(Debug)]
pub(super) struct Condition {
    /// In lower case, as it is looked up.
    key: Box<str>,
    /// As in the policy.
    pub written: Box<str>,
    test: Test,
    negated: bool,
    set: Set,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Set {
    /// The request has one value.
    One,
    ForAll,
    ForAny,
}

/// A comparison with its alternatives. What cannot be read as the type never matches.
#[derive(Debug)]
enum Test {
    Text {
        ignore_case: bool,
        values: Box<[Pattern]>,
    },
    Like(Box<[Pattern]>),
    Numeric(Comparison, Box<[f64]>),
    Date(Comparison, Box<[i64]>),
    Bool(Box<[Pattern]>),
    Binary(Box<[Vec<u8>]>),
    Address(Box<[Range]>),
    Arn(Box<[ArnPattern]>),
    /// Whether the key may be missing, and whether it may be there.
    Null {
        missing: bool,
        present: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Comparison::Equal => ordering.is_eq(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// An operator by name, with its prefix and suffix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    family: Family,
    negated: bool,
    set: Set,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Family {
    Text { ignore_case: bool },
    Like,
    Numeric(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    Address,
    Arn,
    Null,
}

impl Operator {
    /// Reads `ForAnyValue:StringLikeIfExists`. Nothing if there is no such operator.
    pub(super) fn parse(name: &str) -> Option<Operator> {
        let name = name.to_ascii_lowercase();
        let (set, name) = match name.split_once(':') {
            Some(("forallvalues", name)) => (Set::ForAll, name),
            Some(("foranyvalue", name)) => (Set::ForAny, name),
            Some(_) => return None,
            None => (Set::One, name.as_str()),
        };
        let (if_exists, name) = match name.strip_suffix("ifexists") {
            Some("null") => return None,
            Some(name) => (true, name),
            None => (false, name),
        };
        let (family, negated) = family(name)?;
        Some(Operator { family, negated, set, if_exists })
    }

    pub(super) fn is_date(self) -> bool {
        matches!(self.family, Family::Date(_))
    }
}

fn family(name: &str) -> Option<(Family, bool)> {
    let ordered = |name: &str| {
        Some(match name {
            "equals" => (Comparison::Equal, false),
            "notequals" => (Comparison::Equal, true),
            "lessthan" => (Comparison::Less, false),
            "lessthanequals" => (Comparison::LessOrEqual, false),
            "greaterthan" => (Comparison::Greater, false),
            "greaterthanequals" => (Comparison::GreaterOrEqual, false),
            _ => return None,
        })
    };
    Some(match name {
        "stringequals" => (Family::Text { ignore_case: false }, false),
        "stringnotequals" => (Family::Text { ignore_case: false }, true),
        "stringequalsignorecase" => (Family::Text { ignore_case: true }, false),
        "stringnotequalsignorecase" => (Family::Text { ignore_case: true }, true),
        "stringlike" => (Family::Like, false),
        "stringnotlike" => (Family::Like, true),
        "bool" => (Family::Bool, false),
        "binaryequals" => (Family::Binary, false),
        "ipaddress" => (Family::Address, false),
        "notipaddress" => (Family::Address, true),
        "arnequals" | "arnlike" => (Family::Arn, false),
        "arnnotequals" | "arnnotlike" => (Family::Arn, true),
        "null" => (Family::Null, false),
        name => {
            if let Some(rest) = name.strip_prefix("numeric") {
                let (comparison, negated) = ordered(rest)?;
                (Family::Numeric(comparison), negated)
            } else {
                let (comparison, negated) = ordered(name.strip_prefix("date")?)?;
                (Family::Date(comparison), negated)
            }
        }
    })
}

impl Condition {
    /// `variables` says whether the version of the policy has them.
    pub(super) fn new(operator: Operator, key: &str, values: &[&str], variables: bool) -> Condition {
        let patterns = |wildcards| {
            values.iter().map(|value| Pattern::new(value, Dialect { variables, wildcards })).collect()
        };
        let test = match operator.family {
            Family::Text { ignore_case } => Test::Text { ignore_case, values: patterns(false) },
            Family::Like => Test::Like(patterns(true)),
            Family::Bool => Test::Bool(patterns(false)),
            Family::Numeric(comparison) => {
                Test::Numeric(comparison, values.iter().filter_map(|value| operand::number(value)).collect())
            }
            Family::Date(comparison) => {
                Test::Date(comparison, values.iter().filter_map(|value| operand::date(value)).collect())
            }
            Family::Binary => {
                Test::Binary(values.iter().filter_map(|value| operand::binary(value)).collect())
            }
            Family::Address => Test::Address(values.iter().filter_map(|value| Range::parse(value)).collect()),
            Family::Arn => Test::Arn(values.iter().map(|value| ArnPattern::new(value, variables)).collect()),
            Family::Null => {
                let says = |expected| values.iter().any(|value| operand::boolean(value) == Some(expected));
                Test::Null { missing: says(true), present: says(false) }
            }
        };
        let Operator { negated, set, if_exists, .. } = operator;
        Condition { key: key.to_ascii_lowercase().into(), written: key.into(), test, negated, set, if_exists }
    }

    pub(super) fn holds(&self, keys: &dyn Keys) -> bool {
        let values =
            keys.get(&self.key).filter(|values| !matches!(values, Values::Many(all) if all.is_empty()));
        if let Test::Null { missing, present } = self.test {
            return if values.is_some() { present } else { missing };
        }
        let Some(values) = values else {
            return self.if_exists
                || match self.set {
                    Set::One => self.negated,
                    Set::ForAll => true,
                    Set::ForAny => false,
                };
        };
        let values: &[_] = match &values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
        };
        let agrees = |value: &str| self.matches(value, keys) != self.negated;
        let mut present = values.iter().filter(|value| !value.is_empty());
        match self.set {
            // Several values without a set operator: AWS warns against it and does not say what it means. Any may
            // match, and a negation wants none to.
            Set::One => values.iter().any(|value| self.matches(value, keys)) != self.negated,
            Set::ForAll => present.all(|value| agrees(value)),
            Set::ForAny => present.any(|value| agrees(value)),
        }
    }

    /// Whether the value is one of the alternatives.
    fn matches(&self, value: &str, keys: &dyn Keys) -> bool {
        match &self.test {
            Test::Text { ignore_case: false, values } => values.iter().any(|own| own.matches(value, keys)),
            Test::Text { ignore_case: true, values } => {
                values.iter().any(|own| own.plain(keys).is_some_and(|own| is_same_text(&own, value)))
            }
            Test::Like(patterns) => patterns.iter().any(|pattern| pattern.matches(value, keys)),
            Test::Numeric(comparison, values) => operand::number(value)
                .is_some_and(|value| values.iter().any(|own| comparison.holds(value.partial_cmp(own)))),
            Test::Date(comparison, values) => operand::date(value)
                .is_some_and(|value| values.iter().any(|own| comparison.holds(Some(value.cmp(own))))),
            Test::Bool(values) => operand::boolean(value).is_some_and(|value| {
                values.iter().any(|own| own.plain(keys).and_then(|own| operand::boolean(&own)) == Some(value))
            }),
            Test::Binary(values) => operand::binary(value).is_some_and(|value| values.contains(&value)),
            Test::Address(ranges) => operand::address(value)
                .is_some_and(|address| ranges.iter().any(|range| range.contains(address))),
            Test::Arn(patterns) => patterns.iter().any(|pattern| pattern.matches(value, keys)),
            Test::Null { .. } => unreachable!("decided by the key alone"),
        }
    }

    /// The keys of the variables in the values.
    pub(super) fn variables(&self) -> Vec<&str> {
        match &self.test {
            Test::Text { values, .. } | Test::Like(values) | Test::Bool(values) => {
                values.iter().flat_map(Pattern::variables).collect()
            }
            Test::Arn(patterns) => patterns.iter().flat_map(ArnPattern::variables).collect(),
            _ => Vec::new(),
        }
    }
}

fn is_same_text(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!(one.is_ascii() && other.is_ascii()) && one.to_lowercase() == other.to_lowercase())
}
