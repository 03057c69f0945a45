//! Sweeping: what nobody refers to is found and freed, and nothing else.

use std::time::Duration;

use base::Ids;
use fogbank_object::medium::Faulty;
use fogbank_object::{EngineError, SweepReport};

use crate::{content, get_all, lengths, on_all, open, put};

#[test]
fn what_nobody_marks_is_freed() {
    on_all(async |engine| {
        let mut kept = Vec::new();
        let mut left = Vec::new();
        for _ in 0..3 {
            for length in lengths() {
                kept.push(put(&engine, &content(1, length)).await);
                left.push(put(&engine, &content(2, length)).await);
            }
        }
        let mut sweep = engine.begin_sweep();
        let late = put(&engine, &content(3, 10)).await;
        let late_file = put(&engine, &content(3, 300_000)).await;
        for extent in kept.iter().chain(&kept) {
            sweep.mark(extent);
        }
        let report = sweep.finish(Duration::ZERO).await.unwrap();
        assert_eq!(report.freed_extents, left.len() as u64);
        assert!(report.freed_bytes > 3 * 500_000);
        for extent in kept.iter().chain([&late, &late_file]) {
            get_all(&engine, extent).await.unwrap();
        }
        for extent in &left {
            assert!(matches!(get_all(&engine, extent).await, Err(EngineError::NotFound)), "{extent}");
        }
        let mut sweep = engine.begin_sweep();
        for extent in kept.iter().chain([&late, &late_file]) {
            sweep.mark(extent);
        }
        assert_eq!(sweep.finish(Duration::ZERO).await.unwrap(), SweepReport::default());
    });
}

#[tokio::test]
async fn what_is_younger_than_the_grace_stays_until_a_restart() {
    let disk = Faulty::new();
    let engine = open(&disk);
    let mut unmarked = Vec::new();
    for length in lengths() {
        unmarked.push(put(&engine, &content(1, length)).await);
    }
    let report = engine.begin_sweep().finish(Duration::from_secs(60)).await.unwrap();
    assert_eq!(report, SweepReport::default());
    for extent in &unmarked {
        get_all(&engine, extent).await.unwrap();
    }
    drop(engine);
    // Whoever was about to record it is gone with the process.
    let engine = open(&disk);
    let report = engine.begin_sweep().finish(Duration::from_secs(60)).await.unwrap();
    assert_eq!(report.freed_extents, unmarked.len() as u64);
}

#[tokio::test]
async fn what_a_crash_left_is_reclaimed() {
    for seed in 0..20 {
        let disk = Faulty::new();
        let engine = open(&disk);
        let kept = put(&engine, &content(1, 5000)).await;
        let _unrecorded = put(&engine, &content(2, 5000)).await;
        let _unrecorded = put(&engine, &content(2, 300_000)).await;
        disk.crash_at(disk.steps() + seed % 8);
        let _torn = engine.put(&crate::keys(), content(3, 9000)).await;
        let _torn = engine.put(&crate::keys(), content(3, 300_000)).await;
        let disk = disk.after_power_loss(&Ids::seeded(seed));
        drop(engine);
        let engine = open(&disk);
        let mut sweep = engine.begin_sweep();
        sweep.mark(&kept);
        let report = sweep.finish(Duration::from_secs(60)).await.unwrap();
        assert!(report.freed_extents >= 2, "{report:?}");
        engine.settle().await;
        let usage = engine.usage();
        assert!(usage.live_bytes < 5200 && usage.files == 0, "{usage:?}");
        assert!(get_all(&engine, &kept).await.unwrap() == content(1, 5000));
    }
}
