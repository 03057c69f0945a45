//! Rules as pure functions: nothing asynchronous, no store, no clock.

pub mod arns;
pub mod check;
pub mod lifecycle;
pub mod lock;
pub mod restoring;
pub mod schedule;
pub mod selection;
pub mod templates;
