//! Short ways to say what the tests do most.

use std::collections::BTreeMap;

use schema::Fault;
use sqs_api::*;
use testkit::Cloud;

pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub async fn create(cloud: &Cloud, name: &str, attributes: &[(&str, &str)]) -> String {
    try_create(cloud, name, attributes).await.expect("the queue is new and its attributes are good")
}

pub async fn try_create(cloud: &Cloud, name: &str, attributes: &[(&str, &str)]) -> Result<String, Fault> {
    let input = CreateQueueInput {
        queue_name: name.to_owned(),
        attributes: Some(map(attributes)),
        ..CreateQueueInput::default()
    };
    cloud.call(CreateQueue, input).await.map(|output| output.queue_url.expect("a new queue has a URL"))
}

pub async fn fifo(cloud: &Cloud, name: &str) -> String {
    create(cloud, name, &[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")]).await
}

pub async fn send(cloud: &Cloud, url: &str, body: &str) -> SendMessageOutput {
    send_to_group(cloud, url, body, None).await
}

pub async fn send_to_group(cloud: &Cloud, url: &str, body: &str, group: Option<&str>) -> SendMessageOutput {
    let input = SendMessageInput {
        queue_url: url.to_owned(),
        message_body: body.to_owned(),
        message_group_id: group.map(str::to_owned),
        ..SendMessageInput::default()
    };
    cloud.call(SendMessage, input).await.expect("the message is good")
}

pub fn receive_input(url: &str) -> ReceiveMessageInput {
    ReceiveMessageInput {
        queue_url: url.to_owned(),
        max_number_of_messages: Some(10),
        attribute_names: None,
        message_system_attribute_names: Some(vec![MessageSystemAttributeName::from("All")]),
        ..ReceiveMessageInput::default()
    }
}

pub async fn receive(cloud: &Cloud, url: &str) -> Vec<Message> {
    let output = cloud.call(ReceiveMessage, receive_input(url)).await.expect("the queue exists");
    output.messages.unwrap_or_default()
}

pub async fn bodies(cloud: &Cloud, url: &str) -> Vec<String> {
    receive(cloud, url).await.into_iter().filter_map(|message| message.body).collect()
}

pub async fn delete(cloud: &Cloud, url: &str, handle: &str) -> Result<(), Fault> {
    let input = DeleteMessageInput { queue_url: url.to_owned(), receipt_handle: handle.to_owned() };
    cloud.call(DeleteMessage, input).await.map(|_| ())
}

pub async fn attribute(cloud: &Cloud, url: &str, name: &str) -> Option<String> {
    let input = GetQueueAttributesInput {
        queue_url: url.to_owned(),
        attribute_names: Some(vec![QueueAttributeName::from(name)]),
    };
    let output = cloud.call(GetQueueAttributes, input).await.expect("the queue exists");
    output.attributes.and_then(|mut attributes| attributes.remove(name))
}

pub async fn arn(cloud: &Cloud, url: &str) -> String {
    attribute(cloud, url, "QueueArn").await.expect("every queue has an ARN")
}

/// The counts of visible, hidden and delayed messages.
pub async fn counts(cloud: &Cloud, url: &str) -> [String; 3] {
    let mut found = [const { String::new() }; 3];
    let names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ];
    for (place, name) in found.iter_mut().zip(names) {
        *place = attribute(cloud, url, name).await.expect("every queue is counted");
    }
    found
}
