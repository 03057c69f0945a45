//! Keeps the capacity of fleets of both kinds: launches what is missing, and ends what is too much where the fleet says
//! so.

use std::sync::Arc;

use ec2_api::{FleetExcessCapacityTerminationPolicy, FleetType};
use service::{Call, Pass, Task};
use store::Select;

use super::spot_fleets;
use crate::Ec2;
use crate::error::Error;
use crate::kind::SPOT_FLEET;
use crate::limits::{FLEETS_PERIOD, PAGE_MAX};
use crate::model::fleets::targets;
use crate::operations::fleets::{self, fulfil, wishes};
use crate::records::fleets::{FLEET_PLACES, FleetRecord};
use crate::records::{Place, Resource};

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(ec2, "ec2.fleets", FLEETS_PERIOD, ec2.fleets.clone(), |ec2| async move {
        pass(&ec2).await.map(|()| Pass::Done)
    })
}

async fn pass(ec2: &Ec2) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = ec2
            .store
            .read(
                |tx| async move { FLEET_PLACES.scan(&tx, &(), Select::ALL.after(position), PAGE_MAX).await },
            )
            .await?;
        for (id, at) in page.records {
            let call = ec2.own_call(at.account, at.region);
            let done = match SPOT_FLEET.is_id(&id) {
                true => spot_fleets::look(ec2, &call, &id).await,
                false => look(ec2, &call, &id).await,
            };
            if let Err(error) = done {
                tracing::warn!(fleet = id, %error, "a fleet was not looked after");
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn look(ec2: &Ec2, call: &Call, id: &str) -> Result<(), Error> {
    let place: &Place = &call.scope();
    let read = ec2.store.read(|tx| async move { FleetRecord::TABLE.get(&tx, place, id).await });
    let Some(record) = read.await? else { return Ok(()) };
    if record.deleted.is_some() {
        return fleets::fade(ec2, call, id).await;
    }
    let data = &record.shown;
    if data.valid_from.is_some_and(|from| from > call.now) || data.r#type == Some(FleetType::Instant) {
        return Ok(());
    }
    if data.valid_until.is_some_and(|until| until <= call.now) {
        let ends = data.terminate_instances_with_expiration == Some(true);
        return fleets::give_up(ec2, call, id, ends, "expired").await.map(drop);
    }
    if record.is_done { Ok(()) } else { keep(ec2, call, &record).await }
}

async fn keep(ec2: &Ec2, call: &Call, record: &FleetRecord) -> Result<(), Error> {
    let wanted = wishes::wanted(&record.shown, &record.tag_specifications)?;
    let mut outcome = fulfil::fulfil(ec2, call, &wanted).await?;
    let ends = record.shown.excess_capacity_termination_policy
        != Some(FleetExcessCapacityTerminationPolicy::NoTermination);
    if ends {
        let (on_demand, _) = targets(&record.shown.target_capacity_specification.clone().unwrap_or_default());
        fleets::end(ec2, call, outcome.cut(on_demand)).await?;
    }
    fleets::note(ec2, call, record.id(), &outcome).await
}
