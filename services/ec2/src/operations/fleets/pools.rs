//! The pools of a fleet, out of what its request says, and what of that is refused by name.

use ec2_api::*;

use super::renamed;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION};
use crate::model::buying::prices::{self, Nanos};
use crate::model::fleets::{Pool, priority, weight};

/// A most that is paid.
///
/// # Errors
/// `InvalidParameterValue` for what is no price.
pub fn price(text: Option<&str>, parameter: &str) -> Result<Option<Nanos>, Error> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    match prices::parse(text).filter(|price| *price > 0) {
        Some(price) => Ok(Some(price)),
        None => Err(Error::invalid_value(text, parameter, "A price is a decimal number above zero.")),
    }
}

fn unsupported(what: &str) -> Error {
    Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here."))
}

/// The pools of an EC2 Fleet.
///
/// # Errors
/// `UnsupportedOperation` for types by their attributes; `InvalidParameterValue` for what is no price.
pub fn of_fleet(configs: &[FleetLaunchTemplateConfig]) -> Result<Vec<Pool>, Error> {
    let mut pools = Vec::new();
    for config in configs {
        let template = config.launch_template_specification.clone().unwrap_or_default();
        let overrides = config.overrides.clone().unwrap_or_default();
        if overrides.is_empty() {
            pools.push(pool(&template, None, None)?);
        }
        for over in overrides {
            let most = price(over.max_price.as_deref(), "maxPrice")?;
            pools.push(pool(&template, Some(over), most)?);
        }
    }
    Ok(pools)
}

/// The pools of a spot fleet: of launch specifications, or of templates.
///
/// # Errors
/// As [`of_fleet`].
pub fn of_spot_fleet(config: &SpotFleetRequestConfigData) -> Result<Vec<Pool>, Error> {
    let usual = price(config.spot_price.as_deref(), "spotPrice")?;
    let mut pools = Vec::new();
    for specification in config.launch_specifications.iter().flatten() {
        pools.extend(specified(specification, usual)?);
    }
    for config in config.launch_template_configs.iter().flatten() {
        let template = config.launch_template_specification.clone().unwrap_or_default();
        let overrides = config.overrides.clone().unwrap_or_default();
        if overrides.is_empty() {
            pools.push(pool(&template, None, usual)?);
        }
        for over in overrides {
            let most = price(over.spot_price.as_deref(), "spotPrice")?.or(usual);
            pools.push(pool(&template, Some(renamed(over)), most)?);
        }
    }
    Ok(pools)
}

fn pool(
    template: &FleetLaunchTemplateSpecification,
    over: Option<FleetLaunchTemplateOverrides>,
    max_price: Option<Nanos>,
) -> Result<Pool, Error> {
    let told = LaunchTemplateAndOverridesResponse {
        launch_template_specification: Some(template.clone()),
        overrides: over.clone(),
    };
    let over = over.unwrap_or_default();
    if over.instance_requirements.is_some() {
        return Err(unsupported("Choosing instance types by their attributes (InstanceRequirements)"));
    }
    if over.weighted_capacity.is_some_and(|weight| weight <= 0.0) {
        let given = over.weighted_capacity.unwrap_or_default();
        return Err(Error::invalid_value(given, "weightedCapacity", "It must be above zero."));
    }
    let named = over.placement.map(renamed::<PlacementResponse, Placement>);
    let is_placed =
        named.is_some() || over.availability_zone.is_some() || over.availability_zone_id.is_some();
    let placement = is_placed.then(|| Placement {
        availability_zone: over.availability_zone,
        availability_zone_id: over.availability_zone_id,
        ..named.unwrap_or_default()
    });
    let mappings = over.block_device_mappings.map(|all| all.into_iter().map(renamed).collect());
    let launch = RunInstancesInput {
        launch_template: Some(renamed(template.clone())),
        image_id: over.image_id,
        instance_type: over.instance_type,
        subnet_id: over.subnet_id,
        block_device_mappings: mappings,
        placement,
        ..RunInstancesInput::default()
    };
    Ok(Pool {
        launch,
        weight: weight(over.weighted_capacity),
        priority: priority(over.priority),
        max_price,
        told,
    })
}

/// Subnets and zones may be several, with commas between them: each is a pool of its own.
fn specified(asked: &SpotFleetLaunchSpecification, usual: Option<Nanos>) -> Result<Vec<Pool>, Error> {
    if asked.instance_requirements.is_some() {
        return Err(unsupported("Choosing instance types by their attributes (InstanceRequirements)"));
    }
    let placement = asked.placement.clone().unwrap_or_default();
    let subnets = listed(asked.subnet_id.as_deref());
    let zones = listed(placement.availability_zone.as_deref());
    if subnets.len() > 1 && zones.len() > 1 {
        let message = "Name several subnets or several Availability Zones, not both.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let groups = asked.security_groups.iter().flatten();
    let is_placed = asked.placement.is_some();
    let base = RunInstancesInput {
        image_id: asked.image_id.clone(),
        instance_type: asked.instance_type.clone(),
        security_group_ids: Some(groups.filter_map(|group| group.group_id.clone()).collect::<Vec<_>>())
            .filter(|ids| !ids.is_empty()),
        block_device_mappings: asked.block_device_mappings.clone(),
        ebs_optimized: asked.ebs_optimized,
        iam_instance_profile: asked.iam_instance_profile.clone(),
        kernel_id: asked.kernel_id.clone(),
        key_name: asked.key_name.clone(),
        monitoring: asked.monitoring.as_ref().map(|it| RunInstancesMonitoringEnabled {
            enabled: it.enabled.unwrap_or(false),
            ..RunInstancesMonitoringEnabled::default()
        }),
        network_interfaces: asked.network_interfaces.clone(),
        ramdisk_id: asked.ramdisk_id.clone(),
        user_data: asked.user_data.clone(),
        tag_specifications: asked
            .tag_specifications
            .clone()
            .map(|all| all.into_iter().map(renamed::<SpotFleetTagSpecification, TagSpecification>).collect()),
        ..RunInstancesInput::default()
    };
    let most = price(asked.spot_price.as_deref(), "spotPrice")?.or(usual);
    let mut pools = Vec::new();
    for subnet in &subnets {
        for zone in &zones {
            let placement = is_placed.then(|| Placement {
                availability_zone: zone.clone(),
                availability_zone_id: placement.availability_zone_id.clone(),
                group_name: placement.group_name.clone(),
                tenancy: placement.tenancy.clone(),
                ..Placement::default()
            });
            let launch = RunInstancesInput { subnet_id: subnet.clone(), placement, ..base.clone() };
            let over = FleetLaunchTemplateOverrides {
                instance_type: asked.instance_type.clone(),
                subnet_id: subnet.clone(),
                availability_zone: zone.clone(),
                ..FleetLaunchTemplateOverrides::default()
            };
            pools.push(Pool {
                launch,
                weight: weight(asked.weighted_capacity),
                priority: priority(None),
                max_price: most,
                told: LaunchTemplateAndOverridesResponse {
                    launch_template_specification: None,
                    overrides: Some(over),
                },
            });
        }
    }
    Ok(pools)
}

/// The parts of a list with commas; nothing once, where nothing is said.
fn listed(text: Option<&str>) -> Vec<Option<String>> {
    let parts = text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty());
    let all: Vec<Option<String>> = parts.map(|part| Some(part.to_owned())).collect();
    if all.is_empty() { vec![None] } else { all }
}

/// Ways to be interrupted that fleets here do not have.
pub fn check_interruption(asked: Option<&str>) -> Result<(), Error> {
    match asked {
        None | Some("terminate") => Ok(()),
        Some(other) => Err(unsupported(&format!("The interruption behavior '{other}' of a fleet"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subnet_and_each_zone_of_a_list_is_a_pool() {
        let one = |subnet: Option<&str>, zone: Option<&str>| SpotFleetLaunchSpecification {
            subnet_id: subnet.map(str::to_owned),
            placement: zone.map(|zone| SpotPlacement {
                availability_zone: Some(zone.to_owned()),
                ..SpotPlacement::default()
            }),
            ..SpotFleetLaunchSpecification::default()
        };
        for (subnet, zone, pools) in [
            (Some("subnet-1a2b3c4d, subnet-1a2b3c4e"), None, Some(2)),
            (None, Some("us-east-1a,us-east-1b,us-east-1c"), Some(3)),
            (None, None, Some(1)),
            (Some("subnet-1a2b3c4d,subnet-1a2b3c4e"), Some("us-east-1a,us-east-1b"), None),
        ] {
            let found = specified(&one(subnet, zone), None).ok().map(|pools| pools.len());
            assert_eq!(found, pools, "{subnet:?} {zone:?}");
        }
    }

    #[test]
    fn what_is_paid_at_most_is_a_number_above_zero() {
        assert_eq!(price(Some("0.05"), "spotPrice").unwrap(), Some(50_000_000));
        assert_eq!(price(None, "spotPrice").unwrap(), None);
        assert!(price(Some("0"), "spotPrice").is_err() && price(Some("cheap"), "spotPrice").is_err());
    }
}
