//! What a router itself answers: metadata, the resolver, endpoints. All else that is addressed to it is dropped.
//!
//! AWS's security groups and ACLs do not apply to metadata, DNS and time (VPC user guide, "network ACLs"); they do
//! apply to interface endpoints.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::json;

use super::expression::*;
use super::firewall::{endpoint_addresses, known_connections};
use super::groups::{Chains, Direction, UNTRACKED_OUT};
use super::ruleset::{Base, Ruleset, Set};
use super::traffic::{address, range};
use crate::names::{self, ENDPOINT, METADATA, METADATA6, RESOLVER, RESOLVER6, TIME};
use crate::plan::{EndpointPlan, IpNet, Target, VpcPlan};

pub fn write(rules: &mut Ruleset, plan: &VpcPlan, chains: &Chains<'_>) {
    gateway_endpoints(rules, plan);
    let guarded = interface_endpoints(rules, plan, chains);
    let base = Base { kind: "filter", hook: "input", priority: 0, policy: "drop" };
    let mut body = vec![vec![is(meta("iifname"), "lo"), accept()]];
    body.push(vec![is(ct("state"), any_of(["established", "related"])), accept()]);
    body.push(vec![
        is(field("icmpv6", "type"), any_of(["nd-neighbor-solicit", "nd-neighbor-advert"])),
        accept(),
    ]);
    let to = |place: IpAddr| {
        let guest = is_in(meta("iifname"), "guests");
        [guest, is(address("daddr", place.is_ipv6()), place.to_string())]
    };
    let mut allow = |place: IpAddr, protocol: &str, port: u16| {
        body.push([&to(place)[..], &[is(field(protocol, "dport"), port), accept()]].concat());
    };
    allow(METADATA.into(), "tcp", 80);
    allow(METADATA6.into(), "tcp", 80);
    allow(TIME.into(), "udp", 123);
    for resolver in resolvers(plan) {
        allow(resolver, "udp", 53);
        allow(resolver, "tcp", 53);
    }
    // Only what a route sent here, not what names this address by itself.
    let translated = json!({ "match": { "op": "in", "left": ct("status"), "right": "dnat" } });
    let endpoint = [&to(ENDPOINT.into())[..], &[translated, is(meta("l4proto"), "tcp"), accept()]];
    body.push(endpoint.concat());
    body.extend(guarded);
    rules.base("to-router", base, body);
    output(rules);
}

/// Where the VPC's resolver answers: the link-local addresses, and the base of each block plus two.
pub fn resolvers(plan: &VpcPlan) -> Vec<IpAddr> {
    if !plan.resolver {
        return Vec::new();
    }
    let base = |cidr: &IpNet| match cidr {
        IpNet::V4(cidr) => Some(IpAddr::V4(Ipv4Addr::from_bits(cidr.network().to_bits().saturating_add(2)))),
        IpNet::V6(_) => None,
    };
    let mut resolvers = vec![RESOLVER.into(), RESOLVER6.into()];
    resolvers.extend(plan.cidrs.iter().filter_map(base));
    resolvers
}

/// Where a subnet's route leads to a gateway endpoint, packets for the service end in the router.
fn gateway_endpoints(rules: &mut Ruleset, plan: &VpcPlan) {
    let mut body = Vec::new();
    for endpoint in &plan.endpoints {
        let EndpointPlan::Gateway { id, services } = endpoint else { continue };
        let leads = |route: &crate::plan::RoutePlan| route.via == Target::Endpoint(id.clone());
        let subnets = plan.subnets.iter().filter(|subnet| subnet.routes.iter().any(leads));
        let marks: Vec<u32> = subnets.map(|subnet| names::mark(&subnet.id)).collect();
        let v4: Vec<_> =
            services.iter().filter(|cidr| cidr.addr().is_ipv4()).map(|cidr| range(*cidr)).collect();
        if marks.is_empty() || v4.is_empty() {
            continue;
        }
        let taken = json!({ "dnat": { "family": "ip", "addr": ENDPOINT.to_string() } });
        let tcp = is(meta("l4proto"), "tcp");
        body.push(vec![is(meta("mark"), any_of(marks)), is(address("daddr", false), any_of(v4)), tcp, taken]);
    }
    let base = Base { kind: "nat", hook: "prerouting", priority: -100, policy: "accept" };
    rules.base("services", base, body);
}

/// Calls to interface endpoints pass the caller's groups and the endpoint's.
fn interface_endpoints(rules: &mut Ruleset, plan: &VpcPlan, chains: &Chains<'_>) -> Vec<Rule> {
    for (name, kind) in [("endpoints4", "ipv4_addr"), ("endpoints6", "ipv6_addr")] {
        rules.set(name, Set::map(kind, "verdict"));
    }
    for endpoint in &plan.endpoints {
        let EndpointPlan::Interface { addresses, groups, .. } = endpoint else { continue };
        for place in addresses {
            let verdict = match groups.is_empty() {
                true => accept(),
                false => goto(&chains.write(rules, groups, Direction::In)),
            };
            let map = if place.is_ipv6() { "endpoints6" } else { "endpoints4" };
            rules.set(map, Set::default()).insert(json!([place.to_string(), verdict]));
        }
    }
    let mut callers = known_connections(UNTRACKED_OUT);
    let places: Vec<IpAddr> = endpoint_addresses(plan).chain([IpAddr::V4(ENDPOINT)]).collect();
    for v6 in [false, true] {
        let of_family: Vec<String> =
            places.iter().filter(|place| place.is_ipv6() == v6).map(IpAddr::to_string).collect();
        if !of_family.is_empty() {
            let to_one = is(address("daddr", v6), any_of(of_family));
            callers.push(vec![to_one, verdict_of(meta("iifname"), "egress")]);
        }
    }
    let base = Base { kind: "filter", hook: "input", priority: -10, policy: "accept" };
    rules.base("callers", base, callers);
    let guest = || is_in(meta("iifname"), "guests");
    vec![
        vec![guest(), verdict_of(address("daddr", false), "endpoints4")],
        vec![guest(), verdict_of(address("daddr", true), "endpoints6")],
    ]
}

/// A packet that has no way vanishes on AWS: the router does not say that there is none. Other errors pass, among them
/// that a packet is too big.
fn output(rules: &mut Ruleset) {
    const FRAGMENTATION_NEEDED: u8 = 4;
    let unreachable = is(field("icmp", "type"), "destination-unreachable");
    let body = vec![
        vec![unreachable, is_not(field("icmp", "code"), FRAGMENTATION_NEEDED), drop()],
        vec![is(field("icmp", "type"), "redirect"), drop()],
        vec![is(field("icmpv6", "type"), any_of(["destination-unreachable", "nd-redirect"])), drop()],
    ];
    let base = Base { kind: "filter", hook: "output", priority: 0, policy: "accept" };
    rules.base("from-router", base, body);
}
