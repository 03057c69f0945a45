//! CIDR blocks: of VPCs, of their subnets, and which may stand beside which ("VPC CIDR blocks").
//!
//! Surprising: a VPC of 10.0.0.0/16 cannot be extended by 192.168.0.0/16, though both are private; and a block is
//! made canonical before anything else is said about it, so that `10.0.0.9/16` is accepted.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_VALUE, INVALID_SUBNET_CONFLICT, INVALID_SUBNET_RANGE, INVALID_VPC_RANGE,
};

/// Addresses that are not given to anybody in a subnet: network, router, resolver, reserved, broadcast.
pub const RESERVED_ADDRESSES: u32 = 5;

const BLOCK_BITS_MIN: u8 = 16;
const BLOCK_BITS_MAX: u8 = 28;

/// An IPv4 block in its canonical form.
pub fn parse(text: &str, parameter: &str) -> Result<Ipv4Net, Error> {
    let block: Option<Ipv4Net> = text.parse().ok();
    block.map(|block| block.trunc()).ok_or_else(|| no_block(text, parameter))
}

pub fn parse6(text: &str, parameter: &str) -> Result<Ipv6Net, Error> {
    let block: Option<Ipv6Net> = text.parse().ok();
    block.map(|block| block.trunc()).ok_or_else(|| no_block(text, parameter))
}

fn no_block(text: &str, parameter: &str) -> Error {
    Error::invalid_value(text, parameter, "This is not a valid CIDR block.")
}

pub fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

pub fn overlap6(one: Ipv6Net, other: Ipv6Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// A block that a VPC may have as its first.
pub fn of_vpc(text: &str) -> Result<Ipv4Net, Error> {
    let block = parse(text, "cidrBlock")?;
    let is_sized = (BLOCK_BITS_MIN..=BLOCK_BITS_MAX).contains(&block.prefix_len());
    match is_sized && !is_special(block) {
        true => Ok(block),
        false => Err(Error::new(&INVALID_VPC_RANGE, format!("The CIDR '{block}' is invalid."))),
    }
}

fn net(a: u8, b: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new(Ipv4Addr::new(a, b, 0, 0), bits).expect("the lengths are below 33")
}

/// What nobody's addresses can be from: this network, loopback, link-local, multicast and above.
fn is_special(block: Ipv4Net) -> bool {
    let none = [net(0, 0, 8), net(127, 0, 8), net(169, 254, 16), net(224, 0, 3)];
    none.iter().any(|special| overlap(*special, block))
}

/// The families that blocks of one VPC must not mix.
fn family(block: Ipv4Net) -> u8 {
    let families = [net(10, 0, 8), net(172, 16, 12), net(192, 168, 16), net(198, 19, 16)];
    let found = families.iter().position(|family| overlap(*family, block));
    found.map_or(0, |at| u8::try_from(at + 1).expect("there are four"))
}

/// Whether a further block may be added to those that a VPC has.
pub fn addable(block: Ipv4Net, existing: &[Ipv4Net]) -> Result<(), Error> {
    let of_ours = family(block);
    let mixes = existing.iter().any(|one| of_ours != 0 && family(*one) != of_ours);
    let low = net(10, 0, 15);
    let is_low = net(10, 0, 16).contains(&block) && existing.iter().any(|one| low.contains(one));
    let is_default_range = net(172, 31, 16).contains(&block) && of_ours == 2;
    if mixes || is_low || is_default_range {
        let message = format!(
            "The CIDR '{block}' is restricted. Use a CIDR from the same private address range as the current VPC \
             CIDR, or use a publicly-routable CIDR. For additional restrictions, see \
             https://docs.aws.amazon.com/AmazonVPC/latest/UserGuide/VPC_Subnets.html#VPC_Sizing"
        );
        return Err(Error::new(&INVALID_VPC_RANGE, message));
    }
    match existing.iter().any(|one| overlap(*one, block)) {
        true => Err(Error::new(
            &INVALID_VPC_RANGE,
            format!("CIDR {block} overlaps with another CIDR of this VPC"),
        )),
        false => Ok(()),
    }
}

/// A block that a subnet may have, in a VPC with these blocks, beside these subnets.
pub fn of_subnet(text: &str, vpc: &[Ipv4Net], others: &[Ipv4Net]) -> Result<Ipv4Net, Error> {
    let block = parse(text, "cidrBlock")?;
    let is_sized = (BLOCK_BITS_MIN..=BLOCK_BITS_MAX).contains(&block.prefix_len());
    if !is_sized || !vpc.iter().any(|of_vpc| of_vpc.contains(&block)) {
        return Err(Error::new(&INVALID_SUBNET_RANGE, format!("The CIDR '{block}' is invalid.")));
    }
    match others.iter().any(|other| overlap(*other, block)) {
        true => Err(conflict(block)),
        false => Ok(block),
    }
}

/// The same for IPv6: from /44 to /64 in steps of four ("Subnet CIDR blocks").
pub fn of_subnet6(text: &str, vpc: &[Ipv6Net], others: &[Ipv6Net]) -> Result<Ipv6Net, Error> {
    let block = parse6(text, "ipv6CidrBlock")?;
    if !matches!(block.prefix_len(), 44 | 48 | 52 | 56 | 60 | 64) {
        let message = format!(
            "Value ({text}) for parameter ipv6CidrBlock is invalid. The prefix length must be between /44 and /64, \
             in increments of /4."
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if !vpc.iter().any(|of_vpc| of_vpc.contains(&block)) {
        return Err(Error::new(&INVALID_SUBNET_RANGE, format!("The CIDR '{block}' is invalid.")));
    }
    match others.iter().any(|other| overlap6(*other, block)) {
        true => Err(conflict(block)),
        false => Ok(block),
    }
}

fn conflict(block: impl std::fmt::Display) -> Error {
    Error::new(&INVALID_SUBNET_CONFLICT, format!("The CIDR '{block}' conflicts with another subnet"))
}

/// Addresses of a subnet that can be given out.
pub fn capacity(block: Ipv4Net) -> u32 {
    (1_u32 << (32 - block.prefix_len())) - RESERVED_ADDRESSES
}

/// The n-th of the /20 blocks that default subnets have in the default VPC.
pub fn default_subnet(index: usize) -> Option<Ipv4Net> {
    DEFAULT_VPC.subnets(20).ok()?.nth(index)
}

pub const DEFAULT_VPC: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 31, 0, 0), 16);

/// A /56 of the range for documentation (RFC 3849), which no network routes: what a VPC is given here where AWS gives
/// of its own addresses.
pub fn amazon_provided(chance: u64) -> Ipv6Net {
    let base = u128::from(0x2001_0db8_u32) << 96;
    let middle = u128::from(chance & 0x00ff_ffff) << 72;
    Ipv6Net::new(Ipv6Addr::from(base | middle), 56).expect("56 is below 129")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<T>(result: Result<T, Error>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(Error::Refused { code, .. }) => code.name.to_owned(),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_vpc_has_between_sixteen_and_sixty_five_thousand_addresses() {
        for (text, expected) in [
            ("10.0.0.0/16", "ok"),
            ("10.0.0.9/16", "ok"),
            ("10.0.0.0/28", "ok"),
            ("100.64.0.0/20", "ok"),
            ("54.1.0.0/16", "ok"),
            ("10.0.0.0/15", "InvalidVpc.Range"),
            ("10.0.0.0/29", "InvalidVpc.Range"),
            ("127.0.0.0/16", "InvalidVpc.Range"),
            ("169.254.0.0/16", "InvalidVpc.Range"),
            ("224.0.0.0/16", "InvalidVpc.Range"),
            ("10.0.0.0", "InvalidParameterValue"),
            ("10.0.0.0/33", "InvalidParameterValue"),
            ("10.0.0/16", "InvalidParameterValue"),
            ("2001:db8::/56", "InvalidParameterValue"),
            ("", "InvalidParameterValue"),
        ] {
            assert_eq!(code(of_vpc(text)), expected, "{text}");
        }
        assert_eq!(of_vpc("10.0.0.9/16").unwrap().to_string(), "10.0.0.0/16");
    }

    #[test]
    fn private_ranges_do_not_mix_in_a_vpc() {
        for (existing, added, expected) in [
            ("10.2.0.0/16", "10.3.0.0/16", "ok"),
            ("10.2.0.0/16", "10.2.128.0/17", "InvalidVpc.Range"),
            ("10.2.0.0/16", "172.16.0.0/16", "InvalidVpc.Range"),
            ("10.2.0.0/16", "192.168.0.0/24", "InvalidVpc.Range"),
            ("10.2.0.0/16", "198.19.0.0/24", "InvalidVpc.Range"),
            ("10.2.0.0/16", "100.64.0.0/16", "ok"),
            ("10.2.0.0/16", "54.0.0.0/16", "ok"),
            ("10.1.0.0/16", "10.0.1.0/24", "InvalidVpc.Range"),
            ("10.1.0.0/16", "10.2.0.0/16", "ok"),
            ("192.168.0.0/20", "192.168.64.0/20", "ok"),
            ("192.168.0.0/20", "10.0.0.0/16", "InvalidVpc.Range"),
            ("172.16.0.0/16", "172.31.0.0/16", "InvalidVpc.Range"),
            ("172.16.0.0/16", "172.17.0.0/16", "ok"),
            ("100.64.0.0/16", "10.0.0.0/16", "InvalidVpc.Range"),
            ("100.64.0.0/16", "100.65.0.0/16", "ok"),
        ] {
            let (existing, block) = (parse(existing, "").unwrap(), parse(added, "").unwrap());
            assert_eq!(code(addable(block, &[existing])), expected, "{existing} {added}");
        }
    }

    #[test]
    fn subnets_lie_in_their_vpc_and_beside_each_other() {
        let vpc = [parse("10.0.0.0/16", "").unwrap(), parse("10.9.0.0/24", "").unwrap()];
        let others = [parse("10.0.1.0/24", "").unwrap()];
        for (text, expected) in [
            ("10.0.0.0/24", "ok"),
            ("10.9.0.0/28", "ok"),
            ("10.0.1.0/28", "InvalidSubnet.Conflict"),
            ("10.0.0.0/16", "InvalidSubnet.Conflict"),
            ("10.1.0.0/24", "InvalidSubnet.Range"),
            ("10.0.2.0/29", "InvalidSubnet.Range"),
            ("10.0.0.0/8", "InvalidSubnet.Range"),
            ("ten", "InvalidParameterValue"),
        ] {
            assert_eq!(code(of_subnet(text, &vpc, &others)), expected, "{text}");
        }
        let vpc6 = [parse6("2001:db8:1:100::/56", "").unwrap()];
        for (text, expected) in [
            ("2001:db8:1:101::/64", "ok"),
            ("2001:db8:1:100::/60", "ok"),
            ("2001:db8:1:201::/64", "InvalidSubnet.Range"),
            ("2001:db8:1:101::/63", "InvalidParameterValue"),
            ("10.0.0.0/24", "InvalidParameterValue"),
        ] {
            assert_eq!(code(of_subnet6(text, &vpc6, &[])), expected, "{text}");
        }
    }

    #[test]
    fn five_addresses_of_a_subnet_are_reserved() {
        assert_eq!(capacity(parse("10.0.0.0/24", "").unwrap()), 251);
        assert_eq!(capacity(parse("10.0.0.0/28", "").unwrap()), 11);
        assert_eq!(default_subnet(2).unwrap().to_string(), "172.31.32.0/20");
        assert_eq!(amazon_provided(0x0012_3456).to_string(), "2001:db8:1234:5600::/56");
    }
}
