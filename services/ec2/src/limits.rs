//! Numbers, unit last. Sources: "Amazon VPC quotas", "Amazon EC2 service quotas", "List and filter your resources".

use std::time::Duration;

/// Filters of one request, and values of one filter.
pub const FILTERS_MAX: usize = 50;
pub const FILTER_VALUES_MAX: usize = 200;

/// Resources of one kind that are looked through for one request, and that an account has in a region at most.
pub const RESOURCES_MAX: usize = 20_000;

/// Resources on a page of most Describe operations.
pub const PAGE_MAX: usize = 1000;

/// How long transit gateways, VPN gateways and connections and what belongs to them are shown as deleted.
pub const DELETED_SHOWN_TIME: Duration = Duration::from_secs(60 * 60);

/// CreateTags and DeleteTags: resources of one request, and tags of a resource besides AWS's own.
pub const TAGGED_AT_ONCE_MAX: usize = 1_000;
pub const TAGS_OF_A_RESOURCE_MAX: usize = 50;

/// Delegated prefixes.
pub const PREFIX_BITS: u8 = 28;
pub const PREFIX6_BITS: u8 = 80;
/// Addresses tried at random before the free ones are searched.
pub const TRIES_MAX: usize = 16;

/// Security groups: names and descriptions, groups of a VPC's region, rules in one direction, groups of an interface.
pub const GROUP_NAME_CHARS_MAX: usize = 255;
pub const GROUPS_MAX: usize = 2_500;
pub const RULES_OF_A_DIRECTION_MAX: usize = 60;
pub const GROUPS_OF_AN_INTERFACE_MAX: usize = 5;

/// Key pairs and images: names, and the public key of an import.
pub const KEY_NAME_CHARS_MAX: usize = 255;
pub const KEY_MATERIAL_BYTES_MAX: usize = 16 * 1024;
pub const IMAGE_NAME_CHARS_MIN: usize = 3;
pub const IMAGE_NAME_CHARS_MAX: usize = 128;
/// How far ahead an image may be deprecated: ten years.
pub const DEPRECATION_AHEAD_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

/// Archives of images that are brought in at the same time.
pub const IMPORTS_AT_ONCE_MAX: usize = 2;

/// Instances: user data before base64, those of one request, and how long a terminated one is shown.
pub const USER_DATA_BYTES_MAX: usize = 16 * 1024;
pub const INSTANCES_AT_ONCE_MAX: usize = 1_000;
pub const TERMINATED_SHOWN_TIME: Duration = Duration::from_secs(3_600);

/// Zones that can be down at the same time: more than there are.
pub const ZONES_MAX: usize = 1_000;

/// VPCs in a region. The quota is 5 and is raised on request to a hundred and more; nobody here could ask for that.
pub const VPCS_MAX: usize = 100;
pub const SUBNETS_OF_VPC_MAX: usize = 200;
pub const BLOCKS_OF_VPC_MAX: usize = 5;
pub const ROUTE_TABLES_OF_VPC_MAX: usize = 200;
pub const ROUTES_OF_TABLE_MAX: usize = 500;
pub const ACLS_OF_VPC_MAX: usize = 200;
/// In each direction, without the last ones that deny.
pub const ACL_ENTRIES_MAX: usize = 40;
pub const EGRESS_ONLY_GATEWAYS_MAX: usize = VPCS_MAX;
pub const NAT_GATEWAYS_OF_ZONE_MAX: usize = 5;
pub const NAT_ADDRESSES_MAX: usize = 8;
pub const PEERINGS_OF_VPC_MAX: usize = 50;
pub const PEERINGS_OUTSTANDING_MAX: usize = 25;
pub const PEERING_REQUEST_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long peerings that came to nothing are shown: those refused to both sides, the deleted ones ("VPC peering
/// connection lifecycle").
pub const PEERING_DELETED_SHOWN_TIME: Duration = Duration::from_secs(2 * 60 * 60);
pub const PEERING_ENDED_SHOWN_TIME: Duration = Duration::from_secs(2 * 24 * 60 * 60);
pub const INTERFACE_ENDPOINTS_OF_VPC_MAX: usize = 50;
pub const GATEWAY_ENDPOINTS_MAX: usize = 20;
/// How long NAT gateways that are gone are shown ("about an hour").
pub const NAT_DELETED_SHOWN_TIME: Duration = Duration::from_secs(60 * 60);
/// `HttpPutResponseHopLimit`
pub const HOP_LIMIT_MAX: i32 = 64;
/// How long a guest may take to shut down before it is ended.
pub const SHUTDOWN_GRACE_TIME: Duration = Duration::from_secs(60);
/// Machines that are started or stopped at the same time.
pub const MACHINES_AT_ONCE_MAX: usize = 8;
/// Instances that one pass of the machines' task looks after.
pub const BUSY_INSTANCES_MAX: usize = 1_000;
/// Rules that one request names.
pub const RULES_OF_A_REQUEST_MAX: usize = 1_000;

/// Network interfaces: private addresses of one, interfaces of an instance whose type is not known to have fewer.
pub const ADDRESSES_OF_AN_INTERFACE_MAX: usize = 50;
pub const INTERFACES_OF_AN_INSTANCE_MAX: usize = 15;
pub const DESCRIPTION_CHARS_MAX: usize = 255;
/// Elastic IP addresses of an account in a region.
pub const ELASTIC_IPS_MAX: usize = 5;
pub const DOMAIN_NAME_CHARS_MAX: usize = 253;
/// How long NAT gateways take to come and to go; on AWS it is a minute or two.
pub const NAT_CHANGE_TIME: Duration = Duration::from_secs(2);
/// How often networks are looked over without anything having changed, and how soon again when a machine was not
/// there to be plugged in.
pub const NETWORKS_PERIOD: Duration = Duration::from_secs(60);
pub const NETWORKS_RETRY_TIME: Duration = Duration::from_millis(50);
/// How long a guest may take to answer its first status check.
pub const STATUS_CHECK_TIME: Duration = Duration::from_secs(120);
/// DescribeInstanceTypes: types of one page.
pub const INSTANCE_TYPES_PAGE_MAX: usize = 100;

/// Managed prefix lists: entries of one, and entries that one request changes.
pub const PREFIX_LIST_ENTRIES_MAX: i32 = 1_000;
pub const PREFIX_LIST_CHANGES_MAX: usize = 100;
/// Flow logs: how often they are collected, flows of one log in one interval, and the chance part of a file's name.
pub const FLOW_COLLECTION_PERIOD: Duration = Duration::from_secs(60);
pub const FLOWS_OF_A_LOG_MAX: usize = 100_000;
pub const FLOW_LOG_NAME_CHARS: usize = 8;
/// Flow logs: resources of one request.
pub const FLOW_LOG_RESOURCES_MAX: usize = 300;
/// Transit gateways of an account in a region, and routes that a search shows unless it asks for fewer.
pub const TRANSIT_GATEWAYS_MAX: usize = 5;
pub const TRANSIT_ROUTES_SHOWN: usize = 1_000;
/// Fleets: how often their capacity is looked at, and events that are remembered of one.
pub const FLEETS_PERIOD: Duration = Duration::from_secs(30);
pub const FLEET_EVENTS_MAX: usize = 500;
/// Virtual private gateways of an account in a region, and tunnels of a VPN connection.
pub const VPN_GATEWAYS_MAX: usize = 5;
pub const TUNNELS: usize = 2;
/// How often it is looked whether they are up.
pub const VPN_LOOK_PERIOD: Duration = Duration::from_secs(10);
