//! VPN connections of virtual private gateways, as the network engine is told of them. Pure.
//!
//! Routes are those that were made by hand: there is no BGP here. A connection of a transit gateway has no attachment
//! there yet and carries nothing.

use std::collections::BTreeMap;

use ec2_api::TunnelOption;
use ipnet::{IpNet, Ipv4Net};
use network_engine::plan::{
    HubAttachment, HubPlan, HubTable, HubTarget, LinkPlan, SharedKey, TunnelPlan, VpnPlan,
};

use crate::model::vpn::inside;
use crate::records::Resource;
use crate::records::vpcs::VpcRecord;
use crate::records::vpn::{VpnConnectionRecord, VpnGatewayRecord};

/// The one route table of a virtual private gateway.
const TABLE: &str = "all";

/// A gateway that joins a VPC with at least one connection.
#[derive(Debug, PartialEq)]
pub struct Joined {
    /// With the id of the VPC.
    pub link: (String, LinkPlan),
    pub hub: HubPlan,
    pub connections: Vec<VpnPlan>,
}

pub fn joined(
    gateways: &[VpnGatewayRecord],
    connections: &[VpnConnectionRecord],
    vpcs: &[VpcRecord],
) -> Vec<Joined> {
    gateways.iter().filter_map(|gateway| join(gateway, connections, vpcs)).collect()
}

fn join(
    gateway: &VpnGatewayRecord,
    connections: &[VpnConnectionRecord],
    vpcs: &[VpcRecord],
) -> Option<Joined> {
    let id = gateway.id();
    let vpc = vpcs.iter().find(|vpc| Some(vpc.id()) == gateway.vpc())?;
    let own: Vec<&VpnConnectionRecord> =
        connections.iter().filter(|record| record.connection.vpn_gateway_id.as_deref() == Some(id)).collect();
    if own.is_empty() {
        return None;
    }
    let to_vpc = vpc.blocks().into_iter().map(|block| (IpNet::from(block), id.to_owned()));
    let behind = |record: &&VpnConnectionRecord| {
        let id = record.id().to_owned();
        record.routes().into_iter().map(move |block| (IpNet::from(block), id.clone())).collect::<Vec<_>>()
    };
    // The VPC's own blocks are stronger; of several connections to one network, one is used.
    let routes: BTreeMap<IpNet, String> = own.iter().flat_map(behind).chain(to_vpc).collect();
    let attach =
        |id: &str, to: HubTarget| HubAttachment { id: id.to_owned(), to, table: Some(TABLE.to_owned()) };
    let ends = own.iter().map(|record| attach(record.id(), HubTarget::Hub(record.id().to_owned())));
    let hub = HubPlan {
        id: id.to_owned(),
        attachments: [attach(id, HubTarget::Vpc(vpc.id().to_owned()))].into_iter().chain(ends).collect(),
        tables: vec![HubTable {
            id: TABLE.to_owned(),
            routes: routes.into_iter().map(|(to, via)| (to, Some(via))).collect(),
        }],
    };
    let link = LinkPlan { id: id.to_owned(), attachment: id.to_owned(), subnet: None };
    Some(Joined {
        link: (vpc.id().to_owned(), link),
        hub,
        connections: own.into_iter().map(|record| connection(record, id)).collect(),
    })
}

fn connection(record: &VpnConnectionRecord, gateway: &str) -> VpnPlan {
    let options = record.connection.options.as_ref();
    let tunnels = options.and_then(|options| options.tunnel_options.as_ref()).into_iter().flatten();
    VpnPlan {
        id: record.id().to_owned(),
        gateway: gateway.to_owned(),
        tunnels: tunnels.filter_map(|tunnel| end(record, tunnel)).collect(),
    }
}

fn end(record: &VpnConnectionRecord, tunnel: &TunnelOption) -> Option<TunnelPlan> {
    let block = tunnel.tunnel_inside_cidr.as_deref()?;
    let (here, _) = inside(block);
    let length = block.parse::<Ipv4Net>().ok()?.prefix_len();
    Some(TunnelPlan {
        outside: tunnel.outside_ip_address.as_deref()?.parse().ok()?,
        device: record.device.parse().ok()?,
        inside: Ipv4Net::new(here, length).ok()?,
        key: SharedKey(tunnel.pre_shared_key.clone()?),
        starts: tunnel.startup_action.as_deref() == Some("start"),
    })
}

#[cfg(test)]
mod tests {
    use ec2_api::*;
    use service::Kept;

    use super::*;

    fn gateway(vpc: Option<&str>) -> VpnGatewayRecord {
        let attachment = |vpc: &str| VpcAttachment { vpc_id: Some(vpc.to_owned()), state: None };
        VpnGatewayRecord {
            gateway: Kept(VpnGateway {
                vpn_gateway_id: Some("vgw-1".to_owned()),
                vpc_attachments: Some(vpc.map(attachment).into_iter().collect()),
                ..VpnGateway::default()
            }),
        }
    }

    fn vpc() -> VpcRecord {
        let call = service::Call {
            request_id: "r".to_owned(),
            principal: service::Principal::root(base::AccountId::DEV, base::Region::US_EAST_1, None),
            account: base::AccountId::DEV,
            region: base::Region::US_EAST_1,
            source: service::Source::default(),
            now: base::Timestamp::from_secs(1_800_000_000),
            depth: 0,
            notes: service::Notes::default(),
        };
        let block = "10.0.0.0/16".parse().unwrap();
        crate::model::vpcs::made::vpc(&call, &base::Ids::seeded(1), block, "dopt-1", false)
    }

    fn office(routes: &[&str]) -> VpnConnectionRecord {
        let route = |block: &&str| VpnStaticRoute {
            destination_cidr_block: Some((*block).to_owned()),
            source: None,
            state: None,
        };
        let tunnel = TunnelOption {
            outside_ip_address: Some("198.18.0.9".to_owned()),
            tunnel_inside_cidr: Some("169.254.10.0/30".to_owned()),
            pre_shared_key: Some("kabcdefgh".to_owned()),
            ..TunnelOption::default()
        };
        VpnConnectionRecord {
            connection: Kept(VpnConnection {
                vpn_connection_id: Some("vpn-7".to_owned()),
                vpn_gateway_id: Some("vgw-1".to_owned()),
                routes: Some(routes.iter().map(route).collect()),
                options: Some(VpnConnectionOptions {
                    tunnel_options: Some(vec![tunnel]),
                    ..VpnConnectionOptions::default()
                }),
                ..VpnConnection::default()
            }),
            device: "198.18.0.20".to_owned(),
            device_asn: "65000".to_owned(),
            asn: 64_512,
        }
    }

    #[test]
    fn a_gateway_joins_its_vpc_with_what_is_behind_the_devices() {
        let vpc = vpc();
        let id = vpc.id().to_owned();
        let found = joined(&[gateway(Some(&id))], &[office(&["192.168.0.0/16"])], &[vpc]);
        let [joined] = found.as_slice() else { panic!("one gateway") };
        assert_eq!(
            joined.link,
            (id, LinkPlan { id: "vgw-1".into(), attachment: "vgw-1".into(), subnet: None })
        );
        let routes: Vec<(String, Option<String>)> =
            joined.hub.tables[0].routes.iter().map(|(to, via)| (to.to_string(), via.clone())).collect();
        let expected = [("10.0.0.0/16", "vgw-1"), ("192.168.0.0/16", "vpn-7")];
        assert_eq!(routes, expected.map(|(to, via)| (to.to_owned(), Some(via.to_owned()))));
        let tunnel = &joined.connections[0].tunnels[0];
        assert_eq!(tunnel.inside.to_string(), "169.254.10.1/30");
        assert_eq!(tunnel.device.to_string(), "198.18.0.20");
        assert!(!tunnel.starts);
    }

    #[test]
    fn a_gateway_without_a_vpc_or_a_connection_joins_nothing() {
        let vpc = vpc();
        let id = vpc.id().to_owned();
        let all = [vpc];
        assert_eq!(joined(&[gateway(None)], &[office(&[])], &all), []);
        assert_eq!(joined(&[gateway(Some(&id))], &[], &all), []);
    }
}
