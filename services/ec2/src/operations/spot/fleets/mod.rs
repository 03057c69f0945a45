//! Spot fleets: a request is written down; the task of fleets fulfils it and keeps it fulfilled.

mod checks;
mod role;
pub mod telling;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::FLEET_NOT_IN_MODIFIABLE_STATE;
use crate::kind::{KEY_PAIR, LAUNCH_TEMPLATE, SECURITY_GROUP, SPOT_FLEET, SUBNET};
use crate::model::tags::shown as shown_tags;
use crate::operations::fleets::{self, fulfil};
use crate::operations::instances::profiles;
use crate::operations::vpcs::tokens::Token;
use crate::operations::{images, tags};
use crate::records::fleets::{FLEET_PLACES, SpotFleetRecord};
use crate::records::instances::PlaceRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub use checks::wanted;

/// The request itself, and what its instances would be made of ("Actions, resources, and condition keys for Amazon
/// EC2": RequestSpotFleet).
pub fn to_request(_: &Ec2, call: &Call, input: &RequestSpotFleetInput) -> Result<Vec<Arn>, Error> {
    let config = &input.spot_fleet_request_config;
    let mut arns = vec![SPOT_FLEET.any(call)];
    for asked in config.launch_specifications.iter().flatten() {
        arns.extend(asked.image_id.as_deref().map(|id| images::arn(call, id)));
        arns.extend(asked.key_name.as_deref().map(|name| KEY_PAIR.arn(call, name)));
        let subnets = asked.subnet_id.iter().flat_map(|list| list.split(','));
        arns.extend(subnets.map(|id| SUBNET.arn(call, id.trim())));
        let groups = asked.security_groups.iter().flatten().filter_map(|group| group.group_id.as_deref());
        arns.extend(groups.map(|id| SECURITY_GROUP.arn(call, id)));
    }
    for config in config.launch_template_configs.iter().flatten() {
        let template = config.launch_template_specification.as_ref();
        let id = template.and_then(|template| template.launch_template_id.as_deref());
        arns.push(id.map_or_else(|| LAUNCH_TEMPLATE.any(call), |id| LAUNCH_TEMPLATE.arn(call, id)));
    }
    let mut seen = Vec::with_capacity(arns.len());
    for arn in arns {
        if !seen.contains(&arn) {
            seen.push(arn);
        }
    }
    Ok(seen)
}

pub fn to_modify(_: &Ec2, call: &Call, input: &ModifySpotFleetRequestInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![SPOT_FLEET.arn(call, &input.spot_fleet_request_id)])
}

pub fn to_cancel(_: &Ec2, call: &Call, input: &CancelSpotFleetRequestsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.spot_fleet_request_ids.iter().map(|id| SPOT_FLEET.arn(call, id)).collect())
}

pub async fn request_spot_fleet(
    ec2: &Ec2,
    call: &Call,
    input: RequestSpotFleetInput,
) -> Result<RequestSpotFleetOutput, Error> {
    let config = &input.spot_fleet_request_config;
    checks::check(ec2, config, call.now)?;
    let specifications = config.tag_specifications.as_deref();
    let given = &tags::of_new(ec2, call, "RequestSpotFleet", specifications, &SPOT_FLEET, &[]).await?;
    role::check(ec2, call, &config.iam_fleet_role).await?;
    // The task launches in the service's own name: whether the caller may pass the roles on is asked now.
    for asked in config.launch_specifications.iter().flatten() {
        profiles::resolve(ec2, call, asked.iam_instance_profile.as_ref()).await?;
    }
    let made = &record(call, SPOT_FLEET.new_id(&ec2.ids), config);
    let token = &Token::new("ec2.RequestSpotFleet", config.client_token.as_deref(), &input);
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return Ok(earlier);
        }
        resources::create(&tx, place, made, given).await?;
        FLEET_PLACES.put(&tx, &(), made.id(), &PlaceRecord::of(place)).await?;
        token.remember(&tx, call, made.id()).await?;
        Ok::<_, Error>(made.id().to_owned())
    });
    let id = done.await?;
    ec2.fleets.nudge();
    Ok(RequestSpotFleetOutput { spot_fleet_request_id: Some(id) })
}

fn record(call: &Call, id: String, config: &SpotFleetRequestConfigData) -> SpotFleetRecord {
    let on_demand = config.on_demand_allocation_strategy.clone();
    let shown = SpotFleetRequestConfigData {
        allocation_strategy: config.allocation_strategy.clone().or(Some(AllocationStrategy::LowestPrice)),
        on_demand_allocation_strategy: on_demand.or(Some(OnDemandAllocationStrategy::LowestPrice)),
        excess_capacity_termination_policy: config
            .excess_capacity_termination_policy
            .clone()
            .or(Some(ExcessCapacityTerminationPolicy::Default)),
        fulfilled_capacity: Some(0.0),
        on_demand_fulfilled_capacity: Some(0.0),
        on_demand_target_capacity: config.on_demand_target_capacity.or(Some(0)),
        r#type: config.r#type.clone().or(Some(FleetType::Maintain)),
        valid_from: config.valid_from.or(Some(call.now)),
        replace_unhealthy_instances: config.replace_unhealthy_instances.or(Some(false)),
        terminate_instances_with_expiration: config.terminate_instances_with_expiration.or(Some(false)),
        instance_interruption_behavior: config
            .instance_interruption_behavior
            .clone()
            .or(Some(InstanceInterruptionBehavior::Terminate)),
        tag_specifications: None,
        ..config.clone()
    };
    let mut record = SpotFleetRecord {
        shown: Kept(SpotFleetRequestConfig {
            activity_status: Some(ActivityStatus::PendingFulfillment),
            create_time: Some(call.now),
            spot_fleet_request_config: Some(shown),
            spot_fleet_request_id: Some(id),
            ..SpotFleetRequestConfig::default()
        }),
        is_done: false,
        over: None,
        members: Vec::new(),
        history: Vec::new(),
    };
    record.enter(BatchState::Submitted, "submitted", call.now);
    record
}

pub async fn describe_spot_fleet_requests(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSpotFleetRequestsInput,
) -> Result<DescribeSpotFleetRequestsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeSpotFleetRequests",
        ids: input.spot_fleet_request_ids,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<SpotFleetRecord>(ec2, call, wanted).await?;
    let shown = page.resources.into_iter().map(|(record, tags)| SpotFleetRequestConfig {
        tags: Some(shown_tags(&tags)).filter(|tags| !tags.is_empty()),
        ..record.shown.0
    });
    Ok(DescribeSpotFleetRequestsOutput {
        spot_fleet_request_configs: Some(shown.collect()),
        next_token: page.next_token,
    })
}

pub async fn modify_spot_fleet_request(
    ec2: &Ec2,
    call: &Call,
    input: ModifySpotFleetRequestInput,
) -> Result<ModifySpotFleetRequestOutput, Error> {
    let (place, input) = (&call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let id = input.spot_fleet_request_id.as_str();
        let mut record: SpotFleetRecord = resources::get(&tx, place, id).await?;
        let mut config = record.config();
        if record.state() != BatchState::Active || config.r#type != Some(FleetType::Maintain) {
            let message = format!("Fleet Request: {id} is not in a modifiable state.");
            return Err(Error::new(&FLEET_NOT_IN_MODIFIABLE_STATE, message));
        }
        if let Some(target) = input.target_capacity {
            config.target_capacity = target;
        }
        if input.on_demand_target_capacity.is_some() {
            config.on_demand_target_capacity = input.on_demand_target_capacity;
        }
        if let Some(policy) = &input.excess_capacity_termination_policy {
            config.excess_capacity_termination_policy = Some(policy.clone());
        }
        if let Some(configs) = &input.launch_template_configs {
            config.launch_template_configs = Some(configs.clone());
            config.launch_specifications = None;
        }
        config.context = input.context.clone().or(config.context.take());
        checks::check_target(&config)?;
        checks::check_pools(ec2, &config)?;
        record.shown.0.spot_fleet_request_config = Some(config);
        record.shown.0.activity_status = Some(ActivityStatus::PendingFulfillment);
        record.enter(BatchState::Modifying, "modify_in_progress", call.now);
        resources::put(&tx, place, &record).await
    });
    done.await?;
    ec2.fleets.nudge();
    Ok(ModifySpotFleetRequestOutput { r#return: Some(true) })
}

pub async fn cancel_spot_fleet_requests(
    ec2: &Ec2,
    call: &Call,
    input: CancelSpotFleetRequestsInput,
) -> Result<CancelSpotFleetRequestsOutput, Error> {
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for id in &input.spot_fleet_request_ids {
        match give_up(ec2, call, id, input.terminate_instances).await {
            Ok(Some(item)) => done.push(item),
            Ok(None) => refused.push(refusal(
                id,
                CancelBatchErrorCode::FleetRequestNotInCancellableState,
                format!("The fleet request '{id}' is not in a cancellable state"),
            )),
            Err(Error::Refused { message, .. }) => {
                let code = match SPOT_FLEET.is_id(id) {
                    true => CancelBatchErrorCode::FleetRequestIdDoesNotExist,
                    false => CancelBatchErrorCode::FleetRequestIdMalformed,
                };
                refused.push(refusal(id, code, message));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(CancelSpotFleetRequestsOutput {
        successful_fleet_requests: Some(done),
        unsuccessful_fleet_requests: Some(refused),
    })
}

fn refusal(id: &str, code: CancelBatchErrorCode, message: String) -> CancelSpotFleetRequestsErrorItem {
    CancelSpotFleetRequestsErrorItem {
        error: Some(CancelSpotFleetRequestsError { code: Some(code), message: Some(message) }),
        spot_fleet_request_id: Some(id.to_owned()),
    }
}

/// The fleet launches nothing more. Nothing where it cannot be cancelled any more.
pub async fn give_up(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    terminate: bool,
) -> Result<Option<CancelSpotFleetRequestsSuccessItem>, Error> {
    let place: &Place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let mut record: SpotFleetRecord = resources::get(&tx, place, id).await?;
        let before = record.state();
        let can_be = match before {
            BatchState::Submitted | BatchState::Active | BatchState::Modifying => true,
            BatchState::CancelledRunning => terminate,
            _ => false,
        };
        if !can_be {
            return Ok(None);
        }
        let (state, what) = match terminate {
            true => (BatchState::CancelledTerminating, "cancelled_terminating"),
            false => (BatchState::CancelledRunning, "cancelled_running"),
        };
        record.shown.0.activity_status = terminate.then_some(ActivityStatus::PendingTermination);
        record.enter(state.clone(), what, call.now);
        resources::put(&tx, place, &record).await?;
        Ok::<_, Error>(Some(CancelSpotFleetRequestsSuccessItem {
            current_spot_fleet_request_state: Some(state),
            previous_spot_fleet_request_state: Some(before),
            spot_fleet_request_id: Some(id.to_owned()),
        }))
    });
    let item = done.await?;
    if terminate && item.is_some() {
        let members = fulfil::members(ec2, call, id).await?;
        fleets::end(ec2, call, members.into_iter().map(|record| record.id).collect()).await?;
    }
    ec2.fleets.nudge();
    Ok(item)
}
