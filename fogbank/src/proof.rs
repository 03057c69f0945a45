//! Proof that whoever asks may read the cloud's root key, and so owns the cloud.
//!
//! Controls answer anybody on this machine, which other people may use as well. What tells who did what is for the
//! owner alone. The proof is a keyed hash over the request and the time; the key itself is not sent, so that an
//! impostor on the port learns nothing from it.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base::Timestamp;
use http::Method;

use crate::limits::PROOF_AGE_MAX;

/// The header it travels in: milliseconds since 1970, a colon, and the hash in hexadecimal.
pub const HEADER: &str = "x-fogbank-proof";

/// Makes the proof for a request. `path` is what stands behind `/_fogbank/`.
pub fn make(secret: &str, method: &Method, path: &str, wall: Timestamp) -> String {
    let millis = wall.as_millis();
    let tag = sign(&key(secret), &message(method, path, millis));
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{millis}:{digits}")
}

pub fn is_good(given: &str, secret: &str, method: &Method, path: &str, wall: Timestamp) -> bool {
    let Some((millis, digits)) = given.split_once(':') else { return false };
    let (Ok(millis), Some(tag)) = (millis.parse(), bytes(digits)) else { return false };
    let at = Timestamp::from_millis(millis);
    let is_recent = wall.since(at).max(at.since(wall)) <= PROOF_AGE_MAX;
    is_recent && verify(&key(secret), &message(method, path, millis), &tag).is_ok()
}

/// A key of its own, derived from the root key's secret, which signs AWS requests and nothing else.
fn key(secret: &str) -> Key {
    let derived = sign(&Key::new(HMAC_SHA256, secret.as_bytes()), b"fogbank control");
    Key::new(HMAC_SHA256, derived.as_ref())
}

fn message(method: &Method, path: &str, millis: i64) -> Vec<u8> {
    format!("{method}\n{path}\n{millis}").into_bytes()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_proof_is_good_for_one_request_one_key_and_a_minute() {
        let now = Timestamp::from_secs(1_800_000_000);
        let proof = make("secret", &Method::GET, "explain/1", now);
        let good = |secret, path, at| is_good(&proof, secret, &Method::GET, path, at);
        assert!(good("secret", "explain/1", now));
        assert!(good("secret", "explain/1", now + Duration::from_secs(59)));
        assert!(!good("secret", "explain/1", now + Duration::from_secs(61)));
        assert!(!good("secret", "explain/1", now - Duration::from_secs(61)));
        assert!(!good("other", "explain/1", now));
        assert!(!good("secret", "explain/2", now));
        assert!(!is_good(&proof, "secret", &Method::POST, "explain/1", now));
        assert!(!proof.contains("secret"));
    }

    #[test]
    fn nonsense_is_no_proof() {
        let now = Timestamp::from_secs(1_800_000_000);
        for bad in [
            "",
            ":",
            "1800000000000",
            "1800000000000:",
            "1800000000000:zz",
            "x:00",
            "-9223372036854775808:00",
        ] {
            assert!(!is_good(bad, "secret", &Method::GET, "explain/1", now), "{bad}");
        }
    }
}
