//! What calls act on, for permissions ("Actions, resources, and condition keys for Amazon EC2").

use base::Arn;
use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::kind::{INSTANCE, VOLUME};
use crate::operations::snapshot_finding;

/// Inputs that name one volume.
pub trait ByVolume {
    fn volume_id(&self) -> &str;
}

macro_rules! by_volume {
    ($($input:ident)*) => {
        $(impl ByVolume for $input {
            fn volume_id(&self) -> &str {
                &self.volume_id
            }
        })*
    };
}

by_volume! { DeleteVolumeInput DescribeVolumeAttributeInput EnableVolumeIOInput ModifyVolumeAttributeInput ModifyVolumeInput }

pub fn by_id(_: &Ec2, call: &Call, input: &impl ByVolume) -> Result<Vec<Arn>, Error> {
    Ok(vec![VOLUME.arn(call, input.volume_id())])
}

pub fn to_create(_: &Ec2, call: &Call, input: &CreateVolumeInput) -> Result<Vec<Arn>, Error> {
    let snapshot = input.snapshot_id.as_deref().filter(|id| !id.is_empty());
    let mut arns = vec![VOLUME.any(call)];
    arns.extend(snapshot.map(|id| snapshot_finding::arn(call, id)));
    Ok(arns)
}

pub fn to_attach(_: &Ec2, call: &Call, input: &AttachVolumeInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![INSTANCE.arn(call, &input.instance_id), VOLUME.arn(call, &input.volume_id)])
}

pub fn to_detach(_: &Ec2, call: &Call, input: &DetachVolumeInput) -> Result<Vec<Arn>, Error> {
    let instance = input.instance_id.as_deref().map(|id| INSTANCE.arn(call, id));
    Ok(instance.into_iter().chain([VOLUME.arn(call, &input.volume_id)]).collect())
}
