//! The interfaces of a VPC that are plugged in somewhere, NAT gateways among them, as the router sees them.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use twox_hash::XxHash64;

use super::Surroundings;
use super::node::Guest;
use crate::names;
use crate::plan::{InterfacePlan, NatPlan, SubnetPlan, VpcPlan};

#[derive(Clone, Debug)]
pub struct Port<'a> {
    /// `eni-…` or `nat-…`
    pub id: &'a str,
    /// The router's end.
    pub device: String,
    pub subnet: &'a SubnetPlan,
    pub mac: [u8; 6],
    pub addresses: Vec<Ipv4Addr>,
    pub addresses6: Vec<Ipv6Addr>,
    pub prefixes: &'a [IpNet],
    pub groups: &'a [String],
    pub check: bool,
    pub down: bool,
    /// Where the far end is.
    pub namespace: String,
    pub guest: Guest,
}

/// Ports without a subnet in the plan are left out: nothing could be said about their packets.
pub fn of<'a>(plan: &'a VpcPlan, around: &Surroundings<'_>) -> Vec<Port<'a>> {
    let subnet = |id: &str| plan.subnets.iter().find(|subnet| subnet.id == id);
    let interfaces = plan.interfaces.iter().filter_map(|interface| {
        let subnet = subnet(&interface.subnet)?;
        of_interface(interface, subnet, around.down.contains(&subnet.zone))
    });
    let nats =
        plan.nats.iter().filter_map(|nat| of_nat(nat, subnet(&nat.subnet)?, nat.translates(plan), around));
    interfaces.chain(nats).collect()
}

fn of_interface<'a>(interface: &'a InterfacePlan, subnet: &'a SubnetPlan, down: bool) -> Option<Port<'a>> {
    let home = interface.home.as_ref()?;
    // Without a block there are no addresses.
    let length = subnet.cidr.map_or(u8::MAX, |cidr| cidr.prefix_len());
    Some(Port {
        id: &interface.id,
        device: names::guest(&interface.id),
        subnet,
        mac: interface.mac,
        addresses: interface.addresses.clone(),
        addresses6: interface.addresses6.clone(),
        prefixes: &interface.prefixes,
        groups: &interface.groups,
        check: interface.check,
        down,
        namespace: home.namespace.0.clone(),
        guest: Guest {
            device: home.device.clone(),
            index: home.index,
            mac: interface.mac,
            addresses: interface.addresses.iter().map(|address| (*address, length)).collect(),
            addresses6: interface.addresses6.clone(),
            gateway: subnet.cidr.map(gateway),
        },
    })
}

/// Nothing in a subnet of IPv6 only: NAT gateways have IPv4 addresses.
fn of_nat<'a>(
    nat: &'a NatPlan,
    subnet: &'a SubnetPlan,
    translates: bool,
    around: &Surroundings<'_>,
) -> Option<Port<'a>> {
    let addresses6 = if translates { vec![names::nat6(&nat.id)] } else { Vec::new() };
    let (mac, gateway) = (mac(&nat.id), gateway(subnet.cidr?));
    Some(Port {
        id: &nat.id,
        device: names::nat(&nat.id),
        subnet,
        mac,
        addresses: vec![nat.private],
        addresses6: addresses6.clone(),
        prefixes: &[],
        groups: &[],
        check: false,
        down: around.down.contains(&subnet.zone),
        namespace: around.names.node(&nat.id),
        guest: Guest {
            device: names::NAT_DEVICE.to_owned(),
            index: 0,
            mac,
            // Alone: a NAT gateway sends everything through the router, also within its subnet.
            addresses: vec![(nat.private, 32)],
            addresses6,
            gateway: Some(gateway),
        },
    })
}

/// The first address after the network's is the router's, in each subnet.
pub fn gateway(subnet: Ipv4Net) -> Ipv4Addr {
    Ipv4Addr::from_bits(subnet.network().to_bits().saturating_add(1))
}

fn mac(id: &str) -> [u8; 6] {
    let [a, b, c, d, e, ..] = XxHash64::oneshot(0, id.as_bytes()).to_be_bytes();
    [0x02, a, b, c, d, e]
}
