//! The handle, and what is behind it.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::Ids;
use blobs::Blobs;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::{JoinError, spawn_blocking};

use crate::draft::Draft;
use crate::error::EngineError;
use crate::extent::{Extent, Place};
use crate::files::Files;
use crate::freed::Journal;
use crate::keeper::Keeper;
use crate::keys::{ContentKeys, EngineId};
use crate::limits::{FREE_EXTENTS_MAX, JOURNAL_BYTES, PACK_BYTES, PACK_BYTES_MIN, PACKED_BYTES_MAX};
use crate::medium::{Folder, Medium, Memory};
use crate::packs::frame::footprint;
use crate::packs::{Freed, Packs, Released};
use crate::ranges::blocks_freed;
use crate::reader::Reader;
use crate::writer::Writer;

const FORMAT: u32 = 1;
const FORMAT_NAME: &str = "format";
const FORMAT_PREFIX: &str = "fogbank objects ";

/// Where the files of large content are, in the folder.
const BLOBS_FOLDER: &str = "blobs";

/// How the engine works, where that is not fixed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The length of a pack, in bytes.
    pub pack_bytes_max: u32,
    /// Longer content gets a file of its own, in bytes; at most [`PACKED_BYTES_MAX`].
    pub packed_bytes_max: usize,
    /// A journal of frees beyond this, and beyond three times of what it says, is written anew.
    pub journal_bytes_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            pack_bytes_max: PACK_BYTES,
            packed_bytes_max: PACKED_BYTES_MAX,
            journal_bytes_max: JOURNAL_BYTES,
        }
    }
}

/// What is kept, in bytes and in numbers. Files of earlier processes are counted while the engine runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In use, with all that keeping it takes.
    pub live_bytes: u64,
    /// Free, or of no use, in packs that hold something else.
    pub dead_bytes: u64,
    /// On the disk.
    pub disk_bytes: u64,
    pub packs: u64,
    pub files: u64,
}

/// Where objects' content is kept; clones share it. Needs a tokio runtime, for its pool of threads that may block.
/// When the last clone goes, what was begun is finished, and what is open is closed.
#[derive(Clone)]
pub struct ObjectEngine(Arc<Running>);

struct Running {
    inner: Arc<Inner>,
    threads: Mutex<Vec<(Role, JoinHandle<()>)>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Packs,
    Keeper,
    Journal,
}

pub(crate) struct Inner {
    pub packs: Arc<Packs>,
    pub files: Files,
    pub journal: Journal,
    pub keeper: Keeper,
    pub packed_bytes_max: usize,
    pub journal_bytes_max: u64,
}

impl ObjectEngine {
    /// Opens a folder, or makes it. One process at a time: a second one gets [`EngineError::Locked`]. Blocks while it
    /// looks at the ends of the packs.
    pub fn open(folder: &Path, ids: Ids, options: Options) -> Result<ObjectEngine, EngineError> {
        let medium = Folder::open(folder)?;
        let name = folder.display().to_string();
        let blobs = Blobs::open(&folder.join(BLOBS_FOLDER), ids.clone())?;
        ObjectEngine::with(Arc::new(medium), &name, blobs, &ids, options)
    }

    /// Keeps everything in memory, for as long as the process lives.
    pub fn in_memory(ids: Ids) -> ObjectEngine {
        let blobs = Blobs::in_memory(ids.clone(), u64::MAX);
        ObjectEngine::with(Arc::new(Memory::default()), "memory", blobs, &ids, Options::default())
            .expect("memory has no format that could be another, and does not fail")
    }

    /// Keeps content on media of one's own, such as a disk that fails on purpose.
    pub fn on(
        medium: Arc<dyn Medium>,
        blobs: Blobs,
        ids: &Ids,
        options: Options,
    ) -> Result<ObjectEngine, EngineError> {
        ObjectEngine::with(medium, "a medium", blobs, ids, options)
    }

    fn with(
        medium: Arc<dyn Medium>,
        folder: &str,
        blobs: Blobs,
        ids: &Ids,
        options: Options,
    ) -> Result<ObjectEngine, EngineError> {
        let engine = identify(&*medium, folder, ids)?;
        let pack_bytes = options.pack_bytes_max.max(PACK_BYTES_MIN);
        let (packs, torn) = Packs::open(Arc::clone(&medium), engine, pack_bytes)?;
        let (journal, said) = Journal::open(medium, engine)?;
        packs.reach(&said.gone);
        packs.reach(&said.freed);
        packs.release(&said.gone);
        let mut released = packs.release(&said.freed);
        // Whether holes were made is not known. A range may have merged with others, so it is looked at whole.
        released.holes.extend(said.freed.iter().filter_map(|freed| {
            let range = freed.spot.offset..freed.spot.offset.saturating_add(freed.length);
            blocks_freed(&range, &range, crate::medium::BLOCK_BYTES).map(|hole| (freed.spot.pack, hole))
        }));
        let inner = Arc::new(Inner {
            packs: Arc::new(packs),
            files: Files::new(blobs),
            journal,
            keeper: Keeper::default(),
            packed_bytes_max: options.packed_bytes_max.min(PACKED_BYTES_MAX),
            journal_bytes_max: options.journal_bytes_max,
        });
        inner.keeper.give_back(released);
        inner.keeper.take_first_look();
        let threads = start(&inner)?;
        if !torn.is_empty() {
            inner.journal.free_later(torn);
        }
        Ok(ObjectEngine(Arc::new(Running { inner, threads: Mutex::new(threads) })))
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0.inner
    }

    /// Keeps content that is at hand; durable when it returns.
    pub async fn put(&self, keys: &ContentKeys, bytes: Bytes) -> Result<Draft, EngineError> {
        if bytes.len() > self.inner().packed_bytes_max {
            let mut writer = self.create(keys);
            writer.write(bytes).await?;
            return writer.finish().await;
        }
        self.inner().pack(&bytes, keys).await
    }

    /// Takes content as it arrives.
    pub fn create(&self, keys: &ContentKeys) -> Writer {
        Writer::new(Arc::clone(self.inner()), keys.clone())
    }

    /// Reads the part of the range that lies within the content. The first bytes are read, and verified, before it
    /// returns.
    pub async fn read(
        &self,
        extent: &Extent,
        keys: &ContentKeys,
        range: Range<u64>,
    ) -> Result<Reader, EngineError> {
        let end = range.end.min(extent.length);
        let mut range = range.start.min(end)..end;
        if range.is_empty() {
            // One chunk is read even so, to find out whether the keys are right.
            range = 0..0;
        }
        match &extent.place {
            Place::Pack { .. } => {
                let spot = extent.spot().expect("it is in a pack");
                Ok(Reader::of_parts(self.inner().packs.read(extent, spot, keys, range).await?))
            }
            Place::File { blob } => Reader::of_file(self.inner(), *blob, extent.length, keys, range).await,
        }
    }

    /// Frees extents; those that are free already, or never were, are passed over. Durable when it returns.
    pub async fn free(&self, extents: &[Extent]) -> Result<(), EngineError> {
        for extents in extents.chunks(FREE_EXTENTS_MAX) {
            let mut frames: Vec<Freed> = extents.iter().filter_map(Extent::freed).collect();
            self.inner().packs.retain_used(&mut frames);
            let files: Vec<Extent> =
                extents.iter().filter(|extent| extent.blob().is_some()).cloned().collect();
            if !frames.is_empty() {
                self.inner().journal.free(frames).await?;
            }
            if !files.is_empty() {
                let inner = Arc::clone(self.inner());
                run(inner.files.blobs.waits(), move || inner.files.free(&files)).await?;
            }
        }
        Ok(())
    }

    /// Whether an extent is what was written, by its checksums: no keys are needed.
    pub async fn verify(&self, extent: &Extent) -> Result<(), EngineError> {
        let (inner, extent) = (Arc::clone(self.inner()), extent.clone());
        run(inner.packs.waits(), move || inner.verify(&extent)).await
    }

    /// Asks the disk how much it holds of every pack, which takes a few microseconds each.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for pack in self.inner().packs.all() {
            let (end, live) = {
                let state = pack.state.lock();
                (u64::from(state.end), state.live_bytes())
            };
            usage.live_bytes += live;
            usage.dead_bytes += end - live;
            usage.disk_bytes += self.inner().packs.disk_bytes(pack.number).unwrap_or(end);
            usage.packs += 1;
        }
        let (files, bytes) = self.inner().files.usage();
        usage.files = files;
        usage.live_bytes += bytes;
        usage.disk_bytes += bytes;
        usage
    }

    /// Returns when everything that is free has been given back. For tests, and before a disk is measured.
    pub async fn settle(&self) {
        let inner = Arc::clone(self.inner());
        let settled = run(true, move || {
            inner.keeper.settle();
            Ok(())
        });
        // Only a runtime that is shutting down does not wait.
        drop(settled.await);
    }

    /// Ends what was begun, and closes what is open. Further writing and freeing is refused, reading goes on.
    pub async fn shut_down(&self) -> Result<(), EngineError> {
        let running = Arc::clone(&self.0);
        run(true, move || {
            running.stop();
            Ok(())
        })
        .await
    }
}

impl Inner {
    pub async fn pack(self: &Arc<Inner>, bytes: &Bytes, keys: &ContentKeys) -> Result<Draft, EngineError> {
        self.packs.append(bytes, keys, |extent| Draft::new(self, extent)).await
    }

    pub fn verify(&self, extent: &Extent) -> Result<(), EngineError> {
        match &extent.place {
            Place::Pack { .. } => self.packs.verify(extent, extent.spot().expect("it is in a pack")),
            Place::File { blob } => self.files.verify(*blob, extent.length),
        }
    }
}

impl Running {
    /// In the order in which one gives work to the next.
    fn stop(&self) {
        let mut threads = std::mem::take(&mut *self.threads.lock());
        for role in [Role::Packs, Role::Keeper, Role::Journal] {
            match role {
                Role::Packs => self.inner.packs.close(),
                Role::Keeper => self.inner.keeper.close(),
                Role::Journal => self.inner.journal.close(),
            }
            for (_, thread) in threads.extract_if(.., |(of, _)| *of == role) {
                if thread.join().is_err() {
                    tracing::error!("a thread of the object engine panicked");
                }
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start(inner: &Arc<Inner>) -> Result<Vec<(Role, JoinHandle<()>)>, EngineError> {
    let spawn = |role, name: &str, run: fn(&Arc<Inner>)| {
        let inner = Arc::clone(inner);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&inner))?;
        Ok::<_, EngineError>((role, thread))
    };
    Ok(vec![
        spawn(Role::Packs, "object-packs", |inner| inner.packs.commit_forever())?,
        spawn(Role::Keeper, "object-keeper", |inner| inner.keeper.keep_forever(inner))?,
        spawn(Role::Journal, "object-frees", |inner| {
            let keeper = Arc::clone(inner);
            inner.journal.commit_forever(&inner.packs, move |released: Released| {
                keeper.keeper.give_back(released);
            });
        })?,
    ])
}

/// Reads the engine's identity, or draws it.
fn identify(medium: &dyn Medium, folder: &str, ids: &Ids) -> Result<EngineId, EngineError> {
    let unknown = || EngineError::UnknownFormat(folder.into());
    if !medium.list()?.iter().any(|name| name == FORMAT_NAME) {
        return write_format(medium, ids);
    }
    let file = medium.open(FORMAT_NAME)?;
    let text = String::from_utf8(file.read_at(0, 128)?).map_err(|_not_text| unknown())?;
    let rest = text.trim_end().strip_prefix(FORMAT_PREFIX).ok_or_else(unknown)?;
    let (version, id) = rest.split_once(' ').ok_or_else(unknown)?;
    let found: u32 = version.parse().map_err(|_no_number| unknown())?;
    if found > FORMAT {
        return Err(EngineError::NewerVersion { folder: folder.into(), found, known: FORMAT });
    }
    let id = u128::from_str_radix(id, 16).ok().filter(|_| found == FORMAT && id.len() == 32);
    Ok(id.ok_or_else(unknown)?.to_be_bytes())
}

/// Complete before it has its name, so that a first start that is cut short does not leave half of it.
fn write_format(medium: &dyn Medium, ids: &Ids) -> Result<EngineId, EngineError> {
    let id: EngineId = ids.bytes();
    let unfinished = format!("{FORMAT_NAME}.new");
    if medium.list()?.contains(&unfinished) {
        medium.remove(&unfinished)?;
    }
    let file = medium.create(&unfinished)?;
    let text = format!("{FORMAT_PREFIX}{FORMAT} {:032x}\n", u128::from_be_bytes(id));
    file.write_at(&mut [IoSlice::new(text.as_bytes())], 0)?;
    file.sync()?;
    medium.rename(&unfinished, FORMAT_NAME)?;
    medium.sync_names()?;
    Ok(id)
}

impl Extent {
    /// Its frame, if it is in a pack.
    pub(crate) fn freed(&self) -> Option<Freed> {
        Some(Freed { spot: self.spot()?, length: footprint(self.length) })
    }
}

/// Runs work where it may wait. It goes on to its end even if the caller stops waiting for it.
pub(crate) async fn run<T: Send + 'static>(
    waits: bool,
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    if !waits {
        return work();
    }
    joined(spawn_blocking(work).await)
}

/// What came out of work on a thread that may wait.
pub(crate) fn joined<T>(done: Result<Result<T, EngineError>, JoinError>) -> Result<T, EngineError> {
    match done {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(error) => Err(io::Error::other(error).into()),
        },
    }
}
