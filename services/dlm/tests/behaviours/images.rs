//! Policies that make images of instances.

use base::Region;
use dlm_api::*;
use ec2_api::{
    DescribeInstances, DescribeInstancesInput, DescribeSnapshots, DescribeSnapshotsInput,
    DisableImageDeprecation, DisableImageDeprecationInput, ImageState,
};
use testkit::Cloud;

use crate::support::*;

/// Every day, of instances that are tagged `backup: yes`, the last two.
fn daily() -> PolicyDetails {
    PolicyDetails {
        policy_type: Some(PolicyTypeValues::ImageManagement),
        resource_types: Some(vec![ResourceTypeValues::Instance]),
        ..every(24)
    }
}

fn by_age(details: &mut PolicyDetails, days: i32) {
    let unit = Some(RetentionIntervalUnitValues::Days);
    schedule(details).retain_rule =
        Some(RetainRule { interval: Some(days), interval_unit: unit, count: None });
}

/// All snapshots of the account, also those of images.
async fn how_many_snapshots(cloud: &Cloud) -> usize {
    let input = DescribeSnapshotsInput {
        owner_ids: Some(vec!["self".to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().len()
}

#[tokio::test]
async fn images_of_tagged_instances_come_and_go_with_their_snapshots() {
    let cloud = Cloud::new(101).await;
    let ours = instance(&cloud, &[("backup", "yes"), ("app", "shop")], &[]).await;
    instance(&cloud, &[("backup", "no")], &[]).await;
    let id = create(&cloud, &good_role(&cloud).await, daily()).await;
    days(&cloud, 1).await;
    let first = images(&cloud).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].source_instance_id.as_deref(), Some(ours.as_str()));
    assert_eq!(first[0].state, Some(ImageState::Available));
    let description = format!("Created for policy: {id} schedule: regular");
    assert_eq!(first[0].description.as_deref(), Some(description.as_str()));
    let tags = keys(&first[0].tags);
    for key in ["backup", "app", "made-by", "dlm:managed"] {
        assert!(tags.iter().any(|tag| tag == key), "{key} in {tags:?}");
    }
    let of_snapshots = snapshots(&cloud).await;
    assert_eq!(of_snapshots.len(), 2, "of the root and of the data volume");
    assert!(keys(&of_snapshots[0].tags).contains(&"made-by".to_owned()));
    days(&cloud, 3).await;
    let left = images(&cloud).await;
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|image| image.image_id != first[0].image_id));
    assert_eq!(how_many_snapshots(&cloud).await, 4);
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn an_instance_is_rebooted_only_where_the_policy_says_so() {
    let cloud = Cloud::new(102).await;
    let ours = instance(&cloud, &[("backup", "yes")], &[]).await;
    let launches = cloud.machines.boots(&ours);
    let id = create(&cloud, &good_role(&cloud).await, daily()).await;
    days(&cloud, 1).await;
    assert_eq!(images(&cloud).await.len(), 1);
    assert_eq!(cloud.machines.boots(&ours), launches);
    let parameters = Parameters { no_reboot: Some(false), ..Parameters::default() };
    let input = UpdateLifecyclePolicyInput {
        policy_id: id,
        policy_details: Some(PolicyDetails { parameters: Some(parameters), ..daily() }),
        ..UpdateLifecyclePolicyInput::default()
    };
    cloud.call(UpdateLifecyclePolicy, input).await.unwrap();
    days(&cloud, 1).await;
    assert_eq!(images(&cloud).await.len(), 2);
    assert!(cloud.machines.boots(&ours) > launches);
    let input = DescribeInstancesInput { instance_ids: Some(vec![ours]), ..Default::default() };
    let shown = cloud.call(DescribeInstances, input).await.unwrap().reservations.unwrap().remove(0);
    let state = shown.instances.unwrap().remove(0).state.unwrap().name;
    assert_eq!(state, Some(ec2_api::InstanceStateName::Running));
}

#[tokio::test]
async fn the_oldest_images_are_deprecated_by_their_number_once() {
    let cloud = Cloud::new(103).await;
    instance(&cloud, &[("backup", "yes")], &[]).await;
    let mut details = daily();
    schedule(&mut details).retain_rule = Some(RetainRule { count: Some(3), ..RetainRule::default() });
    schedule(&mut details).deprecate_rule =
        Some(DeprecateRule { count: Some(1), ..DeprecateRule::default() });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 2).await;
    assert!(images(&cloud).await.iter().all(|image| image.deprecation_time.is_none()));
    days(&cloud, 1).await;
    let deprecated: Vec<bool> =
        images(&cloud).await.iter().map(|image| image.deprecation_time.is_some()).collect();
    assert_eq!(deprecated, [true, false, false]);
    days(&cloud, 1).await;
    let kept = images(&cloud).await;
    assert!(kept[0].deprecation_time.is_some() && kept[1].deprecation_time.is_none());
    // An owner who cancels it has the last word.
    let mut longer = daily();
    schedule(&mut longer).retain_rule = Some(RetainRule { count: Some(9), ..RetainRule::default() });
    schedule(&mut longer).deprecate_rule = Some(DeprecateRule { count: Some(8), ..DeprecateRule::default() });
    let input = DisableImageDeprecationInput { image_id: kept[0].image_id.clone().unwrap(), dry_run: None };
    cloud.call(DisableImageDeprecation, input).await.unwrap();
    let input = UpdateLifecyclePolicyInput {
        policy_id: id,
        policy_details: Some(longer),
        ..UpdateLifecyclePolicyInput::default()
    };
    cloud.call(UpdateLifecyclePolicy, input).await.unwrap();
    days(&cloud, 1).await;
    let deprecated: Vec<bool> =
        images(&cloud).await.iter().map(|image| image.deprecation_time.is_some()).collect();
    assert_eq!(deprecated, [false, true, true, false]);
}

#[tokio::test]
async fn images_are_deprecated_by_age_and_the_last_one_stays() {
    let cloud = Cloud::new(104).await;
    let ours = instance(&cloud, &[("backup", "yes")], &[]).await;
    let mut details = daily();
    by_age(&mut details, 3);
    let unit = Some(RetentionIntervalUnitValues::Days);
    schedule(&mut details).deprecate_rule =
        Some(DeprecateRule { interval: Some(2), interval_unit: unit, count: None });
    create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 1).await;
    let made = images(&cloud).await.remove(0);
    let at = base::Timestamp::parse_iso8601(made.creation_date.as_deref().unwrap()).unwrap();
    let old = base::Timestamp::parse_iso8601(made.deprecation_time.as_deref().unwrap()).unwrap();
    assert!(old.since(at + 2 * DAY) <= std::time::Duration::from_secs(60), "{made:?}");
    days(&cloud, 5).await;
    assert_eq!(images(&cloud).await.len(), 3);
    let input = ec2_api::TerminateInstancesInput { instance_ids: vec![ours], ..Default::default() };
    cloud.call(ec2_api::TerminateInstances, input).await.unwrap();
    days(&cloud, 6).await;
    assert_eq!(images(&cloud).await.len(), 1, "all but the last");
}

#[tokio::test]
async fn images_are_copied_to_other_regions_and_the_copies_go_in_their_own_time() {
    let cloud = Cloud::new(105).await;
    instance(&cloud, &[("backup", "yes"), ("app", "shop")], &[]).await;
    let (mut details, unit) = (daily(), Some(RetentionIntervalUnitValues::Days));
    schedule(&mut details).cross_region_copy_rules = Some(vec![CrossRegionCopyRule {
        target_region: Some("eu-west-1".to_owned()),
        encrypted: false,
        copy_tags: Some(true),
        retain_rule: Some(CrossRegionCopyRetainRule { interval: Some(2), interval_unit: unit.clone() }),
        deprecate_rule: Some(CrossRegionCopyDeprecateRule { interval: Some(1), interval_unit: unit }),
        ..CrossRegionCopyRule::default()
    }]);
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    let there: Region = "eu-west-1".parse().unwrap();
    days(&cloud, 1).await;
    let copies = images_in(&cloud, there).await;
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].state, Some(ImageState::Available));
    assert!(copies[0].deprecation_time.is_some());
    let tags = keys(&copies[0].tags);
    assert!(tags.contains(&"app".to_owned()) && tags.contains(&"dlm:managed".to_owned()), "{tags:?}");
    days(&cloud, 5).await;
    assert_eq!(images_in(&cloud, there).await.len(), 2);
    assert_eq!(snapshots_in(&cloud, there).await.len(), 4, "two of each copy");
    assert_well(&cloud, &id).await;
}
