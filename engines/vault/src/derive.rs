//! Keys from keys: HKDF-SHA256 (RFC 5869), and AES-256-GCM with a key of its own for every message.
//!
//! AES-GCM with random nonces is good for some 2³² messages a key (SP 800-38D, section 8.3); queues pass that in days.
//! Every message therefore gets 16 random bytes, from which its key is derived, beside its random nonce. KMS does the
//! like (cryptographic details of KMS, "Encrypt").

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use crate::limits::{NONCE_BYTES, SALT_BYTES, SYMMETRIC_KEY_BYTES, TAG_BYTES};

/// What keys are derived from: 32 random bytes. They stay in one place, because what is moved leaves a copy behind.
pub(crate) struct Source(Zeroizing<Vec<u8>>);

impl Source {
    pub(crate) fn new(bytes: &[u8]) -> Source {
        Source(Zeroizing::new(bytes.to_vec()))
    }

    /// HKDF-Extract: of anything that is hard to guess.
    pub(crate) fn extract(label: &[u8], secret: &[u8]) -> Source {
        let mut bytes = Zeroizing::new(vec![0; SYMMETRIC_KEY_BYTES]);
        expand(&hkdf::Salt::new(hkdf::HKDF_SHA256, label).extract(secret), b"source", &mut bytes);
        Source(bytes)
    }

    /// HKDF-Expand. The parts of `info` are joined with their lengths, so that no two lists of parts are the same.
    pub(crate) fn fill(&self, info: &[&[u8]], out: &mut [u8]) {
        expand(&hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &self.0), &joined(info), out);
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(from: &hkdf::Prk, info: &[u8], out: &mut [u8]) {
    from.expand(&[info], Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("less than 255 blocks are asked for, and room for exactly what is asked");
}

/// Bytes that only these parts give: each is preceded by its length.
pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Appends salt, nonce, ciphertext and tag to `out`. `label` separates the uses of one key.
pub(crate) fn encrypt(from: &Source, label: &[&[u8]], aad: &[u8], plaintext: &[u8], out: &mut Vec<u8>) {
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    aws_lc_rs::rand::fill(&mut random).expect("the operating system has randomness");
    let (salt, nonce) = random.split_at(SALT_BYTES);
    let key = message_key(from, label, salt);
    out.reserve(random.len() + plaintext.len() + TAG_BYTES);
    out.extend_from_slice(&random);
    let start = out.len();
    out.extend_from_slice(plaintext);
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("a nonce of twelve bytes");
    let tag = key
        .seal_in_place_separate_tag(nonce, Aad::from(aad), &mut out[start..])
        .expect("a message is far shorter than the 64 GiB of AES-GCM");
    out.extend_from_slice(tag.as_ref());
}

/// The plaintext of what [`encrypt`] appended, or none.
pub(crate) fn decrypt(
    from: &Source,
    label: &[&[u8]],
    aad: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, rest) = sealed.split_at_checked(SALT_BYTES)?;
    gcm_open(&message_key(from, label, salt), aad, rest)
}

fn message_key(from: &Source, label: &[&[u8]], salt: &[u8]) -> LessSafeKey {
    let mut bytes = Zeroizing::new([0; SYMMETRIC_KEY_BYTES]);
    let mut info = joined(label);
    info.extend_from_slice(salt);
    from.fill(&[b"AES-256-GCM", &info], bytes.as_mut());
    gcm_key(bytes.as_ref())
}

pub(crate) fn gcm_key(bytes: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes"))
}

/// Nonce, ciphertext and tag.
pub(crate) fn gcm_open(key: &LessSafeKey, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_BYTES)?;
    let plaintext_bytes = rest.len().checked_sub(TAG_BYTES)?;
    let (ciphertext, tag) = rest.split_at(plaintext_bytes);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plaintext = Zeroizing::new(vec![0; plaintext_bytes]);
    key.open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, &mut plaintext).ok()?;
    Some(plaintext)
}
