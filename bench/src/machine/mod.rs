//! The machine: what it is, what its own limits are, and what a process takes of it.

pub mod bare;
pub mod disk;
pub mod facts;
pub mod process;

use std::path::Path;
use std::time::Duration;

use disk::SyncRate;
use facts::Facts;

/// What a table says about where it was made.
pub struct Machine {
    pub facts: Facts,
    /// The disk, with one writer and with 32 that share each sync.
    pub disk_alone: SyncRate,
    pub disk_grouped: SyncRate,
}

impl Machine {
    /// Blocks for twice the time, and writes into the folder.
    pub fn measure(folder: &Path, time: Duration) -> anyhow::Result<Machine> {
        Ok(Machine {
            facts: facts::read(),
            disk_alone: disk::sync_rate(folder, 1, time)?,
            disk_grouped: disk::sync_rate(folder, 32, time)?,
        })
    }
}
