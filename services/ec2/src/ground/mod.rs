//! What the records stand on: machines and networks that are made as they say.

pub mod conversions;
pub mod disks;
pub mod links;
pub mod machines;
pub mod memory;
pub mod memory_conversions;
pub mod memory_disks;
pub mod memory_networks;
pub mod network;
pub mod specs;
pub mod vpn;
