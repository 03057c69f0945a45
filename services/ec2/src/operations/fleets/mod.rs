//! Fleets: capacity that is launched at once, or kept by a task.

pub mod fulfil;
pub mod offers;
pub mod pools;
pub mod wishes;

use base::{Arn, Timestamp};
use ec2_api::*;
use schema::Structure;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::kind::{FLEET, INSTANCE};
use crate::limits::{
    FLEET_EVENTS_MAX, FLEET_SHOWN_TIME, INSTANT_FLEETS_AT_ONCE_MAX, KEPT_FLEETS_AT_ONCE_MAX,
};
use crate::model::tags::shown as shown_tags;
use crate::operations::instances::states;
use crate::operations::lists::{self, Asked};
use crate::operations::tags;
use crate::operations::vpcs::tokens::Token;
use crate::records::Resource;
use crate::records::fleets::{FLEET_PLACES, FleetRecord};
use crate::records::instances::PlaceRecord;
use crate::resources::{self, Wanted};

pub fn to_create(_: &Ec2, call: &Call, _: &CreateFleetInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![FLEET.any(call)])
}

pub fn by_ids(_: &Ec2, call: &Call, input: &DeleteFleetsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.fleet_ids.iter().map(|id| FLEET.arn(call, id)).collect())
}

pub fn to_modify(_: &Ec2, call: &Call, input: &ModifyFleetInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![FLEET.arn(call, &input.fleet_id)])
}

/// The same members under another type's name.
pub fn renamed<A: Structure, B: Structure + Default>(from: A) -> B {
    let value = serde_json::to_value(Kept(from)).unwrap_or_default();
    serde_json::from_value::<Kept<B>>(value).map(|kept| kept.0).unwrap_or_default()
}

pub async fn create_fleet(
    ec2: &Ec2,
    call: &Call,
    input: CreateFleetInput,
) -> Result<CreateFleetOutput, Error> {
    check_target(&input.target_capacity_specification)?;
    wishes::check(&input, call.now)?;
    let specifications = input.tag_specifications.clone().unwrap_or_default();
    let given = &tags::of_new(ec2, call, "CreateFleet", Some(&specifications), &FLEET, &[&INSTANCE]).await?;
    let of_instances =
        specifications.into_iter().filter(|one| one.resource_type.as_deref() == Some(INSTANCE.name));
    let record = FleetRecord {
        shown: Kept(data(call, &FLEET.new_id(&ec2.ids), &input)),
        tag_specifications: of_instances.map(Kept).collect(),
        is_done: false,
        deleted: None,
        history: vec![event(call.now, FleetEventType::FleetChange, "submitted", None)],
    };
    let token = &Token::new("ec2.CreateFleet", input.client_token.as_deref(), &input);
    let (place, made) = (&call.scope(), &record);
    let earlier = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return Ok(Some(earlier));
        }
        resources::create(&tx, place, made, given).await?;
        if made.shown.r#type != Some(FleetType::Instant) {
            FLEET_PLACES.put(&tx, &(), made.id(), &PlaceRecord::of(place)).await?;
        }
        token.remember(&tx, call, made.id()).await?;
        Ok::<_, Error>(None)
    });
    if let Some(earlier) = earlier.await? {
        return Ok(CreateFleetOutput { fleet_id: Some(earlier), ..CreateFleetOutput::default() });
    }
    let fleet_id = Some(record.id().to_owned());
    if record.shown.r#type != Some(FleetType::Instant) {
        ec2.fleets.nudge();
        return Ok(CreateFleetOutput { fleet_id, ..CreateFleetOutput::default() });
    }
    let wanted = wishes::wanted(&record.shown, &record.tag_specifications)?;
    let mut outcome = fulfil::fulfil(ec2, call, &wanted).await?;
    if wishes::is_too_little(&record.shown, &outcome) {
        let made = std::mem::take(&mut outcome.instances);
        let ids = made.into_iter().flat_map(|one| one.instance_ids.unwrap_or_default()).collect();
        end(ec2, call, ids).await?;
        (outcome.capacity, outcome.on_demand) = (0.0, 0.0);
    }
    note(ec2, call, record.id(), &outcome).await?;
    Ok(CreateFleetOutput { fleet_id, errors: Some(outcome.errors), instances: Some(outcome.instances) })
}

fn check_target(wanted: &TargetCapacitySpecificationRequest) -> Result<(), Error> {
    let parts = wanted.on_demand_target_capacity.unwrap_or(0) + wanted.spot_target_capacity.unwrap_or(0);
    if wanted.total_target_capacity < 0 || parts > wanted.total_target_capacity {
        let message =
            "The total target capacity must be at least the sum of the on-demand and spot target capacities.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(())
}

fn data(call: &Call, id: &str, input: &CreateFleetInput) -> FleetData {
    let configs = input.launch_template_configs.iter().cloned().map(renamed).collect();
    let is_instant = input.r#type == Some(FleetType::Instant);
    FleetData {
        activity_status: (!is_instant).then_some(FleetActivityStatus::PendingFulfillment),
        create_time: Some(call.now),
        fleet_id: Some(id.to_owned()),
        fleet_state: Some(FleetStateCode::Active),
        client_token: input.client_token.clone(),
        excess_capacity_termination_policy: input
            .excess_capacity_termination_policy
            .clone()
            .or(Some(FleetExcessCapacityTerminationPolicy::Termination)),
        fulfilled_capacity: Some(0.0),
        fulfilled_on_demand_capacity: Some(0.0),
        launch_template_configs: Some(configs),
        target_capacity_specification: Some(renamed(input.target_capacity_specification.clone())),
        terminate_instances_with_expiration: input.terminate_instances_with_expiration.or(Some(false)),
        r#type: input.r#type.clone().or(Some(FleetType::Maintain)),
        valid_from: input.valid_from,
        valid_until: input.valid_until,
        replace_unhealthy_instances: input.replace_unhealthy_instances.or(Some(false)),
        spot_options: input.spot_options.clone().map(renamed),
        on_demand_options: input.on_demand_options.clone().map(renamed),
        reserved_capacity_options: input.reserved_capacity_options.clone().map(renamed),
        context: input.context.clone(),
        ..FleetData::default()
    }
}

fn event(
    at: Timestamp,
    kind: FleetEventType,
    what: &str,
    instance: Option<String>,
) -> Kept<HistoryRecordEntry> {
    Kept(HistoryRecordEntry {
        event_information: Some(EventInformation {
            event_sub_type: Some(what.to_owned()),
            instance_id: instance,
            ..EventInformation::default()
        }),
        event_type: Some(kind),
        timestamp: Some(at),
    })
}

/// Writes down what a try came to.
pub async fn note(ec2: &Ec2, call: &Call, id: &str, outcome: &fulfil::Fulfilled) -> Result<(), Error> {
    let place = &call.scope();
    let noted = ec2.store.transact(|tx| async move {
        let Some(mut record) = FleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let is_kept = record.shown.r#type == Some(FleetType::Maintain);
        let is_full = outcome.is_full();
        let data = &mut record.shown.0;
        data.fulfilled_capacity = Some(outcome.capacity);
        data.fulfilled_on_demand_capacity = Some(outcome.on_demand);
        if data.r#type != Some(FleetType::Instant) {
            data.activity_status = Some(match (is_full, outcome.errors.is_empty()) {
                (true, _) => FleetActivityStatus::Fulfilled,
                (false, true) => FleetActivityStatus::PendingFulfillment,
                (false, false) => FleetActivityStatus::Error,
            });
        } else {
            data.errors = Some(outcome.errors.iter().cloned().map(renamed).collect());
            data.instances = Some(outcome.instances.iter().cloned().map(renamed).collect());
        }
        record.is_done = record.is_done || (is_full && !is_kept);
        let ids = outcome.instances.iter().flat_map(|one| one.instance_ids.iter().flatten());
        let launched =
            ids.map(|id| event(call.now, FleetEventType::InstanceChange, "launched", Some(id.clone())));
        record.history.extend(launched);
        let excess = record.history.len().saturating_sub(FLEET_EVENTS_MAX);
        record.history.drain(..excess);
        resources::put(&tx, place, &record).await
    });
    noted.await
}

pub async fn describe_fleets(
    ec2: &Ec2,
    call: &Call,
    input: DescribeFleetsInput,
) -> Result<DescribeFleetsOutput, Error> {
    // Instant fleets are shown to those who name them.
    let named = input.fleet_ids.as_ref().is_some_and(|ids| !ids.is_empty());
    let wanted = Wanted {
        operation: "DescribeFleets",
        ids: input.fleet_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<FleetRecord>(ec2, call, wanted).await?;
    let listed = page
        .resources
        .into_iter()
        .filter(|(record, _)| named || record.shown.r#type != Some(FleetType::Instant));
    let fleets = listed.map(|(record, tags)| FleetData { tags: Some(shown_tags(&tags)), ..record.shown.0 });
    Ok(DescribeFleetsOutput { fleets: Some(fleets.collect()), next_token: page.next_token })
}

pub async fn describe_fleet_instances(
    ec2: &Ec2,
    call: &Call,
    input: DescribeFleetInstancesInput,
) -> Result<DescribeFleetInstancesOutput, Error> {
    let (place, id) = (call.scope(), input.fleet_id.as_str());
    ec2.store
        .read(|tx| async move { resources::get::<FleetRecord>(&tx, &place, id).await.map(drop) })
        .await?;
    let members = fulfil::members(ec2, call, id).await?.into_iter().map(|record| ActiveInstance {
        instance_id: Some(record.id.clone()),
        instance_type: Some(record.instance_type().to_owned()),
        spot_instance_request_id: record.shown.0.spot_instance_request_id.clone(),
        instance_health: Some(InstanceHealthStatus::Healthy),
    });
    let asked = Asked {
        operation: "DescribeFleetInstances",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |one: &ActiveInstance| one.instance_id.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, members.collect(), position)?;
    Ok(DescribeFleetInstancesOutput {
        active_instances: Some(page),
        next_token,
        fleet_id: Some(input.fleet_id),
    })
}

pub async fn describe_fleet_history(
    ec2: &Ec2,
    call: &Call,
    input: DescribeFleetHistoryInput,
) -> Result<DescribeFleetHistoryOutput, Error> {
    let (place, id) = (call.scope(), input.fleet_id.as_str());
    let record =
        ec2.store.read(|tx| async move { resources::get::<FleetRecord>(&tx, &place, id).await }).await?;
    let wanted = |entry: &HistoryRecordEntry| {
        entry.timestamp.is_none_or(|at| at >= input.start_time)
            && (input.event_type.is_none() || input.event_type == entry.event_type)
    };
    let listed = record.history.into_iter().map(|entry| entry.0).filter(wanted).collect();
    Ok(DescribeFleetHistoryOutput {
        history_records: Some(listed),
        last_evaluated_time: Some(call.now),
        next_token: None,
        fleet_id: Some(input.fleet_id.clone()),
        start_time: Some(input.start_time),
    })
}

pub async fn modify_fleet(
    ec2: &Ec2,
    call: &Call,
    input: ModifyFleetInput,
) -> Result<ModifyFleetOutput, Error> {
    if let Some(wanted) = &input.target_capacity_specification {
        check_target(wanted)?;
    }
    let (place, input) = (&call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: FleetRecord = resources::get(&tx, place, &input.fleet_id).await?;
        if record.shown.r#type != Some(FleetType::Maintain) || record.deleted.is_some() {
            let message = format!(
                "The fleet '{}' cannot be modified: only active fleets of type maintain can.",
                record.id()
            );
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let data = &mut record.shown.0;
        if let Some(wanted) = &input.target_capacity_specification {
            data.target_capacity_specification = Some(renamed(wanted.clone()));
        }
        if let Some(configs) = &input.launch_template_configs {
            let configs: Vec<FleetLaunchTemplateConfig> = configs.iter().cloned().map(renamed).collect();
            pools::of_fleet(&configs)?;
            data.launch_template_configs = Some(configs);
        }
        if let Some(policy) = &input.excess_capacity_termination_policy {
            data.excess_capacity_termination_policy = Some(policy.clone());
        }
        data.context = input.context.clone().or(data.context.take());
        data.activity_status = Some(FleetActivityStatus::PendingFulfillment);
        record.history.push(event(call.now, FleetEventType::FleetChange, "modify_succeeded", None));
        resources::put(&tx, place, &record).await
    });
    changed.await?;
    ec2.fleets.nudge();
    Ok(ModifyFleetOutput { r#return: Some(true) })
}

pub async fn delete_fleets(
    ec2: &Ec2,
    call: &Call,
    input: DeleteFleetsInput,
) -> Result<DeleteFleetsOutput, Error> {
    let instant = instant_ones(ec2, call, &input.fleet_ids).await?;
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for id in &input.fleet_ids {
        // No instance outlives its instant fleet, whatever was asked.
        match delete(ec2, call, id, input.terminate_instances || instant.contains(id)).await {
            Ok(item) => done.push(item),
            Err(Error::Refused { message, .. }) => {
                let code = match FLEET.is_id(id) {
                    true => DeleteFleetErrorCode::FleetIdDoesNotExist,
                    false => DeleteFleetErrorCode::FleetIdMalformed,
                };
                let error = DeleteFleetError { code: Some(code), message: Some(message) };
                refused.push(DeleteFleetErrorItem { error: Some(error), fleet_id: Some(id.clone()) });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(DeleteFleetsOutput {
        successful_fleet_deletions: Some(done),
        unsuccessful_fleet_deletions: Some(refused),
    })
}

/// Which of these fleets are instant.
///
/// # Errors
/// `InvalidParameterValue` for more than are deleted at once; then none is.
async fn instant_ones(ec2: &Ec2, call: &Call, ids: &[String]) -> Result<Vec<String>, Error> {
    let too_many = |most: usize, kind: &str| {
        let why = format!("At most {most} {kind}fleets are deleted in a request.");
        Error::invalid_value(ids.len(), "FleetIds", &why)
    };
    let most = INSTANT_FLEETS_AT_ONCE_MAX + KEPT_FLEETS_AT_ONCE_MAX;
    if ids.len() > most {
        return Err(too_many(most, ""));
    }
    let place = &call.scope();
    let found = ec2.store.read(|tx| async move {
        let (mut instant, mut kept) = (Vec::new(), 0);
        for id in ids {
            match FleetRecord::TABLE.get(&tx, place, id).await? {
                Some(record) if record.shown.r#type == Some(FleetType::Instant) => instant.push(id.clone()),
                Some(_) => kept += 1,
                None => {}
            }
        }
        Ok::<_, Error>((instant, kept))
    });
    let (instant, kept) = found.await?;
    if instant.len() > INSTANT_FLEETS_AT_ONCE_MAX {
        return Err(too_many(INSTANT_FLEETS_AT_ONCE_MAX, "instant "));
    }
    if kept > KEPT_FLEETS_AT_ONCE_MAX {
        return Err(too_many(KEPT_FLEETS_AT_ONCE_MAX, "kept or requested "));
    }
    Ok(instant)
}

async fn delete(ec2: &Ec2, call: &Call, id: &str, terminate: bool) -> Result<DeleteFleetSuccessItem, Error> {
    let (previous_fleet_state, current_fleet_state) = give_up(ec2, call, id, terminate, "deleted").await?;
    Ok(DeleteFleetSuccessItem { current_fleet_state, previous_fleet_state, fleet_id: Some(id.to_owned()) })
}

type States = (Option<FleetStateCode>, Option<FleetStateCode>);

/// The fleet launches nothing more. Its state before, and now.
pub async fn give_up(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    terminate: bool,
    why: &'static str,
) -> Result<States, Error> {
    let place = &call.scope();
    let deleted = ec2.store.transact(|tx| async move {
        let mut record: FleetRecord = resources::get(&tx, place, id).await?;
        let before = record.shown.fleet_state.clone();
        record.deleted = Some(call.now);
        record.shown.0.fleet_state = Some(match terminate {
            true => FleetStateCode::DeletedTerminating,
            false => FleetStateCode::DeletedRunning,
        });
        record.history.push(event(call.now, FleetEventType::FleetChange, why, None));
        FLEET_PLACES.put(&tx, &(), id, &PlaceRecord::of(place)).await?;
        resources::put(&tx, place, &record).await?;
        Ok::<_, Error>((before, record.shown.fleet_state.clone()))
    });
    let states = deleted.await?;
    if terminate {
        let members = fulfil::members(ec2, call, id).await?;
        end(ec2, call, members.into_iter().map(|record| record.id).collect()).await?;
    }
    ec2.fleets.nudge();
    Ok(states)
}

/// Of a fleet that was given up: it is gone when its instances are, and forgotten two days later.
pub async fn fade(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let is_empty = fulfil::members(ec2, call, id).await?.is_empty();
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(mut record) = FleetRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if !is_empty {
            return Ok(());
        }
        if record.shown.fleet_state != Some(FleetStateCode::Deleted) {
            record.deleted = Some(call.now);
            record.shown.0.fleet_state = Some(FleetStateCode::Deleted);
            record.shown.0.fulfilled_capacity = Some(0.0);
            record.shown.0.fulfilled_on_demand_capacity = Some(0.0);
            return resources::put(&tx, place, &record).await;
        }
        if record.deleted.is_some_and(|at| call.now.since(at) >= FLEET_SHOWN_TIME) {
            FLEET_PLACES.delete(&tx, &(), id).await?;
            resources::remove::<FleetRecord>(&tx, place, id).await?;
        }
        Ok::<_, Error>(())
    });
    done.await
}

/// Terminates instances of a fleet.
pub async fn end(ec2: &Ec2, call: &Call, instance_ids: Vec<String>) -> Result<(), Error> {
    if instance_ids.is_empty() {
        return Ok(());
    }
    let input = TerminateInstancesInput { instance_ids, ..TerminateInstancesInput::default() };
    states::terminate_instances(ec2, call, input).await.map(drop)
}
