//! Background work of SQS. Everything about messages and time is the engine's own; here is what records need.

pub mod forget_deleted;
pub mod move_messages;
