//! Policies: types, quotas, attachments, effective ones.

use organizations_api::*;
use serde_json::{Value, json};

use crate::support::*;

const SCP: &str = "SERVICE_CONTROL_POLICY";

#[tokio::test]
async fn enabling_a_type_attaches_awss_own_policy_everywhere() {
    let (cloud, root) = organized(21).await;
    let before = unit(&cloud, &root, "Before").await.unwrap();
    let fault = attach(&cloud, "p-FullAWSAccess", &before).await.unwrap_err();
    assert_eq!(fault.name(), "PolicyTypeNotEnabledException");
    let enabled = enable(&cloud, &root, SCP).await.unwrap();
    let types = enabled.policy_types.unwrap();
    assert_eq!(types[0].status, Some(PolicyTypeStatus::Enabled));
    assert_eq!(enable(&cloud, &root, SCP).await.unwrap_err().name(), "PolicyTypeAlreadyEnabledException");
    let after = unit(&cloud, &root, "After").await.unwrap();
    let member = account(&cloud, "one@example.com").await.to_string();
    for target in [&root, &before, &after, &member, &"000000000000".to_owned()] {
        assert_eq!(attached(&cloud, SCP, target).await, ["p-FullAWSAccess"], "{target}");
    }
    let input = ListTargetsForPolicyInput { policy_id: "p-FullAWSAccess".into(), ..Default::default() };
    let targets = cloud.call(ListTargetsForPolicy, input).await.unwrap().targets.unwrap();
    assert_eq!(targets.len(), 5);
}

#[tokio::test]
async fn a_target_has_one_scp_at_least_and_five_at_most() {
    let (cloud, root) = organized(22).await;
    enable(&cloud, &root, SCP).await.unwrap();
    let fault = detach(&cloud, "p-FullAWSAccess", &root).await.unwrap_err();
    assert_eq!(reason(&fault), "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
    for number in 0..5 {
        let id = policy(&cloud, SCP, &format!("p{number}"), ALLOW_ALL).await.unwrap();
        let outcome = attach(&cloud, &id, &root).await;
        if number < 4 {
            outcome.unwrap();
            let fault = attach(&cloud, &id, &root).await.unwrap_err();
            assert_eq!(fault.name(), "DuplicatePolicyAttachmentException");
        } else {
            assert_eq!(reason(&outcome.unwrap_err()), "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
            assert_eq!(detach(&cloud, &id, &root).await.unwrap_err().name(), "PolicyNotAttachedException");
        }
    }
    detach(&cloud, "p-FullAWSAccess", &root).await.unwrap();
}

#[tokio::test]
async fn awss_own_policies_are_neither_changed_nor_is_the_rcp_taken_off() {
    let (cloud, root) = organized(23).await;
    enable(&cloud, &root, "RESOURCE_CONTROL_POLICY").await.unwrap();
    let fault = detach(&cloud, "p-RCPFullAWSAccess", &root).await.unwrap_err();
    assert_eq!(reason(&fault), "NON_DETACHABLE_POLICY");
    let input = DeletePolicyInput { policy_id: "p-FullAWSAccess".into() };
    assert_eq!(reason(&cloud.call(DeletePolicy, input).await.unwrap_err()), "IMMUTABLE_POLICY");
    let input = DescribePolicyInput { policy_id: "p-FullAWSAccess".into() };
    let found = cloud.call(DescribePolicy, input).await.unwrap().policy.unwrap();
    let summary = found.policy_summary.unwrap();
    assert_eq!(
        summary.arn.as_deref(),
        Some("arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess")
    );
    assert_eq!(summary.aws_managed, Some(true));
}

#[tokio::test]
async fn disabling_a_type_takes_its_policies_off_for_good() {
    let (cloud, root) = organized(24).await;
    enable(&cloud, &root, SCP).await.unwrap();
    let own = policy(&cloud, SCP, "p", ALLOW_ALL).await.unwrap();
    attach(&cloud, &own, &root).await.unwrap();
    let fault = cloud.call(DeletePolicy, DeletePolicyInput { policy_id: own.clone() }).await.unwrap_err();
    assert_eq!(fault.name(), "PolicyInUseException");
    let input =
        DisablePolicyTypeInput { root_id: root.clone(), policy_type: PolicyType::ServiceControlPolicy };
    cloud.call(DisablePolicyType, input).await.unwrap();
    assert!(attached(&cloud, SCP, &root).await.is_empty());
    enable(&cloud, &root, SCP).await.unwrap();
    assert_eq!(attached(&cloud, SCP, &root).await, ["p-FullAWSAccess"]);
    cloud.call(DeletePolicy, DeletePolicyInput { policy_id: own.clone() }).await.unwrap();
    let fault = cloud.call(DescribePolicy, DescribePolicyInput { policy_id: own }).await.unwrap_err();
    assert_eq!(fault.name(), "PolicyNotFoundException");
}

#[tokio::test]
async fn a_policy_must_be_one_and_fit() {
    let (cloud, _) = organized(25).await;
    for bad in ["", "{}", "[]", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Maybe"}]}"#] {
        let fault = policy(&cloud, SCP, "bad", bad).await.unwrap_err();
        assert!(
            ["MalformedPolicyDocumentException", "InvalidInputException"].contains(&fault.name()),
            "{bad}"
        );
    }
    let long = format!("{ALLOW_ALL}{}", " ".repeat(5_120));
    let fault = policy(&cloud, SCP, "long", &long).await.unwrap_err();
    assert_eq!(reason(&fault), "POLICY_CONTENT_LIMIT_EXCEEDED");
    assert_eq!(fault.message(), "You have exceeded the maximum policy size.");
    policy(&cloud, SCP, "p", ALLOW_ALL).await.unwrap();
    let fault = policy(&cloud, SCP, "p", ALLOW_ALL).await.unwrap_err();
    assert_eq!(fault.message(), "A policy with the specified name and type already exists.");
    policy(&cloud, "TAG_POLICY", "p", r#"{"tags":{}}"#).await.unwrap();
    let fault = policy(&cloud, SCP, "FullAWSAccess", ALLOW_ALL).await.unwrap_err();
    assert_eq!(fault.name(), "DuplicatePolicyException");
}

#[tokio::test]
async fn policies_are_listed_by_type_awss_own_first() {
    let (cloud, _) = organized(26).await;
    policy(&cloud, SCP, "b", ALLOW_ALL).await.unwrap();
    policy(&cloud, SCP, "a", ALLOW_ALL).await.unwrap();
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let input = ListPoliciesInput {
            filter: PolicyType::ServiceControlPolicy,
            next_token: token,
            max_results: Some(1),
        };
        let page = cloud.call(ListPolicies, input).await.unwrap();
        let policies = page.policies.unwrap();
        assert!(policies.len() <= 1);
        names.extend(policies.into_iter().filter_map(|policy| policy.name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["FullAWSAccess", "a", "b"]);
}

#[tokio::test]
async fn the_effective_policy_is_what_the_levels_come_to() {
    let (cloud, root) = organized(27).await;
    let member = account(&cloud, "one@example.com").await;
    let home = unit(&cloud, &root, "Home").await.unwrap();
    move_to(&cloud, member, &root, &home).await.unwrap();
    let effective = || async {
        let input =
            DescribeEffectivePolicyInput { policy_type: EffectivePolicyType::TagPolicy, target_id: None };
        by(&cloud, member, DescribeEffectivePolicy, input).await
    };
    assert_eq!(effective().await.unwrap_err().name(), "EffectivePolicyNotFoundException");
    enable(&cloud, &root, "TAG_POLICY").await.unwrap();
    assert_eq!(effective().await.unwrap_err().name(), "EffectivePolicyNotFoundException");
    let parent = json!({"tags": {"team": {
        "tag_key": {"@@assign": "Team", "@@operators_allowed_for_child_policies": ["@@none"]},
        "tag_value": {"@@assign": ["a"]}
    }}});
    let child =
        json!({"tags": {"team": {"tag_key": {"@@assign": "TEAM"}, "tag_value": {"@@append": ["b"]}}}});
    let parent = policy(&cloud, "TAG_POLICY", "parent", &parent.to_string()).await.unwrap();
    let child = policy(&cloud, "TAG_POLICY", "child", &child.to_string()).await.unwrap();
    attach(&cloud, &parent, &root).await.unwrap();
    attach(&cloud, &child, &home).await.unwrap();
    let found = effective().await.unwrap().effective_policy.unwrap();
    let content: Value = serde_json::from_str(&found.policy_content.unwrap()).unwrap();
    assert_eq!(content, json!({"tags": {"team": {"tag_key": "Team", "tag_value": ["a", "b"]}}}));
    assert_eq!(found.target_id, Some(member.to_string()));
}

#[tokio::test]
async fn some_types_need_the_service_they_are_for() {
    let (cloud, root) = organized(28).await;
    let fault = enable(&cloud, &root, "SECURITYHUB_POLICY").await.unwrap_err();
    assert_eq!(reason(&fault), "SERVICE_ACCESS_NOT_ENABLED");
    let name = "securityhub.amazonaws.com";
    let input = EnableAWSServiceAccessInput { service_principal: name.into() };
    cloud.call(EnableAWSServiceAccess, input).await.unwrap();
    enable(&cloud, &root, "SECURITYHUB_POLICY").await.unwrap();
    let input = DisableAWSServiceAccessInput { service_principal: name.into() };
    let fault = cloud.call(DisableAWSServiceAccess, input).await.unwrap_err();
    assert_eq!(reason(&fault), "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE");
}
