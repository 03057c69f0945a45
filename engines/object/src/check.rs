//! Looking at everything on the disk, by its checksums: for `fogbank fsck`. No keys are needed.

use blobs::{BlobError, BlobId};

use crate::engine::{Inner, ObjectEngine};
use crate::error::EngineError;
use crate::extent::Place;
use crate::limits::REPORTED_DAMAGES_MAX;
use crate::packs::Pack;
use crate::packs::frame::{Kind, Spot};
use crate::packs::walk::{Step, Walk};

/// How far a check has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Frames in packs, and files.
    pub extents: u64,
    /// Of packs and files, free ones included.
    pub bytes: u64,
    /// How many bytes there were when the check began.
    pub of_bytes: u64,
}

/// A place whose bytes are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    pub place: Place,
    /// In bytes, as far as it can be told.
    pub length: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub checked: Checked,
    /// The first of them, at most [`REPORTED_DAMAGES_MAX`].
    pub damaged: Vec<Damaged>,
    pub damages: u64,
}

impl CheckReport {
    fn add(&mut self, place: Place, length: u64) {
        self.damages += 1;
        if self.damaged.len() < REPORTED_DAMAGES_MAX {
            self.damaged.push(Damaged { place, length });
        }
    }
}

impl ObjectEngine {
    /// Reads every frame of every pack, and every file, on the calling thread, which waits for the disk. What is
    /// damaged may be known to nobody: torn by a crash before it was answered.
    pub fn check_all(&self, mut progress: impl FnMut(Checked)) -> Result<CheckReport, EngineError> {
        let mut report = CheckReport::default();
        let inner = self.inner();
        let packs = inner.packs.all();
        let packed: u64 = packs.iter().map(|pack| u64::from(pack.state.lock().end)).sum();
        report.checked.of_bytes = packed + inner.files.usage().1;
        for pack in &packs {
            match inner.check_pack(pack, &mut report, &mut progress) {
                // It went as a whole meanwhile.
                Ok(()) | Err(EngineError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        inner.check_files(&mut report, &mut progress)?;
        Ok(report)
    }
}

impl Inner {
    fn check_pack(
        &self,
        pack: &Pack,
        report: &mut CheckReport,
        progress: &mut impl FnMut(Checked),
    ) -> Result<(), EngineError> {
        let file = self.packs.file(pack.number)?;
        let end = pack.state.lock().end;
        let before = report.checked.bytes;
        let start = Spot { pack: pack.number, offset: 0 };
        let mut walk = Walk::new(&*file, self.packs.engine(), start, end).verifying();
        loop {
            if let Some(free) = pack.state.lock().freed.around(walk.at()) {
                walk.skip_to(free.end);
                continue;
            }
            let Some(step) = walk.next()? else { break };
            let (offset, length, intact) = match step {
                Step::Frame { offset, header, intact } => {
                    report.checked.extents += u64::from(header.kind == Kind::Content);
                    (offset, walk.at() - offset, intact)
                }
                Step::Gap { offset, length } => (offset, length, false),
            };
            // It may have been freed while it was read.
            if !intact && !pack.state.lock().is_free(offset) {
                report.add(Place::Pack { pack: pack.number, offset }, u64::from(length));
            }
            report.checked.bytes = before + u64::from(walk.at());
            progress(report.checked);
        }
        Ok(())
    }

    fn check_files(
        &self,
        report: &mut CheckReport,
        progress: &mut impl FnMut(Checked),
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let page = self.files.blobs.blocking().list(after, blobs::limits::LIST_ITEMS_MAX)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(*last);
            for id in page {
                let (length, intact) = self.check_file(id)?;
                report.checked.extents += 1;
                report.checked.bytes += length;
                if !intact {
                    report.add(Place::File { blob: id }, length);
                }
                progress(report.checked);
            }
        }
    }

    /// The length of a file, as far as it is known, and whether it is intact. One that has gone is.
    fn check_file(&self, id: BlobId) -> Result<(u64, bool), EngineError> {
        let blob = match self.files.blobs.blocking().open(id) {
            Ok(blob) => blob,
            Err(BlobError::NotFound(_)) => return Ok((0, true)),
            Err(BlobError::Corrupt { .. }) => return Ok((0, false)),
            Err(error) => return Err(error.into()),
        };
        let length = blob.stored().length;
        let chunks = length.div_ceil(blobs::limits::CHUNK_BYTES as u64);
        for index in 0..chunks {
            match blob.read(index..index + 1) {
                Ok(_) => {}
                Err(BlobError::Corrupt { .. }) => return Ok((length, false)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok((length, true))
    }
}
