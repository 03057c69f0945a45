//! Permissions: what a launch asks for one by one, condition keys of resources and of requests, tags on creation.

use base::AccountId;
use ec2_api::*;
use iam_api::{CreateUser, CreateUserInput, PutUserPolicy, PutUserPolicyInput};
use schema::OperationType;
use service::{Principal, PrincipalKind};
use testkit::Cloud;

use crate::instances::{image, one, request};
use crate::support::{code, default_subnets, default_vpc, tagged};

/// A user who may do what these statements say.
async fn user(cloud: &Cloud, statements: &str) -> Principal {
    let input = CreateUserInput { user_name: "ann".to_owned(), ..CreateUserInput::default() };
    let user = cloud.call(CreateUser, input).await.unwrap().user.unwrap();
    let policy = PutUserPolicyInput {
        user_name: "ann".to_owned(),
        policy_name: "own".to_owned(),
        policy_document: format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#),
    };
    cloud.call(PutUserPolicy, policy).await.unwrap();
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: user.arn,
        user_id: user.user_id,
        access_key_id: None,
        session: None,
    }
}

fn allow(action: &str, resource: &str, condition: &str) -> String {
    let condition = if condition.is_empty() { String::new() } else { format!(r#","Condition":{condition}"#) };
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"{condition}}}"#)
}

async fn outcome<O: OperationType>(cloud: &Cloud, by: &Principal, operation: O, input: O::Input) -> String
where
    O::Output: std::fmt::Debug,
{
    match cloud.call_by(by.clone(), operation, input).await {
        Ok(_) => "done".to_owned(),
        Err(fault) => fault.code().to_owned(),
    }
}

/// What every launch needs besides the statement under test.
const REST: &[&str] = &["volume", "network-interface", "security-group", "image", "key-pair"];

fn launching(more: &[String]) -> String {
    let rest = REST.iter().map(|kind| {
        let account = if *kind == "image" { "" } else { "*" };
        allow("ec2:RunInstances", &format!("arn:aws:ec2:*:{account}:{kind}/*"), "")
    });
    rest.chain(more.iter().cloned()).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn an_instance_type_is_a_condition_of_the_instance_alone() {
    let cloud = Cloud::new(71).await;
    let small = allow(
        "ec2:RunInstances",
        "arn:aws:ec2:*:*:instance/*",
        r#"{"StringEquals":{"ec2:InstanceType":"t3.micro"}}"#,
    );
    let by =
        user(&cloud, &launching(&[small, allow("ec2:RunInstances", "arn:aws:ec2:*:*:subnet/*", "")])).await;
    let input = request(&cloud, 1).await;
    assert_eq!(outcome(&cloud, &by, RunInstances, input.clone()).await, "done");
    let large = RunInstancesInput { instance_type: Some("m5.large".to_owned()), ..input };
    assert_eq!(outcome(&cloud, &by, RunInstances, large).await, "UnauthorizedOperation");
}

#[tokio::test]
async fn every_volume_of_a_launch_is_asked_about_by_itself() {
    let cloud = Cloud::new(79).await;
    let small = allow(
        "ec2:RunInstances",
        "arn:aws:ec2:*:*:volume/*",
        r#"{"NumericLessThanEquals":{"ec2:VolumeSize":"20"},"StringEquals":{"ec2:VolumeType":"gp3"}}"#,
    );
    let kinds = ["instance", "network-interface", "security-group", "image", "subnet"].map(|kind| {
        let account = if kind == "image" { "" } else { "*" };
        allow("ec2:RunInstances", &format!("arn:aws:ec2:*:{account}:{kind}/*"), "")
    });
    let by = user(&cloud, &[kinds.join(","), small].join(",")).await;
    let input = request(&cloud, 1).await;
    let disk = |name: &str, size: i32, kind: VolumeType| BlockDeviceMapping {
        device_name: Some(name.to_owned()),
        ebs: Some(EbsBlockDevice {
            volume_size: Some(size),
            volume_type: Some(kind),
            ..EbsBlockDevice::default()
        }),
        ..BlockDeviceMapping::default()
    };
    let (root, gp3) = (disk("/dev/xvda", 20, VolumeType::Gp3), VolumeType::Gp3);
    for (mappings, expected) in [
        (vec![root.clone(), disk("/dev/sdf", 10, gp3.clone())], "done"),
        (vec![root.clone(), disk("/dev/sdf", 100, gp3.clone())], "UnauthorizedOperation"),
        (vec![root.clone(), disk("/dev/sdf", 10, VolumeType::Io2)], "UnauthorizedOperation"),
        (
            vec![disk("/dev/sdf", 10, gp3.clone()), disk("/dev/xvda", 100, gp3.clone())],
            "UnauthorizedOperation",
        ),
        (vec![disk("/dev/sdf", 10, gp3.clone()), root], "done"),
    ] {
        let input = RunInstancesInput { block_device_mappings: Some(mappings.clone()), ..input.clone() };
        assert_eq!(outcome(&cloud, &by, RunInstances, input).await, expected, "{mappings:?}");
    }
}

#[tokio::test]
async fn a_launch_needs_permission_for_its_subnet_also_where_none_is_named() {
    let cloud = Cloud::new(72).await;
    let subnets = default_subnets(&cloud).await;
    let vpc = default_vpc(&cloud).await;
    let only = allow("ec2:RunInstances", &format!("arn:aws:ec2:*:*:subnet/{}", subnets[0]), "");
    let within = allow(
        "ec2:RunInstances",
        "arn:aws:ec2:*:*:instance/*",
        r#"{"StringLike":{"ec2:AvailabilityZone":"us-east-1?"},"Bool":{"ec2:EbsOptimized":"false"}}"#,
    );
    let by = user(&cloud, &launching(&[only, within])).await;
    let input = request(&cloud, 1).await;
    let on = |subnet: &str| RunInstancesInput { subnet_id: Some(subnet.to_owned()), ..input.clone() };
    assert_eq!(outcome(&cloud, &by, RunInstances, on(&subnets[0])).await, "done");
    assert_eq!(outcome(&cloud, &by, RunInstances, on(&subnets[1])).await, "UnauthorizedOperation");
    assert_eq!(outcome(&cloud, &by, RunInstances, input.clone()).await, "UnauthorizedOperation");
    assert!(vpc.starts_with("vpc-"));
}

#[tokio::test]
async fn a_subnet_is_known_by_its_vpc_and_an_image_by_its_owner() {
    let cloud = Cloud::new(73).await;
    let vpc = default_vpc(&cloud).await;
    let statements = [
        allow("ec2:RunInstances", "arn:aws:ec2:*:*:instance/*", ""),
        allow("ec2:RunInstances", "arn:aws:ec2:*:*:volume/*", ""),
        allow("ec2:RunInstances", "arn:aws:ec2:*:*:network-interface/*", ""),
        allow("ec2:RunInstances", "arn:aws:ec2:*:*:security-group/*", ""),
        allow(
            "ec2:RunInstances",
            "arn:aws:ec2:*:*:subnet/*",
            &format!(r#"{{"ArnEquals":{{"ec2:Vpc":"arn:aws:ec2:us-east-1:000000000000:vpc/{vpc}"}}}}"#),
        ),
        allow(
            "ec2:RunInstances",
            "arn:aws:ec2:*::image/*",
            r#"{"StringEquals":{"ec2:Owner":"amazon","ec2:Public":"true"}}"#,
        ),
    ];
    let by = user(&cloud, &statements.join(",")).await;
    let subnet = default_subnets(&cloud).await.remove(0);
    let input = RunInstancesInput { subnet_id: Some(subnet), ..request(&cloud, 1).await };
    assert_eq!(outcome(&cloud, &by, RunInstances, input.clone()).await, "done");
    let copy = CopyImageInput {
        name: "mine".to_owned(),
        source_image_id: image(&cloud).await,
        source_region: "us-east-1".to_owned(),
        ..CopyImageInput::default()
    };
    let own = cloud.call(CopyImage, copy).await.unwrap().image_id;
    let other = RunInstancesInput { image_id: own, ..input };
    assert_eq!(outcome(&cloud, &by, RunInstances, other).await, "UnauthorizedOperation");
}

#[tokio::test]
async fn what_a_template_names_needs_permission_like_what_the_request_names() {
    let cloud = Cloud::new(74).await;
    let data = RequestLaunchTemplateData {
        image_id: Some(image(&cloud).await),
        instance_type: Some("t3.micro".to_owned()),
        ..RequestLaunchTemplateData::default()
    };
    let input = CreateLaunchTemplateInput {
        launch_template_name: "web".to_owned(),
        launch_template_data: data,
        ..CreateLaunchTemplateInput::default()
    };
    cloud.call(CreateLaunchTemplate, input).await.unwrap();
    let by_template = allow(
        "ec2:RunInstances",
        "*",
        r#"{"ArnLike":{"ec2:LaunchTemplate":"arn:aws:ec2:*:*:launch-template/lt-*"},"Bool":{"ec2:IsLaunchTemplateResource":"true"}}"#,
    );
    let by = user(&cloud, &by_template).await;
    let template =
        LaunchTemplateSpecification { launch_template_name: Some("web".to_owned()), ..Default::default() };
    let launch = RunInstancesInput {
        launch_template: Some(template),
        min_count: 1,
        max_count: 1,
        ..RunInstancesInput::default()
    };
    assert_eq!(outcome(&cloud, &by, RunInstances, launch.clone()).await, "done");
    let subnet = default_subnets(&cloud).await.remove(0);
    let other_subnet = RunInstancesInput { subnet_id: Some(subnet), ..launch };
    assert_eq!(outcome(&cloud, &by, RunInstances, other_subnet).await, "UnauthorizedOperation");
}

#[tokio::test]
async fn tags_of_a_request_are_those_of_the_type_that_is_asked_about() {
    let cloud = Cloud::new(75).await;
    let tagged_only = allow(
        "ec2:RunInstances",
        "arn:aws:ec2:*:*:instance/*",
        r#"{"StringEquals":{"aws:RequestTag/team":"web"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#,
    );
    let subnets = allow("ec2:RunInstances", "arn:aws:ec2:*:*:subnet/*", "");
    let on_launch = allow("ec2:CreateTags", "*", r#"{"StringEquals":{"ec2:CreateAction":"RunInstances"}}"#);
    let by = user(&cloud, &launching(&[tagged_only, subnets, on_launch])).await;
    let input = request(&cloud, 1).await;
    let with = |kind: &str, key: &str| RunInstancesInput {
        tag_specifications: tagged(kind, &[(key, "web")]),
        ..input.clone()
    };
    assert_eq!(outcome(&cloud, &by, RunInstances, with("instance", "team")).await, "done");
    assert_eq!(outcome(&cloud, &by, RunInstances, with("instance", "cost")).await, "UnauthorizedOperation");
    assert_eq!(outcome(&cloud, &by, RunInstances, with("volume", "team")).await, "UnauthorizedOperation");
}

#[tokio::test]
async fn every_operation_that_makes_something_asks_for_its_tags_by_its_name() {
    let cloud = Cloud::new(76).await;
    let makes = allow("ec2:Create*", "*", "");
    let no_tags = r#"{"Effect":"Deny","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringNotEquals":{"ec2:CreateAction":"CreateVpc"}}}"#;
    let imports = allow("ec2:ImportKeyPair", "*", "");
    let by = user(&cloud, &[makes, imports, no_tags.to_owned()].join(",")).await;
    let vpc = CreateVpcInput {
        cidr_block: Some("10.7.0.0/16".to_owned()),
        tag_specifications: tagged("vpc", &[("a", "b")]),
        ..CreateVpcInput::default()
    };
    assert_eq!(outcome(&cloud, &by, CreateVpc, vpc).await, "done");
    let pair = CreateKeyPairInput {
        key_name: "web".to_owned(),
        key_type: Some(KeyType::Ed25519),
        tag_specifications: tagged("key-pair", &[("a", "b")]),
        ..CreateKeyPairInput::default()
    };
    assert_eq!(outcome(&cloud, &by, CreateKeyPair, pair.clone()).await, "UnauthorizedOperation");
    let gateway = CreateInternetGatewayInput {
        tag_specifications: tagged("internet-gateway", &[("a", "b")]),
        ..CreateInternetGatewayInput::default()
    };
    assert_eq!(outcome(&cloud, &by, CreateInternetGateway, gateway).await, "UnauthorizedOperation");
    let plain = CreateKeyPairInput { tag_specifications: None, ..pair };
    assert_eq!(outcome(&cloud, &by, CreateKeyPair, plain).await, "done");
}

#[tokio::test]
async fn what_a_request_would_make_is_known_by_what_it_says() {
    let cloud = Cloud::new(78).await;
    let small = r#"{"NumericLessThanEquals":{"ec2:InstanceCount":"2"},"StringEquals":{"ec2:InstanceMatchCriteria":"targeted","ec2:EndDateType":"unlimited"}}"#;
    let slow = r#"{"NumericLessThan":{"ec2:VolumeInitializationRate":"200"}}"#;
    let regional = r#"{"StringEquals":{"ec2:Location":"regional"}}"#;
    let statements = [
        allow("ec2:CreateCapacityReservation", "*", small),
        allow("ec2:CreateVolume", "*", slow),
        allow("ec2:CreateSnapshot", "arn:aws:ec2:*::snapshot/*", regional),
        allow("ec2:CreateSnapshot", "arn:aws:ec2:*:*:volume/*", ""),
    ];
    let by = user(&cloud, &statements.join(",")).await;

    let reserve = |count: i32, criteria: &str| CreateCapacityReservationInput {
        instance_type: "t3.micro".to_owned(),
        instance_platform: CapacityReservationInstancePlatform::from("Linux/UNIX"),
        availability_zone: Some("us-east-1a".to_owned()),
        instance_count: count,
        instance_match_criteria: Some(InstanceMatchCriteria::from(criteria)),
        end_date_type: Some(EndDateType::Unlimited),
        dry_run: Some(true),
        ..CreateCapacityReservationInput::default()
    };
    let volume = |rate: i32| CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(1),
        volume_initialization_rate: Some(rate),
        dry_run: Some(true),
        ..CreateVolumeInput::default()
    };
    let snapshot = |location: Option<&str>| CreateSnapshotInput {
        volume_id: "vol-0123456789abcdef0".to_owned(),
        location: location.map(SnapshotLocationEnum::from),
        dry_run: Some(true),
        ..CreateSnapshotInput::default()
    };
    let (may, may_not) = ("DryRunOperation", "UnauthorizedOperation");
    for (count, criteria, expected) in [(2, "targeted", may), (3, "targeted", may_not), (2, "open", may_not)]
    {
        let input = reserve(count, criteria);
        assert_eq!(
            outcome(&cloud, &by, CreateCapacityReservation, input).await,
            expected,
            "{count} {criteria}"
        );
    }
    for (rate, expected) in [(100, may), (200, may_not)] {
        assert_eq!(outcome(&cloud, &by, CreateVolume, volume(rate)).await, expected, "{rate}");
    }
    for (location, expected) in [(None, may), (Some("regional"), may), (Some("local"), may_not)] {
        assert_eq!(outcome(&cloud, &by, CreateSnapshot, snapshot(location)).await, expected, "{location:?}");
    }
}

#[tokio::test]
async fn a_snapshot_is_shared_only_with_those_who_are_named() {
    let cloud = Cloud::new(79).await;
    let volume = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(1),
        ..CreateVolumeInput::default()
    };
    let volume_id = cloud.call(CreateVolume, volume).await.unwrap().volume_id.unwrap();
    cloud.settle().await;
    let taken = CreateSnapshotInput { volume_id, ..CreateSnapshotInput::default() };
    let snapshot_id = cloud.call(CreateSnapshot, taken).await.unwrap().snapshot_id.unwrap();
    cloud.settle().await;
    let condition = r#"{"ForAllValues:StringEquals":{"ec2:Add/userId":["111122223333"]},"Null":{"ec2:Add/group":"true"}}"#;
    let by = user(&cloud, &allow("ec2:ModifySnapshotAttribute", "*", condition)).await;
    let named = |user: Option<&str>, group: Option<&str>| ModifySnapshotAttributeInput {
        snapshot_id: snapshot_id.clone(),
        create_volume_permission: Some(CreateVolumePermissionModifications {
            add: Some(vec![CreateVolumePermission {
                user_id: user.map(str::to_owned),
                group: group.map(PermissionGroup::from),
            }]),
            remove: None,
        }),
        ..ModifySnapshotAttributeInput::default()
    };
    let listed = |user: &str| ModifySnapshotAttributeInput {
        snapshot_id: snapshot_id.clone(),
        attribute: Some(SnapshotAttributeName::CreateVolumePermission),
        operation_type: Some(ec2_api::OperationType::Add),
        user_ids: Some(vec![user.to_owned()]),
        ..ModifySnapshotAttributeInput::default()
    };
    for (input, expected) in [
        (named(Some("111122223333"), None), "done"),
        (named(Some("444455556666"), None), "UnauthorizedOperation"),
        (named(None, Some("all")), "UnauthorizedOperation"),
        (listed("111122223333"), "done"),
        (listed("444455556666"), "UnauthorizedOperation"),
    ] {
        assert_eq!(outcome(&cloud, &by, ModifySnapshotAttribute, input.clone()).await, expected, "{input:?}");
    }
}

#[tokio::test]
async fn what_is_there_is_known_by_its_tags_and_attributes() {
    let cloud = Cloud::new(77).await;
    let id = one(&cloud).await;
    let tags = CreateTagsInput {
        resources: vec![id.clone()],
        tags: vec![Tag { key: Some("stage".to_owned()), value: Some("test".to_owned()) }],
        ..CreateTagsInput::default()
    };
    cloud.call(CreateTags, tags).await.unwrap();
    let stop = allow(
        "ec2:StopInstances",
        "*",
        r#"{"StringEquals":{"ec2:ResourceTag/stage":"test","ec2:InstanceType":"t3.micro","ec2:Tenancy":"default"}}"#,
    );
    let change = allow(
        "ec2:ModifyInstanceAttribute",
        "*",
        r#"{"StringEquals":{"ec2:Attribute":"DisableApiTermination"}}"#,
    );
    let by = user(&cloud, &[stop, change].join(",")).await;
    let protect = |termination: bool| {
        let on = Some(AttributeBooleanValue { value: Some(true) });
        let (end, stop) = if termination { (on, None) } else { (None, on) };
        ModifyInstanceAttributeInput {
            instance_id: id.clone(),
            disable_api_termination: end,
            disable_api_stop: stop,
            ..ModifyInstanceAttributeInput::default()
        }
    };
    assert_eq!(outcome(&cloud, &by, ModifyInstanceAttribute, protect(true)).await, "done");
    assert_eq!(outcome(&cloud, &by, ModifyInstanceAttribute, protect(false)).await, "UnauthorizedOperation");
    let input = StopInstancesInput { instance_ids: vec![id.clone()], ..StopInstancesInput::default() };
    assert_eq!(outcome(&cloud, &by, StopInstances, input).await, "done");
    let end = TerminateInstancesInput { instance_ids: vec![id], ..TerminateInstancesInput::default() };
    assert_eq!(code(cloud.call_by(by.clone(), TerminateInstances, end).await), "UnauthorizedOperation");
}
