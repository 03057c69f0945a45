//! Encrypt, Decrypt and ReEncrypt by symmetric keys.

use bytes::Bytes;
use kms_api::*;
use testkit::Cloud;

use crate::crypto_support::*;

#[tokio::test]
async fn a_ciphertext_decrypts_by_every_name_of_its_key_and_by_none() {
    let cloud = Cloud::new(1).await;
    let arn = symmetric(&cloud).await;
    let alias = CreateAliasInput { alias_name: "alias/orders".to_owned(), target_key_id: id_of(&arn) };
    cloud.call(CreateAlias, alias).await.unwrap();
    let alias_arn = format!("arn:aws:kms:us-east-1:{OWNER}:alias/orders");
    let names = [id_of(&arn), arn.clone(), "alias/orders".to_owned(), alias_arn];
    for name in &names {
        let made = cloud.call(Encrypt, encrypt_input(name, b"secret")).await.unwrap();
        assert_eq!(made.key_id.as_ref(), Some(&arn));
        assert_eq!(made.encryption_algorithm.unwrap().as_str(), "SYMMETRIC_DEFAULT");
        let blob = made.ciphertext_blob.unwrap();
        assert!(blob.starts_with(&[1, 2, 2, 0, 0x78]));
        for key_id in names.iter().cloned().map(Some).chain([None]) {
            let output = cloud.call(Decrypt, DecryptInput { key_id, ..decrypt_input(&blob) }).await.unwrap();
            assert_eq!((plaintext(&output), output.key_id.as_ref()), (&b"secret"[..], Some(&arn)));
            assert_eq!(output.key_material_id.unwrap().len(), 64);
        }
    }
}

#[tokio::test]
async fn the_same_plaintext_never_encrypts_to_the_same() {
    let cloud = Cloud::new(2).await;
    let key = symmetric(&cloud).await;
    assert_ne!(encrypt(&cloud, &key, b"secret").await, encrypt(&cloud, &key, b"secret").await);
}

#[tokio::test]
async fn a_ciphertext_is_bound_to_its_context_to_the_letter() {
    let cloud = Cloud::new(3).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt_with(&cloud, &key, b"secret", &[("team", "blue"), ("app", "shop")]).await;
    let with =
        |pairs: &[(&str, &str)]| DecryptInput { encryption_context: context(pairs), ..decrypt_input(&blob) };
    let output = cloud.call(Decrypt, with(&[("app", "shop"), ("team", "blue")])).await.unwrap();
    assert_eq!(plaintext(&output), b"secret");
    for wrong in [
        &[][..],
        &[("team", "blue")],
        &[("team", "red"), ("app", "shop")],
        &[("Team", "blue"), ("app", "shop")],
        &[("team", "blue"), ("app", "shop"), ("more", "")],
        &[("team", "shop"), ("app", "blue")],
    ] {
        let message = refused(cloud.call(Decrypt, with(wrong)).await, "InvalidCiphertextException");
        assert_eq!(message, "");
    }
    refused(decrypt(&cloud, &blob).await, "InvalidCiphertextException");
    let long = "v".repeat(8_193);
    let input = EncryptInput { encryption_context: context(&[("a", &long)]), ..encrypt_input(&key, b"x") };
    refused(cloud.call(Encrypt, input).await, "ValidationException");
}

#[tokio::test]
async fn a_ciphertext_that_was_touched_anywhere_does_not_decrypt() {
    let cloud = Cloud::new(4).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &key, b"a secret of some length").await;
    for place in 0..blob.len() {
        let mut touched = blob.to_vec();
        touched[place] ^= 1;
        let fault = decrypt(&cloud, &touched.into()).await.expect_err("it was touched");
        let known = ["InvalidCiphertextException", "AccessDeniedException"];
        assert!(known.contains(&fault.code()), "byte {place}: {}", fault.code());
    }
    for length in [1, 5, 20, 100, blob.len() - 1] {
        refused(decrypt(&cloud, &blob.slice(..length)).await, "InvalidCiphertextException");
    }
    let mut longer = blob.to_vec();
    longer.push(0);
    refused(decrypt(&cloud, &longer.into()).await, "InvalidCiphertextException");
    refused(decrypt(&cloud, &Bytes::from_static(b"garbage")).await, "InvalidCiphertextException");
}

#[tokio::test]
async fn a_ciphertext_of_another_key_is_told_as_such() {
    let cloud = Cloud::new(5).await;
    let (one, other) = (symmetric(&cloud).await, symmetric(&cloud).await);
    let blob = encrypt(&cloud, &one, b"secret").await;
    let input = DecryptInput { key_id: Some(other.clone()), ..decrypt_input(&blob) };
    let message = refused(cloud.call(Decrypt, input).await, "IncorrectKeyException");
    assert_eq!(message, "The key ID in the request does not identify a CMK that can perform this operation.");
    let input = ReEncryptInput {
        ciphertext_blob: Some(blob),
        source_key_id: Some(other.clone()),
        destination_key_id: other,
        ..ReEncryptInput::default()
    };
    refused(cloud.call(ReEncrypt, input).await, "IncorrectKeyException");
}

#[tokio::test]
async fn a_key_that_is_not_enabled_does_nothing() {
    let cloud = Cloud::new(6).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    disable(&cloud, &key).await;
    let message = refused(decrypt(&cloud, &blob).await, "DisabledException");
    assert_eq!(message, format!("{key} is disabled."));
    refused(cloud.call(Encrypt, encrypt_input(&key, b"x")).await, "DisabledException");
    cloud.call(EnableKey, EnableKeyInput { key_id: key.clone() }).await.unwrap();
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"secret");

    schedule_deletion(&cloud, &key).await;
    let message = refused(decrypt(&cloud, &blob).await, "KMSInvalidStateException");
    assert_eq!(message, format!("{key} is pending deletion."));
    let re_encrypt = ReEncryptInput {
        ciphertext_blob: Some(blob),
        destination_key_id: key.clone(),
        ..ReEncryptInput::default()
    };
    refused(cloud.call(ReEncrypt, re_encrypt).await, "KMSInvalidStateException");
}

#[tokio::test]
async fn a_key_for_something_else_does_not_encrypt() {
    let cloud = Cloud::new(7).await;
    let signing = key(&cloud, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let message =
        refused(cloud.call(Encrypt, encrypt_input(&signing, b"x")).await, "InvalidKeyUsageException");
    assert_eq!(message, format!("{signing} key usage is SIGN_VERIFY which is not valid for Encrypt."));
    let rsa = key(&cloud, "RSA_2048", "ENCRYPT_DECRYPT").await;
    let message = refused(cloud.call(Encrypt, encrypt_input(&rsa, b"x")).await, "InvalidKeyUsageException");
    assert_eq!(message, "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.");
    let unknown = format!("arn:aws:kms:us-east-1:{OWNER}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    refused(cloud.call(Encrypt, encrypt_input(&unknown, b"x")).await, "NotFoundException");
}

#[tokio::test]
async fn old_ciphertexts_decrypt_after_a_rotation() {
    let cloud = Cloud::new(8).await;
    let key = symmetric(&cloud).await;
    let before = encrypt(&cloud, &key, b"before").await;
    cloud.call(RotateKeyOnDemand, RotateKeyOnDemandInput { key_id: key.clone() }).await.unwrap();
    cloud.settle().await;
    let after = encrypt(&cloud, &key, b"after").await;
    let (old, new) = (decrypt(&cloud, &before).await.unwrap(), decrypt(&cloud, &after).await.unwrap());
    assert_eq!((plaintext(&old), plaintext(&new)), (&b"before"[..], &b"after"[..]));
    assert_ne!(old.key_material_id, new.key_material_id);
}

#[tokio::test]
async fn a_multi_region_key_decrypts_in_every_region_that_has_it() {
    let cloud = Cloud::new(9).await;
    let input = CreateKeyInput { multi_region: Some(true), ..CreateKeyInput::default() };
    let arn = key_with(&cloud, input).await;
    let blob = encrypt(&cloud, &arn, b"secret").await;
    let ireland = base::Region::parse("eu-west-1").unwrap();
    let there = |input| cloud.call_as(base::AccountId::DEV, ireland, Decrypt, input);
    refused(there(decrypt_input(&blob)).await, "AccessDeniedException");
    let replica = ReplicateKeyInput {
        key_id: arn.clone(),
        replica_region: "eu-west-1".to_owned(),
        ..ReplicateKeyInput::default()
    };
    cloud.call(ReplicateKey, replica).await.unwrap();
    cloud.settle().await;
    let output = there(decrypt_input(&blob)).await.unwrap();
    assert_eq!(plaintext(&output), b"secret");
    assert_eq!(output.key_id.unwrap(), arn.replace("us-east-1", "eu-west-1"));
    let single = encrypt(&cloud, &symmetric(&cloud).await, b"secret").await;
    refused(there(decrypt_input(&single)).await, "AccessDeniedException");
}

#[tokio::test]
async fn re_encrypting_changes_key_and_context_and_takes_both_permissions() {
    let cloud = Cloud::new(10).await;
    let (from, to) = (symmetric(&cloud).await, symmetric(&cloud).await);
    let blob = encrypt_with(&cloud, &from, b"secret", &[("a", "1")]).await;
    let input = || ReEncryptInput {
        ciphertext_blob: Some(blob.clone()),
        source_encryption_context: context(&[("a", "1")]),
        destination_key_id: to.clone(),
        destination_encryption_context: context(&[("b", "2")]),
        ..ReEncryptInput::default()
    };
    let output = cloud.call(ReEncrypt, input()).await.unwrap();
    assert_eq!((output.source_key_id.as_ref(), output.key_id.as_ref()), (Some(&from), Some(&to)));
    assert!(output.source_key_material_id.is_some() && output.destination_key_material_id.is_some());
    let again = DecryptInput {
        encryption_context: context(&[("b", "2")]),
        ..decrypt_input(&output.ciphertext_blob.unwrap())
    };
    let output = cloud.call(Decrypt, again).await.unwrap();
    assert_eq!((plaintext(&output), output.key_id.as_ref()), (&b"secret"[..], Some(&to)));

    let bob = user(&cloud, base::AccountId::DEV, "bob").await;
    refused(by(&cloud, &bob, ReEncrypt, input()).await, "AccessDeniedException");
    let_user(&cloud, &bob, "Allow", "kms:ReEncryptFrom").await;
    let message = refused(by(&cloud, &bob, ReEncrypt, input()).await, "AccessDeniedException");
    assert!(message.contains("kms:ReEncryptTo") && message.contains(&to), "{message}");
    let_user(&cloud, &bob, "Allow", "kms:ReEncryptTo").await;
    by(&cloud, &bob, ReEncrypt, input()).await.unwrap();
}

#[tokio::test]
async fn re_encrypting_on_the_same_key_can_be_told_apart_even_through_an_alias() {
    let cloud = Cloud::new(11).await;
    let bob = user(&cloud, base::AccountId::DEV, "bob").await;
    let statement = format!(
        r#"{{"Effect":"Deny","Principal":{{"AWS":"{}"}},"Action":"kms:ReEncrypt*","Resource":"*","Condition":{{"Bool":{{"kms:ReEncryptOnSameKey":"false"}}}}}}"#,
        bob.arn
    );
    let key = key_with_statement(&cloud, &statement).await;
    let other = symmetric(&cloud).await;
    let alias = CreateAliasInput { alias_name: "alias/other".to_owned(), target_key_id: id_of(&other) };
    cloud.call(CreateAlias, alias).await.unwrap();
    let_user(&cloud, &bob, "Allow", "kms:*").await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    let to = |destination: &str| ReEncryptInput {
        ciphertext_blob: Some(blob.clone()),
        destination_key_id: destination.to_owned(),
        ..ReEncryptInput::default()
    };
    by(&cloud, &bob, ReEncrypt, to(&key)).await.unwrap();
    refused(by(&cloud, &bob, ReEncrypt, to(&other)).await, "AccessDeniedException");
    refused(by(&cloud, &bob, ReEncrypt, to("alias/other")).await, "AccessDeniedException");
}

#[tokio::test]
async fn policies_can_ask_for_a_context_and_for_an_alias() {
    let cloud = Cloud::new(12).await;
    let bob = user(&cloud, base::AccountId::DEV, "bob").await;
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:Encrypt","Resource":"*","Condition":{{
            "StringEquals":{{"kms:EncryptionContext:App":"shop","kms:RequestAlias":"alias/orders"}},
            "ForAllValues:StringEquals":{{"kms:EncryptionContextKeys":["app","team"]}}}}}}"#,
        bob.arn
    );
    let key = key_with_statement(&cloud, &statement).await;
    let alias = CreateAliasInput { alias_name: "alias/orders".to_owned(), target_key_id: id_of(&key) };
    cloud.call(CreateAlias, alias).await.unwrap();
    let ask = |name: &str, pairs: &[(&str, &str)]| EncryptInput {
        encryption_context: context(pairs),
        ..encrypt_input(name, b"x")
    };
    by(&cloud, &bob, Encrypt, ask("alias/orders", &[("app", "shop"), ("team", "x")])).await.unwrap();
    for refusal in [
        ask(&key, &[("app", "shop")]),
        ask("alias/orders", &[("app", "other")]),
        ask("alias/orders", &[("app", "shop"), ("other", "x")]),
        ask("alias/orders", &[]),
    ] {
        refused(by(&cloud, &bob, Encrypt, refusal).await, "AccessDeniedException");
    }
}

#[tokio::test]
async fn a_dry_run_checks_everything_and_does_nothing() {
    let cloud = Cloud::new(13).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    let dry = |input: EncryptInput| EncryptInput { dry_run: Some(true), ..input };
    let message =
        refused(cloud.call(Encrypt, dry(encrypt_input(&key, b"x"))).await, "DryRunOperationException");
    assert_eq!(message, "The request would have succeeded, but the DryRun option is set.");
    let decrypting = |input: DecryptInput| DecryptInput { dry_run: Some(true), ..input };
    refused(cloud.call(Decrypt, decrypting(decrypt_input(&blob))).await, "DryRunOperationException");
    let wrong = DecryptInput { encryption_context: context(&[("a", "b")]), ..decrypt_input(&blob) };
    refused(cloud.call(Decrypt, decrypting(wrong)).await, "InvalidCiphertextException");
    let permission_alone = DecryptInput {
        key_id: Some(key.clone()),
        dry_run_modifiers: Some(vec!["IGNORE_CIPHERTEXT".into()]),
        ..DecryptInput::default()
    };
    refused(cloud.call(Decrypt, decrypting(permission_alone)).await, "DryRunOperationException");
    refused(cloud.call(Decrypt, DecryptInput::default()).await, "ValidationException");
    disable(&cloud, &key).await;
    refused(cloud.call(Encrypt, dry(encrypt_input(&key, b"x"))).await, "DisabledException");
}

#[tokio::test]
async fn an_enclave_is_refused_by_name() {
    let cloud = Cloud::new(14).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    let recipient = Some(RecipientInfo {
        key_encryption_algorithm: Some("RSAES_OAEP_SHA_256".into()),
        attestation_document: Some(Bytes::from_static(b"document")),
    });
    let input = DecryptInput { recipient: recipient.clone(), ..decrypt_input(&blob) };
    let message = refused(cloud.call(Decrypt, input).await, "UnsupportedOperationException");
    assert!(message.contains("Recipient"), "{message}");
    let random =
        GenerateRandomInput { number_of_bytes: Some(1), recipient, ..GenerateRandomInput::default() };
    refused(cloud.call(GenerateRandom, random).await, "UnsupportedOperationException");
}
