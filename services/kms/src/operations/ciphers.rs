//! How keys encrypt and decrypt: AES-256-GCM with a context, or RSAES-OAEP without one.

use bytes::Bytes;
use kms_api::EncryptionAlgorithmSpec;
use service::Call;
use vault::{KeySpec, OaepHash, VaultError};
use zeroize::Zeroizing;

use super::opening::{Material, call_keys, no_such_algorithm, public_key};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::ciphertext::{Ciphertext, Origin};
use crate::model::condition_keys::{Keys, one};
use crate::model::context::{self, EncryptionContext, condition_keys};

/// How a key encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    Symmetric,
    Oaep(OaepHash),
}

impl Cipher {
    pub const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";

    /// The algorithm asked for, if the key has it.
    pub fn of(key: &Key, algorithm: Option<&EncryptionAlgorithmSpec>) -> Result<Cipher, Error> {
        let name = algorithm_name(algorithm);
        let spec = key.record.spec;
        match OaepHash::parse(name) {
            Some(hash) if spec.is_rsa() => Ok(Cipher::Oaep(hash)),
            None if name == Cipher::SYMMETRIC && spec == KeySpec::SymmetricDefault => Ok(Cipher::Symmetric),
            _ => Err(no_such_algorithm(key, name)),
        }
    }

    pub fn spec(self) -> EncryptionAlgorithmSpec {
        EncryptionAlgorithmSpec::from(match self {
            Cipher::Symmetric => Cipher::SYMMETRIC,
            Cipher::Oaep(hash) => hash.as_str(),
        })
    }
}

fn algorithm_name(algorithm: Option<&EncryptionAlgorithmSpec>) -> &str {
    algorithm.map_or(Cipher::SYMMETRIC, EncryptionAlgorithmSpec::as_str)
}

/// What was encrypted, and the material it was done with if the ciphertext names it.
pub struct Encrypted {
    pub blob: Bytes,
    pub material_id: Option<String>,
}

/// Encrypts under a key that has been found fit for it.
pub fn encrypt_under(
    kms: &Kms,
    key: &Key,
    cipher: Cipher,
    context: &EncryptionContext,
    plaintext: &[u8],
) -> Result<Encrypted, Error> {
    match cipher {
        Cipher::Symmetric => {
            let material = Material::current(key)?;
            let (account, region) = key.place();
            let mut blob = Origin { account, region, key: &key.id, material: material.id }.header();
            let authenticated = context::authenticated(&blob, context);
            let encrypted = kms.vault.encrypt(&material.sealed(), &authenticated, plaintext)?;
            blob.extend_from_slice(&encrypted);
            Ok(Encrypted { blob: blob.into(), material_id: Some(material.id.to_owned()) })
        }
        Cipher::Oaep(hash) => {
            let encrypted = kms.vault.rsa_encrypt(public_key(key)?, hash, plaintext);
            let blob = encrypted.map_err(|error| too_long(key, hash, error))?;
            Ok(Encrypted { blob: blob.into(), material_id: None })
        }
    }
}

fn too_long(key: &Key, hash: OaepHash, error: VaultError) -> Error {
    match error {
        VaultError::TooLong { bytes_max, .. } => Error::Validation(format!(
            "Algorithm {} and key spec {} cannot encrypt data larger than {bytes_max} bytes.",
            hash.as_str(),
            key.record.spec
        )),
        other => other.into(),
    }
}

/// What was decrypted, and the material that did it if the ciphertext named it.
pub struct Decrypted {
    pub plaintext: Zeroizing<Vec<u8>>,
    pub material_id: Option<String>,
}

pub fn decrypt_under(
    kms: &Kms,
    key: &Key,
    cipher: Cipher,
    context: &EncryptionContext,
    blob: &[u8],
) -> Result<Decrypted, Error> {
    match cipher {
        Cipher::Symmetric => {
            let Ciphertext { origin, header, sealed } =
                Ciphertext::parse(blob).ok_or(Error::InvalidCiphertext)?;
            let material = Material::by_id(key, origin.material)?;
            let authenticated = context::authenticated(header, context);
            let plaintext = kms.vault.decrypt(&material.sealed(), &authenticated, sealed)?;
            Ok(Decrypted { plaintext, material_id: Some(material.id.to_owned()) })
        }
        Cipher::Oaep(hash) => {
            let material = Material::current(key)?;
            let plaintext = kms.vault.rsa_decrypt(&material.sealed(), hash, blob)?;
            Ok(Decrypted { plaintext, material_id: None })
        }
    }
}

/// Contexts are for symmetric keys.
pub fn check_context(cipher: Cipher, context: &EncryptionContext, member: &str) -> Result<(), Error> {
    context::check(context, member)?;
    match cipher {
        Cipher::Oaep(_) if !context.is_empty() => Err(Error::validation(
            "An encryption context is valid only for operations with a symmetric encryption key.",
        )),
        _ => Ok(()),
    }
}

/// The condition keys of operations that encrypt or decrypt.
pub fn cipher_keys(
    call: &Call,
    key_id: Option<&str>,
    algorithm: Option<&EncryptionAlgorithmSpec>,
    context: Option<&EncryptionContext>,
) -> Keys {
    let mut keys = call_keys(call, key_id);
    keys.push(one("kms:EncryptionAlgorithm", algorithm_name(algorithm)));
    keys.extend(condition_keys(context));
    keys
}
