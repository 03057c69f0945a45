//! The thread that carries decided commits to the disk, and the only one that writes to the database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use redb::{Database, ReadableDatabase, TableError};

use super::medium::{Medium, Opening, any_error};
use super::sequencer::{Decided, Sequencer};
use super::{DATA, META, SEQUENCE};
use crate::StoreError;
use crate::limits::{CHECKPOINT_IDLE, DISK_RESERVE_BYTES, DISK_RETRY_PERIOD};
use crate::watch::Watches;

pub(super) struct Committer {
    medium: Box<dyn Medium>,
    sequencer: Arc<Sequencer>,
    watches: Arc<Watches>,
    /// None after the disk has failed, until the database could be opened again.
    database: Option<Arc<Database>>,
    /// Whether there were commits since the allocator's state was last saved.
    is_unsaved: bool,
}

/// What the committer has to do next.
enum Step {
    Commit(Vec<Decided>),
    Checkpoint,
    /// Look whether the disk has recovered.
    Look,
    End,
}

impl Committer {
    pub fn open(
        medium: Box<dyn Medium>,
        watches: Arc<Watches>,
    ) -> Result<(Arc<Sequencer>, Committer), StoreError> {
        let database = Arc::new(medium.open(Opening::First)?);
        let sequence = match read_sequence(&database)? {
            Some(sequence) => sequence,
            None => {
                write(&database, &[], 0)?;
                0
            }
        };
        let sequencer = Arc::new(Sequencer::new(database.clone(), sequence));
        let database = Some(database);
        let committer =
            Committer { medium, sequencer: sequencer.clone(), watches, database, is_unsaved: true };
        committer.look_for_room();
        Ok((sequencer, committer))
    }

    pub fn run(mut self) {
        loop {
            match self.next_step() {
                Step::Commit(group) => self.commit(group),
                Step::Checkpoint => self.checkpoint(),
                Step::Look => self.look(),
                Step::End => return,
            }
        }
    }

    fn next_step(&self) -> Step {
        let began = Instant::now();
        let mut state = self.sequencer.lock();
        loop {
            if !state.waiting.is_empty() {
                return Step::Commit(std::mem::take(&mut state.waiting));
            }
            if state.closing {
                return Step::End;
            }
            let (time, step) = if state.down.is_some() || state.full {
                (DISK_RETRY_PERIOD, Step::Look)
            } else if self.is_unsaved {
                (CHECKPOINT_IDLE, Step::Checkpoint)
            } else {
                self.sequencer.work().wait(&mut state);
                continue;
            };
            let is_late = self.sequencer.work().wait_until(&mut state, began + time).timed_out();
            if is_late && state.waiting.is_empty() && !state.closing {
                return step;
            }
        }
    }

    fn commit(&mut self, group: Vec<Decided>) {
        let sequence = group.iter().map(|decided| decided.sequence).max().expect("a group is not empty");
        if group.iter().all(|decided| decided.writes.is_empty()) {
            // They waited for what they read, which the group before has brought to the disk.
            return answer(group, &Ok(()));
        }
        let Some(database) = &self.database else {
            return self.undo(group, StoreError::Closed);
        };
        self.is_unsaved = true;
        match write(database, &group, sequence) {
            Ok(()) => self.settle(group, sequence),
            Err(error) => self.recover(group, sequence, error),
        }
        self.look_for_room();
    }

    /// Tells everybody that a group is on the disk.
    fn settle(&self, group: Vec<Decided>, sequence: u64) {
        let mut state = self.sequencer.lock();
        state.durable = sequence;
        state.prune();
        drop(state);
        self.watches.wake(group.iter().flat_map(|decided| &decided.writes).map(|(key, _)| &key[..]));
        answer(group, &Ok(()));
    }

    /// Tells everybody that a group is not on the disk, with all that was decided after it.
    fn undo(&self, mut group: Vec<Decided>, error: StoreError) {
        let mut state = self.sequencer.lock();
        group.append(&mut state.undo());
        drop(state);
        answer(group, &Err(error));
    }

    /// After a failed commit: redb refuses to go on, so the database is closed and opened again. Only then it
    /// is known whether the commit has happened after all.
    fn recover(&mut self, group: Vec<Decided>, sequence: u64, error: StoreError) {
        tracing::error!(%error, "a commit failed; the database is opened again");
        self.sequencer.lock().database = None;
        self.database = None;
        match self.reopen() {
            Ok(found) if found >= sequence => {
                self.publish();
                self.settle(group, sequence);
            }
            Ok(_) => {
                // First undone and then shown, since the state below must hold all that is decided.
                self.undo(group, error);
                self.publish();
            }
            Err(reopening) => {
                tracing::error!(error = %reopening, "the database cannot be opened; trying again until it can");
                self.sequencer.lock().down = Some(reopening);
                self.undo(group, error);
            }
        }
    }

    /// Opens the database, makes sure that it can be written, and returns its sequence number.
    fn reopen(&mut self) -> Result<u64, StoreError> {
        let database = self.medium.open(Opening::Again)?;
        let sequence = read_sequence(&database)?.unwrap_or(0);
        write(&database, &[], sequence)?;
        self.database = Some(Arc::new(database));
        Ok(sequence)
    }

    fn publish(&self) {
        let mut state = self.sequencer.lock();
        state.database = self.database.clone();
        state.down = None;
    }

    fn look(&mut self) {
        if self.database.is_none() {
            match self.reopen() {
                Ok(_) => {
                    tracing::info!("the database is open again");
                    self.publish();
                }
                Err(error) => self.sequencer.lock().down = Some(error),
            }
        }
        self.look_for_room();
    }

    fn look_for_room(&self) {
        let is_full = self.medium.room_bytes() < DISK_RESERVE_BYTES;
        let mut state = self.sequencer.lock();
        if state.full != is_full {
            tracing::warn!(is_full, "the room on the store's disk has changed");
            state.full = is_full;
        }
    }

    /// Saves the allocator's state, which costs two syncs and spares the next start a walk through the whole
    /// file if this process is killed while it is idle.
    fn checkpoint(&mut self) {
        self.is_unsaved = false;
        let Some(database) = &self.database else { return };
        let saved = database.begin_write().map_err(any_error).and_then(|mut writing| {
            writing.set_quick_repair(true);
            writing.commit().map_err(any_error)
        });
        if let Err(error) = saved {
            let sequence = self.sequencer.lock().durable;
            self.recover(Vec::new(), sequence, error);
        }
    }
}

impl Drop for Committer {
    /// Also after a panic: then whoever waits gets an answer, and nobody starts to wait.
    fn drop(&mut self) {
        let mut state = self.sequencer.lock();
        state.closing = true;
        state.database = None;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        drop(left);
        self.database = None;
        self.watches.close();
    }
}

fn answer(group: Vec<Decided>, result: &Result<(), StoreError>) {
    for decided in group {
        // Nobody listens if the caller has gone; the commit stands.
        let _ = decided.answer.send(result.clone());
    }
}

fn read_sequence(database: &Database) -> Result<Option<u64>, StoreError> {
    let reading = database.begin_read().map_err(any_error)?;
    match reading.open_table(META) {
        Ok(meta) => Ok(meta.get(SEQUENCE).map_err(any_error)?.map(|sequence| sequence.value())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(any_error(error)),
    }
}

/// Writes a group as one synced redb transaction. Of several writes of a key only the last is written.
fn write(database: &Database, group: &[Decided], sequence: u64) -> Result<(), StoreError> {
    let mut latest = BTreeMap::new();
    for (key, value) in group.iter().flat_map(|decided| &decided.writes) {
        latest.insert(key, value);
    }
    let writing = database.begin_write().map_err(any_error)?;
    {
        let mut data = writing.open_table(DATA).map_err(any_error)?;
        for (key, value) in latest {
            match value {
                Some(value) => drop(data.insert(&key[..], &value[..]).map_err(any_error)?),
                None => drop(data.remove(&key[..]).map_err(any_error)?),
            }
        }
        let mut meta = writing.open_table(META).map_err(any_error)?;
        meta.insert(SEQUENCE, sequence).map_err(any_error)?;
    }
    writing.commit().map_err(any_error)
}
