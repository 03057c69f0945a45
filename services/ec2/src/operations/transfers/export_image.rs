//! ExportImage: an image's root volume becomes a file in S3, in a format of other hosts.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::{begin, repeated, role};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER, NOT_EXPORTABLE};
use crate::kind::{EXPORT_IMAGE_TASK, IMAGE};
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::transfers::states::Status;
use crate::model::transfers::{export_format, images::root_snapshot};
use crate::operations::disk_keys;
use crate::operations::images::{self, arn, find_available};
use crate::operations::tags::of_new;
use crate::operations::volumes::create::usable;
use crate::operations::volumes::driver;
use crate::operations::vpcs::tokens::Token;
use crate::records::snapshots::SnapshotRecord;
use crate::records::transfers::{ExportRecord, enqueue};
use crate::resources::{self, Wanted};

pub fn by_export(_: &Ec2, call: &Call, input: &ExportImageInput) -> Result<Vec<Arn>, Error> {
    IMAGE.check(&input.image_id)?;
    Ok(vec![EXPORT_IMAGE_TASK.any(call), arn(call, &input.image_id)])
}

pub fn by_cancel(_: &Ec2, call: &Call, input: &CancelExportTaskInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![EXPORT_IMAGE_TASK.arn(call, &input.export_task_id)])
}

pub async fn export_image(
    ec2: &Ec2,
    call: &Call,
    input: ExportImageInput,
) -> Result<ExportImageOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let given = &of_new(ec2, call, "ExportImage", specifications, &EXPORT_IMAGE_TASK, &[]).await?;
    let parameters = (&input.image_id, &input.disk_image_format, &input.s3_export_location, given);
    let token = &Token::new("ec2.ExportImage", input.client_token.as_deref(), parameters);
    if let Some((record, tags)) = repeated::<ExportRecord>(ec2, call, token).await? {
        return Ok(shown(&record, &tags));
    }
    let format = export_format(&input.disk_image_format)?;
    driver(ec2)?;
    let location = input.s3_export_location;
    if location.s3_bucket.is_empty() {
        return Err(Error::missing("S3ExportLocation.S3Bucket"));
    }
    let role = role::name(input.role_name.as_deref());
    role::assume(ec2, &call.scope(), &role).await?;
    let (snapshot, found) = root_of(ec2, call, &input.image_id).await?;
    if let Some(key) = &found.key {
        disk_keys::open_as_caller(ec2, call, key).await?;
    }
    let record = ExportRecord {
        id: EXPORT_IMAGE_TASK.new_id(&ec2.ids),
        image: input.image_id,
        description: input.description,
        format,
        role,
        bucket: location.s3_bucket,
        prefix: location.s3_prefix.unwrap_or_default(),
        gib: found.gib(),
        key: found.key,
        snapshot,
        upload: None,
        status: Status::Active,
        message: Some("validating".to_owned()),
        percent: 0,
    };
    let (record, tags) = begin(ec2, call, token, record, given).await?;
    Ok(shown(&record, &tags))
}

/// The snapshot of an image's root, which only images of one's own have.
async fn root_of(ec2: &Ec2, call: &Call, id: &str) -> Result<(String, SnapshotRecord), Error> {
    let refused =
        |why: &str| Error::new(&NOT_EXPORTABLE, format!("The image ID ({id}) cannot be exported: {why}"));
    let found = ec2.store.read(|tx| async move {
        images::own(&tx, call, id).await?;
        let image = find_available(&tx, call.account, call.region, id).await?.image;
        root_snapshot(&image).ok_or_else(|| refused("its root is no EBS volume"))
    });
    let snapshot = found.await?;
    let record = usable(ec2, call, &snapshot, None).await?;
    Ok((snapshot, record))
}

fn shown(record: &ExportRecord, tags: &Tags) -> ExportImageOutput {
    let task = record.shown();
    ExportImageOutput {
        description: task.description,
        disk_image_format: Some(DiskImageFormat::from(crate::model::transfers::format_name(record.format))),
        export_image_task_id: task.export_image_task_id,
        image_id: task.image_id,
        role_name: Some(record.role.clone()),
        progress: task.progress,
        s3_export_location: task.s3_export_location,
        status: task.status,
        status_message: task.status_message,
        tags: Some(shown_tags(tags)),
    }
}

pub async fn describe_export_image_tasks(
    ec2: &Ec2,
    call: &Call,
    input: DescribeExportImageTasksInput,
) -> Result<DescribeExportImageTasksOutput, Error> {
    let wanted = Wanted {
        operation: "ec2.DescribeExportImageTasks",
        ids: input.export_image_task_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<ExportRecord>(ec2, call, wanted).await?;
    let task = |(record, tags): &(ExportRecord, Tags)| ExportImageTask {
        tags: Some(shown_tags(tags)),
        ..record.shown()
    };
    Ok(DescribeExportImageTasksOutput {
        export_image_tasks: Some(page.resources.iter().map(task).collect()),
        next_token: page.next_token,
    })
}

/// Of exports of images: exports of instances are not made by this cloud.
pub async fn cancel_export_task(
    ec2: &Ec2,
    call: &Call,
    input: CancelExportTaskInput,
) -> Result<CancelExportTaskOutput, Error> {
    let (place, id) = (&call.scope(), input.export_task_id.as_str());
    let cancelled = ec2.store.transact(|tx| async move {
        let mut record: ExportRecord = resources::get(&tx, place, id).await?;
        if record.status != Status::Active {
            let message =
                format!("The export task '{id}' is {} and cannot be cancelled.", record.status.as_str());
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        record.give_up("User initiated task cancelation.".to_owned());
        enqueue(&tx, place, id).await?;
        resources::put(&tx, place, &record).await
    });
    cancelled.await?;
    ec2.transfers.nudge();
    Ok(CancelExportTaskOutput::default())
}
