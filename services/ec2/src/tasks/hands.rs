//! Which instances are being worked on in this process, and when all were looked at last.

use std::collections::BTreeSet;
use std::time::Duration;

use base::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit};

use crate::limits::MACHINES_AT_ONCE_MAX;

pub struct Hands {
    full: Mutex<BTreeSet<String>>,
    looked: Mutex<Option<Timestamp>>,
    /// What was asked for once in this process.
    begun: Mutex<BTreeSet<&'static str>>,
    starting: Semaphore,
    /// Archives are brought in by several at a time, and cleared away by one alone.
    archives: RwLock<()>,
}

impl Default for Hands {
    fn default() -> Hands {
        Hands {
            full: Mutex::default(),
            looked: Mutex::default(),
            begun: Mutex::default(),
            starting: Semaphore::new(MACHINES_AT_ONCE_MAX),
            archives: RwLock::default(),
        }
    }
}

impl Hands {
    /// `false` if it is in hand already.
    pub fn take(&self, id: &str) -> bool {
        self.full.lock().insert(id.to_owned())
    }

    /// Whether it is in hand.
    pub fn has(&self, id: &str) -> bool {
        self.full.lock().contains(id)
    }

    pub fn give_back(&self, id: &str) {
        self.full.lock().remove(id);
    }

    /// Whether a period is over since this was last so.
    pub fn is_time_to_look(&self, now: Timestamp, period: Duration) -> bool {
        let mut looked = self.looked.lock();
        let is_time = looked.is_none_or(|at| now.since(at) >= period);
        if is_time {
            *looked = Some(now);
        }
        is_time
    }

    /// `true` for who asks first in this process.
    pub fn is_first(&self, what: &'static str) -> bool {
        self.begun.lock().insert(what)
    }

    /// Waits until not too many machines start at the same time.
    pub async fn start(&self) -> SemaphorePermit<'_> {
        self.starting.acquire().await.expect("the semaphore is never closed")
    }

    /// While this is held, no archive that was brought in is taken away.
    pub async fn keep_archives(&self) -> RwLockReadGuard<'_, ()> {
        self.archives.read().await
    }

    /// Nothing while an archive is being brought in.
    pub fn clear_archives(&self) -> Option<RwLockWriteGuard<'_, ()>> {
        self.archives.try_write().ok()
    }
}
