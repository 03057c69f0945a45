//! What is published about authorisation: actions, resource types and condition keys of every service, the managed
//! policies with their documents, service-linked roles, and the actions that operations are authorised as.
//!
//! The facts are those of `models/authorization/`, packed when this crate is built. Names and heads are statics; a
//! service's facts or a policy's document are inflated when they are asked for, so that whoever asks for nothing pays
//! nothing. Surprising: an action's name is compared without regard to case, a policy's ARN with.

mod operations;
mod policies;
mod roles;
mod services;
mod shelf;

pub use operations::{OperationActions, operation_actions, prefix_of_model};
pub use policies::{ManagedPolicyHead, managed_policies, managed_policy, managed_policy_document};
pub use roles::{ServiceLinkedRole, service_linked_role, service_linked_roles};
pub use services::{
    AccessLevel, Action, ActionResource, ConditionKey, ConditionKeyType, ResourceType, ServiceFacts, action,
    service, service_name, services,
};

use std::sync::OnceLock;

use operations::ModelledService;
use services::ServiceHead;
use shelf::Place;

include!(concat!(env!("OUT_DIR"), "/index.rs"));
