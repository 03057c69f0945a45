//! Disks that are full, and disks that fail.

use base::Ids;
use fogbank_object::limits::PACKED_BYTES_MAX;
use fogbank_object::medium::Faulty;
use fogbank_object::{EngineError, Extent, ObjectEngine};

use crate::{content, get_all, keys, open, put, small_packs};

async fn fill(engine: &ObjectEngine, length: usize) -> Vec<Extent> {
    let mut kept = Vec::new();
    loop {
        match engine.put(&keys(), content(kept.len() as u64, length)).await {
            Ok(draft) => kept.push(draft.keep()),
            Err(EngineError::DiskFull) => return kept,
            Err(other) => panic!("a full disk is told as one: {other}"),
        }
        assert!(kept.len() < 100_000, "the disk becomes full");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_content_keeps_what_it_has_and_takes_more_when_there_is_room() {
    for length in [1000, PACKED_BYTES_MAX + 1] {
        let disk = Faulty::new();
        let engine = open(&disk);
        // Room for frees is reserved now.
        engine.settle().await;
        disk.set_capacity(Some(4_500_000));
        let mut kept = fill(&engine, length).await;
        assert!(kept.len() > 5, "{} of {length} fit", kept.len());
        for _ in 0..3 {
            let refused = engine.put(&keys(), content(1, length)).await;
            assert!(matches!(refused, Err(EngineError::DiskFull)), "{refused:?}");
        }
        for (nth, extent) in kept.iter().enumerate() {
            assert!(get_all(&engine, extent).await.unwrap() == content(nth as u64, length));
        }
        assert_eq!(engine.check_all(|_| {}).unwrap().damages, 0);
        engine.free(&kept.split_off(kept.len() / 2)).await.unwrap();
        engine.settle().await;
        let more = fill(&engine, length).await;
        assert!(!more.is_empty(), "what was freed is used again");
        drop(engine);
        disk.set_capacity(None);
        let engine = open(&disk);
        for (nth, extent) in kept.iter().enumerate() {
            assert!(get_all(&engine, extent).await.unwrap() == content(nth as u64, length));
        }
        assert_eq!(engine.check_all(|_| {}).unwrap().damages, 0);
        put(&engine, &content(1, length)).await;
    }
}

#[tokio::test]
async fn an_upload_that_finds_the_disk_full_leaves_nothing() {
    let disk = Faulty::new();
    let engine = open(&disk);
    engine.settle().await;
    let before = disk.used_bytes();
    disk.set_capacity(Some(before + 1_000_000));
    let mut writer = engine.create(&keys());
    let failed = loop {
        if let Err(error) = writer.write(content(1, 100_000)).await {
            break error;
        }
    };
    assert!(matches!(failed, EngineError::DiskFull), "{failed}");
    assert!(matches!(writer.write(content(1, 1)).await, Err(EngineError::Abandoned)));
    assert!(matches!(writer.finish().await, Err(EngineError::Abandoned)));
    assert_eq!(disk.used_bytes(), before);
    put(&engine, &content(1, 500_000)).await;
}

#[tokio::test]
async fn what_a_failing_sync_may_have_lost_is_never_acknowledged() {
    let disk = Faulty::new();
    let engine = open(&disk);
    let before = put(&engine, &content(1, 1000)).await;
    disk.break_sync(true);
    for length in [1000, PACKED_BYTES_MAX + 1] {
        let refused = engine.put(&keys(), content(2, length)).await;
        assert!(matches!(refused, Err(EngineError::Io(_))), "{refused:?}");
    }
    assert!(matches!(engine.free(std::slice::from_ref(&before)).await, Err(EngineError::Io(_))));
    disk.break_sync(false);
    assert!(get_all(&engine, &before).await.unwrap() == content(1, 1000));
    let mut kept = Vec::new();
    for length in [1000, PACKED_BYTES_MAX + 1] {
        kept.push((put(&engine, &content(3, length)).await, content(3, length)));
    }
    let disk = disk.after_power_loss(&Ids::seeded(1));
    drop(engine);
    let engine = open(&disk);
    for (extent, bytes) in &kept {
        assert!(get_all(&engine, extent).await.unwrap() == *bytes, "{extent}");
    }
    // Whether it was freed is open, since that was answered with an error; it is not damaged in any case.
    match get_all(&engine, &before).await {
        Ok(read) => assert!(read == content(1, 1000)),
        Err(EngineError::NotFound) => {}
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_small_objects_give_their_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let engine =
        ObjectEngine::open(folder.path(), Ids::system(), fogbank_object::Options::default()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..100_u64 {
        let engine = engine.clone();
        tasks.spawn(async move {
            let mut extents = Vec::new();
            for nth in 0..100 {
                extents.push(put(&engine, &content(task * 100 + nth, 4096)).await);
            }
            extents
        });
    }
    let mut extents: Vec<Extent> = tasks.join_all().await.into_iter().flatten().collect();
    assert_eq!(extents.len(), 10_000);
    let full = blocks_of(folder.path());
    assert!(full > 10_000 * 4096, "{full} bytes on disk");
    // In no order: neighbours are joined whenever both are free.
    extents.sort_by_key(|extent| crc32c::crc32c(format!("{extent}").as_bytes()));
    for extents in extents.chunks(777) {
        engine.free(extents).await.unwrap();
    }
    engine.settle().await;
    // What is left: the room reserved for the lot that is written to, and the journal.
    let left = blocks_of(folder.path());
    assert!(left < 18 << 20, "{left} bytes of {full} are left");
    assert_eq!(engine.usage().live_bytes, 0);
    drop(engine);
    let left = blocks_of(folder.path());
    assert!(left < 3 << 20, "{left} bytes are left after closing");
}

#[tokio::test]
async fn packs_that_are_free_are_removed_but_for_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let engine = ObjectEngine::open(folder.path(), Ids::system(), small_packs()).unwrap();
    let mut extents = Vec::new();
    for nth in 0..30 {
        extents.push(put(&engine, &content(nth, 200_000)).await);
    }
    let packs = engine.usage().packs;
    assert!(packs >= 6, "{packs} packs");
    engine.free(&extents).await.unwrap();
    engine.settle().await;
    assert_eq!(engine.usage().packs, 1);
    drop(engine);
    let engine = ObjectEngine::open(folder.path(), Ids::system(), small_packs()).unwrap();
    let extent = put(&engine, &content(1, 100)).await;
    let expected = fogbank_object::Place::Pack { pack: packs as u32 + 1, offset: 16 };
    assert_eq!(extent.place, expected, "no number is used twice");
    engine.settle().await;
    assert_eq!(engine.usage().packs, 1, "the one before has gone");
}

fn blocks_of(folder: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).unwrap();
    let files = entries.map(|entry| entry.unwrap().metadata().unwrap()).filter(std::fs::Metadata::is_file);
    files.map(|held| held.blocks() * 512).sum()
}
