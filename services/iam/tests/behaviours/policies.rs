//! Managed and inline policies: what they may be, their versions, and who has them.

use iam_api::*;
use testkit::Cloud;

use crate::permission_support::*;

#[tokio::test]
async fn a_policy_has_five_versions_at_most_and_keeps_its_default() {
    let cloud = Cloud::new(21).await;
    let arn = policy(&cloud, "p", &allow("sqs:*", "*")).await;
    let create = || CreatePolicyVersionInput {
        policy_arn: arn.clone(),
        policy_document: allow("s3:*", "*"),
        set_as_default: None,
    };
    for number in 2..=5 {
        let made = cloud.call(CreatePolicyVersion, create()).await.unwrap().policy_version.unwrap();
        assert_eq!(made.version_id, Some(format!("v{number}")));
        assert_eq!(made.is_default_version, Some(false));
    }
    let message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an \
                   existing version.";
    refused(cloud.call(CreatePolicyVersion, create()).await, "LimitExceeded", message);
    let delete = |id: &str| {
        let input = DeletePolicyVersionInput { policy_arn: arn.clone(), version_id: id.to_owned() };
        cloud.call(DeletePolicyVersion, input)
    };
    refused(delete("v1").await, "DeleteConflict", "Cannot delete the default version of a policy.");
    delete("v5").await.unwrap();
    let made = cloud.call(CreatePolicyVersion, create()).await.unwrap().policy_version.unwrap();
    assert_eq!(made.version_id.as_deref(), Some("v6"), "numbers are not used again");
    let list = ListPolicyVersionsInput { policy_arn: arn.clone(), ..Default::default() };
    let versions = cloud.call(ListPolicyVersions, list).await.unwrap().versions.unwrap();
    let ids: Vec<_> = versions.iter().filter_map(|version| version.version_id.as_deref()).collect();
    assert_eq!(ids, ["v6", "v4", "v3", "v2", "v1"]);
    let result = cloud.call(DeletePolicy, DeletePolicyInput { policy_arn: arn.clone() }).await;
    assert_eq!(result.unwrap_err().code(), "DeleteConflict");
    for id in ["v2", "v3", "v4", "v6"] {
        delete(id).await.unwrap();
    }
    cloud.call(DeletePolicy, DeletePolicyInput { policy_arn: arn }).await.unwrap();
}

#[tokio::test]
async fn bad_policies_are_refused_in_awss_words() {
    let cloud = Cloud::new(22).await;
    user(&cloud, "bob").await;
    let malformed = "MalformedPolicyDocument";
    refused(try_policy(&cloud, "p", "{}").await, malformed, "Syntax errors in policy.");
    let message = "Policy document must be version 2012-10-17 or greater.";
    let old = allow("sqs:*", "*").replace("2012-10-17", "2008-10-17");
    refused(try_policy(&cloud, "p", &old).await, malformed, message);
    let message = "Policy statement must contain resources.";
    let without = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*"}]}"#;
    refused(put_user_policy(&cloud, "bob", "p", without).await, malformed, message);
    let message = "Maximum policy size of 2048 bytes exceeded for user bob";
    let large = allow(&format!("sqs:{}", "x".repeat(1100)), "*");
    put_user_policy(&cloud, "bob", "one", &large).await.unwrap();
    refused(put_user_policy(&cloud, "bob", "two", &large).await, "LimitExceeded", message);
    policy(&cloud, "P", &allow("sqs:*", "*")).await;
    let message = "A policy called p already exists. Duplicate names are not allowed.";
    refused(try_policy(&cloud, "p", &allow("sqs:*", "*")).await, "EntityAlreadyExists", message);
}

#[tokio::test]
async fn attachments_are_counted_and_limited() {
    let cloud = Cloud::new(23).await;
    user(&cloud, "bob").await;
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let mut arns = Vec::new();
    for number in 0..11 {
        arns.push(policy(&cloud, &format!("p{number}"), &allow("sqs:*", "*")).await);
    }
    for arn in &arns[..10] {
        attach_to_user(&cloud, "bob", arn).await.unwrap();
    }
    attach_to_user(&cloud, "bob", &arns[0]).await.expect("it is attached already");
    let message = "Cannot exceed quota for PoliciesPerUser: 10";
    refused(attach_to_user(&cloud, "bob", &arns[10]).await, "LimitExceeded", message);
    attach_to_role(&cloud, "worker", &arns[0]).await.unwrap();
    assert_eq!(get_policy(&cloud, &arns[0]).await.attachment_count, Some(2));
    let input = ListEntitiesForPolicyInput { policy_arn: arns[0].clone(), ..Default::default() };
    let entities = cloud.call(ListEntitiesForPolicy, input).await.unwrap();
    assert_eq!(entities.policy_users.unwrap()[0].user_name.as_deref(), Some("bob"));
    assert_eq!(entities.policy_roles.unwrap()[0].role_name.as_deref(), Some("worker"));

    let absent = format!("arn:aws:iam::{ACCOUNT}:policy/absent");
    let message = format!("Policy {absent} does not exist or is not attachable.");
    refused(attach_to_role(&cloud, "worker", &absent).await, "NoSuchEntity", &message);
    let input = DetachRolePolicyInput { role_name: "worker".to_owned(), policy_arn: arns[1].clone() };
    let message = format!("Policy {} was not found.", arns[1]);
    refused(cloud.call(DetachRolePolicy, input).await, "NoSuchEntity", &message);
}

#[tokio::test]
async fn policies_of_aws_are_read_and_attached_and_never_changed() {
    let cloud = Cloud::new(24).await;
    user(&cloud, "bob").await;
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
    attach_to_user(&cloud, "bob", arn).await.unwrap();
    let policy = get_policy(&cloud, arn).await;
    assert_eq!(policy.attachment_count, Some(1));
    let version_id = policy.default_version_id.unwrap();
    let input = GetPolicyVersionInput { policy_arn: arn.to_owned(), version_id };
    let version = cloud.call(GetPolicyVersion, input).await.unwrap().policy_version.unwrap();
    assert!(version.document.unwrap().starts_with("%7B"));
    let message = "Policy is outside your own account.";
    let delete = DeletePolicyInput { policy_arn: arn.to_owned() };
    refused(cloud.call(DeletePolicy, delete).await, "AccessDenied", message);
    let input = ListPoliciesInput { only_attached: Some(true), ..Default::default() };
    let listed = cloud.call(ListPolicies, input).await.unwrap().policies.unwrap();
    assert_eq!(listed.iter().filter_map(|policy| policy.arn.as_deref()).collect::<Vec<_>>(), [arn]);
    let service_role = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy";
    let message = "Cannot attach a Service Role Policy to a Customer Role.";
    refused(attach_to_user(&cloud, "bob", service_role).await, "PolicyNotAttachable", message);
}

#[tokio::test]
async fn arns_of_anything_but_policies_are_refused_wherever_a_policy_is_named() {
    let cloud = Cloud::new(25).await;
    user(&cloud, "bob").await;
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    for arn in [
        "arn:aws:sqs:us-east-1:000000000000:policy".to_owned(),
        "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess".to_owned(),
        "arn:aws-cn:iam::aws:policy/AdministratorAccess".to_owned(),
        format!("arn:aws:iam::{ACCOUNT}:role/worker"),
        "something that is no ARN".to_owned(),
    ] {
        let message = format!("ARN {arn} is not valid.");
        let read = GetPolicyInput { policy_arn: arn.clone() };
        refused(cloud.call(GetPolicy, read).await, "InvalidInput", &message);
        refused(attach_to_user(&cloud, "bob", &arn).await, "InvalidInput", &message);
        let of_user = PutUserPermissionsBoundaryInput {
            user_name: "bob".to_owned(),
            permissions_boundary: arn.clone(),
        };
        refused(cloud.call(PutUserPermissionsBoundary, of_user).await, "InvalidInput", &message);
        let of_role = PutRolePermissionsBoundaryInput {
            role_name: "worker".to_owned(),
            permissions_boundary: arn.clone(),
        };
        refused(cloud.call(PutRolePermissionsBoundary, of_role).await, "InvalidInput", &message);
        let new_user = CreateUserInput {
            user_name: "new".to_owned(),
            permissions_boundary: Some(arn.clone()),
            ..CreateUserInput::default()
        };
        refused(cloud.call(CreateUser, new_user).await, "InvalidInput", &message);
        let new_role = CreateRoleInput {
            role_name: "new".to_owned(),
            assume_role_policy_document: trusting(ACCOUNT),
            permissions_boundary: Some(arn.clone()),
            ..CreateRoleInput::default()
        };
        refused(cloud.call(CreateRole, new_role).await, "InvalidInput", &message);
    }
}
