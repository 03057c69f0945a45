//! Regions, zones, and what the account may do here.

use std::collections::BTreeMap;

use base::Region;
use ec2_api::*;
use service::Call;

use super::first_use::first_use;
use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION};
use crate::limits::VPCS_MAX;
use crate::model::filter::{Filters, maybe, one};
use crate::model::vpcs::zones;
use crate::records::Resource;

/// `opted-in` for those that on AWS have to be asked for: here all are on.
fn opt_in_status(region: Region) -> &'static str {
    if zones::is_opt_in(region) { "opted-in" } else { "opt-in-not-required" }
}

pub async fn describe_regions(
    _: &Ec2,
    call: &Call,
    input: DescribeRegionsInput,
) -> Result<DescribeRegionsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    let names = input.region_names.unwrap_or_default();
    let partition = call.region.partition();
    let all: Vec<Region> = Region::all().filter(|region| region.partition() == partition).collect();
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !all.iter().any(|region| region.as_str() == *name))
        .collect();
    if !unknown.is_empty() {
        let message = format!("Invalid region names: [{}]", unknown.join(", "));
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let mut regions = Vec::new();
    for region in all {
        let endpoint = format!("ec2.{region}.{}", region.dns_suffix());
        let of = |name: &str| match name {
            "endpoint" => one(&endpoint),
            "opt-in-status" => one(opt_in_status(region)),
            "region-name" => one(region),
            _ => None,
        };
        let is_named = names.is_empty() || names.iter().any(|name| name == region.as_str());
        if filters.admit(&BTreeMap::new(), &of)? && is_named {
            regions.push(ec2_api::Region {
                opt_in_status: Some(opt_in_status(region).to_owned()),
                geography: None,
                region_name: Some(region.to_string()),
                endpoint: Some(endpoint.clone()),
            });
        }
    }
    Ok(DescribeRegionsOutput { regions: Some(regions) })
}

pub async fn describe_availability_zones(
    ec2: &Ec2,
    call: &Call,
    input: DescribeAvailabilityZonesInput,
) -> Result<DescribeAvailabilityZonesOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    let (names, ids) = (input.zone_names.unwrap_or_default(), input.zone_ids.unwrap_or_default());
    let down = ec2.zones_down().await?;
    let all: Vec<AvailabilityZone> = zones::names(call.region)
        .iter()
        .map(|name| zone(call.region, name, down.contains_key(name)))
        .collect();
    let is_known = |name: &&String| {
        !all.iter().any(|zone| zone.zone_name.as_ref() == Some(*name) || zone.zone_id.as_ref() == Some(*name))
    };
    let unknown: Vec<String> = names.iter().chain(&ids).filter(is_known).cloned().collect();
    if !unknown.is_empty() {
        let message = format!("Invalid availability zones: [{}]", unknown.join(", "));
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let mut found = Vec::new();
    for zone in all {
        let is_named = |list: &[String], value: &Option<String>| {
            list.is_empty() || value.as_ref().is_some_and(|value| list.contains(value))
        };
        let named = is_named(&names, &zone.zone_name) && is_named(&ids, &zone.zone_id);
        if filters.admit(&BTreeMap::new(), &|name| of_zone(&zone, name))? && named {
            found.push(zone);
        }
    }
    Ok(DescribeAvailabilityZonesOutput { availability_zones: Some(found) })
}

fn zone(region: Region, name: &str, is_down: bool) -> AvailabilityZone {
    let message =
        || AvailabilityZoneMessage { message: Some(format!("{name} has no power and no network.")) };
    AvailabilityZone {
        opt_in_status: Some(AvailabilityZoneOptInStatus::OptInNotRequired),
        messages: Some(is_down.then(message).into_iter().collect()),
        region_name: Some(region.to_string()),
        zone_name: Some(name.to_owned()),
        zone_id: zones::id_of(region, name),
        group_name: Some(format!("{region}-zg-1")),
        network_border_group: Some(region.to_string()),
        zone_type: Some("availability-zone".to_owned()),
        state: Some(match is_down {
            true => AvailabilityZoneState::Unavailable,
            false => AvailabilityZoneState::Available,
        }),
        ..AvailabilityZone::default()
    }
}

fn of_zone(zone: &AvailabilityZone, name: &str) -> Option<Vec<String>> {
    match name {
        "group-long-name" => maybe(zone.group_long_name.as_deref()),
        "group-name" => maybe(zone.group_name.as_deref()),
        "message" => {
            Some(zone.messages.iter().flatten().filter_map(|message| message.message.clone()).collect())
        }
        "opt-in-status" => maybe(zone.opt_in_status.as_ref()),
        "parent-zone-id" => maybe(zone.parent_zone_id.as_deref()),
        "parent-zone-name" => maybe(zone.parent_zone_name.as_deref()),
        "region-name" => maybe(zone.region_name.as_deref()),
        "state" => maybe(zone.state.as_ref()),
        "zone-id" => maybe(zone.zone_id.as_deref()),
        "zone-name" => maybe(zone.zone_name.as_deref()),
        "zone-type" => maybe(zone.zone_type.as_deref()),
        _ => None,
    }
}

/// Local Zones and Wavelength Zones can be asked for; here there are none.
pub async fn modify_availability_zone_group(
    _: &Ec2,
    call: &Call,
    input: ModifyAvailabilityZoneGroupInput,
) -> Result<ModifyAvailabilityZoneGroupOutput, Error> {
    if input.group_name == format!("{}-zg-1", call.region) {
        return match input.opt_in_status {
            ModifyAvailabilityZoneOptInStatus::OptedIn => {
                Ok(ModifyAvailabilityZoneGroupOutput { r#return: Some(true) })
            }
            _ => {
                let message = "The zones of a region itself cannot be opted out of.";
                Err(Error::new(&UNSUPPORTED_OPERATION, message))
            }
        };
    }
    Err(Error::invalid_value(input.group_name, "groupName", "There is no such zone group."))
}

pub async fn describe_account_attributes(
    ec2: &Ec2,
    call: &Call,
    input: DescribeAccountAttributesInput,
) -> Result<DescribeAccountAttributesOutput, Error> {
    first_use(ec2, call).await?;
    let default = ec2.store.read(|tx| async move { lookups::default_vpc(&tx, call).await }).await?;
    let default = default.map_or_else(|| "none".to_owned(), |vpc| vpc.id().to_owned());
    let values = [
        ("supported-platforms", "VPC".to_owned()),
        ("vpc-max-security-groups-per-interface", "5".to_owned()),
        ("max-elastic-ips", "5".to_owned()),
        ("max-instances", VPCS_MAX.to_string()),
        ("vpc-max-elastic-ips", "5".to_owned()),
        ("default-vpc", default),
    ];
    let wanted = input.attribute_names.unwrap_or_default();
    for name in &wanted {
        if !values.iter().any(|(known, _)| *known == name.as_str()) {
            return Err(Error::invalid_value(name, "attributeName", ""));
        }
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted.as_str() == name);
    let shown =
        values.into_iter().filter(|(name, _)| is_wanted(name)).map(|(name, value)| AccountAttribute {
            attribute_name: Some(name.to_owned()),
            attribute_values: Some(vec![AccountAttributeValue { attribute_value: Some(value) }]),
        });
    Ok(DescribeAccountAttributesOutput { account_attributes: Some(shown.collect()) })
}
