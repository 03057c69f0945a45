//! What inserts and point reads use of the tree: its memory and its files, without its lock.
//!
//! The tree syncs each new list of its files while it holds a lock that every insert and every read takes. Here both go
//! past it: whoever inserts or gets a key takes what was last seen, which is replaced whole when memory is closed or
//! files were made. Memory is seen until the file that was made of it is, so nothing is missing in between; and files
//! that were merged away are there for as long as somebody sees them.
//!
//! It is as good as the tree's own list for any moment that is registered ([`crate::published`]): flushing and merging
//! keep every version that somebody may read at such a moment.

use std::sync::Arc;

use lsm_tree::table::filter::standard_bloom::Builder;
use lsm_tree::{AbstractTree, AnyTree, InternalValue, Memtable, MemtableId};

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
