//! Route tables, with their routes and what they are associated with.

use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, ROUTE_TABLE};
use crate::model::filter::{Values, maybe};

/// Local routes are among its routes, as clients see them; what is behind a target now is told when it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteTableRecord {
    pub table: Kept<ec2_api::RouteTable>,
}

impl Versioned for RouteTableRecord {
    const VERSION: u16 = 1;
}

impl RouteTableRecord {
    pub fn vpc(&self) -> &str {
        self.table.vpc_id.as_deref().unwrap_or_default()
    }

    pub fn is_main(&self) -> bool {
        self.associations().iter().any(|association| association.main == Some(true))
    }

    pub fn associations(&self) -> &[ec2_api::RouteTableAssociation] {
        self.table.associations.as_deref().unwrap_or_default()
    }

    pub fn routes(&self) -> &[ec2_api::Route] {
        self.table.routes.as_deref().unwrap_or_default()
    }

    pub fn routes_mut(&mut self) -> &mut Vec<ec2_api::Route> {
        self.table.0.routes.get_or_insert_default()
    }

    pub fn associations_mut(&mut self) -> &mut Vec<ec2_api::RouteTableAssociation> {
        self.table.0.associations.get_or_insert_default()
    }
}

impl Resource for RouteTableRecord {
    const TABLE: Table<Place, RouteTableRecord> = Table::new("ec2.route-tables");
    const KIND: &'static Kind = &ROUTE_TABLE;
    const FILTERS: &'static [&'static str] = &[
        "association.gateway-id",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "association.main",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.destination-ipv6-cidr-block",
        "route.destination-prefix-list-id",
        "route.egress-only-internet-gateway-id",
        "route.gateway-id",
        "route.instance-id",
        "route.nat-gateway-id",
        "route.transit-gateway-id",
        "route.network-interface-id",
        "route.origin",
        "route.state",
        "route.vpc-peering-connection-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        self.table.route_table_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        if let Some(name) = name.strip_prefix("association.") {
            return of_associations(self.associations(), name);
        }
        if let Some(name) = name.strip_prefix("route.") {
            return of_routes(self.routes(), name);
        }
        match name {
            "owner-id" => maybe(self.table.owner_id.as_deref()),
            "route-table-id" => maybe(self.table.route_table_id.as_deref()),
            "vpc-id" => maybe(self.table.vpc_id.as_deref()),
            _ => None,
        }
    }
}

fn of_associations(associations: &[ec2_api::RouteTableAssociation], name: &str) -> Values {
    let of: fn(&ec2_api::RouteTableAssociation) -> Option<String> = match name {
        "gateway-id" => |association| association.gateway_id.clone(),
        "route-table-association-id" => |association| association.route_table_association_id.clone(),
        "route-table-id" => |association| association.route_table_id.clone(),
        "subnet-id" => |association| association.subnet_id.clone(),
        "main" => |association| association.main.map(|main| main.to_string()),
        _ => return None,
    };
    Some(associations.iter().filter_map(of).collect())
}

fn of_routes(routes: &[ec2_api::Route], name: &str) -> Values {
    let of: fn(&ec2_api::Route) -> Option<String> = match name {
        "destination-cidr-block" => |route| route.destination_cidr_block.clone(),
        "destination-ipv6-cidr-block" => |route| route.destination_ipv6_cidr_block.clone(),
        "destination-prefix-list-id" => |route| route.destination_prefix_list_id.clone(),
        "egress-only-internet-gateway-id" => |route| route.egress_only_internet_gateway_id.clone(),
        "gateway-id" => |route| route.gateway_id.clone(),
        "instance-id" => |route| route.instance_id.clone(),
        "nat-gateway-id" => |route| route.nat_gateway_id.clone(),
        "transit-gateway-id" => |route| route.transit_gateway_id.clone(),
        "network-interface-id" => |route| route.network_interface_id.clone(),
        "origin" => |route| route.origin.as_ref().map(ToString::to_string),
        "state" => |route| route.state.as_ref().map(ToString::to_string),
        "vpc-peering-connection-id" => |route| route.vpc_peering_connection_id.clone(),
        _ => return None,
    };
    Some(routes.iter().filter_map(of).collect())
}
