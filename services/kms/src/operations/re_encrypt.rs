//! ReEncrypt: from one key to another, or from one context to another, without the plaintext leaving.
//!
//! It takes two permissions: `kms:ReEncryptFrom` on the source, which is the row's, and `kms:ReEncryptTo` on the
//! destination, which is asked for inside.

use std::sync::Arc;

use base::Arn;
use kms_api::{ReEncryptInput, ReEncryptOutput};
use service::{Ask, Call};

use super::ciphers::{Cipher, check_context, cipher_keys, decrypt_under, encrypt_under};
use super::opening::{check_ready, check_usage, stop_if_dry};
use super::symmetric::{Source, ignores_ciphertext, missing_ciphertext, source};
use super::{by_arn, key_arn_or_not_found, used};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::condition_keys::{Keys, one};
use crate::records::KeyUsage;

/// The source; leave to encrypt under the destination is asked for in [`re_encrypt`].
pub fn by_source(_: &Kms, call: &Call, input: &ReEncryptInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![source(call, input.source_key_id.as_deref(), input.ciphertext_blob.as_ref())?])
}

/// The keys for `kms:ReEncryptFrom`.
pub fn source_keys(_: &Kms, call: &Call, input: &ReEncryptInput) -> Keys {
    let mut keys = cipher_keys(
        call,
        input.source_key_id.as_deref(),
        input.source_encryption_algorithm.as_ref(),
        input.source_encryption_context.as_ref(),
    );
    let from = source(call, input.source_key_id.as_deref(), input.ciphertext_blob.as_ref());
    // What an alias names is known in `re_encrypt` only, which asks again.
    if let (Ok(from), Ok(to)) = (from, key_arn_or_not_found(call, &input.destination_key_id))
        && ![&from, &to].iter().any(|arn| is_alias(arn))
    {
        keys.push(same_key(from == to));
    }
    keys
}

fn is_alias(arn: &Arn) -> bool {
    arn.resource().starts_with("alias/")
}

fn same_key(is_same: bool) -> (String, Vec<String>) {
    one("kms:ReEncryptOnSameKey", if is_same { "true" } else { "false" })
}

/// Asks for leave to encrypt under the destination, and once more for the source where an alias hid which key it is.
async fn authorise_destination(
    kms: &Kms,
    call: &Call,
    input: &ReEncryptInput,
    from: &Key,
) -> Result<Arc<Key>, Error> {
    let arn = key_arn_or_not_found(call, &input.destination_key_id)?;
    let found = by_arn(kms, &arn).await;
    let is_same = found.as_ref().is_ok_and(|to| to.arn() == from.arn());
    let mut keys = cipher_keys(
        call,
        Some(&input.destination_key_id),
        input.destination_encryption_algorithm.as_ref(),
        input.destination_encryption_context.as_ref(),
    );
    keys.push(same_key(is_same));
    let to = Ask { prefix: "kms", action: "ReEncryptTo", resource: Some(&arn), keys: &keys, input: None };
    kms.aws.require(call, &to).await?;
    let hidden =
        is_alias(&arn) || input.source_key_id.as_deref().is_some_and(|key_id| key_id.contains("alias/"));
    if hidden {
        let mut keys = source_keys(kms, call, input);
        keys.push(same_key(is_same));
        let resource = from.arn();
        let again = Ask {
            prefix: "kms",
            action: "ReEncryptFrom",
            resource: Some(&resource),
            keys: &keys,
            input: None,
        };
        kms.aws.require(call, &again).await?;
    }
    found
}

pub async fn re_encrypt(kms: &Kms, call: &Call, input: ReEncryptInput) -> Result<ReEncryptOutput, Error> {
    let ignored = ignores_ciphertext(input.dry_run, input.dry_run_modifiers.as_deref());
    let source = Source {
        key_id: input.source_key_id.as_deref(),
        algorithm: input.source_encryption_algorithm.as_ref(),
        blob: input.ciphertext_blob.as_ref(),
        ignored,
        operation: "ReEncrypt",
    };
    let (from, from_cipher) = source.open(kms, call).await?;
    let to = authorise_destination(kms, call, &input, &from).await?;
    check_usage(&to, KeyUsage::EncryptDecrypt, "ReEncrypt")?;
    let to_cipher = Cipher::of(&to, input.destination_encryption_algorithm.as_ref())?;
    let from_context = input.source_encryption_context.unwrap_or_default();
    let to_context = input.destination_encryption_context.unwrap_or_default();
    check_context(from_cipher, &from_context, "sourceEncryptionContext")?;
    check_context(to_cipher, &to_context, "destinationEncryptionContext")?;
    check_ready(kms, call, &from, input.grant_tokens.as_deref())?;
    check_ready(kms, call, &to, None)?;
    if ignored {
        return Err(Error::DryRun);
    }
    let blob = input.ciphertext_blob.as_ref().ok_or_else(missing_ciphertext)?;
    let decrypted = decrypt_under(kms, &from, from_cipher, &from_context, blob)?;
    let encrypted = encrypt_under(kms, &to, to_cipher, &to_context, &decrypted.plaintext)?;
    stop_if_dry(input.dry_run)?;
    used(kms, call, &from, "ReEncrypt");
    used(kms, call, &to, "ReEncrypt");
    Ok(ReEncryptOutput {
        ciphertext_blob: Some(encrypted.blob),
        source_key_id: Some(from.arn().to_string()),
        key_id: Some(to.arn().to_string()),
        source_encryption_algorithm: Some(from_cipher.spec()),
        destination_encryption_algorithm: Some(to_cipher.spec()),
        source_key_material_id: decrypted.material_id,
        destination_key_material_id: encrypted.material_id,
    })
}
