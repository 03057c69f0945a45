//! What a machine is to be, from the records of its instance.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2_api::HostnameType;
use store::Tx;

use super::machines::{Card, MachineSpec};
use crate::error::Error;
use crate::model::addresses::private_domain;
use crate::model::types::InstanceTypes;
use crate::operations::interfaces::attachments;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::SubnetRecord;
use crate::records::{Place, Resource};

const PREFIX_OF_A_SUBNET: u8 = 24;
const PREFIX6_OF_A_SUBNET: u8 = 64;
const MEMORY_WITHOUT_A_TYPE_BYTES: u64 = 1 << 30;

pub async fn of(
    types: &InstanceTypes,
    tx: &Tx,
    place: &Place,
    record: &InstanceRecord,
) -> Result<MachineSpec, Error> {
    let mut cards = Vec::new();
    let attached = attachments::of_instance(tx, place, &record.id).await?;
    for interface in &attached {
        let subnet = SubnetRecord::TABLE.get(tx, place, interface.subnet()).await?;
        cards.push(card(interface, subnet.as_ref()));
    }
    let size = types.size(record.instance_type());
    let cpu = record.shown.cpu_options.clone().unwrap_or_default();
    let vcpus = cpu.core_count.unwrap_or(1) * cpu.threads_per_core.unwrap_or(1);
    let (hostname, domain) = names(place, record, attached.first());
    Ok(MachineSpec {
        id: record.id.clone(),
        root: record.root.clone(),
        root_device: record.shown.root_device_name.clone().unwrap_or_default(),
        vcpus: u32::try_from(vcpus).unwrap_or(1).max(1),
        memory_bytes: size.map_or(MEMORY_WITHOUT_A_TYPE_BYTES, |size| size.memory_bytes),
        hostname,
        domain,
        cards,
        user_data: record.user_data.as_deref().and_then(|text| {
            let compact: String = text.split_whitespace().collect();
            STANDARD.decode(compact).ok()
        }),
        public_key: record.public_key.clone(),
        zone: record.zone().to_owned(),
    })
}

fn card(interface: &InterfaceRecord, subnet: Option<&SubnetRecord>) -> Card {
    let bits = subnet.and_then(SubnetRecord::block).map_or(PREFIX_OF_A_SUBNET, |block| block.prefix_len());
    let bits6 = subnet.and_then(SubnetRecord::block6).map_or(PREFIX6_OF_A_SUBNET, |block| block.prefix_len());
    let index = interface.interface.attachment.as_ref().and_then(|attachment| attachment.device_index);
    Card {
        interface: interface.id().to_owned(),
        index: index.and_then(|index| u8::try_from(index).ok()).unwrap_or(0),
        mac: interface.mac(),
        addresses: interface.addresses().into_iter().map(|address| (address, bits)).collect(),
        addresses6: interface.addresses6().into_iter().map(|address| (address, bits6)).collect(),
    }
}

/// `ip-10-0-0-5` and `ec2.internal`; with names by resource, `i-0123456789abcdef0` and the same domain.
fn names(place: &Place, record: &InstanceRecord, primary: Option<&InterfaceRecord>) -> (String, String) {
    let domain = private_domain(place.1);
    let options = record.shown.private_dns_name_options.as_ref();
    let by_resource = options.is_some_and(|it| it.hostname_type == Some(HostnameType::ResourceName));
    let address = primary.and_then(|card| card.addresses().first().copied());
    match address.filter(|_| !by_resource) {
        Some(address) => (format!("ip-{}", address.to_string().replace('.', "-")), domain),
        None => (record.id.clone(), domain),
    }
}
