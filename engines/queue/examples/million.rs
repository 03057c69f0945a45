//! A million messages of 1 KiB: memory, disk, the time to start again, and whether the space comes back.
//!
//! `cargo run --release -p fogbank-queue --example million [FOLDER]`

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::{Clock, Ids};
use fogbank_queue::{Config, NewMessage, Options, QueueEngine, QueueId, ReceiveOptions};

const MESSAGES: usize = 1_000_000;
const QUEUE: QueueId = QueueId(1);

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from).join("queue-million");
    drop(std::fs::remove_dir_all(&folder));
    let open = || {
        let begun = Instant::now();
        let clock = Clock::system(Duration::ZERO);
        let engine = QueueEngine::open(&folder, clock, Ids::system(), Options::default()).expect("it opens");
        println!("open: {:.1?}", begun.elapsed());
        engine
    };
    let engine = open();
    engine.create(QUEUE, Config::standard()).await.expect("a queue is made");
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let engine = engine.clone();
        tasks.spawn(async move {
            let body = [b'x'; 1024];
            let messages = vec![NewMessage { body: &body, ..NewMessage::default() }; 100];
            for _ in 0..MESSAGES / 16 / 100 {
                engine.send_batch(QUEUE, &messages).await.expect("it is sent");
            }
        });
    }
    tasks.join_all().await;
    println!("loaded: {:?} in {:.1?}", engine.counts(QUEUE).expect("the queue is there"), begun.elapsed());
    show(&folder);
    drop(engine);
    let engine = open();
    println!("found: {:?}", engine.counts(QUEUE).expect("the queue is there"));
    show(&folder);
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let engine = engine.clone();
        tasks.spawn(async move {
            let options = ReceiveOptions { max: 100, ..ReceiveOptions::one() };
            loop {
                let received = engine.receive(QUEUE, &options).await.expect("it is received");
                if received.is_empty() {
                    break;
                }
                let receipts: Vec<_> = received.iter().map(|message| message.receipt).collect();
                engine.delete_batch(QUEUE, &receipts).await.expect("it is deleted");
            }
        });
    }
    tasks.join_all().await;
    println!("received and deleted in {:.1?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(2)).await;
    show(&folder);
    drop(engine);
    drop(open());
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

fn show(folder: &Path) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let blocks: u64 =
        entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|held| held.blocks()).sum();
    println!("  {}  {}  disk {} MiB", line("VmRSS"), line("VmHWM"), (blocks * 512) >> 20);
}
