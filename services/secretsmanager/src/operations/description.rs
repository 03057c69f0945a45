//! DescribeSecret, and how secrets and their replicas are shown.

use base::{Arn, Timestamp};
use secretsmanager_api::{
    CrossAccountPrimaryType, CrossAccountReplicaEntry, DescribeSecretInput, DescribeSecretOutput,
    ExternalSecretRotationMetadataItem, ReplicationStatusType, SecretListEntry, StatusType,
};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::model::tags;
use crate::records::{ForeignState, ReplicaState, Rotation, SECRETS, SecretRecord};

use super::directory::{Secret, find};

pub async fn describe_secret(
    service: &SecretsManager,
    call: &Call,
    input: DescribeSecretInput,
) -> Result<DescribeSecretOutput, Error> {
    let secret = find(service, call, &input.secret_id).await?;
    let replication_status = replication_status(service, &secret).await?;
    let entry = entry(&secret);
    let record = &secret.record;
    Ok(DescribeSecretOutput {
        arn: entry.arn,
        name: entry.name,
        r#type: entry.r#type,
        description: entry.description,
        kms_key_id: entry.kms_key_id,
        rotation_enabled: entry.rotation_enabled,
        rotation_lambda_arn: entry.rotation_lambda_arn,
        rotation_rules: entry.rotation_rules,
        external_secret_rotation_metadata: entry.external_secret_rotation_metadata,
        external_secret_rotation_role_arn: entry.external_secret_rotation_role_arn,
        last_rotated_date: entry.last_rotated_date,
        last_changed_date: entry.last_changed_date,
        last_accessed_date: entry.last_accessed_date,
        deleted_date: entry.deleted_date,
        next_rotation_date: entry.next_rotation_date,
        tags: entry.tags.filter(|tags| !tags.is_empty()),
        version_ids_to_stages: entry.secret_versions_to_stages,
        owning_service: entry.owning_service,
        created_date: entry.created_date,
        primary_region: entry.primary_region,
        replication_status,
        cross_account_primary: record.foreign_primary.as_ref().map(|link| CrossAccountPrimaryType {
            primary_secret_arn: Some(link.arn.to_string()),
            replication_status: Some(foreign_status(&link.state)),
            status_message: foreign_message(&link.state),
        }),
        cross_account_replicas: record.foreign_replica.as_ref().map(|link| {
            vec![CrossAccountReplicaEntry {
                replica_secret_arn: Some(link.arn.to_string()),
                replication_role_arn: link.role.clone(),
                replication_status: Some(foreign_status(&link.state)),
                status_message: foreign_message(&link.state),
            }]
        }),
    })
}

/// A secret as lists show it.
pub fn entry(secret: &Secret) -> SecretListEntry {
    let record = &secret.record;
    let rotation = record.rotation.clone();
    let rotation = rotation.as_ref();
    SecretListEntry {
        arn: Some(secret.arn().to_string()),
        name: Some(secret.name.clone()),
        r#type: record.kind.clone(),
        description: record.description.clone(),
        kms_key_id: record.kms_key.clone(),
        rotation_enabled: rotation.map(|rotation| rotation.enabled),
        rotation_lambda_arn: rotation.and_then(|rotation| rotation.function.clone()),
        rotation_rules: rotation.and_then(|rotation| rotation.rules.as_ref()).map(|rules| rules.show()),
        external_secret_rotation_metadata: rotation.and_then(external_metadata),
        external_secret_rotation_role_arn: rotation.and_then(|rotation| rotation.external_role.clone()),
        last_rotated_date: rotation.and_then(|rotation| rotation.rotated),
        last_changed_date: Some(record.changed),
        last_accessed_date: record.accessed,
        deleted_date: record.deletion.map(|deletion| deletion.asked),
        next_rotation_date: rotation.filter(|rotation| rotation.enabled).and_then(|rotation| rotation.next),
        tags: Some(tags::write(&record.tags)),
        secret_versions_to_stages: labelled(record),
        owning_service: record.owning_service.clone(),
        created_date: Some(record.created),
        primary_region: primary_region(secret).map(str::to_owned),
    }
}

/// The region of the primary, of secrets that have to do with replication.
pub fn primary_region(secret: &Secret) -> Option<&'static str> {
    let record = &secret.record;
    let own = (!record.replicas.is_empty()).then_some(secret.place.1);
    record.primary.or(own).map(|region| region.as_str())
}

/// Versions with their labels; none that has none.
fn labelled(record: &SecretRecord) -> Option<std::collections::BTreeMap<String, Vec<String>>> {
    let labelled: std::collections::BTreeMap<_, _> = record
        .versions
        .iter()
        .filter(|(_, version)| !version.labels.is_empty())
        .map(|(id, version)| (id.clone(), version.labels.clone()))
        .collect();
    (!labelled.is_empty()).then_some(labelled)
}

fn external_metadata(rotation: &Rotation) -> Option<Vec<ExternalSecretRotationMetadataItem>> {
    let items = rotation.external_metadata.iter().map(|(key, value)| ExternalSecretRotationMetadataItem {
        key: Some(key.clone()),
        value: Some(value.clone()),
    });
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then_some(items)
}

/// The replicas of a secret and how they are; nothing if it has none.
pub async fn replication_status(
    service: &SecretsManager,
    secret: &Secret,
) -> Result<Option<Vec<ReplicationStatusType>>, Error> {
    let mut all = Vec::new();
    for (region, replica) in &secret.record.replicas {
        let (status, message) = match &replica.state {
            ReplicaState::InSync => (StatusType::InSync, "Replication succeeded".to_owned()),
            ReplicaState::Failed { why } => (StatusType::Failed, why.clone()),
        };
        all.push(ReplicationStatusType {
            region: Some(region.as_str().to_owned()),
            kms_key_id: Some(
                replica.kms_key.clone().unwrap_or_else(|| "alias/aws/secretsmanager".to_owned()),
            ),
            status: Some(status),
            status_message: Some(message),
            last_accessed_date: last_accessed(service, secret, *region).await?,
        });
    }
    Ok((!all.is_empty()).then_some(all))
}

async fn last_accessed(
    service: &SecretsManager,
    secret: &Secret,
    region: base::Region,
) -> Result<Option<Timestamp>, Error> {
    let (place, name) = (&(secret.place.0, region), secret.name.as_str());
    let found = service.store.read(|tx| async move { SECRETS.get(&tx, place, name).await }).await?;
    Ok(found.filter(|found| found.suffix == secret.record.suffix).and_then(|found| found.accessed))
}

pub fn foreign_status(state: &ForeignState) -> StatusType {
    match state {
        ForeignState::Pending => StatusType::Pending,
        ForeignState::InSync => StatusType::InSync,
        ForeignState::Failed { .. } => StatusType::Failed,
        ForeignState::Detached => StatusType::Detached,
    }
}

fn foreign_message(state: &ForeignState) -> Option<String> {
    match state {
        ForeignState::Failed { why } => Some(why.clone()),
        _ => None,
    }
}

/// What many operations answer with.
pub fn named(secret: Secret) -> (Option<String>, Option<String>) {
    let arn: Arn = secret.arn();
    (Some(arn.to_string()), Some(secret.name))
}
