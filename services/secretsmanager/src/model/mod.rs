//! The rules, as pure functions: no store, no clock, no KMS.

pub mod address;
pub mod broad_access;
pub mod cron;
pub mod filter;
pub mod labels;
pub mod order;
pub mod password;
pub mod policy;
pub mod replica;
pub mod schedule;
pub mod sealed;
pub mod tags;
