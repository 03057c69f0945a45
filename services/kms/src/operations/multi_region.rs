//! Multi-region keys: one id and one material in several regions, with a policy, tags, aliases and grants in each.
//!
//! Surprising: replicating needs CreateKey in the other region besides; only the primary can be replicated and
//! rotated; moving the primary needs the permission for both keys.

use std::collections::BTreeSet;

use base::{Arn, Region};
use identity::policy::Pins;
use kms_api::{ReplicateKeyInput, ReplicateKeyOutput, UpdatePrimaryRegionInput, UpdatePrimaryRegionOutput};
use service::{Ask, Call, TagChange};

use super::policies::NewPolicy;
use super::saving::{Attempts, Place, Whole};
use super::{check_state, key, keys};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::model::condition_keys::{Keys, one, shared};
use crate::model::{key_policy, metadata, tags};
use crate::records::{KEYS, KeyState, MultiRegion, Origin};

pub fn replication_keys(_: &Kms, call: &Call, input: &ReplicateKeyInput) -> Keys {
    let mut keys = shared(call);
    keys.push(one("kms:ReplicaRegion", &input.replica_region));
    keys
}

/// The set of a primary key; other keys cannot be replicated, nor give the primary's place away.
fn set_of(key: &Key) -> Result<&MultiRegion, Error> {
    let set = key.record.multi_region.as_ref().filter(|set| set.primary == key.region);
    set.ok_or_else(|| {
        Error::UnsupportedOperation(format!("{} is not a multi-region primary key.", key.arn()))
    })
}

fn region(text: &str, call: &Call) -> Result<Region, Error> {
    let found = Region::parse(text).filter(|region| region.partition() == call.region.partition());
    found.ok_or_else(|| Error::UnsupportedOperation(format!("The region {text} is not supported.")))
}

pub async fn replicate_key(
    kms: &Kms,
    call: &Call,
    input: ReplicateKeyInput,
) -> Result<ReplicateKeyOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    set_of(&key)?;
    check_replicable(&key, call)?;
    let region = region(&input.replica_region, call)?;
    let there = Call { region, ..call.clone() };
    let arn = there.arn("kms", format!("key/{}", key.id));
    may_create(kms, &there, &key).await?;
    keys::may_tag(kms, &there, &arn, input.tags.as_deref(), &input).await?;
    let asked = tags::read(input.tags.clone().unwrap_or_default())?;
    let (policy, pins) = match &input.policy {
        None => (key_policy::default(call.account, region), Pins::new()),
        Some(text) => {
            let bypass = input.bypass_policy_lockout_safety_check == Some(true);
            let set = NewPolicy { text, key: &arn, tags: &asked, keys: Vec::new(), bypass };
            (text.clone(), set.check(kms, &there).await?)
        }
    };
    let mut replica_tags = Default::default();
    tags::apply(&TagChange::Put(asked), &mut replica_tags)?;
    let replica = Replica {
        place: (call.account, region),
        description: input.description.clone().unwrap_or_default(),
        policy: policy.clone(),
        pins,
        tags: replica_tags,
    };
    insert(kms, &key, &replica, call).await?;
    let made = super::by_arn(kms, &arn).await?;
    Ok(ReplicateKeyOutput {
        replica_key_metadata: Some(metadata::of(&made, call.now)),
        replica_policy: Some(policy),
        replica_tags: Some(tags::write(&made.record.tags)),
    })
}

/// A key whose material is still to be imported can have replicas, which wait for it as well.
fn check_replicable(key: &Key, call: &Call) -> Result<(), Error> {
    match key.state(call.now) {
        KeyState::PendingImport => Ok(()),
        _ => check_state(key, call),
    }
}

async fn may_create(kms: &Kms, there: &Call, key: &Key) -> Result<(), Error> {
    let record = &key.record;
    let mut keys = shared(there);
    let kind =
        crate::model::condition_keys::of_kind(record.spec.as_str(), record.usage.as_str(), record.origin);
    keys.extend(kind.into_iter().map(|(name, value)| one(name, value)));
    keys.extend([one("kms:MultiRegion", true), one("kms:MultiRegionKeyType", "REPLICA")]);
    let ask = Ask { prefix: "kms", action: "CreateKey", resource: None, keys: &keys, input: None };
    Ok(kms.aws.require(there, &ask).await?)
}

/// What a replica has of its own.
struct Replica {
    place: Place,
    description: String,
    policy: String,
    pins: Pins,
    tags: std::collections::BTreeMap<String, String>,
}

async fn insert(kms: &Kms, key: &Key, replica: &Replica, call: &Call) -> Result<(), Error> {
    let (place, id, region) = (key.place(), key.id.as_str(), replica.place.1);
    let attempts = &Attempts::default();
    let written = kms
        .store
        .transact(|tx| async move {
            let primary = Whole::load(&tx, place, id).await?;
            let mut primary = primary.ok_or_else(|| Error::KeyNotFound(key.arn()))?;
            let before = primary.clone();
            let set = primary.record.multi_region.as_mut();
            let set = set.ok_or_else(|| Error::KeyNotFound(key.arn()))?;
            let arn = Arn::regional("kms", region, place.0, format!("key/{id}"));
            let is_again = attempts.is_again();
            if let Some(known) = KEYS.get(&tx, &replica.place, id).await? {
                return match is_again && known.created == call.now && known.policy == replica.policy {
                    true => Ok(primary.regions()),
                    false => Err(Error::AlreadyExists(format!("{arn} already exists"))),
                };
            }
            set.replicas.insert(region);
            let mut new = Whole {
                place: replica.place,
                id: id.to_owned(),
                record: primary.record.clone(),
                materials: Vec::new(),
            };
            primary.share(&mut new);
            new.record.created = call.now;
            new.record.description.clone_from(&replica.description);
            new.record.policy.clone_from(&replica.policy);
            new.record.pins.clone_from(&replica.pins);
            new.record.tags.clone_from(&replica.tags);
            new.record.state = match primary.record.origin {
                Origin::AwsKms => KeyState::Enabled,
                Origin::External => KeyState::PendingImport,
            };
            new.write(&tx, None).await?;
            primary.save(&tx, Some(&before)).await?;
            Ok(primary.regions())
        })
        .await;
    forget_all(kms, key, written?);
    kms.due.nudge();
    Ok(())
}

fn forget_all(kms: &Kms, key: &Key, regions: Vec<Region>) {
    regions.into_iter().for_each(|region| kms.directory.forget(key.account, region, &key.id));
}

pub fn primary_keys(_: &Kms, call: &Call, input: &UpdatePrimaryRegionInput) -> Keys {
    let mut keys = shared(call);
    keys.push(one("kms:PrimaryRegion", &input.primary_region));
    keys
}

pub async fn update_primary_region(
    kms: &Kms,
    call: &Call,
    input: UpdatePrimaryRegionInput,
) -> Result<UpdatePrimaryRegionOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    let set = set_of(&key)?;
    let region = region(&input.primary_region, call)?;
    let there = Call { region, ..call.clone() };
    let arn = there.arn("kms", format!("key/{}", key.id));
    if !set.replicas.contains(&region) {
        return Err(Error::KeyNotFound(arn));
    }
    let keys = primary_keys(kms, &there, &input);
    let ask =
        Ask { prefix: "kms", action: "UpdatePrimaryRegion", resource: Some(&arn), keys: &keys, input: None };
    kms.aws.require(&there, &ask).await?;
    let next = super::by_arn(kms, &arn).await?;
    check_replicable(&key, call)?;
    check_replicable(&next, call)?;
    let (place, id) = (key.place(), key.id.as_str());
    let moved = kms
        .store
        .transact(|tx| async move {
            let current = Whole::load(&tx, place, id).await?;
            let current = current.ok_or_else(|| Error::KeyNotFound(key_arn(place, id)))?;
            let regions: BTreeSet<Region> = current.regions().into_iter().collect();
            let set = MultiRegion {
                primary: region,
                replicas: regions.iter().copied().filter(|other| *other != region).collect(),
            };
            for region in &regions {
                let member = Whole::load(&tx, (place.0, *region), id).await?;
                let Some(mut member) = member else { continue };
                let before = member.clone();
                member.record.multi_region = Some(set.clone());
                member.write(&tx, Some(&before)).await?;
            }
            Ok::<_, Error>(regions)
        })
        .await;
    forget_all(kms, &key, moved?.into_iter().collect());
    kms.due.nudge();
    Ok(UpdatePrimaryRegionOutput {})
}

fn key_arn((account, region): Place, id: &str) -> Arn {
    Arn::regional("kms", region, account, format!("key/{id}"))
}
