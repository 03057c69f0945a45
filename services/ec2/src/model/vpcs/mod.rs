//! The rules of VPCs: what blocks they and their subnets may have, what is in them from the start, where they are.

pub mod acl_entries;
pub mod aws_lists;
pub mod blocks;
pub mod dhcp;
pub mod endpoint_services;
pub mod made;
pub mod routes;
pub mod zones;
