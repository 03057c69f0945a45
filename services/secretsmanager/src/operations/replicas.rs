//! ReplicateSecretToRegions, RemoveRegionsFromReplication and StopReplicationToReplica.

use std::collections::BTreeMap;

use base::Region;
use secretsmanager_api::{
    RemoveRegionsFromReplicationInput, RemoveRegionsFromReplicationOutput, ReplicaRegionType,
    ReplicateSecretToRegionsInput, ReplicateSecretToRegionsOutput, StopReplicationToReplicaInput,
    StopReplicationToReplicaOutput,
};
use service::Call;
use store::Tx;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::{ATTEMPTS_MAX, REPLICAS_MAX};
use crate::model::address::Address;
use crate::records::{Replica, ReplicaState, SECRETS};

use super::directory::{Secret, find, load};
use super::replication::{self, Prepared, purge};
use super::{cross_account, description::replication_status, values::same_keys};

/// The replicas that a request asks for: other regions of the same partition, each once.
pub fn wanted(
    call: &Call,
    regions: Vec<ReplicaRegionType>,
    own: Region,
) -> Result<BTreeMap<Region, Replica>, Error> {
    let mut wanted = BTreeMap::new();
    for ReplicaRegionType { region, kms_key_id } in regions {
        let name = region.ok_or_else(|| Error::parameter("A replica must have a Region."))?;
        let region = Region::parse(&name).filter(|region| region.partition() == call.region.partition());
        let region = region.ok_or_else(|| Error::parameter(format!("Invalid replica region {name}.")))?;
        if region == own {
            return Err(Error::parameter(format!(
                "Invalid replica region {name}: a secret can't be replicated to its own region."
            )));
        }
        let kms_key = kms_key_id.filter(|key| !key.is_empty());
        let why = "Replication has not begun.".to_owned();
        let replica = Replica { kms_key, state: ReplicaState::Failed { why } };
        if wanted.insert(region, replica).is_some() {
            return Err(Error::parameter(format!("The replica region {name} is there more than once.")));
        }
    }
    if wanted.len() > REPLICAS_MAX {
        return Err(Error::parameter(format!("A secret can have at most {REPLICAS_MAX} replicas.")));
    }
    Ok(wanted)
}

pub async fn replicate_secret_to_regions(
    service: &SecretsManager,
    call: &Call,
    input: ReplicateSecretToRegionsInput,
) -> Result<ReplicateSecretToRegionsOutput, Error> {
    let wanted = &wanted(call, input.add_replica_regions, call.region)?;
    let overwrite = input.force_overwrite_replica_secret.unwrap_or_default();
    let address = &Address::parse(&input.secret_id)?;
    for _ in 0..ATTEMPTS_MAX {
        let before = find(service, call, &input.secret_id).await?.primary()?.active()?;
        let mut with_replicas = before.clone();
        add(&mut with_replicas, wanted)?;
        let prepared = &replication::prepare(service, call, &with_replicas, None).await?;
        let before = &before.record;
        let replicated = service
            .store
            .transact(|tx| async move {
                let mut secret = load(&tx, call, address).await?.primary()?.active()?;
                let is_stale = !same_keys(before, &secret.record)
                    || !before.versions.keys().eq(secret.record.versions.keys());
                if is_stale {
                    return Ok(None);
                }
                add(&mut secret, wanted)?;
                replication::save(&tx, call.now, &mut secret, prepared, overwrite).await?;
                Ok::<_, Error>(Some(secret))
            })
            .await?;
        if let Some(secret) = replicated {
            return Ok(ReplicateSecretToRegionsOutput {
                arn: Some(secret.arn().to_string()),
                replication_status: replication_status(service, &secret).await?,
            });
        }
    }
    Err(Error::broken("a secret kept changing while it was replicated"))
}

/// Adds replicas. One that failed is tried again; one that is in sync must not be asked for.
fn add(secret: &mut Secret, wanted: &BTreeMap<Region, Replica>) -> Result<(), Error> {
    for (region, replica) in wanted {
        let there = secret.record.replicas.get(region);
        if there.is_some_and(|there| there.state == ReplicaState::InSync) {
            return Err(Error::parameter(format!("Secret is already replicated to region {region}.")));
        }
        secret.record.replicas.insert(*region, replica.clone());
    }
    Ok(())
}

pub async fn remove_regions_from_replication(
    service: &SecretsManager,
    call: &Call,
    input: RemoveRegionsFromReplicationInput,
) -> Result<RemoveRegionsFromReplicationOutput, Error> {
    let (address, regions) = (&Address::parse(&input.secret_id)?, &input.remove_replica_regions);
    let secret = service
        .store
        .transact(|tx| async move {
            let mut secret = load(&tx, call, address).await?.primary()?.active()?;
            for name in regions {
                let region = Region::parse(name).filter(|region| secret.record.replicas.contains_key(region));
                let region = region.ok_or_else(|| {
                    Error::parameter(format!("The secret has no replica in region {name}."))
                })?;
                secret.record.replicas.remove(&region);
                remove(&tx, &secret, region).await?;
            }
            replication::save(&tx, call.now, &mut secret, &Prepared::default(), false).await?;
            Ok::<_, Error>(secret)
        })
        .await?;
    Ok(RemoveRegionsFromReplicationOutput {
        arn: Some(secret.arn().to_string()),
        replication_status: Some(replication_status(service, &secret).await?.unwrap_or_default()),
    })
}

/// Deletes the replica of a region, at once, if it came to be.
async fn remove(tx: &Tx, primary: &Secret, region: Region) -> Result<(), Error> {
    let place = (primary.place.0, region);
    if let Some(replica) = SECRETS.get(tx, &place, &primary.name).await?
        && replica.primary == Some(primary.place.1)
        && replica.suffix == primary.record.suffix
    {
        purge(tx, &place, &primary.name, &replica).await?;
    }
    Ok(())
}

pub async fn stop_replication_to_replica(
    service: &SecretsManager,
    call: &Call,
    input: StopReplicationToReplicaInput,
) -> Result<StopReplicationToReplicaOutput, Error> {
    let address = &Address::parse(&input.secret_id)?;
    let secret = service
        .store
        .transact(|tx| async move {
            let mut secret = load(&tx, call, address).await?.active()?;
            let region = secret.place.1;
            if let Some(link) = secret.record.foreign_primary.take() {
                cross_account::detach_primary(&tx, &link.arn, &secret.arn()).await?;
            } else if let Some(primary) = secret.record.primary.take() {
                let place = (secret.place.0, primary);
                if let Some(mut record) = SECRETS.get(&tx, &place, &secret.name).await?
                    && record.suffix == secret.record.suffix
                {
                    record.replicas.remove(&region);
                    SECRETS.put(&tx, &place, &secret.name, &record).await?;
                }
            } else {
                return Err(Error::request("You can't stop replication to a secret that is not a replica."));
            }
            secret.record.changed = call.now;
            SECRETS.put(&tx, &secret.place, &secret.name, &secret.record).await?;
            Ok::<_, Error>(secret)
        })
        .await?;
    Ok(StopReplicationToReplicaOutput { arn: Some(secret.arn().to_string()) })
}
