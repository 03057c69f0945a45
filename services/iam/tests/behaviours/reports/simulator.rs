//! The policy simulator says what the dispatcher does.

use iam_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::permission_support::*;

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

async fn principal(
    cloud: &Cloud,
    arn: &str,
    change: impl FnOnce(&mut SimulatePrincipalPolicyInput),
) -> Result<Vec<EvaluationResult>, Fault> {
    let mut input = SimulatePrincipalPolicyInput {
        policy_source_arn: arn.to_owned(),
        action_names: strings(&["sqs:ListQueues"]),
        ..SimulatePrincipalPolicyInput::default()
    };
    change(&mut input);
    cloud
        .call(SimulatePrincipalPolicy, input)
        .await
        .map(|output| output.evaluation_results.unwrap_or_default())
}

async fn decision(cloud: &Cloud, arn: &str) -> PolicyEvaluationDecisionType {
    principal(cloud, arn, |_| ()).await.expect("the simulation runs").remove(0).eval_decision
}

#[tokio::test]
async fn a_simulation_agrees_with_enforcement() {
    let cloud = Cloud::new(351).await;
    let bob = user(&cloud, "bob").await;
    assert_eq!(decision(&cloud, &bob.arn).await, PolicyEvaluationDecisionType::ImplicitDeny);
    assert!(!may_list_queues(&cloud, &as_user(&bob)).await);
    put_user_policy(&cloud, "bob", "inline", &allow("sqs:List*", "*")).await.unwrap();
    assert_eq!(decision(&cloud, &bob.arn).await, PolicyEvaluationDecisionType::Allowed);
    assert!(may_list_queues(&cloud, &as_user(&bob)).await);
    let denying = policy(&cloud, "no", &deny("sqs:ListQueues", "*")).await;
    attach_to_user(&cloud, "bob", &denying).await.unwrap();
    assert_eq!(decision(&cloud, &bob.arn).await, PolicyEvaluationDecisionType::ExplicitDeny);
    assert!(!may_list_queues(&cloud, &as_user(&bob)).await);
}

#[tokio::test]
async fn statements_are_named_by_their_policy_and_place() {
    let cloud = Cloud::new(352).await;
    let bob = user(&cloud, "bob").await;
    put_user_policy(&cloud, "bob", "inline", &allow("sqs:*", "*")).await.unwrap();
    let managed = policy(&cloud, "managed", &allow("sqs:ListQueues", "*")).await;
    attach_to_user(&cloud, "bob", &managed).await.unwrap();
    let results = principal(&cloud, &bob.arn, |input| {
        input.policy_input_list = Some(vec![allow("sqs:ListQueues", "*")]);
    });
    let matched = results.await.unwrap().remove(0).matched_statements.unwrap();
    let ids: Vec<&str> =
        matched.iter().filter_map(|statement| statement.source_policy_id.as_deref()).collect();
    assert_eq!(ids, ["user_bob_inline", "managed", "PolicyInputList.1"]);
    assert_eq!(matched[0].start_position, Some(Position { line: Some(1), column: Some(38) }));
    assert_eq!(matched[0].source_policy_type.as_ref().map(PolicySourceType::as_str), Some("IAM Policy"));
    let without = principal(&cloud, &bob.arn, |input| {
        input.policy_exclusion_list =
            Some(vec![PolicyIdentifier::PolicyType(PolicyIdentifierPolicyType::Inline)]);
    });
    assert_eq!(without.await.unwrap()[0].matched_statements.as_ref().unwrap().len(), 1);
}

#[tokio::test]
async fn each_resource_has_a_result_of_its_own_and_the_top_has_the_worst() {
    let cloud = Cloud::new(353).await;
    let input = SimulateCustomPolicyInput {
        policy_input_list: vec![allow("sqs:SendMessage", QUEUE)],
        action_names: strings(&["sqs:SendMessage", "sqs:ReceiveMessage"]),
        resource_arns: Some(strings(&[QUEUE, "arn:aws:sqs:us-east-1:000000000000:other"])),
        ..SimulateCustomPolicyInput::default()
    };
    let results = cloud.call(SimulateCustomPolicy, input).await.unwrap().evaluation_results.unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0].eval_decision, PolicyEvaluationDecisionType::ImplicitDeny);
    let specific = results[0].resource_specific_results.as_ref().unwrap();
    assert_eq!(specific[0].eval_resource_decision, PolicyEvaluationDecisionType::Allowed);
    assert_eq!(specific[1].eval_resource_decision, PolicyEvaluationDecisionType::ImplicitDeny);
    assert_eq!(results[0].eval_decision_details.as_ref().map(|details| details.len()), Some(0));
    assert_eq!(
        results[0].eval_resource_name.as_deref(),
        Some("arn:${Partition}:sqs:${Region}:${Account}:${QueueName}")
    );
}

#[tokio::test]
async fn context_keys_are_asked_for_and_taken() {
    let cloud = Cloud::new(354).await;
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
    let keys = GetContextKeysForCustomPolicyInput { policy_input_list: strings(&[document]) };
    let keys = cloud.call(GetContextKeysForCustomPolicy, keys).await.unwrap().context_key_names.unwrap();
    assert_eq!(keys, ["aws:CurrentTime"]);
    let input = |value: Option<&str>| SimulateCustomPolicyInput {
        policy_input_list: strings(&[document]),
        action_names: strings(&["dynamodb:CreateBackup"]),
        context_entries: value.map(|value| {
            vec![ContextEntry {
                context_key_name: Some("aws:CurrentTime".to_owned()),
                context_key_values: Some(strings(&[value])),
                context_key_type: Some(ContextKeyTypeEnum::Date),
            }]
        }),
        ..SimulateCustomPolicyInput::default()
    };
    let run = async |value| {
        let output = cloud.call(SimulateCustomPolicy, input(value)).await.unwrap();
        output.evaluation_results.unwrap().remove(0)
    };
    assert_eq!(run(Some("2019-04-25T11:00:00Z")).await.eval_decision, PolicyEvaluationDecisionType::Allowed);
    assert_eq!(
        run(Some("2014-04-25T11:00:00Z")).await.eval_decision,
        PolicyEvaluationDecisionType::ImplicitDeny
    );
    assert_eq!(run(None).await.missing_context_values, Some(strings(&["aws:CurrentTime"])));
}

#[tokio::test]
async fn a_resource_policy_of_another_account_is_weighed_with_the_callers() {
    let cloud = Cloud::new(355).await;
    let bob = user(&cloud, "bob").await;
    let queue = "arn:aws:sqs:us-east-1:111111111111:q";
    let resource = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sqs:SendMessage","Resource":"*"}}]}}"#,
        bob.arn
    );
    let run = async || {
        let results = principal(&cloud, &bob.arn, |input| {
            input.action_names = strings(&["sqs:SendMessage"]);
            input.resource_arns = Some(strings(&[queue]));
            input.resource_policy = Some(resource.clone());
        });
        results.await.unwrap().remove(0)
    };
    let one_sided = run().await;
    assert_eq!(one_sided.eval_decision, PolicyEvaluationDecisionType::ImplicitDeny);
    let details = one_sided.eval_decision_details.unwrap();
    assert_eq!(details["Resource Policy"], PolicyEvaluationDecisionType::Allowed);
    assert_eq!(details["IAM Policy"], PolicyEvaluationDecisionType::ImplicitDeny);
    put_user_policy(&cloud, "bob", "send", &allow("sqs:SendMessage", queue)).await.unwrap();
    assert_eq!(run().await.eval_decision, PolicyEvaluationDecisionType::Allowed);
}

#[tokio::test]
async fn what_cannot_be_simulated_is_refused() {
    let cloud = Cloud::new(356).await;
    let worker = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/worker/x");
    let message = format!("Invalid Entity Arn: {session} does not clearly define entity type and name.");
    refused(principal(&cloud, &session, |_| ()).await, "InvalidInput", &message);
    let absent = format!("arn:aws:iam::{ACCOUNT}:user/nobody");
    let message = "The user with name nobody cannot be found.";
    refused(principal(&cloud, &absent, |_| ()).await, "NoSuchEntity", message);
    let with_policy = principal(&cloud, &worker.arn, |input| input.resource_policy = Some(allow("*", "*")));
    let message = "Simulation of resource-based policies isn't supported for IAM roles.";
    refused(with_policy.await, "InvalidInput", message);
    let bad = principal(&cloud, &worker.arn, |input| input.policy_input_list = Some(strings(&["{"])));
    refused(bad.await, "InvalidInput", "Syntax errors in policy.");
    let bad = principal(&cloud, &worker.arn, |input| input.action_names = strings(&["ListQueues"]));
    refused(bad.await, "InvalidInput", "Invalid action name: ListQueues");
}

#[tokio::test]
async fn results_come_in_pages() {
    let cloud = Cloud::new(357).await;
    let input = |marker| SimulateCustomPolicyInput {
        policy_input_list: vec![allow("sqs:*", "*")],
        action_names: strings(&["sqs:SendMessage", "sqs:ListQueues", "sns:Publish"]),
        max_items: Some(2),
        marker,
        ..SimulateCustomPolicyInput::default()
    };
    let first = cloud.call(SimulateCustomPolicy, input(None)).await.unwrap();
    assert_eq!((first.evaluation_results.unwrap().len(), first.is_truncated), (2, Some(true)));
    let second = cloud.call(SimulateCustomPolicy, input(first.marker)).await.unwrap();
    let last = second.evaluation_results.unwrap().remove(0);
    assert_eq!((last.eval_action_name.as_str(), second.is_truncated), ("sns:Publish", Some(false)));
}
