//! Shards: the stretches of a stream, one after the other. A stream is one log of the engine; a shard is a range of its
//! sequence numbers, open for four hours and then closed by its child.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};
use table_engine::{AppendKey, KeyRange};

use crate::limits::{SHARD_PERIOD, STREAM_AGE_MAX};
use crate::records::{Place, StreamRecord};

/// The closed shards of streams and their open one, `table/label`. A stream without a record has its first shard.
pub const SHARDS: Table<Place, ShardsRecord> = Table::new("dynamodb.stream-shards");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardsRecord {
    pub shards: Vec<Shard>,
}

impl Versioned for ShardsRecord {
    const VERSION: u16 = 1;
}

/// Sequences from `first` on and below `end`; without an end, it takes new records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    pub id: String,
    pub parent: Option<String>,
    pub started: Timestamp,
    pub first: u64,
    pub closed: Option<Closed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    pub at: Timestamp,
    pub end: u64,
}

impl ShardsRecord {
    /// A stream's shards before any has been closed.
    pub fn first(stream: &StreamRecord) -> ShardsRecord {
        ShardsRecord { shards: vec![Shard::new(stream, stream.created, None, 1)] }
    }

    /// Closes the open shard where its time is over or the stream has ended, and forgets shards of which nothing is left.
    /// `sequence` is the first number of what is not written yet. Says whether anything changed.
    pub fn roll(&mut self, stream: &StreamRecord, sequence: u64, now: Timestamp) -> bool {
        let before = self.shards.len();
        self.shards.retain(|shard| shard.closed.is_none_or(|closed| now.since(closed.at) < STREAM_AGE_MAX));
        let mut changed = self.shards.len() < before;
        let Some(open) = self.shards.last_mut().filter(|shard| shard.closed.is_none()) else {
            return changed;
        };
        let is_over = now.since(open.started) >= SHARD_PERIOD;
        if stream.disabled.is_none() && !is_over {
            return changed;
        }
        let end = sequence.max(open.first);
        open.closed = Some(Closed { at: now, end });
        if stream.disabled.is_none() {
            let parent = open.id.clone();
            self.shards.push(Shard::new(stream, now, Some(parent), end));
        }
        changed = true;
        changed
    }

    pub fn find(&self, id: &str) -> Option<&Shard> {
        self.shards.iter().find(|shard| shard.id == id)
    }
}

impl Shard {
    fn new(stream: &StreamRecord, started: Timestamp, parent: Option<String>, first: u64) -> Shard {
        let id = format!("shardId-{:020}-{:08x}", started.as_millis(), stream.space);
        Shard { id, parent, started, first, closed: None }
    }

    /// The records of the shard from a key on.
    pub fn range(&self, from: AppendKey) -> KeyRange {
        let start = from.max(self.start()).encode();
        match self.closed {
            Some(Closed { end, .. }) => {
                KeyRange::between(start, AppendKey { sequence: end, place: 0 }.encode())
            }
            None => KeyRange::from(start),
        }
    }

    pub fn start(&self) -> AppendKey {
        AppendKey { sequence: self.first, place: 0 }
    }

    pub fn holds(&self, key: AppendKey) -> bool {
        key.sequence >= self.first && self.closed.is_none_or(|closed| key.sequence < closed.end)
    }

    /// The first number, and the last one where there is one.
    pub fn numbers(&self) -> (String, Option<String>) {
        let last = self.closed.map(|closed| {
            let sequence = closed.end.saturating_sub(1).max(self.first);
            number(AppendKey { sequence, place: u32::MAX })
        });
        (number(self.start()), last)
    }
}

/// The digits that all sequence numbers begin with, so that they have one length.
const LEAD: &str = "1";
const SEQUENCE_DIGITS: usize = 20;

/// A record's sequence number: 31 digits, in the order of the records.
pub fn number(key: AppendKey) -> String {
    format!("{LEAD}{:020}{:010}", key.sequence, key.place)
}

/// Nothing for what is no number of ours.
pub fn parse_number(text: &str) -> Option<AppendKey> {
    let digits = text.strip_prefix(LEAD)?;
    let (sequence, place) = digits.split_at_checked(SEQUENCE_DIGITS)?;
    if place.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(AppendKey { sequence: sequence.parse().ok()?, place: place.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key_schema::{KeyAttribute, KeySchema, ScalarType};
    use crate::records::{EncryptionRecord, SseKind, StreamView};
    use std::time::Duration;

    fn stream() -> StreamRecord {
        StreamRecord {
            table: "Music".to_owned(),
            table_id: "id".to_owned(),
            label: "label".to_owned(),
            view: StreamView::KeysOnly,
            key: KeySchema {
                hash: KeyAttribute { name: "pk".to_owned(), kind: ScalarType::S },
                range: None,
                more_hash: Vec::new(),
                more_range: Vec::new(),
            },
            space: 7,
            created: Timestamp::from_secs(1_800_000_000),
            disabled: None,
            encryption: EncryptionRecord {
                kind: SseKind::Owned,
                sealed: Vec::new(),
                table: String::new(),
                table_id: String::new(),
                changes: Vec::new(),
                inaccessible: None,
            },
        }
    }

    #[test]
    fn sequence_numbers_read_back_in_their_order() {
        let keys = [(0, 0), (1, 0), (1, u32::MAX), (2, 0), (u64::MAX, 3)];
        let keys = keys.map(|(sequence, place)| AppendKey { sequence, place });
        let numbers = keys.map(number);
        assert!(numbers.is_sorted() && numbers.iter().all(|number| (21..=40).contains(&number.len())));
        assert_eq!(numbers.map(|number| parse_number(&number)), keys.map(Some));
        for strange in ["", "1", "10000000000000000000000000000x", "2000000000000000000000000000000"] {
            assert_eq!(parse_number(strange), None);
        }
    }

    #[test]
    fn a_shard_is_closed_by_its_child_after_four_hours() {
        let (stream, mut shards) = (stream(), ShardsRecord::first(&stream()));
        assert!((28..=65).contains(&shards.shards[0].id.len()));
        let hours = |hours: u64| stream.created + Duration::from_secs(hours * 3600);
        assert!(!shards.roll(&stream, 10, hours(3)));
        assert!(shards.roll(&stream, 10, hours(4)));
        let [closed, open] = &shards.shards[..] else { panic!("{shards:?}") };
        assert!(closed.holds(AppendKey { sequence: 9, place: 5 }));
        assert!(open.holds(AppendKey { sequence: 10, place: 0 }));
        assert_eq!(open.parent.as_ref(), Some(&closed.id));
        assert!(shards.roll(&stream, 20, hours(28)));
        assert_eq!(shards.shards.len(), 2, "what is older than a day is forgotten");
    }

    #[test]
    fn the_last_shard_of_a_stream_that_ended_has_no_child() {
        let ended = StreamRecord { disabled: Some(Timestamp::from_secs(1_800_000_100)), ..stream() };
        let mut shards = ShardsRecord::first(&ended);
        assert!(shards.roll(&ended, 10, Timestamp::from_secs(1_800_000_200)));
        assert!(!shards.roll(&ended, 10, Timestamp::from_secs(1_800_000_300)));
        assert_eq!(shards.shards.len(), 1);
    }
}
