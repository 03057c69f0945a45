//! One data key, ready for use: its key schedule is made once, and wiped when it is dropped.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};

use crate::error::Error;
use crate::model::envelope::Envelope;
use crate::model::sealed::{NONCE_BYTES, Seal, Sealed, TAG_BYTES};

pub struct DataKey {
    key: RandomizedNonceKey,
    /// What messages encrypted with it begin with.
    header: Vec<u8>,
}

impl DataKey {
    /// `material` is 256 bits; anything else is no data key of ours.
    pub fn new(material: &[u8], seal: Seal<'_>) -> Result<DataKey, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, material)
            .map_err(|_| Error::Internal("a data key does not have 256 bits".into()))?;
        Ok(DataKey { key, header: seal.to_header() })
    }

    /// The message as it goes to the engine: one allocation, encrypted where it lies.
    pub fn seal(&self, envelope: &Envelope<'_>) -> Vec<u8> {
        let start = self.header.len() + NONCE_BYTES;
        let mut out = Vec::with_capacity(start + envelope.encoded_bytes() + TAG_BYTES);
        out.extend_from_slice(&self.header);
        out.extend_from_slice(&[0; NONCE_BYTES]);
        envelope.encode_onto(&mut out);
        let (nonce, tag) = self
            .key
            .seal_in_place_separate_tag(Aad::from(&self.header), &mut out[start..])
            .expect("a message is far shorter than what AES-GCM encrypts at once");
        out[self.header.len()..start].copy_from_slice(nonce.as_ref());
        out.extend_from_slice(tag.as_ref());
        out
    }

    /// Nothing if the message was not encrypted with this key, or has changed since.
    pub fn open(&self, sealed: &Sealed<'_>) -> Option<Vec<u8>> {
        let mut text = sealed.ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*sealed.nonce);
        self.key.open_in_place(nonce, Aad::from(sealed.header), &mut text).ok()?;
        text.truncate(sealed.ciphertext.len() - TAG_BYTES);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sealed::Kept;

    fn envelope() -> Envelope<'static> {
        Envelope {
            body: "a marker in the body",
            md5_of_body: [7; 16],
            sender_id: "AIDAEXAMPLE",
            deduplication_id: None,
            trace_header: None,
            attributes: Vec::new(),
        }
    }

    fn open(key: &DataKey, bytes: &[u8]) -> Option<Vec<u8>> {
        match Kept::read(bytes)? {
            Kept::Sealed(sealed) => key.open(&sealed),
            Kept::Plain(_) => None,
        }
    }

    #[test]
    fn a_sealed_message_shows_nothing_and_opens_to_what_it_was() {
        let key = DataKey::new(&[1; 32], Seal::Managed(5)).unwrap();
        let (bytes, again) = (key.seal(&envelope()), key.seal(&envelope()));
        assert!(!bytes.windows(6).any(|window| window == b"marker" || window == b"AIDAEX"));
        assert_ne!(bytes, again, "each message has a nonce of its own");
        assert_eq!(open(&key, &bytes), Some(envelope().encode()));
    }

    #[test]
    fn a_message_opens_with_its_key_and_unchanged_only() {
        let key = DataKey::new(&[1; 32], Seal::Managed(5)).unwrap();
        let other = DataKey::new(&[2; 32], Seal::Managed(5)).unwrap();
        let bytes = key.seal(&envelope());
        assert_eq!(open(&other, &bytes), None);
        for at in 1..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(open(&key, &changed), None, "byte {at}");
        }
    }
}
