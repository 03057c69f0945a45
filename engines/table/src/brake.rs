//! Ends a merge of files early, when the engine is being closed, or before the last of the disk's room is gone.
//!
//! Merging needs room before it gives some back. What is left at the end belongs to the log and to memory that becomes
//! files, without which not even a delete could be accepted.

use std::io;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lsm_tree::compaction::filter::{CompactionFilter, Context, Factory, ItemAccessor, Verdict};

use medium::Medium;

/// How many entries are merged between two looks at the disk.
const LOOK_ENTRIES: u32 = 4096;

/// Clones are the same brake.
#[derive(Clone)]
pub struct Brake(Arc<State>);

struct State {
    is_stopping: AtomicBool,
    medium: Option<Arc<dyn Medium>>,
    /// Merging leaves so many.
    floor_bytes: u64,
}

// A panic elsewhere leaves nothing half done in here.
impl RefUnwindSafe for State {}

impl Brake {
    pub fn new(medium: Option<Arc<dyn Medium>>, floor_bytes: u64) -> Brake {
        Brake(Arc::new(State { is_stopping: AtomicBool::new(false), medium, floor_bytes }))
    }

    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_on(&self) -> bool {
        let has_room =
            || self.0.medium.as_ref().is_none_or(|medium| medium.room_bytes() >= self.0.floor_bytes);
        self.0.is_stopping.load(Ordering::Relaxed) || !has_room()
    }
}

impl Factory for Brake {
    fn name(&self) -> &str {
        "brake"
    }

    fn make_filter(&self, _context: &Context) -> Box<dyn CompactionFilter> {
        Box::new(Braked { brake: self.clone(), until_look: 0 })
    }
}

struct Braked {
    brake: Brake,
    until_look: u32,
}

impl CompactionFilter for Braked {
    fn filter_item(&mut self, _item: ItemAccessor<'_>, _context: &Context) -> lsm_tree::Result<Verdict> {
        if self.until_look == 0 {
            self.until_look = LOOK_ENTRIES;
            if self.brake.is_on() {
                return Err(lsm_tree::Error::Io(io::ErrorKind::StorageFull.into()));
            }
        }
        self.until_look -= 1;
        Ok(Verdict::Keep)
    }
}
