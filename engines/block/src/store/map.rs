//! Which blocks a volume has itself, and since when.
//!
//! A block's number is 0 while it comes from the snapshot the volume was made from (or is zeros, if there is none);
//! else it is the *epoch* of its last change. A snapshot ends an epoch, so what changed since it has a higher number.
//!
//! The map is kept three times. In memory. In `live`, which every change is written to and which is never synced: the
//! page cache keeps it when we are killed, and it is believed only while the host has not been started anew. And in
//! `map`, which is appended to at a sync, after the data: so what it vouches for is on disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::error::refused;
use super::files;

const CHUNK: usize = 4096;
const LIVE_HEADER_BYTES: u64 = 4096;
const LIVE_MAGIC: [u8; 8] = *b"fogblive";
const RUNS_AT_ONCE: usize = 1 << 16;

/// A number of blocks in a row that changed in the same epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    first: u32,
    count: u32,
    epoch: u32,
}

#[derive(Serialize, Deserialize)]
enum Line {
    /// The first line. So many runs make up the map as it was written whole; what follows was appended. Clean if the
    /// volume was closed: then the epochs are true as well.
    Whole {
        clean: bool,
        runs: u64,
    },
    Runs(Vec<Run>),
}

type Chunk = Box<[AtomicU32]>;

pub(crate) struct Map {
    blocks: u32,
    chunks: Vec<OnceLock<Chunk>>,
    live: Option<File>,
}

impl Map {
    pub(crate) fn new(blocks: u32) -> Map {
        let mut map = Map { blocks: 0, chunks: Vec::new(), live: None };
        map.grow(blocks);
        map
    }

    pub(crate) fn grow(&mut self, blocks: u32) {
        self.blocks = self.blocks.max(blocks);
        self.chunks.resize_with((self.blocks as usize).div_ceil(CHUNK), OnceLock::new);
    }

    pub(crate) fn get(&self, block: u32) -> u32 {
        let chunk = self.chunks.get(block as usize / CHUNK).and_then(OnceLock::get);
        chunk.map_or(0, |chunk| chunk[block as usize % CHUNK].load(Ordering::Acquire))
    }

    /// Notes a change, so that it is known after a kill.
    pub(crate) fn set(&self, block: u32, epoch: u32) -> Result<(), StoreError> {
        if let Some(live) = &self.live {
            files::write(live, &epoch.to_le_bytes(), LIVE_HEADER_BYTES + 4 * u64::from(block))?;
        }
        self.put(block, epoch);
        Ok(())
    }

    fn put(&self, block: u32, epoch: u32) {
        assert!(block < self.blocks, "who writes is within the volume");
        let chunk = self.chunks[block as usize / CHUNK]
            .get_or_init(|| (0..CHUNK).map(|_| AtomicU32::new(0)).collect());
        chunk[block as usize % CHUNK].store(epoch, Ordering::Release);
    }

    pub(crate) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// The highest epoch of any block.
    pub(crate) fn latest(&self) -> u32 {
        self.own().map(|(_, epoch)| epoch).max().unwrap_or(0)
    }

    /// The blocks the volume has itself, with their epochs.
    pub(crate) fn own(&self) -> impl Iterator<Item = (u32, u32)> {
        self.chunks.iter().enumerate().filter_map(|(index, chunk)| Some((index, chunk.get()?))).flat_map(
            |(index, chunk)| {
                let numbers = chunk.iter().map(|number| number.load(Ordering::Acquire));
                ((index * CHUNK) as u32..).zip(numbers).filter(|(_, epoch)| *epoch != 0)
            },
        )
    }

    /// Marks all own blocks as changed in this epoch.
    pub(crate) fn touch_all(&self, epoch: u32) {
        for (block, _) in self.own() {
            self.put(block, epoch);
        }
    }

    /// What it says of these blocks.
    pub(crate) fn of(&self, mut blocks: Vec<u32>) -> Vec<Run> {
        blocks.sort_unstable();
        let mut runs: Vec<Run> = Vec::new();
        for block in blocks {
            let epoch = self.get(block);
            match runs.last_mut() {
                Some(run) if run.first + run.count == block && run.epoch == epoch => run.count += 1,
                _ => runs.push(Run { first: block, count: 1, epoch }),
            }
        }
        runs
    }

    fn runs(&self) -> impl Iterator<Item = Run> {
        let mut own = self.own().peekable();
        std::iter::from_fn(move || {
            let (first, epoch) = own.next()?;
            let mut run = Run { first, count: 1, epoch };
            while own.next_if_eq(&(run.first + run.count, epoch)).is_some() {
                run.count += 1;
            }
            Some(run)
        })
    }

    /// The map as it was when we were killed, if that was since this start of the host.
    pub(crate) fn load_live(folder: &Path, blocks: u32, boot: &[u8; 16]) -> Result<Option<Map>, StoreError> {
        let path = folder.join("live");
        let file = match File::options().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused("opening a volume's map")(error)),
        };
        let mut header = [0; 24];
        files::read_or_zeros(&file, &mut header, 0)?;
        if header[..8] != LIVE_MAGIC || header[8..] != *boot {
            return Ok(None);
        }
        let mut map = Map::new(blocks);
        let mut bytes = vec![0; 4 * CHUNK];
        for chunk in 0..map.chunks.len() {
            let offset = LIVE_HEADER_BYTES + 4 * (chunk * CHUNK) as u64;
            let count = file.read_at(&mut bytes, offset).map_err(refused("reading a volume's map"))?;
            for (index, number) in bytes[..count].chunks_exact(4).enumerate() {
                let epoch = u32::from_le_bytes(number.try_into().expect("chunks are of four bytes"));
                let block = chunk * CHUNK + index;
                if epoch != 0 && block < blocks as usize {
                    map.put(block as u32, epoch);
                }
            }
        }
        map.live = Some(file);
        Ok(Some(map))
    }

    /// From now on changes are noted for this start of the host.
    pub(crate) fn start_live(&mut self, folder: &Path, boot: &[u8; 16]) -> Result<(), StoreError> {
        let temporary = folder.join(".live.new");
        std::fs::remove_file(&temporary).ok();
        let file = files::open(&temporary)?;
        for (block, epoch) in self.own() {
            files::write(&file, &epoch.to_le_bytes(), LIVE_HEADER_BYTES + 4 * u64::from(block))?;
        }
        let mut header = LIVE_MAGIC.to_vec();
        header.extend_from_slice(boot);
        files::write(&file, &header, 0)?;
        std::fs::rename(&temporary, folder.join("live")).map_err(refused("naming a volume's map"))?;
        self.live = Some(file);
        Ok(())
    }

    /// The map as it was synced, and whether its epochs are true.
    pub(crate) fn load_durable(folder: &Path, blocks: u32) -> Result<(Map, bool), StoreError> {
        let map = Map::new(blocks);
        let broken = || StoreError::Broken(format!("the map of {}", folder.display()));
        let bytes = files::read(&folder.join("map"))?.ok_or_else(broken)?;
        let mut rest = &bytes[..];
        let Some(Line::Whole { clean, runs }) = files::next_frame(&mut rest) else { return Err(broken()) };
        let mut seen = 0;
        while let Some(line) = files::next_frame(&mut rest) {
            let Line::Runs(list) = line else { return Err(broken()) };
            seen += list.len() as u64;
            for run in list {
                let end = run.first.checked_add(run.count).filter(|end| *end <= blocks);
                for block in run.first..end.ok_or_else(broken)? {
                    map.put(block, run.epoch);
                }
            }
        }
        if seen < runs { Err(broken()) } else { Ok((map, clean)) }
    }
}

/// The durable map, open to be appended to.
pub(crate) struct Durable {
    file: File,
    at: u64,
    pub(crate) batches: usize,
}

impl Durable {
    /// Writes all of it anew. What it vouches for is synced.
    pub(crate) fn write(folder: &Path, map: &Map, clean: bool) -> Result<Durable, StoreError> {
        let runs: Vec<Run> = map.runs().collect();
        let mut bytes = files::frame(&Line::Whole { clean, runs: runs.len() as u64 });
        for some in runs.chunks(RUNS_AT_ONCE) {
            bytes.extend_from_slice(&files::frame(&Line::Runs(some.to_vec())));
        }
        files::replace(folder, "map", &bytes)?;
        let file = files::open(&folder.join("map"))?;
        Ok(Durable { file, at: bytes.len() as u64, batches: 0 })
    }

    /// Adds what the map said of blocks, synced. What it vouches for is synced.
    pub(crate) fn append(&mut self, runs: &[Run]) -> Result<(), StoreError> {
        for some in runs.chunks(RUNS_AT_ONCE) {
            let bytes = files::frame(&Line::Runs(some.to_vec()));
            files::write(&self.file, &bytes, self.at)?;
            self.at += bytes.len() as u64;
        }
        self.batches += 1;
        files::sync(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_map_is_believed_during_one_start_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let mut map = Map::new(10_000);
        map.put(7, 3);
        map.start_live(folder.path(), &[1; 16]).unwrap();
        map.set(9000, 4).unwrap();
        let again = Map::load_live(folder.path(), 10_000, &[1; 16]).unwrap().unwrap();
        assert_eq!(again.own().collect::<Vec<_>>(), [(7, 3), (9000, 4)]);
        assert!(Map::load_live(folder.path(), 10_000, &[2; 16]).unwrap().is_none());
    }

    #[test]
    fn a_durable_map_is_what_was_written_and_appended_without_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let map = Map::new(100);
        for (block, epoch) in [(0, 1), (1, 1), (2, 1), (3, 2), (50, 1)] {
            map.put(block, epoch);
        }
        let mut durable = Durable::write(folder.path(), &map, false).unwrap();
        map.put(60, 2);
        map.put(61, 2);
        durable.append(&map.of(vec![61, 60])).unwrap();
        let path = folder.path().join("map");
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole[..], &[9, 0, 0, 0, 1]].concat()).unwrap();
        let (again, clean) = Map::load_durable(folder.path(), 100).unwrap();
        assert_eq!(again.own().collect::<Vec<_>>(), map.own().collect::<Vec<_>>());
        assert!(!clean);
        std::fs::write(&path, &whole[..10]).unwrap();
        assert!(matches!(Map::load_durable(folder.path(), 100), Err(StoreError::Broken(_))));
    }
}
