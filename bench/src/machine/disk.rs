//! The disk's own limits: how often a second a file can be appended to and synced, by one writer alone, and by
//! a group of waiting writers that share each sync.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::limits::LATENCY_MICROS_MAX;

const RECORD_BYTES: usize = 4096;

pub struct SyncRate {
    pub per_second: f64,
    /// One sync, in the middle and at the slow end.
    pub p50: Duration,
    pub p99: Duration,
}

/// Writes `records` records of 4 KiB before each fdatasync. Blocks for `time`.
pub fn sync_rate(folder: &Path, records: usize, time: Duration) -> anyhow::Result<SyncRate> {
    const FILE_BYTES: u64 = 64 << 20;
    let file = tempfile_in(folder, FILE_BYTES)?;
    let bytes = vec![0x5a; RECORD_BYTES * records];
    let mut latency = Histogram::<u64>::new_with_max(LATENCY_MICROS_MAX, 3)?;
    let start = Instant::now();
    let mut offset = 0;
    while start.elapsed() < time {
        let began = Instant::now();
        file.write_all_at(&bytes, offset)?;
        rustix::fs::fdatasync(&file)?;
        latency.saturating_record(began.elapsed().as_micros() as u64);
        offset = (offset + bytes.len() as u64) % (FILE_BYTES - bytes.len() as u64);
    }
    Ok(SyncRate {
        per_second: (latency.len() * records as u64) as f64 / start.elapsed().as_secs_f64(),
        p50: Duration::from_micros(latency.value_at_quantile(0.5)),
        p99: Duration::from_micros(latency.value_at_quantile(0.99)),
    })
}

/// A file that has its blocks already, as a log does that reserves them.
fn tempfile_in(folder: &Path, size: u64) -> anyhow::Result<File> {
    let file = tempfile::tempfile_in(folder)?;
    let zeros = vec![0; 1 << 20];
    for offset in (0..size).step_by(zeros.len()) {
        file.write_all_at(&zeros, offset)?;
    }
    file.sync_all()?;
    Ok(file)
}
