//! What Fogbank takes: time to start, memory, and disk, empty and with many messages queued.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::http::{Connection, Load};
use crate::limits::{BATCH_MESSAGES, EMPTY_RECEIVES, REST_TIME, SPACE_TIME_MAX};
use crate::machine::process::disk_bytes;
use crate::run::Plan;
use crate::sqs::Queue;
use crate::sqs::report::Footprint;

/// Empty, and with so many messages.
pub async fn measure(plan: &Plan, messages: u64) -> anyhow::Result<Footprint> {
    let (started_in, idle_bytes) = empty(plan).await?;
    let mut found = Footprint { started_in, idle_bytes, messages, ..Footprint::default() };
    if messages > 0 {
        full(plan, &mut found).await?;
    }
    Ok(found)
}

/// The middle of five starts with an empty folder, and the memory of the last after a rest.
async fn empty(plan: &Plan) -> anyhow::Result<(Duration, u64)> {
    let mut times = Vec::new();
    let mut idle_bytes = 0;
    for number in 0..5 {
        let folder = plan.folder.path().join(format!("empty-{number}"));
        let server = plan.fogbank(&folder)?;
        times.push(server.started_in);
        if number == 4 {
            tokio::time::sleep(REST_TIME).await;
            idle_bytes = server.resident_bytes();
        }
        server.stop()?;
        std::fs::remove_dir_all(&folder)?;
    }
    times.sort_unstable();
    Ok((times[2], idle_bytes))
}

async fn full(plan: &Plan, found: &mut Footprint) -> anyhow::Result<()> {
    let messages = found.messages;
    let folder = plan.folder.path().join("full");
    let server = plan.fogbank(&folder)?;
    let queue = Queue::create(server.address, "full", json!({})).await?;
    fill(&queue, messages).await?;
    tokio::time::sleep(REST_TIME).await;
    found.full_bytes = server.resident_bytes();
    found.full_disk_bytes = disk_bytes(&folder)?;
    server.stop()?;

    let server = plan.fogbank(&folder)?;
    found.full_started_in = server.started_in;
    let queue = Queue::create(server.address, "full", json!({})).await?;
    let start = Instant::now();
    let deleted = drain(&queue, messages).await?;
    if deleted != messages {
        bail!("{} messages were sent, and {deleted} came back", messages);
    }
    found.drained_per_second = deleted as f64 / start.elapsed().as_secs_f64();
    found.drained_disk_bytes = settled_disk_bytes(&folder).await?;

    fill(&queue, messages / 5).await?;
    found.before_purge_disk_bytes = disk_bytes(&folder)?;
    queue.api.call("PurgeQueue", &json!({ "QueueUrl": queue.url })).await?;
    found.purged_disk_bytes = settled_disk_bytes(&folder).await?;
    server.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

async fn fill(queue: &Queue, messages: u64) -> anyhow::Result<()> {
    let requests_max = messages.div_ceil(BATCH_MESSAGES as u64) as usize;
    let time_max = Duration::from_secs(600);
    let batches = Load { requests_max, ..Load::of(queue.api.address, queue.batches(), time_max) };
    batches.run("filling a queue").await?.checked()?;
    Ok(())
}

/// Receives and deletes, ten at a time, until nothing is left. Returns how many there were.
async fn drain(queue: &Queue, messages: u64) -> anyhow::Result<u64> {
    let deleted = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..32 {
        let (queue, deleted) = (queue.clone(), deleted.clone());
        workers.spawn(async move {
            let mut connection = queue.api.connect();
            let mut empty = 0;
            while empty < EMPTY_RECEIVES && deleted.load(Ordering::Relaxed) < messages {
                let count = drain_once(&queue, &mut connection).await?;
                deleted.fetch_add(count, Ordering::Relaxed);
                empty = if count == 0 { empty + 1 } else { 0 };
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker.context("a worker panicked")??;
    }
    Ok(deleted.load(Ordering::Relaxed))
}

async fn drain_once(queue: &Queue, connection: &mut Connection) -> anyhow::Result<u64> {
    let receive = json!({ "QueueUrl": queue.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 });
    let received = queue.api.call_on(connection, "ReceiveMessage", &receive).await?;
    let Some(messages) = received["Messages"].as_array().filter(|messages| !messages.is_empty()) else {
        return Ok(0);
    };
    let entry = |(at, message): (usize, &Value)| json!({ "Id": at.to_string(), "ReceiptHandle": message["ReceiptHandle"] });
    let entries: Vec<Value> = messages.iter().enumerate().map(entry).collect();
    let delete = json!({ "QueueUrl": queue.url, "Entries": entries });
    let answer = queue.api.call_on(connection, "DeleteMessageBatch", &delete).await?;
    Ok(answer["Successful"].as_array().map_or(0, Vec::len) as u64)
}

/// What the folder takes once it has stopped shrinking.
async fn settled_disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    let start = Instant::now();
    let mut least = disk_bytes(folder)?;
    let mut since = Instant::now();
    while start.elapsed() < SPACE_TIME_MAX && since.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let now = disk_bytes(folder)?;
        if now < least {
            least = now;
            since = Instant::now();
        }
    }
    Ok(least)
}
