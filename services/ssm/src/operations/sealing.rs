//! Values of SecureStrings, which KMS encrypts and decrypts for the caller.
//!
//! Surprising: KMS is asked with the caller's own permissions, through this service, so being allowed to read a
//! parameter is not enough. KMS's refusals are passed on with its own words and error code in brackets.
//! Reference: "AWS KMS encryption for AWS Systems Manager Parameter Store SecureString parameters" in the user guide.

use std::collections::BTreeMap;

use base::Region;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kms_api::{DataKeySpec, DecryptInput, EncryptInput, GenerateDataKeyInput};
use schema::Fault;
use service::{AsService, Call};
use zeroize::Zeroizing;

use crate::Ssm;
use crate::error::Error;
use crate::model::envelope::{Envelope, seal as seal_in_envelope};
use crate::model::tier::Tier;
use crate::records::Value;

/// The key of those who name none.
pub const DEFAULT_KEY: &str = "alias/aws/ssm";

/// KMS's words, and in brackets where they come from.
fn aside(fault: &Fault, call: &Call) -> String {
    format!(
        "{} (Service: AWSKMS; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        fault.message(),
        fault.status(),
        fault.name(),
        call.request_id
    )
}

/// What KMS refused, as the Parameter Store tells it.
fn refused(fault: Fault, call: &Call) -> Error {
    match fault.name() {
        "AccessDeniedException" => Error::AccessDenied(aside(&fault, call)),
        _ if fault.status() < 500 => Error::InvalidKeyId(aside(&fault, call)),
        _ => Error::Other(fault),
    }
}

fn kms(ssm: &Ssm, call: &Call, region: Region) -> AsService {
    ssm.aws.as_caller(call).via("ssm.amazonaws.com").in_region(region)
}

/// The parameter's name is bound to its value, and shows in the audit trail of the key.
fn context(arn: &str) -> Option<BTreeMap<String, String>> {
    Some(BTreeMap::from([("PARAMETER_ARN".to_owned(), arn.to_owned())]))
}

/// Encrypts a value for the parameter with that ARN.
pub async fn seal(
    ssm: &Ssm,
    call: &Call,
    arn: &str,
    tier: Tier,
    key: &str,
    value: &str,
) -> Result<Value, Error> {
    let kms = kms(ssm, call, call.region);
    let missing = || Error::Internal("KMS answered without what was asked for".into());
    match tier {
        Tier::Standard => {
            let input = EncryptInput {
                key_id: key.to_owned(),
                plaintext: Bytes::copy_from_slice(value.as_bytes()),
                encryption_context: context(arn),
                ..EncryptInput::default()
            };
            let output = kms.call(kms_api::Encrypt, input).await.map_err(|fault| refused(fault, call))?;
            Ok(Value::Sealed(STANDARD.encode(output.ciphertext_blob.ok_or_else(missing)?)))
        }
        Tier::Advanced => {
            let input = GenerateDataKeyInput {
                key_id: key.to_owned(),
                key_spec: Some(DataKeySpec::Aes256),
                encryption_context: context(arn),
                ..GenerateDataKeyInput::default()
            };
            let output = kms.call(kms_api::GenerateDataKey, input).await;
            let output = output.map_err(|fault| refused(fault, call))?;
            let key = Zeroizing::new(output.plaintext.ok_or_else(missing)?.to_vec());
            let sealed_key = output.ciphertext_blob.ok_or_else(missing)?;
            let sealed = seal_in_envelope(&key, &sealed_key, ssm.ids.bytes(), arn, value);
            Ok(Value::Enveloped(STANDARD.encode(sealed.ok_or_else(missing)?)))
        }
    }
}

/// The value for the caller: in the clear, if it is no secret or is to be decrypted, or as ciphertext.
pub async fn show(ssm: &Ssm, call: &Call, arn: &str, value: Value, decrypt: bool) -> Result<String, Error> {
    let damaged = || Error::Internal(format!("the value of {arn} is damaged").into());
    let (text, is_envelope) = match value {
        Value::Plain(text) => return Ok(text),
        Value::Sealed(text) | Value::Enveloped(text) if !decrypt => return Ok(text),
        Value::Sealed(text) => (text, false),
        Value::Enveloped(text) => (text, true),
    };
    let sealed = STANDARD.decode(&text).map_err(|_| damaged())?;
    if !is_envelope {
        let plain = open(ssm, call, arn, &sealed).await?;
        return String::from_utf8(plain.to_vec()).map_err(|_| damaged());
    }
    let envelope = Envelope::parse(&sealed).ok_or_else(damaged)?;
    let key = open(ssm, call, arn, envelope.sealed_key).await?;
    let plain = envelope.open(&key, arn).ok_or_else(damaged)?;
    String::from_utf8(plain.to_vec()).map_err(|_| damaged())
}

/// Has KMS decrypt what it encrypted for this parameter; the ciphertext names its key.
async fn open(ssm: &Ssm, call: &Call, arn: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let input = DecryptInput {
        ciphertext_blob: Some(Bytes::copy_from_slice(sealed)),
        encryption_context: context(arn),
        ..DecryptInput::default()
    };
    let output = kms(ssm, call, call.region).call(kms_api::Decrypt, input).await;
    let plain = output.map_err(|fault| refused(fault, call))?.plaintext;
    let plain = plain.ok_or_else(|| Error::Internal("KMS decrypted nothing".into()))?;
    Ok(Zeroizing::new(plain.to_vec()))
}
