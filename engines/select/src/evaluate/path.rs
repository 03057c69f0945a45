//! Paths: into the values of a row, and from an object's values to its rows.

use std::borrow::Cow;

use super::Row;
use crate::bind::Binding;
use crate::error::{Code, SelectError};
use crate::sql::{FromStep, Name, Step};
use crate::value::{Value, json};

/// The value that a path leads to, MISSING if it leads nowhere.
pub(super) fn find<'r>(row: Row<'r>, binding: &Binding) -> Result<Value<'r>, SelectError> {
    match (row, binding) {
        (Row::Csv(record), Binding::Column(column, steps)) => Ok(match record.field(*column) {
            Some(text) if steps.is_empty() => Value::String(Cow::Borrowed(text)),
            _ => Value::Missing,
        }),
        (Row::Columns(columns), Binding::Column(column, steps)) => match columns.get(*column) {
            Some(value) if steps.is_empty() => Ok(value.borrowed()),
            Some(Value::Nested(text)) => read(walk(text, steps)?),
            _ => Ok(Value::Missing),
        },
        (Row::Value(Some(text)), Binding::Row(steps)) => read(walk(text, steps)?),
        _ => Ok(Value::Missing),
    }
}

fn read(text: Option<&str>) -> Result<Value<'_>, SelectError> {
    text.map_or(Ok(Value::Missing), json::read)
}

fn walk<'t>(text: &'t str, steps: &[Step]) -> Result<Option<&'t str>, SelectError> {
    let mut at = text;
    for step in steps {
        match child(at, step)? {
            Some(child) => at = child,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn child<'t>(text: &'t str, step: &Step) -> Result<Option<&'t str>, SelectError> {
    match step {
        Step::Name(name) => member(text, name),
        Step::Index(index) => {
            let Some(mut elements) = json::elements(text) else { return Ok(None) };
            elements.nth(*index).map(|element| Ok(element?.1)).transpose()
        }
    }
}

/// An error if several fit.
fn member<'t>(text: &'t str, name: &Name) -> Result<Option<&'t str>, SelectError> {
    let mut found = None;
    for member in json::members(text).into_iter().flatten() {
        let (key, value) = member?;
        if key.is_some_and(|key| name.fits(&key)) {
            if found.is_some() {
                return Err(Code::AmbiguousFieldName.into());
            }
            found = Some(value);
        }
    }
    Ok(found)
}

/// The rows that the path of FROM makes of one value of the object. A wildcard that finds nothing gives one row
/// that is MISSING, and so does a name.
pub(crate) fn rows<'t>(
    text: &'t str,
    steps: &[FromStep],
    row: &mut dyn FnMut(Option<&'t str>) -> Result<(), SelectError>,
) -> Result<(), SelectError> {
    let Some((step, rest)) = steps.split_first() else { return row(Some(text)) };
    let children = match step {
        FromStep::Step(step) => {
            return match child(text, step)? {
                Some(child) => rows(child, rest, row),
                None => row(None),
            };
        }
        FromStep::EveryMember => json::members(text),
        FromStep::EveryElement => json::elements(text),
    };
    let mut none = true;
    for child in children.into_iter().flatten() {
        none = false;
        rows(child?.1, rest, row)?;
    }
    if none { row(None) } else { Ok(()) }
}
