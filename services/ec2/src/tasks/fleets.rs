//! Keeps the capacity of fleets: launches what is missing, and ends what is too much where the fleet says so.

use std::collections::BTreeSet;
use std::sync::Arc;

use ec2_api::{FleetExcessCapacityTerminationPolicy, FleetType, TerminateInstancesInput};
use service::{Call, Pass, Task};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::limits::{FLEETS_PERIOD, PAGE_MAX};
use crate::operations::fleets::{self, fulfil};
use crate::operations::instances::states;
use crate::records::fleets::{FLEET_PLACES, FleetRecord};
use crate::records::{Place, Resource};
use crate::resources;

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.fleets", FLEETS_PERIOD, ec2.fleets.clone(), |ec2| async move {
        pass(&ec2).await.map(|()| Pass::Done)
    })
}

async fn pass(ec2: &Ec2) -> Result<(), Error> {
    let places =
        ec2.store.read(|tx| async move { FLEET_PLACES.scan(&tx, &(), Select::ALL, PAGE_MAX).await }).await?;
    let places: BTreeSet<Place> = places.records.iter().map(|(_, at)| at.place()).collect();
    for (account, region) in places {
        let call = ec2.own_call(account, region);
        let place = call.scope();
        let all =
            ec2.store.read(|tx| async move { resources::all::<FleetRecord>(&tx, &place).await }).await?;
        for record in all.iter().filter(|record| is_to_be_kept(record, &call)) {
            keep(ec2, &call, record).await?;
        }
    }
    Ok(())
}

fn is_to_be_kept(record: &FleetRecord, call: &Call) -> bool {
    let has_begun = record.shown.valid_from.is_none_or(|from| from <= call.now);
    let is_over = record.shown.valid_until.is_some_and(|until| until <= call.now);
    let is_instant = record.shown.r#type == Some(FleetType::Instant);
    !is_instant && record.deleted.is_none() && !record.is_done && has_begun && !is_over
}

async fn keep(ec2: &Ec2, call: &Call, record: &FleetRecord) -> Result<(), Error> {
    let mut outcome = fulfil::fulfil(ec2, call, record).await?;
    let target = record.shown.target_capacity_specification.as_ref().and_then(|it| it.total_target_capacity);
    let excess = outcome.capacity - f64::from(target.unwrap_or(0));
    let ends = record.shown.excess_capacity_termination_policy
        != Some(FleetExcessCapacityTerminationPolicy::NoTermination);
    if excess >= 1.0 && ends {
        let members = fulfil::members(ec2, call, record.id()).await?;
        let gone: Vec<String> = members.into_iter().map(|member| member.id).take(excess as usize).collect();
        let input = TerminateInstancesInput { instance_ids: gone, ..TerminateInstancesInput::default() };
        states::terminate_instances(ec2, call, input).await?;
        outcome.capacity -= excess.floor();
    }
    fleets::note(ec2, call, record.id(), &outcome).await
}
