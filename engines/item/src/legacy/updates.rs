//! AttributeUpdates.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::invalid;
use crate::error::ExpressionError;
use crate::expression::{Action, Path, SetValue, Update};
use crate::value::{Value, ValueType};

/// `Action`; without one, PUT.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AttributeAction {
    #[default]
    Put,
    Add,
    Delete,
}

/// `AttributeValueUpdate`.
#[derive(Debug, Clone, Default)]
pub struct AttributeUpdate {
    pub action: AttributeAction,
    pub value: Option<Value>,
}

impl AttributeAction {
    pub fn from_code(code: &str) -> Option<AttributeAction> {
        match code {
            "PUT" => Some(AttributeAction::Put),
            "ADD" => Some(AttributeAction::Add),
            "DELETE" => Some(AttributeAction::Delete),
            _ => None,
        }
    }
}

/// The update of AttributeUpdates. What goes wrong when it is applied is told by [`in_legacy_words`].
pub fn attribute_updates(updates: &BTreeMap<String, AttributeUpdate>) -> Result<Update, ExpressionError> {
    let actions = updates.iter().map(|(name, update)| action_of(name, update));
    Ok(Update { actions: actions.collect::<Result<_, _>>()? })
}

/// The older parameters have a message of their own for an item that an update does not fit.
pub fn in_legacy_words(error: ExpressionError) -> ExpressionError {
    match error.message.as_str() {
        "An operand in the update expression has an incorrect data type" => {
            ExpressionError::new("Type mismatch for attribute to update")
        }
        _ => error,
    }
}

fn action_of(name: &str, update: &AttributeUpdate) -> Result<Action, ExpressionError> {
    let path = Path::attribute(name);
    let Some(value) = &update.value else {
        return match update.action {
            AttributeAction::Delete => Ok(Action::Remove { path }),
            _ => Err(invalid("Only DELETE action is allowed when no attribute value is specified")),
        };
    };
    let value_type = value.value_type();
    let code = value_type.code();
    let value = Arc::new(value.clone());
    match update.action {
        AttributeAction::Put => Ok(Action::Set { path, value: SetValue::Value(value) }),
        AttributeAction::Delete if value_type.is_set() => Ok(Action::Delete { path, value }),
        AttributeAction::Delete => {
            Err(invalid(format_args!("DELETE action with value is not supported for the type {code}")))
        }
        AttributeAction::Add if value_type == ValueType::Number || value_type.is_set() => {
            Ok(Action::Add { path, value })
        }
        // Unlike ADD of an expression, this one appends to lists.
        AttributeAction::Add if value_type == ValueType::List => {
            let empty = SetValue::Value(Arc::new(Value::List(Vec::new())));
            let present = SetValue::IfNotExists(path.clone(), Box::new(empty));
            let value = SetValue::ListAppend(Box::new(present), Box::new(SetValue::Value(value)));
            Ok(Action::Set { path, value })
        }
        AttributeAction::Add => Err(invalid(format_args!("ADD action is not supported for the type {code}"))),
    }
}
