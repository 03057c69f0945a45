//! RequestSpotInstances and what is done with requests. A request is written down; the task of spot requests fulfils it.

use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION};
use crate::kind::SPOT_REQUEST;
use crate::limits::INSTANCES_AT_ONCE_MAX;
use crate::model::buying::prices;
use crate::model::tags::shown as shown_tags;
use crate::operations::instances::profiles;
use crate::operations::instances::resolve::DEFAULT_TYPE;
use crate::operations::tags;
use crate::operations::vpcs::tokens::Token;
use crate::records::buying::{SPOT_PLACES, SpotRequestRecord};
use crate::records::instances::PlaceRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

/// The least that may be offered ("SpotMarketOptions").
const PRICE_LEAST: prices::Nanos = 1_000_000;

pub async fn request_spot_instances(
    ec2: &Ec2,
    call: &Call,
    input: RequestSpotInstancesInput,
) -> Result<RequestSpotInstancesOutput, Error> {
    let count = check(&input)?;
    let launch = &launch_of(&input)?;
    let options = options(&input);
    check_options(&options)?;
    let instance_type = launch.instance_type.as_deref().unwrap_or_default();
    check_type(ec2, instance_type)?;
    // The task launches in the service's own name: whether the caller may pass the role on is asked now.
    profiles::resolve(ec2, call, launch.iam_instance_profile.as_ref()).await?;
    let specifications = input.tag_specifications.as_deref();
    let given = &tags::of_new(ec2, call, "RequestSpotInstances", specifications, &SPOT_REQUEST, &[]).await?;
    let mut made = Vec::with_capacity(count);
    for _ in 0..count {
        let mut record = record(ec2, call, launch, &options);
        record.shown.0.valid_from = input.valid_from;
        made.push(record);
    }
    let token = &Token::new("ec2.RequestSpotInstances", input.client_token.as_deref(), &input);
    let (place, made) = (&call.scope(), &made);
    let done = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return again(&tx, place, &earlier).await;
        }
        for record in made {
            resources::create(&tx, place, record, given).await?;
            SPOT_PLACES.put(&tx, &(), record.id(), &PlaceRecord::of(place)).await?;
        }
        let ids: Vec<&str> = made.iter().map(SpotRequestRecord::id).collect();
        token.remember(&tx, call, &ids.join(",")).await?;
        Ok::<_, Error>(made.clone())
    });
    let records = done.await?;
    ec2.spot.nudge();
    let shown = records.into_iter().map(|record| SpotInstanceRequest {
        tags: Some(shown_tags(given)).filter(|tags| !tags.is_empty()),
        ..record.shown.0
    });
    Ok(RequestSpotInstancesOutput { spot_instance_requests: Some(shown.collect()) })
}

async fn again(tx: &Tx, place: &Place, ids: &str) -> Result<Vec<SpotRequestRecord>, Error> {
    let mut found = Vec::new();
    for id in ids.split(',') {
        found.extend(SpotRequestRecord::TABLE.get(tx, place, id).await?);
    }
    Ok(found)
}

/// How many are asked for.
fn check(input: &RequestSpotInstancesInput) -> Result<usize, Error> {
    let count = input.instance_count.unwrap_or(1);
    let count = usize::try_from(count).ok().filter(|count| (1..=INSTANCES_AT_ONCE_MAX).contains(count));
    let count = count.ok_or_else(|| {
        let given = input.instance_count.unwrap_or_default();
        let why = format!("Expecting a value from 1 to {INSTANCES_AT_ONCE_MAX}.");
        Error::invalid_value(given, "instanceCount", &why)
    })?;
    for (given, what) in [
        (input.launch_group.is_some(), "A launch group"),
        (input.availability_zone_group.is_some(), "An Availability Zone group"),
        (input.block_duration_minutes.is_some(), "A Spot block (BlockDurationMinutes)"),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    if let (Some(from), Some(until)) = (input.valid_from, input.valid_until)
        && until <= from
    {
        let message = "The end of the validity period must be after its beginning.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(count)
}

/// The options of a request, in the form in which RunInstances has them.
fn options(input: &RequestSpotInstancesInput) -> SpotMarketOptions {
    SpotMarketOptions {
        max_price: input.spot_price.clone(),
        spot_instance_type: input.r#type.clone(),
        block_duration_minutes: None,
        valid_until: input.valid_until,
        instance_interruption_behavior: input.instance_interruption_behavior.clone(),
    }
}

/// What options of a spot request do not go together.
pub fn check_options(options: &SpotMarketOptions) -> Result<(), Error> {
    if let Some(text) = &options.max_price
        && prices::parse(text).is_none_or(|price| price < PRICE_LEAST)
    {
        let why = "A maximum price is a decimal number of at least 0.001.";
        return Err(Error::invalid_value(text, "spotPrice", why));
    }
    if options.block_duration_minutes.is_some() {
        let message = "A Spot block (BlockDurationMinutes) is not supported here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let persists = options.spot_instance_type == Some(SpotInstanceType::Persistent);
    match &options.instance_interruption_behavior {
        Some(InstanceInterruptionBehavior::Hibernate) => {
            let message = "Hibernation is not supported by the machines of this cloud.";
            Err(Error::new(&UNSUPPORTED_OPERATION, message))
        }
        Some(InstanceInterruptionBehavior::Stop) if !persists => {
            let message = "The interruption behavior 'stop' requires a persistent Spot request.";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        _ => Ok(()),
    }
}

/// A type that can be had as spot: one that has a price.
pub fn check_type(ec2: &Ec2, instance_type: &str) -> Result<(), Error> {
    if !ec2.types.has(instance_type) {
        let message = format!("Invalid value '{instance_type}' for InstanceType.");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if prices::on_demand(instance_type).is_none() {
        let message =
            format!("There is no Spot capacity of {instance_type}: this cloud knows no price of that type.");
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    Ok(())
}

fn launch_of(input: &RequestSpotInstancesInput) -> Result<RunInstancesInput, Error> {
    let Some(asked) = input.launch_specification.clone() else {
        return Err(Error::missing("LaunchSpecification"));
    };
    if asked.image_id.is_none() {
        return Err(Error::missing("LaunchSpecification.ImageId"));
    }
    let placement = asked.placement.map(|placement| Placement {
        availability_zone: placement.availability_zone,
        availability_zone_id: placement.availability_zone_id,
        group_name: placement.group_name,
        tenancy: placement.tenancy,
        ..Placement::default()
    });
    Ok(RunInstancesInput {
        image_id: asked.image_id,
        instance_type: Some(asked.instance_type.unwrap_or_else(|| DEFAULT_TYPE.to_owned())),
        min_count: 1,
        max_count: 1,
        security_group_ids: asked.security_group_ids,
        security_groups: asked.security_groups,
        block_device_mappings: asked.block_device_mappings,
        ebs_optimized: asked.ebs_optimized,
        iam_instance_profile: asked.iam_instance_profile,
        kernel_id: asked.kernel_id,
        key_name: asked.key_name,
        monitoring: asked.monitoring,
        network_interfaces: asked.network_interfaces,
        placement,
        ramdisk_id: asked.ramdisk_id,
        subnet_id: asked.subnet_id,
        user_data: asked.user_data,
        instance_market_options: Some(InstanceMarketOptionsRequest {
            market_type: Some(MarketType::Spot),
            spot_options: Some(options(input)),
        }),
        ..RunInstancesInput::default()
    })
}

/// A new request, for one instance of this launch.
pub fn record(
    ec2: &Ec2,
    call: &Call,
    launch: &RunInstancesInput,
    options: &SpotMarketOptions,
) -> SpotRequestRecord {
    let groups = launch
        .security_group_ids
        .iter()
        .flatten()
        .map(|id| GroupIdentifier { group_id: Some(id.clone()), group_name: None });
    let specification = LaunchSpecification {
        user_data: launch.user_data.clone(),
        block_device_mappings: launch.block_device_mappings.clone(),
        ebs_optimized: launch.ebs_optimized,
        iam_instance_profile: launch.iam_instance_profile.clone(),
        image_id: launch.image_id.clone(),
        instance_type: launch.instance_type.clone(),
        key_name: launch.key_name.clone(),
        network_interfaces: launch.network_interfaces.clone(),
        placement: launch.placement.as_ref().map(|placement| SpotPlacement {
            availability_zone: placement.availability_zone.clone(),
            availability_zone_id: placement.availability_zone_id.clone(),
            group_name: placement.group_name.clone(),
            tenancy: placement.tenancy.clone(),
        }),
        subnet_id: launch.subnet_id.clone(),
        security_groups: Some(groups.collect()),
        monitoring: launch.monitoring.clone(),
        ..LaunchSpecification::default()
    };
    let shown = SpotInstanceRequest {
        create_time: Some(call.now),
        launch_specification: Some(specification),
        product_description: Some(RIProductDescription::LinuxUnix),
        spot_instance_request_id: Some(format!("{}-{}", SPOT_REQUEST.prefix, ec2.ids.hex(8))),
        spot_price: options.max_price.as_deref().and_then(prices::parse).map(prices::shown),
        r#type: options.spot_instance_type.clone().or(Some(SpotInstanceType::OneTime)),
        valid_until: options.valid_until,
        instance_interruption_behavior: options
            .instance_interruption_behavior
            .clone()
            .or(Some(InstanceInterruptionBehavior::Terminate)),
        ..SpotInstanceRequest::default()
    };
    let mut record = SpotRequestRecord { shown: Kept(shown), launch: Kept(launch.clone()) };
    let message = "Your Spot request has been submitted for review, and is pending evaluation.";
    record.enter(SpotInstanceState::Open, "pending-evaluation", message, call.now);
    record
}

pub async fn describe_spot_instance_requests(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSpotInstanceRequestsInput,
) -> Result<DescribeSpotInstanceRequestsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeSpotInstanceRequests",
        ids: input.spot_instance_request_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<SpotRequestRecord>(ec2, call, wanted).await?;
    let shown = page.resources.into_iter().map(|(record, tags)| SpotInstanceRequest {
        tags: Some(shown_tags(&tags)).filter(|tags| !tags.is_empty()),
        ..record.shown.0
    });
    Ok(DescribeSpotInstanceRequestsOutput {
        spot_instance_requests: Some(shown.collect()),
        next_token: page.next_token,
    })
}

pub async fn cancel_spot_instance_requests(
    ec2: &Ec2,
    call: &Call,
    input: CancelSpotInstanceRequestsInput,
) -> Result<CancelSpotInstanceRequestsOutput, Error> {
    let (place, ids) = (&call.scope(), &input.spot_instance_request_ids);
    let done = ec2.store.transact(|tx| async move {
        let mut cancelled = Vec::new();
        for id in ids {
            let mut record: SpotRequestRecord = resources::get(&tx, place, id).await?;
            if !record.is_over() {
                let (code, message) = match record.state() {
                    SpotInstanceState::Active | SpotInstanceState::Disabled => (
                        "request-canceled-and-instance-running",
                        "Your Spot request is canceled, but your instance is still running.",
                    ),
                    _ => (
                        "canceled-before-fulfillment",
                        "Your Spot request is canceled before it was fulfilled.",
                    ),
                };
                record.enter(SpotInstanceState::Cancelled, code, message, call.now);
                resources::put(&tx, place, &record).await?;
                SPOT_PLACES.delete(&tx, &(), id).await?;
            }
            cancelled.push(CancelledSpotInstanceRequest {
                spot_instance_request_id: Some(id.clone()),
                state: Some(record.state().as_str().into()),
            });
        }
        Ok::<_, Error>(cancelled)
    });
    Ok(CancelSpotInstanceRequestsOutput { cancelled_spot_instance_requests: Some(done.await?) })
}
