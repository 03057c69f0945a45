//! PutSecretValue and GetSecretValue: versions are added, never changed, and read by label or by id.

use base::Timestamp;
use secretsmanager_api::{
    GetSecretValueInput, GetSecretValueOutput, PutSecretValueInput, PutSecretValueOutput, SecretValueEntry,
};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::ATTEMPTS_MAX;
use crate::model::address::Address;
use crate::model::labels::{self, CURRENT};
use crate::model::sealed::{Place, SealedValue, Value};
use crate::records::{SECRETS, SecretRecord, VALUES, ValueRecord, Version};

use super::directory::{Secret, find, load};
use super::envelope::{self, KeyName};
use super::replication::{self, value_key};
use super::{check_foreign, value};

pub async fn put_secret_value(
    service: &SecretsManager,
    call: &Call,
    input: PutSecretValueInput,
) -> Result<PutSecretValueOutput, Error> {
    let value = value(input.secret_string, input.secret_binary)?;
    let value =
        value.ok_or_else(|| Error::request("You must provide either SecretString or SecretBinary."))?;
    let token = input.client_request_token.unwrap_or_else(|| service.ids.uuid());
    let addition =
        Addition { id: &input.secret_id, token: &token, value: &value, labels: input.version_stages };
    let secret = add(service, call, &addition).await?;
    Ok(PutSecretValueOutput {
        arn: Some(secret.arn().to_string()),
        version_stages: secret.record.versions.get(&token).map(|version| version.labels.clone()),
        name: Some(secret.name),
        version_id: Some(token),
    })
}

/// A version to be added.
struct Addition<'a> {
    id: &'a str,
    token: &'a str,
    value: &'a Value,
    labels: Option<Vec<String>>,
}

/// Adds a version, or finds that it has been added before. KMS is asked outside the transaction; what it was asked for
/// has to hold within.
async fn add(service: &SecretsManager, call: &Call, addition: &Addition<'_>) -> Result<Secret, Error> {
    let address = &Address::parse(addition.id)?;
    for _ in 0..ATTEMPTS_MAX {
        let secret = find(service, call, addition.id).await?.primary()?.active()?;
        check_foreign(call, &secret)?;
        if secret.record.versions.contains_key(addition.token) {
            check_repeated(service, call, &secret, addition.token, addition.value).await?;
            return Ok(secret);
        }
        let sealed = seal(service, call, &secret, addition.token, addition.value).await?;
        let prepared =
            replication::prepare(service, call, &secret, Some((addition.token, addition.value))).await?;
        let (before, sealed, prepared) = (&secret.record, &sealed, &prepared);
        let added = service
            .store
            .transact(|tx| async move {
                let mut secret = load(&tx, call, address).await?.primary()?.active()?;
                if secret.record.versions.contains_key(addition.token) || !same_keys(before, &secret.record) {
                    return Ok(None);
                }
                keep(&tx, call.now, &mut secret, addition.token, addition.labels.clone(), sealed).await?;
                replication::save(&tx, call.now, &mut secret, prepared, false).await?;
                Ok::<_, Error>(Some(secret))
            })
            .await?;
        if let Some(secret) = added {
            return Ok(secret);
        }
    }
    Err(Error::broken("a secret kept changing while a version was added"))
}

/// A token that was used before must have been used for the same value.
pub async fn check_repeated(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    token: &str,
    value: &Value,
) -> Result<(), Error> {
    if replication::open(service, call, secret, token).await? == *value {
        return Ok(());
    }
    Err(Error::VersionExists { token: token.to_owned(), arn: secret.arn().to_string() })
}

/// Seals a value for a version of a secret, with the secret's key.
pub async fn seal(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    version: &str,
    value: &Value,
) -> Result<SealedValue, Error> {
    let (account, region) = secret.place;
    let key = KeyName { account, region, name: secret.record.kms_key.as_deref() };
    let arn = secret.arn();
    envelope::seal(service, call, key, &Place { arn: arn.as_str(), version }, value).await
}

/// Whether what was sealed for one state of a secret serves another.
pub fn same_keys(before: &SecretRecord, now: &SecretRecord) -> bool {
    let replicas = |record: &SecretRecord| -> Vec<_> {
        record.replicas.iter().map(|(region, replica)| (*region, replica.kms_key.clone())).collect()
    };
    before.suffix == now.suffix
        && before.kms_key == now.kms_key
        && replicas(before) == replicas(now)
        && before.foreign_replica.as_ref().map(|replica| &replica.arn)
            == now.foreign_replica.as_ref().map(|replica| &replica.arn)
}

/// Puts a new version into the record, with its value beside it, and lets go of old ones.
pub async fn keep(
    tx: &store::Tx,
    now: Timestamp,
    secret: &mut Secret,
    token: &str,
    asked: Option<Vec<String>>,
    sealed: &SealedValue,
) -> Result<(), Error> {
    let record = &mut secret.record;
    let labels = labels::of_new_version(&record.versions, asked);
    let version =
        Version { created: now, labels: Vec::new(), accessed: None, kms_key: record.kms_key.clone() };
    record.versions.insert(token.to_owned(), version);
    labels::attach(&mut record.versions, token, &labels)?;
    record.changed = now;
    // A value that is put by hand counts as a rotation.
    if let Some(rotation) = record.rotation.as_mut().filter(|rotation| rotation.enabled) {
        rotation.next = rotation.rules.as_ref().and_then(|rules| rules.next(now));
    }
    for pruned in labels::prune(&mut record.versions, now)? {
        VALUES.delete(tx, &secret.place, &value_key(&secret.name, &pruned)).await?;
    }
    let value = ValueRecord { sealed: sealed.clone() };
    VALUES.put(tx, &secret.place, &value_key(&secret.name, token), &value).await?;
    Ok(())
}

pub async fn get_secret_value(
    service: &SecretsManager,
    call: &Call,
    input: GetSecretValueInput,
) -> Result<GetSecretValueOutput, Error> {
    let secret = find(service, call, &input.secret_id).await?;
    let entry = read(service, call, secret, input.version_id, input.version_stage).await?;
    Ok(GetSecretValueOutput {
        arn: entry.arn,
        name: entry.name,
        version_id: entry.version_id,
        secret_binary: entry.secret_binary,
        secret_string: entry.secret_string,
        version_stages: entry.version_stages,
        created_date: entry.created_date,
    })
}

/// Reads one version, the current one if none is named, and remembers the day.
pub async fn read(
    service: &SecretsManager,
    call: &Call,
    secret: Secret,
    id: Option<String>,
    label: Option<String>,
) -> Result<SecretValueEntry, Error> {
    let secret = secret.active()?;
    check_foreign(call, &secret)?;
    let id = choose(&secret.record, id, label)?;
    let version = secret.record.versions[&id].clone();
    let value = replication::open(service, call, &secret, &id).await?;
    note_access(service, call, &secret, &id).await?;
    let (text, binary) = match value {
        Value::Text(text) => (Some(text.to_string()), None),
        Value::Binary(bytes) => (None, Some(bytes::Bytes::copy_from_slice(&bytes))),
    };
    Ok(SecretValueEntry {
        arn: Some(secret.arn().to_string()),
        name: Some(secret.name),
        version_id: Some(id),
        secret_binary: binary,
        secret_string: text,
        version_stages: Some(version.labels).filter(|labels| !labels.is_empty()),
        created_date: Some(version.created),
    })
}

/// The version that an id and a label mean together.
fn choose(record: &SecretRecord, id: Option<String>, label: Option<String>) -> Result<String, Error> {
    let not_found = |what: String| {
        Error::NotFound(format!("Secrets Manager can't find the specified secret value for {what}"))
    };
    let Some(id) = id else {
        let label = label.as_deref().unwrap_or(CURRENT);
        let found = record.labelled(label).map(str::to_owned);
        return found.ok_or_else(|| not_found(format!("staging label: {label}")));
    };
    let version = record.versions.get(&id).ok_or_else(|| not_found(format!("VersionId: {id}")))?;
    match label {
        Some(label) if !version.labels.contains(&label) => Err(Error::request(
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )),
        _ => Ok(id),
    }
}

const DAY_MILLIS: i64 = 86_400_000;

/// The day, since AWS keeps no more of it.
fn day(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis().div_euclid(DAY_MILLIS) * DAY_MILLIS)
}

/// Remembers on which day a version was read, once a day.
async fn note_access(service: &SecretsManager, call: &Call, secret: &Secret, id: &str) -> Result<(), Error> {
    let today = Some(day(call.now));
    let is_noted = |record: &SecretRecord| {
        record.accessed == today && record.versions.get(id).is_some_and(|version| version.accessed == today)
    };
    if is_noted(&secret.record) {
        return Ok(());
    }
    let (place, name, suffix) = (&secret.place, secret.name.as_str(), &secret.record.suffix);
    let noted = service
        .store
        .transact(|tx| async move {
            let Some(mut record) = SECRETS.get(&tx, place, name).await? else { return Ok(()) };
            if record.suffix != *suffix {
                return Ok(());
            }
            record.accessed = record.accessed.max(today);
            if let Some(version) = record.versions.get_mut(id) {
                version.accessed = version.accessed.max(today);
            }
            SECRETS.put(&tx, place, name, &record).await?;
            Ok::<_, Error>(())
        })
        .await;
    match noted {
        // A full disk keeps nobody from reading.
        Err(Error::StorageFull) => Ok(()),
        noted => noted,
    }
}

/// Replaces the sealed values of versions and the key they are under.
pub async fn reseal(
    tx: &store::Tx,
    secret: &mut Secret,
    resealed: &[(String, SealedValue)],
) -> Result<(), Error> {
    for (id, sealed) in resealed {
        let key = secret.record.kms_key.clone();
        if let Some(version) = secret.record.versions.get_mut(id) {
            version.kms_key = key;
            let value = ValueRecord { sealed: sealed.clone() };
            VALUES.put(tx, &secret.place, &value_key(&secret.name, id), &value).await?;
        }
    }
    Ok(())
}
