//! Volumes and tables: how a backup of one is begun, and how far it is.

use std::collections::BTreeMap;

use base::{Arn, Region};
use dynamodb_api::{
    BackupStatus, CreateBackup, CreateBackupInput, DescribeBackup, DescribeBackupInput, DescribeTable,
    DescribeTableInput,
};
use ec2_api::{
    CreateSnapshot, CreateSnapshotInput, DescribeSnapshots, DescribeSnapshotsInput, DescribeVolumes,
    DescribeVolumesInput, SnapshotState, Tag, TagSpecification, Volume,
};
use service::AsService;

use crate::error::Error;
use crate::model::arns::{self, Kind, Made, Resource};
use crate::records::{Source, Tags};

pub const GIB: i64 = 1 << 30;
const DESCRIPTION: &str = "This snapshot is created by the AWS Backup service.";

/// A backup that has begun.
pub struct Begun {
    pub arn: String,
    pub bytes: i64,
    pub key: Option<String>,
    pub is_encrypted: bool,
    pub source: Source,
}

/// How far something is.
pub enum Progress {
    /// In percent.
    Running(String),
    Completed,
    Failed(String),
}

/// Tags that may be given on: AWS keeps its own to itself.
pub fn own(tags: Option<Vec<Tag>>) -> Tags {
    let tags = tags.into_iter().flatten().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
    tags.filter(|(key, _)| !key.starts_with("aws:")).collect()
}

/// Tags of a new resource of that type.
pub fn specified(resource_type: &str, tags: &Tags) -> Option<Vec<TagSpecification>> {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    let specification = TagSpecification {
        resource_type: Some(resource_type.to_owned()),
        tags: Some(tags.iter().map(tag).collect()),
    };
    (!tags.is_empty()).then(|| vec![specification])
}

/// Begins the backup of a resource, with these tags besides its own.
pub async fn begin(
    client: &AsService,
    region: Region,
    resource: &Resource,
    extra: &Tags,
    name: &str,
) -> Result<Begun, Error> {
    match resource.kind {
        Kind::Ebs => volume(client, region, &resource.name, extra).await,
        Kind::DynamoDb => table(client, &resource.name, extra, name).await,
    }
}

async fn volume(client: &AsService, region: Region, id: &str, extra: &Tags) -> Result<Begun, Error> {
    let input =
        DescribeVolumesInput { volume_ids: Some(vec![id.to_owned()]), ..DescribeVolumesInput::default() };
    let found = client.call(DescribeVolumes, input).await?.volumes.unwrap_or_default();
    let missing = || Error::NotFound(format!("The volume {id} does not exist"));
    let volume = found.into_iter().next().ok_or_else(missing)?;
    let mut tags = own(volume.tags.clone());
    tags.extend(extra.clone());
    let input = CreateSnapshotInput {
        description: Some(DESCRIPTION.to_owned()),
        volume_id: id.to_owned(),
        tag_specifications: specified("snapshot", &tags),
        ..CreateSnapshotInput::default()
    };
    let made = client.call(CreateSnapshot, input).await?;
    let snapshot = made.snapshot_id.ok_or_else(|| Error::Internal("a new snapshot has no id".into()))?;
    Ok(Begun {
        arn: arns::snapshot(region, &snapshot).to_string(),
        bytes: i64::from(volume.size.unwrap_or_default()) * GIB,
        key: volume.kms_key_id.clone(),
        is_encrypted: volume.encrypted.unwrap_or_default(),
        source: Source { tags, metadata: metadata_of(id, &volume) },
    })
}

pub fn metadata_of(id: &str, volume: &Volume) -> BTreeMap<String, String> {
    let pairs = [
        ("volumeId", Some(id.to_owned())),
        ("availabilityZone", volume.availability_zone.clone()),
        ("encrypted", Some(volume.encrypted.unwrap_or_default().to_string())),
        ("volumeSize", volume.size.map(|size| size.to_string())),
        ("volumeType", volume.volume_type.as_ref().map(ToString::to_string)),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

async fn table(client: &AsService, name: &str, extra: &Tags, backup_name: &str) -> Result<Begun, Error> {
    let input = DescribeTableInput { table_name: name.to_owned() };
    let table = client.call(DescribeTable, input).await?.table.unwrap_or_default();
    let input = CreateBackupInput { table_name: name.to_owned(), backup_name: backup_name.to_owned() };
    let details = client.call(CreateBackup, input).await?.backup_details.unwrap_or_default();
    let key = table.sse_description.and_then(|sse| sse.kms_master_key_arn);
    let bytes = details.backup_size_bytes.unwrap_or_default();
    Ok(of_table(name, extra, details.backup_arn, bytes, key))
}

/// A table's backup as it is known when a job begins.
pub fn of_table(name: &str, extra: &Tags, arn: String, bytes: i64, key: Option<String>) -> Begun {
    let encryption = if key.is_some() { "KMS" } else { "Default" };
    let metadata = [("originalTableName", name), ("encryptionType", encryption)];
    Begun {
        arn,
        bytes,
        key,
        is_encrypted: true,
        source: Source {
            tags: extra.clone(),
            metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        },
    }
}

/// How far the snapshot or the backup of a table is.
pub async fn progress(client: &AsService, arn: &str) -> Result<Progress, Error> {
    match Made::parse(arn) {
        Some(Made::Snapshot(id)) => snapshot(client, &id).await,
        Some(Made::TableBackup(backup_arn)) => {
            let output = client.call(DescribeBackup, DescribeBackupInput { backup_arn }).await?;
            let details = output.backup_description.and_then(|described| described.backup_details);
            Ok(match details.map(|details| details.backup_status) {
                Some(BackupStatus::Available) => Progress::Completed,
                Some(BackupStatus::Creating) => Progress::Running("0.0".to_owned()),
                _ => Progress::Failed("The backup of the table is gone".to_owned()),
            })
        }
        None => Ok(Progress::Failed(format!("{arn} is no recovery point"))),
    }
}

async fn snapshot(client: &AsService, id: &str) -> Result<Progress, Error> {
    let input = DescribeSnapshotsInput {
        snapshot_ids: Some(vec![id.to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    let found = client.call(DescribeSnapshots, input).await?.snapshots.unwrap_or_default();
    let Some(snapshot) = found.into_iter().next() else {
        return Ok(Progress::Failed(format!("The snapshot {id} is gone")));
    };
    Ok(match snapshot.state {
        Some(SnapshotState::Completed) => Progress::Completed,
        Some(SnapshotState::Pending) => {
            let percent = snapshot.progress.unwrap_or_default();
            Progress::Running(format!("{}.0", percent.trim_end_matches('%')))
        }
        _ => Progress::Failed(snapshot.state_message.unwrap_or_else(|| format!("The snapshot {id} failed"))),
    })
}

/// The table's name or the volume's id in a resource's ARN.
pub fn name_of(arn: &str) -> String {
    let parsed: Option<Arn> = arn.parse().ok();
    parsed.and_then(|arn| arn.resource().rsplit('/').next().map(str::to_owned)).unwrap_or_default()
}
