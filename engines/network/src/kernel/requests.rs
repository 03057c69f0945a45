//! What the engine asks of the kernel, as netlink requests.

use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::netlink::{ABSENT, EXISTS, Netlink, Request};

/// Marks our routes and rules among those the kernel makes by itself.
pub const OURS: RouteProtocol = RouteProtocol::Other(0xfb);
/// Where our rules stand: after the local table, before the main one.
pub const RULE_PRIORITY: u32 = 100;

pub fn loopback_up() -> io::Result<()> {
    Netlink::open()?.send(vec![up(1)])
}

pub fn up(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    request(format!("device {index}"), RouteNetlinkMessage::SetLink(message), 0, &[])
}

pub fn size(index: u32, mtu: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::Mtu(mtu));
    request(format!("device {index}"), RouteNetlinkMessage::SetLink(message), 0, &[])
}

/// One end of a cable to be made.
#[derive(Clone, Debug)]
pub struct End<'a> {
    pub name: &'a str,
    pub mac: [u8; 6],
    pub mtu: u32,
    /// Without neighbour discovery.
    pub quiet: bool,
    /// The namespace it goes into; `None`: the socket's.
    pub namespace: Option<RawFd>,
}

impl End<'_> {
    fn message(&self, up: bool) -> LinkMessage {
        let mut message = LinkMessage::default();
        let mut flags = LinkFlags::empty();
        flags.set(LinkFlags::Up, up);
        flags.set(LinkFlags::Noarp, self.quiet);
        message.header.flags = flags;
        message.header.change_mask = flags;
        message.attributes.push(LinkAttribute::IfName(self.name.to_owned()));
        message.attributes.push(LinkAttribute::Address(self.mac.to_vec()));
        message.attributes.push(LinkAttribute::Mtu(self.mtu));
        if let Some(namespace) = self.namespace {
            message.attributes.push(LinkAttribute::NetNsFd(namespace));
        }
        message
    }
}

/// A cable; `alias` on the near end says where it leads. The far end is not up yet: a cable's second end does not
/// exist while its first is made, and the kernel refuses to raise that alone.
pub fn cable(near: &End<'_>, far: &End<'_>, alias: &str) -> [Request; 2] {
    let mut message = near.message(true);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far.message(false)))),
    ]));
    let about = format!("cable {} to {}", near.name, far.name);
    let mut label = LinkMessage::default();
    label.attributes.push(LinkAttribute::IfName(near.name.to_owned()));
    label.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
    [
        request(about.clone(), RouteNetlinkMessage::NewLink(message), NLM_F_CREATE | NLM_F_EXCL, EXISTS),
        request(about, RouteNetlinkMessage::SetLink(label), 0, &[]),
    ]
}

pub fn unplug(index: u32) -> Request {
    let mut message = LinkMessage::default();
    message.header.index = index;
    request(format!("device {index}"), RouteNetlinkMessage::DelLink(message), 0, ABSENT)
}

pub fn address(index: u32, address: IpNet, add: bool) -> Request {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = index;
    message.attributes.push(AddressAttribute::Local(address.addr()));
    message.attributes.push(AddressAttribute::Address(address.addr()));
    if address.addr().is_ipv6() {
        // Addresses are given out by the plan: nobody else can have them, so there is nothing to wait for.
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    let about = format!("address {address}");
    match add {
        true => request(about, RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL, EXISTS),
        false => request(about, RouteNetlinkMessage::DelAddress(message), 0, ABSENT),
    }
}

/// Where a route leads, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Device(u32, Option<IpAddr>),
    Throw,
    Blackhole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelRoute {
    pub table: u32,
    pub to: IpNet,
    pub way: Way,
}

pub fn route(route: &KernelRoute, add: bool) -> Request {
    let mut message = RouteMessage::default();
    message.header.address_family = family(route.to.addr());
    message.header.destination_prefix_length = route.to.prefix_len();
    message.header.protocol = OURS;
    message.header.scope = RouteScope::Universe;
    message.attributes.push(RouteAttribute::Table(route.table));
    if route.to.prefix_len() > 0 {
        message.attributes.push(RouteAttribute::Destination(route_address(route.to.network())));
    }
    message.header.kind = match route.way {
        Way::Device(index, gateway) => {
            message.attributes.push(RouteAttribute::Oif(index));
            match gateway {
                Some(gateway) => {
                    message.header.flags = RouteFlags::Onlink;
                    message.attributes.push(RouteAttribute::Gateway(route_address(gateway)));
                }
                None if route.to.addr().is_ipv4() => message.header.scope = RouteScope::Link,
                None => {}
            }
            RouteType::Unicast
        }
        Way::Throw => RouteType::Throw,
        Way::Blackhole => RouteType::BlackHole,
    };
    let about = format!("route {} in table {}", route.to, route.table);
    match add {
        true => request(about, RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_REPLACE, &[]),
        false => request(about, RouteNetlinkMessage::DelRoute(message), 0, ABSENT),
    }
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Selector {
    Mark(u32),
    From(IpAddr),
}

pub fn rule(selector: Selector, table: u32, v6: bool, add: bool) -> Request {
    let mut message = RuleMessage::default();
    message.header.family = if v6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    message.header.action = RuleAction::ToTable;
    message.attributes.push(RuleAttribute::Priority(RULE_PRIORITY));
    message.attributes.push(RuleAttribute::Table(table));
    message.attributes.push(RuleAttribute::Protocol(OURS));
    match selector {
        Selector::Mark(mark) => message.attributes.push(RuleAttribute::FwMark(mark)),
        Selector::From(from) => {
            message.header.src_len = if v6 { 128 } else { 32 };
            message.attributes.push(RuleAttribute::Source(from));
        }
    }
    let about = format!("rule for {selector:?}");
    match add {
        true => request(about, RouteNetlinkMessage::NewRule(message), NLM_F_CREATE | NLM_F_EXCL, EXISTS),
        false => request(about, RouteNetlinkMessage::DelRule(message), 0, ABSENT),
    }
}

pub fn neighbour(index: u32, address: IpAddr, mac: [u8; 6], add: bool) -> Request {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.attributes.push(NeighbourAttribute::Destination(address.into()));
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
    let about = format!("neighbour {address}");
    match add {
        true => request(about, RouteNetlinkMessage::NewNeighbour(message), NLM_F_CREATE | NLM_F_REPLACE, &[]),
        false => request(about, RouteNetlinkMessage::DelNeighbour(message), 0, ABSENT),
    }
}

pub fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(address) => RouteAddress::Inet(address),
        IpAddr::V6(address) => RouteAddress::Inet6(address),
    }
}

fn request(
    about: impl Into<String>,
    message: RouteNetlinkMessage,
    flags: u16,
    fine: &'static [i32],
) -> Request {
    let v6 = match &message {
        RouteNetlinkMessage::NewAddress(address) => address.header.family == AddressFamily::Inet6,
        RouteNetlinkMessage::NewRoute(route) => route.header.address_family == AddressFamily::Inet6,
        RouteNetlinkMessage::NewRule(rule) => rule.header.family == AddressFamily::Inet6,
        RouteNetlinkMessage::NewNeighbour(neighbour) => neighbour.header.family == AddressFamily::Inet6,
        _ => false,
    };
    Request { about: about.into(), v6, message, flags, fine }
}
