//! Users and groups, and what they prove themselves with.

mod account;
mod credentials;
mod groups;
mod mfa;
mod passwords;
mod users;

use iam_api::*;
use schema::Fault;
use service::{Principal, PrincipalKind};
use testkit::Cloud;

pub async fn create_user(cloud: &Cloud, name: &str) -> User {
    let input = CreateUserInput { user_name: name.to_owned(), ..CreateUserInput::default() };
    cloud.call(CreateUser, input).await.expect("the name is free").user.expect("a new user is shown")
}

pub async fn user(cloud: &Cloud, name: &str) -> Result<User, Fault> {
    let input = GetUserInput { user_name: Some(name.to_owned()) };
    cloud.call(GetUser, input).await.map(|output| output.user)
}

pub async fn delete_user(cloud: &Cloud, name: &str) -> Result<(), Fault> {
    cloud.call(DeleteUser, DeleteUserInput { user_name: name.to_owned() }).await.map(drop)
}

pub async fn create_group(cloud: &Cloud, name: &str) -> Group {
    let input = CreateGroupInput { group_name: name.to_owned(), path: None };
    cloud.call(CreateGroup, input).await.expect("the name is free").group
}

pub async fn join(cloud: &Cloud, group: &str, user: &str) -> Result<(), Fault> {
    let input = AddUserToGroupInput { group_name: group.to_owned(), user_name: user.to_owned() };
    cloud.call(AddUserToGroup, input).await.map(drop)
}

/// Lets a user do everything, for tests of calls by users.
pub async fn allow_all(cloud: &Cloud, user: &str) {
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let input = PutUserPolicyInput {
        user_name: user.to_owned(),
        policy_name: "everything".to_owned(),
        policy_document: policy.to_owned(),
    };
    cloud.call(PutUserPolicy, input).await.expect("the policy is good");
}

/// The caller that a user is.
pub fn as_user(user: &User) -> Principal {
    Principal {
        kind: PrincipalKind::User,
        account: user
            .arn
            .parse::<base::Arn>()
            .ok()
            .and_then(|arn| arn.account())
            .expect("users have an account"),
        arn: user.arn.clone(),
        user_id: user.user_id.clone(),
        access_key_id: None,
        session: None,
    }
}

/// Code and message of what was refused.
pub fn words<T: std::fmt::Debug>(result: Result<T, Fault>) -> (String, String) {
    let fault = result.expect_err("it is refused");
    (fault.code().to_owned(), fault.message().to_owned())
}

pub fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}
