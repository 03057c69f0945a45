//! SSE-C: keys that clients bring along with every request, used and forgotten.
//!
//! Of a key S3 keeps a salted HMAC alone, to tell whether a reader brought the right one ("Using server-side
//! encryption with customer-provided keys" of the S3 guide), and the MD5 that it shows in answers. The key itself is in
//! no record, no log line, no audit event and no error.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use object_engine::ContentKey;
use zeroize::Zeroizing;

use crate::error::{Error, INVALID_ENCRYPTION_ALGORITHM};
use crate::records::Encryption;

/// The only cipher there is.
const AES256: &str = "AES256";
/// What S3 calls the argument in all errors about encryption.
const ARGUMENT: &str = "x-amz-server-side-encryption";

/// The three headers, as they came.
#[derive(Clone, Copy, Default)]
pub struct CustomerHeaders<'a> {
    pub algorithm: Option<&'a str>,
    pub key: Option<&'a str>,
    pub key_md5: Option<&'a str>,
}

/// A key that a client brought. Wiped when it is dropped, and never shown.
#[derive(Clone)]
pub struct CustomerKey {
    key: Zeroizing<[u8; 32]>,
    md5: [u8; 16],
}

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerKey")
    }
}

impl CustomerKey {
    /// The key in a request, if there is one. The MD5 is checked before the length, and may be missing.
    pub fn parse(headers: CustomerHeaders<'_>) -> Result<Option<CustomerKey>, Error> {
        let CustomerHeaders { algorithm, key, key_md5 } = headers;
        if algorithm.is_none() && key.is_none() && key_md5.is_none() {
            return Ok(None);
        }
        match algorithm {
            Some(AES256) => {}
            Some(other) => {
                let error = Error::new(&INVALID_ENCRYPTION_ALGORITHM);
                return Err(error.with("ArgumentName", ARGUMENT).with("ArgumentValue", other));
            }
            None => return Err(refused("must provide a valid encryption algorithm.")),
        }
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| refused("must provide an appropriate secret key."))?;
        let invalid = || argument("The secret key was invalid for the specified algorithm.");
        let key = Zeroizing::new(STANDARD.decode(key).map_err(|_| invalid())?);
        let md5: [u8; 16] = Md5::digest(&*key).into();
        if let Some(declared) = key_md5
            && STANDARD.decode(declared).ok().as_deref() != Some(&md5[..])
        {
            return Err(argument(
                "The calculated MD5 hash of the key did not match the hash that was provided.",
            ));
        }
        let key = <[u8; 32]>::try_from(&key[..]).map(Zeroizing::new).map_err(|_| invalid())?;
        Ok(Some(CustomerKey { key, md5 }))
    }

    pub fn content_key(&self) -> ContentKey {
        ContentKey::new(*self.key)
    }

    /// What is kept of it.
    pub fn to_record(&self, salt: [u8; 16]) -> Encryption {
        Encryption::Customer { salt, check: self.check(&salt), key_md5: self.md5 }
    }

    /// Whether it is the key that `check` was made of.
    pub fn matches(&self, salt: &[u8; 16], check: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.check(salt), check).is_ok()
    }

    fn check(&self, salt: &[u8; 16]) -> [u8; 32] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), &self.key[..]);
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

/// `InvalidArgument` about the headers of SSE-C; it shows no value, since that could be the key.
fn argument(message: &'static str) -> Error {
    Error::argument(message, ARGUMENT, "null")
}

fn refused(what: &str) -> Error {
    let message = format!("Requests specifying Server Side Encryption with Customer provided keys {what}");
    Error::argument(message, ARGUMENT, "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
    const KEY_MD5: &str = "Xsqb0+sHwAbNQ65I395/0w==";

    fn parse(algorithm: Option<&str>, key: Option<&str>, key_md5: Option<&str>) -> Result<bool, String> {
        let parsed = CustomerKey::parse(CustomerHeaders { algorithm, key, key_md5 });
        parsed.map(|key| key.is_some()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_comes_with_its_algorithm_and_may_come_with_its_md5() {
        let aes = Some("AES256");
        assert_eq!(parse(None, None, None), Ok(false));
        assert_eq!(parse(aes, Some(KEY), Some(KEY_MD5)), Ok(true));
        assert_eq!(parse(aes, Some(KEY), None), Ok(true));
        for (algorithm, key, md5, said) in [
            (Some("AES128"), Some(KEY), Some(KEY_MD5), "Supported value: AES256."),
            (None, Some(KEY), Some(KEY_MD5), "a valid encryption algorithm."),
            (aes, None, Some(KEY_MD5), "an appropriate secret key."),
            (aes, Some("c2hvcnQ="), None, "The secret key was invalid"),
            (aes, Some("not base64!"), None, "The secret key was invalid"),
            (aes, Some("c2hvcnQ="), Some(KEY_MD5), "The calculated MD5 hash of the key"),
            (aes, Some(KEY), Some("AAAA"), "The calculated MD5 hash of the key"),
        ] {
            let error = parse(algorithm, key, md5).unwrap_err();
            assert!(error.contains(said), "{error}");
            assert!(!error.contains(KEY) && !error.contains("c2hvcnQ"), "{error}");
        }
    }

    #[test]
    fn a_key_is_known_again_and_another_is_not() {
        let parse = |key| {
            let headers = CustomerHeaders { algorithm: Some("AES256"), key: Some(key), key_md5: None };
            CustomerKey::parse(headers).unwrap().unwrap()
        };
        let (one, other) = (parse(KEY), parse("YmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE="));
        let Encryption::Customer { salt, check, .. } = one.to_record([7; 16]) else { panic!() };
        assert!(one.matches(&salt, &check) && !other.matches(&salt, &check));
        assert_ne!(one.to_record([7; 16]), one.to_record([8; 16]), "the salt counts");
        assert!(!format!("{one:?}").contains("97"), "it does not show");
    }
}
