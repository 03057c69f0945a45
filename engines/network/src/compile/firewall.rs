//! The chains of a VPC's router, in the order packets pass them. docs/network.md has the picture.
//!
//! `arrive` (before connection tracking): is it who it claims to be? → `services`: gateway endpoints → `acls`: subnets'
//! edges → `groups-out`: the sender's security groups → `groups-in`: the receiver's → `leave`: public addresses.
//! A chain that accepts hands on to the next; a chain that drops ends the packet.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::Surroundings;
use super::acls;
use super::expression::*;
use super::flows;
use super::groups::{self, Chains, Direction, UNTRACKED_IN, UNTRACKED_OUT};
use super::ports::Port;
use super::ruleset::{Base, Ruleset, Set};
use super::traffic::{self, address, family};
use crate::names::{self, WAN};
use crate::plan::{EndpointPlan, IpNet, PeeringPlan, Target, VpcPlan};

/// The rules of a VPC. `ports` are the interfaces that are plugged in.
pub fn write(plan: &VpcPlan, ports: &[Port<'_>], around: &Surroundings<'_>) -> Ruleset {
    let mut rules = Ruleset::default();
    declare(&mut rules, plan);
    for port in ports {
        enlist(&mut rules, port);
    }
    for end in edges(plan) {
        rules.set("edges", Set::default()).insert(end);
    }
    let members = groups::members(plan, around.plans);
    let chains = Chains::new(plan, &members);
    arrive(&mut rules, plan, ports);
    subnets(&mut rules, plan, ports);
    security_groups(&mut rules, plan, ports, &chains);
    super::router_local::write(&mut rules, plan, &chains);
    leave(&mut rules, plan);
    let device = |id: &str| ports.iter().find(|port| port.id == id).map(|port| port.device.clone());
    flows::write(&mut rules, plan, device, around.recording);
    rules
}

/// The devices that lead out of the VPC.
fn edges(plan: &VpcPlan) -> Vec<String> {
    let gateway = (plan.internet || plan.egress_only).then(|| WAN.to_owned());
    let peerings = plan.peerings.iter().map(|peering| names::peering(&peering.id));
    let links = plan.links.iter().map(|link| names::link(&link.attachment));
    gateway.into_iter().chain(peerings).chain(links).collect()
}

fn declare(rules: &mut Ruleset, plan: &VpcPlan) {
    for name in ["down", "guests", "edges", "unchecked"] {
        rules.set(name, Set::of(&["ifname"]));
    }
    rules.set("macs", Set::of(&["ifname", "ether_addr"]));
    rules.set("owned4", Set::of(&["ifname", "ipv4_addr"]));
    rules.set("owned6", Set::of(&["ifname", "ipv6_addr"]));
    for name in ["arrivals", "acl-out", "acl-in", "egress", "ingress"] {
        rules.set(name, Set::map("ifname", "verdict"));
    }
    rules.set("marks", Set::map("ifname", "mark"));
    for name in ["public-in", "public-out"] {
        rules.set(name, Set::map("ipv4_addr", "ipv4_addr"));
    }
    for (name, v6) in [("own4", false), ("own6", true)] {
        blocks(rules, name, v6, &plan.cidrs);
    }
    let reachable = plan.subnets.iter().filter(|subnet| {
        let open =
            |route: &crate::plan::RoutePlan| route.via == Target::Internet && route.to.addr().is_ipv6();
        subnet.routes.iter().any(open)
    });
    let open: Vec<IpNet> = reachable.filter_map(|subnet| subnet.cidr6).map(IpNet::V6).collect();
    blocks(rules, "open6", true, &open);
}

/// A set of the blocks of one family.
pub fn blocks(rules: &mut Ruleset, name: &str, v6: bool, cidrs: &[IpNet]) {
    let set = rules.set(name, Set::ranges(&[if v6 { "ipv6_addr" } else { "ipv4_addr" }]));
    let of_family: Vec<IpNet> = cidrs.iter().copied().filter(|cidr| cidr.addr().is_ipv6() == v6).collect();
    IpNet::aggregate(&of_family).into_iter().for_each(|cidr| set.insert(traffic::range(cidr)));
}

fn enlist(rules: &mut Ruleset, port: &Port<'_>) {
    let device = port.device.as_str();
    let mut add = |set: &str, element: Value| rules.set(set, Set::default()).insert(element);
    add("guests", device.into());
    if port.down {
        add("down", device.into());
    }
    if !port.check {
        add("unchecked", device.into());
    }
    let mac = port.mac.map(|byte| format!("{byte:02x}")).join(":");
    add("macs", both(device.into(), mac.into()));
    for owned in &port.addresses {
        add("owned4", both(device.into(), owned.to_string().into()));
    }
    for owned in &port.addresses6 {
        add("owned6", both(device.into(), owned.to_string().into()));
    }
    add("marks", json!([device, names::mark(&port.subnet.id)]));
    add("arrivals", json!([device, goto("from-guest")]));
    for prefix in port.prefixes {
        let (name, kind) =
            if prefix.addr().is_ipv6() { ("delegated6", "ipv6_addr") } else { ("delegated4", "ipv4_addr") };
        let set = rules.set(name, Set::ranges(&["ifname", kind]));
        set.insert(both(device.into(), traffic::range(*prefix)));
    }
}

/// Before connection tracking: packets that are not what they claim to be end here, and so do those of zones that are
/// down. What passes is marked with its subnet, by whose route table it travels.
fn arrive(rules: &mut Ruleset, plan: &VpcPlan, ports: &[Port<'_>]) {
    let base = Base { kind: "filter", hook: "prerouting", priority: -300, policy: "drop" };
    let body = vec![
        vec![is(meta("iifname"), "lo"), accept()],
        vec![is_in(meta("iifname"), "down"), drop()],
        vec![verdict_of(meta("iifname"), "arrivals")],
    ];
    rules.base("arrive", base, body);
    from_guest(rules, ports.iter().any(|port| !port.prefixes.is_empty()));
    if plan.internet || plan.egress_only {
        rules.set("arrivals", Set::default()).insert(json!([WAN, goto("from-internet")]));
        let public = field("ip", "daddr");
        let mut body = vec![vec![family(true), accept()]];
        body.insert(0, vec![set_from_map(public.clone(), public, "public-in"), accept()]);
        body.push(vec![drop()]);
        if let Some(edge) = plan.edges.iter().find(|edge| edge.from == Target::Internet) {
            body.insert(0, vec![set_mark(names::mark(&edge.gateway))]);
        }
        rules.chain("from-internet", body);
    }
    for peering in &plan.peerings {
        from_peer(rules, peering);
    }
    for link in &plan.links {
        let device = names::link(&link.attachment);
        let edge = plan.edges.iter().find(|edge| edge.from == Target::Link(link.id.clone()));
        if let Some(id) = edge.map(|edge| &edge.gateway).or(link.subnet.as_ref()) {
            rules.set("marks", Set::default()).insert(json!([device, names::mark(id)]));
        }
        rules.set("arrivals", Set::default()).insert(json!([device, goto("from-link")]));
    }
    if !plan.links.is_empty() {
        let body = vec![
            vec![is_in(address("saddr", false), "own4"), drop()],
            vec![is_in(address("saddr", true), "own6"), drop()],
            vec![set_from_map(meta("mark"), meta("iifname"), "marks"), accept()],
            vec![accept()],
        ];
        rules.chain("from-link", body);
    }
}

fn from_guest(rules: &mut Ruleset, delegated: bool) {
    let device = || meta("iifname");
    let discovery = any_of(["nd-router-solicit", "nd-neighbor-solicit", "nd-neighbor-advert"]);
    let mut body = vec![
        vec![is_not_in(both(device(), field("ether", "saddr")), "macs"), drop()],
        vec![is(field("icmpv6", "type"), discovery), is(field("ip6", "hoplimit"), 255), accept()],
        vec![set_from_map(meta("mark"), device(), "marks")],
        vec![is_in(device(), "unchecked"), accept()],
        vec![is_in(both(device(), address("saddr", false)), "owned4"), accept()],
        vec![is_in(both(device(), address("saddr", true)), "owned6"), accept()],
    ];
    for (set, v6) in [("delegated4", false), ("delegated6", true)] {
        if delegated && rules.sets.contains_key(set) {
            body.push(vec![is_in(both(device(), address("saddr", v6)), set), accept()]);
        }
    }
    body.push(vec![drop()]);
    rules.chain("from-guest", body);
}

/// Peering is not transitive: only between the blocks of the two VPCs.
fn from_peer(rules: &mut Ruleset, peering: &PeeringPlan) {
    let device = names::peering(&peering.id);
    let chain = format!("from-{}", peering.id);
    rules.set("arrivals", Set::default()).insert(json!([device, goto(&chain)]));
    let mut body = Vec::new();
    for (digit, v6) in [('4', false), ('6', true)] {
        let theirs = format!("peer{digit}-{}", peering.id);
        blocks(rules, &theirs, v6, &peering.other_cidrs);
        let source = is_in(address("saddr", v6), &theirs);
        body.push(vec![source, is_in(address("daddr", v6), &format!("own{digit}")), accept()]);
    }
    body.push(vec![drop()]);
    rules.chain(chain, body);
}

fn subnets(rules: &mut Ruleset, plan: &VpcPlan, ports: &[Port<'_>]) {
    for port in ports {
        let inside = format!("s-{}", port.subnet.id);
        rules.set(inside, Set::of(&["ifname"])).insert(port.device.as_str());
        for (map, direction) in [("acl-out", Direction::Out), ("acl-in", Direction::In)] {
            let chain = acls::edge(rules, port.subnet, direction, &plan.acls);
            rules.set(map, Set::default()).insert(json!([port.device, jump(&chain)]));
        }
    }
    let base = Base { kind: "filter", hook: "forward", priority: -20, policy: "accept" };
    let body =
        vec![vec![verdict_of(meta("iifname"), "acl-out")], vec![verdict_of(meta("oifname"), "acl-in")]];
    rules.base("acls", base, body);
}

fn security_groups(rules: &mut Ruleset, plan: &VpcPlan, ports: &[Port<'_>], chains: &Chains<'_>) {
    for port in ports {
        let guarded = !port.groups.is_empty();
        if guarded {
            let chain = chains.write(rules, port.groups, Direction::Out);
            rules.set("egress", Set::default()).insert(json!([port.device, goto(&chain)]));
        }
        let verdict = match guarded {
            true => goto(&chains.write(rules, port.groups, Direction::In)),
            false => accept(),
        };
        rules.set("ingress", Set::default()).insert(json!([port.device, verdict]));
    }
    let mut out = vec![vec![is(ct("state"), "invalid"), drop()]];
    out.extend(known_connections(UNTRACKED_OUT));
    out.push(vec![verdict_of(meta("iifname"), "egress")]);
    let base = Base { kind: "filter", hook: "forward", priority: -10, policy: "accept" };
    rules.base("groups-out", base, out);

    let mut inward = destination_check(ports);
    inward.push(vec![is_in(meta("iifname"), "edges"), is_in(meta("oifname"), "edges"), drop()]);
    inward.extend(known_connections(UNTRACKED_IN));
    let unasked = vec![
        is(meta("iifname"), WAN),
        is(ct("state"), "new"),
        is_not_in(address("daddr", true), "open6"),
        drop(),
    ];
    inward.push(unasked);
    inward.push(vec![verdict_of(meta("oifname"), "ingress")]);
    inward.extend(onwards(rules, plan));
    inward.push(vec![goto(Direction::In.refusal())]);
    let base = Base { kind: "filter", hook: "forward", priority: 0, policy: "drop" };
    rules.base("groups-in", base, inward);
}

/// Answers, and whatever belongs to a connection once allowed; except what AWS would not track.
pub fn known_connections(bit: u32) -> Vec<Rule> {
    vec![
        vec![is(ct("direction"), "reply"), accept()],
        vec![is(ct("state"), "related"), accept()],
        vec![is(ct("state"), "established"), unmarked_connection(bit), accept()],
    ]
}

/// Packets that a route sent to an interface they are not addressed to.
fn destination_check(ports: &[Port<'_>]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (digit, v6) in [('4', false), ('6', true)] {
        let mut rule = vec![
            is_in(meta("oifname"), "guests"),
            is_not_in(both(meta("oifname"), address("daddr", v6)), &format!("owned{digit}")),
            is_not_in(meta("oifname"), "unchecked"),
        ];
        if ports.iter().flat_map(|port| port.prefixes).any(|prefix| prefix.addr().is_ipv6() == v6) {
            let delegated = format!("delegated{digit}");
            rule.push(is_not_in(both(meta("oifname"), address("daddr", v6)), &delegated));
        }
        rule.push(goto(Direction::In.refusal()));
        rules.push(rule);
    }
    rules
}

/// Out of the VPC. Routes decide whether packets come here at all.
fn onwards(rules: &mut Ruleset, plan: &VpcPlan) -> Vec<Rule> {
    let mut body = vec![vec![is(meta("oifname"), WAN), accept()]];
    for peering in &plan.peerings {
        for (digit, v6) in [('4', false), ('6', true)] {
            body.push(vec![
                is(meta("oifname"), names::peering(&peering.id)),
                is_in(address("saddr", v6), &format!("own{digit}")),
                is_in(address("daddr", v6), &format!("peer{digit}-{}", peering.id)),
                accept(),
            ]);
        }
    }
    let links: Vec<_> = plan.links.iter().map(|link| names::link(&link.attachment)).collect();
    if !links.is_empty() {
        let set = rules.set("links", Set::of(&["ifname"]));
        links.into_iter().for_each(|link| set.insert(link));
        body.push(vec![is_in(meta("oifname"), "links"), accept()]);
    }
    body
}

/// At the end: public addresses one to one (what has none does not pass an internet gateway), and zones that are down.
/// The translation is stateless, as the internet gateway's is: an Elastic IP that moves takes all packets with it.
fn leave(rules: &mut Ruleset, plan: &VpcPlan) {
    let interfaces = plan.interfaces.iter().flat_map(|interface| interface.public.iter().copied());
    let nats = plan.nats.iter().filter_map(|nat| Some((nat.private, nat.public?)));
    for (private, public) in interfaces.chain(nats).filter(|_| plan.internet) {
        let (private, public) = (private.to_string(), public.to_string());
        rules.set("public-in", Set::default()).insert(json!([public, private]));
        rules.set("public-out", Set::default()).insert(json!([private, public]));
    }
    let private = field("ip", "saddr");
    let wan = || is(meta("oifname"), WAN);
    let body = vec![
        vec![is_in(meta("oifname"), "down"), drop()],
        vec![wan(), set_from_map(private.clone(), private, "public-out"), accept()],
        vec![wan(), family(false), drop()],
    ];
    let base = Base { kind: "filter", hook: "postrouting", priority: 300, policy: "accept" };
    rules.base("leave", base, body);
}

/// The addresses an interface endpoint answers at.
pub fn endpoint_addresses(plan: &VpcPlan) -> impl Iterator<Item = IpAddr> {
    plan.endpoints.iter().flat_map(|endpoint| match endpoint {
        EndpointPlan::Interface { addresses, .. } => addresses.clone(),
        EndpointPlan::Gateway { .. } => Vec::new(),
    })
}
