//! All messages of a queue, in order of their sequence numbers.
//!
//! Messages come at the end and leave mostly from the front, a million may be waiting, and each is found by its
//! sequence number. So: a deque of chunks, each a short sorted deque. That is a two-level B-tree without its half
//! empty nodes: 72 bytes a message, where a map takes twice that.

use std::collections::VecDeque;

use crate::log::Location;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waits to be received (or, in FIFO queues, for those before it in its group).
    Ready,
    /// Not yet to be received.
    Delayed,
    InFlight,
}

/// What is kept in memory of a message. Times are in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub sequence: u64,
    pub sent_at: i64,
    /// The end of the delay or of the visibility timeout, by `stage`.
    pub deadline: i64,
    pub first_at: i64,
    pub last_at: i64,
    pub segment: u32,
    pub offset: u32,
    pub length: u32,
    pub count: u32,
    pub nonce: u32,
    /// FIFO queues: the number of the group within the queue.
    pub group: u32,
    pub stage: Stage,
}

impl Entry {
    pub fn location(&self) -> Location {
        Location { segment: self.segment, offset: self.offset, length: self.length }
    }

    pub fn relocate(&mut self, to: Location) {
        (self.segment, self.offset, self.length) = (to.segment, to.offset, to.length);
    }
}

const CHUNK_ENTRIES: usize = 256;

#[derive(Default)]
pub struct Ledger {
    chunks: VecDeque<Chunk>,
    length: usize,
}

struct Chunk {
    /// No entry has a smaller sequence, and none of the chunks before has as large a one.
    first: u64,
    entries: VecDeque<Entry>,
}

impl Ledger {
    pub fn len(&self) -> usize {
        self.length
    }

    pub fn first(&self) -> Option<&Entry> {
        self.chunks.front().and_then(|chunk| chunk.entries.front())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.chunks.iter().flat_map(|chunk| chunk.entries.iter())
    }

    pub fn get(&self, sequence: u64) -> Option<&Entry> {
        let chunk = &self.chunks[self.chunk_of(sequence)?];
        let at = chunk.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        chunk.entries.get(at)
    }

    pub fn get_mut(&mut self, sequence: u64) -> Option<&mut Entry> {
        let index = self.chunk_of(sequence)?;
        let chunk = &mut self.chunks[index];
        let at = chunk.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        chunk.entries.get_mut(at)
    }

    /// The first entry with this sequence or a later one.
    pub fn at_or_after(&self, sequence: u64) -> Option<&Entry> {
        let from = self.chunk_of(sequence).unwrap_or(0);
        self.chunks.range(from..).find_map(|chunk| {
            let at = chunk.entries.partition_point(|entry| entry.sequence < sequence);
            chunk.entries.get(at)
        })
    }

    /// Adds, or replaces what has the same sequence. Quick at the end, where nearly all go.
    pub fn insert(&mut self, entry: Entry) {
        let sequence = entry.sequence;
        if let Some(last) = self.chunks.back_mut() {
            let newest = last.entries.back().map_or(last.first, |newest| newest.sequence);
            if sequence > newest && last.entries.len() < CHUNK_ENTRIES {
                last.entries.push_back(entry);
                self.length += 1;
                return;
            }
            if sequence <= newest {
                return self.insert_within(entry);
            }
        }
        self.chunks.push_back(Chunk { first: sequence, entries: VecDeque::from([entry]) });
        self.length += 1;
    }

    /// For messages that were rewritten and so come late when the log is replayed.
    fn insert_within(&mut self, entry: Entry) {
        let index = self.chunk_of(entry.sequence).unwrap_or(0);
        let chunk = &mut self.chunks[index];
        match chunk.entries.binary_search_by_key(&entry.sequence, |held| held.sequence) {
            Ok(at) => chunk.entries[at] = entry,
            Err(at) => {
                chunk.first = chunk.first.min(entry.sequence);
                chunk.entries.insert(at, entry);
                self.length += 1;
                if chunk.entries.len() > 2 * CHUNK_ENTRIES {
                    let entries = chunk.entries.split_off(CHUNK_ENTRIES);
                    self.chunks.insert(index + 1, Chunk { first: entries[0].sequence, entries });
                }
            }
        }
    }

    pub fn remove(&mut self, sequence: u64) -> Option<Entry> {
        let index = self.chunk_of(sequence)?;
        let chunk = &mut self.chunks[index];
        let at = chunk.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        let entry = chunk.entries.remove(at);
        self.length -= 1;
        let (length, capacity) = (chunk.entries.len(), chunk.entries.capacity());
        if length == 0 {
            self.chunks.remove(index);
        } else if capacity >= 32 && length < capacity / 4 {
            chunk.entries.shrink_to(length * 2);
        }
        entry
    }

    fn chunk_of(&self, sequence: u64) -> Option<usize> {
        self.chunks.partition_point(|chunk| chunk.first <= sequence).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn entry(sequence: u64) -> Entry {
        Entry {
            sequence,
            sent_at: 0,
            deadline: 0,
            first_at: 0,
            last_at: 0,
            segment: 0,
            offset: 0,
            length: 0,
            count: 0,
            nonce: 0,
            group: 0,
            stage: Stage::Ready,
        }
    }

    #[test]
    fn an_entry_stays_small() {
        assert!(size_of::<Entry>() <= 72, "{}", size_of::<Entry>());
    }

    #[test]
    fn it_agrees_with_a_sorted_map_whatever_the_order() {
        let chance = base::Ids::seeded(3);
        let (mut ledger, mut map) = (Ledger::default(), BTreeMap::new());
        for step in 0..20_000 {
            let sequence = if step % 3 == 0 { chance.below(5000) } else { 5000 + step };
            if chance.below(3) > 0 {
                ledger.insert(entry(sequence));
                map.insert(sequence, ());
            } else {
                let victim = chance.below(25_000);
                assert_eq!(ledger.remove(victim).is_some(), map.remove(&victim).is_some());
            }
        }
        assert_eq!(ledger.len(), map.len());
        assert!(ledger.iter().map(|entry| entry.sequence).eq(map.keys().copied()));
        for sequence in 0..25_000 {
            assert_eq!(ledger.get(sequence).is_some(), map.contains_key(&sequence));
            let after = map.range(sequence..).next().map(|(found, ())| *found);
            assert_eq!(ledger.at_or_after(sequence).map(|entry| entry.sequence), after);
        }
    }
}
