//! Site-to-site VPN: a customer's device, which is strongSwan in a machine of another VPC, and packets through its tunnel.
#![allow(clippy::unwrap_used, reason = "tests")]

mod lab;

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fogbank_network::plan::*;
use lab::*;

const KEY: &str = "kABCdef0123456789";

/// The customer's network, behind the device.
const OFFICE: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

struct Device {
    daemon: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Device {
    fn drop(&mut self) {
        self.daemon.kill().ok();
        self.daemon.wait().ok();
    }
}

/// The device as its owner sets it up, with what CreateVpnConnection told: `own` is its public address.
fn device(machine: &Machine, private: Ipv4Addr, own: Ipv4Addr, theirs: Ipv4Addr, to: &str) -> Device {
    let folder = tempfile::tempdir().unwrap();
    let vici = format!("unix://{}/vici", folder.path().display());
    let config = folder.path().join("strongswan.conf");
    let daemon = format!(
        "charon-systemd {{\nload = random nonce aes sha1 sha2 hmac kdf gmp socket-default kernel-libipsec kernel-netlink vici\n\
         install_routes = no\njournal {{\ndefault = -1\n}}\nplugins {{\nvici {{\nsocket = {vici}\n}}\n\
         kernel-libipsec {{\nallow_peer_ts = yes\n}}\nkernel-netlink {{\nfwmark = 0x7ffe0000\n}}\n}}\n}}\n"
    );
    std::fs::write(&config, daemon).unwrap();
    let connection = folder.path().join("swanctl.conf");
    let text = format!(
        "connections {{\naws {{\nlocal_addrs = {private}\nremote_addrs = {theirs}\nencap = yes\n\
         proposals = aes128-sha1-modp1024\nlocal {{\nauth = psk\nid = {own}\n}}\nremote {{\nauth = psk\nid = {theirs}\n}}\n\
         children {{\naws {{\nlocal_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\nesp_proposals = aes128-sha1-modp1024\n\
         start_action = start\n}}\n}}\n}}\n}}\nsecrets {{\nike-aws {{\nid-1 = {own}\nid-2 = {theirs}\nsecret = \"{KEY}\"\n}}\n}}\n"
    );
    std::fs::write(&connection, text).unwrap();
    let daemon = machine.inside(|| {
        Command::new("/usr/sbin/charon-systemd")
            .env("STRONGSWAN_CONF", &config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    });
    let device = Device { daemon, _folder: folder };
    let within = Instant::now() + Duration::from_secs(10);
    while !machine.run("ip -o link").contains("ipsec0") {
        assert!(Instant::now() < within, "the device's daemon did not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    machine.run(&format!("ip address add {OFFICE}/24 dev lo; ip route add {to} dev ipsec0 src {OFFICE}"));
    let loaded = machine.run(&format!("swanctl --load-all --file {} --uri {vici}", connection.display()));
    assert!(loaded.contains("successfully loaded 1 connections"), "{loaded}");
    device
}

fn until_up(lab: &Lab, expected: &[bool]) {
    let within = Instant::now() + Duration::from_secs(20);
    loop {
        let up = lab.runtime.block_on(lab.network.tunnels_up("vpn-77")).unwrap();
        if up == expected {
            return;
        }
        assert!(Instant::now() < within, "tunnels are {up:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn packets_pass_a_vpn_in_both_directions_and_end_with_it() {
    let Some(lab) = lab() else { return };
    if !lab.network.vpn_missing().is_empty() {
        eprintln!("skipped: {}", lab.network.vpn_missing().join("; "));
        return;
    }
    // The customer: an instance with a public address.
    let office = lab.machine("office");
    let mut outside = vpc(91);
    outside.internet = true;
    outside.subnets[0].routes.push(route("0.0.0.0/0", Target::Internet));
    let own = lab.public(20);
    let mut card = interface(&office, 91, 1, 10, &[]);
    card.public = vec![(Ipv4Addr::new(10, 91, 1, 10), own)];
    outside.interfaces = vec![card];
    lab.apply(&outside);
    // The VPC with its gateway.
    let server = lab.machine("server");
    let mut inside = vpc(90);
    inside.groups = vec![group("sg-1", vec![allow(Traffic::Tcp(80, 80), "192.168.77.0/24")])];
    inside.interfaces = vec![interface(&server, 90, 1, 10, &["sg-1"])];
    inside.links = vec![LinkPlan { id: "vgw-1".to_owned(), attachment: "vgw-1".to_owned(), subnet: None }];
    inside.subnets[0].routes.push(route("192.168.77.0/24", Target::Link("vgw-1".to_owned())));
    lab.apply_anyhow(&inside);
    let outer = lab.public(30);
    let tunnel = TunnelPlan {
        outside: outer,
        device: own,
        inside: "169.254.60.1/30".parse().unwrap(),
        key: SharedKey(KEY.to_owned()),
        starts: false,
    };
    let plan = VpnPlan { id: "vpn-77".to_owned(), gateway: "vgw-1".to_owned(), tunnels: vec![tunnel] };
    lab.runtime.block_on(lab.network.apply_vpn(&plan)).unwrap();
    let table = Some("all".to_owned());
    let hub = HubPlan {
        id: "vgw-1".to_owned(),
        attachments: vec![
            HubAttachment {
                id: "vgw-1".to_owned(),
                to: HubTarget::Vpc("vpc-90".to_owned()),
                table: table.clone(),
            },
            HubAttachment { id: "vpn-77".to_owned(), to: HubTarget::Hub("vpn-77".to_owned()), table },
        ],
        tables: vec![HubTable {
            id: "all".to_owned(),
            routes: vec![
                (net("10.90.0.0/16"), Some("vgw-1".to_owned())),
                (net("192.168.77.0/24"), Some("vpn-77".to_owned())),
            ],
        }],
    };
    lab.runtime.block_on(lab.network.apply_hub(&hub)).unwrap();
    lab.apply(&inside);
    until_up(&lab, &[false]);

    let there = device(&office, Ipv4Addr::new(10, 91, 1, 10), own, outer, "10.90.0.0/16");
    until_up(&lab, &[true]);
    server.serve(80);
    office.serve(8080);
    let met = office.connect(Ipv4Addr::new(10, 90, 1, 10), 80);
    assert!(matches!(&met, Met::Open(seen) if *seen == OFFICE.to_string()), "{met:?}");
    let met = server.connect(OFFICE, 8080);
    assert!(matches!(&met, Met::Open(seen) if seen == "10.90.1.10"), "{met:?}");
    // A connection that is held, to see what outlives what.
    let mut long = office.hold(Ipv4Addr::new(10, 90, 1, 10), 80);
    assert!(long.lives());
    // The group lets port 80 in, and nothing else.
    server.serve(81);
    assert!(!office.connect(Ipv4Addr::new(10, 90, 1, 10), 81).open());
    // A new process finds the daemon, and the tunnel goes on.
    let again = lab.runtime.block_on(fogbank_network::Network::open(lab.settings.clone())).unwrap();
    assert_eq!(lab.runtime.block_on(again.adopt()).unwrap().vpns, ["vpn-77"]);
    lab.runtime.block_on(again.apply_vpn(&plan)).unwrap();
    assert_eq!(lab.runtime.block_on(again.tunnels_up("vpn-77")).unwrap(), [true]);
    assert!(long.lives());
    drop(again);
    // Neither end reaches the other without the tunnel.
    lab.runtime.block_on(lab.network.remove_vpn("vpn-77")).unwrap();
    assert!(!long.lives());
    assert!(!server.connect(OFFICE, 8080).open());
    drop(there);
}

#[test]
fn the_keys_of_a_tunnel_are_not_printed() {
    assert_eq!(format!("{:?}", SharedKey("secret".to_owned())), "SharedKey(…)");
}
