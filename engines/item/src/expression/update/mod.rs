//! Updates as trees, which can be written by hand as well: the older parameters and PartiQL are.

mod apply;
mod read;

use std::sync::Arc;

use super::{Path, Projection};
use crate::error::ExpressionError;
use crate::value::Value;

/// What is done to an item. [`apply`](Update::apply) does it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update {
    /// In the order in which they were written; their paths do not meet.
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Set {
        path: Path,
        value: SetValue,
    },
    Remove {
        path: Path,
    },
    /// A number is added to a number, a set to a set; what is not there begins with the value.
    Add {
        path: Path,
        value: Arc<Value>,
    },
    /// A set's elements are taken out of a set; an empty set is no more there.
    Delete {
        path: Path,
        value: Arc<Value>,
    },
}

/// What a SET writes, told by the item as it was before the update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetValue {
    Value(Arc<Value>),
    /// What is there.
    Path(Path),
    /// What is there, or else.
    IfNotExists(Path, Box<SetValue>),
    ListAppend(Box<SetValue>, Box<SetValue>),
    Arithmetic(Arithmetic, Box<SetValue>, Box<SetValue>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
}

impl Action {
    pub fn path(&self) -> &Path {
        match self {
            Action::Set { path, .. }
            | Action::Remove { path }
            | Action::Add { path, .. }
            | Action::Delete { path, .. } => path,
        }
    }
}

impl Update {
    /// The paths that are written: applied to the item before and after, they are what `UPDATED_OLD` and
    /// `UPDATED_NEW` answer.
    pub fn targets(&self) -> Projection {
        Projection::of(self.actions.iter().map(|action| action.path().clone()))
    }

    /// The attributes that are written, in the order of the actions.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|action| action.path().root.as_str())
    }

    /// The paths that SET reads from.
    pub fn sources(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        for action in &self.actions {
            if let Action::Set { value, .. } = action {
                value.add_paths(&mut paths);
            }
        }
        paths
    }

    /// That the key stays as it is.
    pub fn check_keys(&self, key_attributes: &[&str]) -> Result<(), ExpressionError> {
        match self.attributes().find(|name| key_attributes.contains(name)) {
            None => Ok(()),
            Some(name) => Err(ExpressionError::new(format!(
                "One or more parameter values were invalid: Cannot update attribute {name}. This attribute is \
                 part of the key"
            ))),
        }
    }
}

impl SetValue {
    fn add_paths<'u>(&'u self, paths: &mut Vec<&'u Path>) {
        match self {
            SetValue::Value(_) => {}
            SetValue::Path(path) => paths.push(path),
            SetValue::IfNotExists(path, otherwise) => {
                paths.push(path);
                otherwise.add_paths(paths);
            }
            SetValue::ListAppend(one, other) | SetValue::Arithmetic(_, one, other) => {
                one.add_paths(paths);
                other.add_paths(paths);
            }
        }
    }
}

impl Arithmetic {
    pub fn text(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
        }
    }
}
