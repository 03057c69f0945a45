//! Server access logs: what is delivered where, and who has to allow it.

use std::time::Duration;

use base::AccountId;
use fogbank_s3::LoggedRequest;
use s3_api::*;
use service::Principal;
use testkit::Cloud;

use crate::support::*;

const LOGS: &str = "the-logs";

/// A cloud with a bucket whose requests are logged into another.
async fn logged_cloud(seed: u64, format: Option<TargetObjectKeyFormat>) -> Cloud {
    let cloud = cloud(seed).await;
    make_bucket(&cloud, LOGS).await;
    let enabled = LoggingEnabled {
        target_bucket: LOGS.to_owned(),
        target_prefix: "of-the-bucket/".to_owned(),
        target_object_key_format: format,
        ..LoggingEnabled::default()
    };
    // The policy that lets logs in may come later.
    allow_delivery(&cloud).await;
    let input = PutBucketLoggingInput {
        bucket: BUCKET.to_owned(),
        bucket_logging_status: BucketLoggingStatus { logging_enabled: Some(enabled) },
        ..PutBucketLoggingInput::default()
    };
    cloud.call(PutBucketLogging, input).await.expect("logging is possible");
    cloud
}

async fn allow_delivery(cloud: &Cloud) {
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"Service":"logging.s3.amazonaws.com"}},
        "Action":"s3:PutObject","Resource":"arn:aws:s3:::{LOGS}/*","Condition":{{
        "ArnLike":{{"aws:SourceArn":"arn:aws:s3:::{BUCKET}"}},
        "StringEquals":{{"aws:SourceAccount":"{OWNER}"}}}}}}]}}"#
    );
    let input = PutBucketPolicyInput { bucket: LOGS.to_owned(), policy, ..PutBucketPolicyInput::default() };
    cloud.call(PutBucketPolicy, input).await.expect("it is a policy");
}

fn request(cloud: &Cloud, bucket: &str, key: &str) -> LoggedRequest {
    LoggedRequest {
        bucket: bucket.to_owned(),
        at: cloud.clock.now(),
        ip: "127.0.0.1".parse().expect("it is an address"),
        caller: Some((Principal::root(AccountId::DEV, base::Region::US_EAST_1, None), None)),
        request_id: "request".to_owned(),
        host_id: "host".to_owned(),
        operation: "REST.GET.OBJECT".to_owned(),
        key: Some(key.to_owned()),
        request_line: format!("GET /{key} HTTP/1.1"),
        status: 200,
        error: None,
        bytes_sent: 5,
        object_size: Some(5),
        total: Duration::from_millis(2),
        turn_around: Duration::from_millis(1),
        referer: None,
        user_agent: None,
        version_id: None,
        host: "localhost".to_owned(),
        tls_version: None,
    }
}

async fn logs(cloud: &Cloud) -> Vec<String> {
    let list = ListObjectsV2Input { bucket: LOGS.to_owned(), ..ListObjectsV2Input::default() };
    let contents = cloud.call(ListObjectsV2, list).await.expect("the bucket is there").contents;
    contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
}

async fn text_of(cloud: &Cloud, key: &str) -> String {
    let input = GetObjectInput { bucket: LOGS.to_owned(), ..getting(key) };
    let got = cloud.call(GetObject, input).await.expect("the log is there");
    String::from_utf8(bytes_of(got).await).expect("logs are text")
}

#[tokio::test]
async fn requests_are_delivered_every_few_minutes_in_one_object() {
    let cloud = logged_cloud(1, None).await;
    for key in ["a", "b", "c"] {
        cloud.s3.log_access(request(&cloud, BUCKET, key));
    }
    cloud.s3.log_access(request(&cloud, LOGS, "not logged"));
    cloud.settle().await;
    assert_eq!(logs(&cloud).await, [""; 0]);
    cloud.advance(Duration::from_secs(301)).await;
    let keys = logs(&cloud).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("of-the-bucket/2027-01-15-08-05-01-"), "{keys:?}");
    let text = text_of(&cloud, &keys[0]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].contains(" the-bucket [15/Jan/2027:08:00:00 +0000] 127.0.0.1 "), "{text}");
    cloud.advance(Duration::from_secs(301)).await;
    assert_eq!(logs(&cloud).await.len(), 1, "what was delivered is not delivered again");
}

#[tokio::test]
async fn partitioned_logs_are_of_one_day_each() {
    let by_event = PartitionedPrefix { partition_date_source: Some(PartitionDateSource::EventTime) };
    let format =
        TargetObjectKeyFormat { partitioned_prefix: Some(by_event), ..TargetObjectKeyFormat::default() };
    let cloud = logged_cloud(2, Some(format)).await;
    cloud.s3.log_access(request(&cloud, BUCKET, "today"));
    let tomorrow = cloud.clock.now() + Duration::from_secs(24 * 3600);
    cloud.s3.log_access(LoggedRequest { at: tomorrow, ..request(&cloud, BUCKET, "tomorrow") });
    cloud.settle().await;
    cloud.advance(Duration::from_secs(301)).await;
    let keys = logs(&cloud).await;
    let part =
        |day: u8| format!("of-the-bucket/{OWNER}/us-east-1/{BUCKET}/2027/01/{day}/2027-01-{day}-00-00-00-");
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with(&part(15)) && keys[1].starts_with(&part(16)), "{keys:?}");
    assert!(text_of(&cloud, &keys[1]).await.contains(" tomorrow "));
}

#[tokio::test]
async fn whom_the_target_does_not_let_in_delivers_nothing() {
    let cloud = logged_cloud(3, None).await;
    let policy = DeleteBucketPolicyInput { bucket: LOGS.to_owned(), ..DeleteBucketPolicyInput::default() };
    cloud.call(DeleteBucketPolicy, policy).await.unwrap();
    cloud.s3.log_access(request(&cloud, BUCKET, "lost"));
    cloud.settle().await;
    cloud.advance(Duration::from_secs(301)).await;
    assert_eq!(logs(&cloud).await, [""; 0]);
    allow_delivery(&cloud).await;
    cloud.s3.log_access(request(&cloud, BUCKET, "kept"));
    cloud.settle().await;
    cloud.advance(Duration::from_secs(301)).await;
    let keys = logs(&cloud).await;
    let text = text_of(&cloud, &keys[0]).await;
    assert!(text.contains(" kept ") && !text.contains(" lost "), "{text}");
}
