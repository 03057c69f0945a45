//! What the engine does, seen from outside: in a folder, in memory, and on a disk that fails.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod content;
mod crash;
mod damage;
mod disk;
mod freeing;
mod model;
mod sweep;

use std::sync::Arc;

use base::Ids;
use blobs::Blobs;
use bytes::Bytes;
use fogbank_object::limits::{PACK_BYTES_MIN, PACKED_BYTES_MAX};
use fogbank_object::medium::Faulty;
use fogbank_object::{ContentKey, ContentKeys, EngineError, Extent, ObjectEngine, Options};

fn small_packs() -> Options {
    Options { pack_bytes_max: PACK_BYTES_MIN, ..Options::default() }
}

/// Large content begins early, so that tests need little of it.
const LARGE: usize = 3000;

fn small_everything() -> Options {
    Options { packed_bytes_max: LARGE, journal_bytes_max: 500, ..small_packs() }
}

fn try_open(disk: &Faulty, ids: &Ids, options: Options) -> Result<ObjectEngine, EngineError> {
    let blobs = Blobs::on(Arc::new(disk.clone()), ids.clone());
    ObjectEngine::on(Arc::new(disk.clone()), blobs, ids, options)
}

fn open(disk: &Faulty) -> ObjectEngine {
    try_open(disk, &Ids::system(), small_packs()).unwrap()
}

fn keys() -> ContentKeys {
    ContentKeys::one(ContentKey::new([1; 32]))
}

fn two_keys() -> ContentKeys {
    ContentKeys::two(ContentKey::new([1; 32]), ContentKey::new([2; 32]))
}

/// Bytes that differ from their neighbours.
fn content(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    Ids::seeded(seed).fill(&mut bytes);
    bytes.into()
}

async fn put(engine: &ObjectEngine, bytes: &Bytes) -> Extent {
    engine.put(&keys(), bytes.clone()).await.unwrap().keep()
}

/// What could be read before it ended, and how it ended.
async fn get(
    engine: &ObjectEngine,
    extent: &Extent,
    keys: &ContentKeys,
    range: std::ops::Range<u64>,
) -> Result<Bytes, EngineError> {
    let mut reader = engine.read(extent, keys, range).await?;
    let mut read = Vec::new();
    while let Some(part) = reader.next().await? {
        assert!(!part.is_empty(), "a part has something in it");
        read.extend_from_slice(&part);
    }
    assert!(reader.next().await.unwrap().is_none(), "the end stays the end");
    Ok(read.into())
}

async fn get_all(engine: &ObjectEngine, extent: &Extent) -> Result<Bytes, EngineError> {
    get(engine, extent, &keys(), 0..u64::MAX).await
}

/// One that is packed, one of several chunks, and one with a file.
fn lengths() -> [usize; 4] {
    [0, 100, PACKED_BYTES_MAX, PACKED_BYTES_MAX + 1]
}

/// Runs a test on every medium.
fn on_all<Fut: Future<Output = ()>>(test: impl Fn(ObjectEngine) -> Fut) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let engine = ObjectEngine::open(&folder.path().join("objects"), Ids::seeded(1), small_packs()).unwrap();
    runtime.block_on(test(engine));
    runtime.block_on(test(ObjectEngine::in_memory(Ids::seeded(1))));
    runtime.block_on(test(open(&Faulty::new())));
}
