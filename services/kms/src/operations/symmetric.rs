//! Encrypt and Decrypt, by symmetric and by RSA keys.
//!
//! Surprising: a symmetric ciphertext names its key and the permission is asked on that; an RSA ciphertext names
//! nothing, so its key and algorithm must be given.

use std::sync::Arc;

use base::Arn;
use bytes::Bytes;
use kms_api::{
    DecryptInput, DecryptOutput, DryRunModifierType, EncryptInput, EncryptOutput, EncryptionAlgorithmSpec,
};
use service::Call;

use super::ciphers::{Cipher, check_context, cipher_keys, decrypt_under, encrypt_under};
use super::opening::{check_ready, check_usage, made_for, refuse_recipient, secret, stop_if_dry};
use super::{by_arn, key_arn_or_not_found, used};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::ciphertext::Ciphertext;
use crate::model::condition_keys::Keys;
use crate::records::KeyUsage;

pub fn encrypt_keys(_: &Kms, call: &Call, input: &EncryptInput) -> Keys {
    let EncryptInput { key_id, encryption_algorithm, encryption_context, .. } = input;
    cipher_keys(call, Some(key_id), encryption_algorithm.as_ref(), encryption_context.as_ref())
}

pub async fn encrypt(kms: &Kms, call: &Call, input: EncryptInput) -> Result<EncryptOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::EncryptDecrypt, "Encrypt").await?;
    let cipher = Cipher::of(&key, input.encryption_algorithm.as_ref())?;
    let context = input.encryption_context.unwrap_or_default();
    check_context(cipher, &context, "encryptionContext")?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let encrypted = encrypt_under(kms, &key, cipher, &context, &input.plaintext)?;
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "Encrypt");
    Ok(EncryptOutput {
        ciphertext_blob: Some(encrypted.blob),
        key_id: Some(key.arn().to_string()),
        encryption_algorithm: Some(cipher.spec()),
    })
}

/// The key to decrypt with: the one that is given, or else the one that the ciphertext names.
pub fn source(call: &Call, key_id: Option<&str>, blob: Option<&Bytes>) -> Result<Arn, Error> {
    let origin = blob.and_then(|blob| Ciphertext::parse(blob)).map(|ciphertext| ciphertext.origin);
    match (key_id, origin) {
        // Of another account's key, its bare id is enough.
        (Some(key_id), Some(origin)) if key_id == origin.key => Ok(origin.arn(call.region)),
        (Some(key_id), _) => key_arn_or_not_found(call, key_id),
        (None, Some(origin)) if origin.is_multi_region() || origin.region == call.region => {
            Ok(origin.arn(call.region))
        }
        (None, Some(_)) => Err(Error::CiphertextOutOfReach),
        (None, None) if blob.is_some() => Err(Error::InvalidCiphertext),
        (None, None) => Err(missing_ciphertext()),
    }
}

pub fn missing_ciphertext() -> Error {
    Error::validation(
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
    )
}

pub fn by_ciphertext(_: &Kms, call: &Call, input: &DecryptInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![source(call, input.key_id.as_deref(), input.ciphertext_blob.as_ref())?])
}

pub fn decrypt_keys(_: &Kms, call: &Call, input: &DecryptInput) -> Keys {
    let DecryptInput { key_id, encryption_algorithm, encryption_context, .. } = input;
    cipher_keys(call, key_id.as_deref(), encryption_algorithm.as_ref(), encryption_context.as_ref())
}

/// What is to be decrypted, and how.
pub struct Source<'a> {
    pub key_id: Option<&'a str>,
    pub algorithm: Option<&'a EncryptionAlgorithmSpec>,
    pub blob: Option<&'a Bytes>,
    /// A dry run that asks for the permission alone.
    pub ignored: bool,
    pub operation: &'a str,
}

impl Source<'_> {
    /// The key, if it can have made the ciphertext.
    pub async fn open(&self, kms: &Kms, call: &Call) -> Result<(Arc<Key>, Cipher), Error> {
        let arn = source(call, self.key_id, self.blob)?;
        let key = by_arn(kms, &arn).await.map_err(|error| match (error, self.key_id) {
            (Error::KeyNotFound(_), None) => Error::CiphertextOutOfReach,
            (error, _) => error,
        })?;
        check_usage(&key, KeyUsage::EncryptDecrypt, self.operation)?;
        let cipher = Cipher::of(&key, self.algorithm)?;
        if cipher == Cipher::Symmetric && !self.ignored {
            let blob = self.blob.ok_or_else(missing_ciphertext)?;
            let origin = Ciphertext::parse(blob).ok_or(Error::InvalidCiphertext)?.origin;
            let is_this_key = origin.key == key.id
                && origin.account == key.account
                && (origin.is_multi_region() || origin.region == key.region);
            if !is_this_key {
                return Err(Error::IncorrectKey);
            }
        }
        Ok((key, cipher))
    }
}

/// Whether a dry run asks for the permission alone.
pub fn ignores_ciphertext(dry_run: Option<bool>, modifiers: Option<&[DryRunModifierType]>) -> bool {
    dry_run == Some(true)
        && modifiers.unwrap_or_default().iter().any(|modifier| modifier.as_str() == "IGNORE_CIPHERTEXT")
}

pub async fn decrypt(kms: &Kms, call: &Call, input: DecryptInput) -> Result<DecryptOutput, Error> {
    let ignored = ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref());
    let source = Source {
        key_id: input.key_id.as_deref(),
        algorithm: input.encryption_algorithm.as_ref(),
        blob: input.ciphertext_blob.as_ref(),
        ignored,
        operation: "Decrypt",
    };
    let (key, cipher) = source.open(kms, call).await?;
    let context = input.encryption_context.unwrap_or_default();
    check_context(cipher, &context, "encryptionContext")?;
    refuse_recipient(input.recipient.as_ref())?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    if ignored {
        return Err(Error::DryRun);
    }
    let blob = input.ciphertext_blob.as_ref().ok_or_else(missing_ciphertext)?;
    let decrypted = decrypt_under(kms, &key, cipher, &context, blob)?;
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "Decrypt");
    Ok(DecryptOutput {
        key_id: Some(key.arn().to_string()),
        plaintext: Some(secret(decrypted.plaintext)),
        encryption_algorithm: Some(cipher.spec()),
        ciphertext_for_recipient: None,
        key_material_id: decrypted.material_id,
    })
}
