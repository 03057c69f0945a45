//! What schedules do with their snapshots besides keeping them: archive, fast restores, sharing, left-out volumes.

use base::{AccountId, Region};
use dlm_api::*;
use ec2_api::{
    DescribeFastSnapshotRestores, DescribeFastSnapshotRestoresInput, DescribeSnapshots,
    DescribeSnapshotsInput, FastSnapshotRestoreStateCode, Snapshot, StorageTier,
};
use testkit::Cloud;

use crate::support::*;

/// On the first of every month.
fn monthly() -> PolicyDetails {
    let mut details = every(24);
    let cron = Some("cron(0 9 1 * ? *)".to_owned());
    schedule(&mut details).create_rule = Some(CreateRule { cron_expression: cron, ..CreateRule::default() });
    details
}

fn archived(details: &mut PolicyDetails, tier: RetentionArchiveTier) {
    let rule = ArchiveRule { retain_rule: ArchiveRetainRule { retention_archive_tier: tier } };
    schedule(details).archive_rule = Some(rule);
}

/// How many snapshots are in the standard tier, and how many in the archive.
async fn tiers(cloud: &Cloud) -> (usize, usize) {
    let all = snapshots(cloud).await;
    let archived = all.iter().filter(|one| one.storage_tier == Some(StorageTier::Archive)).count();
    (all.len() - archived, archived)
}

#[tokio::test]
async fn what_is_kept_no_longer_goes_to_the_archive_and_is_deleted_there() {
    let cloud = Cloud::new(301).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = monthly();
    schedule(&mut details).retain_rule = Some(RetainRule { count: Some(1), ..RetainRule::default() });
    archived(&mut details, RetentionArchiveTier { count: Some(3), ..RetentionArchiveTier::default() });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    let mut seen = Vec::new();
    for _ in 0..7 {
        months(&cloud, 1).await;
        let now = tiers(&cloud).await;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
    }
    assert_eq!(seen, [(1, 0), (1, 1), (1, 2), (1, 3)]);
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn a_schedule_may_archive_at_once_and_by_age() {
    let cloud = Cloud::new(302).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let (mut details, unit) = (monthly(), Some(RetentionIntervalUnitValues::Days));
    schedule(&mut details).retain_rule =
        Some(RetainRule { interval: Some(0), interval_unit: unit.clone(), count: None });
    archived(&mut details, RetentionArchiveTier { interval: Some(95), interval_unit: unit, count: None });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    months(&cloud, 1).await;
    assert_eq!(tiers(&cloud).await, (0, 1));
    months(&cloud, 8).await;
    let (standard, archived) = tiers(&cloud).await;
    assert_eq!(standard, 0);
    assert!((3..=5).contains(&archived), "{archived}");
    assert_well(&cloud, &id).await;
}

/// The snapshots that are ready for fast restores, or become it.
async fn fast(cloud: &Cloud) -> Vec<String> {
    let output =
        cloud.call(DescribeFastSnapshotRestores, DescribeFastSnapshotRestoresInput::default()).await.unwrap();
    use FastSnapshotRestoreStateCode::{Disabled, Disabling};
    let all = output.fast_snapshot_restores.unwrap().into_iter();
    let wanted = all.filter(|one| !matches!(one.state, Some(Disabled | Disabling)));
    wanted.filter_map(|one| one.snapshot_id).collect()
}

fn ids(snapshots: &[Snapshot]) -> Vec<String> {
    snapshots.iter().filter_map(|one| one.snapshot_id.clone()).collect()
}

#[tokio::test]
async fn the_newest_snapshots_are_ready_for_fast_restores() {
    let cloud = Cloud::new(303).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = every(24);
    schedule(&mut details).retain_rule = Some(RetainRule { count: Some(3), ..RetainRule::default() });
    schedule(&mut details).fast_restore_rule = Some(FastRestoreRule {
        count: Some(1),
        availability_zones: Some(vec!["us-east-1a".to_owned()]),
        ..FastRestoreRule::default()
    });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    for day in 1..=4 {
        days(&cloud, 1).await;
        let newest = snapshots(&cloud).await.pop().unwrap();
        assert_eq!(fast(&cloud).await, ids(&[newest]), "on day {day}");
    }
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn fast_restores_end_after_their_time() {
    let cloud = Cloud::new(304).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let (mut details, unit) = (every(24), Some(RetentionIntervalUnitValues::Days));
    schedule(&mut details).retain_rule =
        Some(RetainRule { interval: Some(5), interval_unit: unit.clone(), count: None });
    schedule(&mut details).fast_restore_rule = Some(FastRestoreRule {
        interval: Some(2),
        interval_unit: unit,
        availability_zone_ids: Some(vec!["use1-az1".to_owned()]),
        ..FastRestoreRule::default()
    });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 5).await;
    let all = snapshots(&cloud).await;
    assert_eq!(all.len(), 5);
    let mut ready = fast(&cloud).await;
    let mut expected = ids(&all[3..]);
    ready.sort();
    expected.sort();
    assert_eq!(ready, expected, "those of two days");
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn a_zone_that_there_is_not_is_told_in_the_policy() {
    let cloud = Cloud::new(305).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = every(24);
    schedule(&mut details).fast_restore_rule = Some(FastRestoreRule {
        count: Some(1),
        availability_zones: Some(vec!["eu-west-1a".to_owned()]),
        ..FastRestoreRule::default()
    });
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 1).await;
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.state, Some(GettablePolicyStateValues::Error));
    assert!(shown.status_message.unwrap().contains("eu-west-1a"));
}

const FRIEND: u64 = 222_222_222_222;

async fn seen_by_friend(cloud: &Cloud) -> usize {
    let input = DescribeSnapshotsInput {
        owner_ids: Some(vec![AccountId::DEV.to_string()]),
        ..DescribeSnapshotsInput::default()
    };
    let friend = AccountId::new(FRIEND).unwrap();
    let output = cloud.call_as(friend, Region::US_EAST_1, DescribeSnapshots, input).await.unwrap();
    output.snapshots.unwrap().len()
}

#[tokio::test]
async fn snapshots_are_shared_for_some_time() {
    let cloud = Cloud::new(306).await;
    volume(&cloud, &[("backup", "yes")]).await;
    let mut details = every(24);
    schedule(&mut details).retain_rule = Some(RetainRule { count: Some(9), ..RetainRule::default() });
    schedule(&mut details).share_rules = Some(vec![ShareRule {
        target_accounts: vec![FRIEND.to_string()],
        unshare_interval: Some(2),
        unshare_interval_unit: Some(RetentionIntervalUnitValues::Days),
    }]);
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 1).await;
    assert_eq!(seen_by_friend(&cloud).await, 1);
    days(&cloud, 4).await;
    assert_eq!((snapshots(&cloud).await.len(), seen_by_friend(&cloud).await), (5, 2));
    assert_well(&cloud, &id).await;
}

#[tokio::test]
async fn data_volumes_with_a_tag_are_left_out_of_an_instances_snapshots() {
    let cloud = Cloud::new(307).await;
    instance(&cloud, &[("backup", "yes")], &[("scratch", "yes")]).await;
    instance(&cloud, &[("backup", "yes")], &[("scratch", "no")]).await;
    let tags = Some(vec![tag("scratch", "yes")]);
    let details = PolicyDetails {
        resource_types: Some(vec![ResourceTypeValues::Instance]),
        parameters: Some(Parameters { exclude_data_volume_tags: tags, ..Parameters::default() }),
        ..every(24)
    };
    let id = create(&cloud, &good_role(&cloud).await, details).await;
    days(&cloud, 1).await;
    assert_eq!(snapshots(&cloud).await.len(), 3, "two roots, and one data volume");
    assert_well(&cloud, &id).await;
}
