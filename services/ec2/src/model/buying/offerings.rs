//! What reservations can be bought, as facts: type by type, for one year or three, standard or convertible, of the whole
//! region or of a zone of it.

use base::Region;

use super::prices::{Nanos, parse};
use crate::model::vpcs::zones;

const FACTS: &str = include_str!("offerings.txt");
const YEAR_SECONDS: i64 = 365 * 86_400;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offering {
    /// Made of the rest, so that it stays what it is.
    pub id: String,
    pub instance_type: &'static str,
    pub convertible: bool,
    /// Seconds.
    pub duration: i64,
    /// Nothing for the whole region.
    pub zone: Option<String>,
    pub hourly: Nanos,
}

/// All offerings of a region, in the order of their ids.
pub fn all(region: Region) -> Vec<Offering> {
    let mut found = Vec::new();
    for line in FACTS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(instance_type) = words.next() else { continue };
        for (word, (years, convertible)) in words.zip([(1, false), (1, true), (3, false), (3, true)]) {
            let Some(hourly) = parse(word) else { continue };
            let duration = years * YEAR_SECONDS;
            let zones = zones::names(region).into_iter().map(Some);
            for zone in std::iter::once(None).chain(zones) {
                let place = zone.as_deref().unwrap_or(region.as_str());
                let id = id(&format!("{instance_type}/{convertible}/{duration}/{place}"));
                found.push(Offering { id, instance_type, convertible, duration, zone, hourly });
            }
        }
    }
    found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    found
}

/// Looks like an id of AWS's: a digest, written as a UUID.
fn id(of: &str) -> String {
    let digest = |start: u64| {
        let mix =
            |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(5);
        of.bytes().fold(start, mix).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let hex = format!("{:016x}{:016x}", digest(0xcbf2_9ce4_8422_2325), digest(0x8422_2325_cbf2_9ce4));
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::buying::prices;

    #[test]
    fn offerings_have_ids_of_their_own_and_cost_less_than_on_demand() {
        let region = Region::parse("us-east-1").unwrap();
        let all = all(region);
        assert_eq!(all.len(), 12 * 4 * (1 + zones::names(region).len()));
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
        for one in &all {
            let full = prices::on_demand(one.instance_type).unwrap();
            assert!(one.hourly < full * 3 / 4 && one.hourly > full / 3, "{one:?}");
        }
    }
}
