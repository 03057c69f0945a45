//! The namespaces beside the VPCs' routers: NAT gateways, transit gateways (hubs), and the internet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use serde_json::json;

use super::expression::*;
use super::node::{Cable, Device, Hop, MAIN, Node, Route, alone};
use super::router::announced;
use super::ruleset::{Base, Ruleset};
use super::traffic::{address, family, within};
use crate::limits::{INTERNET_MTU_BYTES, NAT_IDLE_SECONDS, TRANSIT_MTU_BYTES};
use crate::names::{self, HOST, NAT_DEVICE, NAT64, Names};
use crate::plan::{HubPlan, HubTarget, NatPlan, VpcPlan};
use crate::translate::PREFIX;

/// The first table of a hub's; the main one is not used there, so numbers only have to differ.
const HUB_TABLE_FIRST: u32 = 0x1000;

fn base(kind: &'static str, hook: &'static str, priority: i32, policy: &'static str) -> Base {
    Base { kind, hook, priority, policy }
}

/// A NAT gateway: whatever comes in leaves again by the same device, from the gateway's own address. Nothing is
/// addressed to it but answers. Its own end of the cable is the router's business. IPv6 packets that are sent to it are
/// translated before (`kernel::nat64`), and are IPv4 ones for the rest.
pub fn nat(plan: &NatPlan, translates: bool) -> Node {
    let mut rules = Ruleset::default();
    let inside = || is(meta("iifname"), NAT_DEVICE);
    rules.base("to-nat", base("filter", "input", 0, "drop"), vec![vec![is(meta("iifname"), "lo"), accept()]]);
    let translatable = is(meta("l4proto"), any_of(["tcp", "udp", "icmp"]));
    let mut body = vec![
        vec![is(ct("state"), any_of(["established", "related"])), accept()],
        vec![inside(), family(false), translatable.clone(), accept()],
    ];
    if translates {
        let mut to_translator = within("daddr", PREFIX.into());
        to_translator.extend([inside(), is(meta("oifname"), NAT64), accept()]);
        body.push(to_translator);
        let out = is(meta("oifname"), NAT_DEVICE);
        body.push(vec![is(meta("iifname"), NAT64), family(false), out, translatable, accept()]);
    }
    rules.base("through", base("filter", "forward", 0, "drop"), body);
    let own = json!({ "snat": { "family": "ip", "addr": plan.private.to_string() } });
    let rule = vec![family(false), is(meta("oifname"), NAT_DEVICE), own];
    rules.base("translate", base("nat", "postrouting", 100, "accept"), vec![rule]);
    let idle = ("net/netfilter/nf_conntrack_tcp_timeout_established", NAT_IDLE_SECONDS.to_string());
    Node { rules, settings: vec![(idle.0.to_owned(), idle.1)], ..Node::default() }
}

/// A transit gateway: a packet follows the route table that its attachment is associated with.
pub fn hub(plan: &HubPlan, names: &Names) -> Node {
    let mut node = Node::default();
    let tables: BTreeMap<&str, u32> =
        plan.tables.iter().map(|table| table.id.as_str()).zip(HUB_TABLE_FIRST..).collect();
    let mut marks = Vec::new();
    for attachment in &plan.attachments {
        let name = names::link(&attachment.id);
        let namespace = match &attachment.to {
            HubTarget::Vpc(id) | HubTarget::Hub(id) => names.node(id),
        };
        let kind = Cable::Link { namespace, device: name.clone() };
        node.devices.push(Device { name: name.clone(), mtu: TRANSIT_MTU_BYTES, kind });
        if let Some(table) = attachment.table.as_ref().and_then(|id| tables.get(id.as_str())) {
            marks.push(vec![is(meta("iifname"), name), set_mark(*table), accept()]);
        }
    }
    node.rules.base("arrive", base("filter", "prerouting", -300, "drop"), marks);
    node.rules.base("to-hub", base("filter", "input", 0, "drop"), Vec::new());
    silent(&mut node.rules);
    for table in &plan.tables {
        let number = tables[table.id.as_str()];
        node.marks.insert(number);
        for (to, via) in &table.routes {
            let known = via.as_ref().filter(|via| plan.attachments.iter().any(|one| &one.id == *via));
            let hop = known.map_or(Hop::Blackhole, |id| Hop::Device(names::link(id), None));
            node.routes.insert(Route { table: number, to: *to, hop });
        }
    }
    node
}

/// Packets without a way vanish, as on AWS.
fn silent(rules: &mut Ruleset) {
    const FRAGMENTATION_NEEDED: u8 = 4;
    let body = vec![
        vec![
            is(field("icmp", "type"), "destination-unreachable"),
            is_not(field("icmp", "code"), FRAGMENTATION_NEEDED),
            drop(),
        ],
        vec![is(field("icmpv6", "type"), "destination-unreachable"), drop()],
    ];
    rules.base("silent", base("filter", "output", 0, "accept"), body);
}

/// What lies between VPCs and the host: see [`internet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Where public addresses come from. The host sends them to the internet namespace.
    pub public_range: Ipv4Net,
    /// The host's own address there; the only one of the host's that VPCs can reach.
    pub service_address: Ipv4Addr,
    /// Its ports they can reach.
    pub service_ports: Vec<u16>,
}

/// The internet: joins internet gateways with each other and with the host. VPCs' devices and routes come and go with
/// the VPCs ([`internet_routes`]); the rest is fixed. The host reaches public addresses; from inside, of the host only
/// the service address can be reached, on the service ports.
pub fn internet(outside: &Outside, names: &Names) -> Node {
    let mut node = Node::default();
    let kind = Cable::Link { namespace: String::new(), device: names.host_device() };
    node.devices.push(Device { name: HOST.to_owned(), mtu: INTERNET_MTU_BYTES, kind });
    node.reach(alone(outside.service_address), HOST);
    let mut body = vec![
        vec![is(ct("state"), any_of(["established", "related"])), accept()],
        vec![is(meta("iifname"), HOST), accept()],
        vec![is_not(meta("oifname"), HOST), accept()],
    ];
    if !outside.service_ports.is_empty() {
        let ports = any_of(outside.service_ports.iter().copied());
        let service = is(address("daddr", false), outside.service_address.to_string());
        body.push(vec![service, is(field("tcp", "dport"), ports), accept()]);
    }
    node.rules.base("between", base("filter", "forward", 0, "drop"), body);
    node.rules.base("to-internet", base("filter", "input", 0, "drop"), Vec::new());
    silent(&mut node.rules);
    node
}

/// The internet's routes to one VPC.
pub fn internet_routes(plan: &VpcPlan) -> Vec<Route> {
    let device = names::uplink(&plan.id);
    let gateway = plan.internet || plan.egress_only;
    let blocks: Vec<IpNet> = if gateway { announced(plan) } else { Vec::new() };
    blocks.into_iter().map(|to| Route { table: MAIN, to, hop: Hop::Device(device.clone(), None) }).collect()
}
