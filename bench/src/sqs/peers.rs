//! The peers, with as many connections and messages as suit them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::limits::{PEER_PAIRS_MAX, PROBE_TIME, REST_TIME};
use crate::peers::{Peer, best_connections};
use crate::run::Plan;
use crate::sqs::report::Column;
use crate::sqs::throughput::Pressure;
use crate::sqs::{Queue, throughput};

pub async fn measure(plan: &Plan) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    for peer in [Peer::Moto, Peer::Ministack] {
        let server = peer.start(plan)?;
        let started_in = server.started_in;
        tokio::time::sleep(REST_TIME).await;
        let idle_bytes = server.resident_bytes();
        let pressure = best_pressure(server.address, plan.time).await?;
        let measured = throughput::measure(peer.name(), server.address, &pressure).await;
        let column = measured.with_context(|| format!("{} did not go through", peer.name()))?;
        columns.push(Column { started_in: Some(started_in), idle_bytes: Some(idle_bytes), ..column });
        server.stop()?;
    }
    Ok(columns)
}

async fn best_pressure(address: SocketAddr, time: Duration) -> anyhow::Result<Pressure> {
    let queue = Queue::create(address, "probe", json!({})).await?;
    let connections = best_connections(async |connections| {
        let short = Pressure { connections, time: PROBE_TIME, pairs_max: PEER_PAIRS_MAX };
        throughput::send(&queue, &short).await
    })
    .await;
    queue.api.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(Pressure { connections, time, pairs_max: PEER_PAIRS_MAX })
}
