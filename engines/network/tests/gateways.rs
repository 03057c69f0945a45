//! The ways out of a VPC, with real packets: internet, NAT, peering, transit, endpoints, machines as routers.
#![allow(clippy::unwrap_used, reason = "tests")]

mod lab;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fogbank_network::plan::*;
use lab::*;

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// A VPC with one open machine in each subnet; subnet 1 leads to the internet.
fn two(lab: &Lab, block: u8) -> (VpcPlan, Machine, Machine) {
    let first = lab.machine(&format!("{block}-1"));
    let second = lab.machine(&format!("{block}-2"));
    let mut plan = vpc(block);
    plan.internet = true;
    let open = vec![allow(Traffic::Tcp(80, 81), "0.0.0.0/0"), allow(Traffic::Tcp(80, 80), "::/0")];
    plan.groups = vec![group("sg-open", open)];
    plan.interfaces =
        vec![interface(&first, block, 1, 10, &["sg-open"]), interface(&second, block, 2, 10, &["sg-open"])];
    plan.subnets[0].routes.push(route("0.0.0.0/0", Target::Internet));
    first.serve(80);
    second.serve(80);
    (plan, first, second)
}

#[test]
fn an_elastic_ip_works_both_ways_and_moves_at_once() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 60);
    let service = lab.service();
    let elastic = lab.public(7);
    plan.interfaces[0].public = vec![(address("10.60.1.10"), elastic)];
    plan.subnets[1].routes.push(route("0.0.0.0/0", Target::Internet));
    lab.apply(&plan);
    let host = lab.settings.service_address.to_string();
    assert_eq!(connect((elastic, 80).into()), Met::Open(host.clone()));
    assert_eq!(first.connect(service.ip(), 8080), Met::Open(elastic.to_string()));
    assert_eq!(second.connect(service.ip(), 8080), Met::Silence, "without a public address");
    assert_eq!(second.connect(elastic, 80), Met::Silence);
    second.inside(|| ());
    let public = plan.interfaces[0].public.pop().unwrap().1;
    plan.interfaces[1].public = vec![(address("10.60.2.10"), public)];
    lab.apply(&plan);
    assert_eq!(second.connect(service.ip(), 8080), Met::Open(elastic.to_string()));
    assert_eq!(first.connect(service.ip(), 8080), Met::Silence);
    assert!(connect((elastic, 80).into()).open());
    plan.internet = false;
    lab.apply(&plan);
    assert_eq!(connect((elastic, 80).into()), Met::Silence, "no internet gateway");
}

#[test]
fn of_the_host_only_the_service_is_reached_and_of_other_vpcs_only_public_addresses() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, _second) = two(&lab, 61);
    let (mut other, theirs, _) = two(&lab, 62);
    plan.interfaces[0].public = vec![(address("10.61.1.10"), lab.public(8))];
    other.interfaces[0].public = vec![(address("10.62.1.10"), lab.public(9))];
    lab.apply(&plan);
    lab.apply(&other);
    let service = lab.service();
    let hidden = std::net::TcpListener::bind((lab.settings.service_address, 0)).unwrap();
    let everywhere = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    assert!(first.connect(service.ip(), service.port()).open());
    for port in [hidden.local_addr().unwrap().port(), everywhere.local_addr().unwrap().port()] {
        assert_eq!(first.connect(service.ip(), port), Met::Silence);
    }
    let own = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    own.connect("192.0.2.1:9").ok();
    if let Ok(SocketAddr::V4(own)) = own.local_addr() {
        assert_eq!(first.connect(*own.ip(), everywhere.local_addr().unwrap().port()), Met::Silence);
    }
    assert_eq!(first.connect(lab.public(9), 80), Met::Open(lab.public(8).to_string()));
    assert_eq!(first.connect(address("10.62.1.10"), 80), Met::Silence);
    assert_eq!(
        first.connect(lab.public(8), 80),
        Met::Open(lab.public(8).to_string()),
        "itself, by the internet"
    );
    drop(theirs);
}

#[test]
fn a_nat_gateway_lends_its_address_one_way_and_needs_the_internet_route_of_its_subnet() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 63);
    let service = lab.service();
    let public = lab.public(20);
    plan.nats = vec![NatPlan {
        id: "nat-1".into(),
        subnet: "subnet-631".into(),
        private: address("10.63.1.200"),
        public: Some(public),
    }];
    plan.subnets[1].routes.push(route("0.0.0.0/0", Target::Nat("nat-1".into())));
    lab.apply(&plan);
    assert_eq!(second.connect(service.ip(), 8080), Met::Open(public.to_string()));
    assert_eq!(
        first.connect(service.ip(), 8080),
        Met::Silence,
        "its own route leads to the internet, not to NAT"
    );
    assert_eq!(connect((public, 80).into()), Met::Silence, "nothing comes in");
    assert_eq!(first.connect(address("10.63.2.10"), 80), Met::Open("10.63.1.10".into()), "local stays local");
    // The ACL of the gateway's subnet sees the packets, too.
    let deny = AclRule { number: 1, traffic: Traffic::Tcp(8080, 8080), cidr: net("0.0.0.0/0"), allow: false };
    plan.acls[0].ingress.push(deny);
    lab.apply(&plan);
    assert_eq!(second.connect(service.ip(), 8080), Met::Silence);
    plan.acls[0].ingress.pop();
    plan.subnets[0].routes.pop();
    lab.apply(&plan);
    assert_eq!(second.connect(service.ip(), 8080), Met::Silence);
}

fn peer(plan: &mut VpcPlan, id: &str, other: &VpcPlan) {
    plan.peerings.push(PeeringPlan {
        id: id.into(),
        other_vpc: other.id.clone(),
        other_cidrs: other.cidrs.clone(),
    });
    for subnet in &mut plan.subnets {
        let routes = other.cidrs.iter().map(|cidr| RoutePlan { to: *cidr, via: Target::Peering(id.into()) });
        subnet.routes.extend(routes);
    }
}

#[test]
fn peering_joins_two_vpcs_and_is_not_transitive() {
    let Some(lab) = lab() else { return };
    let (mut a, in_a, _) = two(&lab, 64);
    let (mut b, in_b, _) = two(&lab, 65);
    let (mut c, in_c, _) = two(&lab, 66);
    let (plain_a, plain_b, plain_c) = (a.clone(), b.clone(), c.clone());
    peer(&mut a, "pcx-ab", &plain_b);
    lab.runtime.block_on(lab.network.apply(&a)).unwrap();
    lab.apply(&plain_b);
    assert_eq!(in_a.connect(address("10.65.1.10"), 80), Met::Silence, "only one side agreed");
    peer(&mut b, "pcx-ab", &plain_a);
    peer(&mut b, "pcx-bc", &plain_c);
    peer(&mut c, "pcx-bc", &plain_b);
    lab.runtime.block_on(lab.network.apply(&b)).unwrap();
    lab.apply(&c);
    assert_eq!(in_a.connect(address("10.65.1.10"), 80), Met::Open("10.64.1.10".into()));
    assert_eq!(in_b.connect(address("10.64.2.10"), 80), Met::Open("10.65.1.10".into()));
    assert_eq!(in_b.connect(address("10.66.1.10"), 80), Met::Open("10.65.1.10".into()));
    let six: std::net::Ipv6Addr = "fd00:41:0:1::a".parse().unwrap();
    assert!(in_a.connect(six, 80).open());
    // A's routes may say what they want: B does not pass packets on.
    for subnet in &mut a.subnets {
        subnet.routes.push(route("10.66.0.0/16", Target::Peering("pcx-ab".into())));
    }
    for subnet in &mut c.subnets {
        subnet.routes.push(route("10.64.0.0/16", Target::Peering("pcx-bc".into())));
    }
    lab.apply(&a);
    lab.apply(&c);
    assert_eq!(in_a.connect(address("10.66.1.10"), 80), Met::Silence);
    assert_eq!(in_c.connect(address("10.64.1.10"), 80), Met::Silence);
    // A group of the peer as source.
    b.groups[0].ingress = vec![allow(Traffic::Tcp(80, 80), "sg-friends")];
    lab.apply(&b);
    assert_eq!(in_a.connect(address("10.65.1.10"), 80), Met::Silence);
    a.interfaces[0].groups.push("sg-friends".into());
    a.groups.push(group("sg-friends", vec![]));
    lab.apply(&a);
    assert!(in_a.connect(address("10.65.1.10"), 80).open());
    a.peerings.clear();
    lab.apply(&a);
    assert_eq!(in_a.connect(address("10.65.1.10"), 80), Met::Silence);
}

#[test]
fn a_transit_gateway_follows_the_tables_of_its_attachments() {
    let Some(lab) = lab() else { return };
    let mut plans = Vec::new();
    let mut machines = Vec::new();
    for block in [67, 68] {
        let (mut plan, first, _) = two(&lab, block);
        let attachment = format!("tgw-attach-{block}");
        plan.links = vec![LinkPlan { id: "tgw-1".into(), attachment, subnet: None }];
        plan.subnets[0].routes.push(route("10.0.0.0/8", Target::Link("tgw-1".into())));
        plans.push(plan);
        machines.push(first);
    }
    let attachment = |block: u8| HubAttachment {
        id: format!("tgw-attach-{block}"),
        to: HubTarget::Vpc(format!("vpc-{block}")),
        table: Some("tgw-rtb-1".into()),
    };
    let to = |block: u8| (net(&format!("10.{block}.0.0/16")), Some(format!("tgw-attach-{block}")));
    let mut hub = HubPlan {
        id: "tgw-1".into(),
        attachments: vec![attachment(67), attachment(68)],
        tables: vec![HubTable { id: "tgw-rtb-1".into(), routes: vec![to(67), to(68)] }],
    };
    for plan in &plans {
        lab.runtime.block_on(lab.network.apply(plan)).unwrap();
    }
    let applied = lab.runtime.block_on(lab.network.apply_hub(&hub)).unwrap();
    assert_eq!(applied.absent, Vec::<String>::new());
    assert_eq!(machines[0].connect(address("10.68.1.10"), 80), Met::Open("10.67.1.10".into()));
    assert_eq!(machines[1].connect(address("10.67.1.10"), 80), Met::Open("10.68.1.10".into()));
    hub.tables[0].routes[1].1 = None;
    lab.runtime.block_on(lab.network.apply_hub(&hub)).unwrap();
    assert_eq!(machines[0].connect(address("10.68.1.10"), 80), Met::Silence);
    hub.tables[0].routes[1] = to(68);
    hub.attachments[1].table = None;
    lab.runtime.block_on(lab.network.apply_hub(&hub)).unwrap();
    assert_eq!(
        machines[0].connect(address("10.68.1.10"), 80),
        Met::Silence,
        "answers come from an attachment without a table"
    );
}

#[test]
fn a_machine_routes_for_others_when_its_check_is_off() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 69);
    let service = lab.service();
    let public = lab.public(30);
    plan.interfaces[0].public = vec![(address("10.69.1.10"), public)];
    plan.subnets[1].routes.push(route("0.0.0.0/0", Target::Interface("eni-6901010".into())));
    plan.groups[0].ingress.push(allow(Traffic::Tcp(8080, 8080), "10.69.0.0/16"));
    lab.apply(&plan);
    first.run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    first.run("nft add table ip n; nft 'add chain ip n p { type nat hook postrouting priority 100; }'; nft add rule ip n p masquerade");
    assert_eq!(second.connect(service.ip(), 8080), Met::Silence, "source/destination check");
    plan.interfaces[0].check = false;
    lab.apply(&plan);
    assert_eq!(second.connect(service.ip(), 8080), Met::Open(public.to_string()));
}

#[test]
fn ipv6_goes_out_by_an_egress_only_gateway_and_nothing_comes_in() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 70);
    let (mut other, theirs, _) = two(&lab, 71);
    other.subnets[0].routes.push(route("::/0", Target::Internet));
    plan.egress_only = true;
    plan.subnets[0].routes.push(route("::/0", Target::EgressOnly));
    plan.subnets[1].routes.push(route("::/0", Target::Internet));
    lab.apply(&plan);
    lab.apply(&other);
    let six = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap();
    assert_eq!(first.connect(six("fd00:47:0:1::a"), 80), Met::Open("fd00:46:0:1::a".into()));
    assert!(second.connect(six("fd00:47:0:1::a"), 80).open());
    assert_eq!(theirs.connect(six("fd00:46:0:1::a"), 80), Met::Silence);
    assert!(theirs.connect(six("fd00:46:0:2::a"), 80).open());
}

/// Takes all that is IPv4 away from the second subnet of [`two`] and its machine.
fn without_ipv4(plan: &mut VpcPlan) {
    plan.subnets[1].cidr = None;
    plan.interfaces[1].addresses.clear();
}

#[test]
fn a_subnet_of_ipv6_only_has_neighbours_metadata_and_an_egress_only_gateway() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 75);
    let third = lab.machine("75-3");
    third.serve(80);
    plan.interfaces
        .push(InterfacePlan { addresses: Vec::new(), ..interface(&third, 75, 2, 11, &["sg-open"]) });
    without_ipv4(&mut plan);
    let (mut other, theirs, _) = two(&lab, 76);
    other.subnets[0].routes.push(route("::/0", Target::Internet));
    plan.egress_only = true;
    plan.subnets[1].routes.push(route("::/0", Target::EgressOnly));
    lab.apply(&plan);
    lab.apply(&other);
    let six = |text: &str| text.parse::<std::net::Ipv6Addr>().unwrap();
    let own = Met::Open("fd00:4b:0:2::a".into());
    assert_eq!(second.connect(six("fd00:4b:0:2::b"), 80), own, "in its subnet");
    assert_eq!(second.connect(six("fd00:4b:0:1::a"), 80), own, "in a subnet of both families");
    assert_eq!(first.connect(six("fd00:4b:0:2::a"), 80), Met::Open("fd00:4b:0:1::a".into()));
    assert_eq!(second.connect(address("10.75.1.10"), 80), Met::Silence, "without an IPv4 address");
    assert_eq!(second.run("ip -4 -o address show dev eth0; ip -4 route"), "");
    assert_eq!(second.connect(six("fd00:4c:0:1::a"), 80), own, "out by the egress-only gateway");
    assert_eq!(theirs.connect(six("fd00:4b:0:2::a"), 80), Met::Silence, "and nothing in");
    let metadata = SocketAddr::new(IpAddr::V6(fogbank_network::names::METADATA6), 80);
    serve(lab.runtime.block_on(lab.network.listen_tcp("vpc-75", metadata)).unwrap());
    assert_eq!(second.connect(metadata.ip(), 80), own);
    // A neighbour that nobody has, and an address that is another's.
    assert_eq!(second.connect(six("fd00:4b:0:2::99"), 80), Met::Silence);
    let swap = |new: &str, old: &str| {
        let command =
            format!("ip -6 address add {new}/128 dev eth0 nodad; ip -6 address del {old}/128 dev eth0");
        assert_eq!(second.run(&command), "");
    };
    swap("fd00:4b:0:2::77", "fd00:4b:0:2::a");
    assert_eq!(second.connect(six("fd00:4b:0:2::b"), 80), Met::Silence);
    swap("fd00:4b:0:2::a", "fd00:4b:0:2::77");
    assert_eq!(second.connect(six("fd00:4b:0:2::b"), 80), own);
}

#[test]
fn a_nat_gateway_translates_ipv6_for_those_whose_routes_say_so() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 77);
    without_ipv4(&mut plan);
    let (service, public) = (lab.service(), lab.public(40));
    plan.nats = vec![NatPlan {
        id: "nat-64".into(),
        subnet: "subnet-771".into(),
        private: address("10.77.1.200"),
        public: Some(public),
    }];
    let IpAddr::V4(host) = service.ip() else { unreachable!("the service's address is IPv4") };
    let far = fogbank_network::translate::within_prefix(host);
    lab.apply(&plan);
    assert_eq!(second.connect(far, 8080), Met::Silence, "no route");
    plan.subnets[1].routes.push(route("64:ff9b::/96", Target::Nat("nat-64".into())));
    lab.apply(&plan);
    assert_eq!(second.connect(far, 8080), Met::Open(public.to_string()));
    let near = fogbank_network::translate::within_prefix(address("10.77.1.10"));
    assert_eq!(second.connect(near, 80), Met::Open("10.77.1.200".into()), "and to IPv4 in the VPC");
    assert_eq!(first.connect(far, 8080), Met::Silence, "another subnet has no such route");
    let mut held = second.hold(far, 8080);
    assert!(held.lives());
    // Much at once: segments of the largest size, both ways.
    let sums = bulk(&first, &second, near);
    assert_eq!(sums.0, sums.1);
    // The ACL of the gateway's subnet sees the packets as they come, of IPv6.
    let deny =
        AclRule { number: 1, traffic: Traffic::Tcp(8080, 8080), cidr: net("64:ff9b::/96"), allow: false };
    plan.acls[1].egress.push(deny);
    lab.apply(&plan);
    assert_eq!(second.connect(far, 8080), Met::Silence);
    plan.acls[1].egress.pop();
    lab.apply(&plan);
    assert!(held.lives());
    plan.subnets[1].routes.pop();
    lab.apply(&plan);
    assert_eq!(second.connect(far, 8080), Met::Silence);
    assert!(!held.lives());
}

/// Sends a few megabytes to a server on the first machine, which sends them back: what went and what came.
fn bulk(server: &Machine, client: &Machine, to: std::net::Ipv6Addr) -> (Vec<u8>, Vec<u8>) {
    let listener = server.inside(|| std::net::TcpListener::bind("0.0.0.0:81")).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let sent: Vec<u8> = (0..4_000_000_u32).map(|byte| (byte ^ (byte >> 8)) as u8).collect();
    let came = client.inside(|| {
        let mut stream = std::net::TcpStream::connect((to, 81)).unwrap();
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut came = Vec::new();
        stream.read_to_end(&mut came).unwrap();
        came
    });
    (sent, came)
}

#[test]
fn endpoints_take_calls_over_where_routes_or_groups_allow_them() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = two(&lab, 72);
    let door = address("10.72.2.99");
    plan.endpoints = vec![
        EndpointPlan::Gateway { id: "vpce-1".into(), services: vec![net("198.19.255.10/32")] },
        EndpointPlan::Interface {
            id: "vpce-2".into(),
            addresses: vec![IpAddr::V4(door)],
            groups: vec!["sg-door".into()],
        },
    ];
    plan.groups.push(group("sg-door", vec![allow(Traffic::Tcp(443, 443), "10.72.1.0/24")]));
    plan.subnets[1].routes.push(route("198.19.255.10/32", Target::Endpoint("vpce-1".into())));
    lab.apply(&plan);
    serve(lab.runtime.block_on(lab.network.listen_tcp("vpc-72", "0.0.0.0:443".parse().unwrap())).unwrap());
    let storage = address("198.19.255.10");
    assert_eq!(second.connect(storage, 443), Met::Open("10.72.2.10".into()));
    assert_eq!(first.connect(storage, 443), Met::Silence, "no route to the endpoint");
    assert_eq!(first.connect(door, 443), Met::Open("10.72.1.10".into()));
    assert_eq!(second.connect(door, 443), Met::Silence, "its group does not admit this subnet");
    assert_eq!(first.connect(address("169.254.169.250"), 443), Met::Silence);
}

#[test]
fn a_gateways_own_table_leads_what_comes_in_through_a_machine() {
    let Some(lab) = lab() else { return };
    let (mut plan, middle, _target) = two(&lab, 73);
    let (mut other, theirs, _) = two(&lab, 74);
    let public = lab.public(31);
    for (vpc, at) in [(&mut other, lab.public(32)), (&mut plan, public)] {
        vpc.internet = true;
        vpc.subnets.iter_mut().for_each(|subnet| subnet.routes.push(route("0.0.0.0/0", Target::Internet)));
        let last = vpc.interfaces.len() - 1;
        let which = if vpc.id == "vpc-73" { last } else { 0 };
        let own = vpc.interfaces[which].addresses[0];
        vpc.interfaces[which].public = vec![(own, at)];
    }
    plan.groups[0].ingress.push(allow(Traffic::All, "0.0.0.0/0"));
    lab.apply(&other);
    lab.apply(&plan);
    assert!(theirs.connect(public, 80).open(), "straight to where it is addressed");

    // By way of the first machine, in both directions.
    plan.interfaces[0].check = false;
    let through = Target::Interface(plan.interfaces[0].id.clone());
    plan.edges = vec![EdgePlan {
        gateway: "igw-73".into(),
        from: Target::Internet,
        routes: vec![route("10.73.0.0/16", Target::Local), route("10.73.2.0/24", through.clone())],
    }];
    plan.subnets[1].routes.retain(|one| one.via != Target::Internet);
    plan.subnets[1].routes.push(route("0.0.0.0/0", through));
    lab.apply(&plan);
    assert_eq!(theirs.connect(public, 80), Met::Silence, "the machine does not pass it on");
    middle.run("echo 1 > /proc/sys/net/ipv4/ip_forward");
    middle.run("nft add table ip n; nft 'add chain ip n f { type filter hook forward priority 0; }'; nft 'add rule ip n f tcp dport 81 drop'");
    assert_eq!(theirs.connect(public, 80), Met::Open(lab.public(32).to_string()));
    assert_eq!(theirs.connect(public, 81), Met::Silence, "what the machine does not pass");

    // Its own addresses are reached by the local route all along; without the table all is as before.
    plan.edges.clear();
    plan.subnets[1].routes.retain(|one| !matches!(one.via, Target::Interface(_)));
    plan.subnets[1].routes.push(route("0.0.0.0/0", Target::Internet));
    middle.run("echo 0 > /proc/sys/net/ipv4/ip_forward");
    lab.apply(&plan);
    assert!(theirs.connect(public, 80).open());
}
