//! Condition keys of launches: what the instance, its network cards and its volumes would be.
//!
//! What a launch template says counts as if the request said it.

use ec2_api::{InstanceNetworkInterfaceSpecification, RunInstancesInput};
use schema::Structure;
use store::Tx;

use super::{Keys, add, arn, existing, making, volumes};
use crate::Ec2;
use crate::error::Error;
use crate::kind::*;
use crate::operations::instances::resolve::DEFAULT_TYPE;
use crate::operations::templates;
use crate::records::vpcs::SubnetRecord;
use crate::records::{Place, Resource};

/// The keys of a new resource (`id` is `*`), and those that all resources of a launch have.
pub async fn keys(
    ec2: &Ec2,
    place: &Place,
    action: &str,
    kind: &str,
    id: &str,
    input: &dyn Structure,
) -> Result<Keys, Error> {
    let Some(input) = input.as_any().downcast_ref::<RunInstancesInput>() else { return Ok(Keys::new()) };
    if action != "RunInstances" {
        return Ok(Keys::new());
    }
    let of_template = id == "*" || kind == LAUNCH_TEMPLATE.name;
    let (mut keys, merged) = templated(ec2, place, of_template, input).await?;
    if id != "*" {
        return Ok(keys);
    }
    let subnet = subnet_of(ec2, place, &merged).await?;
    match kind {
        kind if kind == INSTANCE.name => keys.extend(instance(place, &merged, subnet.as_ref())),
        kind if kind == NETWORK_INTERFACE.name => keys.extend(card(place, &merged, subnet.as_ref())),
        kind if kind == VOLUME.name => {
            zone(&mut keys, &merged, subnet.as_ref());
            let all = volumes::of_launch(ec2, place, &merged).await?;
            keys.extend(all.first().map(|disk| volumes::keys(place, disk)).unwrap_or_default());
        }
        _ => {}
    }
    Ok(keys)
}

/// Of an image that the request names itself, beside what its template says.
pub fn of_image(input: &dyn Structure) -> Keys {
    let mut keys = Keys::new();
    let input = input.as_any().downcast_ref::<RunInstancesInput>();
    let named = input.filter(|input| input.launch_template.is_some()).map(|_| false);
    add(&mut keys, "ec2:IsLaunchTemplateResource", named);
    keys
}

/// The request with its template applied; a template that is not there is refused by the operation itself.
async fn templated(
    ec2: &Ec2,
    place: &Place,
    of_template: bool,
    input: &RunInstancesInput,
) -> Result<(Keys, RunInstancesInput), Error> {
    let mut keys = Keys::new();
    if input.launch_template.is_none() {
        return Ok((keys, input.clone()));
    }
    match templates::applied(ec2, place, input.clone()).await {
        Ok((merged, used)) => {
            let template = used.map(|(id, _)| arn(place, &format!("launch-template/{id}")));
            add(&mut keys, "ec2:LaunchTemplate", template);
            // What the request names itself is not the template's.
            add(&mut keys, "ec2:IsLaunchTemplateResource", Some(of_template));
            Ok((keys, merged))
        }
        Err(Error::Refused { .. }) => Ok((keys, input.clone())),
        Err(error) => Err(error),
    }
}

async fn subnet_of(
    ec2: &Ec2,
    place: &Place,
    input: &RunInstancesInput,
) -> Result<Option<SubnetRecord>, Error> {
    let of_card = first_card(input).and_then(|card| card.subnet_id.as_deref());
    let Some(id) = input.subnet_id.as_deref().or(of_card) else { return Ok(None) };
    Ok(ec2.store.read(|tx: Tx| async move { SubnetRecord::TABLE.get(&tx, place, id).await }).await?)
}

fn first_card(input: &RunInstancesInput) -> Option<&InstanceNetworkInterfaceSpecification> {
    input.network_interfaces.as_deref()?.iter().find(|card| card.device_index.unwrap_or(0) == 0)
}

fn zone(keys: &mut Keys, input: &RunInstancesInput, subnet: Option<&SubnetRecord>) {
    let asked = input.placement.as_ref().and_then(|placement| placement.availability_zone.as_deref());
    add(keys, "ec2:AvailabilityZone", subnet.map(SubnetRecord::zone).or(asked));
    let by_id = input.placement.as_ref().and_then(|placement| placement.availability_zone_id.as_ref());
    let of_subnet = subnet.and_then(|subnet| subnet.subnet.availability_zone_id.as_ref());
    add(keys, "ec2:AvailabilityZoneId", of_subnet.or(by_id));
}

fn instance(place: &Place, input: &RunInstancesInput, subnet: Option<&SubnetRecord>) -> Keys {
    let metadata = input.metadata_options.clone().unwrap_or_default();
    let placement = input.placement.as_ref();
    let mut keys = Keys::new();
    zone(&mut keys, input, subnet);
    add(&mut keys, "ec2:EbsOptimized", Some(input.ebs_optimized.unwrap_or(false)));
    let market = input.instance_market_options.as_ref().and_then(|market| market.market_type.as_ref());
    add(&mut keys, "ec2:InstanceMarketType", Some(market.map_or("on-demand", |market| market.as_str())));
    let profile = input.iam_instance_profile.as_ref().and_then(|asked| making::profile(place, asked));
    add(&mut keys, "ec2:InstanceProfile", profile);
    add(&mut keys, "ec2:InstanceType", Some(input.instance_type.as_deref().unwrap_or(DEFAULT_TYPE)));
    let recovery = input.maintenance_options.as_ref().and_then(|it| it.auto_recovery.as_ref());
    add(&mut keys, "ec2:InstanceAutoRecovery", recovery);
    let weighting = input.network_performance_options.as_ref().and_then(|it| it.bandwidth_weighting.as_ref());
    add(&mut keys, "ec2:InstanceBandwidthWeighting", weighting);
    let secure = input.cpu_options.as_ref().and_then(|it| it.amd_sev_snp.as_ref());
    add(&mut keys, "ec2:CpuOptionsAmdSevSnp", secure);
    add(&mut keys, "ec2:InstanceMetadataTags", metadata.instance_metadata_tags);
    add(&mut keys, "ec2:MetadataHttpEndpoint", metadata.http_endpoint);
    add(&mut keys, "ec2:MetadataHttpPutResponseHopLimit", metadata.http_put_response_hop_limit);
    add(&mut keys, "ec2:MetadataHttpTokens", metadata.http_tokens);
    let group = placement.and_then(|placement| placement.group_name.as_deref());
    add(&mut keys, "ec2:PlacementGroup", group.map(|name| arn(place, &format!("placement-group/{name}"))));
    let tenancy = placement.and_then(|placement| placement.tenancy.as_ref());
    add(&mut keys, "ec2:Tenancy", Some(tenancy.map_or("default", |tenancy| tenancy.as_str())));
    add(&mut keys, "ec2:RootDeviceType", Some("ebs"));
    keys
}

fn card(place: &Place, input: &RunInstancesInput, subnet: Option<&SubnetRecord>) -> Keys {
    let mut keys = subnet.map(|subnet| existing::in_vpc(place, subnet.vpc())).unwrap_or_default();
    add(&mut keys, "ec2:Subnet", subnet.map(|subnet| arn(place, &format!("subnet/{}", subnet.id()))));
    zone(&mut keys, input, subnet);
    let public = first_card(input).and_then(|card| card.associate_public_ip_address);
    add(&mut keys, "ec2:AssociatePublicIpAddress", public);
    keys
}
