//! Import tokens: what GetParametersForImport hands out for ImportKeyMaterial.
//!
//! A token carries the wrapping key itself, sealed, so that nothing has to be kept for it. It is sealed once more, for
//! the one key it was made for.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use vault::{KeySpec, WrappingAlgorithm};

use crate::error::Error;

/// What the seal is for.
pub const PURPOSE: &str = "kms import token";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportToken {
    /// The private half of the wrapping key, sealed by the vault.
    #[serde(with = "serde_bytes_as_base64")]
    pub sealed: Vec<u8>,
    pub spec: KeySpec,
    pub algorithm: String,
    pub valid_to: Timestamp,
}

/// What a wrapping key is bound to: the ARN of the key it brings material to.
pub fn bound_to(key_arn: &str) -> Vec<u8> {
    format!("import for {key_arn}").into_bytes()
}

/// The wrapping algorithm and key of a request, if material of that spec can be wrapped so.
pub fn check(
    material: KeySpec,
    algorithm: &str,
    wrapping: &str,
) -> Result<(WrappingAlgorithm, KeySpec), Error> {
    let unsupported = |message: String| Err(Error::UnsupportedOperation(message));
    let Some(parsed) = WrappingAlgorithm::parse(algorithm) else {
        return unsupported(format!("The wrapping algorithm {algorithm} is not supported."));
    };
    let Some(spec) = KeySpec::parse(wrapping).filter(|spec| spec.is_rsa()) else {
        return unsupported(format!("The wrapping key spec {wrapping} is not supported."));
    };
    let direct = matches!(parsed, WrappingAlgorithm::RsaesOaep(_));
    if direct && material.is_rsa() {
        return unsupported(format!("The wrapping algorithm {algorithm} cannot wrap RSA key material."));
    }
    if direct && material == KeySpec::EccNistP521 && spec == KeySpec::Rsa2048 {
        return unsupported(format!(
            "The wrapping algorithm {algorithm} with the wrapping key spec {wrapping} cannot wrap {material} key material."
        ));
    }
    Ok((parsed, spec))
}

mod serde_bytes_as_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_everything_can_be_wrapped_by_everything() {
        for (material, algorithm, wrapping, fits) in [
            (KeySpec::SymmetricDefault, "RSAES_OAEP_SHA_256", "RSA_2048", true),
            (KeySpec::Rsa2048, "RSAES_OAEP_SHA_256", "RSA_4096", false),
            (KeySpec::Rsa2048, "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096", true),
            (KeySpec::EccNistP521, "RSAES_OAEP_SHA_1", "RSA_2048", false),
            (KeySpec::EccNistP521, "RSAES_OAEP_SHA_1", "RSA_3072", true),
            (KeySpec::SymmetricDefault, "RSAES_PKCS1_V1_5", "RSA_2048", false),
            (KeySpec::SymmetricDefault, "RSAES_OAEP_SHA_256", "SM2", false),
        ] {
            assert_eq!(
                check(material, algorithm, wrapping).is_ok(),
                fits,
                "{material} {algorithm} {wrapping}"
            );
        }
    }
}
