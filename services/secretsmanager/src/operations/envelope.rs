//! Envelope encryption: a data key from KMS for each value, with the identity of whoever asks.
//!
//! KMS is called as the caller, through this service, so that somebody who may not decrypt with a customer's key cannot
//! read what it protects, whatever else is allowed. The encryption context is the one AWS documents: `SecretARN` and
//! `SecretVersionId` ("Secret encryption and decryption" in the user guide).

use std::collections::BTreeMap;

use base::{AccountId, Region};
use bytes::Bytes;
use kms_api::{DataKeySpec, Decrypt, DecryptInput, GenerateDataKey, GenerateDataKeyInput};
use schema::Fault;
use service::{AsService, Call};

use crate::SecretsManager;
use crate::error::Error;
use crate::model::sealed::{Place, SealedValue, Value, take_data_key};

const PRINCIPAL: &str = "secretsmanager.amazonaws.com";
/// The key of those who name none. KMS makes it when it is first used.
const SERVICE_KEY: &str = "alias/aws/secretsmanager";

/// A key as a secret names it, which is meant in the secret's own account and region.
#[derive(Clone, Copy, Debug)]
pub struct KeyName<'a> {
    pub account: AccountId,
    pub region: Region,
    /// Nothing for the key of the service.
    pub name: Option<&'a str>,
}

impl KeyName<'_> {
    /// The key as KMS understands the caller, who may be of another account.
    fn for_caller(&self, call: &Call) -> String {
        let name = self.name.unwrap_or(SERVICE_KEY);
        if name.starts_with("arn:") || self.account == call.account {
            return name.to_owned();
        }
        let resource = if name.starts_with("alias/") { name.to_owned() } else { format!("key/{name}") };
        base::Arn::regional("kms", self.region, self.account, resource).to_string()
    }
}

/// Seals a value under a data key of its own.
pub async fn seal(
    service: &SecretsManager,
    call: &Call,
    key: KeyName<'_>,
    place: &Place<'_>,
    value: &Value,
) -> Result<SealedValue, Error> {
    let input = GenerateDataKeyInput {
        key_id: key.for_caller(call),
        encryption_context: Some(context(place)),
        key_spec: Some(DataKeySpec::Aes256),
        ..GenerateDataKeyInput::default()
    };
    let answer = kms(service, call, key.region).call(GenerateDataKey, input).await.map_err(not_encrypted)?;
    let data_key = answer.plaintext.and_then(take_data_key);
    let (data_key, encrypted) = data_key
        .zip(answer.ciphertext_blob)
        .ok_or_else(|| Error::broken("KMS answered GenerateDataKey without a key"))?;
    Ok(SealedValue::seal(value, &data_key, &encrypted, service.ids.bytes(), place))
}

/// Opens a sealed value; the ciphertext of its data key names the key.
pub async fn open(
    service: &SecretsManager,
    call: &Call,
    region: Region,
    place: &Place<'_>,
    sealed: &SealedValue,
) -> Result<Value, Error> {
    let encrypted = sealed.encrypted_data_key().map_err(|cause| Error::Internal(cause.into()))?;
    let input = DecryptInput {
        ciphertext_blob: Some(Bytes::from(encrypted)),
        encryption_context: Some(context(place)),
        ..DecryptInput::default()
    };
    let answer = kms(service, call, region).call(Decrypt, input).await.map_err(not_decrypted)?;
    let data_key = answer.plaintext.and_then(take_data_key);
    let data_key = data_key.ok_or_else(|| Error::broken("KMS answered Decrypt without a key"))?;
    sealed.open(&data_key, place).map_err(|cause| Error::Internal(cause.into()))
}

fn kms(service: &SecretsManager, call: &Call, region: Region) -> AsService {
    service.aws.as_caller(call).via(PRINCIPAL).in_region(region)
}

fn context(place: &Place<'_>) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("SecretARN".to_owned(), place.arn.to_owned()),
        ("SecretVersionId".to_owned(), place.version.to_owned()),
    ])
}

/// What KMS's refusal to make a data key means here.
fn not_encrypted(fault: Fault) -> Error {
    match fault.name() {
        "AccessDeniedException" => Error::kms_not_allowed(),
        "DisabledException"
        | "NotFoundException"
        | "KMSInvalidStateException"
        | "KeyUnavailableException" => Error::EncryptionFailure,
        "InvalidKeyUsageException" => Error::request("Cannot generate a data key with an asymmetric KMS key"),
        _ if fault.status() < 500 && fault.name() != "ThrottlingException" => {
            Error::parameter(fault.message())
        }
        _ => Error::Refused(fault),
    }
}

fn not_decrypted(fault: Fault) -> Error {
    match fault.name() {
        "AccessDeniedException" => Error::kms_not_allowed(),
        _ if fault.status() < 500 && fault.name() != "ThrottlingException" => Error::DecryptionFailure,
        _ => Error::Refused(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kms_refuses_is_told_in_secrets_managers_words() {
        let fault = |name: &'static str, status| Fault::custom(name, status, "why");
        for (name, encrypting, decrypting) in [
            ("AccessDeniedException", Error::kms_not_allowed(), Error::kms_not_allowed()),
            ("DisabledException", Error::EncryptionFailure, Error::DecryptionFailure),
            ("KMSInvalidStateException", Error::EncryptionFailure, Error::DecryptionFailure),
            ("NotFoundException", Error::EncryptionFailure, Error::DecryptionFailure),
            ("InvalidArnException", Error::parameter("why"), Error::DecryptionFailure),
        ] {
            assert_eq!(not_encrypted(fault(name, 400)), encrypting, "{name}");
            assert_eq!(not_decrypted(fault(name, 400)), decrypting, "{name}");
        }
        assert!(matches!(not_decrypted(fault("KMSInternalException", 500)), Error::Refused(_)));
    }
}
