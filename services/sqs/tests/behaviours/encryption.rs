//! Queues that SQS encrypts with data keys of its own: nothing of it shows, whatever happens to queue and message.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::*;
use sqs_api::*;
use testkit::Cloud;

async fn set(cloud: &Cloud, url: &str, pairs: &[(&str, &str)]) {
    let input = SetQueueAttributesInput { queue_url: url.to_owned(), attributes: map(pairs) };
    cloud.call(SetQueueAttributes, input).await.expect("the attributes are good");
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue {
        data_type: "String".to_owned(),
        string_value: Some(value.to_owned()),
        ..MessageAttributeValue::default()
    }
}

#[tokio::test]
async fn an_encrypted_message_comes_back_whole() {
    let cloud = Cloud::new(1).await;
    let url = create(&cloud, "q", &[]).await;
    assert_eq!(attribute(&cloud, &url, "SqsManagedSseEnabled").await.as_deref(), Some("true"));
    let trace = MessageSystemAttributeValue {
        data_type: "String".to_owned(),
        string_value: Some("Root=1-5759e988-bd862e3fe1be46a994272793".to_owned()),
        ..MessageSystemAttributeValue::default()
    };
    let input = SendMessageInput {
        queue_url: url.clone(),
        message_body: "hello ✓".to_owned(),
        message_attributes: Some(BTreeMap::from([("colour".to_owned(), text("green"))])),
        message_system_attributes: Some(BTreeMap::from([("AWSTraceHeader".into(), trace)])),
        ..SendMessageInput::default()
    };
    let sent = cloud.call(SendMessage, input).await.unwrap();
    let input =
        ReceiveMessageInput { message_attribute_names: Some(vec!["All".to_owned()]), ..receive_input(&url) };
    let message = cloud.call(ReceiveMessage, input).await.unwrap().messages.unwrap().remove(0);
    assert_eq!(message.body.as_deref(), Some("hello ✓"));
    assert_eq!(message.md5_of_body, sent.md5_of_message_body, "checksums are those of what was sent");
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_message_attributes);
    assert_eq!(message.message_attributes.unwrap()["colour"].string_value.as_deref(), Some("green"));
    let system = message.attributes.unwrap();
    assert_eq!(system["AWSTraceHeader"], "Root=1-5759e988-bd862e3fe1be46a994272793");
    assert_eq!(system["SenderId"], "000000000000");
}

#[tokio::test]
async fn switching_encryption_is_about_new_messages_only() {
    let cloud = Cloud::new(2).await;
    let url = create(&cloud, "q", &[("SqsManagedSseEnabled", "false")]).await;
    send(&cloud, &url, "plain").await;
    set(&cloud, &url, &[("SqsManagedSseEnabled", "true")]).await;
    send(&cloud, &url, "managed").await;
    set(&cloud, &url, &[("KmsMasterKeyId", "alias/aws/sqs")]).await;
    send(&cloud, &url, "by a key of KMS").await;
    set(&cloud, &url, &[("KmsMasterKeyId", "")]).await;
    send(&cloud, &url, "plain again").await;
    assert_eq!(bodies(&cloud, &url).await, ["plain", "managed", "by a key of KMS", "plain again"]);
}

#[tokio::test]
async fn data_keys_change_with_the_days_and_old_messages_stay_readable() {
    let cloud = Cloud::new(3).await;
    let url = create(&cloud, "q", &[("MessageRetentionPeriod", "1209600")]).await;
    for day in ["one", "two", "three"] {
        send(&cloud, &url, day).await;
        cloud.advance(Duration::from_secs(86_401)).await;
    }
    assert_eq!(bodies(&cloud, &url).await, ["one", "two", "three"]);
}

#[tokio::test]
async fn the_same_content_is_a_duplicate_though_it_never_encrypts_the_same() {
    let cloud = Cloud::new(4).await;
    let url = fifo(&cloud, "q.fifo").await;
    let first = send_to_group(&cloud, &url, "once", Some("g")).await;
    let again = send_to_group(&cloud, &url, "once", Some("g")).await;
    assert_eq!((first.message_id, first.sequence_number), (again.message_id, again.sequence_number));
    assert_eq!(bodies(&cloud, &url).await, ["once"]);
}

#[tokio::test]
async fn a_dead_letter_is_read_after_its_queue_is_gone() {
    let cloud = Cloud::new(5).await;
    let dead = create(&cloud, "dead", &[("SqsManagedSseEnabled", "false")]).await;
    let policy = format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":1}}"#, arn(&cloud, &dead).await);
    let source = create(&cloud, "source", &[("RedrivePolicy", &policy), ("VisibilityTimeout", "1")]).await;
    send(&cloud, &source, "poison").await;
    assert_eq!(receive(&cloud, &source).await.len(), 1);
    cloud.advance(Duration::from_secs(2)).await;
    assert!(receive(&cloud, &source).await.is_empty(), "it has moved");
    cloud.call(DeleteQueue, DeleteQueueInput { queue_url: source }).await.unwrap();
    assert_eq!(bodies(&cloud, &dead).await, ["poison"]);
}

#[tokio::test]
async fn a_batch_is_encrypted_as_single_messages_are() {
    let cloud = Cloud::new(6).await;
    let url = create(&cloud, "q", &[]).await;
    let entry = |number: usize| SendMessageBatchRequestEntry {
        id: number.to_string(),
        message_body: format!("message {number}"),
        ..SendMessageBatchRequestEntry::default()
    };
    let input = SendMessageBatchInput { queue_url: url.clone(), entries: (0..10).map(entry).collect() };
    assert_eq!(cloud.call(SendMessageBatch, input).await.unwrap().successful.unwrap().len(), 10);
    let expected: Vec<String> = (0..10).map(|number| format!("message {number}")).collect();
    assert_eq!(bodies(&cloud, &url).await, expected);
}

#[tokio::test]
async fn a_queue_is_not_encrypted_in_two_ways() {
    let cloud = Cloud::new(7).await;
    let both = [("KmsMasterKeyId", "alias/aws/sqs"), ("SqsManagedSseEnabled", "true")];
    let fault = try_create(&cloud, "q", &both).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidAttributeName");
    assert_eq!(
        fault.message(),
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    );
}
