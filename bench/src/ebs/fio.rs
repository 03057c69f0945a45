//! Jobs of fio, and what it says of them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::{Child, Command};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Read,
    Write,
    RandomRead,
    RandomWrite,
}

impl Way {
    pub fn reads(self) -> bool {
        matches!(self, Way::Read | Way::RandomRead)
    }

    fn word(self) -> &'static str {
        match self {
            Way::Read => "read",
            Way::Write => "write",
            Way::RandomRead => "randread",
            Way::RandomWrite => "randwrite",
        }
    }
}

/// What is done with a device.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub way: Way,
    pub bytes: usize,
    /// Requests under way at once.
    pub depth: usize,
    /// Writes between syncs; 0 is never.
    pub sync_after: usize,
}

/// Where, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub from: u64,
    pub length: u64,
    /// None: once over all of it.
    pub time: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
pub struct Figures {
    pub bytes_a_second: f64,
    pub operations_a_second: f64,
    /// Of one request, from when it was handed over.
    pub p99: Duration,
    pub slowest: Duration,
}

impl Job {
    pub fn name(&self) -> String {
        let way = match self.way {
            Way::Read => "sequential reads",
            Way::Write => "sequential writes",
            Way::RandomRead => "random reads",
            Way::RandomWrite => "random writes",
        };
        let size = if self.bytes >= 1 << 20 {
            format!("{} MiB", self.bytes >> 20)
        } else {
            format!("{} KiB", self.bytes >> 10)
        };
        let sync = match self.sync_after {
            0 => String::new(),
            1 => ", each synced".to_owned(),
            after => format!(", synced after each {after}"),
        };
        format!("{way} of {size}, {} at once{sync}", self.depth)
    }

    pub async fn run(&self, device: &Path, extent: Extent) -> anyhow::Result<Figures> {
        figures(self.start(device, extent)?, self.way).await
    }

    pub fn start(&self, device: &Path, extent: Extent) -> anyhow::Result<Child> {
        let mut command = Command::new("fio");
        command.args(["--name=x", "--output-format=json", "--ioengine=libaio", "--direct=1"]);
        command.arg(format!("--filename={}", device.display()));
        command.arg(format!("--rw={}", self.way.word()));
        command.arg(format!("--bs={}", self.bytes));
        command.arg(format!("--iodepth={}", self.depth));
        command.arg(format!("--offset={}", extent.from));
        command.arg(format!("--size={}", extent.length));
        command.arg(format!("--fsync={}", self.sync_after));
        // Nothing that is written twice is the same.
        command.args(["--refill_buffers=1", "--randrepeat=0"]);
        if let Some(time) = extent.time {
            command.arg("--time_based").arg(format!("--runtime={}ms", time.as_millis()));
        }
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        quiet.kill_on_drop(true).spawn().context("fio")
    }
}

/// Waits for the end of a job.
pub async fn figures(job: Child, way: Way) -> anyhow::Result<Figures> {
    let output = job.wait_with_output().await?;
    ensure!(output.status.success(), "fio failed: {}", String::from_utf8_lossy(&output.stderr));
    read(&output.stdout, way)
}

fn read(text: &[u8], way: Way) -> anyhow::Result<Figures> {
    // Notes may come before it.
    let start = text.iter().position(|byte| *byte == b'{').context("fio says nothing")?;
    let report: Value = serde_json::from_slice(&text[start..]).context("fio's report cannot be read")?;
    let side = &report["jobs"][0][if way.reads() { "read" } else { "write" }];
    let number = |value: &Value| value.as_f64().context("a figure is missing in fio's report");
    let nanos = |value: &Value| number(value).map(|nanos| Duration::from_nanos(nanos as u64));
    Ok(Figures {
        bytes_a_second: number(&side["bw_bytes"])?,
        operations_a_second: number(&side["iops"])?,
        p99: nanos(&side["clat_ns"]["percentile"]["99.000000"])?,
        slowest: nanos(&side["clat_ns"]["max"])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_fio_is_read() {
        let text = br#"fio: a note
            {"jobs": [{"read": {"bw_bytes": 0}, "write": {"bw_bytes": 2097152, "iops": 512.5,
             "clat_ns": {"max": 3000000, "percentile": {"50.000000": 10000, "99.000000": 2000000}}}}]}"#;
        let figures = read(text, Way::RandomWrite).unwrap();
        assert_eq!((figures.bytes_a_second, figures.operations_a_second), (2_097_152.0, 512.5));
        assert_eq!((figures.p99, figures.slowest), (Duration::from_millis(2), Duration::from_millis(3)));
        assert!(read(text, Way::Read).is_err() && read(b"nothing", Way::Read).is_err());
    }

    #[test]
    fn jobs_have_names() {
        let job = Job { way: Way::RandomWrite, bytes: 4096, depth: 32, sync_after: 32 };
        assert_eq!(job.name(), "random writes of 4 KiB, 32 at once, synced after each 32");
    }
}
