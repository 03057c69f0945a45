//! Access keys: the public half, the secret half, and the token that comes with temporary ones.

use std::fmt;

use aws_lc_rs::digest;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limits::ACCESS_KEY_ID_BYTES_MAX;

/// The public half of an access key: `AKIA…` for a user, `ASIA…` for temporary credentials, twelve digits in
/// `--dev`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId(Box<str>);

impl AccessKeyId {
    /// Access key ids are ASCII letters, digits and underscores. Nothing else can name a key, so nothing else
    /// needs to be looked up.
    pub fn parse(text: &str) -> Option<AccessKeyId> {
        let fits = !text.is_empty() && text.len() <= ACCESS_KEY_ID_BYTES_MAX;
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        (fits && plain).then(|| AccessKeyId(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret half of an access key. It is never printed, and it is wiped from memory when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretAccessKey {
    text: String,
    /// SHA-256 of the text, by which a cached signing key knows the secret it was derived from.
    fingerprint: [u8; 32],
}

impl SecretAccessKey {
    pub fn new(text: impl Into<String>) -> SecretAccessKey {
        let text = text.into();
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        SecretAccessKey { text, fingerprint }
    }

    /// The secret itself, for whoever must store it or show it once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

impl fmt::Debug for SecretAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretAccessKey")
    }
}

/// The token of temporary credentials. As secret as the key it comes with.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SessionToken(String);

impl SessionToken {
    pub fn new(text: impl Into<String>) -> SessionToken {
        SessionToken(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken")
    }
}

/// What a client signs with.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub access_key_id: AccessKeyId,
    pub secret_access_key: SecretAccessKey,
    pub session_token: Option<SessionToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let credentials = Credentials {
            access_key_id: AccessKeyId::parse("AKIDEXAMPLE").unwrap(),
            secret_access_key: SecretAccessKey::new("hidden-secret"),
            session_token: Some(SessionToken::new("hidden-token")),
        };
        let printed = format!("{credentials:?}");
        assert!(printed.contains("AKIDEXAMPLE") && !printed.contains("hidden"), "{printed}");
    }

    #[test]
    fn an_access_key_id_is_short_and_plain() {
        for good in ["AKIAIOSFODNN7EXAMPLE", "test", "000000000000", "ASIA_X"] {
            assert_eq!(AccessKeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a/b", "a b", "ключ", &"A".repeat(129)] {
            assert_eq!(AccessKeyId::parse(bad), None, "{bad}");
        }
    }
}
