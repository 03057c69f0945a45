//! Keys ready for use: opened, parsed and checked once, then kept for as long as they are among the most recently used.

use std::sync::Arc;

use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, PqdsaKeyPair, RsaKeyPair};
use aws_lc_rs::{agreement, hmac, kem};

use crate::agreement::{agreement_algorithm, kem_algorithm};
use crate::derive::Source;
use crate::error::VaultError;
use crate::mac::hmac_algorithm;
use crate::recent::{self, Name};
use crate::seal::Use;
use crate::signing::{ecdsa_algorithm, ml_dsa_algorithm};
use crate::spec::KeySpec;
use crate::vault::{SealedKey, Vault};

/// What a key is loaded for. The library has different types for signing and decrypting with RSA, and for signing and
/// agreeing on elliptic curves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    Encrypt,
    Decrypt,
    Sign,
    Mac,
    Agree,
    Decapsulate,
    Unwrap,
}

const JOBS: [Job; 7] =
    [Job::Encrypt, Job::Decrypt, Job::Sign, Job::Mac, Job::Agree, Job::Decapsulate, Job::Unwrap];

impl Job {
    fn text(self) -> &'static str {
        match self {
            Job::Encrypt => "symmetric encryption",
            Job::Decrypt => "RSA decryption",
            Job::Sign => "signing",
            Job::Mac => "message authentication codes",
            Job::Agree => "key agreement",
            Job::Decapsulate => "key decapsulation",
            Job::Unwrap => "unwrapping key material",
        }
    }

    fn fits(self, spec: KeySpec) -> bool {
        match self {
            Job::Encrypt => spec == KeySpec::SymmetricDefault,
            Job::Decrypt | Job::Unwrap => spec.is_rsa(),
            Job::Sign => !spec.signing_algorithms().is_empty(),
            Job::Mac => spec.is_hmac(),
            Job::Agree => agreement_algorithm(spec).is_some(),
            Job::Decapsulate => spec.is_ml_kem(),
        }
    }

    fn sealed_use(self, spec: KeySpec) -> Use<'static> {
        match self {
            Job::Unwrap => Use::Wrapping(spec.as_str()),
            _ => Use::Key(spec.as_str()),
        }
    }
}

/// A key in the form that one job needs. The library wipes its own copies when it frees them.
pub(crate) enum Loaded {
    Symmetric(Source),
    RsaDecrypting(OaepPrivateDecryptingKey),
    Rsa(RsaKeyPair),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    MlDsa(PqdsaKeyPair),
    Hmac(Box<hmac::Key>),
    Agreement(agreement::PrivateKey),
    MlKem(kem::DecapsulationKey),
}

/// The names under which this key may be among those that are ready.
pub(crate) fn names(key: &SealedKey<'_>) -> Vec<Name> {
    JOBS.iter().filter(|job| job.fits(key.spec)).map(|job| name(key, *job)).collect()
}

fn name(key: &SealedKey<'_>, job: Job) -> Name {
    recent::name(&[job.text().as_bytes(), key.spec.as_str().as_bytes(), key.bound_to, key.sealed])
}

impl Vault {
    pub(crate) fn load(&self, key: &SealedKey<'_>, job: Job) -> Result<Arc<Loaded>, VaultError> {
        if !job.fits(key.spec) {
            return Err(VaultError::DoesNotFit { spec: key.spec, wanted: job.text() });
        }
        self.inner.loaded.get_or(name(key, job), || {
            let material = self.inner.seals.open(job.sealed_use(key.spec), key.bound_to, key.sealed)?;
            // What was sealed was checked before; failing now means a bug, or another version of the library.
            parse(key.spec, job, &material).ok_or(VaultError::Library("a sealed key cannot be loaded"))
        })
    }
}

fn parse(spec: KeySpec, job: Job, material: &[u8]) -> Option<Loaded> {
    Some(match job {
        Job::Encrypt => Loaded::Symmetric(Source::new(material)),
        Job::Decrypt | Job::Unwrap => {
            let key = PrivateDecryptingKey::from_pkcs8(material).ok()?;
            Loaded::RsaDecrypting(OaepPrivateDecryptingKey::new(key).ok()?)
        }
        Job::Sign if spec.is_rsa() => Loaded::Rsa(RsaKeyPair::from_pkcs8(material).ok()?),
        Job::Sign if spec == KeySpec::EccNistEdwards25519 => {
            Loaded::Ed25519(Ed25519KeyPair::from_pkcs8(material).ok()?)
        }
        Job::Sign => match (ecdsa_algorithm(spec), ml_dsa_algorithm(spec)) {
            (Some(ecdsa), _) => Loaded::Ecdsa(EcdsaKeyPair::from_pkcs8(ecdsa, material).ok()?),
            (None, Some(ml_dsa)) => Loaded::MlDsa(PqdsaKeyPair::from_pkcs8(ml_dsa, material).ok()?),
            (None, None) => return None,
        },
        Job::Mac => Loaded::Hmac(Box::new(hmac::Key::new(hmac_algorithm(spec.mac_algorithm()?), material))),
        Job::Agree => {
            let algorithm = agreement_algorithm(spec)?;
            Loaded::Agreement(agreement::PrivateKey::from_private_key_der(algorithm, material).ok()?)
        }
        Job::Decapsulate => Loaded::MlKem(kem::DecapsulationKey::new(kem_algorithm(spec)?, material).ok()?),
    })
}
