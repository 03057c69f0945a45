//! AWS Backup's behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod broken_off;
mod copies;
mod jobs;
mod permissions;
mod plans;
mod restores;
mod settings;
mod support;
mod vaults;
