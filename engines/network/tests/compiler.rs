//! The compiler, without a kernel: plans in, chains and routes out.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use fogbank_network::compile::flows::Generation;
use fogbank_network::compile::node::{Cable, Hop, Node};
use fogbank_network::compile::{Surroundings, compile};
use fogbank_network::names::{self, Names};
use fogbank_network::plan::*;
use serde_json::Value;

/// `10.0.0.0/16` with one subnet, one group, two interfaces.
fn plan() -> VpcPlan {
    let interface = |id: &str, last: u8| InterfacePlan {
        id: id.into(),
        subnet: "subnet-1".into(),
        mac: [2, 0, 0, 0, 0, last],
        addresses: vec![[10, 0, 1, last].into()],
        prefixes: vec![],
        addresses6: vec![],
        public: vec![],
        groups: vec!["sg-1".into()],
        check: true,
        home: Some(Home { namespace: NamespaceId(format!("m-{id}")), device: "eth0".into(), index: 0 }),
    };
    let all = AclRule { number: 100, traffic: Traffic::All, cidr: net("0.0.0.0/0"), allow: true };
    VpcPlan {
        id: "vpc-1".into(),
        cidrs: vec![net("10.0.0.0/16")],
        subnets: vec![SubnetPlan {
            id: "subnet-1".into(),
            zone: "a".into(),
            cidr: Some("10.0.1.0/24".parse().unwrap()),
            cidr6: None,
            acl: "acl-1".into(),
            routes: vec![RoutePlan { to: net("10.0.0.0/16"), via: Target::Local }],
        }],
        interfaces: vec![interface("eni-a", 10), interface("eni-b", 11)],
        acls: vec![AclPlan { id: "acl-1".into(), ingress: vec![all.clone()], egress: vec![all] }],
        groups: vec![GroupPlan { id: "sg-1".into(), ingress: vec![], egress: vec![] }],
        resolver: true,
        ..VpcPlan::default()
    }
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn compiled(plan: &VpcPlan) -> Node {
    let names = Names::new("fb-").unwrap();
    let plans = BTreeMap::from([(plan.id.clone(), plan.clone())]);
    let around = Surroundings {
        names: &names,
        plans: &plans,
        down: &BTreeSet::new(),
        recording: Generation::default(),
    };
    compile(plan, &around)
}

/// A rule in few words: `key op value, …, verdict`.
fn words(rule: &[Value]) -> String {
    rule.iter().map(statement).collect::<Vec<_>>().join(", ")
}

fn statement(value: &Value) -> String {
    let (name, body) = value.as_object().unwrap().iter().next().unwrap();
    match name.as_str() {
        "match" if body["op"] == "==" => format!("{} {}", operand(&body["left"]), operand(&body["right"])),
        "match" => {
            format!("{} {} {}", operand(&body["left"]), body["op"].as_str().unwrap(), operand(&body["right"]))
        }
        "jump" | "goto" => format!("{name} {}", body["target"].as_str().unwrap()),
        "mangle" => format!("{} := {}", operand(&body["key"]), operand(&body["value"])),
        other => other.to_owned(),
    }
}

fn operand(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(object) => {
            let (name, body) = object.iter().next().unwrap();
            match name.as_str() {
                "payload" => {
                    format!("{} {}", body["protocol"].as_str().unwrap(), body["field"].as_str().unwrap())
                }
                "meta" => body["key"].as_str().unwrap().to_owned(),
                "ct" => format!("ct {}", body["key"].as_str().unwrap()),
                "prefix" => format!("{}/{}", body["addr"].as_str().unwrap(), body["len"]),
                "range" => format!("{}-{}", body[0], body[1]),
                "set" => format!(
                    "{{{}}}",
                    body.as_array().unwrap().iter().map(operand).collect::<Vec<_>>().join(" ")
                ),
                sign => body
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(operand)
                    .collect::<Vec<_>>()
                    .join(&format!(" {sign} ")),
            }
        }
        other => other.to_string(),
    }
}

fn chain(node: &Node, name: &str) -> Vec<String> {
    node.rules.chains[name].rules.iter().map(|rule| words(rule)).collect()
}

fn starting<'a>(node: &'a Node, beginning: &str) -> &'a str {
    node.rules.chains.keys().find(|name| name.starts_with(beginning)).unwrap()
}

/// What one ingress rule becomes.
fn check_group(traffic: Traffic, peer: Peer, expected: &[&str]) {
    let mut plan = plan();
    plan.groups[0].ingress = vec![GroupRule { traffic, peer }];
    plan.lists = vec![PrefixListPlan { id: "pl-1".into(), entries: vec![net("192.0.2.0/24")] }];
    assert_eq!(chain(&compiled(&plan), "ig-sg-1"), expected, "{traffic:?}");
}

#[test]
fn a_groups_rule_becomes_what_it_says() {
    let block = || Peer::Cidr(net("192.0.2.0/24"));
    let one = || Peer::Cidr(net("192.0.2.1/32"));
    let any = || Peer::Cidr(net("0.0.0.0/0"));
    let any6 = || Peer::Cidr(net("::/0"));
    let group = || Peer::Group("sg-1".into());
    let from = "ip saddr 192.0.2.0/24";
    check_group(Traffic::All, block(), &[&format!("{from}, accept")]);
    check_group(Traffic::Tcp(22, 22), block(), &[&format!("{from}, tcp dport 22, accept")]);
    check_group(Traffic::Tcp(0, 65535), one(), &["ip saddr 192.0.2.1, l4proto tcp, accept"]);
    check_group(Traffic::Udp(5000, 5010), block(), &[&format!("{from}, udp dport 5000-5010, accept")]);
    check_group(Traffic::Icmp(None, None), any(), &["nfproto ipv4, l4proto icmp, accept"]);
    check_group(Traffic::Icmp(Some(8), None), any(), &["nfproto ipv4, l4proto icmp, icmp type 8, accept"]);
    check_group(
        Traffic::Icmp(Some(3), Some(4)),
        any(),
        &["nfproto ipv4, l4proto icmp, icmp type 3, icmp code 4, accept"],
    );
    check_group(Traffic::Icmp(None, None), any6(), &[]);
    check_group(Traffic::Icmp6(None, None), any6(), &["nfproto ipv6, l4proto ipv6-icmp, accept"]);
    check_group(Traffic::Icmp6(None, None), any(), &[]);
    check_group(Traffic::Other(50), block(), &[&format!("{from}, l4proto 50, accept")]);
    check_group(
        Traffic::Tcp(443, 443),
        group(),
        &["ip saddr @m4-sg-1, tcp dport 443, accept", "ip6 saddr @m6-sg-1, tcp dport 443, accept"],
    );
    check_group(Traffic::Icmp(None, None), group(), &["ip saddr @m4-sg-1, l4proto icmp, accept"]);
    check_group(
        Traffic::All,
        Peer::List("pl-1".into()),
        &["ip saddr @l4-pl-1, accept", "ip6 saddr @l6-pl-1, accept"],
    );
}

#[test]
fn what_anybody_may_open_is_marked_only_when_answers_may_go_anywhere() {
    let any = || Peer::Cidr(net("0.0.0.0/0"));
    let mut plan = plan();
    plan.groups[0].ingress = vec![GroupRule { traffic: Traffic::Tcp(80, 80), peer: any() }];
    assert_eq!(chain(&compiled(&plan), "ig-sg-1"), ["nfproto ipv4, tcp dport 80, accept"]);
    plan.groups[0].egress = vec![GroupRule { traffic: Traffic::Tcp(0, 65535), peer: any() }];
    assert_eq!(
        chain(&compiled(&plan), "igt-sg-1"),
        ["nfproto ipv4, tcp dport 80, ct mark := ct mark | 2, accept"]
    );
    // Answers to UDP may not go anywhere, so "all traffic" is tracked as a whole.
    plan.groups[0].ingress = vec![GroupRule { traffic: Traffic::All, peer: any() }];
    assert_eq!(chain(&compiled(&plan), "igt-sg-1"), ["nfproto ipv4, accept"]);
    plan.groups[0].egress = vec![GroupRule { traffic: Traffic::All, peer: any() }];
    let expected =
        ["nfproto ipv4, l4proto != {tcp udp}, accept", "nfproto ipv4, ct mark := ct mark | 2, accept"];
    assert_eq!(chain(&compiled(&plan), "igtu-sg-1"), expected);
}

#[test]
fn groups_of_an_interface_are_asked_one_after_the_other_and_then_it_ends() {
    let mut plan = plan();
    plan.groups.push(GroupPlan { id: "sg-2".into(), ingress: vec![], egress: vec![] });
    plan.interfaces[0].groups = vec!["sg-2".into(), "sg-1".into(), "sg-unknown".into()];
    plan.interfaces.pop();
    let node = compiled(&plan);
    assert_eq!(chain(&node, starting(&node, "is-")), ["jump ig-sg-1", "jump ig-sg-2", "goto refuse-in"]);
    assert_eq!(chain(&node, starting(&node, "os-")), ["jump og-sg-1", "jump og-sg-2", "goto refuse-out"]);
}

#[test]
fn acl_entries_are_in_the_order_of_their_numbers_and_end_in_a_refusal() {
    let mut plan = plan();
    let entry = |number, traffic, cidr: &str, allow| AclRule { number, traffic, cidr: net(cidr), allow };
    plan.acls[0].ingress = vec![
        entry(200, Traffic::Tcp(1024, 65535), "0.0.0.0/0", true),
        entry(100, Traffic::Tcp(22, 22), "203.0.113.0/24", false),
        entry(150, Traffic::Icmp(None, None), "::/0", true),
    ];
    let node = compiled(&plan);
    assert_eq!(
        chain(&node, "acl-in-acl-1"),
        [
            "ip saddr 203.0.113.0/24, tcp dport 22, goto refuse-in",
            "nfproto ipv4, tcp dport 1024-65535, return",
            "goto refuse-in"
        ]
    );
    assert_eq!(chain(&node, "edge-in-subnet-1"), ["iifname @s-subnet-1, return", "goto acl-in-acl-1"]);
    plan.acls.clear();
    assert_eq!(chain(&compiled(&plan), "edge-in-subnet-1")[1], "goto refuse-in", "an ACL that is not there");
}

/// Where a route of the subnet leads.
fn check_hop(to: &str, via: Target, expected: Hop) {
    let mut plan = plan();
    plan.internet = true;
    plan.egress_only = true;
    plan.nats = vec![NatPlan {
        id: "nat-1".into(),
        subnet: "subnet-1".into(),
        private: [10, 0, 1, 99].into(),
        public: None,
    }];
    plan.peerings = vec![PeeringPlan {
        id: "pcx-1".into(),
        other_vpc: "vpc-2".into(),
        other_cidrs: vec![net("10.1.0.0/16")],
    }];
    plan.links = vec![LinkPlan { id: "tgw-1".into(), attachment: "tgw-attach-1".into(), subnet: None }];
    plan.subnets[0].routes = vec![RoutePlan { to: net(to), via }];
    let node = compiled(&plan);
    let table = names::mark("subnet-1");
    let route = node.routes.iter().find(|route| route.table == table).unwrap();
    assert_eq!(route.hop, expected, "{to}");
}

#[test]
fn routes_lead_where_their_targets_are_and_nowhere_when_there_are_none() {
    let out = |device: &str| Hop::Device(device.into(), None);
    check_hop("10.0.0.0/16", Target::Local, Hop::Throw);
    check_hop("0.0.0.0/0", Target::Internet, out("wan"));
    check_hop("::/0", Target::EgressOnly, out("wan"));
    check_hop("0.0.0.0/0", Target::EgressOnly, Hop::Blackhole);
    check_hop(
        "0.0.0.0/0",
        Target::Nat("nat-1".into()),
        Hop::Device("n1".into(), Some([10, 0, 1, 99].into())),
    );
    check_hop("0.0.0.0/0", Target::Nat("nat-2".into()), Hop::Blackhole);
    check_hop(
        "10.9.0.0/16",
        Target::Interface("eni-a".into()),
        Hop::Device("ea".into(), Some([10, 0, 1, 10].into())),
    );
    check_hop("::/0", Target::Interface("eni-a".into()), Hop::Blackhole);
    check_hop("10.1.0.0/16", Target::Peering("pcx-1".into()), out("p1"));
    check_hop("10.1.0.0/16", Target::Peering("pcx-2".into()), Hop::Blackhole);
    check_hop("10.2.0.0/16", Target::Link("tgw-1".into()), out("t1"));
    check_hop("192.0.2.0/24", Target::Endpoint("vpce-1".into()), Hop::Blackhole);
    check_hop("192.0.2.0/24", Target::Blackhole, Hop::Blackhole);
}

#[test]
fn a_peering_that_the_other_side_does_not_have_is_no_cable() {
    let mut plan = plan();
    plan.peerings = vec![PeeringPlan {
        id: "pcx-1".into(),
        other_vpc: "vpc-2".into(),
        other_cidrs: vec![net("10.1.0.0/16")],
    }];
    let peerings =
        compiled(&plan).devices.into_iter().filter(|device| matches!(device.kind, Cable::Link { .. }));
    assert_eq!(peerings.count(), 0);
}

#[test]
fn a_moved_elastic_ip_changes_two_map_entries_and_no_chain() {
    let mut plan = plan();
    plan.internet = true;
    plan.interfaces[0].public = vec![([10, 0, 1, 10].into(), [198, 18, 0, 1].into())];
    let before = compiled(&plan).rules;
    plan.interfaces[0].public.clear();
    plan.interfaces[1].public = vec![([10, 0, 1, 11].into(), [198, 18, 0, 1].into())];
    let commands = compiled(&plan).rules.since(Some(&before));
    let kinds: Vec<String> =
        commands.iter().map(|command| command.as_object().unwrap().keys().next().unwrap().clone()).collect();
    assert_eq!(kinds, ["delete", "add", "delete", "add"]);
    assert!(commands.iter().all(|command| command.to_string().contains("element")));
}

#[test]
fn an_interface_that_is_plugged_into_nothing_is_a_member_but_no_device() {
    let mut plan = plan();
    plan.groups[0].ingress = vec![GroupRule { traffic: Traffic::All, peer: Peer::Group("sg-1".into()) }];
    plan.interfaces[1].home = None;
    let node = compiled(&plan);
    assert_eq!(node.devices.len(), 1);
    let members: Vec<_> = node.rules.sets["m4-sg-1"].elements.values().collect();
    assert_eq!(members, ["10.0.1.10", "10.0.1.11"]);
}
