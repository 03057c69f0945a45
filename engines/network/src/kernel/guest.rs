//! The far end of a guest's cable: what a machine finds configured when it starts. Later the machine may change it as
//! it likes; the router's end does not believe it anything.

use std::io;
use std::net::IpAddr;

use ipnet::IpNet;

use super::netlink::Netlink;
use super::reconcile::index_of;
use super::requests::{self, KernelRoute, Selector, Way};
use crate::compile::node::{Guest, MAIN, alone};
use crate::names::{GATEWAY_MAC, GATEWAY6};

/// Further interfaces answer by the way a packet came (Amazon Linux sets its interfaces up likewise).
const TABLE_FIRST: u32 = 10_000;

/// Configures the device in the thread's namespace. `before` is what an earlier call gave it: addresses that are no
/// longer the interface's are taken away.
pub fn configure(guest: &Guest, before: Option<&Guest>) -> io::Result<()> {
    let mut netlink = Netlink::open()?;
    let Some(index) = index_of(&mut netlink, &guest.device)? else { return Ok(()) };
    let mut batch = vec![requests::up(index)];
    let blocks = |guest: &Guest| -> Vec<IpNet> {
        let v4 = guest
            .addresses
            .iter()
            .filter_map(|(address, length)| IpNet::new(IpAddr::V4(*address), *length).ok());
        v4.chain(guest.addresses6.iter().map(|address| alone(*address))).collect()
    };
    let wanted = blocks(guest);
    batch.extend(wanted.iter().map(|address| requests::address(index, *address, true)));
    for old in before.map(blocks).unwrap_or_default() {
        if !wanted.contains(&old) {
            batch.push(requests::address(index, old, false));
        }
    }
    batch.extend(routes(guest, index));
    netlink.send(batch)
}

fn routes(guest: &Guest, index: u32) -> Vec<super::netlink::Request> {
    let v4 = guest.gateway.filter(|_| !guest.addresses.is_empty()).map(IpAddr::V4);
    let v6 = (!guest.addresses6.is_empty()).then_some(IpAddr::V6(GATEWAY6));
    let mut batch = Vec::new();
    for gateway in v4.into_iter().chain(v6) {
        batch.push(requests::neighbour(index, gateway, GATEWAY_MAC, true));
        let any = match gateway {
            IpAddr::V4(_) => IpNet::new(IpAddr::from([0; 4]), 0),
            IpAddr::V6(_) => IpNet::new(IpAddr::from([0; 16]), 0),
        };
        let to = any.expect("no prefix length is shorter than none");
        let table = if guest.index == 0 { MAIN } else { TABLE_FIRST + u32::from(guest.index) };
        batch.push(requests::route(&KernelRoute { table, to, way: Way::Device(index, Some(gateway)) }, true));
    }
    if guest.index > 0 {
        let table = TABLE_FIRST + u32::from(guest.index);
        let v4 = guest.addresses.iter().map(|(address, _)| IpAddr::V4(*address));
        for from in v4.chain(guest.addresses6.iter().map(|address| IpAddr::V6(*address))) {
            batch.push(requests::rule(Selector::From(from), table, from.is_ipv6(), true));
        }
    }
    batch
}
