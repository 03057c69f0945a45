//! The thread that makes changes durable and visible, and the only one that writes to the log and the tree.
//!
//! Everything that waits is one group: it is written to the log, synced once, put into the tree, published, answered.
//! While one group is synced the next one gathers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::Inner;
use crate::error::TableError;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_CHANGES_MAX, SEALED_MEMTABLES_MAX};
use crate::locks::Locked;
use crate::log::frame::Op;
use crate::log::{Entry, Log, Unwritten};
use crate::published::Moment;
use crate::seen::Seen;
use crate::space::{Delta, META, SpaceId};
use crate::spaces::{PERSISTED, drops};
use crate::write::AppendKey;

/// A change on its way to the disk.
pub struct Decided {
    pub ops: Vec<Op>,
    /// The same, as the log has it.
    pub frame: Vec<u8>,
    /// Whether it takes room on the disk, rather than giving some back in the end.
    pub needs_room: bool,
    /// Held until the change can be seen.
    pub locked: Locked,
    pub answer: oneshot::Sender<Result<(), TableError>>,
    /// Gives its room back when it is dropped.
    pub _room: Option<OwnedSemaphorePermit>,
}

/// A moment, and how much was in each space then.
pub struct Counted {
    pub moment: Arc<Moment>,
    pub counts: Vec<(SpaceId, (u64, u64))>,
}

#[derive(Default)]
pub struct Queue {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Decided>,
    counting: Vec<oneshot::Sender<Counted>>,
    publishing: bool,
    rotating: bool,
    closing: bool,
    /// Why nothing is written any more.
    stopped: Option<Arc<str>>,
}

impl Queue {
    pub fn submit(&self, decided: Decided) -> Result<(), TableError> {
        let mut state = self.state.lock();
        if let Some(why) = &state.stopped {
            return Err(TableError::Stopped(Arc::clone(why)));
        }
        if state.closing {
            return Err(TableError::Closed);
        }
        state.waiting.push(decided);
        drop(state);
        self.work.notify_one();
        Ok(())
    }

    /// Asks for the counts between two groups, where they fit what can be seen.
    pub fn count(&self) -> Result<oneshot::Receiver<Counted>, TableError> {
        let (answer, answered) = oneshot::channel();
        let mut state = self.state.lock();
        if state.closing {
            return Err(TableError::Closed);
        }
        state.counting.push(answer);
        drop(state);
        self.work.notify_one();
        Ok(answered)
    }

    /// Lets readers go over to the files that the tree has made meanwhile.
    pub fn request_publishing(&self) {
        self.state.lock().publishing = true;
        self.work.notify_one();
    }

    /// Asks that memory becomes a file before it is full.
    pub fn request_rotation(&self) {
        self.state.lock().rotating = true;
        self.work.notify_one();
    }

    pub fn close(&self) {
        self.state.lock().closing = true;
        self.work.notify_all();
    }
}

/// How long after the last change the log gets its mark.
const IDLE: Duration = Duration::from_millis(20);

/// How often the room on the disk is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(50);

pub struct Committer {
    inner: Arc<Inner>,
    log: Option<Log>,
    is_full: bool,
    looked: Option<Instant>,
    /// How much was overwritten or deleted since the keeper was told of it.
    replaced_bytes: u64,
}

enum Step {
    Work { group: Vec<Decided>, counting: Vec<oneshot::Sender<Counted>>, publishing: bool },
    Rotate,
    Idle,
    End,
}

impl Committer {
    pub fn new(inner: Arc<Inner>, log: Option<Log>) -> Committer {
        Committer { inner, log, is_full: false, looked: None, replaced_bytes: 0 }
    }

    pub fn run(mut self) {
        loop {
            match self.next_step() {
                Step::End => break,
                Step::Idle => {
                    let marked = self.log.as_mut().map_or(Ok(()), Log::mark);
                    if let Err(why) = marked {
                        self.stop(&why);
                    }
                    self.tell_of_garbage(self.inner.settings.garbage_bytes_min() / 8);
                }
                Step::Rotate => self.rotate(),
                Step::Work { group, counting, publishing } => {
                    if !group.is_empty() {
                        self.commit(group);
                    }
                    if publishing {
                        self.publish_files();
                    }
                    if !counting.is_empty() {
                        self.count(counting);
                    }
                }
            }
        }
        if let Some(log) = &mut self.log
            && let Err(why) = log.close()
        {
            tracing::error!(?why, "the table log could not be closed");
        }
    }

    fn next_step(&self) -> Step {
        let mut state = self.inner.queue.state.lock();
        loop {
            if std::mem::take(&mut state.rotating) {
                return Step::Rotate;
            }
            if !state.waiting.is_empty() || state.publishing || !state.counting.is_empty() {
                let group = take_group(&mut state.waiting);
                let counting = std::mem::take(&mut state.counting);
                return Step::Work { group, counting, publishing: std::mem::take(&mut state.publishing) };
            }
            if state.closing {
                return Step::End;
            }
            if self.log.as_ref().is_none_or(Log::is_marked) || state.stopped.is_some() {
                self.inner.queue.work.wait(&mut state);
            } else if self.inner.queue.work.wait_for(&mut state, IDLE).timed_out() && state.waiting.is_empty()
            {
                return Step::Idle;
            }
        }
    }

    fn commit(&mut self, group: Vec<Decided>) {
        let stopped = self.inner.queue.state.lock().stopped.clone();
        if let Some(why) = stopped {
            return answer(group, &Err(TableError::Stopped(why)));
        }
        let mut group = self.admit(group);
        if group.is_empty() {
            return;
        }
        let tree = &self.inner.tree;
        let sequences: Vec<u64> = group.iter().map(|_| tree.next_sequence()).collect();
        if let Some(log) = &mut self.log {
            let bytes = group.iter().map(|decided| decided.frame.len()).sum();
            let entries = group.iter_mut().zip(&sequences);
            let entries =
                entries.map(|(decided, sequence)| Entry { sequence: *sequence, frame: &mut decided.frame });
            match log.write(entries, bytes) {
                Ok(()) => {}
                Err(Unwritten::Full) => return answer(group, &Err(TableError::Full)),
                Err(why) => {
                    let stopped = self.stop(&why);
                    return answer(group, &Err(stopped));
                }
            }
        }
        let mut deltas: Vec<(SpaceId, Delta)> = Vec::new();
        let memory = tree.seen();
        for (decided, sequence) in group.iter_mut().zip(&sequences) {
            for op in std::mem::take(&mut decided.ops) {
                self.replaced_bytes += op.replaced_bytes();
                self.inner.insert(&memory, op, *sequence, &mut deltas);
            }
        }
        for (space, delta) in deltas {
            self.inner.spaces.count(space, delta);
        }
        self.inner.published.publish(tree.sequence());
        answer(group, &Ok(()));
        if self.inner.segments.as_ref().is_some_and(|segments| segments.wants_spare()) {
            self.inner.keeper.nudge_flush();
        }
        if tree.memtable_bytes() > self.inner.settings.memtable_bytes
            && tree.sealed_memtables() < SEALED_MEMTABLES_MAX
        {
            self.rotate();
        }
        self.tell_of_garbage(self.inner.settings.garbage_bytes_min());
    }

    /// Lets the keeper look whether there is room to be given back.
    fn tell_of_garbage(&mut self, bytes_min: u64) {
        if self.replaced_bytes > bytes_min {
            self.replaced_bytes = 0;
            self.inner.keeper.nudge_merge();
        }
    }

    fn rotate(&self) {
        self.inner.rotate(self.inner.tree.next_sequence());
        self.inner.keeper.nudge_flush();
    }

    /// Refuses what there is no room for, and waits where the tree is behind.
    fn admit(&mut self, mut group: Vec<Decided>) -> Vec<Decided> {
        self.refuse_dropped(&mut group);
        let caught_up = self.inner.keeper.wait_for(&self.inner.tree);
        self.look_for_room();
        if !self.is_full && caught_up {
            return group;
        }
        // Without a limit to it deletes would fill the memory.
        let accepts_deletes = self.inner.tree.memtable_bytes() < 2 * self.inner.settings.memtable_bytes;
        let refused = group.extract_if(.., |decided| decided.needs_room || !accepts_deletes).collect();
        answer(refused, &Err(TableError::Full));
        group
    }

    /// Refuses changes that were decided before their space was dropped: nothing would ever remove what they put.
    fn refuse_dropped(&self, group: &mut Vec<Decided>) {
        let mut dropped: Vec<SpaceId> = Vec::new();
        let mut refused = Vec::new();
        let mut place = 0;
        while let Some(decided) = group.get(place) {
            let puts = decided.ops.iter().filter(|op| !matches!(op, Op::Delete { .. }) && op.space() != META);
            let gone = puts.map(Op::space).find(|space| {
                dropped.contains(space) || self.inner.spaces.is_dropping(*space) != Some(false)
            });
            dropped.extend(decided.ops.iter().filter_map(drops));
            match gone {
                Some(space) => refused.push((group.remove(place), space)),
                None => place += 1,
            }
        }
        for (decided, space) in refused {
            answer(vec![decided], &Err(TableError::NoSuchSpace(space)));
        }
    }

    fn look_for_room(&mut self) {
        let Some(segments) = &self.inner.segments else { return };
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_PERIOD) {
            return;
        }
        self.looked = Some(Instant::now());
        let is_full = segments.medium().room_bytes() < self.inner.settings.reserve_bytes;
        if is_full != self.is_full {
            tracing::warn!(is_full, "the room on the tables' disk has changed");
            self.is_full = is_full;
            self.inner.keeper.set_short_of_room(is_full);
        }
    }

    fn publish_files(&self) {
        let tree = &self.inner.tree;
        // Beyond the number that the tree gave to its last list of files.
        tree.reach(tree.sequence());
        self.inner.published.publish(tree.sequence());
        self.inner.keeper.nudge_tidy();
    }

    fn count(&self, counting: Vec<oneshot::Sender<Counted>>) {
        for answer in counting {
            let counts = self.inner.spaces.all().into_iter().map(|space| {
                let counts = self.inner.spaces.counts(space);
                (space, counts.expect("a space goes between groups only"))
            });
            // Nobody listens if the caller has gone.
            let _ = answer.send(Counted { moment: self.inner.published.now(), counts: counts.collect() });
        }
    }

    fn stop(&self, why: &Unwritten) -> TableError {
        let why: Arc<str> = match why {
            Unwritten::Full => "the disk is full".into(),
            Unwritten::Failed(error) => error.to_string().into(),
        };
        tracing::error!(%why, "the table log failed; nothing is written until a restart");
        self.inner.queue.state.lock().stopped = Some(Arc::clone(&why));
        TableError::Stopped(why)
    }
}

impl Drop for Committer {
    /// Also after a panic: then whoever waits gets an answer, and nobody starts to wait.
    fn drop(&mut self) {
        let mut state = self.inner.queue.state.lock();
        state.closing = true;
        let left = std::mem::take(&mut state.waiting);
        state.counting.clear();
        drop(state);
        answer(left, &Err(TableError::Closed));
    }
}

fn take_group(waiting: &mut Vec<Decided>) -> Vec<Decided> {
    let mut bytes = 0;
    let count = waiting
        .iter()
        .take(COMMIT_CHANGES_MAX)
        .take_while(|decided| {
            let fits = bytes < COMMIT_BYTES_MAX;
            bytes += decided.frame.len();
            fits
        })
        .count();
    if count == waiting.len() { std::mem::take(waiting) } else { waiting.drain(..count).collect() }
}

fn answer(group: Vec<Decided>, result: &Result<(), TableError>) {
    for decided in group {
        drop(decided.locked);
        // Nobody listens if the caller has gone; the change stands.
        let _ = decided.answer.send(result.clone());
    }
}

impl Inner {
    /// Puts one write into the tree's memory.
    pub fn insert(&self, memory: &Seen, op: Op, sequence: u64, deltas: &mut Vec<(SpaceId, Delta)>) {
        if op.space() == META {
            self.spaces.follow(&op).expect("what the engine says of its spaces it can read");
        } else {
            match deltas.iter_mut().find(|(space, _)| *space == op.space()) {
                Some((_, delta)) => delta.add(op.delta()),
                None => deltas.push((op.space(), op.delta())),
            }
        }
        match op {
            Op::Put { space, key, stored, .. } => {
                memory.insert(space.tree_key(&key).into(), stored, sequence)
            }
            Op::Delete { space, key, .. } => memory.remove(space.tree_key(&key).into(), sequence),
            Op::Append { space, place, stored } => {
                let key = AppendKey { sequence, place }.encode();
                memory.insert(space.tree_key(&key).into(), stored, sequence);
            }
        }
    }

    /// Closes the memory that is written to, with the counts as they are.
    pub fn rotate(&self, sequence: u64) {
        let meta = |key: &[u8]| Bytes::from(META.tree_key(key));
        let memory = self.tree.seen();
        for (key, value) in self.spaces.changed_counts() {
            memory.insert(meta(&key), value, sequence);
        }
        memory.insert(meta(PERSISTED), Bytes::new(), sequence);
        self.tree.rotate();
    }
}
