//! Queues with a key of KMS: whose permission counts, how long data keys are used, and what KMS's refusals become.

use std::time::Duration;

use base::{AccountId, Region};
use kms_api::{
    CreateAlias, CreateAliasInput, CreateKey, CreateKeyInput, DescribeKey, DescribeKeyInput, DisableKey,
    DisableKeyInput, EnableKey, EnableKeyInput, KeySpec, KeyUsageType, ScheduleKeyDeletion,
    ScheduleKeyDeletionInput,
};
use schema::Fault;
use service::{Principal, PrincipalKind};
use sqs_api::*;
use testkit::Cloud;

use crate::support::*;

const REUSE: Duration = Duration::from_secs(300);

/// The statement that lets the account's own policies decide, and others besides.
fn key_policy(others: &str) -> String {
    let account = r#"{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"}"#;
    format!(r#"{{"Version":"2012-10-17","Statement":[{account}{others}]}}"#)
}

async fn key_with(cloud: &Cloud, input: CreateKeyInput) -> String {
    let made = cloud.call(CreateKey, input).await.expect("the key is good");
    made.key_metadata.and_then(|key| key.arn).expect("a new key is shown")
}

async fn key(cloud: &Cloud) -> String {
    key_with(cloud, CreateKeyInput { policy: Some(key_policy("")), ..CreateKeyInput::default() }).await
}

async fn encrypted(cloud: &Cloud, name: &str, key: &str) -> String {
    create(cloud, name, &[("KmsMasterKeyId", key)]).await
}

/// A user who may do all of SQS and some of KMS.
async fn user(cloud: &Cloud, name: &str, kms_actions: &str) -> Principal {
    let input = iam_api::CreateUserInput { user_name: name.to_owned(), ..Default::default() };
    let made = cloud.call(iam_api::CreateUser, input).await.expect("the name is free");
    let made = made.user.expect("a new user is shown");
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["sqs:*"{kms_actions}],"Resource":"*"}}}}"#
    );
    let input = iam_api::PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "p".to_owned(),
        policy_document: policy,
    };
    cloud.call(iam_api::PutUserPolicy, input).await.expect("the policy is good");
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: None,
        session: None,
    }
}

fn message(url: &str, body: &str) -> SendMessageInput {
    SendMessageInput {
        queue_url: url.to_owned(),
        message_body: body.to_owned(),
        ..SendMessageInput::default()
    }
}

async fn send_by(cloud: &Cloud, who: &Principal, url: &str, body: &str) -> Result<(), Fault> {
    cloud.call_by(who.clone(), SendMessage, message(url, body)).await.map(drop)
}

async fn receive_by(cloud: &Cloud, who: &Principal, url: &str) -> Result<Vec<Message>, Fault> {
    let output = cloud.call_by(who.clone(), ReceiveMessage, receive_input(url)).await?;
    Ok(output.messages.unwrap_or_default())
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, name: &str) -> String {
    let fault = result.expect_err("KMS refuses");
    assert_eq!((fault.name(), fault.status()), (name, 400), "{fault}");
    fault.message().to_owned()
}

#[tokio::test]
async fn a_sender_needs_both_permissions_and_a_receiver_one() {
    let cloud = Cloud::new(1).await;
    let url = encrypted(&cloud, "q", &key(&cloud).await).await;
    let sender = user(&cloud, "sender", r#","kms:GenerateDataKey","kms:Decrypt""#).await;
    let half = user(&cloud, "half", r#","kms:GenerateDataKey""#).await;
    let receiver = user(&cloud, "receiver", r#","kms:Decrypt""#).await;
    let nobody = user(&cloud, "nobody", "").await;
    send_by(&cloud, &sender, &url, "secret").await.unwrap();
    for who in [&half, &receiver, &nobody] {
        refused(send_by(&cloud, who, &url, "x").await, "KmsAccessDenied");
    }
    for who in [&half, &nobody] {
        let said = refused(receive_by(&cloud, who, &url).await, "KmsAccessDenied");
        assert!(
            said.contains(
                "(Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException; Request ID: "
            ),
            "{said}"
        );
    }
    let received = receive_by(&cloud, &receiver, &url).await.unwrap().remove(0);
    assert_eq!(received.body.as_deref(), Some("secret"));
    let count = &received.attributes.unwrap()["ApproximateReceiveCount"];
    assert_eq!(count, "1", "a refused receive takes nothing");
}

#[tokio::test]
async fn a_data_key_is_used_for_its_period_and_by_its_requester_only() {
    let cloud = Cloud::new(2).await;
    let key = key(&cloud).await;
    let url = encrypted(&cloud, "q", &key).await;
    let trusted = user(&cloud, "trusted", r#","kms:*""#).await;
    let also_trusted = user(&cloud, "also-trusted", r#","kms:*""#).await;
    send_by(&cloud, &trusted, &url, "one").await.unwrap();
    assert_eq!(receive_by(&cloud, &trusted, &url).await.unwrap().len(), 1);
    cloud.call(DisableKey, DisableKeyInput { key_id: key.clone() }).await.unwrap();
    cloud.advance(REUSE - Duration::from_secs(1)).await;
    send_by(&cloud, &trusted, &url, "two").await.expect("its data key is still in use");
    refused(send_by(&cloud, &also_trusted, &url, "x").await, "KmsDisabled");
    refused(receive_by(&cloud, &also_trusted, &url).await, "KmsDisabled");
    cloud.advance(Duration::from_secs(1)).await;
    let said = refused(send_by(&cloud, &trusted, &url, "x").await, "KmsDisabled");
    assert!(said.contains("is disabled"), "{said}");
    refused(receive_by(&cloud, &trusted, &url).await, "KmsDisabled");
    cloud.call(EnableKey, EnableKeyInput { key_id: key }).await.unwrap();
    let received = receive_by(&cloud, &trusted, &url).await.unwrap();
    assert_eq!(received.len(), 2, "nothing was lost meanwhile");
}

#[tokio::test]
async fn a_queue_may_shorten_the_reuse_of_its_data_keys() {
    let cloud = Cloud::new(3).await;
    let key = key(&cloud).await;
    let url = encrypted(&cloud, "q", &key).await;
    send(&cloud, &url, "one").await;
    cloud.call(DisableKey, DisableKeyInput { key_id: key }).await.unwrap();
    cloud.advance(Duration::from_secs(60)).await;
    send(&cloud, &url, "two").await;
    let input = SetQueueAttributesInput {
        queue_url: url.clone(),
        attributes: map(&[("KmsDataKeyReusePeriodSeconds", "60")]),
    };
    cloud.call(SetQueueAttributes, input).await.unwrap();
    refused(cloud.call(SendMessage, message(&url, "x")).await, "KmsDisabled");
}

#[tokio::test]
async fn keys_go_by_id_alias_and_the_arns_of_both() {
    let cloud = Cloud::new(4).await;
    let arn = key(&cloud).await;
    let id = arn.rsplit('/').next().unwrap().to_owned();
    let input = CreateAliasInput { alias_name: "alias/orders".to_owned(), target_key_id: id.clone() };
    cloud.call(CreateAlias, input).await.unwrap();
    let alias_arn = "arn:aws:kms:us-east-1:000000000000:alias/orders";
    for (number, key) in [&id, "alias/orders", &arn, alias_arn].into_iter().enumerate() {
        let url = encrypted(&cloud, &format!("q{number}"), key).await;
        send(&cloud, &url, key).await;
        assert_eq!(bodies(&cloud, &url).await, [key]);
    }
}

#[tokio::test]
async fn the_key_of_aws_for_sqs_comes_into_being_with_the_first_message() {
    let cloud = Cloud::new(5).await;
    let url = encrypted(&cloud, "q", "alias/aws/sqs").await;
    let anyone = user(&cloud, "anyone", "").await;
    send_by(&cloud, &anyone, &url, "hello").await.expect("it lets everyone in who may use SQS");
    assert_eq!(receive_by(&cloud, &anyone, &url).await.unwrap().len(), 1);
    let input = DescribeKeyInput { key_id: "alias/aws/sqs".to_owned(), ..DescribeKeyInput::default() };
    let described = cloud.call(DescribeKey, input).await.unwrap().key_metadata.unwrap();
    assert_eq!(described.key_manager.map(|manager| manager.as_str().to_owned()).as_deref(), Some("AWS"));
}

#[tokio::test]
async fn what_kms_refuses_keeps_its_words() {
    let cloud = Cloud::new(6).await;
    let missing = "arn:aws:kms:us-east-1:000000000000:key/12345678-1234-1234-1234-123456789012";
    let signing = CreateKeyInput {
        key_usage: Some(KeyUsageType::SignVerify),
        key_spec: Some(KeySpec::EccNistP256),
        ..CreateKeyInput::default()
    };
    let signing = key_with(&cloud, signing).await;
    let doomed = key(&cloud).await;
    let input = ScheduleKeyDeletionInput { key_id: doomed.clone(), pending_window_in_days: Some(7) };
    cloud.call(ScheduleKeyDeletion, input).await.unwrap();
    for (name, key, error) in [
        ("missing", missing, "KmsNotFound"),
        ("alias", "alias/nothing", "KmsNotFound"),
        ("signing", &signing, "KmsInvalidKeyUsage"),
        ("doomed", &doomed, "KmsInvalidState"),
    ] {
        let url = encrypted(&cloud, name, key).await;
        refused(cloud.call(SendMessage, message(&url, "x")).await, error);
        let entry = SendMessageBatchRequestEntry {
            id: "e".to_owned(),
            message_body: "x".to_owned(),
            ..SendMessageBatchRequestEntry::default()
        };
        let input = SendMessageBatchInput { queue_url: url.clone(), entries: vec![entry] };
        refused(cloud.call(SendMessageBatch, input).await, error);
        assert!(bodies(&cloud, &url).await.is_empty(), "nothing was sent");
    }
}

#[tokio::test]
async fn dead_letters_keep_the_key_they_were_sent_under() {
    let cloud = Cloud::new(7).await;
    let dead = create(&cloud, "dead", &[]).await;
    let key = key(&cloud).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, arn(&cloud, &dead).await);
    let attributes =
        [("RedrivePolicy", policy.as_str()), ("VisibilityTimeout", "1"), ("KmsMasterKeyId", &key)];
    let source = create(&cloud, "source", &attributes).await;
    send(&cloud, &source, "poison").await;
    assert_eq!(receive(&cloud, &source).await.len(), 1);
    cloud.advance(Duration::from_secs(2)).await;
    assert!(receive(&cloud, &source).await.is_empty(), "it has moved");
    send(&cloud, &dead, "by SQS").await;
    cloud.call(DeleteQueue, DeleteQueueInput { queue_url: source }).await.unwrap();
    let nobody = user(&cloud, "nobody", "").await;
    let read = receive_by(&cloud, &nobody, &dead).await.unwrap();
    assert_eq!(read.len(), 1, "what can be read is not held up by what cannot");
    assert_eq!(read[0].body.as_deref(), Some("by SQS"));
    refused(receive_by(&cloud, &nobody, &dead).await, "KmsAccessDenied");
    let receiver = user(&cloud, "receiver", r#","kms:Decrypt""#).await;
    assert_eq!(receive_by(&cloud, &receiver, &dead).await.unwrap()[0].body.as_deref(), Some("poison"));
}

#[tokio::test]
async fn a_fifo_queue_keeps_its_order_around_what_cannot_be_read() {
    let cloud = Cloud::new(8).await;
    let key = key(&cloud).await;
    let url = fifo(&cloud, "q.fifo").await;
    let set = |pairs: &[(&str, &str)]| {
        let input = SetQueueAttributesInput { queue_url: url.clone(), attributes: map(pairs) };
        cloud.call(SetQueueAttributes, input)
    };
    send_to_group(&cloud, &url, "one", Some("g")).await;
    set(&[("KmsMasterKeyId", &key)]).await.unwrap();
    send_to_group(&cloud, &url, "two", Some("g")).await;
    set(&[("SqsManagedSseEnabled", "true")]).await.unwrap();
    send_to_group(&cloud, &url, "three", Some("g")).await;
    let nobody = user(&cloud, "nobody", "").await;
    let read = receive_by(&cloud, &nobody, &url).await.unwrap();
    assert_eq!(read.iter().filter_map(|message| message.body.as_deref()).collect::<Vec<_>>(), ["one"]);
    delete(&cloud, &url, read[0].receipt_handle.as_deref().unwrap()).await.unwrap();
    refused(receive_by(&cloud, &nobody, &url).await, "KmsAccessDenied");
    assert_eq!(bodies(&cloud, &url).await, ["two", "three"]);
}

#[tokio::test]
async fn kms_hears_which_queue_it_is_for_and_through_whom() {
    let cloud = Cloud::new(9).await;
    let statement = r#",{"Effect":"Allow","Principal":"*","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*",
        "Condition":{"StringEquals":{"kms:ViaService":"sqs.us-east-1.amazonaws.com",
            "kms:EncryptionContext:aws:sqs:arn":"arn:aws:sqs:us-east-1:000000000000:good"}}}"#;
    let policy = Some(key_policy(statement));
    let key = key_with(&cloud, CreateKeyInput { policy, ..CreateKeyInput::default() }).await;
    let (good, bad) = (encrypted(&cloud, "good", &key).await, encrypted(&cloud, "bad", &key).await);
    let plain = user(&cloud, "plain", "").await;
    send_by(&cloud, &plain, &good, "hello").await.unwrap();
    assert_eq!(receive_by(&cloud, &plain, &good).await.unwrap().len(), 1);
    refused(send_by(&cloud, &plain, &bad, "x").await, "KmsAccessDenied");
}

#[tokio::test]
async fn a_service_sends_by_its_own_permission_on_the_key() {
    let cloud = Cloud::new(10).await;
    let sns = || Principal::service("sns.amazonaws.com", AccountId::DEV);
    let queue_policy = |name: &str| {
        format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"sqs:SendMessage",
            "Resource":"arn:aws:sqs:us-east-1:000000000000:{name}"}}}}"#
        )
    };
    let statement = r#",{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},
        "Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*"}"#;
    let policy = Some(key_policy(statement));
    let welcoming = key_with(&cloud, CreateKeyInput { policy, ..CreateKeyInput::default() }).await;
    let open = [("KmsMasterKeyId", welcoming.as_str()), ("Policy", &queue_policy("open"))];
    let open = create(&cloud, "open", &open).await;
    send_by(&cloud, &sns(), &open, "from a topic").await.unwrap();
    assert_eq!(bodies(&cloud, &open).await, ["from a topic"]);
    let closed = key(&cloud).await;
    let closed = [("KmsMasterKeyId", closed.as_str()), ("Policy", &queue_policy("closed"))];
    let closed = create(&cloud, "closed", &closed).await;
    refused(send_by(&cloud, &sns(), &closed, "x").await, "KmsAccessDenied");
}

#[tokio::test]
async fn a_key_of_another_account_is_used_where_both_sides_allow_it() {
    let cloud = Cloud::new(11).await;
    let other = AccountId::new(111_111_111_111).unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"kms:*","Resource":"*"},
        {"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"*"}]}"#;
    let make = |policy: Option<String>| {
        let input = CreateKeyInput { policy, ..CreateKeyInput::default() };
        cloud.call_as(other, Region::US_EAST_1, CreateKey, input)
    };
    let shared = make(Some(policy.to_owned())).await.unwrap().key_metadata.unwrap().arn.unwrap();
    let kept = make(None).await.unwrap().key_metadata.unwrap().arn.unwrap();
    let url = encrypted(&cloud, "shared", &shared).await;
    let user = user(&cloud, "user", r#","kms:GenerateDataKey","kms:Decrypt""#).await;
    send_by(&cloud, &user, &url, "across").await.unwrap();
    assert_eq!(receive_by(&cloud, &user, &url).await.unwrap().len(), 1);
    let url = encrypted(&cloud, "kept", &kept).await;
    refused(send_by(&cloud, &user, &url, "x").await, "KmsAccessDenied");
}
