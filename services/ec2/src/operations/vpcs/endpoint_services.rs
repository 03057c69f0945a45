//! Which services endpoints can lead to.

use std::collections::{BTreeMap, BTreeSet};

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_SERVICE_NAME;
use crate::model::filter::{Filters, one};
use crate::model::vpcs::{endpoint_services, zones};
use crate::operations::lists::{self, Asked};

fn detail(call: &Call, service: &endpoint_services::EndpointService) -> ServiceDetail {
    let names = zones::names(call.region);
    let host = service.host(call.region);
    let is_interface = service.kind == VpcEndpointType::Interface;
    let private = is_interface.then(|| host.clone());
    ServiceDetail {
        service_name: Some(service.name.clone()),
        service_id: Some(service.id(call.region)),
        service_type: Some(vec![ServiceTypeDetail {
            service_type: Some(ServiceType::from(service.kind.as_str())),
        }]),
        service_region: Some(call.region.to_string()),
        availability_zone_ids: Some(
            names.iter().filter_map(|name| zones::id_of(call.region, name)).collect(),
        ),
        availability_zones: Some(names),
        owner: Some("amazon".to_owned()),
        base_endpoint_dns_names: Some(vec![match is_interface {
            true => format!("{}.{}.vpce.{}", service.short, call.region, call.region.dns_suffix()),
            false => host,
        }]),
        private_dns_names: private
            .clone()
            .map(|name| vec![PrivateDnsDetails { private_dns_name: Some(name) }]),
        private_dns_name: private,
        vpc_endpoint_policy_supported: Some(true),
        acceptance_required: Some(false),
        manages_vpc_endpoints: Some(false),
        tags: Some(Vec::new()),
        private_dns_name_verification_state: is_interface.then_some(DnsNameState::Verified),
        supported_ip_address_types: Some(vec![ServiceConnectivityType::Ipv4]),
        ..ServiceDetail::default()
    }
}

pub async fn describe_vpc_endpoint_services(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpcEndpointServicesInput,
) -> Result<DescribeVpcEndpointServicesOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    let names = input.service_names.unwrap_or_default();
    let all = endpoint_services::all(call.region);
    if let Some(name) = names.iter().find(|name| !all.iter().any(|service| service.name == **name)) {
        let message = format!("The Vpc Endpoint Service '{name}' does not exist");
        return Err(Error::new(&INVALID_SERVICE_NAME, message));
    }
    let mut found = Vec::new();
    for service in &all {
        let of = |name: &str| match name {
            "owner" => one("amazon"),
            "service-name" => one(&service.name),
            "service-region" => one(call.region),
            "service-type" => one(&service.kind),
            "supported-ip-address-types" => one("ipv4"),
            _ => None,
        };
        let is_named = names.is_empty() || names.contains(&service.name);
        if filters.admit(&BTreeMap::new(), &of)? && is_named {
            found.push(detail(call, service));
        }
    }
    found.sort_by(|one, other| {
        (&one.service_name, &one.service_id).cmp(&(&other.service_name, &other.service_id))
    });
    let asked = Asked {
        operation: "DescribeVpcEndpointServices",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
    };
    let position = |detail: &ServiceDetail| {
        let name = detail.service_name.clone().unwrap_or_default();
        format!("{name} {}", detail.service_id.as_deref().unwrap_or_default())
    };
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    let names: BTreeSet<String> = found.iter().filter_map(|detail| detail.service_name.clone()).collect();
    Ok(DescribeVpcEndpointServicesOutput {
        service_names: Some(names.into_iter().collect()),
        service_details: Some(found),
        next_token,
    })
}
