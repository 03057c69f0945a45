//! A site-to-site VPN connection: the namespace in which its tunnels end, between the internet and a gateway's hub.
//!
//! An IPsec daemon in it (`kernel::ipsec`) holds the device `ipsec0`: what is sent there leaves encrypted, and what comes
//! out of it was in a tunnel. Nothing passes between the internet and the hub but through that device.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde_json::json;

use super::expression::*;
use super::node::{Cable, Device, Hop, MAIN, Node, Route, alone};
use super::ruleset::Base;
use super::traffic::{address, family};
use crate::limits::{INTERNET_MTU_BYTES, TRANSIT_MTU_BYTES};
use crate::names::{self, IPSEC, Names, WAN};
use crate::plan::VpnPlan;

/// Marks of packets by where they came from, and the numbers of the tables that they ask.
const FROM_HUB: u32 = 0x1000;
const FROM_TUNNEL: u32 = 0x1001;

/// IKE, and IKE and ESP in UDP.
const IKE_PORTS: [u16; 2] = [500, 4500];

fn anywhere() -> IpNet {
    Ipv4Net::new(Ipv4Addr::UNSPECIFIED, 0).expect("no prefix length is shorter than none").into()
}

/// The namespace of a connection.
pub fn vpn(plan: &VpnPlan, names: &Names) -> Node {
    let mut node = Node::default();
    let hub = names::link(&plan.id);
    let mut link = |name: &str, mtu: u32, namespace: String, device: String| {
        let kind = Cable::Link { namespace, device };
        node.devices.push(Device { name: name.to_owned(), mtu, kind });
    };
    link(WAN, INTERNET_MTU_BYTES, names.internet(), names::uplink(&plan.id));
    link(&hub, TRANSIT_MTU_BYTES, names.node(&plan.gateway), hub.clone());
    let out = |device: &str| Hop::Device(device.to_owned(), None);
    for tunnel in &plan.tunnels {
        node.addresses.insert(("lo".to_owned(), alone(tunnel.outside)));
        node.addresses.insert(("lo".to_owned(), alone(tunnel.inside.addr())));
        node.reach(alone(tunnel.device), WAN);
        node.reach(tunnel.inside.trunc().into(), IPSEC);
    }
    // What this namespace says itself, of packets that are too big, is for those behind the hub.
    node.routes.insert(Route { table: MAIN, to: anywhere(), hop: out(&hub) });
    node.marks.extend([FROM_HUB, FROM_TUNNEL]);
    node.routes.insert(Route { table: FROM_HUB, to: anywhere(), hop: out(IPSEC) });
    node.routes.insert(Route { table: FROM_TUNNEL, to: anywhere(), hop: out(&hub) });
    rules(&mut node, plan, &hub);
    node
}

fn rules(node: &mut Node, plan: &VpnPlan, hub: &str) {
    let base = |kind, hook, priority, policy| Base { kind, hook, priority, policy };
    let from = |device: &str| is(meta("iifname"), device);
    let mark = |mark: u32| json!({ "mangle": { "key": meta("mark"), "value": mark } });
    let own = || any_of(plan.tunnels.iter().map(|tunnel| tunnel.outside.to_string()));
    let inner = || any_of(plan.tunnels.iter().map(|tunnel| tunnel.inside.addr().to_string()));
    let mut arrive = vec![vec![from("lo"), accept()]];
    if !plan.tunnels.is_empty() {
        let ike = is(field("udp", "dport"), any_of(IKE_PORTS));
        arrive.push(vec![from(WAN), is(address("daddr", false), own()), ike, accept()]);
        // The end of the tunnel itself can be asked whether it is there.
        arrive.push(vec![from(IPSEC), is(address("daddr", false), inner()), accept()]);
    }
    arrive.push(vec![from(IPSEC), family(false), mark(FROM_TUNNEL), accept()]);
    arrive.push(vec![from(hub), family(false), mark(FROM_HUB), accept()]);
    node.rules.base("arrive", base("filter", "prerouting", -300, "drop"), arrive);
    let through = vec![
        vec![from(IPSEC), is(meta("oifname"), hub), accept()],
        vec![from(hub), is(meta("oifname"), IPSEC), accept()],
    ];
    node.rules.base("through", base("filter", "forward", 0, "drop"), through);
    let input = vec![
        vec![from("lo"), accept()],
        vec![from(WAN), accept()],
        vec![from(IPSEC), is(field("icmp", "type"), "echo-request"), accept()],
    ];
    node.rules.base("to-end", base("filter", "input", 0, "drop"), input);
}

/// The internet's side: its device, and the routes to this end's public addresses.
pub fn internet(plan: &VpnPlan, names: &Names) -> Node {
    let mut node = Node::default();
    let device = names::uplink(&plan.id);
    let kind = Cable::Link { namespace: names.node(&plan.id), device: WAN.to_owned() };
    node.devices.push(Device { name: device.clone(), mtu: INTERNET_MTU_BYTES, kind });
    for tunnel in &plan.tunnels {
        node.reach(alone(tunnel.outside), &device);
    }
    node
}
