//! Secrets shared with another party: elliptic-curve Diffie-Hellman on the NIST curves, and encapsulation with ML-KEM
//! (FIPS 203).
//!
//! The library keeps ML-KEM keys in their raw form; the SubjectPublicKeyInfo around the public one (RFC 9935) is put on
//! and taken off here.

use aws_lc_rs::{agreement, kem};
use zeroize::Zeroizing;

use crate::der;
use crate::error::VaultError;
use crate::loaded::{Job, Loaded};
use crate::spec::KeySpec;
use crate::vault::{SealedKey, Vault};

impl Vault {
    /// The raw shared secret: the x coordinate of the common point. The peer's key is a SubjectPublicKeyInfo in DER that
    /// names the same curve.
    pub fn agree(
        &self,
        key: &SealedKey<'_>,
        peer_public_key_der: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let loaded = self.load(key, Job::Agree)?;
        let Loaded::Agreement(private) = &*loaded else {
            return Err(VaultError::DoesNotFit { spec: key.spec, wanted: "key agreement" });
        };
        let peer: agreement::ParsedPublicKey =
            agreement::UnparsedPublicKey::new(private.algorithm(), peer_public_key_der)
                .try_into()
                .map_err(|_| VaultError::PublicKey)?;
        // The library would take bare points too, and curves by their parameters.
        if !der::public_key_names_curve(key.spec, peer_public_key_der) {
            return Err(VaultError::PublicKey);
        }
        agreement::agree(private, peer, VaultError::PublicKey, |secret| Ok(Zeroizing::new(secret.to_vec())))
    }

    /// A ciphertext for the holder of the private key, and the 32 bytes they will share.
    pub fn encapsulate(
        &self,
        spec: KeySpec,
        public_key_der: &[u8],
    ) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), VaultError> {
        let algorithm =
            kem_algorithm(spec).ok_or(VaultError::DoesNotFit { spec, wanted: "key encapsulation" })?;
        let raw = without_key_info(spec, public_key_der).ok_or(VaultError::PublicKey)?;
        let key = kem::EncapsulationKey::new(algorithm, raw).map_err(|_| VaultError::PublicKey)?;
        let (ciphertext, secret) = key.encapsulate().map_err(|_| VaultError::PublicKey)?;
        Ok((ciphertext.as_ref().to_vec(), Zeroizing::new(secret.as_ref().to_vec())))
    }

    /// The secret in a ciphertext. ML-KEM rejects implicitly: of a ciphertext that was altered, but has the right
    /// length, another secret comes out.
    pub fn decapsulate(
        &self,
        key: &SealedKey<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let loaded = self.load(key, Job::Decapsulate)?;
        let Loaded::MlKem(private) = &*loaded else {
            return Err(VaultError::DoesNotFit { spec: key.spec, wanted: "key decapsulation" });
        };
        let secret = private.decapsulate(ciphertext.into()).map_err(|_| VaultError::Ciphertext)?;
        Ok(Zeroizing::new(secret.as_ref().to_vec()))
    }
}

pub(crate) fn agreement_algorithm(spec: KeySpec) -> Option<&'static agreement::Algorithm> {
    match spec {
        KeySpec::EccNistP256 => Some(&agreement::ECDH_P256),
        KeySpec::EccNistP384 => Some(&agreement::ECDH_P384),
        KeySpec::EccNistP521 => Some(&agreement::ECDH_P521),
        _ => None,
    }
}

pub(crate) fn kem_algorithm(spec: KeySpec) -> Option<&'static kem::Algorithm> {
    match spec {
        KeySpec::MlKem512 => Some(&kem::ML_KEM_512),
        KeySpec::MlKem768 => Some(&kem::ML_KEM_768),
        KeySpec::MlKem1024 => Some(&kem::ML_KEM_1024),
        _ => None,
    }
}

/// What stands before the raw public key in its SubjectPublicKeyInfo: two lengths, the algorithm
/// (2.16.840.1.101.3.4.4.1 to .3, without parameters) and the count of unused bits.
fn key_info_prefix(spec: KeySpec) -> Option<Vec<u8>> {
    let (arc, key_bytes) = match spec {
        KeySpec::MlKem512 => (1, 800_u16),
        KeySpec::MlKem768 => (2, 1184),
        KeySpec::MlKem1024 => (3, 1568),
        _ => return None,
    };
    const ALGORITHM: [u8; 12] = [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04];
    let bit_string_bytes = key_bytes + 1;
    let all_bytes = bit_string_bytes + 4 + ALGORITHM.len() as u16 + 1;
    let mut prefix = vec![0x30, 0x82];
    prefix.extend_from_slice(&all_bytes.to_be_bytes());
    prefix.extend_from_slice(&ALGORITHM);
    prefix.push(arc);
    prefix.extend_from_slice(&[0x03, 0x82]);
    prefix.extend_from_slice(&bit_string_bytes.to_be_bytes());
    prefix.push(0);
    Some(prefix)
}

pub(crate) fn with_key_info(spec: KeySpec, raw: &[u8]) -> Option<Vec<u8>> {
    let mut der = key_info_prefix(spec)?;
    der.extend_from_slice(raw);
    Some(der)
}

pub(crate) fn without_key_info(spec: KeySpec, der: &[u8]) -> Option<&[u8]> {
    der.strip_prefix(key_info_prefix(spec)?.as_slice())
}
