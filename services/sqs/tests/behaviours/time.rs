//! What time does to queues and messages: hiding, delaying, forgetting, refusing.

use std::time::Duration;

use crate::support::*;
use sqs_api::*;
use testkit::Cloud;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_received_message_stays_hidden_until_its_timeout() {
    let cloud = Cloud::new(1).await;
    let url = create(&cloud, "q", &[("VisibilityTimeout", "30")]).await;
    send(&cloud, &url, "hello").await;
    assert_eq!(bodies(&cloud, &url).await, ["hello"]);
    cloud.advance(secs(29)).await;
    assert!(bodies(&cloud, &url).await.is_empty());
    assert_eq!(counts(&cloud, &url).await, ["0", "1", "0"]);
    cloud.advance(secs(2)).await;
    let again = receive(&cloud, &url).await;
    let attributes = again[0].attributes.as_ref().unwrap();
    assert_eq!(attributes["ApproximateReceiveCount"], "2");
}

#[tokio::test]
async fn a_deleted_message_does_not_come_back() {
    let cloud = Cloud::new(2).await;
    let url = create(&cloud, "q", &[]).await;
    send(&cloud, &url, "hello").await;
    let handle = receive(&cloud, &url).await.remove(0).receipt_handle.unwrap();
    delete(&cloud, &url, &handle).await.unwrap();
    delete(&cloud, &url, &handle).await.expect("deleting twice succeeds");
    cloud.advance(secs(3600)).await;
    assert!(bodies(&cloud, &url).await.is_empty());
}

#[tokio::test]
async fn a_fifo_handle_ends_with_its_timeout_and_a_standard_one_does_not() {
    let cloud = Cloud::new(3).await;
    let standard = create(&cloud, "q", &[]).await;
    let ordered = fifo(&cloud, "q.fifo").await;
    send(&cloud, &standard, "s").await;
    send_to_group(&cloud, &ordered, "f", Some("g")).await;
    let standard_handle = receive(&cloud, &standard).await.remove(0).receipt_handle.unwrap();
    let fifo_handle = receive(&cloud, &ordered).await.remove(0).receipt_handle.unwrap();
    cloud.advance(secs(31)).await;
    delete(&cloud, &standard, &standard_handle).await.expect("the latest handle deletes");
    assert!(bodies(&cloud, &standard).await.is_empty());
    let fault = delete(&cloud, &ordered, &fifo_handle).await.unwrap_err();
    assert_eq!(fault.code(), "InvalidParameterValue");
    assert!(fault.message().ends_with("Reason: The receipt handle has expired."), "{fault}");
}

#[tokio::test]
async fn visibility_is_changed_from_now_and_never_beyond_twelve_hours() {
    let cloud = Cloud::new(4).await;
    let url = create(&cloud, "q", &[]).await;
    send(&cloud, &url, "hello").await;
    let handle = receive(&cloud, &url).await.remove(0).receipt_handle.unwrap();
    let change = |timeout: i32| {
        cloud.call(
            ChangeMessageVisibility,
            ChangeMessageVisibilityInput {
                queue_url: url.clone(),
                receipt_handle: handle.clone(),
                visibility_timeout: timeout,
            },
        )
    };
    cloud.advance(secs(10)).await;
    change(60).await.unwrap();
    cloud.advance(secs(59)).await;
    assert!(bodies(&cloud, &url).await.is_empty());
    let beyond = change(43_200).await.unwrap_err();
    assert_eq!(
        beyond.message(),
        "Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message \
         is beyond the limit [43200 seconds]."
    );
    change(0).await.unwrap();
    assert_eq!(bodies(&cloud, &url).await, ["hello"]);
}

#[tokio::test]
async fn delays_of_queue_and_message_hold_a_message_back() {
    let cloud = Cloud::new(5).await;
    let url = create(&cloud, "q", &[("DelaySeconds", "10")]).await;
    send(&cloud, &url, "by the queue").await;
    let input = SendMessageInput {
        queue_url: url.clone(),
        message_body: "by the message".to_owned(),
        delay_seconds: Some(0),
        ..SendMessageInput::default()
    };
    cloud.call(SendMessage, input).await.unwrap();
    assert_eq!(counts(&cloud, &url).await, ["1", "0", "1"]);
    assert_eq!(bodies(&cloud, &url).await, ["by the message"]);
    cloud.advance(secs(11)).await;
    assert_eq!(bodies(&cloud, &url).await, ["by the queue"]);
}

#[tokio::test]
async fn a_new_delay_changes_what_is_delayed_on_fifo_queues_only() {
    let cloud = Cloud::new(51).await;
    for (name, fifo) in [("standard", false), ("ordered.fifo", true)] {
        let mut attributes = vec![("DelaySeconds", "600")];
        if fifo {
            attributes.extend([("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]);
        }
        let url = create(&cloud, name, &attributes).await;
        for body in ["first", "second"] {
            let input = SendMessageInput {
                queue_url: url.clone(),
                message_body: body.to_owned(),
                message_group_id: fifo.then(|| "group".to_owned()),
                ..SendMessageInput::default()
            };
            cloud.call(SendMessage, input).await.unwrap();
        }
        set_delay(&cloud, &url, "5").await;
        cloud.advance(secs(4)).await;
        assert_eq!(counts(&cloud, &url).await, ["0", "0", "2"]);
        cloud.advance(secs(1)).await;
        let visible = if fifo { ["2", "0", "0"] } else { ["0", "0", "2"] };
        assert_eq!(counts(&cloud, &url).await, visible, "{name}");
    }
}

async fn set_delay(cloud: &Cloud, url: &str, seconds: &str) {
    let input = SetQueueAttributesInput {
        queue_url: url.to_owned(),
        attributes: [("DelaySeconds".into(), seconds.to_owned())].into(),
    };
    cloud.call(SetQueueAttributes, input).await.expect("the delay is in range");
}

#[tokio::test]
async fn messages_vanish_when_their_retention_is_over() {
    let cloud = Cloud::new(6).await;
    let url = create(&cloud, "q", &[("MessageRetentionPeriod", "60")]).await;
    send(&cloud, &url, "old").await;
    cloud.advance(secs(59)).await;
    assert_eq!(counts(&cloud, &url).await, ["1", "0", "0"]);
    cloud.advance(secs(2)).await;
    assert!(bodies(&cloud, &url).await.is_empty());
}

#[tokio::test]
async fn a_long_poll_wakes_when_a_message_is_sent() {
    let cloud = Cloud::new(7).await;
    let url = create(&cloud, "q", &[]).await;
    let input = ReceiveMessageInput { wait_time_seconds: Some(20), ..receive_input(&url) };
    let poll = tokio::time::timeout(secs(5), cloud.call(ReceiveMessage, input));
    let sending = async {
        cloud.settle().await;
        send(&cloud, &url, "hello").await;
    };
    // The clock stands still, so only the message can end the poll.
    let (woken, ()) = tokio::join!(poll, sending);
    let messages = woken.expect("it wakes").unwrap().messages.unwrap();
    assert_eq!(messages[0].body.as_deref(), Some("hello"));
}

#[tokio::test]
async fn a_long_poll_ends_empty_when_its_time_is_over() {
    let cloud = Cloud::new(8).await;
    let url = create(&cloud, "q", &[("ReceiveMessageWaitTimeSeconds", "20")]).await;
    let poll = tokio::time::timeout(secs(5), cloud.call(ReceiveMessage, receive_input(&url)));
    let turning = async {
        cloud.settle().await;
        cloud.advance(secs(21)).await;
    };
    let (ended, ()) = tokio::join!(poll, turning);
    assert_eq!(ended.expect("it ends").unwrap().messages, None, "an empty list is absent");
}

#[tokio::test]
async fn purging_and_recreating_take_a_minute_between() {
    let cloud = Cloud::new(9).await;
    let url = create(&cloud, "q", &[]).await;
    send(&cloud, &url, "x").await;
    let purge = || cloud.call(PurgeQueue, PurgeQueueInput { queue_url: url.clone() });
    purge().await.unwrap();
    assert_eq!(counts(&cloud, &url).await, ["0", "0", "0"]);
    cloud.advance(secs(59)).await;
    let fault = purge().await.unwrap_err();
    assert_eq!(fault.code(), "AWS.SimpleQueueService.PurgeQueueInProgress");
    assert_eq!(fault.message(), "Only one PurgeQueue operation on q is allowed every 60 seconds.");
    cloud.advance(secs(2)).await;
    purge().await.unwrap();

    cloud.call(DeleteQueue, DeleteQueueInput { queue_url: url.clone() }).await.unwrap();
    let fault = try_create(&cloud, "q", &[]).await.unwrap_err();
    assert_eq!(fault.name(), "QueueDeletedRecently");
    cloud.advance(secs(60)).await;
    create(&cloud, "q", &[]).await;
    assert!(bodies(&cloud, &url).await.is_empty(), "a new queue has nothing of the old");
}
