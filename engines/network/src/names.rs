//! What things are called in the kernel.
//!
//! Namespaces carry the cloud's prefix, because they stand beside those of others on the host. Devices inside our own
//! namespaces need none; they are a letter for the kind and the end of the id, since a device's name has 15 bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use twox_hash::XxHash64;

use crate::limits::{DEVICE_NAME_BYTES_MAX, PREFIX_BYTES_MAX};

/// The name of the one nftables table in each namespace.
pub const TABLE: &str = "fogbank";
/// The router's end of the way to the internet.
pub const WAN: &str = "wan";
/// The internet namespace's end of the way to the host.
pub const HOST: &str = "host";
/// The device through which an IPsec daemon takes and gives packets.
pub const IPSEC: &str = "ipsec0";
/// Inside a NAT gateway, where IPv6 becomes IPv4.
pub const NAT64: &str = "nat64";
/// The device inside a NAT gateway.
pub const NAT_DEVICE: &str = "eth0";

/// Instance metadata, the resolver and the time, as an instance sees them.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
pub const METADATA6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254);
pub const RESOLVER: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
pub const RESOLVER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x253);
pub const TIME: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 123);
/// Where packets for a gateway endpoint are taken to, inside the router.
pub const ENDPOINT: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 250);
/// The gateway of every subnet, for IPv6.
pub const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// The router's end of every interface.
pub const GATEWAY_MAC: [u8; 6] = [0x02, 0xfb, 0, 0, 0, 1];
/// Both ends of a link between two of our namespaces. They do without neighbour discovery: a device without ARP
/// sends to its own address, which is the other's, too.
pub const LINK_MAC: [u8; 6] = [0x02, 0xfb, 0, 0, 0, 2];

/// The kinds of namespaces there are, by what follows the prefix. Others with the same beginning are not ours.
const KINDS: [&str; 6] = ["vpc-", "nat-", "tgw-", "vgw-", "vpn-", "m-"];
const INTERNET: &str = "internet";

/// The names of one cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    prefix: String,
}

impl Names {
    /// Refuses prefixes that leave no room, or that need quoting somewhere.
    pub fn new(prefix: &str) -> Option<Names> {
        let fits = (1..=PREFIX_BYTES_MAX).contains(&prefix.len());
        let plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (fits && plain).then(|| Names { prefix: prefix.to_owned() })
    }

    /// The namespace of a VPC's router, a NAT gateway or a hub; their ids say what they are.
    pub fn node(&self, id: &str) -> String {
        format!("{}{id}", self.prefix)
    }

    pub fn machine(&self, id: &str) -> String {
        format!("{}m-{id}", self.prefix)
    }

    pub fn internet(&self) -> String {
        format!("{}{INTERNET}", self.prefix)
    }

    /// The host's end of the way to the internet namespace.
    pub fn host_device(&self) -> String {
        format!("{}{HOST}", self.prefix)
    }

    /// What the namespace is, without the prefix, when it is one of this cloud's.
    pub fn ours<'a>(&self, namespace: &'a str) -> Option<&'a str> {
        let rest = namespace.strip_prefix(&self.prefix)?;
        (rest == INTERNET || KINDS.iter().any(|kind| rest.starts_with(kind))).then_some(rest)
    }
}

/// The id of a machine, of a namespace's name without the prefix.
pub fn machine_of(rest: &str) -> Option<&str> {
    rest.strip_prefix("m-")
}

pub fn guest(interface: &str) -> String {
    device('e', interface)
}

pub fn nat(id: &str) -> String {
    device('n', id)
}

pub fn peering(id: &str) -> String {
    device('p', id)
}

pub fn link(attachment: &str) -> String {
    device('t', attachment)
}

/// The link of a VPC or a VPN connection, as the internet namespace calls it.
pub fn uplink(vpc: &str) -> String {
    device('v', vpc)
}

fn device(kind: char, id: &str) -> String {
    let end = id.rsplit('-').next().unwrap_or(id);
    let from = end.len().saturating_sub(DEVICE_NAME_BYTES_MAX - 1);
    format!("{kind}{}", &end[from..])
}

/// Where the router sends IPv6 packets that a NAT gateway is to translate. Nobody else can have it, and nothing that is
/// addressed to it is answered.
pub fn nat6(id: &str) -> Ipv6Addr {
    let hash = XxHash64::oneshot(0, id.as_bytes());
    Ipv6Addr::from(0xfd00_0ec2_0000_0064_u128 << 64 | u128::from(hash))
}

/// The mark of packets that leave a subnet, which is also the number of its routing table. Derived from the id alone,
/// so that it stays the same whatever else comes and goes.
pub fn mark(subnet: &str) -> u32 {
    const FIRST: u32 = 0x1000;
    let hash = XxHash64::oneshot(0, subnet.as_bytes());
    FIRST + u32::try_from(hash & 0x3fff_ffff).expect("30 bits fit")
}

/// A short name for a set of groups.
pub fn digest(ids: &[String]) -> String {
    format!("{:016x}", XxHash64::oneshot(0, ids.join(",").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_fit_and_end_as_their_ids_do() {
        assert_eq!(guest("eni-0123456789abcdef0"), "e3456789abcdef0");
        assert_eq!(guest("eni-a"), "ea");
        assert_eq!(link("tgw-attach-7"), "t7");
        assert!(uplink("vpc-0123456789abcdef0").len() <= DEVICE_NAME_BYTES_MAX);
    }

    #[test]
    fn another_clouds_namespaces_are_not_ours() {
        let names = Names::new("fb-").expect("fits");
        assert_eq!(names.ours("fb-vpc-1"), Some("vpc-1"));
        assert_eq!(names.ours("fb-test-vpc-1"), None);
        assert_eq!(names.ours("fbx"), None);
        assert_eq!(names.ours("fb-internet"), Some("internet"));
    }

    #[test]
    fn a_prefix_that_leaves_no_room_is_refused() {
        assert_eq!(Names::new(""), None);
        assert_eq!(Names::new("much-too-long-"), None);
        assert_eq!(Names::new("a b"), None);
    }
}
