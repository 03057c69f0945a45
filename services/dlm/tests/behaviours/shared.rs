//! Event-based policies: what others share is copied.

use base::{AccountId, Region};
use dlm_api::*;
use ec2_api::{
    CreateSnapshot, CreateSnapshotInput, DescribeSnapshots, DescribeSnapshotsInput, ModifySnapshotAttribute,
    ModifySnapshotAttributeInput, OperationType, SnapshotAttributeName,
};
use testkit::Cloud;

use crate::support::*;

const FRIEND: u64 = 222_222_222_222;

fn friend() -> AccountId {
    AccountId::new(FRIEND).unwrap()
}

/// Copies to Ireland, for two days.
fn details(pattern: &str) -> PolicyDetails {
    PolicyDetails {
        policy_type: Some(PolicyTypeValues::EventBasedPolicy),
        event_source: Some(EventSource {
            r#type: EventSourceValues::ManagedCwe,
            parameters: Some(EventParameters {
                event_type: EventTypeValues::ShareSnapshot,
                snapshot_owner: vec![AccountId::DEV.to_string()],
                description_regex: pattern.to_owned(),
            }),
        }),
        actions: Some(vec![Action {
            name: "copy".to_owned(),
            cross_region_copy: vec![CrossRegionCopyAction {
                target: "eu-west-1".to_owned(),
                encryption_configuration: EncryptionConfiguration { encrypted: false, cmk_arn: None },
                retain_rule: Some(CrossRegionCopyRetainRule {
                    interval: Some(2),
                    interval_unit: Some(RetentionIntervalUnitValues::Days),
                }),
            }],
        }]),
        ..PolicyDetails::default()
    }
}

async fn watching(cloud: &Cloud, pattern: &str) -> String {
    let role = role_of(cloud, friend(), ALL_OF_EC2).await;
    let input = input(&role, details(pattern));
    let made = cloud.call_as(friend(), Region::US_EAST_1, CreateLifecyclePolicy, input).await.unwrap();
    cloud.settle().await;
    made.policy_id.unwrap()
}

async fn snapshot(cloud: &Cloud, volume: &str, description: &str) -> String {
    let input = CreateSnapshotInput {
        volume_id: volume.to_owned(),
        description: Some(description.to_owned()),
        ..CreateSnapshotInput::default()
    };
    let made = cloud.call(CreateSnapshot, input).await.unwrap().snapshot_id.unwrap();
    cloud.settle().await;
    made
}

async fn share(cloud: &Cloud, snapshot: &str, operation: OperationType) {
    let input = ModifySnapshotAttributeInput {
        attribute: Some(SnapshotAttributeName::CreateVolumePermission),
        operation_type: Some(operation),
        snapshot_id: snapshot.to_owned(),
        user_ids: Some(vec![FRIEND.to_string()]),
        ..ModifySnapshotAttributeInput::default()
    };
    cloud.call(ModifySnapshotAttribute, input).await.unwrap();
}

async fn copies(cloud: &Cloud) -> usize {
    let input = DescribeSnapshotsInput {
        owner_ids: Some(vec!["self".to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    let there = "eu-west-1".parse().unwrap();
    let output = cloud.call_as(friend(), there, DescribeSnapshots, input).await.unwrap();
    output.snapshots.unwrap().len()
}

async fn minutes(cloud: &Cloud, count: usize) {
    for _ in 0..count {
        pass(cloud, std::time::Duration::from_secs(61)).await;
    }
}

async fn state(cloud: &Cloud, id: &str) -> LifecyclePolicy {
    let input = GetLifecyclePolicyInput { policy_id: id.to_owned() };
    let output = cloud.call_as(friend(), Region::US_EAST_1, GetLifecyclePolicy, input).await.unwrap();
    output.policy.unwrap()
}

#[tokio::test]
async fn a_snapshot_that_is_shared_is_copied_once_and_the_copy_deleted_in_time() {
    let cloud = Cloud::new(401).await;
    let volume = volume(&cloud, &[]).await;
    let before = snapshot(&cloud, &volume, "production, before").await;
    share(&cloud, &before, OperationType::Add).await;
    let id = watching(&cloud, "production.*").await;
    minutes(&cloud, 3).await;
    assert_eq!(copies(&cloud).await, 0, "it was shared before");
    let (first, other) =
        (snapshot(&cloud, &volume, "production 1").await, snapshot(&cloud, &volume, "test 1").await);
    minutes(&cloud, 2).await;
    assert_eq!(copies(&cloud).await, 0, "nothing is shared yet");
    share(&cloud, &first, OperationType::Add).await;
    share(&cloud, &other, OperationType::Add).await;
    minutes(&cloud, 4).await;
    assert_eq!(copies(&cloud).await, 1, "of the one whose description matches");
    share(&cloud, &first, OperationType::Remove).await;
    minutes(&cloud, 2).await;
    share(&cloud, &first, OperationType::Add).await;
    minutes(&cloud, 4).await;
    assert_eq!(copies(&cloud).await, 2, "sharing it again is another event");
    let shown = state(&cloud, &id).await;
    assert_eq!(shown.state, Some(GettablePolicyStateValues::Enabled), "{:?}", shown.status_message);
    days(&cloud, 3).await;
    assert_eq!(copies(&cloud).await, 0);
}

#[tokio::test]
async fn what_is_shared_while_a_policy_is_off_is_not_copied_later() {
    let cloud = Cloud::new(402).await;
    let volume = volume(&cloud, &[]).await;
    let id = watching(&cloud, ".*").await;
    let switch = |state: SettablePolicyStateValues| UpdateLifecyclePolicyInput {
        policy_id: id.clone(),
        state: Some(state),
        ..UpdateLifecyclePolicyInput::default()
    };
    let off = switch(SettablePolicyStateValues::Disabled);
    cloud.call_as(friend(), Region::US_EAST_1, UpdateLifecyclePolicy, off).await.unwrap();
    let missed = snapshot(&cloud, &volume, "missed").await;
    share(&cloud, &missed, OperationType::Add).await;
    minutes(&cloud, 3).await;
    let on = switch(SettablePolicyStateValues::Enabled);
    cloud.call_as(friend(), Region::US_EAST_1, UpdateLifecyclePolicy, on).await.unwrap();
    minutes(&cloud, 3).await;
    assert_eq!(copies(&cloud).await, 0);
    let noticed = snapshot(&cloud, &volume, "noticed").await;
    share(&cloud, &noticed, OperationType::Add).await;
    minutes(&cloud, 4).await;
    assert_eq!(copies(&cloud).await, 1);
}

#[tokio::test]
async fn one_policys_snapshots_are_copied_by_anothers() {
    let cloud = Cloud::new(403).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut ours = every(24);
    schedule(&mut ours).share_rules =
        Some(vec![ShareRule { target_accounts: vec![FRIEND.to_string()], ..ShareRule::default() }]);
    let id = create(&cloud, &good_role(&cloud).await, ours).await;
    watching(&cloud, &format!("Created for policy: {id}.*")).await;
    days(&cloud, 1).await;
    minutes(&cloud, 4).await;
    assert_eq!(copies(&cloud).await, 1);
}
