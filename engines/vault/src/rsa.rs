//! RSA encryption with optimal padding (RSAES-OAEP, RFC 8017), without a label, as KMS does it.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PublicEncryptingKey,
};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::loaded::{Job, Loaded};
use crate::spec::OaepHash;
use crate::vault::{SealedKey, Vault};

impl Vault {
    /// With a public key (SubjectPublicKeyInfo in DER). The plaintext may be as long as the key less twice the hash and
    /// two bytes.
    pub fn rsa_encrypt(
        &self,
        public_key_der: &[u8],
        hash: OaepHash,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let key = PublicEncryptingKey::from_der(public_key_der).map_err(|_| VaultError::PublicKey)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| VaultError::PublicKey)?;
        let algorithm = oaep_algorithm(hash);
        let bytes_max = key.max_plaintext_size(algorithm);
        if plaintext.len() > bytes_max {
            return Err(VaultError::TooLong { bytes: plaintext.len(), bytes_max });
        }
        let mut ciphertext = vec![0; key.ciphertext_size()];
        let bytes = key
            .encrypt(algorithm, plaintext, &mut ciphertext, None)
            .map_err(|_| VaultError::Library("RSA encryption"))?
            .len();
        ciphertext.truncate(bytes);
        Ok(ciphertext)
    }

    pub fn rsa_decrypt(
        &self,
        key: &SealedKey<'_>,
        hash: OaepHash,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match &*self.load(key, Job::Decrypt)? {
            Loaded::RsaDecrypting(private) => oaep_open(private, hash, ciphertext),
            _ => Err(VaultError::DoesNotFit { spec: key.spec, wanted: hash.as_str() }),
        }
    }
}

pub(crate) fn oaep_open(
    private: &OaepPrivateDecryptingKey,
    hash: OaepHash,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut plaintext = Zeroizing::new(vec![0; private.min_output_size()]);
    let bytes = private
        .decrypt(oaep_algorithm(hash), ciphertext, &mut plaintext, None)
        .map_err(|_| VaultError::Ciphertext)?
        .len();
    plaintext.truncate(bytes);
    Ok(plaintext)
}

fn oaep_algorithm(hash: OaepHash) -> &'static OaepAlgorithm {
    match hash {
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
    }
}
