//! Instances on spot capacity: how they come by their requests, and how they are taken back.

use ec2_api::*;
use service::Call;
use store::Tx;

use super::market::price_now;
use super::requests::{check_options, check_type, record};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_SPOT_REQUEST_STATE, INVALID_PARAMETER_COMBINATION, SPOT_MAX_PRICE_TOO_LOW,
    UNSUPPORTED_OPERATION,
};
use crate::limits::SPOT_NOTICE_TIME;
use crate::model::buying::prices;
use crate::model::tags::Tags;
use crate::records::buying::{INTERRUPTIONS, InterruptionRecord, SPOT_PLACES, SpotRequestRecord};
use crate::records::instances::{InstanceRecord, PlaceRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// Whether a launch is of spot capacity.
pub fn is_wanted(input: &RunInstancesInput) -> bool {
    let market = input.instance_market_options.as_ref().and_then(|options| options.market_type.as_ref());
    market == Some(&MarketType::Spot)
}

/// Refuses ways to buy that there are not, and options that do not go together.
pub fn check(ec2: &Ec2, input: &RunInstancesInput, instance_type: &str) -> Result<(), Error> {
    let Some(options) = &input.instance_market_options else { return Ok(()) };
    let asked = options.spot_options.clone().unwrap_or_default();
    match &options.market_type {
        Some(MarketType::Spot) => {
            check_options(&asked)?;
            check_type(ec2, instance_type)
        }
        None | Some(MarketType::OnDemand) => Ok(()),
        Some(other) => {
            let message = format!("The market '{}' is not supported here.", other.as_str());
            Err(Error::new(&UNSUPPORTED_OPERATION, message))
        }
    }
}

/// What RunInstances takes less of than RequestSpotInstances does ("SpotMarketOptions").
pub fn check_at_once(input: &RunInstancesInput) -> Result<(), Error> {
    if !is_wanted(input) {
        return Ok(());
    }
    let options = input.instance_market_options.as_ref().and_then(|options| options.spot_options.clone());
    let asked = options.unwrap_or_default();
    let persists = asked.spot_instance_type == Some(SpotInstanceType::Persistent);
    let ends = asked.instance_interruption_behavior.as_ref();
    if persists && ends.is_none_or(|behaviour| *behaviour == InstanceInterruptionBehavior::Terminate) {
        let message = "A persistent Spot request by RunInstances requires the interruption behavior 'stop' or 'hibernate'.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if asked.valid_until.is_some() && !persists {
        let message = "ValidUntil is supported only for persistent Spot requests.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(())
}

/// Gives a new spot instance its request: the one that it is launched for, or a new one.
///
/// # Errors
/// `SpotMaxPriceTooLow` where the price is above what is to be paid at most.
pub async fn bind(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    (input, request, tags): (&RunInstancesInput, Option<&str>, &Tags),
    instance: &mut Instance,
) -> Result<(), Error> {
    if !is_wanted(input) {
        return Ok(());
    }
    let place = &call.scope();
    let options = input.instance_market_options.as_ref().and_then(|options| options.spot_options.clone());
    let mut bound = match request {
        Some(id) => resources::get::<SpotRequestRecord>(tx, place, id).await?,
        None => {
            let mut input = input.clone();
            (input.min_count, input.max_count) = (1, 1);
            input.instance_type.clone_from(&instance.instance_type);
            record(ec2, call, &input, &options.unwrap_or_default())
        }
    };
    let zone = instance.placement.as_ref().and_then(|placement| placement.availability_zone.as_deref());
    let zone = zone.unwrap_or_default();
    let instance_type = instance.instance_type.as_deref().unwrap_or_default();
    let price = price_now(tx, instance_type, zone, call.now).await?;
    if let (Some(most), Some(price)) = (bound.max_price(), price)
        && most < price
    {
        return Err(too_low(most, price));
    }
    bound.shown.0.instance_id.clone_from(&instance.instance_id);
    bound.shown.0.launched_availability_zone = Some(zone.to_owned());
    bound.enter(SpotInstanceState::Active, "fulfilled", FULFILLED, call.now);
    match request {
        Some(_) => resources::put(tx, place, &bound).await?,
        None => resources::create(tx, place, &bound, tags).await?,
    }
    SPOT_PLACES.put(tx, &(), bound.id(), &PlaceRecord::of(place)).await?;
    instance.instance_lifecycle = Some(InstanceLifecycleType::Spot);
    instance.spot_instance_request_id = Some(bound.id().to_owned());
    Ok(())
}

pub const FULFILLED: &str = "Your Spot request is fulfilled.";

pub fn too_low(most: prices::Nanos, price: prices::Nanos) -> Error {
    let message = format!(
        "Your Spot request price of {} is lower than the minimum required Spot request fulfillment price of {}.",
        prices::shown(most),
        prices::shown(price)
    );
    Error::new(&SPOT_MAX_PRICE_TOO_LOW, message)
}

/// Only EC2 starts an instance again that it stopped itself ("Behavior of Spot Instance interruptions").
pub async fn may_start(tx: &Tx, place: &Place, instance: &InstanceRecord) -> Result<(), Error> {
    let Some(id) = instance.shown.spot_instance_request_id.as_deref() else { return Ok(()) };
    let request = SpotRequestRecord::TABLE.get(tx, place, id).await?;
    match request.map(|request| request.state()) {
        Some(SpotInstanceState::Disabled | SpotInstanceState::Active) => Ok(()),
        _ => {
            let message = format!(
                "You can't start the Spot Instance '{}' because the associated Spot Instance request is not in an appropriate state to support start.",
                instance.id
            );
            Err(Error::new(&INCORRECT_SPOT_REQUEST_STATE, message))
        }
    }
}

/// Announces to a spot instance that it is taken back in two minutes. Tells whether that is news.
pub async fn announce(
    tx: &Tx,
    call: &Call,
    request: &mut SpotRequestRecord,
    instance: &InstanceRecord,
    by_price: bool,
) -> Result<bool, Error> {
    if INTERRUPTIONS.get(tx, &(), &instance.id).await?.is_some() {
        return Ok(false);
    }
    let stops = request.shown.instance_interruption_behavior == Some(InstanceInterruptionBehavior::Stop);
    let record = InterruptionRecord {
        at: PlaceRecord::of(&call.scope()),
        request: request.id().to_owned(),
        stops,
        by_price,
        noticed: call.now,
        due: call.now + SPOT_NOTICE_TIME,
    };
    INTERRUPTIONS.put(tx, &(), &instance.id, &record).await?;
    let (code, message) = match stops {
        true => ("marked-for-stop", "Your Spot Instance is marked for stop."),
        false => ("marked-for-termination", "Your Spot Instance is marked for termination."),
    };
    if !request.is_over() {
        request.enter(SpotInstanceState::Active, code, message, call.now);
        resources::put(tx, &call.scope(), request).await?;
    }
    Ok(true)
}
