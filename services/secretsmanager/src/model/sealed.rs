//! A secret value as it is kept: encrypted with a data key of its own, which KMS has encrypted in turn.
//!
//! AES-256-GCM; the secret's ARN, the version and the kind are authenticated with the value, so that a value cannot be
//! moved to another version, nor a string be passed off as bytes. KMS authenticates the first two as well (its
//! encryption context: "Secret encryption and decryption" in the user guide).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

/// A value in the clear. Wiped when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Text(Zeroizing<String>),
    Binary(Zeroizing<Vec<u8>>),
}

impl Value {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Value::Text(_) => Kind::Text,
            Value::Binary(_) => Kind::Binary,
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Value({:?}, {} bytes)", self.kind(), self.bytes().len())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Text,
    Binary,
}

/// A value nobody can read without KMS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SealedValue {
    kind: Kind,
    /// What KMS's Decrypt makes the data key of; base64.
    data_key: String,
    /// Nonce, ciphertext, tag; base64.
    sealed: String,
}

/// Why a value could not be opened: it was tampered with, or the key is not its.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed value cannot be opened")]
pub struct OpenError;

impl SealedValue {
    /// Seals with a data key that is used for this value alone.
    pub fn seal(
        value: &Value,
        data_key: &[u8; 32],
        encrypted_data_key: &[u8],
        nonce: [u8; NONCE_LEN],
        place: &Place<'_>,
    ) -> SealedValue {
        let mut sealed = Vec::with_capacity(NONCE_LEN + value.bytes().len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(value.bytes());
        let aad = Aad::from(place.authenticated(value.kind()));
        cipher(data_key)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .expect("a value is far smaller than the cipher's limit");
        sealed.splice(0..0, nonce);
        let data_key = STANDARD.encode(encrypted_data_key);
        SealedValue { kind: value.kind(), data_key, sealed: STANDARD.encode(sealed) }
    }

    pub fn open(&self, data_key: &[u8; 32], place: &Place<'_>) -> Result<Value, OpenError> {
        let mut whole = Zeroizing::new(STANDARD.decode(&self.sealed).map_err(|_| OpenError)?);
        let (nonce, body) = whole.split_first_chunk_mut::<NONCE_LEN>().ok_or(OpenError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let aad = Aad::from(place.authenticated(self.kind));
        let plain = cipher(data_key).open_in_place(nonce, aad, body).map_err(|_| OpenError)?;
        let plain = Zeroizing::new(plain.to_vec());
        Ok(match self.kind {
            Kind::Binary => Value::Binary(plain),
            Kind::Text => {
                let text = std::str::from_utf8(&plain).map_err(|_| OpenError)?;
                Value::Text(Zeroizing::new(text.to_owned()))
            }
        })
    }

    /// For KMS to decrypt.
    pub fn encrypted_data_key(&self) -> Result<Vec<u8>, OpenError> {
        STANDARD.decode(&self.data_key).map_err(|_| OpenError)
    }
}

/// Which version of which secret a value is of.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub arn: &'a str,
    pub version: &'a str,
}

impl Place<'_> {
    fn authenticated(&self, kind: Kind) -> Vec<u8> {
        let kind: &[u8] = match kind {
            Kind::Text => b"text",
            Kind::Binary => b"binary",
        };
        [self.arn.as_bytes(), self.version.as_bytes(), kind].join(&b'\n')
    }
}

fn cipher(data_key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, data_key).expect("the key has the cipher's length"))
}

/// The data key as KMS answered it. The answer's own memory is wiped where nobody else holds it.
pub fn take_data_key(plaintext: bytes::Bytes) -> Option<Zeroizing<[u8; 32]>> {
    let key = <[u8; 32]>::try_from(&plaintext[..]).ok().map(Zeroizing::new);
    if let Ok(mut memory) = plaintext.try_into_mut() {
        memory.zeroize();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> =
        Place { arn: "arn:aws:secretsmanager:us-east-1:0:secret:a-b", version: "v1" };

    fn text(value: &str) -> Value {
        Value::Text(Zeroizing::new(value.to_owned()))
    }

    #[test]
    fn a_value_comes_back_as_what_it_was() {
        for value in [text("hunter2"), text(""), Value::Binary(Zeroizing::new(vec![0, 255, 7]))] {
            let sealed = SealedValue::seal(&value, &[7; 32], b"blob", [1; 12], &PLACE);
            assert_eq!(sealed.open(&[7; 32], &PLACE), Ok(value));
            assert_eq!(sealed.encrypted_data_key(), Ok(b"blob".to_vec()));
        }
    }

    #[test]
    fn a_value_opens_only_with_its_key_in_its_place_and_unchanged() {
        let sealed = SealedValue::seal(&text("hunter2"), &[7; 32], b"blob", [1; 12], &PLACE);
        assert_eq!(sealed.open(&[8; 32], &PLACE), Err(OpenError));
        assert_eq!(sealed.open(&[7; 32], &Place { version: "v2", ..PLACE }), Err(OpenError));
        assert_eq!(sealed.open(&[7; 32], &Place { arn: "other", ..PLACE }), Err(OpenError));
        let binary = SealedValue { kind: Kind::Binary, ..sealed.clone() };
        assert_eq!(binary.open(&[7; 32], &PLACE), Err(OpenError));
        let mut bytes = STANDARD.decode(&sealed.sealed).unwrap();
        bytes[14] ^= 1;
        let tampered = SealedValue { sealed: STANDARD.encode(bytes), ..sealed };
        assert_eq!(tampered.open(&[7; 32], &PLACE), Err(OpenError));
        let short = SealedValue { sealed: "AAAA".into(), ..tampered };
        assert_eq!(short.open(&[7; 32], &PLACE), Err(OpenError));
    }

    #[test]
    fn neither_the_record_nor_its_debug_shows_the_value() {
        let value = text("hunter2");
        let sealed = SealedValue::seal(&value, &[7; 32], b"blob", [1; 12], &PLACE);
        let shown = format!("{value:?}{sealed:?}{}", serde_json::to_string(&sealed).unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains(&STANDARD.encode("hunter2")), "{shown}");
    }
}
