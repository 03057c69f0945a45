//! Launch templates and their versions, fleets, and attributes of instances.

use ec2_api::*;
use testkit::Cloud;

use crate::instances::{image, one, show, until};
use crate::support::{code, refused, tagged};

async fn template(cloud: &Cloud, name: &str) -> String {
    let input = CreateLaunchTemplateInput {
        launch_template_name: name.to_owned(),
        launch_template_data: RequestLaunchTemplateData {
            image_id: Some(image(cloud).await),
            instance_type: Some("t3.micro".to_owned()),
            ..RequestLaunchTemplateData::default()
        },
        tag_specifications: tagged("launch-template", &[("team", "web")]),
        ..CreateLaunchTemplateInput::default()
    };
    let made = cloud.call(CreateLaunchTemplate, input).await.unwrap().launch_template.unwrap();
    made.launch_template_id.unwrap()
}

fn named(name: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification { launch_template_name: Some(name.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn a_template_launches_what_its_default_version_says() {
    let cloud = Cloud::new(1).await;
    let id = template(&cloud, "web").await;
    let version = CreateLaunchTemplateVersionInput {
        launch_template_id: Some(id.clone()),
        source_version: Some("1".to_owned()),
        launch_template_data: RequestLaunchTemplateData {
            instance_type: Some("t3.small".to_owned()),
            ..RequestLaunchTemplateData::default()
        },
        ..CreateLaunchTemplateVersionInput::default()
    };
    let made =
        cloud.call(CreateLaunchTemplateVersion, version).await.unwrap().launch_template_version.unwrap();
    assert_eq!((made.version_number, made.default_version), (Some(2), Some(false)));
    let launch = async |version: Option<&str>| {
        let input = RunInstancesInput {
            launch_template: Some(LaunchTemplateSpecification {
                version: version.map(str::to_owned),
                ..named("web")
            }),
            min_count: 1,
            max_count: 1,
            ..RunInstancesInput::default()
        };
        let made = cloud.call(RunInstances, input).await.unwrap().instances.unwrap().remove(0);
        made.instance_type.unwrap()
    };
    assert_eq!(launch(None).await, "t3.micro");
    assert_eq!(launch(Some("$Latest")).await, "t3.small");
    let modify = ModifyLaunchTemplateInput {
        launch_template_id: Some(id.clone()),
        default_version: Some("2".to_owned()),
        ..ModifyLaunchTemplateInput::default()
    };
    cloud.call(ModifyLaunchTemplate, modify).await.unwrap();
    assert_eq!(launch(None).await, "t3.small");
    let delete = DeleteLaunchTemplateVersionsInput {
        launch_template_id: Some(id),
        versions: vec!["1".to_owned(), "2".to_owned(), "7".to_owned()],
        ..DeleteLaunchTemplateVersionsInput::default()
    };
    let deleted = cloud.call(DeleteLaunchTemplateVersions, delete).await.unwrap();
    assert_eq!(deleted.successfully_deleted_launch_template_versions.unwrap().len(), 1);
    assert_eq!(deleted.unsuccessfully_deleted_launch_template_versions.unwrap().len(), 2);
}

#[tokio::test]
async fn templates_that_are_not_there_and_names_that_are_taken_are_refused() {
    let cloud = Cloud::new(2).await;
    template(&cloud, "web").await;
    let again = CreateLaunchTemplateInput { launch_template_name: "web".to_owned(), ..Default::default() };
    let (refusal, message) = refused(cloud.call(CreateLaunchTemplate, again).await);
    assert_eq!(refusal, "InvalidLaunchTemplateName.AlreadyExistsException");
    assert_eq!(message, "Launch template name already in use.");
    let launch = |specification| RunInstancesInput {
        launch_template: Some(specification),
        min_count: 1,
        max_count: 1,
        ..RunInstancesInput::default()
    };
    let gone = cloud.call(RunInstances, launch(named("gone"))).await;
    assert_eq!(code(gone), "InvalidLaunchTemplateName.NotFoundException");
    let late = LaunchTemplateSpecification { version: Some("9".to_owned()), ..named("web") };
    assert_eq!(code(cloud.call(RunInstances, launch(late)).await), "InvalidLaunchTemplateId.VersionNotFound");
}

#[tokio::test]
async fn an_instant_fleet_is_launched_at_once_and_a_kept_one_by_its_task() {
    let cloud = Cloud::new(3).await;
    let id = template(&cloud, "web").await;
    let fleet = |kind| CreateFleetInput {
        r#type: Some(kind),
        launch_template_configs: vec![FleetLaunchTemplateConfigRequest {
            launch_template_specification: Some(FleetLaunchTemplateSpecificationRequest {
                launch_template_id: Some(id.clone()),
                version: Some("$Latest".to_owned()),
                ..FleetLaunchTemplateSpecificationRequest::default()
            }),
            overrides: None,
        }],
        target_capacity_specification: TargetCapacitySpecificationRequest {
            total_target_capacity: 3,
            default_target_capacity_type: Some(DefaultTargetCapacityType::OnDemand),
            ..TargetCapacitySpecificationRequest::default()
        },
        ..CreateFleetInput::default()
    };
    let instant = cloud.call(CreateFleet, fleet(FleetType::Instant)).await.unwrap();
    let ids = instant.instances.unwrap().into_iter().flat_map(|one| one.instance_ids.unwrap_or_default());
    assert_eq!((ids.count(), instant.errors.unwrap().len()), (3, 0));
    let kept = cloud.call(CreateFleet, fleet(FleetType::Maintain)).await.unwrap().fleet_id.unwrap();
    cloud.settle().await;
    cloud.settle().await;
    let members = DescribeFleetInstancesInput { fleet_id: kept.clone(), ..Default::default() };
    let active = cloud.call(DescribeFleetInstances, members).await.unwrap().active_instances.unwrap();
    assert_eq!(active.len(), 3);
    let delete = DeleteFleetsInput { fleet_ids: vec![kept], terminate_instances: true, dry_run: None };
    let deleted = cloud.call(DeleteFleets, delete).await.unwrap();
    assert_eq!(deleted.successful_fleet_deletions.unwrap().len(), 1);
    let gone = active[0].instance_id.clone().unwrap();
    until(&cloud, &gone, InstanceStateName::Terminated).await;
}

#[tokio::test]
async fn user_data_of_a_template_is_looked_at_when_it_is_made() {
    let cloud = Cloud::new(6).await;
    for bad in ["no base64!".to_owned(), "A".repeat(24 * 1024)] {
        let data = RequestLaunchTemplateData { user_data: Some(bad), ..RequestLaunchTemplateData::default() };
        let input = CreateLaunchTemplateInput {
            launch_template_name: "web".to_owned(),
            launch_template_data: data,
            ..CreateLaunchTemplateInput::default()
        };
        assert_eq!(code(cloud.call(CreateLaunchTemplate, input).await), "InvalidUserData.Malformed");
    }
}

#[tokio::test]
async fn a_type_changes_only_while_its_instance_is_stopped() {
    let cloud = Cloud::new(4).await;
    let id = one(&cloud).await;
    let retype = || ModifyInstanceAttributeInput {
        instance_id: id.clone(),
        instance_type: Some(AttributeValue { value: Some("t3.large".to_owned()) }),
        ..ModifyInstanceAttributeInput::default()
    };
    assert_eq!(code(cloud.call(ModifyInstanceAttribute, retype()).await), "IncorrectInstanceState");
    let stop = StopInstancesInput { instance_ids: vec![id.clone()], ..StopInstancesInput::default() };
    cloud.call(StopInstances, stop).await.unwrap();
    until(&cloud, &id, InstanceStateName::Stopped).await;
    cloud.call(ModifyInstanceAttribute, retype()).await.unwrap();
    assert_eq!(show(&cloud, &id).await.instance_type.as_deref(), Some("t3.large"));
    let start = StartInstancesInput { instance_ids: vec![id.clone()], ..StartInstancesInput::default() };
    cloud.call(StartInstances, start).await.unwrap();
    until(&cloud, &id, InstanceStateName::Running).await;
    assert_eq!(cloud.machines.spec(&id).unwrap().memory_bytes, 8 << 30);
}

#[tokio::test]
async fn status_checks_look_at_the_real_machine() {
    let cloud = Cloud::new(5).await;
    let id = one(&cloud).await;
    let check = async || {
        let input =
            DescribeInstanceStatusInput { instance_ids: Some(vec![id.clone()]), ..Default::default() };
        let mut found = cloud.call(DescribeInstanceStatus, input).await.unwrap().instance_statuses.unwrap();
        found.remove(0).instance_status.unwrap().status.unwrap()
    };
    assert_eq!(check().await, SummaryStatus::Ok);
    cloud.machines.set_healthy(&id, false);
    assert_eq!(check().await, SummaryStatus::Initializing);
    cloud.advance(std::time::Duration::from_secs(200)).await;
    assert_eq!(check().await, SummaryStatus::Impaired);
    let console = GetConsoleOutputInput { instance_id: id.clone(), ..GetConsoleOutputInput::default() };
    assert!(cloud.call(GetConsoleOutput, console).await.unwrap().output.is_some());
}
