//! Spot capacity comes and goes with its price.

use std::time::Duration;

use base::Timestamp;
use ec2_api::*;
use fogbank_ec2::Interruption;
use schema::Fault;
use testkit::Cloud;

use crate::buying::{HOUR, cost, lines, pass, terminate};
use crate::instances::{image, one, request, run, show, until};
use crate::support::{code, refused, tagged};

async fn price(cloud: &Cloud, instance_type: &str, zone: &str) -> f64 {
    let input = DescribeSpotPriceHistoryInput {
        instance_types: Some(vec![instance_type.to_owned()]),
        availability_zone: Some(zone.to_owned()),
        start_time: Some(cloud.clock.now()),
        ..DescribeSpotPriceHistoryInput::default()
    };
    let prices = cloud.call(DescribeSpotPriceHistory, input).await.unwrap().spot_price_history.unwrap();
    prices[0].spot_price.as_deref().unwrap().parse().unwrap()
}

async fn asked(cloud: &Cloud, max_price: Option<&str>, persistent: bool) -> RequestSpotInstancesInput {
    RequestSpotInstancesInput {
        spot_price: max_price.map(str::to_owned),
        r#type: Some(if persistent { SpotInstanceType::Persistent } else { SpotInstanceType::OneTime }),
        launch_specification: Some(RequestSpotLaunchSpecification {
            image_id: Some(image(cloud).await),
            instance_type: Some("m5.large".to_owned()),
            placement: Some(SpotPlacement {
                availability_zone: Some("us-east-1a".to_owned()),
                ..SpotPlacement::default()
            }),
            ..RequestSpotLaunchSpecification::default()
        }),
        ..RequestSpotInstancesInput::default()
    }
}

async fn ask(cloud: &Cloud, input: RequestSpotInstancesInput) -> String {
    let made = cloud.call(RequestSpotInstances, input).await.unwrap().spot_instance_requests.unwrap();
    let first = made.into_iter().next().unwrap();
    assert_eq!(first.status.unwrap().code.as_deref(), Some("pending-evaluation"));
    first.spot_instance_request_id.unwrap()
}

async fn look(cloud: &Cloud, id: &str) -> SpotInstanceRequest {
    let input = DescribeSpotInstanceRequestsInput {
        spot_instance_request_ids: Some(vec![id.to_owned()]),
        ..DescribeSpotInstanceRequestsInput::default()
    };
    let found = cloud.call(DescribeSpotInstanceRequests, input).await.unwrap();
    found.spot_instance_requests.unwrap().remove(0)
}

/// Until a request has this state and this status.
async fn becomes(cloud: &Cloud, id: &str, state: SpotInstanceState, status: &str) -> SpotInstanceRequest {
    for _ in 0..20 {
        let request = look(cloud, id).await;
        let code = request.status.as_ref().and_then(|status| status.code.clone());
        if request.state == Some(state.clone()) && code.as_deref() == Some(status) {
            return request;
        }
        cloud.settle().await;
    }
    panic!("{id} did not become {status}: {:?}", look(cloud, id).await);
}

/// Turns the clock until the price in the first zone is on this side of a limit.
async fn until_price(cloud: &Cloud, wanted: impl Fn(f64) -> bool) {
    for _ in 0..24 * 60 {
        if wanted(price(cloud, "m5.large", "us-east-1a").await) {
            return;
        }
        cloud.clock.advance(HOUR);
    }
    panic!("the price never got there");
}

#[tokio::test]
async fn a_spot_request_is_fulfilled_and_its_instance_says_what_it_is() {
    let cloud = Cloud::new(410).await;
    let mut input = asked(&cloud, None, false).await;
    input.tag_specifications = tagged("spot-instances-request", &[("team", "batch")]);
    let id = ask(&cloud, input).await;
    let request = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await;
    assert_eq!(request.tags.unwrap()[0].value.as_deref(), Some("batch"));
    assert_eq!(request.launched_availability_zone.as_deref(), Some("us-east-1a"));
    let instance = request.instance_id.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    let shown = show(&cloud, &instance).await;
    assert_eq!(shown.instance_lifecycle, Some(InstanceLifecycleType::Spot));
    assert_eq!(shown.spot_instance_request_id.as_deref(), Some(id.as_str()));
    // A one-time request is over with its instance.
    terminate(&cloud, &instance).await;
    pass(&cloud, Duration::from_secs(60)).await;
    becomes(&cloud, &id, SpotInstanceState::Closed, "instance-terminated-by-user").await;
}

#[tokio::test]
async fn a_request_below_the_price_waits_until_the_price_has_fallen() {
    let cloud = Cloud::new(411).await;
    until_price(&cloud, |price| price > 0.045).await;
    let id = ask(&cloud, asked(&cloud, Some("0.04"), false).await).await;
    let waiting = becomes(&cloud, &id, SpotInstanceState::Open, "price-too-low").await;
    assert_eq!(waiting.instance_id, None);
    until_price(&cloud, |price| price <= 0.04).await;
    becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await;
}

#[tokio::test]
async fn an_instance_whose_price_rises_has_two_minutes_and_ends() {
    let cloud = Cloud::new(412).await;
    until_price(&cloud, |price| price <= 0.035).await;
    let id = ask(&cloud, asked(&cloud, Some("0.04"), false).await).await;
    let instance = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await.instance_id.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    // Not above by more: an hour in which it is above already would be over, and the instance with it.
    until_price(&cloud, |price| price > 0.04).await;
    becomes(&cloud, &id, SpotInstanceState::Active, "marked-for-termination").await;
    let told = guest(&cloud, &instance).await.unwrap();
    assert!(!told.stops);
    assert_eq!(told.due.since(told.noticed), Duration::from_secs(120));
    pass(&cloud, Duration::from_secs(119)).await;
    assert_eq!(show(&cloud, &instance).await.state.unwrap().name, Some(InstanceStateName::Running));
    pass(&cloud, Duration::from_secs(2)).await;
    becomes(&cloud, &id, SpotInstanceState::Closed, "instance-terminated-by-price").await;
    until(&cloud, &instance, InstanceStateName::Terminated).await;
    let reason = show(&cloud, &instance).await.state_reason.unwrap();
    assert_eq!(reason.code.as_deref(), Some("Server.SpotInstanceTermination"));
}

/// What an instance is told of its interruption, in its metadata.
async fn guest(cloud: &Cloud, id: &str) -> Option<Interruption> {
    let instance = show(cloud, id).await;
    let address = instance.private_ip_address.unwrap().parse().unwrap();
    cloud.ec2.guest(&instance.vpc_id.unwrap(), address).await.unwrap().unwrap().interruption
}

#[tokio::test]
async fn a_persistent_request_stops_its_instance_and_resumes_it() {
    let cloud = Cloud::new(413).await;
    let mut input = asked(&cloud, None, true).await;
    input.instance_interruption_behavior = Some(InstanceInterruptionBehavior::Stop);
    let id = ask(&cloud, input).await;
    let instance = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await.instance_id.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    assert_eq!(guest(&cloud, &instance).await, None);
    let due = cloud.ec2.interrupt(&instance).await.unwrap();
    assert_eq!(due.since(cloud.clock.now()), Duration::from_secs(120));
    // Announced once, however often it is asked for.
    assert_eq!(cloud.ec2.interrupt(&instance).await.unwrap(), due);
    assert!(guest(&cloud, &instance).await.is_some_and(|told| told.stops));
    becomes(&cloud, &id, SpotInstanceState::Active, "marked-for-stop").await;
    cloud.clock.advance(Duration::from_secs(121));
    until(&cloud, &instance, InstanceStateName::Stopped).await;
    assert_eq!(
        show(&cloud, &instance).await.state_reason.unwrap().code.as_deref(),
        Some("Server.SpotInstanceShutdown")
    );
    let request = becomes(&cloud, &id, SpotInstanceState::Open, "instance-stopped-no-capacity").await;
    assert_eq!(request.instance_id.as_deref(), Some(instance.as_str()));
    // Its owner cannot start it; the request does.
    let start = StartInstancesInput { instance_ids: vec![instance.clone()], ..Default::default() };
    assert_eq!(code(cloud.call(StartInstances, start).await), "IncorrectSpotRequestState");
    pass(&cloud, Duration::from_secs(60)).await;
    becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await;
    until(&cloud, &instance, InstanceStateName::Running).await;
    assert_eq!(cloud.machines.boots(&instance), 2);
    assert_eq!(guest(&cloud, &instance).await, None);
}

#[tokio::test]
async fn an_owner_stops_and_starts_a_spot_instance_of_a_persistent_request() {
    let cloud = Cloud::new(414).await;
    let mut input = asked(&cloud, None, true).await;
    input.instance_interruption_behavior = Some(InstanceInterruptionBehavior::Stop);
    let id = ask(&cloud, input).await;
    let instance = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await.instance_id.unwrap();
    until(&cloud, &instance, InstanceStateName::Running).await;
    let stop = StopInstancesInput { instance_ids: vec![instance.clone()], ..Default::default() };
    cloud.call(StopInstances, stop).await.unwrap();
    until(&cloud, &instance, InstanceStateName::Stopped).await;
    pass(&cloud, Duration::from_secs(60)).await;
    becomes(&cloud, &id, SpotInstanceState::Disabled, "instance-stopped-by-user").await;
    pass(&cloud, HOUR).await;
    assert_eq!(show(&cloud, &instance).await.state.unwrap().name, Some(InstanceStateName::Stopped));
    let start = StartInstancesInput { instance_ids: vec![instance.clone()], ..Default::default() };
    cloud.call(StartInstances, start).await.unwrap();
    pass(&cloud, Duration::from_secs(60)).await;
    becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await;
}

#[tokio::test]
async fn a_persistent_request_begins_anew_when_its_instance_ends() {
    let cloud = Cloud::new(415).await;
    let id = ask(&cloud, asked(&cloud, None, true).await).await;
    let first = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await.instance_id.unwrap();
    terminate(&cloud, &first).await;
    pass(&cloud, Duration::from_secs(60)).await;
    pass(&cloud, Duration::from_secs(60)).await;
    let second = becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await.instance_id.unwrap();
    assert_ne!(first, second);
    // Once it is called off, its instance goes on alone.
    let input =
        CancelSpotInstanceRequestsInput { spot_instance_request_ids: vec![id.clone()], ..Default::default() };
    let cancelled = cloud.call(CancelSpotInstanceRequests, input).await.unwrap();
    let state = cancelled.cancelled_spot_instance_requests.unwrap().remove(0).state;
    assert_eq!(state, Some(CancelSpotInstanceRequestState::Cancelled));
    let status = look(&cloud, &id).await.status.unwrap().code;
    assert_eq!(status.as_deref(), Some("request-canceled-and-instance-running"));
    until(&cloud, &second, InstanceStateName::Running).await;
}

#[tokio::test]
async fn requests_are_valid_within_their_time_only() {
    let cloud = Cloud::new(416).await;
    let mut input = asked(&cloud, None, false).await;
    input.valid_from = Some(cloud.clock.now() + HOUR);
    let later = ask(&cloud, input).await;
    becomes(&cloud, &later, SpotInstanceState::Open, "not-scheduled-yet").await;
    pass(&cloud, HOUR).await;
    becomes(&cloud, &later, SpotInstanceState::Active, "fulfilled").await;
    let mut input = asked(&cloud, Some("0.001"), false).await;
    input.valid_until = Some(cloud.clock.now() + HOUR);
    let short = ask(&cloud, input).await;
    becomes(&cloud, &short, SpotInstanceState::Open, "price-too-low").await;
    pass(&cloud, HOUR).await;
    becomes(&cloud, &short, SpotInstanceState::Cancelled, "schedule-expired").await;
}

#[tokio::test]
async fn run_instances_has_spot_capacity_at_once_or_not_at_all() {
    let cloud = Cloud::new(417).await;
    let spot = |options: SpotMarketOptions| InstanceMarketOptionsRequest {
        market_type: Some(MarketType::Spot),
        spot_options: Some(options),
    };
    let mut input = request(&cloud, 2).await;
    input.instance_market_options = Some(spot(SpotMarketOptions::default()));
    let ids = run(&cloud, input).await;
    until(&cloud, &ids[1], InstanceStateName::Running).await;
    let found = cloud
        .call(DescribeSpotInstanceRequests, DescribeSpotInstanceRequestsInput::default())
        .await
        .unwrap()
        .spot_instance_requests
        .unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|request| request.state == Some(SpotInstanceState::Active)));
    let low = SpotMarketOptions { max_price: Some("0.001".to_owned()), ..SpotMarketOptions::default() };
    let mut input = request(&cloud, 1).await;
    input.instance_market_options = Some(spot(low));
    let (code_of, message) = refused(cloud.call(RunInstances, input).await);
    assert_eq!(code_of, "SpotMaxPriceTooLow");
    assert!(message.starts_with("Your Spot request price of 0.001000 is lower than"), "{message}");
    for (options, expected) in [
        (
            SpotMarketOptions { max_price: Some("cheap".to_owned()), ..Default::default() },
            "InvalidParameterValue",
        ),
        (
            SpotMarketOptions { block_duration_minutes: Some(60), ..Default::default() },
            "UnsupportedOperation",
        ),
        (
            SpotMarketOptions {
                instance_interruption_behavior: Some(InstanceInterruptionBehavior::Hibernate),
                ..Default::default()
            },
            "UnsupportedOperation",
        ),
        (
            SpotMarketOptions {
                instance_interruption_behavior: Some(InstanceInterruptionBehavior::Stop),
                ..Default::default()
            },
            "InvalidParameterCombination",
        ),
        (
            SpotMarketOptions {
                spot_instance_type: Some(SpotInstanceType::Persistent),
                ..Default::default()
            },
            "InvalidParameterCombination",
        ),
    ] {
        let mut input = request(&cloud, 1).await;
        input.instance_market_options = Some(spot(options));
        assert_eq!(code(cloud.call(RunInstances, input).await), expected);
    }
}

#[tokio::test]
async fn prices_have_a_history_of_ninety_days_that_comes_in_pages() {
    let cloud = Cloud::new(418).await;
    let input = DescribeSpotPriceHistoryInput {
        instance_types: Some(vec!["m5.large".to_owned(), "c5.large".to_owned()]),
        product_descriptions: Some(vec!["Linux/UNIX".to_owned()]),
        start_time: Some(cloud.clock.now() - HOUR * 24),
        ..DescribeSpotPriceHistoryInput::default()
    };
    let all = cloud.call(DescribeSpotPriceHistory, input.clone()).await.unwrap();
    let all = all.spot_price_history.unwrap();
    assert!(all.len() > 24, "{}", all.len());
    let (mut paged, mut token) = (Vec::new(), None);
    loop {
        let input =
            DescribeSpotPriceHistoryInput { max_results: Some(7), next_token: token, ..input.clone() };
        let page = cloud.call(DescribeSpotPriceHistory, input).await.unwrap();
        paged.extend(page.spot_price_history.unwrap());
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let oldest = DescribeSpotPriceHistoryInput { start_time: Some(Timestamp::from_secs(0)), ..input };
    let oldest = cloud.call(DescribeSpotPriceHistory, oldest).await.unwrap().spot_price_history.unwrap();
    let first = oldest.iter().filter_map(|price| price.timestamp).min().unwrap();
    assert!(cloud.clock.now().since(first) <= HOUR * 24 * 90 + HOUR);
}

async fn score(cloud: &Cloud) -> Option<i32> {
    let input = GetSpotPlacementScoresInput {
        instance_types: Some(vec!["m5.large".to_owned()]),
        target_capacity: 1,
        single_availability_zone: Some(true),
        ..GetSpotPlacementScoresInput::default()
    };
    let scores = cloud.call(GetSpotPlacementScores, input).await.unwrap().spot_placement_scores.unwrap();
    let first = scores.into_iter().find(|one| one.availability_zone_id.as_deref() == Some("use1-az1"));
    first.and_then(|one| one.score)
}

#[tokio::test]
async fn demand_raises_the_price_and_lowers_the_score() {
    let cloud = Cloud::new(419).await;
    let twin = Cloud::new(420).await;
    let mut input = asked(&cloud, None, false).await;
    input.instance_count = Some(40);
    cloud.call(RequestSpotInstances, input).await.unwrap();
    for _ in 0..10 {
        cloud.settle().await;
    }
    // As an hour begins, what ran in the one before counts.
    pass(&cloud, HOUR).await;
    twin.clock.advance(HOUR);
    let (busy, idle) =
        (price(&cloud, "m5.large", "us-east-1a").await, price(&twin, "m5.large", "us-east-1a").await);
    assert!(busy > idle + 0.02, "{busy} {idle}");
    assert!(score(&cloud).await < score(&twin).await);
}

#[tokio::test]
async fn spot_costs_what_the_market_did() {
    let cloud = Cloud::new(421).await;
    let id = ask(&cloud, asked(&cloud, None, false).await).await;
    becomes(&cloud, &id, SpotInstanceState::Active, "fulfilled").await;
    cloud.settle().await;
    pass(&cloud, HOUR * 24).await;
    let told = lines(&cloud, "service").await;
    let dollars: f64 = cost(&told, "Compute", "m5.large spot").parse().unwrap();
    assert!((24.0 * 0.024..24.0 * 0.06).contains(&dollars), "{dollars}");
}

#[tokio::test]
async fn what_cannot_be_had_is_refused() {
    let cloud = Cloud::new(422).await;
    let refuse = async |change: fn(&mut RequestSpotInstancesInput)| -> Fault {
        let mut input = asked(&cloud, None, false).await;
        change(&mut input);
        cloud.call(RequestSpotInstances, input).await.unwrap_err()
    };
    for (change, expected) in [
        (
            (|it| it.launch_group = Some("all".to_owned())) as fn(&mut RequestSpotInstancesInput),
            "UnsupportedOperation",
        ),
        (|it| it.availability_zone_group = Some("here".to_owned()), "UnsupportedOperation"),
        (|it| it.block_duration_minutes = Some(60), "UnsupportedOperation"),
        (|it| it.spot_price = Some("0.0001".to_owned()), "InvalidParameterValue"),
        (|it| it.instance_count = Some(0), "InvalidParameterValue"),
        (|it| it.launch_specification = None, "MissingParameter"),
        (
            |it| it.launch_specification.as_mut().unwrap().instance_type = Some("m5.pico".to_owned()),
            "InvalidParameterValue",
        ),
        (
            |it| it.launch_specification.as_mut().unwrap().instance_type = Some("mac1.metal".to_owned()),
            "UnsupportedOperation",
        ),
    ] {
        let fault = refuse(change).await;
        assert_eq!(fault.code(), expected, "{}", fault.message());
    }
    let id = one(&cloud).await;
    assert_eq!(code(cloud.ec2.interrupt(&id).await), "InvalidParameterValue");
    assert_eq!(code(cloud.ec2.interrupt("i-00000000000000000").await), "InvalidInstanceID.NotFound");
    // What fails for good says why.
    let mut input = asked(&cloud, None, false).await;
    input.launch_specification.as_mut().unwrap().key_name = Some("nobody".to_owned());
    let bad = ask(&cloud, input).await;
    let request = becomes(&cloud, &bad, SpotInstanceState::Failed, "bad-parameters").await;
    assert!(request.fault.unwrap().message.unwrap().contains("InvalidKeyPair.NotFound"));
}
