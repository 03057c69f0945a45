//! The background work of this service.

pub mod finish_deletions;
