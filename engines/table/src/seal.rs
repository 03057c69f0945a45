//! How values lie in the tree.
//!
//! ```text
//! plain    0 ‖ value
//! sealed   1 ‖ nonce, 12 bytes ‖ value ‖ tag, 16 bytes       AES-256-GCM, bound to the space and the key
//! appended 2 ‖ the same                                      bound to the space
//! ```
//!
//! A sealed value does not open in another place. One that was appended gets its key later than it is sealed. A nonce is 8 random bytes, drawn at the start and after
//! every 2³² values, and a counter: no two values of a key share one.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::error::TableError;
use crate::space::{PREFIX_BYTES, SpaceId, SpaceKey};

const PLAIN: u8 = 0;
const SEALED: u8 = 1;
const APPENDED: u8 = 2;
const TAG_BYTES: usize = 16;

/// Most keys are shorter, and are put together with their space without an allocation.
const KEY_BYTES_ON_STACK: usize = 248;

/// What a value is bound to.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Key(&'a [u8]),
    Appended,
}

pub struct Sealer {
    space: SpaceId,
    key: Option<LessSafeKey>,
}

/// Gives every sealed value its nonce.
pub struct Nonces(Mutex<NextNonce>);

struct NextNonce {
    drawn: [u8; 8],
    count: u32,
}

impl Nonces {
    pub fn new() -> Nonces {
        Nonces(Mutex::new(NextNonce { drawn: draw(), count: 0 }))
    }

    fn next(&self) -> [u8; NONCE_LEN] {
        let mut next = self.0.lock();
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&next.drawn);
        nonce[8..].copy_from_slice(&next.count.to_be_bytes());
        match next.count.checked_add(1) {
            Some(count) => next.count = count,
            None => *next = NextNonce { drawn: draw(), count: 0 },
        }
        nonce
    }
}

fn draw() -> [u8; 8] {
    let mut drawn = [0; 8];
    rand::fill(&mut drawn).expect("the system gives random bytes");
    drawn
}

impl Sealer {
    pub fn new(space: SpaceId, key: &SpaceKey) -> Sealer {
        let key = key.bytes().map(|bytes| {
            let key = UnboundKey::new(&AES_256_GCM, bytes).expect("a key of AES-256 has 32 bytes");
            LessSafeKey::new(key)
        });
        Sealer { space, key }
    }

    pub fn seal(&self, nonces: &Nonces, place: Place<'_>, value: &[u8]) -> Bytes {
        let Some(key) = &self.key else {
            let mut plain = Vec::with_capacity(1 + value.len());
            plain.push(PLAIN);
            plain.extend_from_slice(value);
            return plain.into();
        };
        let nonce = nonces.next();
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + value.len() + TAG_BYTES);
        sealed.push(if matches!(place, Place::Appended) { APPENDED } else { SEALED });
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.bound_to(place, |aad| {
            key.seal_in_place_separate_tag(nonce, Aad::from(aad), &mut sealed[1 + NONCE_LEN..])
        });
        sealed.extend_from_slice(tag.expect("a value is far shorter than the 64 GiB of AES-GCM").as_ref());
        sealed.into()
    }

    /// The value that is stored under a key of the tree, which begins with the space.
    pub fn open(&self, tree_key: &[u8], stored: &Bytes) -> Result<Bytes, TableError> {
        let bound_to = match (stored.first(), &self.key) {
            (Some(&PLAIN), None) => return Ok(stored.slice(1..)),
            (Some(&SEALED), Some(_)) => tree_key,
            (Some(&APPENDED), Some(_)) => &self.space.prefix(),
            _ => return Err(self.unopened()),
        };
        let Some((nonce, sealed)) = stored[1..].split_first_chunk() else { return Err(self.unopened()) };
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealer = self.key.as_ref().expect("it was just seen to be there");
        let mut value = sealed.to_vec();
        let opened = sealer.open_in_place(nonce, Aad::from(bound_to), &mut value).map(|value| value.len());
        value.truncate(opened.map_err(|_unspecified| self.unopened())?);
        Ok(value.into())
    }

    fn unopened(&self) -> TableError {
        TableError::Corrupt(format!("a value of space {} does not open", self.space.0).into())
    }

    fn bound_to<T>(&self, place: Place<'_>, act: impl FnOnce(&[u8]) -> T) -> T {
        match place {
            Place::Appended => act(&self.space.prefix()),
            Place::Key(key) if key.len() <= KEY_BYTES_ON_STACK => {
                let mut joined = [0; PREFIX_BYTES + KEY_BYTES_ON_STACK];
                joined[..PREFIX_BYTES].copy_from_slice(&self.space.prefix());
                joined[PREFIX_BYTES..PREFIX_BYTES + key.len()].copy_from_slice(key);
                act(&joined[..PREFIX_BYTES + key.len()])
            }
            Place::Key(key) => act(&self.space.tree_key(key)),
        }
    }
}

/// The length of the value in what is stored.
pub fn value_bytes(stored: &[u8]) -> usize {
    match stored.first() {
        Some(&(SEALED | APPENDED)) => stored.len().saturating_sub(1 + NONCE_LEN + TAG_BYTES),
        _ => stored.len().saturating_sub(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_whole_in_its_place_and_with_its_key_only() {
        let nonces = Nonces::new();
        let sealer = |space, byte| Sealer::new(SpaceId(space), &SpaceKey::aes_256([byte; 32]));
        let open = |space, byte, key: &[u8], stored: &Bytes| {
            sealer(space, byte).open(&SpaceId(space).tree_key(key), stored)
        };
        for value in [&b""[..], b"value"] {
            let sealed = sealer(1, 1).seal(&nonces, Place::Key(b"key"), value);
            assert_eq!(value_bytes(&sealed), value.len());
            assert_eq!(open(1, 1, b"key", &sealed).unwrap(), value);
            assert!(open(1, 1, b"kez", &sealed).is_err());
            assert!(open(2, 1, b"key", &sealed).is_err());
            assert!(open(1, 2, b"key", &sealed).is_err());
            let long = [b'k'; 2 * KEY_BYTES_ON_STACK];
            let sealed_long = sealer(1, 1).seal(&nonces, Place::Key(&long), value);
            assert_eq!(open(1, 1, &long, &sealed_long).unwrap(), value);
            let appended = sealer(1, 1).seal(&nonces, Place::Appended, value);
            assert_eq!(open(1, 1, b"any", &appended).unwrap(), value);
            assert!(open(2, 1, b"any", &appended).is_err());
            for position in 0..sealed.len() {
                let mut bad = sealed.to_vec();
                bad[position] ^= 1;
                assert!(open(1, 1, b"key", &bad.into()).is_err(), "byte {position}");
            }
        }
    }

    #[test]
    fn a_plain_value_is_as_it_was_and_no_key_opens_it() {
        let plain = Sealer::new(SpaceId(1), &SpaceKey::none());
        let stored = plain.seal(&Nonces::new(), Place::Appended, b"value");
        assert_eq!(
            (value_bytes(&stored), plain.open(&SpaceId(1).tree_key(b"key"), &stored).unwrap()),
            (5, Bytes::from("value"))
        );
        let sealed = Sealer::new(SpaceId(1), &SpaceKey::aes_256([1; 32]));
        assert!(sealed.open(&SpaceId(1).tree_key(b"key"), &stored).is_err());
    }

    #[test]
    fn no_nonce_comes_twice_when_the_counter_is_spent() {
        let nonces = Nonces::new();
        let first = nonces.next();
        nonces.0.lock().count = u32::MAX;
        let last = nonces.next();
        let next = nonces.next();
        assert_eq!((&first[..8], &last[8..], &next[8..]), (&last[..8], &[0xff; 4][..], &[0; 4][..]));
        assert_ne!(last[..8], next[..8]);
    }
}
