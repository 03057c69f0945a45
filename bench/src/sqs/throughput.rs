//! How much goes through: single sends, pairs of receive and delete, and batches of ten.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use crate::http::{Load, Measured};
use crate::limits::BATCH_MESSAGES;
use crate::sqs::Queue;
use crate::sqs::report::Column;

/// How hard a candidate is pressed.
#[derive(Clone, Copy)]
pub struct Pressure {
    pub connections: usize,
    pub time: Duration,
    /// Messages that the pairs of receive and delete go through.
    pub pairs_max: usize,
}

pub async fn measure(name: &str, address: SocketAddr, pressure: &Pressure) -> anyhow::Result<Column> {
    let queue = Queue::create(address, "sends", json!({})).await?;
    let send = send(&queue, pressure).await?;
    // What a queue holds would weigh on the figures after it.
    queue.api.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    let batches = batches(address, pressure).await?;
    let pairs = pairs(address, pressure).await?;
    Ok(Column {
        name: name.to_owned(),
        send: send.per_second(),
        send_p99: Some(send.quantile(0.99)),
        pairs: Some(pairs),
        batch_messages: Some(batches.per_second() * BATCH_MESSAGES as f64),
        started_in: None,
        idle_bytes: None,
    })
}

pub async fn send(queue: &Queue, pressure: &Pressure) -> anyhow::Result<Measured> {
    let connections = pressure.connections;
    let load = Load { connections, ..Load::of(queue.api.address, queue.sends(), pressure.time) };
    load.run_warm("SendMessage").await
}

async fn batches(address: SocketAddr, pressure: &Pressure) -> anyhow::Result<Measured> {
    let queue = Queue::create(address, "batches", json!({})).await?;
    let connections = pressure.connections.min(64);
    let load = Load { connections, ..Load::of(address, queue.batches(), pressure.time) };
    let measured = load.run_warm("SendMessageBatch of ten").await?;
    queue.api.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(measured)
}

/// Pairs a second: first receives for a while, then deletes of what was received, signed in between. The rate of
/// a pair follows from both.
async fn pairs(address: SocketAddr, pressure: &Pressure) -> anyhow::Result<f64> {
    let queue = Queue::create(address, "pairs", json!({})).await?;
    let fill = Load {
        requests_max: pressure.pairs_max / BATCH_MESSAGES,
        connections: pressure.connections.min(64),
        ..Load::of(address, queue.batches(), pressure.time)
    };
    let filled = fill.run("filling a queue").await?.checked()?.requests as usize * BATCH_MESSAGES;
    let connections = pressure.connections;
    let receive = Load {
        requests_max: filled,
        keep: true,
        connections,
        ..Load::of(address, queue.receives(), pressure.time)
    };
    let received = receive.run("ReceiveMessage").await?.checked()?;
    let deletes = queue.deletes(&received.bodies);
    if deletes.len() < received.bodies.len() * 99 / 100 {
        bail!("only {} of {} receives got a message", deletes.len(), received.bodies.len());
    }
    let delete =
        Load { requests_max: deletes.len(), connections, ..Load::of(address, deletes, pressure.time) };
    let deleted = delete.run("DeleteMessage").await?.checked()?;
    queue.api.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(1.0 / (1.0 / received.per_second() + 1.0 / deleted.per_second()))
}
