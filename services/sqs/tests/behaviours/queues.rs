//! Queues as resources: names, attributes, tags, listings, owners.

use crate::support::*;
use base::{AccountId, Region};
use sqs_api::*;
use testkit::Cloud;

#[tokio::test]
async fn creating_a_queue_again_compares_only_what_is_named() {
    let cloud = Cloud::new(1).await;
    let url = create(&cloud, "q", &[("VisibilityTimeout", "10")]).await;
    assert_eq!(url, "http://localhost:4566/000000000000/q");
    assert_eq!(create(&cloud, "q", &[]).await, url);
    assert_eq!(create(&cloud, "q", &[("VisibilityTimeout", "10"), ("DelaySeconds", "0")]).await, url);
    let fault = try_create(&cloud, "q", &[("VisibilityTimeout", "11")]).await.unwrap_err();
    assert_eq!((fault.name(), fault.code()), ("QueueNameExists", "QueueAlreadyExists"));
    assert_eq!(
        fault.message(),
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout"
    );
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let cloud = Cloud::new(2).await;
    let other = AccountId::new(111_111_111_111).unwrap();
    create(&cloud, "q", &[]).await;
    let elsewhere = Region::parse("eu-west-1").unwrap();
    for (account, region) in [(AccountId::DEV, elsewhere), (other, Region::US_EAST_1)] {
        let listed = cloud.call_as(account, region, ListQueues, ListQueuesInput::default()).await.unwrap();
        assert_eq!(listed.queue_urls, None);
        let input = GetQueueUrlInput { queue_name: "q".to_owned(), ..GetQueueUrlInput::default() };
        let fault = cloud.call_as(account, region, GetQueueUrl, input).await.unwrap_err();
        assert_eq!(fault.message(), "The specified queue does not exist.");
    }
    let input = SendMessageInput {
        queue_url: "http://localhost:4566/000000000000/q".to_owned(),
        message_body: "x".to_owned(),
        ..SendMessageInput::default()
    };
    let fault = cloud.call_as(other, Region::US_EAST_1, SendMessage, input).await.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
}

#[tokio::test]
async fn listings_come_in_pages_that_continue() {
    let cloud = Cloud::new(3).await;
    for number in 0..5 {
        create(&cloud, &format!("a-{number}"), &[]).await;
    }
    create(&cloud, "b", &[]).await;
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let input = ListQueuesInput {
            queue_name_prefix: Some("a-".to_owned()),
            max_results: Some(2),
            next_token: token.take(),
        };
        let page = cloud.call(ListQueues, input).await.unwrap();
        names.extend(page.queue_urls.unwrap_or_default());
        match page.next_token {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert_eq!(names.len(), 5);
    assert!(names.is_sorted());
    let whole = cloud.call(ListQueues, ListQueuesInput::default()).await.unwrap();
    assert_eq!((whole.queue_urls.unwrap().len(), whole.next_token), (6, None));
    let bad = ListQueuesInput { next_token: Some("rubbish".to_owned()), ..ListQueuesInput::default() };
    assert_eq!(cloud.call(ListQueues, bad).await.unwrap_err().code(), "InvalidParameterValue");
}

#[tokio::test]
async fn attributes_change_together_or_not_at_all() {
    let cloud = Cloud::new(4).await;
    let url = create(&cloud, "q", &[]).await;
    let set = |pairs: &[(&str, &str)]| {
        let input = SetQueueAttributesInput { queue_url: url.clone(), attributes: map(pairs) };
        cloud.call(SetQueueAttributes, input)
    };
    set(&[("DelaySeconds", "7"), ("MaximumMessageSize", "2048")]).await.unwrap();
    let fault = set(&[("DelaySeconds", "8"), ("VisibilityTimeout", "99999")]).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidAttributeValue");
    assert_eq!(fault.message(), "Invalid value for the parameter VisibilityTimeout.");
    assert_eq!(attribute(&cloud, &url, "DelaySeconds").await.as_deref(), Some("7"));
    let long = SendMessageInput {
        queue_url: url.clone(),
        message_body: "x".repeat(2049),
        ..SendMessageInput::default()
    };
    let fault = cloud.call(SendMessage, long).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "One or more parameters are invalid. Reason: Message must be shorter than 2048 bytes."
    );
}

#[tokio::test]
async fn tags_are_put_read_and_removed() {
    let cloud = Cloud::new(5).await;
    let url = create(&cloud, "q", &[]).await;
    let input = TagQueueInput { queue_url: url.clone(), tags: map(&[("team", "a"), ("cost", "1")]) };
    cloud.call(TagQueue, input).await.unwrap();
    let input =
        UntagQueueInput { queue_url: url.clone(), tag_keys: vec!["cost".to_owned(), "absent".to_owned()] };
    cloud.call(UntagQueue, input).await.unwrap();
    let tags = cloud.call(ListQueueTags, ListQueueTagsInput { queue_url: url.clone() }).await.unwrap().tags;
    assert_eq!(tags, Some(map(&[("team", "a")])));
}

#[tokio::test]
async fn a_queue_that_is_gone_answers_nothing() {
    let cloud = Cloud::new(6).await;
    let url = create(&cloud, "q", &[]).await;
    cloud.call(DeleteQueue, DeleteQueueInput { queue_url: url.clone() }).await.unwrap();
    let fault = cloud.call(ReceiveMessage, receive_input(&url)).await.unwrap_err();
    assert_eq!(
        (fault.name(), fault.code(), fault.status()),
        ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400)
    );
}
