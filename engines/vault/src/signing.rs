//! Signatures: RSASSA-PSS and PKCS #1 v1.5 (RFC 8017; the salt is as long as the digest), ECDSA (FIPS 186-5, in DER as
//! KMS returns it), Ed25519 (RFC 8032) and ML-DSA (FIPS 204, without a context).

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, PqdsaKeyPair, PqdsaSigningAlgorithm, RsaKeyPair,
    RsaSignatureEncoding, VerificationAlgorithm,
};

use crate::error::VaultError;
use crate::loaded::{Job, Loaded};
use crate::spec::{KeySpec, Message, SigningAlgorithm};
use crate::vault::{SealedKey, Vault};

/// What the library has no safe interface for.
const ED25519PH: VaultError = VaultError::Unsupported("ED25519_PH_SHA_512 (Ed25519ph)");
const EXTERNAL_MU: VaultError = VaultError::Unsupported("EXTERNAL_MU of ML-DSA");

impl Vault {
    pub fn sign(
        &self,
        key: &SealedKey<'_>,
        algorithm: SigningAlgorithm,
        message: Message<'_>,
    ) -> Result<Vec<u8>, VaultError> {
        let input = Input::of(key.spec, algorithm, message)?;
        let signed = match &*self.load(key, Job::Sign)? {
            Loaded::Rsa(pair) => rsa_sign(pair, algorithm, &input),
            Loaded::Ecdsa(pair) => ecdsa_sign(pair, &input),
            Loaded::Ed25519(pair) => match input {
                Input::Message(message) => Some(pair.sign(message).as_ref().to_vec()),
                Input::Digest(_) => None,
            },
            Loaded::MlDsa(pair) => match input {
                Input::Message(message) => ml_dsa_sign(pair, message),
                Input::Digest(_) => None,
            },
            _ => None,
        };
        signed.ok_or(VaultError::Library("signing"))
    }

    /// Whether the signature is one of the message by the holder of this key (SubjectPublicKeyInfo in DER).
    pub fn verify(
        &self,
        spec: KeySpec,
        public_key_der: &[u8],
        algorithm: SigningAlgorithm,
        message: Message<'_>,
        signature: &[u8],
    ) -> Result<bool, VaultError> {
        let input = Input::of(spec, algorithm, message)?;
        let verification = verification(spec, algorithm)?;
        let key = self.inner.public.parsed(spec, algorithm, verification, public_key_der)?;
        Ok(match input {
            Input::Message(message) => key.verify_sig(message, signature),
            Input::Digest(digest) => key.verify_digest_sig(&digest, signature),
        }
        .is_ok())
    }
}

/// A message that fits the algorithm.
enum Input<'a> {
    Message(&'a [u8]),
    Digest(Digest),
}

impl<'a> Input<'a> {
    fn of(spec: KeySpec, algorithm: SigningAlgorithm, message: Message<'a>) -> Result<Input<'a>, VaultError> {
        if !spec.signing_algorithms().contains(&algorithm) {
            return Err(VaultError::DoesNotFit { spec, wanted: algorithm.as_str() });
        }
        if algorithm == SigningAlgorithm::Ed25519PhSha512 {
            return Err(ED25519PH);
        }
        match message {
            Message::Raw(message) => Ok(Input::Message(message)),
            Message::Digest(bytes) => {
                let Some((hash, expected)) = hash(algorithm).zip(algorithm.digest_bytes()) else {
                    return Err(VaultError::DoesNotFit {
                        spec,
                        wanted: "signatures of a digest instead of the message",
                    });
                };
                Digest::import_less_safe(bytes, hash)
                    .map(Input::Digest)
                    .map_err(|_| VaultError::DigestLength { bytes: bytes.len(), expected })
            }
            Message::ExternalMu(_) if algorithm == SigningAlgorithm::MlDsaShake256 => Err(EXTERNAL_MU),
            Message::ExternalMu(_) => {
                Err(VaultError::DoesNotFit { spec, wanted: "signatures of an external mu" })
            }
        }
    }
}

/// The hash function of those algorithms that take a digest.
fn hash(algorithm: SigningAlgorithm) -> Option<&'static digest::Algorithm> {
    match algorithm {
        SigningAlgorithm::RsassaPssSha256
        | SigningAlgorithm::RsassaPkcs1V15Sha256
        | SigningAlgorithm::EcdsaSha256 => Some(&digest::SHA256),
        SigningAlgorithm::RsassaPssSha384
        | SigningAlgorithm::RsassaPkcs1V15Sha384
        | SigningAlgorithm::EcdsaSha384 => Some(&digest::SHA384),
        SigningAlgorithm::RsassaPssSha512
        | SigningAlgorithm::RsassaPkcs1V15Sha512
        | SigningAlgorithm::EcdsaSha512 => Some(&digest::SHA512),
        SigningAlgorithm::MlDsaShake256
        | SigningAlgorithm::Ed25519Sha512
        | SigningAlgorithm::Ed25519PhSha512 => None,
    }
}

fn rsa_sign(pair: &RsaKeyPair, algorithm: SigningAlgorithm, input: &Input<'_>) -> Option<Vec<u8>> {
    let encoding = rsa_encoding(algorithm)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    match input {
        Input::Message(message) => pair.sign(encoding, &SystemRandom::new(), message, &mut signature),
        Input::Digest(digest) => pair.sign_digest(encoding, digest, &mut signature),
    }
    .ok()?;
    Some(signature)
}

fn ecdsa_sign(pair: &EcdsaKeyPair, input: &Input<'_>) -> Option<Vec<u8>> {
    let signature = match input {
        Input::Message(message) => pair.sign(&SystemRandom::new(), message),
        Input::Digest(digest) => pair.sign_digest(digest),
    };
    Some(signature.ok()?.as_ref().to_vec())
}

fn ml_dsa_sign(pair: &PqdsaKeyPair, message: &[u8]) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.algorithm().signature_len()];
    let bytes = pair.sign(message, &mut signature).ok()?;
    signature.truncate(bytes);
    Some(signature)
}

fn rsa_encoding(algorithm: SigningAlgorithm) -> Option<&'static RsaSignatureEncoding> {
    match algorithm {
        SigningAlgorithm::RsassaPssSha256 => Some(&signature::RSA_PSS_SHA256),
        SigningAlgorithm::RsassaPssSha384 => Some(&signature::RSA_PSS_SHA384),
        SigningAlgorithm::RsassaPssSha512 => Some(&signature::RSA_PSS_SHA512),
        SigningAlgorithm::RsassaPkcs1V15Sha256 => Some(&signature::RSA_PKCS1_SHA256),
        SigningAlgorithm::RsassaPkcs1V15Sha384 => Some(&signature::RSA_PKCS1_SHA384),
        SigningAlgorithm::RsassaPkcs1V15Sha512 => Some(&signature::RSA_PKCS1_SHA512),
        _ => None,
    }
}

/// How ECDSA keys of this spec sign; each curve has one hash function in KMS.
pub(crate) fn ecdsa_algorithm(spec: KeySpec) -> Option<&'static EcdsaSigningAlgorithm> {
    match spec {
        KeySpec::EccNistP256 => Some(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeySpec::EccNistP384 => Some(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeySpec::EccNistP521 => Some(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeySpec::EccSecgP256k1 => Some(&signature::ECDSA_P256K1_SHA256_ASN1_SIGNING),
        _ => None,
    }
}

pub(crate) fn ml_dsa_algorithm(spec: KeySpec) -> Option<&'static PqdsaSigningAlgorithm> {
    match spec {
        KeySpec::MlDsa44 => Some(&signature::ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Some(&signature::ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Some(&signature::ML_DSA_87_SIGNING),
        _ => None,
    }
}

fn verification(
    spec: KeySpec,
    algorithm: SigningAlgorithm,
) -> Result<&'static dyn VerificationAlgorithm, VaultError> {
    Ok(match (algorithm, spec) {
        (SigningAlgorithm::RsassaPssSha256, _) => &signature::RSA_PSS_2048_8192_SHA256,
        (SigningAlgorithm::RsassaPssSha384, _) => &signature::RSA_PSS_2048_8192_SHA384,
        (SigningAlgorithm::RsassaPssSha512, _) => &signature::RSA_PSS_2048_8192_SHA512,
        (SigningAlgorithm::RsassaPkcs1V15Sha256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (SigningAlgorithm::RsassaPkcs1V15Sha384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (SigningAlgorithm::RsassaPkcs1V15Sha512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (_, KeySpec::EccNistP256) => &signature::ECDSA_P256_SHA256_ASN1,
        (_, KeySpec::EccNistP384) => &signature::ECDSA_P384_SHA384_ASN1,
        (_, KeySpec::EccNistP521) => &signature::ECDSA_P521_SHA512_ASN1,
        (_, KeySpec::EccSecgP256k1) => &signature::ECDSA_P256K1_SHA256_ASN1,
        (_, KeySpec::EccNistEdwards25519) => &signature::ED25519,
        (_, KeySpec::MlDsa44) => &signature::ML_DSA_44,
        (_, KeySpec::MlDsa65) => &signature::ML_DSA_65,
        (_, KeySpec::MlDsa87) => &signature::ML_DSA_87,
        _ => return Err(VaultError::DoesNotFit { spec, wanted: algorithm.as_str() }),
    })
}
