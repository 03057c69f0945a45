//! What SET and REMOVE do, as the update that expressions have.

use std::sync::Arc;

use super::columns::path;
use super::error::unsupported;
use super::literal;
use super::tree::{Change, Node, Term};
use crate::error::ExpressionError;
use crate::expression::{Action, Arithmetic, Path, SetValue, Update};

pub(super) fn update(changes: &[Change]) -> Result<Update, ExpressionError> {
    let mut actions: Vec<Action> = Vec::with_capacity(changes.len());
    for change in changes {
        let action = match change {
            Change::Set(target, value) => assignment(path(target)?, value)?,
            Change::Remove(target) => Action::Remove { path: path(target)? },
        };
        if let Some(other) = actions.iter().find(|other| meet(other.path(), action.path())) {
            return Err(ExpressionError::new(format!(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: \
                 {}, path two: {}",
                other.path(),
                action.path()
            )));
        }
        actions.push(action);
    }
    Ok(Update { actions })
}

/// Whether one is the other or leads into it.
fn meet(one: &Path, other: &Path) -> bool {
    one.root == other.root && one.steps.iter().zip(&other.steps).all(|(one, other)| one == other)
}

fn assignment(target: Path, value: &Node) -> Result<Action, ExpressionError> {
    let Term::Call(name, arguments) = &value.term else {
        return Ok(Action::Set { path: target, value: set_value(value)? });
    };
    let action = match name.as_str() {
        "set_add" => |path, value| Action::Add { path, value },
        "set_delete" => |path, value| Action::Delete { path, value },
        _ => return Ok(Action::Set { path: target, value: set_value(value)? }),
    };
    let [first, second] = arguments.as_slice() else { return Err(wrong_count(name, arguments.len())) };
    if path(first)? != target {
        let function = name.to_uppercase();
        return Err(unsupported(
            format_args!("The first argument to {function} must equal the assignment value"),
            value.span,
        ));
    }
    let members = literal::value(second)?;
    if !members.value_type().is_set() {
        let code = members.value_type().code();
        return Err(ExpressionError::new(format!(
            "Incorrect operand type for operator or function; operator or function: {name}, operand type: {code}"
        )));
    }
    Ok(action(target, Arc::new(members)))
}

fn set_value(node: &Node) -> Result<SetValue, ExpressionError> {
    match &node.term {
        Term::Name(_) | Term::Path(_, _) => path(node).map(SetValue::Path),
        Term::Binary(operator @ ("+" | "-"), left, right) if !literal::is_value(node) => {
            let operator = if *operator == "+" { Arithmetic::Add } else { Arithmetic::Subtract };
            let (left, right) = (Box::new(set_value(left)?), Box::new(set_value(right)?));
            Ok(SetValue::Arithmetic(operator, left, right))
        }
        Term::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
            ("list_append", [first, second]) => {
                Ok(SetValue::ListAppend(Box::new(set_value(first)?), Box::new(set_value(second)?)))
            }
            ("list_append", _) => Err(wrong_count(name, arguments.len())),
            _ => Err(unsupported(format_args!("Unsupported function: {name}"), node.span)),
        },
        _ => literal::value(node).map(|value| SetValue::Value(Arc::new(value))),
    }
}

fn wrong_count(name: &str, count: usize) -> ExpressionError {
    ExpressionError::new(format!(
        "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
    ))
}
