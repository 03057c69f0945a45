//! Keys made, brought along, moved and told apart.

use aws_lc_rs::constant_time;
use zeroize::Zeroizing;

use crate::derive::Source;
use crate::error::VaultError;
use crate::material::{self, Material};
use crate::seal::Use;
use crate::spec::KeySpec;
use crate::vault::{NewKey, SealedKey, Vault};

impl Vault {
    /// A new key. `bound_to` says whose it is (e.g. its id and the number of its material); it must be given again
    /// whenever the key is used.
    pub fn generate(&self, spec: KeySpec, bound_to: &[u8]) -> Result<NewKey, VaultError> {
        Ok(self.kept(spec, bound_to, material::generate(spec)?))
    }

    /// A key of which the owner has the material: 32 bytes for symmetric keys, at least as many as the codes have and
    /// at most 128 for HMAC keys, otherwise PKCS #8 in DER.
    pub fn import(&self, spec: KeySpec, bound_to: &[u8], material: &[u8]) -> Result<NewKey, VaultError> {
        Ok(self.kept(spec, bound_to, material::import(spec, material)?))
    }

    /// A key pair for its caller, in the clear: the private key (PKCS #8 in DER) and the public one
    /// (SubjectPublicKeyInfo in DER).
    pub fn key_pair(&self, spec: KeySpec) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), VaultError> {
        if spec.is_ml_kem() {
            return Err(VaultError::Unsupported("ML-KEM data key pairs (PKCS #8 of ML-KEM)"));
        }
        if !spec.is_asymmetric() {
            return Err(VaultError::DoesNotFit { spec, wanted: "data key pairs" });
        }
        let Material { secret, public_key } = material::generate(spec)?;
        Ok((secret, public_key.ok_or(VaultError::Library("making a key pair"))?))
    }

    /// The same key, sealed for something else (as when a key gets a replica).
    pub fn rebind(&self, key: &SealedKey<'_>, bound_to: &[u8]) -> Result<Vec<u8>, VaultError> {
        let material = self.open_key(key)?;
        Ok(self.inner.seals.seal(Use::Key(key.spec.as_str()), bound_to, &material))
    }

    /// Whether two sealed keys have the same material; compared in constant time.
    pub fn is_same_material(&self, one: &SealedKey<'_>, other: &SealedKey<'_>) -> Result<bool, VaultError> {
        let (a, b) = (self.open_key(one)?, self.open_key(other)?);
        Ok(one.spec == other.spec && constant_time::verify_slices_are_equal(&a, &b).is_ok())
    }

    /// 64 hexadecimal digits that depend on the material and the context alone, and say nothing about the material.
    /// Whoever brings the same material again for the same key is recognised by them.
    pub fn material_id(&self, key: &SealedKey<'_>, context: &[u8]) -> Result<String, VaultError> {
        let material = self.open_key(key)?;
        let mut id = [0; 32];
        Source::extract(b"fogbank key material", &material)
            .fill(&[b"id", key.spec.as_str().as_bytes(), context], &mut id);
        Ok(data_encoding::HEXLOWER.encode(&id))
    }

    fn kept(&self, spec: KeySpec, bound_to: &[u8], material: Material) -> NewKey {
        NewKey {
            sealed: self.inner.seals.seal(Use::Key(spec.as_str()), bound_to, &material.secret),
            public_key: material.public_key,
        }
    }

    fn open_key(&self, key: &SealedKey<'_>) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.inner.seals.open(Use::Key(key.spec.as_str()), key.bound_to, key.sealed)
    }
}
