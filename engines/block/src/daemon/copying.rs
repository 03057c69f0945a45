//! The blocks of snapshots, copied in the background by a thread or two.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::events::Events;
use crate::Event;
use crate::limits::{COPIERS_COUNT, FULL_RETRY_MILLIS};
use crate::store::{Key, SnapshotState, Store, StoreError, Volume};

#[derive(Default)]
pub struct Copying {
    state: Mutex<State>,
    something: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    under_way: Vec<String>,
    /// Copies of snapshots that did not come about, of which the store knows nothing.
    failed: BTreeMap<String, String>,
}

struct Job {
    snapshot: String,
    work: Work,
}

enum Work {
    /// From a volume, which is open as long as its snapshot is copied.
    Volume(Arc<Volume>),
    /// From another snapshot, under a key, to another key.
    Snapshot { source: String, source_key: Option<Key>, key: Option<Key> },
}

impl Copying {
    pub fn start(self: &Arc<Self>, store: &Store, events: &Arc<Events>) -> std::io::Result<()> {
        for _ in 0..COPIERS_COUNT {
            let (copying, store, events) = (self.clone(), store.clone(), events.clone());
            std::thread::Builder::new()
                .name("block-copier".to_owned())
                .spawn(move || copying.work(&store, &events))?;
        }
        Ok(())
    }

    /// Has a snapshot's blocks copied, once.
    pub fn add(&self, snapshot: &str, volume: Arc<Volume>) {
        self.add_job(snapshot, Work::Volume(volume));
    }

    /// Has a snapshot copied from another.
    pub fn add_copy(&self, source: String, source_key: Option<Key>, copy: &str, key: Option<Key>) {
        self.add_job(copy, Work::Snapshot { source, source_key, key });
    }

    /// What is known of a snapshot that the store does not have.
    pub fn state_of(&self, snapshot: &str) -> SnapshotState {
        let state = self.state.lock();
        if state.knows(snapshot) {
            return SnapshotState::Pending(0);
        }
        state.failed.get(snapshot).cloned().map_or(SnapshotState::Absent, SnapshotState::Failed)
    }

    pub fn forget(&self, snapshot: &str) {
        self.state.lock().failed.remove(snapshot);
    }

    fn add_job(&self, snapshot: &str, work: Work) {
        let mut state = self.state.lock();
        state.failed.remove(snapshot);
        if !state.knows(snapshot) {
            state.waiting.push_back(Job { snapshot: snapshot.to_owned(), work });
            self.something.notify_one();
        }
    }

    pub fn is_busy(&self) -> bool {
        let state = self.state.lock();
        !state.waiting.is_empty() || !state.under_way.is_empty()
    }

    fn work(&self, store: &Store, events: &Events) {
        loop {
            let job = self.next();
            let done = loop {
                match job.run(store) {
                    Err(StoreError::Full) => std::thread::sleep(Duration::from_millis(FULL_RETRY_MILLIS)),
                    done => break done,
                }
            };
            let Job { snapshot, work } = job;
            let mut state = self.state.lock();
            state.under_way.retain(|name| *name != snapshot);
            if let (Err(error), Work::Snapshot { .. }) = (&done, &work) {
                state.failed.insert(snapshot.clone(), error.to_string());
            }
            drop(state);
            // Its volume is closed before anybody hears that it is done.
            drop(work);
            if let Err(StoreError::Damaged { snapshot, block }) = done {
                events.tell(Event::Rot { snapshot, block });
            }
            events.tell(Event::Settled { snapshot });
        }
    }

    fn next(&self) -> Job {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                state.under_way.push(job.snapshot.clone());
                return job;
            }
            self.something.wait(&mut state);
        }
    }
}

impl State {
    fn knows(&self, snapshot: &str) -> bool {
        self.waiting.iter().any(|job| job.snapshot == snapshot)
            || self.under_way.iter().any(|name| name == snapshot)
    }
}

impl Job {
    fn run(&self, store: &Store) -> Result<(), StoreError> {
        match &self.work {
            Work::Volume(volume) => {
                tracing::debug!("copying {} of {}", self.snapshot, volume.id());
                store.snapshot_run(&self.snapshot)
            }
            Work::Snapshot { source, source_key, key } => {
                store.copy_snapshot((source, source_key.as_ref()), (&self.snapshot, key.as_ref()))
            }
        }
    }
}
