//! ImportImage: disks in S3, or snapshots, become an image. The root has to be a Linux system on ext4; it is taken out of
//! its partition, since volumes are started from as a whole.

use std::collections::BTreeSet;

use ec2_api::*;
use service::Call;

use super::{begin, new_snapshot, repeated, role, source_of};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER, INVALID_PARAMETER_COMBINATION, UNSUPPORTED_OPERATION};
use crate::kind::IMPORT_IMAGE_TASK;
use crate::limits::ATTACHED_VOLUMES_MAX;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::transfers::format;
use crate::model::transfers::images::{check_device, device_of};
use crate::model::transfers::states::Stage;
use crate::operations::disk_keys;
use crate::operations::tags::of_new;
use crate::operations::volumes::create::usable;
use crate::operations::volumes::driver;
use crate::operations::vpcs::tokens::Token;
use crate::records::transfers::{DiskRecord, DiskSource, ImageImportRecord, Import};
use crate::resources::{self, Wanted};

pub async fn import_image(
    ec2: &Ec2,
    call: &Call,
    input: ImportImageInput,
) -> Result<ImportImageOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let given = &of_new(ec2, call, "ImportImage", specifications, &IMPORT_IMAGE_TASK, &[]).await?;
    let parameters = (&input.disk_containers, &input.description, input.encrypted, &input.kms_key_id, given);
    let token = &Token::new("ec2.ImportImage", input.client_token.as_deref(), parameters);
    if let Some((record, tags)) = repeated::<ImageImportRecord>(ec2, call, token).await? {
        return Ok(shown(&record, &tags));
    }
    check(&input)?;
    driver(ec2)?;
    let containers = input.disk_containers.unwrap_or_default();
    let role = role::name(input.role_name.as_deref());
    if containers.iter().any(|container| container.snapshot_id.is_none()) {
        role::assume(ec2, &call.scope(), &role).await?;
    }
    let mut disks = Vec::with_capacity(containers.len());
    let mut devices = BTreeSet::new();
    for (index, container) in containers.into_iter().enumerate() {
        let device = container.device_name.clone().unwrap_or_else(|| device_of(index));
        check_device(&device)?;
        if !devices.insert(device.clone()) {
            let message = format!("The device name {device} is used by more than one disk container.");
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        let encryption = (input.encrypted, input.kms_key_id.as_deref());
        disks.push(disk(ec2, call, container, device, encryption).await?);
    }
    let record = ImageImportRecord {
        id: IMPORT_IMAGE_TASK.new_id(&ec2.ids),
        import: Import::new(input.description, role, disks),
        image: None,
        architecture: input.architecture,
        boot_mode: input.boot_mode.map(|mode| mode.as_str().to_owned()),
    };
    let (record, tags) = begin(ec2, call, token, record, given).await?;
    Ok(shown(&record, &tags))
}

fn check(input: &ImportImageInput) -> Result<(), Error> {
    let invalid = |message: String| Err(Error::new(&INVALID_PARAMETER, message));
    let unsupported = |message: &str| Err(Error::new(&UNSUPPORTED_OPERATION, message));
    let containers = input.disk_containers.as_deref().unwrap_or_default();
    if containers.is_empty() {
        return Err(Error::missing("DiskContainers"));
    }
    if containers.len() > ATTACHED_VOLUMES_MAX {
        return invalid(format!("An image has at most {ATTACHED_VOLUMES_MAX} disks."));
    }
    match input.architecture.as_deref() {
        None | Some("x86_64" | "arm64") => {}
        Some("i386") => return unsupported("Images for i386 are not started by this cloud."),
        Some(other) => return invalid(format!("Invalid architecture: {other}. Use x86_64.")),
    }
    match input.platform.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("linux") => {}
        Some("windows") => return unsupported("Windows is not started by this cloud."),
        Some(other) => return invalid(format!("Invalid platform: {other}. Use Linux.")),
    }
    if let Some(other) = input.hypervisor.as_deref().filter(|name| *name != "xen") {
        return invalid(format!("Invalid hypervisor: {other}. Use xen."));
    }
    if input.license_type.is_some() && input.usage_operation.is_some() {
        let message = "LicenseType and UsageOperation cannot be specified together.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    match input.license_type.as_deref() {
        None | Some("BYOL") => {}
        Some("AWS") => return unsupported("This cloud has no licenses to give: use the license type BYOL."),
        Some(other) => return invalid(format!("Invalid license type: {other}. Use BYOL.")),
    }
    if input.usage_operation.as_deref().is_some_and(|operation| operation != "RunInstances") {
        return unsupported("The usage operation of images that are imported is RunInstances.");
    }
    if input.license_specifications.as_ref().is_some_and(|given| !given.is_empty()) {
        return unsupported("License configurations are not supported by this cloud.");
    }
    if input.boot_mode == Some(BootModeValues::UefiPreferred) {
        return invalid("The boot mode uefi-preferred is not supported for importing images.".to_owned());
    }
    Ok(())
}

async fn disk(
    ec2: &Ec2,
    call: &Call,
    container: ImageDiskContainer,
    device: String,
    (encrypted, kms_key): (Option<bool>, Option<&str>),
) -> Result<DiskRecord, Error> {
    let format = container.format.as_deref().map(format).transpose()?;
    let object = source_of(container.user_bucket.as_ref(), container.url.as_ref())?;
    let (source, gib) = match (object, container.snapshot_id.as_deref()) {
        (Some(object), None) => (object, None),
        (None, Some(id)) => {
            let record = usable(ec2, call, id, None).await?;
            if let Some(key) = &record.key {
                disk_keys::open_as_caller(ec2, call, key).await?;
            }
            let gib = record.gib();
            (DiskSource::Snapshot { id: id.to_owned(), key: record.key }, Some(gib))
        }
        (Some(_), Some(_)) => {
            let message = "A disk container has a SnapshotId, a UserBucket or a URL, and only one of them.";
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        (None, None) => return Err(Error::missing("DiskContainer.UserBucket")),
    };
    // What comes from an encrypted snapshot stays encrypted.
    let from_encrypted = matches!(&source, DiskSource::Snapshot { key: Some(_), .. });
    let encrypted = if from_encrypted { Some(true) } else { encrypted };
    let (snapshot, key) = new_snapshot(ec2, call, encrypted, kms_key).await?;
    Ok(DiskRecord {
        snapshot,
        key,
        source,
        description: container.description,
        device: Some(device),
        format,
        etag: None,
        file_bytes: None,
        gib,
        stage: Stage::Waiting,
    })
}

fn shown(record: &ImageImportRecord, tags: &Tags) -> ImportImageOutput {
    let task = record.shown();
    ImportImageOutput {
        architecture: task.architecture,
        description: task.description,
        encrypted: task.encrypted,
        hypervisor: task.hypervisor,
        image_id: task.image_id,
        import_task_id: task.import_task_id,
        kms_key_id: task.kms_key_id,
        license_type: task.license_type,
        platform: task.platform,
        progress: task.progress,
        snapshot_details: task.snapshot_details,
        status: task.status,
        status_message: task.status_message,
        license_specifications: None,
        tags: Some(shown_tags(tags)),
        usage_operation: task.usage_operation,
    }
}

pub async fn describe_import_image_tasks(
    ec2: &Ec2,
    call: &Call,
    input: DescribeImportImageTasksInput,
) -> Result<DescribeImportImageTasksOutput, Error> {
    let wanted = Wanted {
        operation: "ec2.DescribeImportImageTasks",
        ids: input.import_task_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<ImageImportRecord>(ec2, call, wanted).await?;
    let task = |(record, tags): &(ImageImportRecord, Tags)| ImportImageTask {
        tags: Some(shown_tags(tags)),
        ..record.shown()
    };
    Ok(DescribeImportImageTasksOutput {
        import_image_tasks: Some(page.resources.iter().map(task).collect()),
        next_token: page.next_token,
    })
}
