//! A transaction, as its closure sees it: a snapshot to read from, with the closure's own writes on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use crate::StoreError;
use crate::engine::{Chunk, Commit, Engine, ReadSet, Snapshot, View, write_bytes};
use crate::limits::{
    KEY_BYTES_MAX, SCAN_ENTRIES_MAX, TRANSACTION_BYTES_MAX, TRANSACTION_READS_MAX, VALUE_BYTES_MAX,
};
use crate::range::{Direction, KeyRange};

/// A handle on a running transaction; clones are the same transaction. Worth nothing once the closure has
/// returned.
#[derive(Clone)]
pub struct Tx(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    view: View,
    /// Taken at the first read: a transaction that only writes has none, and conflicts with nothing.
    snapshot: OnceCell<Arc<dyn Snapshot>>,
    work: Mutex<Work>,
}

#[derive(Default)]
struct Work {
    reads: ReadSet,
    writes: BTreeMap<Bytes, Option<Bytes>>,
    write_bytes: usize,
    /// A read met a snapshot that is gone. Whatever the closure makes of that error, it has to run again.
    doomed: bool,
}

/// One page of a scan.
#[derive(Debug, Default)]
pub struct Page {
    pub pairs: Vec<(Bytes, Bytes)>,
    /// Where to go on; none if the scan has seen its whole range. A page may be shorter than its limit and
    /// still have a next one, since pages are bounded in bytes, too.
    pub next: Option<KeyRange>,
}

impl Tx {
    pub(crate) fn begin(engine: Arc<dyn Engine>, view: View) -> Tx {
        Tx(Arc::new(Inner { engine, view, snapshot: OnceCell::new(), work: Mutex::default() }))
    }

    pub async fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        check_size("key", key.len(), KEY_BYTES_MAX)?;
        if let Some(own) = self.0.work.lock().writes.get(key) {
            return Ok(own.clone());
        }
        let value = self.noting(self.snapshot().await?.get(key).await)?;
        self.note_read(|reads| reads.keys.push(Bytes::copy_from_slice(key)))?;
        Ok(value)
    }

    pub async fn put(&self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Result<(), StoreError> {
        let value = value.into();
        check_size("value", value.len(), VALUE_BYTES_MAX)?;
        self.write(key.into(), Some(value))
    }

    /// Deleting what is not there is no error.
    pub async fn delete(&self, key: impl Into<Bytes>) -> Result<(), StoreError> {
        self.write(key.into(), None)
    }

    /// The first `limit` entries of a range, at most [`SCAN_ENTRIES_MAX`].
    ///
    /// Only the part of the range that the page covers counts as read: a queue's head can be taken while its
    /// tail grows.
    pub async fn scan(
        &self,
        range: &KeyRange,
        limit: usize,
        direction: Direction,
    ) -> Result<Page, StoreError> {
        assert!(limit > 0, "a scan asks for at least one entry");
        let limit = limit.min(SCAN_ENTRIES_MAX);
        let mut rest = range.clone();
        loop {
            if rest.is_empty() {
                return Ok(Page::default());
            }
            let own = self.own_writes(&rest);
            // Each of our deletes may hide an entry, and one more entry tells whether there is a next page.
            let wanted = limit + 1 + own.values().filter(|value| value.is_none()).count();
            let snapshot = self.snapshot().await?;
            let chunk = self.noting(snapshot.scan(&rest, wanted, direction).await)?;
            let (page, covered) = merge(&rest, own, chunk, limit, direction);
            self.note_read(|reads| reads.ranges.push(covered))?;
            match page {
                Page { pairs, next: Some(next) } if pairs.is_empty() => rest = next,
                page => return Ok(page),
            }
        }
    }

    /// Whether a read told the closure that its snapshot is gone.
    pub(crate) fn is_doomed(&self) -> bool {
        self.0.work.lock().doomed
    }

    /// What the engine has to decide.
    pub(crate) fn into_commit(self) -> Commit {
        let work = std::mem::take(&mut *self.0.work.lock());
        Commit {
            snapshot: self.0.snapshot.get().cloned(),
            reads: work.reads,
            writes: work.writes.into_iter().collect(),
        }
    }

    async fn snapshot(&self) -> Result<&Arc<dyn Snapshot>, StoreError> {
        let taken = self.0.snapshot.get_or_try_init(|| self.0.engine.snapshot(self.0.view)).await;
        self.noting(taken)
    }

    fn noting<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        result.inspect_err(|error| self.0.work.lock().doomed |= error.is_retried())
    }

    fn note_read(&self, add: impl FnOnce(&mut ReadSet)) -> Result<(), StoreError> {
        if self.0.view == View::Durable {
            return Ok(());
        }
        let reads = &mut self.0.work.lock().reads;
        add(reads);
        check_size("transaction's read set", reads.keys.len() + reads.ranges.len(), TRANSACTION_READS_MAX)
    }

    fn write(&self, key: Bytes, value: Option<Bytes>) -> Result<(), StoreError> {
        assert!(self.0.view == View::Latest, "a read-only transaction does not write");
        check_size("key", key.len(), KEY_BYTES_MAX)?;
        let mut work = self.0.work.lock();
        let write = (key, value);
        let before =
            work.writes.get(&write.0).map_or(0, |old| write.0.len() + old.as_ref().map_or(0, Bytes::len));
        let total = work.write_bytes + write_bytes(&write) - before;
        check_size("transaction", total, TRANSACTION_BYTES_MAX)?;
        work.write_bytes = total;
        work.writes.insert(write.0, write.1);
        Ok(())
    }

    fn own_writes(&self, range: &KeyRange) -> BTreeMap<Bytes, Option<Bytes>> {
        let work = self.0.work.lock();
        let own = work.writes.range::<[u8], _>(range.bounds());
        own.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

fn check_size(what: &'static str, size: usize, max: usize) -> Result<(), StoreError> {
    if size > max { Err(StoreError::TooLarge { what, size, max }) } else { Ok(()) }
}

/// Lays our own writes over what the snapshot shows. Returns the page, and the part of the range it covers.
fn merge(
    range: &KeyRange,
    own: BTreeMap<Bytes, Option<Bytes>>,
    chunk: Chunk,
    limit: usize,
    direction: Direction,
) -> (Page, KeyRange) {
    let end_of_chunk = match chunk.pairs.last() {
        Some((last, _)) if chunk.more => Some(last.clone()),
        _ => None,
    };
    let mut merged: BTreeMap<Bytes, Option<Bytes>> =
        chunk.pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
    let beyond = |key: &Bytes, end: &Bytes| match direction {
        Direction::Forward => key > end,
        Direction::Backward => key < end,
    };
    merged
        .extend(own.into_iter().filter(|(key, _)| end_of_chunk.as_ref().is_none_or(|end| !beyond(key, end))));
    let shown = merged.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let mut pairs: Vec<(Bytes, Bytes)> = match direction {
        Direction::Forward => shown.take(limit + 1).collect(),
        Direction::Backward => {
            let mut pairs: Vec<_> = shown.collect();
            pairs.reverse();
            pairs
        }
    };
    let last = if pairs.len() > limit { Some(pairs[limit - 1].0.clone()) } else { end_of_chunk };
    pairs.truncate(limit);
    let covered = last.as_ref().map_or_else(|| range.clone(), |last| range.up_to(last, direction));
    let next = last.map(|last| range.beyond(&last, direction)).filter(|next| !next.is_empty());
    (Page { pairs, next }, covered)
}
