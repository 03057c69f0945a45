//! Decides commits: the one place that knows what is decided, what is durable, and who still reads what.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};
use redb::Database;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::StoreError;
use crate::engine::{Commit, Write};
use crate::limits::VERSIONS_BYTES_MAX;
use crate::versions::Versions;

pub(super) struct Sequencer {
    state: Mutex<State>,
    /// Wakes the committer.
    work: Condvar,
}

pub(super) struct State {
    /// None while the committer opens it again.
    pub database: Option<Arc<Database>>,
    /// Why it cannot be opened, if that has failed.
    pub down: Option<StoreError>,
    /// Puts are refused until there is room.
    pub full: bool,
    pub closing: bool,
    /// Everything after `durable`, and before it what a live snapshot may still need.
    pub versions: Versions,
    /// The last commit that was decided, and the last that is known to be synced.
    pub decided: u64,
    pub durable: u64,
    /// How often decided commits had to be undone. Snapshots of an earlier epoch may have seen those.
    pub epoch: u64,
    /// What was durable when a live snapshot was taken, and how many such snapshots there are.
    live: BTreeMap<u64, usize>,
    /// Snapshots below this can no longer be shown: they stayed too long while much was written.
    floor: u64,
    pub waiting: Vec<Decided>,
}

/// A commit on its way to the disk.
pub(super) struct Decided {
    pub sequence: u64,
    /// Empty for one that only waits until what it read is synced.
    pub writes: Vec<Write>,
    pub answer: oneshot::Sender<Result<(), StoreError>>,
    /// Gives its room back when it is dropped.
    pub _room: OwnedSemaphorePermit,
}

pub(super) type Answer = oneshot::Receiver<Result<(), StoreError>>;

impl Sequencer {
    pub fn new(database: Arc<Database>, sequence: u64) -> Sequencer {
        let state = State {
            database: Some(database),
            down: None,
            full: false,
            closing: false,
            versions: Versions::default(),
            decided: sequence,
            durable: sequence,
            epoch: 0,
            live: BTreeMap::new(),
            floor: 0,
            waiting: Vec::new(),
        };
        Sequencer { state: Mutex::new(state), work: Condvar::new() }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub fn work(&self) -> &Condvar {
        &self.work
    }

    pub fn close(&self) {
        self.state.lock().closing = true;
        self.work.notify_all();
    }

    /// Returns nothing if there is nothing to wait for, and else where the answer will come.
    pub fn decide(&self, commit: Commit, room: OwnedSemaphorePermit) -> Result<Option<Answer>, StoreError> {
        let Commit { snapshot, reads, writes } = commit;
        let mut state = self.state.lock();
        let decided = (|| {
            if state.closing {
                return Err(StoreError::Closed);
            }
            if let Some(basis) = snapshot.as_ref().map(|snapshot| snapshot.basis()) {
                let is_stale = basis.epoch != state.epoch;
                if is_stale || (!writes.is_empty() && state.versions.changed_since(&reads, basis.sequence)) {
                    return Err(StoreError::Conflict);
                }
                if writes.is_empty() && basis.sequence <= state.durable {
                    return Ok(None);
                }
            } else if writes.is_empty() {
                return Ok(None);
            }
            if let Some(down) = &state.down {
                return Err(down.clone());
            }
            if state.full && writes.iter().any(|(_, value)| value.is_some()) {
                return Err(StoreError::Full);
            }
            if !writes.is_empty() {
                state.decided += 1;
            }
            let sequence = state.decided;
            for write in &writes {
                state.versions.insert(sequence, write.clone());
            }
            let (answer, answered) = oneshot::channel();
            state.waiting.push(Decided { sequence, writes, answer, _room: room });
            Ok(Some(answered))
        })();
        state.prune();
        drop(state);
        // The snapshot locks the state when it goes, so it goes after the lock.
        drop(snapshot);
        if matches!(decided, Ok(Some(_))) {
            self.work.notify_one();
        }
        decided
    }
}

impl State {
    /// Notes a snapshot that builds on what is durable now.
    pub fn enter(&mut self) -> u64 {
        *self.live.entry(self.durable).or_default() += 1;
        self.durable
    }

    pub fn leave(&mut self, durable: u64) {
        let count = self.live.get_mut(&durable).expect("a snapshot has entered before it leaves");
        *count -= 1;
        if *count == 0 {
            self.live.remove(&durable);
            self.prune();
        }
    }

    /// Whether a snapshot that was taken then can still be shown.
    pub fn check(&self, durable: u64, epoch: u64) -> Result<(), StoreError> {
        if epoch == self.epoch && durable >= self.floor { Ok(()) } else { Err(StoreError::Conflict) }
    }

    /// Undoes what is decided and not durable, and returns those who have to be told.
    pub fn undo(&mut self) -> Vec<Decided> {
        self.versions.roll_back(self.durable);
        self.epoch += 1;
        // The numbers are spent: nothing after them may look older than what was undone.
        self.durable = self.decided;
        std::mem::take(&mut self.waiting)
    }

    pub fn prune(&mut self) {
        let oldest = self.live.keys().next().copied().unwrap_or(u64::MAX);
        self.versions.forget(oldest.min(self.durable));
        if self.versions.bytes() > VERSIONS_BYTES_MAX {
            self.floor = self.durable;
            self.versions.forget(self.durable);
        }
    }
}
