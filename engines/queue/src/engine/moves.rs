//! Moving messages between queues: to dead-letter queues, and back (message move tasks).
//!
//! A move is one record, in which the message arrives in the target and is gone from the source. So no crash
//! can double or lose it. The payload is copied; it must be read first, without locks, and the message must
//! still be the same after that.

use std::sync::Arc;

use crate::engine::{Inner, Queue, QueueEngine};
use crate::error::EngineError;
use crate::index::{Entry, Stage};
use crate::limits::BATCH_MESSAGES_MAX;
use crate::log::{LastReceive, MessageHead, Parts, RECORD_OVERHEAD_BYTES, Reserve};
use crate::message::{DeadLetter, Kind, MessageId, Moved, QueueId};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Received too often: it stays the same message.
    Worn,
    /// Redriven: it is a new message.
    Redrive,
}

enum Step {
    Moved,
    /// It changed while it was being read; look again.
    Missed,
    TargetUnknown,
}

impl QueueEngine {
    /// Moves up to `max` visible messages to `target`, or each to the queue it was a dead letter of. As SQS does
    /// it, they are new messages there: new ids, sent now, never received.
    pub async fn move_batch(
        &self,
        source: QueueId,
        target: Option<QueueId>,
        max: usize,
    ) -> Result<Moved, EngineError> {
        if max > BATCH_MESSAGES_MAX {
            return Err(EngineError::TooMany { count: max });
        }
        let inner = Arc::clone(&self.0.inner);
        let queue = inner.queue(source)?;
        let moving = tokio::task::spawn_blocking(move || inner.redrive(&queue, target, max));
        let moved =
            moving.await.unwrap_or_else(|panicked| Err(EngineError::Stopped(panicked.to_string().into())))?;
        let log = &self.0.inner.log;
        log.durable.wait(log.position()).await?;
        Ok(moved)
    }
}

impl Inner {
    fn redrive(&self, source: &Queue, target: Option<QueueId>, max: usize) -> Result<Moved, EngineError> {
        let mut moved = Moved::default();
        while moved.moved < max {
            let next = {
                let (mut shared, _now) = self.enter(source)?;
                shared.index.next(None)
            };
            let Some(entry) = next else { break };
            match self.move_one(source, &entry, target, Why::Redrive)? {
                Step::Moved => moved.moved += 1,
                Step::Missed => {}
                Step::TargetUnknown => {
                    moved.target_unknown = true;
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// Moves the next messages that were received too often; ends at the first that was not. `false` if there is
    /// no queue to move them to.
    pub(super) fn bury(&self, source: &Queue, dead: DeadLetter, max: usize) -> Result<bool, EngineError> {
        for _ in 0..max {
            let next = {
                let (mut shared, _now) = self.enter(source)?;
                shared.index.next(None)
            };
            let Some(entry) = next.filter(|entry| entry.count >= dead.receive_count_max) else { break };
            if let Step::TargetUnknown = self.move_one(source, &entry, Some(dead.target), Why::Worn)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn move_one(
        &self,
        source: &Queue,
        entry: &Entry,
        target: Option<QueueId>,
        why: Why,
    ) -> Result<Step, EngineError> {
        let Some(fetch) = self.fetch_if_there(source, entry) else { return Ok(Step::Missed) };
        let record = fetch.read_blocking()?.pop().expect("one was asked for");
        let Some(parts) = Parts::read(&record) else {
            let what = format!("message {} at byte {} of {}", entry.sequence, entry.offset, entry.segment);
            return Err(EngineError::Corrupt(what.into()));
        };
        let origin = parts.head.from.filter(|_| parts.head.dead_letter).map(|(queue, _)| queue);
        let target = target.or(origin).filter(|target| *target != source.id);
        let Some(target) = target.and_then(|target| self.queue(target).ok()) else {
            return Ok(Step::TargetUnknown);
        };
        let (mut from, mut to, now) = self.enter_both(source, &target)?;
        let same = from.index.get(entry.sequence).filter(|held| {
            held.stage == Stage::Ready && held.location() == entry.location() && held.count == entry.count
        });
        let Some(held) = same.copied() else { return Ok(Step::Missed) };
        if to.config.kind != from.config.kind {
            return Ok(Step::TargetUnknown);
        }
        let mut log = self.log.append();
        log.admit(record.len() + RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
        // A FIFO queue's messages are in order of sending, so there the move counts as sending.
        let keeps_age = why == Why::Worn && to.config.kind == Kind::Standard;
        let head = MessageHead {
            queue: target.id,
            id: if why == Why::Worn { parts.head.id } else { MessageId::from_chance(self.ids.bytes()) },
            sequence: self.log.next_sequence(),
            sent_at: if keeps_age { held.sent_at } else { now },
            deadline: 0,
            // SQS counts receives "across all queues".
            receipt: (why == Why::Worn).then(|| last_receive(&held)),
            group: parts.head.group,
            dedup: None,
            from: Some((source.id, held.sequence)),
            dead_letter: why == Why::Worn,
            group_length: parts.head.group_length,
        };
        let at = log.message(&head, &record[parts.group_at..parts.body_at], &record[parts.body_at..]);
        log.release(held.location());
        drop(log);
        from.index.remove(held.sequence);
        let number = to.index.group_number(head.group);
        to.index.add(Entry::from_head(&head, number, at));
        from.wake();
        to.wake();
        Ok(Step::Moved)
    }

    /// The file handles of a message's record, taken while it is certainly there.
    pub(super) fn fetch_if_there(&self, queue: &Queue, entry: &Entry) -> Option<crate::log::Fetch> {
        let shared = queue.shared.lock();
        let held = shared.index.get(entry.sequence)?;
        (held.location() == entry.location()).then(|| self.log.fetch(&[entry.location()]))
    }
}

pub(super) fn last_receive(entry: &Entry) -> LastReceive {
    LastReceive { count: entry.count, nonce: entry.nonce, first_at: entry.first_at, last_at: entry.last_at }
}
