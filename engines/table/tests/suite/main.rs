//! What the engine does, seen from outside: in a folder, in memory, and on a disk that fails.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod changes;
mod crash;
mod damage;
mod disk;
mod kill;
mod model;
mod reading;
mod spaces;

use std::path::Path;

use bytes::Bytes;
use fogbank_table::{
    Direction, KeyRange, ScanLimit, Settings, SpaceId, SpaceKey, TableEngine, TableError, Write,
};

const ONE: SpaceId = SpaceId(1);
const TWO: SpaceId = SpaceId(2);

/// So that files are written and merged, and segments change, with little data.
fn small() -> Settings {
    Settings {
        cache_bytes: 1 << 20,
        memtable_bytes: 64 << 10,
        log_segment_bytes: 64 << 10,
        reserve_bytes: 1 << 20,
    }
}

fn key() -> SpaceKey {
    SpaceKey::aes_256([7; 32])
}

/// The engine in a folder, with its two spaces open.
async fn open(folder: &Path) -> TableEngine {
    let engine = TableEngine::open(folder, small()).await.unwrap();
    with_spaces(&engine).await;
    engine
}

async fn with_spaces(engine: &TableEngine) {
    engine.create_space(ONE, key()).await.unwrap();
    engine.create_space(TWO, SpaceKey::none()).await.unwrap();
}

/// Runs a test on every medium.
fn on_all<Fut: Future<Output = ()>>(test: impl Fn(TableEngine) -> Fut) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        test(open(folder.path()).await).await;
        let engine = TableEngine::in_memory();
        with_spaces(&engine).await;
        test(engine).await;
    });
}

fn put(space: SpaceId, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Write {
    Write::Put { space, key: key.into(), value: value.into() }
}

fn delete(space: SpaceId, key: impl Into<Bytes>) -> Write {
    Write::Delete { space, key: key.into() }
}

fn append(space: SpaceId, value: impl Into<Bytes>) -> Write {
    Write::Append { space, value: value.into() }
}

/// Writes under locks of all keys that are written.
async fn write(engine: &TableEngine, writes: Vec<Write>) -> Result<(), TableError> {
    let keys = writes.iter().filter_map(|write| match write {
        Write::Put { space, key, .. } | Write::Delete { space, key } => Some((*space, key.clone())),
        Write::Append { .. } => None,
    });
    let keys = keys.collect();
    engine.change(keys, |_| Ok::<_, ()>((writes, ()))).await.map(Result::unwrap)
}

async fn all(engine: &TableEngine, space: SpaceId) -> Vec<(Bytes, Bytes)> {
    let mut pairs = Vec::new();
    let mut range = KeyRange::all();
    loop {
        let limit = ScanLimit { entries: 1000, bytes: 100_000 };
        let page = engine.scan(space, &range, Direction::Forward, limit).await.unwrap();
        pairs.extend(page.pairs);
        if !page.more {
            return pairs;
        }
        range = range.beyond(&pairs.last().unwrap().0, Direction::Forward);
    }
}

/// Nothing is damaged, and everything is counted.
async fn check(engine: &TableEngine) {
    let verified = engine.verify().await.unwrap();
    assert_eq!(verified.damages, Vec::<String>::new());
}
