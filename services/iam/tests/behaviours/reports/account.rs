//! The account's summary, its credential report, and everything it has in one listing.

use std::time::Duration;

use iam_api::*;
use testkit::Cloud;

use crate::permission_support::*;

async fn report(cloud: &Cloud) -> Vec<Vec<String>> {
    let output = cloud
        .call(GetCredentialReport, GetCredentialReportInput::default())
        .await
        .expect("there is a report");
    let text = String::from_utf8(output.content.expect("it has content").to_vec()).expect("it is text");
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

async fn generate(cloud: &Cloud) -> Option<ReportStateType> {
    let input = GenerateCredentialReportInput::default();
    cloud.call(GenerateCredentialReport, input).await.expect("a report can be made").state
}

#[tokio::test]
async fn the_report_has_a_line_for_the_root_and_each_user() {
    let cloud = Cloud::new(331).await;
    user(&cloud, "alice").await;
    let input = CreateAccessKeyInput { user_name: Some("alice".to_owned()) };
    cloud.call(CreateAccessKey, input).await.unwrap();
    let none = cloud.call(GetCredentialReport, GetCredentialReportInput::default()).await;
    assert_eq!(none.unwrap_err().code(), "ReportNotPresent");
    assert_eq!(generate(&cloud).await, Some(ReportStateType::Started));
    assert_eq!(generate(&cloud).await, Some(ReportStateType::Complete));
    let lines = report(&cloud).await;
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1][..2], ["<root_account>".to_owned(), format!("arn:aws:iam::{ACCOUNT}:root")]);
    let alice: Vec<&str> = lines[2].iter().map(String::as_str).collect();
    assert_eq!(
        (alice[0], alice[3], alice[4], alice[7], alice[8]),
        ("alice", "false", "N/A", "false", "true")
    );
    assert!(alice[9].ends_with("+00:00") && alice[10] == "N/A" && alice[13] == "false");
}

#[tokio::test]
async fn a_report_is_used_for_four_hours_and_then_expires() {
    let cloud = Cloud::new(332).await;
    generate(&cloud).await;
    user(&cloud, "later").await;
    cloud.advance(Duration::from_secs(4 * 3600 - 2)).await;
    assert_eq!(generate(&cloud).await, Some(ReportStateType::Complete));
    assert_eq!(report(&cloud).await.len(), 2, "the user came after the report");
    cloud.advance(Duration::from_secs(3)).await;
    let expired = cloud.call(GetCredentialReport, GetCredentialReportInput::default()).await;
    assert_eq!(expired.unwrap_err().code(), "ReportExpired");
    assert_eq!(generate(&cloud).await, Some(ReportStateType::Started));
    assert_eq!(report(&cloud).await.len(), 3);
}

#[tokio::test]
async fn the_summary_counts_what_is_there() {
    let cloud = Cloud::new(333).await;
    user(&cloud, "alice").await;
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let arn = policy(&cloud, "one", &allow("sqs:*", "*")).await;
    let input = CreatePolicyVersionInput {
        policy_arn: arn,
        policy_document: allow("sqs:SendMessage", "*"),
        ..CreatePolicyVersionInput::default()
    };
    cloud.call(CreatePolicyVersion, input).await.unwrap();
    let output = cloud.call(GetAccountSummary, GetAccountSummaryInput::default()).await.unwrap();
    let summary = output.summary_map.unwrap();
    for (key, number) in [
        ("Users", 1),
        ("Roles", 1),
        ("Groups", 0),
        ("Policies", 1),
        ("PolicyVersionsInUse", 2),
        ("UsersQuota", 5000),
        ("AccountMFAEnabled", 0),
        ("GlobalEndpointTokenVersion", 1),
    ] {
        assert_eq!(summary[key], number, "{key}");
    }
    assert_eq!(summary.len(), 34, "all keys of the model");
}

#[tokio::test]
async fn everything_is_listed_over_pages_of_any_size() {
    let cloud = Cloud::new(334).await;
    let own = policy(&cloud, "own", &allow("sqs:*", "*")).await;
    for name in ["alice", "bob"] {
        user(&cloud, name).await;
        attach_to_user(&cloud, name, &own).await.unwrap();
    }
    put_user_policy(&cloud, "bob", "inline", &allow("sns:*", "*")).await.unwrap();
    attach_to_user(&cloud, "bob", "arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let group = CreateGroupInput { group_name: "team".to_owned(), ..CreateGroupInput::default() };
    cloud.call(CreateGroup, group).await.unwrap();
    for size in 1..=7 {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let input = GetAccountAuthorizationDetailsInput { max_items: Some(size), marker, filter: None };
            let page = cloud.call(GetAccountAuthorizationDetails, input).await.unwrap();
            let users =
                page.user_detail_list.unwrap_or_default().into_iter().filter_map(|user| user.user_name);
            let groups =
                page.group_detail_list.unwrap_or_default().into_iter().filter_map(|group| group.group_name);
            let roles =
                page.role_detail_list.unwrap_or_default().into_iter().filter_map(|role| role.role_name);
            let policies =
                page.policies.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_name);
            let before = names.len();
            names.extend(users.chain(groups).chain(roles).chain(policies));
            assert!(names.len() - before <= size as usize);
            assert_eq!(page.is_truncated, Some(page.marker.is_some()));
            match page.marker {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        assert_eq!(names, ["alice", "bob", "team", "worker", "own", "ReadOnlyAccess"], "{size} a page");
    }
}

#[tokio::test]
async fn a_filter_leaves_only_its_kinds_and_details_are_whole() {
    let cloud = Cloud::new(335).await;
    let own = policy(&cloud, "own", &allow("sqs:*", "*")).await;
    user(&cloud, "bob").await;
    attach_to_user(&cloud, "bob", &own).await.unwrap();
    put_user_policy(&cloud, "bob", "inline", &allow("sns:*", "*")).await.unwrap();
    let input = GetAccountAuthorizationDetailsInput {
        filter: Some(vec![EntityType::User, EntityType::LocalManagedPolicy]),
        ..GetAccountAuthorizationDetailsInput::default()
    };
    role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let found = cloud.call(GetAccountAuthorizationDetails, input).await.unwrap();
    assert!(found.role_detail_list.unwrap_or_default().is_empty());
    let bob = found.user_detail_list.unwrap().remove(0);
    assert_eq!(bob.attached_managed_policies.unwrap()[0].policy_arn.as_deref(), Some(own.as_str()));
    let inline = bob.user_policy_list.unwrap().remove(0);
    assert!(inline.policy_document.unwrap().starts_with("%7B%22Version%22%3A%222012-10-17%22"));
    let policy = found.policies.unwrap().remove(0);
    assert_eq!((policy.attachment_count, policy.permissions_boundary_usage_count), (Some(1), Some(0)));
    assert_eq!(policy.policy_version_list.unwrap()[0].is_default_version, Some(true));
}
