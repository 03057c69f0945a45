//! Finding content that nobody refers to: what crashes left, between its write and its owner's record of it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use blobs::{BlobError, BlobId};

use crate::engine::{Inner, ObjectEngine, run};
use crate::error::EngineError;
use crate::extent::{Extent, Place};
use crate::limits::FREE_EXTENTS_MAX;
use crate::packs::frame::{Kind, START_BYTES, Spot, footprint};
use crate::packs::walk::{Step, Walk};
use crate::packs::{Freed, Pack};
use crate::seal::content_bytes;

/// A sweep that has begun. Everything that somebody refers to has to be marked before it is finished; twice does no
/// harm. Takes four bytes of memory for a packed extent, and some twenty for one with a file.
pub struct Sweep {
    inner: Arc<Inner>,
    begun: Instant,
    marks: Marks,
}

#[derive(Default)]
struct Marks {
    /// Offsets, by pack.
    packed: HashMap<u32, PackMarks>,
    files: HashSet<BlobId>,
}

#[derive(Default)]
struct PackMarks {
    offsets: Vec<u32>,
    /// Of the frames, if none was marked twice.
    bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    pub freed_extents: u64,
    /// On disk, with what sealing takes.
    pub freed_bytes: u64,
}

impl ObjectEngine {
    /// Begins to look for content that nobody refers to. What is written from now on is not concerned.
    pub fn begin_sweep(&self) -> Sweep {
        let inner = Arc::clone(self.inner());
        let begun = Instant::now();
        inner.packs.mark(begun);
        Sweep { inner, begun, marks: Marks::default() }
    }
}

impl Sweep {
    pub fn mark(&mut self, extent: &Extent) {
        match &extent.place {
            Place::Pack { pack, offset } => {
                let marks = self.marks.packed.entry(*pack).or_default();
                marks.offsets.push(*offset);
                marks.bytes += u64::from(footprint(extent.length));
            }
            Place::File { blob } => {
                self.marks.files.insert(*blob);
            }
        }
    }

    /// Frees what nobody marked, unless it was written after the sweep began or less than `grace` before; an hour is
    /// the longest grace. What was being written then, and was not kept yet, is younger than any sensible grace.
    pub async fn finish(self, grace: Duration) -> Result<SweepReport, EngineError> {
        self.end(grace, true).await
    }

    /// What [`Sweep::finish`] would free without a grace; it stays where it is.
    pub async fn count(self) -> Result<SweepReport, EngineError> {
        self.end(Duration::ZERO, false).await
    }

    async fn end(self, grace: Duration, frees: bool) -> Result<SweepReport, EngineError> {
        let Sweep { inner, begun, marks } = self;
        let then = begun.checked_sub(grace);
        let sweeper = Arc::clone(&inner);
        let (frames, mut report) = run(true, move || {
            let mut report = SweepReport::default();
            sweeper.sweep_files(&marks.files, then, frees, &mut report)?;
            Ok((sweeper.unmarked_frames(marks, then)?, report))
        })
        .await?;
        for frames in frames.chunks(FREE_EXTENTS_MAX) {
            report.freed_extents += frames.len() as u64;
            report.freed_bytes += frames.iter().map(|frame| u64::from(frame.length)).sum::<u64>();
            if frees {
                inner.journal.free(frames.to_vec()).await?;
            }
        }
        Ok(report)
    }
}

impl Inner {
    fn sweep_files(
        &self,
        marked: &HashSet<BlobId>,
        then: Option<Instant>,
        frees: bool,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        // Listed first: what is made afterwards is not in the list.
        let mut unmarked = Vec::new();
        let mut after = None;
        loop {
            let page = self.files.blobs.blocking().list(after, blobs::limits::LIST_ITEMS_MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            unmarked.extend(page.into_iter().filter(|id| !marked.contains(id)));
        }
        let young: HashSet<BlobId> = self.files.made_after(then).into_iter().collect();
        for id in unmarked.into_iter().filter(|id| !young.contains(id)) {
            let sealed = match self.files.blobs.blocking().open(id) {
                Ok(blob) => blob.stored().length,
                Err(BlobError::NotFound(_)) => continue,
                // Nobody wants it, so its damage harms nobody.
                Err(BlobError::Corrupt { .. }) => 0,
                Err(error) => return Err(error.into()),
            };
            if frees {
                let length = content_bytes(sealed);
                self.files.free(&[Extent { place: Place::File { blob: id }, length }])?;
            }
            report.freed_extents += 1;
            report.freed_bytes += sealed;
        }
        Ok(())
    }

    fn unmarked_frames(&self, mut marks: Marks, then: Option<Instant>) -> Result<Vec<Freed>, EngineError> {
        let limit = self.packs.old_before(then);
        let mut unmarked = Vec::new();
        for pack in self.packs.all().iter().filter(|pack| pack.number <= limit.pack) {
            let mut marked = marks.packed.remove(&pack.number).unwrap_or_default();
            let end = {
                let state = pack.state.lock();
                // Most packs hold only what is marked; then they need not be read.
                if state.live_bytes() == marked.bytes {
                    continue;
                }
                if pack.number == limit.pack { state.end.min(limit.offset) } else { state.end }
            };
            marked.offsets.sort_unstable();
            match self.walk_unmarked(pack, &marked.offsets, end, &mut unmarked) {
                // It went as a whole meanwhile.
                Ok(()) | Err(EngineError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(unmarked)
    }

    fn walk_unmarked(
        &self,
        pack: &Pack,
        marked: &[u32],
        end: u32,
        unmarked: &mut Vec<Freed>,
    ) -> Result<(), EngineError> {
        let file = self.packs.file(pack.number)?;
        let start = Spot { pack: pack.number, offset: START_BYTES };
        let mut walk = Walk::new(&*file, self.packs.engine(), start, end);
        loop {
            // Where it is free there may be holes.
            if let Some(free) = pack.state.lock().freed.around(walk.at()) {
                walk.skip_to(free.end);
                continue;
            }
            let Some(step) = walk.next()? else { return Ok(()) };
            if let Step::Frame { offset, header, .. } = step
                && header.kind == Kind::Content
                && marked.binary_search(&offset).is_err()
            {
                let spot = Spot { pack: pack.number, offset };
                unmarked.push(Freed { spot, length: walk.at() - offset });
            }
        }
    }
}
