//! The simulated engine: memory, and faults that follow from a seed.
//!
//! It behaves like an engine on a bad day. Commits conflict though nothing has changed, acknowledgements get lost
//! though the commit has happened, and crashes undo what was decided but not yet acknowledged. Reads and commits
//! give way to other tasks at random, so that on a single-threaded runtime one seed gives one interleaving.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Ids;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::StoreError;
use crate::engine::{Basis, Chunk, Commit, Engine, Snapshot, View, Waiting};
use crate::limits::SCAN_BYTES_MAX;
use crate::range::{Direction, KeyRange};
use crate::versions::Versions;
use crate::watch::Watches;

/// How many of a hundred commits meet each fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimOptions {
    pub conflicts_percent: u8,
    pub crashes_percent: u8,
    pub lost_acks_percent: u8,
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimCounts {
    pub commits: u64,
    pub conflicts: u64,
    pub crashes: u64,
    pub lost_acks: u64,
}

/// Turns a simulated store's faults on and off.
#[derive(Clone)]
pub struct SimControl(Arc<Sim>);

impl SimControl {
    pub(crate) fn new(sim: Arc<Sim>) -> SimControl {
        SimControl(sim)
    }

    pub fn set_options(&self, options: SimOptions) {
        self.0.state.lock().options = options;
    }

    /// From now on puts fail because the disk is full, or no longer do.
    pub fn set_full(&self, full: bool) {
        self.0.state.lock().full = full;
    }

    /// Crashes now: what is not acknowledged is gone, and transactions that run start again.
    pub fn crash(&self) {
        self.0.state.lock().crash();
    }

    pub fn counts(&self) -> SimCounts {
        self.0.state.lock().counts
    }
}

pub(crate) struct Sim {
    state: Arc<Mutex<State>>,
    watches: Arc<Watches>,
    ids: Ids,
}

#[derive(Default)]
struct State {
    options: SimOptions,
    counts: SimCounts,
    versions: Versions,
    decided: u64,
    durable: u64,
    epoch: u64,
    full: bool,
    closed: bool,
    /// The moments that snapshots show, and how many snapshots there are of each.
    live: BTreeMap<u64, usize>,
}

impl State {
    fn crash(&mut self) {
        self.counts.crashes += 1;
        self.versions.roll_back(self.durable);
        self.epoch += 1;
        self.durable = self.decided;
    }

    fn squash(&mut self) {
        let oldest = self.live.keys().next().copied().unwrap_or(u64::MAX);
        self.versions.squash(oldest.min(self.durable));
    }
}

impl Sim {
    pub fn new(seed: u64, options: SimOptions) -> Sim {
        let state = State { options, ..State::default() };
        Sim { state: Arc::new(Mutex::new(state)), watches: Arc::default(), ids: Ids::seeded(seed) }
    }

    fn happens(&self, percent: u8) -> bool {
        percent > 0 && self.ids.below(100) < u64::from(percent)
    }

    async fn commit_now(&self, commit: Commit) -> Result<(), StoreError> {
        let options = self.state.lock().options;
        give_way(&self.ids).await;
        let keys: Vec<Bytes> = commit.writes.iter().map(|(key, _)| key.clone()).collect();
        let (sequence, epoch) = self.decide(commit, self.happens(options.conflicts_percent))?;
        // Decided, visible to others, and not yet durable: what a crash now undoes was acknowledged to nobody.
        give_way(&self.ids).await;
        let is_lost = {
            let mut state = self.state.lock();
            if state.epoch == epoch && !keys.is_empty() && self.happens(options.crashes_percent) {
                if sequence > state.durable {
                    state.crash();
                }
                return Err(StoreError::OutcomeUnknown);
            }
            if state.epoch != epoch {
                return Err(StoreError::OutcomeUnknown);
            }
            state.durable = state.durable.max(sequence);
            state.squash();
            let is_lost = !keys.is_empty() && self.happens(options.lost_acks_percent);
            state.counts.lost_acks += u64::from(is_lost);
            is_lost
        };
        self.watches.wake(keys.iter().map(|key| &key[..]));
        if is_lost { Err(StoreError::OutcomeUnknown) } else { Ok(()) }
    }

    fn decide(&self, commit: Commit, conflict: bool) -> Result<(u64, u64), StoreError> {
        let Commit { snapshot, reads, writes } = commit;
        let mut state = self.state.lock();
        let basis = snapshot.as_ref().map(|snapshot| snapshot.basis());
        let decided = if state.closed {
            Err(StoreError::Closed)
        } else if basis.is_some_and(|basis| basis.epoch != state.epoch) {
            Err(StoreError::Conflict)
        } else if writes.is_empty() {
            Ok((basis.map_or(state.durable, |basis| basis.sequence), state.epoch))
        } else if state.full && writes.iter().any(|(_, value)| value.is_some()) {
            Err(StoreError::Full)
        } else if conflict || basis.is_some_and(|basis| state.versions.changed_since(&reads, basis.sequence))
        {
            state.counts.conflicts += 1;
            Err(StoreError::Conflict)
        } else {
            state.counts.commits += 1;
            state.decided += 1;
            let sequence = state.decided;
            for write in writes {
                state.versions.insert(sequence, write);
            }
            Ok((sequence, state.epoch))
        };
        drop(state);
        drop(snapshot);
        decided
    }
}

impl Engine for Sim {
    fn snapshot(&self, view: View) -> Waiting<'_, Arc<dyn Snapshot>> {
        async move {
            give_way(&self.ids).await;
            let mut state = self.state.lock();
            if state.closed {
                return Err(StoreError::Closed);
            }
            let sequence = if view == View::Latest { state.decided } else { state.durable };
            let basis = Basis { sequence, epoch: state.epoch };
            *state.live.entry(sequence).or_default() += 1;
            let snapshot = SimSnapshot { state: self.state.clone(), ids: self.ids.clone(), basis };
            Ok(Arc::new(snapshot) as Arc<dyn Snapshot>)
        }
        .boxed()
    }

    fn commit(&self, commit: Commit) -> Waiting<'_, ()> {
        self.commit_now(commit).boxed()
    }

    fn watches(&self) -> &Arc<Watches> {
        &self.watches
    }

    fn ids(&self) -> &Ids {
        &self.ids
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state.lock().closed = true;
        self.watches.close();
        std::future::ready(()).boxed()
    }
}

struct SimSnapshot {
    state: Arc<Mutex<State>>,
    ids: Ids,
    basis: Basis,
}

impl Drop for SimSnapshot {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        let count = state.live.get_mut(&self.basis.sequence).expect("a snapshot is counted while it lives");
        *count -= 1;
        if *count == 0 {
            state.live.remove(&self.basis.sequence);
        }
    }
}

impl Snapshot for SimSnapshot {
    fn get<'a>(&'a self, key: &'a [u8]) -> Waiting<'a, Option<Bytes>> {
        async move {
            give_way(&self.ids).await;
            let state = self.state.lock();
            if state.epoch != self.basis.epoch {
                return Err(StoreError::Conflict);
            }
            Ok(state.versions.get(key, self.basis.sequence).flatten())
        }
        .boxed()
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize, direction: Direction) -> Waiting<'a, Chunk> {
        async move {
            give_way(&self.ids).await;
            let state = self.state.lock();
            if state.epoch != self.basis.epoch {
                return Err(StoreError::Conflict);
            }
            let mut chunk = Chunk::default();
            let (mut bytes, mut rest) = (0, range.clone());
            loop {
                let found = state.versions.scan(&rest, self.basis.sequence, limit + 1, direction);
                let is_last = found.len() <= limit;
                if let Some((last, _)) = found.last() {
                    rest = rest.beyond(last, direction);
                }
                for (key, value) in found.into_iter().filter_map(|(key, value)| Some((key, value?))) {
                    if chunk.pairs.len() >= limit || bytes >= SCAN_BYTES_MAX {
                        chunk.more = true;
                        return Ok(chunk);
                    }
                    bytes += key.len() + value.len();
                    chunk.pairs.push((key, value));
                }
                if is_last {
                    return Ok(chunk);
                }
            }
        }
        .boxed()
    }

    fn basis(&self) -> Basis {
        self.basis
    }
}

/// Lets other tasks run, now and then.
async fn give_way(ids: &Ids) {
    if ids.below(3) == 0 {
        tokio::task::yield_now().await;
    }
}
