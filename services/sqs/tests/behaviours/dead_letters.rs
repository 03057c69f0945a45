//! Dead-letter queues, and the way back.

use std::time::Duration;

use crate::support::*;
use sqs_api::*;
use testkit::Cloud;

async fn source_and_dead(cloud: &Cloud, receives: u32) -> (String, String) {
    let dead = create(cloud, "dead", &[]).await;
    let policy =
        format!(r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"{receives}"}}"#, arn(cloud, &dead).await);
    let source = create(cloud, "source", &[("RedrivePolicy", &policy), ("VisibilityTimeout", "1")]).await;
    (source, dead)
}

async fn kill(cloud: &Cloud, source: &str, receives: u32) {
    for _ in 0..receives {
        assert_eq!(receive(cloud, source).await.len(), 1);
        cloud.advance(Duration::from_secs(2)).await;
    }
    assert!(receive(cloud, source).await.is_empty(), "it has been received often enough");
}

#[tokio::test]
async fn a_message_received_too_often_moves_to_the_dead_letter_queue() {
    let cloud = Cloud::new(1).await;
    let (source, dead) = source_and_dead(&cloud, 2).await;
    let sent = send(&cloud, &source, "poison").await;
    kill(&cloud, &source, 2).await;
    let message = receive(&cloud, &dead).await.remove(0);
    assert_eq!(message.message_id, sent.message_id);
    let attributes = message.attributes.unwrap();
    assert_eq!(attributes["DeadLetterQueueSourceArn"], arn(&cloud, &source).await);
    assert_eq!(attributes["ApproximateReceiveCount"], "3");
}

#[tokio::test]
async fn the_sources_of_a_dead_letter_queue_are_listed() {
    let cloud = Cloud::new(2).await;
    let (source, dead) = source_and_dead(&cloud, 1).await;
    let list = || async {
        let input = ListDeadLetterSourceQueuesInput {
            queue_url: dead.clone(),
            ..ListDeadLetterSourceQueuesInput::default()
        };
        cloud.call(ListDeadLetterSourceQueues, input).await.unwrap().queue_urls
    };
    assert_eq!(list().await, Some(vec![source.clone()]));
    let attributes = map(&[("RedrivePolicy", "")]);
    let input = SetQueueAttributesInput { queue_url: source.clone(), attributes };
    cloud.call(SetQueueAttributes, input).await.unwrap();
    assert_eq!(list().await, None);
}

#[tokio::test]
async fn a_redrive_policy_needs_a_target_of_the_same_type_that_allows_it() {
    let cloud = Cloud::new(3).await;
    let deny = create(&cloud, "deny", &[("RedriveAllowPolicy", r#"{"redrivePermission":"denyAll"}"#)]).await;
    let ordered = fifo(&cloud, "dead.fifo").await;
    let reason_for = |target: String| {
        let cloud = &cloud;
        async move {
            let policy = format!(r#"{{"deadLetterTargetArn":"{target}","maxReceiveCount":1}}"#);
            try_create(cloud, "source", &[("RedrivePolicy", &policy)]).await.unwrap_err().message().to_owned()
        }
    };
    let missing = reason_for("arn:aws:sqs:us-east-1:000000000000:none".to_owned()).await;
    assert!(missing.ends_with("Reason: Dead letter target does not exist."), "{missing}");
    let other_type = reason_for(arn(&cloud, &ordered).await).await;
    assert!(
        other_type.ends_with("Dead-letter queue must be same type of queue as the source."),
        "{other_type}"
    );
    assert!(reason_for(arn(&cloud, &deny).await).await.contains("redrive allow policy"));
}

async fn tasks(cloud: &Cloud, source_arn: &str) -> Vec<ListMessageMoveTasksResultEntry> {
    let input = ListMessageMoveTasksInput { source_arn: source_arn.to_owned(), max_results: Some(10) };
    cloud.call(ListMessageMoveTasks, input).await.expect("the queue exists").results.unwrap_or_default()
}

/// Waits for the move task, which works in the background and in real time.
async fn until_status(cloud: &Cloud, source_arn: &str, wanted: &str) -> ListMessageMoveTasksResultEntry {
    for _ in 0..500 {
        let task = tasks(cloud, source_arn).await.remove(0);
        if task.status.as_deref() == Some(wanted) {
            return task;
        }
        cloud.settle().await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the task never became {wanted}: {:?}", tasks(cloud, source_arn).await);
}

#[tokio::test]
async fn a_move_task_brings_messages_back_to_where_they_came_from() {
    let cloud = Cloud::new(4).await;
    let (source, dead) = source_and_dead(&cloud, 1).await;
    send(&cloud, &source, "poison").await;
    kill(&cloud, &source, 1).await;
    let dead_arn = arn(&cloud, &dead).await;
    let start = || {
        let input = StartMessageMoveTaskInput {
            source_arn: dead_arn.clone(),
            ..StartMessageMoveTaskInput::default()
        };
        cloud.call(StartMessageMoveTask, input)
    };
    start().await.unwrap();
    let done = until_status(&cloud, &dead_arn, "COMPLETED").await;
    assert_eq!(done.approximate_number_of_messages_moved, Some(1));
    assert_eq!(done.task_handle, None, "only a running task has a handle");
    assert_eq!(bodies(&cloud, &source).await, ["poison"]);
    start().await.expect("a finished task makes room for the next");
}

#[tokio::test]
async fn a_move_task_keeps_its_rate_and_can_be_cancelled() {
    let cloud = Cloud::new(5).await;
    let (_, dead) = source_and_dead(&cloud, 1).await;
    let target = create(&cloud, "target", &[]).await;
    for number in 0..20 {
        send(&cloud, &dead, &number.to_string()).await;
    }
    let dead_arn = arn(&cloud, &dead).await;
    let input = StartMessageMoveTaskInput {
        source_arn: dead_arn.clone(),
        destination_arn: Some(arn(&cloud, &target).await),
        max_number_of_messages_per_second: Some(1),
    };
    let handle = cloud.call(StartMessageMoveTask, input.clone()).await.unwrap().task_handle.unwrap();
    let again = cloud.call(StartMessageMoveTask, input).await.unwrap_err();
    assert!(again.message().starts_with("There is already a task running."), "{again}");
    cloud.advance(Duration::from_secs(3)).await;
    let cancel = CancelMessageMoveTaskInput { task_handle: handle.clone() };
    cloud.call(CancelMessageMoveTask, cancel.clone()).await.unwrap();
    cloud.advance(Duration::from_secs(61)).await;
    let done = until_status(&cloud, &dead_arn, "CANCELLED").await;
    assert!(done.approximate_number_of_messages_moved.unwrap() <= 4, "one a second: {done:?}");
    let fault = cloud.call(CancelMessageMoveTask, cancel).await.unwrap_err();
    assert_eq!(fault.name(), "UnsupportedOperation");
}

#[tokio::test]
async fn only_a_dead_letter_queue_can_be_emptied_so() {
    let cloud = Cloud::new(6).await;
    let url = create(&cloud, "plain", &[]).await;
    let input = StartMessageMoveTaskInput {
        source_arn: arn(&cloud, &url).await,
        ..StartMessageMoveTaskInput::default()
    };
    let fault = cloud.call(StartMessageMoveTask, input).await.unwrap_err();
    assert_eq!(fault.message(), "Source queue must be configured as a Dead Letter Queue.");
}
