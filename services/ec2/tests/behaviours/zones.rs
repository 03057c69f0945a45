//! Zones that fail as a whole, and come back.

use ec2_api::*;
use testkit::Cloud;

use crate::instances::{one, request, run, show, until};
use crate::support::{code, filters, refused};

async fn zone(cloud: &Cloud, name: &str) -> AvailabilityZone {
    let input =
        DescribeAvailabilityZonesInput { zone_names: Some(vec![name.to_owned()]), ..Default::default() };
    cloud.call(DescribeAvailabilityZones, input).await.unwrap().availability_zones.unwrap().remove(0)
}

async fn status(cloud: &Cloud, id: &str) -> InstanceStatus {
    let input = DescribeInstanceStatusInput { instance_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeInstanceStatus, input).await.unwrap().instance_statuses.unwrap().remove(0)
}

async fn zone_of(cloud: &Cloud, id: &str) -> String {
    show(cloud, id).await.placement.unwrap().availability_zone.unwrap()
}

async fn settled(cloud: &Cloud) {
    for _ in 0..5 {
        cloud.settle().await;
    }
}

#[tokio::test]
async fn instances_of_a_zone_that_is_down_have_no_power_until_it_is_up() {
    let cloud = Cloud::new(1).await;
    let id = one(&cloud).await;
    let name = zone_of(&cloud, &id).await;
    cloud.ec2.set_zone(&name, true).await.unwrap();
    assert!(cloud.machines.running().is_empty(), "at once");
    settled(&cloud).await;
    assert!(cloud.machines.running().is_empty(), "and nobody starts it again");
    assert_eq!(show(&cloud, &id).await.state.unwrap().name, Some(InstanceStateName::Running));
    let shown = status(&cloud, &id).await;
    assert_eq!(shown.system_status.unwrap().status, Some(SummaryStatus::Impaired));
    assert_eq!(shown.instance_status.unwrap().status, Some(SummaryStatus::Impaired));
    cloud.ec2.set_zone(&name, false).await.unwrap();
    settled(&cloud).await;
    assert_eq!(cloud.machines.running(), *std::slice::from_ref(&id));
    assert_eq!(cloud.machines.boots(&id), 2);
    assert_eq!(status(&cloud, &id).await.system_status.unwrap().status, Some(SummaryStatus::Ok));
}

#[tokio::test]
async fn a_zone_that_is_down_says_so_and_takes_no_instance() {
    let cloud = Cloud::new(2).await;
    cloud.ec2.set_zone("use1-az2", true).await.unwrap();
    let shown = zone(&cloud, "us-east-1b").await;
    assert_eq!(shown.state, Some(AvailabilityZoneState::Unavailable));
    assert_eq!(shown.messages.unwrap().len(), 1);
    assert_eq!(zone(&cloud, "us-east-1a").await.state, Some(AvailabilityZoneState::Available));
    let input = DescribeAvailabilityZonesInput {
        filters: filters(&[("state", "unavailable")]),
        ..Default::default()
    };
    let found = cloud.call(DescribeAvailabilityZones, input).await.unwrap().availability_zones.unwrap();
    assert_eq!(found.len(), 1);

    let there = Placement { availability_zone: Some("us-east-1b".to_owned()), ..Placement::default() };
    let input = RunInstancesInput { placement: Some(there), ..request(&cloud, 1).await };
    let (code, message) = refused(cloud.call(RunInstances, input).await);
    assert_eq!(code, "InsufficientInstanceCapacity");
    assert!(message.contains("in the Availability Zone you requested (us-east-1b)"), "{message}");
    // Who leaves the zone to AWS gets another one.
    for id in run(&cloud, request(&cloud, 1).await).await {
        assert_ne!(zone_of(&cloud, &id).await, "us-east-1b");
    }
}

#[tokio::test]
async fn a_stopped_instance_does_not_start_in_a_zone_that_is_down() {
    let cloud = Cloud::new(3).await;
    let id = one(&cloud).await;
    let input = StopInstancesInput { instance_ids: vec![id.clone()], ..StopInstancesInput::default() };
    cloud.ec2.set_zone(&zone_of(&cloud, &id).await, true).await.unwrap();
    cloud.call(StopInstances, input).await.unwrap();
    until(&cloud, &id, InstanceStateName::Stopped).await;
    let input = StartInstancesInput { instance_ids: vec![id.clone()], ..StartInstancesInput::default() };
    assert_eq!(code(cloud.call(StartInstances, input.clone()).await), "InsufficientInstanceCapacity");
    cloud.ec2.set_zone(&zone_of(&cloud, &id).await, false).await.unwrap();
    cloud.call(StartInstances, input).await.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
}

#[tokio::test]
async fn only_zones_can_fail_and_twice_is_once() {
    let cloud = Cloud::new(4).await;
    let (code, message) = refused(cloud.ec2.set_zone("us-east-1z", true).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterValue", "Invalid availability zone: [us-east-1z]")
    );
    let down = async || {
        let all = cloud.ec2.zones().await.unwrap();
        all.into_iter().filter_map(|zone| Some((zone.name, zone.down_since?))).collect::<Vec<_>>()
    };
    cloud.ec2.set_zone("eu-west-1a", true).await.unwrap();
    let first = down().await;
    cloud.clock.advance(std::time::Duration::from_secs(60));
    cloud.ec2.set_zone("eu-west-1a", true).await.unwrap();
    assert_eq!(down().await, first);
    cloud.ec2.set_zone("eu-west-1a", false).await.unwrap();
    cloud.ec2.set_zone("eu-west-1a", false).await.unwrap();
    assert_eq!(down().await, []);
}
