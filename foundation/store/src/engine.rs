//! The waist between transactions and what keeps the bytes.
//!
//! An engine gives consistent snapshots and decides commits by optimistic concurrency: a commit brings what it
//! read and what it wants written, and is refused if anything it read has changed since its snapshot. That is
//! also how distributed transactional stores work, which is why every call here may wait.

use std::sync::Arc;

use base::Ids;
use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::StoreError;
use crate::range::{Direction, KeyRange};
use crate::watch::Watches;

pub(crate) type Waiting<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

pub(crate) trait Engine: Send + Sync + 'static {
    fn snapshot(&self, view: View) -> Waiting<'_, Arc<dyn Snapshot>>;

    /// Returns once the writes are durable. A commit without writes returns once what it read is durable.
    fn commit(&self, commit: Commit) -> Waiting<'_, ()>;

    fn watches(&self) -> &Arc<Watches>;

    /// The chance that spreads retries.
    fn ids(&self) -> &Ids;

    /// Refuses new commits, finishes those that wait, and lets go of the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Which state a snapshot shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// With commits that are decided but not yet synced. Only for transactions that wait for those.
    Latest,
    /// Only what survives a crash now.
    Durable,
}

/// A state that stays as it is. Reads fail with `Conflict` once the engine can no longer show it.
pub(crate) trait Snapshot: Send + Sync {
    fn get<'a>(&'a self, key: &'a [u8]) -> Waiting<'a, Option<Bytes>>;

    /// At most `limit` entries, and fewer if their bytes are many. Then `more` is true, and there is an entry.
    fn scan<'a>(&'a self, range: &'a KeyRange, limit: usize, direction: Direction) -> Waiting<'a, Chunk>;

    fn basis(&self) -> Basis;
}

#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub pairs: Vec<(Bytes, Bytes)>,
    pub more: bool,
}

/// What a snapshot shows: every commit up to `sequence`. The engine never undoes a commit within one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    pub sequence: u64,
    pub epoch: u64,
}

pub(crate) struct Commit {
    /// Kept until the commit is decided, so that the engine remembers what happened since. None if the
    /// transaction read nothing.
    pub snapshot: Option<Arc<dyn Snapshot>>,
    pub reads: ReadSet,
    pub writes: Vec<Write>,
}

/// A key and its new value, or none to delete it.
pub(crate) type Write = (Bytes, Option<Bytes>);

#[derive(Debug, Default)]
pub(crate) struct ReadSet {
    pub keys: Vec<Bytes>,
    pub ranges: Vec<KeyRange>,
}

/// The memory a write takes while it waits.
pub(crate) fn write_bytes((key, value): &Write) -> usize {
    key.len() + value.as_ref().map_or(0, Bytes::len)
}
