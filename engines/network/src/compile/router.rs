//! A VPC's router: its devices, addresses and routes.
//!
//! Every subnet has a routing table of its own, and so may a gateway, asked by the mark that their packets carry. `Local`
//! is a *throw* route there: on to the main table, which knows each address by the device it is behind. So the longest
//! prefix wins across local and other routes alike, as AWS defines it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::firewall;
use super::node::{Cable, Device, Hop, Node, Route, alone};
use super::ports::{self, Port, gateway};
use super::router_local::resolvers;
use super::{Surroundings, firewall::endpoint_addresses};
use crate::limits::{INTERNET_MTU_BYTES, TRANSIT_MTU_BYTES, VPC_MTU_BYTES};
use crate::names::{self, ENDPOINT, GATEWAY6, METADATA, METADATA6, TIME, WAN};
use crate::plan::{RoutePlan, Target, VpcPlan};

/// The namespace of a VPC as it is to be.
pub fn compile(plan: &VpcPlan, around: &Surroundings<'_>) -> Node {
    let ports = ports::of(plan, around);
    let mut node = Node { rules: firewall::write(plan, &ports, around), ..Node::default() };
    for port in &ports {
        plug(&mut node, port);
    }
    links(&mut node, plan, around);
    let own = [METADATA.into(), METADATA6.into(), TIME.into(), ENDPOINT.into()];
    for address in resolvers(plan).into_iter().chain(endpoint_addresses(plan)).chain(own) {
        node.addresses.insert(("lo".to_owned(), alone(address)));
    }
    let subnets = plan.subnets.iter().map(|subnet| (&subnet.id, &subnet.routes));
    let edges = plan.edges.iter().map(|edge| (&edge.gateway, &edge.routes));
    for (id, routes) in subnets.chain(edges) {
        let table = names::mark(id);
        node.marks.insert(table);
        for route in routes {
            node.routes.insert(Route { table, to: route.to, hop: hop(plan, &ports, route) });
        }
    }
    node
}

fn plug(node: &mut Node, port: &Port<'_>) {
    let device = &port.device;
    let kind = Cable::Guest { namespace: port.namespace.clone(), guest: port.guest.clone() };
    node.devices.push(Device { name: device.clone(), mtu: VPC_MTU_BYTES, kind });
    if let Some(cidr) = port.subnet.cidr {
        node.addresses.insert((device.clone(), alone(gateway(cidr))));
    }
    node.addresses.insert((device.clone(), alone(GATEWAY6)));
    let v4 = port.addresses.iter().map(|address| IpAddr::V4(*address));
    let v6 = port.addresses6.iter().map(|address| IpAddr::V6(*address));
    for address in v4.chain(v6) {
        node.reach(alone(address), device);
        node.neighbours.insert((device.clone(), address, port.mac));
    }
    for prefix in port.prefixes {
        let via = first_of_family(port, prefix.addr().is_ipv6());
        if via.is_some() {
            let hop = Hop::Device(device.clone(), via);
            node.routes.insert(Route { table: super::node::MAIN, to: *prefix, hop });
        }
    }
}

fn first_of_family(port: &Port<'_>, v6: bool) -> Option<IpAddr> {
    match v6 {
        false => port.addresses.first().map(|address| IpAddr::V4(*address)),
        true => port.addresses6.first().map(|address| IpAddr::V6(*address)),
    }
}

fn links(node: &mut Node, plan: &VpcPlan, around: &Surroundings<'_>) {
    let mut link = |name: String, mtu: u32, namespace: String, device: String| {
        node.devices.push(Device { name, mtu, kind: Cable::Link { namespace, device } });
    };
    if plan.internet || plan.egress_only {
        let far = names::uplink(&plan.id);
        link(WAN.to_owned(), INTERNET_MTU_BYTES, around.names.internet(), far);
    }
    for peering in &plan.peerings {
        // Only when the other side has it, too.
        let agreed = around.plans.get(&peering.other_vpc);
        if agreed.is_some_and(|other| other.peerings.iter().any(|theirs| theirs.id == peering.id)) {
            let name = names::peering(&peering.id);
            link(name.clone(), VPC_MTU_BYTES, around.names.node(&peering.other_vpc), name);
        }
    }
    for attachment in &plan.links {
        let name = names::link(&attachment.attachment);
        link(name.clone(), TRANSIT_MTU_BYTES, around.names.node(&attachment.id), name);
    }
}

/// A target that is not there makes a blackhole, as a route on AWS whose target was deleted.
fn hop(plan: &VpcPlan, ports: &[Port<'_>], route: &RoutePlan) -> Hop {
    let v6 = route.to.addr().is_ipv6();
    let port = |id: &String| {
        let port = ports.iter().find(|port| port.id == id)?;
        Some(Hop::Device(port.device.clone(), Some(first_of_family(port, v6)?)))
    };
    let out = |device: String| Hop::Device(device, None);
    let found = match &route.via {
        Target::Local => Some(Hop::Throw),
        Target::Internet => plan.internet.then(|| out(WAN.to_owned())),
        Target::EgressOnly => (plan.egress_only && v6).then(|| out(WAN.to_owned())),
        Target::Nat(id) | Target::Interface(id) => port(id),
        Target::Peering(id) => {
            plan.peerings.iter().find(|peering| &peering.id == id).map(|_| out(names::peering(id)))
        }
        Target::Link(id) => {
            plan.links.iter().find(|link| &link.id == id).map(|link| out(names::link(&link.attachment)))
        }
        // Packets for an endpoint are taken out before they are routed; what remains has nowhere to go.
        Target::Endpoint(_) | Target::Blackhole => None,
    };
    found.unwrap_or(Hop::Blackhole)
}

/// The blocks the internet namespace sends to this VPC: its public addresses, and its IPv6 blocks.
pub fn announced(plan: &VpcPlan) -> Vec<IpNet> {
    let interfaces =
        plan.interfaces.iter().flat_map(|interface| interface.public.iter().map(|(_, public)| *public));
    let nats = plan.nats.iter().filter_map(|nat| nat.public);
    let v4 = interfaces.chain(nats).filter(|_| plan.internet).map(alone);
    let v6 = plan.cidrs.iter().copied().filter(|cidr| cidr.addr().is_ipv6());
    v4.chain(v6).collect()
}
