//! Inventory reports: when they are made, what is in them, and who has to let them in.

use std::time::Duration;

use s3_api::*;
use serde_json::Value;
use testkit::Cloud;

use crate::support::*;

const REPORTS: &str = "the-reports";
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn allow_reports(cloud: &Cloud) {
    let policy = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"Service":"s3.amazonaws.com"}},"Action":"s3:PutObject",
        "Resource":"arn:aws:s3:::{REPORTS}/*","Condition":{{
        "ArnLike":{{"aws:SourceArn":"arn:aws:s3:::{BUCKET}"}},
        "StringEquals":{{"aws:SourceAccount":"{OWNER}","s3:x-amz-acl":"bucket-owner-full-control"}}}}}}]}}"#
    );
    let input =
        PutBucketPolicyInput { bucket: REPORTS.to_owned(), policy, ..PutBucketPolicyInput::default() };
    cloud.call(PutBucketPolicy, input).await.expect("it is a policy");
}

fn configuring(
    format: InventoryFormat,
    frequency: InventoryFrequency,
) -> PutBucketInventoryConfigurationInput {
    PutBucketInventoryConfigurationInput {
        bucket: BUCKET.to_owned(),
        id: "the-report".to_owned(),
        inventory_configuration: InventoryConfiguration {
            id: "the-report".to_owned(),
            is_enabled: true,
            destination: InventoryDestination {
                s3_bucket_destination: InventoryS3BucketDestination {
                    account_id: Some(OWNER.to_owned()),
                    bucket: format!("arn:aws:s3:::{REPORTS}"),
                    format,
                    ..InventoryS3BucketDestination::default()
                },
            },
            included_object_versions: InventoryIncludedObjectVersions::All,
            optional_fields: Some(vec![
                InventoryOptionalField::Size,
                InventoryOptionalField::EncryptionStatus,
            ]),
            schedule: InventorySchedule { frequency },
            filter: Some(InventoryFilter { prefix: "k".to_owned() }),
        },
        ..PutBucketInventoryConfigurationInput::default()
    }
}

async fn keys(cloud: &Cloud) -> Vec<String> {
    let list = ListObjectsV2Input { bucket: REPORTS.to_owned(), ..ListObjectsV2Input::default() };
    let contents = cloud.call(ListObjectsV2, list).await.expect("the bucket is there").contents;
    contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
}

async fn manifests(cloud: &Cloud) -> Vec<String> {
    // Reports are compressed on another thread.
    for _ in 0..100 {
        cloud.settle().await;
        let found: Vec<String> =
            keys(cloud).await.into_iter().filter(|key| key.ends_with("manifest.json")).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

async fn bytes(cloud: &Cloud, key: &str) -> Vec<u8> {
    let input = GetObjectInput { bucket: REPORTS.to_owned(), ..getting(key) };
    bytes_of(cloud.call(GetObject, input).await.expect("it is there")).await
}

#[tokio::test]
async fn a_report_lists_all_versions_and_is_announced_last() {
    let cloud = versioned_cloud(1).await;
    make_bucket(&cloud, REPORTS).await;
    allow_reports(&cloud).await;
    for (key, content) in [("k1", "one"), ("k1", "other"), ("k2", "two"), ("other", "not listed")] {
        put(&cloud, key, content).await;
    }
    let delete =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k2".to_owned(), ..DeleteObjectInput::default() };
    cloud.call(DeleteObject, delete).await.unwrap();
    let input = configuring(InventoryFormat::Csv, InventoryFrequency::Daily);
    cloud.call(PutBucketInventoryConfiguration, input).await.unwrap();
    cloud.advance(DAY).await;
    let found = manifests(&cloud).await;
    assert_eq!(found, ["the-bucket/the-report/2027-01-16T08-00Z/manifest.json"]);
    let manifest: Value = serde_json::from_slice(&bytes(&cloud, &found[0]).await).unwrap();
    assert_eq!(
        manifest["fileSchema"],
        "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, EncryptionStatus"
    );
    assert_eq!((&manifest["sourceBucket"], &manifest["fileFormat"]), (&"the-bucket".into(), &"CSV".into()));
    let file = &manifest["files"][0];
    let content = bytes(&cloud, file["key"].as_str().unwrap()).await;
    assert_eq!(file["size"], content.len());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&content[..]), &mut text).unwrap();
    let shown: Vec<String> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line[1..line.len() - 1].split("\",\"").collect();
            format!("{} {} {} {} {}", fields[1], fields[3], fields[4], fields[5], fields[6])
        })
        .collect();
    assert_eq!(
        shown,
        ["k1 true false 5 SSE-S3", "k1 false false 3 SSE-S3", "k2 true true  ", "k2 false false 3 SSE-S3",]
    );
    let all = keys(&cloud).await;
    assert!(all.contains(&"the-bucket/the-report/2027-01-16T08-00Z/manifest.checksum".to_owned()), "{all:?}");
    assert!(
        all.contains(&"the-bucket/the-report/hive/dt=2027-01-16-08-00/symlink.txt".to_owned()),
        "{all:?}"
    );
}

#[tokio::test]
async fn weekly_reports_follow_the_first_on_sundays() {
    let cloud = cloud(2).await;
    make_bucket(&cloud, REPORTS).await;
    allow_reports(&cloud).await;
    let input = configuring(InventoryFormat::Parquet, InventoryFrequency::Weekly);
    cloud.call(PutBucketInventoryConfiguration, input).await.unwrap();
    // The first on Saturday the 16th; then Sundays.
    let mut days = Vec::new();
    for _ in 0..10 {
        cloud.advance(DAY).await;
        let found = manifests(&cloud).await;
        days.push(found.len());
    }
    assert_eq!(days, [1, 2, 2, 2, 2, 2, 2, 2, 3, 3]);
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_what_is_not_let_in_is_given_up() {
    let cloud = cloud(3).await;
    make_bucket(&cloud, REPORTS).await;
    let orc = configuring(InventoryFormat::Orc, InventoryFrequency::Daily);
    assert_eq!(code(cloud.call(PutBucketInventoryConfiguration, orc).await), "NotImplemented");
    let input = configuring(InventoryFormat::Csv, InventoryFrequency::Daily);
    cloud.call(PutBucketInventoryConfiguration, input).await.unwrap();
    cloud.advance(DAY).await;
    assert_eq!(keys(&cloud).await, [""; 0]);
    allow_reports(&cloud).await;
    cloud.advance(DAY).await;
    assert_eq!(manifests(&cloud).await.len(), 1, "the next one is made");
}
