//! What spot fleets have, and what happened to them.

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::operations::fleets::fulfil;
use crate::operations::lists::{self, Asked};
use crate::records::fleets::SpotFleetRecord;
use crate::resources;

async fn find(ec2: &Ec2, call: &Call, id: &str) -> Result<SpotFleetRecord, Error> {
    let place = call.scope();
    ec2.store.read(|tx| async move { resources::get(&tx, &place, id).await }).await
}

pub async fn describe_spot_fleet_instances(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSpotFleetInstancesInput,
) -> Result<DescribeSpotFleetInstancesOutput, Error> {
    let id = input.spot_fleet_request_id;
    find(ec2, call, &id).await?;
    let members = fulfil::members(ec2, call, &id).await?.into_iter().map(|record| ActiveInstance {
        instance_id: Some(record.id.clone()),
        instance_type: Some(record.instance_type().to_owned()),
        spot_instance_request_id: record.shown.spot_instance_request_id.clone(),
        instance_health: Some(InstanceHealthStatus::Healthy),
    });
    let asked = Asked {
        operation: "DescribeSpotFleetInstances",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |one: &ActiveInstance| one.instance_id.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, members.collect(), position)?;
    Ok(DescribeSpotFleetInstancesOutput {
        active_instances: Some(page),
        next_token,
        spot_fleet_request_id: Some(id),
    })
}

pub async fn describe_spot_fleet_request_history(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSpotFleetRequestHistoryInput,
) -> Result<DescribeSpotFleetRequestHistoryOutput, Error> {
    let id = input.spot_fleet_request_id;
    let record = find(ec2, call, &id).await?;
    let is_wanted = |entry: &HistoryRecord| {
        entry.timestamp.is_none_or(|at| at >= input.start_time)
            && (input.event_type.is_none() || input.event_type == entry.event_type)
    };
    // Several events may be of the same moment: they are told apart by their order.
    let entries = record.history.into_iter().map(|entry| entry.0).filter(is_wanted).enumerate();
    let asked = Asked {
        operation: "DescribeSpotFleetRequestHistory",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |(at, _): &(usize, HistoryRecord)| format!("{at:08}");
    let (page, next_token) = lists::page(ec2, call, asked, entries.collect(), position)?;
    Ok(DescribeSpotFleetRequestHistoryOutput {
        history_records: Some(page.into_iter().map(|(_, entry)| entry).collect()),
        last_evaluated_time: Some(call.now),
        next_token,
        spot_fleet_request_id: Some(id),
        start_time: Some(input.start_time),
    })
}
