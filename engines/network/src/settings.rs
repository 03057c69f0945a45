//! What the composition root decides about networks.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;

use crate::compile::gateways::Outside;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Begins the names of everything the host can see. Clouds on the same host need different ones, and different
    /// public ranges.
    pub prefix: String,
    /// Where namespaces have their names.
    pub folder: PathBuf,
    /// The program of the Debian package nftables.
    pub nft: PathBuf,
    /// Public addresses are handed out of here; the host sends all of it into the cloud.
    pub public_range: Ipv4Net,
    /// The host's own address, seen from inside: where the cloud's API listens for instances.
    pub service_address: Ipv4Addr,
    /// The only ports of it that can be reached from inside.
    pub service_ports: Vec<u16>,
    pub ipsec: Ipsec,
}

/// What ends the tunnels of VPN connections.
#[derive(Clone, Debug)]
pub struct Ipsec {
    /// strongSwan's daemon, and the program that tells it what to do.
    pub daemon: PathBuf,
    pub control: PathBuf,
    /// Its plug-in that does without the kernel's IPsec.
    pub plugin: PathBuf,
    /// What it is told lies below, by the namespace's name. In memory, since there are keys among it.
    pub folder: PathBuf,
}

impl Default for Ipsec {
    fn default() -> Ipsec {
        Ipsec {
            daemon: PathBuf::from("/usr/sbin/charon-systemd"),
            control: PathBuf::from("/usr/sbin/swanctl"),
            plugin: PathBuf::from("/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so"),
            folder: PathBuf::from("/run/fogbank"),
        }
    }
}

impl Default for Settings {
    /// The range set aside for benchmarks of networks (RFC 2544): nobody's on the internet.
    fn default() -> Settings {
        let base = Ipv4Addr::new(198, 18, 0, 0);
        Settings {
            prefix: "fb-".to_owned(),
            folder: PathBuf::from("/run/netns"),
            nft: PathBuf::from("/usr/sbin/nft"),
            public_range: Ipv4Net::new(base, 15).expect("15 is a prefix length"),
            service_address: Ipv4Addr::new(198, 19, 255, 254),
            service_ports: vec![80, 443, 4566],
            ipsec: Ipsec::default(),
        }
    }
}

impl Settings {
    pub fn outside(&self) -> Outside {
        Outside {
            public_range: self.public_range,
            service_address: self.service_address,
            service_ports: self.service_ports.clone(),
        }
    }
}
