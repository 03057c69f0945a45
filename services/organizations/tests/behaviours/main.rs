//! Organizations' behaviours, in process and with a hand-driven clock.

mod accounts;
mod delegation;
mod guardrails;
mod handshakes;
mod organization;
mod policies;
mod support;
mod tree;
