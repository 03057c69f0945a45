//! RSA encryption, signatures, MACs, shared secrets.

use bytes::Bytes;
use kms_api::*;
use testkit::Cloud;

use crate::crypto_support::*;

const MESSAGE: &[u8] = b"a message to be signed";

#[tokio::test]
async fn rsa_encrypts_what_its_size_and_algorithm_allow() {
    let cloud = Cloud::new(1).await;
    let rsa = key(&cloud, "RSA_2048", "ENCRYPT_DECRYPT").await;
    for (algorithm, most) in [("RSAES_OAEP_SHA_1", 214), ("RSAES_OAEP_SHA_256", 190)] {
        let input = |length: usize| EncryptInput {
            encryption_algorithm: Some(algorithm.into()),
            ..encrypt_input(&rsa, &vec![7; length])
        };
        let made = cloud.call(Encrypt, input(most)).await.unwrap();
        let blob = made.ciphertext_blob.unwrap();
        let decrypting = DecryptInput {
            key_id: Some(rsa.clone()),
            encryption_algorithm: Some(algorithm.into()),
            ..decrypt_input(&blob)
        };
        let output = cloud.call(Decrypt, decrypting.clone()).await.unwrap();
        assert_eq!((plaintext(&output).len(), output.key_material_id.as_ref()), (most, None));
        let message = refused(cloud.call(Encrypt, input(most + 1)).await, "ValidationException");
        assert_eq!(
            message,
            format!(
                "Algorithm {algorithm} and key spec RSA_2048 cannot encrypt data larger than {most} bytes."
            )
        );
        let nameless = DecryptInput { key_id: None, ..decrypting.clone() };
        refused(cloud.call(Decrypt, nameless).await, "InvalidCiphertextException");
        let default = DecryptInput { encryption_algorithm: None, ..decrypting.clone() };
        refused(cloud.call(Decrypt, default).await, "InvalidKeyUsageException");
        let mut touched = blob.to_vec();
        touched[9] ^= 1;
        let touched = DecryptInput { ciphertext_blob: Some(touched.into()), ..decrypting };
        refused(cloud.call(Decrypt, touched).await, "InvalidCiphertextException");
        let contextual = EncryptInput { encryption_context: context(&[("a", "b")]), ..input(1) };
        refused(cloud.call(Encrypt, contextual).await, "ValidationException");
    }
}

#[tokio::test]
async fn re_encrypting_goes_from_rsa_to_symmetric_and_back() {
    let cloud = Cloud::new(2).await;
    let rsa = key(&cloud, "RSA_2048", "ENCRYPT_DECRYPT").await;
    let other = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &other, b"secret").await;
    let to_rsa = ReEncryptInput {
        ciphertext_blob: Some(blob),
        destination_key_id: rsa.clone(),
        destination_encryption_algorithm: Some("RSAES_OAEP_SHA_256".into()),
        ..ReEncryptInput::default()
    };
    let there = cloud.call(ReEncrypt, to_rsa).await.unwrap();
    assert_eq!(there.destination_key_material_id, None);
    let back = ReEncryptInput {
        ciphertext_blob: there.ciphertext_blob,
        source_key_id: Some(rsa.clone()),
        source_encryption_algorithm: Some("RSAES_OAEP_SHA_256".into()),
        destination_key_id: other,
        ..ReEncryptInput::default()
    };
    let back = cloud.call(ReEncrypt, back).await.unwrap();
    assert_eq!(back.source_encryption_algorithm.unwrap().as_str(), "RSAES_OAEP_SHA_256");
    assert_eq!(plaintext(&decrypt(&cloud, &back.ciphertext_blob.unwrap()).await.unwrap()), b"secret");
}

fn signing(key: &str, algorithm: &str, kind: &str, message: &[u8]) -> SignInput {
    SignInput {
        key_id: key.to_owned(),
        message: Bytes::copy_from_slice(message),
        message_type: Some(kind.into()),
        signing_algorithm: algorithm.into(),
        ..SignInput::default()
    }
}

fn verifying(signed: &SignInput, signature: &Bytes) -> VerifyInput {
    VerifyInput {
        key_id: signed.key_id.clone(),
        message: signed.message.clone(),
        message_type: signed.message_type.clone(),
        signature: signature.clone(),
        signing_algorithm: signed.signing_algorithm.clone(),
        ..VerifyInput::default()
    }
}

#[tokio::test]
async fn every_signing_key_signs_and_verifies_by_each_of_its_algorithms() {
    let cloud = Cloud::new(3).await;
    for spec in [
        "RSA_2048",
        "ECC_NIST_P256",
        "ECC_NIST_P384",
        "ECC_NIST_P521",
        "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519",
        "ML_DSA_44",
        "ML_DSA_65",
        "ML_DSA_87",
    ] {
        let key = key(&cloud, spec, "SIGN_VERIFY").await;
        let input = GetPublicKeyInput { key_id: key.clone(), ..GetPublicKeyInput::default() };
        let public = cloud.call(GetPublicKey, input).await.unwrap();
        assert_eq!(public.key_spec.unwrap().as_str(), spec);
        for algorithm in public.signing_algorithms.unwrap() {
            // The library cannot, and says so (see the test below).
            if algorithm.as_str() == "ED25519_PH_SHA_512" {
                continue;
            }
            let input = signing(&key, algorithm.as_str(), "RAW", MESSAGE);
            let signed = cloud.call(Sign, input.clone()).await.unwrap();
            let signature = signed.signature.unwrap();
            let verified = cloud.call(Verify, verifying(&input, &signature)).await.unwrap();
            assert_eq!(verified.signature_valid, Some(true), "{spec} {algorithm}");
            let mut other = verifying(&input, &signature);
            other.message = Bytes::from_static(b"another message");
            let message = refused(cloud.call(Verify, other).await, "KMSInvalidSignatureException");
            assert_eq!(message, "");
            let mut touched = signature.to_vec();
            *touched.last_mut().unwrap() ^= 1;
            let touched = verifying(&input, &touched.into());
            refused(cloud.call(Verify, touched).await, "KMSInvalidSignatureException");
        }
    }
}

#[tokio::test]
async fn a_digest_is_signed_in_place_of_its_message() {
    let cloud = Cloud::new(4).await;
    let ecc = key(&cloud, "ECC_NIST_P256", "SIGN_VERIFY").await;
    // SHA-256 of "abc", FIPS 180.
    let digest = [
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0,
        0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
    ];
    let signed = cloud.call(Sign, signing(&ecc, "ECDSA_SHA_256", "DIGEST", &digest)).await.unwrap();
    let whole = signing(&ecc, "ECDSA_SHA_256", "RAW", b"abc");
    cloud.call(Verify, verifying(&whole, &signed.signature.unwrap())).await.unwrap();
    let short = signing(&ecc, "ECDSA_SHA_256", "DIGEST", &digest[1..]);
    let message = refused(cloud.call(Sign, short).await, "ValidationException");
    assert_eq!(message, "Digest is invalid length for algorithm ECDSA_SHA_256.");
}

#[tokio::test]
async fn what_a_key_cannot_sign_is_refused() {
    let cloud = Cloud::new(5).await;
    let ecc = key(&cloud, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let message = refused(
        cloud.call(Sign, signing(&ecc, "ECDSA_SHA_512", "RAW", MESSAGE)).await,
        "InvalidKeyUsageException",
    );
    assert_eq!(message, "Algorithm ECDSA_SHA_512 is incompatible with key spec ECC_NIST_P256.");
    let edwards = key(&cloud, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY").await;
    let digest = [1; 64];
    let input = signing(&edwards, "ED25519_SHA_512", "DIGEST", &digest);
    let message = refused(cloud.call(Sign, input).await, "ValidationException");
    assert_eq!(message, "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.");
    let input = signing(&edwards, "ED25519_PH_SHA_512", "DIGEST", &digest);
    refused(cloud.call(Sign, input).await, "UnsupportedOperationException");
    let agreement = key(&cloud, "ECC_NIST_P256", "KEY_AGREEMENT").await;
    let message = refused(
        cloud.call(Sign, signing(&agreement, "ECDSA_SHA_256", "RAW", MESSAGE)).await,
        "InvalidKeyUsageException",
    );
    assert_eq!(message, format!("{agreement} key usage is KEY_AGREEMENT which is not valid for Sign."));
    let dry = SignInput { dry_run: Some(true), ..signing(&ecc, "ECDSA_SHA_256", "RAW", MESSAGE) };
    refused(cloud.call(Sign, dry).await, "DryRunOperationException");
    disable(&cloud, &ecc).await;
    refused(cloud.call(Sign, signing(&ecc, "ECDSA_SHA_256", "RAW", MESSAGE)).await, "DisabledException");
    let input = GetPublicKeyInput { key_id: ecc, ..GetPublicKeyInput::default() };
    refused(cloud.call(GetPublicKey, input).await, "DisabledException");
}

#[tokio::test]
async fn a_public_key_says_what_it_is_for() {
    let cloud = Cloud::new(6).await;
    let get = |key_id: String| cloud.call(GetPublicKey, GetPublicKeyInput { key_id, ..Default::default() });
    let rsa = get(key(&cloud, "RSA_2048", "ENCRYPT_DECRYPT").await).await.unwrap();
    assert_eq!(rsa.key_usage.unwrap().as_str(), "ENCRYPT_DECRYPT");
    let names: Vec<_> = rsa.encryption_algorithms.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]);
    assert!(rsa.signing_algorithms.is_none() && rsa.customer_master_key_spec.is_some());
    let ecc = get(key(&cloud, "ECC_NIST_P384", "KEY_AGREEMENT").await).await.unwrap();
    assert_eq!(ecc.key_agreement_algorithms.unwrap()[0].as_str(), "ECDH");
    refused(get(symmetric(&cloud).await).await, "UnsupportedOperationException");
}

#[tokio::test]
async fn a_mac_is_the_messages_and_the_keys() {
    let cloud = Cloud::new(7).await;
    for (spec, algorithm, length) in [
        ("HMAC_224", "HMAC_SHA_224", 28),
        ("HMAC_256", "HMAC_SHA_256", 32),
        ("HMAC_384", "HMAC_SHA_384", 48),
        ("HMAC_512", "HMAC_SHA_512", 64),
    ] {
        let key_id = key(&cloud, spec, "GENERATE_VERIFY_MAC").await;
        let input = GenerateMacInput {
            message: MESSAGE.into(),
            key_id: key_id.clone(),
            mac_algorithm: algorithm.into(),
            ..GenerateMacInput::default()
        };
        let mac = cloud.call(GenerateMac, input.clone()).await.unwrap().mac.unwrap();
        assert_eq!(mac.len(), length);
        let verify = |message: &'static [u8], mac: Bytes| VerifyMacInput {
            message: message.into(),
            key_id: key_id.clone(),
            mac_algorithm: algorithm.into(),
            mac,
            ..VerifyMacInput::default()
        };
        let verified = cloud.call(VerifyMac, verify(MESSAGE, mac.clone())).await.unwrap();
        assert_eq!(verified.mac_valid, Some(true));
        refused(cloud.call(VerifyMac, verify(b"other", mac.clone())).await, "KMSInvalidMacException");
        refused(cloud.call(VerifyMac, verify(MESSAGE, mac.slice(1..))).await, "KMSInvalidMacException");
        let other = if algorithm == "HMAC_SHA_256" { "HMAC_SHA_512" } else { "HMAC_SHA_256" };
        let wrong = GenerateMacInput { mac_algorithm: other.into(), ..input.clone() };
        refused(cloud.call(GenerateMac, wrong).await, "InvalidKeyUsageException");
        disable(&cloud, &key_id).await;
        refused(cloud.call(GenerateMac, input).await, "DisabledException");
    }
}

#[tokio::test]
async fn two_parties_derive_the_same_secret() {
    let cloud = Cloud::new(8).await;
    for spec in ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"] {
        let (alice, bob) =
            (key(&cloud, spec, "KEY_AGREEMENT").await, key(&cloud, spec, "KEY_AGREEMENT").await);
        let mut secrets = Vec::new();
        for (own, peer) in [(&alice, &bob), (&bob, &alice)] {
            let input = GetPublicKeyInput { key_id: peer.clone(), ..GetPublicKeyInput::default() };
            let public_key = cloud.call(GetPublicKey, input).await.unwrap().public_key.unwrap();
            let input = DeriveSharedSecretInput {
                key_id: own.clone(),
                key_agreement_algorithm: "ECDH".into(),
                public_key,
                ..DeriveSharedSecretInput::default()
            };
            let output = cloud.call(DeriveSharedSecret, input).await.unwrap();
            assert_eq!(output.key_origin.unwrap().as_str(), "AWS_KMS");
            secrets.push(output.shared_secret.unwrap());
        }
        assert_eq!(secrets[0], secrets[1], "{spec}");
        let input = DeriveSharedSecretInput {
            key_id: alice,
            key_agreement_algorithm: "ECDH".into(),
            public_key: Bytes::from_static(b"no key"),
            ..DeriveSharedSecretInput::default()
        };
        refused(cloud.call(DeriveSharedSecret, input).await, "ValidationException");
    }
}

#[tokio::test]
async fn a_secret_is_encapsulated_for_one_key() {
    let cloud = Cloud::new(9).await;
    for (spec, length) in [("ML_KEM_512", 768), ("ML_KEM_768", 1088), ("ML_KEM_1024", 1568)] {
        let key_id = key(&cloud, spec, "ENCAPSULATE_DECAPSULATE").await;
        let input = EncapsulateInput {
            key_id: key_id.clone(),
            encapsulation_algorithm: "ML_KEM".into(),
            ..EncapsulateInput::default()
        };
        let made = cloud.call(Encapsulate, input).await.unwrap();
        let blob = made.shared_secret_ciphertext_blob.unwrap();
        assert_eq!(blob.len(), length);
        let open = |blob: Bytes| DecapsulateInput {
            key_id: key_id.clone(),
            shared_secret_ciphertext_blob: blob,
            encapsulation_algorithm: "ML_KEM".into(),
            ..DecapsulateInput::default()
        };
        let opened = cloud.call(Decapsulate, open(blob.clone())).await.unwrap();
        assert_eq!(opened.shared_secret, made.shared_secret);
        let mut touched = blob.to_vec();
        touched[0] ^= 1;
        let other = cloud.call(Decapsulate, open(touched.into())).await.unwrap();
        assert_ne!(other.shared_secret, made.shared_secret, "implicit rejection");
        refused(cloud.call(Decapsulate, open(blob.slice(1..))).await, "InvalidCiphertextException");
    }
}
