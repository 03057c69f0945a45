//! Last accesses, and the policies behind them.

use iam_api::*;
use service::{Principal, Session};
use testkit::Cloud;

use crate::permission_support::*;

async fn generate(cloud: &Cloud, arn: &str, per_action: bool) -> String {
    let input = GenerateServiceLastAccessedDetailsInput {
        arn: arn.to_owned(),
        granularity: per_action.then_some(AccessAdvisorUsageGranularityType::ActionLevel),
    };
    let output = cloud.call(GenerateServiceLastAccessedDetails, input).await.expect("the ARN is good");
    output.job_id.expect("there is a job")
}

async fn details(cloud: &Cloud, job_id: &str) -> Vec<ServiceLastAccessed> {
    let input = GetServiceLastAccessedDetailsInput {
        job_id: job_id.to_owned(),
        ..GetServiceLastAccessedDetailsInput::default()
    };
    let output = cloud.call(GetServiceLastAccessedDetails, input).await.expect("the job exists");
    assert_eq!(output.job_status, JobStatusType::Completed);
    output.services_last_accessed
}

#[tokio::test]
async fn a_report_tells_what_a_user_may_use_and_did_use() {
    let cloud = Cloud::new(341).await;
    let bob = user(&cloud, "bob").await;
    put_user_policy(&cloud, "bob", "both", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*","sns:Publish"],"Resource":"*"}]}"#)
        .await
        .unwrap();
    assert!(may_list_queues(&cloud, &as_user(&bob)).await);
    let found = details(&cloud, &generate(&cloud, &bob.arn, true).await).await;
    let names: Vec<&str> = found.iter().map(|service| service.service_namespace.as_str()).collect();
    assert_eq!(names, ["sns", "sqs"]);
    assert_eq!((found[0].last_authenticated, found[0].total_authenticated_entities), (None, Some(0)));
    assert_eq!(found[1].last_authenticated_entity.as_deref(), Some(bob.arn.as_str()));
    assert_eq!(found[1].last_authenticated_region.as_deref(), Some("us-east-1"));
    let actions = found[1].tracked_actions_last_accessed.clone().unwrap();
    assert_eq!(actions[0].action_name.as_deref(), Some("ListQueues"));
    let coarse = details(&cloud, &generate(&cloud, &bob.arn, false).await).await;
    assert_eq!(coarse[1].tracked_actions_last_accessed, None);
}

#[tokio::test]
async fn a_policy_is_used_by_all_it_is_attached_to_latest_first() {
    let cloud = Cloud::new(342).await;
    let arn = policy(&cloud, "queues", &allow("sqs:*", "*")).await;
    let bob = user(&cloud, "bob").await;
    user(&cloud, "alice").await;
    let worker = role(&cloud, "worker", &trusting(ACCOUNT)).await;
    attach_to_user(&cloud, "bob", &arn).await.unwrap();
    attach_to_role(&cloud, "worker", &arn).await.unwrap();
    let group = CreateGroupInput { group_name: "team".to_owned(), ..CreateGroupInput::default() };
    cloud.call(CreateGroup, group).await.unwrap();
    let add = AddUserToGroupInput { group_name: "team".to_owned(), user_name: "alice".to_owned() };
    cloud.call(AddUserToGroup, add).await.unwrap();
    let attach = AttachGroupPolicyInput { group_name: "team".to_owned(), policy_arn: arn.clone() };
    cloud.call(AttachGroupPolicy, attach).await.unwrap();
    assert!(may_list_queues(&cloud, &as_user(&bob)).await);
    cloud.advance(std::time::Duration::from_secs(60)).await;
    assert!(may_list_queues(&cloud, &as_role(&worker, "ASIATEST", Session::default())).await);

    let job_id = generate(&cloud, &arn, false).await;
    let services = details(&cloud, &job_id).await;
    assert_eq!(services.len(), 1);
    assert_eq!(services[0].total_authenticated_entities, Some(2));
    assert_eq!(services[0].last_authenticated_entity.as_deref(), Some(worker.arn.as_str()));
    let input = GetServiceLastAccessedDetailsWithEntitiesInput {
        job_id,
        service_namespace: "sqs".to_owned(),
        ..GetServiceLastAccessedDetailsWithEntitiesInput::default()
    };
    let found =
        cloud.call(GetServiceLastAccessedDetailsWithEntities, input).await.unwrap().entity_details_list;
    let names: Vec<&str> = found.iter().map(|entity| entity.entity_info.name.as_str()).collect();
    assert_eq!(names, ["worker", "bob", "alice"]);
    assert_eq!(found[2].last_authenticated, None);
    assert_eq!(found[0].entity_info.r#type, PolicyOwnerEntityType::Role);
}

#[tokio::test]
async fn a_report_is_read_by_whom_it_was_made_for() {
    let cloud = Cloud::new(343).await;
    let bob = user(&cloud, "bob").await;
    put_user_policy(&cloud, "bob", "all", &allow("iam:*", "*")).await.unwrap();
    let job_id = generate(&cloud, &bob.arn, false).await;
    let input =
        GetServiceLastAccessedDetailsInput { job_id, ..GetServiceLastAccessedDetailsInput::default() };
    let by_bob: Principal = as_user(&bob);
    let refused = cloud.call_by(by_bob, GetServiceLastAccessedDetails, input).await;
    assert_eq!(refused.unwrap_err().code(), "NoSuchEntity");
}

#[tokio::test]
async fn policies_that_grant_a_service_are_named_with_their_place() {
    let cloud = Cloud::new(344).await;
    let bob = user(&cloud, "bob").await;
    let arn = policy(&cloud, "queues", &allow("sqs:*", "*")).await;
    attach_to_user(&cloud, "bob", &arn).await.unwrap();
    put_user_policy(&cloud, "bob", "inline", &allow("sns:*", "*")).await.unwrap();
    let input = ListPoliciesGrantingServiceAccessInput {
        arn: bob.arn,
        service_namespaces: ["sqs", "sns", "s3"].map(str::to_owned).into(),
        marker: None,
    };
    let output = cloud.call(ListPoliciesGrantingServiceAccess, input).await.unwrap();
    let found: Vec<_> =
        output.policies_granting_service_access.into_iter().map(|entry| entry.policies.unwrap()).collect();
    assert_eq!((found[0].len(), found[1].len(), found[2].len()), (1, 1, 0));
    assert_eq!(
        (found[0][0].policy_type.clone(), found[0][0].policy_arn.as_deref()),
        (PolicyType::Managed, Some(arn.as_str()))
    );
    assert_eq!(
        (found[1][0].policy_name.as_str(), found[1][0].entity_name.as_deref()),
        ("inline", Some("bob"))
    );
}
