//! Short ways to say what the tests do most.

use base::AccountId;
use schema::Fault;
use service::{Principal, PrincipalKind};
use ssm_api::*;
use testkit::Cloud;

pub const ACCOUNT: &str = "000000000000";

pub fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub fn string(name: &str, value: &str) -> PutParameterInput {
    PutParameterInput {
        name: name.to_owned(),
        value: value.to_owned(),
        r#type: Some(ParameterType::String),
        ..PutParameterInput::default()
    }
}

pub fn secure(name: &str, value: &str) -> PutParameterInput {
    PutParameterInput { r#type: Some(ParameterType::SecureString), ..string(name, value) }
}

pub fn advanced(input: PutParameterInput) -> PutParameterInput {
    PutParameterInput { tier: Some(ParameterTier::Advanced), ..input }
}

pub fn over(input: PutParameterInput) -> PutParameterInput {
    PutParameterInput { overwrite: Some(true), ..input }
}

pub async fn try_put(cloud: &Cloud, input: PutParameterInput) -> Result<PutParameterOutput, Fault> {
    cloud.call(PutParameter, input).await
}

/// Puts a parameter; returns the version.
pub async fn put(cloud: &Cloud, input: PutParameterInput) -> i64 {
    let output = try_put(cloud, input).await.expect("the parameter is good");
    output.version.expect("a new version has a number")
}

pub fn get_input(name: &str, decrypt: bool) -> GetParameterInput {
    GetParameterInput { name: name.to_owned(), with_decryption: Some(decrypt) }
}

pub async fn get(cloud: &Cloud, name: &str) -> Result<Parameter, Fault> {
    let output = cloud.call(GetParameter, get_input(name, true)).await?;
    Ok(output.parameter.expect("a parameter that is there is shown"))
}

pub async fn value(cloud: &Cloud, name: &str) -> String {
    get(cloud, name).await.expect("it is there").value.expect("it has a value")
}

/// What DescribeParameters says of one parameter.
pub async fn describe(cloud: &Cloud, name: &str) -> ParameterMetadata {
    let mut found = described(cloud, "Name", "Equals", &[name]).await.expect("the filter is good");
    assert_eq!(found.len(), 1, "{name}");
    found.remove(0)
}

pub fn filter(key: &str, option: &str, values: &[&str]) -> ParameterStringFilter {
    ParameterStringFilter {
        key: key.to_owned(),
        option: text(option),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

pub async fn described(
    cloud: &Cloud,
    key: &str,
    option: &str,
    values: &[&str],
) -> Result<Vec<ParameterMetadata>, Fault> {
    let input = DescribeParametersInput {
        parameter_filters: Some(vec![filter(key, option, values)]),
        ..DescribeParametersInput::default()
    };
    Ok(cloud.call(DescribeParameters, input).await?.parameters.expect("the list is never left out"))
}

pub async fn history(cloud: &Cloud, name: &str) -> Vec<ParameterHistory> {
    let input = GetParameterHistoryInput {
        name: name.to_owned(),
        with_decryption: Some(true),
        ..GetParameterHistoryInput::default()
    };
    let output = cloud.call(GetParameterHistory, input).await.expect("it is there");
    output.parameters.expect("the list is never left out")
}

#[track_caller]
pub fn refused<T>(result: Result<T, Fault>, code: &str) -> String {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(fault) => {
            assert_eq!(fault.name(), code, "{fault}");
            fault.message().to_owned()
        }
    }
}

/// A user who may do what a policy says, as a caller.
pub async fn user(cloud: &Cloud, name: &str, statements: &str) -> Principal {
    let input =
        iam_api::CreateUserInput { user_name: name.to_owned(), ..iam_api::CreateUserInput::default() };
    let made =
        cloud.call(iam_api::CreateUser, input).await.expect("the name is free").user.expect("it is shown");
    let input = iam_api::PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "only".to_owned(),
        policy_document: format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#),
    };
    cloud.call(iam_api::PutUserPolicy, input).await.expect("the policy is good");
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: Some("AKIATEST".to_owned()),
        session: None,
    }
}

pub fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

pub fn arn(name: &str) -> String {
    format!("arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/{name}")
}

/// A new symmetric key of the account.
pub async fn new_key(cloud: &Cloud, policy: Option<String>) -> String {
    let input = kms_api::CreateKeyInput { policy, ..kms_api::CreateKeyInput::default() };
    let output = cloud.call(kms_api::CreateKey, input).await.expect("a key can be made");
    output.key_metadata.expect("a new key is shown").key_id
}
