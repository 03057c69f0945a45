//! Regions, their partitions and zones. The names are facts from the public endpoint metadata.

use std::fmt;
use std::str::FromStr;

/// The part of AWS a region belongs to; the second field of every ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
}

impl Partition {
    pub const fn as_str(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::AwsCn => "aws-cn",
            Partition::AwsUsGov => "aws-us-gov",
        }
    }
}

/// A region that AWS has, by its index in [`Region::all`]. Small and `Copy`, since it is part of every key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(u8);

/// Sorted, so that lookup is a binary search. Never remove a name: the order is not stored anywhere, names are.
const NAMES: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

impl Region {
    /// `us-east-1`, where global services live and what clients default to.
    pub const US_EAST_1: Region = Region(32);

    /// The region of this name, or nothing if AWS has none such.
    pub fn parse(name: &str) -> Option<Region> {
        NAMES.binary_search(&name).ok().map(|index| Region(index as u8))
    }

    pub fn all() -> impl Iterator<Item = Region> {
        (0..NAMES.len()).map(|index| Region(index as u8))
    }

    pub const fn as_str(self) -> &'static str {
        NAMES[self.0 as usize]
    }

    pub fn partition(self) -> Partition {
        match self.as_str() {
            name if name.starts_with("cn-") => Partition::AwsCn,
            name if name.starts_with("us-gov-") => Partition::AwsUsGov,
            _ => Partition::Aws,
        }
    }

    /// `amazonaws.com`, or its Chinese sister.
    pub fn dns_suffix(self) -> &'static str {
        match self.partition() {
            Partition::AwsCn => "amazonaws.com.cn",
            _ => "amazonaws.com",
        }
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Region::parse(name).ok_or_else(|| UnknownRegion(name.to_owned()))
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no region {0:?}")]
pub struct UnknownRegion(String);

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Region {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Region {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An Availability Zone: a region and a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone {
    pub region: Region,
    letter: u8,
}

impl Zone {
    /// `us-east-1a` and its like; nothing if the region is unknown or the last letter is not `a` to `f`.
    pub fn parse(name: &str) -> Option<Zone> {
        let letter = *name.as_bytes().last()?;
        let region = Region::parse(name.get(..name.len() - 1)?)?;
        (b'a'..=b'f').contains(&letter).then_some(Zone { region, letter })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.region, self.letter as char)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_names_are_sorted_and_found() {
        assert!(NAMES.is_sorted());
        assert_eq!(Region::US_EAST_1.as_str(), "us-east-1");
        for region in Region::all() {
            assert_eq!(Region::parse(region.as_str()), Some(region));
        }
        assert_eq!(Region::parse("us-east-9"), None);
        assert_eq!(Region::parse("cn-north-1").unwrap().partition(), Partition::AwsCn);
    }

    #[test]
    fn a_zone_is_a_region_and_a_letter() {
        assert_eq!(Zone::parse("eu-west-1b").unwrap().to_string(), "eu-west-1b");
        for bad in ["", "a", "eu-west-1", "eu-west-1z", "eu-west-1é"] {
            assert_eq!(Zone::parse(bad), None, "{bad}");
        }
    }
}
