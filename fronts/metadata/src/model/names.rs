//! What instances are called: names that follow from a region and an address or id.
//!
//! us-east-1 is named differently from all other regions, inside (`ec2.internal`) and outside (`compute-1`).
//! Reference: "Amazon EC2 instance hostname types" of the EC2 guide, "DNS attributes for your VPC" of the VPC guide.

use std::net::{IpAddr, Ipv4Addr};

use base::Region;
use ipnet::IpNet;

/// The zone of private names: `ec2.internal`, `us-west-2.compute.internal`.
pub fn private_zone(region: Region) -> String {
    match region {
        Region::US_EAST_1 => "ec2.internal".to_owned(),
        region => format!("{region}.compute.internal"),
    }
}

/// The zone of public names: `compute-1.amazonaws.com`, `us-west-2.compute.amazonaws.com`.
pub fn public_zone(region: Region) -> String {
    match region {
        Region::US_EAST_1 => "compute-1.amazonaws.com".to_owned(),
        region => format!("{region}.compute.{}", region.dns_suffix()),
    }
}

/// `ip-10-0-0-5.ec2.internal`
pub fn private_dns_name(region: Region, address: Ipv4Addr) -> String {
    format!("ip-{}.{}", dashed(address), private_zone(region))
}

/// `i-0123456789abcdef0.ec2.internal`, the name of an instance whose subnet names instances by their ids.
pub fn resource_dns_name(region: Region, instance_id: &str) -> String {
    format!("{instance_id}.{}", private_zone(region))
}

/// `ec2-198-18-0-5.compute-1.amazonaws.com`
pub fn public_dns_name(region: Region, address: Ipv4Addr) -> String {
    format!("ec2-{}.{}", dashed(address), public_zone(region))
}

/// The name of an address, as reverse lookups ask for it: `5.0.0.10.in-addr.arpa`.
pub fn reverse_name(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let mut name = nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>();
            name.push_str("ip6.arpa");
            name
        }
    }
}

/// A name that the cloud itself gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GivenName {
    /// `ip-10-0-0-5.ec2.internal`
    Private(Ipv4Addr),
    /// `i-0123456789abcdef0.ec2.internal`
    Resource(String),
    /// `ec2-198-18-0-5.compute-1.amazonaws.com`
    Public(Ipv4Addr),
    /// `instance-data.ec2.internal`: the metadata service.
    InstanceData,
    /// `ec2.internal`: there is a name below it, but nothing at it.
    Zone,
    /// In a zone of names that the cloud gives, but none of them.
    Nobody,
    /// `sqs.us-east-1.amazonaws.com`: some endpoint of AWS.
    Endpoint,
}

/// What a name is, in lower case and without the final dot; nothing if it is not the cloud's to give.
/// Private names of another region than the VPC's own are known too, for VPCs that are peered across regions.
pub fn given(name: &str) -> Option<GivenName> {
    if let Some(label) = Region::all().find_map(|region| label_in(name, &private_zone(region))) {
        return Some(match label {
            "" => GivenName::Zone,
            "instance-data" => GivenName::InstanceData,
            label if is_instance_id(label) => GivenName::Resource(label.to_owned()),
            label => {
                label.strip_prefix("ip-").and_then(undashed).map_or(GivenName::Nobody, GivenName::Private)
            }
        });
    }
    if let Some(label) = Region::all().find_map(|region| label_in(name, &public_zone(region))) {
        return Some(match label {
            "" => GivenName::Zone,
            label => {
                label.strip_prefix("ec2-").and_then(undashed).map_or(GivenName::Nobody, GivenName::Public)
            }
        });
    }
    is_endpoint(name).then_some(GivenName::Endpoint)
}

/// The address that a reverse lookup asks for.
pub fn reversed(name: &str) -> Option<IpAddr> {
    if let Some(digits) = name.strip_suffix(".in-addr.arpa") {
        let octets = digits.split('.').map(octet).collect::<Option<Vec<u8>>>()?;
        let [d, c, b, a] = octets.try_into().ok()?;
        return Some(Ipv4Addr::new(a, b, c, d).into());
    }
    let nibbles = name.strip_suffix(".ip6.arpa")?;
    let digit = |text: &str| match text.as_bytes() {
        [one] => char::from(*one).to_digit(16).map(|digit| digit as u8),
        _ => None,
    };
    let nibbles = nibbles.split('.').map(digit).collect::<Option<Vec<u8>>>()?;
    let nibbles: [u8; 32] = nibbles.try_into().ok()?;
    let mut octets = [0; 16];
    for (octet, pair) in octets.iter_mut().rev().zip(nibbles.chunks_exact(2)) {
        *octet = pair[0] | (pair[1] << 4);
    }
    Some(IpAddr::from(octets))
}

/// Whether an address lies in one of these blocks.
pub fn within(blocks: &[IpNet], address: IpAddr) -> bool {
    blocks.iter().any(|block| block.contains(&address))
}

/// Where AWS's endpoints are named. Facts from the public endpoint metadata, and the sign-in and console hosts.
const ENDPOINT_DOMAINS: &[&str] = &[
    "amazonaws.com",
    "amazonaws.com.cn",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "on.aws",
    "signin.aws.amazon.com",
    "console.aws.amazon.com",
];

fn is_endpoint(name: &str) -> bool {
    ENDPOINT_DOMAINS.iter().any(|domain| below(name, domain))
}

fn below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// The rest of a name that is in a zone; empty for the zone itself.
fn label_in<'a>(name: &'a str, zone: &str) -> Option<&'a str> {
    let rest = name.strip_suffix(zone)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_suffix('.') }
}

fn is_instance_id(label: &str) -> bool {
    let digits = label.strip_prefix("i-").unwrap_or_default();
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn dashed(address: Ipv4Addr) -> String {
    address.octets().map(|octet| octet.to_string()).join("-")
}

fn undashed(text: &str) -> Option<Ipv4Addr> {
    let octets = text.split('-').map(octet).collect::<Option<Vec<u8>>>()?;
    let [a, b, c, d] = octets.try_into().ok()?;
    Some(Ipv4Addr::new(a, b, c, d))
}

/// One number of an address, without leading zeros or signs.
fn octet(text: &str) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        Region::parse(name).unwrap()
    }

    #[test]
    fn names_follow_from_region_and_address() {
        let rows = [
            ("us-east-1", "ip-10-0-0-5.ec2.internal", "ec2-10-0-0-5.compute-1.amazonaws.com"),
            (
                "us-west-2",
                "ip-10-0-0-5.us-west-2.compute.internal",
                "ec2-10-0-0-5.us-west-2.compute.amazonaws.com",
            ),
            (
                "us-east-2",
                "ip-10-0-0-5.us-east-2.compute.internal",
                "ec2-10-0-0-5.us-east-2.compute.amazonaws.com",
            ),
            (
                "eu-west-1",
                "ip-10-0-0-5.eu-west-1.compute.internal",
                "ec2-10-0-0-5.eu-west-1.compute.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                "ip-10-0-0-5.us-gov-west-1.compute.internal",
                "ec2-10-0-0-5.us-gov-west-1.compute.amazonaws.com",
            ),
            (
                "cn-north-1",
                "ip-10-0-0-5.cn-north-1.compute.internal",
                "ec2-10-0-0-5.cn-north-1.compute.amazonaws.com.cn",
            ),
        ];
        let address = Ipv4Addr::new(10, 0, 0, 5);
        for (name, private, public) in rows {
            assert_eq!(private_dns_name(region(name), address), private);
            assert_eq!(public_dns_name(region(name), address), public);
            assert_eq!(given(private), Some(GivenName::Private(address)));
            assert_eq!(given(public), Some(GivenName::Public(address)));
        }
        let id = "i-0123456789abcdef0";
        assert_eq!(resource_dns_name(Region::US_EAST_1, id), "i-0123456789abcdef0.ec2.internal");
        assert_eq!(
            resource_dns_name(region("us-west-2"), id),
            "i-0123456789abcdef0.us-west-2.compute.internal"
        );
    }

    #[test]
    fn names_are_told_apart() {
        use GivenName::{Endpoint, InstanceData, Nobody, Resource, Zone};
        let id = "i-0123456789abcdef0".to_owned();
        let rows = [
            ("i-0123456789abcdef0.ec2.internal", Some(Resource(id.clone()))),
            ("i-0123456789abcdef0.us-west-2.compute.internal", Some(Resource(id))),
            ("i-12345678.ec2.internal", Some(Resource("i-12345678".to_owned()))),
            ("i-0123.ec2.internal", Some(Nobody)),
            ("i-0123456789abcdefg.ec2.internal", Some(Nobody)),
            ("instance-data.ec2.internal", Some(InstanceData)),
            ("ec2.internal", Some(Zone)),
            ("us-west-2.compute.internal", Some(Zone)),
            ("compute-1.amazonaws.com", Some(Zone)),
            ("ip-10-0-0.ec2.internal", Some(Nobody)),
            ("ip-10-0-0-256.ec2.internal", Some(Nobody)),
            ("ip-10-0-0-05.ec2.internal", Some(Nobody)),
            ("ip-10-0-0-+5.ec2.internal", Some(Nobody)),
            ("ip-10-0-0-5-6.ec2.internal", Some(Nobody)),
            ("a.ip-10-0-0-5.ec2.internal", Some(Nobody)),
            ("ip-10-0-0-5.mars-1.compute.internal", None),
            ("xec2.internal", None),
            ("internal", None),
            ("ec2-198-18-0.compute-1.amazonaws.com", Some(Nobody)),
            ("www.compute-1.amazonaws.com", Some(Nobody)),
            ("sqs.us-east-1.amazonaws.com", Some(Endpoint)),
            ("bucket.s3.us-east-1.amazonaws.com", Some(Endpoint)),
            ("a.b.c.s3.amazonaws.com", Some(Endpoint)),
            ("s3.dualstack.eu-west-1.amazonaws.com", Some(Endpoint)),
            ("ec2.us-east-1.api.aws", Some(Endpoint)),
            ("sqs.cn-north-1.amazonaws.com.cn", Some(Endpoint)),
            ("sqs.cn-north-1.api.amazonwebservices.com.cn", Some(Endpoint)),
            ("abc.lambda-url.us-east-1.on.aws", Some(Endpoint)),
            ("amazonaws.com", Some(Endpoint)),
            ("notamazonaws.com", None),
            ("amazonaws.com.example.org", None),
            ("aws.amazon.com", None),
            ("example.org", None),
            ("", None),
        ];
        for (name, expected) in rows {
            assert_eq!(given(name), expected, "{name}");
        }
    }

    #[test]
    fn reverse_names_lead_back() {
        for text in ["10.0.0.5", "255.1.20.0", "0.0.0.0", "2001:db8::1", "fd00:ec2::254"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(reversed(&reverse_name(address)), Some(address), "{text}");
        }
        assert_eq!(reverse_name("10.0.0.5".parse().unwrap()), "5.0.0.10.in-addr.arpa");
        for name in
            ["0.0.10.in-addr.arpa", "256.0.0.10.in-addr.arpa", "1.5.0.0.10.in-addr.arpa", "in-addr.arpa"]
        {
            assert_eq!(reversed(name), None, "{name}");
        }
        for name in ["ip6.arpa", "1.2.ip6.arpa", &format!("g{}.ip6.arpa", ".0".repeat(31)), "10.0.0.5"] {
            assert_eq!(reversed(name), None, "{name}");
        }
    }
}
