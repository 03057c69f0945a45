//! A network namespace as it is to be: devices, addresses, routes, neighbours, rules. The kernel side makes it so.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::ruleset::Ruleset;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    pub devices: Vec<Device>,
    /// Device and address.
    pub addresses: BTreeSet<(String, IpNet)>,
    pub routes: BTreeSet<Route>,
    /// Marks whose packets ask the routing table of that number first.
    pub marks: BTreeSet<u32>,
    /// Device, address and where it is, so that nobody has to ask.
    pub neighbours: BTreeSet<(String, IpAddr, [u8; 6])>,
    pub rules: Ruleset,
    /// Below `/proc/sys`, beside what every node gets.
    pub settings: Vec<(String, String)>,
}

/// One end of a virtual cable, seen from the namespace that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub name: String,
    pub mtu: u32,
    pub kind: Cable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cable {
    /// To a machine or NAT gateway: the far end has an address of its own.
    Guest { namespace: String, guest: Guest },
    /// To another node of ours, without neighbour discovery.
    Link { namespace: String, device: String },
}

/// The far end of a guest's cable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    pub device: String,
    pub index: u8,
    pub mac: [u8; 6],
    /// With the prefix length of the subnet, the primary one first.
    pub addresses: Vec<(Ipv4Addr, u8)>,
    pub addresses6: Vec<Ipv6Addr>,
    /// Nothing in a subnet of IPv6 only.
    pub gateway: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub table: u32,
    pub to: IpNet,
    pub hop: Hop,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    Device(String, Option<IpAddr>),
    /// On to the next table.
    Throw,
    Blackhole,
}

/// The main routing table.
pub const MAIN: u32 = 254;

impl Node {
    /// A route of the main table straight out of a device.
    pub fn reach(&mut self, to: IpNet, device: &str) {
        self.routes.insert(Route { table: MAIN, to, hop: Hop::Device(device.to_owned(), None) });
    }
}

/// An address alone.
pub fn alone(address: impl Into<IpAddr>) -> IpNet {
    IpNet::from(address.into())
}
