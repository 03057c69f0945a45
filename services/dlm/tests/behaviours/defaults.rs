//! Default policies: everything without a recent backup, with few words.

use base::Region;
use dlm_api::*;
use ec2_api::{CreateSnapshot, CreateSnapshotInput, DeleteVolume, DeleteVolumeInput};
use testkit::Cloud;

use crate::support::*;

fn default_of(role: &str, kind: DefaultPolicyTypeValues) -> CreateLifecyclePolicyInput {
    CreateLifecyclePolicyInput {
        execution_role_arn: role.to_owned(),
        description: "Everything".to_owned(),
        state: SettablePolicyStateValues::Enabled,
        default_policy: Some(kind),
        ..CreateLifecyclePolicyInput::default()
    }
}

async fn make(cloud: &Cloud, input: CreateLifecyclePolicyInput) -> String {
    cloud.call(CreateLifecyclePolicy, input).await.unwrap().policy_id.unwrap()
}

async fn volumes_of_snapshots(cloud: &Cloud) -> Vec<String> {
    let mut volumes: Vec<String> =
        snapshots(cloud).await.into_iter().filter_map(|snapshot| snapshot.volume_id).collect();
    volumes.sort();
    volumes
}

#[tokio::test]
async fn a_default_policy_is_shown_with_what_was_left_out() {
    let cloud = Cloud::new(201).await;
    let role = good_role(&cloud).await;
    let id = make(&cloud, default_of(&role, DefaultPolicyTypeValues::Volume)).await;
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.default_policy, Some(true));
    let details = shown.policy_details.unwrap();
    assert_eq!(details.policy_type, Some(PolicyTypeValues::EbsSnapshotManagement));
    assert_eq!(details.policy_language, Some(PolicyLanguageValues::Simplified));
    assert_eq!(details.resource_type, Some(ResourceTypeValues::Volume));
    assert_eq!((details.create_interval, details.retain_interval), (Some(1), Some(7)));
    assert_eq!((details.copy_tags, details.extend_deletion), (Some(false), Some(false)));
    let update = |create: i32| UpdateLifecyclePolicyInput {
        policy_id: id.clone(),
        create_interval: Some(create),
        ..UpdateLifecyclePolicyInput::default()
    };
    cloud.call(UpdateLifecyclePolicy, update(3)).await.unwrap();
    let refused = cloud.call(UpdateLifecyclePolicy, update(7)).await.unwrap_err();
    assert_eq!(refused.message(), "RetainInterval must be greater than CreateInterval");
    let details = get(&cloud, &id).await.unwrap().policy_details.unwrap();
    assert_eq!((details.create_interval, details.retain_interval), (Some(3), Some(7)));
    let custom = UpdateLifecyclePolicyInput {
        policy_id: id,
        policy_details: Some(every(24)),
        ..UpdateLifecyclePolicyInput::default()
    };
    assert_eq!(cloud.call(UpdateLifecyclePolicy, custom).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn there_is_one_of_each_kind_and_they_are_listed_by_it() {
    let cloud = Cloud::new(202).await;
    let role = good_role(&cloud).await;
    let volumes = make(&cloud, default_of(&role, DefaultPolicyTypeValues::Volume)).await;
    let again = cloud.call(CreateLifecyclePolicy, default_of(&role, DefaultPolicyTypeValues::Volume)).await;
    assert_eq!(again.unwrap_err().code(), "LimitExceededException");
    // The same in its details, as some clients send it.
    let mut input = default_of(&role, DefaultPolicyTypeValues::Instance);
    input.policy_details = Some(PolicyDetails {
        policy_language: Some(PolicyLanguageValues::Simplified),
        resource_type: Some(ResourceTypeValues::Instance),
        create_interval: Some(2),
        ..PolicyDetails::default()
    });
    let both = CreateLifecyclePolicyInput { retain_interval: Some(5), ..input.clone() };
    assert_eq!(cloud.call(CreateLifecyclePolicy, both).await.unwrap_err().status(), 400);
    let instances = make(&cloud, input).await;
    let custom = create(&cloud, &role, every(24)).await;
    for (asked, expected) in [
        (None, vec![&volumes, &instances, &custom]),
        (Some(DefaultPoliciesTypeValues::All), vec![&volumes, &instances]),
        (Some(DefaultPoliciesTypeValues::Volume), vec![&volumes]),
        (Some(DefaultPoliciesTypeValues::Instance), vec![&instances]),
    ] {
        let input = GetLifecyclePoliciesInput { default_policy_type: asked.clone(), ..Default::default() };
        let shown = cloud.call(GetLifecyclePolicies, input).await.unwrap().policies.unwrap();
        let mut ids: Vec<_> = shown.into_iter().map(|policy| policy.policy_id.unwrap()).collect();
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "{asked:?}");
    }
    let there: Region = "eu-west-1".parse().unwrap();
    let input = default_of(&role, DefaultPolicyTypeValues::Volume);
    cloud.call_as(base::AccountId::DEV, there, CreateLifecyclePolicy, input).await.unwrap();
}

#[tokio::test]
async fn volumes_without_a_recent_snapshot_are_backed_up() {
    let cloud = Cloud::new(203).await;
    let role = good_role(&cloud).await;
    let (old, backed_up) = (volume(&cloud, &[("app", "shop")]).await, volume(&cloud, &[]).await);
    let mut input = default_of(&role, DefaultPolicyTypeValues::Volume);
    (input.create_interval, input.retain_interval, input.copy_tags) = (Some(2), Some(5), Some(true));
    let id = make(&cloud, input).await;
    pass(&cloud, 36 * HOUR).await;
    let by_hand = CreateSnapshotInput { volume_id: backed_up.clone(), ..CreateSnapshotInput::default() };
    cloud.call(CreateSnapshot, by_hand).await.unwrap();
    let too_new = volume(&cloud, &[]).await;
    pass(&cloud, 12 * HOUR).await;
    let made: Vec<_> = snapshots(&cloud).await;
    let made: Vec<_> =
        made.iter().filter(|one| keys(&one.tags).contains(&"dlm:managed".to_owned())).collect();
    assert_eq!(made.len(), 1, "of {old}, and not of {backed_up} or {too_new}");
    assert_eq!(made[0].volume_id.as_deref(), Some(old.as_str()));
    assert!(keys(&made[0].tags).contains(&"app".to_owned()));
    days(&cloud, 2).await;
    let volumes = volumes_of_snapshots(&cloud).await;
    for (volume, count) in [(&old, 2), (&backed_up, 2), (&too_new, 1)] {
        assert_eq!(volumes.iter().filter(|one| *one == volume).count(), count, "{volume}");
    }
    days(&cloud, 10).await;
    let kept = volumes_of_snapshots(&cloud).await;
    assert_eq!(kept.iter().filter(|one| **one == old).count(), 3, "one in two days, for five of them");
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn what_is_excluded_is_left_out() {
    let cloud = Cloud::new(204).await;
    let role = good_role(&cloud).await;
    instance(&cloud, &[("app", "shop")], &[("kind", "data")]).await;
    let (_, plain) = (volume(&cloud, &[("skip", "yes")]).await, volume(&cloud, &[("skip", "no")]).await);
    let mut input = default_of(&role, DefaultPolicyTypeValues::Volume);
    input.exclusions = Some(Exclusions {
        exclude_boot_volumes: Some(true),
        exclude_tags: Some(vec![tag("skip", "yes"), tag("kind", "data")]),
        ..Exclusions::default()
    });
    let id = make(&cloud, input).await;
    days(&cloud, 1).await;
    assert_eq!(volumes_of_snapshots(&cloud).await, vec![plain]);
    let types = Exclusions { exclude_volume_types: Some(vec!["gp2".into()]), ..Exclusions::default() };
    let change = UpdateLifecyclePolicyInput {
        policy_id: id,
        exclusions: Some(types),
        ..UpdateLifecyclePolicyInput::default()
    };
    let before = snapshots(&cloud).await.len();
    cloud.call(UpdateLifecyclePolicy, change).await.unwrap();
    days(&cloud, 1).await;
    let shown = cloud.call(ec2_api::DescribeVolumes, Default::default()).await.unwrap().volumes.unwrap();
    let others = shown.iter().filter(|one| one.volume_type != Some(ec2_api::VolumeType::Gp2)).count();
    assert_eq!(snapshots(&cloud).await.len(), before + others);
}

#[tokio::test]
async fn instances_without_a_recent_image_are_and_their_volumes_not_again() {
    let cloud = Cloud::new(205).await;
    let role = good_role(&cloud).await;
    let ours = instance(&cloud, &[], &[]).await;
    instance(&cloud, &[("skip", "yes")], &[]).await;
    let mut input = default_of(&role, DefaultPolicyTypeValues::Instance);
    input.exclusions =
        Some(Exclusions { exclude_tags: Some(vec![tag("skip", "yes")]), ..Default::default() });
    let target = CrossRegionCopyTarget { target_region: Some("eu-west-1".to_owned()) };
    input.cross_region_copy_targets = Some(vec![target]);
    let id = make(&cloud, input).await;
    days(&cloud, 1).await;
    let made = images(&cloud).await;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].source_instance_id, Some(ours));
    let there: Region = "eu-west-1".parse().unwrap();
    assert_eq!(images_in(&cloud, there).await.len(), 1);
    let volumes = make(&cloud, default_of(&role, DefaultPolicyTypeValues::Volume)).await;
    let before = volumes_of_snapshots(&cloud).await;
    pass(&cloud, 23 * HOUR).await;
    assert_eq!(volumes_of_snapshots(&cloud).await, before);
    days(&cloud, 1).await;
    let after = volumes_of_snapshots(&cloud).await;
    assert_eq!(images(&cloud).await.len(), 2);
    assert_eq!(after.len(), 6, "two images, and the other instance's volumes: {after:?}");
    assert_well(&cloud, &id).await;
    assert_well(&cloud, &volumes).await;
}

#[tokio::test]
async fn the_last_snapshot_goes_only_where_deletion_is_extended() {
    for (extended, left) in [(false, 1), (true, 0)] {
        let cloud = Cloud::new(206).await;
        let gone = volume(&cloud, &[]).await;
        let mut input = default_of(&good_role(&cloud).await, DefaultPolicyTypeValues::Volume);
        (input.retain_interval, input.extend_deletion) = (Some(3), Some(extended));
        make(&cloud, input).await;
        days(&cloud, 2).await;
        let delete = DeleteVolumeInput { volume_id: gone, ..DeleteVolumeInput::default() };
        cloud.call(DeleteVolume, delete).await.unwrap();
        days(&cloud, 6).await;
        assert_eq!(snapshots(&cloud).await.len(), left, "extended: {extended}");
    }
}

#[tokio::test]
async fn a_policy_that_is_off_or_deleted_lets_go_where_deletion_is_extended() {
    for (extended, left) in [(false, 3), (true, 0)] {
        for is_deleted in [false, true] {
            let cloud = Cloud::new(207).await;
            volume(&cloud, &[]).await;
            let mut input = default_of(&good_role(&cloud).await, DefaultPolicyTypeValues::Volume);
            (input.retain_interval, input.extend_deletion) = (Some(3), Some(extended));
            let id = make(&cloud, input.clone()).await;
            days(&cloud, 4).await;
            assert_eq!(snapshots(&cloud).await.len(), 3);
            match is_deleted {
                true => delete(&cloud, &id).await,
                false => switch(&cloud, &id, SettablePolicyStateValues::Disabled).await,
            }
            days(&cloud, 6).await;
            assert_eq!(snapshots(&cloud).await.len(), left, "extended: {extended}, deleted: {is_deleted}");
            if is_deleted {
                assert_eq!(get(&cloud, &id).await.unwrap_err().code(), "ResourceNotFoundException");
                days(&cloud, 12).await;
                make(&cloud, input).await;
            }
        }
    }
}
