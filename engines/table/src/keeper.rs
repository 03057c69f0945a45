//! Work behind the scenes, on two threads: closed memory becomes files, and files are merged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};

use crate::engine::Inner;
use crate::error::TableError;
use crate::limits::{PURGE_ENTRIES_AT_ONCE, SEALED_MEMTABLES_MAX};
use crate::log::frame::Op;
use crate::range::{Direction, KeyRange};
use crate::space::{META, PREFIX_BYTES, SpaceId};
use crate::spaces::Spaces;
use crate::tree::Tree;

/// How long a thread waits after the disk refused something.
const RETRY: Duration = Duration::from_secs(1);

/// How long after a merge of everything, for the sake of room, the next one comes at the most.
const ROOM_PERIOD_MAX: Duration = Duration::from_secs(60);

/// How long a merge of everything waits for memory to become files, so that it can be merged as well.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(2);

/// What the committer and the two threads tell each other.
#[derive(Default)]
pub struct Keeper {
    state: Mutex<State>,
    flush: Condvar,
    merge: Condvar,
    progressed: Condvar,
}

#[derive(Default)]
struct State {
    flush: bool,
    tidy: bool,
    merge: bool,
    stopping: bool,
    /// Closed memory could not become files.
    is_failing: bool,
    /// Files could not be merged.
    is_merging_failing: bool,
    /// Puts are refused until there is room again.
    is_short_of_room: bool,
}

enum Step {
    Flush,
    Tidy,
    End,
}

enum Merging {
    Some,
    All,
    End,
}

impl Keeper {
    pub fn nudge_flush(&self) {
        self.state.lock().flush = true;
        self.flush.notify_one();
    }

    pub fn nudge_merge(&self) {
        self.state.lock().merge = true;
        self.merge.notify_one();
    }

    /// Memory that has become files can be given back, now that everybody reads the files.
    pub fn nudge_tidy(&self) {
        self.state.lock().tidy = true;
        self.flush.notify_one();
    }

    pub fn set_short_of_room(&self, is_short: bool) {
        self.state.lock().is_short_of_room = is_short;
        self.merge.notify_one();
    }

    pub fn stop(&self) {
        self.state.lock().stopping = true;
        self.flush.notify_all();
        self.merge.notify_all();
        self.progressed.notify_all();
    }

    /// Waits while the tree is so far behind that writing on would only make it worse, unless waiting does not help: where
    /// the disk refuses what would let it catch up. Says whether it caught up.
    pub fn wait_for(&self, tree: &Tree) -> bool {
        loop {
            let is_unflushed = tree.sealed_memtables() >= SEALED_MEMTABLES_MAX;
            let is_unmerged = tree.is_unmerged();
            if !is_unflushed && !is_unmerged {
                return true;
            }
            let mut state = self.state.lock();
            let flushes = is_unflushed && !state.is_failing;
            let merges = is_unmerged && !state.is_merging_failing;
            if state.stopping || !(flushes || merges) {
                return false;
            }
            self.progressed.wait_for(&mut state, Duration::from_millis(20));
        }
    }

    fn next_step(&self) -> Step {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return Step::End;
            }
            if std::mem::take(&mut state.flush) {
                return Step::Flush;
            }
            if std::mem::take(&mut state.tidy) {
                return Step::Tidy;
            }
            if state.is_failing {
                self.flush.wait_for(&mut state, RETRY);
                state.flush = true;
            } else {
                self.flush.wait(&mut state);
            }
        }
    }

    /// Waits until there may be something to merge, or to try again what failed; or, while there is too little room,
    /// until it is time to look for some.
    fn wait_for_merging(&self, room_period: Duration) -> Merging {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return Merging::End;
            }
            if std::mem::take(&mut state.merge) {
                return Merging::Some;
            }
            if state.is_short_of_room {
                if self.merge.wait_for(&mut state, room_period).timed_out() {
                    return Merging::All;
                }
            } else if state.is_merging_failing {
                self.merge.wait_for(&mut state, RETRY);
                state.merge = true;
            } else {
                self.merge.wait(&mut state);
            }
        }
    }

    fn is_short_of_room(&self) -> bool {
        self.state.lock().is_short_of_room
    }

    fn is_stopping(&self) -> bool {
        self.state.lock().stopping
    }

    fn flushed(&self, result: &Result<(), TableError>) {
        let mut state = self.state.lock();
        if let Err(error) = result
            && !state.is_failing
        {
            tracing::error!(%error, "memory of the tables cannot be written to files; trying again until it can");
        }
        state.is_failing = result.is_err();
        drop(state);
        self.progressed.notify_all();
    }

    fn merged(&self, result: &Result<(), TableError>) {
        let mut state = self.state.lock();
        if let Err(error) = result
            && !state.is_merging_failing
        {
            tracing::warn!(%error, "files of the tables are not merged for now; trying again until they are");
        }
        state.is_merging_failing = result.is_err();
        drop(state);
        self.progressed.notify_all();
    }
}

/// The first thread.
pub fn flush_forever(inner: &Arc<Inner>) {
    loop {
        match inner.keeper.next_step() {
            Step::End => return,
            Step::Tidy => {
                if let Err(error) = inner.tree.tidy(inner.published.watermark()) {
                    tracing::warn!(%error, "old lists of the tables' files stay for now");
                }
            }
            Step::Flush => {
                let result = flush(inner);
                inner.keeper.flushed(&result);
            }
        }
    }
}

fn flush(inner: &Inner) -> Result<(), TableError> {
    if let Some(segments) = &inner.segments
        && let Err(error) = segments.make_spare()
    {
        // The committer tries as well, and refuses what it cannot write.
        tracing::debug!(%error, "no spare segment of the table log");
    }
    if inner.tree.sealed_memtables() == 0 {
        return Ok(());
    }
    inner.tree.flush(inner.published.watermark())?;
    if let Some(segments) = &inner.segments {
        segments.retire(inner.tree.persisted())?;
    }
    inner.queue.request_publishing();
    inner.keeper.nudge_merge();
    Ok(())
}

/// The second thread.
pub fn merge_forever(inner: &Arc<Inner>) {
    let mut room_period = RETRY;
    let mut garbage_left = 0;
    loop {
        let merged = match inner.keeper.wait_for_merging(room_period) {
            Merging::End => return,
            Merging::Some => merge(inner),
            Merging::All => {
                room_period = (room_period * 2).min(ROOM_PERIOD_MAX);
                merge_all(inner)
            }
        };
        if inner.keeper.is_stopping() {
            return;
        }
        inner.keeper.merged(&merged);
        if !inner.keeper.is_short_of_room() {
            room_period = RETRY;
        }
        for space in inner.spaces.dropping() {
            if let Err(error) = purge(inner, space) {
                tracing::warn!(%error, space = space.0, "a dropped space is not removed for now");
            }
        }
        match clear_garbage(inner, &mut garbage_left) {
            Ok(()) => {}
            // Merging needs room before it gives some back; there is another look when more was deleted.
            Err(error) => tracing::info!(%error, "the room of what was deleted is not given back for now"),
        }
    }
}

/// Deletes give room back when they meet what they deleted: now, rather than when that much has been written again.
fn merge_all(inner: &Inner) -> Result<(), TableError> {
    inner.queue.request_rotation();
    let mut waited = Duration::ZERO;
    while waited < RETRY / 4 || (inner.tree.sealed_memtables() > 0 && waited < FLUSH_WAIT_MAX) {
        if inner.keeper.is_stopping() {
            return Ok(());
        }
        std::thread::sleep(RETRY / 20);
        waited += RETRY / 20;
    }
    inner.tree.merge_all(inner.published.watermark())?;
    inner.queue.request_publishing();
    Ok(())
}

/// Merges everything once the files take half as much again as what is there. A tree that is only deleted from would
/// keep all of it otherwise: nothing that is written any more meets what was deleted. `left` is what the last time could
/// not clear, since somebody reads it or since the estimate is wrong by that.
fn clear_garbage(inner: &Inner, left: &mut u64) -> Result<(), TableError> {
    let live = inner.spaces.live_bytes();
    let found = inner.tree.disk_bytes().saturating_sub(live);
    *left = found.min(*left);
    let most = inner.settings.garbage_bytes_min() + live / 2;
    if found - *left <= most || inner.keeper.is_stopping() || !inner.spaces.dropping().is_empty() {
        return Ok(());
    }
    let cleared = merge_all(inner);
    // By what was there at the beginning: what is deleted meanwhile may well be cleared the next time.
    *left = inner.tree.disk_bytes().saturating_sub(live);
    tracing::debug!(found, left = *left, "merged the tables' files to clear what was deleted");
    cleared
}

fn merge(inner: &Inner) -> Result<(), TableError> {
    while !inner.keeper.is_stopping() && inner.tree.merge(inner.published.watermark())? {
        inner.keeper.progressed.notify_all();
        inner.queue.request_publishing();
    }
    Ok(())
}

/// Removes what a dropped space has left: whole files at once, the rest entry by entry, and the record at last.
fn purge(inner: &Arc<Inner>, space: SpaceId) -> Result<(), TableError> {
    inner.tree.drop_files(&space.prefix())?;
    while !inner.keeper.is_stopping() {
        let range = KeyRange::all().within(&space.prefix());
        let moment = inner.published.now();
        let entries = inner.tree.scan(range, Direction::Forward, moment.at).take(PURGE_ENTRIES_AT_ONCE);
        let keys: Vec<Bytes> =
            entries.map(|pair| pair.map(|(key, _)| key.slice(PREFIX_BYTES..))).collect::<Result<_, _>>()?;
        let is_last = keys.is_empty();
        let ops = if is_last {
            Spaces::keys_of(space).into_iter().map(|key| Op::Delete { space: META, key, old: None }).collect()
        } else {
            keys.into_iter().map(|key| Op::Delete { space, key, old: None }).collect()
        };
        inner.submit_blocking(ops)?;
        if is_last {
            return Ok(());
        }
    }
    Ok(())
}
