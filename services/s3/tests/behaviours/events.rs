//! Event notifications, as they arrive in a queue.

use base::{AccountId, Region};
use s3_api::*;
use serde_json::Value;
use sqs_api::{
    CreateQueue, CreateQueueInput, DeleteMessage, DeleteMessageInput, ReceiveMessage, ReceiveMessageInput,
    SetQueueAttributes, SetQueueAttributesInput,
};
use testkit::Cloud;

use crate::support::*;

pub const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:events";
const QUEUE_URL: &str = "http://localhost:4566/000000000000/events";

/// A queue that S3 may send to, on behalf of [`BUCKET`] alone.
pub async fn make_queue(cloud: &Cloud) {
    let input = CreateQueueInput { queue_name: "events".to_owned(), ..CreateQueueInput::default() };
    cloud.call(CreateQueue, input).await.expect("the queue is possible");
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"Service": "s3.amazonaws.com"}},
        "Action": "sqs:SendMessage", "Resource": "{QUEUE_ARN}", "Condition": {{
            "ArnLike": {{"aws:SourceArn": "arn:aws:s3:::{BUCKET}"}},
            "StringEquals": {{"aws:SourceAccount": "{OWNER}"}}}}}}}}"#
    );
    set_queue_policy(cloud, policy).await;
}

async fn set_queue_policy(cloud: &Cloud, policy: String) {
    let input = SetQueueAttributesInput {
        queue_url: QUEUE_URL.to_owned(),
        attributes: [("Policy".to_owned(), policy)].into_iter().collect(),
    };
    cloud.call(SetQueueAttributes, input).await.expect("the policy is well formed");
}

/// Has the bucket tell the queue of some events.
pub async fn notify(cloud: &Cloud, events: &[&str], prefix: &str) {
    let rule = FilterRule { name: Some(FilterRuleName::Prefix), value: Some(prefix.to_owned()) };
    let filter =
        NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules: Some(vec![rule]) }) };
    let queue = QueueConfiguration {
        id: Some("the-rule".to_owned()),
        queue_arn: QUEUE_ARN.to_owned(),
        events: events.iter().map(|event| Event::from(*event)).collect(),
        filter: Some(filter),
    };
    let input = PutBucketNotificationConfigurationInput {
        bucket: BUCKET.to_owned(),
        notification_configuration: NotificationConfiguration {
            queue_configurations: Some(vec![queue]),
            ..NotificationConfiguration::default()
        },
        ..PutBucketNotificationConfigurationInput::default()
    };
    cloud.call(PutBucketNotificationConfiguration, input).await.expect("the queue takes a message");
    let tests = received(cloud, 1).await;
    assert_eq!(tests[0]["Event"], "s3:TestEvent");
    assert_eq!(tests[0]["Bucket"], BUCKET);
}

/// So many messages, once they have arrived.
pub async fn received(cloud: &Cloud, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for _ in 0..500 {
        cloud.settle().await;
        let input = ReceiveMessageInput {
            queue_url: QUEUE_URL.to_owned(),
            max_number_of_messages: Some(10),
            ..ReceiveMessageInput::default()
        };
        let output = cloud.call(ReceiveMessage, input).await.expect("the queue is there");
        for message in output.messages.into_iter().flatten() {
            let body = message.body.expect("it has a body");
            found.push(serde_json::from_str::<Value>(&body).expect("events are JSON"));
            let receipt_handle = message.receipt_handle.expect("it has a handle");
            let input = DeleteMessageInput { queue_url: QUEUE_URL.to_owned(), receipt_handle };
            cloud.call(DeleteMessage, input).await.expect("the message is there");
        }
        if found.len() >= count {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("{} messages, not {count}: {found:?}", found.len());
}

/// The names and keys of so many events.
pub async fn told(cloud: &Cloud, count: usize) -> Vec<String> {
    let messages = received(cloud, count).await;
    let mut told: Vec<String> = messages
        .iter()
        .map(|message| {
            let record = &message["Records"][0];
            let text = |value: &Value| value.as_str().expect("it is text").to_owned();
            format!("{} {}", text(&record["eventName"]), text(&record["s3"]["object"]["key"]))
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn an_event_says_what_happened_to_which_object_and_by_whom() {
    let cloud = versioned_cloud(1).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:ObjectCreated:*"], "").await;
    let put = put(&cloud, "a folder/red flower.jpg", "red").await;
    let message = received(&cloud, 1).await.remove(0);
    let record = &message["Records"][0];
    assert_eq!(record["eventVersion"], "2.1");
    assert_eq!(record["eventSource"], "aws:s3");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(record["eventTime"], "2027-01-15T08:00:00.000Z");
    assert_eq!(record["eventName"], "ObjectCreated:Put");
    assert_eq!(record["userIdentity"]["principalId"], format!("AWS:{OWNER}"));
    let s3 = &record["s3"];
    assert_eq!(s3["s3SchemaVersion"], "1.0");
    assert_eq!(s3["configurationId"], "the-rule");
    assert_eq!(s3["bucket"]["name"], BUCKET);
    assert_eq!(s3["bucket"]["arn"], format!("arn:aws:s3:::{BUCKET}"));
    let object = &s3["object"];
    assert_eq!(object["key"], "a+folder/red+flower.jpg");
    assert_eq!(object["size"], 3);
    assert_eq!(object["eTag"].as_str(), put.e_tag.as_deref().map(|tag| tag.trim_matches('"')));
    assert_eq!(object["versionId"].as_str(), put.version_id.as_deref());
    assert_eq!(object["sequencer"].as_str().unwrap().len(), 18);
}

#[tokio::test]
async fn only_what_a_rule_asks_for_is_told() {
    let cloud = cloud(2).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:ObjectRemoved:*", "s3:ObjectTagging:Put"], "logs/").await;
    for key in ["logs/1", "other"] {
        put(&cloud, key, "x").await;
        let tags = Tagging { tag_set: vec![Tag { key: "k".to_owned(), value: "v".to_owned() }] };
        let tagging = PutObjectTaggingInput {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            tagging: tags,
            ..PutObjectTaggingInput::default()
        };
        cloud.call(PutObjectTagging, tagging).await.unwrap();
        let deleting = DeleteObjectInput {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            ..DeleteObjectInput::default()
        };
        cloud.call(DeleteObject, deleting).await.unwrap();
    }
    assert_eq!(told(&cloud, 2).await, ["ObjectRemoved:Delete logs/1", "ObjectTagging:Put logs/1"]);
}

#[tokio::test]
async fn events_of_a_key_arrive_in_the_order_of_their_sequencers() {
    let cloud = cloud(3).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:ObjectCreated:*"], "").await;
    for size in 1..=5_usize {
        put(&cloud, "k", vec![b'x'; size]).await;
    }
    let messages = received(&cloud, 5).await;
    let mut seen: Vec<(String, u64)> = messages
        .iter()
        .map(|message| {
            let object = &message["Records"][0]["s3"]["object"];
            (object["sequencer"].as_str().unwrap().to_owned(), object["size"].as_u64().unwrap())
        })
        .collect();
    seen.sort();
    assert_eq!(seen.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn the_policy_of_the_queue_decides_whose_events_it_takes() {
    let cloud = cloud(4).await;
    make_queue(&cloud).await;
    let input = CreateBucketInput { bucket: "another-bucket".to_owned(), ..CreateBucketInput::default() };
    let other = AccountId::new(STRANGER).unwrap();
    cloud.call_as(other, Region::US_EAST_1, CreateBucket, input).await.unwrap();
    let queue = QueueConfiguration {
        queue_arn: QUEUE_ARN.to_owned(),
        events: vec![Event::S3ObjectCreated],
        ..QueueConfiguration::default()
    };
    let input = PutBucketNotificationConfigurationInput {
        bucket: "another-bucket".to_owned(),
        notification_configuration: NotificationConfiguration {
            queue_configurations: Some(vec![queue]),
            ..NotificationConfiguration::default()
        },
        ..PutBucketNotificationConfigurationInput::default()
    };
    let refused = as_stranger(&cloud, PutBucketNotificationConfiguration, input).await.unwrap_err();
    assert_eq!(refused.message(), "Unable to validate the following destination configurations");
}

#[tokio::test]
async fn what_a_queue_refuses_is_dropped_and_holds_nobody_up() {
    let cloud = cloud(5).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:ObjectCreated:*"], "").await;
    let nobody = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage",
        "Resource": "*"}}"#;
    set_queue_policy(&cloud, nobody.to_owned()).await;
    put(&cloud, "k", "lost").await;
    for _ in 0..50 {
        cloud.settle().await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let everybody = nobody.replace("Deny", "Allow");
    set_queue_policy(&cloud, everybody).await;
    put(&cloud, "k", "seen").await;
    let message = received(&cloud, 1).await.remove(0);
    assert_eq!(message["Records"][0]["s3"]["object"]["eTag"].as_str().map(str::len), Some(32));
    assert_eq!(message["Records"][0]["s3"]["object"]["size"], 4);
}
