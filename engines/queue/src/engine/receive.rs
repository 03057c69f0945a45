//! Receiving, with long polls and FIFO attempt ids.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;

use crate::engine::send::key;
use crate::engine::wait::Place;
use crate::engine::{Inner, Queue, QueueEngine, Shared};
use crate::error::EngineError;
use crate::index::{Attempt, Entry, Stage};
use crate::limits::{BATCH_MESSAGES_MAX, BURY_MESSAGES_AT_ONCE};
use crate::log::{Key, Location, Parts, RECORD_OVERHEAD_BYTES, Record, Reserve};
use crate::message::{DeadLetter, Kind, QueueId, ReceiveOptions, Received};
use crate::receipt::Receipt;

/// What one look at a queue gave.
enum Look {
    Took {
        handed: Handed,
        position: u64,
        /// The message behind them has been received too often.
        worn: Option<DeadLetter>,
    },
    /// The next message has been received too often, and must go to the dead-letter queue first.
    Worn(DeadLetter),
    Empty,
}

impl QueueEngine {
    /// Receives up to `options.max` messages: at once, or as soon as there is one within `options.wait`.
    ///
    /// If the future is dropped, what it had taken is visible again at once, with its receive counted.
    pub async fn receive(&self, id: QueueId, options: &ReceiveOptions) -> Result<Vec<Received>, EngineError> {
        if options.max > BATCH_MESSAGES_MAX {
            return Err(EngineError::TooMany { count: options.max });
        }
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let until = inner.clock.now() + options.wait;
        let mut place: Option<Place> = None;
        let mut dead_letter = options.dead_letter;
        loop {
            let (look, alarm) = {
                let (mut shared, now) = inner.enter(&queue)?;
                let look = inner.look(&queue, &mut shared, now, options, dead_letter)?;
                let mut alarm = None;
                if matches!(look, Look::Empty) && now < until.as_millis() {
                    let held = place.get_or_insert_with(|| Place::take(&queue, &mut shared.waiters));
                    let next_moment = shared.index.next_moment();
                    alarm = held.arm(&mut shared.waiters, next_moment);
                }
                (look, alarm)
            };
            match look {
                Look::Took { handed, position, worn } => {
                    drop(place);
                    if let Some(worn) = worn {
                        self.bury(&queue, worn).await?;
                    }
                    return inner.hand_over(handed, position).await;
                }
                Look::Worn(worn) => {
                    if !self.bury(&queue, worn).await? {
                        // There is no such queue any more: then messages stay where they are.
                        dead_letter = None;
                    }
                }
                Look::Empty => {
                    let Some(place) = place.as_ref().filter(|_| inner.clock.now() < until) else {
                        return Ok(Vec::new());
                    };
                    let alarm = alarm.map_or(until, |at| Timestamp::from_millis(at).min(until));
                    tokio::select! {
                        () = place.notify.notified() => {}
                        () = inner.clock.sleep_until(alarm) => {}
                    }
                }
            }
        }
    }

    /// The body of the message that a receive would take next, which stays where it is.
    pub async fn peek(&self, id: QueueId) -> Result<Option<Bytes>, EngineError> {
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let fetch = {
            let (mut shared, _now) = inner.enter(&queue)?;
            shared.index.next(None).map(|entry| inner.log.fetch(&[entry.location()]))
        };
        let Some(fetch) = fetch else { return Ok(None) };
        let record = fetch.read().await?.pop().expect("one was asked for");
        Ok(Parts::read(&record).map(|parts| record.slice(parts.body_at..)))
    }

    async fn bury(&self, queue: &Arc<Queue>, dead_letter: DeadLetter) -> Result<bool, EngineError> {
        let (inner, queue) = (Arc::clone(&self.0.inner), Arc::clone(queue));
        let moving =
            tokio::task::spawn_blocking(move || inner.bury(&queue, dead_letter, BURY_MESSAGES_AT_ONCE));
        moving.await.unwrap_or_else(|panicked| Err(EngineError::Stopped(panicked.to_string().into())))
    }
}

impl Inner {
    fn look(
        self: &Arc<Inner>,
        queue: &Arc<Queue>,
        shared: &mut Shared,
        now: i64,
        options: &ReceiveOptions,
        dead_letter: Option<DeadLetter>,
    ) -> Result<Look, EngineError> {
        let fifo = shared.config.kind == Kind::Fifo;
        let deadline = now + options.visibility.as_millis() as i64;
        let attempt = options.attempt.as_ref().filter(|_| fifo).map(|attempt| key(&[attempt.as_bytes()]));
        if let Some(attempt) = &attempt
            && let Some(look) = self.repeat(queue, shared, now, deadline, attempt)?
        {
            return Ok(look);
        }
        let room = (shared.config.in_flight_max as usize).saturating_sub(shared.index.counts().in_flight);
        if room == 0 {
            return if fifo { Ok(Look::Empty) } else { Err(EngineError::OverLimit) };
        }
        let max = options.max.min(room);
        let worn_at = dead_letter.map_or(u32::MAX, |dead| dead.receive_count_max);
        let Some(first) = shared.index.next(None) else { return Ok(Look::Empty) };
        if let Some(dead_letter) = dead_letter.filter(|_| first.count >= worn_at) {
            return Ok(Look::Worn(dead_letter));
        }
        let mut log = self.log.append();
        log.admit(max * RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
        let mut taken: Vec<Entry> = Vec::with_capacity(max.min(10));
        let mut worn = None;
        while taken.len() < max {
            let after = taken.last().map(|entry| entry.group);
            let Some(next) = shared.index.next(after) else { break };
            if next.count >= worn_at {
                worn = dead_letter;
                break;
            }
            let entry = shared.index.take(next.sequence, now, deadline, self.ids.number() as u32);
            let (sequence, count, nonce) = (entry.sequence, entry.count, entry.nonce);
            log.note(&Record::Received { queue: queue.id, sequence, at: now, deadline, count, nonce });
            taken.push(entry);
        }
        let position = log.position();
        drop(log);
        if let Some(attempt) = attempt {
            let messages = taken.iter().map(|entry| (entry.sequence, entry.count, deadline)).collect();
            shared.index.attempts.forget_old(now);
            shared.index.attempts.remember(attempt, Attempt { at: now, messages });
        }
        // A timeout of zero ends at once.
        if deadline <= now {
            shared.index.promote(now);
        }
        shared.wake();
        Ok(Look::Took { handed: Handed::new(self, queue, taken), position, worn })
    }

    /// The same messages again, with their timeouts begun anew, if the attempt is known and nothing has happened
    /// to them since.
    fn repeat(
        self: &Arc<Inner>,
        queue: &Arc<Queue>,
        shared: &mut Shared,
        now: i64,
        deadline: i64,
        attempt: &Key,
    ) -> Result<Option<Look>, EngineError> {
        let Some(known) = shared.index.attempts.find(attempt, now).cloned() else { return Ok(None) };
        let mut taken = Vec::with_capacity(known.messages.len());
        for (sequence, count, deadline) in &known.messages {
            let same = shared.index.get(*sequence).filter(|entry| {
                entry.stage == Stage::InFlight && entry.count == *count && entry.deadline == *deadline
            });
            let Some(entry) = same else { return Ok(None) };
            taken.push(*entry);
        }
        if taken.is_empty() {
            return Ok(None);
        }
        let mut log = self.log.append();
        log.admit(taken.len() * RECORD_OVERHEAD_BYTES, Reserve::ForDeletions)?;
        for entry in &taken {
            let sequence = entry.sequence;
            shared.index.hide(sequence, deadline, now);
            log.note(&Record::Hidden { queue: queue.id, sequence, deadline });
        }
        let position = log.position();
        drop(log);
        let messages = taken.iter().map(|entry| (entry.sequence, entry.count, deadline)).collect();
        shared.index.attempts.remember(*attempt, Attempt { at: known.at, messages });
        Ok(Some(Look::Took { handed: Handed::new(self, queue, taken), position, worn: None }))
    }

    /// Reads the payloads, waits until the receive is on disk, and lets the messages go to the caller.
    async fn hand_over(&self, mut handed: Handed, position: u64) -> Result<Vec<Received>, EngineError> {
        let locations: Vec<Location> = handed.taken.iter().map(Entry::location).collect();
        // The handles are taken before the first await, while the records are certainly where they are said to be.
        let records = handed.fetch.take().expect("it is taken once").read().await?;
        self.log.durable.wait(position).await?;
        let queue = handed.queue.id;
        let entries = std::mem::take(&mut handed.taken);
        let mut received = Vec::with_capacity(entries.len());
        let mut damage = None;
        for ((entry, record), at) in entries.iter().zip(&records).zip(locations) {
            match assemble(queue, entry, record) {
                Some(message) => received.push(message),
                None => {
                    let what =
                        format!("the message at byte {} of segment {} is damaged", at.offset, at.segment);
                    tracing::error!(?queue, sequence = entry.sequence, "{what}");
                    damage = Some(EngineError::Corrupt(what.into()));
                }
            }
        }
        // One damaged message does not keep the others from being received.
        match damage {
            Some(damage) if received.is_empty() => Err(damage),
            _ => Ok(received),
        }
    }
}

fn assemble(queue: QueueId, entry: &Entry, record: &Bytes) -> Option<Received> {
    let parts = Parts::read(record)?;
    if parts.head.sequence != entry.sequence || parts.head.queue != queue {
        return None;
    }
    let group = std::str::from_utf8(&record[parts.group_at..parts.body_at]).ok()?;
    Some(Received {
        id: parts.head.id,
        body: record.slice(parts.body_at..),
        group: (!group.is_empty()).then(|| group.to_owned()),
        receipt: Receipt { queue, sequence: entry.sequence, count: entry.count, nonce: entry.nonce },
        sequence: entry.sequence,
        sent_at: Timestamp::from_millis(entry.sent_at),
        first_received_at: Timestamp::from_millis(entry.first_at),
        receive_count: entry.count,
        dead_letter_source: parts.head.from.filter(|_| parts.head.dead_letter).map(|(source, _)| source),
    })
}

/// Messages on their way to a receiver; returned to the queue if it vanishes before it has them.
struct Handed {
    inner: Arc<Inner>,
    queue: Arc<Queue>,
    taken: Vec<Entry>,
    fetch: Option<crate::log::Fetch>,
}

impl Handed {
    /// Under the queue's lock.
    fn new(inner: &Arc<Inner>, queue: &Arc<Queue>, taken: Vec<Entry>) -> Handed {
        let locations: Vec<Location> = taken.iter().map(Entry::location).collect();
        let fetch = Some(inner.log.fetch(&locations));
        Handed { inner: Arc::clone(inner), queue: Arc::clone(queue), taken, fetch }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        if self.taken.is_empty() {
            return;
        }
        let Ok((mut shared, now)) = self.inner.enter(&self.queue) else { return };
        let mut log = self.inner.log.append();
        if log.admit(self.taken.len() * RECORD_OVERHEAD_BYTES, Reserve::ForPurges).is_err() {
            return;
        }
        for entry in &self.taken {
            let (sequence, nonce) = (entry.sequence, entry.nonce);
            let ours = shared.index.get(sequence).is_some_and(|held| {
                held.stage == Stage::InFlight && held.count == entry.count && held.nonce == nonce
            });
            if ours {
                shared.index.hide(sequence, now, now);
                log.note(&Record::Hidden { queue: self.queue.id, sequence, deadline: now });
            }
        }
        drop(log);
        shared.wake();
    }
}
