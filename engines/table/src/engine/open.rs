//! Opening: what the files say, then what the log says on top of it.
//!
//! ```text
//! lock     held by the process that uses the folder, for as long as anybody there may read or remove a file
//! format   the version of the layout, as text
//! log/     the write-ahead log
//! tree/    everything else
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::brake::Brake;
use crate::committer::{Committer, Queue};
use crate::engine::{Inner, Running, Settings, TableEngine, Threads};
use crate::error::TableError;
use crate::keeper::{Keeper, flush_forever, merge_forever};
#[cfg(target_os = "linux")]
use crate::limits::KEEPER_NICENESS;
use crate::limits::WAITING_BYTES_MAX;
use crate::locks::Locks;
use crate::log::Log;
use crate::log::frame::Op;
use crate::published::Published;
use crate::seal::Nonces;
use crate::space::{Delta, SpaceId};
use crate::spaces::Spaces;
use crate::tree::Tree;
use medium::{Folder, Medium};

/// The layout that this code writes, and the newest that it reads.
const FORMAT: u32 = 1;
const FORMAT_PREFIX: &str = "fogbank tables ";

/// Where files of an engine in memory go, if there is such a folder: it is memory, and its syncs cost nothing.
const MEMORY_FOLDER: &str = "/dev/shm";

impl TableEngine {
    /// Opens a folder, or makes it. One process at a time: a second one gets [`TableError::Locked`].
    pub async fn open(folder: &Path, settings: Settings) -> Result<TableEngine, TableError> {
        let folder = folder.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&folder)?;
            let log: Arc<dyn Medium> = Arc::new(Folder::open(&folder.join("log"))?);
            TableEngine::open_on(&folder, log, settings)
        });
        opened.await.expect("opening does not panic")
    }

    /// Keeps the log on a medium of one's own, such as a disk that fails on purpose. Blocks.
    pub fn open_on(
        folder: &Path,
        log: Arc<dyn Medium>,
        settings: Settings,
    ) -> Result<TableEngine, TableError> {
        std::fs::create_dir_all(folder)?;
        let lock = lock(folder)?;
        check_format(folder)?;
        let brake = Brake::new(Some(Arc::clone(&log)), settings.reserve_bytes / 4);
        let tree = Tree::open(&folder.join("tree"), settings.cache_bytes, brake)?;
        let spaces = Spaces::load(&tree)?;
        let inner = Inner::new(settings, tree, spaces, Some(lock));
        let (log, inner) = inner.replay(log)?;
        Ok(start(inner, Some(log), None))
    }

    /// Keeps everything for as long as the process lives: in memory, and what is too much for that in a temporary
    /// folder. Nothing is written ahead, and nothing is synced.
    pub fn in_memory() -> TableEngine {
        let temporary = tempfile::tempdir_in(MEMORY_FOLDER).or_else(|_| tempfile::tempdir());
        let temporary = temporary.expect("a temporary folder can be made");
        let settings = Settings::default();
        let tree = Tree::open(temporary.path(), settings.cache_bytes, Brake::new(None, 0))
            .expect("an empty folder can be written to");
        start(Inner::new(settings, tree, Spaces::default(), None), None, Some(temporary))
    }
}

impl Inner {
    fn new(settings: Settings, tree: Tree, spaces: Spaces, lock: Option<File>) -> Inner {
        Inner {
            settings,
            published: Published::new(tree.sequence()),
            tree,
            spaces,
            locks: Locks::new(),
            queue: Queue::default(),
            keeper: Keeper::default(),
            nonces: Nonces::new(),
            segments: None,
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX / 1024)),
            _lock: lock,
        }
    }

    /// Makes the changes that are in the log and not in files yet.
    fn replay(mut self, medium: Arc<dyn Medium>) -> Result<(Log, Inner), TableError> {
        let mut visit = |sequence: u64, ops: Vec<Op>| {
            self.tree.reach(sequence);
            let mut deltas: Vec<(SpaceId, Delta)> = Vec::new();
            let memory = self.tree.seen();
            for op in ops {
                self.insert(&memory, op, sequence, &mut deltas);
            }
            for (space, delta) in deltas {
                self.spaces.count(space, delta);
            }
            if self.tree.memtable_bytes() > self.settings.memtable_bytes {
                self.rotate(sequence);
                self.tree.flush(sequence)?;
            }
            Ok(())
        };
        let persisted = self.tree.persisted();
        let log = Log::open(medium, self.settings.log_segment_bytes, persisted, &mut visit)?;
        self.tree.reach(log.last_sequence());
        self.segments = Some(Arc::clone(log.segments()));
        self.published.publish(self.tree.sequence());
        Ok((log, self))
    }
}

fn start(inner: Inner, log: Option<Log>, temporary: Option<TempDir>) -> TableEngine {
    let inner = Arc::new(inner);
    inner.keeper.nudge_merge();
    let committer = Committer::new(Arc::clone(&inner), log);
    let committer = thread("table-commit", move || committer.run());
    let (flushed, merged) = (Arc::clone(&inner), Arc::clone(&inner));
    let keepers = vec![
        thread_behind("table-flush", move || flush_forever(&flushed)),
        thread_behind("table-merge", move || merge_forever(&merged)),
    ];
    let threads = Threads { committer: Some(committer), keepers, temporary };
    TableEngine(Arc::new(Running { inner, threads: Mutex::new(threads) }))
}

/// A thread that lets everybody else go first on a processor that is wanted by several: nobody waits for files to be
/// written and merged, until so much is waiting that everybody does.
fn thread_behind(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread(name, move || {
        // On Linux what is said of "this process" holds for the thread that says it.
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::setpriority_process(None, KEEPER_NICENESS) {
            tracing::debug!(%error, "files of the tables are written as hurriedly as requests are answered");
        }
        run();
    })
}

fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).expect("a thread can be started")
}

fn lock(folder: &Path) -> Result<File, TableError> {
    let file =
        OpenOptions::new().create(true).read(true).write(true).truncate(false).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(TableError::Locked(folder.display().to_string().into())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn check_format(folder: &Path) -> Result<(), TableError> {
    let path = folder.join("format");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    if bytes.is_empty() {
        // A new folder, or one whose first start was cut short here.
        file.rewind()?;
        writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
        return Ok(file.sync_all()?);
    }
    let text = str::from_utf8(&bytes).ok().and_then(|text| text.strip_prefix(FORMAT_PREFIX));
    let folder = || Arc::from(folder.display().to_string());
    match text.and_then(|version| version.trim().parse().ok()) {
        Some(found) if found <= FORMAT => Ok(()),
        Some(found) => Err(TableError::NewerVersion { folder: folder(), found, known: FORMAT }),
        None => Err(TableError::UnknownFormat(folder())),
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// The niceness of this process's thread of that name, once it has one that is not everybody's.
    fn niceness_of(name: &str) -> Option<i32> {
        for task in std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path()) {
            let stat = std::fs::read_to_string(task.join("stat")).unwrap_or_default();
            // "1234 (table-merge) S …": the 17th field after the name, see proc_pid_stat(5).
            let Some((before, after)) = stat.rsplit_once(") ") else { continue };
            if before.ends_with(&format!("({name}")) {
                return after.split(' ').nth(16)?.parse().ok().filter(|niceness| *niceness != 0);
            }
        }
        None
    }

    #[test]
    fn whoever_writes_files_stands_back_and_whoever_commits_does_not() {
        let _engine = TableEngine::in_memory();
        for keeper in ["table-flush", "table-merge"] {
            // A thread has its name before it has said how nice it is.
            let said = (0..1000).find_map(|_| {
                std::thread::sleep(std::time::Duration::from_millis(1));
                niceness_of(keeper)
            });
            assert_eq!(said, Some(KEEPER_NICENESS), "{keeper}");
        }
        assert_eq!(niceness_of("table-commit"), None);
    }
}
