//! The tree that holds all spaces, and what we ask of it.
//!
//! `lsm-tree` keeps versions of every entry under sequence numbers and leaves to us to give them out, to write ahead,
//! to say when memory goes to the disk, and to say which versions nobody can read any more. Two of its ways matter
//! here. It takes sequence numbers of its own for every change of its set of files; so its counter is the one
//! numbering of the engine, which then has gaps. And it finds the set of files for a reader by the reader's number;
//! so a reader must have registered its number for as long as it reads ([`crate::published`]). Inserts and gets do not
//! wait for its lock ([`crate::seen`]); scans do.

use std::collections::HashSet;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use lsm_tree::compaction::Leveled;
use lsm_tree::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, Guard, InternalValue, MemtableId,
    SequenceNumberCounter, ValueType,
};
use parking_lot::{Mutex, RwLock};
use twox_hash::XxHash3_128;

use crate::brake::Brake;
use crate::error::TableError;
use crate::limits::{BLOCK_BYTES, OPEN_FILES_MAX, TREE_FILE_BYTES, UNMERGED_TABLES_MAX};
use crate::range::Direction;
use crate::seen::Seen;

/// A moment that sees everything.
pub const LATEST: u64 = u64::MAX;

pub struct Tree {
    tree: AnyTree,
    /// Held for the moment only in which it is taken or replaced.
    seen: RwLock<Arc<Seen>>,
    /// Held while `seen` is made anew.
    seeing: Mutex<()>,
    sequence: SequenceNumberCounter,
    leveled: Arc<Leveled>,
    brake: Brake,
    tables: PathBuf,
    /// Held while files are being made, and alone while those that were not finished are removed.
    making_files: RwLock<()>,
}

/// Where the tree has its files.
const TABLES: &str = "tables";

/// Which list of files counts, by its number, and its checksum.
const CURRENT: &str = "current";

/// The tree keeps a checksum of its list of files and does not look at it when it is opened. Files that a damaged list
/// does not name would be removed as left over.
fn check_list(folder: &Path) -> Result<(), TableError> {
    let damaged = |what: &str| TableError::Corrupt(format!("the list of the tree's files: {what}").into());
    let current = match std::fs::read(folder.join(CURRENT)) {
        Ok(current) => current,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.join(TABLES).exists() => {
            return Ok(());
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A first start that was cut short has no files either.
            let is_empty = std::fs::read_dir(folder.join(TABLES))?.next().is_none();
            return if is_empty { Ok(()) } else { Err(damaged("it is missing")) };
        }
        Err(error) => return Err(error.into()),
    };
    let (id, checksum) = current.split_first_chunk::<8>().ok_or_else(|| damaged("its name is cut"))?;
    let checksum = checksum.first_chunk::<16>().ok_or_else(|| damaged("its checksum is cut"))?;
    let list = std::fs::read(folder.join(format!("v{}", u64::from_le_bytes(*id))));
    let list = list.map_err(|_| damaged("it cannot be read"))?;
    if XxHash3_128::oneshot(&list) == u128::from_le_bytes(*checksum) {
        Ok(())
    } else {
        Err(damaged("it does not match its checksum"))
    }
}

impl Tree {
    pub fn open(folder: &Path, cache_bytes: u64, brake: Brake) -> Result<Tree, TableError> {
        check_list(folder)?;
        let sequence = SequenceNumberCounter::new(1);
        // What the tree thinks is visible is of no use to us: it does not know what belongs together.
        let tree = Config::new(folder, sequence.clone(), SequenceNumberCounter::default())
            .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)))
            .use_descriptor_table(Some(Arc::new(DescriptorTable::new(OPEN_FILES_MAX))))
            .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
            // Sealed values do not get smaller.
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
            .filter_policy(FilterPolicy::new([
                FilterPolicyEntry::Bloom(BloomConstructionPolicy::FalsePositiveRate(0.0001)),
                FilterPolicyEntry::Bloom(BloomConstructionPolicy::BitsPerKey(10.0)),
            ]))
            .with_compaction_filter_factory(Some(Arc::new(brake.clone())))
            .open()?;
        if let Some(highest) = tree.get_highest_persisted_seqno() {
            sequence.fetch_max(highest + 1);
        }
        let leveled = Arc::new(Leveled::default().with_table_target_size(TREE_FILE_BYTES));
        let tables = folder.join(TABLES);
        let seen = RwLock::new(Arc::new(Seen::first(&tree)));
        Ok(Tree {
            tree,
            seen,
            seeing: Mutex::new(()),
            sequence,
            leveled,
            brake,
            tables,
            making_files: RwLock::new(()),
        })
    }

    /// The newest version below `at`.
    pub fn get(&self, key: &[u8], at: u64) -> Result<Option<Bytes>, TableError> {
        Ok(self.seen().get(key, at)?.map(|found| found.value.into()))
    }

    fn seen(&self) -> Arc<Seen> {
        Arc::clone(&self.seen.read())
    }

    /// Lets everybody see what the tree has become.
    fn see(&self, change: impl FnOnce(&mut Seen)) {
        let mut next = Seen::clone(&self.seen());
        change(&mut next);
        let before = std::mem::replace(&mut *self.seen.write(), Arc::new(next));
        // Outside of the lock, since it may be the last to know of memory or files.
        drop(before);
    }

    fn made_files(&self, flushed: &[MemtableId]) {
        let _seeing = self.seeing.lock();
        self.see(|seen| seen.made_files(flushed, &self.tree));
    }

    /// The entries of a range at a moment, with their whole keys.
    pub fn scan(
        &self,
        range: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        direction: Direction,
        at: u64,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), TableError>> + use<> {
        let mut entries = self.tree.range(range, at, None);
        std::iter::from_fn(move || {
            let next = match direction {
                Direction::Forward => entries.next(),
                Direction::Backward => entries.next_back(),
            };
            let pair = next?.into_inner();
            Some(pair.map(|(key, value)| (key.into(), value.into())).map_err(TableError::from))
        })
    }

    /// By one thread at a time, which also is the one that rotates.
    pub fn insert(&self, key: Bytes, value: Bytes, sequence: u64) {
        let entry = InternalValue::from_components(key, value, sequence, ValueType::Value);
        self.seen().active.insert(entry);
    }

    pub fn remove(&self, key: Bytes, sequence: u64) {
        self.seen().active.insert(InternalValue::new_tombstone(key, sequence));
    }

    /// A number above all before it.
    pub fn next_sequence(&self) -> u64 {
        self.sequence.next()
    }

    /// The number that will be given out next: whoever reads at it sees all before it.
    pub fn sequence(&self) -> u64 {
        self.sequence.get()
    }

    /// All numbers up to this one are used.
    pub fn reach(&self, sequence: u64) {
        self.sequence.fetch_max(sequence + 1);
    }

    /// Everything up to this number is in files.
    pub fn persisted(&self) -> u64 {
        self.tree.get_highest_persisted_seqno().unwrap_or(0)
    }

    /// The memory that is written to, in bytes.
    pub fn memtable_bytes(&self) -> u64 {
        self.seen().active.size()
    }

    /// Memory that waits to become files.
    pub fn sealed_memtables(&self) -> usize {
        self.seen().sealed.len()
    }

    /// Closes the memory that is written to, so that [`Tree::flush`] takes it. Not while something is inserted.
    pub fn rotate(&self) {
        let _seeing = self.seeing.lock();
        if let Some(sealed) = self.tree.rotate_memtable() {
            self.see(|seen| seen.rotated(sealed, &self.tree));
        }
    }

    /// Makes files of the closed memory. Versions that only readers before `watermark` could see may go.
    pub fn flush(&self, watermark: u64) -> Result<(), TableError> {
        let sealed: Vec<MemtableId> = self.seen().sealed.iter().map(|memory| memory.id()).collect();
        self.make_files(|| {
            let lock = self.tree.get_flush_lock();
            self.tree.flush(&lock, watermark).map(drop)
        })?;
        self.made_files(&sealed);
        Ok(())
    }

    /// Merges some files, if there are any that should be; says whether there were.
    pub fn merge(&self, watermark: u64) -> Result<bool, TableError> {
        let before = self.tree.current_version().id();
        self.make_files(|| self.tree.compact(self.leveled.clone(), watermark))?;
        let has_merged = self.tree.current_version().id() != before;
        if has_merged {
            self.made_files(&[]);
        }
        Ok(has_merged)
    }

    /// Merges all files, so that nothing is left of what was deleted or overwritten. That takes as much room as what is
    /// not deleted, for as long as it takes.
    pub fn merge_all(&self, watermark: u64) -> Result<(), TableError> {
        self.make_files(|| self.tree.major_compact(TREE_FILE_BYTES, watermark))?;
        self.made_files(&[]);
        Ok(())
    }

    /// Ends a merge that is under way, and all later ones.
    pub fn stop_merging(&self) {
        self.brake.stop();
    }

    /// The tree does not remove the files of a merge that failed before its next start, and on a full disk there would be
    /// more of them with every attempt.
    fn make_files(&self, make: impl FnOnce() -> lsm_tree::Result<()>) -> Result<(), TableError> {
        let first = self.tree.next_table_id();
        let making = self.making_files.read();
        let made = make();
        drop(making);
        if made.is_err() {
            let _alone = self.making_files.write();
            self.remove_unfinished(first)?;
        }
        Ok(made?)
    }

    /// Removes the files from that number on which are in no list: nobody else makes any meanwhile.
    fn remove_unfinished(&self, first: u64) -> Result<(), TableError> {
        let version = self.tree.current_version();
        let listed: HashSet<u64> = version.iter_tables().map(|table| table.id()).collect();
        for entry in std::fs::read_dir(&self.tables)? {
            let entry = entry?;
            let id = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
            if id.is_some_and(|id| id >= first && !listed.contains(&id)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Forgets lists of files, and memory that has become files, which nobody after `watermark` needs.
    pub fn tidy(&self, watermark: u64) -> Result<(), TableError> {
        let folder = self.tree.tree_config().path.clone();
        self.tree.get_version_history_lock().maintenance(&folder, watermark)?;
        Ok(())
    }

    /// Whether merging is so far behind that reads get slow.
    pub fn is_unmerged(&self) -> bool {
        self.seen().unmerged > UNMERGED_TABLES_MAX
    }

    /// Removes the files that hold keys of this prefix only. What other files have of it stays.
    pub fn drop_files(&self, prefix: &[u8]) -> Result<(), TableError> {
        let end =
            crate::range::successor(prefix).map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec()));
        self.tree.drop_range::<Vec<u8>, _>((Bound::Included(prefix.to_vec()), end))?;
        self.made_files(&[]);
        Ok(())
    }

    /// The files, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.tree.disk_space()
    }
}
