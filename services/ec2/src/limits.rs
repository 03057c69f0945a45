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
/// Of IPv4 and IPv6 each.
pub const ROUTES_OF_TABLE_MAX: usize = 500;
pub const ACLS_OF_VPC_MAX: usize = 200;
/// In each direction, of IPv4 and IPv6 each, with the last ones that deny.
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
/// With its white space.
pub const ENDPOINT_POLICY_CHARS_MAX: usize = 20_480;
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

/// Managed prefix lists: those of an account in a region, entries and versions of one, and entries that one request
/// changes.
pub const PREFIX_LISTS_MAX: usize = 100;
pub const PREFIX_LIST_VERSIONS_MAX: usize = 1_000;
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
/// How long fleets that are gone are shown ("deleted two days after its instances are terminated"), and the largest
/// target of one with its pools (guesses).
pub const FLEET_SHOWN_TIME: Duration = Duration::from_secs(2 * 86_400);
pub const FLEET_TARGET_MAX: i32 = 10_000;
pub const FLEET_POOLS_MAX: usize = 300;
/// The largest `MinTargetCapacity`, and how many fleets one DeleteFleets deletes (`DeleteFleets`, "Restrictions").
pub const FLEET_LEAST_MAX: i32 = 1_000;
pub const INSTANT_FLEETS_AT_ONCE_MAX: usize = 25;
pub const KEPT_FLEETS_AT_ONCE_MAX: usize = 100;
/// Customer gateways, VPN connections ("Site-to-Site VPN quotas") and virtual private gateways of an account in a
/// region, and tunnels of a VPN connection.
pub const CUSTOMER_GATEWAYS_MAX: usize = 50;
pub const VPN_CONNECTIONS_MAX: usize = 50;
pub const VPN_GATEWAYS_MAX: usize = 5;
pub const TUNNELS: usize = 2;
/// How often it is looked whether they are up.
pub const VPN_LOOK_PERIOD: Duration = Duration::from_secs(10);
/// Volumes of an instance ("Amazon EBS volume limits for Amazon EC2 instances"), changes of one within a day
/// (ModifyVolume), volumes and snapshots that one pass of the disks' task looks after, and how soon it tries again
/// what did not work.
pub const ATTACHED_VOLUMES_MAX: usize = 28;
pub const MODIFICATIONS_A_DAY_MAX: usize = 4;
pub const BUSY_DISKS_MAX: usize = 1_000;
pub const DISKS_RETRY_TIME: Duration = Duration::from_secs(2);
/// Images of an account in a region, public ones among them, and with whom one is shared ("AMI quotas in Amazon EC2").
pub const IMAGES_MAX: usize = 50_000;
pub const PUBLIC_IMAGES_MAX: usize = 5;
pub const IMAGE_PERMISSIONS_MAX: usize = 1_000;
/// How long it is shown that a volume was out of use for a doubt.
pub const DOUBT_SHOWN_TIME: Duration = Duration::from_secs(86_400);
/// Replacements of its root that an instance shows, and former roots whose snapshots can become it again.
pub const ROOT_REPLACEMENTS_KEPT_MAX: usize = 100;
/// How long a changed volume is optimised; on AWS it is minutes to hours, with its size.
pub const OPTIMIZING_TIME: Duration = Duration::from_secs(60);
/// How long the engine may take to be told of a snapshot before it counts as failed.
pub const SNAPSHOT_BEGIN_TIME: Duration = Duration::from_secs(300);
/// Who may create volumes from a snapshot, besides everyone.
pub const SNAPSHOT_PERMISSIONS_MAX: usize = 1_000;
/// Spot: how often requests are looked at, how long before it happens an interruption is announced ("Spot Instance
/// interruption notices"), how far back prices are told (DescribeSpotPriceHistory), scores of one answer
/// (GetSpotPlacementScores: the best ten).
pub const SPOT_PERIOD: Duration = Duration::from_secs(60);
pub const SPOT_NOTICE_TIME: Duration = Duration::from_secs(120);
pub const SPOT_HISTORY_TIME: Duration = Duration::from_secs(90 * 86_400);
pub const SPOT_SCORES_MAX: usize = 10;
/// The bill: lines that are told apart, and what each start of an instance costs at least ("Amazon EC2 On-Demand Pricing").
pub const BILL_LINES_MAX: usize = 20_000;
pub const MINIMUM_CHARGE_TIME: Duration = Duration::from_secs(60);

/// The EBS direct APIs: blocks of a page, blocks that are compared for one page, and how long tokens are good
/// ("Frequently asked questions").
pub const BLOCKS_OF_A_PAGE_MAX: usize = 10_000;
pub const CHANGES_LOOKED_THROUGH_MAX: usize = 100_000;
pub const BLOCK_TOKEN_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);
pub const PAGE_TOKEN_AGE_MAX: Duration = Duration::from_secs(3_600);
/// Snapshots that are written block by block: the size of their volumes, how many of an account at once, how long
/// nothing may be written unless the request says otherwise, how exactly that is kept, and how often it is looked at.
pub const UPLOADED_GIB_MAX: i64 = 65_536;
pub const UPLOADS_AT_ONCE_MAX: usize = 100;
pub const UPLOAD_TIMEOUT_DEFAULT: Duration = Duration::from_secs(3_600);
pub const UPLOAD_WRITTEN_STEP: Duration = Duration::from_secs(60);
pub const UPLOADS_PERIOD: Duration = Duration::from_secs(30);
/// Locks of snapshots: "Allowed values: Min 1, max 72" and "Min: 1, max 36500".
pub const COOL_OFF_HOURS_MAX: i32 = 72;
pub const LOCK_DAYS_MAX: i32 = 36_500;
/// The archive: how long a TiB is on its way (on AWS, up to a day or three), days of a temporary restore, and the
/// quotas ("Archive Amazon EBS snapshots").
pub const TIERING_TIME_OF_A_TIB: Duration = Duration::from_secs(3_600);
pub const TEMPORARY_RESTORE_DAYS_MAX: i32 = 180;
pub const ARCHIVALS_AT_ONCE_MAX: usize = 25;
pub const RESTORES_AT_ONCE_MAX: usize = 5;
/// Fast restores: snapshots of an account in a region, pairs with zones that are kept, a page, the largest snapshot,
/// how long changes take, and the credits of an hour.
pub const FAST_RESTORED_SNAPSHOTS_MAX: usize = 5;
pub const FAST_RESTORES_KEPT_MAX: usize = 1_000;
pub const FAST_RESTORES_PAGE_MAX: i32 = 200;
pub const FAST_RESTORE_GIB_MAX: i64 = 16 * 1_024;
pub const FAST_RESTORE_CHANGE_TIME: Duration = Duration::from_secs(10);
pub const FAST_RESTORE_TIME_OF_A_TIB: Duration = Duration::from_secs(3_600);
pub const FAST_RESTORE_CREDITS_MAX: f64 = 10.0;
/// Copies of snapshots: those under way to a region, and `CompletionDurationMinutes`.
pub const COPIES_AT_ONCE_MAX: usize = 20;
pub const COPY_MINUTES_MAX: i32 = 2_880;
pub const COPY_MINUTES_STEP: i32 = 15;
/// Capacity reservations: instances of one, and how often it is looked whether one has expired.
pub const CAPACITY_INSTANCES_MAX: i32 = 1_000;
pub const CAPACITY_PERIOD: Duration = Duration::from_secs(60);
/// Dedicated Hosts of an account in a region.
pub const HOSTS_MAX: usize = 100;
/// Reservations of an account in a region, and instances of one purchase.
pub const RESERVED_MAX: usize = 1_000;
pub const RESERVED_AT_ONCE_MAX: i32 = 1_000;
/// Disks and images on their way in and out: tasks that are worked on at the same time, blocks of one that are written or
/// read at once, the largest disk (of a gp3 volume), how often it is looked whether one was cancelled and how far it is,
/// how soon it is looked again for what is completed elsewhere, and how long one that is over is shown ("in the previous
/// 7 days").
pub const TRANSFERS_AT_ONCE_MAX: usize = 4;
pub const TRANSFERRED_BLOCKS_AT_ONCE: usize = 4;
pub const IMPORTED_GIB_MAX: i64 = 16 * 1_024;
pub const TRANSFERS_LOOK_TIME: Duration = Duration::from_millis(500);
pub const TRANSFERS_RETRY_TIME: Duration = Duration::from_secs(2);
pub const TRANSFERS_SHOWN_TIME: Duration = Duration::from_secs(7 * 86_400);
/// Parts of an object that is written for a task: their number, and the bytes of one, of an image that is exported and of
/// one that is stored. A part is in memory as a whole; 10,000 of the larger ones are 625 GiB.
pub const TRANSFERRED_PARTS_MAX: usize = 10_000;
pub const TRANSFERRED_PART_BYTES_MIN: usize = 8 << 20;
pub const TRANSFERRED_PART_BYTES_MAX: usize = 64 << 20;
/// Stored images: what is known of one, tasks of one answer ("up to 20 AMI IDs"), how long tasks are shown, and the
/// GiB of snapshots that an account stores at the same time in a region.
pub const STORED_DESCRIPTION_BYTES_MAX: usize = 4 << 20;
pub const STORED_ASKED_MAX: usize = 20;
pub const STORE_TASKS_PAGE_MAX: usize = 200;
pub const STORE_TASKS_SHOWN_TIME: Duration = Duration::from_secs(31 * 86_400);
pub const STORED_GIB_AT_ONCE_MAX: i64 = 1_200;
