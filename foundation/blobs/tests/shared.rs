//! What every medium has to do: each behaviour runs in a folder and in memory.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::collections::BTreeSet;

use base::Ids;
use bytes::Bytes;
use fogbank_blobs::limits::{CHUNK_BYTES, CHUNKS_AT_ONCE};
use fogbank_blobs::{BlobError, BlobId, Blobs, SEAL_BYTES, Stored};
use futures_util::TryStreamExt;
use proptest::prelude::*;

const ROOM_BYTES: u64 = 64 * 1024 * 1024;

fn on_both<Fut: Future<Output = ()>>(behaviour: impl Fn(Blobs) -> Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(behaviour(Blobs::open(&folder.path().join("blobs"), Ids::seeded(1)).unwrap()));
    runtime.block_on(behaviour(Blobs::in_memory(Ids::seeded(1), ROOM_BYTES)));
}

fn content(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    Ids::seeded(seed).fill(&mut bytes);
    bytes.into()
}

/// Writes in parts of the given size.
async fn put(blobs: &Blobs, content: &Bytes, part_bytes: usize) -> Stored {
    let mut writer = blobs.create().await.unwrap();
    let id = writer.id();
    let mut rest = content.clone();
    while !rest.is_empty() {
        writer.write(rest.split_to(part_bytes.min(rest.len()))).await.unwrap();
    }
    let stored = writer.commit().await.unwrap();
    assert_eq!(stored.id, id);
    stored
}

async fn get(blobs: &Blobs, id: BlobId, range: std::ops::Range<u64>) -> Vec<u8> {
    let stream = blobs.read(id, range).await.unwrap().into_stream();
    let parts: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= CHUNK_BYTES));
    parts.concat()
}

/// Lengths of no, one and some chunks, up to two lots, and those around them.
fn lengths() -> impl Strategy<Value = usize> {
    let near_an_edge = (0..2 * CHUNKS_AT_ONCE, -2..=2isize)
        .prop_map(|(chunks, beside)| (chunks * CHUNK_BYTES).saturating_add_signed(beside));
    prop_oneof![3 => near_an_edge, 1 => 0..7 * CHUNK_BYTES, 1 => 0..100usize]
}

#[test]
fn what_was_written_is_read_in_any_range() {
    let case =
        (lengths(), 1..2 * CHUNK_BYTES, prop::collection::vec((lengths(), lengths()), 6), any::<u64>());
    on_both(|blobs| {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            cases: 24,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // On a thread of its own, because proptest is not async and this thread is in a runtime already.
        std::thread::scope(|scope| {
            let check = scope.spawn(|| {
                runner.run(&case, |(length, part_bytes, ranges, seed)| {
                    // Short parts of long blobs would only take long.
                    let part_bytes = part_bytes.max(length / 64).max(1);
                    runtime.block_on(check_round_trip(&blobs, &content(seed, length), part_bytes, &ranges));
                    Ok(())
                })
            });
            check.join().unwrap().unwrap();
        });
        std::future::ready(())
    });
}

async fn check_round_trip(blobs: &Blobs, content: &Bytes, part_bytes: usize, ranges: &[(usize, usize)]) {
    let stored = put(blobs, content, part_bytes).await;
    assert_eq!(stored.length, content.len() as u64);
    assert_eq!(stored.checksum, crc32c::crc32c(content));
    assert_eq!(blobs.length(stored.id).await.unwrap(), stored.length);
    assert_eq!(blobs.read(stored.id, ..).await.unwrap().stored(), stored);
    assert!(get(blobs, stored.id, 0..u64::MAX).await == *content);
    for (start, end) in ranges {
        let read = get(blobs, stored.id, *start as u64..*end as u64).await;
        let end = *end.min(&content.len());
        let start = *start.min(&end);
        assert!(read == content[start..end], "{start}..{end} of {}", content.len());
    }
    blobs.delete(stored.id).await.unwrap();
}

#[test]
fn a_blob_is_not_there_before_it_is_committed_nor_after_it_is_deleted() {
    on_both(|blobs| async move {
        let mut writer = blobs.create().await.unwrap();
        let id = writer.id();
        writer.write(content(1, 2 * CHUNK_BYTES)).await.unwrap();
        assert_missing(&blobs, id).await;
        writer.commit().await.unwrap();
        assert_eq!(blobs.length(id).await.unwrap(), 2 * CHUNK_BYTES as u64);
        assert_eq!(blobs.list(None, 10).await.unwrap(), [id]);
        blobs.delete(id).await.unwrap();
        assert_missing(&blobs, id).await;
    });
}

#[test]
fn a_writer_that_is_dropped_commits_nothing() {
    on_both(|blobs| async move {
        let mut writer = blobs.create().await.unwrap();
        let id = writer.id();
        writer.write(content(1, CHUNK_BYTES + 1)).await.unwrap();
        drop(writer);
        assert_missing(&blobs, id).await;
    });
}

async fn assert_missing(blobs: &Blobs, id: BlobId) {
    assert!(matches!(blobs.read(id, ..).await.map(drop), Err(BlobError::NotFound(missing)) if missing == id));
    assert!(matches!(blobs.length(id).await, Err(BlobError::NotFound(missing)) if missing == id));
    assert!(matches!(blobs.delete(id).await, Err(BlobError::NotFound(missing)) if missing == id));
    assert_eq!(blobs.list(None, 10).await.unwrap(), []);
}

#[test]
fn a_reader_outlives_the_delete() {
    on_both(|blobs| async move {
        let content = content(1, 2 * CHUNK_BYTES);
        let stored = put(&blobs, &content, CHUNK_BYTES).await;
        let mut reader = blobs.read(stored.id, ..).await.unwrap();
        let first = reader.next().await.unwrap().unwrap();
        blobs.delete(stored.id).await.unwrap();
        assert_eq!(reader.left_bytes(), CHUNK_BYTES as u64);
        let second = reader.next().await.unwrap().unwrap();
        assert!([first, second].concat() == content);
        assert_eq!(reader.next().await.unwrap(), None);
    });
}

#[test]
fn a_listing_pages_through_every_blob_in_order() {
    on_both(|blobs| async move {
        let mut written = BTreeSet::new();
        for number in 0..60 {
            written.insert(put(&blobs, &content(number, 3), 3).await.id);
        }
        for limit in [1, 7, 59, 60, 61, usize::MAX] {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = blobs.list(after, limit).await.unwrap();
                assert!(page.len() <= limit);
                after = page.last().copied().or(after);
                let is_last = page.len() < limit;
                listed.extend(page);
                if is_last {
                    break;
                }
            }
            assert!(listed.iter().eq(&written), "in pages of {limit}");
        }
        assert_eq!(blobs.list(None, 0).await.unwrap(), []);
    });
}

#[test]
fn blobs_are_written_side_by_side() {
    on_both(|blobs| async move {
        let contents: Vec<Bytes> = (0..8).map(|seed| content(seed, CHUNK_BYTES + 5)).collect();
        let puts = contents.iter().map(|content| put(&blobs, content, 100_000));
        let stored = futures_util::future::join_all(puts).await;
        for (content, stored) in contents.iter().zip(&stored) {
            assert!(get(&blobs, stored.id, 0..u64::MAX).await == *content);
        }
    });
}

#[test]
fn memory_that_is_full_refuses_blobs_until_one_is_deleted() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let blobs = Blobs::in_memory(Ids::seeded(1), 2 * CHUNK_BYTES as u64);
        let stored = put(&blobs, &content(1, CHUNK_BYTES), 1000).await;
        let mut writer = blobs.create().await.unwrap();
        // As much as is collected before it is written.
        let lot = content(2, CHUNKS_AT_ONCE * CHUNK_BYTES);
        assert!(matches!(writer.write(lot).await, Err(BlobError::Full)));
        assert!(matches!(writer.write(content(2, 1)).await, Err(BlobError::Abandoned)));
        assert!(matches!(writer.commit().await, Err(BlobError::Abandoned)));
        assert_eq!(blobs.list(None, 10).await.unwrap(), [stored.id]);

        blobs.delete(stored.id).await.unwrap();
        put(&blobs, &content(2, CHUNK_BYTES), 1000).await;
    });
}

#[test]
fn threads_that_may_wait_read_chunks_with_their_seals() {
    on_both(async |blobs| {
        let content = content(1, 2 * CHUNK_BYTES + 10);
        let mut sealer = blobs.blocking().create().unwrap();
        sealer.push(&content[..7]).unwrap();
        sealer.push(&content[7..]).unwrap();
        assert_eq!(sealer.length(), content.len() as u64);
        let stored = sealer.finish().unwrap();

        let blob = blobs.blocking().open(stored.id).unwrap();
        assert_eq!(blob.stored(), stored);
        let read = blob.read(1..3).unwrap();
        assert_eq!(read.len(), CHUNK_BYTES + 10 + 2 * SEAL_BYTES);
        assert!(read[..CHUNK_BYTES] == content[CHUNK_BYTES..2 * CHUNK_BYTES]);
        let last = &read[CHUNK_BYTES + SEAL_BYTES..];
        assert!(last[..10] == content[2 * CHUNK_BYTES..]);
        blob.verify(2, last).unwrap();
        assert!(matches!(blob.verify(1, last), Err(BlobError::Corrupt { .. })));
        assert!(blob.read(1..1).unwrap().is_empty());
        assert_eq!(get(&blobs, stored.id, 0..u64::MAX).await, content);
    });
}

#[test]
fn many_are_deleted_at_once_and_those_that_were_there_are_told() {
    on_both(async |blobs| {
        let mut ids = Vec::new();
        for seed in 0..5 {
            ids.push(put(&blobs, &content(seed, 10), 10).await.id);
        }
        blobs.delete(ids[1]).await.unwrap();
        assert_eq!(blobs.blocking().delete(&ids[..3]).unwrap(), [ids[0], ids[2]]);
        assert_eq!(blobs.blocking().delete(&ids[..3]).unwrap(), []);
        let mut left = ids[3..].to_vec();
        left.sort();
        assert_eq!(blobs.list(None, 10).await.unwrap(), left);
    });
}
