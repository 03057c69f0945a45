//! What a VPC is made with: its records, before anything was changed.

use base::Ids;
use ec2_api::*;
use ipnet::{Ipv4Net, Ipv6Net};
use service::{Call, Kept};

use super::{blocks, zones};
use crate::kind::{DHCP_OPTIONS, INTERNET_GATEWAY, NETWORK_ACL, ROUTE_TABLE, SUBNET, VPC};
use crate::model::addresses::private_domain;
use crate::records::acls::{DhcpOptionsRecord, NetworkAclRecord};
use crate::records::gateways::InternetGatewayRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};

/// The entry of an ACL that denies what no other entry was for; it cannot be changed.
pub const LAST_RULE_NUMBER: i32 = 32767;
const LAST_RULE_NUMBER_6: i32 = 32768;

fn id(prefix: &str, ids: &Ids) -> String {
    format!("{prefix}-0{}", ids.hex(16))
}

pub fn vpc(call: &Call, ids: &Ids, block: Ipv4Net, dhcp: &str, is_default: bool) -> VpcRecord {
    let block = VpcCidrBlockAssociation {
        association_id: Some(id("vpc-cidr-assoc", ids)),
        cidr_block: Some(block.to_string()),
        cidr_block_state: Some(associated()),
    };
    VpcRecord {
        vpc: Kept(Vpc {
            owner_id: Some(call.account.to_string()),
            instance_tenancy: Some(Tenancy::Default),
            ipv6_cidr_block_association_set: Some(Vec::new()),
            cidr_block: block.cidr_block.clone(),
            cidr_block_association_set: Some(vec![block]),
            is_default: Some(is_default),
            vpc_id: Some(VPC.new_id(ids)),
            state: Some(VpcState::Available),
            dhcp_options_id: Some(dhcp.to_owned()),
            block_public_access_states: Some(open()),
            ..Vpc::default()
        }),
        dns_support: true,
        dns_hostnames: is_default,
        usage_metrics: false,
    }
}

/// That nothing is blocked: there is no blocking of public access here.
fn open() -> BlockPublicAccessStates {
    BlockPublicAccessStates { internet_gateway_block_mode: Some(BlockPublicAccessMode::Off) }
}

pub fn associated() -> VpcCidrBlockState {
    VpcCidrBlockState { state: Some(VpcCidrBlockStateCode::Associated), status_message: None }
}

pub fn block(ids: &Ids, block: Ipv4Net) -> VpcCidrBlockAssociation {
    VpcCidrBlockAssociation {
        association_id: Some(id("vpc-cidr-assoc", ids)),
        cidr_block: Some(block.to_string()),
        cidr_block_state: Some(associated()),
    }
}

pub fn block6(ids: &Ids, block: Ipv6Net, border_group: &str) -> VpcIpv6CidrBlockAssociation {
    VpcIpv6CidrBlockAssociation {
        association_id: Some(id("vpc-cidr-assoc", ids)),
        ipv6_cidr_block: Some(block.to_string()),
        ipv6_cidr_block_state: Some(associated()),
        network_border_group: Some(border_group.to_owned()),
        ipv6_pool: Some("Amazon".to_owned()),
        ipv6_address_attribute: Some(Ipv6AddressAttribute::Public),
        ip_source: Some(IpSource::Amazon),
    }
}

pub fn subnet_block6(ids: &Ids, block: Ipv6Net) -> SubnetIpv6CidrBlockAssociation {
    SubnetIpv6CidrBlockAssociation {
        association_id: Some(id("subnet-cidr-assoc", ids)),
        ipv6_cidr_block: Some(block.to_string()),
        ipv6_cidr_block_state: Some(SubnetCidrBlockState {
            state: Some(SubnetCidrBlockStateCode::Associated),
            status_message: None,
        }),
        ipv6_address_attribute: Some(Ipv6AddressAttribute::Public),
        ip_source: Some(IpSource::Amazon),
    }
}

/// A subnet with an IPv4 block or none, in a zone of the region.
pub fn subnet(call: &Call, ids: &Ids, vpc: &str, zone: &str, block: Option<Ipv4Net>) -> SubnetRecord {
    let subnet_id = SUBNET.new_id(ids);
    let free = block.map_or(0, blocks::capacity);
    SubnetRecord {
        subnet: Kept(Subnet {
            availability_zone_id: zones::id_of(call.region, zone),
            availability_zone: Some(zone.to_owned()),
            map_customer_owned_ip_on_launch: Some(false),
            owner_id: Some(call.account.to_string()),
            assign_ipv6_address_on_creation: Some(false),
            ipv6_cidr_block_association_set: Some(Vec::new()),
            subnet_arn: Some(SUBNET.arn(call, &subnet_id).to_string()),
            enable_dns64: Some(false),
            ipv6_native: Some(false),
            private_dns_name_options_on_launch: Some(PrivateDnsNameOptionsOnLaunch {
                hostname_type: Some(HostnameType::IpName),
                enable_resource_name_dns_a_record: Some(false),
                enable_resource_name_dns_aaaa_record: Some(false),
            }),
            block_public_access_states: Some(open()),
            subnet_id: Some(subnet_id),
            state: Some(SubnetState::Available),
            vpc_id: Some(vpc.to_owned()),
            cidr_block: block.map(|block| block.to_string()),
            available_ip_address_count: i32::try_from(free).ok(),
            default_for_az: Some(false),
            map_public_ip_on_launch: Some(false),
            ..Subnet::default()
        }),
    }
}

pub fn route_table(call: &Call, ids: &Ids, vpc: &VpcRecord) -> RouteTableRecord {
    let locals = vpc.blocks().into_iter().map(local);
    RouteTableRecord {
        table: Kept(RouteTable {
            associations: Some(Vec::new()),
            propagating_vgws: Some(Vec::new()),
            route_table_id: Some(ROUTE_TABLE.new_id(ids)),
            routes: Some(locals.chain(vpc.blocks6().into_iter().map(local6)).collect()),
            vpc_id: vpc.vpc.vpc_id.clone(),
            owner_id: Some(call.account.to_string()),
            tags: None,
        }),
    }
}

pub fn main_association(ids: &Ids, table: &str) -> RouteTableAssociation {
    RouteTableAssociation { main: Some(true), subnet_id: None, ..route_association(ids, table, None, None) }
}

pub fn route_association(
    ids: &Ids,
    table: &str,
    subnet: Option<String>,
    gateway: Option<String>,
) -> RouteTableAssociation {
    RouteTableAssociation {
        main: Some(false),
        route_table_association_id: Some(id("rtbassoc", ids)),
        route_table_id: Some(table.to_owned()),
        subnet_id: subnet,
        gateway_id: gateway,
        public_ipv4_pool: None,
        association_state: Some(RouteTableAssociationState {
            state: Some(RouteTableAssociationStateCode::Associated),
            status_message: None,
        }),
    }
}

/// The route to the VPC's own addresses, which every table has.
pub fn local(block: Ipv4Net) -> Route {
    Route {
        destination_cidr_block: Some(block.to_string()),
        gateway_id: Some("local".to_owned()),
        origin: Some(RouteOrigin::CreateRouteTable),
        state: Some(RouteState::Active),
        ..Route::default()
    }
}

pub fn local6(block: Ipv6Net) -> Route {
    Route {
        destination_ipv6_cidr_block: Some(block.to_string()),
        destination_cidr_block: None,
        ..local(blocks::DEFAULT_VPC)
    }
}

/// An ACL; the default one lets everything pass, others nothing.
pub fn acl(call: &Call, ids: &Ids, vpc: &VpcRecord, is_default: bool) -> NetworkAclRecord {
    let has_ipv6 = !vpc.blocks6().is_empty();
    let mut entries = Vec::new();
    for egress in [true, false] {
        if is_default {
            entries.push(entry(egress, 100, RuleAction::Allow, false));
        }
        entries.push(entry(egress, LAST_RULE_NUMBER, RuleAction::Deny, false));
        if has_ipv6 {
            entries.extend(entries6(egress, is_default));
        }
    }
    NetworkAclRecord {
        acl: Kept(NetworkAcl {
            associations: Some(Vec::new()),
            entries: Some(entries),
            is_default: Some(is_default),
            network_acl_id: Some(NETWORK_ACL.new_id(ids)),
            tags: None,
            vpc_id: vpc.vpc.vpc_id.clone(),
            owner_id: Some(call.account.to_string()),
        }),
    }
}

/// The entries that an ACL has for IPv6 once its VPC has such a block.
pub fn entries6(egress: bool, is_default: bool) -> Vec<NetworkAclEntry> {
    let all = is_default.then(|| entry(egress, 101, RuleAction::Allow, true));
    all.into_iter().chain([entry(egress, LAST_RULE_NUMBER_6, RuleAction::Deny, true)]).collect()
}

fn entry(egress: bool, number: i32, action: RuleAction, ipv6: bool) -> NetworkAclEntry {
    NetworkAclEntry {
        cidr_block: (!ipv6).then(|| "0.0.0.0/0".to_owned()),
        ipv6_cidr_block: ipv6.then(|| "::/0".to_owned()),
        egress: Some(egress),
        protocol: Some("-1".to_owned()),
        rule_action: Some(action),
        rule_number: Some(number),
        ..NetworkAclEntry::default()
    }
}

pub fn acl_association(ids: &Ids, acl: &str, subnet: &str) -> NetworkAclAssociation {
    NetworkAclAssociation {
        network_acl_association_id: Some(id("aclassoc", ids)),
        network_acl_id: Some(acl.to_owned()),
        subnet_id: Some(subnet.to_owned()),
    }
}

pub fn internet_gateway(call: &Call, ids: &Ids) -> InternetGatewayRecord {
    InternetGatewayRecord {
        gateway: Kept(InternetGateway {
            attachments: Some(Vec::new()),
            internet_gateway_id: Some(INTERNET_GATEWAY.new_id(ids)),
            owner_id: Some(call.account.to_string()),
            tags: None,
        }),
    }
}

/// What a gateway that is attached shows.
pub fn attached(vpc: &str) -> Vec<InternetGatewayAttachment> {
    // The model's enumeration does not have the state that clients see and wait for.
    let state = AttachmentStatus::from("available");
    vec![InternetGatewayAttachment { state: Some(state), vpc_id: Some(vpc.to_owned()) }]
}

/// The options that every region has from the start: this cloud's resolver, and its names.
pub fn default_dhcp_options(call: &Call, ids: &Ids) -> DhcpOptionsRecord {
    let option = |key: &str, value: String| DhcpConfiguration {
        key: Some(key.to_owned()),
        values: Some(vec![AttributeValue { value: Some(value) }]),
    };
    DhcpOptionsRecord {
        options: Kept(DhcpOptions {
            owner_id: Some(call.account.to_string()),
            tags: None,
            dhcp_options_id: Some(DHCP_OPTIONS.new_id(ids)),
            dhcp_configurations: Some(vec![
                option("domain-name", private_domain(call.region)),
                option("domain-name-servers", "AmazonProvidedDNS".to_owned()),
            ]),
        }),
    }
}
