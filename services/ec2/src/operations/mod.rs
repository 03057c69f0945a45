//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod address_attributes;
pub mod addresses;
pub mod authorise;
pub mod elastic_ips;
pub mod fleets;
pub mod flow_logs;
pub mod group_changes;
pub mod group_peers;
pub mod group_references;
pub mod group_rules;
pub mod image_attributes;
pub mod images;
pub mod insights;
pub mod instances;
pub mod interfaces;
pub mod key_pairs;
pub mod lists;
pub mod placement_groups;
pub mod prefix_lists;
pub mod security_groups;
pub mod tags;
pub mod templates;
pub mod transit;
pub mod types;
pub mod vpcs;
pub mod vpn;
