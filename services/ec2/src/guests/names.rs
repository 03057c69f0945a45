//! What the resolver of a VPC goes by, as far as names do not follow from the addresses themselves.

use std::net::IpAddr;

use base::Region;
use ec2_api::HostnameType;
use ipnet::IpNet;
use schema::Fault;
use store::Tx;

use super::{has_address, place_of};
use crate::Ec2;
use crate::error::Error;
use crate::model::instances::State;
use crate::operations::interfaces::attachments;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// A VPC's settings about names.
#[derive(Clone, Debug)]
pub struct VpcNaming {
    pub region: Region,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    pub blocks: Vec<IpNet>,
}

/// What a public address is, seen from inside a VPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicAddressOf {
    /// An interface's in the same VPC, which is reached at this private address.
    Inside(IpAddr),
    Outside,
    Nobody,
}

impl Ec2 {
    pub async fn vpc_naming(&self, vpc: &str) -> Result<Option<VpcNaming>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            let Some(record) = VpcRecord::TABLE.get(&tx, &place, vpc).await? else { return Ok(None) };
            let blocks = record.blocks().into_iter().map(IpNet::from);
            Ok::<_, Error>(Some(VpcNaming {
                region: place.1,
                dns_support: record.dns_support,
                dns_hostnames: record.dns_hostnames,
                blocks: blocks.chain(record.blocks6().into_iter().map(IpNet::from)).collect(),
            }))
        });
        found.await.map_err(Fault::from)
    }

    /// The addresses of an instance by its id, as far as its options give it such a name.
    pub async fn instance_addresses(&self, vpc: &str, id: &str) -> Result<Vec<IpAddr>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(Vec::new()) };
            addresses_by_id(&tx, &place, vpc, id).await
        });
        found.await.map_err(Fault::from)
    }

    /// What a public address is to those inside a VPC.
    pub async fn public_address(&self, vpc: &str, address: IpAddr) -> Result<PublicAddressOf, Fault> {
        let IpAddr::V4(wanted) = address else { return Ok(PublicAddressOf::Outside) };
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(PublicAddressOf::Nobody) };
            let all = resources::all::<InterfaceRecord>(&tx, &place).await?;
            for card in &all {
                let pair = card.public().into_iter().find(|(_, public)| *public == wanted);
                if let Some((private, _)) = pair {
                    return Ok(match card.vpc() == vpc {
                        true => PublicAddressOf::Inside(IpAddr::V4(private)),
                        false => PublicAddressOf::Outside,
                    });
                }
            }
            Ok::<_, Error>(PublicAddressOf::Nobody)
        });
        found.await.map_err(Fault::from)
    }

    /// The name of an address where it is not made from the address: of instances that are named by their ids.
    pub async fn name_of_address(&self, vpc: &str, address: IpAddr) -> Result<Option<String>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            let all = resources::all::<InterfaceRecord>(&tx, &place).await?;
            let has = |card: &&InterfaceRecord| card.vpc() == vpc && has_address(card, address);
            let Some(id) = all.iter().find(has).and_then(InterfaceRecord::instance) else { return Ok(None) };
            let record = InstanceRecord::TABLE.get(&tx, &place, id).await?;
            let by_id = record.is_some_and(|record| {
                let options = record.shown.private_dns_name_options.as_ref();
                options.is_some_and(|it| it.hostname_type == Some(HostnameType::ResourceName))
            });
            let zone = match place.1 == Region::US_EAST_1 {
                true => "ec2.internal".to_owned(),
                false => format!("{}.compute.internal", place.1),
            };
            Ok::<_, Error>(by_id.then(|| format!("{id}.{zone}")))
        });
        found.await.map_err(Fault::from)
    }
}

async fn addresses_by_id(tx: &Tx, place: &Place, vpc: &str, id: &str) -> Result<Vec<IpAddr>, Error> {
    let record = InstanceRecord::TABLE.get(tx, place, id).await?;
    let Some(record) = record.filter(|record| record.state != State::Terminated) else {
        return Ok(Vec::new());
    };
    let options = record.shown.private_dns_name_options.clone().unwrap_or_default();
    let by_id = options.hostname_type == Some(HostnameType::ResourceName);
    let mut found = Vec::new();
    for card in attachments::of_instance(tx, place, id).await?.iter().filter(|card| card.vpc() == vpc).take(1)
    {
        if by_id || options.enable_resource_name_dns_a_record == Some(true) {
            found.extend(card.addresses().into_iter().map(IpAddr::V4).take(1));
        }
        if by_id || options.enable_resource_name_dns_aaaa_record == Some(true) {
            found.extend(card.addresses6().into_iter().map(IpAddr::V6).take(1));
        }
    }
    Ok(found)
}
