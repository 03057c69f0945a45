//! What can go wrong. No variant carries a secret, so all of them may be logged.

use crate::spec::KeySpec;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Not what was sealed, or not for this purpose, context, kind of key or owner: which of them cannot be told.
    #[error("what was sealed has been altered, or was sealed for something else")]
    Tampered,
    #[error("sealed under the master key {found}, but this vault has {expected}")]
    OtherMasterKey { expected: String, found: String },
    #[error("sealed in a format of version {0}, which this program does not know")]
    Version(u8),
    /// The named thing cannot be done with the safe interface of the cryptographic library.
    #[error("{0} is not supported by the cryptographic library")]
    Unsupported(&'static str),
    #[error("a key of spec {spec} cannot be used for {wanted}")]
    DoesNotFit { spec: KeySpec, wanted: &'static str },
    /// Material to import is not what the spec demands.
    #[error("the key material is not acceptable: {0}")]
    Material(&'static str),
    /// Decryption or unwrapping failed: another key, other additional data, or damage.
    #[error("the ciphertext is not valid for this key")]
    Ciphertext,
    #[error("{bytes} bytes are too long, at most {bytes_max} fit")]
    TooLong { bytes: usize, bytes_max: usize },
    #[error("the digest has {bytes} bytes, but {expected} are needed")]
    DigestLength { bytes: usize, expected: usize },
    #[error("the public key is not acceptable")]
    PublicKey,
    #[error("the cryptographic library failed: {0}")]
    Library(&'static str),
}

/// A text that is no master key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyError {
    #[error("a master key is written in hexadecimal or base64")]
    Encoding,
    #[error("a master key has 32 bytes, this text has {0}")]
    Length(usize),
}

/// The master key is not the one that the stored keys were sealed under. Both are fingerprints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data was sealed under the master key {expected}, but the one at hand is {found}")]
pub struct MasterKeyMismatch {
    pub expected: String,
    pub found: String,
}
