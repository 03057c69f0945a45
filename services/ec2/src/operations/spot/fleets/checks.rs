//! What a request for a spot fleet may say, what of it is refused by name, and what it comes to.

use base::Timestamp;
use ec2_api::*;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_SPOT_FLEET_REQUEST_CONFIG, UNSUPPORTED_OPERATION};
use crate::limits::{FLEET_POOLS_MAX, FLEET_TARGET_MAX};
use crate::model::fleets::Strategy;
use crate::operations::fleets::fulfil::{Share, Wanted};
use crate::operations::fleets::pools;
use crate::operations::spot::requests::check_type;

/// The tag that instances of a spot fleet have.
const TAG: &str = "aws:ec2spot:fleet-request-id";

fn invalid(message: &str) -> Error {
    Error::new(&INVALID_SPOT_FLEET_REQUEST_CONFIG, message)
}

/// # Errors
/// `InvalidSpotFleetRequestConfig`, `InvalidParameterValue`; `UnsupportedOperation` for what spot fleets here do not
/// have, which it names.
pub fn check(ec2: &Ec2, config: &SpotFleetRequestConfigData, now: Timestamp) -> Result<(), Error> {
    let rebalances = config.spot_maintenance_strategies.is_some();
    let balancers = config.load_balancers_config.is_some();
    let units = config.target_capacity_unit_type.as_ref();
    for (given, what) in [
        (rebalances, "Capacity rebalancing (SpotMaintenanceStrategies)"),
        (balancers, "Registration with load balancers (LoadBalancersConfig)"),
        (units.is_some_and(|unit| *unit != TargetCapacityUnitType::Units), "A target in vCPUs or memory"),
        (config.replace_unhealthy_instances == Some(true), "Replacement of unhealthy instances"),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    pools::check_interruption(config.instance_interruption_behavior.as_ref().map(|it| it.as_str()))?;
    if config.r#type == Some(FleetType::Instant) {
        return Err(invalid(
            "Parameter: SpotFleetRequestConfig.Type is invalid: a Spot Fleet is not instant.",
        ));
    }
    check_target(config)?;
    check_pools(ec2, config)?;
    let until = config.valid_until;
    if until.is_some_and(|until| until <= now || config.valid_from.is_some_and(|from| until <= from)) {
        let message = "Parameter: SpotFleetRequestConfig.ValidUntil is invalid: it must be in the future, and after ValidFrom.";
        return Err(invalid(message));
    }
    let is_cheapest =
        config.allocation_strategy.as_ref().is_none_or(|it| *it == AllocationStrategy::LowestPrice);
    match config.instance_pools_to_use_count {
        Some(count) if count < 1 || !is_cheapest => Err(invalid(
            "Parameter: SpotFleetRequestConfig.InstancePoolsToUseCount is invalid: it is at least 1, and only for the allocation strategy lowestPrice.",
        )),
        _ => Ok(()),
    }
}

pub fn check_target(config: &SpotFleetRequestConfigData) -> Result<(), Error> {
    // Nothing at all can be kept, to have more later; it cannot be asked for once.
    let least = if config.r#type == Some(FleetType::Request) { 1 } else { 0 };
    if !(least..=FLEET_TARGET_MAX).contains(&config.target_capacity) {
        return Err(invalid("Parameter: SpotFleetRequestConfig.TargetCapacity is invalid."));
    }
    let on_demand = config.on_demand_target_capacity.unwrap_or(0);
    if !(0..=config.target_capacity).contains(&on_demand) {
        return Err(invalid("Parameter: SpotFleetRequestConfig.OnDemandTargetCapacity is invalid."));
    }
    let has_templates = config.launch_template_configs.as_ref().is_some_and(|all| !all.is_empty());
    if on_demand > 0 && !has_templates {
        let message = "On-Demand capacity of a Spot Fleet requires LaunchTemplateConfigs.";
        return Err(invalid(message));
    }
    Ok(())
}

pub fn check_pools(ec2: &Ec2, config: &SpotFleetRequestConfigData) -> Result<(), Error> {
    let specifications = config.launch_specifications.as_deref().unwrap_or_default();
    let templates = config.launch_template_configs.as_deref().unwrap_or_default();
    if specifications.is_empty() == templates.is_empty() {
        let message = "Exactly one of LaunchSpecifications and LaunchTemplateConfigs must be specified.";
        return Err(invalid(message));
    }
    for asked in specifications {
        if asked.image_id.is_none() {
            return Err(invalid(
                "Parameter: SpotFleetRequestConfig.LaunchSpecifications.ImageId is missing.",
            ));
        }
        if let Some(instance_type) = &asked.instance_type {
            check_type(ec2, instance_type)?;
        }
    }
    let named = |config: &LaunchTemplateConfig| {
        let template = config.launch_template_specification.clone().unwrap_or_default();
        template.launch_template_id.is_some() != template.launch_template_name.is_some()
    };
    if !templates.iter().all(named) {
        let message = "A launch template is named by its ID or by its name.";
        return Err(invalid(message));
    }
    let all = pools::of_spot_fleet(config)?;
    if all.len() > FLEET_POOLS_MAX {
        return Err(invalid(&format!("A Spot Fleet has at most {FLEET_POOLS_MAX} launch specifications.")));
    }
    wanted("", config).map(drop)
}

/// What a spot fleet wants.
pub fn wanted<'a>(fleet: &'a str, config: &SpotFleetRequestConfigData) -> Result<Wanted<'a>, Error> {
    let count = config.instance_pools_to_use_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
    let strategy = match &config.allocation_strategy {
        Some(AllocationStrategy::Diversified) => Strategy::Diversified,
        Some(AllocationStrategy::CapacityOptimized) => Strategy::CapacityOptimized,
        Some(AllocationStrategy::CapacityOptimizedPrioritized) => Strategy::CapacityOptimizedPrioritized,
        Some(AllocationStrategy::PriceCapacityOptimized) => Strategy::PriceCapacityOptimized,
        _ => Strategy::LowestPrice(count),
    };
    let on_demand = config.on_demand_target_capacity.unwrap_or(0);
    let of_demand = match &config.on_demand_allocation_strategy {
        Some(OnDemandAllocationStrategy::Prioritized) => Strategy::Prioritized,
        _ => Strategy::LowestPrice(1),
    };
    let share = |target: i32, strategy, most: Option<&str>| {
        let max_total = pools::price(most, "maxTotalPrice")?;
        let target = f64::from(target);
        Ok::<_, Error>(Share { target, strategy, max_total, single_type: false, single_zone: false })
    };
    Ok(Wanted {
        fleet,
        tag: TAG,
        pools: pools::of_spot_fleet(config)?,
        on_demand: share(on_demand, of_demand, config.on_demand_max_total_price.as_deref())?,
        spot: share(
            (config.target_capacity - on_demand).max(0),
            strategy,
            config.spot_max_total_price.as_deref(),
        )?,
    })
}
