//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod authorise;
pub mod locks;
pub mod making;
pub mod rules;
pub mod tags;

use store::{Select, StoreError, Tx};

use crate::error::Error;
use crate::limits::RULES_MAX;
use crate::records::{Place, RULES, RuleRecord};

/// The rule of an id.
///
/// # Errors
/// `ResourceNotFoundException`
async fn find(tx: &Tx, place: &Place, id: &str) -> Result<RuleRecord, Error> {
    RULES.get(tx, place, id).await?.ok_or_else(|| Error::RuleNotFound(id.to_owned()))
}

/// All rules of an account in a region, by their ids.
async fn all(tx: &Tx, place: &Place) -> Result<Vec<(String, RuleRecord)>, StoreError> {
    Ok(RULES.scan(tx, place, Select::ALL, RULES_MAX).await?.records)
}
