//! Protocols, ports and addresses as matches. Shared by groups and ACLs, so that both mean the same.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::expression::*;
use crate::plan::Traffic;

/// What a packet of the family has to match; `None` when none of the family can.
pub fn matches(traffic: Traffic, v6: bool) -> Option<Rule> {
    Some(match traffic {
        Traffic::All => Vec::new(),
        Traffic::Tcp(from, to) => ports("tcp", from, to),
        Traffic::Udp(from, to) => ports("udp", from, to),
        Traffic::Icmp(kind, code) => (!v6).then(|| icmp("icmp", kind, code))?,
        Traffic::Icmp6(kind, code) => v6.then(|| icmp("icmpv6", kind, code))?,
        Traffic::Other(number) => vec![is(meta("l4proto"), number)],
    })
}

fn ports(protocol: &str, from: u16, to: u16) -> Rule {
    let port = field(protocol, "dport");
    match (from, to) {
        (0, u16::MAX) => vec![is(meta("l4proto"), protocol)],
        (from, to) if from == to => vec![is(port, from)],
        (from, to) => vec![is(port, json!({ "range": [from, to] }))],
    }
}

fn icmp(protocol: &str, kind: Option<u8>, code: Option<u8>) -> Rule {
    let name = if protocol == "icmp" { "icmp" } else { "ipv6-icmp" };
    let mut rule = vec![is(meta("l4proto"), name)];
    if let Some(kind) = kind {
        rule.push(is(field(protocol, "type"), kind));
        if let Some(code) = code {
            rule.push(is(field(protocol, "code"), code));
        }
    }
    rule
}

/// The source (`saddr`) or destination (`daddr`).
pub fn address(which: &str, v6: bool) -> Value {
    field(if v6 { "ip6" } else { "ip" }, which)
}

pub fn family(v6: bool) -> Value {
    is(meta("nfproto"), if v6 { "ipv6" } else { "ipv4" })
}

pub fn within(which: &str, cidr: IpNet) -> Rule {
    let v6 = cidr.addr().is_ipv6();
    match cidr.prefix_len() {
        0 => vec![family(v6)],
        _ => vec![is(address(which, v6), range(cidr))],
    }
}

/// A block as an element or operand.
pub fn range(cidr: IpNet) -> Value {
    if cidr.prefix_len() == cidr.max_prefix_len() {
        return cidr.addr().to_string().into();
    }
    json!({ "prefix": { "addr": cidr.network().to_string(), "len": cidr.prefix_len() } })
}
