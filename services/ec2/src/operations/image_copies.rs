//! CopyImage and DeregisterImage: images come with their snapshots, and go without them.
//!
//! Surprising: the request to copy goes to the region of the copy, whose snapshots are its owner's own. What is
//! deregistered leaves its snapshots behind, which go on costing money, unless DeleteAssociatedSnapshots says otherwise.

use base::Region;
use ec2_api::*;
use rbin_api::ResourceType;
use service::{Call, Kept};
use store::Tx;

use super::images::{
    Found, check_name, check_name_is_free, find_available, keep, on_this_host, own, shared_key,
};
use super::recycle_bin::{self, Rules};
use super::snapshot_copies::{self, Copy};
use super::snapshot_tiers::check_usable;
use super::tags::of_new;
use super::vpcs::tokens::Token;
use super::{images, snapshot_finding, snapshots};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::UNSUPPORTED_OPERATION;
use crate::kind::{IMAGE, SNAPSHOT};
use crate::model::filter::with_millis;
use crate::model::images::{Root, is_on_volumes};
use crate::model::tags::Tags;
use crate::model::transfers::images::snapshots_of;
use crate::records::images::{IMPORTS, ImageRecord, PENDING_IMAGES, SHARED_IMAGES, hold, let_go};
use crate::records::instances::PlaceRecord;
use crate::records::recycle_bin::put_in;
use crate::records::snapshot_states::LOCKS;
use crate::records::snapshots::SnapshotRecord;
use crate::records::{Place, Resource};

pub async fn copy_image(ec2: &Ec2, call: &Call, input: CopyImageInput) -> Result<CopyImageOutput, Error> {
    check_name(&input.name)?;
    check(&input)?;
    let parameters = Kept(CopyImageInput { client_token: None, dry_run: None, ..input.clone() });
    let parameters = serde_json::to_string(&parameters).unwrap_or_default();
    let token = &Token::new("ec2.CopyImage", input.client_token.as_deref(), parameters);
    if let Some(earlier) = ec2.store.read(|tx| async move { token.earlier(&tx, call).await }).await? {
        return Ok(CopyImageOutput { image_id: Some(earlier) });
    }
    let specifications = input.tag_specifications.as_deref();
    let mut tags = of_new(ec2, call, "CopyImage", specifications, &IMAGE, &[&SNAPSHOT]).await?;
    let of_snapshots = of_new(ec2, call, "CopyImage", specifications, &SNAPSHOT, &[&IMAGE]).await?;
    let source_region = Region::parse(&input.source_region)
        .ok_or_else(|| Error::invalid_value(&input.source_region, "sourceRegion", "It is no region."))?;
    let (account, source_id) = (call.account, input.source_image_id.as_str());
    let name = input.name.as_str();
    let found = ec2.store.read(|tx| async move {
        let found = find_available(&tx, account, source_region, source_id).await?;
        let named = Image { name: Some(name.to_owned()), ..Image::default() };
        check_name_is_free(&tx, &call.scope(), &named).await?;
        Ok::<_, Error>(found)
    });
    let source = on_this_host(ec2, found.await?);
    if input.copy_image_tags == Some(true) {
        let copied = source.tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
        for (key, value) in copied {
            tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let id = IMAGE.new_id(&ec2.ids);
    let on_volumes = match source.owner {
        None => is_on_volumes(&source.image),
        Some(_) => source.root == Root::Volume,
    };
    let mut mappings = source.image.block_device_mappings.clone().unwrap_or_default();
    if on_volumes {
        for ebs in mappings.iter_mut().filter_map(|mapping| mapping.ebs.as_mut()) {
            copy_snapshot(ec2, call, &input, (&source, source_region), &id, ebs, &of_snapshots).await?;
        }
    }
    let description = input.description.clone().or_else(|| {
        Some(format!(
            "[Copied {source_id} from {source_region}] {}",
            source.image.description.clone().unwrap_or_default()
        ))
    });
    let image = Image {
        image_id: Some(id.clone()),
        image_location: Some(format!("{account}/{}", input.name)),
        name: Some(input.name.clone()),
        state: Some(if on_volumes { ImageState::Pending } else { ImageState::Available }),
        description,
        block_device_mappings: Some(mappings),
        owner_id: Some(account.to_string()),
        image_owner_alias: None,
        public: Some(false),
        public_ssm_parameter_name: None,
        deprecation_time: None,
        creation_date: Some(with_millis(call.now)),
        source_image_id: Some(source_id.to_owned()),
        source_image_region: Some(source_region.to_string()),
        tags: None,
        ..source.image
    };
    let record = &ImageRecord {
        id: id.clone(),
        shown: Kept(image),
        root: if on_volumes { Root::Volume } else { source.root },
        launch_permissions: Vec::new(),
        uefi_data: None,
    };
    let kept = save(ec2, call, record, &tags, token, on_volumes).await?;
    ec2.images.nudge();
    Ok(CopyImageOutput { image_id: Some(kept) })
}

/// Keeps the copy, unless the same request made one in the meantime: that one counts.
async fn save(
    ec2: &Ec2,
    call: &Call,
    record: &ImageRecord,
    tags: &Tags,
    token: &Token<'_>,
    is_pending: bool,
) -> Result<String, Error> {
    let place = &call.scope();
    let kept = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return Ok(id);
        }
        check_name_is_free(&tx, place, &record.shown).await?;
        if is_pending {
            PENDING_IMAGES.put(&tx, &(), &record.id, &PlaceRecord::of(place)).await?;
        }
        if let Some(root) = record.root.imported() {
            hold(&tx, root, &record.id).await?;
        }
        keep(&tx, place, record, tags).await?;
        token.remember(&tx, call, &record.id).await?;
        Ok::<_, Error>(record.id.clone())
    });
    kept.await
}

/// # Errors
/// `UnsupportedOperation` for places that this cloud has not, `InvalidParameterValue`
fn check(input: &CopyImageInput) -> Result<(), Error> {
    let cannot = [
        ("DestinationOutpostArn", input.destination_outpost_arn.is_some()),
        ("DestinationAvailabilityZone", input.destination_availability_zone.is_some()),
        ("DestinationAvailabilityZoneId", input.destination_availability_zone_id.is_some()),
    ];
    if let Some((name, _)) = cannot.iter().find(|(_, is_given)| *is_given) {
        let message = format!("{name} is not supported: this cloud has no Outposts and no Local Zones.");
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    snapshot_copies::minutes(input.snapshot_copy_completion_duration_minutes).map(drop)
}

/// Begins the copy of one of an image's snapshots, which the device has from now on.
async fn copy_snapshot(
    ec2: &Ec2,
    call: &Call,
    input: &CopyImageInput,
    (image, region): (&Found, Region),
    copy: &str,
    ebs: &mut EbsBlockDevice,
    given: &Tags,
) -> Result<(), Error> {
    let Some(id) = ebs.snapshot_id.clone().filter(|id| !id.is_empty()) else { return Ok(()) };
    let (id, lender) = (id.as_str(), image.owner.unwrap_or(call.account));
    let found = ec2.store.read(|tx| async move {
        let found = snapshot_finding::find(&tx, lender, region, id).await?;
        check_usable(&tx, &found.place, id, call.now).await?;
        Ok::<_, Error>(found)
    });
    let wanted = Copy {
        source: found.await?,
        encrypted: input.encrypted,
        kms_key: input.kms_key_id.clone(),
        description: format!(
            "Copied for DestinationAmi {copy} from SourceAmi {} for SourceSnapshot {id}. Task created on {}.",
            input.source_image_id,
            call.now.as_millis()
        ),
        minutes: snapshot_copies::minutes(input.snapshot_copy_completion_duration_minutes)?,
    };
    let made = snapshot_copies::begin(ec2, call, &wanted, given).await?;
    let (place, made_id) = (&call.scope(), made.as_str());
    let read = ec2.store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, made_id).await });
    ebs.encrypted = Some(read.await?.is_some_and(|record| record.key.is_some()));
    ebs.kms_key_id = None;
    ebs.snapshot_id = Some(made);
    Ok(())
}

pub async fn deregister_image(
    ec2: &Ec2,
    call: &Call,
    input: DeregisterImageInput,
) -> Result<DeregisterImageOutput, Error> {
    let (place, id) = (&call.scope(), input.image_id.as_str());
    let deletes = input.delete_associated_snapshots == Some(true);
    let rules = &recycle_bin::rules(ec2, call, ResourceType::Ec2Image).await?;
    let of_snapshots = &recycle_bin::rules(ec2, call, ResourceType::EbsSnapshot).await?;
    let removed = ec2.store.transact(|tx| async move {
        let record = own(&tx, call, id).await?;
        let is_whole = record.root == Root::Volume && record.shown.state == Some(ImageState::Available);
        match rules.time(&tx, place, id).await?.filter(|_| is_whole) {
            Some(time) => {
                SHARED_IMAGES.delete(&tx, &(), &shared_key(call.region, id)).await?;
                put_in(&tx, place, &record, call.now, time).await?;
            }
            None => {
                if let Some(root) = record.root.imported() {
                    let_go(&tx, root, id).await?;
                }
                IMPORTS.delete(&tx, &(), id).await?;
                PENDING_IMAGES.delete(&tx, &(), id).await?;
                images::remove(&tx, place, id).await?;
            }
        }
        let mut results = Vec::new();
        for snapshot in snapshots_of(&record.shown).into_iter().filter(|_| deletes) {
            let return_code = Some(delete_snapshot(&tx, call, &snapshot, of_snapshots).await?);
            results.push(DeleteSnapshotReturnCode { snapshot_id: Some(snapshot), return_code });
        }
        Ok::<_, Error>(results)
    });
    let results = removed.await?;
    ec2.images.nudge();
    ec2.disks.nudge();
    Ok(DeregisterImageOutput { r#return: Some(true), delete_snapshot_results: deletes.then_some(results) })
}

/// Deletes a snapshot of an image that is gone, unless another image needs it ("skipped").
async fn delete_snapshot(
    tx: &Tx,
    call: &Call,
    id: &str,
    rules: &Rules,
) -> Result<SnapshotReturnCodes, Error> {
    let place: &Place = &call.scope();
    let Some(record) = SnapshotRecord::TABLE.get(tx, place, id).await? else {
        return Ok(SnapshotReturnCodes::ClientError);
    };
    let is_locked = match LOCKS.get(tx, place, id).await? {
        Some(kept) => kept.lock.check_free(id, record.completed(), call.now).is_err(),
        None => false,
    };
    if is_locked {
        return Ok(SnapshotReturnCodes::ClientError);
    }
    match snapshots::check_free_of_images(tx, place, id).await {
        Ok(()) => {}
        Err(Error::Refused { .. }) => return Ok(SnapshotReturnCodes::Skipped),
        Err(error) => return Err(error),
    }
    let is_whole = record.state() == SnapshotState::Completed;
    if let Some(time) = rules.time(tx, place, id).await?.filter(|_| is_whole) {
        recycle_bin::snapshots::retain(tx, place, &record, call.now, time).await?;
        return Ok(SnapshotReturnCodes::Success);
    }
    crate::records::usage::snapshot(tx, place, id, 0, call.now).await?;
    snapshots::remove(tx, place, id).await?;
    Ok(SnapshotReturnCodes::Success)
}
