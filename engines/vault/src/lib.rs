//! Keys that never lie anywhere unsealed, and the cryptography done with them.
//!
//! A [`Vault`] holds the master key. It makes keys and hands them out sealed ([`NewKey`]); whoever keeps them gives them
//! back ([`SealedKey`]) to encrypt, sign or agree with them. It knows no AWS API, no store and no policy: what a key may
//! be used for, and by whom, is decided above.
//!
//! All cryptography is that of aws-lc through its safe Rust interface. What that lacks is refused by name
//! ([`VaultError::Unsupported`]): Ed25519ph, the external message representative of ML-DSA, and ML-KEM keys in PKCS #8
//! (so they can be neither imported nor handed out as data key pairs).
//!
//! Making RSA keys takes from a tenth of a second to seconds; call that where blocking is allowed.

mod agreement;
mod check;
mod der;
mod derive;
mod error;
mod keys;
#[cfg(test)]
mod known_answer_tests;
mod limits;
mod loaded;
mod mac;
mod master;
mod material;
mod public;
mod recent;
mod rsa;
mod seal;
mod signing;
mod spec;
mod symmetric;
mod vault;
mod wrapping;

pub use error::{MasterKeyError, MasterKeyMismatch, VaultError};
pub use limits::*;
pub use master::MasterKey;
pub use spec::{KeySpec, MacAlgorithm, Message, OaepHash, SigningAlgorithm, WrappingAlgorithm};
pub use vault::{NewKey, SealedKey, Vault};
