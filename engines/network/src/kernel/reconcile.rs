//! Makes the namespace a thread is in equal to a node: looks at what is there, and asks for the difference.
//!
//! Nothing is remembered between two runs, so a run after a crash, or after somebody's hand, does the same as any other.
//! New routes come before old ones go, so that packets always have a way.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::namespace::set;
use super::netlink::{Netlink, Request};
use super::requests::{self, End, KernelRoute, OURS, Selector, Way};
use crate::compile::node::{Cable, Device, Hop, Node};
use crate::names::{GATEWAY_MAC, LINK_MAC};

/// A device as it is.
#[derive(Clone, Debug)]
struct Present {
    index: u32,
    alias: String,
    cable: bool,
    up: bool,
}

/// How far a node's plan reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is not in the plan goes.
    Everything,
    /// Devices that are not in the plan are somebody else's, and so is what belongs to them.
    OwnDevices,
}

/// Brings the devices, addresses, neighbours, rules and routes of the thread's namespace in line. `far` opens the
/// namespace at the other end of a cable; a cable whose other end has none yet is left out, and its name returned.
pub fn reconcile(
    node: &Node,
    extent: Extent,
    far: &dyn Fn(&str) -> io::Result<Option<File>>,
) -> io::Result<Outcome> {
    let mut netlink = Netlink::open()?;
    let present = list_devices(&mut netlink)?;
    let outcome = devices(&mut netlink, &present, node, extent, far)?;
    let present = if outcome.touched { list_devices(&mut netlink)? } else { present };
    let managed: BTreeMap<u32, &str> = match extent {
        Extent::Everything => present.iter().map(|(name, device)| (device.index, name.as_str())).collect(),
        Extent::OwnDevices => {
            let own = node.devices.iter().filter_map(|device| present.get_key_value(&device.name));
            own.map(|(name, device)| (device.index, name.as_str())).collect()
        }
    };
    let index = |name: &str| present.get(name).map(|device| device.index);
    let asleep =
        node.devices.iter().filter_map(|device| present.get(&device.name)).filter(|device| !device.up);
    netlink.send(asleep.map(|device| requests::up(device.index)).collect())?;
    let mut requests = addresses(&mut netlink, node, &managed, &index)?;
    requests.extend(neighbours(&mut netlink, node, &managed, &index)?);
    requests.extend(routes(&mut netlink, node, extent, &managed, &index)?);
    if extent == Extent::Everything {
        requests.extend(marks(&mut netlink, node)?);
    }
    netlink.send(requests)?;
    Ok(outcome)
}

/// Whether all of a node's devices are there. Looks at names only, which is much cheaper than [`reconcile`].
pub fn plugged(node: &Node) -> io::Result<bool> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    let present: BTreeSet<&str> =
        text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    Ok(node.devices.iter().all(|device| present.contains(device.name.as_str())))
}

/// Whether the thread's namespace has a device of this name.
pub fn is_there(device: &str) -> io::Result<bool> {
    let text = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    Ok(text.lines().any(|line| line.split_once(':').is_some_and(|(name, _)| name.trim() == device)))
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Devices that were made just now.
    pub made: Vec<String>,
    /// Devices that could not be made, since the namespace at their far end is not there.
    pub absent: Vec<String>,
    /// Whether devices came or went.
    touched: bool,
}

fn devices(
    netlink: &mut Netlink,
    present: &BTreeMap<String, Present>,
    node: &Node,
    extent: Extent,
    far: &dyn Fn(&str) -> io::Result<Option<File>>,
) -> io::Result<Outcome> {
    let mut wanted: BTreeMap<&str, String> = BTreeMap::new();
    for device in &node.devices {
        wanted.insert(&device.name, alias(device, far)?);
    }
    let stale = present.iter().filter(|(name, device)| match wanted.get(name.as_str()) {
        // The far end makes some links first; then there is no alias yet, and it is the right one all the same.
        Some(alias) => device.cable && !device.alias.is_empty() && *alias != device.alias,
        None => device.cable && extent == Extent::Everything,
    });
    let stale: Vec<_> = stale.map(|(name, device)| (name.clone(), device.index)).collect();
    netlink.send(stale.iter().map(|(_, index)| requests::unplug(*index)).collect())?;
    let mut outcome = Outcome { touched: !stale.is_empty(), ..Outcome::default() };
    for device in &node.devices {
        let gone = stale.iter().any(|(name, _)| *name == device.name);
        if present.contains_key(&device.name) && !gone {
            continue;
        }
        if plug(netlink, device, far)? {
            answer_at_once(device)?;
            outcome.touched = true;
            outcome.made.push(device.name.clone());
        } else {
            outcome.absent.push(device.name.clone());
        }
    }
    Ok(outcome)
}

/// The kernel would wait up to 0.8 s before it answers for an address that is elsewhere. There is no default for this
/// in a namespace, so each device is told.
fn answer_at_once(device: &Device) -> io::Result<()> {
    match device.kind {
        Cable::Guest { .. } => set(&format!("net/ipv4/neigh/{}/proxy_delay", device.name), "0"),
        Cable::Link { .. } => Ok(()),
    }
}

fn plug(
    netlink: &mut Netlink,
    device: &Device,
    far: &dyn Fn(&str) -> io::Result<Option<File>>,
) -> io::Result<bool> {
    let namespace = match &device.kind {
        Cable::Guest { namespace, .. } | Cable::Link { namespace, .. } => namespace,
    };
    let Some(namespace) = far(namespace)? else { return Ok(false) };
    let (name, mac, far_mac, quiet) = match &device.kind {
        Cable::Guest { guest, .. } => (guest.device.as_str(), GATEWAY_MAC, guest.mac, false),
        Cable::Link { device, .. } => (device.as_str(), LINK_MAC, LINK_MAC, true),
    };
    let near = End { name: &device.name, mac, mtu: device.mtu, quiet, namespace: None };
    let other = End { name, mac: far_mac, mtu: device.mtu, quiet, namespace: Some(namespace.as_raw_fd()) };
    netlink.send(requests::cable(&near, &other, &alias(device, far)?).to_vec())?;
    Ok(true)
}

/// Opens the namespace of a name, if there is one.
pub type Far<'a> = &'a dyn Fn(&str) -> io::Result<Option<File>>;

/// Says where a cable leads, so that a moved interface is seen after a restart, too. The number tells a machine's
/// namespace from an earlier one of the same name, whose end may take a moment.
fn alias(device: &Device, far: Far<'_>) -> io::Result<String> {
    Ok(match &device.kind {
        Cable::Guest { namespace, guest } => {
            let mac = guest.mac.map(|byte| format!("{byte:02x}")).join(":");
            format!("{namespace}/{} {mac} {}", guest.device, number(namespace, far)?)
        }
        Cable::Link { namespace, device } => format!("{namespace}/{device}"),
    })
}

/// The number of a namespace; 0 when it is not there.
fn number(namespace: &str, far: Far<'_>) -> io::Result<u64> {
    far(namespace)?.map_or(Ok(0), |file| Ok(file.metadata()?.ino()))
}

/// The numbers of the namespaces that a node's guests are in.
pub fn homes(node: &Node, far: Far<'_>) -> io::Result<Vec<u64>> {
    let guests = node.devices.iter().filter_map(|device| match &device.kind {
        Cable::Guest { namespace, .. } => Some(namespace),
        Cable::Link { .. } => None,
    });
    guests.map(|namespace| number(namespace, far)).collect()
}

fn list_devices(netlink: &mut Netlink) -> io::Result<BTreeMap<String, Present>> {
    let mut devices = BTreeMap::new();
    for message in netlink.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))? {
        let RouteNetlinkMessage::NewLink(link) = message else { continue };
        let mut name = String::new();
        let mut device = Present { index: link.header.index, alias: String::new(), cable: false, up: false };
        device.up = link.header.flags.contains(LinkFlags::Up);
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::IfName(is) => name = is,
                LinkAttribute::IfAlias(is) => device.alias = is,
                LinkAttribute::LinkInfo(info) => {
                    device.cable |= info.contains(&LinkInfo::Kind(InfoKind::Veth));
                }
                _ => {}
            }
        }
        devices.insert(name, device);
    }
    Ok(devices)
}

/// Names of the cables in the thread's namespace.
pub fn cables() -> io::Result<Vec<String>> {
    let devices = list_devices(&mut Netlink::open()?)?;
    Ok(devices.into_iter().filter(|(_, device)| device.cable).map(|(name, _)| name).collect())
}

/// Removes a device of the thread's namespace; fine when it is not there.
pub fn unplug(name: &str) -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    let devices = list_devices(&mut netlink)?;
    netlink.send(devices.get(name).map(|device| requests::unplug(device.index)).into_iter().collect())
}

/// The number of a device of the thread's namespace.
pub fn index_of(netlink: &mut Netlink, name: &str) -> io::Result<Option<u32>> {
    Ok(list_devices(netlink)?.get(name).map(|device| device.index))
}

fn addresses(
    netlink: &mut Netlink,
    node: &Node,
    managed: &BTreeMap<u32, &str>,
    index: &dyn Fn(&str) -> Option<u32>,
) -> io::Result<Vec<Request>> {
    let resolve = |(device, address): &(String, IpNet)| Some((index(device)?, *address));
    let wanted: BTreeSet<(u32, IpNet)> = node.addresses.iter().filter_map(resolve).collect();
    let mut present = BTreeSet::new();
    for message in netlink.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))? {
        let RouteNetlinkMessage::NewAddress(message) = message else { continue };
        let found = message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Local(address) => Some(*address),
            _ => None,
        });
        let found = found.or_else(|| {
            message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Address(address) => Some(*address),
                _ => None,
            })
        });
        if let Some(Ok(address)) = found.map(|address| IpNet::new(address, message.header.prefix_len)) {
            present.insert((message.header.index, address));
        }
    }
    let ours =
        |(device, address): &&(u32, IpNet)| managed.contains_key(device) && !address.addr().is_loopback();
    let gone =
        present.difference(&wanted).filter(ours).map(|(device, is)| requests::address(*device, *is, false));
    let new = wanted.difference(&present).map(|(device, is)| requests::address(*device, *is, true));
    Ok(new.chain(gone).collect())
}

fn neighbours(
    netlink: &mut Netlink,
    node: &Node,
    managed: &BTreeMap<u32, &str>,
    index: &dyn Fn(&str) -> Option<u32>,
) -> io::Result<Vec<Request>> {
    type Neighbour = (u32, IpAddr, [u8; 6]);
    let resolve = |(device, address, mac): &(String, IpAddr, [u8; 6])| Some((index(device)?, *address, *mac));
    let wanted: BTreeSet<Neighbour> = node.neighbours.iter().filter_map(resolve).collect();
    let mut present: BTreeSet<Neighbour> = BTreeSet::new();
    for message in netlink.dump(RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default()))? {
        let RouteNetlinkMessage::NewNeighbour(message) = message else { continue };
        if message.header.state != NeighbourState::Permanent || !managed.contains_key(&message.header.ifindex)
        {
            continue;
        }
        let (mut address, mut mac) = (None, None);
        for attribute in &message.attributes {
            match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(is)) => {
                    address = Some(IpAddr::V4(*is))
                }
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(is)) => {
                    address = Some(IpAddr::V6(*is))
                }
                NeighbourAttribute::LinkLayerAddress(is) => mac = <[u8; 6]>::try_from(is.as_slice()).ok(),
                _ => {}
            }
        }
        present.extend(address.zip(mac).map(|(address, mac)| (message.header.ifindex, address, mac)));
    }
    let gone =
        present.difference(&wanted).map(|(device, is, mac)| requests::neighbour(*device, *is, *mac, false));
    let new =
        wanted.difference(&present).map(|(device, is, mac)| requests::neighbour(*device, *is, *mac, true));
    Ok(gone.chain(new).collect())
}

fn routes(
    netlink: &mut Netlink,
    node: &Node,
    extent: Extent,
    managed: &BTreeMap<u32, &str>,
    index: &dyn Fn(&str) -> Option<u32>,
) -> io::Result<Vec<Request>> {
    let resolve = |route: &crate::compile::node::Route| {
        let way = match &route.hop {
            // A device that is not there (yet): packets have nowhere to go.
            Hop::Device(device, gateway) => {
                index(device).map_or(Way::Blackhole, |index| Way::Device(index, *gateway))
            }
            Hop::Throw => Way::Throw,
            Hop::Blackhole => Way::Blackhole,
        };
        KernelRoute { table: route.table, to: route.to.trunc(), way }
    };
    let wanted: BTreeSet<KernelRoute> = node.routes.iter().map(resolve).collect();
    let present: BTreeSet<KernelRoute> = list_routes(netlink)?;
    let ours = |route: &&KernelRoute| match (extent, route.way) {
        (Extent::Everything, _) => true,
        (Extent::OwnDevices, Way::Device(device, _)) => managed.contains_key(&device),
        (Extent::OwnDevices, _) => false,
    };
    let replaced: BTreeSet<(u32, IpNet)> = wanted.iter().map(|route| (route.table, route.to)).collect();
    let gone = present
        .difference(&wanted)
        .filter(ours)
        .filter(|route| !replaced.contains(&(route.table, route.to)))
        .map(|route| requests::route(route, false));
    let new = wanted.difference(&present).map(|route| requests::route(route, true));
    Ok(new.chain(gone).collect())
}

/// Our own routes, in all tables.
pub fn list_routes(netlink: &mut Netlink) -> io::Result<BTreeSet<KernelRoute>> {
    let mut routes = BTreeSet::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut listing = RouteMessage::default();
        listing.header.address_family = family;
        for message in netlink.dump(RouteNetlinkMessage::GetRoute(listing))? {
            if let RouteNetlinkMessage::NewRoute(message) = message {
                routes.extend(read_route(&message));
            }
        }
    }
    Ok(routes)
}

fn read_route(message: &RouteMessage) -> Option<KernelRoute> {
    if message.header.protocol != OURS {
        return None;
    }
    let (mut to, mut device, mut gateway) = (None, None, None);
    let mut table = u32::from(message.header.table);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(is) => to = plain(is),
            RouteAttribute::Gateway(is) => gateway = plain(is),
            RouteAttribute::Oif(is) => device = Some(*is),
            RouteAttribute::Table(is) => table = *is,
            _ => {}
        }
    }
    let way = match message.header.kind {
        RouteType::Unicast => Way::Device(device?, gateway),
        RouteType::Throw => Way::Throw,
        RouteType::BlackHole => Way::Blackhole,
        _ => return None,
    };
    let any = match message.header.address_family {
        AddressFamily::Inet => IpAddr::from([0; 4]),
        _ => IpAddr::from([0; 16]),
    };
    let to = IpNet::new(to.unwrap_or(any), message.header.destination_prefix_length).ok()?;
    Some(KernelRoute { table, to, way })
}

fn plain(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

fn marks(netlink: &mut Netlink, node: &Node) -> io::Result<Vec<Request>> {
    let mut requests = Vec::new();
    for (family, v6) in [(AddressFamily::Inet, false), (AddressFamily::Inet6, true)] {
        let mut listing = RuleMessage::default();
        listing.header.family = family;
        let mut present = BTreeSet::new();
        for message in netlink.dump(RouteNetlinkMessage::GetRule(listing))? {
            let RouteNetlinkMessage::NewRule(message) = message else { continue };
            if !message.attributes.contains(&RuleAttribute::Protocol(OURS)) {
                continue;
            }
            present.extend(message.attributes.iter().find_map(|attribute| match attribute {
                RuleAttribute::FwMark(mark) => Some(*mark),
                _ => None,
            }));
        }
        let rule = |mark: &u32, add| requests::rule(Selector::Mark(*mark), *mark, v6, add);
        requests.extend(node.marks.difference(&present).map(|mark| rule(mark, true)));
        requests.extend(present.difference(&node.marks).map(|mark| rule(mark, false)));
    }
    Ok(requests)
}
