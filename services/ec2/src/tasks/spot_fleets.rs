//! Looks after one spot fleet: it begins and expires by the clock, is kept full, and fades when it was cancelled.

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INSUFFICIENT_INSTANCE_CAPACITY, SPOT_MAX_PRICE_TOO_LOW};
use crate::limits::FLEET_SHOWN_TIME;
use crate::operations::fleets::fulfil::{self, Fulfilled};
use crate::operations::fleets::{self};
use crate::operations::spot::fleets::{give_up, wanted};
use crate::records::fleets::{FLEET_PLACES, SpotFleetRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// So many of the latest events are looked at for one that says the same.
const REPEATED: usize = 30;

pub async fn look(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let place: &Place = &call.scope();
    let read = ec2.store.read(|tx| async move { SpotFleetRecord::TABLE.get(&tx, place, id).await });
    let Some(record) = read.await? else { return Ok(()) };
    let config = record.config();
    match record.state() {
        BatchState::Submitted | BatchState::Active | BatchState::Modifying => {}
        _ => return fade(ec2, call, id).await,
    }
    if config.valid_until.is_some_and(|until| until <= call.now) {
        return expire(ec2, call, id, config.terminate_instances_with_expiration == Some(true)).await;
    }
    if config.valid_from.is_some_and(|from| from > call.now) {
        return Ok(());
    }
    if !begin(ec2, call, id).await? || record.is_done {
        return Ok(());
    }
    let wanted = wanted(id, &config)?;
    let mut outcome = fulfil::fulfil(ec2, call, &wanted).await?;
    if config.excess_capacity_termination_policy != Some(ExcessCapacityTerminationPolicy::NoTermination) {
        fleets::end(ec2, call, outcome.cut(wanted.on_demand.target)).await?;
    }
    note(ec2, call, id, &outcome).await
}

/// A new request becomes active, and so does one that was changed. Tells whether it is.
async fn begin(ec2: &Ec2, call: &Call, id: &str) -> Result<bool, Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SpotFleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(false) };
        match record.state() {
            BatchState::Active => return Ok(true),
            BatchState::Submitted => record.enter(BatchState::Active, "active", call.now),
            BatchState::Modifying => record.enter(BatchState::Active, "modify_succeeded", call.now),
            _ => return Ok(false),
        }
        resources::put(&tx, place, &record).await?;
        Ok::<_, Error>(true)
    });
    done.await
}

async fn expire(ec2: &Ec2, call: &Call, id: &str, terminate: bool) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SpotFleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.say(EventType::FleetRequestChange, "expired", None, None, call.now);
        resources::put(&tx, place, &record).await
    });
    done.await?;
    give_up(ec2, call, id, terminate).await.map(drop)
}

/// Of a fleet that was cancelled: it is over when its instances are gone, and forgotten two days later.
async fn fade(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let members = fulfil::members(ec2, call, id).await?;
    let (place, is_empty) = (&call.scope(), members.is_empty());
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SpotFleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        match record.over {
            None if is_empty => {
                record.over = Some(call.now);
                record.members.clear();
                record.shown.0.activity_status = None;
                let mut config = record.config();
                (config.fulfilled_capacity, config.on_demand_fulfilled_capacity) = (Some(0.0), Some(0.0));
                record.shown.0.spot_fleet_request_config = Some(config);
                record.enter(BatchState::Cancelled, "cancelled", call.now);
                resources::put(&tx, place, &record).await
            }
            Some(over) if call.now.since(over) >= FLEET_SHOWN_TIME => {
                FLEET_PLACES.delete(&tx, &(), id).await?;
                resources::remove::<SpotFleetRecord>(&tx, place, id).await
            }
            _ => Ok(()),
        }
    });
    done.await
}

/// Writes down what a try came to.
async fn note(ec2: &Ec2, call: &Call, id: &str, outcome: &Fulfilled) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SpotFleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let before = record.clone();
        let mut config = record.config();
        config.fulfilled_capacity = Some(outcome.capacity);
        config.on_demand_fulfilled_capacity = Some(outcome.on_demand);
        let keeps = config.r#type == Some(FleetType::Maintain);
        record.shown.0.spot_fleet_request_config = Some(config);
        let launched: Vec<String> =
            outcome.instances.iter().flat_map(|one| one.instance_ids.iter().flatten().cloned()).collect();
        let stayed: Vec<String> = outcome.members.iter().map(|member| member.id.clone()).collect();
        for gone in record.members.clone().into_iter().filter(|id| !stayed.contains(id)) {
            record.say(EventType::InstanceChange, "terminated", Some(gone), None, call.now);
        }
        for id in &launched {
            record.say(EventType::InstanceChange, "launched", Some(id.clone()), None, call.now);
        }
        for error in &outcome.errors {
            tell(&mut record, error, call);
        }
        record.members = stayed.into_iter().chain(launched).collect();
        record.shown.0.activity_status = Some(match (outcome.is_full(), outcome.errors.is_empty()) {
            (true, _) => ActivityStatus::Fulfilled,
            (false, true) => ActivityStatus::PendingFulfillment,
            (false, false) => ActivityStatus::Error,
        });
        record.is_done = outcome.is_full() && !keeps;
        if record == before { Ok(()) } else { resources::put(&tx, place, &record).await }
    });
    done.await
}

/// An error is told once, not at every try.
fn tell(record: &mut SpotFleetRecord, error: &CreateFleetError, call: &Call) {
    let code = error.error_code.as_deref().unwrap_or_default();
    let (kind, what) = if code == SPOT_MAX_PRICE_TOO_LOW.name {
        (EventType::Information, "launchSpecUnusable")
    } else if code == INSUFFICIENT_INSTANCE_CAPACITY.name {
        (EventType::Information, "launchSpecTemporarilyBlacklisted")
    } else {
        (EventType::Error, "spotFleetRequestConfigurationInvalid")
    };
    let description = error.error_message.clone();
    let is_known = record.history.iter().rev().take(REPEATED).any(|entry| {
        let known = entry.event_information.as_ref();
        known.is_some_and(|known| {
            known.event_sub_type.as_deref() == Some(what) && known.event_description == description
        })
    });
    if !is_known {
        record.say(kind, what, None, description, call.now);
    }
}
