//! Volumes whose data may be inconsistent, since what served them died.

use std::time::Duration;

use ec2_api::*;
use testkit::Cloud;

use crate::instances::{one, until};
use crate::root_volumes::root_of;
use crate::support::filters;
use crate::volumes::{attach, neighbour, sized, volume};

async fn status(cloud: &Cloud, id: &str) -> VolumeStatusItem {
    let input = DescribeVolumeStatusInput { volume_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeVolumeStatus, input).await.unwrap().volume_statuses.unwrap().remove(0)
}

/// The status, whether I/O is enabled, the descriptions of events, the codes of actions.
async fn told(cloud: &Cloud, id: &str) -> (String, String, Vec<String>, Vec<String>) {
    let shown = status(cloud, id).await;
    let info = shown.volume_status.unwrap();
    let events = shown.events.unwrap().into_iter().map(|event| event.description.unwrap());
    let actions = shown.actions.unwrap().into_iter().map(|action| action.code.unwrap());
    (
        info.status.unwrap().to_string(),
        info.details.unwrap()[0].status.clone().unwrap(),
        events.collect(),
        actions.collect(),
    )
}

fn expected(
    status: &str,
    enabled: &str,
    events: &[&str],
    actions: &[&str],
) -> (String, String, Vec<String>, Vec<String>) {
    let all = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    (status.to_owned(), enabled.to_owned(), all(events), all(actions))
}

async fn enable(cloud: &Cloud, id: &str) {
    let input = EnableVolumeIOInput { volume_id: id.to_owned(), ..Default::default() };
    cloud.call(EnableVolumeIO, input).await.unwrap();
    cloud.settle().await;
}

#[tokio::test]
async fn a_volume_that_was_lost_waits_until_its_owner_enables_it() {
    let cloud = Cloud::new(641).await;
    let (id, instance) = (volume(&cloud, sized(1)).await, neighbour(&cloud).await);
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    assert_eq!(told(&cloud, &id).await, expected("ok", "passed", &[], &[]));
    cloud.disks.lose(&id);
    cloud.settle().await;
    let waiting = expected("impaired", "failed", &["Awaiting Action: Enable IO"], &["enable-volume-io"]);
    assert_eq!(told(&cloud, &id).await, waiting);
    let shown = status(&cloud, &id).await;
    let (event, action) = (&shown.events.unwrap()[0], &shown.actions.unwrap()[0]);
    assert_eq!(event.event_type.as_deref(), Some("potential-data-inconsistency"));
    assert_eq!((&action.event_id, &action.event_type), (&event.event_id, &event.event_type));
    assert_eq!((event.not_after, event.instance_id.as_ref()), (None, Some(&instance)));
    for (name, value) in
        [("action.code", "enable-volume-io"), ("event.event-type", "potential-data-inconsistency")]
    {
        let input = DescribeVolumeStatusInput { filters: filters(&[(name, value)]), ..Default::default() };
        let found = cloud.call(DescribeVolumeStatus, input).await.unwrap().volume_statuses.unwrap();
        assert_eq!(found.len(), 1);
    }
    cloud.advance(Duration::from_secs(120)).await;
    assert!(cloud.disks.attachment(&id).is_none(), "nobody uses it");
    enable(&cloud, &id).await;
    assert_eq!(told(&cloud, &id).await, expected("ok", "passed", &["IO Enabled"], &[]));
    assert_eq!(cloud.disks.attachment(&id).unwrap().machine, instance);
    cloud.advance(Duration::from_secs(90_000)).await;
    assert_eq!(told(&cloud, &id).await, expected("ok", "passed", &[], &[]));
    // Again there is nothing to enable.
    enable(&cloud, &id).await;
    assert_eq!(told(&cloud, &id).await, expected("ok", "passed", &[], &[]));
}

#[tokio::test]
async fn a_volume_that_enables_itself_goes_on_and_says_so() {
    let cloud = Cloud::new(642).await;
    let (id, instance) = (volume(&cloud, sized(1)).await, neighbour(&cloud).await);
    let on = ModifyVolumeAttributeInput {
        volume_id: id.clone(),
        auto_enable_io: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    cloud.call(ModifyVolumeAttribute, on).await.unwrap();
    attach(&cloud, &id, &instance, "/dev/sdf").await.unwrap();
    cloud.settle().await;
    cloud.disks.lose(&id);
    cloud.settle().await;
    assert_eq!(told(&cloud, &id).await, expected("ok", "passed", &["IO Auto-Enabled"], &[]));
    assert_eq!(cloud.disks.attachment(&id).unwrap().machine, instance);
}

#[tokio::test]
async fn an_instance_whose_root_was_lost_starts_again_when_that_is_enabled() {
    let cloud = Cloud::new(643).await;
    let instance = one(&cloud).await;
    let root = root_of(&cloud, &instance).await;
    let boots = cloud.machines.boots(&instance);
    cloud.disks.lose(&root);
    cloud.settle().await;
    assert_eq!(told(&cloud, &root).await.0, "impaired");
    assert_eq!(cloud.machines.boots(&instance), boots);
    enable(&cloud, &root).await;
    until(&cloud, &instance, InstanceStateName::Running).await;
    cloud.settle().await;
    assert_eq!(cloud.machines.boots(&instance), boots + 1);
    assert_eq!(cloud.disks.attachment(&root).unwrap().machine, instance);
}

#[tokio::test]
async fn performance_is_told_of_types_that_promise_some() {
    let cloud = Cloud::new(644).await;
    for (volume_type, wanted) in [(VolumeType::Gp3, "normal"), (VolumeType::Gp2, "not-applicable")] {
        let id = volume(&cloud, CreateVolumeInput { volume_type: Some(volume_type), ..sized(1) }).await;
        let details = status(&cloud, &id).await.volume_status.unwrap().details.unwrap();
        assert_eq!(details[1].status.as_deref(), Some(wanted));
    }
}
