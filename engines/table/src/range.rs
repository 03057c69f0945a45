//! Ranges of keys, half open and in the order of the bytes, and what a scan of one gives.

use std::ops::Bound;

use bytes::Bytes;

/// All keys from `start` on and below `end`; without an end, all to the space's last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Bytes,
    pub end: Option<Bytes>,
}

/// The order in which a scan goes through its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// What a scan returns at most. It ends before the pair that would take it over `bytes` (keys and values together),
/// and returns at least one pair if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanLimit {
    pub entries: usize,
    pub bytes: usize,
}

/// What a scan found, in the direction of the scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub pairs: Vec<(Bytes, Bytes)>,
    /// Whether the range has more; it goes on with [`KeyRange::beyond`] the last key.
    pub more: bool,
}

impl KeyRange {
    pub fn all() -> KeyRange {
        KeyRange { start: Bytes::new(), end: None }
    }

    /// `start` is in the range, `end` is not.
    pub fn between(start: impl Into<Bytes>, end: impl Into<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end: Some(end.into()) }
    }

    /// `start` is in the range, and everything after it.
    pub fn from(start: impl Into<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end: None }
    }

    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: impl Into<Bytes>) -> KeyRange {
        let start = prefix.into();
        let end = successor(&start);
        KeyRange { start, end }
    }

    /// The part of this range behind `key`, in the direction of the scan.
    pub fn beyond(&self, key: &[u8], direction: Direction) -> KeyRange {
        match direction {
            Direction::Forward => {
                KeyRange { start: just_after(key).max(self.start.clone()), end: self.end.clone() }
            }
            Direction::Backward => {
                let key = Bytes::copy_from_slice(key);
                let end = self.end.clone().map_or(key.clone(), |end| end.min(key));
                KeyRange { start: self.start.clone(), end: Some(end) }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// The same range of a space's keys in the tree, where they have a prefix.
    pub(crate) fn within(&self, prefix: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        let joined = |key: &[u8]| [prefix, key].concat();
        let end = match &self.end {
            Some(end) => Bound::Excluded(joined(end)),
            None => successor(prefix).map_or(Bound::Unbounded, |end| Bound::Excluded(end.to_vec())),
        };
        (Bound::Included(joined(&self.start)), end)
    }
}

impl ScanLimit {
    pub fn entries(entries: usize) -> ScanLimit {
        ScanLimit { entries, bytes: crate::limits::SCAN_BYTES_MAX }
    }
}

/// The next key in byte order.
fn just_after(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

/// The first key that does not begin with `prefix`; none if the prefix is all 0xff.
pub(crate) fn successor(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &KeyRange, key: &[u8]) -> bool {
        key >= &range.start[..] && range.end.as_ref().is_none_or(|end| key < &end[..])
    }

    #[test]
    fn a_prefix_holds_exactly_the_keys_that_begin_with_it() {
        for prefix in [&b"a"[..], b"a\xff", b"\xff\xff", b""] {
            let range = KeyRange::prefix(Bytes::copy_from_slice(prefix));
            for key in [&b"a"[..], b"aa", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff\x01", b""] {
                assert_eq!(holds(&range, key), key.starts_with(prefix), "{prefix:?} {key:?}");
            }
        }
    }

    #[test]
    fn a_range_goes_on_behind_the_last_key() {
        let range = KeyRange::between(&b"b"[..], &b"y"[..]);
        let forward = range.beyond(b"k", Direction::Forward);
        let backward = range.beyond(b"k", Direction::Backward);
        for key in [&b"a"[..], b"b", b"j", b"k", b"k\0", b"l", b"x", b"y"] {
            assert_eq!(holds(&forward, key), holds(&range, key) && key > &b"k"[..], "{key:?}");
            assert_eq!(holds(&backward, key), holds(&range, key) && key < &b"k"[..], "{key:?}");
        }
        assert!(range.beyond(b"b", Direction::Backward).is_empty());
    }

    #[test]
    fn a_range_stays_within_its_space() {
        let prefix = [0, 0, 0, 0, 0, 0, 1, 0xff];
        let (start, end) = KeyRange::all().within(&prefix);
        assert_eq!(start, Bound::Included(prefix.to_vec()));
        assert_eq!(end, Bound::Excluded(vec![0, 0, 0, 0, 0, 0, 2]));
    }
}
