//! A table of many small items: how fast it is loaded, whether reads get slower, and what memory it takes.

use std::time::{Duration, Instant};

use super::table::Table;
use crate::limits::{
    BATCH_ITEMS, BATCHES_AT_ONCE, LARGE_READS, LOAD_CONNECTIONS, SMALL_ITEM_BYTES, SMALL_TABLE_ITEMS,
};
use crate::run::Plan;

pub struct Large {
    pub items: usize,
    /// Items a second, while batches were being sent.
    pub load: f64,
    pub slowest_batch: Duration,
    /// GetItem a second among few items, and among all.
    pub gets_of_few: f64,
    pub gets: f64,
    /// At the most, and a while after.
    pub resident_bytes_max: u64,
    pub disk_bytes: u64,
    pub restarted_in: Duration,
}

pub async fn measure(plan: &Plan, items: usize) -> anyhow::Result<Large> {
    let folder = plan.folder.path().join("dynamodb-large");
    let server = plan.fogbank(&folder)?;
    let few = Table::create(server.address, "few").await?;
    let batches = few.batches(0, SMALL_TABLE_ITEMS / BATCH_ITEMS, SMALL_ITEM_BYTES);
    few.all(batches, LOAD_CONNECTIONS, "ten thousand items").await?;
    let gets_of_few = reads(plan, &few, SMALL_TABLE_ITEMS).await?;

    let table = Table::create(server.address, "large").await?;
    let (mut sent, mut time, mut slowest, mut resident) = (0, Duration::ZERO, Duration::ZERO, 0);
    while sent < items {
        // Prepared in portions, since all of them would not fit into memory; only sending them counts.
        let batches = BATCHES_AT_ONCE.min((items - sent).div_ceil(BATCH_ITEMS));
        let requests = table.batches(sent, batches, SMALL_ITEM_BYTES);
        let start = Instant::now();
        let done = table.all(requests, LOAD_CONNECTIONS, "loading a large table").await?;
        time += start.elapsed();
        slowest = slowest.max(done.latencies().max);
        resident = resident.max(server.resident_bytes());
        sent += batches * BATCH_ITEMS;
    }
    let gets = reads(plan, &table, sent).await?;
    resident = resident.max(server.resident_bytes());
    let disk_bytes = crate::machine::process::disk_bytes(&folder)?;
    server.stop()?;
    let server = plan.fogbank(&folder)?;
    let restarted_in = server.started_in;
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(Large {
        items: sent,
        load: sent as f64 / time.as_secs_f64(),
        slowest_batch: slowest,
        gets_of_few,
        gets,
        resident_bytes_max: resident,
        disk_bytes,
        restarted_in,
    })
}

/// Reads of items in no order, spread over all of them.
async fn reads(plan: &Plan, table: &Table, items: usize) -> anyhow::Result<f64> {
    let spread = |nth: usize| (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize % items;
    let requests = table.gets_of((0..LARGE_READS).map(spread));
    let what = format!("GetItem among {items} items");
    Ok(table.load(&what, requests, plan.connections, plan.time).await?.per_second())
}
