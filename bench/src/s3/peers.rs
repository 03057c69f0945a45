//! The peers, with as many connections as suit them.

use std::time::Duration;

use anyhow::Context;

use super::bucket::Bucket;
use super::large;
use crate::limits::{PEER_OBJECTS, POOL_OBJECTS, PROBE_TIME, REST_TIME};
use crate::peers::{Peer, best_connections};
use crate::run::Plan;

pub struct Column {
    pub name: &'static str,
    pub started_in: Duration,
    pub idle_bytes: u64,
    pub gets: f64,
    pub puts: f64,
    /// In bytes a second; nothing where it does not go through.
    pub download: Option<f64>,
    pub upload: Option<f64>,
}

pub async fn measure(plan: &Plan) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for peer in [Peer::SeaweedFs, Peer::Moto, Peer::Ministack] {
        let column = at(plan, peer).await;
        columns.push(column.with_context(|| format!("{} did not go through", peer.name()))?);
    }
    Ok(columns)
}

async fn at(plan: &Plan, peer: Peer) -> anyhow::Result<Column> {
    let server = peer.start(plan)?;
    tokio::time::sleep(REST_TIME).await;
    let (started_in, idle_bytes) = (server.started_in, server.resident_bytes());
    let bucket = Bucket::create(server.address).await?;
    bucket.fill(PEER_CONNECTIONS_TO_FILL).await?;
    let gets = bucket.gets();
    let mut tried = vec![plan.connections];
    tried.push(
        best_connections(async |connections| {
            bucket.load("GET of 4 KiB, trying", gets.clone(), connections, PROBE_TIME).await
        })
        .await,
    );
    let (mut get_rate, mut put_rate) = (0.0_f64, 0.0_f64);
    let mut first = POOL_OBJECTS;
    for connections in tried {
        let found = bucket.load("GET of 4 KiB", gets.clone(), connections, plan.time).await;
        get_rate = get_rate.max(found.map_or(0.0, |found| found.per_second()));
        let found = bucket.load_puts(first, PEER_OBJECTS, connections, plan.time).await;
        put_rate = put_rate.max(found.map_or(0.0, |found| found.per_second()));
        first += PEER_OBJECTS;
    }
    let upload = large::upload(&bucket).await.ok();
    let download = if upload.is_some() { large::download(&bucket).await.ok() } else { None };
    // Not every peer ends when it is asked to, and nothing of it is needed any more.
    server.kill()?;
    Ok(Column { name: peer.name(), started_in, idle_bytes, gets: get_rate, puts: put_rate, download, upload })
}

/// Few enough for all of them.
const PEER_CONNECTIONS_TO_FILL: usize = 16;
