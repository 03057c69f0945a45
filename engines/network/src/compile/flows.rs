//! Flow logs: the kernel counts packets and bytes by interface and five-tuple in sets that rules fill; nothing goes
//! through user space for each packet. Every collection has new sets, so that one is read while the other is written.

use super::expression::*;
use super::ruleset::{Base, Ruleset, Set};
use crate::plan::VpcPlan;
use serde_json::json;

/// Counts the collections. Each has sets of its own, made in the transaction that begins to fill them; those of the
/// collection before stay until the next, to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Generation(pub u64);

impl Generation {
    pub fn next(self) -> Generation {
        Generation(self.0 + 1)
    }

    fn previous(self) -> Option<Generation> {
        self.0.checked_sub(1).map(Generation)
    }
}

/// What is recorded of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Rejected,
}

/// Which packets a set holds: nft's keys have five parts at most, so the protocol is not one of them where there are
/// ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
    Other,
}

/// A set of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    pub name: String,
    pub v6: bool,
    pub verdict: Verdict,
    pub protocol: Protocol,
}

/// All the sets of one generation.
pub fn sets(generation: Generation) -> Vec<Records> {
    let mut sets = Vec::new();
    for (verdict, of) in [(Verdict::Accepted, "accepted"), (Verdict::Rejected, "rejected")] {
        for (v6, family) in [(false, '4'), (true, '6')] {
            for (protocol, what) in
                [(Protocol::Tcp, "tcp"), (Protocol::Udp, "udp"), (Protocol::Other, "other")]
            {
                let name = format!("{of}-{what}{family}-{}", generation.0);
                sets.push(Records { name, v6, verdict, protocol });
            }
        }
    }
    sets
}

impl Records {
    fn set(&self) -> Set {
        let address = if self.v6 { "ipv6_addr" } else { "ipv4_addr" };
        let key = match self.protocol {
            Protocol::Other => vec!["ifname", address, address, "inet_proto"],
            Protocol::Tcp | Protocol::Udp => vec!["ifname", address, address, "inet_service", "inet_service"],
        };
        Set { key, recording: true, ..Set::default() }
    }

    /// The rule that counts a packet; `end` is the interface it is told of.
    fn rule(&self, end: &str) -> Rule {
        let ip = if self.v6 { "ip6" } else { "ip" };
        let who = match self.verdict {
            Verdict::Accepted => "log-accepted",
            Verdict::Rejected => "log-rejected",
        };
        let mut parts = vec![meta(end), field(ip, "saddr"), field(ip, "daddr")];
        let ports = || [field("th", "sport"), field("th", "dport")];
        let of_protocol = match self.protocol {
            Protocol::Tcp => is(meta("l4proto"), "tcp"),
            Protocol::Udp => is(meta("l4proto"), "udp"),
            Protocol::Other => is_not(meta("l4proto"), any_of(["tcp", "udp"])),
        };
        match self.protocol {
            Protocol::Other => parts.push(meta("l4proto")),
            Protocol::Tcp | Protocol::Udp => parts.extend(ports()),
        }
        let update = json!({ "set": {
            "op": "update",
            "elem": { "concat": parts },
            "set": format!("@{}", self.name),
            "stmt": [{ "counter": { "packets": 0, "bytes": 0 } }],
        } });
        vec![is_in(meta(end), who), super::traffic::family(self.v6), of_protocol, update]
    }
}

/// The interfaces whose accepted and rejected packets some flow log wants.
pub fn wanted(plan: &VpcPlan, verdict: Verdict) -> impl Iterator<Item = &str> {
    let wants = move |log: &&crate::plan::FlowLogPlan| match verdict {
        Verdict::Accepted => log.accepted,
        Verdict::Rejected => log.rejected,
    };
    plan.flow_logs.iter().filter(wants).flat_map(|log| log.interfaces.iter().map(String::as_str))
}

/// Rules for the ends of packets, and chains where passing ones are recorded; nothing when there are no flow logs.
pub fn write(rules: &mut Ruleset, plan: &VpcPlan, device: impl Fn(&str) -> Option<String>, now: Generation) {
    let active = !plan.flow_logs.is_empty();
    for (verdict, name) in [(Verdict::Accepted, "log-accepted"), (Verdict::Rejected, "log-rejected")] {
        if !active {
            break;
        }
        let devices: Vec<_> = wanted(plan, verdict).filter_map(&device).collect();
        let set = rules.set(name, Set::of(&["ifname"]));
        devices.into_iter().for_each(|device| set.insert(device));
    }
    if active {
        for generation in [Some(now), now.previous()].into_iter().flatten() {
            for records in sets(generation) {
                rules.set(records.name.clone(), records.set());
            }
        }
    }
    for (chain, end) in [("refuse-out", "iifname"), ("refuse-in", "oifname")] {
        let mut body = if active { recorded(end, Verdict::Rejected, now) } else { Vec::new() };
        body.push(vec![drop()]);
        rules.chain(chain, body);
    }
    if active {
        // After the sender's groups, and after the receiver's: each interface has its own record.
        for (chain, priority, end) in [("sent", -5, "iifname"), ("delivered", 5, "oifname")] {
            let base = Base { kind: "filter", hook: "forward", priority, policy: "accept" };
            rules.base(chain, base, recorded(end, Verdict::Accepted, now));
        }
    }
}

fn recorded(end: &str, verdict: Verdict, now: Generation) -> Vec<Rule> {
    sets(now).iter().filter(|records| records.verdict == verdict).map(|records| records.rule(end)).collect()
}
