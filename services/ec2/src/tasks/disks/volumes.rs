//! One volume, one step: from what its record wants to what the engine has.

use ec2_api::{VolumeModification, VolumeModificationState as Changing};
use store::Tx;

use super::{Left, failed, settle};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::{Attachment, DiskError, Disks, VolumeSpec};
use crate::limits::OPTIMIZING_TIME;
use crate::model::instances::State as InstanceState;
use crate::model::volumes::{State, pace};
use crate::operations::disk_keys::open;
use crate::operations::volumes::attachments::{show, step};
use crate::operations::volumes::delete;
use crate::records::instances::{BUSY_INSTANCES, InstanceRecord, PlaceRecord};
use crate::records::volumes::{
    ATTACHED, Doubt, Step, VOLUME_PLACES, VolumeRecord, attached_key, mark_busy, of_instance, put,
};
use crate::records::{Place, Resource, zones};
use crate::resources;
use crate::tasks::recycle_bin::holds;

async fn get(ec2: &Ec2, place: &Place, id: &str) -> Result<Option<VolumeRecord>, Error> {
    Ok(ec2.store.read(|tx| async move { VolumeRecord::TABLE.get(&tx, place, id).await }).await?)
}

pub async fn advance(ec2: &Ec2, driver: &dyn Disks, place: &Place, id: &str) -> Result<Left, Error> {
    let Some(record) = get(ec2, place, id).await? else {
        if holds::<VolumeRecord>(ec2, place, id).await? {
            return settle(ec2, id).await;
        }
        driver.remove(id).await.map_err(failed)?;
        return settle(ec2, id).await;
    };
    let zone = record.zone();
    if ec2.store.read(|tx| async move { zones::down_since(&tx, zone).await }).await?.is_some() {
        // Volumes fail with their zone; who brings it up has them looked at again.
        return Ok(Left::Later);
    }
    match (record.state, record.attachment.as_ref().map(|attachment| attachment.step)) {
        (State::Error, _) => settle(ec2, id).await,
        (State::Creating, _) => {
            create(ec2, driver, place, &record).await?;
            Ok(Left::More)
        }
        (State::Deleting, _) => {
            match driver.remove(id).await {
                Ok(()) | Err(DiskError::Absent(_)) => forget(ec2, place, id).await?,
                Err(error) => return Err(failed(error)),
            }
            settle(ec2, id).await
        }
        (State::Available, Some(Step::Detaching { forced })) => {
            take(ec2, driver, place, &record, forced).await
        }
        (State::Available, Some(Step::Busy)) => take(ec2, driver, place, &record, false).await,
        (State::Available, attached) => {
            let is_wanted = attached.is_some() && !record.is_cut() && !restarts(ec2, place, &record).await?;
            if is_wanted && let Gift::Refused(why) = give(ec2, driver, place, &record).await? {
                return give_up(ec2, place, &record, why).await;
            }
            match change(ec2, driver, place, id).await? {
                Left::Nothing => settle(ec2, id).await,
                left => Ok(left),
            }
        }
    }
}

pub async fn create(
    ec2: &Ec2,
    driver: &dyn Disks,
    place: &Place,
    record: &VolumeRecord,
) -> Result<(), Error> {
    let snapshot = match record.shown.snapshot_id.clone().filter(|id| !id.is_empty()) {
        Some(id) => Some((id, open(ec2, place, record.snapshot_key.as_ref()).await?)),
        None => None,
    };
    let spec = VolumeSpec {
        id: record.id.clone(),
        bytes: record.bytes(),
        zone: record.zone().to_owned(),
        key: open(ec2, place, record.key.as_ref()).await?,
        snapshot,
    };
    let state = match driver.create(&spec).await {
        Ok(()) => State::Available,
        Err(error @ DiskError::Full) => return Err(failed(error)),
        Err(error) => {
            tracing::warn!(volume = record.id, %error, "a volume could not be created");
            State::Error
        }
    };
    let (now, id) = (ec2.clock.now(), record.id.as_str());
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.state == State::Creating {
            (record.state, record.since) = (state, now);
            put(&tx, place, &record).await?;
        }
        Ok(())
    });
    done.await
}

async fn forget(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let done = ec2.store.transact(|tx| async move {
        VOLUME_PLACES.delete(&tx, &(), id).await?;
        resources::remove::<VolumeRecord>(&tx, place, id).await
    });
    done.await
}

/// What became of giving a volume to an instance.
enum Gift {
    Given,
    /// It cannot be given, which trying again will not change: why.
    Refused(String),
}

/// Gives a volume to its instance, which may have it already.
async fn give(ec2: &Ec2, driver: &dyn Disks, place: &Place, record: &VolumeRecord) -> Result<Gift, Error> {
    let Some(wanted) = &record.attachment else { return Ok(Gift::Given) };
    let key = match open(ec2, place, record.key.as_ref()).await {
        Err(Error::Refused { message, .. }) => return Ok(Gift::Refused(message)),
        opened => opened?,
    };
    let attachment = Attachment {
        volume: record.id.clone(),
        machine: wanted.instance.clone(),
        device: wanted.device.clone(),
        key,
        pace: pace(&record.shown),
    };
    match driver.attach(&attachment).await {
        // There may be room in a moment, and who is busy may not be.
        Err(error @ (DiskError::Full | DiskError::Busy(_))) => return Err(failed(error)),
        Err(error) => return Ok(Gift::Refused(error.to_string())),
        Ok(()) => {}
    }
    let (id, machine) = (record.id.as_str(), wanted.instance.as_str());
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(false) };
        if !record.is_attached_to(machine) {
            return Ok(false);
        }
        if record.attachment.as_ref().is_some_and(|now| now.step == Step::Attaching) {
            step(&tx, place, &mut record, Some(Step::Attached)).await?;
        }
        if let Some(doubt) = record.doubt.as_mut().filter(|doubt| doubt.returns) {
            doubt.returns = false;
            put(&tx, place, &record).await?;
        }
        Ok::<_, Error>(true)
    });
    if done.await? {
        return Ok(Gift::Given);
    }
    // It was detached meanwhile.
    driver.detach(id, machine, true).await.map_err(failed)?;
    Ok(Gift::Given)
}

/// What served a volume under its instance is gone: it is out of use until somebody wants it as it is, unless its owner
/// said before that it shall be used all the same.
pub async fn lost(ec2: &Ec2, volume: &str) -> Result<(), Error> {
    let now = ec2.clock.now();
    let noted = ec2.store.transact(|tx| async move {
        let Some(at) = VOLUME_PLACES.get(&tx, &(), volume).await? else { return Ok(()) };
        let place = &at.place();
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, volume).await? else { return Ok(()) };
        let attached = record.attachment.as_ref().filter(|it| it.step == Step::Attached);
        let Some(machine) = attached.map(|it| it.instance.clone()) else { return Ok(()) };
        let instance = InstanceRecord::TABLE.get(&tx, place, &machine).await?;
        // Whoever is stopped has written everything, and gets it with the next start.
        if instance.is_none_or(|instance| instance.state == InstanceState::Stopped) {
            return Ok(());
        }
        let by_itself = record.auto_enable_io;
        record.doubt =
            Some(Doubt { since: now, ended: by_itself.then_some(now), by_itself, returns: by_itself });
        put(&tx, place, &record).await?;
        mark_busy(&tx, place, volume).await
    });
    noted.await
}

/// A volume that comes back is the root of an instance which runs: its machine cannot go on with another device, so it
/// loses its power, and starts again by itself with all its volumes.
async fn restarts(ec2: &Ec2, place: &Place, record: &VolumeRecord) -> Result<bool, Error> {
    let (Some(attachment), Some(driver)) = (&record.attachment, &ec2.machine_driver) else {
        return Ok(false);
    };
    if record.doubt.as_ref().is_none_or(|doubt| !doubt.returns) {
        return Ok(false);
    }
    let (id, instance) = (record.id.as_str(), attachment.instance.as_str());
    let read = ec2.store.read(|tx| async move { InstanceRecord::TABLE.get(&tx, place, instance).await });
    let is_root = |instance: &InstanceRecord| {
        instance.state == InstanceState::Running && instance.root_volume() == Some(id)
    };
    if !read.await?.as_ref().is_some_and(is_root) {
        return Ok(false);
    }
    driver.kill(instance).await.map_err(|error| Error::Internal(Box::new(error)))?;
    let begun = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if let Some(doubt) = record.doubt.as_mut() {
            doubt.returns = false;
        }
        put(&tx, place, &record).await?;
        BUSY_INSTANCES.put(&tx, &(), instance, &PlaceRecord::of(place)).await?;
        Ok::<_, Error>(())
    });
    begun.await?;
    ec2.machines.nudge();
    Ok(true)
}

/// An attachment that fails at the device ends: what there is of it is taken away, and the volume is free again. What a
/// launch waits for is that launch's affair, and what was attached before is tried again.
async fn give_up(ec2: &Ec2, place: &Place, record: &VolumeRecord, why: String) -> Result<Left, Error> {
    let id = record.id.as_str();
    let ended = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(true) };
        let Some(attachment) = record.attachment.clone() else { return Ok(true) };
        if attachment.step != Step::Attaching {
            return Ok(false);
        }
        if let Some(instance) = InstanceRecord::TABLE.get(&tx, place, &attachment.instance).await?
            && (instance.state == InstanceState::Pending || instance.roots.replacing.is_some())
        {
            return Ok(false);
        }
        step(&tx, place, &mut record, Some(Step::Detaching { forced: true })).await?;
        Ok::<_, Error>(true)
    });
    if !ended.await? {
        return Err(failed(DiskError::Failed(why)));
    }
    tracing::warn!(volume = id, why, "a volume could not be attached");
    Ok(Left::More)
}

async fn take(
    ec2: &Ec2,
    driver: &dyn Disks,
    place: &Place,
    record: &VolumeRecord,
    forced: bool,
) -> Result<Left, Error> {
    let Some(attachment) = &record.attachment else { return Ok(Left::More) };
    let (id, machine) = (record.id.as_str(), attachment.instance.as_str());
    let (next, left) = match driver.detach(id, machine, forced).await {
        Ok(()) | Err(DiskError::Absent(_)) => (None, Left::More),
        Err(DiskError::Busy(_)) => (Some(Step::Busy), Left::Later),
        Err(error) => return Err(failed(error)),
    };
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let now = record.attachment.as_ref().filter(|now| now.instance == machine).map(|now| now.step);
        let is_forced = now == Some(Step::Detaching { forced: true });
        match now {
            // Who forces it meanwhile is served next.
            Some(_) if next.is_none() => step(&tx, place, &mut record, None).await,
            Some(_) if !is_forced || forced => step(&tx, place, &mut record, next).await,
            _ => Ok(()),
        }
    });
    done.await?;
    Ok(left)
}

/// Brings a change of a volume forward.
async fn change(ec2: &Ec2, driver: &dyn Disks, place: &Place, id: &str) -> Result<Left, Error> {
    let Some(record) = get(ec2, place, id).await? else { return Ok(Left::More) };
    let Some(last) = &record.modification else { return Ok(Left::Nothing) };
    match last.modification_state {
        Some(Changing::Modifying) => {
            let mut shown = record.shown.0.clone();
            resized(&mut shown, last);
            let gib = shown.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            if shown.size > record.shown.size {
                driver.grow(id, gib << 30).await.map_err(failed)?;
            }
            if record.attachment.is_some() {
                match driver.pace(id, pace(&shown)).await {
                    // Its instance is stopped; it is given with this pace when that starts.
                    Ok(()) | Err(DiskError::Absent(_)) => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            changed(ec2, place, id, Changing::Optimizing).await?;
            Ok(Left::Later)
        }
        Some(Changing::Optimizing) => {
            let since = last.start_time.map(|at| ec2.clock.now().since(at)).unwrap_or(OPTIMIZING_TIME);
            if since < OPTIMIZING_TIME {
                return Ok(Left::Later);
            }
            changed(ec2, place, id, Changing::Completed).await?;
            Ok(Left::Nothing)
        }
        _ => Ok(Left::Nothing),
    }
}

fn resized(volume: &mut ec2_api::Volume, to: &VolumeModification) {
    volume.size = to.target_size;
    volume.iops = to.target_iops;
    volume.volume_type.clone_from(&to.target_volume_type);
    volume.throughput = to.target_throughput;
}

async fn changed(ec2: &Ec2, place: &Place, id: &str, state: Changing) -> Result<(), Error> {
    let (now, state) = (ec2.clock.now(), &state);
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = VolumeRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let Some(last) = record.modification.as_mut() else { return Ok(()) };
        last.0.modification_state = Some(state.clone());
        match state {
            Changing::Completed => {
                last.0.progress = Some(100);
                last.0.end_time = Some(now);
            }
            _ => {
                let to = last.0.clone();
                resized(&mut record.shown.0, &to);
            }
        }
        crate::records::usage::volume(&tx, place, &record, now).await?;
        put(&tx, place, &record).await
    });
    done.await
}

/// Makes and attaches all volumes of an instance, before its machine starts.
pub async fn before_launch(ec2: &Ec2, place: &Place, instance: &str) -> Result<(), Error> {
    let Some(driver) = &ec2.disk_driver else { return Ok(()) };
    let all = ec2.store.read(|tx| async move { of_instance(&tx, place, instance).await }).await?;
    for record in all {
        if record.state == State::Creating {
            create(ec2, &**driver, place, &record).await?;
        }
        let Some(record) = get(ec2, place, &record.id).await? else { continue };
        let is_wanted = matches!(
            record.attachment.as_ref().map(|attachment| attachment.step),
            Some(Step::Attaching | Step::Attached)
        );
        if record.state == State::Error {
            let why = format!("the volume {} could not be created", record.id);
            return Err(failed(DiskError::Failed(why)));
        }
        if is_wanted && record.is_cut() {
            let why = format!("the volume {} may be inconsistent, and its I/O is not enabled", record.id);
            return Err(failed(DiskError::Failed(why)));
        }
        if is_wanted
            && record.state == State::Available
            && let Gift::Refused(why) = give(ec2, &**driver, place, &record).await?
        {
            return Err(failed(DiskError::Failed(why)));
        }
    }
    Ok(())
}

/// Takes all volumes from an instance whose machine is gone.
pub async fn after_removal(ec2: &Ec2, place: &Place, instance: &str) -> Result<(), Error> {
    let Some(driver) = &ec2.disk_driver else { return Ok(()) };
    let all = ec2.store.read(|tx| async move { of_instance(&tx, place, instance).await }).await?;
    for record in all {
        match driver.detach(&record.id, instance, true).await {
            Ok(()) | Err(DiskError::Absent(_)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Lets go of the volumes of an instance that ends: they are deleted, or are there for another.
pub async fn let_go(
    tx: &Tx,
    place: &Place,
    instance: &mut InstanceRecord,
    now: base::Timestamp,
) -> Result<(), Error> {
    for mut record in of_instance(tx, place, &instance.id).await? {
        let attachment = record.attachment.take();
        ATTACHED.delete(tx, place, &attached_key(&instance.id, &record.id)).await?;
        show(instance, &record);
        match attachment.is_some_and(|it| it.delete_on_termination) {
            true => delete(tx, now, place, &mut record).await?,
            false => put(tx, place, &record).await?,
        }
    }
    Ok(())
}
