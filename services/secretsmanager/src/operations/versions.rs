//! ListSecretVersionIds and UpdateSecretVersionStage.

use secretsmanager_api::{
    ListSecretVersionIdsInput, ListSecretVersionIdsOutput, SecretVersionsListEntry,
    UpdateSecretVersionStageInput, UpdateSecretVersionStageOutput,
};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::LIST_RESULTS_MAX;
use crate::model::labels::{self, Change};
use crate::model::order::key_of;
use crate::records::Version;

use super::directory::find;
use super::{change, description::named, lists::position};

const OPERATION: &str = "ListSecretVersionIds";
/// What the key of the service is called in lists of versions.
const SERVICE_KEY: &str = "DefaultEncryptionKey";

pub async fn list_secret_version_ids(
    service: &SecretsManager,
    call: &Call,
    input: ListSecretVersionIdsInput,
) -> Result<ListSecretVersionIdsOutput, Error> {
    let after = position(service, call, OPERATION, input.next_token.as_deref())?;
    let secret = find(service, call, &input.secret_id).await?;
    let limit = input.max_results.map_or(LIST_RESULTS_MAX, |max| max.unsigned_abs() as usize);
    let with_deprecated = input.include_deprecated.unwrap_or_default();
    let mut versions: Vec<(String, &String, &Version)> = secret
        .record
        .versions
        .iter()
        .filter(|(_, version)| with_deprecated || !version.labels.is_empty())
        .map(|(id, version)| (key_of(version.created, id), id, version))
        .collect();
    versions.sort_by(|(one, ..), (other, ..)| other.cmp(one));
    versions.retain(|(key, ..)| after.as_ref().is_none_or(|after| key < after));
    let more = versions.len() > limit;
    versions.truncate(limit);
    let next = versions.last().filter(|_| more).map(|(key, ..)| key.clone());
    let versions = versions.into_iter().map(|(_, id, version)| shown(id, version)).collect();
    let (arn, name) = named(secret);
    Ok(ListSecretVersionIdsOutput {
        versions: Some(versions),
        next_token: next.map(|next| service.pages.make(OPERATION, call.account, &next)),
        arn,
        name,
    })
}

fn shown(id: &str, version: &Version) -> SecretVersionsListEntry {
    SecretVersionsListEntry {
        version_id: Some(id.to_owned()),
        version_stages: Some(version.labels.clone()).filter(|labels| !labels.is_empty()),
        last_accessed_date: version.accessed,
        created_date: Some(version.created),
        kms_key_ids: Some(vec![version.kms_key.clone().unwrap_or_else(|| SERVICE_KEY.to_owned())]),
    }
}

pub async fn update_secret_version_stage(
    service: &SecretsManager,
    call: &Call,
    input: UpdateSecretVersionStageInput,
) -> Result<UpdateSecretVersionStageOutput, Error> {
    let asked = Change {
        label: &input.version_stage,
        from: input.remove_from_version_id.as_deref(),
        to: input.move_to_version_id.as_deref(),
    };
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        labels::change(&mut secret.record.versions, &asked)?;
        secret.record.changed = call.now;
        Ok(())
    })
    .await?;
    let (arn, name) = named(secret);
    Ok(UpdateSecretVersionStageOutput { arn, name })
}
