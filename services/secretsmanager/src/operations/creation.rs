//! CreateSecret.

use base::{AccountId, Arn, Region};
use schema::Structure;
use secretsmanager_api::{CreateSecretInput, CreateSecretOutput};
use service::{Call, PrincipalKind};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::ATTEMPTS_MAX;
use crate::model::address::{SUFFIX_ALPHABET, SUFFIX_CHARS, check_name};
use crate::model::order::key_of;
use crate::model::sealed::{SealedValue, Value};
use crate::model::tags;
use crate::records::{BY_CREATION, ByCreationRecord, SECRETS, SecretRecord};

use super::directory::{Secret, arn_of};
use super::replication::{self, Prepared, purge};
use super::{cross_account, description, replicas, require, value, values};

/// What a new secret's creation is authorised on: its ARN, whose last characters are not known yet.
pub fn by_name(_: &SecretsManager, call: &Call, input: &CreateSecretInput) -> Result<Vec<Arn>, Error> {
    check_name(&input.name)?;
    Ok(vec![arn_of(call, &input.name)?])
}

pub async fn create_secret(
    service: &SecretsManager,
    call: &Call,
    mut input: CreateSecretInput,
) -> Result<CreateSecretOutput, Error> {
    let value = value(input.secret_string.take(), input.secret_binary.take())?;
    if let Some(primary) = &input.cross_account_primary_arn {
        cross_account::check_creation(call, primary, &input, value.is_some())?;
    }
    let secret = new_secret(service, call, &input)?;
    let arn = secret.arn();
    if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        require(service, call, "TagResource", &arn, Some(&input as &dyn Structure)).await?;
    }
    if !secret.record.replicas.is_empty() {
        require(service, call, "ReplicateSecretToRegions", &arn, None).await?;
    }
    if secret.record.foreign_primary.is_some() {
        require(service, call, "PutResourcePolicy", &arn, None).await?;
    }
    let token = input.client_request_token.unwrap_or_else(|| service.ids.uuid());
    let creation = Creation {
        secret,
        token,
        value,
        overwrite: input.force_overwrite_replica_secret.unwrap_or_default(),
    };
    let secret = create(service, call, creation.secret.place, &creation).await?;
    Ok(CreateSecretOutput {
        arn: Some(secret.arn().to_string()),
        version_id: creation.value.as_ref().map(|_| creation.token.clone()),
        replication_status: description::replication_status(service, &secret).await?,
        name: Some(secret.name),
    })
}

/// The record of a new secret, without a version.
fn new_secret(service: &SecretsManager, call: &Call, input: &CreateSecretInput) -> Result<Secret, Error> {
    let suffix = service.ids.text(SUFFIX_CHARS, SUFFIX_ALPHABET);
    let mut record = SecretRecord::new(suffix, call.now);
    record.description = input.description.clone().filter(|text| !text.is_empty());
    record.kms_key = input.kms_key_id.clone().filter(|key| !key.is_empty());
    record.kind = input.r#type.clone().filter(|kind| !kind.is_empty());
    record.tags = tags::read(input.tags.clone().unwrap_or_default())?;
    record.replicas =
        replicas::wanted(call, input.add_replica_regions.clone().unwrap_or_default(), call.region)?;
    record.foreign_primary = cross_account::pending(input.cross_account_primary_arn.as_deref());
    if call.principal.kind == PrincipalKind::Service {
        record.owning_service = call.principal.arn.split('.').next().map(str::to_owned);
    }
    Ok(Secret { place: call.scope(), name: input.name.clone(), record })
}

struct Creation {
    secret: Secret,
    token: String,
    value: Option<Value>,
    overwrite: bool,
}

/// Creates the secret, or finds that the same request created it before.
async fn create(
    service: &SecretsManager,
    call: &Call,
    place: (AccountId, Region),
    creation: &Creation,
) -> Result<Secret, Error> {
    let name = creation.secret.name.as_str();
    for _ in 0..ATTEMPTS_MAX {
        let found = service.store.read(|tx| async move { SECRETS.get(&tx, &place, name).await }).await?;
        if let Some(record) = found.filter(|record| !record.is_gone(call.now)) {
            let existing = Secret { place, name: name.to_owned(), record };
            return repeated(service, call, existing, creation).await;
        }
        let (sealed, prepared) = seal(service, call, creation).await?;
        let (sealed, prepared) = (sealed.as_ref(), &prepared);
        let created = service
            .store
            .transact(|tx| async move {
                let mut secret = creation.secret.clone();
                match SECRETS.get(&tx, &place, name).await? {
                    Some(record) if !record.is_gone(call.now) => return Ok(None),
                    Some(record) => purge(&tx, &place, name, &record).await?,
                    None => {}
                }
                if let Some(sealed) = sealed {
                    values::keep(&tx, call.now, &mut secret, &creation.token, None, sealed).await?;
                }
                let key = key_of(secret.record.created, name);
                BY_CREATION.put(&tx, &place, &key, &ByCreationRecord {}).await?;
                replication::save(&tx, call.now, &mut secret, prepared, creation.overwrite).await?;
                Ok::<_, Error>(Some(secret))
            })
            .await?;
        if let Some(secret) = created {
            return Ok(secret);
        }
    }
    Err(Error::broken("a secret kept appearing and vanishing while it was created"))
}

/// The value under the new secret's key, and under those of its replicas.
async fn seal(
    service: &SecretsManager,
    call: &Call,
    creation: &Creation,
) -> Result<(Option<SealedValue>, Prepared), Error> {
    let Creation { secret, token, value, .. } = creation;
    let sealed = match value {
        Some(value) => Some(values::seal(service, call, secret, token, value).await?),
        None => None,
    };
    let fresh = value.as_ref().map(|value| (token.as_str(), value));
    Ok((sealed, replication::prepare(service, call, secret, fresh).await?))
}

/// A secret of that name is there. That is fine if this very request made it.
async fn repeated(
    service: &SecretsManager,
    call: &Call,
    existing: Secret,
    creation: &Creation,
) -> Result<Secret, Error> {
    if existing.record.deletion.is_some() {
        return Err(Error::request(
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ));
    }
    match &creation.value {
        Some(value) if existing.record.versions.contains_key(&creation.token) => {
            values::check_repeated(service, call, &existing, &creation.token, value).await?;
            Ok(existing)
        }
        _ => Err(Error::SecretExists(existing.name)),
    }
}
