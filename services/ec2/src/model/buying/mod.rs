//! The ways to buy: what things cost, the market for spot capacity, and the bill that comes of what was used.

pub mod bill;
pub mod market;
pub mod offerings;
pub mod prices;
pub mod reserved;
