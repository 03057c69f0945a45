//! Data Lifecycle Manager's behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod defaults;
mod images;
mod permissions;
mod policies;
mod rules;
mod schedules;
mod shared;
mod support;
