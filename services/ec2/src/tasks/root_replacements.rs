//! Replaces the root volume of a running instance: its machine is stopped, one volume goes, the other comes, the machine
//! starts again. If that fails, it starts again with what it had ("Replace the root volume for an Amazon EC2 instance").
//!
//! Every step may be done twice: how far a replacement is stands in its record, and who has the volumes in theirs.

use base::Timestamp;
use ec2_api::{Image, StateReason};
use service::Kept;
use store::Tx;

use super::disks::volumes;
use super::lifecycle::{grace, start_again};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::DiskError;
use crate::ground::machines::{MachineSpec, MachineState, Machines};
use crate::limits::ROOT_REPLACEMENTS_KEPT_MAX;
use crate::model::instances::State;
use crate::model::volumes::State as VolumeState;
use crate::operations::volumes::attachments::{bind, show};
use crate::operations::volumes::{delete, driver as disks_of};
use crate::records::instances::InstanceRecord;
use crate::records::root_replacements::{RootReplacementRecord, Stage};
use crate::records::volumes::{ATTACHED, AttachmentRecord, Step, VolumeRecord, attached_key, put};
use crate::records::{Place, Resource};
use crate::resources;

/// Brings the replacement of an instance's root one step forward.
pub async fn advance(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    instance: &InstanceRecord,
    spec: &MachineSpec,
) -> Result<(), Error> {
    let Some(task) = task_of(ec2, place, instance).await? else { return Ok(()) };
    match task.stage {
        Stage::Pending => make(ec2, place, &task).await,
        Stage::InProgress => exchange(ec2, driver, place, instance, (&task, spec)).await,
        Stage::Failing => {
            match driver.state(&instance.id).await.map_err(internal)? {
                MachineState::Running => driver.reboot(&instance.id).await.map_err(internal)?,
                _ => start_again(ec2, driver, place, instance, spec).await?,
            }
            over(ec2, place, &task, Stage::Failed).await
        }
        stage => over(ec2, place, &task, stage).await,
    }
}

/// The instance stops or ends while its root is being replaced: that is over, however far it came.
pub async fn end(ec2: &Ec2, place: &Place, instance: &InstanceRecord) -> Result<(), Error> {
    let Some(task) = task_of(ec2, place, instance).await? else { return Ok(()) };
    let (id, machine) = (task.volume.as_str(), instance.id.as_str());
    let has_new = ec2.store.read(|tx| async move {
        let volume = VolumeRecord::TABLE.get(&tx, place, id).await?;
        Ok::<_, Error>(volume.is_some_and(|volume| volume.is_attached_to(machine)))
    });
    let stage = if has_new.await? { Stage::Succeeded } else { Stage::Failed };
    over(ec2, place, &task, stage).await
}

async fn task_of(
    ec2: &Ec2,
    place: &Place,
    instance: &InstanceRecord,
) -> Result<Option<RootReplacementRecord>, Error> {
    let Some(id) = instance.roots.replacing.as_deref() else { return Ok(None) };
    let read = ec2.store.read(|tx| async move { RootReplacementRecord::TABLE.get(&tx, place, id).await });
    Ok(read.await?)
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(Box::new(error))
}

/// Has the engine make the new volume; the disks' task may be faster.
async fn make(ec2: &Ec2, place: &Place, task: &RootReplacementRecord) -> Result<(), Error> {
    let id = task.volume.as_str();
    let look = || ec2.store.read(|tx| async move { VolumeRecord::TABLE.get(&tx, place, id).await });
    if let Some(volume) = look().await?.filter(|volume| volume.state == VolumeState::Creating) {
        volumes::create(ec2, &**disks_of(ec2)?, place, &volume).await?;
    }
    let is_there = look().await?.is_some_and(|volume| volume.state == VolumeState::Available);
    let stage = if is_there { Stage::InProgress } else { Stage::Failing };
    let task = task.id.as_str();
    ec2.store.transact(|tx| async move { set_stage(&tx, place, task, stage).await }).await
}

async fn set_stage(tx: &Tx, place: &Place, task: &str, stage: Stage) -> Result<(), Error> {
    let Some(mut record) = RootReplacementRecord::TABLE.get(tx, place, task).await? else { return Ok(()) };
    record.stage = stage;
    resources::put(tx, place, &record).await
}

async fn exchange(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    instance: &InstanceRecord,
    (task, spec): (&RootReplacementRecord, &MachineSpec),
) -> Result<(), Error> {
    driver.stop(&instance.id, grace(instance)).await.map_err(internal)?;
    take(ec2, &task.replaced, &instance.id).await?;
    let id = task.id.as_str();
    let exchanged = ec2.store.transact(|tx| async move {
        let is_done = hand_over(&tx, place, &task.replaced, (&task.volume, &task.attachment)).await?;
        if !is_done {
            set_stage(&tx, place, id, Stage::Failing).await?;
        }
        Ok::<_, Error>(is_done)
    });
    if !exchanged.await? {
        return Ok(());
    }
    match start_again(ec2, driver, place, instance, spec).await {
        Ok(()) => over(ec2, place, task, Stage::Succeeded).await,
        Err(error) => {
            tracing::warn!(instance = instance.id, task = id, %error, "a replaced root volume did not start");
            give_back(ec2, place, task).await
        }
    }
}

/// Takes a volume from a machine that is stopped.
async fn take(ec2: &Ec2, volume: &str, machine: &str) -> Result<(), Error> {
    match disks_of(ec2)?.detach(volume, machine, true).await {
        Ok(()) | Err(DiskError::Absent(_)) => Ok(()),
        Err(error) => Err(internal(error)),
    }
}

/// The instance gets its original root back, unless that is somebody else's by now.
async fn give_back(ec2: &Ec2, place: &Place, task: &RootReplacementRecord) -> Result<(), Error> {
    take(ec2, &task.volume, &task.instance).await?;
    let back = (task.replaced.as_str(), &task.replaced_attachment);
    let returned = ec2.store.transact(|tx| async move {
        let is_done = hand_over(&tx, place, &task.volume, back).await?;
        let stage = if is_done { Stage::Failing } else { Stage::FailedDetached };
        set_stage(&tx, place, &task.id, stage).await?;
        Ok::<_, Error>(is_done)
    });
    match returned.await? {
        true => Ok(()),
        false => over(ec2, place, task, Stage::FailedDetached).await,
    }
}

/// One volume leaves an instance, another becomes its. `false`, and nothing is changed, if the other is not free.
async fn hand_over(
    tx: &Tx,
    place: &Place,
    from: &str,
    (to, attachment): (&str, &AttachmentRecord),
) -> Result<bool, Error> {
    let Some(mut new) = VolumeRecord::TABLE.get(tx, place, to).await? else { return Ok(false) };
    let mut instance: InstanceRecord = resources::get(tx, place, &attachment.instance).await?;
    if new.is_attached_to(&instance.id) {
        return Ok(true);
    }
    if new.attachment.is_some() || new.state != VolumeState::Available {
        return Ok(false);
    }
    let old = VolumeRecord::TABLE.get(tx, place, from).await?;
    if let Some(mut old) = old.filter(|old| old.is_attached_to(&instance.id)) {
        leave(tx, place, &mut old, &mut instance).await?;
    }
    new.attachment = Some(AttachmentRecord { step: Step::Attaching, ..attachment.clone() });
    put(tx, place, &new).await?;
    bind(tx, place, &new, &mut instance).await?;
    resources::put(tx, place, &instance).await?;
    Ok(true)
}

async fn leave(
    tx: &Tx,
    place: &Place,
    volume: &mut VolumeRecord,
    instance: &mut InstanceRecord,
) -> Result<(), Error> {
    volume.attachment = None;
    ATTACHED.delete(tx, place, &attached_key(&instance.id, &volume.id)).await?;
    put(tx, place, volume).await?;
    show(instance, volume);
    Ok(())
}

/// Writes down how a replacement ended, and clears away what nobody needs.
async fn over(ec2: &Ec2, place: &Place, task: &RootReplacementRecord, stage: Stage) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut task) = RootReplacementRecord::TABLE.get(&tx, place, &task.id).await? else {
            return Ok(());
        };
        (task.stage, task.completed) = (stage, Some(now));
        resources::put(&tx, place, &task).await?;
        let succeeded = stage == Stage::Succeeded;
        settle_instance(&tx, place, &mut task, now).await?;
        let unneeded = match succeeded {
            true => Some(&task.replaced).filter(|_| task.deletes),
            false => Some(&task.volume).filter(|_| task.is_new),
        };
        let Some(id) = unneeded else { return Ok(()) };
        let Some(mut volume) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        match volume.attachment.is_none() && volume.state != VolumeState::Deleting {
            true => delete(&tx, now, place, &mut volume).await,
            false => Ok(()),
        }
    });
    done.await?;
    ec2.disks.nudge();
    Ok(())
}

async fn settle_instance(
    tx: &Tx,
    place: &Place,
    task: &mut RootReplacementRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut instance) = InstanceRecord::TABLE.get(tx, place, &task.instance).await? else {
        return Ok(());
    };
    instance.roots.replacing = None;
    if task.stage == Stage::Succeeded {
        let earlier = &mut instance.roots.earlier;
        earlier.push(task.replaced.clone());
        earlier.drain(..earlier.len().saturating_sub(ROOT_REPLACEMENTS_KEPT_MAX));
        if let Some(image) = task.becomes.take() {
            take_on(&mut instance, image.0);
        }
    }
    if task.stage == Stage::FailedDetached && instance.state == State::Running {
        (instance.state, instance.since) = (State::Stopping, now);
        instance.reason = Some(Kept(StateReason {
            code: Some("Server.InternalError".to_owned()),
            message: Some("Server.InternalError: the instance has no root volume".to_owned()),
        }));
    }
    resources::put(tx, place, &instance).await
}

/// The instance is of its new image.
fn take_on(instance: &mut InstanceRecord, image: Image) {
    let shown = &mut instance.shown.0;
    shown.image_id = image.image_id;
    shown.boot_mode = image.boot_mode;
    shown.ena_support = image.ena_support.or(shown.ena_support);
}
