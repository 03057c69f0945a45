//! Security groups: their names, what they answer filters with, and what a new one lets through.

use ec2_api::SecurityGroup;
use ipnet::{Ipv4Net, Ipv6Net};
use service::{Call, Kept};

use super::filter::{Values, maybe, one};
use super::group_rules::shown_permissions;
use super::tags::{Tags, shown};
use crate::error::Error;
use crate::error::codes::{INVALID_GROUP_RESERVED, INVALID_PARAMETER_VALUE};
use crate::kind::{SECURITY_GROUP, SECURITY_GROUP_RULE};
use crate::limits::GROUP_NAME_CHARS_MAX;
use crate::records::groups::{GroupRecord, Matched, Peer, Rule};

pub const FILTERS: &[&str] = &[
    "description",
    "egress.ip-permission.cidr",
    "egress.ip-permission.from-port",
    "egress.ip-permission.group-id",
    "egress.ip-permission.group-name",
    "egress.ip-permission.ipv6-cidr",
    "egress.ip-permission.prefix-list-id",
    "egress.ip-permission.protocol",
    "egress.ip-permission.to-port",
    "egress.ip-permission.user-id",
    "group-id",
    "group-name",
    "ip-permission.cidr",
    "ip-permission.from-port",
    "ip-permission.group-id",
    "ip-permission.group-name",
    "ip-permission.ipv6-cidr",
    "ip-permission.prefix-list-id",
    "ip-permission.protocol",
    "ip-permission.to-port",
    "ip-permission.user-id",
    "owner-id",
    "vpc-id",
];

/// For what has no tags of its own.
pub static NO_TAGS: Tags = Tags::new();

pub fn filter(record: &GroupRecord, name: &str) -> Values {
    if let Some(rest) = name.strip_prefix("egress.ip-permission.") {
        return of_rules(record, true, rest);
    }
    if let Some(rest) = name.strip_prefix("ip-permission.") {
        return of_rules(record, false, rest);
    }
    match name {
        "description" => maybe(record.group.description.as_deref()),
        "group-id" => maybe(record.group.group_id.as_deref()),
        "group-name" => one(record.name()),
        "owner-id" => maybe(record.group.owner_id.as_deref()),
        "vpc-id" => one(record.vpc()),
        _ => None,
    }
}

fn of_rules(record: &GroupRecord, egress: bool, name: &str) -> Values {
    if !FILTERS.iter().any(|known| known.strip_prefix("ip-permission.") == Some(name)) {
        return None;
    }
    let rules = record.rules(egress);
    Some(rules.filter_map(|rule| of_rule(rule, record, name)).collect())
}

fn of_rule(rule: &Rule, record: &GroupRecord, name: &str) -> Option<String> {
    match (name, &rule.peer) {
        ("protocol", _) => Some(rule.matched.protocol.clone()),
        ("from-port", _) => rule.matched.from.map(|port| port.to_string()),
        ("to-port", _) => rule.matched.to.map(|port| port.to_string()),
        ("cidr", Peer::Ipv4(cidr)) => Some(cidr.to_string()),
        ("ipv6-cidr", Peer::Ipv6(cidr)) => Some(cidr.to_string()),
        ("prefix-list-id", Peer::List(id)) => Some(id.clone()),
        ("group-id", Peer::Group { id, .. }) => Some(id.clone()),
        ("user-id", Peer::Group { owner, .. }) => Some(owner.to_string()),
        // A rule keeps the id; names are known of the group itself, which is what rules mostly refer to.
        ("group-name", Peer::Group { id, .. }) if Some(id) == record.group.group_id.as_ref() => {
            Some(record.name().to_owned())
        }
        _ => None,
    }
}

/// A group that lets everything out, and for a VPC's own default group everything in from its members.
pub fn new_group(
    call: &Call,
    id: &str,
    vpc: &str,
    name: &str,
    description: &str,
    rules: Vec<Rule>,
) -> GroupRecord {
    let group = SecurityGroup {
        group_id: Some(id.to_owned()),
        group_name: Some(name.to_owned()),
        description: Some(description.to_owned()),
        owner_id: Some(call.account.to_string()),
        vpc_id: Some(vpc.to_owned()),
        security_group_arn: Some(SECURITY_GROUP.arn(call, id).to_string()),
        ..SecurityGroup::default()
    };
    GroupRecord { group: Kept(group), rules }
}

/// The default group of a new VPC: members reach each other, and everybody outside.
pub fn default_group(call: &Call, ids: &base::Ids, vpc: &str, has_ipv6: bool) -> GroupRecord {
    let id = SECURITY_GROUP.new_id(ids);
    let members = Peer::Group { id: id.clone(), owner: call.account, vpc: None, peering: None };
    let mut rules = vec![Rule {
        id: SECURITY_GROUP_RULE.new_id(ids),
        egress: false,
        matched: Matched::all(),
        peer: members,
        description: None,
    }];
    rules.extend(outward(ids, has_ipv6));
    new_group(call, &id, vpc, "default", "default VPC security group", rules)
}

/// The rules that let everything out.
pub fn outward(ids: &base::Ids, has_ipv6: bool) -> Vec<Rule> {
    let ipv4 = Peer::Ipv4(Ipv4Net::default());
    let ipv6 = has_ipv6.then(|| Peer::Ipv6(Ipv6Net::default()));
    [ipv4]
        .into_iter()
        .chain(ipv6)
        .map(|peer| Rule {
            id: SECURITY_GROUP_RULE.new_id(ids),
            egress: true,
            matched: Matched::all(),
            peer,
            description: None,
        })
        .collect()
}

/// As the API shows a group, with its rules put together.
pub fn described(record: &GroupRecord, tags: &Tags) -> SecurityGroup {
    SecurityGroup {
        ip_permissions: Some(shown_permissions(record.rules(false))),
        ip_permissions_egress: Some(shown_permissions(record.rules(true))),
        tags: Some(shown(tags)).filter(|tags| !tags.is_empty()),
        ..record.group.0.clone()
    }
}

pub fn is_text(c: char) -> bool {
    c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c)
}

/// Refuses a new group's name: it has characters, few enough and of the right kind, does not look like an id, and is not
/// the default group's.
pub fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::missing("GroupName"));
    }
    check_text(name, "groupName", "name")?;
    if name.starts_with("sg-") {
        let why = "Group names may not be in the format sg-*.";
        return Err(Error::invalid_value(name, "groupName", why));
    }
    if name.eq_ignore_ascii_case("default") {
        let message = format!("Cannot use reserved security group name: {name}");
        return Err(Error::new(&INVALID_GROUP_RESERVED, message));
    }
    Ok(())
}

pub fn check_description(description: &str) -> Result<(), Error> {
    match description.is_empty() {
        true => Err(Error::missing("GroupDescription")),
        false => check_text(description, "GroupDescription", "description"),
    }
}

fn check_text(text: &str, parameter: &str, what: &str) -> Result<(), Error> {
    if !text.is_ascii() {
        return Err(Error::invalid_value(text, parameter, "Character sets beyond ASCII are not supported."));
    }
    if text.len() > GROUP_NAME_CHARS_MAX || !text.chars().all(is_text) {
        let message = format!(
            "Invalid security group {what}. Valid {what}s are strings of at most {GROUP_NAME_CHARS_MAX} characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_group_may_have_are_refused() {
        for (name, is_fine) in [
            ("web", true),
            ("Web servers (blue) #1", true),
            ("", false),
            ("sg-web", false),
            ("default", false),
            ("DEFAULT", false),
            ("gr\u{fc}n", false),
            ("a|b", false),
            (&"x".repeat(255), true),
            (&"x".repeat(256), false),
        ] {
            assert_eq!(check_name(name).is_ok(), is_fine, "{name}");
        }
    }
}
