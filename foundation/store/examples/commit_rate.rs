//! Durable commits a second: alone, with many writers, and with many writers of one key.
//!
//!     cargo run --release -p fogbank-store --example commit_rate [FOLDER]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fogbank_store::{Options, Store, StoreError};
use hdrhistogram::Histogram;
use parking_lot::Mutex;

const VALUE_BYTES: usize = 1024;
const RUN: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// To the end of one table, like a queue.
    Append,
    /// Each writer in a part of its own.
    Put,
    PutAndRead,
    Counter,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is a program that prints")]
async fn main() -> Result<(), StoreError> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args().nth(1).map_or_else(|| temporary.path().to_owned(), Into::into);
    let began = Instant::now();
    let store = Store::embedded(&folder, Options::default())?;
    println!("opened in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let loads = [
        ("put 1 KiB, 1 writer", Load::Put, 1),
        ("append 1 KiB to one queue, 256 writers", Load::Append, 256),
        ("put 1 KiB, 256 writers", Load::Put, 256),
        ("get, scan and put 1 KiB, 256 writers", Load::PutAndRead, 256),
        ("increment one counter, 256 writers", Load::Counter, 256),
    ];
    for (name, load, writers) in loads {
        let (commits, times) = run(&store, load, writers).await;
        println!(
            "{name}: {:.0} commits/s, p50 {:.2} ms, p99 {:.2} ms",
            commits as f64 / RUN.as_secs_f64(),
            times.value_at_quantile(0.5) as f64 / 1e3,
            times.value_at_quantile(0.99) as f64 / 1e3,
        );
    }
    let reads = read(&store).await;
    println!("read 1 KiB in a snapshot, 1 reader: {:.0} reads/s", reads as f64 / RUN.as_secs_f64());
    store.close().await;
    println!("file: {} MiB", std::fs::metadata(folder.join("store.redb"))?.len() >> 20);
    let began = Instant::now();
    drop(Store::embedded(&folder, Options::default())?);
    println!("opened the full folder and closed it in {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

async fn run(store: &Store, load: Load, writers: u64) -> (u64, Histogram<u64>) {
    let commits = Arc::new(AtomicU64::new(0));
    let times = Arc::new(Mutex::new(Histogram::new(3).expect("three digits are valid")));
    let end = Instant::now() + RUN;
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let (store, commits, times) = (store.clone(), commits.clone(), times.clone());
        tasks.spawn(async move {
            for round in 0u64.. {
                let began = Instant::now();
                if began > end {
                    break;
                }
                one(&store, load, writer, round).await.expect("the store commits");
                commits.fetch_add(1, Ordering::Relaxed);
                times.lock().record(began.elapsed().as_micros() as u64).expect("any time is recorded");
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no writer panics");
    }
    let times = times.lock().clone();
    (commits.load(Ordering::Relaxed), times)
}

async fn one(store: &Store, load: Load, writer: u64, round: u64) -> Result<(), StoreError> {
    store
        .transact(|tx| async move {
            let key = format!("bench/{writer:04}/{round:012}");
            match load {
                Load::Append => tx.put(format!("queue/{round:012}/{writer}"), vec![7; VALUE_BYTES]).await,
                Load::Put => tx.put(key, vec![7; VALUE_BYTES]).await,
                Load::PutAndRead => {
                    tx.get(format!("bench/{writer:04}").as_bytes()).await?;
                    let range = fogbank_store::KeyRange::prefix(format!("bench/{writer:04}/"));
                    tx.scan(&range, 1, fogbank_store::Direction::Forward).await?;
                    tx.put(key, vec![7; VALUE_BYTES]).await
                }
                Load::Counter => {
                    let count = tx.get(b"counter").await?.map_or(0, |count| count.len());
                    tx.put("counter", vec![0; (count + 1) % 512]).await
                }
            }
        })
        .await
}

async fn read(store: &Store) -> u64 {
    let end = Instant::now() + RUN;
    let mut reads = 0;
    while Instant::now() < end {
        for round in 0..100 {
            let key = format!("bench/0000/{round:012}");
            let read = async |tx: fogbank_store::Tx| tx.get(key.as_bytes()).await;
            store.read(read).await.expect("the store reads");
            reads += 1;
        }
    }
    reads
}
