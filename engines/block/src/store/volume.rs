//! A volume in use: read, written, given back, synced.
//!
//! A block is in one of three places: in the volume's own file; in the snapshot the volume was made from; or nowhere, being
//! zeros. The first write to a block of the snapshot brings all of it over. What a snapshot that is being copied still
//! needs is copied before it is written over.
//!
//! Locks, in the order they are taken: the *gate* (all who read and write share it; to fix the moment of a snapshot it is
//! taken alone), then a *stripe* (whoever changes where a block is, or since when). Writes of whole sectors to a block that
//! was already changed since the last snapshot take no stripe.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

use super::direct::{Aligned, Content};
use super::error::refused;
use super::files;
use super::keys::Wrap;
use super::map::{Durable, Map};
use super::pending::{self, Pending};
use super::sectors::{Sectors, is_zero};
use super::segment::Reader;
use super::shared::{Shared, blocks, check_bytes};
use super::table::Table;
use super::volumes::VolumeRecord;
use super::{Key, StoreError};
use crate::limits::{BLOCK_BYTES, MAP_BATCHES_MAX, SECTOR_BYTES, STRIPES};

const SECTOR: u64 = SECTOR_BYTES as u64;
const BLOCK: u64 = BLOCK_BYTES as u64;

/// A volume in use. Dropping the last reference closes it.
pub struct Volume {
    pub(crate) shared: Arc<Shared>,
    id: String,
    folder: PathBuf,
    data: Content,
    sectors: Sectors,
    pub(crate) wrap: Wrap,
    base: Option<Reader>,
    pub(crate) gate: RwLock<State>,
    stripes: Vec<Mutex<()>>,
    /// Blocks that the volume has itself, and the durable map does not know of.
    unsynced: Mutex<Vec<u32>>,
    durable: Mutex<Durable>,
    pub(crate) record: Mutex<VolumeRecord>,
    /// Held by whoever copies blocks for snapshots.
    pub(crate) running: Mutex<()>,
    _claimed: File,
}

pub(crate) struct State {
    pub(crate) map: Map,
    /// What is written now belongs to this epoch.
    pub(crate) epoch: u32,
    pub(crate) bytes: u64,
    /// Snapshots whose blocks are still being copied, oldest first.
    pub(crate) pending: Vec<Arc<Pending>>,
}

impl Volume {
    pub(crate) fn open(
        shared: Arc<Shared>,
        folder: PathBuf,
        record: VolumeRecord,
        wrap: Wrap,
        secret: &Zeroizing<Key>,
        claimed: File,
    ) -> Result<Volume, StoreError> {
        let id = record.id.clone();
        let data = Content::open(&folder.join("data"))?;
        let pending = pending::of_volume(&shared, &id, &wrap)?;
        let after = |epoch: u32| epoch.checked_add(1).expect("snapshots are made at most every millisecond");
        let ended = record.lineage.iter().map(|(epoch, _)| *epoch);
        let ended = ended.chain(pending.iter().map(|pending| pending.epoch)).max().unwrap_or(0);
        let (map, epoch) = load_map(&folder, &data.file, &record, ended, after, &shared.boot)?;
        let durable = Durable::write(&folder, &map, false)?;
        let base = Table::open(&folder.join("base"), &id, shared.keys.mac())?;
        let base =
            base.map(|table| Reader::new(Arc::new(table), &wrap, &shared.segments_folder())).transpose()?;
        Ok(Volume {
            sectors: Sectors::new(secret),
            gate: RwLock::new(State { map, epoch, bytes: record.bytes, pending }),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            unsynced: Mutex::default(),
            durable: Mutex::new(durable),
            record: Mutex::new(record),
            running: Mutex::new(()),
            _claimed: claimed,
            shared,
            id,
            folder,
            data,
            wrap,
            base,
        })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn bytes(&self) -> u64 {
        self.gate.read().bytes
    }

    /// Snapshots of it whose blocks are still to be copied, oldest first.
    pub fn pending(&self) -> Vec<String> {
        self.gate.read().pending.iter().map(|pending| pending.snapshot.clone()).collect()
    }

    pub(crate) fn folder(&self) -> &PathBuf {
        &self.folder
    }

    pub(crate) fn base(&self) -> Option<&Table> {
        self.base.as_ref().map(|base| &*base.table)
    }

    /// Reads from any place; the range is within the volume.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        let state = self.gate.read();
        check_range(offset, into.len() as u64, state.bytes)?;
        let mut done = 0;
        for part in parts(offset, into.len() as u64) {
            let piece = &mut into[done..done + part.length];
            if state.map.get(part.block) != 0 {
                self.read_own(part.start(), piece)?;
            } else if let Some(content) = self.base_content(part.block)? {
                piece.copy_from_slice(&content[part.within..part.within + part.length]);
            } else {
                piece.fill(0);
            }
            done += part.length;
        }
        Ok(())
    }

    /// Writes to any place; the range is within the volume. After [`StoreError::Full`] a beginning of it may be written,
    /// and nothing else is changed: write it again.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let state = self.gate.read();
        check_range(offset, bytes.len() as u64, state.bytes)?;
        let mut done = 0;
        for part in parts(offset, bytes.len() as u64) {
            self.write_part(&state, &part, &bytes[done..done + part.length])?;
            done += part.length;
        }
        Ok(())
    }

    fn write_part(&self, state: &State, part: &Part, bytes: &[u8]) -> Result<(), StoreError> {
        let since = state.map.get(part.block);
        if since == state.epoch && part.is_aligned() {
            return self.write_own(part.start(), bytes);
        }
        let _stripe = self.stripe(part.block);
        let since = state.map.get(part.block);
        if since != 0 || !self.has_base(part.block)? {
            self.own(state, part.block, since)?;
            return self.write_unaligned(part, bytes);
        }
        // All of the block is written before the map says that it is here: whoever is killed in between has the old one.
        let whole = part.length as u64 == (state.bytes - u64::from(part.block) * BLOCK).min(BLOCK);
        if whole {
            self.write_own(part.start(), bytes)?;
        } else {
            self.bring_over(state, part.block)?;
            self.write_unaligned(part, bytes)?;
        }
        self.own(state, part.block, since)
    }

    /// Marks a block as the volume's own and changed in this epoch. What a snapshot needs of it is copied before. Its
    /// stripe is held.
    fn own(&self, state: &State, block: u32, since: u32) -> Result<(), StoreError> {
        if since == state.epoch {
            return Ok(());
        }
        if since != 0 {
            pending::save(self, state, block, since)?;
        }
        state.map.set(block, state.epoch)?;
        if since == 0 {
            self.unsynced.lock().push(block);
        }
        Ok(())
    }

    /// Gives a range back: it is zeros afterwards, and what of it is whole blocks or sectors takes no room.
    pub fn discard(&self, offset: u64, length: u64) -> Result<(), StoreError> {
        let state = self.gate.read();
        check_range(offset, length, state.bytes)?;
        for part in parts(offset, length) {
            let _stripe = self.stripe(part.block);
            let since = state.map.get(part.block);
            let whole = part.length as u64 == (state.bytes - u64::from(part.block) * BLOCK).min(BLOCK);
            if since == 0 {
                if !self.has_base(part.block)? {
                    continue;
                }
                if !whole {
                    self.bring_over(&state, part.block)?;
                } else {
                    // A write that was killed may have left something.
                    files::punch(&self.data.file, part.start(), part.length as u64)?;
                }
            }
            if since != 0 || whole {
                self.own(&state, part.block, since)?;
            }
            self.clear(&part)?;
            self.own(&state, part.block, state.map.get(part.block))?;
        }
        Ok(())
    }

    /// Makes zeros of a part of a block that is in the volume's file. Its stripe is held.
    fn clear(&self, part: &Part) -> Result<(), StoreError> {
        let (start, end) = (part.start(), part.start() + part.length as u64);
        let (from, to) = (start.next_multiple_of(SECTOR), end / SECTOR * SECTOR);
        if from >= to {
            return self.write_unaligned(part, &vec![0; part.length]);
        }
        for (edge, until) in [(start, from), (to, end)] {
            for edge in parts(edge, until - edge) {
                self.write_unaligned(&edge, &vec![0; edge.length])?;
            }
        }
        files::punch(&self.data.file, from, to - from)
    }

    /// Makes everything durable whose write has returned.
    pub fn sync(&self) -> Result<(), StoreError> {
        let mut durable = self.durable.lock();
        // What joins the list from here on is of writes that have not returned, or waits for the next sync.
        let blocks = std::mem::take(&mut *self.unsynced.lock());
        let done = files::sync(&self.data.file).and_then(|()| {
            if blocks.is_empty() {
                return Ok(());
            }
            if durable.batches < MAP_BATCHES_MAX {
                let runs = self.gate.read().map.of(blocks.clone());
                return durable.append(&runs);
            }
            *durable = self.rewrite_map()?;
            Ok(())
        });
        if done.is_err() {
            self.unsynced.lock().extend(blocks);
        }
        done
    }

    /// Writes the durable map anew, with writers kept out, so that it holds nothing that is not synced.
    fn rewrite_map(&self) -> Result<Durable, StoreError> {
        let state = self.gate.write();
        files::sync(&self.data.file)?;
        let durable = Durable::write(&self.folder, &state.map, false)?;
        self.unsynced.lock().clear();
        Ok(durable)
    }

    /// Grows it. A size that it has or is beyond changes nothing.
    pub fn grow(&self, bytes: u64) -> Result<(), StoreError> {
        check_bytes(bytes)?;
        let mut record = self.record.lock();
        if bytes <= record.bytes {
            return Ok(());
        }
        let file = &self.data.file;
        file.set_len(bytes).and_then(|()| file.sync_all()).map_err(refused("growing a volume"))?;
        let grown = record.with_bytes(bytes);
        files::replace_record(&self.folder, "volume", &grown)?;
        *record = grown;
        drop(record);
        let mut state = self.gate.write();
        state.map.grow(blocks(bytes));
        state.bytes = state.bytes.max(bytes);
        Ok(())
    }

    fn stripe(&self, block: u32) -> parking_lot::MutexGuard<'_, ()> {
        self.stripes[block as usize % STRIPES].lock()
    }

    fn has_base(&self, block: u32) -> Result<bool, StoreError> {
        match &self.base {
            Some(base) => Ok(base.table.find(block)?.is_some()),
            None => Ok(false),
        }
    }

    fn base_content(&self, block: u32) -> Result<Option<Arc<Vec<u8>>>, StoreError> {
        self.base.as_ref().map_or(Ok(None), |base| base.read(block))
    }

    /// Writes what the snapshot has of a block to the volume's file. Its stripe is held.
    fn bring_over(&self, state: &State, block: u32) -> Result<(), StoreError> {
        let Some(content) = self.base_content(block)? else { return Ok(()) };
        let start = u64::from(block) * BLOCK;
        let length = (state.bytes - start).min(BLOCK) as usize;
        let written = self.write_own(start, &content[..length]);
        if written.is_err() {
            // The map knows nothing of it, so its room can go.
            files::punch(&self.data.file, start, length as u64).ok();
        }
        written
    }

    /// Writes whole sectors.
    fn write_own(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut sealed = Aligned::copy_of(bytes);
        self.sectors.encrypt(offset / SECTOR, &mut sealed);
        self.data.write(&sealed, offset)
    }

    /// Writes a part of a block that is in the volume's file, whose stripe is held.
    fn write_unaligned(&self, part: &Part, bytes: &[u8]) -> Result<(), StoreError> {
        if part.is_aligned() {
            return self.write_own(part.start(), bytes);
        }
        let from = part.start() / SECTOR * SECTOR;
        let to = (part.start() + part.length as u64).next_multiple_of(SECTOR);
        let mut sectors = vec![0; (to - from) as usize];
        self.read_sectors(from, &mut sectors)?;
        let at = (part.start() - from) as usize;
        sectors[at..at + bytes.len()].copy_from_slice(bytes);
        self.write_own(from, &sectors)
    }

    /// Reads from the volume's file.
    fn read_own(&self, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        if offset.is_multiple_of(SECTOR) && into.len().is_multiple_of(SECTOR_BYTES) {
            return self.read_sectors(offset, into);
        }
        let from = offset / SECTOR * SECTOR;
        let to = (offset + into.len() as u64).next_multiple_of(SECTOR);
        let mut sectors = vec![0; (to - from) as usize];
        self.read_sectors(from, &mut sectors)?;
        let at = (offset - from) as usize;
        into.copy_from_slice(&sectors[at..at + into.len()]);
        Ok(())
    }

    fn read_sectors(&self, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        self.data.read_or_zeros(into, offset)?;
        self.sectors.decrypt(offset / SECTOR, into);
        Ok(())
    }

    /// If this block changed since `after` and up to `until`, and still holds what it held then, this is done with its
    /// content, padded, or with nothing if it is zeros. Nobody changes it meanwhile.
    pub(crate) fn with_changed<T>(
        &self,
        block: u32,
        (after, until): (u32, u32),
        then: impl FnOnce(Option<Aligned>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let state = self.gate.read();
        let within = |since: u32| since > after && since <= until;
        if !within(state.map.get(block)) {
            return Ok(None);
        }
        let _stripe = self.stripe(block);
        if !within(state.map.get(block)) {
            return Ok(None);
        }
        then(self.content(&state, block)?).map(Some)
    }

    /// What a block in the volume's file holds, padded, or nothing if it is zeros. Its stripe is held.
    pub(crate) fn content(&self, state: &State, block: u32) -> Result<Option<Aligned>, StoreError> {
        let start = u64::from(block) * BLOCK;
        let length = (state.bytes - start).min(BLOCK) as usize;
        let mut content = Aligned::zeros(BLOCK_BYTES);
        self.read_sectors(start, &mut content[..length])?;
        Ok((!is_zero(&content)).then_some(content))
    }
}

impl Drop for Volume {
    /// Closes it: what is on disk is complete, and known to be. Whoever cannot has a volume as after a crash.
    fn drop(&mut self) {
        let map = &self.gate.get_mut().map;
        let closed =
            files::sync(&self.data.file).and_then(|()| Durable::write(&self.folder, map, true).map(drop));
        if let Err(error) = closed {
            tracing::warn!(volume = self.id, %error, "a volume could not be closed");
        }
    }
}

/// The map in force, and the epoch to go on with.
fn load_map(
    folder: &std::path::Path,
    data: &File,
    record: &VolumeRecord,
    ended: u32,
    after: impl Fn(u32) -> u32,
    boot: &[u8; 16],
) -> Result<(Map, u32), StoreError> {
    let count = blocks(record.bytes);
    if let Some(map) = Map::load_live(folder, count, boot)? {
        let epoch = after(ended).max(map.latest());
        // The durable map is written next, and vouches for what only the page cache may have.
        files::sync(data)?;
        return Ok((map, epoch));
    }
    let (mut map, clean) = Map::load_durable(folder, count)?;
    let mut epoch = after(ended).max(map.latest());
    if !clean {
        // Any own block may have changed since the map was written.
        epoch = after(epoch);
        map.touch_all(epoch);
    }
    // What the map does not know of may be in the file in part; whoever writes to such a block counts on zeros.
    let mut next = 0;
    for (block, _) in map.own() {
        punch_blocks(data, next, block, record.bytes)?;
        next = block + 1;
    }
    punch_blocks(data, next, map.blocks(), record.bytes)?;
    map.start_live(folder, boot)?;
    Ok((map, epoch))
}

fn punch_blocks(data: &File, from: u32, to: u32, bytes: u64) -> Result<(), StoreError> {
    let start = u64::from(from) * BLOCK;
    let end = (u64::from(to) * BLOCK).min(bytes);
    files::punch(data, start, end.saturating_sub(start))
}

/// A piece of a range that is in one block.
struct Part {
    block: u32,
    within: usize,
    length: usize,
}

impl Part {
    fn start(&self) -> u64 {
        u64::from(self.block) * BLOCK + self.within as u64
    }

    fn is_aligned(&self) -> bool {
        self.within.is_multiple_of(SECTOR_BYTES) && self.length.is_multiple_of(SECTOR_BYTES)
    }
}

fn parts(offset: u64, length: u64) -> impl Iterator<Item = Part> {
    let end = offset + length;
    let mut next = offset;
    std::iter::from_fn(move || {
        let within = next % BLOCK;
        let length = (BLOCK - within).min(end - next);
        let block = blocks(next / BLOCK * BLOCK);
        next += length;
        (length > 0).then_some(Part { block, within: within as usize, length: length as usize })
    })
}

fn check_range(offset: u64, length: u64, bytes: u64) -> Result<(), StoreError> {
    match offset.checked_add(length) {
        Some(end) if end <= bytes => Ok(()),
        _ => Err(StoreError::Invalid("the range is not within the volume".into())),
    }
}
