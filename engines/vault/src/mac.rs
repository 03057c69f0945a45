//! Message authentication codes (HMAC, RFC 2104).

use aws_lc_rs::hmac;

use crate::error::VaultError;
use crate::loaded::{Job, Loaded};
use crate::spec::{KeySpec, MacAlgorithm};
use crate::vault::{SealedKey, Vault};

impl Vault {
    pub fn mac(
        &self,
        key: &SealedKey<'_>,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        self.with_hmac(key, algorithm, |hmac_key| hmac::sign(hmac_key, message).as_ref().to_vec())
    }

    /// Whether this is the code of the message; compared in constant time.
    pub fn verify_mac(
        &self,
        key: &SealedKey<'_>,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, VaultError> {
        self.with_hmac(key, algorithm, |hmac_key| hmac::verify(hmac_key, message, mac).is_ok())
    }

    fn with_hmac<T>(
        &self,
        key: &SealedKey<'_>,
        algorithm: MacAlgorithm,
        compute: impl FnOnce(&hmac::Key) -> T,
    ) -> Result<T, VaultError> {
        if key.spec.mac_algorithm() != Some(algorithm) {
            return Err(misfit(key.spec, algorithm));
        }
        match &*self.load(key, Job::Mac)? {
            Loaded::Hmac(hmac_key) => Ok(compute(hmac_key)),
            _ => Err(misfit(key.spec, algorithm)),
        }
    }
}

fn misfit(spec: KeySpec, algorithm: MacAlgorithm) -> VaultError {
    VaultError::DoesNotFit { spec, wanted: algorithm.as_str() }
}

pub(crate) fn hmac_algorithm(algorithm: MacAlgorithm) -> hmac::Algorithm {
    match algorithm {
        MacAlgorithm::HmacSha224 => hmac::HMAC_SHA224,
        MacAlgorithm::HmacSha256 => hmac::HMAC_SHA256,
        MacAlgorithm::HmacSha384 => hmac::HMAC_SHA384,
        MacAlgorithm::HmacSha512 => hmac::HMAC_SHA512,
    }
}
