//! Freeing: what is free is gone, once and for all, and nobody who reads something else notices.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::Ids;
use fogbank_object::medium::Faulty;
use fogbank_object::{EngineError, Extent, ObjectEngine};

use crate::{content, get_all, keys, lengths, on_all, open, put, small_packs};

#[test]
fn what_is_free_is_not_found_and_may_be_freed_again() {
    on_all(async |engine| {
        let mut extents = Vec::new();
        for length in lengths() {
            extents.push(put(&engine, &content(1, length)).await);
        }
        let other = put(&engine, &content(2, 100)).await;
        let before = engine.usage();
        for _ in 0..2 {
            engine.free(&extents).await.unwrap();
            for extent in &extents {
                assert!(matches!(get_all(&engine, extent).await, Err(EngineError::NotFound)), "{extent}");
                assert!(matches!(engine.verify(extent).await, Err(EngineError::NotFound)));
            }
        }
        engine.settle().await;
        let usage = engine.usage();
        assert_eq!((before.files, usage.files), (1, 0));
        assert!(usage.live_bytes < 300, "{usage:?}");
        assert!(get_all(&engine, &other).await.unwrap() == content(2, 100));
    });
}

#[test]
fn a_draft_that_is_not_kept_goes() {
    on_all(async |engine| {
        for length in lengths() {
            let draft = engine.put(&keys(), content(1, length)).await.unwrap();
            let extent = draft.extent().clone();
            assert!(get_all(&engine, &extent).await.is_ok());
            drop(draft);
            for attempt in 0.. {
                match get_all(&engine, &extent).await {
                    Err(EngineError::NotFound) => break,
                    Err(other) => panic!("{other}"),
                    Ok(_) => assert!(attempt < 500, "it goes within five seconds"),
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    });
}

#[test]
fn a_put_that_nobody_waits_for_leaves_nothing() {
    on_all(async |engine| {
        for _ in 0..50 {
            let keys = keys();
            // Polled once, which hands it in, and dropped.
            drop(futures_util::FutureExt::now_or_never(engine.put(&keys, content(1, 1000))));
        }
        // All that came before is committed with this, and freed before that.
        let last = put(&engine, &content(2, 1000)).await;
        for _ in 0..500 {
            if engine.usage().live_bytes < 1200 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert!(engine.usage().live_bytes < 1200, "{:?}", engine.usage());
        assert!(get_all(&engine, &last).await.is_ok());
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_what_is_freed_meanwhile_get_all_of_it_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = ObjectEngine::open(folder.path(), Ids::system(), small_packs()).unwrap();
    let mut extents = Vec::new();
    for nth in 0..200 {
        let length = if nth % 20 == 0 { 1_000_000 } else { 20_000 };
        extents.push(put(&engine, &content(nth, length)).await);
    }
    let extents = Arc::new(extents);
    let stop = Arc::new(AtomicBool::new(false));
    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..4 {
        let (engine, extents, stop) = (engine.clone(), Arc::clone(&extents), Arc::clone(&stop));
        readers.spawn(async move {
            let (chance, mut gone) = (Ids::seeded(reader), 0);
            while !stop.load(Ordering::Relaxed) {
                let which = chance.below(extents.len() as u64) as usize;
                match get_all(&engine, &extents[which]).await {
                    Ok(read) => assert!(read == content(which as u64, extents[which].length as usize)),
                    Err(EngineError::NotFound) => gone += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            gone
        });
    }
    for extents in extents.chunks(7) {
        engine.free(extents).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    engine.settle().await;
    stop.store(true, Ordering::Relaxed);
    assert!(readers.join_all().await.into_iter().sum::<u32>() > 0);
    assert_eq!(engine.usage().live_bytes, 0);
}

#[tokio::test]
async fn a_reader_that_has_begun_reads_to_the_end() {
    let disk = Faulty::new();
    let engine = open(&disk);
    for length in lengths() {
        let bytes = content(1, length);
        let extent = put(&engine, &bytes).await;
        let mut reader = engine.read(&extent, &keys(), 0..u64::MAX).await.unwrap();
        engine.free(&[extent]).await.unwrap();
        engine.settle().await;
        let mut read = Vec::new();
        while let Some(part) = reader.next().await.unwrap() {
            read.extend_from_slice(&part);
        }
        assert!(read == bytes, "{length}");
    }
}

#[tokio::test]
async fn a_long_journal_is_written_anew_and_says_the_same() {
    let disk = Faulty::new();
    let journal_bytes = || {
        let names = disk.names().into_iter().filter(|name| name.starts_with("freed-"));
        names
            .map(|name| (disk.content(&name).iter().rposition(|byte| *byte != 0).unwrap_or(0), name))
            .collect()
    };
    let engine = crate::try_open(&disk, &Ids::seeded(1), crate::small_everything()).unwrap();
    let mut kept = Vec::new();
    for nth in 0..100 {
        let freed: Vec<Extent> =
            vec![put(&engine, &content(nth, 300)).await, put(&engine, &content(nth, 10)).await];
        kept.push(put(&engine, &content(nth, 200)).await);
        engine.free(&freed).await.unwrap();
        engine.settle().await;
    }
    let long: Vec<(usize, String)> = journal_bytes();
    // A hundred pairs of neighbours are a hundred ranges of twelve bytes.
    let bytes: usize = long.iter().map(|(bytes, _)| bytes).sum();
    assert!(bytes < 3 * 1200 + 1000, "{long:?}");
    let usage = engine.usage();
    drop(engine);
    let engine = crate::try_open(&disk, &Ids::seeded(1), crate::small_everything()).unwrap();
    assert_eq!(engine.usage().live_bytes, usage.live_bytes);
    for (nth, extent) in kept.iter().enumerate() {
        assert!(get_all(&engine, extent).await.unwrap() == content(nth as u64, 200));
    }
}
