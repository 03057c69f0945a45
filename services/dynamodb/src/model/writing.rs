//! What conditions and updates may say of key attributes.

use dynamodb_api::ReturnValuesOnConditionCheckFailure;
use item_engine::expression::{Action as UpdateAction, Condition, Path, Update};

use crate::directory::TableView;
use crate::error::Error;

/// Whether a condition that fails shows the item it failed for.
pub fn shows_failed(wanted: Option<&ReturnValuesOnConditionCheckFailure>) -> bool {
    wanted == Some(&ReturnValuesOnConditionCheckFailure::AllOld)
}

pub fn check_condition_keys(view: &TableView, condition: Option<&Condition>) -> Result<(), Error> {
    condition.map_or(Ok(()), |condition| check_paths(view, condition.paths().into_iter()))
}

/// An update leaves the item's key alone, and neither writes nor reads what lies inside of keys.
pub fn check_update_keys(view: &TableView, update: &Update) -> Result<(), Error> {
    let names: Vec<&str> = view.key.attributes().map(|attribute| attribute.name.as_str()).collect();
    update.check_keys(&names)?;
    check_paths(view, update.actions.iter().map(UpdateAction::path).chain(update.sources()))
}

/// Nothing lies inside of a key.
pub fn check_paths<'p>(view: &TableView, paths: impl Iterator<Item = &'p Path>) -> Result<(), Error> {
    for path in paths.filter(|path| !path.is_attribute()) {
        let root = &path.root;
        let whose = if view.key.contains(root) {
            "Key"
        } else if view.indexes.iter().any(|index| index.key.contains(root)) {
            "IndexKey"
        } else {
            continue;
        };
        return Err(Error::validation(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {whose}: {root}"
        )));
    }
    Ok(())
}
