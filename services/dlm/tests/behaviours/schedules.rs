//! What policies do by the clock.

use crate::support::*;
use dlm_api::*;
use ec2_api::{DeleteVolume, DeleteVolumeInput};
use testkit::Cloud;

#[tokio::test]
async fn tagged_volumes_are_backed_up_and_old_snapshots_deleted() {
    let cloud = Cloud::new(1).await;
    let ours = volume(&cloud, &[("backup", "yes"), ("app", "shop")]).await;
    volume(&cloud, &[("backup", "no")]).await;
    let id = create(&cloud, &good_role(&cloud).await, every(12)).await;
    assert!(snapshots(&cloud).await.is_empty());
    pass(&cloud, 12 * HOUR).await;
    let first = snapshots(&cloud).await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].volume_id.as_deref(), Some(ours.as_str()));
    let description = format!("Created for policy: {id} schedule: regular");
    assert_eq!(first[0].description.as_deref(), Some(description.as_str()));
    let tags: Vec<_> = first[0].tags.iter().flatten().map(|tag| tag.key.clone().unwrap()).collect();
    for key in ["backup", "app", "made-by", "dlm:managed"] {
        assert!(tags.iter().any(|tag| tag == key), "{key} in {tags:?}");
    }
    pass(&cloud, 12 * HOUR).await;
    pass(&cloud, 12 * HOUR).await;
    let last = snapshots(&cloud).await;
    assert_eq!(last.len(), 2, "two are kept");
    assert!(last.iter().all(|snapshot| snapshot.snapshot_id != first[0].snapshot_id));
    assert_eq!(get(&cloud, &id).await.unwrap().state, Some(GettablePolicyStateValues::Enabled));
}

#[tokio::test]
async fn snapshots_are_kept_for_as_long_as_the_schedule_says() {
    let cloud = Cloud::new(2).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = every(24);
    details.schedules.as_mut().unwrap()[0].retain_rule = Some(RetainRule {
        interval: Some(3),
        interval_unit: Some(RetentionIntervalUnitValues::Days),
        ..RetainRule::default()
    });
    create(&cloud, &good_role(&cloud).await, details).await;
    for _ in 0..6 {
        pass(&cloud, DAY).await;
    }
    assert_eq!(snapshots(&cloud).await.len(), 3);
}

#[tokio::test]
async fn a_policy_that_is_off_or_gone_does_nothing_and_deletes_nothing() {
    let cloud = Cloud::new(3).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let id = create(&cloud, &good_role(&cloud).await, every(1)).await;
    pass(&cloud, HOUR).await;
    let input = UpdateLifecyclePolicyInput {
        policy_id: id.clone(),
        state: Some(SettablePolicyStateValues::Disabled),
        ..UpdateLifecyclePolicyInput::default()
    };
    cloud.call(UpdateLifecyclePolicy, input.clone()).await.unwrap();
    pass(&cloud, 5 * HOUR).await;
    assert_eq!(snapshots(&cloud).await.len(), 1);
    let on = UpdateLifecyclePolicyInput { state: Some(SettablePolicyStateValues::Enabled), ..input };
    cloud.call(UpdateLifecyclePolicy, on).await.unwrap();
    pass(&cloud, HOUR).await;
    assert_eq!(snapshots(&cloud).await.len(), 2);
    cloud.call(DeleteLifecyclePolicy, DeleteLifecyclePolicyInput { policy_id: id }).await.unwrap();
    pass(&cloud, 5 * HOUR).await;
    assert_eq!(snapshots(&cloud).await.len(), 2);
}

#[tokio::test]
async fn a_role_that_may_not_is_told_in_the_policy_and_the_next_run_tries_again() {
    let cloud = Cloud::new(4).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let only_look = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*",
        "Resource": "*"}]}"#;
    let arn = role(&cloud, only_look).await;
    let id = create(&cloud, &arn, every(1)).await;
    pass(&cloud, HOUR).await;
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.state, Some(GettablePolicyStateValues::Error));
    let message = shown.status_message.unwrap();
    assert!(message.contains("not authorized"), "{message}");
    let input = iam_api::PutRolePolicyInput {
        role_name: "backups".to_owned(),
        policy_name: "all".to_owned(),
        policy_document: only_look.replace("Describe*", "*"),
    };
    cloud.call(iam_api::PutRolePolicy, input).await.unwrap();
    pass(&cloud, HOUR).await;
    assert_eq!(get(&cloud, &id).await.unwrap().state, Some(GettablePolicyStateValues::Enabled));
    assert_eq!(snapshots(&cloud).await.len(), 1);
}

#[tokio::test]
async fn snapshots_of_a_volume_that_is_gone_stay_to_their_time() {
    let cloud = Cloud::new(5).await;
    let gone = volume(&cloud, &[("backup", "yes")]).await;
    create(&cloud, &good_role(&cloud).await, every(1)).await;
    pass(&cloud, HOUR).await;
    let input = DeleteVolumeInput { volume_id: gone, ..DeleteVolumeInput::default() };
    cloud.call(DeleteVolume, input).await.unwrap();
    for _ in 0..4 {
        pass(&cloud, HOUR).await;
    }
    assert_eq!(snapshots(&cloud).await.len(), 1);
}

#[tokio::test]
async fn snapshots_are_copied_to_another_region_and_the_copies_deleted_in_time() {
    let cloud = Cloud::new(6).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = every(24);
    details.schedules.as_mut().unwrap()[0].cross_region_copy_rules = Some(vec![CrossRegionCopyRule {
        target: Some("eu-west-1".to_owned()),
        encrypted: false,
        copy_tags: Some(true),
        retain_rule: Some(CrossRegionCopyRetainRule {
            interval: Some(2),
            interval_unit: Some(RetentionIntervalUnitValues::Days),
        }),
        ..CrossRegionCopyRule::default()
    }]);
    create(&cloud, &good_role(&cloud).await, details).await;
    pass(&cloud, DAY).await;
    pass(&cloud, HOUR).await;
    let there: base::Region = "eu-west-1".parse().unwrap();
    let copies = snapshots_in(&cloud, there).await;
    assert_eq!(copies.len(), 1);
    let tags: Vec<_> = copies[0].tags.iter().flatten().map(|tag| tag.key.clone().unwrap()).collect();
    assert!(tags.iter().any(|tag| tag == "made-by"), "{tags:?}");
    // One a day, each for two days.
    for _ in 0..5 {
        pass(&cloud, DAY).await;
        pass(&cloud, HOUR).await;
    }
    assert_eq!(snapshots_in(&cloud, there).await.len(), 2);
}
