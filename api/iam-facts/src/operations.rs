//! Which actions the operations of the modelled services are authorised as.

use crate::{MODELS, action};

/// A service of `models/`, by the name it has there.
#[derive(Debug)]
pub struct ModelledService {
    pub name: &'static str,
    pub prefix: &'static str,
    /// Operations of which no source says what they are authorised as.
    pub unknown: &'static [&'static str],
    /// Operations that are not authorised as the action of their own name.
    pub different: &'static [(&'static str, &'static [&'static str])],
}

/// What an operation is authorised as. Actions have their service's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationActions {
    /// The action of the operation's own name.
    Same(String),
    /// These. Of several, either all are needed (`CopyObject`) or those that fit the input (`ExecuteStatement`).
    Different(&'static [&'static str]),
    /// No source knows; by the general rule it is the action of the operation's own name.
    Unknown(String),
}

/// By the names in `models/`, as in `s3` and `ListObjectsV2`. Nothing if the service is not modelled.
pub fn operation_actions(service: &str, operation: &str) -> Option<OperationActions> {
    let model = MODELS.iter().find(|model| model.name == service)?;
    if let Ok(index) = model.different.binary_search_by(|(name, _)| (*name).cmp(operation)) {
        return Some(OperationActions::Different(model.different[index].1));
    }
    let own = format!("{}:{operation}", model.prefix);
    if model.unknown.contains(&operation) || action(model.prefix, operation).is_none() {
        return Some(OperationActions::Unknown(own));
    }
    Some(OperationActions::Same(own))
}

/// What the actions of a modelled service start with, as `elasticloadbalancing` of `elbv2`.
pub fn prefix_of_model(service: &str) -> Option<&'static str> {
    MODELS.iter().find(|model| model.name == service).map(|model| model.prefix)
}
