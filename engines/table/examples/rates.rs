//! How many changes a second are durable, how fast they are read, and how a large space is loaded.
//!
//! `cargo run --release -p fogbank-table --example rates [FOLDER [ITEMS [BYTES [CACHE_MIB]]]]`
//!
//! Defaults: a temporary folder, 1 000 000 items of 200 bytes, 128 MiB of cache. All values are sealed.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fogbank_table::{Direction, KeyRange, ScanLimit, Settings, SpaceId, SpaceKey, TableEngine, Write};
use tokio::task::JoinSet;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SMALL: SpaceId = SpaceId(1);
const LARGE: SpaceId = SpaceId(2);
const KIB: SpaceId = SpaceId(3);

const TASKS: usize = 256;
const BATCH: usize = 25;
const TIME: Duration = Duration::from_secs(5);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let argument = |nth: usize| std::env::args().nth(nth);
    let number = |nth: usize, default: usize| {
        argument(nth).map_or(default, |text| text.parse().expect("the argument is a number"))
    };
    let folder = argument(1).map_or_else(std::env::temp_dir, PathBuf::from).join("table-rates");
    let (items, bytes) = (number(2, 1_000_000), number(3, 200));
    let settings = Settings { cache_bytes: (number(4, 128) as u64) << 20, ..Settings::default() };
    drop(std::fs::remove_dir_all(&folder));
    let engine = TableEngine::open(&folder, settings.clone()).await.expect("it opens");
    for space in [SMALL, LARGE, KIB] {
        engine.create_space(space, SpaceKey::aes_256([7; 32])).await.expect("it is made");
    }
    changes(&engine).await;
    load(&engine, SMALL, 10_000.min(items), bytes).await;
    gets(&engine, SMALL, 10_000.min(items)).await;
    load(&engine, LARGE, items, bytes).await;
    memory("after the load");
    gets(&engine, LARGE, items).await;
    gets(&engine, SMALL, 10_000.min(items)).await;
    pages(&engine).await;
    memory("at the end");
    println!("{} MiB of files", engine.disk_bytes() >> 20);
    let begun = Instant::now();
    drop(engine);
    println!("closed in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let engine = TableEngine::open(&folder, settings).await.expect("it opens");
    println!("opened again in {:.1?}", begun.elapsed());
    drop(engine);
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

fn key(nth: usize) -> Bytes {
    // Spread, as keys that begin with a hash are.
    let spread = (nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [&spread.to_be_bytes()[..], format!("item {nth:012}").as_bytes()].concat().into()
}

/// Changes of one key of 1 KiB that depend on what is there.
async fn changes(engine: &TableEngine) {
    let value = Bytes::from(vec![b'x'; 1024]);
    let change = move |engine: TableEngine, nth: usize| {
        let value = value.clone();
        async move {
            let key = key(nth % 100_000);
            let write = Write::Put { space: KIB, key: key.clone(), value };
            let changed = engine.change(vec![(KIB, key)], |_| Ok::<_, ()>((vec![write], ()))).await;
            changed.expect("it is changed").expect("nothing refuses it");
        }
    };
    measure("conditional puts of 1 KiB", TASKS, usize::MAX, TIME, engine, change.clone()).await;
    measure("the same, one at a time", 1, usize::MAX, TIME, engine, change).await;
}

async fn load(engine: &TableEngine, space: SpaceId, items: usize, bytes: usize) {
    let value = Bytes::from(vec![b'y'; bytes]);
    let batch = move |engine: TableEngine, nth: usize| {
        let value = value.clone();
        async move {
            let mut done = JoinSet::new();
            for item in nth * BATCH..(nth + 1) * BATCH {
                let (engine, key) = (engine.clone(), key(item));
                let write = Write::Put { space, key: key.clone(), value: value.clone() };
                done.spawn(async move {
                    let changed = engine.change(vec![(space, key)], |_| Ok::<_, ()>((vec![write], ()))).await;
                    changed.expect("it is changed").expect("nothing refuses it");
                });
            }
            done.join_all().await;
        }
    };
    let what = format!("batches of {BATCH} times {bytes} bytes, {items} items");
    measure(&what, 64, items / BATCH, Duration::MAX, engine, batch).await;
}

async fn gets(engine: &TableEngine, space: SpaceId, items: usize) {
    let get = move |engine: TableEngine, nth: usize| async move {
        let nth = (nth as u64).wrapping_mul(0xd134_2543_de82_ef95) % items as u64;
        let value = engine.get(space, &key(nth as usize)).await.expect("it is read");
        assert!(value.is_some(), "item {nth} is there");
    };
    measure(&format!("gets of one of {items} items"), TASKS, usize::MAX, TIME, engine, get).await;
}

/// Pages of a hundred entries of 1 KiB.
async fn pages(engine: &TableEngine) {
    let page = |engine: TableEngine, nth: usize| async move {
        let range = KeyRange::from(key(nth * 7919 % 100_000));
        let page = engine.scan(KIB, &range, Direction::Forward, ScanLimit::entries(100)).await;
        assert!(page.is_ok());
    };
    measure("pages of 100 entries of 1 KiB", 16, usize::MAX, TIME, engine, page).await;
}

async fn measure<Fut: Future<Output = ()> + Send + 'static>(
    what: &str,
    tasks: usize,
    total: usize,
    time: Duration,
    engine: &TableEngine,
    operation: impl Fn(TableEngine, usize) -> Fut + Send + Sync + 'static,
) {
    let (next, operation) = (Arc::new(AtomicUsize::new(0)), Arc::new(operation));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..tasks {
        let (engine, next, operation) = (engine.clone(), Arc::clone(&next), Arc::clone(&operation));
        workers.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < time {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= total {
                    break;
                }
                let start = Instant::now();
                operation(engine.clone(), nth).await;
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = workers.join_all().await.into_iter().flatten().collect();
    let taken = begun.elapsed();
    times.sort_unstable();
    let rate = times.len() as f64 / taken.as_secs_f64();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!("{what}: {rate:.0}/s, p50 {:.2?}, p99 {:.2?}, max {:.2?}", at(0.5), at(0.99), at(1.0));
}

fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: unknown");
    println!("{when}: {}", resident.split_whitespace().collect::<Vec<_>>().join(" "));
}
