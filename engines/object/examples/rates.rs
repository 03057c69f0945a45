//! How fast content comes and goes, durably, beside what the disk and the memory can do without the engine.
//!
//! `cargo run --release -p fogbank-object --example rates [FOLDER [small|large|parts|uploads]]`

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base::Ids;
use bytes::Bytes;
use fogbank_object::limits::PACKED_BYTES_MAX;
use fogbank_object::{ContentKey, ContentKeys, Extent, ObjectEngine, Options};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TASKS: usize = 256;
const LARGE_BYTES: usize = 1 << 30;

/// What a socket gives at once, about.
const PIECE_BYTES: usize = 128 << 10;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from).join("object-rates");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("the folder is made");
    let keys = ContentKeys::one(ContentKey::new([7; 32]));
    let engine =
        ObjectEngine::open(&folder.join("engine"), Ids::system(), Options::default()).expect("it opens");
    let only = std::env::args().nth(2);
    let wanted = |what: &str| only.as_ref().is_none_or(|only| only == what);
    if wanted("small") {
        let packed = [(4 << 10, 100_000), (64 << 10, 20_000), (PACKED_BYTES_MAX, 4_000)];
        // The last is the first that has a file of its own.
        for (bytes, total) in packed.into_iter().chain([(PACKED_BYTES_MAX + 1, 4_000)]) {
            small(&engine, &keys, bytes, total).await;
        }
    }
    if wanted("large") {
        large(&engine, &keys, &folder).await;
    }
    if wanted("parts") {
        parts(&engine, &keys).await;
    }
    if wanted("uploads") {
        many_uploads(&engine, &keys).await;
    }
    drop(engine);
    let begun = Instant::now();
    let engine =
        ObjectEngine::open(&folder.join("engine"), Ids::system(), Options::default()).expect("it opens");
    println!("open again: {:.1?}", begun.elapsed());
    drop(engine);
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

async fn small(engine: &ObjectEngine, keys: &ContentKeys, bytes: usize, total: usize) {
    let content = Bytes::from(vec![b'x'; bytes]);
    let (put_engine, put_keys) = (engine.clone(), keys.clone());
    let extents = measure(&format!("put of {bytes} bytes"), total, move |_| {
        let (engine, keys, content) = (put_engine.clone(), put_keys.clone(), content.clone());
        async move { Some(engine.put(&keys, content).await.expect("it is put").keep()) }
    })
    .await;
    let extents: Arc<Vec<Extent>> = Arc::new(extents);
    let (get_engine, get_keys, all) = (engine.clone(), keys.clone(), Arc::clone(&extents));
    measure(&format!("get of {bytes} bytes"), total, move |nth| {
        let (engine, keys, extents) = (get_engine.clone(), get_keys.clone(), Arc::clone(&all));
        async move {
            let extent = &extents[nth * 7919 % extents.len()];
            let mut reader = engine.read(extent, &keys, 0..u64::MAX).await.expect("it is read");
            let mut length = 0;
            while let Some(part) = reader.next().await.expect("it is read") {
                length += part.len() as u64;
            }
            assert_eq!(length, extent.length);
            None
        }
    })
    .await;
    let begun = Instant::now();
    for extents in extents.chunks(1000) {
        engine.free(extents).await.expect("they are freed");
    }
    let freed = begun.elapsed();
    engine.settle().await;
    println!(
        "  freed in thousands: {:.0} a second; given back after {:.1?}; on disk {} MiB",
        extents.len() as f64 / freed.as_secs_f64(),
        begun.elapsed(),
        engine.usage().disk_bytes >> 20
    );
}

async fn measure<F>(
    what: &str,
    total: usize,
    make: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Vec<Extent>
where
    F: Future<Output = Option<Extent>> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (next, make) = (Arc::clone(&next), make.clone());
        tasks.spawn(async move {
            let (mut latencies, mut extents) = (Vec::new(), Vec::new());
            loop {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                if nth >= total {
                    return (latencies, extents);
                }
                let one = Instant::now();
                extents.extend(make(nth).await);
                latencies.push(one.elapsed());
            }
        });
    }
    let (mut latencies, mut extents) = (Vec::new(), Vec::new());
    for (some, made) in tasks.join_all().await {
        latencies.extend(some);
        extents.extend(made);
    }
    let taken = begun.elapsed();
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{what}: {:.0} a second; p50 {:.1?}, p99 {:.1?}, longest {:.1?}",
        total as f64 / taken.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    extents
}

/// One stream, against a plain file that is written, synced and read the same way.
async fn large(engine: &ObjectEngine, keys: &ContentKeys, folder: &Path) {
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    let raw = folder.join("raw");
    let (mut raw_write, mut write) = (Duration::MAX, Duration::MAX);
    let (mut raw_read, mut read) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        raw_write = raw_write.min(write_raw(&raw, &piece));
        raw_read = raw_read.min(read_raw(&raw));
        std::fs::remove_file(&raw).expect("the file is removed");
        let begun = Instant::now();
        let mut writer = engine.create(keys);
        for _ in 0..LARGE_BYTES / PIECE_BYTES {
            writer.write(piece.clone()).await.expect("it is written");
        }
        let extent = writer.finish().await.expect("it is finished").keep();
        write = write.min(begun.elapsed());
        let begun = Instant::now();
        let mut reader = engine.read(&extent, keys, 0..u64::MAX).await.expect("it is read");
        let mut length = 0;
        while let Some(part) = reader.next().await.expect("it is read") {
            length += part.len();
        }
        assert_eq!(length, LARGE_BYTES);
        read = read.min(begun.elapsed());
        engine.free(&[extent]).await.expect("it is freed");
    }
    compare("write of 1 GiB", write, raw_write);
    compare("read of 1 GiB from the page cache", read, raw_read);
}

fn compare(what: &str, engine: Duration, raw: Duration) {
    let rate = |taken: Duration| LARGE_BYTES as f64 / taken.as_secs_f64() / 1e6;
    println!(
        "{what}: {:.0} MB/s, a plain file {:.0} MB/s: {:.0} %",
        rate(engine),
        rate(raw),
        100.0 * raw.as_secs_f64() / engine.as_secs_f64()
    );
}

fn write_raw(path: &Path, piece: &[u8]) -> Duration {
    let begun = Instant::now();
    let mut file = File::create(path).expect("the file is made");
    for _ in 0..LARGE_BYTES / PIECE_BYTES {
        file.write_all(piece).expect("it is written");
    }
    file.sync_all().expect("it is synced");
    begun.elapsed()
}

fn read_raw(path: &Path) -> Duration {
    let begun = Instant::now();
    let mut file = File::open(path).expect("the file is there");
    let mut buffer = vec![0; 256 << 10];
    while file.read(&mut buffer).expect("it is read") > 0 {}
    begun.elapsed()
}

/// As a multipart upload brings it: parts of 8 MiB, ten at a time.
async fn parts(engine: &ObjectEngine, keys: &ContentKeys) {
    const PART_BYTES: usize = 8 << 20;
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    let begun = Instant::now();
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (engine, keys, piece, next) = (engine.clone(), keys.clone(), piece.clone(), Arc::clone(&next));
        tasks.spawn(async move {
            let mut extents = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < LARGE_BYTES / PART_BYTES {
                let mut writer = engine.create(&keys);
                for _ in 0..PART_BYTES / PIECE_BYTES {
                    writer.write(piece.clone()).await.expect("it is written");
                }
                extents.push(writer.finish().await.expect("it is finished").keep());
            }
            extents
        });
    }
    let extents: Vec<Extent> = tasks.join_all().await.into_iter().flatten().collect();
    let taken = begun.elapsed();
    println!("write of 1 GiB in 8 MiB parts: {:.0} MB/s", LARGE_BYTES as f64 / taken.as_secs_f64() / 1e6);
    engine.free(&extents).await.expect("they are freed");
}

/// 64 uploads at the same time, piece by piece in turns: what they take of memory.
async fn many_uploads(engine: &ObjectEngine, keys: &ContentKeys) {
    let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
    let before = resident_bytes();
    let mut writers: Vec<_> = (0..64).map(|_| engine.create(keys)).collect();
    let mut most = 0;
    for _ in 0..64 {
        for writer in &mut writers {
            writer.write(piece.clone()).await.expect("it is written");
        }
        most = most.max(resident_bytes());
    }
    drop(writers);
    println!("64 uploads: {:.1} MiB more than before", most.saturating_sub(before) as f64 / (1 << 20) as f64);
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("in pages");
    pages * std::fs::metadata("/proc/self/statm").map_or(4096, |held| held.blksize().max(4096)).min(4096)
}
