//! Signature Version 4a: the key pair that both sides derive from a secret access key.
//!
//! The derivation is the counter mode of NIST SP 800-108 with HMAC-SHA-256, retried until the number lies within
//! the order of the curve. All arithmetic on the curve is aws-lc's.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey,
};
use aws_lc_rs::{agreement, hmac};
use zeroize::Zeroizing;

use super::credentials::SecretAccessKey;

/// The order of P-256 less two, big-endian.
const ORDER_LESS_TWO: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x4f,
];

/// An uncompressed point.
pub(crate) type PublicKey = [u8; 65];

/// Derives the private key. Nothing only if 254 candidates in a row were too large, a chance below 2⁻⁸⁰⁰⁰.
fn private_key(access_key_id: &str, secret: &SecretAccessKey) -> Option<Zeroizing<[u8; 32]>> {
    let input = Zeroizing::new([b"AWS4A", secret.expose().as_bytes()].concat());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &input);
    for counter in 1..=254_u8 {
        let mut context = hmac::Context::with_key(&key);
        context.update(&1_u32.to_be_bytes());
        context.update(b"AWS4-ECDSA-P256-SHA256");
        context.update(&[0]);
        context.update(access_key_id.as_bytes());
        context.update(&[counter]);
        context.update(&256_u32.to_be_bytes());
        let mut candidate = Zeroizing::new([0_u8; 32]);
        candidate.copy_from_slice(context.sign().as_ref());
        if *candidate <= ORDER_LESS_TWO {
            add_one(&mut candidate);
            return Some(candidate);
        }
    }
    None
}

fn add_one(number: &mut [u8; 32]) {
    for byte in number.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            return;
        }
    }
}

/// The public key that signatures made with this access key verify against.
pub(crate) fn public_key(access_key_id: &str, secret: &SecretAccessKey) -> Option<PublicKey> {
    let private = private_key(access_key_id, secret)?;
    let private = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &*private).ok()?;
    private.compute_public_key().ok()?.as_ref().try_into().ok()
}

/// Whether `signature` (ASN.1 DER) is good.
pub(crate) fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature).is_ok()
}

/// Signs, for tests and for calls of our own. Each signature differs, for each has its own nonce.
pub(crate) fn sign(access_key_id: &str, secret: &SecretAccessKey, message: &[u8]) -> Option<Vec<u8>> {
    let (private, public) = (private_key(access_key_id, secret)?, public_key(access_key_id, secret)?);
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &*private, &public).ok()?;
    Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::hex;

    /// The vector that AWS's own libraries share (aws-c-auth, `key_derivation_tests.c`).
    #[test]
    fn the_key_pair_is_the_one_that_aws_derives() {
        let secret = SecretAccessKey::new("q+jcrXGc+0zWN6uzclKVhvMmUsIfRPa4rlRandom");
        let private = private_key("AKISORANDOMAASORANDOM", &secret).unwrap();
        assert_eq!(
            hex::encode(&*private),
            "7fd3bd010c0d9c292141c2b77bfbde1042c92e6836fff749d1269ec890fca1bd"
        );
        let public = hex::encode(&public_key("AKISORANDOMAASORANDOM", &secret).unwrap());
        assert_eq!(public[2..66], *"15d242ceebf8d8169fd6a8b5a746c41140414c3b07579038da06af89190fffcb");
        assert_eq!(public[66..], *"0515242cedd82e94799482e4c0514b505afccf2c0c98d6a553bf539f424c5ec0");
    }

    #[test]
    fn a_signature_verifies_and_an_altered_message_does_not() {
        let secret = SecretAccessKey::new("secret");
        let signature = sign("AKID", &secret, b"message").unwrap();
        let key = public_key("AKID", &secret).unwrap();
        assert!(verify(&key, b"message", &signature));
        assert!(!verify(&key, b"Message", &signature));
        assert!(!verify(&key, b"message", b""));
    }
}
