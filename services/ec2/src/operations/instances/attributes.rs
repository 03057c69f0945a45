//! Attributes of instances, one at a time.
//!
//! Surprising: most can be changed only while the instance is stopped, protections and groups at any time
//! (ModifyInstanceAttribute).

use ec2_api::*;
use service::Call;
use store::Tx;

use super::{ByInstance, interfaces_of};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, INVALID_ATTRIBUTE_VALUE, INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
};
use crate::model::instances::{self, State};
use crate::operations::interfaces::make;
use crate::records::Resource;
use crate::records::instances::InstanceRecord;
use crate::records::volumes::VolumeRecord;
use crate::records::vpcs::SubnetRecord;
use crate::resources;

macro_rules! by_instance {
    ($($input:ident)*) => {
        $(impl ByInstance for $input {
            fn instance_id(&self) -> &str {
                &self.instance_id
            }
        })*
    };
}

by_instance! {
    DescribeInstanceAttributeInput GetConsoleOutputInput GetConsoleScreenshotInput GetPasswordDataInput
    ModifyInstanceAttributeInput ModifyInstanceMaintenanceOptionsInput ModifyInstanceMetadataOptionsInput
    ModifyInstancePlacementInput ModifyPrivateDnsNameOptionsInput ResetInstanceAttributeInput
}

pub async fn describe_instance_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstanceAttributeInput,
) -> Result<DescribeInstanceAttributeOutput, Error> {
    let (place, id) = (&call.scope(), input.instance_id.as_str());
    let found = ec2.store.read(|tx| async move {
        let record: InstanceRecord = resources::get(&tx, place, id).await?;
        let cards = interfaces_of(&tx, place, id).await?;
        Ok::<_, Error>((record, cards))
    });
    let (record, cards) = found.await?;
    let primary = cards.first().map(|card| &card.interface.0);
    let text = |value: Option<String>| Some(AttributeValue { value });
    let flag = |value: bool| Some(AttributeBooleanValue { value: Some(value) });
    let shown = record.shown.0;
    let mut output = DescribeInstanceAttributeOutput { instance_id: Some(record.id), ..Default::default() };
    match input.attribute {
        InstanceAttributeName::InstanceType => output.instance_type = text(shown.instance_type),
        InstanceAttributeName::Kernel => output.kernel_id = text(shown.kernel_id),
        InstanceAttributeName::Ramdisk => output.ramdisk_id = text(shown.ramdisk_id),
        InstanceAttributeName::UserData => output.user_data = text(record.user_data),
        InstanceAttributeName::DisableApiTermination => {
            output.disable_api_termination = flag(record.termination_protected);
        }
        InstanceAttributeName::DisableApiStop => output.disable_api_stop = flag(record.stop_protected),
        InstanceAttributeName::InstanceInitiatedShutdownBehavior => {
            let behaviour = if record.ends_on_shutdown { "terminate" } else { "stop" };
            output.instance_initiated_shutdown_behavior = text(Some(behaviour.to_owned()));
        }
        InstanceAttributeName::RootDeviceName => output.root_device_name = text(shown.root_device_name),
        InstanceAttributeName::BlockDeviceMapping => {
            output.block_device_mappings = shown.block_device_mappings
        }
        InstanceAttributeName::ProductCodes => output.product_codes = Some(Vec::new()),
        InstanceAttributeName::SourceDestCheck => {
            output.source_dest_check = flag(primary.and_then(|card| card.source_dest_check).unwrap_or(true));
        }
        InstanceAttributeName::GroupSet => output.groups = primary.and_then(|card| card.groups.clone()),
        InstanceAttributeName::EbsOptimized => output.ebs_optimized = flag(shown.ebs_optimized == Some(true)),
        InstanceAttributeName::SriovNetSupport => output.sriov_net_support = text(shown.sriov_net_support),
        InstanceAttributeName::EnaSupport => output.ena_support = flag(shown.ena_support == Some(true)),
        InstanceAttributeName::EnclaveOptions => output.enclave_options = shown.enclave_options,
        InstanceAttributeName::Unknown(other) => return Err(Error::invalid_value(other, "attribute", "")),
    }
    Ok(output)
}

/// One change of one attribute.
#[derive(Debug)]
enum Change {
    Type(String),
    UserData(Option<String>),
    TerminationProtected(bool),
    StopProtected(bool),
    EndsOnShutdown(bool),
    SourceDestCheck(bool),
    Groups(Vec<String>),
    EbsOptimized(bool),
    EnaSupport(bool),
    SriovNetSupport(String),
    Devices(Vec<InstanceBlockDeviceMappingSpecification>),
}

impl Change {
    /// Whether it can be made while the machine runs.
    fn needs_stop(&self) -> bool {
        matches!(
            self,
            Change::Type(_)
                | Change::UserData(_)
                | Change::EbsOptimized(_)
                | Change::EnaSupport(_)
                | Change::SriovNetSupport(_)
        )
    }
}

pub async fn modify_instance_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstanceAttributeInput,
) -> Result<ModifyInstanceAttributeOutput, Error> {
    let id = input.instance_id.clone();
    let (id, change) = (id.as_str(), &change_of(input)?);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: InstanceRecord = resources::get(&tx, &call.scope(), id).await?;
        if record.state.is_over() || (change.needs_stop() && record.state != State::Stopped) {
            let message = format!("The instance '{id}' is not in the 'stopped' state.");
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        apply(ec2, &tx, call, &mut record, change).await?;
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await?;
    ec2.networks.nudge();
    Ok(ModifyInstanceAttributeOutput::default())
}

fn change_of(input: ModifyInstanceAttributeInput) -> Result<Change, Error> {
    let flag = |given: Option<AttributeBooleanValue>| given.and_then(|value| value.value);
    let text = |given: Option<AttributeValue>| given.and_then(|value| value.value);
    let behaviour = |text: &str| match text {
        "stop" => Ok(Change::EndsOnShutdown(false)),
        "terminate" => Ok(Change::EndsOnShutdown(true)),
        other => Err(Error::invalid_value(other, "instanceInitiatedShutdownBehavior", "")),
    };
    let user_data = input.user_data.and_then(|data| data.value);
    let user_data = user_data.map(|bytes| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    });
    let named = [
        text(input.instance_type).map(|value| Ok(Change::Type(value))),
        user_data.map(|data| Ok(Change::UserData(Some(data).filter(|data| !data.is_empty())))),
        flag(input.disable_api_termination).map(|on| Ok(Change::TerminationProtected(on))),
        flag(input.disable_api_stop).map(|on| Ok(Change::StopProtected(on))),
        text(input.instance_initiated_shutdown_behavior).map(|value| behaviour(&value)),
        flag(input.source_dest_check).map(|on| Ok(Change::SourceDestCheck(on))),
        input.groups.filter(|groups| !groups.is_empty()).map(|groups| Ok(Change::Groups(groups))),
        flag(input.ebs_optimized).map(|on| Ok(Change::EbsOptimized(on))),
        flag(input.ena_support).map(|on| Ok(Change::EnaSupport(on))),
        text(input.sriov_net_support).map(|value| Ok(Change::SriovNetSupport(value))),
    ];
    let mut named: Vec<_> = named.into_iter().flatten().collect();
    if text(input.kernel).is_some() || text(input.ramdisk).is_some() || input.enclave_options.is_some() {
        let message = "Kernels, RAM disks and enclaves are not supported by the machines of this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    if let Some(devices) = input.block_device_mappings.filter(|devices| !devices.is_empty()) {
        named.push(Ok(Change::Devices(devices)));
    }
    if let (Some(attribute), Some(value)) = (input.attribute, input.value) {
        named.push(by_name(&attribute, value));
    }
    match named.len() {
        0 => Err(Error::new(&INVALID_PARAMETER_COMBINATION, "No attributes specified.")),
        1 => named.remove(0),
        _ => {
            let message =
                "Fields for multiple attribute types specified: only one attribute can be changed at a time";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
    }
}

/// The older way: the attribute's name and a text.
fn by_name(attribute: &InstanceAttributeName, value: String) -> Result<Change, Error> {
    let flag = |text: &str| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Error::invalid_value(other, "value", "It has to be true or false.")),
    };
    Ok(match attribute {
        InstanceAttributeName::InstanceType => Change::Type(value),
        InstanceAttributeName::UserData => Change::UserData(Some(value)),
        InstanceAttributeName::DisableApiTermination => Change::TerminationProtected(flag(&value)?),
        InstanceAttributeName::DisableApiStop => Change::StopProtected(flag(&value)?),
        InstanceAttributeName::InstanceInitiatedShutdownBehavior => {
            Change::EndsOnShutdown(value == "terminate")
        }
        InstanceAttributeName::SourceDestCheck => Change::SourceDestCheck(flag(&value)?),
        InstanceAttributeName::EbsOptimized => Change::EbsOptimized(flag(&value)?),
        InstanceAttributeName::EnaSupport => Change::EnaSupport(flag(&value)?),
        InstanceAttributeName::SriovNetSupport => Change::SriovNetSupport(value),
        other => return Err(Error::invalid_value(other, "attribute", "It cannot be modified.")),
    })
}

async fn apply(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    record: &mut InstanceRecord,
    change: &Change,
) -> Result<(), Error> {
    match change {
        Change::Type(name) => retype(ec2, record, name)?,
        Change::UserData(data) => {
            data.as_deref().map(instances::user_data).transpose()?;
            record.user_data.clone_from(data);
        }
        Change::TerminationProtected(on) => record.termination_protected = *on,
        Change::StopProtected(on) => record.stop_protected = *on,
        Change::EndsOnShutdown(on) => record.ends_on_shutdown = *on,
        Change::EbsOptimized(on) => record.shown.0.ebs_optimized = Some(*on),
        Change::EnaSupport(on) => record.shown.0.ena_support = Some(*on),
        Change::SriovNetSupport(value) => record.shown.0.sriov_net_support = Some(value.clone()),
        Change::Devices(devices) => modify_devices(tx, call, record, devices).await?,
        Change::SourceDestCheck(_) | Change::Groups(_) => rewire(tx, call, record, change).await?,
    }
    Ok(())
}

fn retype(ec2: &Ec2, record: &mut InstanceRecord, name: &str) -> Result<(), Error> {
    let info = ec2.types.get(name).ok_or_else(|| {
        Error::new(&INVALID_ATTRIBUTE_VALUE, format!("Invalid value '{name}' for InstanceType."))
    })?;
    let architecture = record.shown.architecture.as_ref().map(ArchitectureValues::as_str).unwrap_or_default();
    let known = info.processor_info.as_ref().and_then(|processor| processor.supported_architectures.as_ref());
    if known.is_some_and(|known| !known.iter().any(|known| known.as_str() == architecture)) {
        let message = format!(
            "The instance type '{name}' does not support the architecture '{architecture}' of the instance."
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    record.shown.0.cpu_options = Some(instances::cpu_options(&info, None)?);
    record.shown.0.instance_type = Some(name.to_owned());
    let bursts = info.burstable_performance_supported == Some(true);
    record.cpu_credits = bursts.then(|| super::launch::default_credits(name));
    Ok(())
}

async fn modify_devices(
    tx: &Tx,
    call: &Call,
    record: &mut InstanceRecord,
    devices: &[InstanceBlockDeviceMappingSpecification],
) -> Result<(), Error> {
    for device in devices {
        let name = device.device_name.as_deref().unwrap_or_default();
        let mut mappings = record.shown.0.block_device_mappings.iter_mut().flatten();
        let Some(known) = mappings.find(|known| known.device_name.as_deref() == Some(name)) else {
            let message = format!("No device is currently mapped at {name}");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        };
        let wanted = device.ebs.as_ref().and_then(|ebs| ebs.delete_on_termination);
        if let (Some(ebs), Some(wanted)) = (known.ebs.as_mut(), wanted) {
            ebs.delete_on_termination = Some(wanted);
            let id = ebs.volume_id.clone().unwrap_or_default();
            let place = &call.scope();
            if let Some(mut volume) = VolumeRecord::TABLE.get(tx, place, &id).await? {
                if let Some(attachment) = volume.attachment.as_mut() {
                    attachment.delete_on_termination = wanted;
                }
                resources::put(tx, place, &volume).await?;
            }
        }
    }
    Ok(())
}

/// Changes the interface of an instance that has one; those that have several are changed interface by interface.
async fn rewire(tx: &Tx, call: &Call, record: &InstanceRecord, change: &Change) -> Result<(), Error> {
    let place = &call.scope();
    let mut cards = interfaces_of(tx, place, &record.id).await?;
    if cards.len() > 1 {
        let message = format!(
            "There are multiple interfaces attached to instance '{}'. Please specify an interface ID for the operation instead.",
            record.id
        );
        return Err(Error::new(&crate::error::codes::INVALID_INSTANCE_ID, message));
    }
    let Some(card) = cards.first_mut() else { return Ok(()) };
    match change {
        Change::SourceDestCheck(on) => card.interface.0.source_dest_check = Some(*on),
        Change::Groups(groups) => {
            let subnet: SubnetRecord = resources::get(tx, place, card.subnet()).await?;
            card.interface.0.groups = Some(make::groups(tx, place, &subnet, Some(groups)).await?);
        }
        _ => {}
    }
    resources::put(tx, place, card).await
}

pub async fn reset_instance_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ResetInstanceAttributeInput,
) -> Result<ResetInstanceAttributeOutput, Error> {
    match &input.attribute {
        InstanceAttributeName::SourceDestCheck => {
            let change = ModifyInstanceAttributeInput {
                instance_id: input.instance_id,
                source_dest_check: Some(AttributeBooleanValue { value: Some(true) }),
                ..ModifyInstanceAttributeInput::default()
            };
            modify_instance_attribute(ec2, call, change).await?;
            Ok(ResetInstanceAttributeOutput::default())
        }
        InstanceAttributeName::Kernel | InstanceAttributeName::Ramdisk => {
            let (place, id) = (&call.scope(), input.instance_id.as_str());
            let state = ec2.store.read(|tx| async move {
                Ok::<_, Error>(resources::get::<InstanceRecord>(&tx, place, id).await?.state)
            });
            match state.await? {
                State::Stopped => Ok(ResetInstanceAttributeOutput::default()),
                _ => {
                    let message = format!("The instance '{id}' is not in the 'stopped' state.");
                    Err(Error::new(&INCORRECT_INSTANCE_STATE, message))
                }
            }
        }
        other => Err(Error::invalid_value(other, "attribute", "It cannot be reset.")),
    }
}
