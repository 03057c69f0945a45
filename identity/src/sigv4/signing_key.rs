//! Signing keys, and a bounded memory of them.
//!
//! Deriving a key costs four HMACs; a caller signs thousands of requests with the same one. The cache is a table
//! of small sets, each under its own lock, so that a hit allocates nothing and the size never grows.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use aws_lc_rs::{constant_time, hmac};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::authorization::Algorithm;
use super::credential::CredentialScope;
use super::credentials::SecretAccessKey;
use super::limits::SIGNING_KEYS_MAX;
use super::{ecdsa, hex};

const WAYS: usize = 4;
const SETS: usize = SIGNING_KEYS_MAX / WAYS;

/// A key that verifies signatures of one access key, and one scope.
#[expect(clippy::large_enum_variant, reason = "nearly all keys are of the large kind, and all are in an Arc")]
pub(crate) enum SigningKey {
    Hmac(hmac::Key),
    Ecdsa(ecdsa::PublicKey),
    /// No key could be derived; nothing verifies.
    None,
}

impl SigningKey {
    /// Derives the key of a scope.
    pub(crate) fn derive(
        algorithm: Algorithm,
        credential: &CredentialScope<'_>,
        secret: &SecretAccessKey,
    ) -> SigningKey {
        match algorithm {
            Algorithm::HmacSha256 => SigningKey::Hmac(hmac_key(
                secret,
                credential.date(),
                credential.region(),
                credential.service(),
            )),
            Algorithm::EcdsaP256Sha256 => ecdsa::public_key(credential.access_key_id(), secret)
                .map_or(SigningKey::None, SigningKey::Ecdsa),
        }
    }

    /// Whether the signature, as it is written, is one of this message. Takes the same time wherever the two
    /// differ.
    pub(crate) fn verify(&self, message: &[u8], signature: &str) -> bool {
        match self {
            SigningKey::Hmac(key) => {
                let ours = hmac::sign(key, message);
                hex::decode::<32>(signature.as_bytes()).is_some_and(|theirs| {
                    constant_time::verify_slices_are_equal(ours.as_ref(), &theirs).is_ok()
                })
            }
            SigningKey::Ecdsa(key) => hex::decode_all(signature.as_bytes())
                .is_some_and(|signature| ecdsa::verify(key, message, &signature)),
            SigningKey::None => false,
        }
    }
}

/// The derivation of Signature Version 4: date, region, service and a closing word, each keyed by the last.
pub(crate) fn hmac_key(secret: &SecretAccessKey, date: &str, region: &str, service: &str) -> hmac::Key {
    let first = Zeroizing::new([b"AWS4", secret.expose().as_bytes()].concat());
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, &first);
    for part in [date, region, service, "aws4_request"] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref());
    }
    key
}

/// Remembers at most [`SIGNING_KEYS_MAX`] keys. A secret that has changed is noticed, since each key is kept with
/// the fingerprint of the secret it was derived from.
pub struct SigningKeyCache {
    sets: Box<[Mutex<[Option<Entry>; WAYS]>]>,
    hasher: RandomState,
    /// Stands in for the secret of a key that does not exist, so that refusing it takes as long.
    pub(crate) nobody: SecretAccessKey,
}

struct Entry {
    /// The credential as presented: key, date, region and service.
    credential: Box<str>,
    algorithm: Algorithm,
    fingerprint: [u8; 32],
    key: Arc<SigningKey>,
}

impl Default for SigningKeyCache {
    fn default() -> SigningKeyCache {
        SigningKeyCache::new()
    }
}

impl SigningKeyCache {
    pub fn new() -> SigningKeyCache {
        SigningKeyCache {
            sets: (0..SETS).map(|_| Mutex::new([const { None }; WAYS])).collect(),
            hasher: RandomState::new(),
            nobody: SecretAccessKey::new("the secret of an access key that does not exist"),
        }
    }

    /// The key of an existing access key.
    pub(crate) fn get(
        &self,
        algorithm: Algorithm,
        credential: &CredentialScope<'_>,
        secret: &SecretAccessKey,
    ) -> Arc<SigningKey> {
        self.recall(algorithm, credential.as_str(), credential, secret)
    }

    /// A key that verifies nothing, at the same cost. All unknown access keys share it, so that guessing keys
    /// does not push out those in use.
    pub(crate) fn nobodys(&self, algorithm: Algorithm, credential: &CredentialScope<'_>) -> Arc<SigningKey> {
        self.recall(algorithm, credential.scope(), credential, &self.nobody)
    }

    fn recall(
        &self,
        algorithm: Algorithm,
        name: &str,
        credential: &CredentialScope<'_>,
        secret: &SecretAccessKey,
    ) -> Arc<SigningKey> {
        let set = &self.sets[self.hasher.hash_one(name) as usize % SETS];
        let fits = |entry: &Entry| {
            entry.algorithm == algorithm
                && *entry.credential == *name
                && entry.fingerprint == *secret.fingerprint()
        };
        {
            let mut ways = set.lock();
            if let Some(found) = ways.iter().position(|way| way.as_ref().is_some_and(fits)) {
                // The most recent comes first, the least recent is the one to go.
                ways[..=found].rotate_right(1);
                let entry = ways[0].as_ref().expect("the entry that was found is now in front");
                return entry.key.clone();
            }
        }
        let key = Arc::new(SigningKey::derive(algorithm, credential, secret));
        let fingerprint = *secret.fingerprint();
        let entry = Entry { credential: name.into(), algorithm, fingerprint, key: key.clone() };
        let mut ways = set.lock();
        ways.rotate_right(1);
        ways[0] = Some(entry);
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> CredentialScope<'_> {
        CredentialScope::parse(text.into(), Algorithm::HmacSha256).unwrap()
    }

    #[test]
    fn a_key_is_remembered_until_its_secret_changes() {
        let cache = SigningKeyCache::new();
        let credential = scope("AKID/20150830/us-east-1/iam/aws4_request");
        let (old, new) = (SecretAccessKey::new("old"), SecretAccessKey::new("new"));
        let first = cache.get(Algorithm::HmacSha256, &credential, &old);
        assert!(Arc::ptr_eq(&first, &cache.get(Algorithm::HmacSha256, &credential, &old)));
        assert!(!Arc::ptr_eq(&first, &cache.get(Algorithm::HmacSha256, &credential, &new)));
        assert!(!Arc::ptr_eq(&first, &cache.get(Algorithm::EcdsaP256Sha256, &credential, &old)));
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let cache = SigningKeyCache::new();
        let secret = SecretAccessKey::new("secret");
        let kept = scope("KEPT/20150830/us-east-1/iam/aws4_request");
        let key = cache.get(Algorithm::HmacSha256, &kept, &secret);
        for number in 0..SIGNING_KEYS_MAX * 4 {
            let text = format!("AK{number}/20150830/us-east-1/iam/aws4_request");
            cache.get(Algorithm::HmacSha256, &scope(&text), &secret);
            assert!(Arc::ptr_eq(&key, &cache.get(Algorithm::HmacSha256, &kept, &secret)));
        }
        let held: usize = cache.sets.iter().map(|set| set.lock().iter().flatten().count()).sum();
        assert!(held <= SIGNING_KEYS_MAX, "{held}");
    }

    #[test]
    fn unknown_access_keys_share_one_key() {
        let cache = SigningKeyCache::new();
        let one = scope("ONE/20150830/us-east-1/iam/aws4_request");
        let two = scope("TWO/20150830/us-east-1/iam/aws4_request");
        let first = cache.nobodys(Algorithm::HmacSha256, &one);
        assert!(Arc::ptr_eq(&first, &cache.nobodys(Algorithm::HmacSha256, &two)));
    }
}
