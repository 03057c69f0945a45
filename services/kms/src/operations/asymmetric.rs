//! Sign, Verify and GetPublicKey.
//!
//! Surprising: a signature that is wrong is an error, not an answer that says so.

use kms_api::{
    EncapsulationAlgorithmSpec, EncryptionAlgorithmSpec, GetPublicKeyInput, GetPublicKeyOutput,
    KeyAgreementAlgorithmSpec, MessageType, SignInput, SignOutput, SigningAlgorithmSpec, VerifyInput,
    VerifyOutput,
};
use service::Call;
use vault::{Message, SigningAlgorithm};

use super::opening::{
    Material, call_keys, check_ready, made_for, no_such_algorithm, public_key, stop_if_dry,
};
use super::{key, used};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::EXTERNAL_MU_BYTES;
use crate::model::condition_keys::{Keys, one};
use crate::model::usage;
use crate::records::KeyUsage;

pub fn sign_keys(_: &Kms, call: &Call, input: &SignInput) -> Keys {
    signature_keys(call, &input.key_id, &input.signing_algorithm, input.message_type.as_ref())
}

pub fn verify_keys(_: &Kms, call: &Call, input: &VerifyInput) -> Keys {
    signature_keys(call, &input.key_id, &input.signing_algorithm, input.message_type.as_ref())
}

fn signature_keys(
    call: &Call,
    key_id: &str,
    algorithm: &SigningAlgorithmSpec,
    message_type: Option<&MessageType>,
) -> Keys {
    let mut keys = call_keys(call, Some(key_id));
    keys.push(one("kms:SigningAlgorithm", algorithm));
    keys.push(one("kms:MessageType", type_name(message_type)));
    keys
}

fn type_name(message_type: Option<&MessageType>) -> &str {
    message_type.map_or("RAW", MessageType::as_str)
}

/// The algorithm, if the key has it.
fn algorithm(key: &Key, asked: &SigningAlgorithmSpec) -> Result<SigningAlgorithm, Error> {
    let found = SigningAlgorithm::parse(asked.as_str());
    let own = found.filter(|algorithm| key.record.spec.signing_algorithms().contains(algorithm));
    own.ok_or_else(|| no_such_algorithm(key, asked.as_str()))
}

/// The message as the algorithm wants it.
fn message<'m>(
    key: &Key,
    algorithm: SigningAlgorithm,
    message_type: Option<&MessageType>,
    bytes: &'m [u8],
) -> Result<Message<'m>, Error> {
    let name = type_name(message_type);
    let by_spec = || {
        Error::Validation(format!("Message type {name} is incompatible with key spec {}.", key.record.spec))
    };
    let by_algorithm = || {
        Error::Validation(format!(
            "Message type {name} is incompatible with algorithm {}.",
            algorithm.as_str()
        ))
    };
    match (name, algorithm) {
        ("RAW", SigningAlgorithm::Ed25519PhSha512) => Err(by_algorithm()),
        ("RAW", _) => Ok(Message::Raw(bytes)),
        ("DIGEST", SigningAlgorithm::MlDsaShake256) => Err(by_spec()),
        ("DIGEST", SigningAlgorithm::Ed25519Sha512) => Err(by_algorithm()),
        ("DIGEST", _) => match algorithm.digest_bytes() == Some(bytes.len()) {
            true => Ok(Message::Digest(bytes)),
            false => Err(Error::Validation(format!(
                "Digest is invalid length for algorithm {}.",
                algorithm.as_str()
            ))),
        },
        ("EXTERNAL_MU", SigningAlgorithm::MlDsaShake256) => match bytes.len() == EXTERNAL_MU_BYTES {
            true => Ok(Message::ExternalMu(bytes)),
            false => Err(Error::Validation(format!(
                "External Mu is invalid length for algorithm {}.",
                algorithm.as_str()
            ))),
        },
        _ => Err(by_spec()),
    }
}

pub async fn sign(kms: &Kms, call: &Call, input: SignInput) -> Result<SignOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::SignVerify, "Sign").await?;
    let algorithm = algorithm(&key, &input.signing_algorithm)?;
    let message = message(&key, algorithm, input.message_type.as_ref(), &input.message)?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    stop_if_dry(input.dry_run)?;
    let material = Material::current(&key)?;
    let signature = kms.vault.sign(&material.sealed(), algorithm, message)?;
    used(kms, call, &key, "Sign");
    Ok(SignOutput {
        key_id: Some(key.arn().to_string()),
        signature: Some(signature.into()),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

pub async fn verify(kms: &Kms, call: &Call, input: VerifyInput) -> Result<VerifyOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::SignVerify, "Verify").await?;
    let algorithm = algorithm(&key, &input.signing_algorithm)?;
    let message = message(&key, algorithm, input.message_type.as_ref(), &input.message)?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let public = public_key(&key)?;
    if !kms.vault.verify(key.record.spec, public, algorithm, message, &input.signature)? {
        return Err(Error::InvalidSignature);
    }
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "Verify");
    Ok(VerifyOutput {
        key_id: Some(key.arn().to_string()),
        signature_valid: Some(true),
        signing_algorithm: Some(input.signing_algorithm),
    })
}

pub async fn get_public_key(
    kms: &Kms,
    call: &Call,
    input: GetPublicKeyInput,
) -> Result<GetPublicKeyOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    let (spec, held) = (key.record.spec, key.record.usage);
    if !spec.is_asymmetric() {
        return Err(Error::UnsupportedOperation(format!(
            "{} key spec is {spec} which is not valid for GetPublicKey.",
            key.arn()
        )));
    }
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let public = public_key(&key)?.to_vec();
    let encryption = usage::encryption_algorithms(spec, held);
    Ok(GetPublicKeyOutput {
        key_id: Some(key.arn().to_string()),
        public_key: Some(public.into()),
        customer_master_key_spec: Some(spec.as_str().into()),
        key_spec: Some(spec.as_str().into()),
        key_usage: Some(held.as_str().into()),
        encryption_algorithms: (!encryption.is_empty())
            .then(|| encryption.iter().map(|name| EncryptionAlgorithmSpec::from(*name)).collect()),
        signing_algorithms: (held == KeyUsage::SignVerify).then(|| {
            spec.signing_algorithms().iter().map(|name| SigningAlgorithmSpec::from(name.as_str())).collect()
        }),
        key_agreement_algorithms: (held == KeyUsage::KeyAgreement)
            .then(|| vec![KeyAgreementAlgorithmSpec::from("ECDH")]),
        encapsulation_algorithms: (held == KeyUsage::EncapsulateDecapsulate)
            .then(|| vec![EncapsulationAlgorithmSpec::from("ML_KEM")]),
    })
}
