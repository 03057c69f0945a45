//! Users, and what they may do by their own policies.

use base::AccountId;
use service::{Principal, PrincipalKind};
use testkit::Cloud;

/// A user of an account, with a policy if it is not empty.
pub async fn user(cloud: &Cloud, account: AccountId, name: &str, policy: &str) -> Principal {
    let region = base::Region::US_EAST_1;
    let input = iam_api::CreateUserInput { user_name: name.to_owned(), ..Default::default() };
    let made = cloud.call_as(account, region, iam_api::CreateUser, input).await.expect("the name is free");
    let made = made.user.expect("a new user is shown");
    if !policy.is_empty() {
        let input = iam_api::PutUserPolicyInput {
            user_name: name.to_owned(),
            policy_name: "own".to_owned(),
            policy_document: policy.to_owned(),
        };
        cloud.call_as(account, region, iam_api::PutUserPolicy, input).await.expect("the policy is good");
    }
    Principal {
        kind: PrincipalKind::User,
        account,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: None,
        session: None,
    }
}

/// A policy that allows one action on one resource.
pub fn allows(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}
