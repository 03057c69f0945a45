//! Network interfaces: made by themselves or with an instance, given addresses and groups, attached.

pub mod addresses;
pub mod addresses6;
pub mod attachments;
pub mod attributes;
pub mod create;
pub mod make;
pub mod permissions;
pub mod public;

use base::Arn;
use ec2_api::{
    DeleteNetworkInterfaceInput, DeleteNetworkInterfaceOutput, DescribeNetworkInterfacesInput,
    DescribeNetworkInterfacesOutput, NetworkInterface,
};
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, OPERATION_NOT_PERMITTED};
use crate::kind::NETWORK_INTERFACE;
use crate::model::tags::{Tags, shown};
use crate::records::Resource;
use crate::records::interfaces::InterfaceRecord;
use crate::resources::{self, Wanted};

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteNetworkInterfaceInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub async fn describe_network_interfaces(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkInterfacesInput,
) -> Result<DescribeNetworkInterfacesOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeNetworkInterfaces",
        ids: input.network_interface_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<InterfaceRecord>(ec2, call, wanted).await?;
    let interfaces = page.resources.iter().map(|(record, tags)| described(record, tags)).collect();
    Ok(DescribeNetworkInterfacesOutput { network_interfaces: Some(interfaces), next_token: page.next_token })
}

/// As the API shows an interface.
pub fn described(record: &InterfaceRecord, tags: &Tags) -> NetworkInterface {
    NetworkInterface { tag_set: Some(shown(tags)), ..record.interface.0.clone() }
}

pub async fn delete_network_interface(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkInterfaceInput,
) -> Result<DeleteNetworkInterfaceOutput, Error> {
    let (place, id) = (call.scope(), &input.network_interface_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        if record.interface.requester_managed == Some(true) {
            let message = "You do not have permission to access the specified resource.";
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        if record.interface.attachment.is_some() {
            let message = format!("Network interface '{}' is currently in use.", record.id());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        make::discard(&tx, &place, &record).await
    });
    gone.await?;
    ec2.networks.nudge();
    Ok(DeleteNetworkInterfaceOutput {})
}
