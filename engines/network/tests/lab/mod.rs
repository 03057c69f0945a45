//! A cloud of its own for each test: own prefix, own public addresses, gone at the end, also after a panic.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fogbank_network::kernel::namespace::within;
use fogbank_network::plan::*;
use fogbank_network::{Network, Settings};

/// How long a packet may take before it counts as dropped.
const PATIENCE: Duration = Duration::from_millis(450);

pub struct Lab {
    pub runtime: tokio::runtime::Runtime,
    pub network: Network,
    pub settings: Settings,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let outcome = self.network.dismantle_now();
        if !std::thread::panicking() {
            outcome.unwrap();
        }
    }
}

/// What a connection attempt met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// Connected; what the server says of the caller: its address.
    Open(String),
    /// Nobody listens, but the packet arrived.
    Refused,
    /// Nothing came back.
    Silence,
}

impl Met {
    pub fn open(&self) -> bool {
        matches!(self, Met::Open(_))
    }
}

/// None, with a word about it, for those who are not root. A host that lacks something fails the test and says what.
pub fn lab() -> Option<Lab> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return None;
    }
    let number = std::process::id().wrapping_mul(7).wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed));
    let [_, _, high, low] = number.to_be_bytes();
    let base = Ipv4Addr::new(198, 18 + (high & 1), low, 0);
    let settings = Settings {
        prefix: format!("t{:05x}-", number & 0xf_ffff),
        public_range: Ipv4Net::new(base, 24).unwrap(),
        service_address: Ipv4Addr::new(198, 18 + (high & 1), low, 254),
        service_ports: vec![8080],
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let network = runtime.block_on(Network::open(settings.clone())).unwrap();
    Some(Lab { runtime, network, settings })
}

impl Lab {
    pub fn public(&self, last: u8) -> Ipv4Addr {
        let [a, b, c, _] = self.settings.public_range.network().octets();
        Ipv4Addr::new(a, b, c, last)
    }

    pub fn apply(&self, plan: &VpcPlan) {
        let applied = self.runtime.block_on(self.network.apply(plan)).unwrap();
        assert_eq!(applied.absent, Vec::<String>::new());
        self.settle();
    }

    /// A plan of which something is not there yet.
    pub fn apply_anyhow(&self, plan: &VpcPlan) {
        self.runtime.block_on(self.network.apply(plan)).unwrap();
        self.settle();
    }

    /// A new cable's other end learns that it is connected a moment later.
    pub fn settle(&self) {
        std::thread::sleep(Duration::from_millis(40));
    }

    pub fn machine(&self, id: &str) -> Machine {
        let namespace = self.runtime.block_on(self.network.namespace(id)).unwrap();
        Machine { path: self.network.path(&namespace), namespace }
    }

    /// The host's own service, as the cloud's API would be.
    pub fn service(&self) -> SocketAddr {
        serve(TcpListener::bind((self.settings.service_address, 8080)).unwrap())
    }

    /// Namespaces of this lab.
    pub fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.settings.folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(&self.settings.prefix))
            .collect();
        names.sort();
        names
    }
}

pub struct Machine {
    pub namespace: NamespaceId,
    path: PathBuf,
}

impl Machine {
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        within(&File::open(&self.path).unwrap(), act).unwrap()
    }

    pub fn home(&self) -> Option<Home> {
        Some(Home { namespace: self.namespace.clone(), device: "eth0".to_owned(), index: 0 })
    }

    /// Serves TCP on all its addresses; each caller is told its own.
    pub fn serve(&self, port: u16) {
        let bind = || TcpListener::bind(("::", port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)));
        serve(self.inside(bind).unwrap());
    }

    pub fn connect(&self, to: impl Into<IpAddr>, port: u16) -> Met {
        let to = SocketAddr::new(to.into(), port);
        // Once more, since a busy host may have been slow.
        self.inside(|| match connect(to) {
            Met::Silence => connect(to),
            met => met,
        })
    }

    /// A connection that stays open.
    pub fn hold(&self, to: impl Into<IpAddr>, port: u16) -> Held {
        let to = SocketAddr::new(to.into(), port);
        Held(self.inside(|| TcpStream::connect_timeout(&to, PATIENCE)).unwrap())
    }

    pub fn ping(&self, to: Ipv4Addr) -> bool {
        self.inside(|| ping(to))
    }

    pub fn run(&self, command: &str) -> String {
        let output = self.inside(|| Command::new("sh").args(["-c", command]).output().unwrap());
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

/// An open connection to a server of [`serve`].
pub struct Held(TcpStream);

impl Held {
    /// Whether an answer comes back.
    pub fn lives(&mut self) -> bool {
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = [0; 64];
        self.0.write_all(b"?").is_ok() && self.0.read(&mut answer).is_ok_and(|length| length > 0)
    }
}

/// Answers each byte with the caller's address.
pub fn serve(listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            std::thread::spawn(move || {
                let caller =
                    stream.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default();
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(caller.as_bytes()).is_ok() {}
            });
        }
    });
    address
}

/// From the namespace the thread is in.
pub fn connect(to: SocketAddr) -> Met {
    match TcpStream::connect_timeout(&to, PATIENCE) {
        Ok(mut stream) => {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut caller = [0; 64];
            let told = stream.write_all(b"?").and_then(|()| stream.read(&mut caller));
            match told {
                Ok(length) if length > 0 => {
                    Met::Open(String::from_utf8_lossy(&caller[..length]).into_owned())
                }
                _ => Met::Silence,
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Met::Refused,
        Err(_) => Met::Silence,
    }
}

/// Sends a datagram and tells whether the listener got it.
pub fn datagram_arrives(from: &UdpSocket, to: &UdpSocket, address: SocketAddr) -> bool {
    to.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut buffer = [0; 16];
    from.send_to(b"hello", address).is_ok() && to.recv(&mut buffer).is_ok()
}

fn ping(to: Ipv4Addr) -> bool {
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket, sockopt,
    };
    let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).unwrap();
    sockopt::set_socket_timeout(&raw, sockopt::Timeout::Recv, Some(PATIENCE)).unwrap();
    // Echo request, identifier 7, sequence 1, with its checksum.
    let mut request = [8, 0, 0, 0, 0, 7, 0, 1];
    let sum: u32 = request.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    request[2..4].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    let to = SocketAddr::new(to.into(), 0);
    if sendto(&raw, &request, SendFlags::empty(), &to).is_err() {
        return false;
    }
    let mut packet = [0; 256];
    while let Ok((length, _)) = recv(&raw, &mut packet[..], RecvFlags::empty()) {
        if length >= 28 && packet[20] == 0 && packet[25] == 7 {
            return true;
        }
    }
    false
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub fn allow(traffic: Traffic, peer: &str) -> GroupRule {
    let peer = match peer.get(..3) {
        Some("sg-") => Peer::Group(peer.to_owned()),
        Some("pl-") => Peer::List(peer.to_owned()),
        _ => Peer::Cidr(net(peer)),
    };
    GroupRule { traffic, peer }
}

pub fn group(id: &str, ingress: Vec<GroupRule>) -> GroupPlan {
    let egress = vec![allow(Traffic::All, "0.0.0.0/0"), allow(Traffic::All, "::/0")];
    GroupPlan { id: id.to_owned(), ingress, egress }
}

pub fn route(to: &str, via: Target) -> RoutePlan {
    RoutePlan { to: net(to), via }
}

pub fn everything(id: &str) -> AclPlan {
    let rule = |cidr: &str, number| AclRule { number, traffic: Traffic::All, cidr: net(cidr), allow: true };
    let rules = vec![rule("0.0.0.0/0", 100), rule("::/0", 101)];
    AclPlan { id: id.to_owned(), ingress: rules.clone(), egress: rules }
}

/// A VPC `10.<block>.0.0/16` with subnets 1 (zone a) and 2 (zone b), an ACL that allows all for each, and IPv6.
pub fn vpc(block: u8) -> VpcPlan {
    let v6 = |subnet: u8| format!("fd00:{block:x}:0:{subnet}::/64");
    let subnet = |number: u8, zone: &str| SubnetPlan {
        id: format!("subnet-{block}{number}"),
        zone: zone.to_owned(),
        cidr: Some(Ipv4Net::new(Ipv4Addr::new(10, block, number, 0), 24).unwrap()),
        cidr6: Some(v6(number).parse().unwrap()),
        acl: format!("acl-{number}"),
        routes: vec![
            route(&format!("10.{block}.0.0/16"), Target::Local),
            route(&format!("fd00:{block:x}::/48"), Target::Local),
        ],
    };
    VpcPlan {
        id: format!("vpc-{block}"),
        cidrs: vec![net(&format!("10.{block}.0.0/16")), net(&format!("fd00:{block:x}::/48"))],
        subnets: vec![subnet(1, "a"), subnet(2, "b")],
        acls: vec![everything("acl-1"), everything("acl-2")],
        resolver: true,
        ..VpcPlan::default()
    }
}

/// The interface of `machine` at `10.<block>.<subnet>.<host>`.
pub fn interface(machine: &Machine, block: u8, subnet: u8, host: u8, groups: &[&str]) -> InterfacePlan {
    InterfacePlan {
        id: format!("eni-{block}{subnet:02}{host:03}"),
        subnet: format!("subnet-{block}{subnet}"),
        mac: [0x02, 0, 10, block, subnet, host],
        addresses: vec![Ipv4Addr::new(10, block, subnet, host)],
        prefixes: Vec::new(),
        addresses6: vec![format!("fd00:{block:x}:0:{subnet}::{host:x}").parse().unwrap()],
        public: Vec::new(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        check: true,
        home: machine.home(),
    }
}
