//! Dedicated Hosts: what they have room for, who comes to them, and what they cost.

use ec2_api::*;
use testkit::Cloud;

use crate::buying::{HOUR, cost, lines, pass, terminate};
use crate::instances::{request, run, show, until};
use crate::support::{code, filters, refused, tagged};

fn asked(instance_type: &str) -> AllocateHostsInput {
    AllocateHostsInput {
        instance_type: Some(instance_type.to_owned()),
        availability_zone: Some("us-east-1b".to_owned()),
        quantity: Some(1),
        ..AllocateHostsInput::default()
    }
}

async fn allocate(cloud: &Cloud, input: AllocateHostsInput) -> Vec<String> {
    cloud.call(AllocateHosts, input).await.unwrap().host_ids.unwrap()
}

async fn look(cloud: &Cloud, id: &str) -> Host {
    let input = DescribeHostsInput { host_ids: Some(vec![id.to_owned()]), ..DescribeHostsInput::default() };
    cloud.call(DescribeHosts, input).await.unwrap().hosts.unwrap().remove(0)
}

async fn available(cloud: &Cloud, id: &str) -> i32 {
    look(cloud, id).await.available_capacity.unwrap().available_v_cpus.unwrap()
}

async fn launch(cloud: &Cloud, instance_type: &str, host: Option<&str>) -> RunInstancesInput {
    RunInstancesInput {
        instance_type: Some(instance_type.to_owned()),
        placement: Some(Placement {
            tenancy: Some(Tenancy::Host),
            host_id: host.map(str::to_owned),
            ..Placement::default()
        }),
        ..request(cloud, 1).await
    }
}

async fn stop(cloud: &Cloud, id: &str) {
    let input = StopInstancesInput { instance_ids: vec![id.to_owned()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, input).await.unwrap();
    until(cloud, id, InstanceStateName::Stopped).await;
}

async fn start(cloud: &Cloud, id: &str) -> Result<StartInstancesOutput, schema::Fault> {
    let input = StartInstancesInput { instance_ids: vec![id.to_owned()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, input).await
}

async fn placement(cloud: &Cloud, id: &str) -> Placement {
    show(cloud, id).await.placement.unwrap()
}

async fn modify(cloud: &Cloud, input: ModifyHostsInput) -> Vec<(String, String)> {
    let done = cloud.call(ModifyHosts, input).await.unwrap();
    failures(done.unsuccessful)
}

async fn release(cloud: &Cloud, id: &str) -> Vec<(String, String)> {
    let input = ReleaseHostsInput { host_ids: vec![id.to_owned()] };
    failures(cloud.call(ReleaseHosts, input).await.unwrap().unsuccessful)
}

fn failures(items: Option<Vec<UnsuccessfulItem>>) -> Vec<(String, String)> {
    let told = |item: UnsuccessfulItem| {
        let error = item.error.unwrap();
        (error.code.unwrap(), error.message.unwrap())
    };
    items.unwrap().into_iter().map(told).collect()
}

#[tokio::test]
async fn a_host_has_room_for_as_many_as_have_processors_there() {
    let cloud = Cloud::new(480).await;
    let host = allocate(&cloud, asked("m5.12xlarge")).await.remove(0);
    let shown = look(&cloud, &host).await;
    let properties = shown.host_properties.unwrap();
    assert_eq!((properties.cores, properties.total_v_cpus), (Some(48), Some(96)));
    assert_eq!(shown.state, Some(AllocationState::Available));
    assert_eq!(shown.auto_placement, Some(AutoPlacement::Off));
    assert_eq!(shown.allows_multiple_instance_types, Some(AllowsMultipleInstanceTypes::Off));
    // Auto-placement is off: who names no host finds none.
    let refusal = cloud.call(RunInstances, launch(&cloud, "m5.12xlarge", None).await).await;
    assert_eq!(code(refusal), "InsufficientCapacityOnHost");
    let mut made = Vec::new();
    for left in [48, 0] {
        made.extend(run(&cloud, launch(&cloud, "m5.12xlarge", Some(&host)).await).await);
        assert_eq!(available(&cloud, &host).await, left);
    }
    let at = placement(&cloud, &made[0]).await;
    assert_eq!((at.tenancy, at.host_id.as_deref()), (Some(Tenancy::Host), Some(host.as_str())));
    // It goes to the zone of its host, though no zone was named.
    assert_eq!(at.availability_zone.as_deref(), Some("us-east-1b"));
    let inside = look(&cloud, &host).await.instances.unwrap();
    let mut inside: Vec<String> = inside.into_iter().map(|one| one.instance_id.unwrap()).collect();
    inside.sort();
    made.sort();
    assert_eq!(inside, made);
    let (refusal, message) =
        refused(cloud.call(RunInstances, launch(&cloud, "m5.12xlarge", Some(&host)).await).await);
    assert_eq!(refusal, "InsufficientCapacityOnHost");
    assert_eq!(
        message,
        "There is not enough capacity on the Dedicated Host to launch or start the instance."
    );
    // A stop gives the room back.
    until(&cloud, &made[0], InstanceStateName::Running).await;
    stop(&cloud, &made[0]).await;
    assert_eq!(available(&cloud, &host).await, 48);
    let by_host = DescribeInstancesInput {
        filters: filters(&[("host-id", &host), ("tenancy", "host")]),
        ..DescribeInstancesInput::default()
    };
    let found = cloud.call(DescribeInstances, by_host).await.unwrap().reservations.unwrap();
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn a_host_of_a_family_takes_its_types_and_who_names_no_host() {
    let cloud = Cloud::new(481).await;
    let input = AllocateHostsInput {
        instance_type: None,
        instance_family: Some("c5".to_owned()),
        auto_placement: Some(AutoPlacement::On),
        quantity: Some(2),
        tag_specifications: tagged("dedicated-host", &[("team", "licences")]),
        ..asked("c5.large")
    };
    let hosts = allocate(&cloud, input).await;
    assert_eq!(hosts.len(), 2);
    let whole = run(&cloud, launch(&cloud, "c5.18xlarge", None).await).await.remove(0);
    let small = run(&cloud, launch(&cloud, "c5.large", None).await).await.remove(0);
    let (first, second) = (placement(&cloud, &whole).await, placement(&cloud, &small).await);
    assert_ne!(first.host_id, second.host_id);
    assert_eq!(first.affinity.as_deref(), Some("default"));
    let refusal = cloud.call(RunInstances, launch(&cloud, "m5.large", None).await).await;
    assert_eq!(code(refusal), "InsufficientCapacityOnHost");
    let second = second.host_id.unwrap();
    // The type has no Dedicated Hosts, though its family has.
    for other in ["m5.large", "c5.24xlarge"] {
        let refusal = cloud.call(RunInstances, launch(&cloud, other, Some(&second)).await).await;
        assert_eq!(code(refusal), "InvalidHostConfiguration");
    }
    for (name, value, count) in [
        ("tag:team", "licences", 2),
        ("auto-placement", "off", 0),
        ("availability-zone", "us-east-1b", 2),
        ("instance-type", "c5.large", 0),
        ("state", "available", 2),
    ] {
        let input = DescribeHostsInput { filter: filters(&[(name, value)]), ..DescribeHostsInput::default() };
        let found = cloud.call(DescribeHosts, input).await.unwrap().hosts.unwrap();
        assert_eq!(found.len(), count, "{name}");
    }
}

#[tokio::test]
async fn an_instance_with_affinity_starts_where_it_ran_and_others_where_there_is_room() {
    let cloud = Cloud::new(482).await;
    let input = AllocateHostsInput {
        auto_placement: Some(AutoPlacement::On),
        quantity: Some(2),
        ..asked("m5.24xlarge")
    };
    allocate(&cloud, input).await;
    let mut bound = launch(&cloud, "m5.24xlarge", None).await;
    bound.placement.as_mut().unwrap().affinity = Some("host".to_owned());
    let bound = run(&cloud, bound).await.remove(0);
    let free = run(&cloud, launch(&cloud, "m5.24xlarge", None).await).await.remove(0);
    for id in [&bound, &free] {
        until(&cloud, id, InstanceStateName::Running).await;
        stop(&cloud, id).await;
    }
    let (at_first, at_second) = (placement(&cloud, &bound).await, placement(&cloud, &free).await);
    let first = at_first.host_id.unwrap();
    // Another comes to the place of the one that is bound to it.
    let third = run(&cloud, launch(&cloud, "m5.24xlarge", Some(&first)).await).await.remove(0);
    assert_eq!(code(start(&cloud, &bound).await), "InsufficientCapacityOnHost");
    start(&cloud, &free).await.unwrap();
    assert_eq!(placement(&cloud, &free).await.host_id, at_second.host_id);
    // Without affinity it goes elsewhere where its last host is full.
    until(&cloud, &free, InstanceStateName::Running).await;
    stop(&cloud, &free).await;
    let second = at_second.host_id.unwrap();
    run(&cloud, launch(&cloud, "m5.24xlarge", Some(&second)).await).await;
    until(&cloud, &third, InstanceStateName::Running).await;
    terminate(&cloud, &third).await;
    start(&cloud, &free).await.unwrap();
    assert_eq!(placement(&cloud, &free).await.host_id.as_deref(), Some(first.as_str()));
}

#[tokio::test]
async fn a_stopped_instance_is_moved_to_a_host_and_away_from_it() {
    let cloud = Cloud::new(483).await;
    let host = allocate(&cloud, asked("m5.large")).await.remove(0);
    let elsewhere =
        AllocateHostsInput { availability_zone: Some("us-east-1c".to_owned()), ..asked("m5.large") };
    let elsewhere = allocate(&cloud, elsewhere).await.remove(0);
    let shared = RunInstancesInput {
        instance_type: Some("m5.large".to_owned()),
        placement: Some(Placement {
            availability_zone: Some("us-east-1b".to_owned()),
            ..Placement::default()
        }),
        ..request(&cloud, 1).await
    };
    let id = run(&cloud, shared).await.remove(0);
    until(&cloud, &id, InstanceStateName::Running).await;
    let to = |host: &str| ModifyInstancePlacementInput {
        instance_id: id.clone(),
        host_id: Some(host.to_owned()),
        ..ModifyInstancePlacementInput::default()
    };
    assert_eq!(code(cloud.call(ModifyInstancePlacement, to(&host)).await), "IncorrectInstanceState");
    stop(&cloud, &id).await;
    for (input, expected) in [
        (to(&elsewhere), "InvalidHostConfiguration"),
        (to("h-00000000000000000"), "InvalidHostID.NotFound"),
        (to("host"), "InvalidHostID.Malformed"),
        (
            ModifyInstancePlacementInput { tenancy: Some(HostTenancy::Default), ..to(&host) },
            "InvalidParameterCombination",
        ),
    ] {
        assert_eq!(code(cloud.call(ModifyInstancePlacement, input).await), expected);
    }
    cloud.call(ModifyInstancePlacement, to(&host)).await.unwrap();
    assert_eq!(available(&cloud, &host).await, 96);
    start(&cloud, &id).await.unwrap();
    assert_eq!(available(&cloud, &host).await, 94);
    until(&cloud, &id, InstanceStateName::Running).await;
    stop(&cloud, &id).await;
    let away = ModifyInstancePlacementInput {
        instance_id: id.clone(),
        tenancy: Some(HostTenancy::Default),
        ..ModifyInstancePlacementInput::default()
    };
    cloud.call(ModifyInstancePlacement, away).await.unwrap();
    start(&cloud, &id).await.unwrap();
    assert_eq!(placement(&cloud, &id).await.host_id, None);
    assert_eq!(available(&cloud, &host).await, 96);
}

#[tokio::test]
async fn a_host_is_changed_while_it_is_empty_and_released() {
    let cloud = Cloud::new(484).await;
    let host = allocate(&cloud, asked("m5.large")).await.remove(0);
    let change = |family: &str| ModifyHostsInput {
        host_ids: vec![host.clone()],
        instance_family: Some(family.to_owned()),
        auto_placement: Some(AutoPlacement::On),
        host_recovery: Some(HostRecovery::On),
        host_maintenance: Some(HostMaintenance::On),
        ..ModifyHostsInput::default()
    };
    assert_eq!(modify(&cloud, change("c5")).await[0].0, "Client.InvalidHostConfiguration");
    assert_eq!(look(&cloud, &host).await.auto_placement, Some(AutoPlacement::Off));
    assert!(modify(&cloud, change("m5")).await.is_empty());
    let shown = look(&cloud, &host).await;
    assert_eq!(shown.host_recovery, Some(HostRecovery::On));
    assert_eq!(shown.host_maintenance, Some(HostMaintenance::On));
    assert_eq!(shown.allows_multiple_instance_types, Some(AllowsMultipleInstanceTypes::On));
    let id = run(&cloud, launch(&cloud, "m5.xlarge", None).await).await.remove(0);
    let single = ModifyHostsInput {
        host_ids: vec![host.clone()],
        instance_type: Some("m5.xlarge".to_owned()),
        ..ModifyHostsInput::default()
    };
    assert_eq!(modify(&cloud, single).await[0].0, "Client.InvalidHost.Occupied");
    let occupied = format!("Dedicated host '{host}' cannot be released as it is occupied");
    assert_eq!(release(&cloud, &host).await, [("Client.InvalidHost.Occupied".to_owned(), occupied)]);
    until(&cloud, &id, InstanceStateName::Running).await;
    terminate(&cloud, &id).await;
    assert!(release(&cloud, &host).await.is_empty());
    // It is still shown, and cannot be named any more.
    let shown = look(&cloud, &host).await;
    assert_eq!(shown.state, Some(AllocationState::Released));
    assert_eq!(shown.release_time, Some(cloud.clock.now()));
    assert_eq!(release(&cloud, &host).await[0].0, "Client.InvalidHostID.NotFound");
    let refusal = cloud.call(RunInstances, launch(&cloud, "m5.xlarge", Some(&host)).await).await;
    assert_eq!(code(refusal), "InvalidHostID.NotFound");
}

#[tokio::test]
async fn a_host_is_paid_for_and_what_runs_on_it_is_not() {
    let cloud = Cloud::new(485).await;
    let host = allocate(&cloud, asked("m5.large")).await.remove(0);
    let id = run(&cloud, launch(&cloud, "m5.large", Some(&host)).await).await.remove(0);
    until(&cloud, &id, InstanceStateName::Running).await;
    pass(&cloud, HOUR * 10).await;
    let told = lines(&cloud, "service").await;
    assert!(!told.iter().any(|line| line.item.contains("m5.large")), "{told:?}");
    // Its hours are told; its price is no fact that lies here.
    let line = told.iter().find(|line| line.item == "host:m5").unwrap();
    assert_eq!((line.unit, line.cost.as_deref()), ("hours", None));
    assert_eq!(cost(&told, "Virtual Private Cloud", "address:public"), "0.0500");
}

#[tokio::test]
async fn hosts_that_cannot_be_are_refused() {
    let cloud = Cloud::new(486).await;
    let family = |name: &str| AllocateHostsInput {
        instance_type: None,
        instance_family: Some(name.to_owned()),
        ..asked("m5.large")
    };
    for (input, expected) in [
        (asked("m5.pico"), "InvalidParameterValue"),
        (family("x0"), "InvalidInstanceFamily"),
        (family("t3"), "InvalidHostConfiguration"),
        (AllocateHostsInput { instance_type: None, ..asked("m5.large") }, "MissingParameter"),
        (AllocateHostsInput { quantity: None, ..asked("m5.large") }, "MissingParameter"),
        (AllocateHostsInput { quantity: Some(0), ..asked("m5.large") }, "InvalidParameterValue"),
        (AllocateHostsInput { availability_zone: None, ..asked("m5.large") }, "MissingParameter"),
        (
            AllocateHostsInput { instance_type: Some("m5.large".to_owned()), ..family("m5") },
            "InvalidParameterCombination",
        ),
        (
            AllocateHostsInput {
                outpost_arn: Some("arn:aws:outposts:us-east-1:000000000000:outpost/op-1".to_owned()),
                ..asked("m5.large")
            },
            "UnsupportedOperation",
        ),
    ] {
        assert_eq!(code(cloud.call(AllocateHosts, input.clone()).await), expected, "{input:?}");
    }
    // A token makes hosts once.
    let once = AllocateHostsInput { client_token: Some("once".to_owned()), ..asked("m5.large") };
    let made = allocate(&cloud, once.clone()).await;
    assert_eq!(allocate(&cloud, once.clone()).await, made);
    let other = AllocateHostsInput { quantity: Some(2), ..once };
    assert_eq!(code(cloud.call(AllocateHosts, other).await), "IdempotentParameterMismatch");
    let many = AllocateHostsInput { quantity: Some(100), ..asked("m5.large") };
    assert_eq!(code(cloud.call(AllocateHosts, many).await), "HostLimitExceeded");
    for (change, expected) in [
        (Placement { affinity: Some("none".to_owned()), ..Placement::default() }, "InvalidAffinity"),
        (
            Placement {
                tenancy: Some(Tenancy::Dedicated),
                host_id: Some(made[0].clone()),
                ..Placement::default()
            },
            "InvalidParameterCombination",
        ),
        (
            Placement { host_resource_group_arn: Some("arn".to_owned()), ..Placement::default() },
            "UnsupportedOperation",
        ),
    ] {
        let input = RunInstancesInput { placement: Some(change), ..request(&cloud, 1).await };
        assert_eq!(code(cloud.call(RunInstances, input).await), expected);
    }
    cloud.ec2.set_zone("us-east-1b", true).await.unwrap();
    assert_eq!(code(cloud.call(AllocateHosts, asked("m5.large")).await), "InsufficientHostCapacity");
}
