//! EC2 behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod endpoints;
mod flow_logs;
mod gateways;
mod images;
mod instances;
mod interfaces;
mod keys;
mod permissions;
mod registration;
mod routes;
mod scale;
mod security_groups;
mod support;
mod tags;
mod templates;
mod transit;
mod vpcs;
mod zones;
