//! Rules of security groups: from the ways in which requests write them, and into those in which they are shown.
//!
//! A permission of the API is a protocol with ports and any number of peers; each peer is a rule of its own, with an id.

use ec2_api::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ReferencedSecurityGroup, RevokedSecurityGroupRule,
    SecurityGroupRule, UserIdGroupPair,
};
use ipnet::{Ipv4Net, Ipv6Net};

use super::groups::is_text;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_VALUE, INVALID_PERMISSION_DUPLICATE, MISSING_PARAMETER, RULES_LIMIT_EXCEEDED,
};
use crate::limits::{GROUP_NAME_CHARS_MAX, RULES_OF_A_DIRECTION_MAX};
use crate::records::groups::{GroupRecord, Matched, Peer, Rule};

/// A rule that a request names. Groups are still to be looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub matched: Matched,
    pub peer: NamedPeer,
    pub description: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NamedPeer {
    Known(Peer),
    Group(UserIdGroupPair),
}

impl Matched {
    pub fn all() -> Matched {
        Matched { protocol: "-1".to_owned(), from: None, to: None }
    }

    /// Looks over a protocol and its ports.
    pub fn parse(protocol: Option<&str>, from: Option<i32>, to: Option<i32>) -> Result<Matched, Error> {
        let Some(given) = protocol.filter(|protocol| !protocol.is_empty()) else {
            let message = "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.";
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        };
        let protocol = match given.to_ascii_lowercase().as_str() {
            "6" | "tcp" => "tcp",
            "17" | "udp" => "udp",
            "1" | "icmp" => "icmp",
            "58" | "icmpv6" => "icmpv6",
            "-1" => return Ok(Matched::all()),
            other => {
                let number = other.parse::<u8>().map_err(|_| {
                    let message = format!("Invalid value '{given}' for IP protocol. Unknown protocol.");
                    Error::new(&INVALID_PARAMETER_VALUE, message)
                })?;
                return Ok(Matched { protocol: number.to_string(), from: None, to: None });
            }
        };
        let (from, to) = match protocol {
            "icmp" | "icmpv6" => icmp(protocol, from, to)?,
            _ => ports(from, to)?,
        };
        Ok(Matched { protocol: protocol.to_owned(), from: Some(from), to: Some(to) })
    }
}

fn ports(from: Option<i32>, to: Option<i32>) -> Result<(i32, i32), Error> {
    let (Some(from), Some(to)) = (from, to) else {
        let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    };
    for (port, end) in [(from, "from"), (to, "to")] {
        if !(0..=65_535).contains(&port) {
            let message = format!("TCP/UDP ({end}) port ({port}) out of range");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    match from <= to {
        true => Ok((from, to)),
        false => {
            Err(Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid TCP/UDP port range ({from}:{to})")))
        }
    }
}

/// The type and the code; -1 is any, and any type has any code.
fn icmp(protocol: &str, kind: Option<i32>, code: Option<i32>) -> Result<(i32, i32), Error> {
    let (kind, code) = match (kind, code) {
        (Some(kind), Some(code)) => (kind, code),
        _ if protocol == "icmpv6" => (-1, -1),
        _ => {
            let message = "Invalid value 'Must specify both type and code with ICMP.' for portRange.";
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    };
    for (value, what) in [(kind, "type"), (code, "code")] {
        if !(-1..=255).contains(&value) {
            return Err(Error::new(&INVALID_PARAMETER_VALUE, format!("ICMP {what} ({value}) out of range")));
        }
    }
    match kind == -1 && code != -1 {
        true => Err(Error::new(&INVALID_PARAMETER_VALUE, "ICMP code must be -1 (all codes) for all types")),
        false => Ok((kind, code)),
    }
}

/// An IPv4 range; what it has beyond its prefix is dropped, as AWS does.
pub fn ipv4(text: &str) -> Result<Ipv4Net, Error> {
    let found = text.parse::<Ipv4Net>().map(|net| net.trunc());
    found.map_err(|_| Error::new(&INVALID_PARAMETER_VALUE, format!("CIDR block {text} is malformed")))
}

pub fn ipv6(text: &str) -> Result<Ipv6Net, Error> {
    let found = text.parse::<Ipv6Net>().map(|net| net.trunc());
    found.map_err(|_| Error::new(&INVALID_PARAMETER_VALUE, format!("CIDR block {text} is malformed")))
}

/// The rules that permissions name, one a peer.
///
/// # Errors
/// `MissingParameter` for a permission without a peer; `InvalidParameterValue` for what is malformed or named twice.
pub fn named(permissions: Vec<IpPermission>) -> Result<Vec<Named>, Error> {
    let mut rules: Vec<Named> = Vec::new();
    for permission in permissions {
        let matched =
            Matched::parse(permission.ip_protocol.as_deref(), permission.from_port, permission.to_port)?;
        let peers = peers(permission)?;
        if peers.is_empty() {
            let message = "Missing source specification: include source security group or CIDR information";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
        for (peer, description) in peers {
            check_description(description.as_deref())?;
            if rules.iter().any(|rule| rule.matched == matched && rule.peer == peer) {
                let message = "The same permission must not appear multiple times";
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            rules.push(Named { matched: matched.clone(), peer, description });
        }
    }
    Ok(rules)
}

fn peers(permission: IpPermission) -> Result<Vec<(NamedPeer, Option<String>)>, Error> {
    let mut peers = Vec::new();
    for range in permission.ip_ranges.unwrap_or_default() {
        let cidr = range.cidr_ip.ok_or_else(|| Error::missing("CidrIp"))?;
        peers.push((NamedPeer::Known(Peer::Ipv4(ipv4(&cidr)?)), range.description));
    }
    for range in permission.ipv6_ranges.unwrap_or_default() {
        let cidr = range.cidr_ipv6.ok_or_else(|| Error::missing("CidrIpv6"))?;
        peers.push((NamedPeer::Known(Peer::Ipv6(ipv6(&cidr)?)), range.description));
    }
    for list in permission.prefix_list_ids.unwrap_or_default() {
        let id = list.prefix_list_id.ok_or_else(|| Error::missing("PrefixListId"))?;
        peers.push((NamedPeer::Known(Peer::List(id)), list.description));
    }
    for mut pair in permission.user_id_group_pairs.unwrap_or_default() {
        let description = pair.description.take();
        peers.push((NamedPeer::Group(pair), description));
    }
    Ok(peers)
}

pub fn check_description(description: Option<&str>) -> Result<(), Error> {
    let is_fine = description
        .is_none_or(|text| text.chars().count() <= GROUP_NAME_CHARS_MAX && text.chars().all(is_text));
    match is_fine {
        true => Ok(()),
        false => {
            let message = "Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*";
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

/// Refuses a rule that the group has, and one more than it may have. `weight` tells how many entries a prefix list
/// counts as.
pub fn check_new(
    group: &GroupRecord,
    fresh: &[Rule],
    egress: bool,
    weight: &dyn Fn(&str) -> usize,
) -> Result<(), Error> {
    for rule in fresh {
        if group
            .rules(egress)
            .any(|known| known.matched == rule.matched && same_peer(&known.peer, &rule.peer))
        {
            let message = format!("the specified rule \"{}\" already exists", sentence(rule));
            return Err(Error::new(&INVALID_PERMISSION_DUPLICATE, message));
        }
    }
    // The quota holds for IPv4 and IPv6 each; groups and lists count for both.
    let (mut four, mut six) = (0, 0);
    for rule in group.rules(egress).chain(fresh) {
        match &rule.peer {
            Peer::Ipv4(_) => four += 1,
            Peer::Ipv6(_) => six += 1,
            Peer::Group { .. } => (four, six) = (four + 1, six + 1),
            Peer::List(id) => (four, six) = (four + weight(id), six + weight(id)),
        }
    }
    match four.max(six) <= RULES_OF_A_DIRECTION_MAX {
        true => Ok(()),
        false => {
            let message = "The maximum number of rules per security group has been reached.";
            Err(Error::new(&RULES_LIMIT_EXCEEDED, message))
        }
    }
}

/// Whether two peers are one: of a group the id tells.
pub fn same_peer(one: &Peer, other: &Peer) -> bool {
    match (one, other) {
        (Peer::Group { id, .. }, Peer::Group { id: other, .. }) => id == other,
        _ => one == other,
    }
}

/// `peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW`
fn sentence(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Ipv4(cidr) => cidr.to_string(),
        Peer::Ipv6(cidr) => cidr.to_string(),
        Peer::List(id) | Peer::Group { id, .. } => id.clone(),
    };
    let any = |value: Option<i32>| match value {
        None | Some(-1) => "ALL".to_owned(),
        Some(value) => value.to_string(),
    };
    let Matched { protocol, from, to } = &rule.matched;
    let what = match protocol.as_str() {
        "-1" => "ALL".to_owned(),
        "tcp" | "udp" => {
            let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
            format!("{}, from port: {from}, to port: {to}", protocol.to_ascii_uppercase())
        }
        "icmp" => format!("ICMP, type: {}, code: {}", any(*from), any(*to)),
        "icmpv6" => format!("ICMPv6, type: {}, code: {}", any(*from), any(*to)),
        number => format!("protocol: {number}"),
    };
    format!("peer: {peer}, {what}, ALLOW")
}

/// Rules as permissions: those for the same packets together, in the order in which they came.
pub fn shown_permissions<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<IpPermission> {
    let mut shown: Vec<(&Matched, IpPermission)> = Vec::new();
    for rule in rules {
        let known = shown.iter().position(|(matched, _)| *matched == &rule.matched);
        let at = known.unwrap_or_else(|| {
            let Matched { protocol, from, to } = &rule.matched;
            let empty = IpPermission {
                ip_protocol: Some(protocol.clone()),
                from_port: *from,
                to_port: *to,
                user_id_group_pairs: Some(Vec::new()),
                ip_ranges: Some(Vec::new()),
                ipv6_ranges: Some(Vec::new()),
                prefix_list_ids: Some(Vec::new()),
            };
            shown.push((&rule.matched, empty));
            shown.len() - 1
        });
        add_peer(&mut shown[at].1, rule);
    }
    shown.into_iter().map(|(_, permission)| permission).collect()
}

fn add_peer(permission: &mut IpPermission, rule: &Rule) {
    let description = rule.description.clone();
    match &rule.peer {
        Peer::Ipv4(cidr) => {
            let range = IpRange { cidr_ip: Some(cidr.to_string()), description };
            permission.ip_ranges.get_or_insert_default().push(range);
        }
        Peer::Ipv6(cidr) => {
            let range = Ipv6Range { cidr_ipv6: Some(cidr.to_string()), description };
            permission.ipv6_ranges.get_or_insert_default().push(range);
        }
        Peer::List(id) => {
            let list = PrefixListId { prefix_list_id: Some(id.clone()), description };
            permission.prefix_list_ids.get_or_insert_default().push(list);
        }
        Peer::Group { id, owner, vpc, peering } => {
            permission.user_id_group_pairs.get_or_insert_default().push(UserIdGroupPair {
                description,
                user_id: Some(owner.to_string()),
                group_id: Some(id.clone()),
                vpc_id: vpc.clone(),
                peering_status: peering.as_ref().map(|_| "active".to_owned()),
                vpc_peering_connection_id: peering.clone(),
                ..UserIdGroupPair::default()
            });
        }
    }
}

/// A rule by itself, as DescribeSecurityGroupRules shows it: -1 where it has no ports.
pub fn shown(rule: &Rule, group: &GroupRecord, arn: String) -> SecurityGroupRule {
    let mut shown = SecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: group.group.group_id.clone(),
        group_owner_id: group.group.owner_id.clone(),
        is_egress: Some(rule.egress),
        ip_protocol: Some(rule.matched.protocol.clone()),
        from_port: Some(rule.matched.from.unwrap_or(-1)),
        to_port: Some(rule.matched.to.unwrap_or(-1)),
        description: rule.description.clone(),
        security_group_rule_arn: Some(arn),
        ..SecurityGroupRule::default()
    };
    match &rule.peer {
        Peer::Ipv4(cidr) => shown.cidr_ipv4 = Some(cidr.to_string()),
        Peer::Ipv6(cidr) => shown.cidr_ipv6 = Some(cidr.to_string()),
        Peer::List(id) => shown.prefix_list_id = Some(id.clone()),
        Peer::Group { id, owner, vpc, peering } => {
            shown.referenced_group_info = Some(ReferencedSecurityGroup {
                group_id: Some(id.clone()),
                user_id: Some(owner.to_string()),
                vpc_id: vpc.clone(),
                peering_status: peering.as_ref().map(|_| "active".to_owned()),
                vpc_peering_connection_id: peering.clone(),
            });
        }
    }
    shown
}

pub fn shown_revoked(rule: &Rule, group: &GroupRecord) -> RevokedSecurityGroupRule {
    let whole = shown(rule, group, String::new());
    RevokedSecurityGroupRule {
        security_group_rule_id: whole.security_group_rule_id,
        group_id: whole.group_id,
        is_egress: whole.is_egress,
        ip_protocol: whole.ip_protocol,
        from_port: whole.from_port,
        to_port: whole.to_port,
        cidr_ipv4: whole.cidr_ipv4,
        cidr_ipv6: whole.cidr_ipv6,
        prefix_list_id: whole.prefix_list_id,
        referenced_group_id: whole.referenced_group_info.and_then(|group| group.group_id),
        description: whole.description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_and_ports_are_told_from_what_is_none() {
        let all = Some(("-1", None, None));
        for (protocol, from, to, expected) in [
            ("tcp", Some(22), Some(22), Some(("tcp", Some(22), Some(22)))),
            ("6", Some(0), Some(65_535), Some(("tcp", Some(0), Some(65_535)))),
            ("TCP", Some(22), Some(22), Some(("tcp", Some(22), Some(22)))),
            ("udp", None, Some(53), None),
            ("udp", Some(54), Some(53), None),
            ("tcp", Some(-1), Some(-1), None),
            ("tcp", Some(0), Some(65_536), None),
            ("icmp", Some(-1), Some(-1), Some(("icmp", Some(-1), Some(-1)))),
            ("icmp", Some(8), Some(0), Some(("icmp", Some(8), Some(0)))),
            ("icmp", Some(-1), Some(0), None),
            ("icmp", None, None, None),
            ("58", None, None, Some(("icmpv6", Some(-1), Some(-1)))),
            ("50", Some(1), Some(2), Some(("50", None, None))),
            ("-1", Some(1), Some(2), all),
            ("all", None, None, None),
            ("256", None, None, None),
            ("", None, None, None),
        ] {
            let found = Matched::parse(Some(protocol), from, to).ok();
            let found = found.as_ref().map(|it| (it.protocol.as_str(), it.from, it.to));
            assert_eq!(found, expected, "{protocol} {from:?} {to:?}");
        }
    }

    #[test]
    fn ranges_are_put_into_their_canonical_form() {
        assert_eq!(ipv4("100.68.0.18/18").unwrap().to_string(), "100.68.0.0/18");
        assert_eq!(ipv6("2001:DB8::1/32").unwrap().to_string(), "2001:db8::/32");
        for bad in ["10.0.0.0", "10.0.0.0/33", "::/0", ""] {
            assert!(ipv4(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_rule_is_told_as_aws_tells_it() {
        let rule = |protocol: &str, from, to| Rule {
            id: String::new(),
            egress: false,
            matched: Matched { protocol: protocol.to_owned(), from, to },
            peer: Peer::Ipv4(Ipv4Net::default()),
            description: None,
        };
        for (rule, expected) in [
            (rule("tcp", Some(22), Some(22)), "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW"),
            (rule("-1", None, None), "peer: 0.0.0.0/0, ALL, ALLOW"),
            (rule("50", None, None), "peer: 0.0.0.0/0, protocol: 50, ALLOW"),
        ] {
            assert_eq!(sentence(&rule), expected);
        }
    }
}
