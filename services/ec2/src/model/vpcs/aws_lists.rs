//! The prefix lists that AWS keeps: where the services with gateway endpoints are. Here each holds one address, the one
//! at which instances reach this cloud.

use std::net::Ipv4Addr;

use base::Region;
use ipnet::Ipv4Net;

/// Where instances find this cloud's services, in every VPC: the last address of its public range.
pub fn services(public_range: Ipv4Net) -> Ipv4Net {
    Ipv4Net::from(Ipv4Addr::from(u32::from(public_range.broadcast()) - 1))
}

/// Services that have gateway endpoints.
pub const GATEWAY_SERVICES: [&str; 2] = ["s3", "dynamodb"];

/// A list of AWS's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsList {
    pub id: String,
    /// `com.amazonaws.us-east-1.s3`
    pub name: String,
}

pub fn all(region: Region) -> Vec<AwsList> {
    let list = |service: &&str| AwsList {
        id: id_of(region, service),
        name: format!("{}.{region}.{service}", reversed_suffix(region)),
    };
    GATEWAY_SERVICES.iter().map(list).collect()
}

pub fn by_id(region: Region, id: &str) -> Option<AwsList> {
    all(region).into_iter().find(|list| list.id == id)
}

pub fn by_name(region: Region, name: &str) -> Option<AwsList> {
    all(region).into_iter().find(|list| list.name == name)
}

/// How names of services begin: `com.amazonaws`, or `cn.com.amazonaws`.
pub fn reversed_suffix(region: Region) -> String {
    let parts: Vec<&str> = region.dns_suffix().rsplit('.').collect();
    parts.join(".")
}

/// The same in every account, as on AWS; those of the first region are AWS's own.
fn id_of(region: Region, service: &str) -> String {
    match (region.as_str(), service) {
        ("us-east-1", "s3") => "pl-63a5400a".to_owned(),
        ("us-east-1", "dynamodb") => "pl-02cd2c6b".to_owned(),
        (region, service) => {
            // FNV-1a, of which all that matters is that it never changes.
            let text = [region.as_bytes(), b"/", service.as_bytes()].concat();
            let hash = text
                .iter()
                .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
            format!("pl-{hash:08x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_at_the_end_of_the_public_range() {
        let range = "198.18.64.0/20".parse().unwrap();
        assert_eq!(services(range).to_string(), "198.18.79.254/32");
    }

    #[test]
    fn every_region_has_its_own_lists() {
        let mut ids: Vec<String> = Region::all().flat_map(all).map(|list| list.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        let china = Region::parse("cn-north-1").unwrap();
        assert_eq!(all(china)[0].name, "cn.com.amazonaws.cn-north-1.s3");
        assert!(by_name(Region::US_EAST_1, "com.amazonaws.us-east-1.s3").is_some());
    }
}
