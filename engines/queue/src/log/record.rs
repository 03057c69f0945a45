//! How a fact is written in the log.
//!
//! A record is a frame, a head and, for messages, a tail:
//!
//! ```text
//! crc u32 | length u32 | link u32 | head … | group … | body …
//! ```
//!
//! `crc` is the CRC-32C of everything after it, `length` counts the whole record, and `link` is the `crc` of the
//! record before it. The link is what tells the end of the log: segments are reused, and after a crash the disk
//! may hold whole records beyond a torn one; neither continues the chain. Numbers are little-endian.
//!
//! The head has all that the index needs, so sidecars ([`super::sidecar`]) hold heads only.

use std::time::Duration;

use crate::message::{Config, DedupScope, Kind, MessageId, QueueId};

pub const FRAME_BYTES: usize = 12;
/// No head is longer.
pub const HEAD_BYTES_MAX: usize = 160;
pub const MAGIC: u64 = u64::from_be_bytes(*b"fogqueue");
/// Of the log's format. Older versions are read for ever, newer ones are refused.
pub const VERSION: u32 = 1;

/// A hash of a message group or deduplication id: 128 bits of SHA-256, so none can be forged to collide.
pub type Key = [u8; 16];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// Opens a segment.
    Header {
        version: u32,
        segment: u32,
        nonce: u64,
        next_sequence: u64,
    },
    /// A message as it is now: sent, moved here, or rewritten to let go of an old segment.
    Message(MessageHead),
    Received {
        queue: QueueId,
        sequence: u64,
        at: i64,
        deadline: i64,
        count: u32,
        nonce: u32,
    },
    /// The visibility timeout of a message in flight was changed.
    Hidden {
        queue: QueueId,
        sequence: u64,
        deadline: i64,
    },
    /// All messages of the queue with sequences `first..=last` are gone: deleted, expired or purged.
    Removed {
        queue: QueueId,
        first: u64,
        last: u64,
    },
    /// The queue exists, and this is its configuration.
    Queue {
        queue: QueueId,
        config: Config,
    },
    Dropped {
        queue: QueueId,
    },
    /// A deduplication id whose message's record has been let go.
    Dedup {
        queue: QueueId,
        key: Key,
        sent_at: i64,
        sequence: u64,
        id: MessageId,
    },
    /// Closes a segment: it is whole, and the next one exists.
    Seal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageHead {
    pub queue: QueueId,
    pub id: MessageId,
    pub sequence: u64,
    pub sent_at: i64,
    /// Hidden until then (delayed or in flight); zero for never.
    pub deadline: i64,
    pub receipt: Option<LastReceive>,
    pub group: Option<Key>,
    pub dedup: Option<Key>,
    /// Moved from there; that message is gone by this same record.
    pub from: Option<(QueueId, u64)>,
    /// Moved because it was received too often, so `from` is its source.
    pub dead_letter: bool,
    /// Of the group's name, in the tail.
    pub group_length: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastReceive {
    pub count: u32,
    pub nonce: u32,
    pub first_at: i64,
    pub last_at: i64,
}

const HEADER: u8 = 1;
const MESSAGE: u8 = 2;
const RECEIVED: u8 = 3;
const HIDDEN: u8 = 4;
const REMOVED: u8 = 5;
const QUEUE: u8 = 6;
const DROPPED: u8 = 7;
const DEDUP: u8 = 8;
const SEAL: u8 = 9;

const WITH_DEADLINE: u8 = 1;
const WITH_RECEIPT: u8 = 2;
const WITH_GROUP: u8 = 4;
const WITH_DEDUP: u8 = 8;
const WITH_FROM: u8 = 16;
const DEAD_LETTER: u8 = 32;

impl Record {
    /// Appends the head.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Record::Header { version, segment, nonce, next_sequence } => {
                out.push(HEADER);
                out.extend_from_slice(&MAGIC.to_le_bytes());
                out.extend_from_slice(&version.to_le_bytes());
                out.extend_from_slice(&segment.to_le_bytes());
                numbers(out, &[nonce, next_sequence]);
            }
            Record::Message(ref head) => head.write(out),
            Record::Received { queue, sequence, at, deadline, count, nonce } => {
                out.push(RECEIVED);
                numbers(out, &[queue.0, sequence, at as u64, deadline as u64]);
                out.extend_from_slice(&count.to_le_bytes());
                out.extend_from_slice(&nonce.to_le_bytes());
            }
            Record::Hidden { queue, sequence, deadline } => {
                out.push(HIDDEN);
                numbers(out, &[queue.0, sequence, deadline as u64]);
            }
            Record::Removed { queue, first, last } => {
                out.push(REMOVED);
                numbers(out, &[queue.0, first, last]);
            }
            Record::Queue { queue, config } => {
                out.push(QUEUE);
                numbers(out, &[queue.0, config.retention.as_millis() as u64]);
                out.extend_from_slice(&config.in_flight_max.to_le_bytes());
                out.push(u8::from(config.kind == Kind::Fifo));
                out.push(u8::from(config.dedup_scope == DedupScope::MessageGroup));
            }
            Record::Dropped { queue } => {
                out.push(DROPPED);
                numbers(out, &[queue.0]);
            }
            Record::Dedup { queue, key, sent_at, sequence, id } => {
                out.push(DEDUP);
                numbers(out, &[queue.0, sent_at as u64, sequence]);
                out.extend_from_slice(&key);
                out.extend_from_slice(&id.0);
            }
            Record::Seal => out.push(SEAL),
        }
    }

    /// Reads a head from the front of `bytes`; also says how long it is. `None` is no head of ours.
    pub fn read(bytes: &[u8]) -> Option<(Record, usize)> {
        let mut input = Input(bytes);
        let record = match input.byte()? {
            HEADER => {
                if input.number()? != MAGIC {
                    return None;
                }
                let (version, segment) = (input.word()?, input.word()?);
                Record::Header { version, segment, nonce: input.number()?, next_sequence: input.number()? }
            }
            MESSAGE => Record::Message(MessageHead::read(&mut input)?),
            RECEIVED => Record::Received {
                queue: QueueId(input.number()?),
                sequence: input.number()?,
                at: input.time()?,
                deadline: input.time()?,
                count: input.word()?,
                nonce: input.word()?,
            },
            HIDDEN => Record::Hidden {
                queue: QueueId(input.number()?),
                sequence: input.number()?,
                deadline: input.time()?,
            },
            REMOVED => Record::Removed {
                queue: QueueId(input.number()?),
                first: input.number()?,
                last: input.number()?,
            },
            QUEUE => Record::Queue { queue: QueueId(input.number()?), config: read_config(&mut input)? },
            DROPPED => Record::Dropped { queue: QueueId(input.number()?) },
            DEDUP => {
                let (queue, sent_at, sequence) = (QueueId(input.number()?), input.time()?, input.number()?);
                Record::Dedup { queue, key: input.key()?, sent_at, sequence, id: MessageId(input.key()?) }
            }
            SEAL => Record::Seal,
            _ => return None,
        };
        Some((record, bytes.len() - input.0.len()))
    }
}

impl MessageHead {
    fn write(&self, out: &mut Vec<u8>) {
        let flags = [
            (self.deadline != 0, WITH_DEADLINE),
            (self.receipt.is_some(), WITH_RECEIPT),
            (self.group.is_some(), WITH_GROUP),
            (self.dedup.is_some(), WITH_DEDUP),
            (self.from.is_some(), WITH_FROM),
            (self.dead_letter, DEAD_LETTER),
        ];
        let flags = flags.iter().fold(0, |all, (is_set, flag)| if *is_set { all | flag } else { all });
        out.extend_from_slice(&[MESSAGE, flags, self.group_length]);
        out.extend_from_slice(&self.id.0);
        numbers(out, &[self.queue.0, self.sequence, self.sent_at as u64]);
        if self.deadline != 0 {
            numbers(out, &[self.deadline as u64]);
        }
        if let Some(receipt) = &self.receipt {
            out.extend_from_slice(&receipt.count.to_le_bytes());
            out.extend_from_slice(&receipt.nonce.to_le_bytes());
            numbers(out, &[receipt.first_at as u64, receipt.last_at as u64]);
        }
        for key in [&self.group, &self.dedup].into_iter().flatten() {
            out.extend_from_slice(key);
        }
        if let Some((queue, sequence)) = self.from {
            numbers(out, &[queue.0, sequence]);
        }
    }

    fn read(input: &mut Input<'_>) -> Option<MessageHead> {
        let (flags, group_length) = (input.byte()?, input.byte()?);
        let with = |flag: u8| flags & flag != 0;
        Some(MessageHead {
            group_length,
            id: MessageId(input.key()?),
            queue: QueueId(input.number()?),
            sequence: input.number()?,
            sent_at: input.time()?,
            deadline: if with(WITH_DEADLINE) { input.time()? } else { 0 },
            receipt: if with(WITH_RECEIPT) {
                let (count, nonce) = (input.word()?, input.word()?);
                Some(LastReceive { count, nonce, first_at: input.time()?, last_at: input.time()? })
            } else {
                None
            },
            group: if with(WITH_GROUP) { Some(input.key()?) } else { None },
            dedup: if with(WITH_DEDUP) { Some(input.key()?) } else { None },
            from: if with(WITH_FROM) { Some((QueueId(input.number()?), input.number()?)) } else { None },
            dead_letter: with(DEAD_LETTER),
        })
    }
}

fn read_config(input: &mut Input<'_>) -> Option<Config> {
    let (retention, in_flight_max) = (Duration::from_millis(input.number()?), input.word()?);
    let kind = if input.byte()? == 0 { Kind::Standard } else { Kind::Fifo };
    let dedup_scope = if input.byte()? == 0 { DedupScope::Queue } else { DedupScope::MessageGroup };
    Some(Config { kind, dedup_scope, retention, in_flight_max })
}

/// Frames what has been appended to `out` from `start` on, where [`FRAME_BYTES`] were left free. Returns the crc.
pub fn close_frame(out: &mut [u8], start: usize, link: u32) -> u32 {
    let record = &mut out[start..];
    let length = u32::try_from(record.len()).expect("a record is at most RECORD_BYTES_MAX");
    record[4..8].copy_from_slice(&length.to_le_bytes());
    record[8..12].copy_from_slice(&link.to_le_bytes());
    let crc = crc32c::crc32c(&record[4..]);
    record[..4].copy_from_slice(&crc.to_le_bytes());
    crc
}

/// The frame at the front of `bytes`.
pub struct Frame {
    pub crc: u32,
    pub length: usize,
    pub link: u32,
}

impl Frame {
    pub fn read(bytes: &[u8]) -> Option<Frame> {
        let mut input = Input(bytes);
        let (crc, length, link) = (input.word()?, input.word()? as usize, input.word()?);
        Some(Frame { crc, length, link })
    }

    /// Whether `record`, which begins with this frame, is what was written.
    pub fn holds(&self, record: &[u8]) -> bool {
        self.length > FRAME_BYTES && record.len() == self.length && crc32c::crc32c(&record[4..]) == self.crc
    }
}

/// A message's record, checked and taken apart.
pub struct Parts {
    pub head: MessageHead,
    /// Where in the record the group's name and the body begin.
    pub group_at: usize,
    pub body_at: usize,
}

impl Parts {
    pub fn read(record: &[u8]) -> Option<Parts> {
        let frame = Frame::read(record)?;
        if !frame.holds(record) {
            return None;
        }
        let (Record::Message(head), length) = Record::read(&record[FRAME_BYTES..])? else { return None };
        let group_at = FRAME_BYTES + length;
        let body_at = group_at + usize::from(head.group_length);
        (body_at <= record.len()).then_some(Parts { head, group_at, body_at })
    }
}

fn numbers(out: &mut Vec<u8>, numbers: &[u64]) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    fn key(&mut self) -> Option<Key> {
        self.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_reads_back_and_a_cut_one_does_not() {
        let queue = QueueId(3);
        let plain = MessageHead {
            queue,
            id: MessageId([5; 16]),
            sequence: 9,
            sent_at: 5,
            deadline: 0,
            receipt: None,
            group: None,
            dedup: None,
            from: None,
            dead_letter: false,
            group_length: 0,
        };
        let full = MessageHead {
            deadline: 77,
            receipt: Some(LastReceive { count: 2, nonce: 3, first_at: 4, last_at: 5 }),
            group: Some([1; 16]),
            dedup: Some([2; 16]),
            from: Some((QueueId(8), 6)),
            dead_letter: true,
            group_length: 4,
            ..plain
        };
        for record in [
            Record::Header { version: 1, segment: 2, nonce: 3, next_sequence: 4 },
            Record::Message(plain),
            Record::Message(full),
            Record::Received { queue, sequence: 1, at: 2, deadline: 3, count: 4, nonce: 5 },
            Record::Hidden { queue, sequence: 1, deadline: -2 },
            Record::Removed { queue, first: 1, last: 2 },
            Record::Queue { queue, config: Config::fifo() },
            Record::Dropped { queue },
            Record::Dedup { queue, key: [7; 16], sent_at: 1, sequence: 2, id: MessageId([8; 16]) },
            Record::Seal,
        ] {
            let mut bytes = Vec::new();
            record.write(&mut bytes);
            assert!(bytes.len() <= HEAD_BYTES_MAX);
            assert_eq!(Record::read(&bytes), Some((record, bytes.len())));
            assert_eq!(Record::read(&bytes[..bytes.len() - 1]), None, "{record:?}");
        }
    }
}
