//! One family of operations a file.

pub mod identity;
pub mod sessions;
