//! The rules, as pure functions.

pub mod addresses;
pub mod filter;
pub mod fleets;
pub mod flow_logs;
pub mod flow_records;
pub mod group_rules;
pub mod groups;
pub mod images;
pub mod insights;
pub mod instances;
pub mod interfaces;
pub mod keys;
pub mod tags;
pub mod templates;
pub mod types;
pub mod vpcs;
pub mod vpn;
