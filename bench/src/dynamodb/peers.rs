//! The peers, with as many connections as suit them.

use std::time::Duration;

use anyhow::Context;

use super::table::Table;
use crate::limits::{PEER_ITEMS, POOL_ITEMS, PROBE_TIME, QUERY_CONNECTIONS, REST_TIME};
use crate::peers::{Peer, best_connections};
use crate::run::Plan;

pub struct Column {
    pub name: &'static str,
    pub started_in: Duration,
    pub idle_bytes: u64,
    pub gets: f64,
    pub puts: f64,
    pub updates: f64,
    /// Pages of a hundred items a second.
    pub queries: f64,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for peer in [Peer::Dynalite, Peer::Moto, Peer::Ministack] {
        let column = at(plan, peer).await;
        columns.push(column.with_context(|| format!("{} did not go through", peer.name()))?);
    }
    Ok(columns)
}

/// Few enough for all of them.
const CONNECTIONS_TO_FILL: usize = 16;

async fn at(plan: &Plan, peer: Peer) -> anyhow::Result<Column> {
    let server = peer.start(plan)?;
    tokio::time::sleep(REST_TIME).await;
    let (started_in, idle_bytes) = (server.started_in, server.resident_bytes());
    let table = Table::create(server.address, "bench").await?;
    table.fill(CONNECTIONS_TO_FILL).await?;
    let gets = table.gets();
    let best = best_connections(async |connections| {
        table.load("GetItem, trying", gets.clone(), connections, PROBE_TIME).await
    });
    let tried = [plan.connections, best.await];
    let mut column = Column {
        name: peer.name(),
        started_in,
        idle_bytes,
        gets: 0.0,
        puts: 0.0,
        updates: 0.0,
        queries: 0.0,
    };
    let mut first = POOL_ITEMS;
    for connections in tried {
        let rate = async |what: &str, requests| {
            let found = table.load(what, requests, connections, plan.time).await;
            found.map_or(0.0, |found| found.per_second())
        };
        column.gets = column.gets.max(rate("GetItem of 1 KiB", gets.clone()).await);
        column.updates = column.updates.max(rate("UpdateItem with a condition", table.updates()).await);
        let put = table.load_puts(first, PEER_ITEMS, connections, plan.time).await;
        column.puts = column.puts.max(put.map_or(0.0, |found| found.per_second()));
        first += PEER_ITEMS;
    }
    let queries = table.load("Query of 100 items", table.queries(), QUERY_CONNECTIONS, plan.time).await;
    column.queries = queries.map_or(0.0, |found| found.per_second());
    // Not every peer ends when it is asked to, and nothing of it is needed any more.
    server.kill()?;
    Ok(column)
}
