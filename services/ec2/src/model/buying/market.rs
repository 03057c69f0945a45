//! The market for spot capacity: a price for each type in each zone, that changes with the hour.
//!
//! It is a walk between a quarter and six tenths of the on-demand price, the same in every cloud, so that a lesson can
//! be repeated; and what this host's own spot instances of that type and zone add to it. Since both follow from facts,
//! the price of any hour can be told again, for the history and for the bill.

use super::prices::Nanos;

/// Of the on-demand price, in ten-thousandths.
const LEAST: u64 = 2_500;
const MOST: u64 = 6_000;
/// What one instance that runs adds to the price of the next hours.
const DEMAND_STEP: u64 = 100;
const WHOLE: u64 = 10_000;
/// Prices have four decimals.
const GRAIN: Nanos = 100_000;
/// The walk turns that often.
const TURN_HOURS: u64 = 12;

pub const HOUR_MILLIS: i64 = 3_600_000;

/// The hour of a moment.
pub fn hour(millis: i64) -> u64 {
    u64::try_from(millis.div_euclid(HOUR_MILLIS)).unwrap_or(0)
}

/// What an hour of spot costs, when `running` instances of this type and zone ran as the hour began.
pub fn price(on_demand: Nanos, instance_type: &str, zone: &str, hour: u64, running: u32) -> Nanos {
    let part = (walk(instance_type, zone, hour) + u64::from(running) * DEMAND_STEP).min(WHOLE);
    let exact = u128::from(on_demand) * u128::from(part) / u128::from(WHOLE);
    let exact = u64::try_from(exact).unwrap_or(on_demand);
    ((exact + GRAIN / 2) / GRAIN * GRAIN).max(GRAIN)
}

/// Between turns the walk goes straight.
fn walk(instance_type: &str, zone: &str, hour: u64) -> u64 {
    let turn = hour / TURN_HOURS;
    let (from, to) = (anchor(instance_type, zone, turn), anchor(instance_type, zone, turn + 1));
    let gone = hour % TURN_HOURS;
    (from * (TURN_HOURS - gone) + to * gone) / TURN_HOURS
}

fn anchor(instance_type: &str, zone: &str, turn: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in instance_type.bytes().chain([b'/']).chain(zone.bytes()).chain(turn.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    // The low bits of such a hash of small numbers are no good by themselves.
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    LEAST + (hash >> 33) % (MOST - LEAST + 1)
}

/// How likely a request is to be fulfilled, from one to ten: what is cheap now is plenty.
pub fn score(on_demand: Nanos, price: Nanos) -> i32 {
    let part = u128::from(price) * u128::from(WHOLE) / u128::from(on_demand.max(1));
    let above = u64::try_from(part).unwrap_or(WHOLE).clamp(LEAST, WHOLE) - LEAST;
    let score = 10 - above * 9 / (WHOLE - LEAST);
    i32::try_from(score).unwrap_or(1).clamp(1, 10)
}

/// How many instances of a pool ran, by the hour at whose end they did: the latest before an hour counts for it.
#[derive(Clone, Debug, Default)]
pub struct Demand(pub Vec<(u64, u32)>);

impl Demand {
    pub fn at(&self, hour: u64) -> u32 {
        let after = self.0.partition_point(|(known, _)| *known < hour);
        after.checked_sub(1).and_then(|at| self.0.get(at)).map_or(0, |(_, running)| *running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M5_LARGE: Nanos = 96_000_000;

    #[test]
    fn prices_walk_between_a_quarter_and_six_tenths() {
        let prices: Vec<Nanos> =
            (480_000..482_000).map(|hour| price(M5_LARGE, "m5.large", "us-east-1a", hour, 0)).collect();
        let (least, most) = (prices.iter().min().unwrap(), prices.iter().max().unwrap());
        assert!(*least >= M5_LARGE / 4 - GRAIN && *most <= M5_LARGE * 6 / 10 + GRAIN, "{least} {most}");
        assert!(*most > *least * 3 / 2, "it moves: {least} {most}");
        let steps = prices.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
        assert!(steps <= M5_LARGE / 20, "but not at once: {steps}");
    }

    #[test]
    fn zones_and_types_have_prices_of_their_own() {
        let of = |kind: &str, zone: &str| -> Vec<Nanos> {
            (480_000..480_100).map(|hour| price(M5_LARGE, kind, zone, hour, 0)).collect()
        };
        assert_ne!(of("m5.large", "us-east-1a"), of("m5.large", "us-east-1b"));
        assert_ne!(of("m5.large", "us-east-1a"), of("m6i.large", "us-east-1a"));
        assert_eq!(of("m5.large", "us-east-1a"), of("m5.large", "us-east-1a"));
    }

    #[test]
    fn demand_raises_the_price_up_to_that_on_demand() {
        let with = |running| price(M5_LARGE, "m5.large", "us-east-1a", 480_000, running);
        assert!(with(5) > with(0) && with(10) > with(5));
        assert_eq!(with(1_000), M5_LARGE);
        assert!(score(M5_LARGE, with(0)) > score(M5_LARGE, with(50)));
        assert_eq!(score(M5_LARGE, M5_LARGE), 1);
        assert_eq!(score(M5_LARGE, M5_LARGE / 4), 10);
    }

    #[test]
    fn what_ran_at_the_end_of_an_hour_counts_from_the_next_on() {
        let demand = Demand(vec![(10, 2), (12, 0)]);
        for (hour, running) in [(9, 0), (10, 0), (11, 2), (12, 2), (13, 0), (99, 0)] {
            assert_eq!(demand.at(hour), running, "{hour}");
        }
    }
}
