//! Networks over time: changes while packets flow, restarts, removal, records of flows, and how long it all takes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod lab;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use fogbank_network::plan::*;
use fogbank_network::{Found, Network};
use lab::*;

fn pair(lab: &Lab, block: u8) -> (VpcPlan, Machine, Machine) {
    let (first, second) = (lab.machine("one"), lab.machine("two"));
    let mut plan = vpc(block);
    plan.groups = vec![group("sg-1", vec![allow(Traffic::Tcp(80, 80), &format!("10.{block}.0.0/16"))])];
    plan.interfaces =
        vec![interface(&first, block, 1, 10, &["sg-1"]), interface(&second, block, 2, 10, &["sg-1"])];
    (plan, first, second)
}

#[test]
fn a_restart_finds_everything_and_ends_no_connection() {
    let Some(mut lab) = lab() else { return };
    let (mut plan, first, second) = pair(&lab, 80);
    plan.internet = true;
    let nat = NatPlan {
        id: "nat-7".into(),
        subnet: "subnet-801".into(),
        private: Ipv4Addr::new(10, 80, 1, 200),
        public: Some(lab.public(9)),
    };
    plan.nats = vec![nat];
    plan.subnets[0].routes.push(route("0.0.0.0/0", Target::Internet));
    plan.subnets[1].routes.push(route("0.0.0.0/0", Target::Nat("nat-7".into())));
    lab.apply(&plan);
    second.serve(80);
    let service = lab.service();
    let mut inner = first.hold(Ipv4Addr::new(10, 80, 2, 10), 80);
    let mut outer = second.hold(service.ip(), 8080);
    assert!(inner.lives() && outer.lives());
    // A new process knows nothing; it finds, applies the same plan, and removes what nobody knows.
    lab.machine("forgotten");
    lab.network = lab.runtime.block_on(Network::open(lab.settings.clone())).unwrap();
    let mut found = lab.runtime.block_on(lab.network.adopt()).unwrap();
    found.machines.sort();
    assert_eq!(found.vpcs, ["vpc-80"]);
    assert_eq!(found.nats, ["nat-7"]);
    assert_eq!(found.machines, ["forgotten", "one", "two"]);
    assert!(inner.lives() && outer.lives(), "before anything is applied");
    lab.apply(&plan);
    assert!(inner.lives() && outer.lives(), "after all was applied again");
    let known = Found { machines: vec!["one".into(), "two".into()], ..found };
    let gone = lab.runtime.block_on(lab.network.sweep(&known)).unwrap();
    assert_eq!(gone, Found { machines: vec!["forgotten".into()], ..Found::default() });
    assert!(inner.lives() && outer.lives());
    plan.groups[0].ingress.clear();
    lab.apply(&plan);
    assert!(!first.connect(Ipv4Addr::new(10, 80, 2, 10), 80).open());
}

/// Everything of this lab that the host could see: namespaces, devices, routes, rules.
fn traces(lab: &Lab) -> Vec<String> {
    let shell = |command: &str| {
        let output = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let range = lab.settings.public_range.network().to_string();
    let devices = shell("ip -o link");
    let routes = shell("ip route show table all; ip rule; ip -6 route show table all");
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let ours = |line: &&str| line.contains(&lab.settings.prefix) || line.contains(&range);
    let mut traces: Vec<String> = lab.namespaces();
    for text in [devices, routes, mounts] {
        traces.extend(text.lines().filter(ours).map(str::to_owned));
    }
    traces
}

#[test]
fn nothing_is_left_of_what_is_removed() {
    let Some(lab) = lab() else { return };
    let before = traces(&lab);
    let (mut plan, first, second) = pair(&lab, 81);
    plan.internet = true;
    plan.interfaces[0].public = vec![(Ipv4Addr::new(10, 81, 1, 10), lab.public(5))];
    let private = Ipv4Addr::new(10, 81, 1, 200);
    plan.nats = vec![NatPlan { id: "nat-8".into(), subnet: "subnet-811".into(), private, public: None }];
    lab.apply(&plan);
    assert!(traces(&lab).len() > before.len());
    // An interface that is detached leaves its machine, too.
    assert!(second.run("ip -o link").contains("eth0"));
    plan.interfaces.pop();
    plan.nats.clear();
    lab.apply(&plan);
    assert!(!second.run("ip -o link").contains("eth0"));
    lab.runtime.block_on(lab.network.remove("vpc-81")).unwrap();
    for machine in ["one", "two"] {
        lab.runtime.block_on(lab.network.drop_namespace(machine)).unwrap();
    }
    assert_eq!(traces(&lab), before);
    lab.network.dismantle_now().unwrap();
    assert_eq!(traces(&lab), Vec::<String>::new());
    drop(first);
}

#[test]
fn what_a_crash_left_half_made_is_finished_or_swept() {
    let Some(lab) = lab() else { return };
    let (plan, first, second) = pair(&lab, 82);
    // A name without a namespace: the process died between making the file and mounting.
    std::fs::write(lab.settings.folder.join(format!("{}vpc-82", lab.settings.prefix)), "").unwrap();
    std::fs::write(lab.settings.folder.join(format!("{}vpc-83", lab.settings.prefix)), "").unwrap();
    lab.apply(&plan);
    second.serve(80);
    assert!(first.connect(Ipv4Addr::new(10, 82, 2, 10), 80).open());
    // Somebody took a device and the rules away by hand.
    let router = format!("nsenter --net={}/{}vpc-82", lab.settings.folder.display(), lab.settings.prefix);
    second.run(&format!(
        "{router} ip link del e8202010; {router} ip route flush proto 251; {router} nft flush ruleset"
    ));
    lab.runtime.block_on(lab.network.repair("vpc-82")).unwrap();
    lab.settle();
    assert!(first.connect(Ipv4Addr::new(10, 82, 2, 10), 80).open());
    let known =
        Found { vpcs: vec!["vpc-82".into()], machines: vec!["one".into(), "two".into()], ..Found::default() };
    let gone = lab.runtime.block_on(lab.network.sweep(&known)).unwrap();
    assert_eq!(gone.vpcs, ["vpc-83"]);
}

#[test]
fn an_interface_moves_to_another_machine_with_its_addresses() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = pair(&lab, 84);
    let third = lab.machine("three");
    lab.apply(&plan);
    second.serve(80);
    third.serve(80);
    let target = Ipv4Addr::new(10, 84, 2, 10);
    assert!(first.connect(target, 80).open());
    plan.interfaces[1].home = third.home();
    lab.apply(&plan);
    assert!(first.connect(target, 80).open());
    assert!(!second.run("ip -o link").contains("eth0"));
    assert!(third.run("ip -o addr").contains("10.84.2.10/24"));
    // A second address of the same interface, and a second interface that answers by itself.
    plan.interfaces[1].addresses.push(Ipv4Addr::new(10, 84, 2, 11));
    lab.apply(&plan);
    assert!(first.connect(Ipv4Addr::new(10, 84, 2, 11), 80).open());
    let mut extra = interface(&third, 84, 1, 50, &["sg-1"]);
    extra.home = Some(Home { device: "eth1".into(), index: 1, namespace: third.namespace.clone() });
    plan.interfaces.push(extra);
    lab.apply(&plan);
    assert!(first.connect(Ipv4Addr::new(10, 84, 1, 50), 80).open());
    plan.interfaces[1].addresses.pop();
    lab.apply(&plan);
    assert!(!first.connect(Ipv4Addr::new(10, 84, 2, 11), 80).open());
    lab.runtime.block_on(lab.network.drop_namespace("three")).unwrap();
    let applied = lab.runtime.block_on(lab.network.apply(&plan)).unwrap();
    assert_eq!(applied.absent, ["eni-8402010", "eni-8401050"]);
    // A machine of the same name begins anew: its interfaces are plugged in again.
    let again = lab.machine("three");
    lab.apply(&plan);
    again.serve(80);
    assert!(first.connect(Ipv4Addr::new(10, 84, 1, 50), 80).open());
}

#[test]
fn flow_logs_tell_what_passed_and_what_did_not() {
    let Some(lab) = lab() else { return };
    let (mut plan, first, second) = pair(&lab, 85);
    let log = |interfaces: &[&str]| FlowLogPlan {
        id: "fl-1".into(),
        interfaces: interfaces.iter().map(|&id| id.to_owned()).collect(),
        accepted: true,
        rejected: true,
    };
    plan.flow_logs = vec![log(&["eni-8501010", "eni-8502010"])];
    lab.apply(&plan);
    second.serve(80);
    let target = Ipv4Addr::new(10, 85, 2, 10);
    assert!(first.connect(target, 80).open());
    assert!(!first.connect(target, 81).open());
    assert!(!first.ping(target));
    let records = lab.runtime.block_on(lab.network.flows("vpc-85")).unwrap();
    let count = |interface: &str, port: u16, accepted: bool, egress: bool| {
        let of = records.iter().filter(|record| {
            record.interface == interface
                && record.destination_port == port
                && (record.accepted, record.egress) == (accepted, egress)
        });
        of.map(|record| record.packets).sum::<u64>()
    };
    assert!(count("eni-8501010", 80, true, true) >= 3, "{records:#?}");
    assert!(count("eni-8502010", 80, true, false) >= 3, "{records:#?}");
    assert!(count("eni-8502010", 81, false, false) >= 1, "{records:#?}");
    assert_eq!(count("eni-8502010", 81, true, false), 0);
    let pings = records.iter().filter(|record| record.protocol == 1 && !record.accepted);
    assert_eq!(pings.count(), 1, "{records:#?}");
    assert!(
        records
            .iter()
            .any(|record| record.source == target && record.destination_port != 80 && record.accepted)
    );
    let quiet = lab.runtime.block_on(lab.network.flows("vpc-85")).unwrap();
    assert!(quiet.iter().all(|record| record.packets < 4), "{quiet:#?}");
    plan.flow_logs.clear();
    lab.apply(&plan);
    assert_eq!(lab.runtime.block_on(lab.network.flows("vpc-85")).unwrap(), []);
}

/// A hundred interfaces of a hundred machines, with 200 rules in ten groups.
fn hundred(lab: &Lab, block: u8) -> (VpcPlan, Vec<Machine>) {
    let mut plan = vpc(block);
    for number in 0..10 {
        let rule = |port: u16| allow(Traffic::Tcp(port, port), &format!("192.0.2.{}/32", port % 250));
        let mut rules: Vec<_> = (1..20).map(|port| rule(1000 + port)).collect();
        rules.push(allow(Traffic::Tcp(80, 80), "sg-0"));
        plan.groups.push(group(&format!("sg-{number}"), rules));
    }
    let machines: Vec<Machine> = (0..100).map(|number| lab.machine(&format!("i{number}"))).collect();
    for (machine, number) in machines.iter().zip(0u8..) {
        let own = format!("sg-{}", number % 10);
        plan.interfaces.push(interface(machine, block, 1 + number % 2, 10 + number, &[&own, "sg-0"]));
    }
    (plan, machines)
}

#[test]
fn a_rule_changes_for_a_hundred_interfaces_within_a_fifth_of_a_second() {
    let Some(lab) = lab() else { return };
    let (mut plan, machines) = hundred(&lab, 86);
    let begun = Instant::now();
    lab.apply(&plan);
    eprintln!("a hundred interfaces plugged in: {:?}", begun.elapsed());
    machines[1].serve(80);
    let target = Ipv4Addr::new(10, 86, 2, 11);
    assert!(machines[0].connect(target, 80).open());
    let mut best = Duration::MAX;
    for round in 0..6 {
        let on = round % 2 == 1;
        match on {
            true => plan.groups[0].ingress.push(allow(Traffic::Tcp(80, 80), "sg-0")),
            false => plan
                .groups
                .iter_mut()
                .for_each(|group| group.ingress.retain(|rule| rule.traffic != Traffic::Tcp(80, 80))),
        }
        let begun = Instant::now();
        lab.runtime.block_on(lab.network.apply(&plan)).unwrap();
        let took = begun.elapsed();
        eprintln!("rule {}: {took:?}", if on { "added" } else { "removed" });
        best = best.min(took);
        assert_eq!(machines[0].connect(target, 80).open(), on);
    }
    let begun = Instant::now();
    lab.runtime.block_on(lab.network.apply(&plan)).unwrap();
    eprintln!("nothing to do: {:?}", begun.elapsed());
    assert!(best < Duration::from_millis(200), "{best:?}");
}

fn copy(from: &Machine, to: &Machine, address: Ipv4Addr) -> f64 {
    const SECONDS: u64 = 3;
    let listener = to.inside(|| TcpListener::bind((address, 80)).unwrap());
    let sink = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = vec![0; 1 << 20];
        let (mut total, begun) = (0u64, Instant::now());
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            total += length as u64;
        }
        total as f64 * 8e-9 / begun.elapsed().as_secs_f64()
    });
    let mut stream = from.inside(|| TcpStream::connect((address, 80)).unwrap());
    let (block, begun) = (vec![0; 1 << 20], Instant::now());
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        stream.write_all(&block).unwrap();
    }
    drop(stream);
    sink.join().unwrap()
}

#[test]
#[ignore = "measures: cargo nextest run -p fogbank-network --run-ignored only --no-capture gigabits"]
fn gigabits_between_two_subnets() {
    let Some(lab) = lab() else { return };
    let (mut plan, machines) = hundred(&lab, 87);
    lab.apply(&plan);
    let target = Ipv4Addr::new(10, 87, 2, 11);
    eprintln!(
        "through the engine's router, 200 rules, tracked: {:.1} Gbit/s",
        copy(&machines[0], &machines[1], target)
    );
    for group in &mut plan.groups {
        group.ingress.push(allow(Traffic::Tcp(80, 80), "0.0.0.0/0"));
    }
    lab.apply(&plan);
    eprintln!("the same, open to the world: {:.1} Gbit/s", copy(&machines[0], &machines[1], target));
    let (near, router, far) = (lab.machine("near"), lab.machine("router"), lab.machine("far"));
    let made = router.run(&format!(
        "ip link add name left mtu 9001 type veth peer name eth0 mtu 9001 netns {}; \
         ip link add name right mtu 9001 type veth peer name eth0 mtu 9001 netns {}; \
         ip addr add 10.1.0.1/24 dev left; ip addr add 10.2.0.1/24 dev right; ip link set left up; ip link set right up; \
         echo 1 > /proc/sys/net/ipv4/ip_forward",
        near.namespace.0, far.namespace.0
    ));
    assert_eq!(made, "");
    near.run("ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.1.0.1");
    far.run("ip addr add 10.2.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.2.0.1");
    let target = Ipv4Addr::new(10, 2, 0, 2);
    eprintln!("a bare router, no rules: {:.1} Gbit/s", copy(&near, &far, target));
    let rules = |last: &str| {
        let refused: String =
            (0..199).map(|port| format!("ip saddr 192.0.2.{port} tcp dport {port} accept\n")).collect();
        format!(
            "table inet bare\ndelete table inet bare\ntable inet bare {{ chain forward {{ type filter hook forward priority 0; \
             policy drop; ct state established,related accept\n{refused}{last} accept\n}}\n}}\n"
        )
    };
    let load = |last: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), rules(last)).unwrap();
        let begun = Instant::now();
        assert_eq!(router.run(&format!("nft -f {}", file.path().display())), "");
        begun.elapsed()
    };
    load("tcp dport 80");
    eprintln!("a bare router, 200 rules of nft, tracked: {:.1} Gbit/s", copy(&near, &far, target));
    eprintln!("the same rules loaded anew by nft: {:?}", load("tcp dport 81"));
}
