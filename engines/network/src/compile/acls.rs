//! Network ACLs: stateless, asked whenever a packet crosses a subnet's edge, and before connections are looked at.
//! Packets between two interfaces of one subnet cross no edge.

use super::expression::*;
use super::groups::Direction;
use super::ruleset::{Ruleset, Set};
use super::traffic;
use crate::plan::{AclPlan, AclRule, SubnetPlan};

/// The chain that a packet out of (or into) the subnet passes; yields its name. Its devices go into `s-…`.
pub fn edge(rules: &mut Ruleset, subnet: &SubnetPlan, direction: Direction, acls: &[AclPlan]) -> String {
    let inside = format!("s-{}", subnet.id);
    rules.set(inside.clone(), Set::of(&["ifname"]));
    let (name, other) = match direction {
        Direction::Out => (format!("edge-out-{}", subnet.id), "oifname"),
        Direction::In => (format!("edge-in-{}", subnet.id), "iifname"),
    };
    if !rules.chains.contains_key(&name) {
        let decide = match acls.iter().find(|acl| acl.id == subnet.acl) {
            Some(acl) => goto(&write(rules, acl, direction)),
            // A plan without the ACL it names lets nothing pass: rather closed than open.
            None => goto(direction.refusal()),
        };
        rules.chain(name.clone(), vec![vec![is_in(meta(other), &inside), back()], vec![decide]]);
    }
    name
}

fn write(rules: &mut Ruleset, acl: &AclPlan, direction: Direction) -> String {
    let (name, entries) = match direction {
        Direction::Out => (format!("acl-out-{}", acl.id), &acl.egress),
        Direction::In => (format!("acl-in-{}", acl.id), &acl.ingress),
    };
    if rules.chains.contains_key(&name) {
        return name;
    }
    let mut ordered: Vec<&AclRule> = entries.iter().collect();
    ordered.sort_by_key(|rule| rule.number);
    let mut body: Vec<Rule> = ordered.into_iter().filter_map(|rule| entry(rule, direction)).collect();
    body.push(vec![goto(direction.refusal())]);
    rules.chain(name.clone(), body);
    name
}

fn entry(rule: &AclRule, direction: Direction) -> Option<Rule> {
    let which = match direction {
        Direction::In => "saddr",
        Direction::Out => "daddr",
    };
    let mut statements = traffic::within(which, rule.cidr);
    statements.extend(traffic::matches(rule.traffic, rule.cidr.addr().is_ipv6())?);
    statements.push(if rule.allow { back() } else { goto(direction.refusal()) });
    Some(statements)
}
