//! Site-to-site VPN: the customer's device, the gateway on this side, and the connection between them.

use ec2_api::*;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{CUSTOMER_GATEWAY, Kind, VPN_CONNECTION, VPN_GATEWAY};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerGatewayRecord {
    pub gateway: Kept<CustomerGateway>,
}

impl Versioned for CustomerGatewayRecord {
    const VERSION: u16 = 1;
}

impl Resource for CustomerGatewayRecord {
    const TABLE: Table<Place, CustomerGatewayRecord> = Table::new("ec2.customer-gateways");
    const KIND: &'static Kind = &CUSTOMER_GATEWAY;
    const FILTERS: &'static [&'static str] =
        &["bgp-asn", "customer-gateway-id", "ip-address", "state", "type"];

    fn id(&self) -> &str {
        self.gateway.customer_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "bgp-asn" => maybe(self.gateway.bgp_asn.as_deref().or(self.gateway.bgp_asn_extended.as_deref())),
            "customer-gateway-id" => maybe(self.gateway.customer_gateway_id.as_deref()),
            "ip-address" => maybe(self.gateway.ip_address.as_deref()),
            "state" => maybe(self.gateway.state.as_deref()),
            "type" => maybe(self.gateway.r#type.as_deref()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.gateway.0.state = Some("deleted".to_owned());
        Some(gone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VpnGatewayRecord {
    pub gateway: Kept<VpnGateway>,
}

impl Versioned for VpnGatewayRecord {
    const VERSION: u16 = 1;
}

impl VpnGatewayRecord {
    /// The VPC that it is attached to.
    pub fn vpc(&self) -> Option<&str> {
        self.gateway.vpc_attachments.iter().flatten().find_map(|attachment| attachment.vpc_id.as_deref())
    }
}

impl Resource for VpnGatewayRecord {
    const TABLE: Table<Place, VpnGatewayRecord> = Table::new("ec2.vpn-gateways");
    const KIND: &'static Kind = &VPN_GATEWAY;
    const FILTERS: &'static [&'static str] = &[
        "amazon-side-asn",
        "attachment.state",
        "attachment.vpc-id",
        "availability-zone",
        "state",
        "type",
        "vpn-gateway-id",
    ];

    fn id(&self) -> &str {
        self.gateway.vpn_gateway_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let attachments = || self.gateway.vpc_attachments.iter().flatten();
        match name {
            "amazon-side-asn" => maybe(self.gateway.amazon_side_asn),
            "attachment.state" => {
                Some(attachments().filter_map(|it| it.state.as_ref().map(ToString::to_string)).collect())
            }
            "attachment.vpc-id" => Some(attachments().filter_map(|it| it.vpc_id.clone()).collect()),
            "availability-zone" => maybe(self.gateway.availability_zone.as_deref()),
            "state" => maybe(self.gateway.state.as_ref()),
            "type" => maybe(self.gateway.r#type.as_ref()),
            "vpn-gateway-id" => maybe(self.gateway.vpn_gateway_id.as_deref()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.gateway.0.state = Some(VpnState::Deleted);
        Some(gone)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VpnConnectionRecord {
    /// Without the configuration, which is written when it is shown.
    pub connection: Kept<VpnConnection>,
    /// The customer device's public address and autonomous system, as they were when the connection was made.
    pub device: String,
    pub device_asn: String,
    /// The number of the autonomous system on this side.
    pub asn: i64,
}

impl Versioned for VpnConnectionRecord {
    const VERSION: u16 = 1;
}

impl VpnConnectionRecord {
    /// The networks behind the customer's device.
    pub fn routes(&self) -> Vec<Ipv4Net> {
        let listed = self.connection.routes.iter().flatten();
        listed.filter_map(|route| route.destination_cidr_block.as_deref()?.parse().ok()).collect()
    }
}

impl Resource for VpnConnectionRecord {
    const TABLE: Table<Place, VpnConnectionRecord> = Table::new("ec2.vpn-connections");
    const KIND: &'static Kind = &VPN_CONNECTION;
    const FILTERS: &'static [&'static str] = &[
        "bgp-asn",
        "customer-gateway-configuration",
        "customer-gateway-id",
        "option.static-routes-only",
        "route.destination-cidr-block",
        "state",
        "transit-gateway-id",
        "type",
        "vpn-connection-id",
        "vpn-gateway-id",
    ];

    fn id(&self) -> &str {
        self.connection.vpn_connection_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let connection = &self.connection;
        match name {
            "bgp-asn" => maybe(Some(&self.device_asn)),
            "customer-gateway-configuration" => maybe(Some(crate::model::vpn::configuration(self))),
            "customer-gateway-id" => maybe(connection.customer_gateway_id.as_deref()),
            "option.static-routes-only" => {
                maybe(connection.options.as_ref().and_then(|options| options.static_routes_only))
            }
            "route.destination-cidr-block" => {
                let routes = connection.routes.iter().flatten();
                Some(routes.filter_map(|route| route.destination_cidr_block.clone()).collect())
            }
            "state" => maybe(connection.state.as_ref()),
            "transit-gateway-id" => maybe(connection.transit_gateway_id.as_deref()),
            "type" => maybe(connection.r#type.as_ref()),
            "vpn-connection-id" => maybe(connection.vpn_connection_id.as_deref()),
            "vpn-gateway-id" => maybe(connection.vpn_gateway_id.as_deref()),
            _ => None,
        }
    }

    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.connection.0.state = Some(VpnState::Deleted);
        Some(gone)
    }
}
