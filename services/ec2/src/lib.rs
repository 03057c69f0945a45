//! EC2, with VPC: start with the table below, follow one row to its function.
//!
//! Resources are records; a task makes the network and the machines what the records say (`ground`). What AWS does,
//! with sources, is in `BEHAVIOURS.md` beside this crate.

mod costs;
mod ebs;
mod error;
mod faults;
mod fsck;
mod ground;
mod guests;
mod kind;
mod limits;
mod model;
mod operations;
mod records;
mod resources;
mod tasks;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use base::{Clock, Ids, Region};
use ipnet::Ipv4Net;
use service::{Aws, Nudge, PageTokens, Task, Tasks, service};
use store::Store;

pub use costs::{CostLine, Costs};
pub use ebs::Ebs;
use error::Error;
pub use faults::ZoneHealth;
pub use fsck::{DisksReport, compare_disks};
pub use ground::conversions::{ConversionError, Conversions, DiskFormat, SystemInside, TakenIn};
pub use ground::disks::{
    Attachment, BLOCK_BYTES, Credits, DataKey, DiskError, Disks, Incident, KeptDisks, Pace, SnapshotSpec,
    SnapshotState, UploadSpec, VolumeSpec,
};
pub use ground::machines::{Card, Health, Imported, MachineError, MachineSpec, MachineState, Machines};
pub use ground::memory::MemoryMachines;
pub use ground::memory_conversions::MemoryConversions;
pub use ground::memory_disks::MemoryDisks;
pub use ground::memory_networks::MemoryNetworks;
pub use guests::{CardOf, Guest, Interruption, PublicAddressOf, RoleKeys, VpcNaming};
pub use model::images::Root;
pub use model::images::catalogue::{ROOT_GIBIBYTES, root_of_snapshot};
use operations::vpcs::{
    acls, blocks, dhcp_options, endpoint_services, endpoints, internet_gateways, nat_addresses, nat_gateways,
    peerings, places, prefix_lists, propagations, reservations, route_associations, route_tables, routes,
    subnets, targets, vpcs,
};
use operations::{
    account_settings, address_attributes, authorise, capacity, elastic_ips, fast_restores, fleets, flow_logs,
    group_changes, group_references, group_rules, hosts, image_attributes, image_copies, image_making,
    image_registration, images, insights, instances, interfaces, key_pairs, placement_groups,
    prefix_lists as managed_lists, recycle_bin as bin, reserved, security_groups, snapshot_attributes,
    snapshot_copies, snapshot_finding, snapshot_locks, snapshot_sharing, snapshot_tiers, snapshots, spot,
    tags, templates, transfers, transit, types, volumes, vpn,
};
use tasks::flow_logs::Collected;
use tasks::hands::Hands;
use tasks::networks::AppliedPlans;
pub use tasks::networks::Networks;

pub struct Ec2 {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    types: model::types::InstanceTypes,
    /// Public addresses are out of here; the last is the host's own.
    public_range: Ipv4Net,
    /// Runs the machines; nothing where this cloud has a control plane only.
    machine_driver: Option<Arc<dyn Machines>>,
    /// Keeps volumes and snapshots; nothing where this cloud has a control plane only.
    disk_driver: Option<Arc<dyn Disks>>,
    /// Brings disks in and out in other formats.
    conversions: Arc<dyn Conversions>,
    tasks: Tasks,
    /// What the host lacks for instances whose root is a volume, once somebody asked.
    lacking_for_roots: OnceLock<Option<String>>,
    hands: Hands,
    /// Carries packets; nothing where this cloud has a control plane only.
    network: Option<Arc<dyn Networks>>,
    /// What it was last told.
    applied: AppliedPlans,
    /// What flow logs recorded and did not deliver yet.
    collected: Collected,
    /// Wakes the task that makes the networks what the records say.
    networks: Nudge,
    /// Wakes the task that makes the machines what the records say.
    machines: Nudge,
    /// Wakes the task that makes the volumes and snapshots what the records say.
    disks: Nudge,
    /// Wakes the task that looks after snapshots which are written block by block.
    uploads: Nudge,
    /// Who writes to these at this moment.
    writers: ebs::Writers,
    /// Wakes the task that brings in the archives of images.
    images: Nudge,
    /// Wakes the task that brings disks in and out.
    transfers: Nudge,
    /// Wakes the task that ends capacity reservations.
    capacity: Nudge,
    /// Wakes the task that keeps the capacity of fleets.
    fleets: Nudge,
    /// Wakes the task that brings spot requests forward.
    spot: Nudge,
}

/// What the composition root gives this service.
pub struct Ec2Parts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
    pub tasks: Tasks,
    /// Nothing on a host that shall run no machines: launching then fails and says so.
    pub machines: Option<Arc<dyn Machines>>,
    /// Nothing on a host that shall keep no volumes: making one then fails and says so.
    pub disks: Option<Arc<dyn Disks>>,
    /// Disks on their way in and out, in the formats of other hosts.
    pub conversions: Arc<dyn Conversions>,
    /// Public addresses are handed out of here; the last is the host's own, where instances reach this cloud.
    pub public_range: Ipv4Net,
    /// Nothing on a host that shall carry no packets.
    pub network: Option<Arc<dyn Networks>>,
}

service! { Ec2: ec2_api, principal "ec2.amazonaws.com", error Error, resources authorise::facts of input;
    // VPCs and subnets
    CreateVpc => vpcs::create_vpc on targets::create_vpc,
    CreateDefaultVpc => vpcs::create_default_vpc on targets::create_default_vpc,
    DeleteVpc => vpcs::delete_vpc on targets::delete_vpc,
    DescribeVpcs => vpcs::describe_vpcs on authorise::everything,
    DescribeVpcAttribute => vpcs::describe_vpc_attribute on targets::describe_vpc_attribute,
    ModifyVpcAttribute => vpcs::modify_vpc_attribute on targets::modify_vpc_attribute,
    ModifyVpcTenancy => vpcs::modify_vpc_tenancy on targets::modify_vpc_tenancy,
    AssociateVpcCidrBlock => blocks::associate_vpc_cidr_block on targets::associate_vpc_block,
    DisassociateVpcCidrBlock => blocks::disassociate_vpc_cidr_block on targets::disassociate_vpc_block,
    CreateSubnet => subnets::create_subnet on targets::create_subnet,
    CreateDefaultSubnet => subnets::create_default_subnet on targets::create_default_subnet,
    DeleteSubnet => subnets::delete_subnet on targets::delete_subnet,
    DescribeSubnets => subnets::describe_subnets on authorise::everything,
    ModifySubnetAttribute => subnets::modify_subnet_attribute on targets::modify_subnet,
    AssociateSubnetCidrBlock => blocks::associate_subnet_cidr_block on targets::associate_subnet_block,
    DisassociateSubnetCidrBlock => blocks::disassociate_subnet_cidr_block on targets::disassociate_subnet_block,
    CreateSubnetCidrReservation => reservations::create_subnet_cidr_reservation on targets::create_reservation,
    DeleteSubnetCidrReservation => reservations::delete_subnet_cidr_reservation on targets::delete_reservation,
    GetSubnetCidrReservations => reservations::get_subnet_cidr_reservations on authorise::everything,
    // Routes
    CreateRouteTable => route_tables::create_route_table on targets::create_route_table,
    DeleteRouteTable => route_tables::delete_route_table on targets::delete_route_table,
    DescribeRouteTables => route_tables::describe_route_tables on authorise::everything,
    AssociateRouteTable => route_associations::associate_route_table on targets::associate_route_table,
    DisassociateRouteTable => route_associations::disassociate_route_table on targets::disassociate_route_table,
    ReplaceRouteTableAssociation => route_associations::replace_route_table_association
        on targets::replace_route_table,
    CreateRoute => routes::create_route on targets::create_route,
    ReplaceRoute => routes::replace_route on targets::replace_route,
    DeleteRoute => routes::delete_route on targets::delete_route,
    EnableVgwRoutePropagation => propagations::enable_vgw_route_propagation on targets::enable_propagation,
    DisableVgwRoutePropagation => propagations::disable_vgw_route_propagation on targets::disable_propagation,
    // Gateways
    CreateInternetGateway => internet_gateways::create_internet_gateway on targets::create_internet_gateway,
    DeleteInternetGateway => internet_gateways::delete_internet_gateway on targets::delete_internet_gateway,
    DescribeInternetGateways => internet_gateways::describe_internet_gateways on authorise::everything,
    AttachInternetGateway => internet_gateways::attach_internet_gateway on targets::attach_internet_gateway,
    DetachInternetGateway => internet_gateways::detach_internet_gateway on targets::detach_internet_gateway,
    CreateEgressOnlyInternetGateway => internet_gateways::create_egress_only_internet_gateway
        on targets::create_egress_only_gateway,
    DeleteEgressOnlyInternetGateway => internet_gateways::delete_egress_only_internet_gateway
        on targets::delete_egress_only_gateway,
    DescribeEgressOnlyInternetGateways => internet_gateways::describe_egress_only_internet_gateways
        on authorise::everything,
    CreateNatGateway => nat_gateways::create_nat_gateway on targets::create_nat_gateway,
    DeleteNatGateway => nat_gateways::delete_nat_gateway on targets::delete_nat_gateway,
    DescribeNatGateways => nat_gateways::describe_nat_gateways on authorise::everything,
    AssociateNatGatewayAddress => nat_addresses::associate_nat_gateway_address on targets::associate_nat_address,
    DisassociateNatGatewayAddress => nat_addresses::disassociate_nat_gateway_address
        on targets::disassociate_nat_address,
    AssignPrivateNatGatewayAddress => nat_addresses::assign_private_nat_gateway_address
        on targets::assign_nat_address,
    UnassignPrivateNatGatewayAddress => nat_addresses::unassign_private_nat_gateway_address
        on targets::unassign_nat_address,
    // Peering and endpoints
    CreateVpcPeeringConnection => peerings::create_vpc_peering_connection on targets::create_peering,
    AcceptVpcPeeringConnection => peerings::accept_vpc_peering_connection on targets::accept_peering,
    RejectVpcPeeringConnection => peerings::reject_vpc_peering_connection on targets::reject_peering,
    DeleteVpcPeeringConnection => peerings::delete_vpc_peering_connection on targets::delete_peering,
    DescribeVpcPeeringConnections => peerings::describe_vpc_peering_connections on authorise::everything,
    ModifyVpcPeeringConnectionOptions => peerings::modify_vpc_peering_connection_options on targets::modify_peering,
    CreateVpcEndpoint => endpoints::create_vpc_endpoint on targets::create_endpoint,
    DeleteVpcEndpoints => endpoints::delete_vpc_endpoints on targets::delete_endpoints,
    DescribeVpcEndpoints => endpoints::describe_vpc_endpoints on authorise::everything,
    ModifyVpcEndpoint => endpoints::modify_vpc_endpoint on targets::modify_endpoint,
    DescribeVpcEndpointServices => endpoint_services::describe_vpc_endpoint_services on authorise::everything,
    // Network ACLs, DHCP options, places
    CreateNetworkAcl => acls::create_network_acl on targets::create_acl,
    DeleteNetworkAcl => acls::delete_network_acl on targets::delete_acl,
    DescribeNetworkAcls => acls::describe_network_acls on authorise::everything,
    CreateNetworkAclEntry => acls::create_network_acl_entry on targets::create_acl_entry,
    ReplaceNetworkAclEntry => acls::replace_network_acl_entry on targets::replace_acl_entry,
    DeleteNetworkAclEntry => acls::delete_network_acl_entry on targets::delete_acl_entry,
    ReplaceNetworkAclAssociation => acls::replace_network_acl_association on targets::replace_acl_association,
    CreateDhcpOptions => dhcp_options::create_dhcp_options on targets::create_dhcp_options,
    DeleteDhcpOptions => dhcp_options::delete_dhcp_options on targets::delete_dhcp_options,
    DescribeDhcpOptions => dhcp_options::describe_dhcp_options on authorise::everything,
    AssociateDhcpOptions => dhcp_options::associate_dhcp_options on targets::associate_dhcp_options,
    DescribePrefixLists => prefix_lists::describe_prefix_lists on authorise::everything,
    DescribeRegions => places::describe_regions on authorise::everything,
    DescribeAvailabilityZones => places::describe_availability_zones on authorise::everything,
    ModifyAvailabilityZoneGroup => places::modify_availability_zone_group on authorise::everything,
    DescribeAccountAttributes => places::describe_account_attributes on authorise::everything,
    // Transit gateways
    CreateTransitGateway => transit::gateways::create_transit_gateway on transit::gateways::by_create,
    DeleteTransitGateway => transit::gateways::delete_transit_gateway on transit::gateways::by_delete,
    DescribeTransitGateways => transit::gateways::describe_transit_gateways on authorise::everything,
    ModifyTransitGateway => transit::gateways::modify_transit_gateway on transit::gateways::by_modify,
    CreateTransitGatewayVpcAttachment => transit::attachments::create_transit_gateway_vpc_attachment
        on transit::attachments::by_create,
    DeleteTransitGatewayVpcAttachment => transit::attachments::delete_transit_gateway_vpc_attachment
        on transit::attachments::by_delete,
    ModifyTransitGatewayVpcAttachment => transit::attachments::modify_transit_gateway_vpc_attachment
        on transit::attachments::by_modify,
    AcceptTransitGatewayVpcAttachment => transit::attachments::accept_transit_gateway_vpc_attachment
        on transit::attachments::by_accept,
    RejectTransitGatewayVpcAttachment => transit::attachments::reject_transit_gateway_vpc_attachment
        on transit::attachments::by_reject,
    DescribeTransitGatewayVpcAttachments => transit::attachments::describe_transit_gateway_vpc_attachments
        on authorise::everything,
    DescribeTransitGatewayAttachments => transit::attachments::describe_transit_gateway_attachments
        on authorise::everything,
    CreateTransitGatewayRouteTable => transit::tables::create_transit_gateway_route_table on transit::tables::by_create,
    DeleteTransitGatewayRouteTable => transit::tables::delete_transit_gateway_route_table on transit::tables::by_delete,
    DescribeTransitGatewayRouteTables => transit::tables::describe_transit_gateway_route_tables
        on authorise::everything,
    AssociateTransitGatewayRouteTable => transit::tables::associate_transit_gateway_route_table
        on transit::tables::by_associate,
    DisassociateTransitGatewayRouteTable => transit::tables::disassociate_transit_gateway_route_table
        on transit::tables::by_disassociate,
    GetTransitGatewayRouteTableAssociations => transit::tables::get_transit_gateway_route_table_associations
        on authorise::everything,
    EnableTransitGatewayRouteTablePropagation => transit::propagations::enable_transit_gateway_route_table_propagation
        on transit::propagations::by_enable,
    DisableTransitGatewayRouteTablePropagation =>
        transit::propagations::disable_transit_gateway_route_table_propagation on transit::propagations::by_disable,
    GetTransitGatewayRouteTablePropagations => transit::propagations::get_transit_gateway_route_table_propagations
        on authorise::everything,
    GetTransitGatewayAttachmentPropagations => transit::propagations::get_transit_gateway_attachment_propagations
        on transit::propagations::by_attachment,
    CreateTransitGatewayRoute => transit::routes::create_transit_gateway_route on transit::routes::by_create,
    ReplaceTransitGatewayRoute => transit::routes::replace_transit_gateway_route on transit::routes::by_replace,
    DeleteTransitGatewayRoute => transit::routes::delete_transit_gateway_route on transit::routes::by_delete,
    SearchTransitGatewayRoutes => transit::routes::search_transit_gateway_routes on transit::routes::by_search,
    CreateTransitGatewayPeeringAttachment => transit::peerings::create_transit_gateway_peering_attachment
        on transit::peerings::by_create,
    AcceptTransitGatewayPeeringAttachment => transit::peerings::accept_transit_gateway_peering_attachment
        on transit::peerings::by_accept,
    RejectTransitGatewayPeeringAttachment => transit::peerings::reject_transit_gateway_peering_attachment
        on transit::peerings::by_reject,
    DeleteTransitGatewayPeeringAttachment => transit::peerings::delete_transit_gateway_peering_attachment
        on transit::peerings::by_delete,
    DescribeTransitGatewayPeeringAttachments => transit::peerings::describe_transit_gateway_peering_attachments
        on authorise::everything,
    // Site-to-site VPN
    CreateCustomerGateway => vpn::customer_gateways::create_customer_gateway on vpn::customer_gateways::by_create,
    DeleteCustomerGateway => vpn::customer_gateways::delete_customer_gateway on vpn::customer_gateways::by_delete,
    DescribeCustomerGateways => vpn::customer_gateways::describe_customer_gateways on authorise::everything,
    CreateVpnGateway => vpn::gateways::create_vpn_gateway on vpn::gateways::by_create,
    DeleteVpnGateway => vpn::gateways::delete_vpn_gateway on vpn::gateways::by_delete,
    DescribeVpnGateways => vpn::gateways::describe_vpn_gateways on authorise::everything,
    AttachVpnGateway => vpn::gateways::attach_vpn_gateway on vpn::gateways::by_attach,
    DetachVpnGateway => vpn::gateways::detach_vpn_gateway on vpn::gateways::by_detach,
    CreateVpnConnection => vpn::connections::create_vpn_connection on vpn::connections::by_create,
    DeleteVpnConnection => vpn::connections::delete_vpn_connection on vpn::connections::by_delete,
    DescribeVpnConnections => vpn::connections::describe_vpn_connections on authorise::everything,
    ModifyVpnConnection => vpn::connections::modify_vpn_connection on vpn::connections::by_modify,
    CreateVpnConnectionRoute => vpn::routes::create_vpn_connection_route on vpn::routes::by_create,
    DeleteVpnConnectionRoute => vpn::routes::delete_vpn_connection_route on vpn::routes::by_delete,
    // Network interfaces
    CreateNetworkInterface => interfaces::create::create_network_interface on interfaces::create::by_input,
    DeleteNetworkInterface => interfaces::delete_network_interface on interfaces::by_delete,
    DescribeNetworkInterfaces => interfaces::describe_network_interfaces on authorise::everything,
    DescribeNetworkInterfaceAttribute => interfaces::attributes::describe_network_interface_attribute on authorise::everything,
    ModifyNetworkInterfaceAttribute => interfaces::attributes::modify_network_interface_attribute on interfaces::attributes::by_modify,
    ResetNetworkInterfaceAttribute => interfaces::attributes::reset_network_interface_attribute on interfaces::attributes::by_reset,
    AttachNetworkInterface => interfaces::attachments::attach_network_interface on interfaces::attachments::by_attach,
    DetachNetworkInterface => interfaces::attachments::detach_network_interface on interfaces::attachments::by_detach,
    AssignPrivateIpAddresses => interfaces::addresses::assign_private_ip_addresses on interfaces::addresses::by_assign,
    UnassignPrivateIpAddresses => interfaces::addresses::unassign_private_ip_addresses on interfaces::addresses::by_unassign,
    AssignIpv6Addresses => interfaces::addresses6::assign_ipv6_addresses on interfaces::addresses6::by_assign,
    UnassignIpv6Addresses => interfaces::addresses6::unassign_ipv6_addresses on interfaces::addresses6::by_unassign,
    CreateNetworkInterfacePermission => interfaces::permissions::create_network_interface_permission on interfaces::permissions::by_create,
    DeleteNetworkInterfacePermission => interfaces::permissions::delete_network_interface_permission on interfaces::permissions::by_delete,
    DescribeNetworkInterfacePermissions => interfaces::permissions::describe_network_interface_permissions on authorise::everything,
    // Elastic IP addresses
    AllocateAddress => elastic_ips::allocate_address on elastic_ips::by_allocate,
    ReleaseAddress => elastic_ips::release_address on elastic_ips::by_release,
    AssociateAddress => elastic_ips::associate_address on elastic_ips::by_associate,
    DisassociateAddress => elastic_ips::disassociate_address on elastic_ips::by_disassociate,
    DescribeAddresses => elastic_ips::describe_addresses on authorise::everything,
    DescribeAddressesAttribute => address_attributes::describe_addresses_attribute on authorise::everything,
    ModifyAddressAttribute => address_attributes::modify_address_attribute on address_attributes::by_modify,
    ResetAddressAttribute => address_attributes::reset_address_attribute on address_attributes::by_reset,
    // Managed prefix lists
    CreateManagedPrefixList => managed_lists::create_managed_prefix_list on managed_lists::by_create,
    DeleteManagedPrefixList => managed_lists::delete_managed_prefix_list on managed_lists::by_delete,
    DescribeManagedPrefixLists => managed_lists::describe_managed_prefix_lists on authorise::everything,
    GetManagedPrefixListEntries => managed_lists::get_managed_prefix_list_entries on managed_lists::by_entries,
    GetManagedPrefixListAssociations => managed_lists::get_managed_prefix_list_associations
        on managed_lists::by_associations,
    ModifyManagedPrefixList => managed_lists::modify_managed_prefix_list on managed_lists::by_modify,
    RestoreManagedPrefixListVersion => managed_lists::restore_managed_prefix_list_version on managed_lists::by_restore,
    // Security groups
    CreateSecurityGroup => security_groups::create_security_group on security_groups::by_create,
    DeleteSecurityGroup => security_groups::delete_security_group on security_groups::by_delete,
    DescribeSecurityGroups => security_groups::describe_security_groups on authorise::everything,
    DescribeSecurityGroupRules => group_rules::describe_security_group_rules on authorise::everything,
    AuthorizeSecurityGroupIngress => group_rules::authorize_security_group_ingress on group_rules::by_authorize_ingress,
    AuthorizeSecurityGroupEgress => group_rules::authorize_security_group_egress on group_rules::by_authorize_egress,
    RevokeSecurityGroupIngress => group_rules::revoke_security_group_ingress on group_rules::by_revoke_ingress,
    RevokeSecurityGroupEgress => group_rules::revoke_security_group_egress on group_rules::by_revoke_egress,
    ModifySecurityGroupRules => group_changes::modify_security_group_rules on group_changes::by_modify,
    UpdateSecurityGroupRuleDescriptionsIngress => group_changes::update_security_group_rule_descriptions_ingress on group_changes::by_ingress,
    UpdateSecurityGroupRuleDescriptionsEgress => group_changes::update_security_group_rule_descriptions_egress on group_changes::by_egress,
    DescribeSecurityGroupReferences => group_references::describe_security_group_references on group_references::by_references,
    DescribeStaleSecurityGroups => group_references::describe_stale_security_groups on authorise::everything,
    GetSecurityGroupsForVpc => group_references::get_security_groups_for_vpc on group_references::by_vpc,
    AssociateSecurityGroupVpc => group_references::associate_security_group_vpc on group_references::by_associate,
    DisassociateSecurityGroupVpc => group_references::disassociate_security_group_vpc on group_references::by_disassociate,
    DescribeSecurityGroupVpcAssociations => group_references::describe_security_group_vpc_associations on authorise::everything,
    // Flow logs
    CreateFlowLogs => flow_logs::create_flow_logs on flow_logs::by_create,
    DeleteFlowLogs => flow_logs::delete_flow_logs on flow_logs::by_delete,
    DescribeFlowLogs => flow_logs::describe_flow_logs on authorise::everything,
    // Reachability
    CreateNetworkInsightsPath => insights::create_network_insights_path on insights::by_create,
    DeleteNetworkInsightsPath => insights::delete_network_insights_path on insights::by_delete,
    DescribeNetworkInsightsPaths => insights::describe_network_insights_paths on authorise::everything,
    StartNetworkInsightsAnalysis => insights::start_network_insights_analysis on insights::by_start,
    DescribeNetworkInsightsAnalyses => insights::describe_network_insights_analyses on authorise::everything,
    DeleteNetworkInsightsAnalysis => insights::delete_network_insights_analysis on insights::by_delete_analysis,
    // Tags
    CreateTags => tags::create_tags on tags::by_create,
    DeleteTags => tags::delete_tags on tags::by_delete,
    DescribeTags => tags::describe_tags on authorise::everything,
    // Key pairs
    CreateKeyPair => key_pairs::create_key_pair on key_pairs::to_create,
    ImportKeyPair => key_pairs::import_key_pair on key_pairs::to_import,
    DeleteKeyPair => key_pairs::delete_key_pair on key_pairs::to_delete,
    DescribeKeyPairs => key_pairs::describe_key_pairs on authorise::everything,
    // Images
    CreateImage => image_making::create_image on image_making::to_make,
    RegisterImage => image_registration::register_image on images::to_make,
    CopyImage => image_copies::copy_image on images::to_make,
    DeregisterImage => image_copies::deregister_image on images::by_id,
    DescribeImages => images::describe_images on authorise::everything,
    DescribeImageAttribute => image_attributes::describe_image_attribute on images::by_id,
    ModifyImageAttribute => image_attributes::modify_image_attribute on images::by_id,
    ResetImageAttribute => image_attributes::reset_image_attribute on images::by_id,
    EnableImageDeprecation => image_attributes::enable_image_deprecation on images::by_id,
    DisableImageDeprecation => image_attributes::disable_image_deprecation on images::by_id,
    EnableImage => image_attributes::enable_image on images::by_id,
    DisableImage => image_attributes::disable_image on images::by_id,
    // Instances
    RunInstances => instances::launch::run_instances on instances::permissions::to_run
        keys instances::permissions::keys,
    StartInstances => instances::states::start_instances on instances::by_ids,
    StopInstances => instances::states::stop_instances on instances::by_ids,
    RebootInstances => instances::states::reboot_instances on instances::by_ids,
    TerminateInstances => instances::states::terminate_instances on instances::by_ids,
    DescribeInstances => instances::describe::describe_instances on authorise::everything,
    AssociateIamInstanceProfile => instances::profiles::associate_iam_instance_profile on instances::profiles::to_associate,
    DisassociateIamInstanceProfile => instances::profiles::disassociate_iam_instance_profile on instances::profiles::any_instance,
    ReplaceIamInstanceProfileAssociation => instances::profiles::replace_iam_instance_profile_association on instances::profiles::any_instance,
    DescribeIamInstanceProfileAssociations => instances::profiles::describe_iam_instance_profile_associations on authorise::everything,
    CreatePlacementGroup => placement_groups::create_placement_group on placement_groups::to_create,
    DeletePlacementGroup => placement_groups::delete_placement_group on placement_groups::to_delete,
    DescribePlacementGroups => placement_groups::describe_placement_groups on authorise::everything,
    DescribeInstanceStatus => instances::status::describe_instance_status on authorise::everything,
    DescribeInstanceAttribute => instances::attributes::describe_instance_attribute on instances::by_id,
    ModifyInstanceAttribute => instances::attributes::modify_instance_attribute on instances::by_id,
    ResetInstanceAttribute => instances::attributes::reset_instance_attribute on instances::by_id,
    ModifyInstanceMetadataOptions => instances::options::modify_instance_metadata_options on instances::by_id,
    ModifyInstancePlacement => instances::options::modify_instance_placement on instances::by_id,
    ModifyInstanceMaintenanceOptions => instances::options::modify_instance_maintenance_options on instances::by_id,
    ModifyPrivateDnsNameOptions => instances::options::modify_private_dns_name_options on instances::by_id,
    MonitorInstances => instances::options::monitor_instances on instances::by_ids,
    UnmonitorInstances => instances::options::unmonitor_instances on instances::by_ids,
    GetConsoleOutput => instances::status::get_console_output on instances::by_id,
    GetConsoleScreenshot => instances::status::get_console_screenshot on instances::by_id,
    GetPasswordData => instances::status::get_password_data on instances::by_id,
    ReportInstanceStatus => instances::status::report_instance_status on authorise::everything,
    DescribeInstanceTypes => types::describe_instance_types on authorise::everything,
    DescribeInstanceTypeOfferings => types::describe_instance_type_offerings on authorise::everything,
    GetInstanceTypesFromInstanceRequirements => types::get_instance_types_from_instance_requirements on authorise::everything,
    ModifyInstanceMetadataDefaults => instances::options::modify_instance_metadata_defaults on authorise::everything,
    GetInstanceMetadataDefaults => instances::options::get_instance_metadata_defaults on authorise::everything,
    DescribeInstanceCreditSpecifications => instances::options::describe_instance_credit_specifications on authorise::everything,
    ModifyInstanceCreditSpecification => instances::options::modify_instance_credit_specification on instances::profiles::any_instance,
    GetSerialConsoleAccessStatus => account_settings::get_serial_console_access_status on authorise::everything,
    EnableSerialConsoleAccess => account_settings::enable_serial_console_access on authorise::everything,
    DisableSerialConsoleAccess => account_settings::disable_serial_console_access on authorise::everything,
    GetEbsEncryptionByDefault => account_settings::get_ebs_encryption_by_default on authorise::everything,
    // Volumes
    AttachVolume => volumes::attachments::attach_volume on volumes::targets::to_attach,
    CreateVolume => volumes::create::create_volume on volumes::targets::to_create,
    DeleteVolume => volumes::delete_volume on volumes::targets::by_id,
    DescribeVolumeAttribute => volumes::attributes::describe_volume_attribute on volumes::targets::by_id,
    DescribeVolumeStatus => volumes::status::describe_volume_status on authorise::everything,
    DescribeVolumes => volumes::describe::describe_volumes on authorise::everything,
    DescribeVolumesModifications => volumes::modify::describe_volumes_modifications on authorise::everything,
    DetachVolume => volumes::attachments::detach_volume on volumes::targets::to_detach,
    EnableVolumeIO => volumes::attributes::enable_volume_io on volumes::targets::by_id,
    CreateReplaceRootVolumeTask => instances::roots::create_replace_root_volume_task on instances::roots::by_create,
    DescribeReplaceRootVolumeTasks => instances::roots::describe_replace_root_volume_tasks on authorise::everything,
    ModifyVolume => volumes::modify::modify_volume on volumes::targets::by_id,
    ModifyVolumeAttribute => volumes::attributes::modify_volume_attribute on volumes::targets::by_id,
    EnableEbsEncryptionByDefault => account_settings::enable_ebs_encryption_by_default on authorise::everything,
    DisableEbsEncryptionByDefault => account_settings::disable_ebs_encryption_by_default on authorise::everything,
    GetEbsDefaultKmsKeyId => account_settings::get_ebs_default_kms_key_id on authorise::everything,
    ModifyEbsDefaultKmsKeyId => account_settings::modify_ebs_default_kms_key_id on authorise::everything,
    ResetEbsDefaultKmsKeyId => account_settings::reset_ebs_default_kms_key_id on authorise::everything,
    // Disks and images from elsewhere
    ImportSnapshot => transfers::import_snapshot::import_snapshot on transfers::to_import_snapshot,
    DescribeImportSnapshotTasks => transfers::import_snapshot::describe_import_snapshot_tasks
        on authorise::everything,
    ImportImage => transfers::import_image::import_image on transfers::to_import_image,
    DescribeImportImageTasks => transfers::import_image::describe_import_image_tasks on authorise::everything,
    ExportImage => transfers::export_image::export_image on transfers::export_image::by_export,
    DescribeExportImageTasks => transfers::export_image::describe_export_image_tasks on authorise::everything,
    CancelExportTask => transfers::export_image::cancel_export_task on transfers::export_image::by_cancel,
    CreateStoreImageTask => transfers::store_image::create_store_image_task on transfers::store_image::by_store,
    CreateRestoreImageTask => transfers::restore_image::create_restore_image_task on transfers::to_restore,
    DescribeStoreImageTasks => transfers::store_image::describe_store_image_tasks on authorise::everything,
    CancelImportTask => transfers::cancelling::cancel_import_task on transfers::cancelling::by_import,
    // Snapshots
    CreateSnapshot => snapshots::create_snapshot on snapshots::to_make,
    CreateSnapshots => snapshots::create_snapshots on snapshots::to_make_several,
    DeleteSnapshot => snapshots::delete_snapshot on snapshots::by_delete,
    DescribeSnapshots => snapshots::describe_snapshots on authorise::everything,
    DescribeSnapshotAttribute => snapshot_attributes::describe_snapshot_attribute on snapshot_attributes::by_id,
    ModifySnapshotAttribute => snapshot_attributes::modify_snapshot_attribute on snapshot_attributes::by_id,
    ResetSnapshotAttribute => snapshot_attributes::reset_snapshot_attribute on snapshot_attributes::by_id,
    // The recycle bin
    ListImagesInRecycleBin => bin::images::list_images_in_recycle_bin on bin::images::by_list,
    ListSnapshotsInRecycleBin => bin::snapshots::list_snapshots_in_recycle_bin on bin::snapshots::by_list,
    ListVolumesInRecycleBin => bin::volumes::list_volumes_in_recycle_bin on bin::volumes::by_list,
    RestoreImageFromRecycleBin => bin::images::restore_image_from_recycle_bin on bin::images::by_restore,
    RestoreSnapshotFromRecycleBin =>
        bin::snapshots::restore_snapshot_from_recycle_bin on bin::snapshots::by_restore,
    RestoreVolumeFromRecycleBin => bin::volumes::restore_volume_from_recycle_bin on bin::volumes::by_restore,
    // What else is done with snapshots
    CopySnapshot => snapshot_copies::copy_snapshot on snapshot_finding::to_copy,
    LockSnapshot => snapshot_locks::lock_snapshot on snapshot_finding::by_one,
    UnlockSnapshot => snapshot_locks::unlock_snapshot on snapshot_finding::by_one,
    DescribeLockedSnapshots => snapshot_locks::describe_locked_snapshots on authorise::everything,
    ModifySnapshotTier => snapshot_tiers::modify_snapshot_tier on snapshot_finding::by_one,
    RestoreSnapshotTier => snapshot_tiers::restore_snapshot_tier on snapshot_finding::by_one,
    DescribeSnapshotTierStatus => snapshot_tiers::describe_snapshot_tier_status on authorise::everything,
    EnableSnapshotBlockPublicAccess => snapshot_sharing::enable_snapshot_block_public_access
        on authorise::everything,
    DisableSnapshotBlockPublicAccess => snapshot_sharing::disable_snapshot_block_public_access
        on authorise::everything,
    GetSnapshotBlockPublicAccessState => snapshot_sharing::get_snapshot_block_public_access_state
        on authorise::everything,
    EnableFastSnapshotRestores => fast_restores::enable_fast_snapshot_restores on snapshot_finding::to_enable,
    DisableFastSnapshotRestores => fast_restores::disable_fast_snapshot_restores on snapshot_finding::to_disable,
    DescribeFastSnapshotRestores => fast_restores::describe_fast_snapshot_restores on authorise::everything,
    // Launch templates
    CreateLaunchTemplate => templates::create_launch_template on templates::to_make,
    CreateLaunchTemplateVersion => templates::versions::create_launch_template_version on templates::by_template,
    DeleteLaunchTemplate => templates::delete_launch_template on templates::by_template,
    DeleteLaunchTemplateVersions => templates::versions::delete_launch_template_versions on templates::by_template,
    DescribeLaunchTemplates => templates::describe_launch_templates on authorise::everything,
    DescribeLaunchTemplateVersions => templates::versions::describe_launch_template_versions on authorise::everything,
    ModifyLaunchTemplate => templates::modify_launch_template on templates::by_template,
    GetLaunchTemplateData => templates::versions::get_launch_template_data on instances::by_id,
    // Spot capacity
    RequestSpotInstances => spot::requests::request_spot_instances on spot::to_request,
    CancelSpotInstanceRequests => spot::requests::cancel_spot_instance_requests on spot::to_cancel,
    DescribeSpotInstanceRequests => spot::requests::describe_spot_instance_requests on authorise::everything,
    DescribeSpotPriceHistory => spot::market::describe_spot_price_history on authorise::everything,
    GetSpotPlacementScores => spot::market::get_spot_placement_scores on authorise::everything,
    RequestSpotFleet => spot::fleets::request_spot_fleet on spot::fleets::to_request,
    DescribeSpotFleetRequests => spot::fleets::describe_spot_fleet_requests on authorise::everything,
    DescribeSpotFleetInstances => spot::fleets::telling::describe_spot_fleet_instances on authorise::everything,
    DescribeSpotFleetRequestHistory => spot::fleets::telling::describe_spot_fleet_request_history
        on authorise::everything,
    ModifySpotFleetRequest => spot::fleets::modify_spot_fleet_request on spot::fleets::to_modify,
    CancelSpotFleetRequests => spot::fleets::cancel_spot_fleet_requests on spot::fleets::to_cancel,
    // Reserved instances
    DescribeReservedInstancesOfferings => reserved::describe_reserved_instances_offerings on authorise::everything,
    PurchaseReservedInstancesOffering => reserved::purchase_reserved_instances_offering on authorise::everything,
    DescribeReservedInstances => reserved::describe_reserved_instances on authorise::everything,
    // Reserved capacity
    CreateCapacityReservation => capacity::create_capacity_reservation on capacity::to_create,
    DescribeCapacityReservations => capacity::describe_capacity_reservations on authorise::everything,
    ModifyCapacityReservation => capacity::modify_capacity_reservation on capacity::to_modify,
    CancelCapacityReservation => capacity::cancel_capacity_reservation on capacity::to_cancel,
    // Dedicated Hosts
    AllocateHosts => hosts::allocate_hosts on hosts::to_allocate,
    DescribeHosts => hosts::describe_hosts on authorise::everything,
    ModifyHosts => hosts::modify_hosts on hosts::to_modify,
    ReleaseHosts => hosts::release_hosts on hosts::to_release,
    // Fleets
    CreateFleet => fleets::create_fleet on fleets::to_create,
    DeleteFleets => fleets::delete_fleets on fleets::by_ids,
    DescribeFleets => fleets::describe_fleets on authorise::everything,
    DescribeFleetInstances => fleets::describe_fleet_instances on authorise::everything,
    DescribeFleetHistory => fleets::describe_fleet_history on authorise::everything,
    ModifyFleet => fleets::modify_fleet on fleets::to_modify,
}

impl Ec2 {
    pub fn new(parts: Ec2Parts) -> Arc<Ec2> {
        let Ec2Parts { store, clock, ids, pages, aws, tasks, .. } = parts;
        let Ec2Parts { machines, disks, conversions, public_range, network, .. } = parts;
        Arc::new(Ec2 {
            store,
            clock,
            ids,
            pages,
            aws,
            types: model::types::InstanceTypes::default(),
            public_range,
            machine_driver: machines,
            disk_driver: disks,
            conversions,
            tasks,
            hands: Hands::default(),
            lacking_for_roots: OnceLock::new(),
            network,
            applied: AppliedPlans::default(),
            collected: Collected::default(),
            networks: Nudge::default(),
            machines: Nudge::default(),
            disks: Nudge::default(),
            uploads: Nudge::default(),
            writers: ebs::Writers::default(),
            images: Nudge::default(),
            transfers: Nudge::default(),
            capacity: Nudge::default(),
            fleets: Nudge::default(),
            spot: Nudge::default(),
        })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Ec2>) -> Vec<Task> {
        vec![
            tasks::capacity::task(self),
            tasks::disks::task(self),
            tasks::fleets::task(self),
            tasks::flow_logs::task(self),
            tasks::images::task(self),
            tasks::machines::task(self),
            tasks::networks::task(self),
            tasks::recycle_bin::task(self),
            tasks::spot::task(self),
            tasks::transfers::task(self),
            tasks::uploads::task(self),
            tasks::vpn::task(self),
        ]
    }

    /// Why instances cannot start from volumes on this host, which can run them. Then those of the cloud's own images have
    /// folders for a root, as on AWS those of images in S3.
    /// Looked up once: images do not change their kind under those who use them.
    fn lacking_for_root_volumes(&self) -> Option<&str> {
        let look = || {
            let machines = self.machine_driver.as_ref().filter(|driver| driver.lacking().is_none())?;
            let disks = self.disk_driver.as_ref().and_then(|driver| driver.lacking());
            disks.or_else(|| machines.lacking_for_volumes())
        };
        self.lacking_for_roots.get_or_init(look).as_deref()
    }

    /// The public parameters that lead to this cloud's own images in a region.
    pub fn image_aliases(&self, region: Region) -> BTreeMap<String, String> {
        model::images::catalogue::aliases(region)
    }
}
