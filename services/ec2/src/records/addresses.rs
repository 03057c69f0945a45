//! Which addresses of a subnet are taken, and which public ones; Elastic IP addresses.

use base::AccountId;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{ELASTIC_IP, Kind};
use crate::model::filter::{Values, maybe};

/// Private addresses in use, by `subnet/4/00000000010.000000000001…`: see `model::addresses::key`.
pub const TAKEN: Table<Place, TakenRecord> = Table::new("ec2.taken-addresses");

/// Public addresses in use in the whole cloud, by their number.
pub const PUBLIC: Table<(), TakenRecord> = Table::new("ec2.taken-public-addresses");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakenRecord {
    /// The interface, the gateway, or the allocation.
    pub by: String,
    pub account: AccountId,
}

impl Versioned for TakenRecord {
    const VERSION: u16 = 1;
}

/// An Elastic IP address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElasticIpRecord {
    pub address: Kept<ec2_api::Address>,
    /// The name that the address resolves back to, where the owner set one.
    pub ptr_record: Option<String>,
}

impl Versioned for ElasticIpRecord {
    const VERSION: u16 = 1;
}

impl Resource for ElasticIpRecord {
    const TABLE: Table<Place, ElasticIpRecord> = Table::new("ec2.elastic-ips");
    const KIND: &'static Kind = &ELASTIC_IP;
    const FILTERS: &'static [&'static str] = &[
        "allocation-id",
        "association-id",
        "instance-id",
        "network-border-group",
        "network-interface-id",
        "network-interface-owner-id",
        "private-ip-address",
        "public-ip",
        "domain",
    ];

    fn id(&self) -> &str {
        self.address.allocation_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let address = &self.address;
        match name {
            "allocation-id" => maybe(address.allocation_id.as_deref()),
            "association-id" => maybe(address.association_id.as_deref()),
            "instance-id" => maybe(address.instance_id.as_deref()),
            "network-border-group" => maybe(address.network_border_group.as_deref()),
            "network-interface-id" => maybe(address.network_interface_id.as_deref()),
            "network-interface-owner-id" => maybe(address.network_interface_owner_id.as_deref()),
            "private-ip-address" => maybe(address.private_ip_address.as_deref()),
            "public-ip" => maybe(address.public_ip.as_deref()),
            "domain" => maybe(address.domain.as_ref()),
            _ => None,
        }
    }
}
