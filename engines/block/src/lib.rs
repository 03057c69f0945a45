//! The data plane of disks: volumes and snapshots as files, and how they become block devices.
//!
//! Knows no AWS API, no policies, no records and no configuration files. Volumes are sparse, encrypted files, kept
//! apart by zone; snapshots are tables that name encrypted blocks of 512 KiB, and share them ([`store`]).

//!
//! ```text
//!  this process        holder (one)                         daemon (its fork)                    kernel
//!  Block ──socket──▶   keeps descriptors and requests ◀──▶  the store; answers for each file ──▶ FUSE file, loop device
//! ```
//!
//! [`Block`] asks the daemon for everything; it alone has the store open. A volume that is served is a file of a FUSE
//! file system, mounted nowhere, under a loop device. A daemon that is killed is started again by its holder, which has
//! kept the kernel's descriptors and the requests that were under way, so that whoever uses the device waits for a
//! moment and sees no error; and all goes on when this process is gone (docs/decisions/2026-11-23-block-engine.md).

mod client;
mod daemon;
mod holder;
#[expect(unsafe_code, reason = "the one place that talks to the kernel")]
mod kernel;
pub mod limits;
mod probe;
mod spec;
pub mod store;
mod talk;

pub use client::Block;
pub use daemon::devices_of;
pub use holder::holder_main;
pub use probe::probe;
pub use spec::{BlockError, BlockSettings, Credits, Device, Event, Pace, Processes, SnapshotSpec};
