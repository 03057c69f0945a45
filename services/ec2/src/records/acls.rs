//! Network ACLs, with their entries and the subnets that they are for; and sets of DHCP options.

use ec2_api::NetworkAclEntry;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{DHCP_OPTIONS, Kind, NETWORK_ACL};
use crate::model::filter::{Values, maybe, one};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkAclRecord {
    pub acl: Kept<ec2_api::NetworkAcl>,
}

impl Versioned for NetworkAclRecord {
    const VERSION: u16 = 1;
}

impl NetworkAclRecord {
    pub fn vpc(&self) -> &str {
        self.acl.vpc_id.as_deref().unwrap_or_default()
    }

    pub fn is_default(&self) -> bool {
        self.acl.is_default == Some(true)
    }

    pub fn entries(&self) -> &[NetworkAclEntry] {
        self.acl.entries.as_deref().unwrap_or_default()
    }

    pub fn entries_mut(&mut self) -> &mut Vec<NetworkAclEntry> {
        self.acl.0.entries.get_or_insert_default()
    }

    pub fn associations(&self) -> &[ec2_api::NetworkAclAssociation] {
        self.acl.associations.as_deref().unwrap_or_default()
    }

    pub fn associations_mut(&mut self) -> &mut Vec<ec2_api::NetworkAclAssociation> {
        self.acl.0.associations.get_or_insert_default()
    }
}

impl Resource for NetworkAclRecord {
    const TABLE: Table<Place, NetworkAclRecord> = Table::new("ec2.network-acls");
    const KIND: &'static Kind = &NETWORK_ACL;
    const FILTERS: &'static [&'static str] = &[
        "association.association-id",
        "association.network-acl-id",
        "association.subnet-id",
        "default",
        "entry.cidr",
        "entry.icmp.code",
        "entry.icmp.type",
        "entry.ipv6-cidr",
        "entry.port-range.from",
        "entry.port-range.to",
        "entry.protocol",
        "entry.rule-action",
        "entry.egress",
        "entry.rule-number",
        "network-acl-id",
        "owner-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        self.acl.network_acl_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        if let Some(name) = name.strip_prefix("entry.") {
            return of_entries(self.entries(), name);
        }
        let associations = self.associations().iter();
        match name {
            "association.association-id" => {
                Some(associations.filter_map(|at| at.network_acl_association_id.clone()).collect())
            }
            "association.network-acl-id" => {
                Some(associations.filter_map(|at| at.network_acl_id.clone()).collect())
            }
            "association.subnet-id" => Some(associations.filter_map(|at| at.subnet_id.clone()).collect()),
            "default" => one(self.is_default()),
            "network-acl-id" => maybe(self.acl.network_acl_id.as_deref()),
            "owner-id" => maybe(self.acl.owner_id.as_deref()),
            "vpc-id" => maybe(self.acl.vpc_id.as_deref()),
            _ => None,
        }
    }
}

fn of_entries(entries: &[NetworkAclEntry], name: &str) -> Values {
    let of: fn(&NetworkAclEntry) -> Option<String> = match name {
        "cidr" => |entry| entry.cidr_block.clone(),
        "icmp.code" => |entry| entry.icmp_type_code.as_ref()?.code.map(|code| code.to_string()),
        "icmp.type" => |entry| entry.icmp_type_code.as_ref()?.r#type.map(|kind| kind.to_string()),
        "ipv6-cidr" => |entry| entry.ipv6_cidr_block.clone(),
        "port-range.from" => |entry| entry.port_range.as_ref()?.from.map(|port| port.to_string()),
        "port-range.to" => |entry| entry.port_range.as_ref()?.to.map(|port| port.to_string()),
        "protocol" => |entry| match entry.protocol.as_deref()? {
            "6" => Some("tcp".to_owned()),
            "17" => Some("udp".to_owned()),
            "1" => Some("icmp".to_owned()),
            other => Some(other.to_owned()),
        },
        "rule-action" => |entry| entry.rule_action.as_ref().map(ToString::to_string),
        "egress" => |entry| entry.egress.map(|egress| egress.to_string()),
        "rule-number" => |entry| entry.rule_number.map(|number| number.to_string()),
        _ => return None,
    };
    Some(entries.iter().filter_map(of).collect())
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DhcpOptionsRecord {
    pub options: Kept<ec2_api::DhcpOptions>,
}

impl Versioned for DhcpOptionsRecord {
    const VERSION: u16 = 1;
}

impl Resource for DhcpOptionsRecord {
    const TABLE: Table<Place, DhcpOptionsRecord> = Table::new("ec2.dhcp-options");
    const KIND: &'static Kind = &DHCP_OPTIONS;
    const FILTERS: &'static [&'static str] = &["dhcp-options-id", "key", "value", "owner-id"];

    fn id(&self) -> &str {
        self.options.dhcp_options_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let each = || self.options.dhcp_configurations.iter().flatten();
        match name {
            "dhcp-options-id" => maybe(self.options.dhcp_options_id.as_deref()),
            "key" => Some(each().filter_map(|option| option.key.clone()).collect()),
            "value" => {
                let values = each().flat_map(|option| option.values.iter().flatten());
                Some(values.filter_map(|value| value.value.clone()).collect())
            }
            "owner-id" => maybe(self.options.owner_id.as_deref()),
            _ => None,
        }
    }
}
