//! Rules as pure functions.

pub mod check;
pub mod ids;
pub mod lock;
