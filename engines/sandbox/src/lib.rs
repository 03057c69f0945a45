//! The sandbox engine: runs a root file system as a machine, held by Linux namespaces. It knows no AWS service;
//! instances, functions, containers and databases are all machines to it.
//!
//! ```text
//!  this process                nursery (one)               keeper (one a machine)      init (process 1 of the machine)
//!  Sandbox::launch ──socket──▶ fork ─────────────────────▶ mounts, cgroups, limits ──▶ pivot_root, seccomp, exec
//!  Machine::exec   ──socket──▶ fork ─▶ enters, executes    holds the console, waits ◀── ends or asks for a reboot
//! ```
//!
//! Namespaces are never entered here, where threads run: the nursery is this program started again with the words of
//! [`Settings::arguments`], single-threaded and small, and each keeper is a fork of it ([`keeper_main`]). A keeper needs
//! nobody: it lives on when this process ends, and [`Sandbox::open`] finds it again by its folder, process id and start
//! time. All mounts live in the keeper's own mount namespace, so that they cannot leak.
//!
//! Block devices come and go while a machine runs ([`Machine::attach_device`]); it mounts them with the ordinary calls,
//! which its keeper answers (`docs/decisions/2026-11-22-disks-in-guests.md`).
//!
//! What holds a guest is a user namespace of its own, above all else; the reasons, and what was tried, are in
//! `docs/decisions/2026-11-22-what-holds-a-guest.md`.

mod engine;
mod error;
mod exec;
mod keeper;
#[expect(unsafe_code, reason = "the one place that talks to the kernel")]
mod kernel;
pub mod limits;
mod machine;
mod networks;
mod nursery;
mod placement;
mod probe;
mod ranges;
mod records;
mod spec;
mod sweep;
mod watch;

pub use engine::Sandbox;
pub use error::SandboxError;
pub use exec::{Command, Output};
pub use keeper::keeper_main;
pub use machine::Machine;
pub use networks::Network;
pub use placement::Usage;
pub use probe::{Capabilities, kvm_lacking, probe};
pub use records::{Ended, How, State};
pub use spec::{Bind, BlockDevice, DiskLimit, File, Kind, Limits, MachineSpec, Settings, upper_layer};
