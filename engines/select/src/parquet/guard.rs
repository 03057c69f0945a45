//! Looks at the directory of a Parquet object and at the headers of its pages before the crate does.
//!
//! They are structures of Thrift's compact protocol, and say how long lists and texts are, how deep the schema is, and
//! how much a page holds. The crate takes memory and stack for whatever they say, which would end the process; here
//! they have to fit the bytes that are there.

use crate::limits::{PAGE_BYTES_MAX, PAGE_VALUES_MAX, SCHEMA_DEPTH_MAX};

const STRUCTURES_MAX: usize = 32;
/// No element of a list of structures is shorter.
const STRUCTURE_BYTES_MIN: usize = 2;

/// Encodings whose readers take memory for a count within the page.
const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
const DELTA_BYTE_ARRAY: i64 = 7;

/// `FileMetaData`, whose second field is the schema.
pub(super) fn footer_fits(bytes: &[u8]) -> bool {
    let mut walk = Walk::new(bytes);
    walk.structure(0, 0).is_some() && schema_fits(&walk.children)
}

/// Each element says how many of the next are its children.
fn schema_fits(children: &[i64]) -> bool {
    let mut open: Vec<i64> = Vec::new();
    for count in children {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(parent) = open.last_mut() {
            *parent -= 1;
        }
        let fits = usize::try_from(*count).is_ok_and(|count| count <= children.len());
        if !fits || open.len() > SCHEMA_DEPTH_MAX {
            return false;
        }
        if *count > 0 {
            open.push(*count);
        }
    }
    true
}

/// `PageHeader`: its sizes are fields 2 and 3; fields 5, 7 and 8 are the headers of the kinds of pages, which start with
/// the number of values.
pub(super) fn page_header_fits(bytes: &[u8]) -> bool {
    let mut walk = Walk::new(bytes);
    if walk.structure(0, 0).is_none() {
        return false;
    }
    let number = |within: i64, field: i64| {
        let found = walk.numbers.iter().find(|(at, id, _)| (*at, *id) == (within, field));
        found.map_or(0, |(_, _, value)| *value)
    };
    let unpacked = number(0, 2);
    let sizes = [unpacked, number(0, 3)].iter().all(|size| (0..=PAGE_BYTES_MAX).contains(size));
    let values = [number(5, 1), number(8, 1)].iter().all(|count| (0..=PAGE_VALUES_MAX).contains(count));
    // A value of a dictionary takes four bytes at least.
    let dictionary = (0..=unpacked / 4).contains(&number(7, 1));
    let encodings = [number(5, 2), number(8, 4), number(7, 2)];
    let readable =
        !encodings.iter().any(|encoding| [DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY].contains(encoding));
    sizes && values && dictionary && readable
}

struct Walk<'b> {
    rest: &'b [u8],
    /// Integers of the outermost structure and of those right within it: in which field, which, and what.
    numbers: Vec<(i64, i64, i64)>,
    /// Of the elements of the second field, a list of structures: their fifth field.
    children: Vec<i64>,
}

impl<'b> Walk<'b> {
    fn new(bytes: &'b [u8]) -> Walk<'b> {
        Walk { rest: bytes, numbers: Vec::new(), children: Vec::new() }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// `within` is the field of the outermost structure that this one is in, or is.
    fn structure(&mut self, depth: usize, within: i64) -> Option<()> {
        if depth > STRUCTURES_MAX {
            return None;
        }
        let mut id = 0_i64;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == 0 {
                return Some(());
            }
            id = match header >> 4 {
                0 => self.signed()?,
                delta => id.checked_add(i64::from(delta))?,
            };
            match kind {
                4..=6 => {
                    let value = self.signed()?;
                    if depth <= 1 && self.numbers.len() < 64 {
                        self.numbers.push((within, id, value));
                    }
                    if depth == 1 && within == 2 && id == 5 {
                        *self.children.last_mut()? = value;
                    }
                }
                // Booleans of a structure are in its header.
                1 | 2 => {}
                _ => self.value(kind, depth, if depth == 0 { id } else { within })?,
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize, within: i64) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.signed().map(drop),
            7 => self.skip(8),
            8 => {
                let length = usize::try_from(self.unsigned()?).ok()?;
                self.skip(length)
            }
            9 | 10 => self.list(depth, within),
            11 => self.map(depth, within),
            12 => self.structure(depth + 1, within),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize, within: i64) -> Option<()> {
        if depth > STRUCTURES_MAX {
            return None;
        }
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => usize::try_from(self.unsigned()?).ok()?,
            count => usize::from(count),
        };
        let kind = header & 0x0f;
        let least = if kind == 12 { STRUCTURE_BYTES_MIN } else { 1 };
        if count.checked_mul(least)? > self.rest.len() {
            return None;
        }
        for _ in 0..count {
            if depth == 0 && within == 2 {
                self.children.push(0);
            }
            self.element(kind, depth, within)?;
        }
        Some(())
    }

    fn element(&mut self, kind: u8, depth: usize, within: i64) -> Option<()> {
        match kind {
            9..=11 => self.value(kind, depth + 1, within),
            _ => self.value(kind, depth, within),
        }
    }

    fn map(&mut self, depth: usize, within: i64) -> Option<()> {
        let count = usize::try_from(self.unsigned()?).ok()?;
        if count == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        if count > self.rest.len() || depth > STRUCTURES_MAX {
            return None;
        }
        for _ in 0..count {
            self.value(kinds >> 4, depth + 1, within)?;
            self.value(kinds & 0x0f, depth + 1, within)?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page header: kind, sizes, and the header of a data page.
    fn page(unpacked: u8, values: &[u8], encoding: u8) -> Vec<u8> {
        let start = [0x15, 0, 0x15, unpacked, 0x15, 8, 0x2c, 0x15];
        [start.as_slice(), values, &[0x15, encoding, 0x15, 6, 0x15, 6, 0, 0]].concat()
    }

    #[test]
    fn pages_hold_what_they_say_within_bounds() {
        assert!(page_header_fits(&page(8, &[4], 0)));
        assert!(!page_header_fits(&page(8, &[4], 12)), "an encoding that takes memory for what it says");
        assert!(!page_header_fits(&page(8, &[0x80, 0x80, 0x80, 0x80, 0x0f], 0)), "values without end");
        assert!(!page_header_fits(&page(7, &[4], 0)), "a size below nothing");
        assert!(!page_header_fits(&page(8, &[4], 0)[..6]), "a header that is cut off");
        let text = [0x18, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(!page_header_fits(&text), "a text longer than all there is");
    }

    #[test]
    fn a_schema_is_only_so_deep() {
        let chain = |depth: usize| -> Vec<i64> { vec![1; depth].into_iter().chain([0]).collect() };
        assert!(schema_fits(&chain(10)));
        assert!(!schema_fits(&chain(SCHEMA_DEPTH_MAX + 10)));
        assert!(schema_fits(&[vec![1000], vec![0; 1000]].concat()), "wide is not deep");
        assert!(!schema_fits(&[i64::from(i32::MAX)]), "children that are not there");
        assert!(!schema_fits(&[-1]));
    }

    #[test]
    fn lists_are_as_long_as_what_follows() {
        let endless = [0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(!footer_fits(&endless));
        let deep = [0x1c].repeat(100_000);
        assert!(!footer_fits(&deep));
        let lists = [&[0x19][..], &[0x19].repeat(100_000)].concat();
        assert!(!footer_fits(&lists));
        assert!(footer_fits(&[0x29, 0x2c, 0x48, 1, b'a', 0x15, 2, 0, 0x48, 1, b'b', 0, 0]));
    }
}
