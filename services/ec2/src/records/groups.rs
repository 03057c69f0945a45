//! Security groups. A group's rules lie in its own record: they are few by quota, and a change of one is a change of
//! the group. Where groups may be used besides their own VPC is kept beside them.

use base::AccountId;
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, SECURITY_GROUP};
use crate::model::filter::Values;
use crate::model::groups;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Without its rules: those are below.
    pub group: Kept<ec2_api::SecurityGroup>,
    pub rules: Vec<Rule>,
}

impl Versioned for GroupRecord {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    pub egress: bool,
    pub matched: Matched,
    pub peer: Peer,
    pub description: Option<String>,
}

/// Which packets a rule is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Matched {
    /// `-1`, `tcp`, `udp`, `icmp`, `icmpv6`, or a number.
    pub protocol: String,
    /// Ports, or for ICMP its type and code, where -1 is any. Nothing for protocols that have neither.
    pub from: Option<i32>,
    pub to: Option<i32>,
}

/// The other end: where packets come from or go to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Peer {
    Ipv4(Ipv4Net),
    Ipv6(Ipv6Net),
    List(String),
    Group { id: String, owner: AccountId, vpc: Option<String>, peering: Option<String> },
}

impl GroupRecord {
    pub fn name(&self) -> &str {
        self.group.group_name.as_deref().unwrap_or_default()
    }

    pub fn vpc(&self) -> &str {
        self.group.vpc_id.as_deref().unwrap_or_default()
    }

    /// Rules of one direction.
    pub fn rules(&self, egress: bool) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.egress == egress)
    }
}

impl Resource for GroupRecord {
    const TABLE: Table<Place, GroupRecord> = Table::new("ec2.security-groups");
    const KIND: &'static Kind = &SECURITY_GROUP;
    const FILTERS: &'static [&'static str] = groups::FILTERS;

    fn id(&self) -> &str {
        self.group.group_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        groups::filter(self, name)
    }
}

/// Further VPCs in which a group may be used, by `group/vpc`.
pub const GROUP_VPCS: Table<Place, GroupVpcRecord> = Table::new("ec2.security-group-vpcs");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupVpcRecord {
    pub association: Kept<ec2_api::SecurityGroupVpcAssociation>,
}

impl Versioned for GroupVpcRecord {
    const VERSION: u16 = 1;
}
