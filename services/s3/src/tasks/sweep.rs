//! Finds content that nobody refers to, which a crash left between its write and the record of it, and frees it: once
//! a day, and after a start that follows a crash.
//!
//! Why nothing live is freed. Content is freed only if it was written well before the sweep began ([`GRACE`]), when
//! the record of it was long committed, and if the sweep then met it nowhere. Records are met in the order in which
//! content moves: parts, objects, older versions, garbage. What moves on while the sweep goes through is met later, if
//! it was not met already. Content goes the other way in two cases only: when the newest version is deleted and the
//! one before it becomes the object, and when an object is renamed. Both say so in their own transaction
//! ([`crate::operations::saving::moved`]), and what they said is met last of all: whoever goes back before that is met
//! there, and whoever goes back after it was met where it was before. What was noted is deleted when a sweep that has
//! met it is over. Content never moves from one bucket to another. Reads see synced transactions only, so nothing that
//! is met can be undone by a crash.

use std::sync::Arc;
use std::time::Duration;

use object_engine::Sweep;
use parking_lot::Mutex;
use service::{Nudge, Pass, Task};
use store::{Select, Table, Tx};

use crate::S3;
use crate::contents;
use crate::error::Error;
use crate::records::{GARBAGE, GarbageRecord, MOVED, Position, ROUNDS, RoundRecord, SWEEP};

const PERIOD: Duration = Duration::from_secs(24 * 3600);
/// From the moment when content is on the disk to that of its record there is one transaction.
const GRACE: Duration = Duration::from_secs(600);
const PAGE: usize = 1000;

/// A sweep under way. It does not outlive the process: the next begins anew.
struct UnderWay {
    sweep: Sweep,
    position: Position,
}

#[derive(Default)]
struct Memory {
    under_way: Option<UnderWay>,
    /// Whether this process has looked at how the last one ended.
    has_looked: bool,
    /// The last one ended badly, and no sweep has ended since.
    is_urgent: bool,
}

type State = Arc<Mutex<Memory>>;

pub fn task(s3: &Arc<S3>) -> Task {
    s3.tasks.spawn(end_well(s3));
    let state = State::default();
    Task::of(s3, "s3.sweep", PERIOD, Nudge::default(), move |s3| {
        let state = state.clone();
        async move { pass(&s3, &state).await }
    })
}

/// Notes an orderly end, at the end.
fn end_well(s3: &Arc<S3>) -> impl Future<Output = ()> + Send + 'static {
    let (tasks, store) = (s3.tasks.clone(), s3.store.clone());
    async move {
        tasks.stopped().await;
        let noted = store
            .transact(|tx| async move {
                let round = ROUNDS.get(&tx, &(), SWEEP).await?.unwrap_or_default();
                ROUNDS.put(&tx, &(), SWEEP, &RoundRecord { is_dirty: false, ..round }).await
            })
            .await;
        if let Err(error) = noted {
            tracing::warn!(%error, "the orderly end of S3 could not be noted, so the next start will look for leftovers");
        }
    }
}

async fn pass(s3: &S3, state: &State) -> Result<Pass, Error> {
    let taken = state.lock().under_way.take();
    let Some(UnderWay { mut sweep, position }) = taken else { return begin(s3, state).await };
    let (held, next) = contents::page(&s3.store, &position, PAGE).await?;
    held.iter().flat_map(|held| &held.extents).for_each(|extent| sweep.mark(extent));
    if let Some(position) = next {
        state.lock().under_way = Some(UnderWay { sweep, position });
        return Ok(Pass::More);
    }
    mark_all(s3, &GARBAGE, &mut sweep).await?;
    let moved = mark_all(s3, &MOVED, &mut sweep).await?;
    let report = sweep.finish(GRACE).await?;
    if report.freed_extents > 0 {
        let (extents, bytes) = (report.freed_extents, report.freed_bytes);
        tracing::info!(extents, bytes, "content that nobody referred to was freed");
    }
    finish(s3, &moved).await?;
    state.lock().is_urgent = false;
    Ok(Pass::Done)
}

/// Begins a sweep, if it is time or the last end was none.
async fn begin(s3: &S3, state: &State) -> Result<Pass, Error> {
    let now = s3.clock.now();
    let round = s3
        .store
        .transact(|tx| async move {
            let found = ROUNDS.get(&tx, &(), SWEEP).await?;
            // Until the end says otherwise.
            let dirty = RoundRecord { is_dirty: true, ..found.clone().unwrap_or_default() };
            ROUNDS.put(&tx, &(), SWEEP, &dirty).await?;
            Ok::<_, Error>(found)
        })
        .await?;
    let mut memory = state.lock();
    if !std::mem::replace(&mut memory.has_looked, true) {
        memory.is_urgent = round.as_ref().is_some_and(|round| round.is_dirty);
    }
    let rest = match round {
        // Nothing was ever written before the first start.
        None => PERIOD,
        Some(round) => round.finished.map_or(Duration::ZERO, |finished| (finished + PERIOD).since(now)),
    };
    if !memory.is_urgent && !rest.is_zero() {
        return Ok(Pass::Again(rest));
    }
    memory.under_way = Some(UnderWay { sweep: s3.engine.begin_sweep(), position: Position::default() });
    Ok(Pass::More)
}

/// Marks what a table refers to, and says under which names.
async fn mark_all(
    s3: &S3,
    table: &Table<(), GarbageRecord>,
    sweep: &mut Sweep,
) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = s3
            .store
            .read(|tx| async move { table.scan(&tx, &(), Select::ALL.after(position), PAGE).await })
            .await?;
        for (name, record) in page.records {
            record.extents.iter().for_each(|extent| sweep.mark(extent));
            names.push(name);
        }
        after = page.next;
        if after.is_none() {
            return Ok(names);
        }
    }
}

async fn finish(s3: &S3, moved: &[String]) -> Result<(), Error> {
    for names in moved.chunks(PAGE) {
        s3.store
            .transact(|tx: Tx| async move {
                for name in names {
                    MOVED.delete(&tx, &(), name).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    let finished = Some(s3.clock.now());
    s3.store
        .transact(|tx| async move {
            let round = ROUNDS.get(&tx, &(), SWEEP).await?.unwrap_or_default();
            ROUNDS.put(&tx, &(), SWEEP, &RoundRecord { finished, ..round }).await
        })
        .await?;
    Ok(())
}
