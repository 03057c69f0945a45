//! Flow logs that are delivered: to S3 as the bucket's policy allows, and to this host's files.

use std::io::Read;
use std::time::Duration;

use ec2_api::*;
use flate2::read::GzDecoder;
use futures_util::StreamExt;
use network_engine::FlowRecord;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use s3_api::{
    CreateBucket, CreateBucketInput, DeleteBucketPolicy, DeleteBucketPolicyInput, GetBucketPolicy,
    GetBucketPolicyInput, GetObject, GetObjectInput, ListObjectsV2, ListObjectsV2Input,
};
use testkit::Cloud;

use crate::instances::{one, show};
use crate::support::{code, refused};

pub async fn bucket(cloud: &Cloud, name: &str) {
    let input = CreateBucketInput { bucket: name.to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, input).await.unwrap();
}

fn request(resource: &str, bucket: &str) -> CreateFlowLogsInput {
    CreateFlowLogsInput {
        resource_ids: vec![resource.to_owned()],
        resource_type: FlowLogsResourceType::Vpc,
        traffic_type: Some(TrafficType::All),
        log_destination_type: Some(LogDestinationType::S3),
        log_destination: Some(format!("arn:aws:s3:::{bucket}")),
        max_aggregation_interval: Some(60),
        ..CreateFlowLogsInput::default()
    }
}

/// A running instance, the VPC it is in, and its interface.
async fn watched(cloud: &Cloud) -> (String, String) {
    let id = one(cloud).await;
    let instance = show(cloud, &id).await;
    let card = instance.network_interfaces.unwrap().remove(0);
    (instance.vpc_id.unwrap(), card.network_interface_id.unwrap())
}

fn seen(interface: &str, accepted: bool) -> FlowRecord {
    FlowRecord {
        interface: interface.to_owned(),
        source: [10, 0, 0, 9].into(),
        destination: [172, 31, 0, 9].into(),
        source_port: 50_000,
        destination_port: 22,
        protocol: 6,
        packets: 2,
        bytes: 120,
        accepted,
        egress: false,
    }
}

async fn minutes(cloud: &Cloud, count: u32) {
    for _ in 0..count {
        cloud.clock.advance(Duration::from_secs(60));
        for _ in 0..3 {
            cloud.settle().await;
        }
    }
}

/// The files of a bucket: keys and texts.
async fn files(cloud: &Cloud, bucket: &str) -> Vec<(String, String)> {
    let unpacked = objects(cloud, bucket).await.into_iter().map(|(key, packed)| {
        let mut text = String::new();
        GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
        (key, text)
    });
    unpacked.collect()
}

async fn objects(cloud: &Cloud, bucket: &str) -> Vec<(String, Vec<u8>)> {
    let input = ListObjectsV2Input { bucket: bucket.to_owned(), ..ListObjectsV2Input::default() };
    let listed = cloud.call(ListObjectsV2, input).await.unwrap().contents.unwrap_or_default();
    let mut files = Vec::new();
    for key in listed.into_iter().filter_map(|object| object.key) {
        let input =
            GetObjectInput { bucket: bucket.to_owned(), key: key.clone(), ..GetObjectInput::default() };
        let body = cloud.call(GetObject, input).await.unwrap().body.unwrap();
        let chunks: Vec<_> = body.take().collect().await;
        files.push((key, chunks.into_iter().flat_map(Result::unwrap).collect()));
    }
    files
}

#[tokio::test]
async fn records_arrive_in_the_bucket_when_the_interval_is_over() {
    let cloud = Cloud::new(1).await;
    bucket(&cloud, "flows").await;
    let (vpc, interface) = watched(&cloud).await;
    let made = cloud.call(CreateFlowLogs, request(&vpc, "flows")).await.unwrap();
    let id = made.flow_log_ids.unwrap().remove(0);
    minutes(&cloud, 1).await;
    cloud.networks.pass(&vpc, seen(&interface, false));
    minutes(&cloud, 1).await;
    let files = files(&cloud, "flows").await;
    let account = base::AccountId::DEV;
    let folder =
        format!("AWSLogs/{account}/vpcflowlogs/us-east-1/2027/01/15/{account}_vpcflowlogs_us-east-1_{id}_");
    let (key, text) = files.first().expect("there is a file");
    assert!(key.starts_with(&folder) && key.ends_with(".log.gz"), "{key}");
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("version account-id interface-id"));
    let line = lines.next().unwrap();
    let expected = format!("2 {account} {interface} 10.0.0.9 172.31.0.9 50000 22 6 2 120 ");
    assert!(line.starts_with(&expected) && line.ends_with(" REJECT OK"), "{line}");
    assert!(cloud.networks.recorded_of(&id).contains(" REJECT OK"));
    let input = DescribeFlowLogsInput { flow_log_ids: Some(vec![id]), ..Default::default() };
    let log = cloud.call(DescribeFlowLogs, input).await.unwrap().flow_logs.unwrap().remove(0);
    assert_eq!(
        (log.flow_log_status.as_deref(), log.deliver_logs_status.as_deref()),
        (Some("ACTIVE"), Some("SUCCESS"))
    );
}

#[tokio::test]
async fn records_are_parquet_in_hive_folders_where_that_is_asked_for() {
    let cloud = Cloud::new(6).await;
    bucket(&cloud, "flows").await;
    let (vpc, interface) = watched(&cloud).await;
    let options = DestinationOptionsRequest {
        file_format: Some(DestinationFileFormat::Parquet),
        hive_compatible_partitions: Some(true),
        per_hour_partition: Some(true),
    };
    let input = CreateFlowLogsInput {
        destination_options: Some(options),
        log_format: Some("${interface-id} ${dstport} ${bytes} ${vpc-id} ${action}".to_owned()),
        ..request(&vpc, "flows")
    };
    let id = cloud.call(CreateFlowLogs, input).await.unwrap().flow_log_ids.unwrap().remove(0);
    minutes(&cloud, 1).await;
    cloud.networks.pass(&vpc, seen(&interface, false));
    minutes(&cloud, 1).await;
    let (key, body) = objects(&cloud, "flows").await.remove(0);
    let folder = format!("AWSLogs/aws-account-id={}/aws-service=vpcflowlogs/", base::AccountId::DEV);
    assert!(key.starts_with(&folder) && key.contains("/day=15/hour="), "{key}");
    assert!(key.contains(&id) && key.ends_with(".log.parquet"), "{key}");
    let reader = SerializedFileReader::new(bytes::Bytes::from(body)).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].get_string(0).unwrap(), rows[0].get_int(1).unwrap()), (&interface, 22));
    assert_eq!((rows[0].get_long(2).unwrap(), rows[0].get_string(3).unwrap()), (120, &vpc));
    assert_eq!(rows[0].get_string(4).unwrap(), "REJECT");
    let input = DescribeFlowLogsInput { flow_log_ids: Some(vec![id]), ..Default::default() };
    let log = cloud.call(DescribeFlowLogs, input).await.unwrap().flow_logs.unwrap().remove(0);
    assert_eq!(log.destination_options.unwrap().file_format, Some(DestinationFileFormat::Parquet));
    let other = DestinationOptionsRequest {
        file_format: Some(DestinationFileFormat::from("orc")),
        ..DestinationOptionsRequest::default()
    };
    let input = CreateFlowLogsInput { destination_options: Some(other), ..request(&vpc, "flows") };
    assert_eq!(code(cloud.call(CreateFlowLogs, input).await), "InvalidParameterValue");
}

#[tokio::test]
async fn an_interface_without_packets_has_no_data() {
    let cloud = Cloud::new(2).await;
    bucket(&cloud, "flows").await;
    let (vpc, interface) = watched(&cloud).await;
    let only = CreateFlowLogsInput { traffic_type: Some(TrafficType::Reject), ..request(&vpc, "flows") };
    let id = cloud.call(CreateFlowLogs, only).await.unwrap().flow_log_ids.unwrap().remove(0);
    minutes(&cloud, 1).await;
    cloud.networks.pass(&vpc, seen(&interface, true));
    minutes(&cloud, 1).await;
    let text = cloud.networks.recorded_of(&id);
    assert!(text.contains(&format!("{interface} - - - - - - - ")) && text.ends_with("- NODATA\n"), "{text}");
}

#[tokio::test]
async fn who_may_change_the_buckets_policy_gets_what_delivery_needs() {
    let cloud = Cloud::new(3).await;
    bucket(&cloud, "flows").await;
    let (vpc, _) = watched(&cloud).await;
    let id =
        cloud.call(CreateFlowLogs, request(&vpc, "flows")).await.unwrap().flow_log_ids.unwrap().remove(0);
    let input = GetBucketPolicyInput { bucket: "flows".to_owned(), ..GetBucketPolicyInput::default() };
    let policy = cloud.call(GetBucketPolicy, input).await.unwrap().policy.unwrap();
    assert!(policy.contains("AWSLogDeliveryWrite") && policy.contains("delivery.logs.amazonaws.com"));
    // Without it, delivery ends, and the log says so.
    let input = DeleteBucketPolicyInput { bucket: "flows".to_owned(), ..DeleteBucketPolicyInput::default() };
    cloud.call(DeleteBucketPolicy, input).await.unwrap();
    minutes(&cloud, 3).await;
    let input = DescribeFlowLogsInput { flow_log_ids: Some(vec![id]), ..Default::default() };
    let log = cloud.call(DescribeFlowLogs, input).await.unwrap().flow_logs.unwrap().remove(0);
    assert_eq!(log.deliver_logs_status.as_deref(), Some("FAILED"));
    assert_eq!(log.deliver_logs_error_message.as_deref(), Some("Access error"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_or_anothers_takes_no_log() {
    let cloud = Cloud::new(4).await;
    let (vpc, _) = watched(&cloud).await;
    let answer = cloud.call(CreateFlowLogs, request(&vpc, "nowhere")).await.unwrap();
    let error = answer.unsuccessful.unwrap().remove(0).error.unwrap();
    assert_eq!(error.code.as_deref(), Some("400"));
    assert_eq!(error.message.as_deref(), Some("LogDestination: nowhere does not exist"));
    let cloud = cloud.as_account(222_222_222_222);
    bucket(&cloud, "theirs").await;
    let cloud = cloud.as_account(base::AccountId::DEV.to_string().parse().unwrap());
    let answer = cloud.call(CreateFlowLogs, request(&vpc, "theirs")).await.unwrap();
    let error = answer.unsuccessful.unwrap().remove(0).error.unwrap();
    let message = "Access Denied for LogDestination: theirs. Please check LogDestination permission";
    assert_eq!(error.message.as_deref(), Some(message));
}

#[tokio::test]
async fn what_cannot_be_delivered_is_refused() {
    let cloud = Cloud::new(5).await;
    let (vpc, _) = watched(&cloud).await;
    let to_logs = CreateFlowLogsInput {
        log_destination_type: None,
        log_destination: None,
        log_group_name: Some("flows".to_owned()),
        deliver_logs_permission_arn: Some("arn:aws:iam::123456789012:role/flows".to_owned()),
        ..request(&vpc, "flows")
    };
    let (code_of, message) = refused(cloud.call(CreateFlowLogs, to_logs).await);
    assert_eq!(code_of, "UnsupportedOperation");
    assert!(message.contains("CloudWatch Logs"), "{message}");
    let with_role = CreateFlowLogsInput {
        deliver_logs_permission_arn: Some("arn:aws:iam::123456789012:role/flows".to_owned()),
        ..request(&vpc, "flows")
    };
    assert_eq!(code(cloud.call(CreateFlowLogs, with_role).await), "InvalidParameter");
}
