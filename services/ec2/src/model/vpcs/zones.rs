//! Regions' zones: which there are, their ids, and where regions are ("Regions and Availability Zones").
//!
//! Surprising: on AWS, `us-east-1a` of two accounts may be two places, and only the ids (`use1-az1`) name the same
//! one everywhere. Here the letters mean the same for everybody.

use base::{Partition, Region};

/// The letters of a region's zones.
fn letters(region: Region) -> &'static str {
    match region.as_str() {
        "us-east-1" => "abcdef",
        "us-west-2" | "ap-northeast-2" => "abcd",
        "us-west-1" => "ac",
        "ap-northeast-1" => "acd",
        "ca-central-1" => "abd",
        "cn-north-1" => "abd",
        _ => "abc",
    }
}

/// Names of the zones, in order.
pub fn names(region: Region) -> Vec<String> {
    letters(region).chars().map(|letter| format!("{region}{letter}")).collect()
}

/// `use1-az1` of `us-east-1a`; nothing for what is no zone of the region.
pub fn id_of(region: Region, name: &str) -> Option<String> {
    let letter = name.strip_prefix(region.as_str())?;
    let letter = letter.bytes().next().filter(|_| letter.len() == 1)?;
    letters(region).contains(letter as char).then(|| format!("{}-az{}", short(region), letter - b'a' + 1))
}

/// The zone's name by its id.
pub fn name_of(region: Region, id: &str) -> Option<String> {
    names(region).into_iter().find(|name| id_of(region, name).as_deref() == Some(id))
}

/// `use1` of `us-east-1`, `apne2` of `ap-northeast-2`, `usge1` of `us-gov-east-1`.
pub fn short(region: Region) -> String {
    let mut parts = region.as_str().split('-');
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part {
            "northwest" if region.partition() == Partition::AwsCn => short.push('w'),
            "northeast" => short.push_str("ne"),
            "southeast" => short.push_str("se"),
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => short.push_str(number),
            word => short.push_str(&word[..1]),
        }
    }
    short
}

/// Whether accounts have to ask for the region before they can use it: all that came after March 2019.
pub fn is_opt_in(region: Region) -> bool {
    const OPT_IN: &[&str] = &[
        "af-south-1",
        "ap-east-1",
        "ap-east-2",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "mx-central-1",
    ];
    OPT_IN.contains(&region.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_short_ids() {
        for (zone, id) in [
            ("us-east-1a", Some("use1-az1")),
            ("us-east-1f", Some("use1-az6")),
            ("us-east-1g", None),
            ("us-east-1", None),
            ("us-east-1ab", None),
            ("ap-northeast-2b", Some("apne2-az2")),
            ("us-gov-east-1a", Some("usge1-az1")),
            ("cn-northwest-1c", Some("cnw1-az3")),
            ("cn-north-1a", Some("cnn1-az1")),
            ("ca-central-1c", None),
        ] {
            let region = Region::all().find(|region| zone.starts_with(region.as_str())).unwrap();
            assert_eq!(id_of(region, zone).as_deref(), id, "{zone}");
            if let Some(id) = id {
                assert_eq!(name_of(region, id).as_deref(), Some(zone));
            }
        }
    }

    #[test]
    fn every_region_has_zones_and_its_own_ids() {
        let mut ids: Vec<String> = Region::all().map(short).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Region::all().count());
        assert!(Region::all().all(|region| names(region).len() >= 2));
    }
}
