//! What a write leaves behind besides the item itself: an undo record, from which a table as it was at any second is
//! made again, and a record for the other regions of a global table.
//!
//! Both lie in spaces of the engine that are appended to, in the same commit as the item.

use base::{Region, Timestamp};
use bytes::Bytes;
use table_engine::Write;

use crate::directory::TableView;

/// One write to one item.
pub struct Change<'a> {
    /// The item's key in the table's space.
    pub key: &'a [u8],
    /// The item's bytes before and after; nothing where there was or is none.
    pub old: Option<&'a [u8]>,
    pub new: Option<&'a [u8]>,
    pub at: Timestamp,
    /// The region where the write was made first, and when: for writes that come from another region.
    pub origin: Option<Origin>,
}

/// Where and when a replicated write was made. The later one wins; of two at the same millisecond, the region whose
/// name is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub at: Timestamp,
    pub region: Region,
}

/// The writes that keep a table's history, to be committed with the item's own.
pub fn writes(view: &TableView, change: &Change<'_>) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some(space) = view.undo {
        let undo = Undo { at: change.at, key: change.key, old: change.old };
        writes.push(Write::Append { space, value: undo.encode() });
    }
    if let Some(target) = view.replication {
        let origin = change.origin.unwrap_or(Origin { at: change.at, region: view.region });
        let version = Version { origin, deleted: change.new.is_none() };
        writes.push(Write::Put {
            space: target.versions,
            key: Bytes::copy_from_slice(change.key),
            value: version.encode(),
        });
        // What came from elsewhere is that region's to send on.
        if change.origin.is_none() {
            let sent = Sent { origin, key: change.key, new: change.new };
            writes.push(Write::Append { space: target.log, value: sent.encode() });
        }
    }
    writes
}

const FORMAT: u8 = 1;

/// What a write replaced.
#[derive(Debug, PartialEq)]
pub struct Undo<'a> {
    pub at: Timestamp,
    pub key: &'a [u8],
    pub old: Option<&'a [u8]>,
}

impl<'a> Undo<'a> {
    pub fn encode(&self) -> Bytes {
        let mut bytes = header(self.at, 0, self.key, self.old.map_or(0, <[u8]>::len));
        put_optional(&mut bytes, self.key, self.old);
        bytes.into()
    }

    /// Nothing if these are not bytes of ours.
    pub fn decode(bytes: &'a [u8]) -> Option<Undo<'a>> {
        let (at, _, rest) = take_header(bytes)?;
        let (key, old) = take_optional(rest)?;
        Some(Undo { at, key, old })
    }
}

/// What goes to the other regions.
#[derive(Debug, PartialEq)]
pub struct Sent<'a> {
    pub origin: Origin,
    pub key: &'a [u8],
    pub new: Option<&'a [u8]>,
}

impl<'a> Sent<'a> {
    pub fn encode(&self) -> Bytes {
        let name = self.origin.region.as_str();
        let mut bytes = header(self.origin.at, name.len() as u8, self.key, self.new.map_or(0, <[u8]>::len));
        bytes.extend_from_slice(name.as_bytes());
        put_optional(&mut bytes, self.key, self.new);
        bytes.into()
    }

    pub fn decode(bytes: &'a [u8]) -> Option<Sent<'a>> {
        let (at, name_bytes, rest) = take_header(bytes)?;
        let (name, rest) = rest.split_at_checked(usize::from(name_bytes))?;
        let region = Region::parse(std::str::from_utf8(name).ok()?)?;
        let (key, new) = take_optional(rest)?;
        Some(Sent { origin: Origin { at, region }, key, new })
    }
}

/// The last write of an item, wherever it was made.
#[derive(Debug, PartialEq)]
pub struct Version {
    pub origin: Origin,
    pub deleted: bool,
}

impl Version {
    pub fn encode(&self) -> Bytes {
        let mut bytes = vec![FORMAT, u8::from(self.deleted)];
        bytes.extend_from_slice(&self.origin.at.as_millis().to_be_bytes());
        bytes.extend_from_slice(self.origin.region.as_str().as_bytes());
        bytes.into()
    }

    pub fn decode(bytes: &[u8]) -> Option<Version> {
        let ([FORMAT, deleted], rest) = bytes.split_first_chunk::<2>()? else { return None };
        let (at, name) = rest.split_first_chunk::<8>()?;
        let region = Region::parse(std::str::from_utf8(name).ok()?)?;
        let at = Timestamp::from_millis(i64::from_be_bytes(*at));
        Some(Version { origin: Origin { at, region }, deleted: *deleted == 1 })
    }
}

impl Origin {
    /// Whether a write from here replaces one from there.
    pub fn beats(&self, other: &Origin) -> bool {
        (self.at, self.region.as_str()) > (other.at, other.region.as_str())
    }
}

/// Format, a spare byte, and the time.
fn header(at: Timestamp, spare: u8, key: &[u8], more: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 + 8 + usize::from(spare) + 4 + key.len() + 1 + more);
    bytes.extend_from_slice(&[FORMAT, spare]);
    bytes.extend_from_slice(&at.as_millis().to_be_bytes());
    bytes
}

fn take_header(bytes: &[u8]) -> Option<(Timestamp, u8, &[u8])> {
    let ([FORMAT, spare], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let (at, rest) = rest.split_first_chunk::<8>()?;
    Some((Timestamp::from_millis(i64::from_be_bytes(*at)), *spare, rest))
}

fn put_optional(bytes: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let length = u32::try_from(key.len()).expect("keys are bounded far below");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(value.unwrap_or_default());
}

fn take_optional(bytes: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (present, value) = rest.split_first()?;
    Some((key, (*present == 1).then_some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_800_000_000_123);

    #[test]
    fn histories_read_back() {
        for value in [None, Some(b"".as_slice()), Some(b"item".as_slice())] {
            let undo = Undo { at: AT, key: b"key", old: value };
            assert_eq!(Undo::decode(&undo.encode()), Some(undo));
            let origin = Origin { at: AT, region: Region::US_EAST_1 };
            let sent = Sent { origin, key: b"key", new: value };
            assert_eq!(Sent::decode(&sent.encode()), Some(sent));
            let version = Version { origin, deleted: value.is_none() };
            assert_eq!(Version::decode(&version.encode()), Some(version));
        }
        assert_eq!(Undo::decode(b"\x02nothing of ours"), None);
    }

    #[test]
    fn of_two_regions_the_later_write_wins_and_the_greater_name_when_at_once() {
        let east = Origin { at: AT, region: Region::US_EAST_1 };
        let west = Origin { at: AT, region: Region::parse("us-west-2").expect("it is one") };
        let later = Origin { at: Timestamp::from_millis(AT.as_millis() + 1), ..east };
        assert!(west.beats(&east) && !east.beats(&west));
        assert!(later.beats(&west) && !west.beats(&later));
    }
}
