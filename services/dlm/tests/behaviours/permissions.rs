//! Who may do what: policies are resources, and their roles are passed on.

use crate::support::*;
use dlm_api::*;
use iam_api::{CreateUser, CreateUserInput, PutUserPolicy, PutUserPolicyInput};
use service::{Principal, PrincipalKind};
use testkit::Cloud;

/// A user with this policy.
async fn user(cloud: &Cloud, document: &str) -> Principal {
    let input = CreateUserInput { user_name: "anna".to_owned(), ..CreateUserInput::default() };
    let user = cloud.call(CreateUser, input).await.unwrap().user.unwrap();
    let input = PutUserPolicyInput {
        user_name: "anna".to_owned(),
        policy_name: "all".to_owned(),
        policy_document: document.to_owned(),
    };
    cloud.call(PutUserPolicy, input).await.unwrap();
    Principal {
        kind: PrincipalKind::User,
        account: base::AccountId::DEV,
        arn: user.arn,
        user_id: user.user_id,
        access_key_id: None,
        session: None,
    }
}

#[tokio::test]
async fn whoever_names_a_role_may_pass_it() {
    let cloud = Cloud::new(1).await;
    let role = good_role(&cloud).await;
    let anna = user(
        &cloud,
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dlm:*",
        "Resource": "*"}}"#,
    )
    .await;
    let refused =
        cloud.call_by(anna.clone(), CreateLifecyclePolicy, input(&role, every(24))).await.unwrap_err();
    assert_eq!(refused.status(), 403);
    assert!(refused.message().contains("iam:PassRole"), "{}", refused.message());
}

#[tokio::test]
async fn policies_are_told_apart_by_their_arns() {
    let cloud = Cloud::new(2).await;
    let role = good_role(&cloud).await;
    let (ours, other) = (create(&cloud, &role, every(24)).await, create(&cloud, &role, every(24)).await);
    let anna = user(
        &cloud,
        &format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
        "Action": "dlm:GetLifecyclePolicy", "Resource": "arn:aws:dlm:*:*:policy/{ours}"}}}}"#
        ),
    )
    .await;
    let look = |id: String| GetLifecyclePolicyInput { policy_id: id };
    cloud.call_by(anna.clone(), GetLifecyclePolicy, look(ours)).await.unwrap();
    let refused = cloud.call_by(anna, GetLifecyclePolicy, look(other)).await.unwrap_err();
    assert_eq!(refused.status(), 403);
}
