//! Condition keys of resources that are there.

use ec2_api::{Image, VpcPeeringConnectionVpcInfo};
use store::Tx;

use super::{Keys, add, arn};
use crate::error::Error;
use crate::kind::*;
use crate::records::acls::NetworkAclRecord;
use crate::records::addresses::ElasticIpRecord;
use crate::records::endpoints::EndpointRecord;
use crate::records::gateways::NatGatewayRecord;
use crate::records::groups::GroupRecord;
use crate::records::images::ImageRecord;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::keys::KeyPairRecord;
use crate::records::peerings::PeeringRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::snapshots::SnapshotRecord;
use crate::records::templates::PlacementGroupRecord;
use crate::records::volumes::VolumeRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};

/// The key by which a resource's own id is asked for, of kinds that have one.
fn id_key(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "dhcp-options" => "ec2:DhcpOptionsID",
        "elastic-ip" => "ec2:AllocationId",
        "image" => "ec2:ImageID",
        "instance" => "ec2:InstanceID",
        "internet-gateway" => "ec2:InternetGatewayID",
        "network-acl" => "ec2:NetworkAclID",
        "network-interface" => "ec2:NetworkInterfaceID",
        "route-table" => "ec2:RouteTableID",
        "security-group" => "ec2:SecurityGroupID",
        "snapshot" => "ec2:SnapshotID",
        "subnet" => "ec2:SubnetID",
        "transit-gateway" => "ec2:transitGatewayId",
        "transit-gateway-attachment" => "ec2:transitGatewayAttachmentId",
        "transit-gateway-route-table" => "ec2:transitGatewayRouteTableId",
        "volume" => "ec2:VolumeID",
        "vpc" => "ec2:VpcID",
        "vpc-peering-connection" => "ec2:VpcPeeringConnectionID",
        _ => return None,
    })
}

pub async fn keys(tx: &Tx, place: &Place, kind: &str, id: &str) -> Result<Keys, Error> {
    let mut keys = match kind {
        kind if kind == INSTANCE.name => of::<InstanceRecord>(tx, place, id, instance).await?,
        kind if kind == NETWORK_INTERFACE.name => of::<InterfaceRecord>(tx, place, id, interface).await?,
        kind if kind == IMAGE.name => of::<ImageRecord>(tx, place, id, |_, it| image(&it.shown)).await?,
        kind if kind == KEY_PAIR.name => of::<KeyPairRecord>(tx, place, id, key_pair).await?,
        kind if kind == PLACEMENT_GROUP.name => of::<PlacementGroupRecord>(tx, place, id, group).await?,
        kind if kind == ELASTIC_IP.name => of::<ElasticIpRecord>(tx, place, id, address).await?,
        kind if kind == VPC.name => of::<VpcRecord>(tx, place, id, vpc).await?,
        kind if kind == SUBNET.name => of::<SubnetRecord>(tx, place, id, subnet).await?,
        kind if kind == VPC_PEERING.name => of::<PeeringRecord>(tx, place, id, peering).await?,
        kind if kind == VPC_ENDPOINT.name => of::<EndpointRecord>(tx, place, id, endpoint).await?,
        kind if kind == VOLUME.name => of::<VolumeRecord>(tx, place, id, volume).await?,
        kind if kind == SNAPSHOT.name => of::<SnapshotRecord>(tx, place, id, snapshot).await?,
        kind if kind == SECURITY_GROUP.name => {
            of::<GroupRecord>(tx, place, id, |place, it| in_vpc(place, it.vpc())).await?
        }
        kind if kind == ROUTE_TABLE.name => {
            of::<RouteTableRecord>(tx, place, id, |place, it| in_vpc(place, it.vpc())).await?
        }
        kind if kind == NETWORK_ACL.name => {
            of::<NetworkAclRecord>(tx, place, id, |place, it| in_vpc(place, it.vpc())).await?
        }
        kind if kind == NAT_GATEWAY.name => {
            of::<NatGatewayRecord>(tx, place, id, |place, it| in_vpc(place, it.vpc())).await?
        }
        _ => Keys::new(),
    };
    add(&mut keys, id_key(kind).unwrap_or_default(), id_key(kind).map(|_| id));
    Ok(keys)
}

/// The keys of one resource; none where it is not there, which the operation says itself.
async fn of<R: Resource>(
    tx: &Tx,
    place: &Place,
    id: &str,
    keys: impl Fn(&Place, &R) -> Keys,
) -> Result<Keys, Error> {
    Ok(R::TABLE.get(tx, place, id).await?.map(|record| keys(place, &record)).unwrap_or_default())
}

/// `ec2:Vpc`, of what lies in one.
pub fn in_vpc(place: &Place, vpc: &str) -> Keys {
    vec![("ec2:Vpc".to_owned(), arn(place, &format!("vpc/{vpc}")))]
}

fn volume(place: &Place, record: &VolumeRecord) -> Keys {
    let (shown, mut keys) = (&record.shown, Keys::new());
    add(&mut keys, "ec2:AvailabilityZone", Some(record.zone()));
    add(&mut keys, "ec2:AvailabilityZoneId", shown.availability_zone_id.as_ref());
    add(&mut keys, "ec2:Encrypted", shown.encrypted);
    add(&mut keys, "ec2:KmsKeyId", shown.kms_key_id.as_ref());
    let parent = shown.snapshot_id.as_deref().filter(|id| !id.is_empty());
    add(&mut keys, "ec2:ParentSnapshot", parent.map(|id| of_nobody(place, &format!("snapshot/{id}"))));
    add(&mut keys, "ec2:VolumeInitializationRate", shown.volume_initialization_rate);
    add(&mut keys, "ec2:VolumeIops", shown.iops);
    add(&mut keys, "ec2:VolumeSize", shown.size);
    add(&mut keys, "ec2:VolumeThroughput", shown.throughput);
    add(&mut keys, "ec2:VolumeType", shown.volume_type.as_ref());
    keys
}

fn snapshot(place: &Place, record: &SnapshotRecord) -> Keys {
    let (shown, mut keys) = (&record.shown, Keys::new());
    add(&mut keys, "ec2:Encrypted", shown.encrypted);
    add(&mut keys, "ec2:Owner", shown.owner_id.as_ref());
    let volume = shown.volume_id.as_deref();
    add(&mut keys, "ec2:ParentVolume", volume.map(|id| arn(place, &format!("volume/{id}"))));
    add(&mut keys, "ec2:SnapshotTime", shown.start_time.map(|at| at.to_iso8601()));
    add(&mut keys, "ec2:VolumeSize", shown.volume_size);
    keys
}

/// ARNs of snapshots name no account.
pub fn of_nobody(place: &Place, resource: &str) -> String {
    format!("arn:{}:ec2:{}::{resource}", place.1.partition().as_str(), place.1)
}

fn vpc(_: &Place, record: &VpcRecord) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:Tenancy", record.vpc.instance_tenancy.as_ref());
    keys
}

fn subnet(place: &Place, record: &SubnetRecord) -> Keys {
    let mut keys = in_vpc(place, record.vpc());
    add(&mut keys, "ec2:AvailabilityZone", Some(record.zone()));
    add(&mut keys, "ec2:AvailabilityZoneId", record.subnet.availability_zone_id.as_ref());
    keys
}

fn interface(place: &Place, record: &InterfaceRecord) -> Keys {
    let mut keys = in_vpc(place, record.vpc());
    add(&mut keys, "ec2:Subnet", Some(arn(place, &format!("subnet/{}", record.subnet()))));
    add(&mut keys, "ec2:AvailabilityZone", record.interface.availability_zone.as_ref());
    keys
}

fn key_pair(_: &Place, record: &KeyPairRecord) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:KeyPairName", record.shown.key_name.as_ref());
    add(&mut keys, "ec2:KeyPairType", record.shown.key_type.as_ref());
    keys
}

fn group(_: &Place, record: &PlacementGroupRecord) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:PlacementGroupName", record.shown.group_name.as_ref());
    add(&mut keys, "ec2:PlacementGroupStrategy", record.shown.strategy.as_ref());
    keys
}

fn address(_: &Place, record: &ElasticIpRecord) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:Domain", record.address.domain.as_ref());
    add(&mut keys, "ec2:PublicIpAddress", record.address.public_ip.as_ref());
    keys
}

fn endpoint(_: &Place, record: &EndpointRecord) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:VpceServiceName", Some(record.service()));
    keys
}

fn peering(_: &Place, record: &PeeringRecord) -> Keys {
    let mut keys = Keys::new();
    let sides = [
        ("ec2:RequesterVpc", &record.peering.requester_vpc_info),
        ("ec2:AccepterVpc", &record.peering.accepter_vpc_info),
    ];
    for (name, side) in sides {
        add(&mut keys, name, side.as_ref().and_then(side_of));
    }
    keys
}

fn side_of(side: &VpcPeeringConnectionVpcInfo) -> Option<String> {
    let (region, account) = (side.region.as_deref()?, side.owner_id.as_deref()?);
    let partition = base::Region::parse(region)?.partition();
    Some(format!("arn:{}:ec2:{region}:{account}:vpc/{}", partition.as_str(), side.vpc_id.as_deref()?))
}

/// Images of the cloud's own belong to `amazon` or to whoever published them.
pub fn image(image: &Image) -> Keys {
    let mut keys = Keys::new();
    add(&mut keys, "ec2:ImageID", image.image_id.as_ref());
    add(&mut keys, "ec2:ImageType", image.image_type.as_ref());
    add(&mut keys, "ec2:Owner", image.image_owner_alias.as_ref().or(image.owner_id.as_ref()));
    add(&mut keys, "ec2:Public", image.public);
    add(&mut keys, "ec2:RootDeviceType", image.root_device_type.as_ref());
    keys
}

fn instance(place: &Place, record: &InstanceRecord) -> Keys {
    let shown = &record.shown.0;
    let placement = shown.placement.as_ref();
    let metadata = record.metadata_options();
    let market = if shown.instance_lifecycle.is_some() { "spot" } else { "on-demand" };
    let mut keys = Keys::new();
    add(&mut keys, "ec2:AvailabilityZone", Some(record.zone()));
    add(&mut keys, "ec2:AvailabilityZoneId", placement.and_then(|it| it.availability_zone_id.as_ref()));
    add(&mut keys, "ec2:EbsOptimized", shown.ebs_optimized);
    let recovery = shown.maintenance_options.as_ref().and_then(|it| it.auto_recovery.as_ref());
    add(&mut keys, "ec2:InstanceAutoRecovery", recovery);
    let weighting = shown.network_performance_options.as_ref().and_then(|it| it.bandwidth_weighting.as_ref());
    add(&mut keys, "ec2:InstanceBandwidthWeighting", weighting);
    add(&mut keys, "ec2:InstanceMarketType", Some(market));
    add(&mut keys, "ec2:InstanceMetadataTags", metadata.instance_metadata_tags.as_ref());
    add(&mut keys, "ec2:InstanceProfile", record.profile.as_ref().map(|profile| &profile.arn));
    add(&mut keys, "ec2:InstanceType", shown.instance_type.as_ref());
    add(&mut keys, "ec2:MetadataHttpEndpoint", metadata.http_endpoint.as_ref());
    add(&mut keys, "ec2:MetadataHttpPutResponseHopLimit", metadata.http_put_response_hop_limit);
    add(&mut keys, "ec2:MetadataHttpTokens", metadata.http_tokens.as_ref());
    let group = placement.and_then(|it| it.group_name.as_deref()).filter(|name| !name.is_empty());
    add(&mut keys, "ec2:PlacementGroup", group.map(|name| arn(place, &format!("placement-group/{name}"))));
    add(&mut keys, "ec2:RootDeviceType", shown.root_device_type.as_ref());
    add(&mut keys, "ec2:Tenancy", placement.and_then(|it| it.tenancy.as_ref()));
    keys
}
