//! Sealing: anything, for one purpose and one context, so that only this vault opens it and only for both.
//!
//! ```text
//! version  1 byte   1
//! master   8 bytes  fingerprint of the master key
//! salt    16 bytes  random; the key is derived from it, the master key and the purpose
//! nonce   12 bytes  random
//! ciphertext, as long as the plaintext
//! tag     16 bytes  over the ciphertext, the version, the fingerprint, the purpose and the context
//! ```
//!
//! The fingerprint tells a wrong master key from tampering; being authenticated, it cannot be exchanged.

use zeroize::Zeroizing;

use crate::derive::{self, Source};
use crate::error::VaultError;
use crate::limits::{FINGERPRINT_BYTES, SEAL_OVERHEAD_BYTES};
use crate::master::{self, MasterKey};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + FINGERPRINT_BYTES;

/// What sealed things are for. Callers choose the purpose of data only, so data never opens as a key, nor one kind of
/// key as another.
#[derive(Clone, Copy)]
pub(crate) enum Use<'a> {
    Data(&'a str),
    /// A key of this spec.
    Key(&'static str),
    /// A key for wrapping material, of this spec.
    Wrapping(&'static str),
    /// The constant that shows whether the master key is the right one.
    Check,
}

impl<'a> Use<'a> {
    fn parts(self) -> [&'a [u8]; 2] {
        match self {
            Use::Data(purpose) => [b"data", purpose.as_bytes()],
            Use::Key(spec) => [b"key", spec.as_bytes()],
            Use::Wrapping(spec) => [b"wrapping key", spec.as_bytes()],
            Use::Check => [b"check", b""],
        }
    }
}

pub(crate) struct Seals {
    root: Source,
    fingerprint: [u8; FINGERPRINT_BYTES],
    pub(crate) fingerprint_text: String,
}

impl Seals {
    pub(crate) fn new(master: &MasterKey) -> Seals {
        let root = master.root();
        let fingerprint = master::fingerprint(&root);
        Seals { root, fingerprint, fingerprint_text: master::fingerprint_text(&fingerprint) }
    }

    pub(crate) fn seal(&self, purpose: Use<'_>, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plaintext.len() + SEAL_OVERHEAD_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&self.fingerprint);
        let aad = authenticated(&sealed, purpose, context);
        derive::encrypt(&self.root, &purpose.parts(), &aad, plaintext, &mut sealed);
        sealed
    }

    pub(crate) fn open(
        &self,
        purpose: Use<'_>,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match sealed.first() {
            Some(&VERSION) => {}
            Some(&other) => return Err(VaultError::Version(other)),
            None => return Err(VaultError::Tampered),
        }
        let (header, rest) = sealed.split_at_checked(HEADER_BYTES).ok_or(VaultError::Tampered)?;
        let found: &[u8; FINGERPRINT_BYTES] =
            header[1..].try_into().expect("the header is the version and the fingerprint");
        if *found != self.fingerprint {
            return Err(VaultError::OtherMasterKey {
                expected: self.fingerprint_text.clone(),
                found: master::fingerprint_text(found),
            });
        }
        let aad = authenticated(header, purpose, context);
        derive::decrypt(&self.root, &purpose.parts(), &aad, rest).ok_or(VaultError::Tampered)
    }
}

fn authenticated(header: &[u8], purpose: Use<'_>, context: &[u8]) -> Vec<u8> {
    let [kind, purpose] = purpose.parts();
    derive::joined(&[header, kind, purpose, context])
}
