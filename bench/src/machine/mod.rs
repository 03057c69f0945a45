//! The machine: what it is, what its own limits are, and what a process takes of it.

pub mod bare;
pub mod disk;
pub mod facts;
pub mod process;
