//! What inserts and point reads use of the tree: its memory and its files, without its lock.
//!
//! The tree syncs each new list of its files while it holds a lock that every insert and every read takes. Here both go
//! past it: whoever inserts or gets a key takes what was last seen, which is replaced whole when memory is closed or
//! files were made. Memory is seen until the file that was made of it is, so nothing is missing in between; and files
//! that were merged away are there for as long as somebody sees them.
//!
//! Flushing and merging keep of each key only what readers of the moment need who come after them. Whoever reads at an
//! earlier moment that is registered ([`crate::published`]) goes by what was seen then, which is kept as long
//! ([`Sights`]).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use lsm_tree::table::filter::standard_bloom::Builder;
use lsm_tree::{AbstractTree, AnyTree, InternalValue, Memtable, MemtableId, ValueType};
use parking_lot::RwLock;

/// What is seen now, behind what was seen before and is still read.
pub struct Sights(RwLock<VecDeque<Sight>>);

struct Sight {
    /// The first moment that it is good for.
    from: u64,
    seen: Arc<Seen>,
}

impl Sights {
    pub fn new(first: Seen) -> Sights {
        Sights(RwLock::new(VecDeque::from([Sight { from: 0, seen: Arc::new(first) }])))
    }

    pub fn now(&self) -> Arc<Seen> {
        let sights = self.0.read();
        Arc::clone(&sights.back().expect("there is always one").seen)
    }

    /// What belongs to a moment that is registered.
    pub fn at(&self, moment: u64) -> Arc<Seen> {
        let sights = self.0.read();
        let sight = sights.iter().rfind(|sight| sight.from <= moment);
        Arc::clone(&sight.expect("it is kept for as long as the moment is registered").seen)
    }

    /// Goes on with as much in other places: what was seen before has nothing that this has not.
    pub fn replace(&self, next: Seen) {
        let mut sights = self.0.write();
        let now = sights.back_mut().expect("there is always one");
        let before = std::mem::replace(&mut now.seen, Arc::new(next));
        drop(sights);
        // Outside of the lock, since it may be the last to know of memory or files.
        drop(before);
    }

    /// Goes on with less: with what is needed from that moment on.
    pub fn push(&self, from: u64, next: Seen) {
        self.0.write().push_back(Sight { from, seen: Arc::new(next) });
    }

    /// Forgets what nobody needs who reads after `watermark`.
    pub fn forget(&self, watermark: u64) {
        let mut sights = self.0.write();
        let first = sights.iter().rposition(|sight| sight.from <= watermark).unwrap_or(0);
        let forgotten: Vec<Sight> = sights.drain(..first).collect();
        drop(sights);
        drop(forgotten);
    }
}

#[derive(Clone)]
pub struct Seen {
    /// What is written to.
    pub active: Arc<Memtable>,
    /// What waits to become files, the oldest first.
    pub sealed: Vec<Arc<Memtable>>,
    files: Files,
    /// Files that may hold the same keys.
    pub unmerged: usize,
}

/// The newest version of a key below a number, in files. The type of the tree's list of them has no public name.
type Files = Arc<dyn Fn(&[u8], u64) -> lsm_tree::Result<Option<InternalValue>> + Send + Sync>;

impl Seen {
    /// Of a tree that has no closed memory.
    pub fn first(tree: &AnyTree) -> Seen {
        let (files, unmerged) = files_of(tree);
        Seen { active: tree.active_memtable(), sealed: Vec::new(), files, unmerged }
    }

    /// The newest version below `at`, unless that is a deletion.
    pub fn get(&self, key: &[u8], at: u64) -> lsm_tree::Result<Option<InternalValue>> {
        let in_memory = [&self.active].into_iter().chain(self.sealed.iter().rev());
        let found = match in_memory.into_iter().find_map(|memory| memory.get(key, at)) {
            Some(found) => Some(found),
            None => (self.files)(key, at)?,
        };
        Ok(found.filter(|found| !found.is_tombstone()))
    }

    /// By one thread at a time, which also is the one that closes memory.
    pub fn insert(&self, key: Bytes, value: Bytes, sequence: u64) {
        self.active.insert(InternalValue::from_components(key, value, sequence, ValueType::Value));
    }

    /// The same for a deletion.
    pub fn remove(&self, key: Bytes, sequence: u64) {
        self.active.insert(InternalValue::new_tombstone(key, sequence));
    }

    /// After the tree closed its memory.
    pub fn rotated(&mut self, sealed: Arc<Memtable>, tree: &AnyTree) {
        self.sealed.push(sealed);
        self.active = tree.active_memtable();
    }

    /// After files were made, of this memory among others.
    pub fn made_files(&mut self, flushed: &[MemtableId], tree: &AnyTree) {
        (self.files, self.unmerged) = files_of(tree);
        self.sealed.retain(|memory| !flushed.contains(&memory.id()));
    }
}

fn files_of(tree: &AnyTree) -> (Files, usize) {
    let version = tree.current_version();
    let unmerged = version.level(0).map_or(0, |level| level.run_count());
    let files = move |key: &[u8], at: u64| {
        let hash = Builder::get_hash(key);
        for run in version.iter_levels().flat_map(|level| level.iter()) {
            if let Some(table) = run.get_for_key(key)
                && let Some(found) = table.get(key, at, hash)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    };
    (Arc::new(files), unmerged)
}
