//! What an update makes of an item.
//!
//! All values are told by the item as it was: `SET a = b, b = a` exchanges two attributes. Removals from a list mean
//! the places that its elements had before, and what is set behind a list's end follows its last element, in the
//! order of the indexes. DynamoDB tells mistakes in this order: a path into what is neither list nor map; a wrong type
//! of an operand anywhere; then, from the last section to the first, a path that leads nowhere, and an attribute that
//! is read and not there; at last numbers out of range.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Action, Arithmetic, SetValue, Update};
use crate::error::ExpressionError;
use crate::expression::{Path, Step};
use crate::number::NumberError;
use crate::value::{Item, Value};

const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const WRONG_PATH: &str = "The document path provided in the update expression is invalid for update";
const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";

/// Why a value cannot be told.
enum Failure {
    WrongType,
    /// An attribute that is read is not there.
    Missing,
    Number(NumberError),
}

/// What an action comes to.
enum Outcome {
    Put(Value),
    Remove,
    Nothing,
}

impl Update {
    /// The item afterwards; the one before stays as it is.
    pub fn apply(&self, item: &Item) -> Result<Item, ExpressionError> {
        let outcomes = self.outcomes(item)?;
        Ok(self.finish(item.clone(), outcomes))
    }

    /// The same where nobody needs the item before any more, which then is not copied.
    pub fn apply_to(&self, item: Item) -> Result<Item, ExpressionError> {
        let outcomes = self.outcomes(&item)?;
        Ok(self.finish(item, outcomes))
    }

    fn finish(&self, mut after: Item, outcomes: Vec<Outcome>) -> Item {
        // Lists wait until everything that goes through their elements is done, for elements move.
        let mut lists: BTreeMap<Path, BTreeMap<usize, Outcome>> = BTreeMap::new();
        for (action, outcome) in self.actions.iter().zip(outcomes) {
            let path = action.path();
            match path.steps.split_last() {
                None => put(&mut after, &path.root, outcome),
                Some((Step::Name(name), _)) => {
                    if let Some(Value::Map(entries)) = path.parent_mut(&mut after) {
                        put(entries, name, outcome);
                    }
                }
                Some((Step::Index(index), parents)) => {
                    let list = Path { root: path.root.clone(), steps: parents.to_vec() };
                    lists.entry(list).or_default().insert(*index, outcome);
                }
            }
        }
        let mut lists: Vec<_> = lists.into_iter().collect();
        lists.sort_by_key(|(list, _)| Reverse(list.depth()));
        for (list, elements) in lists {
            if let Some(Value::List(values)) = list.resolve_mut(&mut after) {
                change_elements(values, elements);
            }
        }
        after
    }

    fn outcomes(&self, item: &Item) -> Result<Vec<Outcome>, ExpressionError> {
        let paths = self.actions.iter().map(Action::path);
        if paths.clone().any(|path| path.parent(item).is_some_and(|parent| !fits(path, parent))) {
            return Err(ExpressionError::new(WRONG_PATH));
        }
        let outcomes: Vec<_> = self.actions.iter().map(|action| action.outcome(item)).collect();
        if outcomes.iter().any(|outcome| matches!(outcome, Err(Failure::WrongType))) {
            return Err(ExpressionError::new(WRONG_TYPE));
        }
        for section in self.sections().rev() {
            if section.clone().any(|index| !is_reachable(self.actions[index].path(), item)) {
                return Err(ExpressionError::new(WRONG_PATH));
            }
            if section.clone().any(|index| matches!(outcomes[index], Err(Failure::Missing))) {
                return Err(ExpressionError::new(MISSING));
            }
        }
        outcomes.into_iter().map(|outcome| outcome.map_err(ExpressionError::from)).collect()
    }

    /// Runs of actions of the same kind, by their places.
    fn sections(&self) -> impl DoubleEndedIterator<Item = std::ops::Range<usize>> + use<> {
        let mut sections: Vec<std::ops::Range<usize>> = Vec::new();
        for (index, action) in self.actions.iter().enumerate() {
            let same = index.checked_sub(1).is_some_and(|before| {
                std::mem::discriminant(&self.actions[before]) == std::mem::discriminant(action)
            });
            match sections.last_mut() {
                Some(section) if same => section.end = index + 1,
                _ => sections.push(index..index + 1),
            }
        }
        sections.into_iter()
    }
}

impl Action {
    fn outcome(&self, item: &Item) -> Result<Outcome, Failure> {
        let present = self.path().resolve(item);
        match self {
            Action::Set { value, .. } => value.tell(item).map(|value| Outcome::Put(value.into_owned())),
            Action::Remove { .. } => Ok(Outcome::Remove),
            Action::Add { value, .. } => match present {
                None => Ok(Outcome::Put(Value::clone(value))),
                Some(present) => add(present, value).map(Outcome::Put),
            },
            Action::Delete { value, .. } => match present {
                None => Ok(Outcome::Nothing),
                Some(present) => Ok(without(present, value)?.map_or(Outcome::Remove, Outcome::Put)),
            },
        }
    }
}

impl SetValue {
    fn tell<'a>(&'a self, item: &'a Item) -> Result<Cow<'a, Value>, Failure> {
        match self {
            SetValue::Value(value) => Ok(Cow::Borrowed(value)),
            SetValue::Path(path) => path.resolve(item).map(Cow::Borrowed).ok_or(Failure::Missing),
            SetValue::IfNotExists(path, otherwise) => match path.resolve(item) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => otherwise.tell(item),
            },
            SetValue::ListAppend(one, other) => {
                let Value::List(mut values) = one.tell(item)?.into_owned() else {
                    return Err(Failure::WrongType);
                };
                let Value::List(more) = other.tell(item)?.into_owned() else {
                    return Err(Failure::WrongType);
                };
                values.extend(more);
                Ok(Cow::Owned(Value::List(values)))
            }
            SetValue::Arithmetic(operator, one, other) => {
                let Value::Number(one) = *one.tell(item)? else { return Err(Failure::WrongType) };
                let Value::Number(other) = *other.tell(item)? else { return Err(Failure::WrongType) };
                let result = match operator {
                    Arithmetic::Add => one.add(&other),
                    Arithmetic::Subtract => one.subtract(&other),
                };
                result.map(|number| Cow::Owned(Value::Number(number))).map_err(Failure::Number)
            }
        }
    }
}

impl From<Failure> for ExpressionError {
    fn from(failure: Failure) -> ExpressionError {
        match failure {
            Failure::WrongType => ExpressionError::new(WRONG_TYPE),
            Failure::Missing => ExpressionError::new(MISSING),
            Failure::Number(error) => ExpressionError::new(error.to_string()),
        }
    }
}

fn add(present: &Value, more: &Value) -> Result<Value, Failure> {
    match (present, more) {
        (Value::Number(present), Value::Number(more)) => {
            present.add(more).map(Value::Number).map_err(Failure::Number)
        }
        (Value::StringSet(present), Value::StringSet(more)) => Ok(Value::StringSet(present | more)),
        (Value::NumberSet(present), Value::NumberSet(more)) => Ok(Value::NumberSet(present | more)),
        (Value::BinarySet(present), Value::BinarySet(more)) => Ok(Value::BinarySet(present | more)),
        _ => Err(Failure::WrongType),
    }
}

/// The set without the elements of another; none when nothing is left.
fn without(present: &Value, less: &Value) -> Result<Option<Value>, Failure> {
    let left = match (present, less) {
        (Value::StringSet(present), Value::StringSet(less)) => Value::StringSet(present - less),
        (Value::NumberSet(present), Value::NumberSet(less)) => Value::NumberSet(present - less),
        (Value::BinarySet(present), Value::BinarySet(less)) => Value::BinarySet(present - less),
        _ => return Err(Failure::WrongType),
    };
    let empty = match &left {
        Value::StringSet(set) => set.is_empty(),
        Value::NumberSet(set) => set.is_empty(),
        Value::BinarySet(set) => set.is_empty(),
        _ => false,
    };
    Ok((!empty).then_some(left))
}

fn fits(path: &Path, parent: &Value) -> bool {
    path.steps.last().is_none_or(|step| step.fits(parent))
}

/// Whether everything in front of the last step is there.
fn is_reachable(path: &Path, item: &Item) -> bool {
    path.is_attribute() || path.parent(item).is_some_and(|parent| fits(path, parent))
}

fn put(entries: &mut BTreeMap<String, Value>, name: &str, outcome: Outcome) {
    match outcome {
        Outcome::Put(value) => {
            entries.insert(name.to_owned(), value);
        }
        Outcome::Remove => {
            entries.remove(name);
        }
        Outcome::Nothing => {}
    }
}

/// `changes` are by the places before the update, the lowest first.
fn change_elements(values: &mut Vec<Value>, changes: BTreeMap<usize, Outcome>) {
    let mut removed = Vec::new();
    let length = values.len();
    for (index, outcome) in changes {
        match outcome {
            Outcome::Put(value) if index < length => values[index] = value,
            Outcome::Put(value) => values.push(value),
            Outcome::Remove if index < length => removed.push(index),
            Outcome::Remove | Outcome::Nothing => {}
        }
    }
    for index in removed.into_iter().rev() {
        values.remove(index);
    }
}
