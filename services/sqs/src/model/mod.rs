//! The rules of SQS, as pure functions: no store, no clock, nothing asynchronous.

pub mod address;
pub mod attributes;
pub mod batch;
pub mod envelope;
pub mod handle;
pub mod message;
pub mod message_attributes;
pub mod name;
pub mod permissions;
pub mod redrive;
pub mod sealed;
