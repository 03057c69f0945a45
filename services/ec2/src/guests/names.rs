//! What the resolver of a VPC goes by, as far as names do not follow from the addresses themselves.

use std::net::IpAddr;

use base::Region;
use ec2_api::HostnameType;
use ipnet::IpNet;
use schema::Fault;
use service::Through;
use store::Tx;

use super::place_of;
use crate::Ec2;
use crate::error::Error;
use crate::model::addresses::private_domain;
use crate::model::instances::State;
use crate::model::vpcs::endpoint_services::OPEN_POLICY;
use crate::operations::interfaces::attachments;
use crate::records::endpoints::EndpointRecord;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource, zones};
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

    /// The addresses of the interface endpoint that has this name in this VPC: one of its own names, or the service's where
    /// the endpoint has private DNS. Those in zones that are down are left out. Nothing if there is no such endpoint.
    pub async fn endpoint_addresses(&self, vpc: &str, name: &str) -> Result<Option<Vec<IpAddr>>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            let all = resources::all::<EndpointRecord>(&tx, &place).await?;
            let named = all.iter().find(|record| record.vpc() == vpc && record.has_name(name));
            let Some(record) = named else { return Ok(None) };
            let down = zones::down(&tx).await?;
            let mut addresses = Vec::new();
            for id in record.endpoint.network_interface_ids.iter().flatten() {
                let Some(card) = InterfaceRecord::TABLE.get(&tx, &place, id).await? else { continue };
                let zone = card.interface.availability_zone.as_deref().unwrap_or_default();
                let is_meant = record.zone_of_name(name).is_none_or(|wanted| wanted == zone);
                if is_meant && !down.contains_key(zone) {
                    addresses.extend(card.addresses().into_iter().map(IpAddr::V4));
                }
            }
            Ok::<_, Error>(Some(addresses))
        });
        found.await.map_err(Fault::from)
    }

    /// The endpoint to a service of this cloud that a request came through: the interface endpoint at this address of the
    /// VPC, or without one the gateway endpoint. Nothing if there is none, or none to this service.
    pub async fn through(
        &self,
        vpc: &str,
        address: Option<IpAddr>,
        service: &str,
    ) -> Result<Option<Through>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            for record in resources::all::<EndpointRecord>(&tx, &place).await? {
                let leads = record.vpc() == vpc
                    && record.is_gateway() == address.is_none()
                    && record.service().rsplit('.').next() == Some(service.trim_end_matches("control"));
                let is_it = match address {
                    Some(address) if leads => has_card(&tx, &place, &record, address).await?,
                    _ => leads,
                };
                if is_it {
                    let policy = record.endpoint.policy_document.clone().filter(|text| text != OPEN_POLICY);
                    let endpoint = record.id().to_owned();
                    return Ok(Some(Through { endpoint, vpc: vpc.to_owned(), policy }));
                }
            }
            Ok::<_, Error>(None)
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

    /// Whether names that have IPv4 addresses only get IPv6 ones for whoever asks from this address (DNS64).
    pub async fn dns64(&self, vpc: &str, address: IpAddr) -> Result<bool, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(false) };
            let Some(card) = attachments::at_address(&tx, &place, vpc, address).await? else {
                return Ok(false);
            };
            let subnet = SubnetRecord::TABLE.get(&tx, &place, card.subnet()).await?;
            Ok::<_, Error>(subnet.is_some_and(|subnet| subnet.subnet.enable_dns64 == Some(true)))
        });
        found.await.map_err(Fault::from)
    }

    /// The name of an address where it is not made from the address: of instances that are named by their ids.
    pub async fn name_of_address(&self, vpc: &str, address: IpAddr) -> Result<Option<String>, Fault> {
        let found = self.store.read(|tx| async move {
            let Some(place) = place_of(&tx, vpc).await? else { return Ok(None) };
            let card = attachments::at_address(&tx, &place, vpc, address).await?;
            let Some(id) = card.as_ref().and_then(InterfaceRecord::instance) else { return Ok(None) };
            let record = InstanceRecord::TABLE.get(&tx, &place, id).await?;
            let by_id = record.is_some_and(|record| {
                let options = record.shown.private_dns_name_options.as_ref();
                options.is_some_and(|it| it.hostname_type == Some(HostnameType::ResourceName))
            });
            Ok::<_, Error>(by_id.then(|| format!("{id}.{}", private_domain(place.1))))
        });
        found.await.map_err(Fault::from)
    }
}

async fn has_card(tx: &Tx, place: &Place, record: &EndpointRecord, address: IpAddr) -> Result<bool, Error> {
    for id in record.endpoint.network_interface_ids.iter().flatten() {
        let card = InterfaceRecord::TABLE.get(tx, place, id).await?;
        if card.is_some_and(|card| card.addresses().into_iter().any(|own| IpAddr::V4(own) == address)) {
            return Ok(true);
        }
    }
    Ok(false)
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
