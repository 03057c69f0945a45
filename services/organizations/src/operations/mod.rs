//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod accounts;
pub mod administrators;
pub mod all_features;
pub mod attachments;
pub mod authorise;
pub mod closing;
pub mod creations;
pub mod effective_policies;
pub mod handshakes;
pub mod invitations;
pub mod leaving;
pub mod organization;
pub mod pages;
pub mod policies;
pub mod policy_types;
pub mod resource_policies;
pub mod service_access;
pub mod standing;
pub mod tags;
pub mod tree;
pub mod units;
