//! The benchmark of S3: small and large objects, at the machine's own limits, at us and at the peers, in one run and
//! with one client.

mod bucket;
mod large;
mod ours;
mod peers;
mod report;

use crate::limits::QUICK_TIME;
use crate::run::{self, Plan};
use report::Report;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let plan = Plan::of(options.run, QUICK_TIME)?;
    let machine = plan.machine()?;
    let ours = ours::measure(&plan).await?;
    let peers = if plan.with_peers { peers::measure(&plan).await? } else { Vec::new() };
    let report = Report { machine, time: plan.time, connections: plan.connections, ours, peers };
    plan.finish(&report.to_markdown(), &report.broken_floors())
}
