//! VPCs, their subnets, and what subnets keep back for later.

use base::{AccountId, Region};
use ec2_api::VpcCidrBlockStateCode;
use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, SUBNET, SUBNET_CIDR_RESERVATION, VPC};
use crate::model::filter::{Values, maybe, one};

/// A VPC. Whether it has an internet gateway, and which route table is its main one, those say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VpcRecord {
    pub vpc: Kept<ec2_api::Vpc>,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub usage_metrics: bool,
}

impl Versioned for VpcRecord {
    const VERSION: u16 = 1;
}

impl VpcRecord {
    /// The IPv4 blocks that it has, the primary one first.
    pub fn blocks(&self) -> Vec<Ipv4Net> {
        let all = self.vpc.cidr_block_association_set.iter().flatten();
        let in_use = all.filter(|block| is_associated(block.cidr_block_state.as_ref()));
        in_use.filter_map(|block| block.cidr_block.as_deref()?.parse().ok()).collect()
    }

    pub fn blocks6(&self) -> Vec<Ipv6Net> {
        let all = self.vpc.ipv6_cidr_block_association_set.iter().flatten();
        let in_use = all.filter(|block| is_associated(block.ipv6_cidr_block_state.as_ref()));
        in_use.filter_map(|block| block.ipv6_cidr_block.as_deref()?.parse().ok()).collect()
    }

    pub fn is_default(&self) -> bool {
        self.vpc.is_default == Some(true)
    }
}

fn is_associated(state: Option<&ec2_api::VpcCidrBlockState>) -> bool {
    state.is_some_and(|state| state.state == Some(VpcCidrBlockStateCode::Associated))
}

fn state_of(state: Option<&ec2_api::VpcCidrBlockState>) -> Option<String> {
    state?.state.as_ref().map(ToString::to_string)
}

impl Resource for VpcRecord {
    const TABLE: Table<Place, VpcRecord> = Table::new("ec2.vpcs");
    const KIND: &'static Kind = &VPC;
    const FILTERS: &'static [&'static str] = &[
        "cidr",
        "cidr-block-association.cidr-block",
        "cidr-block-association.association-id",
        "cidr-block-association.state",
        "dhcp-options-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.ipv6-pool",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.state",
        "is-default",
        "isDefault",
        "owner-id",
        "state",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        self.vpc.vpc_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let vpc = &self.vpc;
        let blocks = || vpc.cidr_block_association_set.iter().flatten();
        let blocks6 = || vpc.ipv6_cidr_block_association_set.iter().flatten();
        match name {
            "cidr" | "cidr-block" | "cidrBlock" => maybe(vpc.cidr_block.as_deref()),
            "cidr-block-association.cidr-block" => {
                Some(blocks().filter_map(|block| block.cidr_block.clone()).collect())
            }
            "cidr-block-association.association-id" => {
                Some(blocks().filter_map(|block| block.association_id.clone()).collect())
            }
            "cidr-block-association.state" => {
                Some(blocks().filter_map(|block| state_of(block.cidr_block_state.as_ref())).collect())
            }
            "dhcp-options-id" => maybe(vpc.dhcp_options_id.as_deref()),
            "ipv6-cidr-block-association.ipv6-cidr-block" => {
                Some(blocks6().filter_map(|block| block.ipv6_cidr_block.clone()).collect())
            }
            "ipv6-cidr-block-association.ipv6-pool" => {
                Some(blocks6().filter_map(|block| block.ipv6_pool.clone()).collect())
            }
            "ipv6-cidr-block-association.association-id" => {
                Some(blocks6().filter_map(|block| block.association_id.clone()).collect())
            }
            "ipv6-cidr-block-association.state" => {
                Some(blocks6().filter_map(|block| state_of(block.ipv6_cidr_block_state.as_ref())).collect())
            }
            "is-default" | "isDefault" => one(self.is_default()),
            "owner-id" => maybe(vpc.owner_id.as_deref()),
            "state" => maybe(vpc.state.as_ref()),
            "vpc-id" => maybe(vpc.vpc_id.as_deref()),
            _ => None,
        }
    }
}

/// A subnet. How many of its addresses are free is counted when it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubnetRecord {
    pub subnet: Kept<ec2_api::Subnet>,
}

impl Versioned for SubnetRecord {
    const VERSION: u16 = 1;
}

impl SubnetRecord {
    pub fn vpc(&self) -> &str {
        self.subnet.vpc_id.as_deref().unwrap_or_default()
    }

    pub fn zone(&self) -> &str {
        self.subnet.availability_zone.as_deref().unwrap_or_default()
    }

    /// Nothing for a subnet of IPv6 only.
    pub fn block(&self) -> Option<Ipv4Net> {
        self.subnet.cidr_block.as_deref()?.parse().ok()
    }

    /// Whether it is of IPv6 only.
    pub fn is_native(&self) -> bool {
        self.subnet.ipv6_native == Some(true)
    }

    pub fn block6(&self) -> Option<Ipv6Net> {
        let mut all = self.subnet.ipv6_cidr_block_association_set.iter().flatten();
        all.find_map(|block| block.ipv6_cidr_block.as_deref()?.parse().ok())
    }
}

impl Resource for SubnetRecord {
    const TABLE: Table<Place, SubnetRecord> = Table::new("ec2.subnets");
    const KIND: &'static Kind = &SUBNET;
    const FILTERS: &'static [&'static str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "availabilityZoneId",
        "available-ip-address-count",
        "cidr-block",
        "cidr",
        "cidrBlock",
        "customer-owned-ipv4-pool",
        "default-for-az",
        "defaultForAz",
        "enable-dns64",
        "enable-lni-at-device-index",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.state",
        "ipv6-native",
        "map-customer-owned-ip-on-launch",
        "map-public-ip-on-launch",
        "outpost-arn",
        "owner-id",
        "private-dns-name-options-on-launch.hostname-type",
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ];

    fn id(&self) -> &str {
        self.subnet.subnet_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        let subnet = &self.subnet;
        let names = subnet.private_dns_name_options_on_launch.as_ref();
        match name {
            "availability-zone" | "availabilityZone" => maybe(subnet.availability_zone.as_deref()),
            "availability-zone-id" | "availabilityZoneId" => maybe(subnet.availability_zone_id.as_deref()),
            "available-ip-address-count" => maybe(subnet.available_ip_address_count),
            "cidr-block" | "cidr" | "cidrBlock" => maybe(subnet.cidr_block.as_deref()),
            "customer-owned-ipv4-pool" => maybe(subnet.customer_owned_ipv4_pool.as_deref()),
            "default-for-az" | "defaultForAz" => maybe(subnet.default_for_az),
            "enable-dns64" => maybe(subnet.enable_dns64),
            "enable-lni-at-device-index" => maybe(subnet.enable_lni_at_device_index),
            "ipv6-native" => maybe(subnet.ipv6_native),
            "map-customer-owned-ip-on-launch" => maybe(subnet.map_customer_owned_ip_on_launch),
            "map-public-ip-on-launch" => maybe(subnet.map_public_ip_on_launch),
            "outpost-arn" => maybe(subnet.outpost_arn.as_deref()),
            "owner-id" => maybe(subnet.owner_id.as_deref()),
            "private-dns-name-options-on-launch.hostname-type" => {
                maybe(names.and_then(|names| names.hostname_type.as_ref()))
            }
            "private-dns-name-options-on-launch.enable-resource-name-dns-a-record" => {
                maybe(names.and_then(|names| names.enable_resource_name_dns_a_record))
            }
            "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record" => {
                maybe(names.and_then(|names| names.enable_resource_name_dns_aaaa_record))
            }
            "state" => maybe(subnet.state.as_ref()),
            "subnet-arn" => maybe(subnet.subnet_arn.as_deref()),
            "subnet-id" => maybe(subnet.subnet_id.as_deref()),
            "vpc-id" => maybe(subnet.vpc_id.as_deref()),
            name => filter6(subnet, name),
        }
    }
}

fn filter6(subnet: &ec2_api::Subnet, name: &str) -> Values {
    let blocks = || subnet.ipv6_cidr_block_association_set.iter().flatten();
    match name {
        "ipv6-cidr-block-association.ipv6-cidr-block" => {
            Some(blocks().filter_map(|block| block.ipv6_cidr_block.clone()).collect())
        }
        "ipv6-cidr-block-association.association-id" => {
            Some(blocks().filter_map(|block| block.association_id.clone()).collect())
        }
        "ipv6-cidr-block-association.state" => {
            let states = blocks().filter_map(|block| block.ipv6_cidr_block_state.as_ref()?.state.as_ref());
            Some(states.map(ToString::to_string).collect())
        }
        _ => None,
    }
}

/// A part of a subnet that addresses are not taken from by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CidrReservationRecord {
    pub reservation: Kept<ec2_api::SubnetCidrReservation>,
}

impl Versioned for CidrReservationRecord {
    const VERSION: u16 = 1;
}

impl Resource for CidrReservationRecord {
    const TABLE: Table<Place, CidrReservationRecord> = Table::new("ec2.subnet-cidr-reservations");
    const KIND: &'static Kind = &SUBNET_CIDR_RESERVATION;
    const FILTERS: &'static [&'static str] = &["reservationType", "reservation-type", "subnet-id"];

    fn id(&self) -> &str {
        self.reservation.subnet_cidr_reservation_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "reservationType" | "reservation-type" => maybe(self.reservation.reservation_type.as_ref()),
            "subnet-id" => maybe(self.reservation.subnet_id.as_deref()),
            _ => None,
        }
    }
}

/// That a place was seen to, so that a default VPC which was deleted is not made again.
pub const FIRST_USES: Table<AccountId, FirstUseRecord> = Table::new("ec2.first-uses");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstUseRecord {
    pub region: Region,
}

impl Versioned for FirstUseRecord {
    const VERSION: u16 = 1;
}
