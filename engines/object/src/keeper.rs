//! What is done in the background: giving room back, and forgetting what nobody wants.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::engine::Inner;
use crate::error::EngineError;
use crate::extent::Extent;
use crate::packs::frame::Spot;
use crate::packs::{Freed, Released};

/// How long it lets work gather: neighbours that are freed one after the other make one hole.
const GATHER: Duration = Duration::from_millis(50);

#[derive(Default)]
pub struct Keeper {
    work: Mutex<Work>,
    given: Condvar,
}

#[derive(Default)]
struct Work {
    holes: Vec<(u32, Range<u64>)>,
    empty: Vec<u32>,
    unwanted: Vec<Extent>,
    /// Packs and files of an earlier process are looked at.
    first_look: bool,
    /// Whether something is being done that is not in these lists any more.
    busy: bool,
    stopping: bool,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.holes.is_empty() && self.empty.is_empty() && self.unwanted.is_empty() && !self.first_look
    }
}

impl Keeper {
    pub fn give_back(&self, released: Released) {
        if released.holes.is_empty() && released.empty.is_empty() {
            return;
        }
        let mut work = self.work.lock();
        work.holes.extend(released.holes);
        work.empty.extend(released.empty);
        self.given.notify_all();
    }

    /// Frees what nobody wants, without anybody waiting for it.
    pub fn discard(&self, extent: Extent) {
        self.work.lock().unwanted.push(extent);
        self.given.notify_all();
    }

    pub fn take_first_look(&self) {
        self.work.lock().first_look = true;
        self.given.notify_all();
    }

    pub fn close(&self) {
        self.work.lock().stopping = true;
        self.given.notify_all();
    }

    /// Works until it is closed and nothing is left.
    pub fn keep_forever(&self, inner: &Inner) {
        loop {
            let work = {
                let mut work = self.work.lock();
                work.busy = false;
                self.given.notify_all();
                while work.is_empty() {
                    if work.stopping {
                        return;
                    }
                    self.given.wait(&mut work);
                }
                if !work.stopping {
                    self.given.wait_while_for(&mut work, |work| !work.stopping, GATHER);
                }
                let stopping = work.stopping;
                std::mem::replace(&mut *work, Work { busy: true, stopping, ..Work::default() })
            };
            if let Err(error) = inner.keep(work) {
                tracing::warn!(%error, "room that is free could not be given back");
            }
        }
    }

    /// Waits until nothing is left to do.
    pub fn settle(&self) {
        let mut work = self.work.lock();
        while work.busy || !work.is_empty() {
            self.given.wait(&mut work);
        }
    }

    fn take_holes(&self) -> Vec<(u32, Range<u64>)> {
        std::mem::take(&mut self.work.lock().holes)
    }
}

impl Inner {
    /// One thing that fails does not keep the others from being done. What is not given back now is so after the next
    /// start.
    fn keep(&self, work: Work) -> Result<(), EngineError> {
        let mut done = Ok(());
        if work.first_look {
            done = done.and(self.journal.prepare());
            done = done.and(self.packs.seal_recovered());
            done = done.and(self.files.count());
        }
        done = done.and(self.discard_all(&work.unwanted));
        done = done.and(self.punch(work.holes));
        let empty = if work.first_look { self.packs.empty() } else { work.empty };
        for pack in empty {
            done = done.and(self.packs.remove_if_empty(pack).map(drop));
        }
        if done.is_ok() && self.journal.is_long(self.journal_bytes_max) {
            done = self.summarise();
        }
        done
    }

    fn discard_all(&self, extents: &[Extent]) -> Result<(), EngineError> {
        let frames: Vec<Freed> = extents.iter().filter_map(Extent::freed).collect();
        if !frames.is_empty() {
            self.journal.free_later(frames);
        }
        self.files.free(extents)
    }

    fn punch(&self, holes: Vec<(u32, Range<u64>)>) -> Result<(), EngineError> {
        let mut by_start: BTreeMap<(u32, u64), u64> = BTreeMap::new();
        for (pack, hole) in holes {
            let end = by_start.entry((pack, hole.start)).or_default();
            *end = hole.end.max(*end);
        }
        let mut joined: Vec<(u32, Range<u64>)> = Vec::new();
        for ((pack, start), end) in by_start {
            match joined.last_mut() {
                Some((last_pack, last)) if *last_pack == pack && start <= last.end => {
                    last.end = last.end.max(end);
                }
                _ => joined.push((pack, start..end)),
            }
        }
        let mut done = Ok(());
        for (pack, hole) in joined {
            match self.packs.punch(pack, hole) {
                // It went as a whole.
                Ok(()) | Err(EngineError::NotFound) => {}
                Err(error) => done = Err(error),
            }
        }
        done
    }

    fn summarise(&self) -> Result<(), EngineError> {
        let before = self.journal.turn();
        self.punch(self.keeper.take_holes())?;
        let mut frames = Vec::new();
        for pack in self.packs.all() {
            let state = pack.state.lock();
            frames.extend(state.freed.iter().map(|range| Freed {
                spot: Spot { pack: pack.number, offset: range.start },
                length: range.end - range.start,
            }));
        }
        // What is said no more must be gone: a pack that came back would come back full.
        self.packs.sync_names()?;
        self.journal.summarise(&before, &frames)?;
        self.journal.prepare()
    }
}
