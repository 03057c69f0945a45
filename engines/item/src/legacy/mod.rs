//! The parameters from before expressions: Expected, AttributeUpdates, KeyConditions, QueryFilter, ScanFilter,
//! AttributesToGet.
//!
//! They become the same trees as expressions do. Attributes are taken in the order of their names; of several mistakes
//! the first is told. See "Legacy conditional parameters" in the developer guide, and DAX's client, in which AWS
//! translates them itself.
//!
//! What mixes old and new parameters is refused by [`check_mixture`], before anything else is looked at.

mod conditions;
mod keys;
mod mixture;
mod updates;

#[cfg(test)]
mod tests;

pub use conditions::{Comparison, ConditionalOperator, Expected, Filter, expected, filter};
pub use keys::{KeyConditions, attributes_to_get, check_query_filter};
pub use mixture::{check_conditional_operator, check_mixture};
pub use updates::{AttributeAction, AttributeUpdate, attribute_updates, in_legacy_words};

use crate::error::ExpressionError;

fn invalid(what: impl std::fmt::Display) -> ExpressionError {
    ExpressionError::new(format!("One or more parameter values were invalid: {what}"))
}
