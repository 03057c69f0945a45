//! EC2 behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod gateways;
mod images;
mod instances;
mod interfaces;
mod keys;
mod routes;
mod security_groups;
mod support;
mod tags;
mod templates;
mod transit;
mod vpcs;
