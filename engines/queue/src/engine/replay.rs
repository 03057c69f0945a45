//! From the log's records to the queues' indexes.

use std::collections::HashMap;

use crate::engine::{Queue, Shared};
use crate::error::EngineError;
use crate::index::{Dedup, Entry, Fifo, Index, Ledger, Order, Original, Stage, Standard};
use crate::limits::DEDUP_MILLIS;
use crate::log::{Key, Location, Log, MessageHead, Record};
use crate::message::{Config, Kind, QueueId};

/// The state as of the records seen so far.
pub struct Replay {
    now: i64,
    queues: HashMap<QueueId, Replayed>,
    /// Deduplication ids that are still remembered: where, and until when.
    dedups: Vec<(u32, i64)>,
}

/// A queue, of which messages may be seen before its configuration: that is rewritten when its segment is let go.
#[derive(Default)]
struct Replayed {
    config: Option<Config>,
    config_segment: u32,
    ledger: Ledger,
    groups: Fifo,
    dedup: Dedup,
}

impl Replay {
    pub fn new(now: i64) -> Replay {
        Replay { now, queues: HashMap::new(), dedups: Vec::new() }
    }

    pub fn apply(&mut self, record: &Record, at: Location) {
        match *record {
            Record::Message(ref head) => self.message(head, at),
            Record::Received { queue, sequence, at, deadline, count, nonce } => {
                if let Some(entry) = self.queue(queue).ledger.get_mut(sequence) {
                    if entry.first_at == 0 {
                        entry.first_at = at;
                    }
                    (entry.last_at, entry.deadline, entry.count, entry.nonce) = (at, deadline, count, nonce);
                    entry.stage = Stage::InFlight;
                }
            }
            Record::Hidden { queue, sequence, deadline } => {
                if let Some(entry) = self.queue(queue).ledger.get_mut(sequence) {
                    entry.deadline = deadline;
                }
            }
            Record::Removed { queue, first, last } => {
                let ledger = &mut self.queue(queue).ledger;
                while let Some(found) = ledger.at_or_after(first).filter(|entry| entry.sequence <= last) {
                    let sequence = found.sequence;
                    ledger.remove(sequence);
                }
            }
            Record::Queue { queue, config } => {
                let replayed = self.queue(queue);
                (replayed.config, replayed.config_segment) = (Some(config), at.segment);
            }
            Record::Dropped { queue } => drop(self.queues.remove(&queue)),
            Record::Dedup { queue, key, sent_at, sequence, id } => {
                self.dedup(queue, key, Original { sent_at, sequence, id }, at.segment);
            }
            Record::Header { .. } | Record::Seal => {}
        }
    }

    fn message(&mut self, head: &MessageHead, at: Location) {
        if let Some((source, sequence)) = head.from
            && let Some(source) = self.queues.get_mut(&source)
        {
            source.ledger.remove(sequence);
        }
        if let Some(key) = head.dedup {
            let original = Original { sent_at: head.sent_at, sequence: head.sequence, id: head.id };
            self.dedup(head.queue, key, original, at.segment);
        }
        let replayed = self.queue(head.queue);
        let group = head.group.map_or(0, |key| replayed.groups.number(key));
        replayed.ledger.insert(Entry::from_head(head, group, at));
    }

    fn dedup(&mut self, queue: QueueId, key: Key, original: Original, segment: u32) {
        let until = original.sent_at + DEDUP_MILLIS;
        if until > self.now {
            self.dedups.push((segment, until));
            self.queue(queue).dedup.remember(key, original);
        }
    }

    fn queue(&mut self, id: QueueId) -> &mut Replayed {
        self.queues.entry(id).or_default()
    }

    /// The queues, with what they use counted in the log.
    pub fn finish(self, log: &Log) -> Result<Vec<Queue>, EngineError> {
        for (segment, until) in self.dedups {
            log.count_dedup(segment, until);
        }
        self.queues.into_iter().map(|(id, replayed)| replayed.finish(id, log)).collect()
    }
}

impl Replayed {
    fn finish(mut self, id: QueueId, log: &Log) -> Result<Queue, EngineError> {
        let Some(config) = self.config else {
            let what = format!("there are messages of queue {id:?}, but not the queue");
            return Err(EngineError::Corrupt(what.into()));
        };
        log.count_queue(self.config_segment);
        let mut lengths: HashMap<u32, (u32, u64)> = HashMap::new();
        for entry in self.ledger.iter() {
            let held = lengths.entry(entry.segment).or_default();
            held.0 += 1;
            held.1 += u64::from(entry.length);
        }
        for (segment, (messages, bytes)) in lengths {
            log.count_live(segment, messages, bytes);
        }
        let order = match config.kind {
            Kind::Standard => Order::Standard(Standard::default()),
            Kind::Fifo => Order::Fifo(std::mem::take(&mut self.groups)),
        };
        let index = Index::restore(order, self.ledger, self.dedup);
        Ok(Queue::new(id, Shared::new(config, self.config_segment, index)))
    }
}

impl Entry {
    /// A message as its record tells it.
    pub fn from_head(head: &MessageHead, group: u32, at: Location) -> Entry {
        let stage = match (head.deadline, &head.receipt) {
            (0, _) => Stage::Ready,
            (_, None) => Stage::Delayed,
            (_, Some(_)) => Stage::InFlight,
        };
        let receipt = head.receipt.unwrap_or_default();
        Entry {
            sequence: head.sequence,
            sent_at: head.sent_at,
            deadline: head.deadline,
            first_at: receipt.first_at,
            last_at: receipt.last_at,
            segment: at.segment,
            offset: at.offset,
            length: at.length,
            count: receipt.count,
            nonce: receipt.nonce,
            group,
            stage,
        }
    }
}
