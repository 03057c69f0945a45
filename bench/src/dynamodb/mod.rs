//! The benchmark of DynamoDB: items one by one, conditions, pages, and a large table, at the machine's own limits, at us
//! and at the peers, in one run and with one client.

mod large;
mod ours;
mod peers;
mod report;
mod table;

use crate::limits::{QUICK_ITEMS, QUICK_TIME};
use crate::run::{self, Plan};
use report::Report;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
    /// Items of 200 bytes in the large table
    #[arg(long, default_value_t = 10_000_000)]
    items: usize,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let plan = Plan::of(options.run, QUICK_TIME)?;
    let machine = plan.machine()?;
    let ours = ours::measure(&plan).await?;
    let items = if plan.quick { QUICK_ITEMS } else { options.items };
    let large = large::measure(&plan, items).await?;
    let peers = if plan.with_peers { peers::measure(&plan).await? } else { Vec::new() };
    let report = Report { machine, time: plan.time, connections: plan.connections, ours, large, peers };
    plan.finish(&report.to_markdown(), &report.broken_floors())
}
