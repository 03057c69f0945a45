//! Snapshots of a volume that is written to meanwhile, and the room that each takes.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use block_engine::SnapshotSpec;
use block_engine::store::SnapshotState;
use tokio::time::sleep;

use super::devices::Disks;
use super::fio::{Extent, Job, Way, figures};
use crate::limits::{
    BLOCK_BYTES, CHANGED_BYTES, QUICK_CHANGED_BYTES, QUICK_SNAPSHOT_BYTES, QUICK_WRITER_TIME, SNAPSHOT_BYTES,
    SNAPSHOT_TIME_MAX, WRITER_BYTES, WRITER_TIME,
};
use crate::machine::process::disk_bytes;
use crate::run::Plan;

const LOOK_TIME: Duration = Duration::from_millis(2);

/// A snapshot that was completed.
pub struct Taken {
    pub what: String,
    /// Until the moment was fixed, which is when the call is answered.
    pub fixed_in: Duration,
    pub completed_in: Duration,
    /// All blocks that it names, and those that it does not share with the one before.
    pub bytes: u64,
    pub own_bytes: u64,
    /// What all snapshots take on the host's disk afterwards.
    pub room: u64,
}

pub struct Snapshots {
    pub volume_bytes: u64,
    pub changed_bytes: u64,
    /// The first, which copies all of it; one of an unchanged volume; one of a changed volume.
    pub taken: Vec<Taken>,
    /// The slowest write of those that went on meanwhile, and without a snapshot.
    pub slowest_write: Duration,
    pub usual_write: Duration,
    /// The room after the snapshot in the middle was removed, of which the others needed what they share.
    pub room_after_removal: u64,
}

pub async fn measure(plan: &Plan, disks: &Disks) -> anyhow::Result<Snapshots> {
    let (volume_bytes, changed_bytes) = if plan.quick {
        (QUICK_SNAPSHOT_BYTES, QUICK_CHANGED_BYTES)
    } else {
        (SNAPSHOT_BYTES, CHANGED_BYTES)
    };
    let device = disks.volume("vol-snapped", volume_bytes, None).await?;
    let fill = Job { way: Way::Write, bytes: 1 << 20, depth: 8, sync_after: 0 };
    fill.run(&device.path, Extent { from: 0, length: volume_bytes, time: None }).await?;
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let mut taken = Vec::new();
    taken.push(take(disks, "snap-1", format!("the first, of {}", gib(volume_bytes))).await?);

    // Someone writes on, in a few blocks at the end.
    let time = if plan.quick { QUICK_WRITER_TIME } else { WRITER_TIME };
    let writer = Job { way: Way::RandomWrite, bytes: 4096, depth: 1, sync_after: 0 };
    let writes = |time| Extent { from: volume_bytes - WRITER_BYTES, length: WRITER_BYTES, time: Some(time) };
    let usual_write = writer.run(&device.path, writes(Duration::from_secs(1))).await?.slowest;
    let job = writer.start(&device.path, writes(time))?;
    sleep(Duration::from_secs(1)).await;
    taken.push(take(disks, "snap-2", format!("of {}, unchanged", gib(volume_bytes))).await?);
    let mut slowest_write = figures(job, writer.way).await?.slowest;

    fill.run(&device.path, Extent { from: 0, length: changed_bytes, time: None }).await?;
    let job = writer.start(&device.path, writes(time))?;
    sleep(Duration::from_secs(1)).await;
    let what = format!("of {}, {} of it changed", gib(volume_bytes), gib(changed_bytes));
    taken.push(take(disks, "snap-3", what).await?);
    slowest_write = slowest_write.max(figures(job, writer.way).await?.slowest);

    let names = disks.block.blocks("snap-3", 0, usize::MAX).await?;
    disks.block.remove_snapshot("snap-2").await?;
    let room_after_removal = disk_bytes(&disks.segments())?;
    for block in names.keys().step_by(names.len() / 16 + 1) {
        let found = disks.block.block("snap-3", None, *block).await?;
        ensure!(found.is_some(), "block {block} is gone with another snapshot");
    }
    disks.remove("vol-snapped").await?;
    for id in ["snap-1", "snap-3"] {
        disks.block.remove_snapshot(id).await?;
    }
    Ok(Snapshots { volume_bytes, changed_bytes, taken, slowest_write, usual_write, room_after_removal })
}

async fn take(disks: &Disks, snapshot: &str, what: String) -> anyhow::Result<Taken> {
    let (fixed_in, completed_in, blocks, own_bytes) = completed(disks, "vol-snapped", snapshot).await?;
    let room = disk_bytes(&disks.segments())?;
    Ok(Taken { what, fixed_in, completed_in, bytes: blocks * BLOCK_BYTES, own_bytes, room })
}

/// Takes a snapshot and waits for it: until it was fixed, until it was completed, its blocks, and its own bytes.
pub async fn completed(
    disks: &Disks,
    volume: &str,
    snapshot: &str,
) -> anyhow::Result<(Duration, Duration, u64, u64)> {
    let spec = SnapshotSpec {
        volume: volume.to_owned(),
        key: None,
        snapshot: snapshot.to_owned(),
        snapshot_key: None,
    };
    let began = Instant::now();
    disks.block.snapshot(&[spec]).await?;
    let fixed_in = began.elapsed();
    while began.elapsed() < SNAPSHOT_TIME_MAX {
        match disks.block.snapshot_state(snapshot).await.context("a snapshot")? {
            SnapshotState::Completed { blocks, own_bytes } => {
                return Ok((fixed_in, began.elapsed(), blocks, own_bytes));
            }
            SnapshotState::Pending(_) => sleep(LOOK_TIME).await,
            other => bail!("{snapshot} is {other:?}"),
        }
    }
    bail!("{snapshot} is not completed in time")
}
