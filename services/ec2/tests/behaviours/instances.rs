//! Instances: launched, shown, started and stopped, with machines in memory.

use std::time::Duration;

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::{code, default_subnets, filters, refused, subnet, tagged, vpc};

pub async fn image(cloud: &Cloud) -> String {
    let input = DescribeImagesInput {
        filters: filters(&[("name", "al2023-ami-2023.*")]),
        ..DescribeImagesInput::default()
    };
    let images = cloud.call(DescribeImages, input).await.unwrap().images.unwrap();
    images[0].image_id.clone().unwrap()
}

pub async fn request(cloud: &Cloud, count: i32) -> RunInstancesInput {
    RunInstancesInput {
        image_id: Some(image(cloud).await),
        instance_type: Some("t3.micro".to_owned()),
        min_count: count,
        max_count: count,
        ..RunInstancesInput::default()
    }
}

pub async fn run(cloud: &Cloud, input: RunInstancesInput) -> Vec<String> {
    let made = cloud.call(RunInstances, input).await.unwrap().instances.unwrap();
    made.into_iter().filter_map(|instance| instance.instance_id).collect()
}

pub async fn one(cloud: &Cloud) -> String {
    let input = request(cloud, 1).await;
    let id = run(cloud, input).await.remove(0);
    until(cloud, &id, InstanceStateName::Running).await;
    id
}

pub async fn show(cloud: &Cloud, id: &str) -> Instance {
    let input = DescribeInstancesInput { instance_ids: Some(vec![id.to_owned()]), ..Default::default() };
    let mut reservations = cloud.call(DescribeInstances, input).await.unwrap().reservations.unwrap();
    reservations.remove(0).instances.unwrap().remove(0)
}

pub async fn until(cloud: &Cloud, id: &str, state: InstanceStateName) {
    for _ in 0..20 {
        if show(cloud, id).await.state.unwrap().name == Some(state.clone()) {
            return;
        }
        cloud.settle().await;
    }
    panic!("{id} did not become {state}: {:?}", show(cloud, id).await.state);
}

async fn stop(cloud: &Cloud, id: &str) -> Result<StopInstancesOutput, Fault> {
    let input = StopInstancesInput { instance_ids: vec![id.to_owned()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, input).await
}

async fn start(cloud: &Cloud, id: &str) -> Result<StartInstancesOutput, Fault> {
    let input = StartInstancesInput { instance_ids: vec![id.to_owned()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, input).await
}

async fn terminate(cloud: &Cloud, ids: &[String]) -> Result<TerminateInstancesOutput, Fault> {
    let input = TerminateInstancesInput { instance_ids: ids.to_vec(), ..TerminateInstancesInput::default() };
    cloud.call(TerminateInstances, input).await
}

#[tokio::test]
async fn an_instance_is_pending_until_its_machine_runs() {
    let cloud = Cloud::new(1).await;
    let input = RunInstancesInput {
        tag_specifications: tagged("instance", &[("Name", "web")]),
        user_data: Some("IyEvYmluL3No".to_owned()),
        ..request(&cloud, 1).await
    };
    let made = cloud.call(RunInstances, input).await.unwrap();
    let instance = made.instances.unwrap().remove(0);
    let state = instance.state.unwrap();
    assert_eq!((state.code, state.name), (Some(0), Some(InstanceStateName::Pending)));
    assert!(instance.private_ip_address.is_some_and(|address| address.starts_with("172.31.")));
    let id = instance.instance_id.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
    let running = show(&cloud, &id).await;
    assert!(running.public_ip_address.is_some(), "default subnets give public addresses");
    assert!(running.public_dns_name.is_some_and(|name| name.ends_with(".compute-1.amazonaws.com")));
    assert_eq!(running.metadata_options.unwrap().http_tokens, Some(HttpTokensState::Required));
    assert_eq!(running.cpu_options.unwrap().threads_per_core, Some(2));
    assert_eq!(running.network_interfaces.unwrap().len(), 1);
    let spec = cloud.machines.spec(&id).unwrap();
    assert_eq!(spec.user_data.as_deref(), Some(b"#!/bin/sh".as_slice()));
    assert_eq!((spec.vcpus, spec.memory_bytes), (2, 1 << 30));
    assert!(spec.hostname.starts_with("ip-172-31-"));
}

#[tokio::test]
async fn a_stopped_instance_keeps_its_private_address_and_loses_its_public_one() {
    let cloud = Cloud::new(2).await;
    let id = one(&cloud).await;
    let before = show(&cloud, &id).await;
    let changes = stop(&cloud, &id).await.unwrap().stopping_instances.unwrap();
    assert_eq!(changes[0].current_state.as_ref().unwrap().code, Some(64));
    until(&cloud, &id, InstanceStateName::Stopped).await;
    let stopped = show(&cloud, &id).await;
    assert_eq!(stopped.private_ip_address, before.private_ip_address);
    assert_eq!(stopped.public_ip_address, None);
    assert_eq!(stopped.state_reason.unwrap().code.as_deref(), Some("Client.UserInitiatedShutdown"));
    assert!(stopped.state_transition_reason.unwrap().starts_with("User initiated (2027-01-15 08:00:00"));
    assert!(cloud.machines.running().is_empty());
    // A stop of what is stopped succeeds.
    stop(&cloud, &id).await.unwrap();
    start(&cloud, &id).await.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
    assert!(show(&cloud, &id).await.public_ip_address.is_some());
    assert_eq!(cloud.machines.boots(&id), 2);
}

#[tokio::test]
async fn a_terminated_instance_is_shown_for_an_hour_and_gives_its_addresses_back() {
    let cloud = Cloud::new(3).await;
    let id = one(&cloud).await;
    terminate(&cloud, std::slice::from_ref(&id)).await.unwrap();
    until(&cloud, &id, InstanceStateName::Terminated).await;
    let over = show(&cloud, &id).await;
    assert_eq!((over.private_ip_address, over.vpc_id), (None, None));
    let interfaces =
        cloud.call(DescribeNetworkInterfaces, DescribeNetworkInterfacesInput::default()).await.unwrap();
    assert_eq!(interfaces.network_interfaces.unwrap().len(), 0);
    terminate(&cloud, std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(code(start(&cloud, &id).await), "IncorrectInstanceState");
    assert_eq!(code(stop(&cloud, &id).await), "IncorrectInstanceState");
    cloud.advance(Duration::from_secs(3_700)).await;
    cloud.settle().await;
    let input = DescribeInstancesInput { instance_ids: Some(vec![id.clone()]), ..Default::default() };
    let (refusal, message) = refused(cloud.call(DescribeInstances, input).await);
    assert_eq!(refusal, "InvalidInstanceID.NotFound");
    assert_eq!(message, format!("The instance ID '{id}' does not exist"));
}

#[tokio::test]
async fn a_guest_that_powers_off_stops_or_ends_as_its_shutdown_behaviour_says() {
    let cloud = Cloud::new(4).await;
    let stays = one(&cloud).await;
    let input = RunInstancesInput {
        instance_initiated_shutdown_behavior: Some(ShutdownBehavior::Terminate),
        ..request(&cloud, 1).await
    };
    let goes = run(&cloud, input).await.remove(0);
    until(&cloud, &goes, InstanceStateName::Running).await;
    cloud.machines.power_off(&stays);
    cloud.machines.power_off(&goes);
    until(&cloud, &stays, InstanceStateName::Stopped).await;
    until(&cloud, &goes, InstanceStateName::Terminated).await;
    let reason = show(&cloud, &stays).await.state_reason.unwrap();
    assert_eq!(reason.code.as_deref(), Some("Client.InstanceInitiatedShutdown"));
}

#[tokio::test]
async fn a_machine_that_does_not_start_ends_its_instance_and_says_why() {
    let cloud = Cloud::new(5).await;
    cloud.machines.fail(Some("overlayfs is missing"));
    let input = request(&cloud, 1).await;
    let id = run(&cloud, input).await.remove(0);
    until(&cloud, &id, InstanceStateName::Terminated).await;
    let reason = show(&cloud, &id).await.state_reason.unwrap();
    assert_eq!(reason.message.as_deref(), Some("Server.InternalError: overlayfs is missing"));
}

#[tokio::test]
async fn machines_that_the_host_lost_come_back() {
    let cloud = Cloud::new(6).await;
    let id = one(&cloud).await;
    cloud.machines.lose_all();
    cloud.advance(Duration::from_secs(31)).await;
    cloud.settle().await;
    assert_eq!(cloud.machines.running(), std::slice::from_ref(&id));
    until(&cloud, &id, InstanceStateName::Running).await;
}

#[tokio::test]
async fn a_client_token_launches_once() {
    let cloud = Cloud::new(7).await;
    let input = RunInstancesInput { client_token: Some("t".to_owned()), ..request(&cloud, 2).await };
    let first = run(&cloud, input.clone()).await;
    assert_eq!(run(&cloud, input.clone()).await, first);
    let other = RunInstancesInput { instance_type: Some("t3.small".to_owned()), ..input };
    assert_eq!(code(cloud.call(RunInstances, other).await), "IdempotentParameterMismatch");
    assert_eq!(first.len(), 2);
}

#[tokio::test]
async fn protected_instances_are_not_stopped_or_terminated() {
    let cloud = Cloud::new(8).await;
    let input = RunInstancesInput {
        disable_api_stop: Some(true),
        disable_api_termination: Some(true),
        ..request(&cloud, 1).await
    };
    let id = run(&cloud, input).await.remove(0);
    until(&cloud, &id, InstanceStateName::Running).await;
    let (refusal, message) = refused(stop(&cloud, &id).await);
    assert_eq!(refusal, "OperationNotPermitted");
    assert!(message.contains("disableApiStop"), "{message}");
    let (refusal, message) = refused(terminate(&cloud, &[id]).await);
    assert_eq!(refusal, "OperationNotPermitted");
    assert!(message.contains("disableApiTermination"), "{message}");
}

#[tokio::test]
async fn termination_protection_holds_back_its_zone_only() {
    let cloud = Cloud::new(9).await;
    let subnets = default_subnets(&cloud).await;
    let launch = async |subnet: &str, protected: bool| {
        let input = RunInstancesInput {
            subnet_id: Some(subnet.to_owned()),
            disable_api_termination: Some(protected),
            ..request(&cloud, 1).await
        };
        run(&cloud, input).await.remove(0)
    };
    let (a, b, c) =
        (launch(&subnets[0], false).await, launch(&subnets[1], true).await, launch(&subnets[1], false).await);
    let all = [a.clone(), b.clone(), c.clone()];
    assert_eq!(code(terminate(&cloud, &all).await), "OperationNotPermitted");
    until(&cloud, &a, InstanceStateName::Terminated).await;
    until(&cloud, &b, InstanceStateName::Running).await;
    until(&cloud, &c, InstanceStateName::Running).await;
}

#[tokio::test]
async fn a_launch_that_cannot_be_is_refused_before_anything_is_made() {
    let cloud = Cloud::new(10).await;
    let base = request(&cloud, 1).await;
    let with = |change: &dyn Fn(&mut RunInstancesInput)| {
        let mut input = base.clone();
        change(&mut input);
        input
    };
    for (input, expected) in [
        (with(&|input| input.image_id = Some("ami-00000000000000000".into())), "InvalidAMIID.NotFound"),
        (with(&|input| input.image_id = Some("ami-1".into())), "InvalidAMIID.Malformed"),
        (with(&|input| input.image_id = None), "MissingParameter"),
        (with(&|input| input.instance_type = Some("t3.pico".into())), "InvalidParameterValue"),
        (with(&|input| input.instance_type = Some("m6g.large".into())), "InvalidParameterValue"),
        (with(&|input| input.key_name = Some("gone".into())), "InvalidKeyPair.NotFound"),
        (
            with(&|input| input.subnet_id = Some("subnet-00000000000000000".into())),
            "InvalidSubnetID.NotFound",
        ),
        (with(&|input| input.user_data = Some("no base64!".into())), "InvalidParameterValue"),
        (with(&|input| input.min_count = 0), "InvalidParameterValue"),
        (with(&|input| (input.min_count, input.max_count) = (2, 1)), "InvalidParameterValue"),
        (
            with(&|input| {
                input.hibernation_options = Some(HibernationOptionsRequest { configured: Some(true) })
            }),
            "UnsupportedOperation",
        ),
        (
            with(&|input| {
                input.iam_instance_profile =
                    Some(IamInstanceProfileSpecification { name: Some("gone".into()), arn: None });
            }),
            "InvalidParameterValue",
        ),
        (
            with(&|input| {
                input.placement = Some(Placement { group_name: Some("gone".into()), ..Placement::default() });
            }),
            "InvalidPlacementGroup.Unknown",
        ),
    ] {
        assert_eq!(code(cloud.call(RunInstances, input.clone()).await), expected, "{input:?}");
    }
    let all = cloud.call(DescribeInstances, DescribeInstancesInput::default()).await.unwrap();
    assert_eq!(all.reservations, Some(Vec::new()));
}

#[tokio::test]
async fn a_launch_takes_as_many_as_the_subnet_has_room_for() {
    let cloud = Cloud::new(11).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let small = subnet(&cloud, &vpc, "10.0.0.0/28", "us-east-1a").await;
    let input = RunInstancesInput {
        subnet_id: Some(small.clone()),
        min_count: 5,
        max_count: 20,
        ..request(&cloud, 1).await
    };
    assert_eq!(run(&cloud, input.clone()).await.len(), 11);
    assert_eq!(code(cloud.call(RunInstances, input).await), "InsufficientFreeAddressesInSubnet");
}

#[tokio::test]
async fn instances_are_filtered_and_paged_with_their_reservations() {
    let cloud = Cloud::new(12).await;
    let input = RunInstancesInput {
        tag_specifications: tagged("instance", &[("team", "web")]),
        ..request(&cloud, 6).await
    };
    let web = run(&cloud, input).await;
    let input = request(&cloud, 2).await;
    run(&cloud, input).await;
    cloud.settle().await;
    let list = async |input: DescribeInstancesInput| cloud.call(DescribeInstances, input).await.unwrap();
    let by =
        |pairs: &[(&str, &str)]| DescribeInstancesInput { filters: filters(pairs), ..Default::default() };
    let found =
        list(by(&[("tag:team", "web"), ("instance-state-name", "running")])).await.reservations.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].instances.as_ref().map(Vec::len), Some(6));
    let address = show(&cloud, &web[0]).await.private_ip_address.unwrap();
    let found = list(by(&[("network-interface.addresses.private-ip-address", &address)])).await;
    assert_eq!(found.reservations.unwrap()[0].instances.as_ref().map(Vec::len), Some(1));
    let (mut seen, mut token) = (0, None);
    loop {
        let page =
            list(DescribeInstancesInput { max_results: Some(5), next_token: token, ..Default::default() })
                .await;
        let counts = page.reservations.unwrap().into_iter().map(|one| one.instances.unwrap().len());
        seen += counts.sum::<usize>();
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, 8);
    assert_eq!(code(cloud.call(DescribeInstances, by(&[("colour", "red")])).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_reboot_starts_the_guest_anew_and_changes_no_state() {
    let cloud = Cloud::new(13).await;
    let id = one(&cloud).await;
    let input = RebootInstancesInput { instance_ids: vec![id.clone()], ..RebootInstancesInput::default() };
    cloud.call(RebootInstances, input).await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.machines.boots(&id), 2);
    until(&cloud, &id, InstanceStateName::Running).await;
}
