//! Parts of subnets that are kept for prefixes or for addresses somebody names.

use base::Ids;
use ec2_api::*;
use ipnet::IpNet;
use service::{Call, Kept};

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_CIDR_CONFLICT, INVALID_PARAMETER_VALUE};
use crate::kind::SUBNET_CIDR_RESERVATION;
use crate::model::filter::Filters;
use crate::model::tags::{self, Tags};
use crate::operations::lists::{self, Asked};
use crate::operations::tags::of_new;
use crate::records::Resource;
use crate::records::vpcs::{CidrReservationRecord, SubnetRecord};
use crate::resources;

fn shown(record: CidrReservationRecord, tags: &Tags) -> SubnetCidrReservation {
    SubnetCidrReservation { tags: Some(tags::shown(tags)), ..record.reservation.0 }
}

fn block(record: &CidrReservationRecord) -> Option<IpNet> {
    record.reservation.cidr.as_deref()?.parse().ok()
}

pub async fn create_subnet_cidr_reservation(
    ec2: &Ec2,
    call: &Call,
    input: CreateSubnetCidrReservationInput,
) -> Result<CreateSubnetCidrReservationOutput, Error> {
    let tags = &of_new(
        ec2,
        call,
        "CreateSubnetCidrReservation",
        input.tag_specifications.as_deref(),
        &SUBNET_CIDR_RESERVATION,
        &[],
    )
    .await?;
    let wrong = || Error::invalid_value(&input.cidr, "cidr", "This is not a valid CIDR block.");
    let wanted: IpNet = input.cidr.parse::<IpNet>().map_err(|_| wrong())?.trunc();
    let (place, seed, input) = (call.scope(), ec2.ids.number(), &input);
    let made = ec2.store.transact(|tx| async move {
        let subnet: SubnetRecord = resources::get(&tx, &place, &input.subnet_id).await?;
        let record = CidrReservationRecord {
            reservation: Kept(SubnetCidrReservation {
                subnet_cidr_reservation_id: Some(SUBNET_CIDR_RESERVATION.new_id(&Ids::seeded(seed))),
                subnet_id: Some(input.subnet_id.clone()),
                cidr: Some(wanted.to_string()),
                reservation_type: Some(input.reservation_type.clone()),
                owner_id: Some(call.account.to_string()),
                description: input.description.clone(),
                tags: None,
            }),
        };
        if lookups::made::<CidrReservationRecord>(&tx, &place, record.id()).await?.is_some() {
            return Ok(record);
        }
        let is_inside = match wanted {
            IpNet::V4(wanted) => subnet.block().is_some_and(|block| block.contains(&wanted)),
            IpNet::V6(wanted) => subnet.block6().is_some_and(|block| block.contains(&wanted)),
        };
        if !is_inside {
            let message = format!("The CIDR '{wanted}' is not within the CIDR of subnet '{}'.", subnet.id());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let others = lookups::having::<CidrReservationRecord>(&tx, &place, "subnet-id", subnet.id()).await?;
        let overlaps = |other: IpNet| other.contains(&wanted) || wanted.contains(&other);
        if others.iter().filter_map(block).any(overlaps) {
            let message = format!("The CIDR '{wanted}' conflicts with another reservation of the subnet.");
            return Err(Error::new(&INVALID_CIDR_CONFLICT, message));
        }
        resources::create(&tx, &place, &record, tags).await?;
        Ok::<_, Error>(record)
    });
    Ok(CreateSubnetCidrReservationOutput { subnet_cidr_reservation: Some(shown(made.await?, tags)) })
}

pub async fn delete_subnet_cidr_reservation(
    ec2: &Ec2,
    call: &Call,
    input: DeleteSubnetCidrReservationInput,
) -> Result<DeleteSubnetCidrReservationOutput, Error> {
    let (place, id) = (call.scope(), input.subnet_cidr_reservation_id.as_str());
    let gone = ec2.store.transact(|tx| async move {
        let record: CidrReservationRecord = resources::get(&tx, &place, id).await?;
        let tags = resources::tags(&tx, &place, id).await?;
        resources::remove::<CidrReservationRecord>(&tx, &place, id).await?;
        Ok::<_, Error>(shown(record, &tags))
    });
    Ok(DeleteSubnetCidrReservationOutput { deleted_subnet_cidr_reservation: Some(gone.await?) })
}

pub async fn get_subnet_cidr_reservations(
    ec2: &Ec2,
    call: &Call,
    input: GetSubnetCidrReservationsInput,
) -> Result<GetSubnetCidrReservationsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    filters.check(&|name| CidrReservationRecord::FILTERS.contains(&name).then(Vec::new))?;
    let (place, subnet) = (call.scope(), input.subnet_id.as_str());
    let found = ec2.store.read(|tx| async move {
        resources::get::<SubnetRecord>(&tx, &place, subnet).await?;
        let mut found = Vec::new();
        for record in lookups::having::<CidrReservationRecord>(&tx, &place, "subnet-id", subnet).await? {
            let tags = resources::tags(&tx, &place, record.id()).await?;
            if filters.admit(&tags, &|name| record.filter(name))? {
                found.push(shown(record, &tags));
            }
        }
        Ok::<_, Error>(found)
    });
    let asked = Asked {
        operation: "GetSubnetCidrReservations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |one: &SubnetCidrReservation| one.subnet_cidr_reservation_id.clone().unwrap_or_default();
    let (found, next_token) = lists::page(ec2, call, asked, found.await?, position)?;
    let is_six = |one: &SubnetCidrReservation| one.cidr.as_deref().is_some_and(|cidr| cidr.contains(':'));
    let (six, four) = found.into_iter().partition(is_six);
    Ok(GetSubnetCidrReservationsOutput {
        subnet_ipv4_cidr_reservations: Some(four),
        subnet_ipv6_cidr_reservations: Some(six),
        next_token,
    })
}
