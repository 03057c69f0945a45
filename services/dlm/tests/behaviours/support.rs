//! Short ways to say what the tests do most.

use std::time::Duration;

use base::{AccountId, Region};
use dlm_api::*;
use ec2_api::{
    AttachVolume, AttachVolumeInput, CreateVolume, CreateVolumeInput, DescribeImages, DescribeImagesInput,
    DescribeSnapshots, DescribeSnapshotsInput, Filter, Image, Placement, RunInstances, RunInstancesInput,
    Snapshot, TagSpecification,
};
use iam_api::{CreateRole, CreateRoleInput, PutRolePolicy, PutRolePolicyInput};
use schema::Fault;
use testkit::Cloud;

pub const DAY: Duration = Duration::from_secs(24 * 3600);
pub const HOUR: Duration = Duration::from_secs(3600);
const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "dlm.amazonaws.com"}}]}"#;
pub const ALL_OF_EC2: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}"#;

/// A role that DLM may assume, which may do what the policy allows.
pub async fn role(cloud: &Cloud, policy: &str) -> String {
    role_of(cloud, AccountId::DEV, policy).await
}

/// The same in another account.
pub async fn role_of(cloud: &Cloud, account: AccountId, policy: &str) -> String {
    let (name, region) = ("backups", Region::US_EAST_1);
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: TRUST.to_owned(),
        ..CreateRoleInput::default()
    };
    let role = cloud.call_as(account, region, CreateRole, input).await.expect("the role is good").role;
    let input = PutRolePolicyInput {
        role_name: name.to_owned(),
        policy_name: "all".to_owned(),
        policy_document: policy.to_owned(),
    };
    cloud.call_as(account, region, PutRolePolicy, input).await.expect("the policy is good");
    role.arn
}

pub async fn good_role(cloud: &Cloud) -> String {
    role(cloud, ALL_OF_EC2).await
}

/// Every so many hours, of volumes that are tagged `backup: yes`, the last two.
pub fn every(hours: i32) -> PolicyDetails {
    PolicyDetails {
        resource_types: Some(vec![ResourceTypeValues::Volume]),
        target_tags: Some(vec![tag("backup", "yes")]),
        schedules: Some(vec![Schedule {
            name: Some("regular".to_owned()),
            copy_tags: Some(true),
            tags_to_add: Some(vec![tag("made-by", "schedule")]),
            create_rule: Some(CreateRule {
                interval: Some(hours),
                interval_unit: Some(IntervalUnitValues::Hours),
                ..CreateRule::default()
            }),
            retain_rule: Some(RetainRule { count: Some(2), ..RetainRule::default() }),
            ..Schedule::default()
        }]),
        ..PolicyDetails::default()
    }
}

pub fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

pub fn input(role: &str, details: PolicyDetails) -> CreateLifecyclePolicyInput {
    CreateLifecyclePolicyInput {
        execution_role_arn: role.to_owned(),
        description: "Regular backups".to_owned(),
        state: SettablePolicyStateValues::Enabled,
        policy_details: Some(details),
        ..CreateLifecyclePolicyInput::default()
    }
}

pub async fn create(cloud: &Cloud, role: &str, details: PolicyDetails) -> String {
    let output = cloud.call(CreateLifecyclePolicy, input(role, details)).await.expect("the policy is good");
    output.policy_id.expect("a new policy has an id")
}

pub async fn get(cloud: &Cloud, id: &str) -> Result<LifecyclePolicy, Fault> {
    let output = cloud.call(GetLifecyclePolicy, GetLifecyclePolicyInput { policy_id: id.to_owned() }).await?;
    Ok(output.policy.expect("a policy that is there is shown"))
}

fn tagged(kind: &str, tags: &[(&str, &str)]) -> TagSpecification {
    let tags = tags
        .iter()
        .map(|(key, value)| ec2_api::Tag { key: Some((*key).to_owned()), value: Some((*value).to_owned()) });
    TagSpecification { resource_type: Some(kind.to_owned()), tags: Some(tags.collect()) }
}

pub async fn volume(cloud: &Cloud, tags: &[(&str, &str)]) -> String {
    let input = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(1),
        tag_specifications: (!tags.is_empty()).then(|| vec![tagged("volume", tags)]),
        ..CreateVolumeInput::default()
    };
    let volume = cloud.call(CreateVolume, input).await.expect("the volume is good");
    cloud.settle().await;
    volume.volume_id.expect("a new volume has an id")
}

pub async fn pass(cloud: &Cloud, time: Duration) {
    cloud.advance(time).await;
    cloud.settle().await;
}

/// Months and a little more, one after the other: on its way to the archive, a snapshot is an hour.
pub async fn months(cloud: &Cloud, count: u32) {
    for _ in 0..count {
        pass(cloud, 31 * DAY).await;
        for _ in 0..3 {
            pass(cloud, HOUR).await;
        }
    }
}

/// A number of days, one after the other, each with time for what follows a run.
pub async fn days(cloud: &Cloud, count: u32) {
    for _ in 0..count {
        pass(cloud, DAY).await;
        for _ in 0..3 {
            pass(cloud, Duration::from_secs(60)).await;
        }
    }
}

/// The schedule of a policy that has one.
pub fn schedule(details: &mut PolicyDetails) -> &mut Schedule {
    &mut details.schedules.as_mut().expect("there are schedules")[0]
}

pub async fn switch(cloud: &Cloud, id: &str, state: SettablePolicyStateValues) {
    let input = UpdateLifecyclePolicyInput {
        policy_id: id.to_owned(),
        state: Some(state),
        ..UpdateLifecyclePolicyInput::default()
    };
    cloud.call(UpdateLifecyclePolicy, input).await.expect("the policy is there");
}

pub async fn delete(cloud: &Cloud, id: &str) {
    let input = DeleteLifecyclePolicyInput { policy_id: id.to_owned() };
    cloud.call(DeleteLifecyclePolicy, input).await.expect("the policy is there");
}

/// The policy is well.
pub async fn assert_well(cloud: &Cloud, id: &str) {
    let shown = get(cloud, id).await.expect("the policy is there");
    assert_eq!(shown.state, Some(GettablePolicyStateValues::Enabled), "{:?}", shown.status_message);
}

/// A running instance with one data volume besides its root.
pub async fn instance(cloud: &Cloud, tags: &[(&str, &str)], data_tags: &[(&str, &str)]) -> String {
    let filter = |name: &str, value: &str| Filter {
        name: Some(name.to_owned()),
        values: Some(vec![value.to_owned()]),
    };
    let input = DescribeImagesInput {
        filters: Some(vec![filter("name", "al2023-ami-2023.*")]),
        ..DescribeImagesInput::default()
    };
    let images = cloud.call(DescribeImages, input).await.expect("images are listed").images;
    let image = images.into_iter().flatten().find_map(|image| image.image_id);
    let input = RunInstancesInput {
        image_id: image,
        instance_type: Some("t3.micro".to_owned()),
        placement: Some(Placement {
            availability_zone: Some("us-east-1a".to_owned()),
            ..Placement::default()
        }),
        min_count: 1,
        max_count: 1,
        tag_specifications: Some(vec![tagged("instance", tags)]),
        ..RunInstancesInput::default()
    };
    let made = cloud.call(RunInstances, input).await.expect("there is room").instances;
    let id = made.into_iter().flatten().find_map(|one| one.instance_id).expect("a new instance has an id");
    for _ in 0..5 {
        cloud.settle().await;
    }
    let input = AttachVolumeInput {
        device: "/dev/sdf".to_owned(),
        instance_id: id.clone(),
        volume_id: volume(cloud, data_tags).await,
        ..AttachVolumeInput::default()
    };
    cloud.call(AttachVolume, input).await.expect("the instance runs");
    cloud.settle().await;
    id
}

/// The account's images in a region, the oldest first.
pub async fn images_in(cloud: &Cloud, region: Region) -> Vec<Image> {
    let input = DescribeImagesInput {
        owners: Some(vec!["self".to_owned()]),
        include_deprecated: Some(true),
        ..DescribeImagesInput::default()
    };
    let output = cloud.call_as(AccountId::DEV, region, DescribeImages, input).await;
    let mut images = output.expect("there are some or none").images.unwrap_or_default();
    images.sort_by(|one, other| one.creation_date.cmp(&other.creation_date));
    images
}

pub async fn images(cloud: &Cloud) -> Vec<Image> {
    images_in(cloud, Region::US_EAST_1).await
}

/// The keys of something's tags.
pub fn keys(tags: &Option<Vec<ec2_api::Tag>>) -> Vec<String> {
    tags.iter().flatten().filter_map(|tag| tag.key.clone()).collect()
}

/// The snapshots of the account in the first region, the oldest first.
pub async fn snapshots(cloud: &Cloud) -> Vec<Snapshot> {
    snapshots_in(cloud, Region::US_EAST_1).await
}

pub async fn snapshots_in(cloud: &Cloud, region: Region) -> Vec<Snapshot> {
    let input = DescribeSnapshotsInput {
        owner_ids: Some(vec!["self".to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    let output = cloud.call_as(AccountId::DEV, region, DescribeSnapshots, input).await;
    let output = output.expect("there are some or none");
    let mut snapshots = output.snapshots.unwrap_or_default();
    snapshots.sort_by_key(|snapshot| snapshot.start_time);
    snapshots
}
