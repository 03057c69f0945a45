//! A provider's public keys (RFC 7517), and the signatures they prove (RFC 7518).
//!
//! AWS takes RSA and ECDSA with SHA-2 (`RS256` to `RS512`, `ES256` to `ES512`) and nothing else: no `PS…`, no `none`,
//! no shared secrets. The cryptography is aws-lc's; here JSON is read and the right algorithm named.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaVerificationAlgorithm,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::limits::PROVIDER_KEYS_MAX;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
    Es512,
}

/// The keys that a provider publishes.
#[derive(Debug, Default)]
pub struct KeySet(Vec<Jwk>);

#[derive(Debug, Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Algorithm {
    pub fn parse(name: &str) -> Option<Algorithm> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "ES512" => Algorithm::Es512,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::Es512 => "ES512",
        }
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        }
    }

    /// The algorithm, its curve's name, and the bytes of a coordinate.
    fn ecdsa(self) -> Option<(&'static EcdsaVerificationAlgorithm, &'static str, usize)> {
        match self {
            Algorithm::Es256 => Some((&ECDSA_P256_SHA256_FIXED, "P-256", 32)),
            Algorithm::Es384 => Some((&ECDSA_P384_SHA384_FIXED, "P-384", 48)),
            Algorithm::Es512 => Some((&ECDSA_P521_SHA512_FIXED, "P-521", 66)),
            _ => None,
        }
    }
}

impl KeySet {
    /// Reads a set. Keys of kinds that are not known are passed over, as the standard has it.
    pub fn read(json: &[u8]) -> Option<KeySet> {
        let published: Published = serde_json::from_slice(json).ok()?;
        let mut keys: Vec<Jwk> = Vec::new();
        for value in published.keys {
            let Ok(key) = serde_json::from_value::<Jwk>(value) else { continue };
            if keys.iter().filter(|known| known.kty == key.kty).count() < PROVIDER_KEYS_MAX {
                keys.push(key);
            }
        }
        Some(KeySet(keys))
    }

    /// Whether there is a key that could have made the signature.
    pub fn has(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        self.candidates(kid, algorithm).next().is_some()
    }

    /// Whether one of the keys made the signature.
    pub fn verifies(&self, kid: Option<&str>, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.candidates(kid, algorithm).any(|key| key.verifies(algorithm, signed, signature))
    }

    fn candidates(&self, kid: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &Jwk> {
        self.0.iter().filter(move |key| {
            let named = kid.is_none() || key.kid.as_deref() == kid;
            let signs = key.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
            let fits = key.alg.as_deref().is_none_or(|name| name == algorithm.name());
            let kind = if algorithm.rsa().is_some() { "RSA" } else { "EC" };
            named && signs && fits && key.kty == kind
        })
    }
}

impl Jwk {
    fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        if let Some(parameters) = algorithm.rsa() {
            let (Some(n), Some(e)) = (number(&self.n), number(&self.e)) else { return false };
            return RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature).is_ok();
        }
        let Some((parameters, curve, width)) = algorithm.ecdsa() else { return false };
        let (Some(x), Some(y)) = (number(&self.x), number(&self.y)) else { return false };
        if self.crv.as_deref() != Some(curve) || x.len() > width || y.len() > width {
            return false;
        }
        // An uncompressed point: both coordinates in full width.
        let mut point = vec![0; 1 + 2 * width];
        point[0] = 4;
        point[1 + width - x.len()..=width].copy_from_slice(&x);
        point[1 + 2 * width - y.len()..].copy_from_slice(&y);
        UnparsedPublicKey::new(parameters, point).verify(signed, signature).is_ok()
    }
}

/// A number in base 64; some providers keep the padding, some lead with a zero byte.
fn number(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text.as_deref()?.trim_end_matches('=')).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes[zeros..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    };
    use serde_json::json;

    fn signed(
        algorithm: &'static EcdsaSigningAlgorithm,
        curve: &str,
        width: usize,
    ) -> (serde_json::Value, Vec<u8>) {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let point = pair.public_key().as_ref();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let key = json!({
            "kty": "EC", "kid": curve, "crv": curve, "use": "sig",
            "x": encode(&point[1..=width]), "y": encode(&point[1 + width..]),
        });
        (key, pair.sign(&SystemRandom::new(), b"text").unwrap().as_ref().to_vec())
    }

    #[test]
    fn each_curve_proves_its_own_signatures_only() {
        let made = [
            (Algorithm::Es256, signed(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32)),
            (Algorithm::Es384, signed(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", 48)),
            (Algorithm::Es512, signed(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521", 66)),
        ];
        let keys: Vec<_> = made.iter().map(|(_, (key, _))| key.clone()).collect();
        let set = KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        for (algorithm, (key, signature)) in &made {
            let kid = key["kid"].as_str();
            assert!(set.verifies(kid, *algorithm, b"text", signature), "{algorithm:?}");
            assert!(set.verifies(None, *algorithm, b"text", signature), "without the key's id");
            assert!(!set.verifies(kid, *algorithm, b"other", signature), "{algorithm:?}");
            assert!(!set.verifies(Some("unknown"), *algorithm, b"text", signature));
            for (other, _) in made.iter().filter(|(other, _)| other != algorithm) {
                assert!(!set.verifies(None, *other, b"text", signature), "{algorithm:?} as {other:?}");
            }
        }
    }

    #[test]
    fn keys_for_other_purposes_and_other_algorithms_do_not_count() {
        let (key, signature) = signed(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", 32);
        for (member, value, fits) in
            [("use", "enc", false), ("alg", "ES384", false), ("alg", "ES256", true), ("crv", "P-384", false)]
        {
            let mut key = key.clone();
            key[member] = json!(value);
            let strange = json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"});
            let set = KeySet::read(json!({ "keys": [key, strange, 7] }).to_string().as_bytes()).unwrap();
            assert_eq!(set.verifies(None, Algorithm::Es256, b"text", &signature), fits, "{member} {value}");
        }
        assert!(KeySet::read(b"{}").is_none() && KeySet::read(b"no json").is_none());
    }
}
