//! Short ways to say what the tests do most. The management account is the cloud's own.

use base::{AccountId, Region};
use organizations_api::*;
use schema::{Fault, OperationType};
use testkit::Cloud;

pub const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub const DENY_QUEUES: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:CreateQueue","Resource":"*"}]}"#;

/// A cloud with an organisation of all features; and the root's id.
pub async fn organized(seed: u64) -> (Cloud, String) {
    let cloud = Cloud::new(seed).await;
    cloud.call(CreateOrganization, CreateOrganizationInput::default()).await.expect("there is none yet");
    let root = root(&cloud).await;
    (cloud, root)
}

pub async fn root(cloud: &Cloud) -> String {
    let roots = cloud.call(ListRoots, ListRootsInput::default()).await.expect("there is an organisation");
    roots.roots.expect("there is a list")[0].id.clone().expect("a root has an id")
}

pub async fn unit(cloud: &Cloud, parent: &str, name: &str) -> Result<String, Fault> {
    let input = CreateOrganizationalUnitInput {
        parent_id: parent.to_owned(),
        name: name.to_owned(),
        ..CreateOrganizationalUnitInput::default()
    };
    let output = cloud.call(CreateOrganizationalUnit, input).await?;
    Ok(output.organizational_unit.and_then(|unit| unit.id).expect("an OU has an id"))
}

pub async fn ask_for_account(cloud: &Cloud, email: &str) -> Result<String, Fault> {
    let input = CreateAccountInput {
        email: email.to_owned(),
        account_name: "Workload".to_owned(),
        ..CreateAccountInput::default()
    };
    let output = cloud.call(CreateAccount, input).await?;
    Ok(output.create_account_status.and_then(|status| status.id).expect("a request has an id"))
}

pub async fn status(cloud: &Cloud, request: &str) -> CreateAccountStatus {
    let input = DescribeCreateAccountStatusInput { create_account_request_id: request.to_owned() };
    let output = cloud.call(DescribeCreateAccountStatus, input).await.expect("the request exists");
    output.create_account_status.expect("a request has a state")
}

/// Waits until a request has come to its end. The background runs on its own, so this takes a moment of real time.
pub async fn finished(cloud: &Cloud, request: &str) -> CreateAccountStatus {
    for _ in 0..1000 {
        let found = status(cloud, request).await;
        if found.state != Some(CreateAccountState::InProgress) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("the account was never created");
}

pub async fn account(cloud: &Cloud, email: &str) -> AccountId {
    let request = ask_for_account(cloud, email).await.expect("the quota is not used up");
    let found = finished(cloud, &request).await;
    found.account_id.unwrap_or_else(|| panic!("{:?}", found.failure_reason)).parse().expect("twelve digits")
}

pub async fn describe(cloud: &Cloud, account: AccountId) -> Result<Account, Fault> {
    let input = DescribeAccountInput { account_id: account.to_string() };
    cloud.call(DescribeAccount, input).await.map(|output| output.account.expect("there is one"))
}

pub async fn enable(cloud: &Cloud, root: &str, kind: &str) -> Result<Root, Fault> {
    let input = EnablePolicyTypeInput { root_id: root.to_owned(), policy_type: kind.into() };
    cloud.call(EnablePolicyType, input).await.map(|output| output.root.expect("there is one"))
}

pub async fn policy(cloud: &Cloud, kind: &str, name: &str, content: &str) -> Result<String, Fault> {
    let input = CreatePolicyInput {
        r#type: kind.into(),
        name: name.to_owned(),
        content: content.to_owned(),
        ..CreatePolicyInput::default()
    };
    let output = cloud.call(CreatePolicy, input).await?;
    let summary = output.policy.and_then(|policy| policy.policy_summary).expect("a policy has a summary");
    Ok(summary.id.expect("a policy has an id"))
}

pub async fn attach(cloud: &Cloud, policy: &str, target: &str) -> Result<(), Fault> {
    let input = AttachPolicyInput { policy_id: policy.to_owned(), target_id: target.to_owned() };
    cloud.call(AttachPolicy, input).await.map(drop)
}

pub async fn detach(cloud: &Cloud, policy: &str, target: &str) -> Result<(), Fault> {
    let input = DetachPolicyInput { policy_id: policy.to_owned(), target_id: target.to_owned() };
    cloud.call(DetachPolicy, input).await.map(drop)
}

/// The ids of the policies of a type on a target, sorted.
pub async fn attached(cloud: &Cloud, kind: &str, target: &str) -> Vec<String> {
    let input = ListPoliciesForTargetInput {
        target_id: target.to_owned(),
        filter: kind.into(),
        ..ListPoliciesForTargetInput::default()
    };
    let output = cloud.call(ListPoliciesForTarget, input).await.expect("the target exists");
    output.policies.unwrap_or_default().into_iter().filter_map(|policy| policy.id).collect()
}

pub async fn by<O: OperationType>(
    cloud: &Cloud,
    account: AccountId,
    operation: O,
    input: O::Input,
) -> Result<O::Output, Fault> {
    cloud.call_as(account, Region::US_EAST_1, operation, input).await
}

pub async fn move_to(cloud: &Cloud, account: AccountId, from: &str, to: &str) -> Result<(), Fault> {
    let input = MoveAccountInput {
        account_id: account.to_string(),
        source_parent_id: from.to_owned(),
        destination_parent_id: to.to_owned(),
    };
    cloud.call(MoveAccount, input).await.map(drop)
}

/// The reason of an error that has one.
pub fn reason(fault: &Fault) -> String {
    let detail = fault.detail().expect("the error has a reason").as_any();
    if let Some(found) = detail.downcast_ref::<ConstraintViolationException>() {
        return found.reason.as_ref().expect("it is said").to_string();
    }
    if let Some(found) = detail.downcast_ref::<HandshakeConstraintViolationException>() {
        return found.reason.as_ref().expect("it is said").to_string();
    }
    let found = detail.downcast_ref::<InvalidInputException>().expect("no other error has one");
    found.reason.as_ref().expect("it is said").to_string()
}
