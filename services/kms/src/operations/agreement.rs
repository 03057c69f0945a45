//! Secrets that two parties come to share: DeriveSharedSecret (ECDH), Encapsulate and Decapsulate (ML-KEM).
//!
//! Surprising: Decapsulate answers with a secret even if the ciphertext was made for another key or altered; the two
//! parties then have different ones ("implicit rejection", FIPS 203).

use kms_api::{
    DecapsulateInput, DecapsulateOutput, DeriveSharedSecretInput, DeriveSharedSecretOutput, EncapsulateInput,
    EncapsulateOutput,
};
use service::Call;

use super::opening::{
    Material, call_keys, check_ready, made_for, no_such_algorithm, public_key, refuse_recipient, secret,
    stop_if_dry,
};
use super::used;
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::condition_keys::{Keys, one};
use crate::records::KeyUsage;

pub fn derive_keys(_: &Kms, call: &Call, input: &DeriveSharedSecretInput) -> Keys {
    let mut keys = call_keys(call, Some(&input.key_id));
    keys.push(one("kms:KeyAgreementAlgorithm", &input.key_agreement_algorithm));
    keys
}

pub async fn derive_shared_secret(
    kms: &Kms,
    call: &Call,
    input: DeriveSharedSecretInput,
) -> Result<DeriveSharedSecretOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::KeyAgreement, "DeriveSharedSecret").await?;
    check_algorithm(&key, input.key_agreement_algorithm.as_str(), "ECDH")?;
    refuse_recipient(input.recipient.as_ref())?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let shared = kms.vault.agree(&Material::current(&key)?.sealed(), &input.public_key)?;
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "DeriveSharedSecret");
    Ok(DeriveSharedSecretOutput {
        key_id: Some(key.arn().to_string()),
        shared_secret: Some(secret(shared)),
        ciphertext_for_recipient: None,
        key_agreement_algorithm: Some(input.key_agreement_algorithm),
        key_origin: Some(key.record.origin.as_str().into()),
    })
}

/// There is one algorithm of each kind.
fn check_algorithm(key: &Key, asked: &str, only: &str) -> Result<(), Error> {
    if asked == only { Ok(()) } else { Err(no_such_algorithm(key, asked)) }
}

pub fn encapsulate_keys(_: &Kms, call: &Call, input: &EncapsulateInput) -> Keys {
    let mut keys = call_keys(call, Some(&input.key_id));
    keys.push(one("kms:EncapsulationAlgorithm", &input.encapsulation_algorithm));
    keys
}

pub fn decapsulate_keys(_: &Kms, call: &Call, input: &DecapsulateInput) -> Keys {
    let mut keys = call_keys(call, Some(&input.key_id));
    keys.push(one("kms:EncapsulationAlgorithm", &input.encapsulation_algorithm));
    keys
}

pub async fn encapsulate(
    kms: &Kms,
    call: &Call,
    input: EncapsulateInput,
) -> Result<EncapsulateOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::EncapsulateDecapsulate, "Encapsulate").await?;
    check_algorithm(&key, input.encapsulation_algorithm.as_str(), "ML_KEM")?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    stop_if_dry(input.dry_run)?;
    let (ciphertext, shared) = kms.vault.encapsulate(key.record.spec, public_key(&key)?)?;
    used(kms, call, &key, "Encapsulate");
    Ok(EncapsulateOutput {
        key_id: Some(key.arn().to_string()),
        shared_secret: Some(secret(shared)),
        shared_secret_ciphertext_blob: Some(ciphertext.into()),
        encapsulation_algorithm: Some(input.encapsulation_algorithm),
    })
}

pub async fn decapsulate(
    kms: &Kms,
    call: &Call,
    input: DecapsulateInput,
) -> Result<DecapsulateOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::EncapsulateDecapsulate, "Decapsulate").await?;
    check_algorithm(&key, input.encapsulation_algorithm.as_str(), "ML_KEM")?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let material = Material::current(&key)?;
    let shared = kms.vault.decapsulate(&material.sealed(), &input.shared_secret_ciphertext_blob)?;
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "Decapsulate");
    Ok(DecapsulateOutput {
        key_id: Some(key.arn().to_string()),
        shared_secret: Some(secret(shared)),
        encapsulation_algorithm: Some(input.encapsulation_algorithm),
    })
}
