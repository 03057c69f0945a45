//! The SQS benchmark: the machine, us and the peers, in one run and with one client.

mod footprint;
mod latency;
mod peers;
mod queue;
mod throughput;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::http::Signer;
use crate::limits::PAIRS_MAX;
use crate::machine::process::Server;
use crate::machine::{disk, facts};
use crate::report::{Check, Column, Report};

pub use queue::Queue;
use throughput::Pressure;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// A few seconds only, without peers; fails where a figure is grossly bad
    #[arg(long)]
    quick: bool,
    /// How long each figure is measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Messages that are queued for the figures about memory, disk and restart
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Leave out moto and ministack
    #[arg(long)]
    no_peers: bool,
    /// The Fogbank to measure; the release binary beside this one if left out
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Where to write the table; it is printed in any case
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What all parts of a run need to know.
pub struct Plan {
    pub quick: bool,
    pub time: Duration,
    pub connections: usize,
    pub messages: u64,
    pub binary: PathBuf,
    /// A folder on the disk that is measured.
    pub folder: TempDir,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let plan = Plan::of(&options)?;
    let mut report = Report::new(facts::read(), plan.time, plan.connections);
    report.disk_alone = Some(disk::sync_rate(plan.folder.path(), 1, plan.time.min(Duration::from_secs(3)))?);
    report.disk_grouped =
        Some(disk::sync_rate(plan.folder.path(), 32, plan.time.min(Duration::from_secs(3)))?);

    let bare_before = bare(&plan).await?;
    let us = measure_us(&plan, &mut report).await?;
    let bare_after = bare(&plan).await?;
    let mut columns = vec![Column::bare((bare_before + bare_after) / 2.0), us];
    footprint::measure(&plan, &mut report).await?;
    if !options.no_peers && !plan.quick {
        columns.extend(peers::measure(&plan).await?);
    }
    report.columns = columns;

    let text = report.to_markdown();
    println!("{text}");
    if let Some(path) = &options.out {
        std::fs::write(path, &text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let broken: Vec<Check> = if plan.quick { report.broken_floors() } else { Vec::new() };
    if !broken.is_empty() {
        bail!("grossly below what is expected: {}", Check::list(&broken));
    }
    Ok(())
}

impl Plan {
    fn of(options: &Options) -> anyhow::Result<Plan> {
        let own = std::env::current_exe().context("this program has a path")?;
        let beside = own.with_file_name("fogbank");
        let binary = options.bin.clone().unwrap_or(beside);
        if !binary.exists() {
            bail!("{} is not there; make it with: cargo build --release -p fogbank", binary.display());
        }
        // On the disk of the build folder: a temporary folder may be in memory.
        let folder = tempfile::tempdir_in(own.parent().context("this program is in a folder")?)?;
        let (seconds, messages) =
            if options.quick { (2, 50_000) } else { (options.seconds, options.messages) };
        Ok(Plan {
            quick: options.quick,
            time: Duration::from_secs(seconds),
            connections: options.connections,
            messages,
            binary,
            folder,
        })
    }

    fn pressure(&self) -> Pressure {
        Pressure { connections: self.connections, time: self.time, pairs_max: PAIRS_MAX }
    }

    /// Starts Fogbank on a folder of this run.
    pub fn fogbank(&self, folder: &Path) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.binary);
        command.args(["up", "--dev", "--port", "0", "--data"]).arg(folder);
        Server::that_says_ready(command).context("fogbank does not start")
    }
}

/// SendMessage requests a second that a server answers which does nothing with them.
async fn bare(plan: &Plan) -> anyhow::Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare");
    let server = Server::that_says_ready(command).context("the bare server does not start")?;
    let queue =
        Queue { address: server.address, url: "http://bare".into(), signer: Signer::dev(server.address) };
    let rate = throughput::send(&queue, &plan.pressure()).await?.per_second();
    server.stop()?;
    Ok(rate)
}

async fn measure_us(plan: &Plan, report: &mut Report) -> anyhow::Result<Column> {
    let folder = plan.folder.path().join("speed");
    let server = plan.fogbank(&folder)?;
    let column = throughput::measure("Fogbank", server.address, &plan.pressure()).await?;
    report.at_quarter = Some(latency::at_quarter_load(server.address, plan, column.send).await?);
    report.wake = Some(latency::wake(server.address, plan).await?);
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(column)
}
