//! Ends capacity reservations at their time, and forgets those that are over.

use std::sync::Arc;
use std::time::Duration;

use ec2_api::CapacityReservationState;
use service::{Call, Pass, Task};
use store::Select;

use crate::Ec2;
use crate::error::Error;
use crate::limits::{CAPACITY_PERIOD, DELETED_SHOWN_TIME, PAGE_MAX};
use crate::operations::capacity::close;
use crate::records::Resource;
use crate::records::capacity::{CAPACITY_PLACES, CapacityRecord};
use crate::resources;

pub fn task(ec2: &Arc<Ec2>) -> Task {
    Task::of(
        ec2,
        "ec2.capacity",
        CAPACITY_PERIOD,
        ec2.capacity.clone(),
        |ec2| async move { pass(&ec2).await },
    )
}

async fn pass(ec2: &Ec2) -> Result<Pass, Error> {
    let (mut after, mut soonest): (Option<String>, Duration) = (None, CAPACITY_PERIOD);
    loop {
        let position = after.as_deref();
        let page =
            ec2.store
                .read(|tx| async move {
                    CAPACITY_PLACES.scan(&tx, &(), Select::ALL.after(position), PAGE_MAX).await
                })
                .await?;
        for (id, at) in &page.records {
            let call = ec2.own_call(at.account, at.region);
            soonest = look(ec2, &call, id).await?.map_or(soonest, |next| soonest.min(next));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Pass::Again(soonest.max(Duration::from_millis(1)))),
        }
    }
}

/// When it is to be looked at again, if that is known.
async fn look(ec2: &Ec2, call: &Call, id: &str) -> Result<Option<Duration>, Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        let Some(record) = CapacityRecord::TABLE.get(&tx, place, id).await? else { return Ok(None) };
        if let Some(closed) = record.closed {
            if call.now.since(closed) >= DELETED_SHOWN_TIME {
                CAPACITY_PLACES.delete(&tx, &(), id).await?;
                resources::remove::<CapacityRecord>(&tx, place, id).await?;
            }
            return Ok(None);
        }
        match record.shown.end_date {
            Some(end) if end <= call.now => {
                close(&tx, place, record, CapacityReservationState::Expired, end).await?;
                Ok(None)
            }
            Some(end) => Ok(Some(end.since(call.now))),
            None => Ok::<_, Error>(None),
        }
    });
    done.await
}
