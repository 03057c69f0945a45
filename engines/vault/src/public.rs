//! Public keys ready for verifying, so that parsing one, and checking that its point is on the curve, is not paid for with
//! every signature.

use std::sync::Arc;

use aws_lc_rs::signature::{ParsedPublicKey, VerificationAlgorithm};

use crate::error::VaultError;
use crate::recent::{self, Recent};
use crate::spec::{KeySpec, SigningAlgorithm};

pub(crate) struct PublicKeys {
    parsed: Recent<ParsedPublicKey>,
}

impl PublicKeys {
    pub(crate) fn new(keys_max: usize) -> PublicKeys {
        PublicKeys { parsed: Recent::new(keys_max) }
    }

    pub(crate) fn parsed(
        &self,
        spec: KeySpec,
        algorithm: SigningAlgorithm,
        verification: &'static dyn VerificationAlgorithm,
        public_key_der: &[u8],
    ) -> Result<Arc<ParsedPublicKey>, VaultError> {
        let name = recent::name(&[spec.as_str().as_bytes(), algorithm.as_str().as_bytes(), public_key_der]);
        self.parsed.get_or(name, || {
            ParsedPublicKey::new(verification, public_key_der).map_err(|_| VaultError::PublicKey)
        })
    }
}
