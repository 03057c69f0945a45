//! The benchmark of disks: a volume beside a bare loop device, snapshots while writes go on, and what a volume costs.
//!
//! It asks the block engine itself, through the daemon of the real binary, so that nothing else is measured; but for
//! attaching, which is asked of a Fogbank. It needs root and what volumes need of a host, and `fio` for what it drives.

mod attach;
mod devices;
mod fio;
mod first_reads;
mod ours;
mod report;
mod snapshots;

use crate::limits::QUICK_DISK_TIME;
use crate::run::{self, Plan};
use report::Report;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
    /// Leave out attaching, which is asked of a Fogbank with an instance
    #[arg(long)]
    engine_only: bool,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    if let Some(lacking) = lacking() {
        println!("skipped: {lacking}");
        return Ok(());
    }
    let plan = Plan::of(options.run.clone(), QUICK_DISK_TIME)?;
    let machine = plan.machine()?;
    let ours = ours::measure(&plan).await?;
    let attached = match plan.quick || options.engine_only {
        true => None,
        false => Some(attach::measure(&plan).await?),
    };
    let report = Report { machine, ours, attached };
    plan.finish(&report.to_markdown(), &report.broken_floors())
}

/// Why nothing can be measured on this host.
fn lacking() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("volumes need root".to_owned());
    }
    let missing = block_engine::probe();
    if !missing.is_empty() {
        return Some(missing.join("; "));
    }
    let is_there = |tool: &str| {
        std::process::Command::new(tool).arg("--version").output().is_ok_and(|it| it.status.success())
    };
    let absent = ["fio", "losetup"].into_iter().find(|tool| !is_there(tool));
    absent.map(|tool| format!("{tool} is not installed (apt-get install fio util-linux)"))
}
