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
use crate::operations::interfaces::{attachments, make, public};
use crate::records::images;
use crate::records::instances::{BUSY_INSTANCES, INSTANCE_PLACES, InstanceRecord, PlaceRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::settings::ROOT_VOLUMES;
use crate::records::{Place, Resource, zones};
use crate::resources;

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
        settle(ec2, id).await?;
        return Ok(false);
    };
    match record.state {
        // In a zone without power nothing runs. Who brings the zone up has this looked at again.
        State::Pending | State::Running if is_down => {
            driver.kill(id).await.map_err(failed)?;
            if record.state == State::Running {
                settle(ec2, id).await?;
            }
            return Ok(false);
        }
        State::Pending => launch(ec2, driver, &place, &record, &spec).await?,
        State::Running => keep_running(ec2, driver, &place, &record, &spec).await?,
        State::Stopping => {
            driver.stop(id, grace(&record)).await.map_err(failed)?;
            stopped(ec2, &place, id, None).await?;
        }
        State::Stopped => settle(ec2, id).await?,
        State::ShuttingDown => {
            driver.remove(id, grace(&record)).await.map_err(failed)?;
            terminated(ec2, &place, id, None).await?;
        }
        State::Terminated => forget(ec2, &place, id).await?,
    }
    Ok(true)
}

fn grace(record: &InstanceRecord) -> Duration {
    if record.forced { Duration::ZERO } else { SHUTDOWN_GRACE_TIME }
}

fn failed(error: MachineError) -> Error {
    Error::Internal(Box::new(error))
}

/// Nothing is left to do until somebody asks for something.
async fn settle(ec2: &Ec2, id: &str) -> Result<(), Error> {
    Ok(ec2.store.transact(|tx| async move { BUSY_INSTANCES.delete(&tx, &(), id).await }).await?)
}

async fn launch(
    ec2: &Ec2,
    driver: &dyn Machines,
    place: &Place,
    record: &InstanceRecord,
    spec: &MachineSpec,
) -> Result<(), Error> {
    let launched = {
        let _turn = ec2.hands.start().await;
        driver.launch(spec).await
    };
    let id = record.id.as_str();
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
    match driver.state(id).await.map_err(failed)? {
        MachineState::Running if record.rebooting => {
            driver.reboot(id).await.map_err(failed)?;
            rebooted(ec2, place, id).await
        }
        MachineState::Running => settle(ec2, id).await,
        // A host that was restarted has lost its machines, as has a zone that was down; they come back by themselves
        // ("auto-recovery").
        MachineState::Absent => {
            let _turn = ec2.hands.start().await;
            driver.launch(spec).await.map_err(failed)?;
            end_if_cut(ec2, driver, record).await?;
            rebooted(ec2, place, id).await
        }
        MachineState::Ended => shut_down_by_itself(ec2, place, id).await,
    }
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
        if record.state == State::Running {
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
        record.state = State::Stopped;
        record.since = now;
        if let Some(reason) = reason {
            record.reason = Some(kept(reason));
        }
        for mut card in attachments::of_instance(&tx, place, id).await? {
            public::take_back(&tx, place, &mut card).await?;
        }
        BUSY_INSTANCES.delete(&tx, &(), id).await?;
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
        record.state = State::Terminated;
        record.since = now;
        if let Some(reason) = reason {
            record.reason = Some(kept(reason));
        }
        record.profile = None;
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
        resources::remove::<InstanceRecord>(&tx, place, id).await?;
        INSTANCE_PLACES.delete(&tx, &(), id).await?;
        Ok::<_, Error>(BUSY_INSTANCES.delete(&tx, &(), id).await?)
    });
    done.await
}
