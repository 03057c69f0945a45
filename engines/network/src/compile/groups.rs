//! Security groups as chains: one chain a group and direction, one more for each combination of groups that some
//! interface has.
//!
//! Two behaviours of AWS are less obvious (EC2 user guide, "security group connection tracking"). A rule that is taken
//! away does not end connections that it once allowed, because they are tracked. But flows of TCP and UDP that *any*
//! address may open, with the answers allowed to any address as well, are not tracked on AWS, and end at once. The
//! kernel tracks all; what AWS would not track gets a bit in its connection's mark, and is asked again packet by packet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::expression::*;
use super::ruleset::{Ruleset, Set};
use super::traffic;
use crate::names;
use crate::plan::{GroupPlan, GroupRule, Peer, Traffic, VpcPlan};

/// Bits of a connection's mark: allowed by a rule whose flows AWS does not track.
pub const UNTRACKED_OUT: u32 = 1;
pub const UNTRACKED_IN: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    In,
    Out,
}

impl Direction {
    fn letter(self) -> char {
        match self {
            Direction::In => 'i',
            Direction::Out => 'o',
        }
    }

    fn rules(self, group: &GroupPlan) -> &[GroupRule] {
        match self {
            Direction::In => &group.ingress,
            Direction::Out => &group.egress,
        }
    }

    fn opposite(self) -> Direction {
        match self {
            Direction::In => Direction::Out,
            Direction::Out => Direction::In,
        }
    }

    fn bit(self) -> u32 {
        match self {
            Direction::In => UNTRACKED_IN,
            Direction::Out => UNTRACKED_OUT,
        }
    }

    /// The chain that ends packets, and records them when flow logs want that.
    pub fn refusal(self) -> &'static str {
        match self {
            Direction::In => "refuse-in",
            Direction::Out => "refuse-out",
        }
    }
}

/// Who is in which group, by the plans of this VPC and of those it is peered with.
pub fn members(plan: &VpcPlan, plans: &BTreeMap<String, VpcPlan>) -> BTreeMap<String, BTreeSet<IpAddr>> {
    let peers = plan.peerings.iter().filter_map(|peering| plans.get(&peering.other_vpc));
    let mut members: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for interface in std::iter::once(plan).chain(peers).flat_map(|plan| &plan.interfaces) {
        for group in &interface.groups {
            let of_group = members.entry(group.clone()).or_default();
            of_group.extend(interface.addresses.iter().map(|address| IpAddr::V4(*address)));
            of_group.extend(interface.addresses6.iter().map(|address| IpAddr::V6(*address)));
        }
    }
    members
}

/// The chains of a combination of groups in both directions; yields their names.
pub struct Chains<'a> {
    groups: BTreeMap<&'a str, &'a GroupPlan>,
    members: &'a BTreeMap<String, BTreeSet<IpAddr>>,
    plan: &'a VpcPlan,
}

impl<'a> Chains<'a> {
    pub fn new(plan: &'a VpcPlan, members: &'a BTreeMap<String, BTreeSet<IpAddr>>) -> Chains<'a> {
        let groups = plan.groups.iter().map(|group| (group.id.as_str(), group)).collect();
        Chains { groups, members, plan }
    }

    /// Writes the chain that decides for interfaces with exactly these groups; yields its name.
    pub fn write(&self, rules: &mut Ruleset, of: &[String], direction: Direction) -> String {
        let mut sorted = of.to_vec();
        sorted.sort();
        sorted.dedup();
        let name = format!("{}s-{}", direction.letter(), names::digest(&sorted));
        if rules.chains.contains_key(&name) {
            return name;
        }
        let groups: Vec<_> = sorted.iter().filter_map(|id| self.groups.get(id.as_str()).copied()).collect();
        let open = Open::in_direction(&groups, direction.opposite());
        let mut body: Vec<Rule> = Vec::new();
        for group in groups {
            body.push(vec![jump(&self.write_group(rules, group, direction, open))]);
        }
        body.push(vec![goto(direction.refusal())]);
        rules.chain(name.clone(), body);
        name
    }

    fn write_group(
        &self,
        rules: &mut Ruleset,
        group: &GroupPlan,
        direction: Direction,
        open: Open,
    ) -> String {
        let name = format!("{}g{}-{}", direction.letter(), open.letters(), group.id);
        if rules.chains.contains_key(&name) {
            return name;
        }
        let mut body = Vec::new();
        for rule in direction.rules(group) {
            self.write_rule(rules, rule, direction, open, &mut body);
        }
        body.dedup();
        rules.chain(name.clone(), body);
        name
    }

    fn write_rule(
        &self,
        rules: &mut Ruleset,
        rule: &GroupRule,
        direction: Direction,
        open: Open,
        body: &mut Vec<Rule>,
    ) {
        for (v6, peer) in self.peers(rules, &rule.peer, direction) {
            let Some(mut statements) = traffic::matches(rule.traffic, v6) else { continue };
            statements.splice(0..0, peer);
            if open.covers(rule, v6) {
                // Protocols besides TCP and UDP are always tracked, so a rule for all of them is two rules.
                if rule.traffic == Traffic::All {
                    let mut tracked = statements.clone();
                    tracked.push(is_not(meta("l4proto"), any_of(["tcp", "udp"])));
                    tracked.push(accept());
                    body.push(tracked);
                }
                statements.push(mark_connection(direction.bit()));
            }
            statements.push(accept());
            body.push(statements);
        }
    }

    /// What the other side's address has to match, for IPv4 and IPv6.
    fn peers(&self, rules: &mut Ruleset, peer: &Peer, direction: Direction) -> Vec<(bool, Rule)> {
        let which = match direction {
            Direction::In => "saddr",
            Direction::Out => "daddr",
        };
        match peer {
            Peer::Cidr(cidr) => vec![(cidr.addr().is_ipv6(), traffic::within(which, *cidr))],
            Peer::Group(id) => {
                let members = self.members.get(id);
                let sets = family_sets(rules, 'm', id, false);
                for member in members.into_iter().flatten() {
                    let name = if member.is_ipv6() { &sets[1].1 } else { &sets[0].1 };
                    rules.set(name.clone(), Set::default()).insert(member.to_string());
                }
                sets.into_iter()
                    .map(|(v6, name)| (v6, vec![is_in(traffic::address(which, v6), &name)]))
                    .collect()
            }
            Peer::List(id) => {
                let sets = family_sets(rules, 'l', id, true);
                let list = self.plan.lists.iter().find(|list| &list.id == id);
                let entries: Vec<IpNet> = list.map(|list| list.entries.clone()).unwrap_or_default();
                for entry in IpNet::aggregate(&entries) {
                    let name = if entry.addr().is_ipv6() { &sets[1].1 } else { &sets[0].1 };
                    rules.set(name.clone(), Set::default()).insert(traffic::range(entry));
                }
                sets.into_iter()
                    .map(|(v6, name)| (v6, vec![is_in(traffic::address(which, v6), &name)]))
                    .collect()
            }
        }
    }
}

/// Declares `m4-sg-…` and `m6-sg-…`, or `l4-pl-…` and `l6-pl-…`.
fn family_sets(rules: &mut Ruleset, letter: char, id: &str, ranges: bool) -> [(bool, String); 2] {
    [(false, '4', "ipv4_addr"), (true, '6', "ipv6_addr")].map(|(v6, digit, kind)| {
        let name = format!("{letter}{digit}-{id}");
        rules.set(name.clone(), Set { key: vec![kind], interval: ranges, ..Set::default() });
        (v6, name)
    })
}

/// Whether the groups allow everything to everywhere in a direction, by protocol and family: then what comes the other
/// way from anywhere is not tracked on AWS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Open {
    tcp: [bool; 2],
    udp: [bool; 2],
}

impl Open {
    fn in_direction(groups: &[&GroupPlan], direction: Direction) -> Open {
        let mut open = Open::default();
        for rule in groups.iter().flat_map(|group| direction.rules(group)) {
            let Some(v6) = anywhere(&rule.peer) else { continue };
            let family = usize::from(v6);
            open.tcp[family] |= matches!(rule.traffic, Traffic::All | Traffic::Tcp(0, u16::MAX));
            open.udp[family] |= matches!(rule.traffic, Traffic::All | Traffic::Udp(0, u16::MAX));
        }
        open
    }

    fn covers(self, rule: &GroupRule, v6: bool) -> bool {
        let family = usize::from(v6);
        anywhere(&rule.peer).is_some()
            && match rule.traffic {
                Traffic::All => self.tcp[family] && self.udp[family],
                Traffic::Tcp(..) => self.tcp[family],
                Traffic::Udp(..) => self.udp[family],
                _ => false,
            }
    }

    /// Part of a chain's name, since the same group makes another chain beside other groups.
    fn letters(self) -> String {
        let flags = [self.tcp[0], self.udp[0], self.tcp[1], self.udp[1]];
        flags.iter().zip("tuTU".chars()).filter(|(on, _)| **on).map(|(_, letter)| letter).collect()
    }
}

/// For a peer that is any address: whether of IPv6.
fn anywhere(peer: &Peer) -> Option<bool> {
    match peer {
        Peer::Cidr(cidr) if cidr.prefix_len() == 0 => Some(cidr.addr().is_ipv6()),
        _ => None,
    }
}
