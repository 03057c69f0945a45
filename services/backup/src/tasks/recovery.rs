//! Finds what a job has begun and could not write down: the process may end, or the disk be full, between the snapshot
//! and the job's record. Nobody but Backup deletes such a snapshot, so it must not be forgotten.
//!
//! A job writes down that it tries before it does. When it comes to try again, what was made since then for its resource,
//! with its tags, and is no other job's, is its own. The service looks by its own role: a job's role may have gone.

use std::collections::BTreeSet;

use backup_api::BackupJob;
use base::{Region, Timestamp};
use dynamodb_api::{
    BackupSummary, BackupTypeFilter, DescribeTable, DescribeTableInput, ListBackups, ListBackupsInput,
};
use ec2_api::{
    DescribeSnapshots, DescribeSnapshotsInput, DescribeVolumes, DescribeVolumesInput, Filter, Snapshot,
    SnapshotState,
};
use service::{AsService, Call};

use super::sources::{self, Begun, GIB};
use super::{PRINCIPAL, sources::own};
use crate::Backup;
use crate::error::Error;
use crate::limits::TARGETS_PAGE;
use crate::model::arns::{self, Kind, Resource};
use crate::operations::lists;
use crate::operations::points::delete_made;
use crate::records::{JOBS, JobRecord, POINTS, Place, Source, Tags};

const SOURCE: &str = "tag:aws:backup:source-resource";

/// What the service does by itself.
pub fn client(backup: &Backup, place: &Place) -> AsService {
    let cause = Call::of_service(PRINCIPAL, place.0, place.1, &backup.clock, &backup.ids);
    backup.aws.as_service(PRINCIPAL, place.0, place.1, &cause)
}

/// What the job has begun since it tried, if it did.
pub async fn find(
    backup: &Backup,
    place: &Place,
    job: &JobRecord,
    name: &str,
) -> Result<Option<Begun>, Error> {
    let Some(since) = job.attempted else { return Ok(None) };
    let text = job.shown.resource_arn.as_deref().unwrap_or_default();
    let resource = Resource::parse(text)?;
    let client = client(backup, place);
    match resource.kind {
        Kind::Ebs => snapshot(backup, place, &client, (text, &resource.name), job, since).await,
        Kind::DynamoDb => table_backup(&client, &resource.name, &job.tags, name).await,
    }
}

async fn snapshot(
    backup: &Backup,
    place: &Place,
    client: &AsService,
    (arn, volume): (&str, &str),
    job: &JobRecord,
    since: Timestamp,
) -> Result<Option<Begun>, Error> {
    let known = known(backup, place, &job.shown).await?;
    for found in snapshots(client, arn, volume).await? {
        let made = arns::snapshot(place.1, found.snapshot_id.as_deref().unwrap_or_default()).to_string();
        let tags = own(found.tags.clone());
        let is_ours = found.start_time.is_some_and(|at| at >= since)
            && job.tags.iter().all(|(key, value)| tags.get(key) == Some(value));
        if !is_ours || known.contains(&made) || is_point(backup, place, &made).await? {
            continue;
        }
        // One that failed is of no use to anybody.
        if found.state == Some(SnapshotState::Error) {
            delete_made(client, place.1, &made).await?;
            continue;
        }
        return Ok(Some(of_snapshot(client, place.1, volume, &found, tags).await?));
    }
    Ok(None)
}

/// Snapshots of a volume that Backup has made.
async fn snapshots(client: &AsService, arn: &str, volume: &str) -> Result<Vec<Snapshot>, Error> {
    let named = |name: &str, value: &str| Filter {
        name: Some(name.to_owned()),
        values: Some(vec![value.to_owned()]),
    };
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let input = DescribeSnapshotsInput {
            owner_ids: Some(vec!["self".to_owned()]),
            filters: Some(vec![named("volume-id", volume), named(SOURCE, arn)]),
            max_results: Some(TARGETS_PAGE),
            next_token: token,
            ..DescribeSnapshotsInput::default()
        };
        let output = client.call(DescribeSnapshots, input).await?;
        found.extend(output.snapshots.into_iter().flatten());
        token = output.next_token;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// What other jobs of the resource have made.
async fn known(backup: &Backup, place: &Place, job: &BackupJob) -> Result<BTreeSet<String>, Error> {
    let all = backup.store.read(|tx| async move { lists::all(&tx, &JOBS, place, "").await }).await?;
    let others = all.into_iter().map(|(_, record)| record.shown.0);
    let of_it = others.filter(|other| other.resource_arn == job.resource_arn);
    Ok(of_it.filter_map(|other| other.recovery_point_arn).collect())
}

async fn is_point(backup: &Backup, place: &Place, arn: &str) -> Result<bool, Error> {
    Ok(backup.store.read(|tx| async move { POINTS.get(&tx, place, arn).await }).await?.is_some())
}

/// As it is known when a job begins; the volume may be gone by now.
async fn of_snapshot(
    client: &AsService,
    region: Region,
    volume: &str,
    found: &Snapshot,
    tags: Tags,
) -> Result<Begun, Error> {
    let filters =
        Some(vec![Filter { name: Some("volume-id".to_owned()), values: Some(vec![volume.to_owned()]) }]);
    let input = DescribeVolumesInput { filters, ..DescribeVolumesInput::default() };
    let shown = client.call(DescribeVolumes, input).await?.volumes.into_iter().flatten().next();
    Ok(Begun {
        arn: arns::snapshot(region, found.snapshot_id.as_deref().unwrap_or_default()).to_string(),
        bytes: i64::from(found.volume_size.unwrap_or_default()) * GIB,
        key: found.kms_key_id.clone(),
        is_encrypted: found.encrypted.unwrap_or_default(),
        source: Source { tags, metadata: sources::metadata_of(volume, &shown.unwrap_or_default()) },
    })
}

/// Its name has the job's id.
async fn table_backup(
    client: &AsService,
    table: &str,
    extra: &Tags,
    name: &str,
) -> Result<Option<Begun>, Error> {
    let mut after = None;
    loop {
        let input = ListBackupsInput {
            table_name: Some(table.to_owned()),
            backup_type: Some(BackupTypeFilter::AwsBackup),
            exclusive_start_backup_arn: after,
            ..ListBackupsInput::default()
        };
        let output = client.call(ListBackups, input).await?;
        let mut all = output.backup_summaries.into_iter().flatten();
        if let Some(found) = all.find(|one| one.backup_name.as_deref() == Some(name)) {
            return of_table_backup(client, table, extra, found).await.map(Some);
        }
        after = output.last_evaluated_backup_arn;
        if after.is_none() {
            return Ok(None);
        }
    }
}

async fn of_table_backup(
    client: &AsService,
    table: &str,
    extra: &Tags,
    found: BackupSummary,
) -> Result<Begun, Error> {
    let described = client.call(DescribeTable, DescribeTableInput { table_name: table.to_owned() }).await;
    let sse = described.ok().and_then(|output| output.table).and_then(|table| table.sse_description);
    let key = sse.and_then(|sse| sse.kms_master_key_arn);
    let (arn, bytes) = (found.backup_arn.unwrap_or_default(), found.backup_size_bytes.unwrap_or_default());
    Ok(sources::of_table(table, extra, arn, bytes, key))
}
