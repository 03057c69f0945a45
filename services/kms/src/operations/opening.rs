//! Opening a key for a cryptographic operation, and what all of them have in common.
//!
//! The order of checks: the key exists, the caller may use it, it is made for this and has the algorithm, the request is
//! sound, the key is enabled. A dry run goes through all of them and stops before the cryptography's outcome is told.

use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use kms_api::RecipientInfo;
use service::Call;
use vault::SealedKey;
use zeroize::Zeroizing;

use super::{check_state, grant_tokens, key, key_arn_or_not_found};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::condition_keys::{self, Keys};
use crate::records::{KeyUsage, MaterialRecord};

/// Inputs that name their key by `KeyId`.
pub trait NamesKey {
    fn key_id(&self) -> &str;
}

macro_rules! names_key {
    ($($input:ident)*) => { $(impl NamesKey for kms_api::$input {
        fn key_id(&self) -> &str {
            &self.key_id
        }
    })* };
}

names_key! {
    DecapsulateInput DeriveSharedSecretInput EncapsulateInput EncryptInput GenerateDataKeyInput
    GenerateDataKeyPairInput GenerateDataKeyPairWithoutPlaintextInput GenerateDataKeyWithoutPlaintextInput
    GenerateMacInput GetPublicKeyInput SignInput VerifyInput VerifyMacInput
}

/// What cryptographic operations authorise.
pub fn by_key(_: &Kms, call: &Call, input: &impl NamesKey) -> Result<Vec<Arn>, Error> {
    Ok(vec![key_arn_or_not_found(call, input.key_id())?])
}

/// The condition keys of operations that have none of their own.
pub fn keys(_: &Kms, call: &Call, input: &impl NamesKey) -> Keys {
    call_keys(call, Some(input.key_id()))
}

/// The condition keys of every cryptographic operation: who calls, through whom, and by which alias.
pub fn call_keys(call: &Call, key_id: Option<&str>) -> Keys {
    key_id.map_or_else(|| condition_keys::shared(call), |key_id| condition_keys::with_alias(call, key_id))
}

/// The key that `key_id` names, if it is made for `usage`. `operation` is named in the refusal.
pub async fn made_for(
    kms: &Kms,
    call: &Call,
    key_id: &str,
    usage: KeyUsage,
    operation: &str,
) -> Result<Arc<Key>, Error> {
    let key = key(kms, call, key_id).await?;
    check_usage(&key, usage, operation)?;
    Ok(key)
}

pub fn check_usage(key: &Key, usage: KeyUsage, operation: &str) -> Result<(), Error> {
    let held = key.record.usage;
    if held == usage {
        return Ok(());
    }
    Err(Error::KeyUsage { key: key.arn(), usage: held.as_str(), operation: operation.to_owned() })
}

/// The refusal of an algorithm that is none of the key's.
pub fn no_such_algorithm(key: &Key, algorithm: &str) -> Error {
    Error::Algorithm { algorithm: algorithm.to_owned(), spec: key.record.spec.as_str() }
}

/// The last checks before the cryptography: the grant tokens are ours and the key is enabled.
pub fn check_ready(kms: &Kms, call: &Call, key: &Key, tokens: Option<&[String]>) -> Result<(), Error> {
    grant_tokens::check(kms, tokens)?;
    check_state(key, call)
}

/// Ends a dry run that got this far.
pub fn stop_if_dry(dry_run: Option<bool>) -> Result<(), Error> {
    if dry_run == Some(true) { Err(Error::DryRun) } else { Ok(()) }
}

/// Answers to an enclave would have to be encrypted for the key in its attestation document, whose chain of trust ends
/// at AWS's own root; nobody can have such a document from this cloud.
pub fn refuse_recipient(recipient: Option<&RecipientInfo>) -> Result<(), Error> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(Error::UnsupportedOperation(
            "The Recipient parameter (attestation documents of Nitro Enclaves and NitroTPM) is not supported by this \
             cloud. Call without it to get the plaintext."
                .to_owned(),
        )),
    }
}

/// A material of a key, ready for the vault.
pub struct Material<'k> {
    /// KeyMaterialId
    pub id: &'k str,
    key: &'k Key,
    sealed: &'k [u8],
    bound_to: Vec<u8>,
}

impl<'k> Material<'k> {
    /// What new ciphertexts, signatures and MACs are made with.
    pub fn current(key: &'k Key) -> Result<Material<'k>, Error> {
        let (number, record) = key.current().ok_or_else(|| Error::PendingImport(key.arn()))?;
        Material::of(key, number, record)
    }

    /// Any the key ever had; the old ones still decrypt.
    pub fn by_id(key: &'k Key, id: &str) -> Result<Material<'k>, Error> {
        let found = key.materials.iter().find(|(_, record)| record.id == id);
        let (number, record) = found.ok_or(Error::InvalidCiphertext)?;
        Material::of(key, *number, record)
    }

    fn of(key: &'k Key, number: u32, record: &'k MaterialRecord) -> Result<Material<'k>, Error> {
        // Imported material that expired or was deleted.
        let sealed = record.sealed.as_deref().ok_or_else(|| Error::PendingImport(key.arn()))?;
        Ok(Material { id: &record.id, key, sealed, bound_to: key.bound_to(number) })
    }

    pub fn sealed(&self) -> SealedKey<'_> {
        SealedKey { spec: self.key.record.spec, sealed: self.sealed, bound_to: &self.bound_to }
    }
}

/// The public half of an asymmetric key.
pub fn public_key(key: &Key) -> Result<&[u8], Error> {
    key.record.public_key.as_deref().ok_or_else(|| Error::PendingImport(key.arn()))
}

/// Secret bytes of an answer. They are wiped when the answer has been written.
pub fn secret(bytes: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(bytes)
}
