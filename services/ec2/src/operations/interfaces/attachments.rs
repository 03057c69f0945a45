//! Interfaces of instances: attached and detached.

use std::net::IpAddr;

use base::{Arn, Ids, Timestamp};
use ec2_api::*;
use ipnet::Ipv6Net;
use service::Call;
use store::{Select, Tx};

use super::attributes::srd_kept;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ATTACHMENT_LIMIT_EXCEEDED, INCORRECT_INSTANCE_STATE, INVALID_ATTACHMENT_NOT_FOUND,
    INVALID_NETWORK_INTERFACE_IN_USE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    OPERATION_NOT_PERMITTED, PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
};
use crate::kind::{INSTANCE, NETWORK_INTERFACE};
use crate::limits::{PAGE_MAX, PREFIX6_BITS};
use crate::model::addresses::{key, key6};
use crate::model::instances::State;
use crate::model::types::InstanceTypes;
use crate::operations::vpcs::lookups;
use crate::records::addresses::TAKEN;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::{CARDS, CardRecord, InterfaceRecord, card_key};
use crate::records::vpcs::SubnetRecord;
use crate::records::{Place, Resource};
use crate::resources;

pub fn by_attach(_: &Ec2, call: &Call, input: &AttachNetworkInterfaceInput) -> Result<Vec<Arn>, Error> {
    let interface = NETWORK_INTERFACE.arn(call, &input.network_interface_id);
    Ok(vec![INSTANCE.arn(call, &input.instance_id), interface])
}

/// The attachment's id tells neither the instance nor the interface.
pub fn by_detach(_: &Ec2, call: &Call, _: &DetachNetworkInterfaceInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![INSTANCE.any(call), NETWORK_INTERFACE.any(call)])
}

/// How an interface is to be attached.
#[derive(Clone, Debug)]
pub struct Attaching {
    pub instance: String,
    pub device: i32,
    pub card: i32,
    pub delete_on_termination: bool,
    pub now: Timestamp,
}

/// Shows an interface as attached. The caller keeps the record.
pub async fn attach(
    ids: &Ids,
    tx: &Tx,
    place: &Place,
    record: &mut InterfaceRecord,
    how: &Attaching,
) -> Result<String, Error> {
    CARDS.put(tx, place, &card_key(&how.instance, record.id()), &CardRecord::default()).await?;
    let id = format!("eni-attach-0{}", ids.hex(16));
    let interface = &mut record.interface.0;
    interface.status = Some(NetworkInterfaceStatus::InUse);
    interface.attachment = Some(NetworkInterfaceAttachment {
        attach_time: Some(how.now),
        attachment_id: Some(id.clone()),
        delete_on_termination: Some(how.delete_on_termination),
        device_index: Some(how.device),
        network_card_index: Some(how.card),
        instance_id: Some(how.instance.clone()),
        instance_owner_id: interface.owner_id.clone(),
        status: Some(AttachmentStatus::Attached),
        ..NetworkInterfaceAttachment::default()
    });
    Ok(id)
}

/// Shows an interface as free. The caller keeps the record.
pub async fn detach(tx: &Tx, place: &Place, record: &mut InterfaceRecord) -> Result<(), Error> {
    forget(tx, place, record).await?;
    record.interface.0.status = Some(NetworkInterfaceStatus::Available);
    record.interface.0.attachment = None;
    Ok(())
}

/// An interface that goes away belongs to no instance any more.
pub async fn forget(tx: &Tx, place: &Place, record: &InterfaceRecord) -> Result<(), Error> {
    match record.instance() {
        Some(instance) => Ok(CARDS.delete(tx, place, &card_key(instance, record.id())).await?),
        None => Ok(()),
    }
}

/// The interfaces of an instance, in the order of their devices.
pub async fn of_instance(tx: &Tx, place: &Place, instance: &str) -> Result<Vec<InterfaceRecord>, Error> {
    let prefix = card_key(instance, "");
    let cards = CARDS.scan(tx, place, Select::prefix(&prefix), PAGE_MAX).await?;
    let mut found = Vec::with_capacity(cards.records.len());
    for (key, _) in &cards.records {
        let id = key.strip_prefix(&prefix).unwrap_or_default();
        found.extend(InterfaceRecord::TABLE.get(tx, place, id).await?);
    }
    found.sort_by_key(device);
    Ok(found)
}

/// The interface of a VPC that has this private address.
pub async fn at_address(
    tx: &Tx,
    place: &Place,
    vpc: &str,
    address: IpAddr,
) -> Result<Option<InterfaceRecord>, Error> {
    for subnet in lookups::in_vpc::<SubnetRecord>(tx, place, vpc).await? {
        let keys = match address {
            IpAddr::V4(wanted) if subnet.block().is_some_and(|block| block.contains(&wanted)) => {
                vec![key(subnet.id(), wanted)]
            }
            // A delegated prefix is kept as a whole, by its first address.
            IpAddr::V6(wanted) if subnet.block6().is_some_and(|block| block.contains(&wanted)) => {
                let prefix = Ipv6Net::new(wanted, PREFIX6_BITS).expect("an address has more bits").trunc();
                vec![key6(subnet.id(), wanted), key6(subnet.id(), prefix.network())]
            }
            _ => continue,
        };
        for key in keys {
            let Some(taken) = TAKEN.get(tx, place, &key).await? else { continue };
            let card = InterfaceRecord::TABLE.get(tx, place, &taken.by).await?;
            if let Some(card) = card.filter(|card| card.has(address)) {
                return Ok(Some(card));
            }
        }
    }
    Ok(None)
}

fn device(record: &InterfaceRecord) -> i32 {
    record.interface.attachment.as_ref().and_then(|it| it.device_index).unwrap_or_default()
}

/// An interface has as many addresses and prefixes as the type of its instance allows.
///
/// # Errors
/// `PrivateIpAddressLimitExceeded`
pub fn check_addresses(
    types: &InstanceTypes,
    record: &InterfaceRecord,
    of: &InstanceRecord,
) -> Result<(), Error> {
    let count = record.addresses().len() + record.prefixes().len();
    match count > types.addresses_max(of.instance_type()) {
        true => Err(too_many_addresses()),
        false => Ok(()),
    }
}

pub fn too_many_addresses() -> Error {
    Error::new(&PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED, "Number of private addresses will exceed limit.")
}

pub async fn attach_network_interface(
    ec2: &Ec2,
    call: &Call,
    input: AttachNetworkInterfaceInput,
) -> Result<AttachNetworkInterfaceOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let card = input.network_card_index.unwrap_or_default();
    let done = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, &input.network_interface_id).await?;
        let instance: InstanceRecord = resources::get(&tx, &place, &input.instance_id).await?;
        check(&ec2.types, &tx, &place, &record, &instance, input.device_index).await?;
        let how = Attaching {
            instance: instance.id.clone(),
            device: input.device_index,
            card,
            delete_on_termination: false,
            now: call.now,
        };
        let id = attach(&ec2.ids, &tx, &place, &mut record, &how).await?;
        if let Some(attached) = &mut record.interface.0.attachment {
            attached.ena_srd_specification = input.ena_srd_specification.as_ref().map(srd_kept);
            attached.ena_queue_count = input.ena_queue_count;
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(id)
    });
    let id = done.await?;
    ec2.networks.nudge();
    ec2.machines.nudge();
    Ok(AttachNetworkInterfaceOutput { attachment_id: Some(id), network_card_index: Some(card) })
}

/// Whether an interface may be attached to an instance as this device.
async fn check(
    types: &InstanceTypes,
    tx: &Tx,
    place: &Place,
    record: &InterfaceRecord,
    instance: &InstanceRecord,
    wanted: i32,
) -> Result<(), Error> {
    if !matches!(instance.state, State::Running | State::Stopped) {
        let message =
            format!("The instance '{}' is not in a state from which it can be changed.", instance.id);
        return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
    }
    if record.interface.attachment.is_some() {
        let message = format!("Interface: [{}] in use.", record.id());
        return Err(Error::new(&INVALID_NETWORK_INTERFACE_IN_USE, message));
    }
    if record.interface.availability_zone.as_deref() != Some(instance.zone()) {
        let message = "You may not attach a network interface to an instance if they are not in the same availability zone";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if wanted < 0 {
        return Err(Error::invalid_value(wanted, "deviceIndex", "Device indexes are not negative."));
    }
    let there = of_instance(tx, place, &instance.id).await?;
    if there.iter().any(|known| device(known) == wanted) {
        let message = format!(
            "Instance '{}' already has an interface attached at device index '{wanted}'.",
            instance.id
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    check_addresses(types, record, instance)?;
    let most = types.interfaces_max(instance.instance_type());
    if there.len() >= most || wanted >= i32::try_from(most).unwrap_or(i32::MAX) {
        let message =
            format!("Interface count {} exceeds the limit for {}", there.len() + 1, instance.instance_type());
        return Err(Error::new(&ATTACHMENT_LIMIT_EXCEEDED, message));
    }
    Ok(())
}

pub async fn detach_network_interface(
    ec2: &Ec2,
    call: &Call,
    input: DetachNetworkInterfaceInput,
) -> Result<DetachNetworkInterfaceOutput, Error> {
    let (place, id) = (call.scope(), &input.attachment_id);
    let done = ec2.store.transact(|tx| async move {
        let all: Vec<InterfaceRecord> = resources::all(&tx, &place).await?;
        let is_it = |record: &InterfaceRecord| {
            record.interface.attachment.as_ref().and_then(|it| it.attachment_id.as_deref()) == Some(id)
        };
        let mut record = all.into_iter().find(is_it).ok_or_else(|| {
            let message = format!("The attachment ID '{id}' does not exist");
            Error::new(&INVALID_ATTACHMENT_NOT_FOUND, message)
        })?;
        if device(&record) == 0 && record.instance().is_some() {
            let message = "The network interface at device index 0 cannot be detached.";
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        if record.interface.requester_managed == Some(true) {
            let message = "You are not allowed to manage 'ela-attach' attachments.";
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        detach(&tx, &place, &mut record).await?;
        resources::put(&tx, &place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    ec2.machines.nudge();
    Ok(DetachNetworkInterfaceOutput {})
}
