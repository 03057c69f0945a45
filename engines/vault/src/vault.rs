//! The vault itself: sealing, and the keys it keeps ready for use.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::limits::{LOADED_KEYS_MAX, PUBLIC_KEYS_MAX};
use crate::loaded::Loaded;
use crate::master::MasterKey;
use crate::public::PublicKeys;
use crate::recent::Recent;
use crate::seal::{Seals, Use};
use crate::spec::KeySpec;

/// Everything that needs the master key. Clones share it, and the keys that are ready for use.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) seals: Seals,
    pub(crate) loaded: Recent<Loaded>,
    pub(crate) public: PublicKeys,
}

/// A key as it is kept, and what it is bound to. Both must be what they were when the key was made.
#[derive(Clone, Copy)]
pub struct SealedKey<'a> {
    pub spec: KeySpec,
    pub sealed: &'a [u8],
    /// Whose key this is, e.g. its id and the number of its material; sealed with it.
    pub bound_to: &'a [u8],
}

/// A key that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    pub sealed: Vec<u8>,
    /// SubjectPublicKeyInfo in DER (RFC 5280), of asymmetric keys.
    pub public_key: Option<Vec<u8>>,
}

impl Vault {
    pub fn new(master: MasterKey) -> Vault {
        Vault {
            inner: Arc::new(Inner {
                seals: Seals::new(&master),
                loaded: Recent::new(LOADED_KEYS_MAX),
                public: PublicKeys::new(PUBLIC_KEYS_MAX),
            }),
        }
    }

    /// The master key's.
    pub fn fingerprint(&self) -> &str {
        &self.inner.seals.fingerprint_text
    }

    /// Seals anything, [`SEAL_OVERHEAD_BYTES`](crate::SEAL_OVERHEAD_BYTES) longer. It opens with the same purpose (a
    /// constant of the caller, e.g. `sqs message`) and context (what it belongs to) only.
    pub fn seal(&self, purpose: &str, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        self.inner.seals.seal(Use::Data(purpose), context, plaintext)
    }

    pub fn open(
        &self,
        purpose: &str,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.inner.seals.open(Use::Data(purpose), context, sealed)
    }

    /// So many random bytes.
    pub fn random(&self, bytes: usize) -> Zeroizing<Vec<u8>> {
        let mut random = Zeroizing::new(vec![0; bytes]);
        aws_lc_rs::rand::fill(&mut random).expect("the operating system has randomness");
        random
    }

    /// Wipes what is ready for use of this key, as when it was deleted. It can still be loaded again.
    pub fn forget(&self, key: &SealedKey<'_>) {
        self.inner.loaded.forget(&crate::loaded::names(key));
    }
}

/// Shows the fingerprint only.
impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Vault").field(&self.fingerprint()).finish()
    }
}
