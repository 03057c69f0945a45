//! Capacity reservations: who comes into them, what they refuse, how they end, and what they cost.

use std::time::Duration;

use ec2_api::*;
use testkit::Cloud;

use crate::buying::{HOUR, cost, lines, pass, terminate};
use crate::instances::{request, run, show, until};
use crate::support::{code, refused, tagged};

fn asked(count: i32) -> CreateCapacityReservationInput {
    CreateCapacityReservationInput {
        instance_type: "m5.large".to_owned(),
        instance_platform: CapacityReservationInstancePlatform::LinuxUnix,
        availability_zone: Some("us-east-1a".to_owned()),
        instance_count: count,
        ..CreateCapacityReservationInput::default()
    }
}

async fn reserve(cloud: &Cloud, input: CreateCapacityReservationInput) -> String {
    let made = cloud.call(CreateCapacityReservation, input).await.unwrap().capacity_reservation.unwrap();
    made.capacity_reservation_id.unwrap()
}

async fn look(cloud: &Cloud, id: &str) -> CapacityReservation {
    let input = DescribeCapacityReservationsInput {
        capacity_reservation_ids: Some(vec![id.to_owned()]),
        ..DescribeCapacityReservationsInput::default()
    };
    let found = cloud.call(DescribeCapacityReservations, input).await.unwrap();
    found.capacity_reservations.unwrap().remove(0)
}

async fn available(cloud: &Cloud, id: &str) -> i32 {
    look(cloud, id).await.available_instance_count.unwrap()
}

async fn launch(
    cloud: &Cloud,
    zone: &str,
    specification: Option<CapacityReservationSpecification>,
) -> RunInstancesInput {
    RunInstancesInput {
        instance_type: Some("m5.large".to_owned()),
        placement: Some(Placement { availability_zone: Some(zone.to_owned()), ..Placement::default() }),
        capacity_reservation_specification: specification,
        ..request(cloud, 1).await
    }
}

fn prefers(preference: CapacityReservationPreference) -> Option<CapacityReservationSpecification> {
    Some(CapacityReservationSpecification {
        capacity_reservation_preference: Some(preference),
        capacity_reservation_target: None,
    })
}

fn targets(id: &str) -> Option<CapacityReservationSpecification> {
    Some(CapacityReservationSpecification {
        capacity_reservation_preference: None,
        capacity_reservation_target: Some(CapacityReservationTarget {
            capacity_reservation_id: Some(id.to_owned()),
            capacity_reservation_resource_group_arn: None,
        }),
    })
}

#[tokio::test]
async fn instances_come_into_an_open_reservation_and_leave_it() {
    let cloud = Cloud::new(440).await;
    // One runs before; it comes into the reservation as that is made.
    let before = run(&cloud, launch(&cloud, "us-east-1a", None).await).await.remove(0);
    let id = reserve(&cloud, asked(2)).await;
    assert_eq!(available(&cloud, &id).await, 1);
    assert_eq!(show(&cloud, &before).await.capacity_reservation_id.as_deref(), Some(id.as_str()));
    for (zone, preference, is_in) in [
        ("us-east-1b", CapacityReservationPreference::Open, false),
        ("us-east-1a", CapacityReservationPreference::None, false),
        ("us-east-1a", CapacityReservationPreference::Open, true),
        // It is full now.
        ("us-east-1a", CapacityReservationPreference::Open, false),
    ] {
        let input = launch(&cloud, zone, prefers(preference.clone())).await;
        let instance = run(&cloud, input).await.remove(0);
        let found = show(&cloud, &instance).await.capacity_reservation_id;
        assert_eq!(found.is_some(), is_in, "{zone} {preference}");
    }
    let only = prefers(CapacityReservationPreference::CapacityReservationsOnly);
    let refusal = cloud.call(RunInstances, launch(&cloud, "us-east-1a", only).await).await;
    assert_eq!(code(refusal), "ReservationCapacityExceeded");
    // A stop gives the place back, a start takes it again.
    until(&cloud, &before, InstanceStateName::Running).await;
    let ids = vec![before.clone()];
    let stop = StopInstancesInput { instance_ids: ids.clone(), ..StopInstancesInput::default() };
    cloud.call(StopInstances, stop).await.unwrap();
    until(&cloud, &before, InstanceStateName::Stopped).await;
    assert_eq!(available(&cloud, &id).await, 1);
    let start = StartInstancesInput { instance_ids: ids, ..StartInstancesInput::default() };
    cloud.call(StartInstances, start).await.unwrap();
    assert_eq!(available(&cloud, &id).await, 0);
    terminate(&cloud, &before).await;
    assert_eq!(available(&cloud, &id).await, 1);
}

#[tokio::test]
async fn a_targeted_reservation_takes_only_those_who_name_it() {
    let cloud = Cloud::new(441).await;
    let id = reserve(
        &cloud,
        CreateCapacityReservationInput {
            instance_match_criteria: Some(InstanceMatchCriteria::Targeted),
            tag_specifications: tagged("capacity-reservation", &[("team", "web")]),
            ..asked(1)
        },
    )
    .await;
    assert_eq!(look(&cloud, &id).await.tags.unwrap()[0].value.as_deref(), Some("web"));
    run(&cloud, launch(&cloud, "us-east-1a", None).await).await;
    assert_eq!(available(&cloud, &id).await, 1);
    let instance = run(&cloud, launch(&cloud, "us-east-1a", targets(&id)).await).await.remove(0);
    assert_eq!(available(&cloud, &id).await, 0);
    let shown = show(&cloud, &instance).await.capacity_reservation_specification.unwrap();
    let target = shown.capacity_reservation_target.unwrap();
    assert_eq!(target.capacity_reservation_id.as_deref(), Some(id.as_str()));
    let (refusal, message) =
        refused(cloud.call(RunInstances, launch(&cloud, "us-east-1a", targets(&id)).await).await);
    assert_eq!(refusal, "ReservationCapacityExceeded");
    assert_eq!(
        message,
        "The requested reservation does not have sufficient compatible and available capacity for this request."
    );
    // Who names one may say besides that it runs nowhere else, and nothing else of where.
    for (preference, expected) in [
        (CapacityReservationPreference::CapacityReservationsOnly, "ReservationCapacityExceeded"),
        (CapacityReservationPreference::Open, "InvalidParameterCombination"),
    ] {
        let mut named = targets(&id).unwrap();
        named.capacity_reservation_preference = Some(preference);
        let refusal = cloud.call(RunInstances, launch(&cloud, "us-east-1a", Some(named)).await).await;
        assert_eq!(code(refusal), expected);
    }
    let other = launch(&cloud, "us-east-1a", targets("cr-00000000000000000")).await;
    assert_eq!(code(cloud.call(RunInstances, other).await), "InvalidCapacityReservationId.NotFound");
}

#[tokio::test]
async fn what_is_reserved_and_unused_is_paid_for_until_it_ends() {
    let cloud = Cloud::new(442).await;
    let end = cloud.clock.now() + HOUR * 10;
    let id = reserve(
        &cloud,
        CreateCapacityReservationInput {
            end_date: Some(end),
            end_date_type: Some(EndDateType::Limited),
            ..asked(3)
        },
    )
    .await;
    pass(&cloud, HOUR * 4).await;
    // Three for four hours, and two for six.
    let instance = run(&cloud, launch(&cloud, "us-east-1a", None).await).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    pass(&cloud, HOUR * 6).await;
    assert_eq!(look(&cloud, &id).await.state, Some(CapacityReservationState::Expired));
    assert_eq!(show(&cloud, &instance).await.capacity_reservation_id, None);
    pass(&cloud, Duration::from_secs(1_800)).await;
    let told = lines(&cloud, "service").await;
    assert_eq!(cost(&told, "Compute", "m5.large reserved and unused, on demand"), "2.3040");
    assert_eq!(cost(&told, "Compute", "m5.large on demand"), "0.6240");
    let shown = show(&cloud, &instance).await.state.unwrap().name;
    assert_eq!(shown, Some(InstanceStateName::Running));
    pass(&cloud, HOUR).await;
    let all = cloud.call(DescribeCapacityReservations, DescribeCapacityReservationsInput::default()).await;
    assert!(all.unwrap().capacity_reservations.unwrap().is_empty());
}

#[tokio::test]
async fn a_reservation_is_changed_and_cancelled() {
    let cloud = Cloud::new(443).await;
    let id = reserve(&cloud, asked(2)).await;
    let instance = run(&cloud, launch(&cloud, "us-east-1a", None).await).await.remove(0);
    let modify = |count| ModifyCapacityReservationInput {
        capacity_reservation_id: id.clone(),
        instance_count: Some(count),
        ..ModifyCapacityReservationInput::default()
    };
    cloud.call(ModifyCapacityReservation, modify(5)).await.unwrap();
    let shown = look(&cloud, &id).await;
    assert_eq!((shown.total_instance_count, shown.available_instance_count), (Some(5), Some(4)));
    assert_eq!(code(cloud.call(ModifyCapacityReservation, modify(0)).await), "InvalidParameterValue");
    let past = ModifyCapacityReservationInput { end_date: Some(cloud.clock.now()), ..modify(5) };
    assert_eq!(code(cloud.call(ModifyCapacityReservation, past).await), "InvalidParameterValue");
    let cancel =
        || CancelCapacityReservationInput { capacity_reservation_id: id.clone(), ..Default::default() };
    cloud.call(CancelCapacityReservation, cancel()).await.unwrap();
    let shown = look(&cloud, &id).await;
    assert_eq!(shown.state, Some(CapacityReservationState::Cancelled));
    assert_eq!(shown.available_instance_count, Some(0));
    assert_eq!(show(&cloud, &instance).await.capacity_reservation_id, None);
    assert_eq!(code(cloud.call(CancelCapacityReservation, cancel()).await), "IncorrectState");
    assert_eq!(code(cloud.call(ModifyCapacityReservation, modify(1)).await), "IncorrectState");
}

#[tokio::test]
async fn reservations_that_cannot_be_are_refused() {
    let cloud = Cloud::new(444).await;
    let now = cloud.clock.now();
    for (input, expected) in [
        (asked(0), "InvalidParameterValue"),
        (
            CreateCapacityReservationInput { instance_type: "m5.pico".to_owned(), ..asked(1) },
            "InvalidParameterValue",
        ),
        (CreateCapacityReservationInput { availability_zone: None, ..asked(1) }, "MissingParameter"),
        (
            CreateCapacityReservationInput { availability_zone: Some("mars-1a".to_owned()), ..asked(1) },
            "InvalidParameterValue",
        ),
        (CreateCapacityReservationInput { end_date: Some(now + HOUR), ..asked(1) }, "InvalidParameterValue"),
        (
            CreateCapacityReservationInput { end_date_type: Some(EndDateType::Limited), ..asked(1) },
            "InvalidParameterValue",
        ),
        (CreateCapacityReservationInput { start_date: Some(now + HOUR), ..asked(1) }, "UnsupportedOperation"),
        (
            CreateCapacityReservationInput {
                instance_platform: CapacityReservationInstancePlatform::Windows,
                ..asked(1)
            },
            "UnsupportedOperation",
        ),
    ] {
        assert_eq!(code(cloud.call(CreateCapacityReservation, input.clone()).await), expected, "{input:?}");
    }
    cloud.ec2.set_zone("us-east-1a", true).await.unwrap();
    assert_eq!(code(cloud.call(CreateCapacityReservation, asked(1)).await), "InsufficientInstanceCapacity");
}
