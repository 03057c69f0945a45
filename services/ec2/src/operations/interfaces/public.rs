//! Public addresses of interfaces: those that come and go with a running instance, and Elastic IPs.

use std::net::Ipv4Addr;

use ec2_api::{Address, NetworkInterfaceAssociation};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::model::addresses::public_name;
use crate::operations::addresses;
use crate::records::addresses::ElasticIpRecord;
use crate::records::interfaces::{InterfaceRecord, LENDER};
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// Lends an interface a public address for its primary private one, and keeps it.
pub async fn lend(ec2: &Ec2, tx: &Tx, place: &Place, record: &mut InterfaceRecord) -> Result<(), Error> {
    let Some(private) = record.addresses().first().copied() else { return Ok(()) };
    if record.interface.association.is_some() {
        return Ok(());
    }
    let public = addresses::take_public(ec2, tx, place, None, record.id()).await?;
    let association = NetworkInterfaceAssociation {
        ip_owner_id: Some(LENDER.to_owned()),
        public_dns_name: Some(name(tx, place, record, public).await?),
        public_ip: Some(public.to_string()),
        ..NetworkInterfaceAssociation::default()
    };
    set(record, private, Some(association));
    resources::put(tx, place, record).await
}

/// Takes back what was lent, as when an instance stops.
pub async fn take_back(tx: &Tx, place: &Place, record: &mut InterfaceRecord) -> Result<(), Error> {
    if !record.is_lent() {
        return Ok(());
    }
    let (Some(private), Some((_, public))) =
        (record.addresses().first().copied(), record.public().first().copied())
    else {
        return Ok(());
    };
    addresses::give_back_public(tx, public).await?;
    set(record, private, None);
    resources::put(tx, place, record).await
}

/// The public name of an address, empty where the VPC gives none.
pub async fn name(
    tx: &Tx,
    place: &Place,
    record: &InterfaceRecord,
    public: Ipv4Addr,
) -> Result<String, Error> {
    let vpc = VpcRecord::TABLE.get(tx, place, record.vpc()).await?;
    Ok(match vpc.is_some_and(|vpc| vpc.dns_hostnames) {
        true => public_name(public, place.1),
        false => String::new(),
    })
}

/// Shows which public address stands for a private one.
pub fn set(
    record: &mut InterfaceRecord,
    private: Ipv4Addr,
    association: Option<NetworkInterfaceAssociation>,
) {
    let text = private.to_string();
    let interface = &mut record.interface.0;
    if interface.private_ip_address.as_deref() == Some(&text) {
        interface.association = association.clone();
        interface.public_dns_name =
            association.as_ref().and_then(|it| it.public_dns_name.clone()).filter(|name| !name.is_empty());
    }
    for listed in interface.private_ip_addresses.iter_mut().flatten() {
        if listed.private_ip_address.as_deref() == Some(&text) {
            listed.association = association.clone();
        }
    }
}

/// The Elastic IP with this public address.
pub async fn elastic(tx: &Tx, place: &Place, public: Ipv4Addr) -> Result<Option<ElasticIpRecord>, Error> {
    let all: Vec<ElasticIpRecord> = resources::all(tx, place).await?;
    let text = public.to_string();
    Ok(all.into_iter().find(|known| known.address.public_ip.as_deref() == Some(&text)))
}

/// An address whose interface goes away: an Elastic IP is free for another, a lent one is given back.
pub async fn let_go(tx: &Tx, place: &Place, public: Ipv4Addr) -> Result<(), Error> {
    match elastic(tx, place, public).await? {
        Some(mut known) => {
            clear(&mut known.address.0);
            resources::put(tx, place, &known).await
        }
        None => addresses::give_back_public(tx, public).await,
    }
}

/// An Elastic IP is nobody's any more.
pub fn clear(address: &mut Address) {
    address.association_id = None;
    address.instance_id = None;
    address.network_interface_id = None;
    address.network_interface_owner_id = None;
    address.private_ip_address = None;
}
