//! Short ways to say what the tests do most.

use base::{AccountId, Region};
use schema::Fault;
use secretsmanager_api::*;
use service::{Principal, PrincipalKind};
use testkit::Cloud;

/// A client token for the version called `name`.
pub fn token(name: &str) -> String {
    format!("{name:-<32}")
}

pub async fn create(cloud: &Cloud, name: &str, text: &str) -> CreateSecretOutput {
    try_create(cloud, name, text).await.expect("the name is free")
}

pub async fn try_create(cloud: &Cloud, name: &str, text: &str) -> Result<CreateSecretOutput, Fault> {
    cloud.call(CreateSecret, creation(name, text)).await
}

pub fn creation(name: &str, text: &str) -> CreateSecretInput {
    CreateSecretInput {
        name: name.to_owned(),
        secret_string: Some(text.to_owned()),
        ..CreateSecretInput::default()
    }
}

pub async fn put(
    cloud: &Cloud,
    id: &str,
    version: &str,
    text: &str,
    labels: &[&str],
) -> PutSecretValueOutput {
    try_put(cloud, id, version, text, labels).await.expect("the secret exists and the version does not")
}

pub async fn try_put(
    cloud: &Cloud,
    id: &str,
    version: &str,
    text: &str,
    labels: &[&str],
) -> Result<PutSecretValueOutput, Fault> {
    let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    let input = PutSecretValueInput {
        secret_id: id.to_owned(),
        client_request_token: Some(token(version)),
        secret_string: Some(text.to_owned()),
        version_stages: Some(labels).filter(|labels| !labels.is_empty()),
        ..PutSecretValueInput::default()
    };
    cloud.call(PutSecretValue, input).await
}

pub fn reading(id: &str) -> GetSecretValueInput {
    GetSecretValueInput { secret_id: id.to_owned(), ..GetSecretValueInput::default() }
}

/// The current text of a secret.
pub async fn text(cloud: &Cloud, id: &str) -> String {
    let output = cloud.call(GetSecretValue, reading(id)).await.expect("the secret has a value");
    output.secret_string.expect("it is a text")
}

pub async fn labelled(cloud: &Cloud, id: &str, label: &str) -> Result<String, Fault> {
    let input = GetSecretValueInput { version_stage: Some(label.to_owned()), ..reading(id) };
    cloud.call(GetSecretValue, input).await.map(|output| output.secret_string.expect("it is a text"))
}

pub async fn describe(cloud: &Cloud, id: &str) -> DescribeSecretOutput {
    let input = DescribeSecretInput { secret_id: id.to_owned() };
    cloud.call(DescribeSecret, input).await.expect("the secret exists")
}

pub fn region(name: &str) -> Region {
    Region::parse(name).expect("the region exists")
}

/// Calls in another region of the same account.
pub async fn in_region<O: schema::OperationType>(
    cloud: &Cloud,
    name: &str,
    operation: O,
    input: O::Input,
) -> Result<O::Output, Fault> {
    cloud.call_as(AccountId::DEV, region(name), operation, input).await
}

pub async fn text_in(cloud: &Cloud, place: &str, id: &str) -> String {
    let output = in_region(cloud, place, GetSecretValue, reading(id)).await.expect("the secret has a value");
    output.secret_string.expect("it is a text")
}

/// What a refusal is called, and its words.
pub fn refusal<T>(result: Result<T, Fault>) -> (String, String) {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(fault) => (fault.name().to_owned(), fault.message().to_owned()),
    }
}

pub fn code<T>(result: Result<T, Fault>) -> String {
    refusal(result).0
}

/// A user with one inline policy, as a caller.
pub async fn user(cloud: &Cloud, name: &str, policy: &str) -> Principal {
    let input =
        iam_api::CreateUserInput { user_name: name.to_owned(), ..iam_api::CreateUserInput::default() };
    let user =
        cloud.call(iam_api::CreateUser, input).await.expect("the name is free").user.expect("it is shown");
    let input = iam_api::PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "own".to_owned(),
        policy_document: policy.to_owned(),
    };
    cloud.call(iam_api::PutUserPolicy, input).await.expect("the policy is good");
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: user.arn,
        user_id: user.user_id,
        access_key_id: Some("AKIATEST".to_owned()),
        session: None,
    }
}

/// A policy of one statement.
pub fn allow(actions: &str, resource: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": {actions}, "Resource": "{resource}"}}]}}"#
    )
}

/// A customer's symmetric key in a region of an account: its ARN.
pub async fn key_in(cloud: &Cloud, account: AccountId, place: &str, policy: Option<&str>) -> String {
    let input = kms_api::CreateKeyInput {
        policy: policy.map(str::to_owned),
        bypass_policy_lockout_safety_check: policy.map(|_| true),
        ..kms_api::CreateKeyInput::default()
    };
    let created = cloud.call_as(account, region(place), kms_api::CreateKey, input).await;
    created.expect("keys can be made").key_metadata.and_then(|key| key.arn).expect("a key has an ARN")
}

pub async fn key(cloud: &Cloud) -> String {
    key_in(cloud, AccountId::DEV, "us-east-1", None).await
}
