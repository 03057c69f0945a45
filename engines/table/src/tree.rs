//! The tree that holds all spaces, and what we ask of it.
//!
//! `lsm-tree` keeps versions of every entry under sequence numbers and leaves to us to give them out, to write ahead,
//! to say when memory goes to the disk, and to say which versions nobody can read any more. Two of its ways matter
//! here. It takes sequence numbers of its own for every change of its set of files; so its counter is the one
//! numbering of the engine, which then has gaps. And it finds the set of files for a reader by the reader's number;
//! so a reader must have registered its number for as long as it reads ([`crate::published`]). Inserts and gets do not
//! wait for its lock ([`crate::seen`]); scans do.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use lsm_tree::compaction::Leveled;
use lsm_tree::config::{
    BlockSizePolicy, BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry,
};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, Guard, MemtableId,
    SequenceNumberCounter,
};
use parking_lot::{Mutex, RwLock};
use twox_hash::XxHash3_128;

use crate::brake::Brake;
use crate::error::TableError;
use crate::limits::{BLOCK_BYTES, OPEN_FILES_MAX, TREE_FILE_BYTES, UNMERGED_TABLES_MAX};
use crate::range::Direction;
use crate::seen::{Seen, Sights};

/// A moment that sees everything.
pub const LATEST: u64 = u64::MAX;

pub struct Tree {
    tree: AnyTree,
    sights: Sights,
    /// Held while what is seen is made anew.
    seeing: Mutex<()>,
    sequence: SequenceNumberCounter,
    leveled: Arc<Leveled>,
    brake: Brake,
    folder: PathBuf,
    /// Held while files are being made, and alone while those that were not finished are removed.
    making_files: RwLock<()>,
    making: Mutex<Making>,
    /// Whether the list of files on the disk may be another than the tree's own.
    is_list_wrong: AtomicBool,
}

/// Who makes files at present, and which of the files since then are in a list or were in one.
#[derive(Default)]
struct Making {
    /// The number of the first file that each of them may make.
    firsts: Vec<u64>,
    listed: BTreeSet<u64>,
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
        let sights = Sights::new(Seen::first(&tree));
        Ok(Tree {
            tree,
            sights,
            seeing: Mutex::new(()),
            sequence,
            leveled,
            brake,
            folder: folder.to_owned(),
            making_files: RwLock::new(()),
            making: Mutex::default(),
            is_list_wrong: AtomicBool::new(false),
        })
    }

    /// The newest version below `at`.
    pub fn get(&self, key: &[u8], at: u64) -> Result<Option<Bytes>, TableError> {
        Ok(self.sights.at(at).get(key, at)?.map(|found| found.value.into()))
    }

    /// What is seen now, and what is written to until memory is closed.
    pub fn seen(&self) -> Arc<Seen> {
        self.sights.now()
    }

    fn made_files(&self, flushed: &[MemtableId]) {
        let _seeing = self.seeing.lock();
        let mut next = Seen::clone(&self.seen());
        next.made_files(flushed, &self.tree);
        // Whoever reads at an earlier moment may need what was left out of these files.
        self.sights.push(self.sequence.get(), next);
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
            let mut next = Seen::clone(&self.seen());
            next.rotated(sealed, &self.tree);
            self.sights.replace(next);
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
        let merged = self.make_files(|| self.tree.compact(self.leveled.clone(), watermark));
        // Also after an error: the tree may fail when its new list is there already, at removing an old one.
        let has_merged = self.tree.current_version().id() != before;
        if has_merged {
            self.made_files(&[]);
        }
        merged.map(|()| has_merged)
    }

    /// Merges all files, so that nothing is left of what was deleted or overwritten. That takes as much room as what is
    /// not deleted, for as long as it takes.
    pub fn merge_all(&self, watermark: u64) -> Result<(), TableError> {
        let merged = self.make_files(|| self.tree.major_compact(TREE_FILE_BYTES, watermark));
        self.made_files(&[]);
        merged
    }

    /// Ends a merge that is under way, and all later ones.
    pub fn stop_merging(&self) {
        self.brake.stop();
    }

    /// The tree does not remove the files of a merge that failed before its next start, and on a full disk there would be
    /// more of them with every attempt.
    fn make_files(&self, make: impl FnOnce() -> lsm_tree::Result<()>) -> Result<(), TableError> {
        if self.is_list_wrong.load(Ordering::Acquire) {
            let _alone = self.making_files.write();
            self.right_list()?;
        }
        let first = self.tree.next_table_id();
        self.making.lock().firsts.push(first);
        let making = self.making_files.read();
        let made = make();
        self.note_listed();
        drop(making);
        let mut removed = Ok(());
        if made.is_err() {
            let _alone = self.making_files.write();
            removed = self.right_list().and_then(|()| self.remove_unfinished(first));
        }
        self.made(first);
        removed?;
        Ok(made?)
    }

    /// Before anybody can merge them away, and others take the files for left over.
    fn note_listed(&self) {
        let mut making = self.making.lock();
        let first = making.firsts.iter().copied().min();
        let version = self.tree.current_version();
        let listed = version.iter_tables().map(|table| table.id());
        making.listed.extend(listed.filter(|id| first.is_some_and(|first| *id >= first)));
    }

    fn made(&self, first: u64) {
        let mut making = self.making.lock();
        if let Some(place) = making.firsts.iter().position(|begun| *begun == first) {
            making.firsts.swap_remove(place);
        }
        match making.firsts.iter().copied().min() {
            Some(first) => making.listed = making.listed.split_off(&first),
            None => making.listed.clear(),
        }
    }

    /// Removes the files from that number on which never were in a list: nobody else makes any meanwhile. Those that were
    /// and are no more go when their last reader does.
    fn remove_unfinished(&self, first: u64) -> Result<(), TableError> {
        let making = self.making.lock();
        for entry in std::fs::read_dir(self.folder.join(TABLES))? {
            let entry = entry?;
            let id = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
            if id.is_some_and(|id| id >= first && !making.listed.contains(&id)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Lets the list of files on the disk be the tree's own. It is not where a new list was put in its place and could not
    /// be synced there: the tree goes on without it, and would write the next one over it. Not while files are made.
    fn right_list(&self) -> Result<(), TableError> {
        self.is_list_wrong.store(true, Ordering::Release);
        let id = self.tree.current_version().id().to_le_bytes();
        let current = self.folder.join(CURRENT);
        if std::fs::read(&current)?.first_chunk::<8>() != Some(&id) {
            let list = std::fs::read(self.folder.join(format!("v{}", u64::from_le_bytes(id))))?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(&id)?;
            file.write_all(&XxHash3_128::oneshot(&list).to_le_bytes())?;
            // The kind of the checksum, which is the only one there is.
            file.write_all(&[0])?;
            file.as_file().sync_all()?;
            file.persist(&current).map_err(|failed| failed.error)?;
            File::open(&self.folder)?.sync_all()?;
        }
        self.is_list_wrong.store(false, Ordering::Release);
        Ok(())
    }

    /// Forgets lists of files, and memory that has become files, which nobody after `watermark` needs.
    pub fn tidy(&self, watermark: u64) -> Result<(), TableError> {
        self.sights.forget(watermark);
        self.tree.get_version_history_lock().maintenance(&self.folder, watermark)?;
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
        let range = (Bound::Included(prefix.to_vec()), end);
        // It makes none, but writes a list as whoever makes files does.
        let dropped = self.make_files(|| self.tree.drop_range::<Vec<u8>, _>(range));
        self.made_files(&[]);
        dropped
    }

    /// The files, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.tree.disk_space()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use super::*;
    use crate::limits::SEALED_MEMTABLES_MAX;

    fn open(folder: &Path) -> Tree {
        Tree::open(folder, 1 << 20, Brake::new(None, 0)).unwrap()
    }

    /// One thread inserts and closes memory, as the committer does; two others flush and merge all the time,
    /// and whatever was inserted before is found meanwhile.
    #[test]
    fn what_was_inserted_is_found_while_memory_becomes_files_and_files_are_merged() {
        const ENTRIES: u64 = 12_000;
        const KEYS: u64 = 500;
        let folder = tempfile::tempdir().unwrap();
        let tree = open(folder.path());
        let inserted = AtomicU64::new(0);
        let is_done = AtomicBool::new(false);
        let key = |nth: u64| format!("{:04}", nth % KEYS);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for nth in 0..ENTRIES {
                    // As the committer, so that it closes memory while files are being made of other memory.
                    while tree.sealed_memtables() >= SEALED_MEMTABLES_MAX {
                        std::thread::yield_now();
                    }
                    let sequence = tree.next_sequence();
                    tree.seen().insert(key(nth).into(), nth.to_le_bytes().to_vec().into(), sequence);
                    inserted.store(nth + 1, Ordering::Release);
                    if nth % 40 == 0 {
                        tree.rotate();
                    }
                }
                is_done.store(true, Ordering::Release);
            });
            threads.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    tree.flush(tree.sequence()).unwrap();
                }
            });
            threads.spawn(|| {
                while !is_done.load(Ordering::Acquire) {
                    tree.merge(tree.sequence()).unwrap();
                }
            });
            threads.spawn(|| {
                let mut nth = 0;
                while !is_done.load(Ordering::Acquire) {
                    let count = inserted.load(Ordering::Acquire);
                    nth += 7;
                    let Some(wanted) = (count > KEYS).then(|| count - 1 - nth % KEYS) else { continue };
                    let found = tree.get(key(wanted).as_bytes(), LATEST).unwrap();
                    let found = found.unwrap_or_else(|| panic!("{wanted} is missing"));
                    let found = u64::from_le_bytes(found[..].try_into().unwrap());
                    assert!(found >= wanted && found % KEYS == wanted % KEYS, "{found} for {wanted}");
                }
            });
        });
        tree.rotate();
        tree.flush(tree.sequence()).unwrap();
        assert_eq!((tree.sealed_memtables(), tree.memtable_bytes()), (0, 0), "all memory has become files");
        for nth in ENTRIES - KEYS..ENTRIES {
            assert_eq!(tree.get(key(nth).as_bytes(), LATEST).unwrap().unwrap(), &nth.to_le_bytes()[..]);
        }
    }

    /// The story: a merge had written its new list of files and failed at removing an old list. What was seen
    /// stayed as before it, with too many unmerged files; as there was nothing left to merge, that never changed,
    /// and the committer waited for ever.
    #[test]
    fn the_files_of_a_merge_that_failed_after_its_list_was_written_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let tree = open(folder.path());
        for round in 0..8_u8 {
            for nth in 0..20 {
                tree.seen().insert(format!("{nth:04}").into(), vec![round; 50].into(), tree.next_sequence());
            }
            tree.rotate();
            // All lists stay, as if somebody read at the first moment.
            tree.flush(1).unwrap();
        }
        let unmerged = tree.seen().unmerged;
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            // A list that cannot be removed as a file can.
            if path.ends_with("v1") {
                std::fs::remove_file(&path).unwrap();
                std::fs::create_dir(&path).unwrap();
            }
        }
        let merged = tree.merge(tree.sequence());
        assert!(merged.is_err(), "{merged:?}");
        let now = tree.tree.l0_run_count();
        assert!(now < unmerged, "the merge was done: {now} of {unmerged} are unmerged");
        assert_eq!(tree.seen().unmerged, now);
        assert_eq!(tree.get(b"0007", LATEST).unwrap().unwrap(), vec![7; 50]);
    }

    fn files_in(folder: &Path) -> Vec<std::ffi::OsString> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }

    fn fill(tree: &Tree, value: u8) {
        for nth in 0..50 {
            tree.seen().insert(format!("{nth:04}").into(), vec![value; 50].into(), tree.next_sequence());
        }
        tree.rotate();
        tree.flush(1).unwrap();
    }

    /// The story: while memory was being written, a merge made files and the next merge took them away again,
    /// when somebody had begun to read them. The writing failed, and those files went as if it had left them.
    #[test]
    fn what_others_made_meanwhile_stays_for_its_readers_when_making_files_fails() {
        let folder = tempfile::tempdir().unwrap();
        let tree = open(folder.path());
        let mut reader = None;
        let mut there = Vec::new();
        let failed = tree.make_files(|| {
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    fill(&tree, 1);
                    let all = (Bound::Unbounded, Bound::Unbounded);
                    reader = Some(tree.scan(all, Direction::Forward, tree.sequence()));
                    fill(&tree, 2);
                    tree.merge_all(1).unwrap();
                    there = files_in(&folder.path().join(TABLES));
                });
            });
            std::fs::write(folder.path().join(TABLES).join("900"), "unfinished").unwrap();
            Err(lsm_tree::Error::Io(io::ErrorKind::StorageFull.into()))
        });
        assert!(matches!(failed, Err(TableError::Full)), "{failed:?}");
        assert!(there.len() > 1, "a file and those it was made of, which are read: {there:?}");
        assert_eq!(files_in(&folder.path().join(TABLES)), there);
        let read = reader.unwrap().map(|pair| pair.unwrap().1).collect::<Vec<_>>();
        assert!(read.len() == 50 && read.iter().all(|value| *value == vec![1; 50]), "{read:?}");
    }

    /// The story: a new list of files was written and put in place, and the sync of its folder failed. The tree went
    /// on with the old list and its files were removed; the next start found a list without its files.
    #[test]
    fn a_list_that_was_written_and_could_not_be_synced_does_not_count() {
        let (other, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&other, &folder] {
            fill(&open(folder.path()), 1);
        }
        fill(&open(other.path()), 2);
        let tree = open(folder.path());
        let failed = tree.make_files(|| {
            // What the same writing of files has left elsewhere, up to the sync that fails.
            for name in files_in(&other.path().join(TABLES)) {
                let name = Path::new(TABLES).join(name);
                if !folder.path().join(&name).exists() {
                    std::fs::copy(other.path().join(&name), folder.path().join(&name)).unwrap();
                }
            }
            for name in files_in(other.path()).iter().filter(|name| *name != TABLES) {
                std::fs::copy(other.path().join(name), folder.path().join(name)).unwrap();
            }
            Err(lsm_tree::Error::Io(io::Error::other("the sync failed")))
        });
        assert!(matches!(failed, Err(TableError::Io(_))), "{failed:?}");
        let files = files_in(&folder.path().join(TABLES));
        drop(tree);
        let tree = open(folder.path());
        assert_eq!(tree.get(b"0007", LATEST).unwrap().unwrap(), vec![1; 50]);
        assert_eq!(files_in(&folder.path().join(TABLES)), files, "nothing was left over");
        fill(&tree, 3);
        drop(tree);
        assert_eq!(open(folder.path()).get(b"0007", LATEST).unwrap().unwrap(), vec![3; 50]);
    }
}
