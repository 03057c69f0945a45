//! The keys that may sign, and the temporary credentials this cloud issues.
//!
//! A session's secret and identity travel inside its session token, sealed under a key that never leaves this
//! cloud, as AWS's own tokens do. So temporary credentials need no record, survive a restart, and end by the clock.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base::{AccountId, Ids, Region, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::sigv4::SecretAccessKey;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::{Principal, Session};

/// A key that is known, with what it stands for.
pub struct Key {
    pub secret: SecretAccessKey,
    pub principal: Principal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("there is no such access key")]
    Unknown,
    #[error("the session token does not belong to the access key, or was not issued here")]
    InvalidToken,
    #[error("the session has ended")]
    Expired,
}

/// Whether the well-known keys of `--dev` are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DevKeys {
    Refused,
    /// `test` is the root of account 000000000000, and twelve digits are the root of that account.
    /// The secret of both is `test`. A session token that comes with them is ignored, since set-ups made for
    /// other emulators send one.
    Accepted,
}

/// What a session token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionClaims {
    pub access_key_id: String,
    secret: String,
    pub principal: Principal,
}

pub struct Keyring {
    sealing: SealingKey,
    /// The secret of the well-known keys, in --dev.
    dev_secret: Option<SecretAccessKey>,
    /// Long-lived keys by their id.
    known: RwLock<HashMap<String, (SecretAccessKey, Principal)>>,
}

impl Keyring {
    pub fn new(sealing: SealingKey, dev: DevKeys) -> Keyring {
        let dev_secret = (dev == DevKeys::Accepted).then(|| SecretAccessKey::new("test"));
        Keyring { sealing, dev_secret, known: RwLock::default() }
    }

    /// Adds or replaces a long-lived key.
    pub fn add(&self, access_key_id: &str, secret: SecretAccessKey, principal: Principal) {
        self.known.write().insert(access_key_id.to_owned(), (secret, principal));
    }

    /// The key a request claims to be signed with. `now` is cloud time: sessions end by the clock.
    pub fn find(&self, access_key_id: &str, token: Option<&str>, now: Timestamp) -> Result<Key, KeyError> {
        if let Some(token) = token.filter(|_| access_key_id.starts_with("ASIA")) {
            return self.session(access_key_id, token, now);
        }
        if let Some((secret, principal)) = self.known.read().get(access_key_id) {
            // Long-lived keys have no session, so a token that comes with one is another's or nobody's.
            if token.is_some() {
                return Err(KeyError::InvalidToken);
            }
            return Ok(Key { secret: secret.clone(), principal: principal.clone() });
        }
        let secret = self.dev_secret.clone().ok_or(KeyError::Unknown)?;
        let account = match access_key_id {
            "test" => AccountId::DEV,
            digits => digits.parse().map_err(|_| KeyError::Unknown)?,
        };
        let principal = Principal::root(account, Region::US_EAST_1, Some(access_key_id.to_owned()));
        Ok(Key { secret, principal })
    }

    fn session(&self, access_key_id: &str, token: &str, now: Timestamp) -> Result<Key, KeyError> {
        let sealed = self.sealing.open(TOKEN_CONTEXT, token).ok_or(KeyError::InvalidToken)?;
        let claims: SessionClaims = serde_json::from_slice(&sealed).map_err(|_| KeyError::InvalidToken)?;
        if claims.access_key_id != access_key_id {
            return Err(KeyError::InvalidToken);
        }
        if claims.principal.session.as_ref().is_none_or(|session| session.ends <= now) {
            return Err(KeyError::Expired);
        }
        Ok(Key { secret: SecretAccessKey::new(claims.secret), principal: claims.principal })
    }

    /// Issues temporary credentials for `principal`.
    pub fn issue(&self, ids: &Ids, principal: Principal, session: Session) -> Issued {
        let access_key_id = access_key_id(ids, "ASIA", principal.account);
        let secret = ids.text(40, SECRET_ALPHABET);
        let session = Some(Arc::new(session));
        let principal = Principal { session, access_key_id: Some(access_key_id.clone()), ..principal };
        let claims =
            SessionClaims { access_key_id: access_key_id.clone(), secret: secret.clone(), principal };
        let text = serde_json::to_vec(&claims).expect("claims are plain data");
        let session_token = self.sealing.seal(TOKEN_CONTEXT, &text);
        Issued { access_key_id, secret_access_key: secret, session_token }
    }

    /// The account a key belongs to, whatever its state: a key that is known, or one whose id tells.
    pub fn account_of(&self, access_key_id: &str) -> Option<AccountId> {
        let known = self.find(access_key_id, None, Timestamp::EPOCH).ok();
        known.map(|key| key.principal.account).or_else(|| encoded_account(access_key_id))
    }

    /// Seals the explanation of a refusal, for DecodeAuthorizationMessage by the same account.
    pub fn seal_decision(&self, account: AccountId, explanation: &str) -> String {
        self.sealing.seal(&decision_context(account), explanation.as_bytes())
    }

    /// Reads what [`Keyring::seal_decision`] made.
    pub fn open_decision(&self, account: AccountId, sealed: &str) -> Option<String> {
        String::from_utf8(self.sealing.open(&decision_context(account), sealed)?).ok()
    }
}

/// Temporary credentials, as their owner is told once.
pub struct Issued {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
}

/// What secret access keys are made of.
pub const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new access key id: a prefix that tells its kind, and sixteen characters of base 32 that hold, as AWS's do, a set
/// bit, forty bits of account number, and chance.
pub fn access_key_id(ids: &Ids, prefix: &str, account: AccountId) -> String {
    let chance = u128::from(ids.number());
    let bits = (1 << 79) | (u128::from(account.number()) << 39) | (chance & ((1 << 39) - 1));
    let digits = (0..16).rev().map(|place| BASE32[(bits >> (place * 5)) as usize & 31] as char);
    prefix.chars().chain(digits).collect()
}

fn encoded_account(access_key_id: &str) -> Option<AccountId> {
    let digits = access_key_id.get(4..20).filter(|_| access_key_id.len() == 20)?;
    let bits = digits.bytes().try_fold(0_u128, |bits, digit| {
        let value = BASE32.iter().position(|known| *known == digit)?;
        Some(bits << 5 | value as u128)
    })?;
    AccountId::new((bits >> 39) as u64 & ((1 << 40) - 1)).filter(|_| bits >> 79 == 1)
}

fn decision_context(account: AccountId) -> String {
    format!("authorization message {account}")
}

const TOKEN_CONTEXT: &str = "session token";

/// Seals small texts so that only this cloud can read or make them. AES-256 in Galois counter mode.
#[derive(Clone)]
pub struct SealingKey([u8; 32]);

impl SealingKey {
    pub fn new(key: [u8; 32]) -> SealingKey {
        SealingKey(key)
    }

    /// Seals `plain` for one purpose, as URL-safe text.
    pub fn seal(&self, context: &str, plain: &[u8]) -> String {
        let key = self.cipher();
        let mut sealed = plain.to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed)
            .expect("sealing fails only beyond sixty gigabytes");
        let mut whole = nonce.as_ref().to_vec();
        whole.append(&mut sealed);
        URL_SAFE_NO_PAD.encode(whole)
    }

    /// Opens what [`SealingKey::seal`] made for the same purpose; nothing for anything else.
    pub fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let mut whole = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, body) = whole.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.cipher().open_in_place(nonce, Aad::from(context.as_bytes()), body).ok()?;
        Some(plain.to_vec())
    }

    fn cipher(&self) -> RandomizedNonceKey {
        RandomizedNonceKey::new(&AES_256_GCM, &self.0).expect("the key has the cipher's length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn keyring(dev: DevKeys) -> Keyring {
        Keyring::new(SealingKey::new([1; 32]), dev)
    }

    #[test]
    fn dev_keys_exist_only_in_dev() {
        for key in ["test", "123456789012"] {
            assert!(keyring(DevKeys::Accepted).find(key, None, Timestamp::EPOCH).is_ok());
            let refused = keyring(DevKeys::Refused).find(key, None, Timestamp::EPOCH);
            assert_eq!(refused.err(), Some(KeyError::Unknown));
        }
        let other = keyring(DevKeys::Accepted).find("AKIAXXXXXXXXXXXXXXXX", None, Timestamp::EPOCH);
        assert_eq!(other.err(), Some(KeyError::Unknown));
    }

    #[test]
    fn a_key_id_tells_its_account() {
        for number in [0, 1, 123_456_789_012, 999_999_999_999] {
            let account = AccountId::new(number).unwrap();
            let id = access_key_id(&Ids::seeded(number), "AKIA", account);
            assert_eq!((id.len(), encoded_account(&id)), (20, Some(account)), "{id}");
        }
        for foreign in ["AKIAIOSFODNN7EXAMPL", "AKIA0000000000000000", "AKIAAAAAAAAAAAAAAAAA"] {
            assert_eq!(encoded_account(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_session_lives_until_its_end_and_only_with_its_own_token() {
        let keyring = keyring(DevKeys::Refused);
        let now = Timestamp::from_secs(1_000_000);
        let ends = now + Duration::from_secs(900);
        let root = Principal::root(AccountId::DEV, Region::US_EAST_1, None);
        let ids = Ids::seeded(3);
        let session = || Session { issued: now, ends, ..Session::default() };
        let Issued { access_key_id: id, secret_access_key: secret, session_token: token } =
            keyring.issue(&ids, root.clone(), session());
        let other_id = keyring.issue(&ids, root, session()).access_key_id;

        let key = keyring.find(&id, Some(&token), now).expect("it was just issued");
        assert_eq!(key.principal.session.as_deref(), Some(&session()));
        assert_eq!(key.secret.expose(), secret);
        assert_eq!(keyring.find(&id, Some(&token), ends).err(), Some(KeyError::Expired));
        assert_eq!(keyring.find(&other_id, Some(&token), now).err(), Some(KeyError::InvalidToken));
        assert_eq!(keyring.find(&id, Some("rubbish"), now).err(), Some(KeyError::InvalidToken));
        assert_eq!(keyring.find(&id, None, now).err(), Some(KeyError::Unknown));
    }
}
