//! What a Query or Scan may ask of a table or index: `Select` and what goes with it, the index itself, and where a page
//! begins.

use dynamodb_api::Select;
use item_engine::expression::{self, Condition, KeyPart, Projection};
use item_engine::keys::KeyRange as Keys;
use item_engine::{Item, ValueType, keys};
use table_engine::{Direction, KeyRange};

use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::model::indexing;
use crate::model::key_schema::{self, KeyAttribute, ScalarType};
use crate::model::primary_key;
use crate::records::IndexKind;

/// Which operation's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Query,
    Scan,
}

/// What of the items is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Count,
    All,
    /// What the index has, which is all of a table.
    Projected,
    Specific,
}

/// Which parameter asks for attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asking {
    Nothing,
    Older,
    Expression,
}

/// Checks `Select` against the parameters that ask for attributes.
pub fn wanted(
    reader: Reader,
    select: Option<&Select>,
    asking: Asking,
    has_index: bool,
) -> Result<Wanted, Error> {
    let with_attributes = |what: &str| match asking {
        Asking::Nothing => Ok(()),
        Asking::Older => {
            Err(Error::validation(format!("Cannot specify the AttributesToGet when choosing to get {what}")))
        }
        Asking::Expression => Err(Error::validation(format!(
            "Cannot specify the ProjectionExpression when choosing to get {what}"
        ))),
    };
    match select {
        None | Some(Select::Unknown(_)) if asking != Asking::Nothing => Ok(Wanted::Specific),
        None | Some(Select::Unknown(_)) if has_index => Ok(Wanted::Projected),
        None | Some(Select::Unknown(_)) => Ok(Wanted::All),
        Some(Select::AllAttributes) => with_attributes("ALL_ATTRIBUTES").map(|()| Wanted::All),
        Some(Select::AllProjectedAttributes) => {
            with_attributes("ALL_PROJECTED_ATTRIBUTES")?;
            if !has_index {
                let verb = if reader == Reader::Query { "Querying" } else { "Scanning" };
                return Err(Error::validation(format!(
                    "ALL_PROJECTED_ATTRIBUTES can be used only when {verb} using an IndexName"
                )));
            }
            Ok(Wanted::Projected)
        }
        Some(Select::SpecificAttributes) if asking == Asking::Nothing => Err(Error::validation(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        )),
        Some(Select::SpecificAttributes) => Ok(Wanted::Specific),
        Some(Select::Count) => with_attributes("only the Count").map(|()| Wanted::Count),
    }
}

/// The place of the index that a request names. One that is being filled cannot be read yet.
pub fn index_of(view: &TableView, name: &str, consistent: bool) -> Result<usize, Error> {
    let place = view.indexes.iter().position(|index| index.name == name);
    let Some(place) = place else {
        return Err(Error::validation(format!("The table does not have the specified index: {name}")));
    };
    let index = &view.indexes[place];
    if index.kind == IndexKind::Global && consistent {
        return Err(Error::validation("Consistent reads are not supported on global secondary indexes"));
    }
    if !index.readable {
        return Err(Error::validation(format!(
            "Cannot read from backfilling global secondary index: {name}"
        )));
    }
    Ok(place)
}

/// Whether what is wanted of an index has to be read from its table, which only local indexes do.
pub fn check_index_has(
    view: &TableView,
    index: &IndexView,
    wanted: Wanted,
    projection: Option<&Projection>,
    filter: Option<&Condition>,
) -> Result<bool, Error> {
    let Some(has) = indexing::names(view, index) else { return Ok(false) };
    let is_local = index.kind == IndexKind::Local;
    if wanted == Wanted::All {
        return if is_local {
            Ok(true)
        } else {
            Err(Error::invalid_values(format_args!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection type \
                 is not ALL",
                index.name
            )))
        };
    }
    let asked = projection.into_iter().flat_map(Projection::attributes);
    let missing: Vec<&str> = asked.filter(|name| has.binary_search(name).is_err()).collect();
    if !missing.is_empty() && !is_local {
        return Err(Error::invalid_values(format_args!(
            "Global secondary index {} does not project [{}]",
            index.name,
            missing.join(", ")
        )));
    }
    let filtered = filter.map(Condition::attributes).unwrap_or_default();
    let lacks_filtered = filtered.iter().any(|name| has.binary_search(name).is_err());
    Ok(is_local && (!missing.is_empty() || lacks_filtered))
}

/// A key schema as the engine's rules take it, in the arrays that it borrows from.
pub fn with_parts<T>(key: &key_schema::KeySchema, run: impl FnOnce(expression::KeySchema<'_>) -> T) -> T {
    fn part(attribute: &KeyAttribute) -> KeyPart<'_> {
        let value_type = match attribute.kind {
            ScalarType::S => ValueType::String,
            ScalarType::N => ValueType::Number,
            ScalarType::B => ValueType::Binary,
        };
        KeyPart { name: &attribute.name, value_type }
    }
    let hash: Vec<KeyPart<'_>> = key.hash_attributes().map(part).collect();
    let range: Vec<KeyPart<'_>> = key.range_attributes().map(part).collect();
    run(expression::KeySchema { hash: &hash, range: &range })
}

pub fn engine_range(range: Keys) -> KeyRange {
    KeyRange { start: range.start.into(), end: range.end.map(Into::into) }
}

/// `ExclusiveStartKey` as the engine's key: of the table, or of the index with the item's own behind it.
pub fn start_key(
    reader: Reader,
    view: &TableView,
    index: Option<&IndexView>,
    start: &Item,
) -> Result<Vec<u8>, Error> {
    let invalid = || {
        Error::validation(match reader {
            Reader::Query => "The provided starting key is invalid".to_owned(),
            Reader::Scan => {
                "The provided starting key is invalid: The provided key element does not match the \
                             schema"
                    .to_owned()
            }
        })
    };
    let index_key = index.into_iter().flat_map(|index| index.key.attributes());
    let mut names: Vec<&str> =
        view.key.attributes().chain(index_key).map(|attribute| attribute.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if start.len() != names.len() || !names.iter().all(|name| start.contains_key(*name)) {
        return Err(invalid());
    }
    let own = primary_key::only_key(&view.key, start);
    let own = primary_key::of_key(&view.key, &own).map_err(|error| match error {
        Error::Validation(message) => {
            Error::validation(format!("The provided starting key is invalid: {message}"))
        }
        other => other,
    })?;
    match index {
        None => Ok(own),
        Some(index) => primary_key::in_index(index, start, &own).ok_or_else(invalid),
    }
}

/// The part of a query's range behind a start key, which has to lie in it.
pub fn behind(
    range: &KeyRange,
    start: &[u8],
    is_in_partition: bool,
    has_range: bool,
    direction: Direction,
) -> Result<KeyRange, Error> {
    if !is_in_partition {
        return Err(Error::validation(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    let is_below = start < &range.start[..];
    let is_above = range.end.as_ref().is_some_and(|end| start >= &end[..]);
    if has_range && (is_below || is_above) {
        return Err(Error::validation("The provided starting key does not match the range key predicate"));
    }
    Ok(range.beyond(start, direction))
}

/// The keys of a segment of a parallel scan, and whether a start key is one of them.
pub fn segment(segment: i32, total: i32) -> KeyRange {
    let number = |value: i32| u32::try_from(value).unwrap_or_default();
    engine_range(keys::segment(number(segment), number(total)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(select: Option<&Select>, asking: Asking, has_index: bool) -> String {
        match wanted(Reader::Query, select, asking, has_index) {
            Ok(wanted) => format!("{wanted:?}"),
            Err(Error::Validation(message)) => message,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn select_goes_with_what_asks_for_attributes() {
        use Asking::{Expression, Nothing, Older};
        for (select, asking, has_index, expected) in [
            (None, Nothing, false, "All"),
            (None, Nothing, true, "Projected"),
            (None, Expression, true, "Specific"),
            (Some(Select::Count), Nothing, false, "Count"),
            (
                Some(Select::Count),
                Expression,
                false,
                "Cannot specify the ProjectionExpression when choosing to get only the Count",
            ),
            (
                Some(Select::AllAttributes),
                Older,
                false,
                "Cannot specify the AttributesToGet when choosing to get ALL_ATTRIBUTES",
            ),
            (
                Some(Select::AllProjectedAttributes),
                Nothing,
                false,
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            ),
            (
                Some(Select::SpecificAttributes),
                Nothing,
                false,
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
            ),
        ] {
            assert_eq!(message(select.as_ref(), asking, has_index), expected);
        }
    }
}
