//! How instances come into capacity reservations, and leave them ("Instance matching criteria", "Capacity Reservation
//! preference").

use base::Timestamp;
use ec2_api::*;
use store::Tx;

use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, RESERVATION_CAPACITY_EXCEEDED, UNSUPPORTED_OPERATION,
};
use crate::kind::CAPACITY_RESERVATION;
use crate::model::instances::State;
use crate::records::capacity::CapacityRecord;
use crate::records::instances::InstanceRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// What a launch says of reservations, as its instances show it.
///
/// # Errors
/// `UnsupportedOperation` for groups of reservations; `InvalidParameterCombination`.
fn wish(input: &RunInstancesInput) -> Result<CapacityReservationSpecificationResponse, Error> {
    let asked = input.capacity_reservation_specification.clone().unwrap_or_default();
    let target = asked.capacity_reservation_target.unwrap_or_default();
    if target.capacity_reservation_resource_group_arn.is_some() {
        let message =
            "Groups of Capacity Reservations (CapacityReservationResourceGroupArn) are not supported here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let id = target.capacity_reservation_id;
    let preference = asked.capacity_reservation_preference;
    let is_only = preference == Some(CapacityReservationPreference::CapacityReservationsOnly);
    if id.is_some() && preference.is_some() && !is_only {
        let message = "CapacityReservationPreference and CapacityReservationTarget can be specified together \
            only if the preference is capacity-reservations-only.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(match id {
        Some(id) => CapacityReservationSpecificationResponse {
            capacity_reservation_preference: preference,
            capacity_reservation_target: Some(CapacityReservationTargetResponse {
                capacity_reservation_id: Some(id),
                capacity_reservation_resource_group_arn: None,
            }),
        },
        None => CapacityReservationSpecificationResponse {
            capacity_reservation_preference: preference.or(Some(CapacityReservationPreference::Open)),
            capacity_reservation_target: None,
        },
    })
}

/// A new instance says what it wants of reservations, and comes into one.
pub async fn launched(
    tx: &Tx,
    place: &Place,
    input: &RunInstancesInput,
    instance: &mut Instance,
    now: Timestamp,
) -> Result<(), Error> {
    instance.capacity_reservation_specification = Some(wish(input)?);
    enter(tx, place, instance, now).await
}

/// An instance that starts comes into a reservation, where it wants and there is one.
///
/// # Errors
/// `ReservationCapacityExceeded` where it runs in a reservation only and there is no room.
pub async fn enter(tx: &Tx, place: &Place, instance: &mut Instance, now: Timestamp) -> Result<(), Error> {
    use CapacityReservationPreference::{CapacityReservationsOnly, Open};
    let wish = instance.capacity_reservation_specification.clone().unwrap_or_default();
    let target = wish.capacity_reservation_target.and_then(|target| target.capacity_reservation_id);
    let is_spot = instance.instance_lifecycle == Some(InstanceLifecycleType::Spot);
    if is_spot {
        return match target {
            Some(_) => Err(Error::new(
                &INVALID_PARAMETER_COMBINATION,
                "Spot Instances cannot run in a Capacity Reservation.",
            )),
            None => Ok(()),
        };
    }
    let preference = wish.capacity_reservation_preference;
    let found = match &target {
        Some(id) => {
            CAPACITY_RESERVATION.check(id)?;
            let named = CapacityRecord::TABLE.get(tx, place, id).await?;
            let named = named.ok_or_else(|| CAPACITY_RESERVATION.missing(id))?;
            Some(named).filter(|record| has_room(record, instance))
        }
        None if matches!(preference, Some(Open | CapacityReservationsOnly) | None) => {
            let mut all: Vec<CapacityRecord> = resources::all(tx, place).await?;
            all.retain(|record| record.is_open() && has_room(record, instance));
            all.into_iter().min_by_key(|record| record.shown.create_date)
        }
        None => None,
    };
    match found {
        Some(mut record) => {
            instance.capacity_reservation_id = Some(record.id().to_owned());
            record.take(1);
            Ok(record.save(tx, place, now).await?)
        }
        None if target.is_some() || preference == Some(CapacityReservationsOnly) => {
            let message = "The requested reservation does not have sufficient compatible and available capacity for this request.";
            Err(Error::new(&RESERVATION_CAPACITY_EXCEEDED, message))
        }
        None => Ok(()),
    }
}

fn has_room(record: &CapacityRecord, instance: &Instance) -> bool {
    record.is_active() && record.available() > 0 && record.fits(instance)
}

/// An instance that is stopped or gone leaves its reservation. The caller keeps the instance's record.
pub async fn leave(
    tx: &Tx,
    place: &Place,
    instance: &mut InstanceRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(id) = instance.shown.0.capacity_reservation_id.take() else { return Ok(()) };
    if let Some(mut record) = CapacityRecord::TABLE.get(tx, place, &id).await?
        && record.is_active()
    {
        record.take(-1);
        record.save(tx, place, now).await?;
    }
    Ok(())
}

/// Those that run and could be in a reservation come into a new open one by themselves.
pub async fn gather(tx: &Tx, place: &Place, record: &mut CapacityRecord) -> Result<(), Error> {
    if !record.is_open() {
        return Ok(());
    }
    for mut instance in resources::all::<InstanceRecord>(tx, place).await? {
        let shown = &instance.shown;
        let wish = shown.capacity_reservation_specification.clone().unwrap_or_default();
        let wants = wish.capacity_reservation_target.is_none()
            && wish.capacity_reservation_preference != Some(CapacityReservationPreference::None);
        let runs = matches!(instance.state, State::Pending | State::Running);
        let is_free = shown.capacity_reservation_id.is_none() && !instance.is_spot();
        if wants && runs && is_free && has_room(record, &instance.shown) {
            instance.shown.0.capacity_reservation_id = Some(record.id().to_owned());
            record.take(1);
            resources::put(tx, place, &instance).await?;
        }
    }
    Ok(())
}

/// Instances of a reservation that ends run on without it.
pub async fn scatter(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    for mut instance in resources::all::<InstanceRecord>(tx, place).await? {
        if instance.shown.capacity_reservation_id.as_deref() == Some(id) {
            instance.shown.0.capacity_reservation_id = None;
            resources::put(tx, place, &instance).await?;
        }
    }
    Ok(())
}
