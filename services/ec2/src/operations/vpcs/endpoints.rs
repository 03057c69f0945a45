//! VPC endpoints: gateways, which are routes, and interfaces, which are addresses in subnets.

use base::Ids;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::endpoint_parts::{self, Changes};
use super::lookups;
use super::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER, INVALID_POLICY_DOCUMENT, UNSUPPORTED_OPERATION, VPC_ENDPOINT_LIMIT_EXCEEDED,
};
use crate::kind::VPC_ENDPOINT;
use crate::limits::{ENDPOINT_POLICY_CHARS_MAX, GATEWAY_ENDPOINTS_MAX, INTERFACE_ENDPOINTS_OF_VPC_MAX};
use crate::model::tags::{self, Tags};
use crate::model::vpcs::endpoint_services::{self, OPEN_POLICY};
use crate::operations::tags::of_new;
use crate::records::endpoints::EndpointRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

fn shown(record: EndpointRecord, tags: &Tags) -> VpcEndpoint {
    VpcEndpoint { tags: Some(tags::shown(tags)), ..record.endpoint.0 }
}

pub async fn create_vpc_endpoint(
    ec2: &Ec2,
    call: &Call,
    input: CreateVpcEndpointInput,
) -> Result<CreateVpcEndpointOutput, Error> {
    let tags =
        &of_new(ec2, call, "CreateVpcEndpoint", input.tag_specifications.as_deref(), &VPC_ENDPOINT, &[])
            .await?;
    let kind = input.vpc_endpoint_type.clone().unwrap_or(VpcEndpointType::Gateway);
    if !matches!(kind, VpcEndpointType::Gateway | VpcEndpointType::Interface) {
        let message = format!("Endpoints of the type {kind} are not supported.");
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let name = input.service_name.as_deref().ok_or_else(|| Error::missing("serviceName"))?;
    endpoint_services::find(call.region, name, &kind)?;
    check(call, &input, &kind)?;
    let told = CreateVpcEndpointInput { client_token: None, ..input.clone() };
    let token = &Token::new("ec2.CreateVpcEndpoint", input.client_token.as_deref(), &told);
    let (place, seed, input, kind) = (call.scope(), ec2.ids.number(), &input, &kind);
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<EndpointRecord>(&tx, &place, &id).await;
        }
        let id = VPC_ENDPOINT.new_id(&Ids::seeded(seed));
        if let Some(made) = lookups::made::<EndpointRecord>(&tx, &place, &id).await? {
            return Ok(made);
        }
        let vpc: VpcRecord = resources::get(&tx, &place, &input.vpc_id).await?;
        within_quota(&tx, &place, kind, vpc.id()).await?;
        let mut record = new_record(call, id, input, kind);
        let changes = Changes {
            add_tables: input.route_table_ids.clone().unwrap_or_default(),
            add_subnets: input.subnet_ids.clone().unwrap_or_default(),
            add_groups: input.security_group_ids.clone().unwrap_or_default(),
            private_dns: Some(
                *kind == VpcEndpointType::Interface && input.private_dns_enabled != Some(false),
            ),
            ..Changes::default()
        };
        endpoint_parts::change(ec2, &tx, call, &mut record, &vpc, &changes).await?;
        resources::create(&tx, &place, &record, tags).await?;
        token.remember(&tx, call, record.id()).await?;
        Ok::<_, Error>(record)
    });
    let mut endpoint = shown(made.await?, tags);
    ec2.networks.nudge();
    if *kind == VpcEndpointType::Interface {
        endpoint.state = Some(State::from("pending"));
    }
    Ok(CreateVpcEndpointOutput { vpc_endpoint: Some(endpoint), client_token: token.shown() })
}

/// What an endpoint of one kind cannot be given.
fn check(call: &Call, input: &CreateVpcEndpointInput, kind: &VpcEndpointType) -> Result<(), Error> {
    policy(input.policy_document.as_deref())?;
    let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let is_gateway = *kind == VpcEndpointType::Gateway;
    if is_gateway && (given(&input.subnet_ids) || given(&input.security_group_ids)) {
        let message =
            "Subnet IDs and security group IDs are only supported for Interface type VPC Endpoints.";
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    if is_gateway && input.private_dns_enabled == Some(true) {
        let message = "Private DNS can only be enabled for Interface type VPC Endpoints.";
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    if !is_gateway && given(&input.route_table_ids) {
        let message = "Route table IDs are only supported for Gateway type VPC Endpoint.";
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    if !matches!(input.ip_address_type, None | Some(IpAddressType::Ipv4))
        || input.subnet_configurations.is_some()
    {
        let message = "Endpoints have IPv4 addresses only, chosen by this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    match input.service_region.as_deref().filter(|region| *region != call.region.as_str()) {
        Some(_) => Err(Error::new(&UNSUPPORTED_OPERATION, "Endpoints lead to services of their own Region.")),
        None => Ok(()),
    }
}

/// A policy is a JSON object, whatever else it says.
fn policy(text: Option<&str>) -> Result<(), Error> {
    let Some(text) = text else { return Ok(()) };
    if text.chars().count() > ENDPOINT_POLICY_CHARS_MAX {
        let message = format!("The policy has more than {ENDPOINT_POLICY_CHARS_MAX} characters");
        return Err(Error::new(&INVALID_POLICY_DOCUMENT, message));
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.get("Statement").is_some() => Ok(()),
        _ => Err(Error::new(&INVALID_POLICY_DOCUMENT, "This policy contains invalid Json")),
    }
}

async fn within_quota(tx: &Tx, place: &Place, kind: &VpcEndpointType, vpc: &str) -> Result<(), Error> {
    let all = resources::all::<EndpointRecord>(tx, place).await?;
    let (count, most) = match kind {
        VpcEndpointType::Gateway => {
            (all.iter().filter(|record| record.is_gateway()).count(), GATEWAY_ENDPOINTS_MAX)
        }
        _ => {
            let own = all.iter().filter(|record| !record.is_gateway() && record.vpc() == vpc);
            (own.count(), INTERFACE_ENDPOINTS_OF_VPC_MAX)
        }
    };
    match count < most {
        true => Ok(()),
        false => {
            let message = "The maximum number of VPC endpoints has been reached.";
            Err(Error::new(&VPC_ENDPOINT_LIMIT_EXCEEDED, message))
        }
    }
}

fn new_record(
    call: &Call,
    id: String,
    input: &CreateVpcEndpointInput,
    kind: &VpcEndpointType,
) -> EndpointRecord {
    let asked = input.dns_options.clone().unwrap_or_default();
    let dns_options = DnsOptions {
        dns_record_ip_type: Some(asked.dns_record_ip_type.unwrap_or(DnsRecordIpType::Ipv4)),
        private_dns_only_for_inbound_resolver_endpoint: asked.private_dns_only_for_inbound_resolver_endpoint,
        private_dns_preference: asked.private_dns_preference,
        private_dns_specified_domains: asked.private_dns_specified_domains,
    };
    EndpointRecord {
        endpoint: Kept(VpcEndpoint {
            vpc_endpoint_id: Some(id),
            vpc_endpoint_type: Some(kind.clone()),
            vpc_id: Some(input.vpc_id.clone()),
            service_name: input.service_name.clone(),
            // In lower case, whatever the model's enumeration says: clients wait for `available`.
            state: Some(State::from("available")),
            policy_document: Some(input.policy_document.clone().unwrap_or_else(|| OPEN_POLICY.to_owned())),
            route_table_ids: Some(Vec::new()),
            subnet_ids: Some(Vec::new()),
            groups: Some(Vec::new()),
            ip_address_type: Some(IpAddressType::Ipv4),
            dns_options: Some(dns_options),
            private_dns_enabled: Some(false),
            requester_managed: Some(false),
            network_interface_ids: Some(Vec::new()),
            dns_entries: Some(Vec::new()),
            creation_timestamp: Some(call.now),
            owner_id: Some(call.account.to_string()),
            service_region: Some(call.region.to_string()),
            ..VpcEndpoint::default()
        }),
    }
}

pub async fn modify_vpc_endpoint(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVpcEndpointInput,
) -> Result<ModifyVpcEndpointOutput, Error> {
    policy(input.policy_document.as_deref())?;
    if !matches!(input.ip_address_type, None | Some(IpAddressType::Ipv4))
        || input.subnet_configurations.is_some()
    {
        let message = "Endpoints have IPv4 addresses only, chosen by this cloud.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let (place, input) = (call.scope(), &input);
    ec2.store
        .transact(|tx| async move {
            let mut record: EndpointRecord = resources::get(&tx, &place, &input.vpc_endpoint_id).await?;
            let vpc: VpcRecord = resources::get(&tx, &place, record.vpc()).await?;
            if input.reset_policy == Some(true) {
                record.endpoint.0.policy_document = Some(OPEN_POLICY.to_owned());
            }
            if let Some(text) = &input.policy_document {
                record.endpoint.0.policy_document = Some(text.clone());
            }
            if let Some(kind) =
                input.dns_options.as_ref().and_then(|options| options.dns_record_ip_type.clone())
            {
                record.endpoint.0.dns_options.get_or_insert_default().dns_record_ip_type = Some(kind);
            }
            let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
            let changes = Changes {
                add_tables: list(&input.add_route_table_ids),
                remove_tables: list(&input.remove_route_table_ids),
                add_subnets: list(&input.add_subnet_ids),
                remove_subnets: list(&input.remove_subnet_ids),
                add_groups: list(&input.add_security_group_ids),
                remove_groups: list(&input.remove_security_group_ids),
                private_dns: input.private_dns_enabled,
            };
            endpoint_parts::change(ec2, &tx, call, &mut record, &vpc, &changes).await?;
            resources::put(&tx, &place, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(ModifyVpcEndpointOutput { r#return: Some(true) })
}

pub async fn describe_vpc_endpoints(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpcEndpointsInput,
) -> Result<DescribeVpcEndpointsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeVpcEndpoints",
        ids: input.vpc_endpoint_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 1,
        ..Wanted::default()
    };
    let page = resources::describe::<EndpointRecord>(ec2, call, wanted).await?;
    let endpoints = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeVpcEndpointsOutput { vpc_endpoints: Some(endpoints), next_token: page.next_token })
}

/// Deletes those that are there, and tells of the others.
pub async fn delete_vpc_endpoints(
    ec2: &Ec2,
    call: &Call,
    input: DeleteVpcEndpointsInput,
) -> Result<DeleteVpcEndpointsOutput, Error> {
    let (place, ids) = (call.scope(), &input.vpc_endpoint_ids);
    for id in ids {
        VPC_ENDPOINT.check(id)?;
    }
    let unsuccessful = ec2.store.transact(|tx| async move {
        let mut unsuccessful = Vec::new();
        for id in ids {
            let Some(mut record) = lookups::made::<EndpointRecord>(&tx, &place, id).await? else {
                unsuccessful.push(UnsuccessfulItem {
                    error: Some(UnsuccessfulItemError {
                        code: Some("InvalidVpcEndpoint.NotFound".to_owned()),
                        message: Some(format!("The Vpc Endpoint Id '{id}' does not exist")),
                    }),
                    resource_id: Some(id.clone()),
                });
                continue;
            };
            endpoint_parts::clear(&tx, &place, &mut record).await?;
            resources::remove::<EndpointRecord>(&tx, &place, id).await?;
        }
        Ok::<_, Error>(unsuccessful)
    });
    let unsuccessful = unsuccessful.await?;
    ec2.networks.nudge();
    Ok(DeleteVpcEndpointsOutput { unsuccessful: Some(unsuccessful) })
}
