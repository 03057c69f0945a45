//! Brings spot requests forward: fulfils those that can be, takes instances back whose price rose above what is paid,
//! and has persistent requests begin anew.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use ec2_api::*;
use service::{Call, Pass, Task};
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INSUFFICIENT_INSTANCE_CAPACITY, SPOT_MAX_PRICE_TOO_LOW};
use crate::limits::{PAGE_MAX, SPOT_PERIOD};
use crate::model::buying::market::HOUR_MILLIS;
use crate::model::instances::State;
use crate::model::vpcs::zones as zone_names;
use crate::operations::instances::launch::{Origin, launch};
use crate::operations::instances::{capacity, enter, network};
use crate::operations::spot::market::{named_zone, price_now};
use crate::operations::spot::running::{self, FULFILLED};
use crate::records::buying::{INTERRUPTIONS, InterruptionRecord, SPOT_PLACES, SpotRequestRecord};
use crate::records::instances::{InstanceRecord, PlaceRecord};
use crate::records::{Resource, zones};
use crate::resources;

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.spot", SPOT_PERIOD, ec2.spot.clone(), |ec2| async move { pass(&ec2).await })
}

async fn pass(ec2: &Ec2) -> Result<Pass, Error> {
    take_back(ec2).await?;
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = ec2
            .store
            .read(|tx| async move { SPOT_PLACES.scan(&tx, &(), Select::ALL.after(position), PAGE_MAX).await })
            .await?;
        for (id, at) in &page.records {
            let call = ec2.own_call(at.account, at.region);
            if let Err(error) = look(ec2, &call, id).await {
                tracing::warn!(request = id, %error, "a spot request was not brought forward");
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    // An interruption that was announced just now is due in two minutes; prices change with the hour.
    let now = ec2.clock.now();
    let to_hour = HOUR_MILLIS - now.as_millis().rem_euclid(HOUR_MILLIS);
    let to_hour = Duration::from_millis(to_hour.unsigned_abs());
    let next = soonest(ec2, now).await?.into_iter().chain([to_hour, SPOT_PERIOD]);
    Ok(Pass::Again(next.min().unwrap_or(SPOT_PERIOD).max(Duration::from_millis(1))))
}

async fn interruptions(ec2: &Ec2) -> Result<Vec<(String, InterruptionRecord)>, Error> {
    let read = ec2.store.read(|tx| async move { INTERRUPTIONS.scan(&tx, &(), Select::ALL, PAGE_MAX).await });
    Ok(read.await?.records)
}

async fn soonest(ec2: &Ec2, now: Timestamp) -> Result<Option<Duration>, Error> {
    Ok(interruptions(ec2).await?.iter().map(|(_, record)| record.due.since(now)).min())
}

/// Does what was announced two minutes ago.
async fn take_back(ec2: &Ec2) -> Result<(), Error> {
    let now = ec2.clock.now();
    for (id, record) in interruptions(ec2).await? {
        if record.due <= now {
            let call = ec2.own_call(record.at.account, record.at.region);
            interrupt(ec2, &call, &id, &record).await?;
        }
    }
    Ok(())
}

async fn interrupt(ec2: &Ec2, call: &Call, id: &str, record: &InterruptionRecord) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        INTERRUPTIONS.delete(&tx, &(), id).await?;
        let Some(mut instance) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if !matches!(instance.state, State::Pending | State::Running) {
            return Ok(());
        }
        let (state, reason) = match record.stops {
            true => (State::Stopping, ("Server.SpotInstanceShutdown", STOPPED_REASON)),
            false => (State::ShuttingDown, ("Server.SpotInstanceTermination", TERMINATED_REASON)),
        };
        instance.rebooting = false;
        enter(&tx, call, &mut instance, state, Some(reason)).await?;
        let Some(mut request) = SpotRequestRecord::TABLE.get(&tx, place, &record.request).await? else {
            return Ok(());
        };
        if request.is_over() {
            return Ok(());
        }
        let (code, message) = ended(record);
        let persists = request.shown.r#type == Some(SpotInstanceType::Persistent);
        let next = if persists { SpotInstanceState::Open } else { SpotInstanceState::Closed };
        request.enter(next, code, message, call.now);
        if !record.stops && persists {
            request.shown.0.instance_id = None;
        }
        if !persists {
            SPOT_PLACES.delete(&tx, &(), request.id()).await?;
        }
        resources::put(&tx, place, &request).await
    });
    done.await?;
    ec2.machines.nudge();
    Ok(())
}

const STOPPED_REASON: &str = "Server.SpotInstanceShutdown: Spot instance shutdown";
const TERMINATED_REASON: &str = "Server.SpotInstanceTermination: Spot instance termination";

fn ended(record: &InterruptionRecord) -> (&'static str, &'static str) {
    match (record.stops, record.by_price) {
        (true, true) => (
            "instance-stopped-by-price",
            "Your instance was stopped because the Spot price exceeded your maximum price.",
        ),
        (true, false) => (
            "instance-stopped-no-capacity",
            "Your instance was stopped because there is no more spare Spot capacity for the instance.",
        ),
        (false, true) => (
            "instance-terminated-by-price",
            "Your instance was terminated because the Spot price exceeded your maximum price.",
        ),
        (false, false) => (
            "instance-terminated-no-capacity",
            "Your instance was terminated because there is no more spare Spot capacity for the instance.",
        ),
    }
}

async fn look(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let place = &call.scope();
    let read = ec2.store.read(|tx| async move {
        let Some(request) = SpotRequestRecord::TABLE.get(&tx, place, id).await? else { return Ok(None) };
        let instance = match request.shown.instance_id.as_deref() {
            Some(instance) => InstanceRecord::TABLE.get(&tx, place, instance).await?,
            None => None,
        };
        Ok::<_, Error>(Some((request, instance)))
    });
    let Some((request, instance)) = read.await? else { return Ok(()) };
    match request.state() {
        SpotInstanceState::Open => open(ec2, call, request, instance).await,
        SpotInstanceState::Active | SpotInstanceState::Disabled => active(ec2, call, id).await,
        _ => Ok(()),
    }
}

/// Writes a state down, unless the request was called off meanwhile.
async fn say(
    ec2: &Ec2,
    call: &Call,
    request: &SpotRequestRecord,
    (state, code, message): (SpotInstanceState, &str, &str),
) -> Result<(), Error> {
    let (place, state) = (&call.scope(), &state);
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = SpotRequestRecord::TABLE.get(&tx, place, request.id()).await? else {
            return Ok(());
        };
        if record.state() != SpotInstanceState::Open {
            return Ok(());
        }
        record.enter(state.clone(), code, message, call.now);
        if *state == SpotInstanceState::Failed {
            record.shown.0.fault = Some(SpotInstanceStateFault {
                code: Some(code.to_owned()),
                message: Some(message.to_owned()),
            });
        }
        if record.is_over() {
            SPOT_PLACES.delete(&tx, &(), record.id()).await?;
        }
        resources::put(&tx, place, &record).await
    });
    done.await
}

async fn open(
    ec2: &Ec2,
    call: &Call,
    request: SpotRequestRecord,
    instance: Option<InstanceRecord>,
) -> Result<(), Error> {
    use SpotInstanceState::{Cancelled, Failed, Open};
    if request.shown.valid_until.is_some_and(|until| until <= call.now) {
        let message = "Your Spot request has expired before it could be fulfilled.";
        return say(ec2, call, &request, (Cancelled, "schedule-expired", message)).await;
    }
    if request.shown.valid_from.is_some_and(|from| from > call.now) {
        let message = "Your Spot request will not be evaluated until its scheduled start time.";
        return say(ec2, call, &request, (Open, "not-scheduled-yet", message)).await;
    }
    match instance.map(|instance| instance.state) {
        Some(State::Stopped) => return resume(ec2, call, request.id()).await,
        Some(State::Stopping) => return Ok(()),
        _ => {}
    }
    let Some(zone) = cheapest(ec2, call, &request).await? else {
        let message = "There is no capacity available that matches your request.";
        return say(ec2, call, &request, (Open, "capacity-not-available", message)).await;
    };
    let (zone, price) = zone;
    if request.max_price().is_some_and(|most| most < price) {
        return say(ec2, call, &request, (Open, "price-too-low", TOO_LOW)).await;
    }
    let mut input = request.launch.0.clone();
    if input.subnet_id.is_none() && input.network_interfaces.as_ref().is_none_or(Vec::is_empty) {
        input.placement.get_or_insert_default().availability_zone = Some(zone);
    }
    let origin = Origin { spot: Some(request.id().to_owned()), ..Origin::default() };
    match launch(ec2, call, &input, "", &origin).await {
        Ok(_) => Ok(()),
        Err(Error::Refused { code, .. }) if code.name == INSUFFICIENT_INSTANCE_CAPACITY.name => {
            let message = "There is no capacity available that matches your request.";
            say(ec2, call, &request, (Open, "capacity-not-available", message)).await
        }
        Err(Error::Refused { code, .. }) if code.name == SPOT_MAX_PRICE_TOO_LOW.name => {
            say(ec2, call, &request, (Open, "price-too-low", TOO_LOW)).await
        }
        Err(Error::Refused { code, message }) => {
            let message = format!("{}: {message}", code.name);
            say(ec2, call, &request, (Failed, "bad-parameters", &message)).await
        }
        Err(other) => Err(other),
    }
}

const TOO_LOW: &str =
    "Your Spot request price is lower than the minimum required Spot request fulfillment price.";

/// The zone in which the instance costs least, of those that the request allows and that have power.
async fn cheapest(
    ec2: &Ec2,
    call: &Call,
    request: &SpotRequestRecord,
) -> Result<Option<(String, u64)>, Error> {
    let (place, launch) = (&call.scope(), &request.launch);
    let instance_type = launch.instance_type.as_deref().unwrap_or_default();
    let read = ec2.store.read(|tx| async move {
        let allowed = match named_zone(&tx, place, launch).await? {
            Some(zone) => vec![zone],
            None => zone_names::names(place.1),
        };
        let down = zones::down(&tx).await?;
        let mut best: Option<(String, u64)> = None;
        for zone in allowed.into_iter().filter(|zone| !down.contains_key(zone)) {
            let price = price_now(&tx, instance_type, &zone, call.now).await?;
            if let Some(price) = price.filter(|price| best.as_ref().is_none_or(|(_, least)| price < least)) {
                best = Some((zone, price));
            }
        }
        Ok::<_, Error>(best)
    });
    read.await
}

/// Starts an instance again that was stopped when its capacity was taken back.
async fn resume(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut request) = SpotRequestRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let Some(instance_id) = request.shown.instance_id.clone() else { return Ok(()) };
        let found = InstanceRecord::TABLE.get(&tx, place, &instance_id).await?;
        let Some(mut instance) = found.filter(|instance| instance.state == State::Stopped) else {
            return Ok(());
        };
        let down = zones::down(&tx).await?;
        let price = price_now(&tx, instance.instance_type(), instance.zone(), call.now).await?;
        let is_too_low = request.max_price().zip(price).is_some_and(|(most, price)| most < price);
        if request.state() != SpotInstanceState::Open || is_too_low {
            return Ok(());
        }
        if capacity::for_start(&down, instance.zone()).is_err() {
            return Ok(());
        }
        instance.shown.0.launch_time = Some(call.now);
        instance.forced = false;
        network::lend_again(ec2, &tx, call, &instance).await?;
        enter(&tx, call, &mut instance, State::Pending, None).await?;
        request.enter(SpotInstanceState::Active, "fulfilled", FULFILLED, call.now);
        resources::put(&tx, place, &request).await
    });
    done.await?;
    ec2.networks.nudge();
    ec2.machines.nudge();
    Ok(())
}

/// Follows what its owner does to an instance, and watches its price.
async fn active(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut request) = SpotRequestRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let instance = match request.shown.instance_id.as_deref() {
            Some(instance) => InstanceRecord::TABLE.get(&tx, place, instance).await?,
            None => None,
        };
        match instance.as_ref().map(|instance| instance.state) {
            None | Some(State::ShuttingDown | State::Terminated) => {
                ended_by_user(&tx, call, &mut request).await
            }
            Some(State::Stopping | State::Stopped) => {
                let message = "Your instance was stopped because you stopped it, or it shut itself down.";
                request.enter(SpotInstanceState::Disabled, "instance-stopped-by-user", message, call.now);
                resources::put(&tx, place, &request).await
            }
            Some(State::Pending | State::Running) => {
                if request.state() == SpotInstanceState::Disabled {
                    request.enter(SpotInstanceState::Active, "fulfilled", FULFILLED, call.now);
                    resources::put(&tx, place, &request).await?;
                }
                let Some(instance) = instance.filter(|instance| instance.state == State::Running) else {
                    return Ok(());
                };
                let price = price_now(&tx, instance.instance_type(), instance.zone(), call.now).await?;
                if request.max_price().zip(price).is_some_and(|(most, price)| most < price) {
                    running::announce(&tx, call, &mut request, &instance, true).await?;
                }
                Ok(())
            }
        }
    });
    done.await
}

/// A persistent request begins anew, any other is over.
async fn ended_by_user(tx: &Tx, call: &Call, request: &mut SpotRequestRecord) -> Result<(), Error> {
    if request.shown.r#type == Some(SpotInstanceType::Persistent) {
        request.shown.0.instance_id = None;
        let message = "Your Spot request has been submitted for review, and is pending evaluation.";
        request.enter(SpotInstanceState::Open, "pending-evaluation", message, call.now);
    } else {
        let message = "Your Spot Instance was terminated because you terminated it.";
        request.enter(SpotInstanceState::Closed, "instance-terminated-by-user", message, call.now);
        SPOT_PLACES.delete(tx, &(), request.id()).await?;
    }
    resources::put(tx, &call.scope(), request).await
}

/// Where a spot instance is, for whoever wants it taken back.
pub async fn announce_now(ec2: &Ec2, id: &str, at: &PlaceRecord) -> Result<Option<Timestamp>, Error> {
    let call = &ec2.own_call(at.account, at.region);
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(instance) = InstanceRecord::TABLE.get(&tx, place, id).await? else { return Ok(None) };
        let request = instance.shown.spot_instance_request_id.as_deref();
        let is_up = matches!(instance.state, State::Pending | State::Running);
        let (Some(request), true) = (request, is_up) else { return Ok(None) };
        let Some(mut request) = SpotRequestRecord::TABLE.get(&tx, place, request).await? else {
            return Ok(None);
        };
        running::announce(&tx, call, &mut request, &instance, false).await?;
        Ok::<_, Error>(INTERRUPTIONS.get(&tx, &(), id).await?.map(|record| record.due))
    });
    let due = done.await?;
    ec2.spot.nudge();
    Ok(due)
}
