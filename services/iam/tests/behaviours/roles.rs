//! Roles, their trust policies, and instance profiles.

use iam_api::*;
use testkit::Cloud;

use crate::permission_support::*;

fn decoded(document: Option<&str>) -> String {
    let mut bytes = Vec::new();
    let mut rest = document.expect("there is a document").bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = digit().zip(digit()).expect("two digits follow");
            bytes.push(u8::try_from(high * 16 + low).expect("two digits are a byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("documents are text")
}

#[tokio::test]
async fn all_that_a_role_was_given_reads_back() {
    let cloud = Cloud::new(11).await;
    let boundary = policy(&cloud, "boundary", &allow("*", "*")).await;
    let trust = trusting(ACCOUNT).replace("\":", "\" : ");
    let input = CreateRoleInput {
        path: Some("/a/b/".to_owned()),
        role_name: "Worker".to_owned(),
        assume_role_policy_document: trust.clone(),
        description: Some("works".to_owned()),
        max_session_duration: Some(7200),
        permissions_boundary: Some(boundary.clone()),
        tags: Some(vec![Tag { key: "team".to_owned(), value: "blue".to_owned() }]),
    };
    cloud.call(CreateRole, input.clone()).await.unwrap();
    let role = get_role(&cloud, "WORKER").await.unwrap();
    assert_eq!(role.arn, format!("arn:aws:iam::{ACCOUNT}:role/a/b/Worker"));
    assert_eq!(decoded(role.assume_role_policy_document.as_deref()), trust);
    assert_eq!((role.description.as_deref(), role.max_session_duration), (Some("works"), Some(7200)));
    assert_eq!(role.permissions_boundary.unwrap().permissions_boundary_arn, Some(boundary));
    assert_eq!(role.tags, input.tags);
    let again = CreateRoleInput { role_name: "worker".to_owned(), ..input };
    refused(
        cloud.call(CreateRole, again).await,
        "EntityAlreadyExists",
        "Role with name worker already exists.",
    );
}

#[tokio::test]
async fn a_role_trusts_only_those_who_are_there() {
    let cloud = Cloud::new(12).await;
    let arn = format!("arn:aws:iam::{ACCOUNT}:user/bob");
    let message = format!("Invalid principal in policy: \"AWS\":\"{arn}\"");
    refused(try_role(&cloud, "worker", &trusting(&arn)).await, "MalformedPolicyDocument", &message);
    let bob = user(&cloud, "bob").await;
    role(&cloud, "worker", &trusting(&arn)).await;

    // Who is made again under the same name is somebody else.
    cloud.call(DeleteUser, DeleteUserInput { user_name: "bob".to_owned() }).await.unwrap();
    user(&cloud, "bob").await;
    let role = get_role(&cloud, "worker").await.unwrap();
    let shown = decoded(role.assume_role_policy_document.as_deref());
    assert!(shown.contains(&bob.user_id) && !shown.contains(&arn), "{shown}");
    let message = "Invalid principal in policy: \"AWS\":\"AIDAIIIIIIIIIIIIIIIII\"";
    let of_nobody = try_role(&cloud, "other", &trusting("AIDAIIIIIIIIIIIIIIIII")).await;
    refused(of_nobody, "MalformedPolicyDocument", message);
    let input =
        UpdateAssumeRolePolicyInput { role_name: "worker".to_owned(), policy_document: trusting(&arn) };
    cloud.call(UpdateAssumeRolePolicy, input).await.unwrap();
    let role = get_role(&cloud, "worker").await.unwrap();
    assert_eq!(decoded(role.assume_role_policy_document.as_deref()), trusting(&arn));
}

#[tokio::test]
async fn a_trust_policy_holds_on_the_very_next_call() {
    let cloud = Cloud::new(13).await;
    let bob = user(&cloud, "bob").await;
    user(&cloud, "eve").await;
    let role = role(&cloud, "worker", &trusting(&bob.arn)).await;
    let assume = || {
        let input = sts_api::AssumeRoleInput {
            role_arn: role.arn.clone(),
            role_session_name: "test".to_owned(),
            ..Default::default()
        };
        cloud.call_by(as_user(&bob), sts_api::AssumeRole, input)
    };
    assume().await.expect("bob is trusted");
    let eve = trusting(&format!("arn:aws:iam::{ACCOUNT}:user/eve"));
    let input = UpdateAssumeRolePolicyInput { role_name: "worker".to_owned(), policy_document: eve };
    cloud.call(UpdateAssumeRolePolicy, input).await.unwrap();
    assert_eq!(assume().await.unwrap_err().status(), 403);
}

#[tokio::test]
async fn a_role_goes_only_when_nothing_hangs_on_it() {
    let cloud = Cloud::new(14).await;
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let name = || "worker".to_owned();
    let delete = || cloud.call(DeleteRole, DeleteRoleInput { role_name: name() });
    let profile = CreateInstanceProfileInput { instance_profile_name: "p".to_owned(), ..Default::default() };
    cloud.call(CreateInstanceProfile, profile).await.unwrap();
    let add = || AddRoleToInstanceProfileInput { instance_profile_name: "p".to_owned(), role_name: name() };
    cloud.call(AddRoleToInstanceProfile, add()).await.unwrap();
    let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    refused(cloud.call(AddRoleToInstanceProfile, add()).await, "LimitExceeded", message);
    let put = PutRolePolicyInput {
        role_name: name(),
        policy_name: "inline".to_owned(),
        policy_document: allow("sqs:*", "*"),
    };
    cloud.call(PutRolePolicy, put).await.unwrap();
    let arn = policy(&cloud, "queues", &allow("sqs:*", "*")).await;
    attach_to_role(&cloud, "worker", &arn).await.unwrap();

    let conflict = |what: &str| format!("Cannot delete entity, must {what} first.");
    refused(delete().await, "DeleteConflict", &conflict("remove roles from instance profile"));
    let of_role = ListInstanceProfilesForRoleInput { role_name: name(), ..Default::default() };
    let listed = cloud.call(ListInstanceProfilesForRole, of_role).await.unwrap().instance_profiles;
    assert_eq!(listed[0].roles[0].role_name, "worker");
    let input =
        RemoveRoleFromInstanceProfileInput { instance_profile_name: "p".to_owned(), role_name: name() };
    cloud.call(RemoveRoleFromInstanceProfile, input).await.unwrap();
    refused(delete().await, "DeleteConflict", &conflict("delete policies"));
    let input = DeleteRolePolicyInput { role_name: name(), policy_name: "inline".to_owned() };
    cloud.call(DeleteRolePolicy, input).await.unwrap();
    refused(delete().await, "DeleteConflict", &conflict("detach all policies"));
    let input = DetachRolePolicyInput { role_name: name(), policy_arn: arn };
    cloud.call(DetachRolePolicy, input).await.unwrap();
    delete().await.unwrap();
    let gone = get_role(&cloud, "worker").await;
    refused(gone, "NoSuchEntity", "The role with name worker cannot be found.");
}

#[tokio::test]
async fn listings_go_by_path_and_in_pages() {
    let cloud = Cloud::new(15).await;
    for (name, path) in [("a", "/x/"), ("b", "/"), ("c", "/x/y/"), ("d", "/x/")] {
        let input = CreateRoleInput {
            role_name: name.to_owned(),
            path: Some(path.to_owned()),
            assume_role_policy_document: trusting(ACCOUNT),
            ..Default::default()
        };
        cloud.call(CreateRole, input).await.unwrap();
    }
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let path_prefix = Some("/x/".to_owned());
        let input = ListRolesInput { path_prefix, marker, max_items: Some(2) };
        let page = cloud.call(ListRoles, input).await.unwrap();
        names.extend(page.roles.into_iter().map(|role| role.role_name));
        assert_eq!(page.is_truncated, Some(page.marker.is_some()));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "c", "d"]);
}
