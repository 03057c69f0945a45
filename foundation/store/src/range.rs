//! Ranges of keys: half open, in the order of the bytes.

use std::ops::Bound;

use bytes::Bytes;

/// All keys from `start` on and below `end`; without an end, all to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    pub(crate) start: Bytes,
    pub(crate) end: Option<Bytes>,
}

/// The order in which a scan goes through its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

impl KeyRange {
    pub fn all() -> KeyRange {
        KeyRange { start: Bytes::new(), end: None }
    }

    /// `start` is in the range, `end` is not.
    pub fn between(start: impl Into<Bytes>, end: impl Into<Bytes>) -> KeyRange {
        KeyRange { start: start.into(), end: Some(end.into()) }
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

    /// The part of this range up to and with `key`, in the direction of the scan.
    pub(crate) fn up_to(&self, key: &[u8], direction: Direction) -> KeyRange {
        match direction {
            Direction::Forward => KeyRange { start: self.start.clone(), end: Some(just_after(key)) },
            Direction::Backward => KeyRange { start: Bytes::copy_from_slice(key), end: self.end.clone() },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// For `BTreeMap::range`, which panics on a range that ends before it starts: check [`Self::is_empty`].
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_ref().map_or(Bound::Unbounded, |end| Bound::Excluded(&end[..]));
        (Bound::Included(&self.start[..]), end)
    }
}

/// The next key in byte order.
fn just_after(key: &[u8]) -> Bytes {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next.into()
}

/// The first key that does not begin with `prefix`; none if the prefix is all 0xff.
fn successor(prefix: &[u8]) -> Option<Bytes> {
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
    fn the_rest_of_a_scan_and_what_it_saw_are_the_whole_range() {
        let range = KeyRange::between(&b"b"[..], &b"y"[..]);
        for direction in [Direction::Forward, Direction::Backward] {
            let (seen, rest) = (range.up_to(b"k", direction), range.beyond(b"k", direction));
            for key in [&b"a"[..], b"b", b"j", b"k", b"k\0", b"l", b"x", b"y"] {
                assert_eq!(
                    holds(&range, key),
                    holds(&seen, key) ^ holds(&rest, key),
                    "{direction:?} {key:?}"
                );
            }
        }
        assert!(range.beyond(b"b", Direction::Backward).is_empty());
    }
}
