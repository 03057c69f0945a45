//! The rules: nothing asynchronous, no store, no clock.

pub mod address;
pub mod envelope;
pub mod filter;
pub mod global;
pub mod labels;
pub mod name;
pub mod policies;
pub mod setting;
pub mod sharing;
pub mod tier;
pub mod value;
