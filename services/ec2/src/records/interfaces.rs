//! Network interfaces, and who may attach them to instances of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, NETWORK_INTERFACE};
use crate::model::filter::Values;
use crate::model::interfaces;

/// Who owns a public address that AWS lends.
pub const LENDER: &str = "amazon";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterfaceRecord {
    pub interface: Kept<ec2_api::NetworkInterface>,
}

impl Versioned for InterfaceRecord {
    const VERSION: u16 = 1;
}

impl InterfaceRecord {
    pub fn subnet(&self) -> &str {
        self.interface.subnet_id.as_deref().unwrap_or_default()
    }

    pub fn vpc(&self) -> &str {
        self.interface.vpc_id.as_deref().unwrap_or_default()
    }

    /// The ids of its security groups.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.interface.groups.iter().flatten().filter_map(|group| group.group_id.as_deref())
    }

    /// The instance it is attached to.
    pub fn instance(&self) -> Option<&str> {
        self.interface.attachment.as_ref()?.instance_id.as_deref()
    }

    /// Whether its public address is one that AWS lends, not an Elastic IP.
    pub fn is_lent(&self) -> bool {
        let association = self.interface.association.as_ref();
        association.is_some_and(|it| it.ip_owner_id.as_deref() == Some(LENDER))
    }

    /// Its own network card's address.
    pub fn mac(&self) -> [u8; 6] {
        let mut mac = [0; 6];
        let text = self.interface.mac_address.as_deref().unwrap_or_default();
        for (byte, digits) in mac.iter_mut().zip(text.split(':')) {
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        mac
    }

    /// Private IPv4 addresses, the primary one first.
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let listed = self.interface.private_ip_addresses.iter().flatten();
        let mut found: Vec<(bool, Ipv4Addr)> = listed
            .filter_map(|one| {
                Some((one.primary != Some(true), one.private_ip_address.as_deref()?.parse().ok()?))
            })
            .collect();
        found.sort_by_key(|(secondary, _)| *secondary);
        found.into_iter().map(|(_, address)| address).collect()
    }

    pub fn addresses6(&self) -> Vec<Ipv6Addr> {
        let listed = self.interface.ipv6_addresses.iter().flatten();
        listed.filter_map(|one| one.ipv6_address.as_deref()?.parse().ok()).collect()
    }

    /// Whether a packet to this private address is for it.
    pub fn has(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                self.addresses().contains(&address) || self.prefixes().iter().any(|it| it.contains(&address))
            }
            IpAddr::V6(address) => {
                self.addresses6().contains(&address)
                    || self.prefixes6().iter().any(|it| it.contains(&address))
            }
        }
    }

    pub fn prefixes(&self) -> Vec<Ipv4Net> {
        let listed = self.interface.ipv4_prefixes.iter().flatten();
        listed.filter_map(|one| one.ipv4_prefix.as_deref()?.parse().ok()).collect()
    }

    pub fn prefixes6(&self) -> Vec<Ipv6Net> {
        let listed = self.interface.ipv6_prefixes.iter().flatten();
        listed.filter_map(|one| one.ipv6_prefix.as_deref()?.parse().ok()).collect()
    }

    /// Public addresses by the private ones they stand for.
    pub fn public(&self) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let listed = self.interface.private_ip_addresses.iter().flatten();
        listed
            .filter_map(|one| {
                let private = one.private_ip_address.as_deref()?.parse().ok()?;
                Some((private, one.association.as_ref()?.public_ip.as_deref()?.parse().ok()?))
            })
            .collect()
    }
}

impl Resource for InterfaceRecord {
    const TABLE: Table<Place, InterfaceRecord> = Table::new("ec2.network-interfaces");
    const KIND: &'static Kind = &NETWORK_INTERFACE;
    const FILTERS: &'static [&'static str] = interfaces::FILTERS;

    fn id(&self) -> &str {
        self.interface.network_interface_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        interfaces::filter(self, name)
    }
}

/// Permissions for interfaces, by their id.
pub const INTERFACE_PERMISSIONS: Table<Place, InterfacePermissionRecord> =
    Table::new("ec2.network-interface-permissions");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InterfacePermissionRecord {
    pub permission: Kept<ec2_api::NetworkInterfacePermission>,
}

impl Versioned for InterfacePermissionRecord {
    const VERSION: u16 = 1;
}

/// The interfaces that are attached to instances, as `i-…/eni-…`.
pub const CARDS: Table<Place, CardRecord> = Table::new("ec2.instance-cards");

pub fn card_key(instance: &str, interface: &str) -> String {
    format!("{instance}/{interface}")
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CardRecord {}

impl Versioned for CardRecord {
    const VERSION: u16 = 1;
}
