//! CreateReplaceRootVolumeTask and DescribeReplaceRootVolumeTasks: a running instance gets another root volume, and
//! keeps its addresses and its other volumes. The machines' task does it (`tasks/root_replacements.rs`).
//!
//! Surprising: a snapshot has to be of a volume that is or was the instance's root, and a copy of such a snapshot is
//! none. Reference: "Replace the root volume for an Amazon EC2 instance without stopping it".

use base::{AccountId, Arn};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    INVALID_VOLUME_ZONE_MISMATCH, UNSUPPORTED_OPERATION, VOLUME_IN_USE,
};
use crate::kind::{IMAGE, INSTANCE, REPLACE_ROOT_VOLUME_TASK, SNAPSHOT, VOLUME};
use crate::limits::ROOT_REPLACEMENTS_KEPT_MAX;
use crate::model::images::{Root, is_on_volumes};
use crate::model::instances::{self, State};
use crate::model::tags::Tags;
use crate::model::transfers::images::snapshots_of;
use crate::model::volumes::State as VolumeState;
use crate::operations::images::{self, Found};
use crate::operations::volumes::{check_zone, create};
use crate::operations::vpcs::tokens::Token;
use crate::operations::{disk_keys, snapshot_finding, tags};
use crate::records::Place;
use crate::records::instances::InstanceRecord;
use crate::records::root_replacements::{RootReplacementRecord, Stage};
use crate::records::volumes::{AttachmentRecord, Step, VolumeRecord};
use crate::resources::{self, Wanted};

pub fn by_create(_: &Ec2, call: &Call, input: &CreateReplaceRootVolumeTaskInput) -> Result<Vec<Arn>, Error> {
    INSTANCE.check(&input.instance_id)?;
    let volume = input.volume_id.as_deref();
    let mut arns = vec![
        INSTANCE.arn(call, &input.instance_id),
        REPLACE_ROOT_VOLUME_TASK.any(call),
        volume.map_or_else(|| VOLUME.any(call), |id| VOLUME.arn(call, id)),
    ];
    if let Some(id) = &input.snapshot_id {
        SNAPSHOT.check(id)?;
        arns.push(snapshot_finding::arn(call, id));
    }
    if let Some(id) = &input.image_id {
        IMAGE.check(id)?;
        arns.push(images::arn(call, id));
    }
    Ok(arns)
}

/// Where the new root comes from.
enum Source {
    /// The snapshot that the present root was made of.
    LaunchState,
    Snapshot(String),
    Image(String),
    Volume(String),
}

fn source(input: &CreateReplaceRootVolumeTaskInput) -> Result<Source, Error> {
    if input.volume_initialization_rate.is_some() {
        let message = "A volume initialization rate is not supported by the volumes of this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    match (input.snapshot_id.clone(), input.image_id.clone(), input.volume_id.clone()) {
        (None, None, None) => Ok(Source::LaunchState),
        (Some(id), None, None) => Ok(Source::Snapshot(id)),
        (None, Some(id), None) => Ok(Source::Image(id)),
        (None, None, Some(id)) => Ok(Source::Volume(id)),
        _ => {
            let message = "Only one of SnapshotId, ImageId and VolumeId can be specified.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
    }
}

/// An instance with the volume that is its root now.
struct Present {
    instance: InstanceRecord,
    root: VolumeRecord,
    attachment: AttachmentRecord,
}

async fn present(tx: &Tx, place: &Place, id: &str) -> Result<Present, Error> {
    let instance: InstanceRecord = resources::get(tx, place, id).await?;
    if instance.state != State::Running {
        let message = format!("The instance '{id}' is not in the 'running' state.");
        return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
    }
    if instance.root != Root::Volume {
        let message = format!("The root of the instance '{id}' is not an EBS volume.");
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    if let Some(task) = &instance.roots.replacing {
        let message = format!("The root volume of the instance '{id}' is being replaced already: {task}");
        return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
    }
    let missing = || {
        let message = format!("The instance '{id}' does not have a volume attached at its root.");
        Error::new(&INCORRECT_INSTANCE_STATE, message)
    };
    let root: VolumeRecord = resources::get(tx, place, instance.root_volume().ok_or_else(missing)?).await?;
    check_zone(tx, &root).await?;
    let attachment = root.attachment.clone().filter(|it| it.step == Step::Attached).ok_or_else(missing)?;
    Ok(Present { instance, root, attachment })
}

/// What becomes the root: a volume that is made for it, or one that is there.
struct Planned {
    volume: String,
    record: Option<VolumeRecord>,
    becomes: Option<Image>,
}

pub async fn create_replace_root_volume_task(
    ec2: &Ec2,
    call: &Call,
    input: CreateReplaceRootVolumeTaskInput,
) -> Result<CreateReplaceRootVolumeTaskOutput, Error> {
    let source = source(&input)?;
    let specifications = input.tag_specifications.as_deref();
    let operation = "CreateReplaceRootVolumeTask";
    let given = &tags::of_new(ec2, call, operation, specifications, &REPLACE_ROOT_VOLUME_TASK, &[]).await?;
    let plain = CreateReplaceRootVolumeTaskInput { client_token: None, dry_run: None, ..input.clone() };
    let parameters = serde_json::to_string(&Kept(plain)).unwrap_or_default();
    let token = &Token::new("ec2.CreateReplaceRootVolumeTask", input.client_token.as_deref(), parameters);
    let earlier = ec2.store.read(|tx| async move { token.earlier(&tx, call).await }).await?;
    let (place, instance_id) = (&call.scope(), input.instance_id.as_str());
    let id = match earlier {
        Some(id) => id,
        None => {
            let found = ec2.store.read(|tx| async move { present(&tx, place, instance_id).await }).await?;
            let planned = &plan(ec2, call, &found, source).await?;
            let task = &task(ec2, call, &input, &found, planned);
            let begun = ec2.store.transact(|tx| async move {
                if let Some(id) = token.earlier(&tx, call).await? {
                    return Ok(id);
                }
                let found = present(&tx, place, instance_id).await?;
                if found.root.id != task.replaced {
                    let message = format!("The root volume of the instance '{instance_id}' was replaced.");
                    return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
                }
                match &planned.record {
                    Some(volume) => create::save(&tx, call, volume, &Tags::new()).await?,
                    None => drop(fit(&tx, place, &planned.volume, &found).await?),
                }
                begin(&tx, call, found.instance, task).await?;
                resources::create(&tx, place, task, given).await?;
                token.remember(&tx, call, &task.id).await?;
                Ok::<_, Error>(task.id.clone())
            });
            begun.await?
        }
    };
    let id = id.as_str();
    let read = ec2.store.read(|tx| async move {
        let record: RootReplacementRecord = resources::get(&tx, place, id).await?;
        Ok::<_, Error>(record.shown(&resources::tags(&tx, place, id).await?))
    });
    let replace_root_volume_task = Some(read.await?);
    ec2.disks.nudge();
    ec2.machines.nudge();
    Ok(CreateReplaceRootVolumeTaskOutput { replace_root_volume_task })
}

/// From now on the machines' task brings the replacement forward.
async fn begin(
    tx: &Tx,
    call: &Call,
    mut instance: InstanceRecord,
    task: &RootReplacementRecord,
) -> Result<(), Error> {
    let roots = &mut instance.roots;
    roots.replacing = Some(task.id.clone());
    roots.tasks.push(task.id.clone());
    if roots.tasks.len() > ROOT_REPLACEMENTS_KEPT_MAX {
        let oldest = roots.tasks.remove(0);
        resources::remove::<RootReplacementRecord>(tx, &call.scope(), &oldest).await?;
    }
    super::mark_busy(tx, &call.scope(), &instance).await
}

fn task(
    ec2: &Ec2,
    call: &Call,
    input: &CreateReplaceRootVolumeTaskInput,
    found: &Present,
    planned: &Planned,
) -> RootReplacementRecord {
    let is_new = planned.record.is_some();
    let attachment = AttachmentRecord {
        at: call.now,
        // That of the original does not transfer to a volume that was there.
        delete_on_termination: is_new && found.attachment.delete_on_termination,
        step: Step::Attaching,
        ..found.attachment.clone()
    };
    RootReplacementRecord {
        id: REPLACE_ROOT_VOLUME_TASK.new_id(&ec2.ids),
        instance: found.instance.id.clone(),
        started: call.now,
        completed: None,
        stage: Stage::Pending,
        image: input.image_id.clone(),
        snapshot: input.snapshot_id.clone(),
        volume: planned.volume.clone(),
        is_new,
        attachment,
        replaced: found.root.id.clone(),
        replaced_attachment: found.attachment.clone(),
        deletes: input.delete_replaced_root_volume == Some(true),
        becomes: planned.becomes.clone().map(Kept),
    }
}

async fn plan(ec2: &Ec2, call: &Call, found: &Present, source: Source) -> Result<Planned, Error> {
    let place = &call.scope();
    let size = found.root.gib();
    match source {
        Source::Volume(id) => {
            let wanted = id.as_str();
            let read = ec2.store.read(|tx| async move { fit(&tx, place, wanted, found).await });
            if let Some(key) = read.await?.key {
                disk_keys::open_as_caller(ec2, call, &key).await?;
            }
            Ok(Planned { volume: id, record: None, becomes: None })
        }
        Source::Snapshot(id) => {
            let wanted = id.as_str();
            let read = ec2.store.read(|tx| async move {
                let of = snapshot_finding::find(&tx, call.account, call.region, wanted).await?.record;
                Ok::<_, Error>(of.shown.volume_id.clone())
            });
            check_lineage(&found.instance, &found.root.id, &id, read.await?.as_deref())?;
            volume_of(ec2, call, found, (id, size), None).await
        }
        Source::LaunchState => {
            let made_of = found.root.shown.snapshot_id.clone().filter(|id| !id.is_empty());
            let id = made_of.ok_or_else(|| {
                let message = format!("The root volume '{}' was not created from a snapshot.", found.root.id);
                Error::new(&INCORRECT_STATE, message)
            })?;
            let lender = lender(ec2, call, found.instance.shown.image_id.as_deref(), &id).await?;
            volume_of(ec2, call, found, (id, size), lender).await
        }
        Source::Image(id) => {
            let wanted = id.as_str();
            let read = ec2.store.read(|tx| async move {
                images::find_available(&tx, call.account, call.region, wanted).await
            });
            let image = images::on_this_host(ec2, read.await?);
            check_image(&found.instance, &image)?;
            let disk = instances::merge_devices(&image.image, &[])?.root_disk;
            let snapshot = disk.snapshot_id.clone().ok_or_else(|| unfit(wanted, "no root volume"))?;
            let size = size.max(disk.volume_size.unwrap_or_default());
            let planned = volume_of(ec2, call, found, (snapshot, size), image.owner).await?;
            Ok(Planned { becomes: Some(traits(image.image)), ..planned })
        }
    }
}

/// A new volume like the present root, of a snapshot.
async fn volume_of(
    ec2: &Ec2,
    call: &Call,
    found: &Present,
    (snapshot, size): (String, i32),
    lender: Option<AccountId>,
) -> Result<Planned, Error> {
    let shown = &found.root.shown;
    let volume_type = shown.volume_type.clone().unwrap_or(VolumeType::Gp2);
    // What others show of their pace follows from their size.
    let is_said = matches!(volume_type, VolumeType::Gp3 | VolumeType::Io1 | VolumeType::Io2);
    let key = found.root.key.as_ref();
    let asked = EbsBlockDevice {
        iops: shown.iops.filter(|_| is_said),
        throughput: shown.throughput.filter(|_| is_said),
        snapshot_id: Some(snapshot),
        volume_size: Some(size),
        volume_type: Some(volume_type),
        encrypted: key.map(|_| true),
        kms_key_id: key.map(|key| key.key_arn.clone()),
        ..EbsBlockDevice::default()
    };
    let id = VOLUME.new_id(&ec2.ids);
    let planned = create::plan(ec2, call, &asked, &id, lender).await?;
    let record = create::record(&planned, call, &id, found.root.zone(), None);
    Ok(Planned { volume: id, record: Some(record), becomes: None })
}

/// Whose the image of an instance is, if that has this snapshot: who may launch an image may use its snapshots.
async fn lender(
    ec2: &Ec2,
    call: &Call,
    image: Option<&str>,
    snapshot: &str,
) -> Result<Option<AccountId>, Error> {
    let Some(image) = image else { return Ok(None) };
    let found =
        ec2.store.read(|tx| async move { images::find(&tx, call.account, call.region, image).await }).await;
    match found {
        Ok(found) if snapshots_of(&found.image).iter().any(|id| id == snapshot) => Ok(found.owner),
        Ok(_) | Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A volume that is there and can become the root.
async fn fit(tx: &Tx, place: &Place, id: &str, found: &Present) -> Result<VolumeRecord, Error> {
    let volume: VolumeRecord = resources::get(tx, place, id).await?;
    if let Some(attachment) = &volume.attachment {
        let message = format!("{id} is already attached to an instance: {}", attachment.instance);
        return Err(Error::new(&VOLUME_IN_USE, message));
    }
    if volume.state != VolumeState::Available {
        return Err(Error::new(&INCORRECT_STATE, format!("Volume '{id}' is not 'available'.")));
    }
    let instance = &found.instance;
    if volume.zone() != instance.zone() {
        let message =
            format!("The volume '{id}' is not in the same availability zone as instance '{}'", instance.id);
        return Err(Error::new(&INVALID_VOLUME_ZONE_MISMATCH, message));
    }
    if found.root.key.is_some() && volume.key.is_none() {
        let message = format!("The root volume is encrypted, and the volume '{id}' is not.");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(volume)
}

/// "You can only use snapshots that were created directly from the instance's current or previous root volumes."
fn check_lineage(
    instance: &InstanceRecord,
    root: &str,
    snapshot: &str,
    volume: Option<&str>,
) -> Result<(), Error> {
    let is_of = |known: &str| Some(known) == volume;
    if is_of(root) || instance.roots.earlier.iter().any(|known| is_of(known)) {
        return Ok(());
    }
    let message = format!(
        "The snapshot '{snapshot}' was not created from a current or previous root volume of the instance '{}'.",
        instance.id
    );
    Err(Error::new(&INVALID_PARAMETER_VALUE, message))
}

fn unfit(image: &str, what: &str) -> Error {
    let message = format!("The image '{image}' cannot replace the root volume: it has {what}.");
    Error::new(&INVALID_PARAMETER_VALUE, message)
}

/// "The AMI must have the same product code, billing information, architecture type, and virtualization type as the
/// instance", and the network and the TPM that the instance has.
fn check_image(instance: &InstanceRecord, found: &Found) -> Result<(), Error> {
    let (image, has) = (&found.image, &instance.shown);
    let is_on_volume = match found.owner {
        None => is_on_volumes(image),
        Some(_) => found.root == Root::Volume,
    };
    let lacks_ena = has.ena_support == Some(true) && image.ena_support != Some(true);
    let lacks_tpm = has.tpm_support.is_some() && image.tpm_support.is_none();
    let differs = [
        (!is_on_volume, "no root volume"),
        (image.architecture != has.architecture, "another architecture"),
        (image.virtualization_type != has.virtualization_type, "another virtualization type"),
        (image.platform_details != has.platform_details, "another platform"),
        (image.usage_operation != has.usage_operation, "other billing information"),
        (lacks_ena, "no support for ENA"),
        (lacks_tpm, "no support for NitroTPM"),
    ];
    match differs.iter().find(|(is_so, _)| *is_so) {
        Some((_, what)) => Err(unfit(image.image_id.as_deref().unwrap_or_default(), what)),
        None => Ok(()),
    }
}

/// What an instance shows of its image.
fn traits(image: Image) -> Image {
    Image {
        image_id: image.image_id,
        boot_mode: image.boot_mode,
        ena_support: image.ena_support,
        ..Image::default()
    }
}

pub async fn describe_replace_root_volume_tasks(
    ec2: &Ec2,
    call: &Call,
    input: DescribeReplaceRootVolumeTasksInput,
) -> Result<DescribeReplaceRootVolumeTasksOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeReplaceRootVolumeTasks",
        ids: input.replace_root_volume_task_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<RootReplacementRecord>(ec2, call, wanted).await?;
    let tasks = page.resources.iter().map(|(record, tags)| record.shown(tags));
    Ok(DescribeReplaceRootVolumeTasksOutput {
        replace_root_volume_tasks: Some(tasks.collect()),
        next_token: page.next_token,
    })
}
