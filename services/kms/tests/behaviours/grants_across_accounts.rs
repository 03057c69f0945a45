//! Keys used from other accounts: by policy, by grant, and not without.

use base::{AccountId, Region};
use kms_api::*;
use testkit::Cloud;

use crate::crypto_support::*;

const STRANGERS: &str = "222222222222";

#[tokio::test]
async fn a_stranger_may_not_use_a_key() {
    let cloud = Cloud::new(1).await;
    let key = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    let there = Region::US_EAST_1;
    refused(
        cloud.call_as(stranger(), there, Encrypt, encrypt_input(&key, b"x")).await,
        "AccessDeniedException",
    );
    refused(cloud.call_as(stranger(), there, Decrypt, decrypt_input(&blob)).await, "AccessDeniedException");
    let unknown = key.replace(&id_of(&key), "1234abcd-12ab-34cd-56ef-1234567890ab");
    refused(
        cloud.call_as(stranger(), there, Encrypt, encrypt_input(&unknown, b"x")).await,
        "AccessDeniedException",
    );
    // A bare id is of the caller's own account.
    refused(
        cloud.call_as(stranger(), there, Encrypt, encrypt_input(&id_of(&key), b"x")).await,
        "NotFoundException",
    );
    let user = user(&cloud, stranger(), "zoe").await;
    let_user(&cloud, &user, "Allow", "kms:*").await;
    refused(by(&cloud, &user, Encrypt, encrypt_input(&key, b"x")).await, "AccessDeniedException");
}

#[tokio::test]
async fn a_key_policy_lets_another_account_in_and_that_account_its_users() {
    let cloud = Cloud::new(2).await;
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{STRANGERS}:root"}},"Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"}}"#
    );
    let key = key_with_statement(&cloud, &statement).await;
    let blob = encrypt(&cloud, &key, b"secret").await;
    let output = cloud.call_as(stranger(), Region::US_EAST_1, Decrypt, decrypt_input(&blob)).await.unwrap();
    assert_eq!((plaintext(&output), output.key_id.as_ref()), (&b"secret"[..], Some(&key)));
    // The bare id is enough for what names its key.
    let by_id = DecryptInput { key_id: Some(id_of(&key)), ..decrypt_input(&blob) };
    cloud.call_as(stranger(), Region::US_EAST_1, Decrypt, by_id).await.unwrap();
    let input = GenerateDataKeyInput {
        key_id: key.clone(),
        key_spec: Some("AES_256".into()),
        ..GenerateDataKeyInput::default()
    };
    refused(
        cloud.call_as(stranger(), Region::US_EAST_1, GenerateDataKey, input).await,
        "AccessDeniedException",
    );
    let zoe = user(&cloud, stranger(), "zoe").await;
    refused(by(&cloud, &zoe, Decrypt, decrypt_input(&blob)).await, "AccessDeniedException");
    let_user(&cloud, &zoe, "Allow", "kms:Decrypt").await;
    by(&cloud, &zoe, Decrypt, decrypt_input(&blob)).await.unwrap();
}

#[tokio::test]
async fn a_grant_lets_a_principal_of_another_account_in() {
    let cloud = Cloud::new(3).await;
    let key = symmetric(&cloud).await;
    let zoe = user(&cloud, stranger(), "zoe").await;
    let yan = user(&cloud, stranger(), "yan").await;
    // A grant needs no leave of the grantee's own account, and leave of that account is nothing without a grant.
    let_user(&cloud, &yan, "Allow", "kms:*").await;
    let input = CreateGrantInput {
        key_id: key.clone(),
        grantee_principal: Some(zoe.arn.clone()),
        retiring_principal: Some(zoe.arn.clone()),
        operations: vec!["Encrypt".into()],
        ..CreateGrantInput::default()
    };
    let made = cloud.call(CreateGrant, input).await.unwrap();
    by(&cloud, &zoe, Encrypt, encrypt_input(&key, b"x")).await.unwrap();
    refused(by(&cloud, &yan, Encrypt, encrypt_input(&key, b"x")).await, "AccessDeniedException");
    let blob = encrypt(&cloud, &key, b"x").await;
    refused(by(&cloud, &zoe, Decrypt, decrypt_input(&blob)).await, "AccessDeniedException");
    let retire = RetireGrantInput { grant_token: made.grant_token, ..RetireGrantInput::default() };
    refused(by(&cloud, &yan, RetireGrant, retire.clone()).await, "AccessDeniedException");
    by(&cloud, &zoe, RetireGrant, retire).await.unwrap();
    refused(by(&cloud, &zoe, Encrypt, encrypt_input(&key, b"x")).await, "AccessDeniedException");
}

#[tokio::test]
async fn a_policy_can_let_another_account_make_grants() {
    let cloud = Cloud::new(4).await;
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{STRANGERS}"}},"Action":["kms:CreateGrant","kms:ListGrants","kms:RevokeGrant"],"Resource":"*"}}"#
    );
    let key = key_with_statement(&cloud, &statement).await;
    let zoe = user(&cloud, stranger(), "zoe").await;
    let_user(&cloud, &zoe, "Allow", "kms:Encrypt").await;
    let input = CreateGrantInput {
        key_id: key.clone(),
        grantee_principal: Some(zoe.arn.clone()),
        operations: vec!["Encrypt".into()],
        ..CreateGrantInput::default()
    };
    let there = Region::US_EAST_1;
    let made = cloud.call_as(stranger(), there, CreateGrant, input).await.unwrap();
    by(&cloud, &zoe, Encrypt, encrypt_input(&key, b"x")).await.unwrap();
    let list = ListGrantsInput { key_id: key.clone(), ..ListGrantsInput::default() };
    let listed = cloud.call_as(stranger(), there, ListGrants, list).await.unwrap().grants.unwrap();
    assert_eq!(listed[0].issuing_account, Some(format!("arn:aws:iam::{STRANGERS}:root")));
    // The account that asked for it may retire it.
    let retire = RetireGrantInput { grant_token: made.grant_token, ..RetireGrantInput::default() };
    cloud.call_as(stranger(), there, RetireGrant, retire).await.unwrap();
    refused(by(&cloud, &zoe, Encrypt, encrypt_input(&key, b"x")).await, "AccessDeniedException");
}

#[tokio::test]
async fn retirable_grants_are_found_on_the_keys_of_all_accounts() {
    let cloud = Cloud::new(5).await;
    let zoe = user(&cloud, stranger(), "zoe").await;
    let own = cloud
        .call_as(stranger(), Region::US_EAST_1, CreateKey, CreateKeyInput::default())
        .await
        .unwrap()
        .key_metadata
        .and_then(|metadata| metadata.arn)
        .unwrap();
    let foreign = symmetric(&cloud).await;
    let mut ids = Vec::new();
    for (account, key) in [(AccountId::DEV, &foreign), (stranger(), &own)] {
        let input = CreateGrantInput {
            key_id: key.clone(),
            grantee_principal: Some(zoe.arn.clone()),
            retiring_principal: Some(zoe.arn.clone()),
            operations: vec!["Encrypt".into()],
            ..CreateGrantInput::default()
        };
        ids.push(cloud.call_as(account, Region::US_EAST_1, CreateGrant, input).await.unwrap());
    }
    let list = |principal: &str, limit| ListRetirableGrantsInput {
        retiring_principal: Some(principal.to_owned()),
        limit,
        ..ListRetirableGrantsInput::default()
    };
    let there = Region::US_EAST_1;
    let all = cloud.call_as(stranger(), there, ListRetirableGrants, list(&zoe.arn, None)).await.unwrap();
    let mut keys: Vec<_> = all.grants.unwrap().into_iter().map(|entry| entry.key_id.unwrap()).collect();
    keys.sort();
    let mut expected = vec![foreign.clone(), own.clone()];
    expected.sort();
    assert_eq!((keys, all.truncated), (expected, Some(false)));

    let first = cloud.call_as(stranger(), there, ListRetirableGrants, list(&zoe.arn, Some(1))).await.unwrap();
    let rest = ListRetirableGrantsInput { marker: first.next_marker, ..list(&zoe.arn, Some(1)) };
    let rest = cloud.call_as(stranger(), there, ListRetirableGrants, rest).await.unwrap();
    assert_ne!(first.grants.unwrap()[0].key_id, rest.grants.unwrap()[0].key_id);

    // Of others' principals nobody learns anything, and users need leave.
    refused(cloud.call(ListRetirableGrants, list(&zoe.arn, None)).await, "AccessDeniedException");
    refused(by(&cloud, &zoe, ListRetirableGrants, list(&zoe.arn, None)).await, "AccessDeniedException");
    let_user(&cloud, &zoe, "Allow", "kms:ListRetirableGrants").await;
    by(&cloud, &zoe, ListRetirableGrants, list(&zoe.arn, None)).await.unwrap();
    refused(
        cloud.call(ListRetirableGrants, ListRetirableGrantsInput::default()).await,
        "ValidationException",
    );

    let retire = RetireGrantInput { grant_token: ids[0].grant_token.clone(), ..RetireGrantInput::default() };
    cloud.call(RetireGrant, retire).await.unwrap();
    let left = cloud.call_as(stranger(), there, ListRetirableGrants, list(&zoe.arn, None)).await.unwrap();
    assert_eq!(left.grants.unwrap().len(), 1);
}
