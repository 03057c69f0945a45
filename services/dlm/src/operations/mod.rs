//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod authorise;
pub mod create;
mod details;
pub mod plan;
pub mod policies;
pub mod tags;

use service::Call;

use crate::Dlm;
use crate::error::Error;
use crate::records::{POLICIES, PolicyRecord};

/// The policy of an id.
///
/// # Errors
/// `ResourceNotFoundException`
pub async fn find(dlm: &Dlm, call: &Call, id: &str) -> Result<PolicyRecord, Error> {
    let scope = &call.scope();
    let found = dlm.store.read(|tx| async move { POLICIES.get(&tx, scope, id).await }).await?;
    found.ok_or_else(|| Error::PolicyNotFound(id.to_owned()))
}
