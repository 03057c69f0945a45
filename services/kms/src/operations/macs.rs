//! GenerateMac and VerifyMac.
//!
//! Surprising: as with signatures, a code that is wrong is an error.

use kms_api::{GenerateMacInput, GenerateMacOutput, MacAlgorithmSpec, VerifyMacInput, VerifyMacOutput};
use service::Call;
use vault::MacAlgorithm;

use super::opening::{Material, call_keys, check_ready, made_for, no_such_algorithm, stop_if_dry};
use super::used;
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::condition_keys::{Keys, one};
use crate::records::KeyUsage;

pub fn generate_keys(_: &Kms, call: &Call, input: &GenerateMacInput) -> Keys {
    mac_keys(call, &input.key_id, &input.mac_algorithm)
}

pub fn verify_keys(_: &Kms, call: &Call, input: &VerifyMacInput) -> Keys {
    mac_keys(call, &input.key_id, &input.mac_algorithm)
}

fn mac_keys(call: &Call, key_id: &str, algorithm: &MacAlgorithmSpec) -> Keys {
    let mut keys = call_keys(call, Some(key_id));
    keys.push(one("kms:MacAlgorithm", algorithm));
    keys
}

/// The algorithm, if it is the key's.
fn algorithm(key: &Key, asked: &MacAlgorithmSpec) -> Result<MacAlgorithm, Error> {
    let own = key.record.spec.mac_algorithm().filter(|own| own.as_str() == asked.as_str());
    own.ok_or_else(|| no_such_algorithm(key, asked.as_str()))
}

pub async fn generate_mac(
    kms: &Kms,
    call: &Call,
    input: GenerateMacInput,
) -> Result<GenerateMacOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::GenerateVerifyMac, "GenerateMac").await?;
    let algorithm = algorithm(&key, &input.mac_algorithm)?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    stop_if_dry(input.dry_run)?;
    let mac = kms.vault.mac(&Material::current(&key)?.sealed(), algorithm, &input.message)?;
    used(kms, call, &key, "GenerateMac");
    Ok(GenerateMacOutput {
        mac: Some(mac.into()),
        mac_algorithm: Some(input.mac_algorithm),
        key_id: Some(key.arn().to_string()),
    })
}

pub async fn verify_mac(kms: &Kms, call: &Call, input: VerifyMacInput) -> Result<VerifyMacOutput, Error> {
    let key = made_for(kms, call, &input.key_id, KeyUsage::GenerateVerifyMac, "VerifyMac").await?;
    let algorithm = algorithm(&key, &input.mac_algorithm)?;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    let material = Material::current(&key)?;
    if !kms.vault.verify_mac(&material.sealed(), algorithm, &input.message, &input.mac)? {
        return Err(Error::InvalidMac);
    }
    stop_if_dry(input.dry_run)?;
    used(kms, call, &key, "VerifyMac");
    Ok(VerifyMacOutput {
        key_id: Some(key.arn().to_string()),
        mac_valid: Some(true),
        mac_algorithm: Some(input.mac_algorithm),
    })
}
