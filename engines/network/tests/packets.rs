//! What passes and what does not, with real packets between network namespaces. Needs root; says so otherwise.
#![allow(clippy::unwrap_used, reason = "tests")]

mod lab;

use std::net::{Ipv4Addr, SocketAddr};

use fogbank_network::plan::*;
use lab::*;

const WEB: Ipv4Addr = Ipv4Addr::new(10, 50, 1, 10);
const QUIET: Ipv4Addr = Ipv4Addr::new(10, 50, 1, 11);
const DATA: Ipv4Addr = Ipv4Addr::new(10, 50, 2, 10);

/// The machines of the prototype: one that serves the world, one that lets nothing in, one for the first alone.
struct Three {
    plan: VpcPlan,
    web: Machine,
    quiet: Machine,
    data: Machine,
}

fn three(lab: &Lab) -> Three {
    let (web, quiet, data) = (lab.machine("web"), lab.machine("quiet"), lab.machine("data"));
    let mut plan = vpc(50);
    plan.groups = vec![
        group(
            "sg-web",
            vec![allow(Traffic::Tcp(80, 80), "0.0.0.0/0"), allow(Traffic::Icmp(Some(8), None), "0.0.0.0/0")],
        ),
        group("sg-none", vec![]),
        group(
            "sg-data",
            vec![allow(Traffic::Tcp(5432, 5433), "sg-web"), allow(Traffic::Tcp(8082, 8082), "sg-web")],
        ),
    ];
    plan.interfaces = vec![
        interface(&web, 50, 1, 10, &["sg-web"]),
        interface(&quiet, 50, 1, 11, &["sg-none"]),
        interface(&data, 50, 2, 10, &["sg-data"]),
    ];
    lab.apply(&plan);
    for port in [80, 81] {
        web.serve(port);
        quiet.serve(port);
    }
    for port in [5432, 5433, 8082] {
        data.serve(port);
    }
    Three { plan, web, quiet, data }
}

#[test]
fn groups_allow_and_deny_also_within_a_subnet() {
    let Some(lab) = lab() else { return };
    let Three { web, quiet, data, .. } = three(&lab);
    assert_eq!(quiet.connect(WEB, 80), Met::Open("10.50.1.11".into()));
    assert_eq!(quiet.connect(WEB, 81), Met::Silence);
    assert_eq!(data.connect(WEB, 80), Met::Open("10.50.2.10".into()));
    assert_eq!(web.connect(QUIET, 80), Met::Silence);
    assert!(quiet.ping(WEB));
    assert!(!web.ping(QUIET));
}

#[test]
fn a_group_as_source_admits_its_members_only() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, data } = three(&lab);
    assert!(web.connect(DATA, 5432).open());
    assert!(web.connect(DATA, 5433).open());
    assert_eq!(quiet.connect(DATA, 5432), Met::Silence);
    assert_eq!(web.connect(DATA, 5434), Met::Silence);
    plan.interfaces[1].groups.push("sg-web".into());
    lab.apply(&plan);
    assert!(quiet.connect(DATA, 5432).open());
    plan.interfaces[0].groups = vec!["sg-none".into()];
    lab.apply(&plan);
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
    drop(data);
}

#[test]
fn outward_rules_hold_and_answers_need_none() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, .. } = three(&lab);
    plan.groups[0].egress = vec![allow(Traffic::Tcp(5432, 5432), "10.50.2.0/24")];
    lab.apply(&plan);
    assert!(web.connect(DATA, 5432).open());
    assert_eq!(web.connect(DATA, 5433), Met::Silence);
    assert!(quiet.connect(WEB, 80).open());
}

#[test]
fn acls_are_stateless_numbered_and_only_at_the_edge() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, .. } = three(&lab);
    let deny = |number, traffic| AclRule { number, traffic, cidr: net("0.0.0.0/0"), allow: false };
    plan.acls[1].ingress.push(deny(50, Traffic::Tcp(8082, 8082)));
    lab.apply(&plan);
    assert_eq!(web.connect(DATA, 8082), Met::Silence);
    assert!(web.connect(DATA, 5432).open());
    // Answers go to an ephemeral port, and nobody remembers that they are answers.
    plan.acls[1].egress.push(deny(50, Traffic::Tcp(1024, 65535)));
    lab.apply(&plan);
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
    // A lower number decides first.
    plan.acls[1].egress.push(AclRule {
        number: 40,
        traffic: Traffic::Tcp(1024, 65535),
        cidr: net("10.50.1.10/32"),
        allow: true,
    });
    lab.apply(&plan);
    assert!(web.connect(DATA, 5432).open());
    // Within a subnet there is no edge.
    plan.acls[0].ingress.clear();
    plan.acls[0].egress.clear();
    lab.apply(&plan);
    assert!(quiet.connect(WEB, 80).open());
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
}

#[test]
fn a_spoofed_source_does_not_leave_its_machine() {
    let Some(lab) = lab() else { return };
    let Three { plan, web, quiet, .. } = three(&lab);
    web.run("ip addr add 10.50.1.77/24 dev eth0");
    let receiver = quiet.inside(|| std::net::UdpSocket::bind("0.0.0.0:9").unwrap());
    let honest = web.inside(|| std::net::UdpSocket::bind((WEB, 0)).unwrap());
    let liar = web.inside(|| std::net::UdpSocket::bind("10.50.1.77:0").unwrap());
    let mut open = plan.clone();
    open.groups[1].ingress.push(allow(Traffic::Udp(9, 9), "0.0.0.0/0"));
    lab.apply(&open);
    let to = SocketAddr::from((QUIET, 9));
    assert!(datagram_arrives(&honest, &receiver, to));
    assert!(!datagram_arrives(&liar, &receiver, to));
    // Nor does another hardware address.
    web.run("ip link set eth0 address 02:00:00:00:00:99");
    assert!(!datagram_arrives(&honest, &receiver, to));
}

#[test]
fn metadata_is_reached_by_private_address_and_other_ports_of_the_router_are_not() {
    let Some(lab) = lab() else { return };
    let Three { quiet, .. } = three(&lab);
    for (address, port) in
        [("169.254.169.254", 80), ("169.254.169.254", 81), ("10.50.1.1", 82), ("10.50.0.2", 53)]
    {
        let at = SocketAddr::new(address.parse().unwrap(), port);
        serve(lab.runtime.block_on(lab.network.listen_tcp("vpc-50", at)).unwrap());
    }
    let place = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    assert_eq!(quiet.connect(place("169.254.169.254"), 80), Met::Open(QUIET.to_string()));
    assert!(quiet.connect(place("10.50.0.2"), 53).open());
    assert_eq!(quiet.connect(place("169.254.169.254"), 81), Met::Silence);
    assert_eq!(quiet.connect(place("10.50.1.1"), 82), Met::Silence);
}

#[test]
fn ipv6_is_filtered_alike() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, .. } = three(&lab);
    let web6: std::net::Ipv6Addr = "fd00:32:0:1::a".parse().unwrap();
    let data6: std::net::Ipv6Addr = "fd00:32:0:2::a".parse().unwrap();
    assert_eq!(quiet.connect(web6, 80), Met::Silence);
    plan.groups[0].ingress.push(allow(Traffic::Tcp(80, 80), "::/0"));
    lab.apply(&plan);
    assert_eq!(quiet.connect(web6, 80), Met::Open("fd00:32:0:1::b".into()));
    assert!(web.connect(data6, 5432).open());
    assert_eq!(quiet.connect(data6, 5432), Met::Silence);
}

#[test]
fn prefix_lists_and_own_groups_count_as_sources() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, data } = three(&lab);
    plan.lists =
        vec![PrefixListPlan { id: "pl-1".into(), entries: vec![net("10.50.2.0/24"), net("10.50.2.0/25")] }];
    plan.groups[1].ingress =
        vec![allow(Traffic::Tcp(80, 80), "pl-1"), allow(Traffic::Tcp(81, 81), "sg-none")];
    lab.apply(&plan);
    assert!(data.connect(QUIET, 80).open());
    assert_eq!(web.connect(QUIET, 80), Met::Silence);
    assert_eq!(web.connect(QUIET, 81), Met::Silence);
    plan.interfaces[0].groups.push("sg-none".into());
    plan.lists[0].entries = vec![net("10.50.1.10/32")];
    lab.apply(&plan);
    assert!(web.connect(QUIET, 80).open());
    assert!(web.connect(QUIET, 81).open());
    assert_eq!(data.connect(QUIET, 80), Met::Silence);
    drop(quiet);
}

#[test]
fn a_removed_rule_ends_untracked_flows_and_spares_tracked_ones() {
    let Some(lab) = lab() else { return };
    let Three { mut plan, web, quiet, .. } = three(&lab);
    let mut anybody = quiet.hold(WEB, 80);
    let mut member = web.hold(DATA, 5432);
    assert!(anybody.lives() && member.lives());
    plan.groups[0].ingress.clear();
    plan.groups[2].ingress.clear();
    lab.apply(&plan);
    assert!(!anybody.lives(), "open to the world in both directions: untracked on AWS, so it ends at once");
    assert!(member.lives(), "tracked: it goes on until it ends by itself");
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
}

#[test]
fn a_zone_that_is_down_passes_nothing_and_recovers() {
    let Some(lab) = lab() else { return };
    let Three { web, quiet, data, .. } = three(&lab);
    let down = |zone: &str, down| lab.runtime.block_on(lab.network.zone_down(zone, down)).unwrap();
    serve(
        lab.runtime
            .block_on(lab.network.listen_tcp("vpc-50", "169.254.169.254:80".parse().unwrap()))
            .unwrap(),
    );
    down("a", true);
    assert_eq!(quiet.connect(WEB, 80), Met::Silence);
    assert_eq!(data.connect(WEB, 80), Met::Silence);
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
    assert_eq!(web.connect(Ipv4Addr::new(169, 254, 169, 254), 80), Met::Silence);
    down("a", false);
    assert!(quiet.connect(WEB, 80).open());
    down("b", true);
    assert!(quiet.connect(WEB, 80).open());
    assert_eq!(web.connect(DATA, 5432), Met::Silence);
}
