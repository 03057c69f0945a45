//! Data keys, data key pairs and random bytes.

use bytes::Bytes;
use kms_api::*;
use testkit::Cloud;

use crate::crypto_support::*;

#[tokio::test]
async fn a_data_key_comes_in_the_clear_and_encrypted() {
    let cloud = Cloud::new(1).await;
    let key = symmetric(&cloud).await;
    for (spec, bytes, length) in [
        (Some("AES_128"), None, 16),
        (Some("AES_256"), None, 32),
        (None, Some(1), 1),
        (None, Some(1024), 1024),
    ] {
        let input = GenerateDataKeyInput {
            key_id: key.clone(),
            key_spec: spec.map(Into::into),
            number_of_bytes: bytes,
            encryption_context: context(&[("a", "1")]),
            ..GenerateDataKeyInput::default()
        };
        let made = cloud.call(GenerateDataKey, input).await.unwrap();
        assert_eq!(made.key_id.as_ref(), Some(&key));
        let input = DecryptInput {
            encryption_context: context(&[("a", "1")]),
            ..decrypt_input(&made.ciphertext_blob.unwrap())
        };
        let output = cloud.call(Decrypt, input).await.unwrap();
        assert_eq!(
            (output.plaintext, output.key_material_id),
            (made.plaintext.clone(), made.key_material_id)
        );
        assert_eq!(made.plaintext.unwrap().len(), length);
    }
}

#[tokio::test]
async fn a_data_key_without_plaintext_decrypts_all_the_same() {
    let cloud = Cloud::new(2).await;
    let key = symmetric(&cloud).await;
    let input = GenerateDataKeyWithoutPlaintextInput {
        key_id: key.clone(),
        number_of_bytes: Some(24),
        ..GenerateDataKeyWithoutPlaintextInput::default()
    };
    let made = cloud.call(GenerateDataKeyWithoutPlaintext, input).await.unwrap();
    let output = decrypt(&cloud, &made.ciphertext_blob.unwrap()).await.unwrap();
    assert_eq!(plaintext(&output).len(), 24);
}

#[tokio::test]
async fn a_data_key_needs_one_length_and_a_symmetric_key() {
    let cloud = Cloud::new(3).await;
    let key_id = symmetric(&cloud).await;
    let input = |spec: Option<&str>, bytes| GenerateDataKeyInput {
        key_id: key_id.clone(),
        key_spec: spec.map(Into::into),
        number_of_bytes: bytes,
        ..GenerateDataKeyInput::default()
    };
    for bad in [input(None, None), input(Some("AES_256"), Some(32))] {
        let message = refused(cloud.call(GenerateDataKey, bad).await, "ValidationException");
        assert_eq!(message, "Please specify either number of bytes or key spec.");
    }
    for (spec, usage) in [("RSA_2048", "ENCRYPT_DECRYPT"), ("HMAC_256", "GENERATE_VERIFY_MAC")] {
        let other = key(&cloud, spec, usage).await;
        let input = GenerateDataKeyInput { key_id: other, ..input(Some("AES_256"), None) };
        refused(cloud.call(GenerateDataKey, input).await, "InvalidKeyUsageException");
    }
    let dry = GenerateDataKeyInput { dry_run: Some(true), ..input(Some("AES_256"), None) };
    refused(cloud.call(GenerateDataKey, dry).await, "DryRunOperationException");
    disable(&cloud, &key_id).await;
    refused(cloud.call(GenerateDataKey, input(Some("AES_256"), None)).await, "DisabledException");
}

#[tokio::test]
async fn a_data_key_pair_comes_with_its_private_key_encrypted() {
    let cloud = Cloud::new(4).await;
    let key = symmetric(&cloud).await;
    for spec in [
        "RSA_2048",
        "ECC_NIST_P256",
        "ECC_NIST_P384",
        "ECC_NIST_P521",
        "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519",
    ] {
        let input = GenerateDataKeyPairInput {
            key_id: key.clone(),
            key_pair_spec: spec.into(),
            ..GenerateDataKeyPairInput::default()
        };
        let made = cloud.call(GenerateDataKeyPair, input).await.unwrap();
        assert_eq!(made.key_pair_spec.unwrap().as_str(), spec);
        assert_eq!(made.public_key.unwrap()[0], 0x30, "DER begins with a sequence");
        let output = decrypt(&cloud, &made.private_key_ciphertext_blob.unwrap()).await.unwrap();
        assert_eq!(output.plaintext, made.private_key_plaintext, "{spec}");
    }
    let input = GenerateDataKeyPairWithoutPlaintextInput {
        key_id: key.clone(),
        key_pair_spec: "ECC_NIST_P256".into(),
        ..GenerateDataKeyPairWithoutPlaintextInput::default()
    };
    let made = cloud.call(GenerateDataKeyPairWithoutPlaintext, input).await.unwrap();
    assert!(made.public_key.is_some() && made.key_material_id.is_some());
    decrypt(&cloud, &made.private_key_ciphertext_blob.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_pair_that_cannot_be_made_is_refused_by_name() {
    let cloud = Cloud::new(5).await;
    let key = symmetric(&cloud).await;
    for spec in ["SM2", "ML_KEM_768"] {
        let input = GenerateDataKeyPairInput {
            key_id: key.clone(),
            key_pair_spec: spec.into(),
            ..GenerateDataKeyPairInput::default()
        };
        let message = refused(cloud.call(GenerateDataKeyPair, input).await, "UnsupportedOperationException");
        assert!(message.contains(spec), "{message}");
    }
}

#[tokio::test]
async fn policies_can_ask_for_the_spec_of_a_pair() {
    let cloud = Cloud::new(6).await;
    let bob = user(&cloud, base::AccountId::DEV, "bob").await;
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:GenerateDataKeyPair","Resource":"*","Condition":{{"StringLike":{{"kms:DataKeyPairSpec":"ECC*"}}}}}}"#,
        bob.arn
    );
    let key = key_with_statement(&cloud, &statement).await;
    let input = |spec: &str| GenerateDataKeyPairInput {
        key_id: key.clone(),
        key_pair_spec: spec.into(),
        ..GenerateDataKeyPairInput::default()
    };
    by(&cloud, &bob, GenerateDataKeyPair, input("ECC_NIST_P256")).await.unwrap();
    refused(by(&cloud, &bob, GenerateDataKeyPair, input("RSA_2048")).await, "AccessDeniedException");
}

#[tokio::test]
async fn random_bytes_come_in_the_number_asked_for() {
    let cloud = Cloud::new(7).await;
    let input = |bytes| GenerateRandomInput { number_of_bytes: bytes, ..GenerateRandomInput::default() };
    let one: Bytes = cloud.call(GenerateRandom, input(Some(32))).await.unwrap().plaintext.unwrap();
    let other: Bytes = cloud.call(GenerateRandom, input(Some(32))).await.unwrap().plaintext.unwrap();
    assert!(one.len() == 32 && one != other);
    for bytes in [None, Some(0), Some(1025)] {
        refused(cloud.call(GenerateRandom, input(bytes)).await, "ValidationException");
    }
    let in_a_store = GenerateRandomInput { custom_key_store_id: Some("cks-1".to_owned()), ..input(Some(1)) };
    refused(cloud.call(GenerateRandom, in_a_store).await, "CustomKeyStoreNotFoundException");
}
