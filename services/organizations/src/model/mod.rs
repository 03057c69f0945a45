//! Rules, as pure functions: no store, no clock, nothing asynchronous.

pub mod arns;
pub mod effective;
pub mod ids;
pub mod managed;
pub mod policy_document;
pub mod policy_type;
pub mod roles;
pub mod tags;
