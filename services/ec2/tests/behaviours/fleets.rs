//! Spot fleets and EC2 fleets of spot capacity: allocation, upkeep by the task, cancellation, and the clock.

use std::time::Duration;

use base::Timestamp;
use ec2_api::*;
use iam_api::{CreateRole, CreateRoleInput};
use testkit::Cloud;

use crate::buying::{HOUR, pass, terminate};
use crate::instances::{image, show, until};
use crate::support::{code, refused, tagged};

const ROLE: &str = "arn:aws:iam::000000000000:role/fleet";

async fn role(cloud: &Cloud, name: &str, service: &str) {
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: policy,
        ..CreateRoleInput::default()
    };
    cloud.call(CreateRole, input).await.unwrap();
}

/// A cloud in which there is the role that fleets are asked for with.
async fn cloud(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    role(&cloud, "fleet", "spotfleet.amazonaws.com").await;
    cloud
}

async fn specification(cloud: &Cloud, instance_type: &str, zone: &str) -> SpotFleetLaunchSpecification {
    SpotFleetLaunchSpecification {
        image_id: Some(image(cloud).await),
        instance_type: Some(instance_type.to_owned()),
        placement: Some(SpotPlacement {
            availability_zone: Some(zone.to_owned()),
            ..SpotPlacement::default()
        }),
        ..SpotFleetLaunchSpecification::default()
    }
}

async fn config(cloud: &Cloud, target: i32) -> SpotFleetRequestConfigData {
    SpotFleetRequestConfigData {
        iam_fleet_role: ROLE.to_owned(),
        target_capacity: target,
        launch_specifications: Some(vec![specification(cloud, "m5.large", "us-east-1a").await]),
        ..SpotFleetRequestConfigData::default()
    }
}

fn asked(config: &SpotFleetRequestConfigData) -> RequestSpotFleetInput {
    RequestSpotFleetInput { spot_fleet_request_config: config.clone(), ..RequestSpotFleetInput::default() }
}

async fn ask(cloud: &Cloud, config: &SpotFleetRequestConfigData) -> String {
    cloud.call(RequestSpotFleet, asked(config)).await.unwrap().spot_fleet_request_id.unwrap()
}

async fn all(cloud: &Cloud) -> Vec<SpotFleetRequestConfig> {
    let input = DescribeSpotFleetRequestsInput::default();
    cloud.call(DescribeSpotFleetRequests, input).await.unwrap().spot_fleet_request_configs.unwrap()
}

async fn look(cloud: &Cloud, id: &str) -> SpotFleetRequestConfig {
    let input = DescribeSpotFleetRequestsInput {
        spot_fleet_request_ids: Some(vec![id.to_owned()]),
        ..DescribeSpotFleetRequestsInput::default()
    };
    let found = cloud.call(DescribeSpotFleetRequests, input).await.unwrap();
    found.spot_fleet_request_configs.unwrap().remove(0)
}

async fn members(cloud: &Cloud, id: &str) -> Vec<String> {
    let input = DescribeSpotFleetInstancesInput {
        spot_fleet_request_id: id.to_owned(),
        ..DescribeSpotFleetInstancesInput::default()
    };
    let found = cloud.call(DescribeSpotFleetInstances, input).await.unwrap().active_instances.unwrap();
    found.into_iter().filter_map(|one| one.instance_id).collect()
}

async fn zones(cloud: &Cloud, ids: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for id in ids {
        found.extend(show(cloud, id).await.placement.unwrap().availability_zone);
    }
    found.sort_unstable();
    found
}

/// What happened, in its order.
async fn history(cloud: &Cloud, id: &str) -> Vec<String> {
    let input = DescribeSpotFleetRequestHistoryInput {
        spot_fleet_request_id: id.to_owned(),
        start_time: Timestamp::from_secs(0),
        ..DescribeSpotFleetRequestHistoryInput::default()
    };
    let found = cloud.call(DescribeSpotFleetRequestHistory, input).await.unwrap().history_records.unwrap();
    found.into_iter().filter_map(|entry| entry.event_information?.event_sub_type).collect()
}

async fn cancel(cloud: &Cloud, id: &str, terminate_instances: bool) -> CancelSpotFleetRequestsOutput {
    let input = CancelSpotFleetRequestsInput {
        spot_fleet_request_ids: vec![id.to_owned()],
        terminate_instances,
        dry_run: None,
    };
    cloud.call(CancelSpotFleetRequests, input).await.unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_fleet_keeps_its_target_and_replaces_what_is_taken_from_it() {
    let cloud = cloud(420).await;
    let mut config = config(&cloud, 3).await;
    config.tag_specifications = tagged("spot-fleet-request", &[("team", "batch")]);
    let id = ask(&cloud, &config).await;
    assert_eq!(look(&cloud, &id).await.spot_fleet_request_state, Some(BatchState::Submitted));
    pass(&cloud, MINUTE).await;
    let fleet = look(&cloud, &id).await;
    assert_eq!(fleet.spot_fleet_request_state, Some(BatchState::Active));
    assert_eq!(fleet.activity_status, Some(ActivityStatus::Fulfilled));
    assert_eq!(fleet.tags.unwrap()[0].value.as_deref(), Some("batch"));
    assert_eq!(fleet.spot_fleet_request_config.unwrap().fulfilled_capacity, Some(3.0));
    let before = members(&cloud, &id).await;
    assert_eq!(before.len(), 3);
    let one = show(&cloud, &before[0]).await;
    assert_eq!(one.instance_lifecycle, Some(InstanceLifecycleType::Spot));
    let tags = one.tags.unwrap();
    assert!(tags.iter().any(|tag| tag.key.as_deref() == Some("aws:ec2spot:fleet-request-id")));
    // One is interrupted, another is terminated by its owner: both are replaced.
    until(&cloud, &before[0], InstanceStateName::Running).await;
    cloud.ec2.interrupt(&before[0]).await.unwrap();
    pass(&cloud, Duration::from_secs(121)).await;
    terminate(&cloud, &before[1]).await;
    pass(&cloud, MINUTE).await;
    let after = members(&cloud, &id).await;
    assert_eq!(after.len(), 3);
    assert!(!after.contains(&before[0]) && !after.contains(&before[1]) && after.contains(&before[2]));
    let events = history(&cloud, &id).await;
    assert_eq!(events[..5], ["submitted", "active", "launched", "launched", "launched"]);
    assert_eq!(events.iter().filter(|event| *event == "terminated").count(), 2);
}

#[tokio::test]
async fn a_request_fleet_launches_its_target_once() {
    let cloud = cloud(421).await;
    let config = SpotFleetRequestConfigData { r#type: Some(FleetType::Request), ..config(&cloud, 2).await };
    let id = ask(&cloud, &config).await;
    pass(&cloud, MINUTE).await;
    let first = members(&cloud, &id).await;
    assert_eq!(first.len(), 2);
    terminate(&cloud, &first[0]).await;
    pass(&cloud, MINUTE).await;
    assert_eq!(members(&cloud, &id).await, first[1..]);
    let modify = ModifySpotFleetRequestInput {
        spot_fleet_request_id: id,
        target_capacity: Some(4),
        ..ModifySpotFleetRequestInput::default()
    };
    assert_eq!(code(cloud.call(ModifySpotFleetRequest, modify).await), "FleetNotInModifiableState");
}

#[tokio::test]
async fn a_diversified_fleet_has_some_of_each_pool_and_weights_count() {
    let cloud = cloud(422).await;
    let mut config = config(&cloud, 12).await;
    config.allocation_strategy = Some(AllocationStrategy::Diversified);
    let mut all = Vec::new();
    for (instance_type, zone, weight) in
        [("m5.large", "us-east-1a", 2.0), ("m5.xlarge", "us-east-1b", 4.0), ("m5.large", "us-east-1c", 2.0)]
    {
        let mut one = specification(&cloud, instance_type, zone).await;
        one.weighted_capacity = Some(weight);
        all.push(one);
    }
    config.launch_specifications = Some(all);
    let id = ask(&cloud, &config).await;
    pass(&cloud, MINUTE).await;
    let found = members(&cloud, &id).await;
    let zones = zones(&cloud, &found).await;
    assert_eq!(zones, ["us-east-1a", "us-east-1a", "us-east-1b", "us-east-1c", "us-east-1c"]);
    let shown = look(&cloud, &id).await.spot_fleet_request_config.unwrap();
    assert_eq!(shown.fulfilled_capacity, Some(12.0));
}

#[tokio::test]
async fn the_cheapest_zone_is_taken_and_a_zone_without_power_is_not() {
    let cloud = cloud(423).await;
    let mut config = config(&cloud, 2).await;
    let mut anywhere = specification(&cloud, "m5.large", "").await;
    anywhere.placement = None;
    config.launch_specifications = Some(vec![anywhere]);
    let id = ask(&cloud, &config).await;
    pass(&cloud, MINUTE).await;
    let first = zones(&cloud, &members(&cloud, &id).await).await;
    assert_eq!(first[0], first[1]);
    let history = DescribeSpotPriceHistoryInput {
        instance_types: Some(vec!["m5.large".to_owned()]),
        start_time: Some(cloud.clock.now()),
        ..DescribeSpotPriceHistoryInput::default()
    };
    let prices = cloud.call(DescribeSpotPriceHistory, history).await.unwrap().spot_price_history.unwrap();
    let price = |one: &SpotPrice| one.spot_price.as_deref().unwrap().parse::<f64>().unwrap();
    let cheapest = prices.iter().map(price).fold(f64::MAX, f64::min);
    let of_zone = prices.iter().find(|one| one.availability_zone.as_deref() == Some(first[0].as_str()));
    assert!((price(of_zone.unwrap()) - cheapest).abs() < 1e-9);
    cloud.ec2.set_zone(&first[0], true).await.unwrap();
    let more = ModifySpotFleetRequestInput {
        spot_fleet_request_id: id.clone(),
        target_capacity: Some(3),
        ..ModifySpotFleetRequestInput::default()
    };
    cloud.call(ModifySpotFleetRequest, more).await.unwrap();
    let mut after = Vec::new();
    for _ in 0..10 {
        pass(&cloud, MINUTE).await;
        after = zones(&cloud, &members(&cloud, &id).await).await;
        if after.len() == 3 {
            break;
        }
    }
    assert!(after.len() == 3 && after.iter().any(|zone| *zone != first[0]), "{after:?}");
}

#[tokio::test]
async fn a_fleet_below_the_price_says_so_and_waits() {
    let cloud = cloud(424).await;
    let config =
        SpotFleetRequestConfigData { spot_price: Some("0.001".to_owned()), ..config(&cloud, 1).await };
    let id = ask(&cloud, &config).await;
    for _ in 0..3 {
        pass(&cloud, MINUTE).await;
    }
    assert!(members(&cloud, &id).await.is_empty());
    assert_eq!(look(&cloud, &id).await.activity_status, Some(ActivityStatus::Error));
    assert_eq!(history(&cloud, &id).await, ["submitted", "active", "launchSpecUnusable"]);
    // What all of it may cost in an hour bounds it as well: two of about four cents each.
    let most = SpotFleetRequestConfigData {
        spot_price: None,
        spot_max_total_price: Some("0.12".to_owned()),
        target_capacity: 20,
        ..config
    };
    let id = ask(&cloud, &most).await;
    pass(&cloud, MINUTE).await;
    let count = members(&cloud, &id).await.len();
    assert!((1..=5).contains(&count), "{count}");
    pass(&cloud, MINUTE).await;
    assert_eq!(members(&cloud, &id).await.len(), count);
}

#[tokio::test]
async fn a_smaller_target_ends_instances_unless_the_fleet_says_otherwise() {
    let cloud = cloud(425).await;
    let keeping = SpotFleetRequestConfigData {
        excess_capacity_termination_policy: Some(ExcessCapacityTerminationPolicy::NoTermination),
        ..config(&cloud, 3).await
    };
    for (config, left) in [(config(&cloud, 3).await, 1), (keeping, 3)] {
        let id = ask(&cloud, &config).await;
        pass(&cloud, MINUTE).await;
        let input = ModifySpotFleetRequestInput {
            spot_fleet_request_id: id.clone(),
            target_capacity: Some(1),
            ..ModifySpotFleetRequestInput::default()
        };
        cloud.call(ModifySpotFleetRequest, input).await.unwrap();
        pass(&cloud, MINUTE).await;
        assert_eq!(members(&cloud, &id).await.len(), left);
        let events = history(&cloud, &id).await;
        assert!(events.contains(&"modify_in_progress".to_owned()));
        assert!(events.contains(&"modify_succeeded".to_owned()));
    }
}

#[tokio::test]
async fn a_cancelled_fleet_is_over_when_its_instances_are_and_forgotten_two_days_later() {
    let cloud = cloud(426).await;
    let id = ask(&cloud, &config(&cloud, 1).await).await;
    pass(&cloud, MINUTE).await;
    let instance = members(&cloud, &id).await.remove(0);
    let done = cancel(&cloud, &id, false).await.successful_fleet_requests.unwrap().remove(0);
    assert_eq!(done.previous_spot_fleet_request_state, Some(BatchState::Active));
    assert_eq!(done.current_spot_fleet_request_state, Some(BatchState::CancelledRunning));
    pass(&cloud, MINUTE).await;
    assert_eq!(show(&cloud, &instance).await.state.unwrap().name, Some(InstanceStateName::Running));
    // Its instances can still be asked to go with it.
    let done = cancel(&cloud, &id, true).await.successful_fleet_requests.unwrap().remove(0);
    assert_eq!(done.current_spot_fleet_request_state, Some(BatchState::CancelledTerminating));
    until(&cloud, &instance, InstanceStateName::Terminated).await;
    pass(&cloud, MINUTE).await;
    assert_eq!(look(&cloud, &id).await.spot_fleet_request_state, Some(BatchState::Cancelled));
    let again = cancel(&cloud, &id, true).await.unsuccessful_fleet_requests.unwrap().remove(0);
    let why = again.error.unwrap().code;
    assert_eq!(why, Some(CancelBatchErrorCode::FleetRequestNotInCancellableState));
    let none = "sfr-00000000-0000-0000-0000-000000000000";
    for (id, expected) in [
        (none, CancelBatchErrorCode::FleetRequestIdDoesNotExist),
        ("sfr-1", CancelBatchErrorCode::FleetRequestIdMalformed),
    ] {
        let refused = cancel(&cloud, id, true).await.unsuccessful_fleet_requests.unwrap().remove(0);
        assert_eq!(refused.error.unwrap().code, Some(expected));
    }
    pass(&cloud, HOUR * 49).await;
    assert!(all(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_fleet_begins_and_expires_by_the_clock() {
    let cloud = cloud(427).await;
    let now = cloud.clock.now();
    for (ends, state) in [(true, BatchState::Cancelled), (false, BatchState::CancelledRunning)] {
        let config = SpotFleetRequestConfigData {
            valid_from: Some(cloud.clock.now() + HOUR),
            valid_until: Some(cloud.clock.now() + HOUR * 3),
            terminate_instances_with_expiration: Some(ends),
            ..config(&cloud, 1).await
        };
        let id = ask(&cloud, &config).await;
        pass(&cloud, MINUTE).await;
        assert!(members(&cloud, &id).await.is_empty());
        pass(&cloud, HOUR).await;
        assert_eq!(members(&cloud, &id).await.len(), 1);
        for _ in 0..3 {
            pass(&cloud, HOUR).await;
        }
        assert_eq!(look(&cloud, &id).await.spot_fleet_request_state, Some(state));
        assert_eq!(members(&cloud, &id).await.len(), usize::from(!ends));
        assert!(history(&cloud, &id).await.contains(&"expired".to_owned()));
    }
    assert!(cloud.clock.now() > now);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let cloud = cloud(428).await;
    role(&cloud, "other", "ec2.amazonaws.com").await;
    let good = config(&cloud, 1).await;
    let with = |change: &dyn Fn(&mut SpotFleetRequestConfigData)| {
        let mut config = good.clone();
        change(&mut config);
        asked(&config)
    };
    let other = ROLE.replace("fleet", "other");
    let roles = ["fleet", "arn:aws:iam::000000000000:role/none", other.as_str()];
    for role in roles {
        let input = with(&|config| config.iam_fleet_role = role.to_owned());
        let (code, message) = refused(cloud.call(RequestSpotFleet, input).await);
        assert_eq!(code, "InvalidSpotFleetRequestConfig", "{role}");
        assert_eq!(message, "Parameter: SpotFleetRequestConfig.IamFleetRole is invalid.");
    }
    let past = cloud.clock.now();
    for (input, expected) in [
        (with(&|it| it.target_capacity = -1), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.target_capacity = 10_001), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.on_demand_target_capacity = Some(1)), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.launch_specifications = None), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.r#type = Some(FleetType::Instant)), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.valid_until = Some(past)), "InvalidSpotFleetRequestConfig"),
        (with(&|it| it.spot_price = Some("cheap".to_owned())), "InvalidParameterValue"),
        (with(&|it| it.tag_specifications = tagged("instance", &[("a", "b")])), "InvalidParameterValue"),
        (
            with(&|it| it.instance_interruption_behavior = Some(InstanceInterruptionBehavior::Stop)),
            "UnsupportedOperation",
        ),
        (
            with(&|it| it.spot_maintenance_strategies = Some(SpotMaintenanceStrategies::default())),
            "UnsupportedOperation",
        ),
    ] {
        assert_eq!(code(cloud.call(RequestSpotFleet, input.clone()).await), expected, "{input:?}");
    }
    let twice = SpotFleetRequestConfigData { client_token: Some("one".to_owned()), ..good };
    assert_eq!(ask(&cloud, &twice).await, ask(&cloud, &twice).await);
    let other = SpotFleetRequestConfigData { target_capacity: 2, ..twice };
    assert_eq!(code(cloud.call(RequestSpotFleet, asked(&other)).await), "IdempotentParameterMismatch");
    let lost = DescribeSpotFleetInstancesInput {
        spot_fleet_request_id: "sfr-00000000-0000-0000-0000-000000000000".to_owned(),
        ..DescribeSpotFleetInstancesInput::default()
    };
    assert_eq!(
        code(cloud.call(DescribeSpotFleetInstances, lost).await),
        "InvalidSpotFleetRequestId.NotFound"
    );
}

// EC2 fleets.

async fn template(cloud: &Cloud) -> String {
    let data = RequestLaunchTemplateData {
        image_id: Some(image(cloud).await),
        instance_type: Some("m5.large".to_owned()),
        ..RequestLaunchTemplateData::default()
    };
    let input = CreateLaunchTemplateInput {
        launch_template_name: "fleet".to_owned(),
        launch_template_data: data,
        ..CreateLaunchTemplateInput::default()
    };
    cloud
        .call(CreateLaunchTemplate, input)
        .await
        .unwrap()
        .launch_template
        .unwrap()
        .launch_template_id
        .unwrap()
}

fn over(instance_type: &str, zone: &str, priority: f64) -> FleetLaunchTemplateOverridesRequest {
    FleetLaunchTemplateOverridesRequest {
        instance_type: Some(instance_type.to_owned()),
        availability_zone: Some(zone.to_owned()),
        priority: Some(priority),
        ..FleetLaunchTemplateOverridesRequest::default()
    }
}

fn fleet(
    kind: FleetType,
    template: &str,
    (spot, on_demand): (i32, i32),
    overrides: Vec<FleetLaunchTemplateOverridesRequest>,
) -> CreateFleetInput {
    CreateFleetInput {
        r#type: Some(kind),
        launch_template_configs: vec![FleetLaunchTemplateConfigRequest {
            launch_template_specification: Some(FleetLaunchTemplateSpecificationRequest {
                launch_template_id: Some(template.to_owned()),
                version: Some("$Latest".to_owned()),
                ..FleetLaunchTemplateSpecificationRequest::default()
            }),
            overrides: Some(overrides),
        }],
        target_capacity_specification: TargetCapacitySpecificationRequest {
            total_target_capacity: spot + on_demand,
            spot_target_capacity: Some(spot),
            on_demand_target_capacity: Some(on_demand),
            default_target_capacity_type: Some(DefaultTargetCapacityType::Spot),
            ..TargetCapacitySpecificationRequest::default()
        },
        ..CreateFleetInput::default()
    }
}

/// Instances by their lifecycle, type and zone.
fn made(output: &CreateFleetOutput) -> Vec<(InstanceLifecycle, String, usize)> {
    let all = output.instances.iter().flatten().map(|one| {
        let count = one.instance_ids.as_ref().map_or(0, Vec::len);
        (one.lifecycle.clone().unwrap(), one.instance_type.clone().unwrap(), count)
    });
    all.collect()
}

#[tokio::test]
async fn an_instant_fleet_has_spot_and_on_demand_each_by_its_strategy() {
    let cloud = cloud(430).await;
    let template = template(&cloud).await;
    let overrides = || vec![over("m5.2xlarge", "us-east-1a", 1.0), over("m5.large", "us-east-1a", 2.0)];
    let cheapest = fleet(FleetType::Instant, &template, (2, 1), overrides());
    let output = cloud.call(CreateFleet, cheapest).await.unwrap();
    assert!(output.errors.as_ref().unwrap().is_empty(), "{:?}", output.errors);
    assert_eq!(
        made(&output),
        [
            (InstanceLifecycle::OnDemand, "m5.large".to_owned(), 1),
            (InstanceLifecycle::Spot, "m5.large".to_owned(), 2)
        ]
    );
    let mut prioritized = fleet(FleetType::Instant, &template, (0, 1), overrides());
    prioritized.on_demand_options = Some(OnDemandOptionsRequest {
        allocation_strategy: Some(FleetOnDemandAllocationStrategy::Prioritized),
        ..OnDemandOptionsRequest::default()
    });
    let output = cloud.call(CreateFleet, prioritized).await.unwrap();
    assert_eq!(made(&output), [(InstanceLifecycle::OnDemand, "m5.2xlarge".to_owned(), 1)]);
    // Less than the least it takes is nothing at all: the price of one is above what it pays.
    let mut least = fleet(FleetType::Instant, &template, (4, 0), overrides());
    least.spot_options = Some(SpotOptionsRequest {
        min_target_capacity: Some(4),
        single_instance_type: Some(true),
        max_total_price: Some("0.07".to_owned()),
        ..SpotOptionsRequest::default()
    });
    let output = cloud.call(CreateFleet, least).await.unwrap();
    assert!(output.instances.unwrap().is_empty());
}

#[tokio::test]
async fn no_instance_outlives_its_instant_fleet() {
    let cloud = cloud(433).await;
    let template = template(&cloud).await;
    let input = fleet(FleetType::Instant, &template, (0, 1), vec![over("m5.large", "us-east-1a", 1.0)]);
    let output = cloud.call(CreateFleet, input).await.unwrap();
    let id = output.fleet_id.unwrap();
    let instance = output.instances.unwrap().remove(0).instance_ids.unwrap().remove(0);
    let delete = |fleet_ids| DeleteFleetsInput { fleet_ids, terminate_instances: false, dry_run: None };
    // More than are deleted at once, of all and of its kind: none is.
    for count in [126, 26] {
        let refusal = cloud.call(DeleteFleets, delete(vec![id.clone(); count])).await;
        assert_eq!(code(refusal), "InvalidParameterValue", "{count}");
    }
    let done = cloud.call(DeleteFleets, delete(vec![id])).await.unwrap();
    let state = done.successful_fleet_deletions.unwrap().remove(0).current_fleet_state;
    assert_eq!(state, Some(FleetStateCode::DeletedTerminating));
    until(&cloud, &instance, InstanceStateName::Terminated).await;
}

#[tokio::test]
async fn a_kept_fleet_of_spot_capacity_replaces_what_is_interrupted_and_expires() {
    let cloud = cloud(431).await;
    let template = template(&cloud).await;
    let overrides = ["us-east-1a", "us-east-1b"].map(|zone| over("m5.large", zone, 1.0)).to_vec();
    let mut input = fleet(FleetType::Maintain, &template, (2, 0), overrides);
    input.spot_options = Some(SpotOptionsRequest {
        allocation_strategy: Some(SpotAllocationStrategy::Diversified),
        ..SpotOptionsRequest::default()
    });
    input.valid_until = Some(cloud.clock.now() + HOUR);
    input.terminate_instances_with_expiration = Some(true);
    let id = cloud.call(CreateFleet, input).await.unwrap().fleet_id.unwrap();
    pass(&cloud, MINUTE).await;
    let active = || async {
        let input = DescribeFleetInstancesInput { fleet_id: id.clone(), ..Default::default() };
        let found = cloud.call(DescribeFleetInstances, input).await.unwrap().active_instances.unwrap();
        found.into_iter().filter_map(|one| one.instance_id).collect::<Vec<_>>()
    };
    let before = active().await;
    assert_eq!(zones(&cloud, &before).await, ["us-east-1a", "us-east-1b"]);
    until(&cloud, &before[0], InstanceStateName::Running).await;
    let lost = zones(&cloud, &before[..1]).await;
    cloud.ec2.interrupt(&before[0]).await.unwrap();
    pass(&cloud, Duration::from_secs(121)).await;
    pass(&cloud, MINUTE).await;
    let after = active().await;
    assert!(after.len() == 2 && !after.contains(&before[0]), "{after:?}");
    // The other zone has one already.
    let new: Vec<String> = after.iter().filter(|id| **id != before[1]).cloned().collect();
    assert_eq!(zones(&cloud, &new).await, lost);
    pass(&cloud, HOUR).await;
    for id in &after {
        until(&cloud, id, InstanceStateName::Terminated).await;
    }
    pass(&cloud, MINUTE).await;
    let found = cloud.call(DescribeFleets, DescribeFleetsInput::default()).await.unwrap().fleets.unwrap();
    assert_eq!(found[0].fleet_state, Some(FleetStateCode::Deleted));
}

#[tokio::test]
async fn what_fleets_here_do_not_have_is_refused_by_name() {
    let cloud = cloud(432).await;
    let template = template(&cloud).await;
    let good = || fleet(FleetType::Maintain, &template, (1, 0), vec![over("m5.large", "us-east-1a", 1.0)]);
    let spot = |options: SpotOptionsRequest| CreateFleetInput { spot_options: Some(options), ..good() };
    for (input, expected, named) in [
        (
            spot(SpotOptionsRequest {
                instance_interruption_behavior: Some(SpotInstanceInterruptionBehavior::Hibernate),
                ..SpotOptionsRequest::default()
            }),
            "UnsupportedOperation",
            "hibernate",
        ),
        (
            spot(SpotOptionsRequest { min_target_capacity: Some(1), ..SpotOptionsRequest::default() }),
            "InvalidParameterCombination",
            "MinTargetCapacity",
        ),
        (
            CreateFleetInput {
                r#type: Some(FleetType::Instant),
                ..spot(SpotOptionsRequest { min_target_capacity: Some(1), ..SpotOptionsRequest::default() })
            },
            "InvalidParameterCombination",
            "SingleInstanceType",
        ),
        (
            CreateFleetInput { replace_unhealthy_instances: Some(true), ..good() },
            "UnsupportedOperation",
            "unhealthy",
        ),
        (
            CreateFleetInput { valid_until: Some(cloud.clock.now()), ..good() },
            "InvalidParameterValue",
            "ValidUntil",
        ),
    ] {
        let (code, message) = refused(cloud.call(CreateFleet, input).await);
        assert!(code == expected && message.contains(named), "{code}: {message}");
    }
}
