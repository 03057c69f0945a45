//! Conditions and filters as trees, which can be written by hand as well: the older parameters and PartiQL are.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bind::Binder;
use super::{Kind, Path, Placeholders, check, parser};
use crate::error::ExpressionError;
use crate::value::{Value, ValueType};

/// Something that is true or false of an item. [`evaluate`](Condition::evaluate) tells which; nothing can go wrong
/// then: what has the wrong type or is not there makes a comparison false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// All of them; of none, true.
    And(Vec<Condition>),
    /// One of them; of none, false.
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Operand,
        comparator: Comparator,
        right: Operand,
    },
    /// Both bounds included.
    Between {
        operand: Operand,
        low: Operand,
        high: Operand,
    },
    In {
        operand: Operand,
        options: Vec<Operand>,
    },
    Exists(Path),
    NotExists(Path),
    HasType {
        path: Path,
        value_type: ValueType,
    },
    /// Of a string or binary and another of its type.
    BeginsWith {
        operand: Operand,
        prefix: Operand,
    },
    /// A string within a string, a binary within a binary, an element in a set or list.
    Contains {
        operand: Operand,
        element: Operand,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    /// True also where either is not there.
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    Path(Path),
    Value(Arc<Value>),
    /// `size(…)`: UTF-16 units of a string, bytes of a binary, elements of everything else that has some.
    Size(Box<Operand>),
}

impl Condition {
    /// Reads a `ConditionExpression` ([`Kind::Condition`]) or `FilterExpression` ([`Kind::Filter`]).
    pub fn parse(
        kind: Kind,
        text: &str,
        placeholders: &mut Placeholders,
    ) -> Result<Condition, ExpressionError> {
        placeholders.check_size()?;
        let node = parser::parse_condition(kind, text)?;
        check::check_condition(kind, &node)?;
        Binder { kind, placeholders }.condition(&node)
    }

    /// All paths, in the order in which they were written.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.visit_paths(&mut |path| paths.push(path));
        paths
    }

    /// The attributes that it looks at.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.paths().into_iter().map(|path| path.root.as_str()).collect()
    }

    /// A query's filter must leave the key's attributes to the key condition.
    pub fn check_filter_of_query(&self, key_attributes: &[&str]) -> Result<(), ExpressionError> {
        let attributes = self.attributes();
        match key_attributes.iter().find(|name| attributes.contains(**name)) {
            None => Ok(()),
            Some(name) => Err(ExpressionError::new(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            ))),
        }
    }

    fn visit_paths<'c>(&'c self, visit: &mut impl FnMut(&'c Path)) {
        match self {
            Condition::And(conditions) | Condition::Or(conditions) => {
                conditions.iter().for_each(|condition| condition.visit_paths(visit));
            }
            Condition::Not(condition) => condition.visit_paths(visit),
            Condition::Compare { left, right, .. } => {
                left.visit_paths(visit);
                right.visit_paths(visit);
            }
            Condition::Between { operand, low, high } => {
                [operand, low, high].into_iter().for_each(|operand| operand.visit_paths(visit));
            }
            Condition::In { operand, options } => {
                operand.visit_paths(visit);
                options.iter().for_each(|option| option.visit_paths(visit));
            }
            Condition::Exists(path) | Condition::NotExists(path) | Condition::HasType { path, .. } => {
                visit(path)
            }
            Condition::BeginsWith { operand, prefix: other }
            | Condition::Contains { operand, element: other } => {
                operand.visit_paths(visit);
                other.visit_paths(visit);
            }
        }
    }
}

impl Operand {
    pub fn attribute(name: impl Into<String>) -> Operand {
        Operand::Path(Path::attribute(name))
    }

    pub fn value(value: impl Into<Value>) -> Operand {
        Operand::Value(Arc::new(value.into()))
    }

    /// What it is in any case: a path's type is known only of an item.
    pub(crate) fn known_type(&self) -> Option<ValueType> {
        match self {
            Operand::Path(_) => None,
            Operand::Value(value) => Some(value.value_type()),
            Operand::Size(_) => Some(ValueType::Number),
        }
    }

    fn visit_paths<'c>(&'c self, visit: &mut impl FnMut(&'c Path)) {
        match self {
            Operand::Path(path) => visit(path),
            Operand::Value(_) => {}
            Operand::Size(operand) => operand.visit_paths(visit),
        }
    }
}

impl Comparator {
    pub fn text(self) -> &'static str {
        match self {
            Comparator::Equal => "=",
            Comparator::NotEqual => "<>",
            Comparator::Less => "<",
            Comparator::LessOrEqual => "<=",
            Comparator::Greater => ">",
            Comparator::GreaterOrEqual => ">=",
        }
    }

    /// The one that holds with both sides exchanged.
    pub fn mirrored(self) -> Comparator {
        match self {
            Comparator::Equal | Comparator::NotEqual => self,
            Comparator::Less => Comparator::Greater,
            Comparator::LessOrEqual => Comparator::GreaterOrEqual,
            Comparator::Greater => Comparator::Less,
            Comparator::GreaterOrEqual => Comparator::LessOrEqual,
        }
    }
}
