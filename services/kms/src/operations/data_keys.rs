//! Data keys and random bytes: made here, for use elsewhere.

use std::sync::Arc;

use kms_api::{
    DataKeyPairSpec, DataKeySpec, GenerateDataKeyInput, GenerateDataKeyOutput, GenerateDataKeyPairInput,
    GenerateDataKeyPairOutput, GenerateDataKeyPairWithoutPlaintextInput,
    GenerateDataKeyPairWithoutPlaintextOutput, GenerateDataKeyWithoutPlaintextInput,
    GenerateDataKeyWithoutPlaintextOutput, GenerateRandomInput, GenerateRandomOutput,
};
use service::Call;
use vault::KeySpec;
use zeroize::Zeroizing;

use super::ciphers::{Cipher, Encrypted, check_context, cipher_keys, encrypt_under};
use super::opening::{check_ready, made_for, refuse_recipient, secret, stop_if_dry};
use super::used;
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::DATA_KEY_BYTES_MAX;
use crate::model::condition_keys::{Keys, one};
use crate::model::context::EncryptionContext;
use crate::records::KeyUsage;

/// What the four operations are asked alike.
struct Request {
    key_id: String,
    context: EncryptionContext,
    tokens: Option<Vec<String>>,
    operation: &'static str,
}

impl Request {
    /// The key that is to encrypt what is made.
    async fn open(&self, kms: &Kms, call: &Call) -> Result<Arc<Key>, Error> {
        let key = made_for(kms, call, &self.key_id, KeyUsage::EncryptDecrypt, self.operation).await?;
        let cipher = Cipher::of(&key, None)?;
        check_context(cipher, &self.context, "encryptionContext")?;
        check_ready(kms, call, &key, self.tokens.as_deref())?;
        Ok(key)
    }

    fn encrypt(&self, kms: &Kms, key: &Key, plaintext: &[u8]) -> Result<Encrypted, Error> {
        encrypt_under(kms, key, Cipher::Symmetric, &self.context, plaintext)
    }
}

pub fn data_key_keys(_: &Kms, call: &Call, input: &GenerateDataKeyInput) -> Keys {
    cipher_keys(call, Some(&input.key_id), None, input.encryption_context.as_ref())
}

pub fn hidden_data_key_keys(_: &Kms, call: &Call, input: &GenerateDataKeyWithoutPlaintextInput) -> Keys {
    cipher_keys(call, Some(&input.key_id), None, input.encryption_context.as_ref())
}

pub async fn generate_data_key(
    kms: &Kms,
    call: &Call,
    input: GenerateDataKeyInput,
) -> Result<GenerateDataKeyOutput, Error> {
    let request = Request {
        key_id: input.key_id,
        context: input.encryption_context.unwrap_or_default(),
        tokens: input.grant_tokens,
        operation: "GenerateDataKey",
    };
    let bytes = data_key_bytes(input.number_of_bytes, input.key_spec.as_ref())?;
    refuse_recipient(input.recipient.as_ref())?;
    let key = request.open(kms, call).await?;
    stop_if_dry(input.dry_run)?;
    let plaintext = kms.vault.random(bytes);
    let encrypted = request.encrypt(kms, &key, &plaintext)?;
    used(kms, call, &key, request.operation);
    Ok(GenerateDataKeyOutput {
        ciphertext_blob: Some(encrypted.blob),
        plaintext: Some(secret(plaintext)),
        key_id: Some(key.arn().to_string()),
        ciphertext_for_recipient: None,
        key_material_id: encrypted.material_id,
    })
}

pub async fn generate_data_key_without_plaintext(
    kms: &Kms,
    call: &Call,
    input: GenerateDataKeyWithoutPlaintextInput,
) -> Result<GenerateDataKeyWithoutPlaintextOutput, Error> {
    let request = Request {
        key_id: input.key_id,
        context: input.encryption_context.unwrap_or_default(),
        tokens: input.grant_tokens,
        operation: "GenerateDataKeyWithoutPlaintext",
    };
    let bytes = data_key_bytes(input.number_of_bytes, input.key_spec.as_ref())?;
    let key = request.open(kms, call).await?;
    stop_if_dry(input.dry_run)?;
    let encrypted = request.encrypt(kms, &key, &kms.vault.random(bytes))?;
    used(kms, call, &key, request.operation);
    Ok(GenerateDataKeyWithoutPlaintextOutput {
        ciphertext_blob: Some(encrypted.blob),
        key_id: Some(key.arn().to_string()),
        key_material_id: encrypted.material_id,
    })
}

/// The length of a data key: by its spec or in bytes, one of the two.
fn data_key_bytes(bytes: Option<i32>, spec: Option<&DataKeySpec>) -> Result<usize, Error> {
    match (bytes, spec.map(DataKeySpec::as_str)) {
        (None, Some("AES_256")) => Ok(32),
        (None, Some("AES_128")) => Ok(16),
        (Some(bytes), None) => byte_count(bytes),
        _ => Err(length_needed()),
    }
}

fn byte_count(bytes: i32) -> Result<usize, Error> {
    let count = usize::try_from(bytes).ok().filter(|count| (1..=DATA_KEY_BYTES_MAX).contains(count));
    count.ok_or_else(|| {
        let constraint = match bytes < 1 {
            true => "have value greater than or equal to 1".to_owned(),
            false => format!("have value less than or equal to {DATA_KEY_BYTES_MAX}"),
        };
        Error::constraint(&bytes.to_string(), "numberOfBytes", &constraint)
    })
}

fn length_needed() -> Error {
    Error::validation("Please specify either number of bytes or key spec.")
}

pub fn pair_keys(_: &Kms, call: &Call, input: &GenerateDataKeyPairInput) -> Keys {
    let mut keys = cipher_keys(call, Some(&input.key_id), None, input.encryption_context.as_ref());
    keys.push(one("kms:DataKeyPairSpec", &input.key_pair_spec));
    keys
}

pub fn hidden_pair_keys(_: &Kms, call: &Call, input: &GenerateDataKeyPairWithoutPlaintextInput) -> Keys {
    let mut keys = cipher_keys(call, Some(&input.key_id), None, input.encryption_context.as_ref());
    keys.push(one("kms:DataKeyPairSpec", &input.key_pair_spec));
    keys
}

pub async fn generate_data_key_pair(
    kms: &Kms,
    call: &Call,
    input: GenerateDataKeyPairInput,
) -> Result<GenerateDataKeyPairOutput, Error> {
    let request = Request {
        key_id: input.key_id,
        context: input.encryption_context.unwrap_or_default(),
        tokens: input.grant_tokens,
        operation: "GenerateDataKeyPair",
    };
    refuse_recipient(input.recipient.as_ref())?;
    let key = request.open(kms, call).await?;
    let spec = pair_spec(&input.key_pair_spec)?;
    stop_if_dry(input.dry_run)?;
    let (private, public) = key_pair(kms, spec).await?;
    let encrypted = request.encrypt(kms, &key, &private)?;
    used(kms, call, &key, request.operation);
    Ok(GenerateDataKeyPairOutput {
        private_key_ciphertext_blob: Some(encrypted.blob),
        private_key_plaintext: Some(secret(private)),
        public_key: Some(public.into()),
        key_id: Some(key.arn().to_string()),
        key_pair_spec: Some(input.key_pair_spec),
        ciphertext_for_recipient: None,
        key_material_id: encrypted.material_id,
    })
}

pub async fn generate_data_key_pair_without_plaintext(
    kms: &Kms,
    call: &Call,
    input: GenerateDataKeyPairWithoutPlaintextInput,
) -> Result<GenerateDataKeyPairWithoutPlaintextOutput, Error> {
    let request = Request {
        key_id: input.key_id,
        context: input.encryption_context.unwrap_or_default(),
        tokens: input.grant_tokens,
        operation: "GenerateDataKeyPairWithoutPlaintext",
    };
    let key = request.open(kms, call).await?;
    let spec = pair_spec(&input.key_pair_spec)?;
    stop_if_dry(input.dry_run)?;
    let (private, public) = key_pair(kms, spec).await?;
    let encrypted = request.encrypt(kms, &key, &private)?;
    used(kms, call, &key, request.operation);
    Ok(GenerateDataKeyPairWithoutPlaintextOutput {
        private_key_ciphertext_blob: Some(encrypted.blob),
        public_key: Some(public.into()),
        key_id: Some(key.arn().to_string()),
        key_pair_spec: Some(input.key_pair_spec),
        key_material_id: encrypted.material_id,
    })
}

/// SM2 is for regions in China; ML-KEM pairs are for want of a PKCS #8 form of them.
fn pair_spec(spec: &DataKeyPairSpec) -> Result<KeySpec, Error> {
    let known = KeySpec::parse(spec.as_str()).filter(|spec| spec.is_asymmetric() && !spec.is_ml_kem());
    known.ok_or_else(|| {
        Error::UnsupportedOperation(format!(
            "Data key pairs of the spec {spec} are not supported by this cloud."
        ))
    })
}

/// An RSA pair takes up to seconds, which other calls do not wait for.
async fn key_pair(kms: &Kms, spec: KeySpec) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Error> {
    let vault = kms.vault.clone();
    let made = tokio::task::spawn_blocking(move || vault.key_pair(spec)).await;
    Ok(made.map_err(|error| Error::Internal(error.into()))??)
}

pub async fn generate_random(
    kms: &Kms,
    _: &Call,
    input: GenerateRandomInput,
) -> Result<GenerateRandomOutput, Error> {
    let bytes = byte_count(input.number_of_bytes.ok_or_else(length_needed)?)?;
    if let Some(id) = input.custom_key_store_id {
        return Err(Error::StoreNotFound(format!("Custom key store {id} does not exist.")));
    }
    refuse_recipient(input.recipient.as_ref())?;
    Ok(GenerateRandomOutput {
        plaintext: Some(secret(kms.vault.random(bytes))),
        ciphertext_for_recipient: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_key_has_one_length() {
        let spec = |name: &str| Some(DataKeySpec::from(name));
        assert_eq!(data_key_bytes(None, spec("AES_128").as_ref()), Ok(16));
        assert_eq!(data_key_bytes(None, spec("AES_256").as_ref()), Ok(32));
        assert_eq!(data_key_bytes(Some(1024), None), Ok(1024));
        assert_eq!(data_key_bytes(None, None), Err(length_needed()));
        assert_eq!(data_key_bytes(Some(16), spec("AES_128").as_ref()), Err(length_needed()));
        for bytes in [0, -1, 1025] {
            assert!(data_key_bytes(Some(bytes), None).is_err(), "{bytes}");
        }
    }
}
