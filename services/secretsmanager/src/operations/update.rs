//! UpdateSecret: the description, the key, the value, in one step.

use secretsmanager_api::{UpdateSecretInput, UpdateSecretOutput};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::ATTEMPTS_MAX;
use crate::model::address::Address;
use crate::model::labels::{CURRENT, PENDING, PREVIOUS};
use crate::model::sealed::{SealedValue, Value};
use crate::records::SECRETS;

use super::directory::{Secret, find, load};
use super::replication::{self, Prepared};
use super::{check_foreign, value, values};

/// What an update changes.
struct Update {
    id: String,
    description: Option<String>,
    /// The key that is asked for; empty for the key of the service.
    key: Option<String>,
    kind: Option<String>,
    value: Option<Value>,
    token: String,
}

/// What was sealed for one attempt.
#[derive(Default)]
struct Sealed {
    value: Option<SealedValue>,
    resealed: Vec<(String, SealedValue)>,
    prepared: Prepared,
}

pub async fn update_secret(
    service: &SecretsManager,
    call: &Call,
    input: UpdateSecretInput,
) -> Result<UpdateSecretOutput, Error> {
    let update = Update {
        value: value(input.secret_string, input.secret_binary)?,
        id: input.secret_id,
        description: input.description,
        key: input.kms_key_id,
        kind: input.r#type,
        token: input.client_request_token.unwrap_or_else(|| service.ids.uuid()),
    };
    let secret = apply(service, call, &update).await?;
    Ok(UpdateSecretOutput {
        arn: Some(secret.arn().to_string()),
        name: Some(secret.name),
        version_id: update.value.as_ref().map(|_| update.token.clone()),
    })
}

async fn apply(service: &SecretsManager, call: &Call, update: &Update) -> Result<Secret, Error> {
    let address = &Address::parse(&update.id)?;
    for _ in 0..ATTEMPTS_MAX {
        let secret = find(service, call, &update.id).await?;
        check_replica(&secret, update)?;
        let secret = secret.active()?;
        let mut with_key = secret.clone();
        with_key.record.kms_key = wanted_key(&secret, update);
        check_foreign(call, &with_key)?;
        let repeated = update.value.as_ref().filter(|_| secret.record.versions.contains_key(&update.token));
        if let Some(value) = repeated {
            values::check_repeated(service, call, &secret, &update.token, value).await?;
            return Ok(secret);
        }
        let sealed = &seal(service, call, &secret, &with_key, update).await?;
        let before = &secret.record;
        let updated = service
            .store
            .transact(|tx| async move {
                let mut secret = load(&tx, call, address).await?.active()?;
                let is_stale = secret.record.versions.contains_key(&update.token)
                    || !values::same_keys(before, &secret.record);
                if is_stale {
                    return Ok(None);
                }
                keep(&tx, call, &mut secret, update, sealed).await?;
                Ok::<_, Error>(Some(secret))
            })
            .await?;
        if let Some(secret) = updated {
            return Ok(secret);
        }
    }
    Err(Error::broken("a secret kept changing while it was updated"))
}

/// A replica is updated by its primary, but for its key ("Promote a replica secret" in the user guide).
fn check_replica(secret: &Secret, update: &Update) -> Result<(), Error> {
    let more = update.value.is_some() || update.description.is_some() || update.kind.is_some();
    if secret.is_replica() && (more || update.key.is_none()) {
        return Err(Error::on_replica());
    }
    Ok(())
}

fn wanted_key(secret: &Secret, update: &Update) -> Option<String> {
    match &update.key {
        None => secret.record.kms_key.clone(),
        Some(key) => Some(key.clone()).filter(|key| !key.is_empty()),
    }
}

async fn seal(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    with_key: &Secret,
    update: &Update,
) -> Result<Sealed, Error> {
    let mut sealed = Sealed::default();
    if secret.record.kms_key != with_key.record.kms_key {
        sealed.resealed = reseal(service, call, secret, with_key).await?;
    }
    if let Some(value) = &update.value {
        sealed.value = Some(values::seal(service, call, with_key, &update.token, value).await?);
    }
    let fresh = update.value.as_ref().map(|value| (update.token.as_str(), value));
    if !secret.is_replica() {
        sealed.prepared = replication::prepare(service, call, secret, fresh).await?;
    }
    Ok(sealed)
}

/// The versions that matter, under the new key. Somebody who may not encrypt with it changes the key for later versions
/// only (API reference, UpdateSecret).
async fn reseal(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    with_key: &Secret,
) -> Result<Vec<(String, SealedValue)>, Error> {
    let mut resealed = Vec::new();
    for (id, version) in &secret.record.versions {
        // A replica's key is for all it has.
        let matters =
            version.labels.iter().any(|label| [CURRENT, PENDING, PREVIOUS].contains(&label.as_str()));
        if !matters && !secret.is_replica() {
            continue;
        }
        let value = replication::open(service, call, secret, id).await?;
        match values::seal(service, call, with_key, id, &value).await {
            Ok(sealed) => resealed.push((id.clone(), sealed)),
            Err(Error::AccessDenied(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    Ok(resealed)
}

async fn keep(
    tx: &store::Tx,
    call: &Call,
    secret: &mut Secret,
    update: &Update,
    sealed: &Sealed,
) -> Result<(), Error> {
    secret.record.kms_key = wanted_key(secret, update);
    values::reseal(tx, secret, &sealed.resealed).await?;
    if let Some(text) = &update.description {
        secret.record.description = Some(text.clone()).filter(|text| !text.is_empty());
    }
    if let Some(kind) = &update.kind {
        secret.record.kind = Some(kind.clone()).filter(|kind| !kind.is_empty());
    }
    if let Some(value) = &sealed.value {
        values::keep(tx, call.now, secret, &update.token, None, value).await?;
    }
    secret.record.changed = call.now;
    tell_primary(tx, secret).await?;
    replication::save(tx, call.now, secret, &sealed.prepared, false).await
}

/// The primary shows its replicas' keys.
async fn tell_primary(tx: &store::Tx, replica: &Secret) -> Result<(), Error> {
    let (account, region) = replica.place;
    let Some(primary) = replica.record.primary else { return Ok(()) };
    let place = (account, primary);
    if let Some(mut record) = SECRETS.get(tx, &place, &replica.name).await?
        && let Some(entry) = record.replicas.get_mut(&region)
        && record.suffix == replica.record.suffix
    {
        entry.kms_key.clone_from(&replica.record.kms_key);
        SECRETS.put(tx, &place, &replica.name, &record).await?;
    }
    Ok(())
}
