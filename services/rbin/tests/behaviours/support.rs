//! Short ways to say what the tests do most.

use std::time::Duration;

use ec2_api::{CreateSnapshot, CreateSnapshotInput, CreateVolume, CreateVolumeInput, TagSpecification};
use rbin_api::*;
use schema::Fault;
use testkit::Cloud;

pub const DAY: Duration = Duration::from_secs(24 * 3600);

pub fn days(value: i32) -> RetentionPeriod {
    RetentionPeriod { retention_period_value: value, retention_period_unit: RetentionPeriodUnit::Days }
}

pub fn tag(key: &str, value: &str) -> ResourceTag {
    ResourceTag { resource_tag_key: key.to_owned(), resource_tag_value: Some(value.to_owned()) }
}

/// Of everything of a kind.
pub fn region(kind: ResourceType, period: i32) -> CreateRuleInput {
    CreateRuleInput { retention_period: days(period), resource_type: kind, ..CreateRuleInput::default() }
}

pub fn locked(delay: i32) -> LockConfiguration {
    let unlock_delay = UnlockDelay { unlock_delay_value: delay, unlock_delay_unit: UnlockDelayUnit::Days };
    LockConfiguration { unlock_delay }
}

pub async fn create(cloud: &Cloud, input: CreateRuleInput) -> String {
    cloud.call(CreateRule, input).await.unwrap().identifier.unwrap()
}

pub async fn get(cloud: &Cloud, id: &str) -> Result<GetRuleOutput, Fault> {
    cloud.call(GetRule, GetRuleInput { identifier: id.to_owned() }).await
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(outcome: Result<T, Fault>) -> String {
    outcome.unwrap_err().code().to_owned()
}

fn tags(kind: &str, tags: &[(&str, &str)]) -> Option<Vec<TagSpecification>> {
    let tags = tags
        .iter()
        .map(|(key, value)| ec2_api::Tag { key: Some((*key).to_owned()), value: Some((*value).to_owned()) });
    Some(vec![TagSpecification { resource_type: Some(kind.to_owned()), tags: Some(tags.collect()) }])
}

pub async fn volume(cloud: &Cloud, own: &[(&str, &str)]) -> String {
    let input = CreateVolumeInput {
        availability_zone: Some("us-east-1a".to_owned()),
        size: Some(1),
        tag_specifications: tags("volume", own).filter(|_| !own.is_empty()),
        ..CreateVolumeInput::default()
    };
    let volume = cloud.call(CreateVolume, input).await.unwrap();
    cloud.settle().await;
    volume.volume_id.unwrap()
}

/// One that is completed.
pub async fn snapshot(cloud: &Cloud, volume: &str, own: &[(&str, &str)]) -> String {
    let input = CreateSnapshotInput {
        volume_id: volume.to_owned(),
        tag_specifications: tags("snapshot", own).filter(|_| !own.is_empty()),
        ..CreateSnapshotInput::default()
    };
    let snapshot = cloud.call(CreateSnapshot, input).await.unwrap();
    cloud.settle().await;
    snapshot.snapshot_id.unwrap()
}

pub async fn pass(cloud: &Cloud, time: Duration) {
    cloud.advance(time).await;
    cloud.settle().await;
}
