//! Replicas: real secrets in other places that follow their primary.
//!
//! What a change brings to the replicas is written in the transaction of the change itself, so that there is no moment
//! at which a kill leaves them behind. Values are sealed for each replica before that, with its own key and with the
//! caller's identity; where that fails the replica says so, and it is tried again with the next change.

use std::collections::BTreeMap;

use base::{Arn, Timestamp};
use service::Call;
use store::Tx;

use crate::SecretsManager;
use crate::error::Error;
use crate::model::address::{self, Address};
use crate::model::order::key_of;
use crate::model::replica::follow;
use crate::model::sealed::{self, SealedValue, Value};
use crate::records::{
    BY_CREATION, ByCreationRecord, ForeignState, Place, ReplicaState, SECRETS, SecretRecord, VALUES,
    ValueRecord,
};

use super::directory::Secret;
use super::envelope::{self, KeyName};

/// A place where a secret has a replica, or is to have one.
struct Target {
    place: Place,
    name: String,
    arn: Arn,
    /// The key of a replica that does not exist yet.
    key: Option<String>,
    /// In another account.
    foreign: bool,
}

/// What one replica needs: versions with their values, or why it cannot have them.
type Brought = Result<Vec<(String, SealedValue)>, String>;

/// The values of one change, sealed for every replica.
#[derive(Default)]
pub struct Prepared(BTreeMap<Place, Brought>);

pub fn value_key(name: &str, version: &str) -> String {
    format!("{name} {version}")
}

impl Prepared {
    /// Why the replica in a place cannot have what it lacks.
    pub fn failure(&self, place: &Place) -> Option<&str> {
        self.0.get(place)?.as_ref().err().map(String::as_str)
    }
}

fn targets(secret: &Secret) -> Vec<Target> {
    let (account, _) = secret.place;
    let record = &secret.record;
    let regional = record.replicas.iter().map(|(region, replica)| Target {
        place: (account, *region),
        name: secret.name.clone(),
        arn: address::arn(account, *region, &secret.name, &record.suffix),
        key: replica.kms_key.clone(),
        foreign: false,
    });
    let foreign = record.foreign_replica.iter().filter(|replica| replica.state != ForeignState::Detached);
    let foreign = foreign.filter_map(|replica| {
        let address = Address::parse(replica.arn.as_str()).ok()?;
        let place = (address.account?, address.region?);
        Some(Target { place, name: address.name, arn: replica.arn.clone(), key: None, foreign: true })
    });
    regional.chain(foreign).collect()
}

/// Whether what is found in a replica's place is that replica.
fn is_replica_of(found: &SecretRecord, primary: &Secret, target: &Target) -> bool {
    if target.foreign {
        let link = found.foreign_primary.as_ref();
        return link.is_some_and(|link| link.arn == primary.arn());
    }
    found.primary == Some(primary.place.1) && found.suffix == primary.record.suffix
}

/// Seals for every replica the values it lacks. `fresh` is a version that is about to be added.
pub async fn prepare(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    fresh: Option<(&str, &Value)>,
) -> Result<Prepared, Error> {
    let mut prepared = Prepared::default();
    let mut opened: BTreeMap<String, Value> = BTreeMap::new();
    if let Some((version, value)) = fresh {
        opened.insert(version.to_owned(), value.clone());
    }
    for target in targets(secret) {
        let (place, name) = (&target.place, target.name.as_str());
        let found = service.store.read(|tx| async move { SECRETS.get(&tx, place, name).await }).await?;
        let replica = found.filter(|found| is_replica_of(found, secret, &target));
        let ids = secret.record.versions.keys().map(String::as_str).chain(fresh.map(|(version, _)| version));
        let lacks = |id: &&str| replica.as_ref().is_none_or(|replica| !replica.versions.contains_key(*id));
        let lacking: Vec<&str> = ids.filter(lacks).collect();
        let key = replica.as_ref().map_or_else(|| target.key.clone(), |replica| replica.kms_key.clone());
        let mut brought: Brought = Ok(Vec::new());
        for version in lacking {
            if !opened.contains_key(version) {
                match open(service, call, secret, version).await {
                    Ok(value) => drop(opened.insert(version.to_owned(), value)),
                    Err(error) => {
                        brought = Err(why(error)?);
                        break;
                    }
                }
            }
            let key = KeyName { account: target.place.0, region: target.place.1, name: key.as_deref() };
            let at = sealed::Place { arn: target.arn.as_str(), version };
            match (envelope::seal(service, call, key, &at, &opened[version]).await, &mut brought) {
                (Ok(sealed), Ok(values)) => values.push((version.to_owned(), sealed)),
                (Ok(_), Err(_)) => {}
                (Err(error), _) => {
                    brought = Err(why(error)?);
                    break;
                }
            }
        }
        prepared.0.insert(target.place, brought);
    }
    Ok(prepared)
}

/// What a replica's status says of a refusal; our own failures fail the operation.
fn why(error: Error) -> Result<String, Error> {
    let reason = match error {
        error @ (Error::Internal(_) | Error::StorageFull) => return Err(error),
        error => schema::Fault::from(error).message().to_owned(),
    };
    Ok(format!("Replication failed: {reason}"))
}

/// The value of a version in the clear.
pub async fn open(
    service: &SecretsManager,
    call: &Call,
    secret: &Secret,
    version: &str,
) -> Result<Value, Error> {
    let (place, key) = (&secret.place, value_key(&secret.name, version));
    let key = key.as_str();
    let found = service.store.read(|tx| async move { VALUES.get(&tx, place, key).await }).await?;
    let found = found.ok_or_else(|| Error::broken("a version has no value"))?;
    let arn = secret.arn();
    let at = sealed::Place { arn: arn.as_str(), version };
    envelope::open(service, call, secret.place.1, &at, &found.sealed).await
}

/// Keeps a secret's record and brings its replicas up to it. With `overwrite`, secrets in the way are replaced.
pub async fn save(
    tx: &Tx,
    now: Timestamp,
    secret: &mut Secret,
    prepared: &Prepared,
    overwrite: bool,
) -> Result<(), Error> {
    for target in targets(secret) {
        let state = bring(tx, now, secret, &target, prepared.0.get(&target.place), overwrite).await?;
        if target.foreign {
            if let Some(replica) = &mut secret.record.foreign_replica {
                replica.state = match state {
                    ReplicaState::InSync => ForeignState::InSync,
                    ReplicaState::Failed { why } => ForeignState::Failed { why },
                };
            }
        } else if let Some(replica) = secret.record.replicas.get_mut(&target.place.1) {
            replica.state = state;
        }
    }
    SECRETS.put(tx, &secret.place, &secret.name, &secret.record).await?;
    Ok(())
}

/// Brings one replica up to its primary, creating it if need be.
async fn bring(
    tx: &Tx,
    now: Timestamp,
    primary: &Secret,
    target: &Target,
    brought: Option<&Brought>,
    overwrite: bool,
) -> Result<ReplicaState, Error> {
    let found = SECRETS.get(tx, &target.place, &target.name).await?;
    let (mut replica, is_new) = match found {
        Some(found) if is_replica_of(&found, primary, target) => (found, false),
        _ if target.foreign => return Ok(failed("The replica secret does not exist.")),
        Some(found) if !found.is_gone(now) && !overwrite => {
            return Ok(failed("Secret with this name already exists in this region"));
        }
        found => {
            let Some(Ok(_)) = brought else { return Ok(not_created(primary, target, brought)) };
            if let Some(found) = found {
                purge(tx, &target.place, &target.name, &found).await?;
            }
            let mut replica = SecretRecord::new(primary.record.suffix.clone(), now);
            replica.primary = Some(primary.place.1);
            replica.kms_key.clone_from(&target.key);
            (replica, true)
        }
    };
    let values = brought.and_then(|brought| brought.as_ref().ok()).map(Vec::as_slice).unwrap_or_default();
    let values = values.iter().filter(|(version, _)| primary.record.versions.contains_key(version));
    let mut fresh = Vec::new();
    for (version, sealed) in values {
        let record = ValueRecord { sealed: sealed.clone() };
        VALUES.put(tx, &target.place, &value_key(&target.name, version), &record).await?;
        fresh.push(version.clone());
    }
    let followed = follow(&mut replica, &primary.record, &fresh);
    for version in &followed.dropped {
        VALUES.delete(tx, &target.place, &value_key(&target.name, version)).await?;
    }
    let state = match brought {
        Some(Err(why)) => ReplicaState::Failed { why: why.clone() },
        _ if followed.missing.is_empty() => ReplicaState::InSync,
        _ => previous_failure(primary, target),
    };
    if let Some(link) = &mut replica.foreign_primary {
        link.state = match &state {
            ReplicaState::InSync => ForeignState::InSync,
            ReplicaState::Failed { why } => ForeignState::Failed { why: why.clone() },
        };
    }
    if is_new {
        let key = key_of(replica.created, &target.name);
        BY_CREATION.put(tx, &target.place, &key, &ByCreationRecord {}).await?;
    }
    SECRETS.put(tx, &target.place, &target.name, &replica).await?;
    Ok(state)
}

fn failed(why: &str) -> ReplicaState {
    ReplicaState::Failed { why: why.to_owned() }
}

fn not_created(primary: &Secret, target: &Target, brought: Option<&Brought>) -> ReplicaState {
    match brought {
        Some(Err(why)) => ReplicaState::Failed { why: why.clone() },
        _ => previous_failure(primary, target),
    }
}

/// A replica that lacks something goes on saying why.
fn previous_failure(primary: &Secret, target: &Target) -> ReplicaState {
    let before = primary.record.replicas.get(&target.place.1).filter(|_| !target.foreign);
    match before.map(|replica| &replica.state) {
        Some(ReplicaState::Failed { why }) => ReplicaState::Failed { why: why.clone() },
        _ => failed("Replication failed: some versions could not be replicated."),
    }
}

/// Deletes a secret with all its values.
pub async fn purge(tx: &Tx, place: &Place, name: &str, record: &SecretRecord) -> Result<(), Error> {
    for version in record.versions.keys() {
        VALUES.delete(tx, place, &value_key(name, version)).await?;
    }
    BY_CREATION.delete(tx, place, &key_of(record.created, name)).await?;
    SECRETS.delete(tx, place, name).await?;
    Ok(())
}
