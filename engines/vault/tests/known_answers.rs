//! Known answers for every algorithm, through the public interface. See `vectors/README.md` for where they come from;
//! `src/known_answer_tests.rs` has those that need more.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use data_encoding::HEXLOWER_PERMISSIVE;
use fogbank_vault::{
    KeySpec, MacAlgorithm, MasterKey, Message, NewKey, OaepHash, SealedKey, SigningAlgorithm, Vault,
    VaultError,
};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn tests(case: &Value) -> &Vec<Value> {
    case["tests"].as_array().unwrap()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(case[field].as_str().unwrap().as_bytes()).unwrap()
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

fn valid(case: &Value) -> bool {
    case["valid"].as_bool().unwrap()
}

fn spec(case: &Value) -> KeySpec {
    KeySpec::parse(text(case, "spec")).unwrap()
}

fn signing(case: &Value) -> SigningAlgorithm {
    SigningAlgorithm::parse(text(case, "algorithm")).unwrap()
}

fn vault() -> Vault {
    Vault::new(MasterKey::new([1; 32]))
}

fn import(vault: &Vault, case: &Value, field: &str) -> NewKey {
    vault.import(spec(case), b"test", &bytes(case, field)).unwrap()
}

fn sealed<'a>(case: &Value, new: &'a NewKey) -> SealedKey<'a> {
    SealedKey { spec: spec(case), sealed: &new.sealed, bound_to: b"test" }
}

/// Verifies every signature of a file, given the message and, where the algorithm allows it, its digest.
fn check_signatures(file: &str) {
    let vault = vault();
    for case in cases(file) {
        let key = bytes(&case, "public_key");
        for test in tests(&case) {
            let (message, signature) = (bytes(test, "message"), bytes(test, "signature"));
            let check = |message| {
                // A key that is refused makes all of its signatures invalid.
                let found = vault.verify(spec(&case), &key, signing(&case), message, &signature);
                assert_eq!(found.unwrap_or(false), valid(test), "{} {}", case["algorithm"], test["note"]);
            };
            check(Message::Raw(&message));
            if let Some(digest) = digest(signing(&case), &message) {
                check(Message::Digest(&digest));
            }
        }
    }
}

fn digest(algorithm: SigningAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
    let hash = match algorithm.digest_bytes()? {
        32 => &aws_lc_rs::digest::SHA256,
        48 => &aws_lc_rs::digest::SHA384,
        _ => &aws_lc_rs::digest::SHA512,
    };
    Some(aws_lc_rs::digest::digest(hash, message).as_ref().to_vec())
}

#[test]
fn rsa_signatures() {
    check_signatures(include_str!("vectors/rsa_verify.json"));
}

#[test]
fn signatures_of_the_validation_program() {
    check_signatures(include_str!("vectors/fips186_verify.json"));
}

#[test]
fn ecdsa_signatures() {
    check_signatures(include_str!("vectors/ecdsa_verify.json"));
    check_signatures(include_str!("vectors/ecdsa_rfc6979.json"));
}

#[test]
fn ed25519_signatures() {
    check_signatures(include_str!("vectors/ed25519_verify.json"));
}

#[test]
fn ml_dsa_signatures() {
    check_signatures(include_str!("vectors/ml_dsa_verify.json"));
}

#[test]
fn rsa_signs_with_pkcs1_as_others_do() {
    let vault = vault();
    for case in cases(include_str!("vectors/rsa_pkcs1_sign.json")) {
        let new = import(&vault, &case, "pkcs8");
        for test in tests(&case) {
            let message = bytes(test, "message");
            let digest = digest(signing(&case), &message).unwrap();
            for message in [Message::Raw(&message), Message::Digest(&digest)] {
                let signature = vault.sign(&sealed(&case, &new), signing(&case), message).unwrap();
                assert_eq!(signature, bytes(test, "signature"), "{}", case["algorithm"]);
            }
        }
    }
}

#[test]
fn elliptic_keys_of_rfc_6979_have_its_public_keys() {
    let vault = vault();
    for case in cases(include_str!("vectors/ecdsa_rfc6979.json")) {
        let new = import(&vault, &case, "pkcs8");
        assert_eq!(new.public_key.unwrap(), bytes(&case, "public_key"), "{}", case["spec"]);
    }
}

#[test]
fn ed25519_signs_as_rfc_8032_says() {
    const PKCS8: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let vault = vault();
    let spec = KeySpec::EccNistEdwards25519;
    for case in cases(include_str!("vectors/ed25519_rfc8032.json")) {
        let new = vault.import(spec, b"test", &[PKCS8, &bytes(&case, "seed")].concat()).unwrap();
        assert_eq!(new.public_key.as_ref().unwrap(), &bytes(&case, "public_key"));
        let key = SealedKey { spec, sealed: &new.sealed, bound_to: b"test" };
        let message = bytes(&case, "message");
        let signature = vault.sign(&key, SigningAlgorithm::Ed25519Sha512, Message::Raw(&message)).unwrap();
        assert_eq!(signature, bytes(&case, "signature"));
    }
}

/// Signatures are made with chance (FIPS 204, "hedged"), so the one of the file can only be verified.
#[test]
fn ml_dsa_seeds_give_their_public_keys() {
    let vault = vault();
    for case in cases(include_str!("vectors/ml_dsa_seed.json")) {
        let new = import(&vault, &case, "pkcs8");
        let public = new.public_key.as_ref().unwrap();
        assert!(public.ends_with(&bytes(&case, "raw_public_key")), "{}", case["spec"]);
        for test in tests(&case) {
            let (message, algorithm) = (bytes(test, "message"), signing(&case));
            let ours = vault.sign(&sealed(&case, &new), algorithm, Message::Raw(&message)).unwrap();
            for signature in [&ours, &bytes(test, "signature")] {
                let verified =
                    vault.verify(spec(&case), public, algorithm, Message::Raw(&message), signature);
                assert_eq!(verified, Ok(true), "{}", case["spec"]);
            }
        }
    }
}

#[test]
fn rsa_decrypts_with_oaep() {
    let vault = vault();
    for case in cases(include_str!("vectors/rsa_oaep.json")) {
        let new = import(&vault, &case, "pkcs8");
        let hash = OaepHash::parse(text(&case, "algorithm")).unwrap();
        for test in tests(&case) {
            let opened = vault.rsa_decrypt(&sealed(&case, &new), hash, &bytes(test, "ciphertext"));
            if valid(test) {
                assert_eq!(*opened.unwrap(), bytes(test, "message"), "{}", test["note"]);
            } else {
                assert_eq!(opened.unwrap_err(), VaultError::Ciphertext, "{}", test["note"]);
            }
        }
    }
}

#[test]
fn message_authentication_codes() {
    let vault = vault();
    for case in cases(include_str!("vectors/hmac.json")) {
        let new = import(&vault, &case, "key");
        let algorithm = MacAlgorithm::parse(text(&case, "algorithm")).unwrap();
        let (message, mac) = (bytes(&case, "message"), bytes(&case, "mac"));
        let key = sealed(&case, &new);
        assert_eq!(vault.verify_mac(&key, algorithm, &message, &mac).unwrap(), valid(&case), "{case}");
        assert_eq!(vault.mac(&key, algorithm, &message).unwrap() == mac, valid(&case), "{case}");
    }
}

#[test]
fn secrets_agreed_on_with_ecdh() {
    let vault = vault();
    for case in cases(include_str!("vectors/ecdh.json")) {
        let new = import(&vault, &case, "pkcs8");
        let secret = vault.agree(&sealed(&case, &new), &bytes(&case, "peer"));
        if valid(&case) {
            assert_eq!(*secret.unwrap(), bytes(&case, "secret"), "{}", case["note"]);
        } else {
            assert_eq!(secret.unwrap_err(), VaultError::PublicKey, "{}", case["note"]);
        }
    }
}
