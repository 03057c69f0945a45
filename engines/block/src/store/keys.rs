//! The keys of a store, and everything that is sealed with them.
//!
//! Nothing that was given as a key encrypts anything itself: a *wrap* is derived from it for one owner (a volume or a
//! snapshot), and seals random keys. A volume has one such key, for its sectors; every file of blocks (a *segment*) has
//! one. So a block is shared by sealing its segment's key once more, under the wrap of whoever shares it.
//!
//! Derivation is HKDF-Expand (RFC 5869). A slot of a segment is written once, so its number is a nonce.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::{Key, StoreError};

pub(crate) const TAG_BYTES: usize = 16;

/// What a block's content is called: equal names mean equal content, and tell nothing else to who lacks the master key.
pub(crate) type Name = [u8; 16];

/// What a store is known by: drawn when its folder is made.
pub(crate) type StoreId = [u8; 16];

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)
        .map_err(|_unspecified| StoreError::Invalid("the host gives no randomness".into()))?;
    Ok(bytes)
}

/// What is derived from the master key.
pub(crate) struct StoreKeys {
    master: Zeroizing<Key>,
    id: StoreId,
    mac: hmac::Key,
    content: LessSafeKey,
    name: hmac::Key,
}

impl StoreKeys {
    pub(crate) fn new(master: &Key, id: StoreId) -> StoreKeys {
        let mac = derive(master, &[b"fogbank block table", &id]);
        let content = derive(master, &[b"fogbank block content", &id]);
        let name = derive(master, &[b"fogbank block name", &id]);
        StoreKeys {
            master: Zeroizing::new(*master),
            id,
            mac: hmac::Key::new(hmac::HMAC_SHA256, &*mac),
            content: cipher(&content),
            name: hmac::Key::new(hmac::HMAC_SHA256, &*name),
        }
    }

    /// What seals the keys of this owner: derived from its own key, or else from the master key.
    pub(crate) fn wrap(&self, key: Option<&Key>, owner: &str) -> Wrap {
        let own = [u8::from(key.is_some())];
        Wrap::new(derive(
            key.unwrap_or(&self.master),
            &[b"fogbank block wrap", &self.id, &own, owner.as_bytes()],
        ))
    }

    /// Authenticates tables.
    pub(crate) fn mac(&self) -> &hmac::Key {
        &self.mac
    }

    /// The name of this content: a universal hash under a secret key (GHASH), which a pseudo-random function hides. A
    /// hundredth of what a cryptographic hash of the content takes.
    pub(crate) fn name(&self, content: &[u8]) -> Name {
        let tag = self
            .content
            .seal_in_place_separate_tag(nonce(0), Aad::from(content), &mut [])
            .expect("a block is far shorter than what AES-GCM authenticates");
        let hidden = hmac::sign(&self.name, tag.as_ref());
        let mut name = [0; 16];
        name.copy_from_slice(&hidden.as_ref()[..16]);
        name
    }
}

/// Seals the keys of one owner.
pub(crate) struct Wrap {
    secret: Zeroizing<Key>,
    key: LessSafeKey,
}

impl Wrap {
    pub(crate) fn new(secret: Zeroizing<Key>) -> Wrap {
        let key = cipher(&secret);
        Wrap { secret, key }
    }

    /// To be sealed under another wrap, and nothing else.
    pub(crate) fn secret(&self) -> &Key {
        &self.secret
    }

    /// Seals a key, for one purpose.
    pub(crate) fn seal(&self, purpose: &[u8], secret: &Key) -> Result<Vec<u8>, StoreError> {
        let drawn: [u8; NONCE_LEN] = random()?;
        let mut sealed = drawn.to_vec();
        let mut content = Zeroizing::new(*secret);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(drawn),
                Aad::from(purpose),
                &mut content[..],
            )
            .expect("a key is far shorter than what AES-GCM seals");
        sealed.extend_from_slice(&content[..]);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Nothing if it was sealed with another wrap or for another purpose, or is damaged.
    pub(crate) fn open(&self, purpose: &[u8], sealed: &[u8]) -> Option<Zeroizing<Key>> {
        let (drawn, content) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut content = Zeroizing::new(content.to_vec());
        let opened = self
            .key
            .open_in_place(Nonce::assume_unique_for_key(*drawn), Aad::from(purpose), &mut content)
            .ok()?;
        let mut secret = Zeroizing::new([0; 32]);
        (opened.len() == secret.len()).then(|| secret.copy_from_slice(opened))?;
        Some(secret)
    }
}

/// What a segment's key is sealed for.
pub(crate) fn for_segment(segment: u64) -> [u8; 16] {
    let mut purpose = *b"segment \0\0\0\0\0\0\0\0";
    purpose[8..].copy_from_slice(&segment.to_be_bytes());
    purpose
}

/// The key of a segment: seals blocks in their slots.
pub(crate) struct BlockKey {
    segment: u64,
    key: LessSafeKey,
}

impl BlockKey {
    pub(crate) fn new(segment: u64, secret: &Key) -> BlockKey {
        BlockKey { segment, key: cipher(secret) }
    }

    pub(crate) fn seal(&self, slot: u32, content: &mut [u8]) -> [u8; TAG_BYTES] {
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(slot), Aad::from(self.bound(slot)), content)
            .expect("a block is far shorter than what AES-GCM seals");
        let mut bytes = [0; TAG_BYTES];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Opens content in its place; the tag is behind it. False if it is not what was sealed for this slot.
    pub(crate) fn open(&self, slot: u32, content: &mut [u8]) -> bool {
        self.key.open_in_place(nonce(slot), Aad::from(self.bound(slot)), content).is_ok()
    }

    fn bound(&self, slot: u32) -> [u8; 12] {
        let mut bound = [0; 12];
        bound[..8].copy_from_slice(&self.segment.to_be_bytes());
        bound[8..].copy_from_slice(&slot.to_be_bytes());
        bound
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// The two keys that a volume's sectors are encrypted with.
pub(crate) fn for_sectors(secret: &Key) -> Zeroizing<[u8; 64]> {
    let mut bytes = Zeroizing::new([0; 64]);
    expand(secret, &[b"fogbank block sectors"], &mut bytes[..]);
    bytes
}

fn derive(secret: &Key, info: &[&[u8]]) -> Zeroizing<Key> {
    let mut bytes = Zeroizing::new([0; 32]);
    expand(secret, info, &mut bytes[..]);
    bytes
}

fn expand(secret: &Key, info: &[&[u8]], into: &mut [u8]) {
    Prk::new_less_safe(HKDF_SHA256, secret)
        .expand(info, Bytes(into.len()))
        .and_then(|made| made.fill(into))
        .expect("a few bytes are far less than HKDF can give");
}

fn cipher(secret: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).expect("a key of 256 bits is one of AES-256"))
}

fn nonce(slot: u32) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 4..].copy_from_slice(&slot.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}
