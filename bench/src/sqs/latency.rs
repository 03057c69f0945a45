//! How long things take: a send while the server is a quarter busy, and a long poll from the send that wakes it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use crate::http::{Connection, Latency, Load, Pace};
use crate::limits::WAKES;
use crate::run::Plan;
use crate::sqs::Queue;

/// Sends at a quarter of the rate that was reached at full speed, whether or not answers come in time.
pub async fn at_quarter_load(address: SocketAddr, plan: &Plan, peak: f64) -> anyhow::Result<Latency> {
    let queue = Queue::create(address, "quarter", json!({})).await?;
    let sends = Load { pace: Pace::PerSecond(peak / 4.0), ..Load::of(address, queue.sends(), plan.time) };
    Ok(sends.run("SendMessage at a quarter of the load").await?.checked()?.latencies())
}

/// From the start of a send to the return of the long poll that waited for it.
pub async fn wake(address: SocketAddr, plan: &Plan) -> anyhow::Result<Latency> {
    let queue = Queue::create(address, "wakes", json!({})).await?;
    let send = queue.api.prepare("SendMessage", &json!({ "QueueUrl": queue.url, "MessageBody": "wake up" }));
    let poll = queue.api.prepare(
        "ReceiveMessage",
        &json!({ "QueueUrl": queue.url, "WaitTimeSeconds": 20, "VisibilityTimeout": 600 }),
    );
    let (mut sender, mut receiver) = (Connection::new(address), Connection::new(address));
    let mut times = Vec::new();
    for _ in 0..if plan.quick { WAKES / 4 } else { WAKES } {
        let sending = async {
            // Long enough for the poll to have come to rest.
            tokio::time::sleep(Duration::from_millis(15)).await;
            let start = Instant::now();
            sender.send(&send).await.map(|_| start)
        };
        let polling = async {
            let answer = receiver.send(&poll).await?;
            anyhow::Ok((answer, Instant::now()))
        };
        let (start, polled) = tokio::join!(sending, polling);
        let (answer, end) = polled?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let handle =
            answer["Messages"][0]["ReceiptHandle"].as_str().context("the poll was woken by a message")?;
        times.push(end - start?);
        queue.api.call("DeleteMessage", &json!({ "QueueUrl": queue.url, "ReceiptHandle": handle })).await?;
    }
    Ok(Latency::of(times))
}
