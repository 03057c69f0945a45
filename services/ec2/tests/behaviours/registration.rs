//! Images out of archives in S3, and images named by parameters of Systems Manager.

use ec2_api::*;
use s3_api::{CreateBucket, CreateBucketInput, PutObject, PutObjectInput};
use schema::ByteStream;
use ssm_api::{PutParameter, PutParameterInput};
use testkit::Cloud;

use crate::instances::{image, request, run, show, until};
use crate::support::{code, refused};

async fn archive(cloud: &Cloud, bytes: &'static [u8]) -> String {
    let bucket = CreateBucketInput { bucket: "archives".to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, bucket).await.unwrap();
    let object = PutObjectInput {
        bucket: "archives".to_owned(),
        key: "web/root.tar".to_owned(),
        body: Some(ByteStream::from(bytes::Bytes::from_static(bytes))),
        ..PutObjectInput::default()
    };
    cloud.call(PutObject, object).await.unwrap();
    "archives/web/root.tar".to_owned()
}

async fn register(cloud: &Cloud, location: &str) -> String {
    let input = RegisterImageInput {
        name: "own".to_owned(),
        image_location: Some(location.to_owned()),
        ..RegisterImageInput::default()
    };
    cloud.call(RegisterImage, input).await.unwrap().image_id.unwrap()
}

async fn shown(cloud: &Cloud, id: &str) -> Image {
    let input =
        DescribeImagesInput { image_ids: Some(vec![id.to_owned()]), ..DescribeImagesInput::default() };
    cloud.call(DescribeImages, input).await.unwrap().images.unwrap().remove(0)
}

async fn settled(cloud: &Cloud, id: &str) -> Image {
    for _ in 0..20 {
        let image = shown(cloud, id).await;
        if image.state != Some(ImageState::Pending) {
            return image;
        }
        cloud.settle().await;
    }
    panic!("the image stays pending");
}

#[tokio::test]
async fn an_archive_becomes_an_image_that_is_launched() {
    let cloud = Cloud::new(81).await;
    let location = archive(&cloud, b"a root file system").await;
    let id = register(&cloud, &location).await;
    assert_eq!(settled(&cloud, &id).await.state, Some(ImageState::Available));
    let input = RunInstancesInput { image_id: Some(id.clone()), ..request(&cloud, 1).await };
    let instance = run(&cloud, input).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    let spec = cloud.machines.spec(&instance).unwrap();
    assert!(
        matches!(&spec.root, fogbank_ec2::Root::Imported { name } if name.starts_with("tar-")),
        "{:?}",
        spec.root
    );
}

#[tokio::test]
async fn an_archive_that_is_none_makes_an_image_that_failed() {
    let cloud = Cloud::new(82).await;
    let location = archive(&cloud, b"").await;
    let id = register(&cloud, &location).await;
    let image = settled(&cloud, &id).await;
    assert_eq!(image.state, Some(ImageState::Failed));
    assert!(image.state_reason.unwrap().message.unwrap().contains("empty"));
    let input = RunInstancesInput { image_id: Some(id), ..request(&cloud, 1).await };
    assert_eq!(code(cloud.call(RunInstances, input).await), "InvalidAMIID.Unavailable");
}

#[tokio::test]
async fn an_archive_that_cannot_be_read_is_refused_at_once() {
    let cloud = Cloud::new(83).await;
    let input = RegisterImageInput {
        name: "own".to_owned(),
        image_location: Some("nowhere/root.tar".to_owned()),
        ..RegisterImageInput::default()
    };
    assert_eq!(code(cloud.call(RegisterImage, input).await), "InvalidManifest");
}

#[tokio::test]
async fn the_files_of_an_image_stay_until_its_last_instance_is_gone() {
    let cloud = Cloud::new(84).await;
    let location = archive(&cloud, b"a root file system").await;
    let id = register(&cloud, &location).await;
    settled(&cloud, &id).await;
    let input = RunInstancesInput { image_id: Some(id.clone()), ..request(&cloud, 1).await };
    let instance = run(&cloud, input).await.remove(0);
    until(&cloud, &instance, InstanceStateName::Running).await;
    let gone = DeregisterImageInput { image_id: id, ..DeregisterImageInput::default() };
    cloud.call(DeregisterImage, gone).await.unwrap();
    cloud.settle().await;
    assert_eq!(cloud.machines.archives().len(), 1);
    let end = TerminateInstancesInput { instance_ids: vec![instance.clone()], ..Default::default() };
    cloud.call(TerminateInstances, end).await.unwrap();
    until(&cloud, &instance, InstanceStateName::Terminated).await;
    for _ in 0..20 {
        cloud.settle().await;
    }
    assert!(cloud.machines.archives().is_empty());
}

async fn parameter(cloud: &Cloud, name: &str, value: &str, data_type: Option<&str>) {
    let input = PutParameterInput {
        name: name.to_owned(),
        value: value.to_owned(),
        r#type: Some(ssm_api::ParameterType::String),
        data_type: data_type.map(str::to_owned),
        ..PutParameterInput::default()
    };
    cloud.call(PutParameter, input).await.unwrap();
    cloud.settle().await;
}

#[tokio::test]
async fn an_image_is_named_by_a_parameter() {
    let cloud = Cloud::new(85).await;
    let id = image(&cloud).await;
    parameter(&cloud, "/golden", &id, Some("aws:ec2:image")).await;
    let by = |alias: &str, base: RunInstancesInput| RunInstancesInput {
        image_id: Some(format!("resolve:ssm:{alias}")),
        ..base
    };
    for alias in ["/golden", "/golden:1"] {
        let launched = run(&cloud, by(alias, request(&cloud, 1).await)).await.remove(0);
        assert_eq!(show(&cloud, &launched).await.image_id.as_ref(), Some(&id), "{alias}");
    }
    let missing = cloud.call(RunInstances, by("/none", request(&cloud, 1).await)).await;
    assert_eq!(code(missing), "SsmInvalidParameter");
    parameter(&cloud, "/text", &id, None).await;
    let (code, message) = refused(cloud.call(RunInstances, by("/text", request(&cloud, 1).await)).await);
    assert_eq!(code, "SsmInvalidParameter");
    assert_eq!(
        message,
        "Unsupported data type. The following parameter data types are supported: aws:ec2:image"
    );
}

#[tokio::test]
async fn a_template_keeps_the_parameter_and_shows_the_image_if_asked() {
    let cloud = Cloud::new(86).await;
    let id = image(&cloud).await;
    parameter(&cloud, "/golden", &id, Some("aws:ec2:image")).await;
    let data = RequestLaunchTemplateData {
        image_id: Some("resolve:ssm:/golden".to_owned()),
        ..RequestLaunchTemplateData::default()
    };
    let input = CreateLaunchTemplateInput {
        launch_template_name: "web".to_owned(),
        launch_template_data: data,
        ..CreateLaunchTemplateInput::default()
    };
    cloud.call(CreateLaunchTemplate, input).await.unwrap();
    for (wished, expected) in [(None, "resolve:ssm:/golden"), (Some(true), id.as_str())] {
        let input = DescribeLaunchTemplateVersionsInput {
            launch_template_name: Some("web".to_owned()),
            resolve_alias: wished,
            ..DescribeLaunchTemplateVersionsInput::default()
        };
        let versions = cloud.call(DescribeLaunchTemplateVersions, input).await.unwrap();
        let version = versions.launch_template_versions.unwrap().remove(0);
        assert_eq!(version.launch_template_data.unwrap().image_id.as_deref(), Some(expected));
    }
    let missing = CreateLaunchTemplateInput {
        launch_template_name: "other".to_owned(),
        launch_template_data: RequestLaunchTemplateData {
            image_id: Some("resolve:ssm:/none".to_owned()),
            ..RequestLaunchTemplateData::default()
        },
        ..CreateLaunchTemplateInput::default()
    };
    assert_eq!(code(cloud.call(CreateLaunchTemplate, missing).await), "SsmInvalidParameter");
}
