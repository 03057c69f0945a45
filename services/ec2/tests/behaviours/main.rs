//! EC2 behaviours, in process and with a hand-driven clock.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod buying;
mod capacity;
mod ebs;
mod endpoints;
mod fleets;
mod flow_logs;
mod gateways;
mod hosts;
mod image_transfers;
mod images;
mod imports;
mod instances;
mod interfaces;
mod ipv6_only;
mod keys;
mod permissions;
mod quotas;
mod registration;
mod root_replacements;
mod root_volumes;
mod routes;
mod scale;
mod security_groups;
mod snapshot_extras;
mod snapshots;
mod spot;
mod support;
mod tags;
mod templates;
mod transit;
mod volume_status;
mod volumes;
mod vpcs;
mod zones;
