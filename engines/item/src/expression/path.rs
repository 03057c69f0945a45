//! Document paths: an attribute, and names and indexes into it.

use std::fmt;

use crate::value::{Item, Value};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// The attribute.
    pub root: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Of a map.
    Name(String),
    /// Of a list, from zero.
    Index(usize),
}

impl Path {
    pub fn attribute(name: impl Into<String>) -> Path {
        Path { root: name.into(), steps: Vec::new() }
    }

    /// Whether it is a whole attribute.
    pub fn is_attribute(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many names and indexes it has, the attribute's included.
    pub fn depth(&self) -> usize {
        1 + self.steps.len()
    }

    /// The value there, if there is one.
    pub fn resolve<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        self.steps.iter().try_fold(item.get(&self.root)?, |value, step| step.follow(value))
    }

    /// The value that holds the last step's; none for whole attributes.
    pub fn parent<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let (_, steps) = self.steps.split_last()?;
        steps.iter().try_fold(item.get(&self.root)?, |value, step| step.follow(value))
    }

    pub(crate) fn resolve_mut<'a>(&self, item: &'a mut Item) -> Option<&'a mut Value> {
        Step::follow_mut(&self.steps, item.get_mut(&self.root)?)
    }

    pub(crate) fn parent_mut<'a>(&self, item: &'a mut Item) -> Option<&'a mut Value> {
        let (_, steps) = self.steps.split_last()?;
        Step::follow_mut(steps, item.get_mut(&self.root)?)
    }
}

impl Step {
    fn follow<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match (self, value) {
            (Step::Name(name), Value::Map(entries)) => entries.get(name),
            (Step::Index(index), Value::List(values)) => values.get(*index),
            _ => None,
        }
    }

    fn follow_mut<'a>(steps: &[Step], value: &'a mut Value) -> Option<&'a mut Value> {
        steps.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Name(name), Value::Map(entries)) => entries.get_mut(name),
            (Step::Index(index), Value::List(values)) => values.get_mut(*index),
            _ => None,
        })
    }

    /// Whether it goes into what the value is.
    pub(crate) fn fits(&self, value: &Value) -> bool {
        matches!((self, value), (Step::Name(_), Value::Map(_)) | (Step::Index(_), Value::List(_)))
    }
}

/// As messages have it: `[orders, [0], price]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.root)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
