//! The packed facts hold together, and the look-ups find what policies and services ask for.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use base::Timestamp;
use fogbank_iam_facts::{
    AccessLevel, ConditionKeyType, OperationActions, action, managed_policies, managed_policy,
    managed_policy_document, operation_actions, prefix_of_model, service, service_linked_role,
    service_linked_roles, service_name, services,
};
use serde_json::Value;

/// The strings of a policy element, which may be one or a list.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_managed_policy_has_a_document_that_is_a_policy() {
    assert!(managed_policies().len() > 1_500, "{}", managed_policies().len());
    for policy in managed_policies() {
        let document: Value = serde_json::from_str(&policy.document()).unwrap();
        assert!(document["Version"].is_string(), "{}", policy.resource);
        let statements = document["Statement"].as_array().map_or(1, Vec::len);
        assert!(statements > 0, "{}", policy.resource);
        assert!(policy.created() <= policy.updated(), "{}", policy.resource);
        assert!(policy.version.starts_with('v'), "{}", policy.resource);
        assert!(policy.document().len() < 200_000);
    }
}

#[test]
fn managed_policies_are_sorted_and_their_names_and_ids_are_unique() {
    assert!(managed_policies().is_sorted_by(|a, b| a.resource < b.resource));
    let names: HashSet<&str> = managed_policies().iter().map(|policy| policy.name()).collect();
    assert_eq!(names.len(), managed_policies().len());
    let ids: HashSet<String> =
        managed_policies().iter().map(|policy| policy.policy_id().into_owned()).collect();
    assert_eq!(ids.len(), managed_policies().len());
    assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with("ANPA")));
    let known = managed_policies().iter().filter(|policy| policy.id.is_some()).count();
    assert!(known > 800, "{known}");
}

#[test]
fn a_managed_policy_is_found_by_its_arn_in_any_partition_and_by_its_resource() {
    let policy = managed_policy("arn:aws:iam::aws:policy/AdministratorAccess").unwrap();
    assert_eq!((policy.name(), policy.path(), policy.version), ("AdministratorAccess", "/", "v1"));
    assert_eq!(policy.policy_id(), "ANPAIWMBCKSKIEE64ZLYK");
    assert_eq!(policy.arn("aws-cn"), "arn:aws-cn:iam::aws:policy/AdministratorAccess");
    assert_eq!(policy.created(), Timestamp::parse_iso8601("2015-02-06T18:39:46Z").unwrap());
    assert_eq!(
        managed_policy_document("arn:aws-cn:iam::aws:policy/AdministratorAccess").unwrap(),
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#
    );
    let role = managed_policy("policy/service-role/AWSLambdaBasicExecutionRole").unwrap();
    assert_eq!((role.name(), role.path()), ("AWSLambdaBasicExecutionRole", "/service-role/"));
    for wanted in
        ["job-function/Billing", "PowerUserAccess", "ReadOnlyAccess", "root-task/S3UnlockBucketPolicy"]
    {
        assert!(managed_policy(&format!("policy/{wanted}")).is_some(), "{wanted}");
    }
    for unknown in
        ["policy/administratoraccess", "arn:aws:iam::123456789012:policy/AdministratorAccess", "arn:", ""]
    {
        assert!(managed_policy(unknown).is_none(), "{unknown}");
    }
}

#[test]
fn every_service_can_be_read_and_refers_to_what_it_defines() {
    assert!(services().count() > 400, "{}", services().count());
    let mut actions = 0;
    for prefix in services() {
        let facts = service(prefix).unwrap();
        assert!(!facts.name.is_empty(), "{prefix}");
        assert!(facts.resource_types.is_sorted_by(|a, b| a.name < b.name), "{prefix}");
        for action in &facts.actions {
            actions += 1;
            assert!(std::ptr::eq(facts.action(&action.name.to_uppercase()).unwrap(), action));
            for resource in &action.resources {
                let defined = facts.resource_type(&resource.resource_type);
                assert!(defined.is_some(), "{prefix}:{} uses {}", action.name, resource.resource_type);
            }
        }
    }
    assert!(actions > 20_000, "{actions}");
}

#[test]
fn every_arn_format_is_an_arn_and_names_its_placeholders() {
    for prefix in services() {
        for resource in &service(prefix).unwrap().resource_types {
            let format = &resource.arn_format;
            assert!(format.starts_with("arn:") && format.split(':').count() >= 6, "{prefix}: {format}");
            let names: Vec<&str> = resource.placeholders().collect();
            assert_eq!(names.len(), format.matches("${").count(), "{prefix}: {format}");
            let plain =
                |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            assert!(names.iter().all(plain), "{prefix}: {format}");
            assert!(names.contains(&"Partition") || format.starts_with("arn:aws:"), "{prefix}: {format}");
        }
    }
}

#[test]
fn an_action_is_found_without_regard_to_case() {
    let send = action("sqs", "sendmessage").unwrap();
    assert_eq!((&*send.name, send.access), ("SendMessage", AccessLevel::Write));
    assert_eq!(service("sqs").unwrap().name, "Amazon SQS");
    assert_eq!(&*send.resources[0].resource_type, "queue");
    assert!(send.resources[0].required);
    assert_eq!(
        &*service("sqs").unwrap().resource_type("queue").unwrap().arn_format,
        "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"
    );
    assert_eq!(action("SQS", "SetQueueAttributes").unwrap().access, AccessLevel::PermissionsManagement);
    assert_eq!(action("sqs", "TagQueue").unwrap().access, AccessLevel::Tagging);
    assert_eq!(service_name("s3"), Some("Amazon S3"));
    let run = action("ec2", "RunInstances").unwrap();
    assert!(run.resources.iter().any(|each| &*each.resource_type == "instance" && each.required));
    assert!(
        action("lambda", "CreateFunction")
            .unwrap()
            .dependent_actions
            .iter()
            .any(|each| &**each == "iam:PassRole")
    );
    assert!(action("sqs", "Teleport").is_none());
    assert!(action("nowhere", "SendMessage").is_none());
    assert!(service("").is_none());
}

#[test]
fn a_condition_key_with_a_variable_part_is_found() {
    let s3 = service("s3").unwrap();
    assert_eq!(s3.condition_key("S3:PREFIX").unwrap().kind, ConditionKeyType::String);
    assert_eq!(&*s3.condition_key("aws:requesttag/team").unwrap().name, "aws:RequestTag/${TagKey}");
    assert_eq!(&*s3.condition_key("s3:ExistingObjectTag/ä").unwrap().name, "s3:ExistingObjectTag/<key>");
    assert!(s3.condition_key("aws:RequestTag/").is_none());
    assert!(s3.condition_key("s3:Nothing").is_none());
    assert!(s3.condition_key("").is_none());
}

#[test]
fn operations_name_the_actions_they_are_authorised_as() {
    let different = |service: &str, operation: &str| match operation_actions(service, operation) {
        Some(OperationActions::Different(actions)) => actions.join(" "),
        other => panic!("{service} {operation}: {other:?}"),
    };
    for (service, operation, expected) in [
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
        ("s3control", "PutPublicAccessBlock", "s3:PutAccountPublicAccessBlock"),
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("sqs", "SendMessageBatch", "sqs:SendMessage"),
        ("kms", "ReEncrypt", "kms:ReEncryptFrom kms:ReEncryptTo"),
        ("apigateway", "CreateRestApi", "apigateway:POST"),
        ("budgets", "DescribeBudgets", "budgets:ViewBudget"),
    ] {
        assert_eq!(different(service, operation), expected, "{service} {operation}");
    }
    let same = |action: &str| Some(OperationActions::Same(action.to_owned()));
    assert_eq!(operation_actions("elbv2", "CreateRule"), same("elasticloadbalancing:CreateRule"));
    assert_eq!(operation_actions("cloudwatch", "PutMetricData"), same("cloudwatch:PutMetricData"));
    let unknown = Some(OperationActions::Unknown("sqs:Teleport".to_owned()));
    assert_eq!(operation_actions("sqs", "Teleport"), unknown);
    assert_eq!(operation_actions("nowhere", "Teleport"), None);
    assert_eq!(prefix_of_model("resourcegroupstaggingapi"), Some("tag"));
}

#[test]
fn service_linked_roles_have_their_policies() {
    assert!(service_linked_roles().len() > 200);
    assert!(service_linked_roles().is_sorted_by(|a, b| a.service < b.service));
    for role in service_linked_roles() {
        assert!(managed_policy(role.policy).unwrap().is_of_service_linked_role(), "{}", role.policy);
        assert!(role.role_name.starts_with("AWSServiceRoleFor"), "{}", role.role_name);
    }
    let scaling = service_linked_role("autoscaling.amazonaws.com").unwrap();
    assert_eq!(scaling.role_name, "AWSServiceRoleForAutoScaling");
    assert_eq!(scaling.policy, "policy/aws-service-role/AutoScalingServiceRolePolicy");
    assert_eq!(scaling.path(), "/aws-service-role/autoscaling.amazonaws.com/");
    assert!(scaling.suffix_allowed);
    assert!(!service_linked_role("rds.amazonaws.com").unwrap().suffix_allowed);
    assert!(service_linked_role("nowhere.amazonaws.com").is_none());
}

/// Managed policies name service-linked roles in ARNs; these are facts against which the reviewed list is held.
#[test]
fn service_linked_roles_agree_with_what_the_managed_policies_say() {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for policy in managed_policies() {
        let document: Value = serde_json::from_str(&policy.document()).unwrap();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            for resource in strings(&statement["Resource"]) {
                let Some((_, role)) = resource.split_once(":role/aws-service-role/") else { continue };
                let Some((principal, name)) = role.split_once('/') else { continue };
                let name = name.trim_end_matches(['*', '_']);
                if name.starts_with("AWSServiceRoleFor") {
                    named.entry(principal.to_owned()).or_default().insert(name.to_owned());
                }
            }
        }
    }
    let mut agreed = 0;
    for role in service_linked_roles() {
        let Some(names) = named.get(role.service) else { continue };
        // Some policies allow a name and all that starts with it.
        let agrees = names.iter().any(|name| role.role_name.starts_with(name.as_str()));
        assert!(agrees, "{} is {} here and {names:?} in the policies", role.service, role.role_name);
        agreed += 1;
    }
    assert!(agreed > 100, "{agreed}");
}
