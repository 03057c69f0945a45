//! Images that come from disks in S3, go there as disks, and are stored there as a whole.

use std::time::Duration;

use ec2_api::*;
use futures_util::TryStreamExt;
use s3_api::{
    GetObject, GetObjectInput, GetObjectTagging, GetObjectTaggingInput, HeadObject, HeadObjectInput,
};
use schema::ByteStream;
use testkit::Cloud;

use crate::imports::{bucket, disk, own_snapshots, ready, role, upload};
use crate::support::{code, filters, refused, tagged};

fn container(key: &str) -> ImageDiskContainer {
    ImageDiskContainer {
        format: Some("RAW".to_owned()),
        user_bucket: Some(UserBucket { s3_bucket: Some("disks".to_owned()), s3_key: Some(key.to_owned()) }),
        ..ImageDiskContainer::default()
    }
}

fn of(containers: Vec<ImageDiskContainer>) -> ImportImageInput {
    ImportImageInput {
        description: Some("web".to_owned()),
        disk_containers: Some(containers),
        ..ImportImageInput::default()
    }
}

async fn task(cloud: &Cloud, id: &str) -> ImportImageTask {
    let input = DescribeImportImageTasksInput {
        import_task_ids: Some(vec![id.to_owned()]),
        ..DescribeImportImageTasksInput::default()
    };
    let tasks = cloud.call(DescribeImportImageTasks, input).await.unwrap().import_image_tasks;
    tasks.unwrap().remove(0)
}

async fn imported(cloud: &Cloud, input: ImportImageInput) -> ImportImageTask {
    let id = cloud.call(ImportImage, input).await.unwrap().import_task_id.unwrap();
    for _ in 0..60 {
        let task = task(cloud, &id).await;
        if matches!(task.status.as_deref(), Some("completed" | "deleted")) {
            return task;
        }
        cloud.settle().await;
        cloud.clock.advance(Duration::from_millis(500));
    }
    panic!("the task stays {:?}", task(cloud, &id).await);
}

async fn image(cloud: &Cloud, id: &str) -> Image {
    let input =
        DescribeImagesInput { image_ids: Some(vec![id.to_owned()]), ..DescribeImagesInput::default() };
    cloud.call(DescribeImages, input).await.unwrap().images.unwrap().remove(0)
}

fn snapshots(image: &Image) -> Vec<String> {
    let mappings = image.block_device_mappings.iter().flatten();
    mappings.filter_map(|mapping| mapping.ebs.as_ref()?.snapshot_id.clone()).collect()
}

/// The bytes of a snapshot's first blocks, as a volume of it has them.
async fn content(cloud: &Cloud, snapshot: &str) -> Vec<Option<Vec<u8>>> {
    let input = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        snapshot_id: Some(snapshot.to_owned()),
        ..CreateVolumeInput::default()
    };
    let volume = crate::volumes::volume(cloud, input).await;
    (0..4).map(|block| cloud.disks.read(&volume, block)).collect()
}

/// An image of the caller's own, with one disk.
async fn golden(cloud: &Cloud) -> String {
    upload(cloud, "root.raw", disk()).await;
    let done = imported(cloud, of(vec![container("root.raw")])).await;
    done.image_id.unwrap_or_else(|| panic!("{:?}", done.status_message))
}

#[tokio::test]
async fn disks_in_s3_become_an_image() {
    let cloud = ready(1).await;
    upload(&cloud, "root.raw", disk()).await;
    upload(&cloud, "data.raw", disk()).await;
    let done = imported(&cloud, of(vec![container("root.raw"), container("data.raw")])).await;
    assert_eq!(done.status.as_deref(), Some("completed"), "{done:?}");
    assert_eq!((done.architecture.as_deref(), done.platform.as_deref()), (Some("x86_64"), Some("Linux")));
    let made = image(&cloud, &done.image_id.unwrap()).await;
    assert_eq!((made.name, made.state), (done.import_task_id, Some(ImageState::Available)));
    assert_eq!(made.description.as_deref(), Some("AWS-VMImport service: Linux - web"));
    assert_eq!(
        (made.root_device_type, made.root_device_name.as_deref()),
        (Some(DeviceType::Ebs), Some("/dev/sda1"))
    );
    let details = done.snapshot_details.unwrap();
    let shown: Vec<_> = details.iter().map(|one| one.snapshot_id.clone().unwrap()).collect();
    let mappings = made.block_device_mappings.unwrap();
    let kept: Vec<_> =
        mappings.iter().filter_map(|mapping| mapping.ebs.as_ref()?.snapshot_id.clone()).collect();
    assert_eq!(shown, kept);
    assert_eq!(details[1].device_name.as_deref(), Some("/dev/sdd"));
    assert_eq!(cloud.conversions.drafts(), Vec::<String>::new());
}

#[tokio::test]
async fn an_image_is_made_of_a_snapshot_and_stays_encrypted() {
    let cloud = ready(2).await;
    let first = golden(&cloud).await;
    let source = snapshots(&image(&cloud, &first).await).remove(0);
    let from = ImageDiskContainer { snapshot_id: Some(source.clone()), ..ImageDiskContainer::default() };
    let done = imported(&cloud, of(vec![from])).await;
    let made = image(&cloud, &done.image_id.unwrap_or_else(|| panic!("{:?}", done.status_message))).await;
    let copy = snapshots(&made).remove(0);
    assert_ne!(copy, source);
    assert_eq!(content(&cloud, &copy).await, content(&cloud, &source).await);
    let encrypted = ImportImageInput { encrypted: Some(true), ..of(vec![container("root.raw")]) };
    let done = imported(&cloud, encrypted).await;
    assert_eq!((done.status.as_deref(), done.encrypted), (Some("completed"), Some(true)), "{done:?}");
    assert!(done.kms_key_id.is_some());
}

#[tokio::test]
async fn what_holds_no_system_or_another_fails_with_a_reason() {
    let cloud = ready(3).await;
    upload(&cloud, "data.raw", b"no system here".repeat(100)).await;
    let failed = imported(&cloud, of(vec![container("data.raw")])).await;
    assert_eq!(failed.status.as_deref(), Some("deleted"));
    assert_eq!(
        failed.status_message.as_deref(),
        Some("ClientError: Disk validation failed [it has no /sbin/init]")
    );
    upload(&cloud, "root.raw", disk()).await;
    let other =
        ImportImageInput { architecture: Some("arm64".to_owned()), ..of(vec![container("root.raw")]) };
    let failed = imported(&cloud, other).await;
    assert!(failed.status_message.unwrap().contains("its system is for x86_64"));
    let all = cloud.call(DescribeSnapshots, own_snapshots()).await.unwrap();
    assert_eq!(all.snapshots, Some(Vec::new()));
    for (input, expected) in [
        (of(Vec::new()), "MissingParameter"),
        (of(vec![ImageDiskContainer::default()]), "MissingParameter"),
        (
            ImportImageInput { platform: Some("Windows".to_owned()), ..of(vec![container("a")]) },
            "UnsupportedOperation",
        ),
        (
            ImportImageInput { platform: Some("BeOS".to_owned()), ..of(vec![container("a")]) },
            "InvalidParameter",
        ),
        (
            ImportImageInput { architecture: Some("i386".to_owned()), ..of(vec![container("a")]) },
            "UnsupportedOperation",
        ),
        (
            ImportImageInput { license_type: Some("AWS".to_owned()), ..of(vec![container("a")]) },
            "UnsupportedOperation",
        ),
        (
            ImportImageInput { hypervisor: Some("kvm".to_owned()), ..of(vec![container("a")]) },
            "InvalidParameter",
        ),
        (
            ImportImageInput { boot_mode: Some(BootModeValues::UefiPreferred), ..of(vec![container("a")]) },
            "InvalidParameter",
        ),
        (
            of(vec![ImageDiskContainer { device_name: Some("/dev/sda1".to_owned()), ..container("b") }; 2]),
            "InvalidParameter",
        ),
    ] {
        assert_eq!(code(cloud.call(ImportImage, input).await), expected);
    }
}

fn export(image: &str, format: &str) -> ExportImageInput {
    ExportImageInput {
        image_id: image.to_owned(),
        disk_image_format: DiskImageFormat::from(format),
        s3_export_location: ExportTaskS3LocationRequest {
            s3_bucket: "disks".to_owned(),
            s3_prefix: Some("out/".to_owned()),
        },
        ..ExportImageInput::default()
    }
}

async fn whole(body: Option<ByteStream>) -> Vec<u8> {
    let chunks: Vec<bytes::Bytes> = body.unwrap().take().try_collect().await.unwrap();
    chunks.concat()
}

async fn exported(cloud: &Cloud, id: &str) -> ExportImageTask {
    for _ in 0..2_000 {
        let input = DescribeExportImageTasksInput {
            export_image_task_ids: Some(vec![id.to_owned()]),
            ..DescribeExportImageTasksInput::default()
        };
        let tasks = cloud.call(DescribeExportImageTasks, input).await.unwrap().export_image_tasks;
        let task = tasks.unwrap().remove(0);
        if matches!(task.status.as_deref(), Some("completed" | "deleted")) {
            return task;
        }
        cloud.settle().await;
        cloud.clock.advance(Duration::from_millis(500));
    }
    panic!("the export goes on and on");
}

#[tokio::test]
async fn an_image_is_exported_as_a_disk() {
    let cloud = ready(4).await;
    let made = golden(&cloud).await;
    let (refusal, _) = refused(cloud.call(ExportImage, export(&made, "floppy")).await);
    assert_eq!(refusal, "InvalidParameter");
    role(&cloud, "writer", r#"["s3:GetBucketLocation", "s3:PutObject"]"#).await;
    let input = ExportImageInput {
        role_name: Some("writer".to_owned()),
        tag_specifications: tagged("export-image-task", &[("team", "red")]),
        ..export(&made, "RAW")
    };
    let begun = cloud.call(ExportImage, input).await.unwrap();
    assert_eq!((begun.status.as_deref(), begun.image_id.as_ref()), (Some("active"), Some(&made)));
    let id = begun.export_image_task_id.unwrap();
    let done = exported(&cloud, &id).await;
    assert_eq!(done.status.as_deref(), Some("completed"), "{done:?}");
    let key = format!("out/{id}.raw");
    let head = HeadObjectInput { bucket: "disks".to_owned(), key: key.clone(), ..Default::default() };
    assert_eq!(cloud.call(HeadObject, head).await.unwrap().content_length, Some(1 << 30));
    let range = Some(format!("bytes=0-{}", disk().len() + 99));
    let input = GetObjectInput { bucket: "disks".to_owned(), key, range, ..GetObjectInput::default() };
    let bytes = whole(cloud.call(GetObject, input).await.unwrap().body).await;
    assert!(bytes.starts_with(&disk()) && bytes[disk().len()..] == [0; 100]);
    // The role of the import may not write.
    let id = cloud.call(ExportImage, export(&made, "RAW")).await.unwrap().export_image_task_id.unwrap();
    let failed = exported(&cloud, &id).await;
    assert_eq!(failed.status.as_deref(), Some("deleted"));
    assert!(failed.status_message.unwrap().contains("AccessDenied"));
    let input = CancelExportTaskInput { export_task_id: id };
    assert_eq!(code(cloud.call(CancelExportTask, input).await), "InvalidParameter");
}

#[tokio::test]
async fn only_images_of_ones_own_volumes_are_exported() {
    let cloud = ready(5).await;
    let cloud_image = crate::instances::image(&cloud).await;
    assert_eq!(code(cloud.call(ExportImage, export(&cloud_image, "RAW")).await), "AuthFailure");
    let missing = export("ami-0123456789abcdef0", "RAW");
    assert_eq!(code(cloud.call(ExportImage, missing).await), "InvalidAMIID.NotFound");
    let other = Cloud::new(6).await;
    bucket(&other).await;
    assert_eq!(code(other.call(ExportImage, export(&cloud_image, "VMDK")).await), "InvalidParameter");
    let input = CancelExportTaskInput { export_task_id: "export-ami-0123456789abcdef0".to_owned() };
    assert_eq!(code(cloud.call(CancelExportTask, input).await), "InvalidExportTaskID.NotFound");
}

async fn stored(cloud: &Cloud, id: &str) -> StoreImageTaskResult {
    for _ in 0..60 {
        let input =
            DescribeStoreImageTasksInput { image_ids: Some(vec![id.to_owned()]), ..Default::default() };
        let found = cloud.call(DescribeStoreImageTasks, input).await.unwrap();
        let task = found.store_image_task_results.unwrap().remove(0);
        if task.store_task_state.as_deref() != Some("InProgress") {
            return task;
        }
        cloud.settle().await;
        cloud.clock.advance(Duration::from_millis(500));
    }
    panic!("the image is stored on and on");
}

async fn restored(cloud: &Cloud, id: &str) -> Image {
    for _ in 0..60 {
        let image = image(cloud, id).await;
        if image.state != Some(ImageState::Pending) {
            return image;
        }
        cloud.settle().await;
        cloud.clock.advance(Duration::from_millis(500));
    }
    panic!("the image stays pending");
}

fn store(image: &str) -> CreateStoreImageTaskInput {
    let tag = S3ObjectTag { key: Some("kept by".to_owned()), value: Some("us + them".to_owned()) };
    CreateStoreImageTaskInput {
        image_id: image.to_owned(),
        bucket: "disks".to_owned(),
        s3_object_tags: Some(vec![tag]),
        ..CreateStoreImageTaskInput::default()
    }
}

fn restore(key: &str) -> CreateRestoreImageTaskInput {
    CreateRestoreImageTaskInput {
        bucket: "disks".to_owned(),
        object_key: key.to_owned(),
        name: Some("again".to_owned()),
        ..CreateRestoreImageTaskInput::default()
    }
}

#[tokio::test]
async fn an_image_is_stored_and_restored_as_it_was() {
    let cloud = ready(7).await;
    let made = golden(&cloud).await;
    let tags = CreateTagsInput {
        resources: vec![made.clone()],
        tags: vec![Tag { key: Some("colour".to_owned()), value: Some("blue".to_owned()) }],
        ..CreateTagsInput::default()
    };
    cloud.call(CreateTags, tags).await.unwrap();
    let key = cloud.call(CreateStoreImageTask, store(&made)).await.unwrap().object_key.unwrap();
    assert_eq!(key, format!("{made}.bin"));
    let task = stored(&cloud, &made).await;
    assert_eq!(
        (task.store_task_state.as_deref(), task.progress_percentage, task.bucket.as_deref()),
        (Some("Completed"), Some(100), Some("disks")),
        "{task:?}"
    );
    let head = HeadObjectInput { bucket: "disks".to_owned(), key: key.clone(), ..Default::default() };
    let head = cloud.call(HeadObject, head).await.unwrap();
    let before = image(&cloud, &made).await;
    assert_eq!(head.metadata.unwrap().get("ami-name"), before.name.as_ref());
    let tagging =
        GetObjectTaggingInput { bucket: "disks".to_owned(), key: key.clone(), ..Default::default() };
    let tags = cloud.call(GetObjectTagging, tagging).await.unwrap().tag_set;
    assert_eq!((tags[0].key.as_str(), tags[0].value.as_str()), ("kept by", "us + them"));
    // The original is gone when it comes back.
    let kept = content(&cloud, &snapshots(&before)[0]).await;
    let gone = DeregisterImageInput { image_id: made, ..DeregisterImageInput::default() };
    cloud.call(DeregisterImage, gone).await.unwrap();
    let id = cloud.call(CreateRestoreImageTask, restore(&key)).await.unwrap().image_id.unwrap();
    let after = restored(&cloud, &id).await;
    assert_eq!(after.state, Some(ImageState::Available), "{after:?}");
    assert_eq!((after.name.as_deref(), &after.description), (Some("again"), &before.description));
    assert_eq!((after.architecture, after.root_device_name), (before.architecture, before.root_device_name));
    assert_eq!(after.tags.unwrap()[0].key.as_deref(), Some("colour"));
    let mapping = after.block_device_mappings.unwrap().remove(0).ebs.unwrap();
    assert_eq!(content(&cloud, &mapping.snapshot_id.unwrap()).await, kept);
    let again = cloud.call(CreateRestoreImageTask, restore(&key)).await;
    assert_eq!(code(again), "InvalidAMIName.Duplicate");
}

#[tokio::test]
async fn an_object_that_is_no_stored_image_is_refused_or_fails() {
    let cloud = ready(8).await;
    let made = golden(&cloud).await;
    upload(&cloud, "other.bin", b"something else".to_vec()).await;
    for key in ["other.bin", "missing.bin"] {
        assert_eq!(code(cloud.call(CreateRestoreImageTask, restore(key)).await), "InvalidParameterValue");
    }
    let key = cloud.call(CreateStoreImageTask, store(&made)).await.unwrap().object_key.unwrap();
    stored(&cloud, &made).await;
    let input = GetObjectInput { bucket: "disks".to_owned(), key, ..GetObjectInput::default() };
    let bytes = whole(cloud.call(GetObject, input).await.unwrap().body).await;
    let count = async || {
        let all = cloud.call(DescribeSnapshots, own_snapshots()).await.unwrap();
        all.snapshots.unwrap().len()
    };
    let snapshots = count().await;
    upload(&cloud, "cut.bin", bytes[..bytes.len() - 40].to_vec()).await;
    let id = cloud.call(CreateRestoreImageTask, restore("cut.bin")).await.unwrap().image_id.unwrap();
    let failed = restored(&cloud, &id).await;
    assert_eq!(failed.state, Some(ImageState::Failed));
    assert!(failed.state_reason.unwrap().message.unwrap().contains("ends early"));
    assert_eq!(count().await, snapshots);
}

#[tokio::test]
async fn store_tasks_are_asked_for_by_state_and_bucket() {
    let cloud = ready(9).await;
    let made = golden(&cloud).await;
    let nowhere = CreateStoreImageTaskInput { bucket: "nowhere".to_owned(), ..store(&made) };
    assert_eq!(code(cloud.call(CreateStoreImageTask, nowhere).await), "InvalidParameterValue");
    cloud.call(CreateStoreImageTask, store(&made)).await.unwrap();
    stored(&cloud, &made).await;
    let list = async |pairs: &[(&str, &str)]| {
        let input = DescribeStoreImageTasksInput { filters: filters(pairs), ..Default::default() };
        cloud.call(DescribeStoreImageTasks, input).await.unwrap().store_image_task_results.unwrap().len()
    };
    assert_eq!(list(&[("task-state", "Completed"), ("bucket", "disks")]).await, 1);
    assert_eq!(list(&[("task-state", "Failed")]).await, 0);
    cloud.clock.advance(Duration::from_secs(32 * 86_400));
    assert_eq!(list(&[]).await, 0);
}

#[tokio::test]
async fn bundles_are_refused_by_name() {
    let cloud = ready(10).await;
    upload(&cloud, "image.manifest.xml", b"<manifest/>".to_vec()).await;
    let input = RegisterImageInput {
        name: "bundled".to_owned(),
        image_location: Some("disks/image.manifest.xml".to_owned()),
        ..RegisterImageInput::default()
    };
    let (code, message) = refused(cloud.call(RegisterImage, input).await);
    assert_eq!(code, "UnsupportedOperation");
    assert!(message.contains("ec2-bundle-image"), "{message}");
}
