//! What every account finds in every region: a default VPC with a subnet in each zone, all that belongs to one, and
//! an internet gateway ("Default VPCs"). It is made when EC2 is first used there, and once only: who deletes it asks
//! for another with CreateDefaultVpc.

use base::Ids;
use service::Call;
use store::Tx;

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::model::groups;
use crate::model::tags::Tags;
use crate::model::vpcs::{blocks, made, zones};
use crate::records::Place;
use crate::records::acls::{DhcpOptionsRecord, NetworkAclRecord};
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{FIRST_USES, FirstUseRecord, SubnetRecord, VpcRecord};
use crate::resources;

/// Sees to it that this account has its default VPC in this region. To be called before an operation's own
/// transaction, wherever a default VPC can matter.
pub async fn first_use(ec2: &Ec2, call: &Call) -> Result<(), Error> {
    let (account, region) = call.scope();
    let known =
        ec2.store.read(|tx| async move { FIRST_USES.get(&tx, &account, region.as_str()).await }).await?;
    if known.is_some() {
        return Ok(());
    }
    let seed = ec2.ids.number();
    ec2.store
        .transact(|tx| async move {
            if FIRST_USES.get(&tx, &account, region.as_str()).await?.is_some() {
                return Ok(());
            }
            FIRST_USES.put(&tx, &account, region.as_str(), &FirstUseRecord { region }).await?;
            make_default(&tx, call, &Ids::seeded(seed)).await.map(drop)
        })
        .await
}

/// The default VPC and everything in it.
pub async fn make_default(tx: &Tx, call: &Call, ids: &Ids) -> Result<VpcRecord, Error> {
    let place = call.scope();
    let dhcp = default_dhcp_options(tx, call, ids).await?;
    let vpc = made::vpc(call, ids, blocks::DEFAULT_VPC, &dhcp, true);
    let mut parts = furnish(tx, call, ids, &vpc, &Tags::new()).await?;
    let mut gateway = made::internet_gateway(call, ids);
    gateway.gateway.0.attachments = Some(made::attached(id_of(&vpc)));
    let outward = ec2_api::Route {
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        gateway_id: gateway.gateway.internet_gateway_id.clone(),
        origin: Some(ec2_api::RouteOrigin::CreateRoute),
        state: Some(ec2_api::RouteState::Active),
        ..ec2_api::Route::default()
    };
    parts.table.routes_mut().push(outward);
    for (index, zone) in zones::names(call.region).iter().enumerate() {
        let block =
            blocks::default_subnet(index).expect("a /16 has sixteen /20, and no region as many zones");
        let subnet = default_subnet(call, ids, id_of(&vpc), zone, Some(block));
        let association = made::acl_association(ids, id_of_acl(&parts.acl), id_of_subnet(&subnet));
        parts.acl.associations_mut().push(association);
        resources::put(tx, &place, &subnet).await?;
    }
    resources::put(tx, &place, &gateway).await?;
    resources::put(tx, &place, &parts.table).await?;
    resources::put(tx, &place, &parts.acl).await?;
    Ok(vpc)
}

fn id_of(vpc: &VpcRecord) -> &str {
    vpc.vpc.vpc_id.as_deref().unwrap_or_default()
}

fn id_of_acl(acl: &NetworkAclRecord) -> &str {
    acl.acl.network_acl_id.as_deref().unwrap_or_default()
}

fn id_of_subnet(subnet: &SubnetRecord) -> &str {
    subnet.subnet.subnet_id.as_deref().unwrap_or_default()
}

/// A subnet whose instances get public addresses without being asked.
pub fn default_subnet(
    call: &Call,
    ids: &Ids,
    vpc: &str,
    zone: &str,
    block: Option<ipnet::Ipv4Net>,
) -> SubnetRecord {
    let mut record = made::subnet(call, ids, vpc, zone, block);
    record.subnet.0.default_for_az = Some(true);
    record.subnet.0.map_public_ip_on_launch = Some(block.is_some());
    record
}

/// What came with a VPC and is not finished yet.
pub struct Parts {
    pub table: RouteTableRecord,
    pub acl: NetworkAclRecord,
}

/// Keeps a new VPC with its main route table, its default ACL and its default security group.
pub async fn furnish(tx: &Tx, call: &Call, ids: &Ids, vpc: &VpcRecord, tags: &Tags) -> Result<Parts, Error> {
    let place = call.scope();
    let mut table = made::route_table(call, ids, vpc);
    let table_id = table.table.route_table_id.clone().unwrap_or_default();
    table.associations_mut().push(made::main_association(ids, &table_id));
    let acl = made::acl(call, ids, vpc, true);
    let group = groups::default_group(call, ids, id_of(vpc), !vpc.blocks6().is_empty());
    resources::create(tx, &place, vpc, tags).await?;
    resources::put(tx, &place, &table).await?;
    resources::put(tx, &place, &acl).await?;
    resources::put(tx, &place, &group).await?;
    Ok(Parts { table, acl })
}

/// The set of DHCP options that new VPCs use: the region's first, which is made with it.
pub async fn default_dhcp_options(tx: &Tx, call: &Call, ids: &Ids) -> Result<String, Error> {
    let place: Place = call.scope();
    let wanted = made::default_dhcp_options(call, ids);
    let all = lookups::having::<DhcpOptionsRecord>(tx, &place, "value", "AmazonProvidedDNS").await?;
    let same = |record: &&DhcpOptionsRecord| {
        record.options.dhcp_configurations == wanted.options.dhcp_configurations
    };
    if let Some(found) = all.iter().find(same) {
        return Ok(found.options.dhcp_options_id.clone().unwrap_or_default());
    }
    resources::put(tx, &place, &wanted).await?;
    Ok(wanted.options.0.dhcp_options_id.unwrap_or_default())
}
