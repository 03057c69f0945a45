//! The SQS benchmark: the machine, us and the peers, in one run and with one client.

mod footprint;
mod latency;
mod peers;
mod queue;
mod report;
mod throughput;

use crate::http::{Api, SQS};
use crate::limits::{PAIRS_MAX, QUICK_MESSAGES, QUICK_TIME, SEND_ANSWER_BYTES};
use crate::run::{self, Plan};

pub use queue::Queue;
use report::{Column, Report};
use throughput::Pressure;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
    /// Messages that are queued for the figures about memory, disk and restart
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let plan = Plan::of(options.run, QUICK_TIME)?;
    let mut report = Report::new(&plan, plan.machine()?);
    let bare_before = bare(&plan).await?;
    let us = measure_us(&plan, &mut report).await?;
    let bare_after = bare(&plan).await?;
    let mut columns = vec![Column::bare((bare_before + bare_after) / 2.0), us];
    let messages = if plan.quick { QUICK_MESSAGES } else { options.messages };
    report.footprint = Some(footprint::measure(&plan, messages).await?);
    if plan.with_peers {
        columns.extend(peers::measure(&plan).await?);
    }
    report.columns = columns;
    plan.finish(&report.to_markdown(), &report.broken_floors())
}

fn pressure(plan: &Plan) -> Pressure {
    Pressure { connections: plan.connections, time: plan.time, pairs_max: PAIRS_MAX }
}

/// SendMessage requests a second that a server answers which does nothing with them.
async fn bare(plan: &Plan) -> anyhow::Result<f64> {
    let server = plan.bare(SEND_ANSWER_BYTES)?;
    let queue = Queue { api: Api::dev(SQS, server.address), url: "http://bare".into() };
    let rate = throughput::send(&queue, &pressure(plan)).await?.per_second();
    server.stop()?;
    Ok(rate)
}

async fn measure_us(plan: &Plan, report: &mut Report) -> anyhow::Result<Column> {
    let folder = plan.folder.path().join("speed");
    let server = plan.fogbank(&folder)?;
    let column = throughput::measure("Fogbank", server.address, &pressure(plan)).await?;
    report.at_quarter = Some(latency::at_quarter_load(server.address, plan, column.send).await?);
    report.wake = Some(latency::wake(server.address, plan).await?);
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(column)
}
