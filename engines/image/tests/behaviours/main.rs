//! Images through the crate's public functions: archives honest and hostile, the store, and the images that are built.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod builds;
mod disks;
mod layouts;
mod stores;
mod support;
mod tarballs;
