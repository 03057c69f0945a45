//! Permissions have their effect, and lose it, on the very next call.

use service::{Identities, Session};
use testkit::Cloud;

use iam_api::*;

use crate::permission_support::*;

#[tokio::test]
async fn a_new_user_may_do_nothing() {
    let cloud = Cloud::new(1).await;
    let bob = as_user(&user(&cloud, "bob").await);
    assert!(!may_list_queues(&cloud, &bob).await);
}

#[tokio::test]
async fn every_way_to_grant_and_to_revoke_holds_on_the_very_next_call() {
    let cloud = Cloud::new(2).await;
    let bob = as_user(&user(&cloud, "bob").await);
    let all = allow("sqs:*", "*");
    let may = || may_list_queues(&cloud, &bob);

    put_user_policy(&cloud, "bob", "inline", &all).await.unwrap();
    assert!(may().await);
    let input = DeleteUserPolicyInput { user_name: "bob".to_owned(), policy_name: "inline".to_owned() };
    cloud.call(DeleteUserPolicy, input).await.unwrap();
    assert!(!may().await);

    let arn = policy(&cloud, "queues", &all).await;
    attach_to_user(&cloud, "bob", &arn).await.unwrap();
    assert!(may().await);
    let version = CreatePolicyVersionInput {
        policy_arn: arn.clone(),
        policy_document: deny("sqs:*", "*"),
        set_as_default: Some(true),
    };
    cloud.call(CreatePolicyVersion, version).await.unwrap();
    assert!(!may().await);
    let first = SetDefaultPolicyVersionInput { policy_arn: arn.clone(), version_id: "v1".to_owned() };
    cloud.call(SetDefaultPolicyVersion, first).await.unwrap();
    assert!(may().await);
    let input = DetachUserPolicyInput { user_name: "bob".to_owned(), policy_arn: arn };
    cloud.call(DetachUserPolicy, input).await.unwrap();
    assert!(!may().await);

    let group = CreateGroupInput { group_name: "team".to_owned(), ..CreateGroupInput::default() };
    cloud.call(CreateGroup, group).await.unwrap();
    let input = PutGroupPolicyInput {
        group_name: "team".to_owned(),
        policy_name: "inline".to_owned(),
        policy_document: all,
    };
    cloud.call(PutGroupPolicy, input).await.unwrap();
    let member = AddUserToGroupInput { group_name: "team".to_owned(), user_name: "bob".to_owned() };
    cloud.call(AddUserToGroup, member).await.unwrap();
    assert!(may().await);
    let member = RemoveUserFromGroupInput { group_name: "team".to_owned(), user_name: "bob".to_owned() };
    cloud.call(RemoveUserFromGroup, member).await.unwrap();
    assert!(!may().await);
}

#[tokio::test]
async fn a_managed_policy_of_aws_grants_what_it_says() {
    let cloud = Cloud::new(3).await;
    let bob = as_user(&user(&cloud, "bob").await);
    attach_to_user(&cloud, "bob", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess").await.unwrap();
    assert!(may_list_queues(&cloud, &bob).await);
    let create = sqs_api::CreateQueueInput { queue_name: "q".to_owned(), ..Default::default() };
    assert!(cloud.call_by(bob, sqs_api::CreateQueue, create).await.is_err());
}

#[tokio::test]
async fn a_boundary_limits_what_policies_grant() {
    let cloud = Cloud::new(4).await;
    let bob = as_user(&user(&cloud, "bob").await);
    put_user_policy(&cloud, "bob", "inline", &allow("sqs:*", "*")).await.unwrap();
    let boundary = policy(&cloud, "boundary", &allow("s3:*", "*")).await;
    let input = PutUserPermissionsBoundaryInput {
        user_name: "bob".to_owned(),
        permissions_boundary: boundary.clone(),
    };
    cloud.call(PutUserPermissionsBoundary, input).await.unwrap();
    assert!(!may_list_queues(&cloud, &bob).await);
    assert_eq!(get_policy(&cloud, &boundary).await.permissions_boundary_usage_count, Some(1));
    let delete = DeletePolicyInput { policy_arn: boundary.clone() };
    refused(
        cloud.call(DeletePolicy, delete).await,
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    );
    let input = DeleteUserPermissionsBoundaryInput { user_name: "bob".to_owned() };
    cloud.call(DeleteUserPermissionsBoundary, input).await.unwrap();
    assert!(may_list_queues(&cloud, &bob).await);
    assert_eq!(get_policy(&cloud, &boundary).await.permissions_boundary_usage_count, Some(0));
}

#[tokio::test]
async fn session_policies_limit_a_session_and_its_tags_go_over_the_roles() {
    let cloud = Cloud::new(5).await;
    let role = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let arn = policy(&cloud, "queues", &allow("sqs:*", "*")).await;
    attach_to_role(&cloud, "worker", &arn).await.unwrap();
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    let tags = vec![tag("team", "blue"), tag("cost", "1")];
    cloud.call(TagRole, TagRoleInput { role_name: "worker".to_owned(), tags }).await.unwrap();

    let plain = as_role(&role, "ASIAPLAIN", Session::default());
    assert!(may_list_queues(&cloud, &plain).await);
    let tags = [("Team".to_owned(), "red".to_owned())].into();
    let policies = vec![allow("s3:*", "*")];
    let special = as_role(&role, "ASIASPECIAL", Session { policies, tags, ..Session::default() });
    assert!(!may_list_queues(&cloud, &special).await);
    let grants = cloud.iam.grants(&special).await.unwrap().expect("the role is there");
    let tags: Vec<_> = grants.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(tags, [("Team", "red"), ("cost", "1")]);
    let managed = Session { policy_arns: vec![arn], ..Session::default() };
    assert!(may_list_queues(&cloud, &as_role(&role, "ASIAMANAGED", managed)).await);
    let nothing = Session { limited: true, ..Session::default() };
    assert!(!may_list_queues(&cloud, &as_role(&role, "ASIANOTHING", nothing)).await);
}

#[tokio::test]
async fn sessions_of_a_role_that_was_made_again_may_do_nothing() {
    let cloud = Cloud::new(6).await;
    let arn = policy(&cloud, "queues", &allow("sqs:*", "*")).await;
    let before = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    attach_to_role(&cloud, "worker", &arn).await.unwrap();
    let session = as_role(&before, "ASIAONE", Session::default());
    assert!(may_list_queues(&cloud, &session).await);
    let detach = DetachRolePolicyInput { role_name: "worker".to_owned(), policy_arn: arn.clone() };
    cloud.call(DetachRolePolicy, detach).await.unwrap();
    cloud.call(DeleteRole, DeleteRoleInput { role_name: "worker".to_owned() }).await.unwrap();
    assert!(cloud.iam.grants(&session).await.unwrap().is_none());
    let after = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    attach_to_role(&cloud, "worker", &arn).await.unwrap();
    assert!(!may_list_queues(&cloud, &session).await);
    assert!(may_list_queues(&cloud, &as_role(&after, "ASIATWO", Session::default())).await);
}

#[tokio::test]
async fn a_key_works_until_it_is_made_inactive() {
    let cloud = Cloud::new(7).await;
    user(&cloud, "bob").await;
    assert!(cloud.iam.key("AKIAUNKNOWN").await.unwrap().is_none());
    let user_name = Some("bob".to_owned());
    let made =
        cloud.call(CreateAccessKey, CreateAccessKeyInput { user_name: user_name.clone() }).await.unwrap();
    let made = made.access_key;
    for _ in 0..2 {
        let key = cloud.iam.key(&made.access_key_id).await.unwrap().expect("the key is active");
        assert_eq!(key.secret.expose(), made.secret_access_key);
        assert_eq!(key.principal.arn, format!("arn:aws:iam::{ACCOUNT}:user/bob"));
    }
    let update = UpdateAccessKeyInput {
        user_name,
        access_key_id: made.access_key_id.clone(),
        status: StatusType::Inactive,
    };
    cloud.call(UpdateAccessKey, update).await.unwrap();
    assert!(cloud.iam.key(&made.access_key_id).await.unwrap().is_none());
}

#[tokio::test]
async fn the_last_use_of_a_role_is_known_at_once_and_still_after_it_was_written_down() {
    let cloud = Cloud::new(8).await;
    let role = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    attach_to_role(&cloud, "worker", "arn:aws:iam::aws:policy/AmazonSQSFullAccess").await.unwrap();
    let never = get_role(&cloud, "worker").await.unwrap().role_last_used.unwrap();
    assert_eq!(never.last_used_date, None);
    assert!(may_list_queues(&cloud, &as_role(&role, "ASIAONE", Session::default())).await);
    for _ in 0..3 {
        let used = get_role(&cloud, "worker").await.unwrap().role_last_used.unwrap();
        assert_eq!((used.last_used_date, used.region.as_deref()), (Some(testkit::START), Some("us-east-1")));
        cloud.advance(std::time::Duration::from_secs(61)).await;
    }
}

#[tokio::test]
async fn a_renamed_user_keeps_its_permissions() {
    let cloud = Cloud::new(9).await;
    let old = as_user(&user(&cloud, "bob").await);
    put_user_policy(&cloud, "bob", "inline", &allow("sqs:*", "*")).await.unwrap();
    let rename = UpdateUserInput {
        user_name: "bob".to_owned(),
        new_user_name: Some("rob".to_owned()),
        ..UpdateUserInput::default()
    };
    cloud.call(UpdateUser, rename).await.unwrap();
    assert!(!may_list_queues(&cloud, &old).await, "nobody has that name");
    let found = cloud.call(GetUser, GetUserInput { user_name: Some("rob".to_owned()) }).await.unwrap().user;
    assert!(may_list_queues(&cloud, &as_user(&found)).await);
}
