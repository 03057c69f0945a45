//! Fleets: where capacity is to be had, in which order it is taken, and how many instances of each are missing.

use ec2_api::{
    DefaultTargetCapacityType, LaunchTemplateAndOverridesResponse, RunInstancesInput,
    TargetCapacitySpecification,
};

use crate::model::buying::market;
use crate::model::buying::prices::Nanos;

/// What a fleet may launch: a launch, with what the fleet says in place of its template.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Of one instance. Its template, if there is one, is not applied yet.
    pub launch: RunInstancesInput,
    /// Units of capacity that one instance is.
    pub weight: f64,
    /// The lowest goes first.
    pub priority: f64,
    /// The most that is paid for a unit of spot capacity in an hour.
    pub max_price: Option<Nanos>,
    /// As answers tell it.
    pub told: LaunchTemplateAndOverridesResponse,
}

/// The weight that was given, if it is one.
pub fn weight(given: Option<f64>) -> f64 {
    given.filter(|weight| *weight > 0.0).unwrap_or(1.0)
}

/// The priority that was given; what has none comes last.
pub fn priority(given: Option<f64>) -> f64 {
    given.unwrap_or(f64::MAX)
}

/// In which order a fleet takes what it can have ("Allocation strategies for Spot Instances").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The cheapest for a unit of capacity, out of this many pools.
    LowestPrice(usize),
    /// Some of every pool.
    Diversified,
    /// What is plenty, which here is what is cheap against its on-demand price.
    CapacityOptimized,
    /// The same, and of what is equally plenty by priority.
    CapacityOptimizedPrioritized,
    /// The cheapest of what is plenty.
    PriceCapacityOptimized,
    /// By priority alone: on demand.
    Prioritized,
}

/// One way to have capacity now: a pool in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Which pool.
    pub pool: usize,
    pub instance_type: String,
    /// Nothing where the launch chooses itself.
    pub zone: Option<String>,
    pub weight: f64,
    pub priority: f64,
    /// Of an hour of one instance; nothing where none is known.
    pub price: Option<Nanos>,
    /// The same on demand.
    pub full: Option<Nanos>,
    /// Instances that the fleet has of it.
    pub taken: usize,
}

/// Offers whose score is so far below the best are not plenty.
const PLENTY: i32 = 2;

impl Offer {
    fn unit_price(&self) -> f64 {
        self.price.map_or(f64::MAX, |price| price as f64 / self.weight)
    }

    fn score(&self) -> i32 {
        self.price.zip(self.full).map_or(0, |(price, full)| market::score(full, price))
    }

    /// How cheap it is against on demand.
    fn part(&self) -> f64 {
        self.price.zip(self.full).map_or(f64::MAX, |(price, full)| price as f64 / full.max(1) as f64)
    }
}

/// Puts offers in the order in which they are taken; what is equal stays in the order of the request.
pub fn order(strategy: Strategy, offers: &mut [Offer]) {
    let best = offers.iter().map(Offer::score).max().unwrap_or(0);
    offers.sort_by(|one, other| {
        let by_price = one.unit_price().total_cmp(&other.unit_price());
        let by_priority = one.priority.total_cmp(&other.priority);
        match strategy {
            Strategy::LowestPrice(_) => by_price,
            Strategy::Diversified => one.taken.cmp(&other.taken).then(by_price),
            Strategy::CapacityOptimized => one.part().total_cmp(&other.part()),
            Strategy::CapacityOptimizedPrioritized => other.score().cmp(&one.score()).then(by_priority),
            Strategy::PriceCapacityOptimized => {
                let is_scarce = |offer: &Offer| offer.score() + PLENTY < best;
                is_scarce(one).cmp(&is_scarce(other)).then(by_price)
            }
            Strategy::Prioritized => by_priority,
        }
    });
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

/// How many instances of each offer make up `missing`: all of the first that can be had, or an equal share of each of
/// the first few.
pub fn shares(offers: &[Offer], missing: f64, strategy: Strategy) -> Vec<usize> {
    let pools = match strategy {
        Strategy::LowestPrice(count) => count.clamp(1, offers.len().max(1)),
        Strategy::Diversified => offers.len(),
        _ => 1,
    };
    let mut left = missing;
    let all = offers.iter().enumerate().map(|(at, offer)| {
        if at >= pools || left <= 0.0 {
            return 0;
        }
        let share = left / (pools - at) as f64;
        let taken = (share / offer.weight).ceil().max(0.0) as usize;
        left -= taken as f64 * offer.weight;
        taken
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(pool: usize, weight: f64, price: Nanos, full: Nanos) -> Offer {
        Offer {
            pool,
            instance_type: "m5.large".to_owned(),
            zone: None,
            weight,
            priority: -(pool as f64),
            price: Some(price),
            full: Some(full),
            taken: pool,
        }
    }

    #[test]
    fn capacity_is_counted_in_weights_and_rounded_up() {
        let pools = |weights: &[f64]| -> Vec<Offer> {
            weights.iter().map(|weight| offer(0, *weight, 1, 1)).collect()
        };
        for (weights, missing, strategy, expected) in [
            (&[4.0, 1.0][..], 10.0, Strategy::LowestPrice(1), &[3, 0][..]),
            (&[1.0, 1.0], 5.0, Strategy::Diversified, &[3, 2]),
            (&[4.0, 1.0], 10.0, Strategy::Diversified, &[2, 2]),
            (&[1.0, 1.0, 1.0], 4.0, Strategy::LowestPrice(2), &[2, 2, 0]),
            (&[1.0], 2.0, Strategy::LowestPrice(9), &[2]),
            (&[1.0], 0.0, Strategy::Diversified, &[0]),
        ] {
            assert_eq!(shares(&pools(weights), missing, strategy), expected, "{weights:?} {strategy:?}");
        }
    }

    #[test]
    fn each_strategy_has_an_order_of_its_own() {
        // The second is plenty and dear, the first cheap for its weight, the third scarce and the cheapest of all.
        let all = [offer(0, 2.0, 500, 1_600), offer(1, 1.0, 450, 1_800), offer(2, 4.0, 600, 650)];
        for (strategy, expected) in [
            (Strategy::LowestPrice(1), [2, 0, 1]),
            (Strategy::Diversified, [0, 1, 2]),
            (Strategy::CapacityOptimized, [1, 0, 2]),
            (Strategy::PriceCapacityOptimized, [0, 1, 2]),
            (Strategy::Prioritized, [2, 1, 0]),
        ] {
            let mut offers = all.to_vec();
            order(strategy, &mut offers);
            let order: Vec<usize> = offers.iter().map(|offer| offer.pool).collect();
            assert_eq!(order, expected, "{strategy:?}");
        }
        let mut equal = vec![offer(0, 1.0, 450, 1_800), offer(1, 1.0, 451, 1_800)];
        order(Strategy::CapacityOptimizedPrioritized, &mut equal);
        assert_eq!(equal[0].pool, 1);
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
