//! Background work: what the records say is made so.

pub mod fleets;
pub mod flow_logs;
pub mod hands;
pub mod images;
pub mod lifecycle;
pub mod machines;
pub mod networks;
pub mod vpn;
