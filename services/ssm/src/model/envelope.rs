//! How the value of an advanced SecureString is kept: encrypted with a data key of its own, which is kept beside it,
//! encrypted by KMS. A standard one is small enough for KMS to encrypt itself.
//!
//! AWS does the same with the AWS Encryption SDK; the layout here is our own: a version, the length of the encrypted
//! data key in two bytes, that key, a nonce of twelve bytes, and AES-256-GCM's ciphertext with its tag. The parameter's
//! ARN is authenticated, so that a value cannot be moved to another parameter.
//! Reference: "AWS KMS encryption for … SecureString parameters" in the user guide.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// The parts of a sealed value.
pub struct Envelope<'a> {
    /// The data key as KMS encrypted it.
    pub sealed_key: &'a [u8],
    nonce: [u8; NONCE_BYTES],
    body: &'a [u8],
}

/// Seals a value with a data key; nothing if the key has not 32 bytes or its encrypted form is longer than there is
/// room for.
pub fn seal(
    key: &[u8],
    sealed_key: &[u8],
    nonce: [u8; NONCE_BYTES],
    arn: &str,
    value: &str,
) -> Option<Vec<u8>> {
    let length = u16::try_from(sealed_key.len()).ok()?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut body = Zeroizing::new(value.as_bytes().to_vec());
    let tag = key
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(arn.as_bytes()), &mut body)
        .ok()?;
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&length.to_be_bytes());
    sealed.extend_from_slice(sealed_key);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&body);
    sealed.extend_from_slice(tag.as_ref());
    Some(sealed)
}

impl<'a> Envelope<'a> {
    pub fn parse(sealed: &'a [u8]) -> Option<Envelope<'a>> {
        let (version, rest) = sealed.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (sealed_key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>()?;
        (*version == VERSION).then_some(Envelope { sealed_key, nonce: *nonce, body })
    }

    /// Opens the value with the data key that KMS decrypted.
    pub fn open(&self, key: &[u8], arn: &str) -> Option<Zeroizing<Vec<u8>>> {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
        let mut body = Zeroizing::new(self.body.to_vec());
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let length = key.open_in_place(nonce, Aad::from(arn.as_bytes()), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_its_key_and_arn_alone() {
        let sealed = seal(&[7; 32], b"sealed key", [1; 12], "arn:a", "secret").unwrap();
        let envelope = Envelope::parse(&sealed).unwrap();
        assert_eq!(envelope.sealed_key, b"sealed key");
        assert_eq!(envelope.open(&[7; 32], "arn:a").unwrap().as_slice(), b"secret");
        assert!(envelope.open(&[8; 32], "arn:a").is_none());
        assert!(envelope.open(&[7; 32], "arn:b").is_none());
        assert!(envelope.open(&[7; 16], "arn:a").is_none());
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(Envelope::parse(&changed).unwrap().open(&[7; 32], "arn:a").is_none());
        for cut in [0, 2, 5, 20] {
            assert!(Envelope::parse(&sealed[..cut]).is_none(), "{cut}");
        }
    }
}
