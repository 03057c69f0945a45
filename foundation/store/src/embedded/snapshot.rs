//! Snapshots: a redb snapshot, with the versions that are decided and not yet in it laid over.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use redb::{AccessGuard, Range, ReadOnlyTable, ReadableDatabase};

use super::DATA;
use super::medium::{any_error, storage_error};
use super::sequencer::Sequencer;
use crate::StoreError;
use crate::engine::{Basis, Chunk, Snapshot, View, Waiting};
use crate::limits::SCAN_BYTES_MAX;
use crate::range::{Direction, KeyRange};

/// Reads are done in place, without a thread of their own: they come from redb's cache or the system's, and
/// handing them over would cost more than it frees.
struct EmbeddedSnapshot {
    sequencer: Arc<Sequencer>,
    below: ReadOnlyTable<&'static [u8], &'static [u8]>,
    basis: Basis,
    /// What was durable when it was taken. Versions after that are laid over; none for a durable view.
    over: Option<u64>,
}

pub(super) fn take(sequencer: &Arc<Sequencer>, view: View) -> Result<Arc<dyn Snapshot>, StoreError> {
    let mut state = sequencer.lock();
    if state.closing {
        return Err(StoreError::Closed);
    }
    // Not cloned: when the committer lets go of the database it has to be the last who does.
    let Some(database) = &state.database else {
        return Err(state.down.clone().unwrap_or(StoreError::Conflict));
    };
    // Within the lock, so that the snapshot below holds no more than what is decided, and no less than what is
    // durable: those are the versions that are looked up above it.
    let reading = database.begin_read().map_err(any_error)?;
    let basis = Basis { sequence: state.decided, epoch: state.epoch };
    let over = (view == View::Latest).then(|| state.enter());
    drop(state);
    let below = reading.open_table(DATA).map_err(|error| {
        if let Some(durable) = over {
            sequencer.lock().leave(durable);
        }
        any_error(error)
    })?;
    Ok(Arc::new(EmbeddedSnapshot { sequencer: sequencer.clone(), below, basis, over }))
}

impl Drop for EmbeddedSnapshot {
    fn drop(&mut self) {
        if let Some(durable) = self.over {
            self.sequencer.lock().leave(durable);
        }
    }
}

impl EmbeddedSnapshot {
    fn get_now(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(durable) = self.over {
            let state = self.sequencer.lock();
            state.check(durable, self.basis.epoch)?;
            if let Some(value) = state.versions.get(key, self.basis.sequence) {
                return Ok(value);
            }
        }
        let found = self.below.get(key).map_err(storage_error)?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn scan_now(&self, range: &KeyRange, limit: usize, direction: Direction) -> Result<Chunk, StoreError> {
        let mut chunk = Chunk::default();
        let mut bytes = 0;
        let mut below =
            Below::new(self.below.range::<&[u8]>(range.bounds()).map_err(storage_error)?, direction)?;
        let mut over =
            Over { snapshot: self, rest: range.clone(), direction, found: VecDeque::new(), all: false };
        loop {
            let over_key = over.peek()?;
            let below_key = below.next.as_ref().map(|(key, _)| key.value());
            let order = match (over_key, below_key) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(over), Some(below)) if direction == Direction::Forward => over[..].cmp(below),
                (Some(over), Some(below)) => below.cmp(&over[..]),
            };
            if chunk.pairs.len() >= limit || bytes >= SCAN_BYTES_MAX {
                chunk.more = true;
                break;
            }
            let pair = if order.is_le() {
                let (key, value) = over.found.pop_front().expect("there was one to compare");
                value.map(|value| (key, value))
            } else {
                below.next.as_ref().map(|(key, value)| (copy(key), copy(value)))
            };
            // A version above hides the entry below it.
            if order.is_ge() {
                below.advance()?;
            }
            if let Some(pair) = pair {
                bytes += pair.0.len() + pair.1.len();
                chunk.pairs.push(pair);
            }
        }
        Ok(chunk)
    }
}

impl Snapshot for EmbeddedSnapshot {
    fn get<'a>(&'a self, key: &'a [u8]) -> Waiting<'a, Option<Bytes>> {
        async move { self.get_now(key) }.boxed()
    }

    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize, direction: Direction) -> Waiting<'a, Chunk> {
        async move { self.scan_now(range, limit, direction) }.boxed()
    }

    fn basis(&self) -> Basis {
        self.basis
    }
}

type Entry = (AccessGuard<'static, &'static [u8]>, AccessGuard<'static, &'static [u8]>);

/// The entries of the redb snapshot, one ahead.
struct Below {
    entries: Range<'static, &'static [u8], &'static [u8]>,
    direction: Direction,
    next: Option<Entry>,
}

impl Below {
    fn new(
        entries: Range<'static, &'static [u8], &'static [u8]>,
        direction: Direction,
    ) -> Result<Below, StoreError> {
        let mut below = Below { entries, direction, next: None };
        below.advance()?;
        Ok(below)
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        let next = match self.direction {
            Direction::Forward => self.entries.next(),
            Direction::Backward => self.entries.next_back(),
        };
        self.next = next.transpose().map_err(storage_error)?;
        Ok(())
    }
}

/// The versions over it, a few at a time, since they are read under a lock.
struct Over<'a> {
    snapshot: &'a EmbeddedSnapshot,
    rest: KeyRange,
    direction: Direction,
    found: VecDeque<(Bytes, Option<Bytes>)>,
    all: bool,
}

const VERSIONS_AT_ONCE: usize = 64;

impl Over<'_> {
    fn peek(&mut self) -> Result<Option<&Bytes>, StoreError> {
        if self.found.is_empty()
            && !self.all
            && let Some(durable) = self.snapshot.over
        {
            let state = self.snapshot.sequencer.lock();
            let basis = self.snapshot.basis;
            state.check(durable, basis.epoch)?;
            let found = state.versions.scan(&self.rest, basis.sequence, VERSIONS_AT_ONCE, self.direction);
            drop(state);
            self.all = found.len() < VERSIONS_AT_ONCE;
            if let Some((last, _)) = found.last() {
                self.rest = self.rest.beyond(last, self.direction);
            }
            self.found = found.into();
        }
        Ok(self.found.front().map(|(key, _)| key))
    }
}

fn copy(guard: &AccessGuard<'_, &'static [u8]>) -> Bytes {
    Bytes::copy_from_slice(guard.value())
}
