//! FIFO queues: order within groups, groups that block, messages that are sent once.

use std::time::Duration;

use crate::support::*;
use sqs_api::*;
use testkit::Cloud;

#[tokio::test]
async fn a_group_is_in_order_and_blocked_while_a_message_of_it_is_in_flight() {
    let cloud = Cloud::new(1).await;
    let url = fifo(&cloud, "q.fifo").await;
    for (body, group) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")] {
        send_to_group(&cloud, &url, body, Some(group)).await;
    }
    let one = ReceiveMessageInput { max_number_of_messages: Some(1), ..receive_input(&url) };
    let first = cloud.call(ReceiveMessage, one.clone()).await.unwrap().messages.unwrap().remove(0);
    assert_eq!(first.body.as_deref(), Some("a1"));
    assert_eq!(bodies(&cloud, &url).await, ["b1"], "the rest of group a waits");
    delete(&cloud, &url, first.receipt_handle.as_deref().unwrap()).await.unwrap();
    assert_eq!(bodies(&cloud, &url).await, ["a2", "a3"]);
}

#[tokio::test]
async fn a_message_is_sent_once_within_five_minutes() {
    let cloud = Cloud::new(2).await;
    let url = fifo(&cloud, "q.fifo").await;
    let first = send_to_group(&cloud, &url, "same", Some("g")).await;
    let second = send_to_group(&cloud, &url, "same", Some("g")).await;
    assert_eq!((first.message_id, first.sequence_number), (second.message_id, second.sequence_number));
    let received = receive(&cloud, &url).await;
    assert_eq!(received.len(), 1);
    delete(&cloud, &url, received[0].receipt_handle.as_deref().unwrap()).await.unwrap();
    send_to_group(&cloud, &url, "same", Some("g")).await;
    assert!(bodies(&cloud, &url).await.is_empty(), "it is remembered after it was deleted");
    cloud.advance(Duration::from_secs(301)).await;
    send_to_group(&cloud, &url, "same", Some("g")).await;
    assert_eq!(bodies(&cloud, &url).await, ["same"]);
}

#[tokio::test]
async fn deduplication_can_be_within_a_group() {
    let cloud = Cloud::new(3).await;
    let attributes = [
        ("FifoQueue", "true"),
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "messageGroup"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ];
    let url = create(&cloud, "q.fifo", &attributes).await;
    for group in ["a", "b", "a"] {
        send_to_group(&cloud, &url, "same", Some(group)).await;
    }
    assert_eq!(counts(&cloud, &url).await[0], "2");
}

#[tokio::test]
async fn sequence_numbers_grow_and_system_attributes_name_group_and_deduplication() {
    let cloud = Cloud::new(4).await;
    let url = fifo(&cloud, "q.fifo").await;
    let one = send_to_group(&cloud, &url, "1", Some("g")).await.sequence_number.unwrap();
    let two = send_to_group(&cloud, &url, "2", Some("g")).await.sequence_number.unwrap();
    assert!(one.len() == 20 && one < two);
    let message = receive(&cloud, &url).await.remove(0);
    let attributes = message.attributes.unwrap();
    assert_eq!(attributes["MessageGroupId"], "g");
    assert_eq!(attributes["SequenceNumber"], one);
    assert_eq!(attributes["MessageDeduplicationId"].len(), 64, "the SHA-256 of the body");
}

#[tokio::test]
async fn an_attempt_repeated_within_five_minutes_gives_the_same_messages() {
    let cloud = Cloud::new(5).await;
    let url = fifo(&cloud, "q.fifo").await;
    send_to_group(&cloud, &url, "1", Some("g")).await;
    let attempt =
        ReceiveMessageInput { receive_request_attempt_id: Some("attempt".to_owned()), ..receive_input(&url) };
    let first = cloud.call(ReceiveMessage, attempt.clone()).await.unwrap().messages.unwrap();
    let again = cloud.call(ReceiveMessage, attempt).await.unwrap().messages.expect("the same messages");
    assert_eq!(first[0].message_id, again[0].message_id);
    assert_eq!(first[0].receipt_handle, again[0].receipt_handle);
}

#[tokio::test]
async fn fifo_refuses_what_it_needs_and_does_not_get() {
    let cloud = Cloud::new(6).await;
    let url = create(&cloud, "q.fifo", &[("FifoQueue", "true")]).await;
    let input = |group: Option<&str>| SendMessageInput {
        queue_url: url.clone(),
        message_body: "x".to_owned(),
        message_group_id: group.map(str::to_owned),
        ..SendMessageInput::default()
    };
    let fault = cloud.call(SendMessage, input(None)).await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.message()),
        ("MissingParameter", "The request must contain the parameter MessageGroupId.")
    );
    let fault = cloud.call(SendMessage, input(Some("g"))).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
         explicitly"
    );
}
