//! Short ways to say what the tests of permissions do most.

use std::sync::Arc;

use base::AccountId;
use iam_api::*;
use schema::Fault;
use service::{AssumedRole, Principal, PrincipalKind, Session};
use testkit::Cloud;

pub const ACCOUNT: &str = "000000000000";

pub fn allow(action: &str, resource: &str) -> String {
    statement("Allow", action, resource)
}

pub fn deny(action: &str, resource: &str) -> String {
    statement("Deny", action, resource)
}

fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

/// A trust policy for one principal of `{"AWS": …}`.
pub fn trusting(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

pub async fn user(cloud: &Cloud, name: &str) -> User {
    let input = CreateUserInput { user_name: name.to_owned(), ..CreateUserInput::default() };
    cloud.call(CreateUser, input).await.expect("the name is free").user.expect("a new user is shown")
}

pub async fn role(cloud: &Cloud, name: &str, trust: &str) -> Role {
    try_role(cloud, name, trust).await.expect("the name is free and the policy good")
}

pub async fn try_role(cloud: &Cloud, name: &str, trust: &str) -> Result<Role, Fault> {
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: trust.to_owned(),
        ..CreateRoleInput::default()
    };
    cloud.call(CreateRole, input).await.map(|output| output.role)
}

pub async fn get_role(cloud: &Cloud, name: &str) -> Result<Role, Fault> {
    cloud.call(GetRole, GetRoleInput { role_name: name.to_owned() }).await.map(|output| output.role)
}

pub async fn policy(cloud: &Cloud, name: &str, document: &str) -> String {
    try_policy(cloud, name, document).await.expect("the name is free and the policy good")
}

pub async fn try_policy(cloud: &Cloud, name: &str, document: &str) -> Result<String, Fault> {
    let input = CreatePolicyInput {
        policy_name: name.to_owned(),
        policy_document: document.to_owned(),
        ..CreatePolicyInput::default()
    };
    let output = cloud.call(CreatePolicy, input).await?;
    Ok(output.policy.and_then(|policy| policy.arn).expect("a new policy has an ARN"))
}

pub async fn get_policy(cloud: &Cloud, arn: &str) -> Policy {
    let output = cloud.call(GetPolicy, GetPolicyInput { policy_arn: arn.to_owned() }).await;
    output.expect("the policy exists").policy.expect("it is shown")
}

pub async fn attach_to_user(cloud: &Cloud, user: &str, arn: &str) -> Result<(), Fault> {
    let input = AttachUserPolicyInput { user_name: user.to_owned(), policy_arn: arn.to_owned() };
    cloud.call(AttachUserPolicy, input).await.map(drop)
}

pub async fn attach_to_role(cloud: &Cloud, role: &str, arn: &str) -> Result<(), Fault> {
    let input = AttachRolePolicyInput { role_name: role.to_owned(), policy_arn: arn.to_owned() };
    cloud.call(AttachRolePolicy, input).await.map(drop)
}

pub async fn put_user_policy(cloud: &Cloud, user: &str, name: &str, document: &str) -> Result<(), Fault> {
    let input = PutUserPolicyInput {
        user_name: user.to_owned(),
        policy_name: name.to_owned(),
        policy_document: document.to_owned(),
    };
    cloud.call(PutUserPolicy, input).await.map(drop)
}

/// The user as a caller.
pub fn as_user(user: &User) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: user.arn.clone(),
        user_id: user.user_id.clone(),
        access_key_id: Some("AKIATEST".to_owned()),
        session: None,
    }
}

/// A session of the role as a caller; `session` says what is special about it.
pub fn as_role(role: &Role, access_key_id: &str, session: Session) -> Principal {
    let assumed =
        AssumedRole { arn: role.arn.clone(), id: role.role_id.clone(), session_name: "test".to_owned() };
    Principal {
        kind: PrincipalKind::AssumedRole,
        account: AccountId::DEV,
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/test", role.role_name),
        user_id: format!("{}:test", role.role_id),
        access_key_id: Some(access_key_id.to_owned()),
        session: Some(Arc::new(Session { role: Some(assumed), ..session })),
    }
}

/// Whether the caller may list queues, which takes a permission on all queues of the region.
pub async fn may_list_queues(cloud: &Cloud, principal: &Principal) -> bool {
    may(cloud.call_by(principal.clone(), sqs_api::ListQueues, sqs_api::ListQueuesInput::default()).await)
}

fn may<T>(result: Result<T, Fault>) -> bool {
    match result {
        Ok(_) => true,
        Err(fault) if fault.status() == 403 || fault.name().contains("AccessDenied") => false,
        Err(fault) => panic!("it failed otherwise: {fault:?}"),
    }
}

#[track_caller]
pub fn refused<T>(result: Result<T, Fault>, code: &str, message: &str) {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(fault) => assert_eq!((fault.code(), fault.message()), (code, message)),
    }
}
