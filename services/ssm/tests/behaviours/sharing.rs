//! Parameters that other accounts read.

use base::{AccountId, Region};
use schema::Fault;

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

const OTHER: u64 = 111_122_223_333;

fn policy(action: &str, name: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{OTHER}:root"}},
        "Action":["{action}"],"Resource":"{}"}}]}}"#,
        arn(name)
    )
}

async fn read(cloud: &Cloud, name: &str) -> Result<Parameter, Fault> {
    let other = AccountId::new(OTHER).expect("it has twelve digits");
    let output = cloud.call_as(other, Region::US_EAST_1, GetParameter, get_input(name, true)).await?;
    Ok(output.parameter.expect("a parameter that is there is shown"))
}

async fn share(cloud: &Cloud, name: &str, policy: String) -> Result<PutResourcePolicyOutput, Fault> {
    let input =
        PutResourcePolicyInput { resource_arn: arn(name), policy, ..PutResourcePolicyInput::default() };
    cloud.call(PutResourcePolicy, input).await
}

#[tokio::test]
async fn another_account_reads_what_is_shared_with_it_and_nothing_else() {
    let cloud = Cloud::new(1).await;
    put(&cloud, advanced(string("/shared/x", "for both"))).await;
    refused(read(&cloud, &arn("shared/x")).await, "AccessDeniedException");
    let made = share(&cloud, "shared/x", policy("ssm:GetParameter", "shared/x")).await.unwrap();
    let found = read(&cloud, &arn("shared/x")).await.unwrap();
    assert_eq!(
        (found.value, found.name, found.arn),
        (text("for both"), text("/shared/x"), Some(arn("shared/x")))
    );
    refused(read(&cloud, "/shared/x").await, "ParameterNotFound");
    let other = AccountId::new(OTHER).unwrap();
    let history = GetParameterHistoryInput { name: arn("shared/x"), ..GetParameterHistoryInput::default() };
    refused(
        cloud.call_as(other, Region::US_EAST_1, GetParameterHistory, history).await,
        "AccessDeniedException",
    );
    let get =
        GetResourcePoliciesInput { resource_arn: arn("shared/x"), ..GetResourcePoliciesInput::default() };
    let policies = cloud.call(GetResourcePolicies, get.clone()).await.unwrap().policies.unwrap();
    assert_eq!((policies.len(), &policies[0].policy_id), (1, &made.policy_id));
    let delete = DeleteResourcePolicyInput {
        resource_arn: arn("shared/x"),
        policy_id: made.policy_id.unwrap(),
        policy_hash: made.policy_hash.unwrap(),
        deletion_mode: None,
    };
    cloud.call(DeleteResourcePolicy, delete).await.unwrap();
    refused(read(&cloud, &arn("shared/x")).await, "AccessDeniedException");
    assert_eq!(cloud.call(GetResourcePolicies, get).await.unwrap().policies, Some(Vec::new()));
}

#[tokio::test]
async fn a_policy_is_replaced_by_those_who_know_its_hash() {
    let cloud = Cloud::new(2).await;
    put(&cloud, string("/plain", "x")).await;
    put(&cloud, advanced(string("/s", "x"))).await;
    let good = policy("ssm:GetParameter", "s");
    refused(share(&cloud, "plain", good.clone()).await, "ResourcePolicyInvalidParameterException");
    refused(share(&cloud, "none", good.clone()).await, "ResourceNotFoundException");
    refused(share(&cloud, "s", "{".to_owned()).await, "MalformedResourcePolicyDocumentException");
    let foreign = policy("sqs:SendMessage", "s");
    refused(share(&cloud, "s", foreign).await, "ResourcePolicyInvalidParameterException");
    let made = share(&cloud, "s", good.clone()).await.unwrap();
    refused(share(&cloud, "s", good).await, "ResourcePolicyLimitExceededException");
    let update = PutResourcePolicyInput {
        resource_arn: arn("s"),
        policy: policy("ssm:GetParameters", "s"),
        policy_id: made.policy_id.clone(),
        policy_hash: made.policy_hash.clone(),
    };
    let wrong_hash = PutResourcePolicyInput { policy_hash: text("x"), ..update.clone() };
    refused(cloud.call(PutResourcePolicy, wrong_hash).await, "ResourcePolicyConflictException");
    let wrong_id = PutResourcePolicyInput { policy_id: text("x"), ..update.clone() };
    refused(cloud.call(PutResourcePolicy, wrong_id).await, "ResourcePolicyNotFoundException");
    let half = PutResourcePolicyInput { policy_hash: None, ..update.clone() };
    refused(cloud.call(PutResourcePolicy, half).await, "ResourcePolicyInvalidParameterException");
    let updated = cloud.call(PutResourcePolicy, update).await.unwrap();
    assert_eq!(updated.policy_id, made.policy_id);
    assert_ne!(updated.policy_hash, made.policy_hash);
    let old = DeleteResourcePolicyInput {
        resource_arn: arn("s"),
        policy_id: made.policy_id.unwrap(),
        policy_hash: made.policy_hash.unwrap(),
        deletion_mode: None,
    };
    refused(cloud.call(DeleteResourcePolicy, old).await, "ResourcePolicyConflictException");
}

#[tokio::test]
async fn a_shared_secret_takes_its_key_as_well() {
    let cloud = Cloud::new(3).await;
    let key_policy = |also: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":[
            "arn:aws:iam::{ACCOUNT}:root"{also}]}},"Action":"kms:*","Resource":"*"}}]}}"#
        )
    };
    let closed = new_key(&cloud, Some(key_policy(""))).await;
    let open = new_key(&cloud, Some(key_policy(&format!(r#","arn:aws:iam::{OTHER}:root""#)))).await;
    for (name, key) in [("closed", closed), ("open", open)] {
        put(
            &cloud,
            advanced(PutParameterInput { key_id: text(&key), ..secure(&format!("/{name}"), "hidden") }),
        )
        .await;
        share(&cloud, name, policy("ssm:GetParameter", name)).await.unwrap();
    }
    assert_eq!(read(&cloud, &arn("open")).await.unwrap().value, text("hidden"));
    refused(read(&cloud, &arn("closed")).await, "AccessDeniedException");
}
