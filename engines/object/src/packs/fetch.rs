//! Reading from packs: the chunks of a range, in one piece, from the page cache or from the disk.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Damage, EngineError};
use crate::extent::{Extent, Place};
use crate::keys::ContentKeys;
use crate::limits::{CACHED_READ_BYTES_MAX, CHUNK_BYTES};
use crate::medium::MediumFile;
use crate::packs::Packs;
use crate::packs::frame::{HEADER_BYTES, Header, Kind, Spot, footprint};
use crate::seal::{ChunkKeys, Unopened, chunk_bytes, chunks, chunks_of, part_of, sealed_bytes};

/// What has to be read for a range.
struct Wanted {
    extent: Extent,
    spot: Spot,
    range: Range<u64>,
    keys: ChunkKeys,
}

impl Packs {
    /// The bytes of a range that lies within the extent, chunk by chunk.
    pub async fn read(
        self: &Arc<Self>,
        extent: &Extent,
        spot: Spot,
        keys: &ContentKeys,
        range: Range<u64>,
    ) -> Result<VecDeque<Bytes>, EngineError> {
        self.check_used(extent, spot)?;
        let keys = keys.for_place(&self.engine, &extent.place);
        let wanted = Wanted { extent: extent.clone(), spot, range, keys };
        let bytes = wanted.bytes();
        let is_short = (bytes.end - bytes.start) as usize <= CACHED_READ_BYTES_MAX || !self.waits();
        if is_short
            && let Some(file) = self.open_file(spot.pack)
            && let Some(read) = file.read_cached(bytes.start, (bytes.end - bytes.start) as usize)?
            && let Ok(parts) = wanted.open(read, &self.engine)
        {
            return Ok(parts);
        }
        let packs = Arc::clone(self);
        crate::engine::run(self.waits(), move || packs.read_blocking(&wanted)).await
    }

    fn read_blocking(&self, wanted: &Wanted) -> Result<VecDeque<Bytes>, EngineError> {
        let bytes = wanted.bytes();
        let file = self.file(wanted.spot.pack)?;
        let read = file.read_at(bytes.start, (bytes.end - bytes.start) as usize)?;
        match wanted.open(read, &self.engine) {
            Ok(parts) => Ok(parts),
            Err(Unopened) => {
                self.verify(&wanted.extent, wanted.spot)?;
                Err(EngineError::WrongKey)
            }
        }
    }

    /// Whether the frame is what was written, by its checksums. May wait for the disk.
    pub fn verify(&self, extent: &Extent, spot: Spot) -> Result<(), EngineError> {
        self.check_used(extent, spot)?;
        let checked = self.file(spot.pack).and_then(|file| {
            let damage = self.damage(&*file, extent.length, spot)?;
            damage.map_or(Ok(()), |damage| Err(EngineError::Corrupt { extent: extent.clone(), damage }))
        });
        // It may have been freed, and its room given back, while it was read.
        if checked.is_err() {
            self.check_used(extent, spot)?;
        }
        checked
    }

    fn check_used(&self, extent: &Extent, spot: Spot) -> Result<(), EngineError> {
        let pack = self.pack(spot.pack).ok_or(EngineError::NotFound)?;
        let state = pack.state.lock();
        if u64::from(spot.offset) + u64::from(footprint(extent.length)) > u64::from(state.end) {
            // Whoever has its place was told that it is there, so the pack has lost its end. Asked first: recovery takes
            // what is left of the frame for torn, and frees it in the background.
            return Err(EngineError::Corrupt { extent: extent.clone(), damage: Damage::Short });
        }
        if state.is_free(spot.offset) {
            return Err(EngineError::NotFound);
        }
        Ok(())
    }

    fn damage(&self, file: &dyn MediumFile, length: u64, spot: Spot) -> Result<Option<Damage>, EngineError> {
        let expected = footprint(length) as usize;
        let bytes = file.read_at(u64::from(spot.offset), expected)?;
        if bytes.len() < expected {
            return Ok(Some(Damage::Short));
        }
        let (header, body) = bytes.split_at(HEADER_BYTES);
        let damage = match Header::decode(header, &self.engine, spot) {
            Some(header) if header.kind == Kind::Content => {
                if u64::from(header.length) != sealed_bytes(length) {
                    Some(Damage::Length)
                } else {
                    (header.checksum != crc32c::crc32c(body)).then_some(Damage::Bytes)
                }
            }
            _ => Some(Damage::Header),
        };
        Ok(damage)
    }
}

impl Wanted {
    /// Which bytes of the pack; with the header, if the first chunk is among them.
    fn bytes(&self) -> Range<u64> {
        let chunks = chunks_of(&self.range);
        let at =
            |index: u64| u64::from(self.spot.offset) + (HEADER_BYTES + index as usize * CHUNK_BYTES) as u64;
        let start = if chunks.start == 0 { u64::from(self.spot.offset) } else { at(chunks.start) };
        start..at(chunks.end - 1) + chunk_bytes(self.extent.length, chunks.end - 1) as u64
    }

    /// Opens what was read, in its place.
    fn open(&self, mut read: Vec<u8>, engine: &[u8; 16]) -> Result<VecDeque<Bytes>, Unopened> {
        let chunks_wanted = chunks_of(&self.range);
        let mut at = 0;
        if chunks_wanted.start == 0 {
            let header = Header::decode(&read, engine, self.spot).ok_or(Unopened)?;
            let expected = sealed_bytes(self.extent.length);
            if header.kind != Kind::Content || u64::from(header.length) != expected {
                return Err(Unopened);
            }
            at = HEADER_BYTES;
        }
        let last = chunks(self.extent.length) - 1;
        let mut parts = Vec::new();
        for index in chunks_wanted {
            let end = at + chunk_bytes(self.extent.length, index);
            let chunk = read.get_mut(at..end).ok_or(Unopened)?;
            self.keys.open(index, index == last, chunk)?;
            let part = part_of(&self.range, index);
            parts.push(at + part.start..at + part.end);
            at = end;
        }
        let read = Bytes::from(read);
        Ok(parts.into_iter().filter(|part| !part.is_empty()).map(|part| read.slice(part)).collect())
    }
}

impl Extent {
    /// Where in a pack it is, if it is in one.
    pub(crate) fn spot(&self) -> Option<Spot> {
        match self.place {
            Place::Pack { pack, offset } => Some(Spot { pack, offset }),
            Place::File { .. } => None,
        }
    }
}
