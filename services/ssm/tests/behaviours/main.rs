//! The Parameter Store's behaviours, in process and with a hand-driven clock.

mod expiry;
mod listing;
mod permissions;
mod public;
mod secrets;
mod settings;
mod sharing;
mod support;
mod values;
mod versions;
