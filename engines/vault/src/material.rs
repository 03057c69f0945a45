//! The material of keys: made at random, or brought along by its owner and checked.
//!
//! Symmetric and HMAC keys are bare bytes, asymmetric ones PKCS #8 in DER (RFC 5208), ML-KEM keys the raw
//! decapsulation key of FIPS 203 because the library has no other form. ML-DSA keys are their seed (RFC 9881).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::kem;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaKeyPair};
use zeroize::Zeroizing;

use crate::agreement::{kem_algorithm, with_key_info};
use crate::der;
use crate::error::VaultError;
use crate::limits::{HMAC_KEY_BYTES_MAX, IMPORT_BYTES_MAX, SYMMETRIC_KEY_BYTES};
use crate::signing::{ecdsa_algorithm, ml_dsa_algorithm};
use crate::spec::KeySpec;

/// The secret, and what may be published.
pub(crate) struct Material {
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) public_key: Option<Vec<u8>>,
}

impl Material {
    fn pair(secret: &[u8], public_key: &[u8]) -> Material {
        Material { secret: Zeroizing::new(secret.to_vec()), public_key: Some(public_key.to_vec()) }
    }
}

pub(crate) fn generate(spec: KeySpec) -> Result<Material, VaultError> {
    if let Some(bytes) = bare_bytes(spec) {
        let mut secret = Zeroizing::new(vec![0; bytes]);
        aws_lc_rs::rand::fill(&mut secret).expect("the operating system has randomness");
        return Ok(Material { secret, public_key: None });
    }
    generate_pair(spec).ok_or(VaultError::Library("making a key pair"))
}

fn generate_pair(spec: KeySpec) -> Option<Material> {
    if let Some(size) = rsa_size(spec) {
        return rsa_material(&RsaKeyPair::generate(size).ok()?);
    }
    if let Some(algorithm) = ecdsa_algorithm(spec) {
        return ecdsa_material(&EcdsaKeyPair::generate(algorithm).ok()?);
    }
    if let Some(algorithm) = ml_dsa_algorithm(spec) {
        return ml_dsa_material(&PqdsaKeyPair::generate(algorithm).ok()?);
    }
    if let Some(algorithm) = kem_algorithm(spec) {
        let key = kem::DecapsulationKey::generate(algorithm).ok()?;
        let public = key.encapsulation_key().ok()?.key_bytes().ok()?;
        return Some(Material::pair(key.key_bytes().ok()?.as_ref(), &with_key_info(spec, public.as_ref())?));
    }
    ed25519_material(&Ed25519KeyPair::generate().ok()?)
}

pub(crate) fn import(spec: KeySpec, material: &[u8]) -> Result<Material, VaultError> {
    if let Some(bytes) = bare_bytes(spec) {
        return import_bare(spec, bytes, material);
    }
    if spec.is_ml_kem() {
        return Err(VaultError::Unsupported("importing ML-KEM keys"));
    }
    if material.len() > IMPORT_BYTES_MAX {
        return Err(VaultError::TooLong { bytes: material.len(), bytes_max: IMPORT_BYTES_MAX });
    }
    if !der::is_one_sequence(material) {
        return Err(VaultError::Material("not one PKCS #8 document in DER"));
    }
    import_pair(spec, material)
        .ok_or(VaultError::Material("not a PKCS #8 private key in DER of the kind the key spec names"))
}

fn import_bare(spec: KeySpec, bytes: usize, material: &[u8]) -> Result<Material, VaultError> {
    if spec == KeySpec::SymmetricDefault && material.len() != bytes {
        return Err(VaultError::Material("a symmetric key has 32 bytes"));
    }
    if material.len() < bytes {
        return Err(VaultError::Material("an HMAC key is at least as long as its codes"));
    }
    if material.len() > HMAC_KEY_BYTES_MAX {
        return Err(VaultError::Material("an HMAC key has at most 128 bytes"));
    }
    Ok(Material { secret: Zeroizing::new(material.to_vec()), public_key: None })
}

fn import_pair(spec: KeySpec, material: &[u8]) -> Option<Material> {
    if let Some(size) = rsa_size(spec) {
        let bits = PrivateDecryptingKey::from_pkcs8(material).ok()?.key_size_bits();
        if bits != size.len() * 8 {
            return None;
        }
        return rsa_material(&RsaKeyPair::from_pkcs8(material).ok()?);
    }
    if let Some(algorithm) = ecdsa_algorithm(spec) {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, material).ok()?;
        return if der::private_key_names_curve(spec, material) { ecdsa_material(&pair) } else { None };
    }
    if let Some(algorithm) = ml_dsa_algorithm(spec) {
        let pair = PqdsaKeyPair::from_pkcs8(algorithm, material).ok()?;
        return ml_dsa_material(&pair);
    }
    ed25519_material(&Ed25519KeyPair::from_pkcs8(material).ok()?)
}

/// The length of keys that are bare bytes: of those made here, and the least of those brought along.
fn bare_bytes(spec: KeySpec) -> Option<usize> {
    match spec {
        KeySpec::SymmetricDefault => Some(SYMMETRIC_KEY_BYTES),
        KeySpec::Hmac224 => Some(28),
        KeySpec::Hmac256 => Some(32),
        KeySpec::Hmac384 => Some(48),
        KeySpec::Hmac512 => Some(64),
        _ => None,
    }
}

pub(crate) fn rsa_size(spec: KeySpec) -> Option<KeySize> {
    match spec {
        KeySpec::Rsa2048 => Some(KeySize::Rsa2048),
        KeySpec::Rsa3072 => Some(KeySize::Rsa3072),
        KeySpec::Rsa4096 => Some(KeySize::Rsa4096),
        _ => None,
    }
}

fn rsa_material(pair: &RsaKeyPair) -> Option<Material> {
    let secret = AsDer::<Pkcs8V1Der<'_>>::as_der(pair).ok()?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).ok()?;
    Some(Material::pair(secret.as_ref(), public.as_ref()))
}

fn ecdsa_material(pair: &EcdsaKeyPair) -> Option<Material> {
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).ok()?;
    Some(Material::pair(pair.to_pkcs8v1().ok()?.as_ref(), public.as_ref()))
}

fn ed25519_material(pair: &Ed25519KeyPair) -> Option<Material> {
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).ok()?;
    Some(Material::pair(pair.to_pkcs8v1().ok()?.as_ref(), public.as_ref()))
}

/// From the expanded form alone the seed cannot be had, and the library writes seeds only; such a key is refused.
fn ml_dsa_material(pair: &PqdsaKeyPair) -> Option<Material> {
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).ok()?;
    Some(Material::pair(pair.to_pkcs8v1().ok()?.as_ref(), public.as_ref()))
}
