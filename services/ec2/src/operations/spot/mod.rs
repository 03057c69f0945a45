//! Spot capacity: asked for, shown, called off; its prices; and what becomes of the instances that have it.

pub mod fleets;
pub mod market;
pub mod requests;
pub mod running;

use base::Arn;
use ec2_api::{CancelSpotInstanceRequestsInput, RequestSpotInstancesInput};
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::kind::{KEY_PAIR, NETWORK_INTERFACE, PLACEMENT_GROUP, SECURITY_GROUP, SPOT_REQUEST, SUBNET};
use crate::operations::images;

/// The request itself, and what the instances would be made of ("Actions, resources, and condition keys for Amazon EC2":
/// RequestSpotInstances).
pub fn to_request(_: &Ec2, call: &Call, input: &RequestSpotInstancesInput) -> Result<Vec<Arn>, Error> {
    let asked = input.launch_specification.clone().unwrap_or_default();
    let mut arns = vec![SPOT_REQUEST.any(call), NETWORK_INTERFACE.any(call)];
    arns.extend(asked.image_id.as_deref().map(|id| images::arn(call, id)));
    arns.extend(asked.key_name.as_deref().map(|name| KEY_PAIR.arn(call, name)));
    let group = asked.placement.as_ref().and_then(|placement| placement.group_name.as_deref());
    arns.extend(group.filter(|name| !name.is_empty()).map(|name| PLACEMENT_GROUP.arn(call, name)));
    let cards = asked.network_interfaces.as_deref().unwrap_or_default();
    let subnets = cards.iter().filter_map(|card| card.subnet_id.as_deref()).chain(asked.subnet_id.as_deref());
    let groups = cards.iter().flat_map(|card| card.groups.iter().flatten());
    let groups = groups.chain(asked.security_group_ids.iter().flatten()).map(String::as_str);
    for (kind, ids) in [(&SUBNET, subnets.collect::<Vec<_>>()), (&SECURITY_GROUP, groups.collect())] {
        if ids.is_empty() {
            arns.push(kind.any(call));
        }
        arns.extend(ids.into_iter().map(|id| kind.arn(call, id)));
    }
    Ok(arns)
}

pub fn to_cancel(_: &Ec2, call: &Call, input: &CancelSpotInstanceRequestsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.spot_instance_request_ids.iter().map(|id| SPOT_REQUEST.arn(call, id)).collect())
}
