//! The first read of a block that a volume still has in the snapshot it was made from, beside one that it has itself.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::devices::{Disks, forget};
use super::fio::{Extent, Job, Way};
use super::snapshots::completed;
use crate::limits::{BLOCK_BYTES, FIRST_READS, QUICK_FIRST_READS};
use crate::run::Plan;

const READ_BYTES: usize = 4096;

/// Sorted.
pub struct FirstReads {
    pub home: Vec<Duration>,
    pub snapshot: Vec<Duration>,
}

pub async fn measure(plan: &Plan, disks: &Disks) -> anyhow::Result<FirstReads> {
    let blocks = if plan.quick { QUICK_FIRST_READS } else { FIRST_READS };
    let bytes = blocks * BLOCK_BYTES;
    let home = disks.volume("vol-home", bytes, None).await?;
    let fill = Job { way: Way::Write, bytes: 1 << 20, depth: 8, sync_after: 0 };
    fill.run(&home.path, Extent { from: 0, length: bytes, time: None }).await?;
    completed(disks, "vol-home", "snap-home").await?;
    let away = disks.volume("vol-away", bytes, Some("snap-home")).await?;
    forget(&disks.data("vol-home"))?;
    for entry in fs::read_dir(disks.segments())? {
        forget(&entry?.path())?;
    }
    // In turn, so that both meet the same moments of the host.
    let (mut of_home, mut of_snapshot) = (Vec::new(), Vec::new());
    for block in scattered(blocks) {
        of_home.push(read(&home.path, block * BLOCK_BYTES)?);
        of_snapshot.push(read(&away.path, block * BLOCK_BYTES)?);
    }
    of_home.sort();
    of_snapshot.sort();
    for id in ["vol-home", "vol-away"] {
        disks.remove(id).await?;
    }
    disks.block.remove_snapshot("snap-home").await?;
    Ok(FirstReads { home: of_home, snapshot: of_snapshot })
}

/// All blocks, in an order in which nobody reads ahead.
fn scattered(blocks: u64) -> impl Iterator<Item = u64> {
    // Coprime to every power of two, which the count is.
    (0..blocks).map(move |at| at * 37 % blocks)
}

/// How long it takes to read the first sector of a block, past the page cache of the device.
fn read(device: &Path, offset: u64) -> anyhow::Result<Duration> {
    let flags = OFlags::DIRECT.bits() as i32;
    let file = File::options().read(true).custom_flags(flags).open(device)?;
    let mut room = vec![0; 2 * READ_BYTES];
    let from = room.as_ptr().align_offset(READ_BYTES);
    let began = Instant::now();
    file.read_exact_at(&mut room[from..from + READ_BYTES], offset)?;
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_read_once() {
        for count in [QUICK_FIRST_READS, FIRST_READS] {
            let mut blocks: Vec<u64> = scattered(count).collect();
            blocks.sort_unstable();
            assert_eq!(blocks, (0..count).collect::<Vec<_>>());
        }
    }
}
