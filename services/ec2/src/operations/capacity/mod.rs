//! Capacity reservations. They end by the clock, and are paid for whether they are used or not.
//!
//! This host takes more machines than it has memory for, as far as they do not use it: a reservation counts instances,
//! and holds no memory back from others.

pub mod using;

use base::{Arn, Timestamp};
use ec2_api::*;
use service::{Call, Kept};

use super::instances::capacity;
use super::tags;
use super::vpcs::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
};
use crate::kind::CAPACITY_RESERVATION;
use crate::limits::CAPACITY_INSTANCES_MAX;
use crate::model::tags::shown as shown_tags;
use crate::model::vpcs::zones as zone_names;
use crate::records::capacity::{CAPACITY_PLACES, CapacityRecord};
use crate::records::instances::PlaceRecord;
use crate::records::{Place, Resource, zones};
use crate::resources::{self, Wanted};

pub fn to_create(_: &Ec2, call: &Call, _: &CreateCapacityReservationInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![CAPACITY_RESERVATION.any(call)])
}

pub fn to_modify(_: &Ec2, call: &Call, input: &ModifyCapacityReservationInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![CAPACITY_RESERVATION.arn(call, &input.capacity_reservation_id)])
}

pub fn to_cancel(_: &Ec2, call: &Call, input: &CancelCapacityReservationInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![CAPACITY_RESERVATION.arn(call, &input.capacity_reservation_id)])
}

pub async fn create_capacity_reservation(
    ec2: &Ec2,
    call: &Call,
    input: CreateCapacityReservationInput,
) -> Result<CreateCapacityReservationOutput, Error> {
    let zone = check(ec2, call, &input)?;
    let specifications = input.tag_specifications.as_deref();
    let operation = "CreateCapacityReservation";
    let given = &tags::of_new(ec2, call, operation, specifications, &CAPACITY_RESERVATION, &[]).await?;
    let made = &record(call, CAPACITY_RESERVATION.new_id(&ec2.ids), &zone, &input);
    let token = &Token::new("ec2.CreateCapacityReservation", input.client_token.as_deref(), &input);
    let (place, instance_type) = (&call.scope(), input.instance_type.as_str());
    let done = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return resources::get::<CapacityRecord>(&tx, place, &earlier).await;
        }
        let down = zones::down(&tx).await?;
        capacity::for_launch(call.region, &down, made.zone(), instance_type)?;
        let mut made = made.clone();
        using::gather(&tx, place, &mut made).await?;
        made.save(&tx, place, call.now).await?;
        resources::set_tags(&tx, place, made.id(), given).await?;
        CAPACITY_PLACES.put(&tx, &(), made.id(), &PlaceRecord::of(place)).await?;
        token.remember(&tx, call, made.id()).await?;
        Ok(made)
    });
    let record = done.await?;
    ec2.capacity.nudge();
    let tags = Some(shown_tags(given)).filter(|tags| !tags.is_empty());
    Ok(CreateCapacityReservationOutput {
        capacity_reservation: Some(CapacityReservation { tags, ..record.shown.0 }),
    })
}

/// The zone's name.
fn check(ec2: &Ec2, call: &Call, input: &CreateCapacityReservationInput) -> Result<String, Error> {
    for (given, what) in [
        (input.outpost_arn.is_some(), "An Outpost"),
        (input.placement_group_arn.is_some(), "A placement group of a Capacity Reservation"),
        (input.ephemeral_storage == Some(true), "Instance storage of a Capacity Reservation"),
        (input.start_date.is_some(), "A Capacity Reservation of a future date (StartDate)"),
        (input.commitment_duration.is_some(), "A commitment (CommitmentDuration)"),
        (input.delivery_preference.is_some(), "A delivery preference"),
        (
            input.instance_platform != CapacityReservationInstancePlatform::LinuxUnix,
            "Any platform but Linux/UNIX",
        ),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    if !ec2.types.has(&input.instance_type) {
        return Err(Error::invalid_value(&input.instance_type, "instanceType", "No such instance type."));
    }
    check_count(input.instance_count)?;
    check_end(input.end_date_type.as_ref(), input.end_date, call.now)?;
    zone_of(call, input.availability_zone.as_deref(), input.availability_zone_id.as_deref())
}

/// The name of the zone that is given by its name or by its id.
pub fn zone_of(call: &Call, name: Option<&str>, id: Option<&str>) -> Result<String, Error> {
    let by_id = id.map(|id| {
        zone_names::name_of(call.region, id)
            .ok_or_else(|| Error::invalid_value(id, "availabilityZoneId", "No such zone."))
    });
    match (name, by_id.transpose()?) {
        (Some(name), None) if zone_names::names(call.region).iter().any(|zone| zone == name) => {
            Ok(name.to_owned())
        }
        (None, Some(name)) => Ok(name),
        (Some(name), None) => Err(Error::invalid_value(name, "availabilityZone", "No such zone.")),
        (None, None) => Err(Error::missing("availabilityZone")),
        (Some(_), Some(_)) => {
            let message = "AvailabilityZone and AvailabilityZoneId cannot be specified together.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
    }
}

fn check_count(count: i32) -> Result<(), Error> {
    if (1..=CAPACITY_INSTANCES_MAX).contains(&count) {
        return Ok(());
    }
    let why = format!("Expecting a value from 1 to {CAPACITY_INSTANCES_MAX}.");
    Err(Error::invalid_value(count, "instanceCount", &why))
}

fn check_end(kind: Option<&EndDateType>, end: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
    let is_limited = kind == Some(&EndDateType::Limited);
    let message = match end {
        Some(_) if !is_limited => "EndDate requires the EndDateType 'limited'.",
        None if is_limited => "The EndDateType 'limited' requires an EndDate.",
        Some(end) if end <= now => "EndDate must be in the future.",
        _ => return Ok(()),
    };
    Err(Error::new(&INVALID_PARAMETER_VALUE, message))
}

fn record(call: &Call, id: String, zone: &str, input: &CreateCapacityReservationInput) -> CapacityRecord {
    let shown = CapacityReservation {
        capacity_reservation_arn: Some(CAPACITY_RESERVATION.arn(call, &id).to_string()),
        capacity_reservation_id: Some(id),
        owner_id: Some(call.account.to_string()),
        availability_zone_id: zone_names::id_of(call.region, zone),
        instance_type: Some(input.instance_type.clone()),
        instance_platform: Some(input.instance_platform.clone()),
        availability_zone: Some(zone.to_owned()),
        tenancy: input.tenancy.clone().or(Some(CapacityReservationTenancy::Default)),
        total_instance_count: Some(input.instance_count),
        available_instance_count: Some(input.instance_count),
        ebs_optimized: Some(input.ebs_optimized.unwrap_or(false)),
        ephemeral_storage: Some(false),
        state: Some(CapacityReservationState::Active),
        start_date: Some(call.now),
        end_date: input.end_date,
        end_date_type: input.end_date_type.clone().or(Some(EndDateType::Unlimited)),
        instance_match_criteria: input.instance_match_criteria.clone().or(Some(InstanceMatchCriteria::Open)),
        create_date: Some(call.now),
        reservation_type: Some(CapacityReservationType::Default),
        ..CapacityReservation::default()
    };
    CapacityRecord { shown: Kept(shown), closed: None }
}

pub async fn describe_capacity_reservations(
    ec2: &Ec2,
    call: &Call,
    input: DescribeCapacityReservationsInput,
) -> Result<DescribeCapacityReservationsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeCapacityReservations",
        ids: input.capacity_reservation_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<CapacityRecord>(ec2, call, wanted).await?;
    let shown = page.resources.into_iter().map(|(record, tags)| CapacityReservation {
        tags: Some(shown_tags(&tags)).filter(|tags| !tags.is_empty()),
        ..record.shown.0
    });
    Ok(DescribeCapacityReservationsOutput {
        capacity_reservations: Some(shown.collect()),
        next_token: page.next_token,
    })
}

pub async fn modify_capacity_reservation(
    ec2: &Ec2,
    call: &Call,
    input: ModifyCapacityReservationInput,
) -> Result<ModifyCapacityReservationOutput, Error> {
    for (given, what) in [
        (input.additional_info.is_some(), "AdditionalInfo"),
        (input.start_date.is_some(), "Another start date"),
        (input.quote_id.is_some(), "A quote"),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    let (place, input) = (&call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let mut record: CapacityRecord = resources::get(&tx, place, &input.capacity_reservation_id).await?;
        check_active(&record)?;
        if let Some(count) = input.instance_count {
            check_count(count)?;
            let used = record.total() - record.available();
            if count < used {
                let why = format!("{used} instances run in the Capacity Reservation.");
                return Err(Error::invalid_value(count, "instanceCount", &why));
            }
            record.shown.0.total_instance_count = Some(count);
            record.shown.0.available_instance_count = Some(count - used);
        }
        if input.end_date.is_some() || input.end_date_type.is_some() {
            let kind = input.end_date_type.clone().or(input.end_date.map(|_| EndDateType::Limited));
            check_end(kind.as_ref(), input.end_date, call.now)?;
            record.shown.0.end_date = input.end_date;
            record.shown.0.end_date_type = kind;
        }
        if let Some(criteria) = &input.instance_match_criteria {
            record.shown.0.instance_match_criteria = Some(criteria.clone());
        }
        using::gather(&tx, place, &mut record).await?;
        Ok::<_, Error>(record.save(&tx, place, call.now).await?)
    });
    done.await?;
    ec2.capacity.nudge();
    Ok(ModifyCapacityReservationOutput { r#return: Some(true), ..ModifyCapacityReservationOutput::default() })
}

fn check_active(record: &CapacityRecord) -> Result<(), Error> {
    if record.is_active() {
        return Ok(());
    }
    let message = format!("The Capacity Reservation '{}' is not in the state 'active'.", record.id());
    Err(Error::new(&INCORRECT_STATE, message))
}

pub async fn cancel_capacity_reservation(
    ec2: &Ec2,
    call: &Call,
    input: CancelCapacityReservationInput,
) -> Result<CancelCapacityReservationOutput, Error> {
    let (place, id) = (&call.scope(), input.capacity_reservation_id.as_str());
    let done = ec2.store.transact(|tx| async move {
        let record: CapacityRecord = resources::get(&tx, place, id).await?;
        check_active(&record)?;
        close(&tx, place, record, CapacityReservationState::Cancelled, call.now).await
    });
    done.await?;
    Ok(CancelCapacityReservationOutput { r#return: Some(true) })
}

/// A reservation is over; what runs in it runs on.
pub async fn close(
    tx: &store::Tx,
    place: &Place,
    mut record: CapacityRecord,
    state: CapacityReservationState,
    at: Timestamp,
) -> Result<(), Error> {
    using::scatter(tx, place, record.id()).await?;
    record.shown.0.state = Some(state);
    record.shown.0.available_instance_count = Some(0);
    record.closed = Some(at);
    Ok(record.save(tx, place, at).await?)
}
