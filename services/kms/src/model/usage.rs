//! What kinds of keys there are for which use, and with which algorithms.
//!
//! Reference: "Key spec reference" in the KMS developer guide.

use vault::KeySpec;

use crate::error::Error;
use crate::records::{KeyUsage, Origin};

impl KeyUsage {
    pub const ALL: [KeyUsage; 5] = [
        KeyUsage::EncryptDecrypt,
        KeyUsage::SignVerify,
        KeyUsage::GenerateVerifyMac,
        KeyUsage::KeyAgreement,
        KeyUsage::EncapsulateDecapsulate,
    ];

    /// In the API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyUsage::EncryptDecrypt => "ENCRYPT_DECRYPT",
            KeyUsage::SignVerify => "SIGN_VERIFY",
            KeyUsage::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
            KeyUsage::KeyAgreement => "KEY_AGREEMENT",
            KeyUsage::EncapsulateDecapsulate => "ENCAPSULATE_DECAPSULATE",
        }
    }

    pub fn parse(text: &str) -> Option<KeyUsage> {
        KeyUsage::ALL.into_iter().find(|usage| usage.as_str() == text)
    }
}

impl Origin {
    /// In the API's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::AwsKms => "AWS_KMS",
            Origin::External => "EXTERNAL",
        }
    }
}

/// What keys of a spec may be used for; the first is the default of symmetric encryption keys.
fn usages(spec: KeySpec) -> &'static [KeyUsage] {
    match spec {
        KeySpec::SymmetricDefault => &[KeyUsage::EncryptDecrypt],
        KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => {
            &[KeyUsage::GenerateVerifyMac]
        }
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => {
            &[KeyUsage::EncryptDecrypt, KeyUsage::SignVerify]
        }
        KeySpec::EccNistP256 | KeySpec::EccNistP384 | KeySpec::EccNistP521 => {
            &[KeyUsage::SignVerify, KeyUsage::KeyAgreement]
        }
        KeySpec::EccSecgP256k1
        | KeySpec::EccNistEdwards25519
        | KeySpec::MlDsa44
        | KeySpec::MlDsa65
        | KeySpec::MlDsa87 => &[KeyUsage::SignVerify],
        KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => &[KeyUsage::EncapsulateDecapsulate],
    }
}

/// The usage of a new key, from what was asked for.
pub fn of_new_key(spec: KeySpec, asked: Option<KeyUsage>) -> Result<KeyUsage, Error> {
    let usage = match asked {
        Some(usage) => usage,
        None if spec == KeySpec::SymmetricDefault => KeyUsage::EncryptDecrypt,
        None => {
            return Err(Error::validation(
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            ));
        }
    };
    match usages(spec).contains(&usage) {
        true => Ok(usage),
        false => Err(Error::Validation(format!(
            "KeyUsage {} is not compatible with KeySpec {spec}",
            usage.as_str()
        ))),
    }
}

/// The encryption algorithms of a key.
pub fn encryption_algorithms(spec: KeySpec, usage: KeyUsage) -> &'static [&'static str] {
    match spec {
        _ if usage != KeyUsage::EncryptDecrypt => &[],
        KeySpec::SymmetricDefault => &["SYMMETRIC_DEFAULT"],
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => &["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_has_its_usages_and_no_others() {
        for (spec, asked, expected) in [
            (KeySpec::SymmetricDefault, None, Some(KeyUsage::EncryptDecrypt)),
            (KeySpec::Rsa2048, None, None),
            (KeySpec::Rsa2048, Some(KeyUsage::SignVerify), Some(KeyUsage::SignVerify)),
            (KeySpec::Rsa2048, Some(KeyUsage::KeyAgreement), None),
            (KeySpec::EccNistP256, Some(KeyUsage::KeyAgreement), Some(KeyUsage::KeyAgreement)),
            (KeySpec::EccSecgP256k1, Some(KeyUsage::KeyAgreement), None),
            (KeySpec::Hmac256, None, None),
            (KeySpec::Hmac256, Some(KeyUsage::GenerateVerifyMac), Some(KeyUsage::GenerateVerifyMac)),
            (KeySpec::MlDsa65, Some(KeyUsage::SignVerify), Some(KeyUsage::SignVerify)),
            (
                KeySpec::MlKem768,
                Some(KeyUsage::EncapsulateDecapsulate),
                Some(KeyUsage::EncapsulateDecapsulate),
            ),
        ] {
            assert_eq!(of_new_key(spec, asked).ok(), expected, "{spec} {asked:?}");
        }
        for spec in KeySpec::ALL {
            assert!(!usages(spec).is_empty());
        }
    }
}
