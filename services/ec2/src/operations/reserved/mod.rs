//! Reserved instances: what can be bought, and what was. They are a way to pay: what they cover is told by the bill.

use std::time::Duration;

use ec2_api::*;
use service::{Call, Kept};
use store::Select;

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_RESERVED_INSTANCES_ID, INVALID_RESERVED_INSTANCES_OFFERING_ID, RESERVED_INSTANCES_LIMIT_EXCEEDED,
    UNSUPPORTED_OPERATION,
};
use crate::limits::{PAGE_MAX, RESERVED_AT_ONCE_MAX, RESERVED_MAX};
use crate::model::buying::offerings::{self, Offering};
use crate::model::buying::prices::Nanos;
use crate::model::filter::{Filters, Values, maybe, one};
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::vpcs::zones;
use crate::records::Place;
use crate::records::buying::{RESERVED, ReservedRecord};
use crate::records::usage;
use crate::resources;

const OFFERING_FILTERS: [&str; 7] = [
    "availability-zone",
    "duration",
    "instance-type",
    "marketplace",
    "product-description",
    "reserved-instances-offering-id",
    "scope",
];

pub async fn describe_reserved_instances_offerings(
    ec2: &Ec2,
    call: &Call,
    input: DescribeReservedInstancesOfferingsInput,
) -> Result<DescribeReservedInstancesOfferingsOutput, Error> {
    let filters = Filters::parse(input.filters.clone())?;
    filters.check(&|name| OFFERING_FILTERS.contains(&name).then(Vec::new))?;
    let mut found = Vec::new();
    for offering in offerings::all(call.region) {
        let shown = offered(call, &offering);
        let answers = |name: &str| offering_value(&shown, name);
        if is_wanted(&input, &shown) && filters.admit(&Tags::new(), &answers)? {
            found.push(shown);
        }
    }
    if let Some(wanted) = &input.reserved_instances_offering_ids {
        let is_there =
            |id: &&String| found.iter().any(|it| it.reserved_instances_offering_id.as_ref() == Some(*id));
        if let Some(missing) = wanted.iter().find(|id| !is_there(id)) {
            return Err(no_offering(missing));
        }
    }
    let asked = Asked {
        operation: "DescribeReservedInstancesOfferings",
        max_results: input.max_results,
        next_token: input.next_token.filter(|token| !token.is_empty()),
        least: 5,
    };
    let position =
        |it: &ReservedInstancesOffering| it.reserved_instances_offering_id.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeReservedInstancesOfferingsOutput { next_token, reserved_instances_offerings: Some(page) })
}

fn no_offering(id: &str) -> Error {
    let message = format!("The reserved instances offering ID '{id}' does not exist");
    Error::new(&INVALID_RESERVED_INSTANCES_OFFERING_ID, message)
}

fn is_wanted(input: &DescribeReservedInstancesOfferingsInput, shown: &ReservedInstancesOffering) -> bool {
    let duration = shown.duration.unwrap_or_default();
    let ids = input.reserved_instances_offering_ids.as_deref().unwrap_or_default();
    fits(input.availability_zone.as_ref(), shown.availability_zone.as_ref())
        && fits(input.availability_zone_id.as_ref(), shown.availability_zone_id.as_ref())
        && fits(input.instance_type.as_ref(), shown.instance_type.as_ref())
        && fits(input.offering_class.as_ref(), shown.offering_class.as_ref())
        && fits(input.offering_type.as_ref(), shown.offering_type.as_ref())
        && fits(input.product_description.as_ref(), shown.product_description.as_ref())
        && fits(input.instance_tenancy.as_ref(), shown.instance_tenancy.as_ref())
        && input.min_duration.is_none_or(|least| duration >= least)
        && input.max_duration.is_none_or(|most| duration <= most)
        && (ids.is_empty()
            || shown.reserved_instances_offering_id.as_ref().is_some_and(|id| ids.contains(id)))
}

fn fits<T: PartialEq>(asked: Option<&T>, has: Option<&T>) -> bool {
    asked.is_none() || asked == has
}

fn offering_value(shown: &ReservedInstancesOffering, name: &str) -> Values {
    match name {
        "availability-zone" => maybe(shown.availability_zone.as_deref()),
        "duration" => maybe(shown.duration),
        "instance-type" => maybe(shown.instance_type.as_deref()),
        "marketplace" => one(false),
        "product-description" => maybe(shown.product_description.as_ref()),
        "reserved-instances-offering-id" => maybe(shown.reserved_instances_offering_id.as_deref()),
        "scope" => maybe(shown.scope.as_ref()),
        _ => None,
    }
}

fn charges(hourly: Nanos) -> Vec<RecurringCharge> {
    let amount = hourly as f64 / 1e9;
    vec![RecurringCharge { amount: Some(amount), frequency: Some(RecurringChargeFrequency::Hourly) }]
}

fn scope(zone: Option<&String>) -> Scope {
    if zone.is_some() { Scope::AvailabilityZone } else { Scope::Region }
}

fn class(convertible: bool) -> OfferingClassType {
    if convertible { OfferingClassType::Convertible } else { OfferingClassType::Standard }
}

fn offered(call: &Call, offering: &Offering) -> ReservedInstancesOffering {
    ReservedInstancesOffering {
        currency_code: Some(CurrencyCodeValues::Usd),
        instance_tenancy: Some(Tenancy::Default),
        marketplace: Some(false),
        offering_class: Some(class(offering.convertible)),
        offering_type: Some(OfferingTypeValues::NoUpfront),
        pricing_details: Some(Vec::new()),
        recurring_charges: Some(charges(offering.hourly)),
        scope: Some(scope(offering.zone.as_ref())),
        availability_zone_id: offering.zone.as_deref().and_then(|zone| zones::id_of(call.region, zone)),
        reserved_instances_offering_id: Some(offering.id.clone()),
        instance_type: Some(offering.instance_type.to_owned()),
        availability_zone: offering.zone.clone(),
        duration: Some(offering.duration),
        usage_price: Some(0.0),
        fixed_price: Some(0.0),
        product_description: Some(RIProductDescription::LinuxUnix),
    }
}

pub async fn purchase_reserved_instances_offering(
    ec2: &Ec2,
    call: &Call,
    input: PurchaseReservedInstancesOfferingInput,
) -> Result<PurchaseReservedInstancesOfferingOutput, Error> {
    if input.purchase_time.is_some() {
        let message = "A purchase for later (PurchaseTime) is not supported here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    if !(1..=RESERVED_AT_ONCE_MAX).contains(&input.instance_count) {
        let why = format!("Expecting a value from 1 to {RESERVED_AT_ONCE_MAX}.");
        return Err(Error::invalid_value(input.instance_count, "instanceCount", &why));
    }
    let wanted = &input.reserved_instances_offering_id;
    let offering = offerings::all(call.region).into_iter().find(|offering| offering.id == *wanted);
    let offering = offering.ok_or_else(|| no_offering(wanted))?;
    let id = &ec2.ids.uuid();
    let lasts = Duration::from_secs(u64::try_from(offering.duration).unwrap_or(0));
    let shown = ReservedInstances {
        currency_code: Some(CurrencyCodeValues::Usd),
        instance_tenancy: Some(Tenancy::Default),
        offering_class: Some(class(offering.convertible)),
        offering_type: Some(OfferingTypeValues::NoUpfront),
        recurring_charges: Some(charges(offering.hourly)),
        scope: Some(scope(offering.zone.as_ref())),
        availability_zone_id: offering.zone.as_deref().and_then(|zone| zones::id_of(call.region, zone)),
        reserved_instances_id: Some(id.clone()),
        instance_type: Some(offering.instance_type.to_owned()),
        availability_zone: offering.zone.clone(),
        start: Some(call.now),
        end: Some(call.now + lasts),
        duration: Some(offering.duration),
        usage_price: Some(0.0),
        fixed_price: Some(0.0),
        instance_count: Some(input.instance_count),
        product_description: Some(RIProductDescription::LinuxUnix),
        ..ReservedInstances::default()
    };
    let record = &ReservedRecord { shown: Kept(shown), upfront: 0, hourly: offering.hourly, retired: None };
    let place = &call.scope();
    let bought = ec2.store.transact(|tx| async move {
        let known = RESERVED.scan(&tx, place, Select::ALL, RESERVED_MAX).await?.records;
        if known.len() >= RESERVED_MAX {
            let message =
                "Your current quota does not allow you to purchase the required number of reserved instances";
            return Err(Error::new(&RESERVED_INSTANCES_LIMIT_EXCEEDED, message));
        }
        RESERVED.put(&tx, place, id, record).await?;
        // A reservation costs whether anything runs or not.
        Ok(usage::seen(&tx, place).await?)
    });
    bought.await?;
    Ok(PurchaseReservedInstancesOfferingOutput { reserved_instances_id: Some(id.clone()) })
}

const FILTERS: [&str; 8] = [
    "availability-zone",
    "duration",
    "end",
    "instance-type",
    "product-description",
    "reserved-instances-id",
    "scope",
    "state",
];

pub async fn describe_reserved_instances(
    ec2: &Ec2,
    call: &Call,
    input: DescribeReservedInstancesInput,
) -> Result<DescribeReservedInstancesOutput, Error> {
    let filters = Filters::parse(input.filters.clone())?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let ids = input.reserved_instances_ids.as_deref().unwrap_or_default();
    let mut found = Vec::new();
    for (record, tags) in bought(ec2, &call.scope()).await? {
        let state = match record.shown.end {
            _ if record.retired.is_some() => ReservedInstanceState::Retired,
            Some(end) if end <= call.now => ReservedInstanceState::Retired,
            _ => ReservedInstanceState::Active,
        };
        let shown = ReservedInstances {
            state: Some(state),
            tags: Some(shown_tags(&tags)).filter(|tags| !tags.is_empty()),
            ..record.shown.0
        };
        let is_named =
            ids.is_empty() || shown.reserved_instances_id.as_ref().is_some_and(|id| ids.contains(id));
        let is_wanted = fits(input.offering_class.as_ref(), shown.offering_class.as_ref())
            && fits(input.offering_type.as_ref(), shown.offering_type.as_ref());
        if is_named && is_wanted && filters.admit(&tags, &|name| value(&shown, name))? {
            found.push(shown);
        }
    }
    let is_there = |id: &&String| found.iter().any(|it| it.reserved_instances_id.as_ref() == Some(*id));
    match ids.iter().find(|id| !is_there(id)) {
        Some(missing) if filters.is_empty() => {
            let message = format!("The reserved instances ID '{missing}' does not exist");
            Err(Error::new(&INVALID_RESERVED_INSTANCES_ID, message))
        }
        _ => Ok(DescribeReservedInstancesOutput { reserved_instances: Some(found) }),
    }
}

async fn bought(ec2: &Ec2, place: &Place) -> Result<Vec<(ReservedRecord, Tags)>, Error> {
    let read = ec2.store.read(|tx| async move {
        let mut all = Vec::new();
        for (id, record) in RESERVED.scan(&tx, place, Select::ALL, PAGE_MAX).await?.records {
            all.push((record, resources::tags(&tx, place, &id).await?));
        }
        Ok::<_, Error>(all)
    });
    read.await
}

fn value(shown: &ReservedInstances, name: &str) -> Values {
    match name {
        "availability-zone" => maybe(shown.availability_zone.as_deref()),
        "duration" => maybe(shown.duration),
        "end" => maybe(shown.end.map(|end| end.to_iso8601())),
        "instance-type" => maybe(shown.instance_type.as_deref()),
        "product-description" => maybe(shown.product_description.as_ref()),
        "reserved-instances-id" => maybe(shown.reserved_instances_id.as_deref()),
        "scope" => maybe(shown.scope.as_ref()),
        "state" => maybe(shown.state.as_ref()),
        _ => None,
    }
}
