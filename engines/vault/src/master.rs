//! The master key: the one secret that everything else is sealed under. It is kept outside of the store, and losing it
//! is losing every key.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::{Zeroize, Zeroizing};

use crate::derive::Source;
use crate::error::MasterKeyError;
use crate::limits::{FINGERPRINT_BYTES, MASTER_KEY_BYTES};

/// 32 random bytes, wiped when dropped.
pub struct MasterKey(Zeroizing<Vec<u8>>);

impl MasterKey {
    pub fn new(mut bytes: [u8; MASTER_KEY_BYTES]) -> MasterKey {
        let key = MasterKey(Zeroizing::new(bytes.to_vec()));
        bytes.zeroize();
        key
    }

    /// A new one.
    pub fn generate() -> MasterKey {
        let mut bytes = Zeroizing::new(vec![0; MASTER_KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut bytes).expect("the operating system has randomness");
        MasterKey(bytes)
    }

    /// From 64 hexadecimal digits, or from base64 (either alphabet, padded or not). Space around it is ignored.
    pub fn parse(text: &str) -> Result<MasterKey, MasterKeyError> {
        let bytes = Zeroizing::new(decode(text.trim()).ok_or(MasterKeyError::Encoding)?);
        if bytes.len() != MASTER_KEY_BYTES {
            return Err(MasterKeyError::Length(bytes.len()));
        }
        Ok(MasterKey(bytes))
    }

    /// In base64, as [`MasterKey::parse`] reads it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(&self.0))
    }

    /// A short hash that tells master keys apart and may be shown.
    pub fn fingerprint(&self) -> String {
        fingerprint_text(&fingerprint(&self.root()))
    }

    /// What all keys are derived from (HKDF-Extract, RFC 5869).
    pub(crate) fn root(&self) -> Source {
        Source::extract(b"fogbank vault", &self.0)
    }
}

/// Shows the fingerprint only.
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MasterKey").field(&self.fingerprint()).finish()
    }
}

/// Derived as keys are, so that it says nothing about them.
pub(crate) fn fingerprint(root: &Source) -> [u8; FINGERPRINT_BYTES] {
    let mut bytes = [0; FINGERPRINT_BYTES];
    root.fill(&[b"fingerprint"], &mut bytes);
    bytes
}

pub(crate) fn fingerprint_text(bytes: &[u8; FINGERPRINT_BYTES]) -> String {
    HEXLOWER.encode(bytes)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() == 2 * MASTER_KEY_BYTES
        && let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(text.as_bytes())
    {
        return Some(bytes);
    }
    // One alphabet and one padding, so that the strict decoder reads all four ways of writing it.
    let url: Zeroizing<String> = Zeroizing::new(
        text.trim_end_matches('=')
            .chars()
            .map(|c| match c {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect(),
    );
    BASE64URL_NOPAD.decode(url.as_bytes()).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1dfeff";

    #[test]
    fn hexadecimal_and_every_base64_give_the_same_key() {
        let key = MasterKey::parse(HEX).unwrap();
        let base64 = key.to_text();
        for text in [
            HEX.to_uppercase(),
            format!("  {HEX}\n"),
            base64.to_string(),
            base64.trim_end_matches('=').to_string(),
            base64.replace('+', "-").replace('/', "_"),
        ] {
            assert_eq!(MasterKey::parse(&text).unwrap().fingerprint(), key.fingerprint(), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, expected) in [
            ("", MasterKeyError::Encoding),
            ("not a key!", MasterKeyError::Encoding),
            ("AAAA", MasterKeyError::Length(3)),
            (&HEX[..62], MasterKeyError::Encoding),
        ] {
            assert_eq!(MasterKey::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn the_fingerprint_depends_on_every_bit_and_shows_none() {
        let key = MasterKey::new([7; 32]);
        let mut other = [7; 32];
        other[31] ^= 1;
        assert_ne!(key.fingerprint(), MasterKey::new(other).fingerprint());
        assert_eq!(key.fingerprint().len(), 16);
        assert_eq!(format!("{key:?}"), format!("MasterKey(\"{}\")", key.fingerprint()));
    }
}
