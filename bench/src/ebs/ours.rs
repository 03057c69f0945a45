//! The engine's figures.

use std::path::Path;
use std::time::{Duration, Instant};

use super::devices::{Bare, Disks, forget};
use super::fio::{Extent, Figures, Job, Way};
use super::first_reads::{self, FirstReads};
use super::snapshots::{self, Snapshots};
use crate::limits::{
    DISK_ROUNDS, MEASURED_BYTES, QUICK_MEASURED_BYTES, QUICK_SERVES, QUICK_VOLUMES, REST_TIME, SERVES,
    VOLUMES,
};
use crate::machine::process::memory_of;
use crate::run::Plan;

pub struct Ours {
    pub beside: Vec<Beside>,
    pub first_reads: FirstReads,
    pub snapshots: Snapshots,
    /// What making a block device of a volume takes, and taking it away, sorted.
    pub serves: Vec<Duration>,
    pub unserves: Vec<Duration>,
    pub memory: Memory,
}

/// A job on both, the medians of some rounds.
pub struct Beside {
    pub job: Job,
    pub bare: Figures,
    pub ours: Figures,
}

/// What the daemon's memory grew by with volumes that were read and written: resident, and of shared pages its share.
pub struct Memory {
    pub volumes: u64,
    pub idle_bytes: u64,
    pub resident_bytes: u64,
    pub proportional_bytes: u64,
}

const MIB: usize = 1 << 20;
const JOBS: [Job; 11] = [
    Job { way: Way::Write, bytes: MIB, depth: 1, sync_after: 0 },
    Job { way: Way::Write, bytes: MIB, depth: 32, sync_after: 0 },
    Job { way: Way::Write, bytes: MIB, depth: 1, sync_after: 1 },
    Job { way: Way::Read, bytes: MIB, depth: 1, sync_after: 0 },
    Job { way: Way::Read, bytes: MIB, depth: 32, sync_after: 0 },
    Job { way: Way::RandomWrite, bytes: 4096, depth: 1, sync_after: 0 },
    Job { way: Way::RandomWrite, bytes: 4096, depth: 32, sync_after: 0 },
    Job { way: Way::RandomWrite, bytes: 4096, depth: 1, sync_after: 1 },
    Job { way: Way::RandomWrite, bytes: 4096, depth: 32, sync_after: 32 },
    Job { way: Way::RandomRead, bytes: 4096, depth: 1, sync_after: 0 },
    Job { way: Way::RandomRead, bytes: 4096, depth: 32, sync_after: 0 },
];
/// Of them in a quick run.
const QUICK_JOBS: [usize; 4] = [1, 4, 6, 10];

pub async fn measure(plan: &Plan) -> anyhow::Result<Ours> {
    let disks = Disks::open(plan).await?;
    let measured = measure_on(plan, &disks).await;
    // Its processes outlive this one.
    disks.close().await?;
    measured
}

async fn measure_on(plan: &Plan, disks: &Disks) -> anyhow::Result<Ours> {
    let memory = memory(plan, disks).await?;
    let (serves, unserves) = serves(plan, disks).await?;
    let first_reads = first_reads::measure(plan, disks).await?;
    let beside = beside(plan, disks).await?;
    let snapshots = snapshots::measure(plan, disks).await?;
    Ok(Ours { beside, first_reads, snapshots, serves, unserves, memory })
}

async fn beside(plan: &Plan, disks: &Disks) -> anyhow::Result<Vec<Beside>> {
    let bytes = if plan.quick { QUICK_MEASURED_BYTES } else { MEASURED_BYTES };
    let bare = Bare::new(plan, bytes)?;
    let volume = disks.volume("vol-measured", bytes, None).await?;
    let sides = [(bare.device.as_path(), bare.file.clone()), (&volume.path, disks.data("vol-measured"))];
    // The host's file system has room for all of it from then on, on both sides.
    let fill = Job { way: Way::Write, bytes: MIB, depth: 8, sync_after: 0 };
    for (device, _) in &sides {
        fill.run(device, Extent { from: 0, length: bytes, time: None }).await?;
    }
    let jobs = JOBS.iter().enumerate().filter(|(at, _)| !plan.quick || QUICK_JOBS.contains(at));
    let mut found = Vec::new();
    for (_, job) in jobs {
        let (mut of_bare, mut of_ours) = (Vec::new(), Vec::new());
        for _ in 0..if plan.quick { 1 } else { DISK_ROUNDS } {
            for ((device, file), figures) in sides.iter().zip([&mut of_bare, &mut of_ours]) {
                figures.push(once(plan, job, device, file, bytes).await?);
            }
        }
        found.push(Beside { job: *job, bare: median(of_bare), ours: median(of_ours) });
    }
    disks.remove("vol-measured").await?;
    Ok(found)
}

/// Sequential reads go over everything once, since what was read is in the host's memory then.
async fn once(plan: &Plan, job: &Job, device: &Path, file: &Path, bytes: u64) -> anyhow::Result<Figures> {
    forget(file)?;
    let time = (job.way != Way::Read).then_some(plan.time);
    job.run(device, Extent { from: 0, length: bytes, time }).await
}

fn median(mut figures: Vec<Figures>) -> Figures {
    figures.sort_by(|one, other| one.bytes_a_second.total_cmp(&other.bytes_a_second));
    figures[figures.len() / 2]
}

async fn serves(plan: &Plan, disks: &Disks) -> anyhow::Result<(Vec<Duration>, Vec<Duration>)> {
    disks.volume("vol-served", 1 << 30, None).await?;
    disks.block.unserve("vol-served", false).await?;
    let (mut serves, mut unserves) = (Vec::new(), Vec::new());
    for _ in 0..if plan.quick { QUICK_SERVES } else { SERVES } {
        let start = Instant::now();
        disks.block.serve("vol-served", None, None).await?;
        serves.push(start.elapsed());
        let start = Instant::now();
        disks.block.unserve("vol-served", false).await?;
        unserves.push(start.elapsed());
    }
    disks.remove("vol-served").await?;
    serves.sort();
    unserves.sort();
    Ok((serves, unserves))
}

/// As long as nothing else was done: what a daemon once needed it keeps.
async fn memory(plan: &Plan, disks: &Disks) -> anyhow::Result<Memory> {
    let volumes = if plan.quick { QUICK_VOLUMES } else { VOLUMES };
    let daemon = disks.block.processes().await?.daemon;
    let bytes = (64 * MIB) as u64;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (idle, idle_proportional) = memory_of(daemon);
    for number in 0..volumes {
        let device = disks.volume(&format!("vol-{number}"), bytes, None).await?;
        let extent = Extent { from: 0, length: bytes, time: None };
        for way in [Way::Write, Way::Read, Way::RandomWrite] {
            let size = if way == Way::RandomWrite { 4096 } else { MIB };
            Job { way, bytes: size, depth: 32, sync_after: 0 }.run(&device.path, extent).await?;
        }
    }
    tokio::time::sleep(REST_TIME).await;
    let (resident, proportional) = memory_of(daemon);
    for number in 0..volumes {
        disks.remove(&format!("vol-{number}")).await?;
    }
    Ok(Memory {
        volumes,
        idle_bytes: idle,
        resident_bytes: resident.saturating_sub(idle) / volumes,
        proportional_bytes: proportional.saturating_sub(idle_proportional) / volumes,
    })
}
