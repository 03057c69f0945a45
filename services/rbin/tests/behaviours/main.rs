//! Recycle Bin's behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod bin;
mod locks;
mod rules;
mod support;
