//! Transit gateways, their attachments and route tables. Of an attachment between two gateways each side keeps one
//! record, under the same id.

use std::collections::BTreeSet;

use ec2_api::*;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, TRANSIT_GATEWAY, TRANSIT_GATEWAY_ATTACHMENT, TRANSIT_GATEWAY_ROUTE_TABLE};
use crate::model::filter::{Values, maybe, one};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransitGatewayRecord {
    pub gateway: Kept<TransitGateway>,
}

impl Versioned for TransitGatewayRecord {
    const VERSION: u16 = 1;
}

impl TransitGatewayRecord {
    pub fn options(&self) -> TransitGatewayOptions {
        self.gateway.options.clone().unwrap_or_default()
    }
}

impl Resource for TransitGatewayRecord {
    const TABLE: Table<Place, TransitGatewayRecord> = Table::new("ec2.transit-gateways");
    const KIND: &'static Kind = &TRANSIT_GATEWAY;
    const FILTERS: &'static [&'static str] = &[
        "options.propagation-default-route-table-id",
        "options.amazon-side-asn",
        "options.association-default-route-table-id",
        "options.auto-accept-shared-attachments",
        "options.default-route-table-association",
        "options.default-route-table-propagation",
        "options.dns-support",
        "options.vpn-ecmp-support",
        "owner-id",
        "state",
        "transit-gateway-id",
    ];

    fn id(&self) -> &str {
        self.gateway.transit_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let options = self.options();
        match name {
            "options.propagation-default-route-table-id" => maybe(options.propagation_default_route_table_id),
            "options.amazon-side-asn" => maybe(options.amazon_side_asn),
            "options.association-default-route-table-id" => maybe(options.association_default_route_table_id),
            "options.auto-accept-shared-attachments" => maybe(options.auto_accept_shared_attachments),
            "options.default-route-table-association" => maybe(options.default_route_table_association),
            "options.default-route-table-propagation" => maybe(options.default_route_table_propagation),
            "options.dns-support" => maybe(options.dns_support),
            "options.vpn-ecmp-support" => maybe(options.vpn_ecmp_support),
            "owner-id" => maybe(self.gateway.owner_id.as_deref()),
            "state" => maybe(self.gateway.state.as_ref()),
            "transit-gateway-id" => maybe(self.gateway.transit_gateway_id.as_deref()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.gateway.0.state = Some(TransitGatewayState::Deleted);
        Some(gone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransitAttachmentRecord {
    pub id: String,
    /// This side's gateway.
    pub gateway: String,
    pub to: AttachedTo,
}

/// What a gateway is connected with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttachedTo {
    Vpc(Kept<TransitGatewayVpcAttachment>),
    Peering(Kept<TransitGatewayPeeringAttachment>),
}

impl Versioned for TransitAttachmentRecord {
    const VERSION: u16 = 1;
}

impl TransitAttachmentRecord {
    pub fn resource_type(&self) -> TransitGatewayAttachmentResourceType {
        match self.to {
            AttachedTo::Vpc(_) => TransitGatewayAttachmentResourceType::Vpc,
            AttachedTo::Peering(_) => TransitGatewayAttachmentResourceType::Peering,
        }
    }

    /// The VPC, or the gateway on the other side.
    pub fn resource(&self) -> String {
        match &self.to {
            AttachedTo::Vpc(vpc) => vpc.vpc_id.clone().unwrap_or_default(),
            AttachedTo::Peering(peering) => {
                let sides = [&peering.requester_tgw_info, &peering.accepter_tgw_info];
                let ids = sides.into_iter().flatten().filter_map(|side| side.transit_gateway_id.clone());
                ids.into_iter().find(|id| *id != self.gateway).unwrap_or_default()
            }
        }
    }

    pub fn state(&self) -> TransitGatewayAttachmentState {
        let state = match &self.to {
            AttachedTo::Vpc(vpc) => vpc.state.clone(),
            AttachedTo::Peering(peering) => peering.state.clone(),
        };
        state.unwrap_or_default()
    }

    pub fn is_available(&self) -> bool {
        self.state() == TransitGatewayAttachmentState::Available
    }

    /// Whose the gateway is, and whose what it is connected with.
    pub fn owners(&self) -> (Option<String>, Option<String>) {
        match &self.to {
            // Gateways are not shared, so the VPC's owner is the gateway's.
            AttachedTo::Vpc(vpc) => (vpc.vpc_owner_id.clone(), vpc.vpc_owner_id.clone()),
            AttachedTo::Peering(peering) => {
                let sides = [&peering.requester_tgw_info, &peering.accepter_tgw_info];
                let of = |own: bool| {
                    let mut sides = sides.into_iter().flatten();
                    let is_own = |id: &str| id == self.gateway;
                    sides
                        .find(|side| side.transit_gateway_id.as_deref().is_some_and(is_own) == own)
                        .and_then(|side| side.owner_id.clone())
                };
                (of(true), of(false))
            }
        }
    }

    /// The attached VPC.
    pub fn vpc(&self) -> Option<&str> {
        match &self.to {
            AttachedTo::Vpc(vpc) => vpc.vpc_id.as_deref(),
            AttachedTo::Peering(_) => None,
        }
    }
}

impl Resource for TransitAttachmentRecord {
    const TABLE: Table<Place, TransitAttachmentRecord> = Table::new("ec2.transit-gateway-attachments");
    const KIND: &'static Kind = &TRANSIT_GATEWAY_ATTACHMENT;
    const FILTERS: &'static [&'static str] = &[
        "association.state",
        "association.transit-gateway-route-table-id",
        "local-owner-id",
        "remote-owner-id",
        "resource-id",
        "resource-owner-id",
        "resource-type",
        "state",
        "transit-gateway-attachment-id",
        "transit-gateway-id",
        "transit-gateway-owner-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "local-owner-id" => maybe(self.owners().0),
            "remote-owner-id" => maybe(self.owners().1),
            "resource-id" => one(self.resource()),
            "resource-owner-id" => maybe(self.owners().1),
            "transit-gateway-owner-id" => maybe(self.owners().0),
            "resource-type" => one(self.resource_type()),
            "state" => one(self.state()),
            "transit-gateway-attachment-id" => one(&self.id),
            "transit-gateway-id" => one(&self.gateway),
            "vpc-id" => maybe(self.vpc()),
            name if Self::FILTERS.contains(&name) => Some(Vec::new()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        let state = Some(TransitGatewayAttachmentState::Deleted);
        match &mut gone.to {
            AttachedTo::Vpc(vpc) => vpc.0.state = state,
            AttachedTo::Peering(peering) => peering.0.state = state,
        }
        Some(gone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransitRouteTableRecord {
    pub table: Kept<TransitGatewayRouteTable>,
    /// The attachments whose packets are routed by it.
    pub associations: BTreeSet<String>,
    /// The attachments whose routes it learns.
    pub propagations: BTreeSet<String>,
    pub routes: Vec<StaticRoute>,
}

/// A route that was made by hand; without an attachment it swallows packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaticRoute {
    pub to: IpNet,
    pub attachment: Option<String>,
}

impl Versioned for TransitRouteTableRecord {
    const VERSION: u16 = 1;
}

impl TransitRouteTableRecord {
    pub fn gateway(&self) -> &str {
        self.table.transit_gateway_id.as_deref().unwrap_or_default()
    }
}

impl Resource for TransitRouteTableRecord {
    const TABLE: Table<Place, TransitRouteTableRecord> = Table::new("ec2.transit-gateway-route-tables");
    const KIND: &'static Kind = &TRANSIT_GATEWAY_ROUTE_TABLE;
    const FILTERS: &'static [&'static str] = &[
        "default-association-route-table",
        "default-propagation-route-table",
        "state",
        "transit-gateway-id",
        "transit-gateway-route-table-id",
    ];

    fn id(&self) -> &str {
        self.table.transit_gateway_route_table_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "default-association-route-table" => maybe(self.table.default_association_route_table),
            "default-propagation-route-table" => maybe(self.table.default_propagation_route_table),
            "state" => maybe(self.table.state.as_ref()),
            "transit-gateway-id" => one(self.gateway()),
            "transit-gateway-route-table-id" => one(self.id()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.table.0.state = Some(TransitGatewayRouteTableState::Deleted);
        Some(gone)
    }
}
