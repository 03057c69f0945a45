//! The keys of AWS's services: made when they are first named, usable through their service alone.

use base::{AccountId, Region};
use kms_api::*;
use service::{Call, Principal, Source};
use testkit::Cloud;

use crate::crypto_support::*;
use crate::keys::describe;

#[tokio::test]
async fn naming_the_alias_of_a_service_makes_its_key_once() {
    let cloud = Cloud::new(1).await;
    let shown = describe(&cloud, "alias/aws/s3").await;
    assert_eq!(shown.key_manager, Some(KeyManagerType::Aws));
    assert_eq!(
        shown.description.as_deref(),
        Some("Default key that protects my S3 objects when no other key is defined")
    );
    assert_eq!(describe(&cloud, "alias/aws/s3").await.key_id, shown.key_id);
    let input = ListAliasesInput::default();
    let aliases = cloud.call(ListAliases, input).await.unwrap().aliases.unwrap();
    let with_key: Vec<_> = aliases.iter().filter(|alias| alias.target_key_id.is_some()).collect();
    assert_eq!(with_key.len(), 1);
    assert_eq!(with_key[0].alias_name.as_deref(), Some("alias/aws/s3"));
    let unknown = DescribeKeyInput { key_id: "alias/aws/nothing".to_owned(), ..Default::default() };
    refused(cloud.call(DescribeKey, unknown).await, "NotFoundException");
}

#[tokio::test]
async fn a_stranger_makes_no_key_in_another_account() {
    let cloud = Cloud::new(2).await;
    let name = format!("arn:aws:kms:us-east-1:{OWNER}:alias/aws/s3");
    let input = DescribeKeyInput { key_id: name, ..DescribeKeyInput::default() };
    let answer = cloud.call_as(stranger(), Region::US_EAST_1, DescribeKey, input).await;
    refused(answer, "NotFoundException");
    assert_eq!(cloud.call(ListKeys, ListKeysInput::default()).await.unwrap().keys, Some(Vec::new()));
}

/// A call as a service makes it for its caller.
fn through(cloud: &Cloud, service: Option<&str>, principal: &Principal) -> Call {
    Call {
        request_id: cloud.ids.uuid(),
        account: principal.account,
        principal: principal.clone(),
        region: Region::US_EAST_1,
        source: Source { via_service: service.map(str::to_owned), ..Source::default() },
        now: cloud.clock.now(),
        depth: 0,
        notes: Default::default(),
    }
}

#[tokio::test]
async fn the_key_of_a_service_is_used_through_it_by_everyone_in_the_account() {
    let cloud = Cloud::new(3).await;
    let aws = service::Aws::default();
    aws.connect(&cloud.dispatcher);
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let encrypt_through = |service: Option<&'static str>, who: Principal| {
        let call = through(&cloud, service, &who);
        let client = aws.as_caller(&call);
        async move { client.call(Encrypt, encrypt_input("alias/aws/ssm", b"x")).await }
    };
    encrypt_through(Some("ssm.amazonaws.com"), ann.clone()).await.unwrap();
    refused(encrypt_through(None, ann.clone()).await, "AccessDeniedException");
    refused(encrypt_through(Some("sqs.amazonaws.com"), ann).await, "AccessDeniedException");
    let root = Principal::root(AccountId::DEV, Region::US_EAST_1, None);
    refused(encrypt_through(None, root).await, "AccessDeniedException");
}

#[tokio::test]
async fn the_key_of_a_service_cannot_be_changed_by_anyone() {
    let cloud = Cloud::new(4).await;
    let key = describe(&cloud, "alias/aws/ebs").await.arn.unwrap();
    let denied = "AccessDeniedException";
    refused(cloud.call(DisableKey, DisableKeyInput { key_id: key.clone() }).await, denied);
    let input = ScheduleKeyDeletionInput { key_id: key.clone(), pending_window_in_days: None };
    refused(cloud.call(ScheduleKeyDeletion, input).await, denied);
    let input = TagResourceInput { key_id: key.clone(), tags: Vec::new() };
    refused(cloud.call(TagResource, input).await, denied);
    let input = PutKeyPolicyInput { key_id: key.clone(), policy: "{}".to_owned(), ..Default::default() };
    refused(cloud.call(PutKeyPolicy, input).await, denied);
    let input = RotateKeyOnDemandInput { key_id: key.clone() };
    refused(cloud.call(RotateKeyOnDemand, input).await, denied);
    let input = CreateAliasInput { alias_name: "alias/mine".to_owned(), target_key_id: key.clone() };
    refused(cloud.call(CreateAlias, input).await, denied);
    let input = GetKeyRotationStatusInput { key_id: key.clone() };
    let status = cloud.call(GetKeyRotationStatus, input).await.unwrap();
    assert_eq!((status.key_rotation_enabled, status.rotation_period_in_days), (Some(true), Some(365)));
}
