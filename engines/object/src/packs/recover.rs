//! Opening packs that an earlier process wrote. Its last one may not be closed, and end in what was torn.
//!
//! Frames were written in order, and a commit only after the one before it was synced. So whatever was answered is
//! whole, and what is torn can only be of the last commit. Only the last lots are read; how much padding the others
//! hold is counted later, in the background ([`Packs::seal_recovered`]).

use std::io::IoSlice;

use crate::error::EngineError;
use crate::keys::EngineId;
use crate::limits::LOT_BYTES;
use crate::medium::{Medium, MediumFile};
use crate::packs::frame::{HEADER_BYTES, Header, Kind, SEAL_BYTES, START_BYTES, Spot, read_seal, seal};
use crate::packs::walk::{Step, Walk};
use crate::packs::{Freed, PackState, Packs, name};
use crate::ranges::Ranges;

/// The state of a pack, without what is free; adds what the last commit tore.
pub fn recover(
    medium: &dyn Medium,
    engine: &EngineId,
    pack: u32,
    torn: &mut Vec<Freed>,
) -> Result<PackState, EngineError> {
    let file = medium.open(&name(pack))?;
    let size = u32::try_from(file.size()?).unwrap_or(u32::MAX);
    let state = |end, padding| PackState { end, padding, closed: true, freed: Ranges::default() };
    if let Some((end, padding)) = sealed(&*file, engine, pack, size)? {
        return Ok(state(end, padding));
    }
    let Some(from) = last_lot(&*file, engine, pack, size)? else {
        // Not even its start was written.
        return Ok(state(0, 0));
    };
    let mut walk = Walk::new(&*file, engine, Spot { pack, offset: from }, size).verifying();
    let mut end = from;
    let mut damaged = Vec::new();
    while let Some(step) = walk.next()? {
        // What is between frames stays as it is; what is behind the last one was never answered.
        let Step::Frame { offset, header, intact } = step else { continue };
        if header.first_of_commit {
            damaged.clear();
        }
        if !intact {
            damaged.push(Freed { spot: Spot { pack, offset }, length: walk.at() - offset });
        }
        end = walk.at();
    }
    tracing::info!(pack, end, torn = damaged.len(), "took a pack over that was not closed");
    torn.append(&mut damaged);
    Ok(state(end, 0))
}

/// Where the pack ends and how much padding it has, if it was closed.
fn sealed(
    file: &dyn MediumFile,
    engine: &EngineId,
    pack: u32,
    size: u32,
) -> Result<Option<(u32, u32)>, EngineError> {
    let Some(offset) = size.checked_sub(SEAL_BYTES) else { return Ok(None) };
    let bytes = file.read_at(u64::from(offset), SEAL_BYTES as usize)?;
    Ok(read_seal(&bytes, engine, Spot { pack, offset }).map(|padding| (offset, padding)))
}

/// The last lot that has a frame at its start.
fn last_lot(
    file: &dyn MediumFile,
    engine: &EngineId,
    pack: u32,
    size: u32,
) -> Result<Option<u32>, EngineError> {
    for lot in (0..size.div_ceil(LOT_BYTES)).rev() {
        let offset = lot * LOT_BYTES;
        let bytes = file.read_at(u64::from(offset), HEADER_BYTES)?;
        if Header::decode(&bytes, engine, Spot { pack, offset }).is_some() {
            return Ok(Some(offset));
        }
    }
    Ok(None)
}

impl Packs {
    /// Counts the padding of packs that were taken over, and seals them. Reads the whole packs.
    pub fn seal_recovered(&self) -> Result<(), EngineError> {
        for pack in self.all() {
            let (end, closed) = {
                let state = pack.state.lock();
                (state.end, state.closed)
            };
            let file = self.file(pack.number)?;
            let size = u32::try_from(file.size()?).unwrap_or(u32::MAX);
            if !closed || sealed(&*file, &self.engine, pack.number, size)?.is_some() {
                continue;
            }
            let padding = self.count_padding(&*file, pack.number, end)?;
            pack.state.lock().padding = padding;
            let seal = seal(padding, &self.engine, Spot { pack: pack.number, offset: end });
            file.truncate(u64::from(end))?;
            file.write_at(&mut [IoSlice::new(&seal)], u64::from(end))?;
            file.sync()?;
        }
        Ok(())
    }

    fn count_padding(&self, file: &dyn MediumFile, pack: u32, end: u32) -> Result<u32, EngineError> {
        let mut walk = Walk::new(file, &self.engine, Spot { pack, offset: 0 }, end);
        let mut padding = 0;
        loop {
            // Where it is free there may be holes.
            if let Some(free) = self.pack(pack).and_then(|pack| pack.state.lock().freed.around(walk.at())) {
                walk.skip_to(free.end);
                continue;
            }
            match walk.next()? {
                None => break,
                Some(Step::Frame { header, .. }) if header.kind == Kind::Padding => {
                    padding += HEADER_BYTES as u32 + header.length;
                }
                Some(Step::Gap { length, .. }) => padding += length,
                Some(Step::Frame { .. }) => {}
            }
        }
        debug_assert!(end == 0 || padding <= end - START_BYTES, "the start is no padding");
        Ok(padding)
    }
}
