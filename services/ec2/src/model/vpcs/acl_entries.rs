//! Entries of network ACLs: what a request may ask for, and how it is kept.
//!
//! Surprising: protocols are shown as numbers, also those that were given by name, and the entry that denies the rest
//! cannot be changed or taken away.

use ec2_api::{CreateNetworkAclEntryInput, NetworkAclEntry, PortRange, RuleAction};

use super::blocks;
use super::made::LAST_RULE_NUMBER;
use crate::error::Error;
use crate::error::codes::{
    INVALID_NETWORK_ACL_ENTRY_NOT_FOUND, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    MISSING_PARAMETER, NETWORK_ACL_ENTRY_ALREADY_EXISTS, NETWORK_ACL_ENTRY_LIMIT_EXCEEDED,
};
use crate::limits::ACL_ENTRIES_MAX;

const PORT_MAX: i32 = 65535;

/// The entry that a request describes.
pub fn parse(input: &CreateNetworkAclEntryInput) -> Result<NetworkAclEntry, Error> {
    number(input.rule_number)?;
    let protocol = protocol(&input.protocol)?;
    let (cidr_block, ipv6_cidr_block) = match (&input.cidr_block, &input.ipv6_cidr_block) {
        (Some(text), None) => (Some(blocks::parse(text, "cidrBlock")?.to_string()), None),
        (None, Some(text)) => (None, Some(blocks::parse6(text, "ipv6CidrBlock")?.to_string())),
        (None, None) => {
            let message = "The request must contain the parameter cidrBlock or ipv6CidrBlock";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
        (Some(_), Some(_)) => {
            let message = "Only one of cidrBlock and ipv6CidrBlock can be specified";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
    };
    if !matches!(input.rule_action, RuleAction::Allow | RuleAction::Deny) {
        return Err(Error::invalid_value(&input.rule_action, "ruleAction", ""));
    }
    let has_ports = matches!(protocol, 6 | 17);
    let is_icmp = matches!(protocol, 1 | 58);
    if is_icmp && input.icmp_type_code.is_none() {
        return Err(Error::missing("icmpTypeCode"));
    }
    let port_range = match &input.port_range {
        Some(range) if has_ports => Some(ports(range)?),
        None if has_ports => return Err(Error::missing("portRange")),
        _ => None,
    };
    Ok(NetworkAclEntry {
        cidr_block,
        ipv6_cidr_block,
        egress: Some(input.egress),
        icmp_type_code: input.icmp_type_code.clone().filter(|_| is_icmp),
        port_range,
        protocol: Some(protocol.to_string()),
        rule_action: Some(input.rule_action.clone()),
        rule_number: Some(input.rule_number),
    })
}

fn number(number: i32) -> Result<(), Error> {
    match (1..LAST_RULE_NUMBER).contains(&number) {
        true => Ok(()),
        false => {
            Err(Error::invalid_value(number, "ruleNumber", "Must be a positive integer from 1 to 32766."))
        }
    }
}

fn protocol(text: &str) -> Result<i32, Error> {
    let number = match text.to_ascii_lowercase().as_str() {
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" => Some(58),
        "all" => Some(-1),
        text => text.parse().ok(),
    };
    number.filter(|number| (-1..=255).contains(number)).ok_or_else(|| {
        Error::new(
            &INVALID_PARAMETER_VALUE,
            format!("Invalid value '{text}' for IP protocol. Unknown protocol."),
        )
    })
}

fn ports(range: &PortRange) -> Result<PortRange, Error> {
    let (Some(from), Some(to)) = (range.from, range.to) else { return Err(Error::missing("portRange")) };
    // -1 to -1 is all of them, as in a security group.
    let (from, to) = if (from, to) == (-1, -1) { (0, PORT_MAX) } else { (from, to) };
    match from >= 0 && from <= to && to <= PORT_MAX {
        true => Ok(PortRange { from: Some(from), to: Some(to) }),
        false => {
            let message = format!("Invalid TCP/UDP port range ({from}:{to})");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}

fn position(entries: &[NetworkAclEntry], number: i32, egress: bool) -> Option<usize> {
    let is_it = |entry: &NetworkAclEntry| entry.rule_number == Some(number) && entry.egress == Some(egress);
    entries.iter().position(is_it)
}

/// Adds an entry, in the order of the numbers.
pub fn create(entries: &mut Vec<NetworkAclEntry>, entry: NetworkAclEntry) -> Result<(), Error> {
    let (number, egress) = (entry.rule_number.unwrap_or_default(), entry.egress.unwrap_or_default());
    if let Some(at) = position(entries, number, egress) {
        // The very same again: a transaction that ran twice.
        if entries[at] == entry {
            return Ok(());
        }
        let message = format!("The network acl entry identified by {number} already exists.");
        return Err(Error::new(&NETWORK_ACL_ENTRY_ALREADY_EXISTS, message));
    }
    let is_v6 = entry.ipv6_cidr_block.is_some();
    let alike =
        |known: &&NetworkAclEntry| known.egress == Some(egress) && known.ipv6_cidr_block.is_some() == is_v6;
    if entries.iter().filter(alike).count() >= ACL_ENTRIES_MAX {
        let message = "The maximum number of network acl entries has been reached.";
        return Err(Error::new(&NETWORK_ACL_ENTRY_LIMIT_EXCEEDED, message));
    }
    entries.push(entry);
    entries.sort_by_key(|entry| (entry.egress != Some(true), entry.rule_number));
    Ok(())
}

pub fn replace(entries: &mut [NetworkAclEntry], entry: NetworkAclEntry) -> Result<(), Error> {
    let (number, egress) = (entry.rule_number.unwrap_or_default(), entry.egress.unwrap_or_default());
    let at = position(entries, number, egress).ok_or_else(|| missing(number))?;
    entries[at] = entry;
    Ok(())
}

pub fn delete(entries: &mut Vec<NetworkAclEntry>, rule: i32, egress: bool) -> Result<(), Error> {
    number(rule)?;
    let at = position(entries, rule, egress).ok_or_else(|| missing(rule))?;
    entries.remove(at);
    Ok(())
}

fn missing(number: i32) -> Error {
    let message = format!("The network acl entry identified by {number} does not exist.");
    Error::new(&INVALID_NETWORK_ACL_ENTRY_NOT_FOUND, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        number: i32,
        protocol: &str,
        ports: Option<(i32, i32)>,
        block: &str,
    ) -> CreateNetworkAclEntryInput {
        CreateNetworkAclEntryInput {
            rule_number: number,
            protocol: protocol.to_owned(),
            rule_action: RuleAction::Allow,
            egress: false,
            cidr_block: Some(block.to_owned()),
            port_range: ports.map(|(from, to)| PortRange { from: Some(from), to: Some(to) }),
            ..CreateNetworkAclEntryInput::default()
        }
    }

    #[test]
    fn entries_are_looked_over() {
        for (input, expected) in [
            (asked(100, "tcp", Some((80, 80)), "0.0.0.0/0"), Ok("6")),
            (asked(100, "17", Some((-1, -1)), "10.0.0.9/16"), Ok("17")),
            (asked(100, "-1", None, "0.0.0.0/0"), Ok("-1")),
            (asked(100, "50", None, "0.0.0.0/0"), Ok("50")),
            (asked(0, "-1", None, "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(32767, "-1", None, "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(100, "ftp", None, "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(100, "256", None, "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(100, "tcp", None, "0.0.0.0/0"), Err("MissingParameter")),
            (asked(100, "icmp", None, "0.0.0.0/0"), Err("MissingParameter")),
            (asked(100, "tcp", Some((90, 80)), "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(100, "tcp", Some((0, 65536)), "0.0.0.0/0"), Err("InvalidParameterValue")),
            (asked(100, "-1", None, "everywhere"), Err("InvalidParameterValue")),
        ] {
            let found = parse(&input);
            let found =
                found.as_ref().map(|entry| entry.protocol.as_deref().unwrap()).map_err(|error| match error {
                    Error::Refused { code, .. } => code.name,
                    other => panic!("{other}"),
                });
            assert_eq!(found, expected, "{input:?}");
        }
    }

    #[test]
    fn a_number_is_used_once_in_each_direction() {
        let mut entries = Vec::new();
        let entry = |number, egress| NetworkAclEntry {
            egress: Some(egress),
            ..parse(&asked(number, "-1", None, "0.0.0.0/0")).unwrap()
        };
        create(&mut entries, entry(200, false)).unwrap();
        create(&mut entries, entry(100, false)).unwrap();
        create(&mut entries, entry(100, true)).unwrap();
        let other = NetworkAclEntry { rule_action: Some(RuleAction::Deny), ..entry(100, true) };
        assert!(create(&mut entries, other.clone()).is_err());
        replace(&mut entries, other).unwrap();
        let order: Vec<_> =
            entries.iter().map(|entry| (entry.egress.unwrap(), entry.rule_number.unwrap())).collect();
        assert_eq!(order, [(true, 100), (false, 100), (false, 200)]);
        assert!(replace(&mut entries, entry(300, true)).is_err());
        delete(&mut entries, 100, true).unwrap();
        assert!(delete(&mut entries, 100, true).is_err());
        assert!(delete(&mut entries, 32767, true).is_err());
    }

    #[test]
    fn each_family_has_its_own_forty_with_the_last_that_denies() {
        let mut entries = Vec::new();
        let four = |number| parse(&asked(number, "-1", None, "0.0.0.0/0")).unwrap();
        let six = |number| NetworkAclEntry {
            cidr_block: None,
            ipv6_cidr_block: Some("::/0".to_owned()),
            ..four(number)
        };
        entries.push(NetworkAclEntry { rule_number: Some(LAST_RULE_NUMBER), ..four(1) });
        for number in 1..40 {
            create(&mut entries, four(number)).unwrap();
            create(&mut entries, six(1000 + number)).unwrap();
        }
        assert!(create(&mut entries, four(40)).is_err());
        create(&mut entries, six(1040)).unwrap();
        assert!(create(&mut entries, six(1041)).is_err());
    }
}
