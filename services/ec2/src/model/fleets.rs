//! Fleets: how many instances of which kind are missing.

use ec2_api::{
    DefaultTargetCapacityType, FleetLaunchTemplateConfig, FleetLaunchTemplateOverrides,
    FleetLaunchTemplateSpecification, TargetCapacitySpecification,
};

/// One place to take capacity from: a template, with what a fleet says in place of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    pub template: FleetLaunchTemplateSpecification,
    pub overrides: Option<FleetLaunchTemplateOverrides>,
}

impl Pool {
    /// Units of capacity that one instance is.
    pub fn weight(&self) -> f64 {
        let given = self.overrides.as_ref().and_then(|overrides| overrides.weighted_capacity);
        given.filter(|weight| *weight > 0.0).unwrap_or(1.0)
    }

    fn priority(&self) -> f64 {
        self.overrides.as_ref().and_then(|overrides| overrides.priority).unwrap_or(f64::MAX)
    }
}

/// All pools of a fleet; those with a priority first, by it.
pub fn pools(configs: &[FleetLaunchTemplateConfig]) -> Vec<Pool> {
    let mut pools = Vec::new();
    for config in configs {
        let template = config.launch_template_specification.clone().unwrap_or_default();
        let overrides = config.overrides.clone().unwrap_or_default();
        if overrides.is_empty() {
            pools.push(Pool { template, overrides: None });
        } else {
            let each = |one| Pool { template: template.clone(), overrides: Some(one) };
            pools.extend(overrides.into_iter().map(each));
        }
    }
    pools.sort_by(|one, other| one.priority().total_cmp(&other.priority()));
    pools
}

/// How much is wanted on demand, and how much of spot.
pub fn targets(specification: &TargetCapacitySpecification) -> (f64, f64) {
    let total = specification.total_target_capacity.unwrap_or(0);
    let on_demand = specification.on_demand_target_capacity.unwrap_or(0);
    let spot = specification.spot_target_capacity.unwrap_or(0);
    let rest = (total - on_demand - spot).max(0);
    match specification.default_target_capacity_type {
        Some(DefaultTargetCapacityType::Spot) => (f64::from(on_demand), f64::from(spot + rest)),
        _ => (f64::from(on_demand + rest), f64::from(spot)),
    }
}

/// How many instances of each pool make up `missing`: all of the first that can be had, or an equal share of each.
pub fn shares(pools: &[Pool], missing: f64, spread: bool) -> Vec<usize> {
    let count = |capacity: f64, pool: &Pool| (capacity / pool.weight()).ceil().max(0.0) as usize;
    if !spread {
        return pools
            .iter()
            .enumerate()
            .map(|(at, pool)| if at == 0 { count(missing, pool) } else { 0 })
            .collect();
    }
    let mut left = missing;
    let all = pools.iter().enumerate().map(|(at, pool)| {
        let share = left / (pools.len() - at) as f64;
        let taken = count(share, pool);
        left = (left - taken as f64 * pool.weight()).max(0.0);
        taken
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(weight: Option<f64>) -> Pool {
        let overrides = FleetLaunchTemplateOverrides { weighted_capacity: weight, ..Default::default() };
        Pool { template: FleetLaunchTemplateSpecification::default(), overrides: Some(overrides) }
    }

    #[test]
    fn capacity_is_counted_in_weights_and_rounded_up() {
        assert_eq!(shares(&[pool(Some(4.0)), pool(None)], 10.0, false), [3, 0]);
        assert_eq!(shares(&[pool(None), pool(None)], 5.0, true), [3, 2]);
        assert_eq!(shares(&[pool(Some(4.0)), pool(None)], 10.0, true), [2, 2]);
        assert_eq!(shares(&[pool(None)], 0.0, true), [0]);
    }

    #[test]
    fn what_is_not_said_to_be_spot_is_of_the_default_kind() {
        let specification = |default| TargetCapacitySpecification {
            total_target_capacity: Some(10),
            on_demand_target_capacity: Some(3),
            default_target_capacity_type: Some(default),
            ..TargetCapacitySpecification::default()
        };
        assert_eq!(targets(&specification(DefaultTargetCapacityType::Spot)), (3.0, 7.0));
        assert_eq!(targets(&specification(DefaultTargetCapacityType::OnDemand)), (10.0, 0.0));
    }
}
