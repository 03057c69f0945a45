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

/// What expires is found among many more items that do not, in one pass, wherever it lies; and what was there before the
/// setting as well as what came, changed and went after.
#[tokio::test]
async fn one_pass_finds_all_that_is_over_among_many_items() {
    const ITEMS: usize = 1300;
    let cloud = cloud_with(3, "Music").await;
    let now = cloud.clock.now().as_secs();
    let expiring = |nth: usize, at: i64| {
        item(&[("pk", text(&format!("{nth:04}"))), ("sk", text("x")), ("ttl", number(at))])
    };
    // Every fortieth is over soon; of the others some years ago or never, which both are kept.
    let time = |nth: usize| match nth % 40 {
        0 => now + 500,
        1 => 0,
        2 => now - 6 * 365 * 86_400,
        _ => now + 1_000_000,
    };
    for nth in 0..ITEMS / 2 {
        put(&cloud, "Music", expiring(nth, time(nth))).await;
    }
    set(&cloud, true, "ttl").await.expect("it is off");
    cloud.advance(Duration::from_secs(61)).await;
    for nth in ITEMS / 2..ITEMS {
        put(&cloud, "Music", expiring(nth, time(nth))).await;
    }
    // The table is read in parts; then only what is over.
    for _ in 0..20 {
        cloud.advance(Duration::from_millis(100)).await;
    }
    // One that is put off, one that is brought forward, one that was deleted by hand.
    put(&cloud, "Music", expiring(40, now + 1_000_000)).await;
    put(&cloud, "Music", expiring(43, now + 400)).await;
    let key = item(&[("pk", text("0080")), ("sk", text("x"))]);
    let delete = DeleteItemInput { table_name: "Music".to_owned(), key, ..DeleteItemInput::default() };
    cloud.call(DeleteItem, delete).await.expect("it is there");
    assert_eq!(scan(&cloud, "Music", None).await.expect("it can be read").len(), ITEMS - 1);
    cloud.clock.advance(Duration::from_secs(600));
    // As long as the pass takes, and no moment of the clock.
    let over = ITEMS.div_ceil(40) - 1;
    let mut left = 0;
    for _ in 0..50 {
        cloud.settle().await;
        left = scan(&cloud, "Music", None).await.expect("it can be read").len();
        if left == ITEMS - 1 - over {
            break;
        }
    }
    assert_eq!(left, ITEMS - 1 - over);
    for (pk, is_there) in [("0000", false), ("0040", true), ("0043", false), ("1280", false), ("1281", true)]
    {
        assert_eq!(get(&cloud, "Music", pk, "x").await.is_some(), is_there, "{pk}");
    }
    let report = cloud.dynamodb.fsck(|_| {}).await.expect("it can be read");
    assert_eq!((report.findings, report.items), (Vec::new(), left as u64));
}

#[tokio::test]
async fn another_attribute_counts_after_the_setting_was_changed() {
    let cloud = cloud_with(4, "Music").await;
    let now = cloud.clock.now().as_secs();
    let expiring = |pk: &str, one: i64, other: i64| {
        item(&[("pk", text(pk)), ("sk", text("x")), ("one", number(one)), ("other", number(other))])
    };
    put(&cloud, "Music", expiring("a", now + 10_000, now + 3000)).await;
    put(&cloud, "Music", expiring("b", now + 3000, now + 10_000)).await;
    set(&cloud, true, "one").await.expect("it is off");
    cloud.advance(Duration::from_secs(61)).await;
    cloud.advance(Duration::from_secs(31 * 60)).await;
    set(&cloud, false, "one").await.expect("half an hour later");
    cloud.advance(Duration::from_secs(31 * 60)).await;
    assert!(get(&cloud, "Music", "b", "x").await.is_some(), "nothing is deleted while it is off");
    set(&cloud, true, "other").await.expect("half an hour later");
    cloud.advance(Duration::from_secs(61)).await;
    until(&cloud, async || get(&cloud, "Music", "a", "x").await.is_none()).await;
    assert!(get(&cloud, "Music", "b", "x").await.is_some(), "its other time is not over");
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
