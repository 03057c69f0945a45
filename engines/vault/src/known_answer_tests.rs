//! Known answers that cannot be asked for from outside: keys that an import refuses, and parts of what is done.

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrapPadded};
use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;

use crate::derive;
use crate::seal::Use;
use crate::{KeySpec, MacAlgorithm, MasterKey, OaepHash, SealedKey, Vault, VaultError, WrappingAlgorithm};

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    HEXLOWER_PERMISSIVE.decode(case[field].as_str().unwrap().as_bytes()).unwrap()
}

fn spec(case: &Value) -> KeySpec {
    KeySpec::parse(case["spec"].as_str().unwrap()).unwrap()
}

fn vault() -> Vault {
    Vault::new(MasterKey::new([1; 32]))
}

/// As if this had been imported.
fn sealed(vault: &Vault, spec: KeySpec, material: &[u8]) -> Vec<u8> {
    vault.inner.seals.seal(Use::Key(spec.as_str()), b"test", material)
}

#[test]
fn aes_256_gcm_opens_what_it_must_and_nothing_else() {
    for case in cases(include_str!("../tests/vectors/aes_256_gcm.json")) {
        let mut message = bytes(&case, "nonce");
        message.extend(bytes(&case, "ciphertext"));
        message.extend(bytes(&case, "tag"));
        let key = derive::gcm_key(&bytes(&case, "key"));
        let opened = derive::gcm_open(&key, &bytes(&case, "aad"), &message);
        if case["valid"].as_bool().unwrap() {
            assert_eq!(*opened.unwrap(), bytes(&case, "message"), "{case}");
        } else {
            assert!(opened.is_none(), "{case}");
        }
    }
}

/// The specification of GCM (McGrew and Viega), test cases 14 and 16, which SP 800-38D refers to.
#[test]
fn aes_256_gcm_agrees_with_its_specification() {
    let check = |key: &str, nonce: &str, aad: &str, message: &str, ciphertext_and_tag: &str| {
        let decode = |text: &str| HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap();
        let opened = derive::gcm_open(
            &derive::gcm_key(&decode(key)),
            &decode(aad),
            &[decode(nonce), decode(ciphertext_and_tag)].concat(),
        );
        assert_eq!(*opened.unwrap(), decode(message));
    };
    check(
        &"0".repeat(64),
        &"0".repeat(24),
        "",
        &"0".repeat(32),
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
    );
    check(
        &"feffe9928665731c6d6a8f9467308308".repeat(2),
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525\
         b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838\
         c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    );
}

#[test]
fn hmac_agrees_with_rfc_4231() {
    let vault = vault();
    for case in cases(include_str!("../tests/vectors/hmac_rfc4231.json")) {
        let sealed = sealed(&vault, spec(&case), &bytes(&case, "key"));
        let key = SealedKey { spec: spec(&case), sealed: &sealed, bound_to: b"test" };
        let algorithm = MacAlgorithm::parse(case["algorithm"].as_str().unwrap()).unwrap();
        let mac = vault.mac(&key, algorithm, &bytes(&case, "message")).unwrap();
        assert_eq!(mac, bytes(&case, "mac"), "{case}");
    }
}

#[test]
fn ml_kem_finds_the_secrets_of_its_ciphertexts() {
    let vault = vault();
    for case in cases(include_str!("../tests/vectors/ml_kem_decapsulate.json")) {
        let sealed = sealed(&vault, spec(&case), &bytes(&case, "private"));
        let key = SealedKey { spec: spec(&case), sealed: &sealed, bound_to: b"test" };
        let secret = vault.decapsulate(&key, &bytes(&case, "ciphertext"));
        if case["valid"].as_bool().unwrap() {
            assert_eq!(*secret.unwrap(), bytes(&case, "secret"), "{}", case["note"]);
        } else {
            assert_eq!(secret.unwrap_err(), VaultError::Ciphertext, "{}", case["note"]);
        }
    }
}

/// The second half of `RSA_AES_KEY_WRAP`, reached through the first.
#[test]
fn material_wrapped_twice_is_unwrapped_as_rfc_5649_says() {
    let vault = vault();
    let wrapping = vault.wrapping_key(KeySpec::Rsa2048, b"import").unwrap();
    let public = wrapping.public_key.unwrap();
    let key = SealedKey { spec: KeySpec::Rsa2048, sealed: &wrapping.sealed, bound_to: b"import" };
    for case in cases(include_str!("../tests/vectors/aes_kwp.json")) {
        let mut wrapped = vault.rsa_encrypt(&public, OaepHash::Sha256, &bytes(&case, "key")).unwrap();
        wrapped.extend(bytes(&case, "ciphertext"));
        let material = vault.unwrap(&key, WrappingAlgorithm::RsaAesKeyWrap(OaepHash::Sha256), &wrapped);
        if case["valid"].as_bool().unwrap() {
            assert_eq!(*material.unwrap(), bytes(&case, "message"), "{case}");
        } else {
            assert_eq!(material.unwrap_err(), VaultError::Ciphertext, "{case}");
        }
    }
}

#[test]
fn a_wrapped_key_is_wrapped_as_rfc_5649_says() {
    for case in cases(include_str!("../tests/vectors/aes_kwp.json")) {
        if !case["valid"].as_bool().unwrap() {
            continue;
        }
        let (key, message) = (bytes(&case, "key"), bytes(&case, "message"));
        let cipher = if key.len() == 16 { &AES_128 } else { &AES_256 };
        let mut out = vec![0; message.len() + 15];
        let wrapped = AesKek::new(cipher, &key).unwrap().wrap_with_padding(&message, &mut out).unwrap();
        assert_eq!(wrapped, bytes(&case, "ciphertext"), "{case}");
    }
}
