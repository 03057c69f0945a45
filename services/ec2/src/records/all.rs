//! The tables of all kinds, for what is done to resources of any: one row a kind.

use service::BoxFuture;
use store::Tx;

use super::acls::{DhcpOptionsRecord, NetworkAclRecord};
use super::addresses::ElasticIpRecord;
use super::buying::SpotRequestRecord;
use super::capacity::CapacityRecord;
use super::endpoints::EndpointRecord;
use super::fleets::{FleetRecord, SpotFleetRecord};
use super::flow_logs::FlowLogRecord;
use super::gateways::{EgressOnlyGatewayRecord, InternetGatewayRecord, NatGatewayRecord};
use super::groups::GroupRecord;
use super::hosts::HostRecord;
use super::images::ImageRecord;
use super::insights::InsightsAnalysisRecord;
use super::insights::InsightsPathRecord;
use super::instances::InstanceRecord;
use super::interfaces::InterfaceRecord;
use super::keys::KeyPairRecord;
use super::peerings::PeeringRecord;
use super::prefix_lists::PrefixListRecord;
use super::root_replacements::RootReplacementRecord;
use super::routes::RouteTableRecord;
use super::settings::ROOT_VOLUMES;
use super::snapshots::SnapshotRecord;
use super::templates::{PlacementGroupRecord, TemplateRecord};
use super::transfers::{ExportRecord, ImageImportRecord, SnapshotImportRecord};
use super::transit::TransitAttachmentRecord;
use super::transit::TransitGatewayRecord;
use super::transit::TransitRouteTableRecord;
use super::volumes::VolumeRecord;
use super::vpcs::{CidrReservationRecord, SubnetRecord, VpcRecord};
use super::vpn::CustomerGatewayRecord;
use super::vpn::VpnConnectionRecord;
use super::vpn::VpnGatewayRecord;
use super::{Place, Resource};
use crate::error::Error;
use crate::kind::{Kind, SECURITY_GROUP_RULE, VOLUME};
use crate::resources;

type Exists = for<'a> fn(&'a Tx, &'a Place, &'a str) -> BoxFuture<'a, Result<bool, Error>>;

static ALL: &[(&Kind, Exists)] = &[
    (CapacityRecord::KIND, exists::<CapacityRecord>),
    (CidrReservationRecord::KIND, exists::<CidrReservationRecord>),
    (DhcpOptionsRecord::KIND, exists::<DhcpOptionsRecord>),
    (EgressOnlyGatewayRecord::KIND, exists::<EgressOnlyGatewayRecord>),
    (ElasticIpRecord::KIND, exists::<ElasticIpRecord>),
    (GroupRecord::KIND, exists::<GroupRecord>),
    (HostRecord::KIND, exists::<HostRecord>),
    (ImageRecord::KIND, exists::<ImageRecord>),
    (InstanceRecord::KIND, exists::<InstanceRecord>),
    (InterfaceRecord::KIND, exists::<InterfaceRecord>),
    (InternetGatewayRecord::KIND, exists::<InternetGatewayRecord>),
    (KeyPairRecord::KIND, exists::<KeyPairRecord>),
    (NatGatewayRecord::KIND, exists::<NatGatewayRecord>),
    (NetworkAclRecord::KIND, exists::<NetworkAclRecord>),
    (PrefixListRecord::KIND, exists::<PrefixListRecord>),
    (RootReplacementRecord::KIND, exists::<RootReplacementRecord>),
    (RouteTableRecord::KIND, exists::<RouteTableRecord>),
    (SubnetRecord::KIND, exists::<SubnetRecord>),
    (VpcRecord::KIND, exists::<VpcRecord>),
    (TemplateRecord::KIND, exists::<TemplateRecord>),
    (PlacementGroupRecord::KIND, exists::<PlacementGroupRecord>),
    (FlowLogRecord::KIND, exists::<FlowLogRecord>),
    (TransitGatewayRecord::KIND, exists::<TransitGatewayRecord>),
    (TransitAttachmentRecord::KIND, exists::<TransitAttachmentRecord>),
    (TransitRouteTableRecord::KIND, exists::<TransitRouteTableRecord>),
    (EndpointRecord::KIND, exists::<EndpointRecord>),
    (PeeringRecord::KIND, exists::<PeeringRecord>),
    (FleetRecord::KIND, exists::<FleetRecord>),
    (SpotFleetRecord::KIND, exists::<SpotFleetRecord>),
    (CustomerGatewayRecord::KIND, exists::<CustomerGatewayRecord>),
    (VpnGatewayRecord::KIND, exists::<VpnGatewayRecord>),
    (VpnConnectionRecord::KIND, exists::<VpnConnectionRecord>),
    (InsightsPathRecord::KIND, exists::<InsightsPathRecord>),
    (SpotRequestRecord::KIND, exists::<SpotRequestRecord>),
    (InsightsAnalysisRecord::KIND, exists::<InsightsAnalysisRecord>),
    (SnapshotRecord::KIND, exists::<SnapshotRecord>),
    (SnapshotImportRecord::KIND, exists::<SnapshotImportRecord>),
    (ExportRecord::KIND, exists::<ExportRecord>),
    (ImageImportRecord::KIND, exists::<ImageImportRecord>),
    (&SECURITY_GROUP_RULE, rule_exists),
    (&VOLUME, volume_exists),
];

/// Whether there is a resource of this kind with this id.
pub async fn is_there(tx: &Tx, place: &Place, kind: &Kind, id: &str) -> Result<bool, Error> {
    match ALL.iter().find(|(known, _)| known.name == kind.name) {
        Some((_, exists)) => exists(tx, place, id).await,
        None => Ok(false),
    }
}

fn exists<'a, R: Resource>(tx: &'a Tx, place: &'a Place, id: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
    Box::pin(async move { Ok(R::TABLE.get(tx, place, id).await?.is_some()) })
}

/// Rules lie in their groups.
fn rule_exists<'a>(tx: &'a Tx, place: &'a Place, id: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
    Box::pin(async move {
        let groups: Vec<GroupRecord> = resources::all(tx, place).await?;
        Ok(groups.iter().any(|group| group.rules.iter().any(|rule| rule.id == id)))
    })
}

/// Root volumes of images that are folders are part of their instances.
fn volume_exists<'a>(tx: &'a Tx, place: &'a Place, id: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
    Box::pin(async move {
        let is_root = ROOT_VOLUMES.get(tx, place, id).await?.is_some();
        Ok(is_root || VolumeRecord::TABLE.get(tx, place, id).await?.is_some())
    })
}
