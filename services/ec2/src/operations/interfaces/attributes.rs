//! Attributes of interfaces, one at a time.

use base::Arn;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::create::tracking;
use super::make::{groups, set_primary6};
use super::public;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_ATTACHMENT_NOT_FOUND, INVALID_PARAMETER_COMBINATION};
use crate::kind::{NETWORK_INTERFACE, SECURITY_GROUP, SUBNET};
use crate::limits::DESCRIPTION_CHARS_MAX;
use crate::records::Place;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::SubnetRecord;
use crate::resources;

pub fn by_modify(
    _: &Ec2,
    call: &Call,
    input: &ModifyNetworkInterfaceAttributeInput,
) -> Result<Vec<Arn>, Error> {
    let groups = input.groups.iter().flatten().map(|id| SECURITY_GROUP.arn(call, id));
    let interface = NETWORK_INTERFACE.arn(call, &input.network_interface_id);
    Ok([interface].into_iter().chain(groups).collect())
}

pub fn by_reset(
    _: &Ec2,
    call: &Call,
    input: &ResetNetworkInterfaceAttributeInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub async fn describe_network_interface_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkInterfaceAttributeInput,
) -> Result<DescribeNetworkInterfaceAttributeOutput, Error> {
    let attribute = input.attribute.ok_or_else(|| Error::missing("attribute"))?;
    let (place, id) = (call.scope(), &input.network_interface_id);
    let found = ec2.store.read(|tx| async move { resources::get::<InterfaceRecord>(&tx, &place, id).await });
    let interface = found.await?.interface.0;
    let mut output = DescribeNetworkInterfaceAttributeOutput {
        network_interface_id: interface.network_interface_id,
        ..DescribeNetworkInterfaceAttributeOutput::default()
    };
    match attribute {
        NetworkInterfaceAttribute::Description => {
            output.description = Some(AttributeValue { value: interface.description });
        }
        NetworkInterfaceAttribute::GroupSet => output.groups = interface.groups,
        NetworkInterfaceAttribute::SourceDestCheck => {
            output.source_dest_check = Some(AttributeBooleanValue { value: interface.source_dest_check });
        }
        NetworkInterfaceAttribute::Attachment => output.attachment = interface.attachment,
        NetworkInterfaceAttribute::AssociatePublicIpAddress => {
            output.associate_public_ip_address = Some(interface.association.is_some());
        }
        NetworkInterfaceAttribute::Unknown(other) => {
            return Err(Error::invalid_value(other, "attribute", "Unknown attribute"));
        }
    }
    Ok(output)
}

pub async fn modify_network_interface_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyNetworkInterfaceAttributeInput,
) -> Result<ModifyNetworkInterfaceAttributeOutput, Error> {
    let named = [
        ("groupSet", input.groups.as_ref().is_some_and(|groups| !groups.is_empty())),
        ("description", input.description.is_some()),
        ("sourceDestCheck", input.source_dest_check.is_some()),
        ("attachment", input.attachment.is_some()),
        ("enaSrdSpecification", input.ena_srd_specification.is_some()),
        ("enablePrimaryIpv6", input.enable_primary_ipv6.is_some()),
        ("connectionTrackingSpecification", input.connection_tracking_specification.is_some()),
        ("associatePublicIpAddress", input.associate_public_ip_address.is_some()),
        ("associatedSubnetIds", input.associated_subnet_ids.is_some()),
    ];
    let named: Vec<&str> = named.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
    match named.len() {
        1 => {}
        0 => return Err(Error::new(&INVALID_PARAMETER_COMBINATION, "No attributes specified.")),
        _ => {
            let message = format!("Fields for multiple attribute types specified: {}", named.join(", "));
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
    }
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, &input.network_interface_id).await?;
        change(ec2, &tx, &place, &mut record, input).await?;
        resources::put(&tx, &place, &record).await
    });
    changed.await?;
    ec2.networks.nudge();
    Ok(ModifyNetworkInterfaceAttributeOutput {})
}

/// Sets the one attribute that the request names.
async fn change(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    record: &mut InterfaceRecord,
    input: &ModifyNetworkInterfaceAttributeInput,
) -> Result<(), Error> {
    if let Some(wanted) = input.groups.as_deref().filter(|wanted| !wanted.is_empty()) {
        let subnet: SubnetRecord = resources::get(tx, place, record.subnet()).await?;
        record.interface.0.groups = Some(groups(tx, place, &subnet, Some(wanted)).await?);
    }
    if let Some(AttributeValue { value }) = &input.description {
        let text = value.clone().unwrap_or_default();
        if text.chars().count() > DESCRIPTION_CHARS_MAX {
            let why = format!("Descriptions have at most {DESCRIPTION_CHARS_MAX} characters.");
            return Err(Error::invalid_value(text, "description", &why));
        }
        record.interface.0.description = Some(text);
    }
    if let Some(AttributeBooleanValue { value }) = &input.source_dest_check {
        record.interface.0.source_dest_check = Some(value.unwrap_or(true));
    }
    if let Some(changes) = &input.attachment {
        attachment(record, changes)?;
    }
    if let Some(srd) = &input.ena_srd_specification {
        let attached = record.interface.0.attachment.as_mut();
        let attached = attached.ok_or_else(|| {
            let message = format!("Interface {} is not attached.", input.network_interface_id);
            Error::new(&INVALID_PARAMETER_COMBINATION, message)
        })?;
        attached.ena_srd_specification = Some(srd_kept(srd));
    }
    if input.enable_primary_ipv6 == Some(true) {
        set_primary6(record);
    }
    if let Some(asked) = &input.connection_tracking_specification {
        record.interface.0.connection_tracking_configuration = Some(tracking(asked)?);
    }
    if let Some(subnets) = &input.associated_subnet_ids {
        for id in subnets {
            SUBNET.check(id)?;
        }
        record.interface.0.associated_subnets = Some(subnets.clone());
    }
    match input.associate_public_ip_address {
        Some(true) => public::lend(ec2, tx, place, record).await,
        Some(false) => public::take_back(tx, place, record).await,
        None => Ok(()),
    }
}

pub fn srd_kept(asked: &EnaSrdSpecification) -> AttachmentEnaSrdSpecification {
    AttachmentEnaSrdSpecification {
        ena_srd_enabled: asked.ena_srd_enabled,
        ena_srd_udp_specification: asked
            .ena_srd_udp_specification
            .as_ref()
            .map(|udp| AttachmentEnaSrdUdpSpecification { ena_srd_udp_enabled: udp.ena_srd_udp_enabled }),
    }
}

fn attachment(
    record: &mut InterfaceRecord,
    changes: &NetworkInterfaceAttachmentChanges,
) -> Result<(), Error> {
    let id = changes.attachment_id.as_deref().ok_or_else(|| Error::missing("attachmentId"))?;
    let attached = record.interface.0.attachment.as_mut();
    let attached = attached.filter(|known| known.attachment_id.as_deref() == Some(id));
    let attached = attached.ok_or_else(|| {
        let message = format!("The attachment ID '{id}' does not exist");
        Error::new(&INVALID_ATTACHMENT_NOT_FOUND, message)
    })?;
    if let Some(deletes) = changes.delete_on_termination {
        attached.delete_on_termination = Some(deletes);
    }
    if let Some(queues) = changes.ena_queue_count {
        attached.ena_queue_count = Some(queues);
    }
    if changes.default_ena_queue_count == Some(true) {
        attached.ena_queue_count = None;
    }
    Ok(())
}

/// Only the source/destination check can be put back, to being made.
pub async fn reset_network_interface_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ResetNetworkInterfaceAttributeInput,
) -> Result<ResetNetworkInterfaceAttributeOutput, Error> {
    if input.source_dest_check.is_none() {
        return Err(Error::missing("sourceDestCheck"));
    }
    let (place, id) = (call.scope(), &input.network_interface_id);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        record.interface.0.source_dest_check = Some(true);
        resources::put(&tx, &place, &record).await
    });
    changed.await?;
    ec2.networks.nudge();
    Ok(ResetNetworkInterfaceAttributeOutput {})
}
