//! Starting, stopping, rebooting, terminating: what is wanted is written down, and the task of machines does it.
//!
//! Surprising: a stop or a termination of what is stopped or terminated already succeeds; of several instances, none is
//! changed if one cannot be, but terminations are decided zone by zone.

use std::collections::BTreeSet;

use ec2_api::*;
use service::Call;

use super::{all_of, capacity, enter};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, OPERATION_NOT_PERMITTED, UNSUPPORTED_HIBERNATION_CONFIGURATION,
};
use crate::model::images::Root;
use crate::model::instances::{State, change};
use crate::operations::capacity::using;
use crate::operations::hosts::placing;
use crate::operations::spot::running;
use crate::records::instances::InstanceRecord;
use crate::records::zones::down;

/// Why a person's wish changed a state, as `StateReason` says it.
const BY_USER_STOP: (&str, &str) =
    ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");

pub async fn start_instances(
    ec2: &Ec2,
    call: &Call,
    input: StartInstancesInput,
) -> Result<StartInstancesOutput, Error> {
    let ids = &input.instance_ids;
    let started = ec2.store.transact(|tx| async move {
        let mut changes = Vec::new();
        let down = down(&tx).await?;
        for mut record in all_of(&tx, &call.scope(), ids).await? {
            let before = record.state;
            match before {
                State::Pending | State::Running => {}
                State::Stopped => {
                    capacity::for_start(&down, record.zone())?;
                    check_root(&record)?;
                    running::may_start(&tx, &call.scope(), &record).await?;
                    record.shown.0.launch_time = Some(call.now);
                    record.forced = false;
                    placing::started(ec2, &tx, &call.scope(), &mut record.shown.0).await?;
                    using::enter(&tx, &call.scope(), &mut record.shown.0, call.now).await?;
                    super::network::lend_again(ec2, &tx, call, &record).await?;
                    enter(&tx, call, &mut record, State::Pending, None).await?;
                }
                State::Stopping | State::ShuttingDown | State::Terminated => {
                    let message = format!(
                        "The instance '{}' is not in a state from which it can be started.",
                        record.id
                    );
                    return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
                }
            }
            changes.push(change(&record.id, before, record.state));
        }
        Ok(changes)
    });
    let changes = started.await?;
    ec2.networks.nudge();
    ec2.machines.nudge();
    Ok(StartInstancesOutput { starting_instances: Some(changes) })
}

pub async fn stop_instances(
    ec2: &Ec2,
    call: &Call,
    input: StopInstancesInput,
) -> Result<StopInstancesOutput, Error> {
    let (ids, forced) = (&input.instance_ids, input.skip_os_shutdown == Some(true));
    let hibernate = input.hibernate == Some(true);
    let stopped = ec2.store.transact(|tx| async move {
        let mut changes = Vec::new();
        for mut record in all_of(&tx, &call.scope(), ids).await? {
            let before = record.state;
            if hibernate {
                let message = format!(
                    "The instance '{}' was not configured for hibernation when it was launched.",
                    record.id
                );
                return Err(Error::new(&UNSUPPORTED_HIBERNATION_CONFIGURATION, message));
            }
            check_may_stop(&record)?;
            if matches!(before, State::Pending | State::Running) {
                record.forced = forced;
                record.rebooting = false;
                enter(&tx, call, &mut record, State::Stopping, Some(BY_USER_STOP)).await?;
            }
            changes.push(change(&record.id, before, record.state));
        }
        Ok(changes)
    });
    let changes = stopped.await?;
    ec2.machines.nudge();
    Ok(StopInstancesOutput { stopping_instances: Some(changes) })
}

/// An instance whose root is a volume needs one there.
fn check_root(record: &InstanceRecord) -> Result<(), Error> {
    if record.root != Root::Volume || record.root_volume().is_some() {
        return Ok(());
    }
    let device = record.shown.root_device_name.as_deref().unwrap_or_default();
    let message = format!(
        "Invalid value '{}' for instanceId. Instance does not have a volume attached at root ({device})",
        record.id
    );
    Err(Error::new(&INCORRECT_INSTANCE_STATE, message))
}

fn check_may_stop(record: &InstanceRecord) -> Result<(), Error> {
    let id = &record.id;
    if record.stop_protected {
        let message = format!(
            "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."
        );
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    if record.state.is_over() {
        let message = format!("This instance '{id}' is not in a state from which it can be stopped.");
        return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
    }
    Ok(())
}

pub async fn reboot_instances(
    ec2: &Ec2,
    call: &Call,
    input: RebootInstancesInput,
) -> Result<RebootInstancesOutput, Error> {
    let ids = &input.instance_ids;
    let done = ec2.store.transact(|tx| async move {
        for mut record in all_of(&tx, &call.scope(), ids).await? {
            match record.state {
                State::Running => {
                    record.rebooting = true;
                    super::mark_busy(&tx, &call.scope(), &record).await?;
                }
                // "Requests to reboot terminated instances are ignored."
                State::Terminated | State::ShuttingDown | State::Pending => {}
                State::Stopping | State::Stopped => {
                    let message = format!(
                        "This instance '{}' is not in a state from which it can be rebooted.",
                        record.id
                    );
                    return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
                }
            }
        }
        Ok(())
    });
    done.await?;
    ec2.machines.nudge();
    Ok(RebootInstancesOutput::default())
}

pub async fn terminate_instances(
    ec2: &Ec2,
    call: &Call,
    input: TerminateInstancesInput,
) -> Result<TerminateInstancesOutput, Error> {
    let (ids, forced) = (&input.instance_ids, input.skip_os_shutdown == Some(true));
    let ended = ec2.store.transact(|tx| async move {
        let records = all_of(&tx, &call.scope(), ids).await?;
        let is_protected = |record: &&InstanceRecord| record.termination_protected && !record.state.is_over();
        let protected = records.iter().find(is_protected).map(|record| record.id.clone());
        let zones: BTreeSet<String> =
            records.iter().filter(is_protected).map(|record| record.zone().to_owned()).collect();
        let mut changes = Vec::new();
        for mut record in records.into_iter().filter(|record| !zones.contains(record.zone())) {
            let before = record.state;
            if !before.is_over() {
                record.forced = forced;
                enter(&tx, call, &mut record, State::ShuttingDown, Some(BY_USER_STOP)).await?;
            }
            changes.push(change(&record.id, before, record.state));
        }
        Ok::<_, Error>((changes, protected))
    });
    let (changes, protected) = ended.await?;
    ec2.machines.nudge();
    match protected {
        Some(id) => {
            let message = format!(
                "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
            );
            Err(Error::new(&OPERATION_NOT_PERMITTED, message))
        }
        None => Ok(TerminateInstancesOutput { terminating_instances: Some(changes) }),
    }
}
