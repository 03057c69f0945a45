//! What policies of the organisation do to calls.

use base::AccountId;
use organizations_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

const SCP: &str = "SERVICE_CONTROL_POLICY";

async fn create_queue(cloud: &Cloud, account: AccountId) -> Result<(), Fault> {
    let input = sqs_api::CreateQueueInput { queue_name: "orders".into(), ..Default::default() };
    by(cloud, account, sqs_api::CreateQueue, input).await.map(drop)
}

#[tokio::test]
async fn a_policy_holds_for_the_very_next_call_and_no_longer_than_it_is_attached() {
    let (cloud, root) = organized(51).await;
    let member = account(&cloud, "one@example.com").await;
    enable(&cloud, &root, SCP).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
    let deny = policy(&cloud, SCP, "NoQueues", DENY_QUEUES).await.unwrap();
    attach(&cloud, &deny, &root).await.unwrap();
    let fault = create_queue(&cloud, member).await.unwrap_err();
    assert!(fault.message().contains("explicit deny in a service control policy"), "{}", fault.message());
    // The management account is bound by nothing.
    create_queue(&cloud, AccountId::DEV).await.unwrap();
    let input = UpdatePolicyInput {
        policy_id: deny.clone(),
        content: Some(ALLOW_ALL.to_owned()),
        ..UpdatePolicyInput::default()
    };
    cloud.call(UpdatePolicy, input).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
    let input = UpdatePolicyInput {
        policy_id: deny.clone(),
        content: Some(DENY_QUEUES.to_owned()),
        ..UpdatePolicyInput::default()
    };
    cloud.call(UpdatePolicy, input).await.unwrap();
    create_queue(&cloud, member).await.unwrap_err();
    detach(&cloud, &deny, &root).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
}

#[tokio::test]
async fn every_level_must_allow() {
    let (cloud, root) = organized(52).await;
    let member = account(&cloud, "one@example.com").await;
    let home = unit(&cloud, &root, "Home").await.unwrap();
    enable(&cloud, &root, SCP).await.unwrap();
    let only_s3 =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let only_s3 = policy(&cloud, SCP, "OnlyS3", only_s3).await.unwrap();
    attach(&cloud, &only_s3, &home).await.unwrap();
    detach(&cloud, "p-FullAWSAccess", &home).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
    move_to(&cloud, member, &root, &home).await.unwrap();
    let fault = create_queue(&cloud, member).await.unwrap_err();
    assert!(fault.message().contains("no service control policy allows"), "{}", fault.message());
    move_to(&cloud, member, &home, &root).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
}

#[tokio::test]
async fn while_the_type_is_disabled_its_policies_hold_for_nobody() {
    let (cloud, root) = organized(53).await;
    let member = account(&cloud, "one@example.com").await;
    enable(&cloud, &root, SCP).await.unwrap();
    let deny = policy(&cloud, SCP, "NoQueues", DENY_QUEUES).await.unwrap();
    attach(&cloud, &deny, &member.to_string()).await.unwrap();
    create_queue(&cloud, member).await.unwrap_err();
    let input = DisablePolicyTypeInput { root_id: root, policy_type: PolicyType::ServiceControlPolicy };
    cloud.call(DisablePolicyType, input).await.unwrap();
    create_queue(&cloud, member).await.unwrap();
}

#[tokio::test]
async fn an_account_takes_no_policies_along_when_it_goes() {
    let (cloud, root) = organized(54).await;
    let guest = AccountId::new(222_222_222_222).unwrap();
    crate::handshakes::join(&cloud, guest).await;
    enable(&cloud, &root, SCP).await.unwrap();
    let deny = policy(&cloud, SCP, "NoQueues", DENY_QUEUES).await.unwrap();
    attach(&cloud, &deny, &root).await.unwrap();
    create_queue(&cloud, guest).await.unwrap_err();
    by(&cloud, guest, LeaveOrganization, LeaveOrganizationInput {}).await.unwrap();
    create_queue(&cloud, guest).await.unwrap();
}

#[tokio::test]
async fn a_resource_control_policy_holds_for_what_is_in_the_account() {
    let (cloud, root) = organized(55).await;
    let member = account(&cloud, "one@example.com").await;
    enable(&cloud, &root, "RESOURCE_CONTROL_POLICY").await.unwrap();
    create_queue(&cloud, member).await.unwrap();
    let deny = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#;
    let deny = policy(&cloud, "RESOURCE_CONTROL_POLICY", "NoQueues", deny).await.unwrap();
    attach(&cloud, &deny, &member.to_string()).await.unwrap();
    let fault = create_queue(&cloud, member).await.unwrap_err();
    assert!(fault.message().contains("resource control policy"), "{}", fault.message());
}
