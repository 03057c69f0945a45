//! Elastic IP addresses: allocated, associated, shown, released. They move at once, by one association.

use std::net::Ipv4Addr;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::interfaces::{attachments, public};
use super::{addresses, tags};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ADDRESS_LIMIT_EXCEEDED, INVALID_ADDRESS_NOT_FOUND, INVALID_INSTANCE_ID, INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE, MISSING_PARAMETER, RESOURCE_ALREADY_ASSOCIATED,
};
use crate::kind::{ELASTIC_IP, INSTANCE, NETWORK_INTERFACE};
use crate::limits::ELASTIC_IPS_MAX;
use crate::model::addresses::parse;
use crate::model::tags::shown;
use crate::records::addresses::ElasticIpRecord;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::{Place, Resource, usage};
use crate::resources::{self, Wanted};

pub fn by_allocate(_: &Ec2, call: &Call, _: &AllocateAddressInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ELASTIC_IP.any(call)])
}

pub fn by_release(_: &Ec2, call: &Call, input: &ReleaseAddressInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, input.allocation_id.as_deref())])
}

fn arn(call: &Call, id: Option<&str>) -> Arn {
    id.map_or_else(|| ELASTIC_IP.any(call), |id| ELASTIC_IP.arn(call, id))
}

pub async fn allocate_address(
    ec2: &Ec2,
    call: &Call,
    input: AllocateAddressInput,
) -> Result<AllocateAddressOutput, Error> {
    if input.domain.as_ref().is_some_and(|domain| *domain != DomainType::Vpc) {
        let domain = input.domain.map(|domain| domain.to_string()).unwrap_or_default();
        return Err(Error::invalid_value(domain, "domain", "EC2-Classic is retired."));
    }
    let border = input.network_border_group.as_deref().unwrap_or(call.region.as_str());
    if border != call.region.as_str() {
        return Err(Error::invalid_value(border, "networkBorderGroup", "No such network border group."));
    }
    if let Some(pool) = input.public_ipv4_pool.as_deref().filter(|pool| *pool != "amazon") {
        return Err(Error::invalid_value(pool, "publicIpv4Pool", "The pool does not exist."));
    }
    for (given, name) in
        [(&input.customer_owned_ipv4_pool, "customerOwnedIpv4Pool"), (&input.ipam_pool_id, "ipamPoolId")]
    {
        if let Some(pool) = given {
            return Err(Error::invalid_value(pool, name, "The pool does not exist."));
        }
    }
    let wanted = input.address.as_deref().map(parse).transpose()?;
    let specifications = input.tag_specifications.as_deref();
    let tags = &tags::of_new(ec2, call, "AllocateAddress", specifications, &ELASTIC_IP, &[]).await?;
    let place = call.scope();
    let made = ec2.store.transact(|tx| async move {
        let all: Vec<ElasticIpRecord> = resources::all(&tx, &place).await?;
        if all.len() >= ELASTIC_IPS_MAX {
            let message = "The maximum number of addresses has been reached.";
            return Err(Error::new(&ADDRESS_LIMIT_EXCEEDED, message));
        }
        let id = ELASTIC_IP.new_id(&ec2.ids);
        let public = addresses::take_public(ec2, &tx, &place, wanted, &id).await?;
        let address = Address {
            allocation_id: Some(id),
            domain: Some(DomainType::Vpc),
            public_ip: Some(public.to_string()),
            public_ipv4_pool: Some("amazon".to_owned()),
            network_border_group: Some(call.region.to_string()),
            ..Address::default()
        };
        let record = ElasticIpRecord { address: Kept(address), ptr_record: None };
        resources::create(&tx, &place, &record, tags).await?;
        usage::address(&tx, &place, record.id(), true, call.now).await?;
        Ok(record)
    });
    let address = made.await?.address.0;
    Ok(AllocateAddressOutput {
        allocation_id: address.allocation_id,
        domain: address.domain,
        public_ip: address.public_ip,
        public_ipv4_pool: address.public_ipv4_pool,
        network_border_group: address.network_border_group,
        ..AllocateAddressOutput::default()
    })
}

/// The address that a request means by its allocation or by itself.
async fn find(
    tx: &Tx,
    place: &Place,
    id: Option<&str>,
    public: Option<&str>,
) -> Result<ElasticIpRecord, Error> {
    match (id, public) {
        (Some(_), Some(_)) => {
            let message = "You may specify public IP or allocation id, but not both in the same call";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (Some(id), None) => resources::get(tx, place, id).await,
        (None, Some(text)) => {
            let public = parse(text)?;
            public::elastic(tx, place, public).await?.ok_or_else(|| unknown(text))
        }
        (None, None) => {
            let message = "Either public IP or allocation id must be specified";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
    }
}

fn unknown(public: &str) -> Error {
    Error::new(&INVALID_ADDRESS_NOT_FOUND, format!("Address '{public}' not found."))
}

pub async fn release_address(
    ec2: &Ec2,
    call: &Call,
    input: ReleaseAddressInput,
) -> Result<ReleaseAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let gone = ec2.store.transact(|tx| async move {
        let (id, public) = (input.allocation_id.as_deref(), input.public_ip.as_deref());
        let record = find(&tx, &place, id, public).await?;
        let address = &record.address;
        if address.association_id.is_some() {
            let message = format!("Address {} is in use.", address.public_ip.as_deref().unwrap_or_default());
            return Err(Error::new(&crate::error::codes::INVALID_IP_IN_USE, message));
        }
        addresses::release_public(&tx, &place, public_of(&record)).await?;
        usage::address(&tx, &place, record.id(), false, call.now).await?;
        resources::remove::<ElasticIpRecord>(&tx, &place, record.id()).await
    });
    gone.await?;
    Ok(ReleaseAddressOutput {})
}

fn public_of(record: &ElasticIpRecord) -> Ipv4Addr {
    let text = record.address.public_ip.as_deref().unwrap_or_default();
    text.parse().expect("an Elastic IP's record has the address that was taken")
}

pub async fn describe_addresses(
    ec2: &Ec2,
    call: &Call,
    input: DescribeAddressesInput,
) -> Result<DescribeAddressesOutput, Error> {
    let (place, publics) = (call.scope(), &input.public_ips.unwrap_or_default());
    let named = ec2.store.read(|tx| async move {
        let mut ids = Vec::new();
        for text in publics {
            let found = public::elastic(&tx, &place, parse(text)?).await?;
            ids.push(found.ok_or_else(|| unknown(text))?.id().to_owned());
        }
        Ok::<_, Error>(ids)
    });
    let ids = input.allocation_ids.unwrap_or_default().into_iter().chain(named.await?).collect();
    let wanted = Wanted {
        operation: "DescribeAddresses",
        ids: Some(ids),
        filters: input.filters,
        ..Wanted::default()
    };
    let page = resources::describe::<ElasticIpRecord>(ec2, call, wanted).await?;
    let shown = page.resources.into_iter().map(|(record, tags)| Address {
        tags: Some(shown(&tags)).filter(|tags| !tags.is_empty()),
        ..record.address.0
    });
    Ok(DescribeAddressesOutput { addresses: Some(shown.collect()) })
}

pub fn by_associate(_: &Ec2, call: &Call, input: &AssociateAddressInput) -> Result<Vec<Arn>, Error> {
    let instance = input.instance_id.as_deref().map(|id| INSTANCE.arn(call, id));
    let interface = input.network_interface_id.as_deref().map(|id| NETWORK_INTERFACE.arn(call, id));
    let address = arn(call, input.allocation_id.as_deref());
    Ok([address].into_iter().chain(instance).chain(interface).collect())
}

pub async fn associate_address(
    ec2: &Ec2,
    call: &Call,
    input: AssociateAddressInput,
) -> Result<AssociateAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let private = &input.private_ip_address.as_deref().map(parse).transpose()?;
    let done = ec2.store.transact(|tx| async move {
        let (id, public) = (input.allocation_id.as_deref(), input.public_ip.as_deref());
        let mut address = find(&tx, &place, id, public).await?;
        let mut interface = target(&tx, &place, input).await?;
        let private = match (*private, interface.addresses().first()) {
            (Some(private), _) if interface.addresses().contains(&private) => private,
            (None, Some(first)) => *first,
            (Some(private), _) => {
                let message = format!(
                    "The private IP address '{private}' is not assigned to interface '{}'.",
                    interface.id()
                );
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            (None, None) => {
                let message = format!("The interface '{}' has no private IPv4 address.", interface.id());
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
        };
        // An address of an instance may be moved unless the request forbids it.
        let may_move = input.allow_reassociation.unwrap_or(true);
        free(&tx, &place, &mut address, &interface, private, may_move).await?;
        let association = bind(ec2, &tx, &place, &mut address, &mut interface, private).await?;
        // An address that was lent is gone with this, and is not paid for any more.
        if let Some(id) = interface.instance()
            && let Some(instance) = InstanceRecord::TABLE.get(&tx, &place, id).await?
        {
            usage::instance(&tx, &place, &instance, call.now).await?;
        }
        Ok::<_, Error>(association)
    });
    let association_id = done.await?;
    ec2.networks.nudge();
    Ok(AssociateAddressOutput { association_id: Some(association_id) })
}

/// The interface that the request names, or the primary one of its instance.
async fn target(tx: &Tx, place: &Place, input: &AssociateAddressInput) -> Result<InterfaceRecord, Error> {
    match (&input.network_interface_id, &input.instance_id) {
        (Some(_), Some(_)) => {
            let message = "Only one of instanceId and networkInterfaceId can be specified";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (Some(id), None) => resources::get(tx, place, id).await,
        (None, Some(id)) => {
            resources::get::<InstanceRecord>(tx, place, id).await?;
            let mut interfaces = attachments::of_instance(tx, place, id).await?;
            if interfaces.len() > 1 {
                let message = format!(
                    "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
                );
                return Err(Error::new(&INVALID_INSTANCE_ID, message));
            }
            interfaces.pop().ok_or_else(|| {
                let message = format!("The instance '{id}' has no network interface.");
                Error::new(&INVALID_INSTANCE_ID, message)
            })
        }
        (None, None) => {
            let message = "Either instanceId or networkInterfaceId must be specified";
            Err(Error::new(&MISSING_PARAMETER, message))
        }
    }
}

/// Frees the public address from where it is, and the private one from what stands for it.
async fn free(
    tx: &Tx,
    place: &Place,
    address: &mut ElasticIpRecord,
    interface: &InterfaceRecord,
    private: Ipv4Addr,
    may_move: bool,
) -> Result<(), Error> {
    let in_place = address.address.network_interface_id.as_deref() == Some(interface.id())
        && address.address.private_ip_address.as_deref() == Some(&private.to_string());
    if in_place {
        return Ok(());
    }
    if let Some(association) = address.address.association_id.clone() {
        if !may_move {
            let message =
                format!("resource {} is already associated with associate-id {association}", address.id());
            return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
        }
        unbind(tx, place, address).await?;
    }
    if let Some((_, public)) = interface.public().iter().find(|(known, _)| *known == private) {
        if let Some(known) = public::elastic(tx, place, *public).await?
            && !may_move
        {
            let association = known.address.association_id.as_deref().unwrap_or_default();
            let message =
                format!("resource {} is already associated with associate-id {association}", interface.id());
            return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
        }
        public::let_go(tx, place, *public).await?;
    }
    Ok(())
}

pub async fn bind(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    record: &mut ElasticIpRecord,
    interface: &mut InterfaceRecord,
    private: Ipv4Addr,
) -> Result<String, Error> {
    // The interface may be the one that the address was just taken from.
    *interface = resources::get(tx, place, interface.id()).await?;
    let known = record.address.association_id.clone();
    let association = known.unwrap_or_else(|| format!("eipassoc-0{}", ec2.ids.hex(16)));
    let public = public_of(record);
    let shown = NetworkInterfaceAssociation {
        allocation_id: Some(record.id().to_owned()),
        association_id: Some(association.clone()),
        ip_owner_id: Some(place.0.to_string()),
        public_dns_name: Some(public::name(tx, place, interface, public).await?),
        public_ip: Some(public.to_string()),
        ..NetworkInterfaceAssociation::default()
    };
    public::set(interface, private, Some(shown));
    let address = &mut record.address.0;
    address.association_id = Some(association.clone());
    address.instance_id = interface.instance().map(str::to_owned);
    address.network_interface_id = Some(interface.id().to_owned());
    address.network_interface_owner_id = interface.interface.owner_id.clone();
    address.private_ip_address = Some(private.to_string());
    resources::put(tx, place, interface).await?;
    resources::put(tx, place, record).await?;
    Ok(association)
}

/// Frees an address from its interface, and keeps both.
pub async fn unbind(tx: &Tx, place: &Place, record: &mut ElasticIpRecord) -> Result<(), Error> {
    let interface = record.address.network_interface_id.clone().unwrap_or_default();
    let private = record.address.private_ip_address.as_deref().and_then(|text| text.parse().ok());
    if let (Some(mut interface), Some(private)) =
        (InterfaceRecord::TABLE.get(tx, place, &interface).await?, private)
    {
        public::set(&mut interface, private, None);
        resources::put(tx, place, &interface).await?;
    }
    public::clear(&mut record.address.0);
    resources::put(tx, place, record).await
}

pub fn by_disassociate(_: &Ec2, call: &Call, _: &DisassociateAddressInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ELASTIC_IP.any(call)])
}

pub async fn disassociate_address(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateAddressInput,
) -> Result<DisassociateAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let mut record = match (&input.association_id, &input.public_ip) {
            (Some(id), None) => {
                let all: Vec<ElasticIpRecord> = resources::all(&tx, &place).await?;
                let found = all.into_iter().find(|it| it.address.association_id.as_ref() == Some(id));
                found.ok_or_else(|| {
                    let message = format!("The association ID '{id}' does not exist");
                    Error::new(&crate::error::codes::INVALID_ASSOCIATION_ID_NOT_FOUND, message)
                })?
            }
            (None, Some(text)) => {
                let found = public::elastic(&tx, &place, parse(text)?).await?;
                found.ok_or_else(|| unknown(text))?
            }
            (Some(_), Some(_)) => {
                let message = "You may specify public IP or association id, but not both in the same call";
                return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
            }
            (None, None) => {
                let message = "Either public IP or association id must be specified";
                return Err(Error::new(&MISSING_PARAMETER, message));
            }
        };
        unbind(&tx, &place, &mut record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(DisassociateAddressOutput {})
}
