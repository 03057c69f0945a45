//! Snapshots of volumes: made, listed, deleted.
//!
//! Surprising: a snapshot holds what the volume held in the moment of the call, and is pending while it is copied;
//! deleting one takes away what no other needs. One that an image needs cannot be deleted.

use std::collections::BTreeMap;

use base::{AccountId, Arn};
use ec2_api::*;
use rbin_api::ResourceType;
use service::{Call, Kept};
use store::{Select, Tx};

use super::lists::{self, Asked};
use super::snapshot_finding::{arn, find, own_ones};
use super::volumes::{check_zone, driver};
use super::{disk_keys, managed, recycle_bin, tags};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    AUTH_FAILURE, INCORRECT_STATE, INTERNAL_ERROR, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    INVALID_SNAPSHOT_IN_USE, INVALID_USER_ID_MALFORMED, UNSUPPORTED_OPERATION,
};
use crate::ground::disks::SnapshotSpec;
use crate::kind::{INSTANCE, SNAPSHOT, VOLUME};
use crate::limits::{PAGE_MAX, RESOURCES_MAX};
use crate::model::filter::Filters;
use crate::model::snapshot_tiers::Standing;
use crate::model::snapshots as rules;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::volumes::State;
use crate::records::images::ImageRecord;
use crate::records::instances::{InstanceRecord, PlaceRecord};
use crate::records::snapshot_states::{self, LOCKS, TIERS, TierRecord, forget};
use crate::records::snapshots::{SHARED_SNAPSHOTS, SNAPSHOT_PLACES, SnapshotRecord};
use crate::records::volumes::{VolumeRecord, mark_busy, of_instance};
use crate::records::{Place, Resource};
use crate::resources;

/// A snapshot of the caller's own.
///
/// # Errors
/// As [`find`]; `AuthFailure` for one that belongs to somebody else.
pub async fn own(tx: &Tx, call: &Call, id: &str) -> Result<SnapshotRecord, Error> {
    let found = find(tx, call.account, call.region, id).await?;
    if found.place == call.scope() {
        return Ok(found.record);
    }
    Err(Error::new(&AUTH_FAILURE, format!("Not authorized for snapshot:{id}")))
}

/// Refuses what would take a snapshot away from an image.
///
/// # Errors
/// `InvalidSnapshot.InUse`
pub async fn check_free_of_images(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    let uses = |image: &ImageRecord| {
        let mut mappings = image.shown.block_device_mappings.iter().flatten();
        mappings.any(|it| it.ebs.as_ref().and_then(|ebs| ebs.snapshot_id.as_deref()) == Some(id))
    };
    let images: Vec<ImageRecord> = resources::all(tx, place).await?;
    match images.iter().find(|image| uses(image)) {
        None => Ok(()),
        Some(image) => {
            let message = format!("The snapshot {id} is currently in use by {}", image.id);
            Err(Error::new(&INVALID_SNAPSHOT_IN_USE, message))
        }
    }
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteSnapshotInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, &input.snapshot_id)])
}

pub fn to_make(_: &Ec2, call: &Call, input: &CreateSnapshotInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, "*"), VOLUME.arn(call, &input.volume_id)])
}

pub fn to_make_several(_: &Ec2, call: &Call, input: &CreateSnapshotsInput) -> Result<Vec<Arn>, Error> {
    let instance = INSTANCE.arn(call, &input.instance_specification.instance_id);
    Ok(vec![instance, arn(call, "*"), VOLUME.any(call)])
}

/// The record of a snapshot that the engine is not told of yet.
pub fn record(call: &Call, id: String, volume: &VolumeRecord, description: Option<&str>) -> SnapshotRecord {
    let shown = Snapshot {
        snapshot_id: Some(id.clone()),
        volume_id: Some(volume.id.clone()),
        state: Some(SnapshotState::Pending),
        progress: Some("0%".to_owned()),
        start_time: Some(call.now),
        owner_id: Some(call.account.to_string()),
        description: Some(description.unwrap_or_default().to_owned()),
        volume_size: volume.shown.size,
        encrypted: Some(volume.key.is_some()),
        kms_key_id: volume.key.as_ref().map(|key| key.key_arn.clone()),
        ..Snapshot::default()
    };
    SnapshotRecord {
        id,
        shown: Kept(shown),
        key: volume.key.clone(),
        permissions: Vec::new(),
        parent: None,
        begun: false,
        own_bytes: None,
    }
}

pub fn check_volume(volume: &VolumeRecord) -> Result<(), Error> {
    match volume.state {
        State::Available => Ok(()),
        State::Creating | State::Deleting | State::Error => {
            let message = format!("The volume '{}' is not in the 'available' or 'in-use' state.", volume.id);
            Err(Error::new(&INCORRECT_STATE, message))
        }
    }
}

/// Writes the records, has the engine fix the moment, and takes the records back if it could not.
async fn take(ec2: &Ec2, call: &Call, made: &[(VolumeRecord, SnapshotRecord, Tags)]) -> Result<(), Error> {
    let (disks, place) = (driver(ec2)?, &call.scope());
    let mut specs = Vec::with_capacity(made.len());
    for (volume, snapshot, _) in made {
        let key = disk_keys::open(ec2, place, volume.key.as_ref()).await?;
        let (volume, snapshot) = (volume.id.clone(), snapshot.id.clone());
        specs.push(SnapshotSpec { volume, key: key.clone(), snapshot, snapshot_key: key });
    }
    let written = ec2.store.transact(|tx| async move {
        for (volume, snapshot, given) in made {
            let volume: VolumeRecord = resources::get(&tx, place, &volume.id).await?;
            check_volume(&volume)?;
            check_zone(&tx, &volume).await?;
            SNAPSHOT_PLACES.put(&tx, &(), &snapshot.id, &PlaceRecord::of(place)).await?;
            resources::create(&tx, place, snapshot, given).await?;
            mark_busy(&tx, place, &snapshot.id).await?;
        }
        Ok::<_, Error>(())
    });
    written.await?;
    let outcome = disks.snapshot(&specs).await;
    let is_begun = outcome.is_ok();
    let settled = ec2.store.transact(|tx| async move {
        for (_, snapshot, _) in made {
            let Some(mut kept) = SnapshotRecord::TABLE.get(&tx, place, &snapshot.id).await? else { continue };
            kept.begun = true;
            match is_begun {
                true => resources::put(&tx, place, &kept).await?,
                false => remove(&tx, place, &snapshot.id).await?,
            }
        }
        Ok::<_, Error>(())
    });
    settled.await?;
    ec2.disks.nudge();
    outcome.map_err(|error| {
        tracing::warn!(%error, "a snapshot could not be begun");
        Error::new(&INTERNAL_ERROR, format!("The snapshot could not be created: {error}"))
    })
}

/// Takes a snapshot's record away; the task has the engine forget it.
pub async fn remove(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    forget(tx, place, id).await?;
    SNAPSHOT_PLACES.delete(tx, &(), id).await?;
    SHARED_SNAPSHOTS.delete(tx, &(), &format!("{}/{id}", place.1)).await?;
    resources::remove::<SnapshotRecord>(tx, place, id).await?;
    mark_busy(tx, place, id).await
}

pub fn check_location(
    outpost: Option<&String>,
    location: Option<&SnapshotLocationEnum>,
) -> Result<(), Error> {
    if outpost.is_none() && !matches!(location, Some(SnapshotLocationEnum::Local)) {
        return Ok(());
    }
    let message = "Snapshots on Outposts and in Local Zones are not supported by this cloud.";
    Err(Error::new(&UNSUPPORTED_OPERATION, message))
}

pub async fn create_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: CreateSnapshotInput,
) -> Result<CreateSnapshotOutput, Error> {
    check_location(input.outpost_arn.as_ref(), input.location.as_ref())?;
    let specifications = input.tag_specifications.as_deref();
    let mut given = tags::of_new(ec2, call, "CreateSnapshot", specifications, &SNAPSHOT, &[]).await?;
    managed::mark(call, &mut given, &VOLUME.arn(call, &input.volume_id));
    let (place, id) = (&call.scope(), input.volume_id.as_str());
    let volume = ec2.store.read(|tx| async move { resources::get::<VolumeRecord>(&tx, place, id).await });
    let volume = volume.await?;
    check_volume(&volume)?;
    let record = record(call, SNAPSHOT.new_id(&ec2.ids), &volume, input.description.as_deref());
    let shown = record.shown.0.clone();
    take(ec2, call, &[(volume, record, given.clone())]).await?;
    Ok(CreateSnapshotOutput {
        tags: Some(shown_tags(&given)),
        snapshot_id: shown.snapshot_id,
        volume_id: shown.volume_id,
        state: shown.state,
        start_time: shown.start_time,
        progress: Some(String::new()),
        owner_id: shown.owner_id,
        description: shown.description,
        volume_size: shown.volume_size,
        encrypted: shown.encrypted,
        kms_key_id: shown.kms_key_id,
        ..CreateSnapshotOutput::default()
    })
}

/// Of all volumes of an instance, in one moment.
pub async fn create_snapshots(
    ec2: &Ec2,
    call: &Call,
    input: CreateSnapshotsInput,
) -> Result<CreateSnapshotsOutput, Error> {
    check_location(input.outpost_arn.as_ref(), input.location.as_ref())?;
    let specifications = input.tag_specifications.as_deref();
    let given = tags::of_new(ec2, call, "CreateSnapshots", specifications, &SNAPSHOT, &[]).await?;
    let wanted = &input.instance_specification;
    let excluded = wanted.exclude_data_volume_ids.as_deref().unwrap_or_default();
    let (place, id) = (&call.scope(), wanted.instance_id.as_str());
    let copies = input.copy_tags_from_source == Some(CopyTagsFromSource::Volume);
    let found = ec2.store.read(|tx| async move {
        let instance: InstanceRecord = resources::get(&tx, place, id).await?;
        let mut found = Vec::new();
        for volume in of_instance(&tx, place, id).await? {
            let tags = resources::tags(&tx, place, &volume.id).await?;
            found.push((volume, if copies { tags } else { Tags::new() }));
        }
        Ok::<_, Error>((instance, found))
    });
    let (instance, mut found) = found.await?;
    let root = instance.shown.root_device_name.as_deref();
    let is_root =
        |volume: &VolumeRecord| volume.attachment.as_ref().is_some_and(|it| Some(it.device.as_str()) == root);
    if let Some(bad) =
        excluded.iter().find(|id| !found.iter().any(|(volume, _)| volume.id == **id && !is_root(volume)))
    {
        let message = format!("The volume '{bad}' is not a data volume of instance '{id}'.");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    found.retain(|(volume, _)| {
        let leaves_out_root = wanted.exclude_boot_volume == Some(true);
        !(leaves_out_root && is_root(volume) || excluded.contains(&volume.id))
    });
    if found.is_empty() {
        let message = format!("The instance '{id}' has no volumes that a snapshot could be created of.");
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let mut made = Vec::with_capacity(found.len());
    for (volume, copied) in found {
        check_volume(&volume)?;
        let record = record(call, SNAPSHOT.new_id(&ec2.ids), &volume, input.description.as_deref());
        let mut tags: Tags = copied.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
        tags.extend(given.clone());
        made.push((volume, record, tags));
    }
    take(ec2, call, &made).await?;
    let info = |(_, record, tags): &(VolumeRecord, SnapshotRecord, Tags)| {
        let shown = record.shown.0.clone();
        SnapshotInfo {
            description: shown.description,
            tags: Some(shown_tags(tags)),
            encrypted: shown.encrypted,
            volume_id: shown.volume_id,
            state: shown.state,
            volume_size: shown.volume_size,
            start_time: shown.start_time,
            progress: Some(String::new()),
            owner_id: shown.owner_id,
            snapshot_id: shown.snapshot_id,
            ..SnapshotInfo::default()
        }
    };
    Ok(CreateSnapshotsOutput { snapshots: Some(made.iter().map(info).collect()) })
}

pub async fn delete_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: DeleteSnapshotInput,
) -> Result<DeleteSnapshotOutput, Error> {
    let (place, id) = (&call.scope(), input.snapshot_id.as_str());
    let rules = &recycle_bin::rules(ec2, call, ResourceType::EbsSnapshot).await?;
    let deleted = ec2.store.transact(|tx| async move {
        let record = own(&tx, call, id).await?;
        if let Some(kept) = LOCKS.get(&tx, place, id).await? {
            kept.lock.check_free(id, record.completed(), call.now)?;
        }
        check_free_of_images(&tx, place, id).await?;
        managed::check_free(&tx, call, place, id).await?;
        // Only what is whole is retained.
        let is_whole = record.state() == SnapshotState::Completed;
        if let Some(time) = rules.time(&tx, place, id).await?.filter(|_| is_whole) {
            return recycle_bin::snapshots::retain(&tx, place, &record, call.now, time).await;
        }
        crate::records::usage::snapshot(&tx, place, id, 0, call.now).await?;
        remove(&tx, place, id).await
    });
    deleted.await?;
    ec2.disks.nudge();
    Ok(DeleteSnapshotOutput::default())
}

/// A snapshot as an account sees it.
struct Seen {
    record: SnapshotRecord,
    owner: AccountId,
    tags: Tags,
    /// Where it stands, of one that was archived.
    standing: Option<Standing>,
}

impl Seen {
    fn shown(&self) -> Snapshot {
        let standing = self.standing.as_ref();
        Snapshot {
            storage_tier: Some(standing.map_or(StorageTier::Standard, |standing| standing.tier.clone())),
            restore_expiry_time: standing.and_then(|standing| standing.goes_back),
            tags: Some(shown_tags(&self.tags)),
            ..self.record.shown.0.clone()
        }
    }
}

async fn seen(tx: &Tx, call: &Call) -> Result<Vec<Seen>, Error> {
    let place = &call.scope();
    let mut tagged = resources::tags_of(tx, place, &SNAPSHOT).await?;
    let mut tiers: BTreeMap<String, TierRecord> =
        snapshot_states::all(tx, TIERS, place).await?.into_iter().collect();
    let mut all = Vec::new();
    for record in resources::all::<SnapshotRecord>(tx, place).await? {
        let tags = tagged.remove(&record.id).unwrap_or_default();
        let standing = tiers.remove(&record.id).map(|tier| tier.tiering.at(call.now));
        all.push(Seen { record, owner: call.account, tags, standing });
    }
    for found in own_ones(call.region) {
        all.push(Seen { record: found.record, owner: found.place.0, tags: Tags::new(), standing: None });
    }
    let prefix = format!("{}/", call.region);
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = SHARED_SNAPSHOTS.scan(tx, &(), select, PAGE_MAX).await?;
        for (key, at) in page.records {
            if at.account == call.account {
                continue;
            }
            match find(tx, call.account, call.region, &key[prefix.len()..]).await {
                Ok(found) => {
                    let (record, tags) = (found.record, Tags::new());
                    all.push(Seen { record, owner: at.account, tags, standing: None });
                }
                Err(Error::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match page.next {
            Some(next) if all.len() < RESOURCES_MAX => after = Some(next),
            _ => return Ok(all),
        }
    }
}

fn check_users(users: &[String], also: &[&str]) -> Result<(), Error> {
    let is_number = |user: &str| user.len() == 12 && user.bytes().all(|byte| byte.is_ascii_digit());
    match users.iter().find(|user| !also.contains(&user.as_str()) && !is_number(user)) {
        None => Ok(()),
        Some(bad) => Err(Error::new(&INVALID_USER_ID_MALFORMED, format!("Invalid user id: \"{bad}\""))),
    }
}

pub async fn describe_snapshots(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSnapshotsInput,
) -> Result<DescribeSnapshotsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| rules::FILTERS.contains(&name).then(Vec::new))?;
    let ids = &input.snapshot_ids.unwrap_or_default();
    let owners = input.owner_ids.unwrap_or_default();
    let users = input.restorable_by_user_ids.unwrap_or_default();
    check_users(&owners, &["self", "amazon", "aws-marketplace"])?;
    check_users(&users, &["self", "all"])?;
    if !ids.is_empty() && input.max_results.is_some() {
        let message =
            "The parameter MaxResults cannot be used with the parameter SnapshotId in the same request";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    ids.iter().try_for_each(|id| SNAPSHOT.check(id))?;
    let mut all = ec2.store.read(|tx| async move { seen(&tx, call).await }).await?;
    if !ids.is_empty() {
        all.retain(|seen| ids.contains(&seen.record.id));
        let missing = ids.iter().find(|id| !all.iter().any(|seen| seen.record.id == **id));
        if let Some(missing) = missing {
            return Err(SNAPSHOT.missing(missing));
        }
    }
    let account = call.account.to_string();
    let is_owned = |seen: &Seen| {
        let (owner, alias) = (seen.owner.to_string(), seen.record.shown.owner_alias.as_ref());
        let is_it = |it: &String| *it == owner || Some(it) == alias || (it == "self" && owner == account);
        owners.is_empty() || owners.iter().any(is_it)
    };
    let is_restorable = |seen: &Seen| {
        let permissions = seen.record.permissions();
        let (is_own, is_public) = (seen.owner == call.account, rules::is_public(&permissions));
        let named = |user: &str| permissions.iter().any(|one| one.user_id.as_deref() == Some(user));
        users.is_empty()
            || users.iter().any(|user| match user.as_str() {
                "all" => is_public,
                user if user == "self" || user == account => is_own || named(&account),
                user => is_own && named(user),
            })
    };
    let mut shown = Vec::new();
    for seen in all.iter().filter(|seen| is_owned(seen) && is_restorable(seen)) {
        let one = seen.shown();
        if filters.admit(&seen.tags, &|name| rules::value(&one, name))? {
            shown.push(one);
        }
    }
    shown.sort_by(|one, other| one.snapshot_id.cmp(&other.snapshot_id));
    let asked = Asked {
        operation: "DescribeSnapshots",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |one: &Snapshot| one.snapshot_id.clone().unwrap_or_default();
    let (snapshots, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(DescribeSnapshotsOutput { snapshots: Some(snapshots), next_token })
}
