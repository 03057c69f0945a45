//! Resource policies: kept by revision, and enforced.

use base::{AccountId, Region};
use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Music";

fn stranger() -> AccountId {
    AccountId::new(222_222_222_222).expect("it has twelve digits")
}

fn lets_in() -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"AWS": "222222222222"}},
            "Action": ["dynamodb:GetItem", "dynamodb:DescribeTable"], "Resource": "{ARN}"}}}}"#
    )
}

async fn put_policy(cloud: &Cloud, policy: &str, expected: Option<&str>) -> Result<String, Fault> {
    let input = PutResourcePolicyInput {
        resource_arn: ARN.to_owned(),
        policy: policy.to_owned(),
        expected_revision_id: expected.map(str::to_owned),
        ..PutResourcePolicyInput::default()
    };
    Ok(cloud.call(PutResourcePolicy, input).await?.revision_id.expect("a policy has a revision"))
}

async fn strange_get(cloud: &Cloud) -> Result<GetItemOutput, Fault> {
    let input = GetItemInput {
        table_name: ARN.to_owned(),
        key: item(&[("pk", text("a")), ("sk", text("b"))]),
        ..GetItemInput::default()
    };
    cloud.call_as(stranger(), Region::US_EAST_1, GetItem, input).await
}

#[tokio::test]
async fn a_policy_lets_another_account_in_and_only_to_what_it_says() {
    let cloud = cloud_with(1, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    assert_eq!(code(strange_get(&cloud).await), "AccessDeniedException");
    put_policy(&cloud, &lets_in(), None).await.expect("it is well formed");
    assert!(strange_get(&cloud).await.expect("it is let in").item.is_some());
    let deleting = DeleteTableInput { table_name: ARN.to_owned() };
    let refused = cloud.call_as(stranger(), Region::US_EAST_1, DeleteTable, deleting).await;
    assert_eq!(code(refused), "AccessDeniedException");
    let input = DeleteResourcePolicyInput { resource_arn: ARN.to_owned(), expected_revision_id: None };
    cloud.call(DeleteResourcePolicy, input).await.expect("there is one");
    assert_eq!(code(strange_get(&cloud).await), "AccessDeniedException");
}

#[tokio::test]
async fn a_policy_that_is_denied_to_everyone_can_be_taken_back_by_the_root() {
    let cloud = cloud_with(2, "Music").await;
    let denies = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "Principal": "*", "Action": "dynamodb:*",
            "Resource": "{ARN}"}}}}"#
    );
    put_policy(&cloud, &denies, None).await.expect("it is well formed");
    assert_eq!(code(describe(&cloud, "Music").await), "AccessDeniedException");
    let input = DeleteResourcePolicyInput { resource_arn: ARN.to_owned(), expected_revision_id: None };
    cloud.call(DeleteResourcePolicy, input).await.expect("the root can");
    describe(&cloud, "Music").await.expect("nothing denies it");
}

#[tokio::test]
async fn revisions_are_insisted_on() {
    let cloud = cloud_with(3, "Music").await;
    let first = put_policy(&cloud, &lets_in(), Some("NO_POLICY")).await.expect("there is none");
    let again = put_policy(&cloud, &lets_in(), Some("NO_POLICY")).await;
    assert_eq!(code(again), "PolicyNotFoundException");
    let other = lets_in().replace("GetItem", "PutItem");
    let second = put_policy(&cloud, &other, Some(&first)).await.expect("it is that one");
    assert_ne!(first, second);
    let stale = words(put_policy(&cloud, &lets_in(), Some(&first)).await);
    assert!(stale.contains(&format!("has revision id {second}")), "{stale}");
    let got = cloud.call(GetResourcePolicy, GetResourcePolicyInput { resource_arn: ARN.to_owned() }).await;
    assert_eq!(got.expect("there is one").revision_id, Some(second));
}

#[tokio::test]
async fn a_table_is_made_with_its_policy() {
    let cloud = Cloud::new(4).await;
    let input = CreateTableInput { resource_policy: Some(lets_in()), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("it is possible");
    assert!(strange_get(&cloud).await.is_ok());
    let bad = CreateTableInput { resource_policy: Some("{".to_owned()), ..creating("Other") };
    assert_eq!(code(cloud.call(CreateTable, bad).await), "ValidationException");
    assert!(describe(&cloud, "Other").await.is_err());
}
