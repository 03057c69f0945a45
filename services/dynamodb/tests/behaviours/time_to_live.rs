//! Time to live: set, and deleting by the clock.

use std::time::Duration;

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

async fn set(cloud: &Cloud, enabled: bool, attribute: &str) -> Result<(), Fault> {
    let input = UpdateTimeToLiveInput {
        table_name: "Music".to_owned(),
        time_to_live_specification: TimeToLiveSpecification { enabled, attribute_name: attribute.to_owned() },
    };
    cloud.call(UpdateTimeToLive, input).await.map(drop)
}

#[tokio::test]
async fn items_are_deleted_when_their_time_is_over() {
    let cloud = cloud_with(1, "Music").await;
    let now = cloud.clock.now().as_secs();
    let expiring = |pk: &str, at: i64| item(&[("pk", text(pk)), ("sk", text("x")), ("ttl", number(at))]);
    put(&cloud, "Music", expiring("soon", now + 100)).await;
    put(&cloud, "Music", expiring("late", now + 100_000)).await;
    put(&cloud, "Music", item(&[("pk", text("never")), ("sk", text("x"))])).await;
    set(&cloud, true, "ttl").await.expect("it is off");
    cloud.advance(Duration::from_secs(61)).await;
    assert!(get(&cloud, "Music", "soon", "x").await.is_some(), "its time is not over");
    cloud.advance(Duration::from_secs(61)).await;
    until(&cloud, async || get(&cloud, "Music", "soon", "x").await.is_none()).await;
    for pk in ["late", "never"] {
        assert!(get(&cloud, "Music", pk, "x").await.is_some(), "{pk}");
    }
}

#[tokio::test]
async fn the_setting_changes_once_in_half_an_hour() {
    let cloud = cloud_with(2, "Music").await;
    assert_eq!(words(set(&cloud, false, "ttl").await), "TimeToLive is already disabled");
    set(&cloud, true, "ttl").await.expect("it is off");
    assert_eq!(words(set(&cloud, true, "ttl").await), "TimeToLive is already enabled");
    assert_eq!(
        words(set(&cloud, true, "other").await),
        "TimeToLive is active on a different AttributeName: current AttributeName is ttl"
    );
    assert_eq!(
        words(set(&cloud, false, "ttl").await),
        "Time to live has been modified multiple times within a fixed interval"
    );
    cloud.advance(Duration::from_secs(31 * 60)).await;
    set(&cloud, false, "ttl").await.expect("half an hour later");
    let input = DescribeTimeToLiveInput { table_name: "Music".to_owned() };
    let shown = cloud.call(DescribeTimeToLive, input).await.expect("it is there");
    let shown = shown.time_to_live_description.expect("it is described");
    assert_eq!(shown.time_to_live_status, Some(TimeToLiveStatus::Disabled));
    assert_eq!(shown.attribute_name, None);
}
