//! The benchmark of instances: what the API answers in, when they are reached by SSH, many at once, and what they cost.
//!
//! It needs root and what instances need of a host (`fogbank doctor` says what is missing).

pub mod calls;
mod ours;
mod report;

use anyhow::ensure;

use crate::limits::QUICK_TIME;
use crate::run::{self, Plan};
use report::Report;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
    /// Measure Debian with systemd, too; its image takes minutes to be made
    #[arg(long)]
    debian: bool,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(rustix::process::geteuid().is_root(), "instances need root");
    let plan = Plan::of(options.run, QUICK_TIME)?;
    let machine = plan.machine()?;
    let ours = ours::measure(&plan, options.debian).await?;
    let report = Report { machine, ours };
    plan.finish(&report.to_markdown(), &report.broken_floors())
}
