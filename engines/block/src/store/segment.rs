//! Segments: files of encrypted blocks, each under a random key. A slot is written once, never again.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::direct::Content;
use super::error::refused;
use super::files;
use super::keys::{self, BlockKey, TAG_BYTES, Wrap, for_segment};
use super::table::{Entry, Ring, Table};
use super::{Key, StoreError};
use crate::limits::{BLOCK_BYTES, CACHED_BLOCKS_MAX};

pub(crate) fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:016x}"))
}

/// A segment that blocks are added to. While it is, its file is claimed, so that no sweep takes what no table names yet.
pub(crate) struct Segment {
    pub(crate) id: u64,
    file: Content,
    key: BlockKey,
    next: AtomicU32,
}

impl Segment {
    /// Makes one, and tells its key.
    pub(crate) fn create(folder: &Path) -> Result<(Segment, Zeroizing<Key>), StoreError> {
        let id = u64::from_be_bytes(keys::random()?);
        let secret = Zeroizing::new(keys::random()?);
        // Claimed before it has a name that a sweep looks at.
        let temporary = folder.join(format!(".{id:016x}"));
        let file = Content::open(&temporary)?;
        if !files::claim(&file.file)? {
            return Err(StoreError::Busy("a new file of blocks is in use".into()));
        }
        fs::rename(&temporary, path(folder, id)).map_err(refused("naming a file of blocks"))?;
        files::sync_folder(folder)?;
        let key = BlockKey::new(id, &secret);
        Ok((Segment { id, file, key, next: AtomicU32::new(0) }, secret))
    }

    /// Adds a block, which is encrypted in its place: its slot, its tag, and the checksum of what is on disk.
    pub(crate) fn append(&self, content: &mut [u8]) -> Result<(u32, [u8; TAG_BYTES], u32), StoreError> {
        debug_assert_eq!(content.len(), BLOCK_BYTES, "blocks are padded");
        let slot = self.next.fetch_add(1, Ordering::Relaxed);
        let tag = self.key.seal(slot, content);
        let offset = u64::from(slot) * BLOCK_BYTES as u64;
        if let Err(error) = self.file.write(content, offset) {
            // The slot is lost, its room is not. If this fails as well, a sweep does it.
            files::punch(&self.file.file, offset, BLOCK_BYTES as u64).ok();
            return Err(error);
        }
        Ok((slot, tag, crc32c::crc32c(content)))
    }

    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        files::sync(&self.file.file)
    }
}

/// Reads a block as it is on disk, with its tag behind it. False if it is not there.
pub(crate) fn read_sealed(folder: &Path, entry: &Entry, into: &mut Vec<u8>) -> Result<bool, StoreError> {
    let file = match File::open(path(folder, entry.segment)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(refused("opening a file of blocks")(error)),
    };
    into.resize(BLOCK_BYTES, 0);
    files::read_or_zeros(&file, into, u64::from(entry.slot) * BLOCK_BYTES as u64)?;
    let whole = crc32c::crc32c(into) == entry.sum;
    into.extend_from_slice(&entry.tag);
    Ok(whole)
}

type Cached = VecDeque<(u32, Arc<Vec<u8>>)>;

/// A table whose segments' keys are at hand.
pub(crate) struct Reader {
    pub(crate) table: Arc<Table>,
    keys: HashMap<u64, BlockKey>,
    segments: PathBuf,
    cache: Mutex<Cached>,
}

impl Reader {
    pub(crate) fn new(table: Arc<Table>, wrap: &Wrap, segments: &Path) -> Result<Reader, StoreError> {
        let keys = table
            .footer
            .ring
            .iter()
            .map(|(segment, sealed)| {
                let secret = wrap
                    .open(&for_segment(*segment), sealed)
                    .ok_or_else(|| StoreError::Key(table.footer.owner.clone()))?;
                Ok((*segment, BlockKey::new(*segment, &secret)))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Reader { table, keys, segments: segments.to_path_buf(), cache: Mutex::default() })
    }

    /// A block's content, or nothing where it is zeros. The last few are remembered.
    pub(crate) fn read(&self, block: u32) -> Result<Option<Arc<Vec<u8>>>, StoreError> {
        if let Some((_, content)) = self.cache.lock().iter().find(|(number, _)| *number == block) {
            return Ok(Some(content.clone()));
        }
        let Some(entry) = self.table.find(block)? else { return Ok(None) };
        let content = Arc::new(self.content(&entry)?);
        let mut cache = self.cache.lock();
        cache.truncate(CACHED_BLOCKS_MAX - 1);
        cache.push_front((block, content.clone()));
        Ok(Some(content))
    }

    /// What an entry names, authenticated.
    pub(crate) fn content(&self, entry: &Entry) -> Result<Vec<u8>, StoreError> {
        let mut content = Vec::with_capacity(BLOCK_BYTES + TAG_BYTES);
        let key = self.keys.get(&entry.segment);
        let whole = read_sealed(&self.segments, entry, &mut content)?;
        if !whole || !key.is_some_and(|key| key.open(entry.slot, &mut content)) {
            let snapshot = self.table.footer.source.clone();
            return Err(StoreError::Damaged { snapshot, block: entry.block.into() });
        }
        content.truncate(BLOCK_BYTES);
        Ok(content)
    }
}

/// Seals the keys of a ring for another owner.
pub(crate) fn reseal(ring: &Ring, from: &Wrap, to: &Wrap, owner: &str) -> Result<Ring, StoreError> {
    ring.iter()
        .map(|(segment, sealed)| {
            let purpose = for_segment(*segment);
            let secret = from.open(&purpose, sealed).ok_or_else(|| StoreError::Key(owner.to_owned()))?;
            Ok((*segment, to.seal(&purpose, &secret)?))
        })
        .collect()
}
