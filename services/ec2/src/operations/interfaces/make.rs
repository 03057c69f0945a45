//! Making a network interface within a transaction, for CreateNetworkInterface, for instances, and for what AWS puts
//! into subnets on behalf of others; and taking it away.

use std::net::{Ipv4Addr, Ipv6Addr};

use ec2_api::*;
use ipnet::{Ipv4Net, Ipv6Net};
use service::{Call, Kept};
use store::{Select, Tx};

use super::{attachments, public};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    GROUPS_OF_INTERFACE_LIMIT_EXCEEDED, INVALID_GROUP_NOT_FOUND, INVALID_PARAMETER,
    INVALID_PARAMETER_COMBINATION, PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
};
use crate::kind::NETWORK_INTERFACE;
use crate::limits::{ADDRESSES_OF_AN_INTERFACE_MAX, GROUPS_OF_AN_INTERFACE_MAX, PAGE_MAX};
use crate::model::addresses::private_name;
use crate::model::interfaces::new_mac;
use crate::operations::addresses;
use crate::records::groups::{GROUP_VPCS, GroupRecord};
use crate::records::interfaces::{INTERFACE_PERMISSIONS, InterfaceRecord};
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// What an interface is to be. The least is a subnet; all else is AWS's to choose.
#[derive(Clone, Debug)]
pub struct NewInterface {
    pub subnet: String,
    /// Nothing for the VPC's default group.
    pub groups: Option<Vec<String>>,
    pub description: String,
    pub primary: Option<Ipv4Addr>,
    pub secondary: Vec<Ipv4Addr>,
    /// Secondary addresses that may be any.
    pub secondary_count: usize,
    pub prefixes: Vec<Ipv4Net>,
    pub prefix_count: usize,
    pub addresses6: Vec<Ipv6Addr>,
    /// Nothing for what the subnet's setting says.
    pub count6: Option<usize>,
    pub prefixes6: Vec<Ipv6Net>,
    pub prefix6_count: usize,
    pub primary6: bool,
    pub kind: NetworkInterfaceType,
    pub source_dest_check: bool,
    /// Which service manages it, for interfaces that are not the account's own to change.
    pub managed_by: Option<String>,
    pub tracking: Option<ConnectionTrackingConfiguration>,
}

impl NewInterface {
    pub fn in_subnet(subnet: impl Into<String>) -> NewInterface {
        NewInterface {
            subnet: subnet.into(),
            groups: None,
            description: String::new(),
            primary: None,
            secondary: Vec::new(),
            secondary_count: 0,
            prefixes: Vec::new(),
            prefix_count: 0,
            addresses6: Vec::new(),
            count6: None,
            prefixes6: Vec::new(),
            prefix6_count: 0,
            primary6: false,
            kind: NetworkInterfaceType::Interface,
            source_dest_check: true,
            managed_by: None,
            tracking: None,
        }
    }

    /// Whether IPv4 addresses are asked for by name or number, or come with what it is.
    fn wants4(&self) -> bool {
        let is_gateways =
            matches!(self.kind, NetworkInterfaceType::NatGateway | NetworkInterfaceType::VpcEndpoint);
        let named = self.primary.is_some() || !self.secondary.is_empty() || !self.prefixes.is_empty();
        named || self.secondary_count > 0 || self.prefix_count > 0 || is_gateways
    }
}

/// Makes an interface, takes its addresses and keeps it, without tags.
///
/// # Errors
/// The subnet's and the groups' own; those of `addresses::take`; `SecurityGroupsPerInterfaceLimitExceeded`.
pub async fn make(ec2: &Ec2, tx: &Tx, call: &Call, new: &NewInterface) -> Result<InterfaceRecord, Error> {
    let place = call.scope();
    let subnet: SubnetRecord = resources::get(tx, &place, &new.subnet).await?;
    let vpc: VpcRecord = resources::get(tx, &place, subnet.vpc()).await?;
    let groups = groups(tx, &place, &subnet, new.groups.as_deref()).await?;
    let id = NETWORK_INTERFACE.new_id(&ec2.ids);
    let requester = new.managed_by.clone().unwrap_or_else(|| call.principal.user_id.clone());
    let mut record = InterfaceRecord {
        interface: Kept(NetworkInterface {
            availability_zone: subnet.subnet.availability_zone.clone(),
            availability_zone_id: subnet.subnet.availability_zone_id.clone(),
            connection_tracking_configuration: new.tracking.clone(),
            description: Some(new.description.clone()),
            groups: Some(groups),
            interface_type: Some(new.kind.clone()),
            ipv6_native: subnet.is_native().then_some(true),
            ipv6_addresses: Some(Vec::new()),
            mac_address: Some(new_mac(&ec2.ids)),
            network_interface_id: Some(id),
            owner_id: Some(call.account.to_string()),
            private_ip_addresses: Some(Vec::new()),
            requester_id: Some(requester),
            requester_managed: Some(new.managed_by.is_some()),
            source_dest_check: Some(new.source_dest_check),
            status: Some(NetworkInterfaceStatus::Available),
            subnet_id: Some(subnet.id().to_owned()),
            vpc_id: Some(vpc.id().to_owned()),
            operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
            ..NetworkInterface::default()
        }),
    };
    let names = Names { vpc_names: vpc.dns_hostnames, region: call.region };
    fill4(ec2, tx, &place, &subnet, &mut record, new, names).await?;
    fill6(ec2, tx, &place, &subnet, &mut record, new).await?;
    resources::put(tx, &place, &record).await?;
    Ok(record)
}

/// Whether and how private names are told.
#[derive(Clone, Copy)]
pub struct Names {
    pub vpc_names: bool,
    pub region: base::Region,
}

async fn fill4(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    record: &mut InterfaceRecord,
    new: &NewInterface,
    names: Names,
) -> Result<(), Error> {
    if subnet.block().is_none() && new.wants4() {
        let message =
            format!("The subnet '{}' is an IPv6 only subnet and has no IPv4 addresses.", subnet.id());
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if subnet.block().is_none() || new.kind == NetworkInterfaceType::EfaOnly {
        return Ok(());
    }
    let id = record.id().to_owned();
    let primary = addresses::take(&ec2.ids, tx, place, subnet, new.primary, &id).await?;
    record.interface.0.private_ip_address = Some(primary.to_string());
    record.interface.0.private_dns_name = names.vpc_names.then(|| private_name(primary, names.region));
    add4(record, primary, true, names)?;
    for wanted in new.secondary.iter().copied().map(Some).chain((0..new.secondary_count).map(|_| None)) {
        let address = addresses::take(&ec2.ids, tx, place, subnet, wanted, &id).await?;
        add4(record, address, false, names)?;
    }
    for wanted in new.prefixes.iter().copied().map(Some).chain((0..new.prefix_count).map(|_| None)) {
        let prefix = addresses::take_prefix(tx, place, subnet, wanted, &id).await?;
        add_prefix(record, prefix);
    }
    Ok(())
}

async fn fill6(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    record: &mut InterfaceRecord,
    new: &NewInterface,
) -> Result<(), Error> {
    let id = record.id().to_owned();
    let asked = !new.addresses6.is_empty() || !new.prefixes6.is_empty() || new.prefix6_count > 0;
    let by_setting =
        !asked && subnet.block6().is_some() && subnet.subnet.assign_ipv6_address_on_creation == Some(true);
    // Where there is nothing else, an interface has one address at least.
    let least = usize::from(subnet.is_native() && new.addresses6.is_empty());
    let count = new.count6.unwrap_or(usize::from(by_setting)).max(least);
    for wanted in new.addresses6.iter().copied().map(Some).chain((0..count).map(|_| None)) {
        let address = addresses::take6(&ec2.ids, tx, place, subnet, wanted, &id).await?;
        add6(record, address);
    }
    for wanted in new.prefixes6.iter().copied().map(Some).chain((0..new.prefix6_count).map(|_| None)) {
        let prefix = addresses::take_prefix6(&ec2.ids, tx, place, subnet, wanted, &id).await?;
        add_prefix6(record, prefix);
    }
    if new.primary6 {
        set_primary6(record);
    }
    Ok(())
}

/// Adds a private address to what an interface shows.
pub fn add4(
    record: &mut InterfaceRecord,
    address: Ipv4Addr,
    primary: bool,
    names: Names,
) -> Result<(), Error> {
    let listed = record.interface.0.private_ip_addresses.get_or_insert_default();
    if listed.len() >= ADDRESSES_OF_AN_INTERFACE_MAX {
        return Err(Error::new(
            &PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
            "Number of private addresses will exceed limit.",
        ));
    }
    listed.push(NetworkInterfacePrivateIpAddress {
        primary: Some(primary),
        private_dns_name: names.vpc_names.then(|| private_name(address, names.region)),
        private_ip_address: Some(address.to_string()),
        association: None,
    });
    Ok(())
}

pub fn add_prefix(record: &mut InterfaceRecord, prefix: Ipv4Net) {
    let listed = record.interface.0.ipv4_prefixes.get_or_insert_default();
    listed.push(Ipv4PrefixSpecification { ipv4_prefix: Some(prefix.to_string()) });
}

pub fn add6(record: &mut InterfaceRecord, address: Ipv6Addr) {
    let listed = record.interface.0.ipv6_addresses.get_or_insert_default();
    let entry = NetworkInterfaceIpv6Address {
        ipv6_address: Some(address.to_string()),
        is_primary_ipv6: Some(false),
        ..NetworkInterfaceIpv6Address::default()
    };
    listed.push(entry);
    record.interface.0.ipv6_address.get_or_insert_with(|| address.to_string());
}

pub fn add_prefix6(record: &mut InterfaceRecord, prefix: Ipv6Net) {
    let listed = record.interface.0.ipv6_prefixes.get_or_insert_default();
    listed.push(Ipv6PrefixSpecification { ipv6_prefix: Some(prefix.to_string()) });
}

/// Makes its first IPv6 address the primary one, for good.
pub fn set_primary6(record: &mut InterfaceRecord) {
    if let Some(first) = record.interface.0.ipv6_addresses.iter_mut().flatten().next() {
        first.is_primary_ipv6 = Some(true);
    }
}

/// The groups of an interface in this subnet, looked over: those that are named, or the VPC's default one.
pub async fn groups(
    tx: &Tx,
    place: &Place,
    subnet: &SubnetRecord,
    wanted: Option<&[String]>,
) -> Result<Vec<GroupIdentifier>, Error> {
    let shown = |group: &GroupRecord| GroupIdentifier {
        group_id: Some(group.id().to_owned()),
        group_name: Some(group.name().to_owned()),
    };
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        let all: Vec<GroupRecord> = resources::all(tx, place).await?;
        let default = all.iter().find(|group| group.vpc() == subnet.vpc() && group.name() == "default");
        return Ok(default.map(shown).into_iter().collect());
    };
    let mut found: Vec<GroupIdentifier> = Vec::new();
    for id in wanted {
        let group: GroupRecord = match resources::get(tx, place, id).await {
            Ok(group) => group,
            Err(Error::Refused { code, .. }) if code.name == INVALID_GROUP_NOT_FOUND.name => {
                let message = format!("The security group '{id}' does not exist in VPC '{}'", subnet.vpc());
                return Err(Error::new(&INVALID_GROUP_NOT_FOUND, message));
            }
            Err(other) => return Err(other),
        };
        let shared = format!("{id}/{}", subnet.vpc());
        if group.vpc() != subnet.vpc() && GROUP_VPCS.get(tx, place, &shared).await?.is_none() {
            let message =
                format!("Security group {id} and subnet {} belong to different networks.", subnet.id());
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        if !found.iter().any(|known| known.group_id.as_ref() == Some(id)) {
            found.push(shown(&group));
        }
    }
    match found.len() <= GROUPS_OF_AN_INTERFACE_MAX {
        true => Ok(found),
        false => {
            let message = "The maximum number of security groups per interface has been reached.";
            Err(Error::new(&GROUPS_OF_INTERFACE_LIMIT_EXCEEDED, message))
        }
    }
}

/// Takes an interface away: its addresses are free again, Elastic IPs stay with the account, permissions for it end.
pub async fn discard(tx: &Tx, place: &Place, record: &InterfaceRecord) -> Result<(), Error> {
    attachments::forget(tx, place, record).await?;
    let subnet = record.subnet();
    for (_, address) in record.public() {
        public::let_go(tx, place, address).await?;
    }
    for address in record.addresses() {
        addresses::give_back(tx, place, subnet, address).await?;
    }
    for prefix in record.prefixes() {
        addresses::give_back_prefix(tx, place, subnet, prefix).await?;
    }
    for address in record.addresses6() {
        addresses::give_back6(tx, place, subnet, address).await?;
    }
    for prefix in record.prefixes6() {
        addresses::give_back6(tx, place, subnet, prefix.network()).await?;
    }
    for (id, known) in INTERFACE_PERMISSIONS.scan(tx, place, Select::ALL, PAGE_MAX).await?.records {
        if known.permission.network_interface_id.as_deref() == Some(record.id()) {
            INTERFACE_PERMISSIONS.delete(tx, place, &id).await?;
        }
    }
    resources::remove::<InterfaceRecord>(tx, place, record.id()).await
}
