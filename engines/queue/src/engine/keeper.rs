//! What has to be done now and then: spares, sidecars, retention, and giving space back.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::moves::last_receive;
use crate::engine::{Inner, Queue};
use crate::error::EngineError;
use crate::index::{Entry, Stage};
use crate::limits::REWRITE_MESSAGES_AT_ONCE;
use crate::log::{Key, Location, MessageHead, Parts, RECORD_OVERHEAD_BYTES, Record, Reserve};
use crate::message::{MessageId, QueueId};

const PERIOD: Duration = Duration::from_secs(1);

/// How long others have the disk and the locks between two lots of rewritten messages.
const REWRITE_PAUSE: Duration = Duration::from_millis(1);

/// Something in an old segment that is still needed.
enum Needed {
    Message { queue: QueueId, sequence: u64, at: Location },
    Queue { queue: QueueId },
    Dedup { queue: QueueId, key: Key, sent_at: i64, sequence: u64, id: MessageId },
}

impl Inner {
    pub(super) fn keep_forever(&self) {
        while self.log.wait_for_work(PERIOD) {
            self.keep_once();
        }
    }

    pub(super) fn keep_once(&self) {
        if self.log.durable.stopped().is_some() {
            return;
        }
        self.log.make_spare();
        self.log.index_sealed();
        self.let_time_pass();
        if let Err(error) = self.give_space_back() {
            tracing::warn!(%error, "space in the queue log could not be given back");
        }
    }

    /// Lets old messages vanish from queues that nobody uses.
    fn let_time_pass(&self) {
        let queues: Vec<Arc<Queue>> = self.queues.read().values().cloned().collect();
        for queue in queues {
            if let Ok((mut shared, now)) = self.enter(&queue) {
                shared.index.dedup.forget_old(now);
                shared.index.attempts.forget_old(now);
            }
        }
    }

    fn give_space_back(&self) -> Result<(), EngineError> {
        self.log.rotate_if_dead();
        while let Some(oldest) = self.log.oldest_to_drop(self.clock.now().as_millis()) {
            if !oldest.dead && !self.rewrite(oldest.segment)? {
                break;
            }
            // What made it useless, deletions or newer copies, must be on disk before it goes.
            self.log.durable.wait_blocking(self.log.position())?;
            self.log.drop_oldest(oldest.segment)?;
        }
        Ok(())
    }

    /// Writes what is still needed of a segment to the end of the log. `false` if the log is being closed.
    fn rewrite(&self, segment: u32) -> Result<bool, EngineError> {
        let now = self.clock.now().as_millis();
        let mut needed = Vec::new();
        // A segment is sealed as soon as the next one is begun, when its own end may still be on its way to the disk.
        self.log.durable.wait_blocking(self.log.position())?;
        self.log.heads(segment, |record, at| self.find_needed(&record, at, now, &mut needed))?;
        for lot in needed.chunks(REWRITE_MESSAGES_AT_ONCE) {
            for one in lot {
                self.rewrite_one(one, segment)?;
            }
            if self.log.is_closing() {
                return Ok(false);
            }
            std::thread::sleep(REWRITE_PAUSE);
        }
        Ok(true)
    }

    fn find_needed(&self, record: &Record, at: Location, now: i64, needed: &mut Vec<Needed>) {
        match *record {
            Record::Message(head) => {
                let Ok(queue) = self.queue(head.queue) else { return };
                let shared = queue.shared.lock();
                if shared.index.get(head.sequence).is_some_and(|entry| entry.location() == at) {
                    needed.push(Needed::Message { queue: head.queue, sequence: head.sequence, at });
                }
                if let Some(key) = head.dedup
                    && let Some(original) = shared.index.dedup.find(&key, now)
                    && original.sequence == head.sequence
                {
                    let (sent_at, sequence, id) = (original.sent_at, original.sequence, original.id);
                    needed.push(Needed::Dedup { queue: head.queue, key, sent_at, sequence, id });
                }
            }
            Record::Dedup { queue: id, key, sent_at, sequence, id: message } => {
                let Ok(queue) = self.queue(id) else { return };
                let shared = queue.shared.lock();
                let known = shared.index.dedup.find(&key, now);
                if known.is_some_and(|original| original.sequence == sequence) {
                    needed.push(Needed::Dedup { queue: id, key, sent_at, sequence, id: message });
                }
            }
            Record::Queue { queue: id, .. } => {
                if let Ok(queue) = self.queue(id)
                    && queue.shared.lock().config_segment == at.segment
                {
                    needed.push(Needed::Queue { queue: id });
                }
            }
            _ => {}
        }
    }

    fn rewrite_one(&self, needed: &Needed, segment: u32) -> Result<(), EngineError> {
        match *needed {
            Needed::Message { queue, sequence, at } => self.rewrite_message(queue, sequence, at),
            Needed::Queue { queue: id } => {
                let Ok(queue) = self.queue(id) else { return Ok(()) };
                let mut shared = queue.shared.lock();
                if shared.dropped || shared.config_segment != segment {
                    return Ok(());
                }
                let mut log = self.log.append();
                log.admit(RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
                let at = log.note(&Record::Queue { queue: id, config: shared.config });
                log.release_queue(segment);
                shared.config_segment = at.segment;
                Ok(())
            }
            Needed::Dedup { queue: id, key, sent_at, sequence, id: message } => {
                let Ok(queue) = self.queue(id) else { return Ok(()) };
                let shared = queue.shared.lock();
                if shared.dropped {
                    return Ok(());
                }
                let mut log = self.log.append();
                log.admit(RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
                log.note(&Record::Dedup { queue: id, key, sent_at, sequence, id: message });
                Ok(())
            }
        }
    }

    fn rewrite_message(&self, id: QueueId, sequence: u64, at: Location) -> Result<(), EngineError> {
        let Ok(queue) = self.queue(id) else { return Ok(()) };
        let here = |entry: &&Entry| entry.location() == at;
        let fetch = {
            let shared = queue.shared.lock();
            let Some(_) = shared.index.get(sequence).filter(here) else { return Ok(()) };
            self.log.fetch(&[at])
        };
        let record = fetch.read_blocking()?.pop().expect("one was asked for");
        let Some(parts) = Parts::read(&record) else {
            let what = format!("message {sequence} at byte {} of segment {}", at.offset, at.segment);
            return Err(EngineError::Corrupt(what.into()));
        };
        let mut shared = queue.shared.lock();
        let Some(entry) = shared.index.get(sequence).filter(here).copied() else { return Ok(()) };
        let mut log = self.log.append();
        log.admit(record.len() + RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
        let head = MessageHead {
            deadline: if entry.stage == Stage::Ready { 0 } else { entry.deadline },
            receipt: (entry.count > 0).then(|| last_receive(&entry)),
            // It has its own record by now.
            dedup: None,
            ..parts.head
        };
        let to = log.message(&head, &record[parts.group_at..parts.body_at], &record[parts.body_at..]);
        log.release(at);
        shared.index.relocate(sequence, to);
        Ok(())
    }
}
