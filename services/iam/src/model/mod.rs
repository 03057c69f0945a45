//! Rules, as pure functions.

pub mod arns;
pub mod certificates;
pub mod context_entries;
pub mod credential_report;
pub mod documents;
pub mod exclusions;
pub mod held_policy;
pub mod managed;
pub mod oidc;
pub mod password_hash;
pub mod password_rules;
pub mod qr;
pub mod root_access;
pub mod saml_metadata;
pub mod service_credential;
pub mod simulated_resources;
pub mod simulation;
pub mod ssh_key;
pub mod statement_positions;
pub mod tags;
pub mod totp;
