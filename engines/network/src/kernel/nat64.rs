//! The device through which a NAT gateway's packets are translated between IPv6 and IPv4: a TUN device in the
//! gateway's namespace, and a thread that reads and writes it.
//!
//! The thread is ours: while nobody runs this engine, nothing is translated, and connections wait.

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use ipnet::IpNet;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

use super::namespace::within;
use super::netlink::Netlink;
use super::reconcile::index_of;
use super::requests::{self, KernelRoute, Way};
use crate::compile::node::MAIN;
use crate::limits::NAT64_MTU_BYTES;
use crate::names::NAT64;
use crate::translate::{PREFIX, STAND_INS, Translator};

/// From `linux/if_tun.h`.
const IFF_TUN: u16 = 1;
const IFF_NO_PI: u16 = 0x1000;
/// TUNSETIFF is numbered by the size of an `int`, whatever it takes.
const SET_INTERFACE: Opcode = opcode::write::<c_int>(b'T', 202);

/// `struct ifreq` as far as TUNSETIFF looks at it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

/// A running translation; it ends when this is dropped.
#[derive(Debug)]
pub struct Nat64(OwnedFd);

impl Drop for Nat64 {
    fn drop(&mut self) {
        // An eventfd that nobody wrote before takes one more.
        rustix::io::write(&self.0, &1_u64.to_ne_bytes()).ok();
    }
}

/// Makes the device in a namespace, with its routes, and has a thread translate what comes.
pub fn start(namespace: &File) -> io::Result<Nat64> {
    let device = within(namespace, || {
        let device = open()?;
        configure()?;
        Ok::<_, io::Error>(device)
    })??;
    let stop = eventfd(0, EventfdFlags::CLOEXEC)?;
    let stopped = stop.try_clone()?;
    std::thread::Builder::new().name("nat64".to_owned()).spawn(move || {
        if let Err(error) = run(&device, &stopped) {
            tracing::warn!(%error, "a NAT gateway does not translate IPv6 any more");
        }
    })?;
    Ok(Nat64(stop))
}

#[expect(unsafe_code, reason = "rustix leaves it to its callers to say what an ioctl takes")]
fn open() -> io::Result<File> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
    let mut request = InterfaceRequest { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    request.name[..NAT64.len()].copy_from_slice(NAT64.as_bytes());
    // SAFETY: TUNSETIFF reads a `struct ifreq`, whose size and layout InterfaceRequest has, and keeps no pointer to it.
    unsafe { ioctl(&device, Setter::<SET_INTERFACE, InterfaceRequest>::new(request)) }?;
    Ok(device)
}

fn configure() -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    let index = index_of(&mut netlink, NAT64)?.ok_or(io::ErrorKind::NotFound)?;
    let route =
        |to: IpNet| requests::route(&KernelRoute { table: MAIN, to, way: Way::Device(index, None) }, true);
    netlink.send(vec![
        requests::size(index, NAT64_MTU_BYTES),
        requests::up(index),
        route(PREFIX.into()),
        route(STAND_INS.into()),
    ])
}

fn run(mut device: &File, stopped: &OwnedFd) -> io::Result<()> {
    let mut translator = Translator::default();
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let mut waiting = [PollFd::new(device, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Err(rustix::io::Errno::INTR) => continue,
            outcome => outcome?,
        };
        if !waiting[1].revents().is_empty() {
            return Ok(());
        }
        let length = device.read(&mut buffer)?;
        if let Some(packet) = translator.translate(&buffer[..length])
            && let Err(error) = device.write(&packet)
        {
            tracing::debug!(%error, "a translated packet was not taken");
        }
    }
}
