//! The record of a change in a stream, as it is kept.

use base::Timestamp;
use bytes::Bytes;
use item_engine::{Item, encoding};

use crate::records::StreamView;

/// Who changed the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A request.
    Caller,
    /// DynamoDB itself, since the item's time was over.
    TimeToLive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Insert,
    Modify,
    Remove,
}

/// One change; images are the bytes of items, where the stream's view has them.
#[derive(Debug, PartialEq)]
pub struct StreamEntry<'a> {
    pub at: Timestamp,
    pub by: By,
    pub event: Event,
    /// The bytes of an item that has the key alone.
    pub keys: &'a [u8],
    pub old: Option<&'a [u8]>,
    pub new: Option<&'a [u8]>,
}

const FORMAT: u8 = 1;

/// What the stream keeps of a change.
pub fn encode(
    view: StreamView,
    (at, by): (Timestamp, By),
    keys: &Item,
    old: Option<&Bytes>,
    new: Option<&Bytes>,
) -> Bytes {
    let event = match (old, new) {
        (None, _) => Event::Insert,
        (Some(_), Some(_)) => Event::Modify,
        (Some(_), None) => Event::Remove,
    };
    let shows_old = matches!(view, StreamView::OldImage | StreamView::NewAndOldImages);
    let shows_new = matches!(view, StreamView::NewImage | StreamView::NewAndOldImages);
    let keys = encoding::encode(keys);
    let entry = StreamEntry {
        at,
        by,
        event,
        keys: &keys,
        old: old.filter(|_| shows_old).map(|bytes| &bytes[..]),
        new: new.filter(|_| shows_new).map(|bytes| &bytes[..]),
    };
    entry.encode()
}

impl<'a> StreamEntry<'a> {
    fn encode(&self) -> Bytes {
        let images = self.old.map_or(0, <[u8]>::len) + self.new.map_or(0, <[u8]>::len);
        let mut bytes = Vec::with_capacity(3 + 8 + 3 * 5 + self.keys.len() + images);
        bytes.extend_from_slice(&[FORMAT, self.by as u8, self.event as u8]);
        bytes.extend_from_slice(&self.at.as_millis().to_be_bytes());
        put(&mut bytes, Some(self.keys));
        put(&mut bytes, self.old);
        put(&mut bytes, self.new);
        bytes.into()
    }

    /// Nothing if these are not bytes of ours.
    pub fn decode(bytes: &'a [u8]) -> Option<StreamEntry<'a>> {
        let ([FORMAT, by, event], rest) = bytes.split_first_chunk::<3>()? else { return None };
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (keys, rest) = take(rest)?;
        let (old, rest) = take(rest)?;
        let (new, rest) = take(rest)?;
        let by = [By::Caller, By::TimeToLive].into_iter().find(|known| *known as u8 == *by)?;
        let event =
            [Event::Insert, Event::Modify, Event::Remove].into_iter().find(|known| *known as u8 == *event)?;
        let at = Timestamp::from_millis(i64::from_be_bytes(*at));
        rest.is_empty().then_some(StreamEntry { at, by, event, keys: keys?, old, new })
    }

    /// When the change was made, without looking at the rest.
    pub fn time_of(bytes: &[u8]) -> Option<Timestamp> {
        let at = bytes.get(3..)?.first_chunk::<8>()?;
        Some(Timestamp::from_millis(i64::from_be_bytes(*at)))
    }
}

fn put(bytes: &mut Vec<u8>, part: Option<&[u8]>) {
    bytes.push(u8::from(part.is_some()));
    let part = part.unwrap_or_default();
    let length = u32::try_from(part.len()).expect("items are bounded far below");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}

fn take(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (present, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some(((*present == 1).then_some(part), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_and_strange_bytes_are_refused() {
        let at = Timestamp::from_millis(1_800_000_000_123);
        for (old, new, event) in [
            (None, Some(&b"new"[..]), Event::Insert),
            (Some(&b"old"[..]), Some(&b""[..]), Event::Modify),
            (Some(&b"old"[..]), None, Event::Remove),
        ] {
            let entry = StreamEntry { at, by: By::TimeToLive, event, keys: b"keys", old, new };
            let bytes = entry.encode();
            assert_eq!(StreamEntry::decode(&bytes), Some(entry));
            assert_eq!(StreamEntry::time_of(&bytes), Some(at));
            assert_eq!(StreamEntry::decode(&bytes[1..]), None);
            assert_eq!(StreamEntry::decode(&bytes[..bytes.len() - 1]), None);
        }
    }
}
