//! Site-to-site VPN: gateways and the connections between them. No packets are carried yet: the tunnels say DOWN.

pub mod connections;
pub mod customer_gateways;
pub mod gateways;
pub mod routes;
