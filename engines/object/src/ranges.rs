//! What is free in a pack: ranges that do not touch each other.

use std::collections::BTreeMap;
use std::ops::Range;

/// About sixteen bytes of memory for every range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    by_start: BTreeMap<u32, u32>,
    bytes: u64,
}

impl Ranges {
    /// In all ranges.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn iter(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        self.by_start.iter().map(|(start, end)| *start..*end)
    }

    /// The range that this is in.
    pub fn around(&self, at: u32) -> Option<Range<u32>> {
        let (start, end) = self.by_start.range(..=at).next_back()?;
        (at < *end).then_some(*start..*end)
    }

    /// Adds a range; what it has in common with others is counted once. Returns the range that it became part of, or
    /// none if all of it was there.
    pub fn insert(&mut self, added: Range<u32>) -> Option<Range<u32>> {
        if added.is_empty() || self.around(added.start).is_some_and(|known| known.end >= added.end) {
            return None;
        }
        let mut merged = added;
        // Those that begin before its end, from the last, until one ends before its start. What only touches it joins.
        while let Some((&start, &end)) = self.by_start.range(..=merged.end).next_back() {
            if end < merged.start {
                break;
            }
            self.by_start.remove(&start);
            self.bytes -= u64::from(end - start);
            merged = merged.start.min(start)..merged.end.max(end);
        }
        self.by_start.insert(merged.start, merged.end);
        self.bytes += u64::from(merged.end - merged.start);
        Some(merged)
    }
}

/// The whole blocks of a merged range that became free with the part that was just added to it.
pub fn blocks_freed(merged: &Range<u32>, added: &Range<u32>, block_bytes: u32) -> Option<Range<u64>> {
    let block = u64::from(block_bytes);
    let up = |at: u32| u64::from(at).div_ceil(block) * block;
    let down = |at: u32| u64::from(at) / block * block;
    let start = up(merged.start).max(down(added.start));
    let end = down(merged.end).min(up(added.end));
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_what_a_set_of_numbers_is(added in prop::collection::vec((0..200u32, 0..40u32), 0..60)) {
            let mut ranges = Ranges::default();
            let mut model = std::collections::BTreeSet::new();
            for (start, length) in added {
                let range = start..start + length;
                let is_new = !range.clone().all(|at| model.contains(&at));
                let merged = ranges.insert(range.clone());
                model.extend(range.clone());
                prop_assert_eq!(merged.is_some(), is_new);
                if let Some(merged) = merged {
                    prop_assert!(merged.start <= range.start && range.end <= merged.end);
                    prop_assert!(merged.clone().all(|at| model.contains(&at)));
                    prop_assert!(!model.contains(&merged.end));
                    prop_assert!(merged.start == 0 || !model.contains(&(merged.start - 1)));
                }
            }
            prop_assert_eq!(ranges.bytes(), model.len() as u64);
            for at in 0..250 {
                prop_assert_eq!(ranges.around(at).is_some(), model.contains(&at));
            }
            let all: Vec<u32> = ranges.iter().flatten().collect();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn every_block_is_freed_once_its_last_byte_is(order in Just((0..64u32).collect::<Vec<_>>()).prop_shuffle()) {
            let mut ranges = Ranges::default();
            let mut punched = vec![0; 16];
            for piece in order {
                let added = piece * 24..piece * 24 + 24;
                let merged = ranges.insert(added.clone()).expect("pieces do not overlap");
                for block in blocks_freed(&merged, &added, 128).into_iter().flat_map(|range| range.step_by(128)) {
                    punched[(block / 128) as usize] += 1;
                    prop_assert!(ranges.around(block as u32).is_some_and(|range| u64::from(range.end) >= block + 128));
                }
            }
            // 64 pieces of 24 bytes are 12 blocks of 128.
            prop_assert_eq!(punched, [vec![1; 12], vec![0; 4]].concat());
        }
    }
}
