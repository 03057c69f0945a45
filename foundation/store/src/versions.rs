//! Recent versions of keys, by commit sequence.
//!
//! The embedded engine keeps here what is committed but not yet in (or only just in) the file: transactions
//! read through it, and conflicts are found in it. The simulated engine keeps everything here.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::engine::{ReadSet, Write, write_bytes};
use crate::range::{Direction, KeyRange};

#[derive(Default)]
pub(crate) struct Versions {
    /// The versions of a key ascend by sequence, and a key without versions is not in the map.
    by_key: BTreeMap<Bytes, Vec<Version>>,
    /// One entry a version, ascending by sequence.
    log: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

struct Version {
    sequence: u64,
    value: Option<Bytes>,
}

impl Versions {
    /// The memory held, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a version. Sequences never descend; a second write of one key in one commit replaces the first.
    pub fn insert(&mut self, sequence: u64, write: Write) {
        assert!(self.log.back().is_none_or(|(last, _)| *last <= sequence), "sequences never descend");
        self.bytes += cost(&write);
        let (key, value) = write;
        self.log.push_back((sequence, key.clone()));
        self.by_key.entry(key).or_default().push(Version { sequence, value });
    }

    /// The value of a key as of `sequence`: none if there is no version that old, `Some(None)` if it was deleted.
    pub fn get(&self, key: &[u8], sequence: u64) -> Option<Option<Bytes>> {
        as_of(self.by_key.get(key)?, sequence)
    }

    /// The first `limit` keys of a range with their values as of `sequence`. Fewer mean that there are no more.
    pub fn scan(
        &self,
        range: &KeyRange,
        sequence: u64,
        limit: usize,
        direction: Direction,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        if range.is_empty() {
            return Vec::new();
        }
        let found = self.by_key.range::<[u8], _>(range.bounds());
        let show = |(key, versions): (&Bytes, &Vec<Version>)| Some((key.clone(), as_of(versions, sequence)?));
        match direction {
            Direction::Forward => found.filter_map(show).take(limit).collect(),
            Direction::Backward => found.rev().filter_map(show).take(limit).collect(),
        }
    }

    /// Whether anything in the read set has been written after `sequence`.
    pub fn changed_since(&self, reads: &ReadSet, sequence: u64) -> bool {
        let newer = |versions: &Vec<Version>| versions.last().is_some_and(|last| last.sequence > sequence);
        reads.keys.iter().any(|key| self.by_key.get(key).is_some_and(newer))
            || reads.ranges.iter().any(|range| {
                !range.is_empty()
                    && self.by_key.range::<[u8], _>(range.bounds()).any(|(_, found)| newer(found))
            })
    }

    /// Forgets all versions up to `sequence`: what is below shows them, to every reader.
    pub fn forget(&mut self, sequence: u64) {
        while let Some((_, key)) = self.log.pop_front_if(|(oldest, _)| *oldest <= sequence) {
            let versions = self.by_key.get_mut(&key).expect("the log names only keys that have versions");
            let version = versions.remove(0);
            let emptied = versions.is_empty();
            if emptied {
                self.by_key.remove(&key);
            }
            self.bytes -= cost(&(key, version.value));
        }
        if self.log.is_empty() && self.log.capacity() > SPARE_ENTRIES_MAX {
            self.log = VecDeque::new();
        }
    }

    /// Forgets the versions that no reader at `sequence` or later can see, but keeps the newest of each key.
    pub fn squash(&mut self, sequence: u64) {
        while let Some((_, key)) = self.log.pop_front_if(|(oldest, _)| *oldest <= sequence) {
            let Some(versions) = self.by_key.get_mut(&key) else { continue };
            let superseded =
                versions.partition_point(|version| version.sequence <= sequence).saturating_sub(1);
            versions.drain(..superseded);
            if matches!(&versions[..], [only] if only.sequence <= sequence && only.value.is_none()) {
                self.by_key.remove(&key);
            }
        }
    }

    /// Undoes everything after `sequence`.
    pub fn roll_back(&mut self, sequence: u64) {
        while let Some((_, key)) = self.log.pop_back_if(|(newest, _)| *newest > sequence) {
            let versions = self.by_key.get_mut(&key).expect("the log names only keys that have versions");
            let version = versions.pop().expect("a key in the map has a version");
            if versions.is_empty() {
                self.by_key.remove(&key);
            }
            self.bytes -= cost(&(key, version.value));
        }
    }
}

/// A burst may have made the log long; an idle store gives that memory back.
const SPARE_ENTRIES_MAX: usize = 4096;

/// What the map and the log take for an entry, beside its bytes.
const ENTRY_BYTES: usize = 160;

fn cost(write: &Write) -> usize {
    write_bytes(write) + ENTRY_BYTES
}

fn as_of(versions: &[Version], sequence: u64) -> Option<Option<Bytes>> {
    versions.iter().rev().find(|version| version.sequence <= sequence).map(|version| version.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(key: &'static str, value: &'static str) -> Write {
        (Bytes::from(key), (!value.is_empty()).then(|| Bytes::from(value)))
    }

    #[test]
    fn a_reader_sees_the_versions_of_its_moment() {
        let mut versions = Versions::default();
        versions.insert(1, write("a", "one"));
        versions.insert(2, write("a", ""));
        versions.insert(3, write("b", "three"));
        assert_eq!(versions.get(b"a", 0), None);
        assert_eq!(versions.get(b"a", 1), Some(Some("one".into())));
        assert_eq!(versions.get(b"a", 3), Some(None));
        let keys = |sequence| versions.scan(&KeyRange::all(), sequence, 9, Direction::Backward);
        assert_eq!(keys(1), [write("a", "one")]);
        assert_eq!(keys(3), [write("b", "three"), write("a", "")]);
    }

    #[test]
    fn a_change_in_a_range_that_was_read_is_found() {
        let mut versions = Versions::default();
        versions.insert(5, write("m", "x"));
        let read = |range| ReadSet { keys: vec![], ranges: vec![range] };
        assert!(versions.changed_since(&read(KeyRange::prefix("m")), 4));
        assert!(!versions.changed_since(&read(KeyRange::prefix("m")), 5));
        assert!(!versions.changed_since(&read(KeyRange::between("a", "m")), 4));
        assert!(versions.changed_since(&ReadSet { keys: vec!["m".into()], ranges: vec![] }, 4));
    }

    #[test]
    fn forgetting_and_rolling_back_leave_nothing_behind() {
        let mut versions = Versions::default();
        for sequence in 1..=6 {
            versions.insert(sequence, write("a", "x"));
            versions.insert(sequence, write("b", "y"));
        }
        versions.roll_back(4);
        versions.forget(2);
        assert_eq!(versions.get(b"a", 2), None);
        assert_eq!(versions.get(b"a", 9), Some(Some("x".into())));
        versions.forget(4);
        assert_eq!((versions.bytes(), versions.by_key.len(), versions.log.len()), (0, 0, 0));
    }

    #[test]
    fn squashing_keeps_what_is_current_and_drops_the_deleted() {
        let mut versions = Versions::default();
        versions.insert(1, write("a", "old"));
        versions.insert(2, write("b", "kept"));
        versions.insert(3, write("a", "new"));
        versions.insert(4, write("c", "x"));
        versions.insert(5, write("c", ""));
        versions.squash(5);
        let now = versions.scan(&KeyRange::all(), 5, 9, Direction::Forward);
        assert_eq!(now, [write("a", "new"), write("b", "kept")]);
    }
}
