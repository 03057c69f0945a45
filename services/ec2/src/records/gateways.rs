//! Gateways of VPCs: to the internet, outwards only, and with address translation.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{EGRESS_ONLY_GATEWAY, INTERNET_GATEWAY, Kind, NAT_GATEWAY};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InternetGatewayRecord {
    pub gateway: Kept<ec2_api::InternetGateway>,
}

impl Versioned for InternetGatewayRecord {
    const VERSION: u16 = 1;
}

impl InternetGatewayRecord {
    /// The VPC that it is attached to.
    pub fn vpc(&self) -> Option<&str> {
        self.gateway.attachments.iter().flatten().find_map(|attachment| attachment.vpc_id.as_deref())
    }
}

impl Resource for InternetGatewayRecord {
    const TABLE: Table<Place, InternetGatewayRecord> = Table::new("ec2.internet-gateways");
    const KIND: &'static Kind = &INTERNET_GATEWAY;
    const FILTERS: &'static [&'static str] =
        &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"];

    fn id(&self) -> &str {
        self.gateway.internet_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let attachments = || self.gateway.attachments.iter().flatten();
        match name {
            "attachment.state" => {
                Some(attachments().filter_map(|at| at.state.as_ref()).map(ToString::to_string).collect())
            }
            "attachment.vpc-id" => Some(attachments().filter_map(|at| at.vpc_id.clone()).collect()),
            "internet-gateway-id" => maybe(self.gateway.internet_gateway_id.as_deref()),
            "owner-id" => maybe(self.gateway.owner_id.as_deref()),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EgressOnlyGatewayRecord {
    pub gateway: Kept<ec2_api::EgressOnlyInternetGateway>,
}

impl Versioned for EgressOnlyGatewayRecord {
    const VERSION: u16 = 1;
}

impl EgressOnlyGatewayRecord {
    pub fn vpc(&self) -> Option<&str> {
        self.gateway.attachments.iter().flatten().find_map(|attachment| attachment.vpc_id.as_deref())
    }
}

impl Resource for EgressOnlyGatewayRecord {
    const TABLE: Table<Place, EgressOnlyGatewayRecord> = Table::new("ec2.egress-only-internet-gateways");
    const KIND: &'static Kind = &EGRESS_ONLY_GATEWAY;
    const FILTERS: &'static [&'static str] = &[];

    fn id(&self) -> &str {
        self.gateway.egress_only_internet_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, _: &str) -> Values {
        None
    }
}

/// A NAT gateway, with the addresses that it has; shown for a while after it was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NatGatewayRecord {
    pub gateway: Kept<ec2_api::NatGateway>,
    /// When its state changes by itself, and its addresses' with it.
    pub changes: Option<Timestamp>,
}

impl Versioned for NatGatewayRecord {
    const VERSION: u16 = 1;
}

impl NatGatewayRecord {
    pub fn vpc(&self) -> &str {
        self.gateway.vpc_id.as_deref().unwrap_or_default()
    }

    pub fn subnet(&self) -> &str {
        self.gateway.subnet_id.as_deref().unwrap_or_default()
    }

    pub fn addresses(&self) -> &[ec2_api::NatGatewayAddress] {
        self.gateway.nat_gateway_addresses.as_deref().unwrap_or_default()
    }

    /// Whether it is there, or will be.
    pub fn lives(&self) -> bool {
        use ec2_api::NatGatewayState::{Available, Pending};
        matches!(self.gateway.state, Some(Pending | Available))
    }
}

impl Resource for NatGatewayRecord {
    const TABLE: Table<Place, NatGatewayRecord> = Table::new("ec2.nat-gateways");
    const KIND: &'static Kind = &NAT_GATEWAY;
    const FILTERS: &'static [&'static str] = &["nat-gateway-id", "state", "subnet-id", "vpc-id"];

    fn id(&self) -> &str {
        self.gateway.nat_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "nat-gateway-id" => maybe(self.gateway.nat_gateway_id.as_deref()),
            "state" => maybe(self.gateway.state.as_ref()),
            "subnet-id" => maybe(self.gateway.subnet_id.as_deref()),
            "vpc-id" => maybe(self.gateway.vpc_id.as_deref()),
            _ => None,
        }
    }
}
