//! What connects VPCs beyond peering, and what records their packets, as the network engine is told of it.

use std::collections::BTreeMap;

use ec2_api::{TransitGatewayRoute, TransitGatewayRouteState};
use ipnet::IpNet;
use network_engine::plan::{FlowLogPlan, HubAttachment, HubPlan, HubTable, HubTarget, LinkPlan};

use crate::records::Resource;
use crate::records::flow_logs::FlowLogRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::transit::{AttachedTo, TransitAttachmentRecord, TransitRouteTableRecord};

/// An attached VPC with its link to the gateway.
pub fn link(attachment: &TransitAttachmentRecord) -> Option<(String, LinkPlan)> {
    let AttachedTo::Vpc(vpc) = &attachment.to else { return None };
    let plan = LinkPlan {
        id: attachment.gateway.clone(),
        attachment: attachment.id.clone(),
        subnet: vpc.subnet_ids.iter().flatten().next().cloned(),
    };
    attachment.is_available().then_some((vpc.vpc_id.clone()?, plan))
}

/// A transit gateway with its attachments and everything that its tables route.
pub fn hub(
    gateway: &str,
    attachments: &[TransitAttachmentRecord],
    tables: &[(TransitRouteTableRecord, BTreeMap<IpNet, TransitGatewayRoute>)],
) -> HubPlan {
    let tables: Vec<_> = tables.iter().filter(|(table, _)| table.gateway() == gateway).collect();
    let own = attachments.iter().filter(|it| it.gateway == gateway && it.is_available());
    let attachments = own.map(|attachment| HubAttachment {
        id: attachment.id.clone(),
        to: match attachment.to {
            AttachedTo::Vpc(_) => HubTarget::Vpc(attachment.resource()),
            AttachedTo::Peering(_) => HubTarget::Hub(attachment.resource()),
        },
        table: tables
            .iter()
            .find(|(table, _)| table.associations.contains(&attachment.id))
            .map(|(table, _)| table.id().to_owned()),
    });
    let tables = tables.iter().map(|(table, routes)| HubTable {
        id: table.id().to_owned(),
        routes: routes.iter().map(|(to, route)| (*to, next_hop(route))).collect(),
    });
    HubPlan { id: gateway.to_owned(), attachments: attachments.collect(), tables: tables.collect() }
}

/// The attachment that a route leads to; nothing for one that swallows packets.
fn next_hop(route: &TransitGatewayRoute) -> Option<String> {
    if route.state != Some(TransitGatewayRouteState::Active) {
        return None;
    }
    route.transit_gateway_attachments.iter().flatten().find_map(|it| it.transit_gateway_attachment_id.clone())
}

/// A VPC with a log of its own packets, of a subnet's or of an interface's. A log of what has no interfaces yet
/// records nothing.
pub fn flow_log(record: &FlowLogRecord, interfaces: &[InterfaceRecord]) -> Option<(String, FlowLogPlan)> {
    let watched = interfaces.iter().filter(|interface| {
        [interface.id(), interface.subnet(), interface.vpc()].contains(&record.resource())
    });
    let watched: Vec<&InterfaceRecord> = watched.collect();
    let plan = FlowLogPlan {
        id: record.id().to_owned(),
        interfaces: watched.iter().map(|interface| interface.id().to_owned()).collect(),
        accepted: record.accepted(),
        rejected: record.rejected(),
    };
    Some((watched.first()?.vpc().to_owned(), plan))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ec2_api::{
        FlowLog, NetworkInterface, TrafficType, TransitGatewayAttachmentState, TransitGatewayRouteAttachment,
        TransitGatewayRouteTable, TransitGatewayVpcAttachment,
    };
    use service::Kept;

    use super::*;

    fn attachment() -> TransitAttachmentRecord {
        TransitAttachmentRecord {
            id: "tgw-attach-1".to_owned(),
            gateway: "tgw-1".to_owned(),
            to: AttachedTo::Vpc(Kept(TransitGatewayVpcAttachment {
                vpc_id: Some("vpc-1".to_owned()),
                subnet_ids: Some(vec!["subnet-1".to_owned()]),
                state: Some(TransitGatewayAttachmentState::Available),
                ..TransitGatewayVpcAttachment::default()
            })),
        }
    }

    #[test]
    fn a_hub_has_its_attachments_and_their_routes() {
        let table = TransitRouteTableRecord {
            table: Kept(TransitGatewayRouteTable {
                transit_gateway_route_table_id: Some("tgw-rtb-1".to_owned()),
                transit_gateway_id: Some("tgw-1".to_owned()),
                ..TransitGatewayRouteTable::default()
            }),
            associations: BTreeSet::from(["tgw-attach-1".to_owned()]),
            propagations: BTreeSet::new(),
            routes: Vec::new(),
        };
        let hop = TransitGatewayRouteAttachment {
            transit_gateway_attachment_id: Some("tgw-attach-1".to_owned()),
            ..TransitGatewayRouteAttachment::default()
        };
        let route = |state| TransitGatewayRoute {
            transit_gateway_attachments: Some(vec![hop.clone()]),
            state: Some(state),
            ..TransitGatewayRoute::default()
        };
        let (live, dead): (IpNet, IpNet) = ("10.0.0.0/16".parse().unwrap(), "10.1.0.0/16".parse().unwrap());
        let routes = BTreeMap::from([
            (live, route(TransitGatewayRouteState::Active)),
            (dead, route(TransitGatewayRouteState::Blackhole)),
        ]);
        let plan = hub("tgw-1", &[attachment()], &[(table, routes)]);
        assert_eq!(plan.attachments[0].table.as_deref(), Some("tgw-rtb-1"));
        assert_eq!(plan.tables[0].routes, [(live, Some("tgw-attach-1".to_owned())), (dead, None)]);
        let (vpc, link) = link(&attachment()).unwrap();
        assert_eq!((vpc.as_str(), link.subnet.as_deref()), ("vpc-1", Some("subnet-1")));
    }

    #[test]
    fn a_subnets_log_is_that_of_its_interfaces() {
        let interface = |id: &str, subnet: &str| InterfaceRecord {
            interface: Kept(NetworkInterface {
                network_interface_id: Some(id.to_owned()),
                subnet_id: Some(subnet.to_owned()),
                vpc_id: Some("vpc-1".to_owned()),
                ..NetworkInterface::default()
            }),
        };
        let record = FlowLogRecord {
            log: Kept(FlowLog {
                resource_id: Some("subnet-1".to_owned()),
                traffic_type: Some(TrafficType::Reject),
                ..FlowLog::default()
            }),
        };
        let all = [interface("eni-1", "subnet-1"), interface("eni-2", "subnet-2")];
        let (vpc, plan) = flow_log(&record, &all).unwrap();
        assert_eq!((vpc.as_str(), plan.interfaces), ("vpc-1", vec!["eni-1".to_owned()]));
        assert_eq!((plan.accepted, plan.rejected), (false, true));
    }
}
