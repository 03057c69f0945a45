//! ImportSnapshot: a disk image in S3 becomes a snapshot. What is on it does not matter.

use ec2_api::*;
use service::Call;

use super::{begin, new_snapshot, repeated, role, source_of};
use crate::Ec2;
use crate::error::Error;
use crate::kind::IMPORT_SNAPSHOT_TASK;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::transfers::format;
use crate::model::transfers::states::Stage;
use crate::operations::tags::of_new;
use crate::operations::volumes::driver;
use crate::operations::vpcs::tokens::Token;
use crate::records::transfers::{DiskRecord, Import, SnapshotImportRecord};
use crate::resources::{self, Wanted};

pub async fn import_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: ImportSnapshotInput,
) -> Result<ImportSnapshotOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let given = &of_new(ec2, call, "ImportSnapshot", specifications, &IMPORT_SNAPSHOT_TASK, &[]).await?;
    let parameters = (&input.disk_container, &input.description, input.encrypted, &input.kms_key_id, given);
    let token = &Token::new("ec2.ImportSnapshot", input.client_token.as_deref(), parameters);
    if let Some((record, tags)) = repeated::<SnapshotImportRecord>(ec2, call, token).await? {
        return Ok(shown(&record, &tags));
    }
    let container = input.disk_container.ok_or_else(|| Error::missing("DiskContainer"))?;
    let source = source_of(container.user_bucket.as_ref(), container.url.as_ref())?
        .ok_or_else(|| Error::missing("DiskContainer.UserBucket"))?;
    let format = container.format.as_deref().map(format).transpose()?;
    driver(ec2)?;
    let role = role::name(input.role_name.as_deref());
    role::assume(ec2, &call.scope(), &role).await?;
    let (snapshot, key) = new_snapshot(ec2, call, input.encrypted, input.kms_key_id.as_deref()).await?;
    let disk = DiskRecord {
        snapshot,
        key,
        source,
        description: container.description,
        device: None,
        format,
        etag: None,
        file_bytes: None,
        gib: None,
        stage: Stage::Waiting,
    };
    let record = SnapshotImportRecord {
        id: IMPORT_SNAPSHOT_TASK.new_id(&ec2.ids),
        import: Import::new(input.description, role, vec![disk]),
    };
    let (record, tags) = begin(ec2, call, token, record, given).await?;
    Ok(shown(&record, &tags))
}

fn shown(record: &SnapshotImportRecord, tags: &Tags) -> ImportSnapshotOutput {
    ImportSnapshotOutput {
        description: record.import.description.clone(),
        import_task_id: Some(record.id.clone()),
        snapshot_task_detail: Some(record.shown()),
        tags: Some(shown_tags(tags)),
    }
}

pub async fn describe_import_snapshot_tasks(
    ec2: &Ec2,
    call: &Call,
    input: DescribeImportSnapshotTasksInput,
) -> Result<DescribeImportSnapshotTasksOutput, Error> {
    let wanted = Wanted {
        operation: "ec2.DescribeImportSnapshotTasks",
        ids: input.import_task_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<SnapshotImportRecord>(ec2, call, wanted).await?;
    let task = |(record, tags): &(SnapshotImportRecord, Tags)| ImportSnapshotTask {
        description: record.import.description.clone(),
        import_task_id: Some(record.id.clone()),
        snapshot_task_detail: Some(record.shown()),
        tags: Some(shown_tags(tags)),
    };
    Ok(DescribeImportSnapshotTasksOutput {
        import_snapshot_tasks: Some(page.resources.iter().map(task).collect()),
        next_token: page.next_token,
    })
}
