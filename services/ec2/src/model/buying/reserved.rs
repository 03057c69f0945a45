//! Reserved instances: how a reservation covers what runs.
//!
//! A reservation of a region covers every size of its family, in units ("normalization factor"); one of a zone covers
//! its own type there. It covers at most an hour of use in each hour of the clock, whoever uses it
//! ("How Reserved Instance discounts are applied").

use super::prices::Nanos;
use base::Timestamp;

/// The unit sizes are told in: a `nano` is one.
const QUARTERS: [(&str, u64); 5] = [("nano", 1), ("micro", 2), ("small", 4), ("medium", 8), ("large", 16)];

/// A reservation as the bill needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    pub instance_type: String,
    /// Nothing for those of the whole region.
    pub zone: Option<String>,
    pub count: u64,
    pub from: Timestamp,
    pub until: Timestamp,
    /// Of one instance.
    pub upfront: Nanos,
    pub hourly: Nanos,
}

/// How much of a reservation one instance takes, in quarters of a `small`. Nothing for sizes that are not told in units.
pub fn units(instance_type: &str) -> Option<u64> {
    let (_, size) = instance_type.split_once('.')?;
    if let Some((_, units)) = QUARTERS.iter().find(|(name, _)| *name == size) {
        return Some(*units);
    }
    let times = size.strip_suffix("xlarge")?;
    let times: u64 = if times.is_empty() { 1 } else { times.parse().ok()? };
    times.checked_mul(32)
}

fn family(instance_type: &str) -> &str {
    instance_type.split('.').next().unwrap_or_default()
}

impl Reserved {
    /// How much of it a running instance takes, if it covers such at all.
    pub fn takes(&self, instance_type: &str, zone: &str) -> Option<u64> {
        if let Some(own) = &self.zone {
            return (own == zone && self.instance_type == instance_type).then_some(1);
        }
        if family(&self.instance_type) != family(instance_type) {
            return None;
        }
        match (units(&self.instance_type), units(instance_type)) {
            (Some(_), Some(units)) => Some(units),
            _ => (self.instance_type == instance_type).then_some(1),
        }
    }

    /// What there is of it at any time, in what [`Reserved::takes`] counts.
    pub fn size(&self) -> u64 {
        let each = if self.zone.is_some() { 1 } else { units(&self.instance_type).unwrap_or(1) };
        self.count * each
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(instance_type: &str, zone: Option<&str>) -> Reserved {
        Reserved {
            instance_type: instance_type.to_owned(),
            zone: zone.map(str::to_owned),
            count: 2,
            from: Timestamp::from_secs(0),
            until: Timestamp::from_secs(1),
            upfront: 0,
            hourly: 0,
        }
    }

    #[test]
    fn a_reservation_of_a_region_covers_every_size_of_its_family() {
        let regional = reserved("m5.large", None);
        assert_eq!(regional.size(), 32);
        for (name, takes) in
            [("m5.large", Some(16)), ("m5.2xlarge", Some(64)), ("m5a.large", None), ("m5.metal", None)]
        {
            assert_eq!(regional.takes(name, "us-east-1c"), takes, "{name}");
        }
    }

    #[test]
    fn a_reservation_of_a_zone_covers_its_type_there() {
        let zonal = reserved("m5.large", Some("us-east-1a"));
        assert_eq!(zonal.size(), 2);
        assert_eq!(zonal.takes("m5.large", "us-east-1a"), Some(1));
        assert_eq!(zonal.takes("m5.large", "us-east-1b"), None);
        assert_eq!(zonal.takes("m5.xlarge", "us-east-1a"), None);
    }
}
