//! Disks and images that come from S3.

use std::time::Duration;

use ec2_api::*;
use iam_api::{CreateRole, CreateRoleInput, PutRolePolicy, PutRolePolicyInput};
use s3_api::{CreateBucket, CreateBucketInput, PutObject, PutObjectInput};
use schema::ByteStream;
use testkit::Cloud;

use crate::support::{code, filters, refused, tagged};
use crate::volumes::volume;

pub const BLOCK: usize = 512 << 10;
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "vmie.amazonaws.com"}, "Condition": {"StringEquals": {"sts:Externalid": "vmimport"}}}]}"#;

/// The role of the user guide, for the bucket `disks`.
pub async fn role(cloud: &Cloud, name: &str, actions: &str) {
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: TRUST.to_owned(),
        ..CreateRoleInput::default()
    };
    cloud.call(CreateRole, input).await.unwrap();
    let input = PutRolePolicyInput {
        role_name: name.to_owned(),
        policy_name: "disks".to_owned(),
        policy_document: format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": {actions},
                "Resource": ["arn:aws:s3:::disks", "arn:aws:s3:::disks/*"]}}]}}"#
        ),
    };
    cloud.call(PutRolePolicy, input).await.unwrap();
}

pub async fn bucket(cloud: &Cloud) {
    let input = CreateBucketInput { bucket: "disks".to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, input).await.unwrap();
}

pub async fn upload(cloud: &Cloud, key: &str, bytes: Vec<u8>) {
    let object = PutObjectInput {
        bucket: "disks".to_owned(),
        key: key.to_owned(),
        body: Some(ByteStream::from(bytes::Bytes::from(bytes))),
        ..PutObjectInput::default()
    };
    cloud.call(PutObject, object).await.unwrap();
}

/// Three blocks and a bit, of which the second is empty.
pub fn disk() -> Vec<u8> {
    let mut bytes = vec![0; 3 * BLOCK + 512];
    bytes[..5].copy_from_slice(b"first");
    bytes[2 * BLOCK..2 * BLOCK + 5].copy_from_slice(b"third");
    bytes[3 * BLOCK..3 * BLOCK + 4].copy_from_slice(b"rest");
    bytes
}

/// The cloud's own images have public ones.
pub fn own_snapshots() -> DescribeSnapshotsInput {
    DescribeSnapshotsInput { owner_ids: Some(vec!["self".to_owned()]), ..DescribeSnapshotsInput::default() }
}

pub async fn ready(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    bucket(&cloud).await;
    role(&cloud, "vmimport", r#"["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"]"#).await;
    cloud
}

pub fn of(key: &str) -> ImportSnapshotInput {
    let bucket = UserBucket { s3_bucket: Some("disks".to_owned()), s3_key: Some(key.to_owned()) };
    ImportSnapshotInput {
        description: Some("a task".to_owned()),
        disk_container: Some(SnapshotDiskContainer {
            description: Some("a disk".to_owned()),
            format: Some("raw".to_owned()),
            user_bucket: Some(bucket),
            url: None,
        }),
        ..ImportSnapshotInput::default()
    }
}

async fn import(cloud: &Cloud, input: ImportSnapshotInput) -> String {
    cloud.call(ImportSnapshot, input).await.unwrap().import_task_id.unwrap()
}

async fn task(cloud: &Cloud, id: &str) -> SnapshotTaskDetail {
    let input = DescribeImportSnapshotTasksInput {
        import_task_ids: Some(vec![id.to_owned()]),
        ..DescribeImportSnapshotTasksInput::default()
    };
    let tasks = cloud.call(DescribeImportSnapshotTasks, input).await.unwrap().import_snapshot_tasks;
    tasks.unwrap().remove(0).snapshot_task_detail.unwrap()
}

async fn settled(cloud: &Cloud, id: &str) -> SnapshotTaskDetail {
    for _ in 0..50 {
        let task = task(cloud, id).await;
        if matches!(task.status.as_deref(), Some("completed" | "deleted")) {
            return task;
        }
        cloud.settle().await;
        cloud.clock.advance(Duration::from_millis(500));
    }
    panic!("the task stays {:?}", task(cloud, id).await);
}

async fn snapshot(cloud: &Cloud, id: &str) -> Snapshot {
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().remove(0)
}

#[tokio::test]
async fn a_disk_in_s3_becomes_a_snapshot_with_the_same_bytes() {
    let cloud = ready(1).await;
    upload(&cloud, "a.raw", disk()).await;
    let begun = cloud.call(ImportSnapshot, of("a.raw")).await.unwrap();
    let detail = begun.snapshot_task_detail.unwrap();
    assert_eq!(
        (detail.status.as_deref(), detail.status_message.as_deref()),
        (Some("active"), Some("pending"))
    );
    assert_eq!((detail.snapshot_id, detail.encrypted), (None, Some(false)));
    let id = begun.import_task_id.unwrap();
    let done = settled(&cloud, &id).await;
    assert_eq!(done.status.as_deref(), Some("completed"), "{done:?}");
    assert_eq!((done.progress, done.status_message, done.format.as_deref()), (None, None, Some("RAW")));
    assert_eq!(done.disk_image_size, Some((3 * BLOCK + 512) as f64));
    let made = done.snapshot_id.unwrap();
    let shown = snapshot(&cloud, &made).await;
    assert_eq!((shown.state, shown.volume_size), (Some(SnapshotState::Completed), Some(1)));
    assert_eq!(shown.description, Some(format!("Created by AWS-VMImport service for {id}")));
    let input = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        snapshot_id: Some(made),
        ..CreateVolumeInput::default()
    };
    let restored = volume(&cloud, input).await;
    for (block, expected) in disk().chunks(BLOCK).enumerate() {
        let found = cloud.disks.read(&restored, block as u64);
        match block {
            1 => assert_eq!(found, None),
            _ => assert!(found.unwrap().starts_with(expected), "{block}"),
        }
    }
}

#[tokio::test]
async fn an_encrypted_import_has_the_key_that_was_asked_for() {
    let cloud = ready(2).await;
    upload(&cloud, "a.raw", disk()).await;
    let id = import(&cloud, ImportSnapshotInput { encrypted: Some(true), ..of("a.raw") }).await;
    let done = settled(&cloud, &id).await;
    assert_eq!((done.status.as_deref(), done.encrypted), (Some("completed"), Some(true)));
    let made = snapshot(&cloud, &done.snapshot_id.unwrap()).await;
    assert_eq!((made.encrypted, made.kms_key_id), (Some(true), done.kms_key_id.clone()));
    assert!(done.kms_key_id.unwrap().starts_with("arn:aws:kms:us-east-1:"));
    let input = ImportSnapshotInput { kms_key_id: Some("alias/aws/ebs".to_owned()), ..of("a.raw") };
    assert_eq!(code(cloud.call(ImportSnapshot, input).await), "InvalidParameter");
}

#[tokio::test]
async fn without_its_role_nothing_is_imported() {
    let cloud = Cloud::new(3).await;
    bucket(&cloud).await;
    upload(&cloud, "a.raw", disk()).await;
    let (code, message) = refused(cloud.call(ImportSnapshot, of("a.raw")).await);
    assert_eq!(code, "InvalidParameter");
    assert_eq!(
        message,
        "The service role vmimport provided does not exist or does not have sufficient permissions"
    );
    // One that may not read the object is found out by the task.
    role(&cloud, "other", r#""s3:ListBucket""#).await;
    let input = ImportSnapshotInput { role_name: Some("other".to_owned()), ..of("a.raw") };
    let id = import(&cloud, input).await;
    let failed = settled(&cloud, &id).await;
    assert_eq!(failed.status.as_deref(), Some("deleted"));
    let why = failed.status_message.unwrap();
    assert!(why.starts_with("ClientError: Disk validation failed") && why.contains("403 Forbidden"), "{why}");
    assert_eq!(failed.snapshot_id, None);
}

#[tokio::test]
async fn what_is_no_disk_fails_and_leaves_nothing() {
    let cloud = ready(4).await;
    upload(&cloud, "empty", Vec::new()).await;
    for (key, why) in [("empty", "the file is empty"), ("missing", "404 Not Found")] {
        let id = import(&cloud, of(key)).await;
        let failed = settled(&cloud, &id).await;
        assert_eq!(failed.status.as_deref(), Some("deleted"), "{key}");
        assert!(failed.status_message.clone().unwrap().contains(why), "{failed:?}");
    }
    let all = cloud.call(DescribeSnapshots, own_snapshots()).await.unwrap();
    assert_eq!(all.snapshots, Some(Vec::new()));
    assert_eq!(cloud.conversions.drafts(), Vec::<String>::new());
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_at_once() {
    let cloud = ready(5).await;
    let container = |change: &dyn Fn(&mut SnapshotDiskContainer)| {
        let mut input = of("a.raw");
        change(input.disk_container.as_mut().unwrap());
        input
    };
    let bucket_only = UserBucket { s3_bucket: Some("disks".to_owned()), s3_key: None };
    for (input, expected) in [
        (ImportSnapshotInput { disk_container: None, ..of("a.raw") }, "MissingParameter"),
        (container(&|it| it.user_bucket = None), "MissingParameter"),
        (container(&|it| it.user_bucket = Some(bucket_only.clone())), "InvalidParameter"),
        (container(&|it| it.url = Some("s3://disks/a.raw".to_owned())), "InvalidParameter"),
        (container(&|it| it.format = Some("zip".to_owned())), "InvalidParameter"),
        (container(&|it| it.format = Some("VHDX".to_owned())), "InvalidParameter"),
    ] {
        assert_eq!(code(cloud.call(ImportSnapshot, input).await), expected);
    }
}

#[tokio::test]
async fn a_task_is_cancelled_and_what_it_made_is_gone() {
    let cloud = ready(6).await;
    upload(&cloud, "a.raw", disk()).await;
    cloud.disks.hold_copying(true);
    let id = import(&cloud, of("a.raw")).await;
    for _ in 0..20 {
        cloud.settle().await;
    }
    let running = task(&cloud, &id).await;
    assert_eq!(running.status.as_deref(), Some("active"));
    let made = running.snapshot_id.unwrap();
    assert_eq!(snapshot(&cloud, &made).await.state, Some(SnapshotState::Pending));
    let input = CancelImportTaskInput {
        import_task_id: Some(id.clone()),
        cancel_reason: Some("not needed".to_owned()),
        ..CancelImportTaskInput::default()
    };
    let cancelled = cloud.call(CancelImportTask, input.clone()).await.unwrap();
    assert_eq!(
        (cancelled.previous_state.as_deref(), cancelled.state.as_deref()),
        (Some("active"), Some("deleting"))
    );
    let over = settled(&cloud, &id).await;
    assert_eq!(
        (over.status.as_deref(), over.status_message.as_deref()),
        (Some("deleted"), Some("not needed"))
    );
    let gone = DescribeSnapshotsInput { snapshot_ids: Some(vec![made]), ..Default::default() };
    assert_eq!(code(cloud.call(DescribeSnapshots, gone).await), "InvalidSnapshot.NotFound");
    assert_eq!(code(cloud.call(CancelImportTask, input).await), "IncorrectState");
    for (id, expected) in [
        ("import-snap-0123456789abcdef0", "InvalidConversionTaskId"),
        ("nothing", "InvalidConversionTaskId.Malformed"),
    ] {
        let input = CancelImportTaskInput { import_task_id: Some(id.to_owned()), ..Default::default() };
        assert_eq!(code(cloud.call(CancelImportTask, input).await), expected);
    }
}

#[tokio::test]
async fn tasks_are_tagged_filtered_and_forgotten_after_a_week() {
    let cloud = ready(7).await;
    upload(&cloud, "a.raw", disk()).await;
    let tagged = ImportSnapshotInput {
        tag_specifications: tagged("import-snapshot-task", &[("team", "red")]),
        client_token: Some("once".to_owned()),
        ..of("a.raw")
    };
    let id = import(&cloud, tagged.clone()).await;
    assert_eq!(import(&cloud, tagged.clone()).await, id);
    let other = ImportSnapshotInput { description: None, ..tagged };
    assert_eq!(code(cloud.call(ImportSnapshot, other).await), "IdempotentParameterMismatch");
    let made = settled(&cloud, &id).await.snapshot_id.unwrap();
    let list = async |pairs: &[(&str, &str)]| {
        let input = DescribeImportSnapshotTasksInput { filters: filters(pairs), ..Default::default() };
        cloud.call(DescribeImportSnapshotTasks, input).await.map(|found| found.import_snapshot_tasks.unwrap())
    };
    assert_eq!(list(&[("tag:team", "red"), ("task-state", "completed")]).await.unwrap().len(), 1);
    assert_eq!(list(&[("task-state", "active")]).await.unwrap().len(), 0);
    assert_eq!(code(list(&[("colour", "red")]).await), "InvalidParameterValue");
    cloud.clock.advance(Duration::from_secs(8 * 86_400));
    for _ in 0..5 {
        cloud.settle().await;
    }
    assert_eq!(list(&[]).await.unwrap(), Vec::new());
    assert_eq!(snapshot(&cloud, &made).await.state, Some(SnapshotState::Completed));
}
