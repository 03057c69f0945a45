//! Peering connections: one record on each side, with the same id, changed together.

use base::{AccountId, Region, Timestamp};
use ec2_api::VpcPeeringConnectionStateReasonCode as State;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, VPC_PEERING};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeeringRecord {
    pub peering: Kept<ec2_api::VpcPeeringConnection>,
    pub requester: Side,
    pub accepter: Side,
    /// When a request expires that nobody answered, or what came to nothing is forgotten.
    pub changes: Option<Timestamp>,
}

/// Whose VPC it is, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    pub account: AccountId,
    pub region: Region,
    pub vpc: String,
}

impl Side {
    pub fn place(&self) -> Place {
        (self.account, self.region)
    }
}

impl Versioned for PeeringRecord {
    const VERSION: u16 = 1;
}

impl PeeringRecord {
    pub fn state(&self) -> Option<&State> {
        self.peering.status.as_ref()?.code.as_ref()
    }

    pub fn is_active(&self) -> bool {
        self.state() == Some(&State::Active)
    }

    pub fn is_pending(&self) -> bool {
        self.state() == Some(&State::PendingAcceptance)
    }

    /// The two places where its records are; one, where both VPCs are one account's in one region.
    pub fn places(&self) -> Vec<Place> {
        let (one, other) = (self.requester.place(), self.accepter.place());
        if one == other { vec![one] } else { vec![one, other] }
    }

    pub fn joins(&self, vpc: &str) -> bool {
        self.requester.vpc == vpc || self.accepter.vpc == vpc
    }
}

impl Resource for PeeringRecord {
    const TABLE: Table<Place, PeeringRecord> = Table::new("ec2.vpc-peering-connections");
    const KIND: &'static Kind = &VPC_PEERING;
    const FILTERS: &'static [&'static str] = &[
        "accepter-vpc-info.cidr-block",
        "accepter-vpc-info.owner-id",
        "accepter-vpc-info.vpc-id",
        "expiration-time",
        "requester-vpc-info.cidr-block",
        "requester-vpc-info.owner-id",
        "requester-vpc-info.vpc-id",
        "status-code",
        "status-message",
        "vpc-peering-connection-id",
    ];

    fn id(&self) -> &str {
        self.peering.vpc_peering_connection_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let (accepter, requester) = (&self.peering.accepter_vpc_info, &self.peering.requester_vpc_info);
        let status = self.peering.status.as_ref();
        match name {
            "accepter-vpc-info.cidr-block" => {
                maybe(accepter.as_ref().and_then(|info| info.cidr_block.as_deref()))
            }
            "accepter-vpc-info.owner-id" => maybe(Some(self.accepter.account)),
            "accepter-vpc-info.vpc-id" => maybe(Some(&self.accepter.vpc)),
            "expiration-time" => maybe(self.peering.expiration_time.map(Timestamp::to_iso8601)),
            "requester-vpc-info.cidr-block" => {
                maybe(requester.as_ref().and_then(|info| info.cidr_block.as_deref()))
            }
            "requester-vpc-info.owner-id" => maybe(Some(self.requester.account)),
            "requester-vpc-info.vpc-id" => maybe(Some(&self.requester.vpc)),
            "status-code" => maybe(self.state()),
            "status-message" => maybe(status.and_then(|status| status.message.as_deref())),
            "vpc-peering-connection-id" => maybe(self.peering.vpc_peering_connection_id.as_deref()),
            _ => None,
        }
    }
}
