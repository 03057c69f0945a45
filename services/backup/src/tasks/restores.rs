//! Restore jobs: a new volume of a snapshot, a new table of a backup, made in the role of the job.

use backup_api::RestoreJobStatus as Status;
use base::{Arn, Timestamp};
use dynamodb_api::{
    DescribeTable, DescribeTableInput, RestoreTableFromBackup, RestoreTableFromBackupInput, SSESpecification,
    SSEType, TableStatus,
};
use ec2_api::{
    CreateVolume, CreateVolumeInput, DescribeVolumes, DescribeVolumesInput, VolumeState, VolumeType,
};
use service::AsService;

use super::role::Assumed;
use super::sources::{self, Progress, name_of};
use super::{follow_up, reason, role};
use crate::Backup;
use crate::error::Error;
use crate::model::arns::Made;
use crate::model::restoring::{number, value};
use crate::records::{Due, POINTS, Place, RESTORES, RestoreRecord, later};

/// A job while something is done for it.
struct Work<'a> {
    backup: &'a Backup,
    place: &'a Place,
    id: &'a str,
    job: RestoreRecord,
    now: Timestamp,
}

pub async fn run(backup: &Backup, place: &Place, id: &str) -> Result<(), Error> {
    let found = backup.store.read(|tx| async move { RESTORES.get(&tx, place, id).await }).await?;
    let Some(job) = found else { return Ok(()) };
    let work = Work { backup, place, id, job, now: backup.clock.now() };
    let done = match work.job.shown.status {
        Some(Status::Pending) => begin(&work).await,
        Some(Status::Running) => follow(&work).await,
        _ => Ok(()),
    };
    match done {
        Ok(()) => Ok(()),
        Err(error) => end(&work, Status::Failed, Some(&reason(error)?)).await,
    }
}

async fn change(
    work: &Work<'_>,
    again: Option<Timestamp>,
    change: impl Fn(&mut RestoreRecord) + Sync,
) -> Result<(), Error> {
    let (place, id, change) = (work.place, work.id, &change);
    let changed = work.backup.store.transact(|tx| async move {
        let Some(mut job) = RESTORES.get(&tx, place, id).await? else { return Ok(()) };
        change(&mut job);
        RESTORES.put(&tx, place, id, &job).await?;
        if let Some(at) = again {
            later(&tx, at, place, Due::Restore { id: id.to_owned() }).await?;
        }
        Ok::<_, Error>(())
    });
    changed.await
}

async fn end(work: &Work<'_>, status: Status, why: Option<&str>) -> Result<(), Error> {
    let at = work.backup.clock.now();
    change(work, None, |job| {
        let shown = &mut job.shown.0;
        shown.status = Some(status.clone());
        shown.status_message = why.map(str::to_owned);
        shown.completion_date = Some(at);
        if status == Status::Completed {
            shown.percent_done = Some("100.00%".to_owned());
        }
    })
    .await?;
    match status {
        Status::Completed => note_restore(work, at).await,
        _ => Ok(()),
    }
}

/// A recovery point tells when it was last restored.
async fn note_restore(work: &Work<'_>, at: Timestamp) -> Result<(), Error> {
    let (place, arn) = (work.place, work.job.shown.recovery_point_arn.as_deref().unwrap_or_default());
    let noted = work.backup.store.transact(|tx| async move {
        let Some(mut point) = POINTS.get(&tx, place, arn).await? else { return Ok(()) };
        point.shown.0.last_restore_time = Some(at);
        Ok::<_, Error>(POINTS.put(&tx, place, arn, &point).await?)
    });
    noted.await
}

async fn assumed<'a>(work: &Work<'a>) -> Result<Assumed<'a>, Error> {
    role::assume(work.backup, work.place, work.job.shown.iam_role_arn.as_deref().unwrap_or_default()).await
}

async fn begin(work: &Work<'_>) -> Result<(), Error> {
    let role = assumed(work).await?;
    let arn = work.job.shown.recovery_point_arn.as_deref().unwrap_or_default();
    let created = match Made::parse(arn) {
        Some(Made::Snapshot(id)) => volume(work, &role.client(work.place.1), id).await?,
        Some(Made::TableBackup(backup)) => table(work, &role, backup).await?,
        None => return Err(Error::Request(format!("{arn} is no recovery point"))),
    };
    let at = work.backup.clock.now();
    change(work, Some(follow_up(None, at)), |job| {
        job.began = Some(at);
        job.shown.0.status = Some(Status::Running);
        job.shown.0.created_resource_arn = Some(created.clone());
    })
    .await
}

async fn volume(work: &Work<'_>, client: &AsService, snapshot: String) -> Result<String, Error> {
    let metadata = &work.job.metadata;
    let text = |name| value(metadata, name).filter(|text| !text.is_empty()).map(str::to_owned);
    let input = CreateVolumeInput {
        availability_zone: text("availabilityZone"),
        snapshot_id: Some(snapshot),
        encrypted: text("encrypted").filter(|text| text.eq_ignore_ascii_case("true")).map(|_| true),
        kms_key_id: text("kmsKeyId"),
        iops: number(metadata, "iops")?,
        throughput: number(metadata, "throughput")?,
        size: number(metadata, "volumeSize")?,
        volume_type: text("volumeType").map(|text| VolumeType::from(text.as_str())),
        tag_specifications: sources::specified("volume", &work.job.tags),
        ..CreateVolumeInput::default()
    };
    let made = client.call(CreateVolume, input).await?.volume_id.unwrap_or_default();
    Ok(Arn::regional("ec2", work.place.1, work.place.0, format!("volume/{made}")).to_string())
}

async fn table(work: &Work<'_>, role: &Assumed<'_>, backup_arn: String) -> Result<String, Error> {
    let metadata = &work.job.metadata;
    let key = value(metadata, "kmsMasterKeyArn").map(str::to_owned);
    let by_kms =
        key.is_some() || value(metadata, "encryptionType").is_some_and(|it| it.eq_ignore_ascii_case("kms"));
    let encryption = by_kms.then_some(SSESpecification {
        enabled: Some(true),
        sse_type: Some(SSEType::Kms),
        kms_master_key_id: key,
    });
    let name = value(metadata, "targetTableName").unwrap_or_default();
    let target = Arn::regional("dynamodb", work.place.1, work.place.0, format!("table/{name}"));
    role.require("dynamodb", "RestoreTableFromAwsBackup", &target).await?;
    let input = RestoreTableFromBackupInput {
        backup_arn,
        target_table_name: name.to_owned(),
        sse_specification_override: encryption,
        ..RestoreTableFromBackupInput::default()
    };
    let made = role
        .client(work.place.1)
        .call(RestoreTableFromBackup, input)
        .await?
        .table_description
        .unwrap_or_default();
    made.table_arn.ok_or_else(|| Error::Internal("a new table has no ARN".into()))
}

async fn follow(work: &Work<'_>) -> Result<(), Error> {
    let arn = work.job.shown.created_resource_arn.as_deref().unwrap_or_default();
    let client = assumed(work).await?.client(work.place.1);
    let progress = match arn.contains(":dynamodb:") {
        true => table_progress(&client, name_of(arn)).await?,
        false => volume_progress(&client, name_of(arn)).await?,
    };
    match progress {
        Progress::Failed(why) => end(work, Status::Failed, Some(&why)).await,
        Progress::Completed => end(work, Status::Completed, None).await,
        Progress::Running(_) => change(work, Some(follow_up(work.job.began, work.now)), |_| ()).await,
    }
}

async fn volume_progress(client: &AsService, id: String) -> Result<Progress, Error> {
    let input =
        DescribeVolumesInput { volume_ids: Some(vec![id.clone()]), ..DescribeVolumesInput::default() };
    let found = client.call(DescribeVolumes, input).await?.volumes.unwrap_or_default();
    Ok(match found.into_iter().next().and_then(|volume| volume.state) {
        Some(VolumeState::Available | VolumeState::InUse) => Progress::Completed,
        Some(VolumeState::Creating) => Progress::Running(String::new()),
        _ => Progress::Failed(format!("The volume {id} could not be made")),
    })
}

async fn table_progress(client: &AsService, table_name: String) -> Result<Progress, Error> {
    let found =
        client.call(DescribeTable, DescribeTableInput { table_name: table_name.clone() }).await?.table;
    Ok(match found.and_then(|table| table.table_status) {
        Some(TableStatus::Active | TableStatus::Updating) => Progress::Completed,
        Some(TableStatus::Creating) => Progress::Running(String::new()),
        _ => Progress::Failed(format!("The table {table_name} could not be made")),
    })
}
