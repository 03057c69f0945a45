//! Wrapping keys: RSA keys that an owner wraps material under to bring it here (`GetParametersForImport` and
//! `ImportKeyMaterial` of KMS).
//!
//! They are sealed apart from other keys, so that neither can be used as the other.

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::OaepPrivateDecryptingKey;
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::IMPORT_BYTES_MAX;
use crate::loaded::{Job, Loaded};
use crate::material;
use crate::rsa::oaep_open;
use crate::seal::Use;
use crate::spec::{KeySpec, OaepHash, WrappingAlgorithm};
use crate::vault::{NewKey, SealedKey, Vault};

impl Vault {
    /// A new wrapping key, of one of the RSA specs.
    pub fn wrapping_key(&self, spec: KeySpec, bound_to: &[u8]) -> Result<NewKey, VaultError> {
        if !spec.is_rsa() {
            return Err(VaultError::DoesNotFit { spec, wanted: "wrapping key material" });
        }
        let material = material::generate(spec)?;
        Ok(NewKey {
            sealed: self.inner.seals.seal(Use::Wrapping(spec.as_str()), bound_to, &material.secret),
            public_key: material.public_key,
        })
    }

    /// The material that was wrapped under a key made by [`Vault::wrapping_key`]; to be given to [`Vault::import`].
    pub fn unwrap(
        &self,
        wrapping_key: &SealedKey<'_>,
        algorithm: WrappingAlgorithm,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match &*self.load(wrapping_key, Job::Unwrap)? {
            Loaded::RsaDecrypting(private) => match algorithm {
                WrappingAlgorithm::RsaesOaep(hash) => oaep_open(private, hash, wrapped),
                WrappingAlgorithm::RsaAesKeyWrap(hash) => key_wrap_open(private, hash, wrapped),
            },
            _ => Err(VaultError::DoesNotFit { spec: wrapping_key.spec, wanted: algorithm.as_str() }),
        }
    }
}

/// An AES key under RSA, as long as the RSA key, and then the material under that AES key (PKCS #11 v2.40,
/// `CKM_RSA_AES_KEY_WRAP`).
fn key_wrap_open(
    private: &OaepPrivateDecryptingKey,
    hash: OaepHash,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (wrapped_key, wrapped_material) =
        wrapped.split_at_checked(private.key_size_bytes()).ok_or(VaultError::Ciphertext)?;
    if wrapped_material.len() > 2 * IMPORT_BYTES_MAX {
        return Err(VaultError::Ciphertext);
    }
    let aes_key = oaep_open(private, hash, wrapped_key)?;
    let cipher = match aes_key.len() {
        16 => &AES_128,
        32 => &AES_256,
        _ => return Err(VaultError::Ciphertext),
    };
    let kek = AesKek::new(cipher, &aes_key).map_err(|_| VaultError::Ciphertext)?;
    let mut material = Zeroizing::new(vec![0; wrapped_material.len()]);
    let bytes =
        kek.unwrap_with_padding(wrapped_material, &mut material).map_err(|_| VaultError::Ciphertext)?.len();
    material.truncate(bytes);
    Ok(material)
}
