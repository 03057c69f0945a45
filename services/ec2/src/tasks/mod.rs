//! Background work: what the records say is made so.

pub mod capacity;
pub mod disks;
pub mod fleets;
pub mod flow_logs;
pub mod hands;
pub mod images;
pub mod lifecycle;
pub mod machines;
pub mod networks;
pub mod recycle_bin;
pub mod root_replacements;
pub mod spot;
pub mod spot_fleets;
pub mod transfers;
pub mod uploads;
pub mod vpn;
