//! Background work: what the records say is made so.

pub mod fleets;
pub mod hands;
pub mod lifecycle;
pub mod machines;
pub mod networks;
