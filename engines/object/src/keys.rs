//! The keys that content is sealed with, and those that are derived from them.
//!
//! Every extent has keys of its own: HKDF-Expand (RFC 5869) of the content key over the engine's random identity, the
//! extent's place and the layer. A place is given out once, so no derived key seals two contents, and a counter is
//! enough for a nonce.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk};
use zeroize::Zeroizing;

use crate::extent::Place;
use crate::limits::LAYERS_MAX;
use crate::seal::ChunkKeys;

const LABEL: &[u8] = b"fogbank object content";

/// What the engine draws once for a folder.
pub(crate) type EngineId = [u8; 16];

/// 32 random bytes, wiped after use.
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    pub fn new(bytes: [u8; 32]) -> ContentKey {
        ContentKey(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

/// One layer of encryption, or two. Clones share the keys.
#[derive(Clone, Debug)]
pub struct ContentKeys(Arc<Layers>);

#[derive(Debug)]
struct Layers {
    inner: ContentKey,
    outer: Option<ContentKey>,
}

impl ContentKeys {
    pub fn one(key: ContentKey) -> ContentKeys {
        ContentKeys(Arc::new(Layers { inner: key, outer: None }))
    }

    /// What the first has sealed is sealed again with the second (S3's DSSE-KMS).
    pub fn two(inner: ContentKey, outer: ContentKey) -> ContentKeys {
        ContentKeys(Arc::new(Layers { inner, outer: Some(outer) }))
    }

    pub(crate) fn for_place(&self, engine: &EngineId, place: &Place) -> ChunkKeys {
        let outer = self.0.outer.as_ref().map(|key| derive(key, engine, place, 1));
        ChunkKeys::new(derive(&self.0.inner, engine, place, 0), outer)
    }
}

fn derive(key: &ContentKey, engine: &EngineId, place: &Place, layer: u8) -> LessSafeKey {
    debug_assert!(usize::from(layer) < LAYERS_MAX, "there are at most so many layers");
    let (binding, length) = place.binding();
    // Parts of fixed lengths, or told by the part before: no two lists of parts give the same bytes.
    let info = [LABEL, engine, &[layer], &binding[..length]];
    let key = Prk::new_less_safe(HKDF_SHA256, &*key.0)
        .expand(&info, &AES_256_GCM)
        .map(UnboundKey::from)
        .expect("a key of 32 bytes is far less than HKDF can give");
    LessSafeKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_show_in_debugging_output() {
        let keys = ContentKeys::two(ContentKey::new([170; 32]), ContentKey::new([187; 32]));
        let text = format!("{keys:?}");
        assert!(!text.contains("170") && !text.contains("187") && !text.contains("aa"), "{text}");
    }
}
