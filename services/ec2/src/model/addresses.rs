//! Addresses of subnets: which may be given out, and how those that are lie in the store.
//!
//! Of each subnet the first four addresses and the last are AWS's: network, router, resolver, one for later, broadcast
//! ("Subnet CIDR blocks").

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::limits::{PREFIX_BITS, PREFIX6_BITS};

/// Addresses at a subnet's beginning that are nobody's.
const RESERVED_FIRST: u32 = 4;

/// The key of a taken address, among others of its subnet in their order.
pub fn key(subnet: &str, address: Ipv4Addr) -> String {
    format!("{subnet}/4/{:010}", u32::from(address))
}

pub fn key6(subnet: &str, address: Ipv6Addr) -> String {
    format!("{subnet}/6/{:032x}", u128::from(address))
}

/// What the keys of all taken IPv4 addresses of a subnet begin with.
pub fn prefix(subnet: &str) -> String {
    format!("{subnet}/4/")
}

/// The address of a key.
pub fn of_key(key: &str) -> Option<Ipv4Addr> {
    let (_, number) = key.rsplit_once('/')?;
    number.parse::<u32>().ok().map(Ipv4Addr::from)
}

/// The first and the last address that may be given out.
pub fn usable(block: Ipv4Net) -> (u32, u32) {
    (u32::from(block.network()) + RESERVED_FIRST, u32::from(block.broadcast()) - 1)
}

/// How many addresses there are to give out in an empty subnet.
pub fn count(block: Ipv4Net) -> u32 {
    let (first, last) = usable(block);
    last - first + 1
}

/// Refuses an address that was asked for and cannot be had.
pub fn check(block: Ipv4Net, address: Ipv4Addr) -> Result<(), Error> {
    if !block.contains(&address) {
        let message = format!("Address {address} does not fall within the subnet's address range");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let (first, last) = usable(block);
    match (first..=last).contains(&u32::from(address)) {
        true => Ok(()),
        false => {
            let message = format!("Address {address} is in subnet's reserved address range");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

pub fn check6(block: Option<Ipv6Net>, address: Ipv6Addr) -> Result<(), Error> {
    match block {
        Some(block) if block.contains(&address) => Ok(()),
        _ => {
            let message = format!("Address {address} does not fall within the subnet's address range");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

/// An address as a request has it.
pub fn parse(text: &str) -> Result<Ipv4Addr, Error> {
    let found = text.parse();
    found.map_err(|_| Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid IPv4 address: {text}")))
}

pub fn parse6(text: &str) -> Result<Ipv6Addr, Error> {
    let found = text.parse();
    found.map_err(|_| Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid IPv6 address: {text}")))
}

/// A delegated prefix: 16 addresses of the subnet.
pub fn parse_prefix(text: &str) -> Result<Ipv4Net, Error> {
    match text.parse::<Ipv4Net>() {
        Ok(found) if found.prefix_len() == PREFIX_BITS && found.trunc() == found => Ok(found),
        _ => Err(Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid IPv4 prefix: {text}"))),
    }
}

pub fn parse_prefix6(text: &str) -> Result<Ipv6Net, Error> {
    match text.parse::<Ipv6Net>() {
        Ok(found) if found.prefix_len() == PREFIX6_BITS && found.trunc() == found => Ok(found),
        _ => Err(Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid IPv6 prefix: {text}"))),
    }
}

/// `ip-10-0-0-5.ec2.internal`; outside us-east-1, `ip-10-0-0-5.eu-west-1.compute.internal`.
pub fn private_name(address: Ipv4Addr, region: base::Region) -> String {
    let dashed = address.to_string().replace('.', "-");
    format!("ip-{dashed}.{}", private_domain(region))
}

/// What the private names of a region end with.
pub fn private_domain(region: base::Region) -> String {
    match region == base::Region::US_EAST_1 {
        true => "ec2.internal".to_owned(),
        false => format!("{region}.compute.internal"),
    }
}

/// `ec2-198-18-0-5.compute-1.amazonaws.com`; outside us-east-1, `ec2-198-18-0-5.eu-west-1.compute.amazonaws.com`.
pub fn public_name(address: Ipv4Addr, region: base::Region) -> String {
    let dashed = address.to_string().replace('.', "-");
    let suffix = region.dns_suffix();
    match region == base::Region::US_EAST_1 {
        true => format!("ec2-{dashed}.compute-1.{suffix}"),
        false => format!("ec2-{dashed}.{region}.compute.{suffix}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_four_addresses_and_the_last_are_kept_back() {
        let block: Ipv4Net = "10.0.0.0/28".parse().unwrap();
        assert_eq!(count(block), 11);
        for (last, is_fine) in [(0, false), (3, false), (4, true), (14, true), (15, false), (16, false)] {
            let address = Ipv4Addr::new(10, 0, 0, last);
            assert_eq!(check(block, address).is_ok(), is_fine, "{address}");
        }
    }

    #[test]
    fn keys_are_in_the_order_of_addresses_and_read_back() {
        let keys: Vec<_> = [[9, 255, 0, 1], [10, 0, 0, 4], [10, 0, 0, 10], [200, 0, 0, 1]]
            .into_iter()
            .map(|address| key("subnet-1", Ipv4Addr::from(address)))
            .collect();
        assert!(keys.is_sorted());
        assert_eq!(of_key(&keys[1]), Some(Ipv4Addr::new(10, 0, 0, 4)));
    }

    #[test]
    fn names_follow_the_address_and_the_region() {
        let address = Ipv4Addr::new(10, 0, 0, 5);
        let there = base::Region::parse("eu-west-1").unwrap();
        assert_eq!(private_name(address, base::Region::US_EAST_1), "ip-10-0-0-5.ec2.internal");
        assert_eq!(private_name(address, there), "ip-10-0-0-5.eu-west-1.compute.internal");
        assert_eq!(public_name(address, there), "ec2-10-0-0-5.eu-west-1.compute.amazonaws.com");
    }
}
