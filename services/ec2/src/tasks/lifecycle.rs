//! One instance, one step: from what its record wants to what its machine is, and back.

use std::time::Duration;

use ec2_api::StateReason;
use service::Kept;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::ground::machines::{MachineError, MachineSpec, MachineState, Machines};
use crate::ground::specs;
use crate::limits::{SHUTDOWN_GRACE_TIME, TERMINATED_SHOWN_TIME};
use crate::model::instances::State;
use crate::model::tags::Tags;
use crate::operations::capacity::using;
use crate::operations::image_making;
use crate::operations::interfaces::{attachments, make, public};
use crate::records::images;
use crate::records::instances::{BUSY_INSTANCES, INSTANCE_PLACES, InstanceRecord, PlaceRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::root_replacements::RootReplacementRecord;
use crate::records::settings::ROOT_VOLUMES;
use crate::records::{Place, Resource, usage, zones};
use crate::resources;
use crate::tasks::disks::volumes;
use crate::tasks::root_replacements;

/// When there is something to do for an instance.
pub enum Due {
    Now,
    In(Duration),
}

pub async fn due(ec2: &Ec2, id: &str, at: &PlaceRecord) -> Result<Due, Error> {
    let place = at.place();
    let record = ec2.store.read(|tx| async move { InstanceRecord::TABLE.get(&tx, &place, id).await }).await?;
    let Some(record) = record.filter(|record| record.state == State::Terminated) else { return Ok(Due::Now) };
    let shown_for = ec2.clock.now().since(record.since);
    match TERMINATED_SHOWN_TIME.checked_sub(shown_for).filter(|left| !left.is_zero()) {
        Some(left) => Ok(Due::In(left)),
        None => Ok(Due::Now),
    }
}

/// Does what the record asks for. Tells whether it may ask for more.
pub async fn advance(ec2: &Ec2, driver: &dyn Machines, id: &str, at: &PlaceRecord) -> Result<bool, Error> {
    let place = at.place();
    let read = ec2.store.read(|tx| async move {
        let Some(record) = InstanceRecord::TABLE.get(&tx, &place, id).await? else { return Ok(None) };
        let spec = specs::of(&ec2.types, &tx, &place, &record).await?;
        let is_down = zones::down_since(&tx, record.zone()).await?.is_some();
        Ok::<_, Error>(Some((record, spec, is_down)))
    });
    let Some((record, spec, is_down)) = read.await? else {
        ec2.store.transact(|tx| async move { BUSY_INSTANCES.delete(&tx, &(), id).await }).await?;
        return Ok(false);
    };
    match record.state {
        // In a zone without power nothing runs. Who brings the zone up has this looked at again.
        State::Pending | State::Running if is_down => {
            driver.kill(id).await.map_err(failed)?;
            if record.state == State::Running {
                return Ok(!settle(ec2, &place, &record).await?);
            }
            return Ok(false);
        }
        State::Pending => launch(ec2, driver, &place, &record, &spec).await?,
        State::Running => keep_running(ec2, driver, &place, &record, &spec).await?,
        State::Stopping => {
            driver.stop(id, grace(&record)).await.map_err(failed)?;
            image(ec2, &place, &record).await?;
            root_replacements::end(ec2, &place, &record).await?;
            stopped(ec2, &place, id, None).await?;
        }
        State::Stopped => drop(settle(ec2, &place, &record).await?),
        State::ShuttingDown => {
            driver.remove(id, grace(&record)).await.map_err(failed)?;
            image(ec2, &place, &record).await?;
            root_replacements::end(ec2, &place, &record).await?;
            volumes::after_removal(ec2, &place, id).await?;
            terminated(ec2, &place, id, None).await?;
        }
        State::Terminated => forget(ec2, &place, id).await?,
    }
    Ok(true)
}

pub fn grace(record: &InstanceRecord) -> Duration {
    if record.forced { Duration::ZERO } else { SHUTDOWN_GRACE_TIME }
}

fn failed(error: MachineError) -> Error {
    Error::Internal(Box::new(error))
}

/// Nothing is left to do until somebody asks for something; `false` if somebody did since the record was read.
async fn settle(ec2: &Ec2, place: &Place, seen: &InstanceRecord) -> Result<bool, Error> {
    let id = seen.id.as_str();
    let settled = ec2.store.transact(|tx| async move {
        let now = InstanceRecord::TABLE.get(&tx, place, id).await?;
        let is_same = now.is_none_or(|now| {
            now.state == seen.state
                && now.rebooting == seen.rebooting
                && now.imaging == seen.imaging
                && now.roots == seen.roots
        });
        if is_same {
            BUSY_INSTANCES.delete(&tx, &(), id).await?;
        }
        Ok::<_, Error>(is_same)
    });
    settled.await
}

async fn launch(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    record: &InstanceRecord,
    spec: &MachineSpec,
) -> Result<(), Error> {
    let id = record.id.as_str();
    let launched = {
        let _turn = ec2.hands.start().await;
        match volumes::before_launch(ec2, place, id).await {
            Ok(()) => driver.launch(spec).await,
            Err(error) => Err(MachineError::Failed(error.to_string())),
        }
    };
    match launched {
        Ok(()) => {
            end_if_cut(ec2, driver, record).await?;
            running(ec2, place, id).await
        }
        Err(error) => {
            tracing::warn!(instance = id, %error, "a machine did not start");
            let reason = ("Server.InternalError", format!("Server.InternalError: {error}"));
            if record.started {
                return stopped(ec2, place, id, Some(&reason)).await;
            }
            driver.remove(id, Duration::ZERO).await.map_err(failed)?;
            volumes::after_removal(ec2, place, id).await?;
            terminated(ec2, place, id, Some(&reason)).await
        }
    }
}

type Reason = (&'static str, String);

fn kept(reason: &Reason) -> Kept<StateReason> {
    Kept(StateReason { code: Some(reason.0.to_owned()), message: Some(reason.1.clone()) })
}

/// A machine runs. Who stopped or terminated it meanwhile is served next.
async fn running(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.started = true;
        if record.state == State::Pending {
            record.state = State::Running;
            record.since = now;
            record.reason = None;
            BUSY_INSTANCES.delete(&tx, &(), id).await?;
        }
        usage::instance(&tx, place, &record, now).await?;
        resources::put(&tx, place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(())
}

async fn keep_running(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    record: &InstanceRecord,
    spec: &MachineSpec,
) -> Result<(), Error> {
    let id = record.id.as_str();
    if !record.imaging.is_empty() {
        driver.stop(id, grace(record)).await.map_err(failed)?;
        image(ec2, place, record).await?;
        return start_again(ec2, driver, place, record, spec).await;
    }
    if record.roots.replacing.is_some() {
        return root_replacements::advance(ec2, driver, place, record, spec).await;
    }
    match driver.state(id).await.map_err(failed)? {
        MachineState::Running if record.rebooting => {
            driver.reboot(id).await.map_err(failed)?;
            rebooted(ec2, place, id).await
        }
        MachineState::Running => settle(ec2, place, record).await.map(drop),
        // A host that was restarted has lost its machines, as has a zone that was down; they come back by themselves
        // ("auto-recovery").
        MachineState::Absent => start_again(ec2, driver, place, record, spec).await,
        MachineState::Ended => shut_down_by_itself(ec2, place, id).await,
    }
}

pub async fn start_again(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    record: &InstanceRecord,
    spec: &MachineSpec,
) -> Result<(), Error> {
    let id = record.id.as_str();
    let _turn = ec2.hands.start().await;
    volumes::before_launch(ec2, place, id).await?;
    driver.launch(spec).await.map_err(failed)?;
    end_if_cut(ec2, driver, record).await?;
    rebooted(ec2, place, id).await
}

/// Begins the snapshots of the images that an instance was shut down for.
async fn image(ec2: &Ec2, place: &Place, record: &InstanceRecord) -> Result<(), Error> {
    if record.imaging.is_empty() {
        return Ok(());
    }
    for image in &record.imaging {
        image_making::begin(ec2, place, image).await?;
    }
    let (id, begun) = (record.id.as_str(), &record.imaging);
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.imaging.retain(|image| !begun.contains(image));
        resources::put(&tx, place, &record).await
    });
    done.await
}

/// A zone may have gone down while a machine of it was starting.
async fn end_if_cut(ec2: &Ec2, driver: &dyn Machines, record: &InstanceRecord) -> Result<(), Error> {
    let zone = record.zone();
    let is_down = ec2.store.read(|tx| async move { zones::down_since(&tx, zone).await }).await?.is_some();
    if is_down { driver.kill(&record.id).await.map_err(failed) } else { Ok(()) }
}

/// It runs anew, and there is nothing left to do.
async fn rebooted(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.rebooting = false;
        let is_free = record.imaging.is_empty() && record.roots.replacing.is_none();
        if record.state == State::Running && is_free {
            BUSY_INSTANCES.delete(&tx, &(), id).await?;
        }
        resources::put(&tx, place, &record).await
    });
    done.await
}

/// The guest powered itself off: it stops or ends, as its shutdown behaviour says.
async fn shut_down_by_itself(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let now = ec2.clock.now();
    let text = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
    let reason = &("Client.InstanceInitiatedShutdown", text.to_owned());
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.state != State::Running {
            return Ok(());
        }
        record.state = if record.ends_on_shutdown { State::ShuttingDown } else { State::Stopping };
        record.since = now;
        record.rebooting = false;
        record.reason = Some(kept(reason));
        usage::instance(&tx, place, &record, now).await?;
        resources::put(&tx, place, &record).await
    });
    done.await
}

async fn stopped(ec2: &Ec2, place: &Place, id: &str, reason: Option<&Reason>) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if !matches!(record.state, State::Stopping | State::Pending) {
            return Ok(());
        }
        using::leave(&tx, place, &mut record, now).await?;
        record.state = State::Stopped;
        record.since = now;
        if let Some(reason) = reason {
            record.reason = Some(kept(reason));
        }
        for mut card in attachments::of_instance(&tx, place, id).await? {
            public::take_back(&tx, place, &mut card).await?;
        }
        BUSY_INSTANCES.delete(&tx, &(), id).await?;
        usage::instance(&tx, place, &record, now).await?;
        resources::put(&tx, place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(())
}

async fn terminated(ec2: &Ec2, place: &Place, id: &str, reason: Option<&Reason>) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        using::leave(&tx, place, &mut record, now).await?;
        record.state = State::Terminated;
        record.since = now;
        if let Some(reason) = reason {
            record.reason = Some(kept(reason));
        }
        usage::instance(&tx, place, &record, now).await?;
        record.profile = None;
        volumes::let_go(&tx, place, &mut record, now).await?;
        for volume in record.volumes() {
            ROOT_VOLUMES.delete(&tx, place, volume).await?;
            resources::set_tags(&tx, place, volume, &Tags::new()).await?;
        }
        if let Some(root) = record.root.imported() {
            images::let_go(&tx, root, id).await?;
        }
        for card in attachments::of_instance(&tx, place, id).await? {
            let_go(&tx, place, card).await?;
        }
        resources::put(&tx, place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    ec2.images.nudge();
    ec2.disks.nudge();
    Ok(())
}

/// A card of an instance that ends goes with it, or stays for another.
async fn let_go(tx: &Tx, place: &Place, mut card: InterfaceRecord) -> Result<(), Error> {
    let attachment = card.interface.attachment.as_ref();
    if attachment.is_some_and(|attachment| attachment.delete_on_termination == Some(true)) {
        return make::discard(tx, place, &card).await;
    }
    public::take_back(tx, place, &mut card).await?;
    attachments::detach(tx, place, &mut card).await?;
    resources::put(tx, place, &card).await
}

async fn forget(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let now = ec2.clock.now();
    let done = ec2.store.transact(|tx| async move {
        let Some(record) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        // Whoever found it on its way out a moment ago may come here when it has only just ended.
        if record.state != State::Terminated || now.since(record.since) < TERMINATED_SHOWN_TIME {
            return Ok(());
        }
        for task in &record.roots.tasks {
            resources::remove::<RootReplacementRecord>(&tx, place, task).await?;
        }
        resources::remove::<InstanceRecord>(&tx, place, id).await?;
        INSTANCE_PLACES.delete(&tx, &(), id).await?;
        Ok::<_, Error>(BUSY_INSTANCES.delete(&tx, &(), id).await?)
    });
    done.await
}
