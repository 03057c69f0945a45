//! What was used is metered once and priced, and reservations cover what runs.

use std::time::Duration;

use ec2_api::*;
use fogbank_ec2::CostLine;
use testkit::Cloud;

use crate::instances::{one, request, run, until};
use crate::support::{code, tagged};

pub const HOUR: Duration = Duration::from_secs(3_600);

/// The cloud's clock goes on, and its tasks with it.
pub async fn pass(cloud: &Cloud, time: Duration) {
    cloud.clock.advance(time);
    for _ in 0..3 {
        cloud.settle().await;
    }
}

pub async fn lines(cloud: &Cloud, by: &str) -> Vec<CostLine> {
    cloud.ec2.costs(None, Some(by), None).await.unwrap().lines
}

pub fn cost(lines: &[CostLine], group: &str, item: &str) -> String {
    let line = lines.iter().find(|line| line.group.ends_with(group) && line.item == item);
    line.map_or_else(
        || format!("no {group} {item} in {lines:?}"),
        |line| line.cost.clone().unwrap_or_default(),
    )
}

pub async fn terminate(cloud: &Cloud, id: &str) {
    let input = TerminateInstancesInput { instance_ids: vec![id.to_owned()], ..Default::default() };
    cloud.call(TerminateInstances, input).await.unwrap();
    until(cloud, id, InstanceStateName::Terminated).await;
}

#[tokio::test]
async fn an_instance_is_paid_for_while_it_runs_and_its_address_with_it() {
    let cloud = Cloud::new(401).await;
    let id = one(&cloud).await;
    pass(&cloud, HOUR * 10).await;
    let stop = StopInstancesInput { instance_ids: vec![id.clone()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, stop).await.unwrap();
    until(&cloud, &id, InstanceStateName::Stopped).await;
    // Nothing is paid for what stands still.
    pass(&cloud, HOUR * 5).await;
    let told = lines(&cloud, "service").await;
    assert_eq!(cost(&told, "Compute", "t3.micro on demand"), "0.1040");
    assert_eq!(cost(&told, "Virtual Private Cloud", "address:public"), "0.0500");
    let start = StartInstancesInput { instance_ids: vec![id.clone()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, start).await.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
    pass(&cloud, HOUR).await;
    // What still runs is told until now.
    assert_eq!(cost(&lines(&cloud, "service").await, "Compute", "t3.micro on demand"), "0.1144");
    terminate(&cloud, &id).await;
    pass(&cloud, HOUR * 30).await;
    assert_eq!(cost(&lines(&cloud, "service").await, "Compute", "t3.micro on demand"), "0.1144");
}

#[tokio::test]
async fn costs_are_told_by_day_and_by_the_tags_things_have() {
    let cloud = Cloud::new(402).await;
    let input = RunInstancesInput {
        tag_specifications: tagged("instance", &[("team", "web")]),
        ..request(&cloud, 1).await
    };
    let id = run(&cloud, input).await.remove(0);
    until(&cloud, &id, InstanceStateName::Running).await;
    // The cloud begins on 15 January 2027 at 8.
    pass(&cloud, HOUR * 26).await;
    let days = lines(&cloud, "day").await;
    assert_eq!(cost(&days, "2027-01-15", "t3.micro on demand"), "0.1664");
    assert_eq!(cost(&days, "2027-01-16", "t3.micro on demand"), "0.1040");
    assert_eq!(cost(&lines(&cloud, "tag:team").await, "web", "t3.micro on demand"), "0.2704");
    // Its tags as it ended stay with what it cost, when it is long forgotten.
    terminate(&cloud, &id).await;
    pass(&cloud, HOUR * 3).await;
    assert_eq!(cost(&lines(&cloud, "tag:team").await, "web", "t3.micro on demand"), "0.2704");
    assert_eq!(code(cloud.ec2.costs(Some("January"), None, None).await), "InvalidParameterValue");
    assert_eq!(code(cloud.ec2.costs(None, Some("tag:"), None).await), "InvalidParameterValue");
    let before = cloud.ec2.costs(Some("2026-12"), None, None).await.unwrap();
    assert_eq!((before.total.as_str(), before.lines.len()), ("0.0000", 0));
}

#[tokio::test]
async fn an_elastic_ip_is_paid_for_until_it_is_released() {
    let cloud = Cloud::new(403).await;
    let id = cloud.call(AllocateAddress, AllocateAddressInput::default()).await.unwrap().allocation_id;
    pass(&cloud, HOUR * 100).await;
    let input = ReleaseAddressInput { allocation_id: id, ..ReleaseAddressInput::default() };
    cloud.call(ReleaseAddress, input).await.unwrap();
    pass(&cloud, HOUR * 10).await;
    assert_eq!(cost(&lines(&cloud, "service").await, "Private Cloud", "address:public"), "0.5000");
}

#[tokio::test]
async fn an_elastic_ip_in_place_of_a_lent_address_is_paid_for_once() {
    let cloud = Cloud::new(405).await;
    let id = one(&cloud).await;
    let allocated = cloud.call(AllocateAddress, AllocateAddressInput::default()).await.unwrap().allocation_id;
    // One hour with both, then only the Elastic IP, which stays over a stop and a start.
    pass(&cloud, HOUR).await;
    let input = AssociateAddressInput {
        allocation_id: allocated,
        instance_id: Some(id.clone()),
        ..AssociateAddressInput::default()
    };
    cloud.call(AssociateAddress, input).await.unwrap();
    pass(&cloud, HOUR * 10).await;
    let told = |lines: Vec<CostLine>| cost(&lines, "Private Cloud", "address:public");
    assert_eq!(told(lines(&cloud, "service").await), "0.0600");
    let stop = StopInstancesInput { instance_ids: vec![id.clone()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, stop).await.unwrap();
    until(&cloud, &id, InstanceStateName::Stopped).await;
    let start = StartInstancesInput { instance_ids: vec![id.clone()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, start).await.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
    pass(&cloud, HOUR * 10).await;
    assert_eq!(told(lines(&cloud, "service").await), "0.1100");
}

#[tokio::test]
async fn another_accounts_use_is_told_apart() {
    let cloud = Cloud::new(404).await;
    one(&cloud).await;
    pass(&cloud, HOUR).await;
    let all = cloud.call(DescribeInstances, DescribeInstancesInput::default()).await.unwrap();
    let mine = all.reservations.unwrap().remove(0).owner_id.unwrap();
    // Its hour, its address and its root volume.
    assert_eq!(cloud.ec2.costs(None, None, Some(&mine)).await.unwrap().lines.len(), 3);
    assert!(cloud.ec2.costs(None, None, Some("999999999999")).await.unwrap().lines.is_empty());
}

// Reservations.

async fn offering(cloud: &Cloud, zone: Option<&str>) -> ReservedInstancesOffering {
    let input = DescribeReservedInstancesOfferingsInput {
        instance_type: Some("t3.small".to_owned()),
        availability_zone: zone.map(str::to_owned),
        offering_class: Some(OfferingClassType::Standard),
        max_duration: Some(365 * 86_400),
        filters: crate::support::filters(&[(
            "scope",
            if zone.is_some() { "Availability Zone" } else { "Region" },
        )]),
        ..DescribeReservedInstancesOfferingsInput::default()
    };
    let found = cloud.call(DescribeReservedInstancesOfferings, input).await.unwrap();
    found.reserved_instances_offerings.unwrap().remove(0)
}

async fn buy(cloud: &Cloud, offering: &ReservedInstancesOffering) -> String {
    let input = PurchaseReservedInstancesOfferingInput {
        instance_count: 1,
        reserved_instances_offering_id: offering.reserved_instances_offering_id.clone().unwrap(),
        ..PurchaseReservedInstancesOfferingInput::default()
    };
    cloud.call(PurchaseReservedInstancesOffering, input).await.unwrap().reserved_instances_id.unwrap()
}

#[tokio::test]
async fn a_reservation_is_bought_shown_and_applied() {
    let cloud = Cloud::new(430).await;
    let offered = offering(&cloud, None).await;
    assert_eq!(offered.recurring_charges.as_ref().unwrap()[0].amount, Some(0.013));
    let id = buy(&cloud, &offered).await;
    let described = async |cloud: &Cloud| {
        let input = DescribeReservedInstancesInput {
            reserved_instances_ids: Some(vec![id.clone()]),
            ..DescribeReservedInstancesInput::default()
        };
        cloud.call(DescribeReservedInstances, input).await.unwrap().reserved_instances.unwrap().remove(0)
    };
    let shown = described(&cloud).await;
    assert_eq!((shown.state, shown.instance_count), (Some(ReservedInstanceState::Active), Some(1)));
    // A small covers two micros: they are half its units each.
    for made in run(&cloud, request(&cloud, 3).await).await {
        until(&cloud, &made, InstanceStateName::Running).await;
    }
    pass(&cloud, HOUR * 10).await;
    let told = lines(&cloud, "service").await;
    assert_eq!(cost(&told, "Compute", "t3.micro covered by a reservation"), "0.0000");
    assert_eq!(cost(&told, "Compute", "t3.micro on demand"), "0.1040");
    assert_eq!(cost(&told, "Compute", "t3.small reservation, hourly"), "0.1300");
    pass(&cloud, HOUR * 24 * 366).await;
    assert_eq!(described(&cloud).await.state, Some(ReservedInstanceState::Retired));
}

#[tokio::test]
async fn a_reservation_costs_when_nothing_runs_and_one_of_a_zone_covers_its_type_there() {
    let cloud = Cloud::new(431).await;
    buy(&cloud, &offering(&cloud, Some("us-east-1b")).await).await;
    pass(&cloud, HOUR * 10).await;
    let told = lines(&cloud, "service").await;
    assert_eq!(cost(&told, "Compute", "t3.small reservation, hourly"), "0.1300");
    let small = |zone: &str, input: RunInstancesInput| RunInstancesInput {
        instance_type: Some("t3.small".to_owned()),
        placement: Some(Placement { availability_zone: Some(zone.to_owned()), ..Placement::default() }),
        ..input
    };
    for zone in ["us-east-1a", "us-east-1b"] {
        let id = run(&cloud, small(zone, request(&cloud, 1).await)).await.remove(0);
        until(&cloud, &id, InstanceStateName::Running).await;
    }
    pass(&cloud, HOUR * 10).await;
    let told = lines(&cloud, "service").await;
    assert_eq!(cost(&told, "Compute", "t3.small on demand"), "0.2080");
    assert_eq!(cost(&told, "Compute", "t3.small covered by a reservation"), "0.0000");
}

#[tokio::test]
async fn offerings_come_in_pages_and_unknown_ones_are_not_sold() {
    let cloud = Cloud::new(432).await;
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let input = DescribeReservedInstancesOfferingsInput {
            max_results: Some(50),
            next_token: token,
            ..DescribeReservedInstancesOfferingsInput::default()
        };
        let page = cloud.call(DescribeReservedInstancesOfferings, input).await.unwrap();
        seen.extend(page.reserved_instances_offerings.unwrap());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 12 * 4 * 7);
    let purchase = |id: &str, count: i32| PurchaseReservedInstancesOfferingInput {
        instance_count: count,
        reserved_instances_offering_id: id.to_owned(),
        ..PurchaseReservedInstancesOfferingInput::default()
    };
    let good = seen[0].reserved_instances_offering_id.clone().unwrap();
    let none = cloud.call(PurchaseReservedInstancesOffering, purchase("nothing", 1)).await;
    assert_eq!(code(none), "InvalidReservedInstancesOfferingId");
    assert_eq!(
        code(cloud.call(PurchaseReservedInstancesOffering, purchase(&good, 0)).await),
        "InvalidParameterValue"
    );
    let later = PurchaseReservedInstancesOfferingInput {
        purchase_time: Some(cloud.clock.now() + HOUR),
        ..purchase(&good, 1)
    };
    assert_eq!(code(cloud.call(PurchaseReservedInstancesOffering, later).await), "UnsupportedOperation");
}
