//! What the names of a query mean in a given object: decided once, before the first row.

use crate::error::{Code, SelectError};
use crate::sql::{Name, Path, Position, Query, Step};

/// Where the value of a path is to be found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Binding {
    /// In a column, from 0, and further within its value.
    Column(usize, Vec<Step>),
    /// In the value that the row is.
    Row(Vec<Step>),
}

/// Columns may have names, or only positions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Columns<'n> {
    Numbered,
    Named(&'n [String]),
}

/// For objects that have columns.
pub(crate) fn columns(query: &Query, columns: Columns<'_>) -> Result<Vec<Binding>, SelectError> {
    if !query.from.steps.is_empty() {
        return Err(Code::UnsupportedSqlStructure.into());
    }
    query.paths.iter().map(|path| column(query, path, columns)).collect()
}

fn column(query: &Query, path: &Path, columns: Columns<'_>) -> Result<Binding, SelectError> {
    let (name, qualified, rest) = match path.steps.split_first() {
        Some((Step::Name(column), rest)) if names_row(query, &path.first) => (column, true, rest),
        _ => (&path.first, false, path.steps.as_slice()),
    };
    let found = |index| Ok(Binding::Column(index, rest.to_vec()));
    if let Columns::Named(names) = columns {
        let mut fitting = names.iter().enumerate().filter(|(_, known)| name.fits(known));
        match (fitting.next(), fitting.next()) {
            (Some((index, _)), None) => return found(index),
            (Some(_), Some(_)) => return Err(Code::AmbiguousFieldName.into()),
            _ => {}
        }
    }
    match name.position() {
        Some(position) => found(position.map_err(|_| invalid_index(path.at))?),
        // Observed: without headers, a bare name is no column's index, and one behind an alias no header.
        None if !qualified && matches!(columns, Columns::Numbered) => Err(invalid_index(path.at)),
        None => Err(Code::MissingHeaders.into()),
    }
}

fn invalid_index(at: Position) -> SelectError {
    let message =
        format!("The column index at {at} is invalid. Please check the service documentation and try again.");
    SelectError::saying(Code::InvalidColumnIndex, message)
}

/// For objects whose rows are values, with members as they come.
pub(crate) fn values(query: &Query) -> Vec<Binding> {
    let unnamed = |name: &Name| query.from.alias.is_none() && name.text == "_1";
    let bind = |path: &Path| match names_row(query, &path.first) || unnamed(&path.first) {
        true => Binding::Row(path.steps.clone()),
        false => {
            let first = Step::Name(path.first.clone());
            Binding::Row(std::iter::once(first).chain(path.steps.iter().cloned()).collect())
        }
    };
    query.paths.iter().map(bind).collect()
}

/// Whether a name means the row: its alias, or the object's own name where there is no alias.
fn names_row(query: &Query, name: &Name) -> bool {
    match &query.from.alias {
        Some(alias) => name.fits(&alias.text),
        None => name.fits("S3Object") || name.text.eq_ignore_ascii_case("s3object"),
    }
}
