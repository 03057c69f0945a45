//! Reads the kernel's flow records out of the sets that rules fill.

use std::io;
use std::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::nft;
use crate::compile::flows::{Generation, Protocol, Records, Verdict, sets};
use crate::names::TABLE;

/// What one set element says; the interface is still a device's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub device: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
    pub packets: u64,
    pub bytes: u64,
    pub accepted: bool,
}

/// Reads all records of a generation that is no longer written, in the thread's namespace.
pub fn read_all(nft: &Path, generation: Generation) -> io::Result<Vec<Record>> {
    let sets = sets(generation);
    // All of the table, since nft 1.0 cannot list several sets at once.
    let table = json!({ "family": "inet", "name": TABLE });
    let answer = nft::ask(nft, json!({ "list": { "table": table } }))?;
    let mut taken = Vec::new();
    for object in &answer {
        let Some(of) = sets.iter().find(|records| object["set"]["name"] == records.name.as_str()) else {
            continue;
        };
        let elements = object["set"]["elem"].as_array();
        taken.extend(elements.into_iter().flatten().filter_map(|element| read(element, of)));
    }
    Ok(taken)
}

fn read(element: &Value, of: &Records) -> Option<Record> {
    let element = &element["elem"];
    let counter = &element["counter"];
    let parts = element["val"]["concat"].as_array()?;
    let [device, source, destination, rest @ ..] = parts.as_slice() else { return None };
    let (protocol, source_port, destination_port) = match (of.protocol, rest) {
        (Protocol::Tcp, [from, to]) => (6, port(from)?, port(to)?),
        (Protocol::Udp, [from, to]) => (17, port(from)?, port(to)?),
        (Protocol::Other, [protocol]) => (number(protocol)?, 0, 0),
        _ => return None,
    };
    Some(Record {
        device: device.as_str()?.to_owned(),
        source: source.as_str()?.parse().ok()?,
        destination: destination.as_str()?.parse().ok()?,
        source_port,
        destination_port,
        protocol,
        packets: counter["packets"].as_u64()?,
        bytes: counter["bytes"].as_u64()?,
        accepted: of.verdict == Verdict::Accepted,
    })
}

fn port(value: &Value) -> Option<u16> {
    u16::try_from(value.as_u64()?).ok()
}

/// nft writes the protocols it knows by name.
fn number(value: &Value) -> Option<u8> {
    match value.as_str() {
        None => u8::try_from(value.as_u64()?).ok(),
        Some("icmp") => Some(1),
        Some("ipv6-icmp" | "icmpv6") => Some(58),
        Some("esp") => Some(50),
        Some("ah") => Some(51),
        Some("gre") => Some(47),
        Some("sctp") => Some(132),
        Some("udplite") => Some(136),
        Some("dccp") => Some(33),
        Some("comp" | "ipcomp") => Some(108),
        Some(other) => other.parse().ok(),
    }
}
