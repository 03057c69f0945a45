//! Instance types and where they are offered. Every type is offered in every zone: they all run on the same host.

use std::collections::BTreeMap;

use ec2_api::*;
use service::Call;

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_INSTANCE_TYPE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE};
use crate::limits::INSTANCE_TYPES_PAGE_MAX;
use crate::model::filter::{Filters, matches, one};
use crate::model::types;
use crate::model::vpcs::zones;

pub async fn describe_instance_types(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstanceTypesInput,
) -> Result<DescribeInstanceTypesOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| types::is_filter(name).then(Vec::new))?;
    let wanted = input.instance_types.unwrap_or_default();
    if !wanted.is_empty() && input.max_results.is_some() {
        let message = "The parameter InstanceTypes cannot be used with the parameter MaxResults";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let mut unknown: Vec<&str> = wanted.iter().map(String::as_str).collect();
    unknown.retain(|name| !name.contains('*') && !ec2.types.has(name));
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Error::new(&INVALID_INSTANCE_TYPE, message));
    }
    let named = |name: &str| wanted.is_empty() || wanted.iter().any(|pattern| matches(pattern, name));
    let mut found = Vec::new();
    for name in ec2.types.names().filter(|name| named(name)) {
        let Some(info) = ec2.types.get(name) else { continue };
        if !filters.is_empty() {
            let opened = types::opened(&info);
            if !filters.admit(&BTreeMap::new(), &|name| types::value(&opened, name))? {
                continue;
            }
        }
        found.push(info);
    }
    let default = i32::try_from(INSTANCE_TYPES_PAGE_MAX).unwrap_or(100);
    let max_results = Some(input.max_results.unwrap_or(default).min(default)).filter(|_| wanted.is_empty());
    let asked =
        Asked { operation: "DescribeInstanceTypes", max_results, next_token: input.next_token, least: 5 };
    let position = |info: &InstanceTypeInfo| info.instance_type.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeInstanceTypesOutput { instance_types: Some(page), next_token })
}

pub async fn describe_instance_type_offerings(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstanceTypeOfferingsInput,
) -> Result<DescribeInstanceTypeOfferingsOutput, Error> {
    const FILTERS: &[&str] = &["instance-type", "location"];
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let location_type = input.location_type.unwrap_or(LocationType::Region);
    let names = zones::names(call.region);
    let locations: Vec<String> = match &location_type {
        LocationType::Region => vec![call.region.to_string()],
        LocationType::AvailabilityZone => names,
        LocationType::AvailabilityZoneId => {
            names.iter().filter_map(|name| zones::id_of(call.region, name)).collect()
        }
        LocationType::Outpost => Vec::new(),
        LocationType::Unknown(other) => return Err(Error::invalid_value(other, "locationType", "")),
    };
    let mut found = Vec::new();
    for name in ec2.types.names() {
        for location in &locations {
            let of = |filter: &str| match filter {
                "instance-type" => one(name),
                "location" => one(location),
                _ => None,
            };
            if filters.admit(&BTreeMap::new(), &of)? {
                found.push(InstanceTypeOffering {
                    instance_type: Some(name.to_owned()),
                    location_type: Some(location_type.clone()),
                    location: Some(location.clone()),
                });
            }
        }
    }
    let asked = Asked {
        operation: "DescribeInstanceTypeOfferings",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |one: &InstanceTypeOffering| {
        format!(
            "{} {}",
            one.instance_type.as_deref().unwrap_or_default(),
            one.location.as_deref().unwrap_or_default()
        )
    };
    let (page, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeInstanceTypeOfferingsOutput { instance_type_offerings: Some(page), next_token })
}

pub async fn get_instance_types_from_instance_requirements(
    ec2: &Ec2,
    call: &Call,
    input: GetInstanceTypesFromInstanceRequirementsInput,
) -> Result<GetInstanceTypesFromInstanceRequirementsOutput, Error> {
    let wanted = &input.instance_requirements;
    let bad = wanted.v_cpu_count.max.is_some_and(|max| max < wanted.v_cpu_count.min)
        || wanted.memory_mi_b.max.is_some_and(|max| max < wanted.memory_mi_b.min);
    if bad {
        let message = "A maximum must not be smaller than its minimum.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let runs_on = |info: &InstanceTypeInfo| {
        let known =
            info.processor_info.as_ref().and_then(|processor| processor.supported_architectures.as_ref());
        let has = known.is_some_and(|known| known.iter().any(|one| input.architecture_types.contains(one)));
        let virtual_types = info.supported_virtualization_types.as_ref();
        has && virtual_types
            .is_some_and(|known| known.iter().any(|one| input.virtualization_types.contains(one)))
    };
    let all = ec2.types.names().filter_map(|name| ec2.types.get(name));
    let fitting =
        all.filter(|info| runs_on(info) && types::fits(info, wanted)).filter_map(|info| info.instance_type);
    let found =
        fitting.map(|name| InstanceTypeInfoFromInstanceRequirements { instance_type: Some(name) }).collect();
    let asked = Asked {
        operation: "GetInstanceTypesFromInstanceRequirements",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position =
        |one: &InstanceTypeInfoFromInstanceRequirements| one.instance_type.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(GetInstanceTypesFromInstanceRequirementsOutput { instance_types: Some(page), next_token })
}
