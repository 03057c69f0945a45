//! The vocabulary: queues, messages and what is said about them.

use std::fmt;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;

use crate::receipt::Receipt;

/// Names a queue for ever; chosen by the caller, and never used again for another queue while old receipts
/// may be around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Standard,
    Fifo,
}

/// Within what a deduplication id must be unique (SQS's `DeduplicationScope`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DedupScope {
    Queue,
    MessageGroup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub kind: Kind,
    pub dedup_scope: DedupScope,
    /// Messages vanish when they are this old.
    pub retention: Duration,
    /// A receive is refused (standard) or finds nothing (FIFO) while this many messages are in flight.
    pub in_flight_max: u32,
}

impl Config {
    /// SQS's defaults: four days; 120,000 messages in flight.
    pub fn standard() -> Config {
        Config {
            kind: Kind::Standard,
            dedup_scope: DedupScope::Queue,
            retention: Duration::from_secs(4 * 86_400),
            in_flight_max: 120_000,
        }
    }

    pub fn fifo() -> Config {
        Config { kind: Kind::Fifo, in_flight_max: 20_000, ..Config::standard() }
    }
}

/// A version 4 UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl MessageId {
    pub(crate) fn from_chance(mut bytes: [u8; 16]) -> MessageId {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        MessageId(bytes)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = HEX[usize::from(byte >> 4)];
            text[at + 1] = HEX[usize::from(byte & 15)];
            at += 2;
        }
        f.write_str(std::str::from_utf8(&text).expect("hexadecimal digits are UTF-8"))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A message to be sent. The body is opaque: the service puts its attributes into it as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewMessage<'a> {
    pub body: &'a [u8],
    /// Required for FIFO queues; kept and given back, without effect, for standard ones.
    pub group: Option<&'a str>,
    /// FIFO queues only; without it nothing is deduplicated.
    pub dedup: Option<&'a str>,
    pub delay: Duration,
}

/// What a send answers. A duplicate answers with the original's id and sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub id: MessageId,
    /// Strictly increasing within a queue, also over restarts; not consecutive.
    pub sequence: u64,
    pub duplicate: bool,
}

/// Where messages go that were received too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub receive_count_max: u32,
    pub target: QueueId,
}

#[derive(Clone, Debug)]
pub struct ReceiveOptions {
    pub max: usize,
    pub visibility: Duration,
    /// How long to wait for a first message (long polling); zero answers at once.
    pub wait: Duration,
    /// FIFO queues only: SQS's `ReceiveRequestAttemptId`.
    pub attempt: Option<String>,
    pub dead_letter: Option<DeadLetter>,
}

impl ReceiveOptions {
    /// One message at once or none, hidden for thirty seconds.
    pub fn one() -> ReceiveOptions {
        ReceiveOptions {
            max: 1,
            visibility: Duration::from_secs(30),
            wait: Duration::ZERO,
            attempt: None,
            dead_letter: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Received {
    pub id: MessageId,
    pub body: Bytes,
    pub group: Option<String>,
    pub receipt: Receipt,
    pub sequence: u64,
    pub sent_at: Timestamp,
    pub first_received_at: Timestamp,
    /// With this receive.
    pub receive_count: u32,
    /// The queue it came from, if this is a dead-letter queue and it was moved here.
    pub dead_letter_source: Option<QueueId>,
}

/// Exact, at the moment of asking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub visible: usize,
    pub in_flight: usize,
    pub delayed: usize,
}

/// What a step of a message move task did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    pub moved: usize,
    /// It ended at a message whose queue to go to is not known or no more.
    pub target_unknown: bool,
}

/// What the log takes of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub segments: usize,
    /// Reserved on disk for segments, the spare included.
    pub disk_bytes: u64,
    /// Of messages that still exist.
    pub live_bytes: u64,
}
