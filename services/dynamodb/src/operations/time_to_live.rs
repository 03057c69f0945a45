//! Time to live: the setting. What is over is deleted by a task.
//!
//! Surprising: a change is refused for half an hour after the last one, and turning off what is off is an error, worded
//! before that.

use dynamodb_api as api;
use dynamodb_api::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, UpdateTimeToLive, UpdateTimeToLiveInput,
    UpdateTimeToLiveOutput,
};
use service::Call;

use super::making::{drop_space, put_work, work_key};
use super::replicas;
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::TTL_CHANGE_INTERVAL;
use crate::records::{TABLES, TableRecord, TableStatus, Ttl, WORK};
use crate::tasks::TIME_TO_LIVE;

pub async fn describe_time_to_live(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    if view.record.status == TableStatus::Creating {
        return Err(Error::Validation(
            "Cannot describe time to live while table is in CREATING state: Current table state is CREATING"
                .to_owned(),
        ));
    }
    Ok(DescribeTimeToLiveOutput { time_to_live_description: Some(shown(&view.record.ttl)) })
}

pub fn shown(ttl: &Ttl) -> api::TimeToLiveDescription {
    match ttl {
        Ttl::Disabled => api::TimeToLiveDescription {
            time_to_live_status: Some(api::TimeToLiveStatus::Disabled),
            attribute_name: None,
        },
        Ttl::Enabled { attribute, .. } => api::TimeToLiveDescription {
            time_to_live_status: Some(api::TimeToLiveStatus::Enabled),
            attribute_name: Some(attribute.clone()),
        },
    }
}

pub async fn update_time_to_live(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateTimeToLiveInput,
) -> Result<UpdateTimeToLiveOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    let wanted = &input.time_to_live_specification;
    dynamodb
        .store
        .transact(|tx| async move {
            let found = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id);
            let mut record = found.ok_or_else(|| Error::no_such_table(name))?;
            change(&mut record, name, wanted, call)?;
            // Its entries are by the attribute that it had.
            if let Some(expiry) = record.expiry.take() {
                drop_space(&tx, expiry.space, id, call.now).await?;
            }
            TABLES.put(&tx, &place, name, &record).await?;
            match record.ttl {
                Ttl::Enabled { .. } => put_work(&tx, TIME_TO_LIVE, place, name, id).await?,
                Ttl::Disabled => WORK.delete(&tx, &(), &work_key(TIME_TO_LIVE, place, name)).await?,
            }
            Ok::<_, Error>(())
        })
        .await?;
    dynamodb.directory.forget(place, name);
    replicas::pass_on(
        dynamodb,
        call,
        &view,
        UpdateTimeToLive,
        &UpdateTimeToLiveInput { table_name: view.name.clone(), ..input.clone() },
    )
    .await?;
    Ok(UpdateTimeToLiveOutput { time_to_live_specification: Some(input.time_to_live_specification) })
}

fn change(
    record: &mut TableRecord,
    name: &str,
    wanted: &api::TimeToLiveSpecification,
    call: &Call,
) -> Result<(), Error> {
    let refused = |message: String| Err(Error::Validation(message));
    if record.status == TableStatus::Creating {
        return Err(Error::ResourceInUse(format!(
            "Attempt to change a resource which is still in use: Table {name} is being created"
        )));
    }
    match (&record.ttl, wanted.enabled) {
        (Ttl::Disabled, false) => return refused("TimeToLive is already disabled".to_owned()),
        (Ttl::Enabled { attribute, .. }, _) if *attribute != wanted.attribute_name => {
            return refused(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {attribute}"
            ));
        }
        (Ttl::Enabled { .. }, true) => return refused("TimeToLive is already enabled".to_owned()),
        (Ttl::Disabled, true) | (Ttl::Enabled { .. }, false) => {}
    }
    if record.ttl_changed.is_some_and(|at| call.now.since(at) < TTL_CHANGE_INTERVAL) {
        return refused("Time to live has been modified multiple times within a fixed interval".to_owned());
    }
    record.ttl_changed = Some(call.now);
    record.ttl = match wanted.enabled {
        true => Ttl::Enabled { attribute: wanted.attribute_name.clone(), since: call.now },
        false => Ttl::Disabled,
    };
    Ok(())
}
