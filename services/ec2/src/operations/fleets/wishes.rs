//! What a request for an EC2 Fleet says of its capacity, what of that is refused, and what it comes to.

use std::ops::Deref;

use base::Timestamp;
use ec2_api::*;
use service::Kept;

use super::fulfil::{Fulfilled, Share, Wanted};
use super::{pools, renamed};
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION};
use crate::limits::FLEET_LEAST_MAX;
use crate::model::fleets::{Strategy, targets};

/// The tag that instances of a fleet have.
const TAG: &str = "aws:ec2:fleet-id";

/// # Errors
/// `MissingParameter`, `InvalidParameterValue`, `InvalidParameterCombination`; `UnsupportedOperation` for what fleets
/// here do not have, which it names.
pub fn check(input: &CreateFleetInput, now: Timestamp) -> Result<(), Error> {
    if input.launch_template_configs.is_empty() {
        return Err(Error::missing("LaunchTemplateConfigs"));
    }
    let configs: Vec<FleetLaunchTemplateConfig> =
        input.launch_template_configs.iter().cloned().map(renamed).collect();
    pools::of_fleet(&configs)?;
    let spot: SpotOptions = input.spot_options.clone().map(renamed).unwrap_or_default();
    let on_demand: OnDemandOptions = input.on_demand_options.clone().map(renamed).unwrap_or_default();
    pools::check_interruption(spot.instance_interruption_behavior.as_ref().map(|it| it.as_str()))?;
    share(0.0, Strategy::Diversified, spot.max_total_price.as_deref())?;
    share(0.0, Strategy::Diversified, on_demand.max_total_price.as_deref())?;
    for (given, what) in [
        (spot.maintenance_strategies.is_some(), "Capacity rebalancing (MaintenanceStrategies)"),
        (on_demand.capacity_reservation_options.is_some(), "Use of capacity reservations by a fleet"),
        (input.reserved_capacity_options.is_some(), "Reserved capacity of a fleet"),
        (input.replace_unhealthy_instances == Some(true), "Replacement of unhealthy instances"),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    let is_instant = input.r#type == Some(FleetType::Instant);
    let of_instant = [
        (spot.min_target_capacity.or(on_demand.min_target_capacity).is_some(), "MinTargetCapacity"),
        (spot.single_instance_type.or(on_demand.single_instance_type).is_some(), "SingleInstanceType"),
        (
            spot.single_availability_zone.or(on_demand.single_availability_zone).is_some(),
            "SingleAvailabilityZone",
        ),
    ];
    if let Some((_, what)) = of_instant.iter().find(|(given, _)| *given && !is_instant) {
        let message = format!("{what} is supported only for fleets of type instant.");
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let is_single = |of_type, of_zone| of_type == Some(true) || of_zone == Some(true);
    let of_spot = is_single(spot.single_instance_type, spot.single_availability_zone);
    let of_demand = is_single(on_demand.single_instance_type, on_demand.single_availability_zone);
    check_least(spot.min_target_capacity, of_spot)?;
    check_least(on_demand.min_target_capacity, of_demand)?;
    if spot.instance_pools_to_use_count.is_some()
        && spot.allocation_strategy.as_ref().is_some_and(|it| *it != SpotAllocationStrategy::LowestPrice)
    {
        let message = "InstancePoolsToUseCount is supported only with the allocation strategy lowest-price.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    check_times(input.valid_from, input.valid_until, now)
}

/// The least that a fleet takes is of one type or of one zone (`SpotOptionsRequest`, `OnDemandOptionsRequest`).
fn check_least(least: Option<i32>, is_single: bool) -> Result<(), Error> {
    let Some(least) = least else { return Ok(()) };
    if !(0..=FLEET_LEAST_MAX).contains(&least) {
        let why = format!("Expecting a value up to {FLEET_LEAST_MAX}.");
        return Err(Error::invalid_value(least, "MinTargetCapacity", &why));
    }
    if !is_single {
        let message = "MinTargetCapacity requires SingleInstanceType or SingleAvailabilityZone.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(())
}

fn check_times(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    if until.is_some_and(|until| until <= now || from.is_some_and(|from| until <= from)) {
        let message = "ValidUntil must be in the future, and after ValidFrom.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(())
}

fn share(target: f64, strategy: Strategy, max_total: Option<&str>) -> Result<Share, Error> {
    let max_total = pools::price(max_total, "maxTotalPrice")?;
    Ok(Share { target, strategy, max_total, single_type: false, single_zone: false })
}

/// What a fleet that was asked for wants.
pub fn wanted<'a>(
    data: &'a FleetData,
    tag_specifications: &[Kept<TagSpecification>],
) -> Result<Wanted<'a>, Error> {
    let mut pools = pools::of_fleet(data.launch_template_configs.as_deref().unwrap_or_default())?;
    let specifications: Vec<TagSpecification> =
        tag_specifications.iter().map(|specification| specification.deref().clone()).collect();
    for pool in &mut pools {
        pool.launch.tag_specifications = Some(specifications.clone()).filter(|all| !all.is_empty());
    }
    let (of_demand, of_spot) = targets(&data.target_capacity_specification.clone().unwrap_or_default());
    let spot = data.spot_options.clone().unwrap_or_default();
    let on_demand = data.on_demand_options.clone().unwrap_or_default();
    let strategy = match &on_demand.allocation_strategy {
        Some(FleetOnDemandAllocationStrategy::Prioritized) => Strategy::Prioritized,
        _ => Strategy::LowestPrice(1),
    };
    let demand_share = Share {
        single_type: on_demand.single_instance_type == Some(true),
        single_zone: on_demand.single_availability_zone == Some(true),
        ..share(of_demand, strategy, on_demand.max_total_price.as_deref())?
    };
    let spot_share = Share {
        single_type: spot.single_instance_type == Some(true),
        single_zone: spot.single_availability_zone == Some(true),
        ..share(of_spot, strategy_of(&spot), spot.max_total_price.as_deref())?
    };
    let fleet = data.fleet_id.as_deref().unwrap_or_default();
    Ok(Wanted { fleet, tag: TAG, pools, on_demand: demand_share, spot: spot_share })
}

fn strategy_of(spot: &SpotOptions) -> Strategy {
    let count = spot.instance_pools_to_use_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    match &spot.allocation_strategy {
        Some(SpotAllocationStrategy::Diversified) => Strategy::Diversified,
        Some(SpotAllocationStrategy::CapacityOptimized) => Strategy::CapacityOptimized,
        Some(SpotAllocationStrategy::CapacityOptimizedPrioritized) => Strategy::CapacityOptimizedPrioritized,
        Some(SpotAllocationStrategy::PriceCapacityOptimized) => Strategy::PriceCapacityOptimized,
        _ => Strategy::LowestPrice(count),
    }
}

/// Whether an instant fleet got less than the least it takes.
pub fn is_too_little(data: &FleetData, outcome: &Fulfilled) -> bool {
    let spot = data.spot_options.as_ref().and_then(|it| it.min_target_capacity).unwrap_or(0);
    let on_demand = data.on_demand_options.as_ref().and_then(|it| it.min_target_capacity).unwrap_or(0);
    outcome.on_demand < f64::from(on_demand) || outcome.capacity - outcome.on_demand < f64::from(spot)
}
