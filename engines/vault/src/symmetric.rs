//! Encryption with symmetric keys: AES-256-GCM, under a key derived for every message.

use zeroize::Zeroizing;

use crate::derive;
use crate::error::VaultError;
use crate::loaded::{Job, Loaded};
use crate::vault::{SealedKey, Vault};

/// Keeps what is encrypted apart from other things derived from the same material.
const LABEL: &[&[u8]] = &[b"encrypt"];

impl Vault {
    /// Salt, nonce, ciphertext and tag: [`ENCRYPT_OVERHEAD_BYTES`](crate::ENCRYPT_OVERHEAD_BYTES) longer than the
    /// plaintext. `aad` is authenticated with it.
    pub fn encrypt(&self, key: &SealedKey<'_>, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        let loaded = self.load(key, Job::Encrypt)?;
        let Loaded::Symmetric(material) = &*loaded else {
            return Err(VaultError::DoesNotFit { spec: key.spec, wanted: "symmetric encryption" });
        };
        let mut ciphertext = Vec::new();
        derive::encrypt(material, LABEL, aad, plaintext, &mut ciphertext);
        Ok(ciphertext)
    }

    pub fn decrypt(
        &self,
        key: &SealedKey<'_>,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let loaded = self.load(key, Job::Encrypt)?;
        let Loaded::Symmetric(material) = &*loaded else {
            return Err(VaultError::DoesNotFit { spec: key.spec, wanted: "symmetric encryption" });
        };
        derive::decrypt(material, LABEL, aad, ciphertext).ok_or(VaultError::Ciphertext)
    }
}
