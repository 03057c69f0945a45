//! Instances: launched, shown, started, stopped, changed. Operations write what is wanted; the task of machines makes
//! it so.

pub mod attributes;
pub mod capacity;
pub mod describe;
pub mod launch;
pub mod network;
pub mod options;
pub mod permissions;
pub mod profiles;
pub mod resolve;
pub mod roots;
pub mod states;
pub mod status;

use base::Arn;
use ec2_api::{
    RebootInstancesInput, StartInstancesInput, StateReason, StopInstancesInput, TerminateInstancesInput,
};
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::kind::INSTANCE;
use crate::model::instances::State;
use crate::records::Place;
use crate::records::instances::{BUSY_INSTANCES, InstanceRecord, PlaceRecord};
use crate::records::usage;
use crate::resources;

pub use crate::operations::interfaces::attachments::of_instance as interfaces_of;

/// Inputs that name instances.
pub trait ByInstances {
    fn instance_ids(&self) -> &[String];
}

/// Inputs that name one instance.
pub trait ByInstance {
    fn instance_id(&self) -> &str;
}

macro_rules! by_instances {
    ($($input:ident)*) => {
        $(impl ByInstances for $input {
            fn instance_ids(&self) -> &[String] {
                &self.instance_ids
            }
        })*
    };
}

by_instances! { StartInstancesInput StopInstancesInput RebootInstancesInput TerminateInstancesInput }

pub fn by_ids(_: &Ec2, call: &Call, input: &impl ByInstances) -> Result<Vec<Arn>, Error> {
    Ok(input.instance_ids().iter().map(|id| INSTANCE.arn(call, id)).collect())
}

pub fn by_id(_: &Ec2, call: &Call, input: &impl ByInstance) -> Result<Vec<Arn>, Error> {
    Ok(vec![INSTANCE.arn(call, input.instance_id())])
}

/// All of these instances, each once, in the order in which they were named.
///
/// # Errors
/// `InvalidInstanceID.Malformed`, `InvalidInstanceID.NotFound` with all that are missing.
pub async fn all_of(tx: &Tx, place: &Place, ids: &[String]) -> Result<Vec<InstanceRecord>, Error> {
    ids.iter().try_for_each(|id| INSTANCE.check(id))?;
    let (mut found, mut missing): (Vec<InstanceRecord>, Vec<String>) = (Vec::new(), Vec::new());
    for id in ids {
        if found.iter().any(|known| known.id == *id) || missing.contains(id) {
            continue;
        }
        match resources::get::<InstanceRecord>(tx, place, id).await {
            Ok(record) => found.push(record),
            Err(Error::Refused { .. }) => missing.push(id.clone()),
            Err(error) => return Err(error),
        }
    }
    if missing.is_empty() { Ok(found) } else { Err(INSTANCE.missing_all(&missing)) }
}

/// Moves an instance into a state that the task of machines acts on.
pub async fn enter(
    tx: &Tx,
    call: &Call,
    record: &mut InstanceRecord,
    state: State,
    reason: Option<(&str, &str)>,
) -> Result<(), Error> {
    record.state = state;
    record.since = call.now;
    record.reason = reason.map(|(code, message)| {
        Kept(StateReason { code: Some(code.to_owned()), message: Some(message.to_owned()) })
    });
    resources::put(tx, &call.scope(), record).await?;
    usage::instance(tx, &call.scope(), record, call.now).await?;
    Ok(BUSY_INSTANCES.put(tx, &(), &record.id, &PlaceRecord::of(&call.scope())).await?)
}

/// Gives the task of machines something to do for an instance whose state stays what it is.
pub async fn mark_busy(tx: &Tx, place: &Place, record: &InstanceRecord) -> Result<(), Error> {
    resources::put(tx, place, record).await?;
    Ok(BUSY_INSTANCES.put(tx, &(), &record.id, &PlaceRecord::of(place)).await?)
}
