//! Whether this host can do it: tried, not guessed, in a namespace without a name that ends with the attempt.

use std::io;
use std::path::Path;

use serde_json::json;

use crate::kernel::namespace::{apart, set};
use crate::kernel::netlink::Netlink;
use crate::kernel::nft;
use crate::kernel::requests::{End, cable};
use crate::settings::Settings;

/// What the host lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Sentences for people. Empty: networks work.
    pub missing: Vec<String>,
}

pub fn probe(settings: &Settings) -> Capabilities {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push("networks need root (CAP_NET_ADMIN and CAP_SYS_ADMIN)".to_owned());
        return Capabilities { missing };
    }
    if !settings.nft.exists() {
        missing.push(format!("{} is not there (Debian's package nftables)", settings.nft.display()));
    }
    match apart(|| attempt(&settings.nft)) {
        Ok(found) => missing.extend(found),
        Err(error) => missing.push(format!("network namespaces cannot be made: {error}")),
    }
    Capabilities { missing }
}

fn attempt(nft: &Path) -> Vec<String> {
    let mut missing = Vec::new();
    let mut note = |what: &str, outcome: io::Result<()>| {
        if let Err(error) = outcome {
            missing.push(format!("{what}: {error}"));
        }
    };
    note("virtual cables (veth) cannot be made", plug());
    note("packets cannot be forwarded", set("net/ipv4/ip_forward", "1"));
    if nft.exists() {
        note("nftables with connection tracking and NAT does not work", filter(nft));
    }
    missing
}

fn plug() -> io::Result<()> {
    let end = |name| End { name, mac: [2, 0, 0, 0, 0, 1], mtu: 1500, quiet: false, namespace: None };
    Netlink::open()?.send(cable(&end("probe-a"), &end("probe-b"), "probe").to_vec())
}

fn filter(nft: &Path) -> io::Result<()> {
    let table = json!({ "family": "inet", "name": "probe" });
    let chain = |name: &str, kind: &str, hook: &str| {
        json!({ "add": { "chain": { "family": "inet", "table": "probe", "name": name,
            "type": kind, "hook": hook, "prio": 0, "policy": "accept" } } })
    };
    let tracked =
        json!({ "match": { "op": "==", "left": { "ct": { "key": "state" } }, "right": "established" } });
    let rule =
        json!({ "family": "inet", "table": "probe", "chain": "a", "expr": [tracked, { "accept": null }] });
    nft::run(
        nft,
        vec![
            json!({ "add": { "table": table } }),
            chain("a", "filter", "forward"),
            chain("b", "nat", "postrouting"),
            json!({ "add": { "rule": rule } }),
        ],
    )
}
