//! How much goes through: single sends, pairs of receive and delete, and batches of ten.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use serde_json::json;

use crate::http::{Load, Measured, Pace, Prepared};
use crate::limits::{BATCH_MESSAGES, WARM_UP_TIME};
use crate::report::Column;
use crate::sqs::Queue;

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
    queue.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
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
    let load = Load { connections, ..load(queue.address, queue.sends(), pressure.time) };
    load_after_warm_up(load, "SendMessage").await
}

async fn batches(address: SocketAddr, pressure: &Pressure) -> anyhow::Result<Measured> {
    let queue = Queue::create(address, "batches", json!({})).await?;
    let connections = pressure.connections.min(64);
    let load = Load { connections, ..load(address, queue.batches(), pressure.time) };
    let measured = load_after_warm_up(load, "SendMessageBatch of ten").await?;
    queue.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(measured)
}

/// Pairs a second: first receives for a while, then deletes of what was received, signed in between. The rate of
/// a pair follows from both.
async fn pairs(address: SocketAddr, pressure: &Pressure) -> anyhow::Result<f64> {
    let queue = Queue::create(address, "pairs", json!({})).await?;
    let fill = Load {
        requests_max: pressure.pairs_max / BATCH_MESSAGES,
        connections: pressure.connections.min(64),
        ..load(address, queue.batches(), pressure.time)
    };
    let filled = check(fill.run("filling a queue").await?)?.requests as usize * BATCH_MESSAGES;
    let connections = pressure.connections;
    let receive = Load {
        requests_max: filled,
        keep: true,
        connections,
        ..load(address, queue.receives(), pressure.time)
    };
    let received = check(receive.run("ReceiveMessage").await?)?;
    let deletes = queue.deletes(&received.bodies);
    if deletes.len() < received.bodies.len() * 99 / 100 {
        bail!("only {} of {} receives got a message", deletes.len(), received.bodies.len());
    }
    let delete = Load { requests_max: deletes.len(), connections, ..load(address, deletes, pressure.time) };
    let deleted = check(delete.run("DeleteMessage").await?)?;
    queue.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(1.0 / (1.0 / received.per_second() + 1.0 / deleted.per_second()))
}

pub fn load(address: SocketAddr, requests: Arc<Vec<Prepared>>, time_max: Duration) -> Load {
    Load {
        address,
        requests,
        requests_max: usize::MAX,
        connections: 64,
        pace: Pace::AsFastAsAnswered,
        time_max,
        keep: false,
    }
}

async fn load_after_warm_up(load: Load, what: &str) -> anyhow::Result<Measured> {
    let warm_up = Load { time_max: WARM_UP_TIME.min(load.time_max), ..load.clone() };
    warm_up.run(&format!("{what}, warming up")).await?;
    check(load.run(what).await?)
}

/// A figure with failures in it is no figure.
pub fn check(measured: Measured) -> anyhow::Result<Measured> {
    let all = measured.requests + measured.failures;
    if measured.requests == 0 || measured.failures * 100 > all {
        let failure = measured.failure.as_deref().unwrap_or("nothing was answered");
        bail!("{} of {all} requests failed, such as: {failure}", measured.failures);
    }
    Ok(measured)
}
