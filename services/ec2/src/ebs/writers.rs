//! Who writes to which snapshot at this moment: no two requests write one block at the same time, and none writes while
//! its snapshot is completed.

use std::collections::{HashMap, HashSet};

use ebs_api::ValidationExceptionReason;
use parking_lot::Mutex;

use super::error::Refusal;

#[derive(Default)]
pub struct Writers(Mutex<HashMap<String, Busy>>);

#[derive(Default)]
struct Busy {
    blocks: HashSet<u64>,
    is_completing: bool,
}

/// Held as long as a block is written, or a snapshot is completed.
pub struct Held<'a> {
    writers: &'a Writers,
    snapshot: &'a str,
    block: Option<u64>,
}

impl Writers {
    /// # Errors
    /// `CONFLICTING_BLOCK_UPDATE`
    pub fn write<'a>(&'a self, snapshot: &'a str, block: u64) -> Result<Held<'a>, Refusal> {
        let mut all = self.0.lock();
        let busy = all.entry(snapshot.to_owned()).or_default();
        if busy.is_completing || !busy.blocks.insert(block) {
            return Err(conflict(&format!("Block {block} of the snapshot '{snapshot}' is being written.")));
        }
        Ok(Held { writers: self, snapshot, block: Some(block) })
    }

    /// # Errors
    /// `CONFLICTING_BLOCK_UPDATE`
    pub fn complete<'a>(&'a self, snapshot: &'a str) -> Result<Held<'a>, Refusal> {
        let mut all = self.0.lock();
        let busy = all.entry(snapshot.to_owned()).or_default();
        if busy.is_completing || !busy.blocks.is_empty() {
            return Err(conflict(&format!("Blocks of the snapshot '{snapshot}' are being written.")));
        }
        busy.is_completing = true;
        Ok(Held { writers: self, snapshot, block: None })
    }
}

fn conflict(message: &str) -> Refusal {
    Refusal::invalid(ValidationExceptionReason::ConflictingBlockUpdate, message)
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut all = self.writers.0.lock();
        let Some(busy) = all.get_mut(self.snapshot) else { return };
        match self.block {
            Some(block) => drop(busy.blocks.remove(&block)),
            None => busy.is_completing = false,
        }
        if busy.blocks.is_empty() && !busy.is_completing {
            all.remove(self.snapshot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_one_writer_and_completing_has_none() {
        let writers = Writers::default();
        let first = writers.write("snap-1", 1).ok();
        assert!(writers.write("snap-1", 1).is_err() && writers.complete("snap-1").is_err());
        assert!(writers.write("snap-1", 2).is_ok() && writers.write("snap-2", 1).is_ok());
        drop(first);
        let completing = writers.complete("snap-1").ok();
        assert!(completing.is_some() && writers.write("snap-1", 1).is_err());
        drop(completing);
        assert!(writers.write("snap-1", 1).is_ok() && writers.0.lock().is_empty());
    }
}
