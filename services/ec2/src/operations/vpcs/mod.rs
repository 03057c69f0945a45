//! VPCs and all that belongs to one: blocks, subnets, routes, gateways, ACLs, DHCP options, peering, endpoints.

pub mod acls;
pub mod blocks;
pub mod dependents;
pub mod dhcp_options;
pub mod endpoint_parts;
pub mod endpoint_services;
pub mod endpoints;
pub mod first_use;
pub mod internet_gateways;
pub mod lookups;
pub mod nat_addresses;
pub mod nat_gateways;
pub mod peerings;
pub mod places;
pub mod prefix_lists;
pub mod propagations;
pub mod reservations;
pub mod route_associations;
pub mod route_tables;
pub mod routes;
pub mod subnets;
pub mod targets;
pub mod tokens;
#[expect(clippy::module_inception, reason = "VPCs themselves are one family among those of VPCs")]
pub mod vpcs;
