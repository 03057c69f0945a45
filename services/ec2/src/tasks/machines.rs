//! Makes the machines what the records say, and the records what the machines do: launches what is pending, stops what
//! is stopping, notices guests that power themselves off, forgets what was terminated an hour ago.
//!
//! A pass only hands out work: one machine that is slow to stop keeps no other waiting.

use std::sync::Arc;
use std::time::Duration;

use service::{Pass, Task};
use store::Select;

use super::lifecycle;
use crate::Ec2;
use crate::error::Error;
use crate::ground::machines::{MachineState, Machines};
use crate::limits::BUSY_INSTANCES_MAX;
use crate::model::instances::State;
use crate::records::instances::{BUSY_INSTANCES, INSTANCE_PLACES, InstanceRecord, PlaceRecord};
use crate::records::{Resource, zones};

const PERIOD: Duration = Duration::from_secs(30);

pub fn task(ec2: &Arc<Ec2>) -> Task {
    if let Some(driver) = &ec2.machine_driver {
        driver.watched_by(ec2.machines.clone());
    }
    Task::of(ec2, "ec2.machines", PERIOD, ec2.machines.clone(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Arc<Ec2>) -> Result<Pass, Error> {
    let Some(driver) = &ec2.machine_driver else { return Ok(Pass::Done) };
    for id in driver.ended() {
        look_after(ec2, &id).await?;
    }
    if ec2.hands.is_time_to_look(ec2.clock.now(), PERIOD) {
        look_at_all(ec2, driver).await?;
    }
    let busy = ec2
        .store
        .read(|tx| async move { BUSY_INSTANCES.scan(&tx, &(), Select::ALL, BUSY_INSTANCES_MAX).await })
        .await?
        .records;
    let mut soonest: Option<Duration> = None;
    // Whoever has one in hand wakes this task when it gives it back.
    for (id, at) in busy.into_iter().filter(|(id, _)| !ec2.hands.has(id)) {
        match lifecycle::due(ec2, &id, &at).await? {
            lifecycle::Due::Now => hand_out(ec2, driver, id, at),
            lifecycle::Due::In(time) => soonest = Some(soonest.map_or(time, |known| known.min(time))),
        }
    }
    Ok(soonest.map_or(Pass::Done, Pass::Again))
}

/// Starts the work on one instance, unless it is under way.
fn hand_out(ec2: &Arc<Ec2>, driver: &Arc<dyn Machines>, id: String, at: PlaceRecord) {
    if !ec2.hands.take(&id) {
        return;
    }
    let (ec2, driver) = (Arc::clone(ec2), Arc::clone(driver));
    let tasks = ec2.tasks.clone();
    tasks.spawn(async move {
        let outcome = lifecycle::advance(&ec2, &*driver, &id, &at).await;
        ec2.hands.give_back(&id);
        match outcome {
            // What was asked for meanwhile found the instance in hand.
            Ok(true) => ec2.machines.nudge(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(instance = id, %error, "an instance's machine was not brought forward")
            }
        }
    });
}

/// Has the task look at an instance whose machine may be another than its record says.
async fn look_after(ec2: &Ec2, id: &str) -> Result<(), Error> {
    let marked = ec2.store.transact(|tx| async move {
        match INSTANCE_PLACES.get(&tx, &(), id).await? {
            Some(at) => BUSY_INSTANCES.put(&tx, &(), id, &at).await,
            None => Ok(()),
        }
    });
    Ok(marked.await?)
}

/// Now and then every machine is looked at: one may have gone while nobody watched, as when the host was restarted.
async fn look_at_all(ec2: &Ec2, driver: &Arc<dyn Machines>) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = ec2
            .store
            .read(|tx| async move {
                let select = Select::ALL.after(position);
                let page = INSTANCE_PLACES.scan(&tx, &(), select, BUSY_INSTANCES_MAX).await?;
                let down = zones::down(&tx).await?;
                let mut running = Vec::new();
                for (id, at) in &page.records {
                    let record = InstanceRecord::TABLE.get(&tx, &at.place(), id).await?;
                    if let Some(record) = record.filter(|record| record.state == State::Running) {
                        running.push((id.clone(), !down.contains_key(record.zone())));
                    }
                }
                Ok::<_, Error>((running, page.next))
            })
            .await?;
        let (running, next) = page;
        for (id, has_power) in running {
            if matches!(driver.state(&id).await, Ok(MachineState::Running)) != has_power {
                look_after(ec2, &id).await?;
            }
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
