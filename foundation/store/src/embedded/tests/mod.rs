//! Tests of the embedded engine on disks that fail.

mod crash;
mod disk;
mod faults;
mod folder;
