//! Instances on this host: EC2's machines are sandboxes on images, plugged into the network engine's networks.
//!
//! The engines are opened when the first machine needs them, or at the start where an earlier process left machines: a
//! cloud that runs no instance makes nothing in the kernel.

mod agent;
mod api;
mod control;
mod conversions;
mod disks;
mod engines;
mod flow_files;
mod host;
mod hot_plug;
mod images;
mod inside;
mod microvm;
mod own_disks;

pub use api::Api;
pub use conversions::conversions;
pub use disks::{HostDisks, disk_key};
pub use host::Host;
pub use inside::Inside;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;

/// What the composition root decides about machines.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// Where images, and what instances change in them, are kept.
    pub folder: PathBuf,
    /// Tells the kernel's objects of this cloud from those of others on the same host.
    pub name: String,
    /// Public addresses are out of here.
    pub public_range: Ipv4Net,
    /// The certificate authority of this cloud, in PEM, which the images trust.
    pub authority: Vec<u8>,
    /// New machines are virtual ones, with kernels of their own.
    pub own_kernels: bool,
}

/// Where instances find the cloud's API: HTTP, HTTPS, and the port that tools know.
const SERVICE_PORTS: [u16; 3] = [80, 443, 4566];

impl HostSettings {
    /// The host's own address, as instances see it: the last of the public range.
    fn service_address(&self) -> Ipv4Addr {
        let last = u32::from(self.public_range.broadcast());
        Ipv4Addr::from(last - 1)
    }
}

/// Tells the clouds of one host apart by their folders, in few letters: names of devices are short.
pub fn name_of(folder: &Path) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, folder.as_os_str().as_encoded_bytes());
    digest.as_ref()[..2].iter().map(|byte| format!("{byte:02x}")).collect()
}
