//! The benchmark of keys and parameters: KMS and the Parameter Store, at the machine's own limits, at us and at
//! moto, in one run and with one client.

mod figures;
mod kms;
mod moto;
mod ours;
mod parameters;
mod report;
mod signing;

use anyhow::ensure;

use crate::limits::{PARAMETERS_MAX, QUICK_KEYS_TIME, QUICK_PARAMETERS};
use crate::run::{self, Plan};
use report::Report;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    run: run::Settings,
    /// Parameters that are listed page after page; an account has at most 100,000 in a region
    #[arg(long, default_value_t = PARAMETERS_MAX)]
    parameters: usize,
}

pub async fn run(options: Options) -> anyhow::Result<()> {
    let plan = Plan::of(options.run, QUICK_KEYS_TIME)?;
    let parameters = if plan.quick { QUICK_PARAMETERS } else { options.parameters };
    ensure!((1..=PARAMETERS_MAX).contains(&parameters), "between 1 and {PARAMETERS_MAX} parameters");
    let machine = plan.machine()?;
    let ours = ours::measure(&plan, parameters).await?;
    let moto = if plan.with_peers { Some(moto::measure(&plan).await?) } else { None };
    let report = Report { machine, time: plan.time, connections: plan.connections, ours, moto };
    plan.finish(&report.to_markdown(), &report.broken_floors())
}
