//! Short ways to say what the tests of the cryptographic operations and of grants do most.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Region};
use bytes::Bytes;
use iam_api::{CreateUser, CreateUserInput, PutUserPolicy, PutUserPolicyInput};
use kms_api::*;
use schema::{Fault, OperationType};
use service::{AssumedRole, Principal, PrincipalKind, Session};
use testkit::Cloud;

/// The account that the others are strangers to.
pub const OWNER: &str = "000000000000";
pub const STRANGER: u64 = 222_222_222_222;

pub fn stranger() -> AccountId {
    AccountId::new(STRANGER).expect("it has twelve digits")
}

pub fn context(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
    Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// The ARN of a new key.
pub async fn key(cloud: &Cloud, spec: &str, usage: &str) -> String {
    key_with(
        cloud,
        CreateKeyInput {
            key_spec: Some(spec.into()),
            key_usage: Some(usage.into()),
            ..CreateKeyInput::default()
        },
    )
    .await
}

pub async fn symmetric(cloud: &Cloud) -> String {
    key_with(cloud, CreateKeyInput::default()).await
}

pub async fn key_with(cloud: &Cloud, input: CreateKeyInput) -> String {
    let made = cloud.call(CreateKey, input).await.expect("the key is possible");
    made.key_metadata.and_then(|metadata| metadata.arn).expect("a new key is shown with its ARN")
}

/// A key whose policy has one more statement than that for the account.
pub async fn key_with_statement(cloud: &Cloud, statement: &str) -> String {
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{OWNER}:root"}},"Action":"kms:*","Resource":"*"}},{statement}]}}"#
    );
    key_with(cloud, CreateKeyInput { policy: Some(policy), ..CreateKeyInput::default() }).await
}

pub fn id_of(arn: &str) -> String {
    arn.rsplit('/').next().expect("there is a last part").to_owned()
}

pub fn encrypt_input(key: &str, plaintext: &[u8]) -> EncryptInput {
    EncryptInput {
        key_id: key.to_owned(),
        plaintext: Bytes::copy_from_slice(plaintext),
        ..EncryptInput::default()
    }
}

pub async fn encrypt(cloud: &Cloud, key: &str, plaintext: &[u8]) -> Bytes {
    let output = cloud.call(Encrypt, encrypt_input(key, plaintext)).await.expect("the key encrypts");
    output.ciphertext_blob.expect("there is a ciphertext")
}

pub async fn encrypt_with(cloud: &Cloud, key: &str, plaintext: &[u8], pairs: &[(&str, &str)]) -> Bytes {
    let input = EncryptInput { encryption_context: context(pairs), ..encrypt_input(key, plaintext) };
    cloud
        .call(Encrypt, input)
        .await
        .expect("the key encrypts")
        .ciphertext_blob
        .expect("there is a ciphertext")
}

pub fn decrypt_input(blob: &Bytes) -> DecryptInput {
    DecryptInput { ciphertext_blob: Some(blob.clone()), ..DecryptInput::default() }
}

pub async fn decrypt(cloud: &Cloud, blob: &Bytes) -> Result<DecryptOutput, Fault> {
    cloud.call(Decrypt, decrypt_input(blob)).await
}

pub fn plaintext(output: &DecryptOutput) -> &[u8] {
    output.plaintext.as_deref().expect("there is a plaintext")
}

pub async fn disable(cloud: &Cloud, key: &str) {
    let input = DisableKeyInput { key_id: key.to_owned() };
    cloud.call(DisableKey, input).await.expect("the key is enabled");
}

pub async fn schedule_deletion(cloud: &Cloud, key: &str) {
    let input = ScheduleKeyDeletionInput { key_id: key.to_owned(), ..ScheduleKeyDeletionInput::default() };
    cloud.call(ScheduleKeyDeletion, input).await.expect("the key is there");
}

/// A user of an account, as a caller.
pub async fn user(cloud: &Cloud, account: AccountId, name: &str) -> Principal {
    let input = CreateUserInput { user_name: name.to_owned(), ..CreateUserInput::default() };
    let made = cloud.call_as(account, Region::US_EAST_1, CreateUser, input).await.expect("the name is free");
    let user = made.user.expect("a new user is shown");
    Principal {
        kind: PrincipalKind::User,
        account,
        arn: user.arn,
        user_id: user.user_id,
        access_key_id: Some("AKIATEST".to_owned()),
        session: None,
    }
}

/// Gives a user an inline policy of one statement.
pub async fn let_user(cloud: &Cloud, user: &Principal, effect: &str, action: &str) {
    let name = user.arn.rsplit('/').next().expect("there is a name");
    let input = PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: format!("{effect}{}", action.replace([':', '*'], "")),
        policy_document: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}]}}"#
        ),
    };
    cloud.call_as(user.account, Region::US_EAST_1, PutUserPolicy, input).await.expect("the user is there");
}

/// A session of a role of the owner's account; the role has no policies.
pub async fn role_session(cloud: &Cloud, name: &str) -> Principal {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{OWNER}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let input = iam_api::CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: trust,
        ..Default::default()
    };
    let role = cloud.call(iam_api::CreateRole, input).await.expect("the name is free").role;
    let assumed =
        AssumedRole { arn: role.arn.clone(), id: role.role_id.clone(), session_name: "test".to_owned() };
    Principal {
        kind: PrincipalKind::AssumedRole,
        account: AccountId::DEV,
        arn: format!("arn:aws:sts::{OWNER}:assumed-role/{name}/test"),
        user_id: format!("{}:test", role.role_id),
        access_key_id: Some("ASIATEST".to_owned()),
        session: Some(Arc::new(Session { role: Some(assumed), ..Session::default() })),
    }
}

pub async fn by<O: OperationType>(
    cloud: &Cloud,
    caller: &Principal,
    operation: O,
    input: O::Input,
) -> Result<O::Output, Fault> {
    cloud.call_by(caller.clone(), operation, input).await
}

#[track_caller]
pub fn refused<T>(result: Result<T, Fault>, code: &str) -> String {
    match result {
        Ok(_) => panic!("it was not refused with {code}"),
        Err(fault) => {
            assert_eq!(fault.code(), code, "{}", fault.message());
            fault.message().to_owned()
        }
    }
}
