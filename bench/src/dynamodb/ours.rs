//! Fogbank's figures, each beside what the machine can do at most.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;

use super::table::Table;
use crate::http::{Latency, Load, Pace, Prepared};
use crate::limits::{PAGE_ITEMS, POOL_ITEMS, PUTS_PER_SECOND_MAX, QUERY_CONNECTIONS, REST_TIME};
use crate::report::Beside;
use crate::run::Plan;

pub struct Ours {
    pub started_in: Duration,
    pub idle_bytes: u64,
    pub gets: Beside,
    pub puts: Beside,
    pub updates: Beside,
    pub queries: Queries,
    /// PutItem at half of the rate that was reached.
    pub half_load: Latency,
}

/// Pages of a hundred items of 1 KiB.
pub struct Queries {
    pub per_second: f64,
    pub answer_bytes: usize,
    pub p50: Duration,
    /// Of the server's processor time.
    pub bytes_per_core_second: f64,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Ours> {
    let folder = plan.folder.path().join("dynamodb");
    let server = plan.fogbank(&folder)?;
    tokio::time::sleep(REST_TIME).await;
    let idle_bytes = server.resident_bytes();
    let table = Table::create(server.address, "bench").await?;
    table.fill(plan.connections).await?;

    let gets = beside(plan, &table, "GetItem of 1 KiB", &table.gets()).await?;
    let updates = beside(plan, &table, "UpdateItem with a condition", &table.updates()).await?;
    let puts = puts(plan, &table).await?;
    let first = POOL_ITEMS + (plan.time.as_secs_f64() * PUTS_PER_SECOND_MAX) as usize;
    let half_load = at_half_load(plan, &table, first, puts.ours / 2.0).await?;

    ensure!(table.page_items().await? == PAGE_ITEMS, "a page has all its items");
    let requests = table.queries();
    let answer_bytes = table.answer_bytes(&requests[0]).await?;
    let before = server.processor_time();
    let queried = table.load("Query of 100 items of 1 KiB", requests, QUERY_CONNECTIONS, plan.time).await?;
    let spent = server.processor_time() - before;
    // The warm-up spends as well, at the same rate.
    let all = queried.requests as f64 * (1.0 + warm_up_share(plan.time));
    let queries = Queries {
        per_second: queried.per_second(),
        answer_bytes,
        p50: queried.quantile(0.5),
        bytes_per_core_second: all * answer_bytes as f64 / spent.as_secs_f64().max(1e-9),
    };
    let started_in = server.started_in;
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Ours { started_in, idle_bytes, gets, puts, updates, queries, half_load })
}

fn warm_up_share(time: Duration) -> f64 {
    crate::limits::WARM_UP_TIME.min(time).as_secs_f64() / time.as_secs_f64()
}

/// The same requests at a server that answers as many bytes and does nothing, before and after.
async fn beside(
    plan: &Plan,
    table: &Table,
    what: &str,
    requests: &Arc<Vec<Prepared>>,
) -> anyhow::Result<Beside> {
    let bare = plan.bare(table.answer_bytes(&requests[0]).await?)?;
    let at_bare = async || {
        let load =
            Load { connections: plan.connections, ..Load::of(bare.address, requests.clone(), plan.time) };
        load.run_warm(&format!("bare {what}")).await.map(|found| found.per_second())
    };
    let before = at_bare().await?;
    let ours = table.load(what, requests.clone(), plan.connections, plan.time).await?.per_second();
    let after = if plan.quick { before } else { at_bare().await? };
    bare.stop()?;
    Ok(Beside { ours, bare: (before + after) / 2.0 })
}

async fn puts(plan: &Plan, table: &Table) -> anyhow::Result<Beside> {
    let count = (plan.time.as_secs_f64() * PUTS_PER_SECOND_MAX) as usize;
    // What PutItem answers.
    let bare = plan.bare("{}".len())?;
    let requests = table.puts(0, POOL_ITEMS);
    let at_bare = async || {
        let load =
            Load { connections: plan.connections, ..Load::of(bare.address, requests.clone(), plan.time) };
        load.run_warm("bare PutItem").await.map(|found| found.per_second())
    };
    let before = at_bare().await?;
    let ours = table.load_puts(POOL_ITEMS, count, plan.connections, plan.time).await?.per_second();
    let after = if plan.quick { before } else { at_bare().await? };
    bare.stop()?;
    Ok(Beside { ours, bare: (before + after) / 2.0 })
}

async fn at_half_load(plan: &Plan, table: &Table, first: usize, rate: f64) -> anyhow::Result<Latency> {
    let requests = table.puts(first, (plan.time.as_secs_f64() * rate) as usize + 1);
    let load = Load {
        connections: plan.connections,
        requests_max: requests.len(),
        pace: Pace::PerSecond(rate),
        ..Load::of(table.api.address, requests, plan.time)
    };
    Ok(load.run("PutItem at half of the load").await?.checked()?.latencies())
}
