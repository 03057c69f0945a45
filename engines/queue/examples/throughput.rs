//! How many messages a second the engine takes and gives, durably: 256 tasks, one message or ten at a time.
//!
//! `cargo run --release -p fogbank-queue --example throughput [FOLDER] [GATHER_MICROS]`

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::{Clock, Ids};
use fogbank_queue::{Config, NewMessage, Options, QueueEngine, QueueId, ReceiveOptions};

const TASKS: usize = 256;
const QUEUE: QueueId = QueueId(1);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from).join("queue-throughput");
    let gather = arguments.next().map_or(0, |micros| micros.parse().expect("microseconds"));
    drop(std::fs::remove_dir_all(&folder));
    let options = Options { gather: Duration::from_micros(gather), ..Options::default() };
    let engine =
        QueueEngine::open(&folder, Clock::system(Duration::ZERO), Ids::system(), options).expect("it opens");
    engine.create(QUEUE, Config::standard()).await.expect("a queue is made");
    let sender = engine.clone();
    let send = move |batch: usize| {
        let engine = sender.clone();
        async move {
            let body = [b'x'; 1024];
            let messages = vec![NewMessage { body: &body, ..NewMessage::default() }; batch];
            engine.send_batch(QUEUE, &messages).await.expect("it is sent").len()
        }
    };
    let consumer = engine.clone();
    let consume = move |batch: usize| {
        let engine = consumer.clone();
        async move {
            let options = ReceiveOptions { max: batch, ..ReceiveOptions::one() };
            let received = engine.receive(QUEUE, &options).await.expect("it is received");
            let receipts: Vec<_> = received.iter().map(|message| message.receipt).collect();
            engine.delete_batch(QUEUE, &receipts).await.expect("it is deleted").len()
        }
    };
    for (batch, total) in [(1, 200_000), (10, 500_000)] {
        let (send, consume) = (send.clone(), consume.clone());
        measure(&format!("send {batch} x 1 KiB"), total, move || send(batch)).await;
        measure(&format!("receive + delete {batch}"), total, move || consume(batch)).await;
    }
    drop((engine, send, consume));
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

async fn measure<F>(what: &str, total: usize, make: impl Fn() -> F + Clone + Send + 'static)
where
    F: Future<Output = usize> + Send,
{
    let done = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (done, make) = (Arc::clone(&done), make.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while done.load(Ordering::Relaxed) < total {
                let one = Instant::now();
                done.fetch_add(make().await, Ordering::Relaxed);
                latencies.push(one.elapsed());
            }
            latencies
        });
    }
    let mut latencies: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let elapsed = begun.elapsed();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let rate = done.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64();
    println!("{what:<22} {rate:>9.0} messages/s   p50 {:>9.2?}   p99 {:>9.2?}", at(0.5), at(0.99));
}
