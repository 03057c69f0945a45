//! What snapshots, volumes and copies share, and the moment they are of.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fogbank_block::store::{SnapshotState, StoreError};

use super::{BLOCK, KEY, begin, content, restored, room, snapshot, snapshot_content, store, volume};

fn own_bytes(store: &fogbank_block::store::Store, id: &str) -> u64 {
    match store.snapshot_state(id).unwrap() {
        SnapshotState::Completed { own_bytes, .. } => own_bytes,
        other => panic!("{id}: {other:?}"),
    }
}

#[test]
fn a_snapshot_takes_only_what_changed_since_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 64 * BLOCK);
    volume.write_at(0, &vec![5; 20 * BLOCK as usize]).unwrap();
    snapshot(&store, &volume, "snap-1");
    let blocks = || room_of_blocks(folder.path());
    let first = blocks();
    assert_eq!((own_bytes(&store, "snap-1"), first), (20 * BLOCK, 20 * BLOCK));
    volume.write_at(3 * BLOCK + 17, b"a few bytes").unwrap();
    // Written again, and the same: no change.
    volume.write_at(5 * BLOCK, &[5; 4096]).unwrap();
    volume.discard(7 * BLOCK, BLOCK).unwrap();
    snapshot(&store, &volume, "snap-2");
    assert_eq!((own_bytes(&store, "snap-2"), blocks() - first), (BLOCK, BLOCK));
    snapshot(&store, &volume, "snap-3");
    assert_eq!((own_bytes(&store, "snap-3"), blocks() - first), (0, BLOCK));
    // What two of them name has the same name in both.
    let names = |id: &str| store.blocks(id, 0, 100).unwrap();
    let (one, two) = (names("snap-1"), names("snap-2"));
    let changed: Vec<u64> = (0..64).filter(|block| one.get(block) != two.get(block)).collect();
    assert_eq!(changed, [3, 7]);
    assert_eq!(two, names("snap-3"));

    // The middle one goes, and what the first alone had.
    let three = snapshot_content(&store, "snap-3", 64 * BLOCK as usize);
    store.remove_snapshot("snap-2").unwrap();
    assert_eq!(blocks(), 21 * BLOCK);
    store.remove_snapshot("snap-1").unwrap();
    assert_eq!(blocks(), 19 * BLOCK);
    assert!(snapshot_content(&store, "snap-3", 64 * BLOCK as usize) == three);

    // A volume made from it shares its blocks, also when the snapshot is gone, and so do its own snapshots.
    let other = restored(&store, "vol-2", 80 * BLOCK, "snap-3");
    store.remove_snapshot("snap-3").unwrap();
    assert_eq!(blocks(), 19 * BLOCK);
    other.write_at(70 * BLOCK, &[1]).unwrap();
    snapshot(&store, &other, "snap-4");
    assert_eq!((own_bytes(&store, "snap-4"), blocks()), (BLOCK, 20 * BLOCK));
    assert!(content(&other)[..64 * BLOCK as usize] == three);
    drop(other);
    store.remove_volume("vol-2").unwrap();
    assert!(snapshot_content(&store, "snap-4", 64 * BLOCK as usize) == three);
    store.remove_snapshot("snap-4").unwrap();
    assert_eq!(blocks(), 0);
    // The lineage is empty, so all that the volume has is copied.
    snapshot(&store, &volume, "snap-5");
    assert_eq!(own_bytes(&store, "snap-5"), 19 * BLOCK);
}

/// Without what a file system counts besides for a file of many extents (ext4: 4 KiB).
fn room_of_blocks(folder: &Path) -> u64 {
    room(&folder.join("snapshots/segments")) / BLOCK * BLOCK
}

#[test]
fn what_is_never_written_and_what_is_given_back_takes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 1 << 40);
    let used = || room(&folder.path().join("zones"));
    let empty = used();
    assert!(empty < 64 << 10, "{empty}");
    volume.write_at((1 << 39) + 5, &vec![1; 4 * BLOCK as usize]).unwrap();
    assert!(used() - empty >= 4 * BLOCK);
    volume.discard(1 << 39, 5 * BLOCK).unwrap();
    assert!(used() - empty < 64 << 10);
    let mut read = vec![1; 5 * BLOCK as usize];
    volume.read_at(1 << 39, &mut read).unwrap();
    assert!(read.iter().all(|byte| *byte == 0));
}

#[test]
fn a_copy_under_the_same_key_shares_blocks_and_under_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 8 * BLOCK);
    volume.write_at(BLOCK, &vec![5; 2 * BLOCK as usize]).unwrap();
    snapshot(&store, &volume, "snap-1");
    let blocks = || room_of_blocks(folder.path());
    let other = [9; 32];
    store.copy_snapshot(("snap-1", Some(&KEY)), ("snap-2", Some(&KEY))).unwrap();
    assert_eq!(blocks(), 2 * BLOCK);
    store.copy_snapshot(("snap-1", Some(&KEY)), ("snap-3", Some(&other))).unwrap();
    store.copy_snapshot(("snap-1", Some(&KEY)), ("snap-3", Some(&other))).unwrap();
    assert_eq!(blocks(), 4 * BLOCK);
    store.copy_snapshot(("snap-1", Some(&KEY)), ("snap-4", None)).unwrap();
    let wrong = store.copy_snapshot(("snap-1", None), ("snap-5", None));
    assert!(matches!(wrong, Err(StoreError::Key(_))), "{wrong:?}");
    store.remove_snapshot("snap-1").unwrap();
    for (id, key) in [("snap-2", Some(&KEY)), ("snap-3", Some(&other)), ("snap-4", None)] {
        assert_eq!(store.block(id, key, 0).unwrap(), None);
        assert_eq!(store.block(id, key, 1).unwrap(), Some(vec![5; BLOCK as usize]));
        let wrong = store.block(id, Some(&[1; 32]), 1);
        assert!(matches!(wrong, Err(StoreError::Key(_))), "{wrong:?}");
    }
    let wrong = store.open_volume("vol-1", None);
    assert!(matches!(wrong.map(drop), Err(StoreError::Key(_))));
}

#[test]
fn nothing_on_disk_is_readable() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 2 * BLOCK);
    let secret = b"on little cat feet";
    volume.write_at(100, secret).unwrap();
    snapshot(&store, &volume, "snap-1");
    drop(volume);
    fn search(folder: &std::path::Path, word: &[u8], files: &mut usize) {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.metadata().unwrap().is_dir() {
                search(&entry.path(), word, files);
            } else {
                *files += 1;
                let bytes = std::fs::read(entry.path()).unwrap();
                assert!(!bytes.windows(word.len()).any(|window| window == word), "{:?}", entry.path());
            }
        }
    }
    let mut files = 0;
    search(folder.path(), secret, &mut files);
    search(folder.path(), &KEY, &mut files);
    assert!(files > 10);
}

/// Two volumes are written to in turns, the second after the first: in no moment is the second ahead. All pages of a
/// volume are written to in turns as well, so in one moment they differ by one at most.
#[test]
fn a_snapshot_is_of_one_moment_over_two_volumes_while_writers_go_on() {
    const PAGES: u64 = 24;
    const STRIDE: u64 = 3 * BLOCK / 4;
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volumes = [volume(&store, "vol-1", 20 * BLOCK), volume(&store, "vol-2", 20 * BLOCK)];
    let stop = AtomicBool::new(false);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes[..8].try_into().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for count in 0u64.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let mut page = vec![0xee; 4096];
                page[..8].copy_from_slice(&count.to_le_bytes());
                for volume in &volumes {
                    volume.write_at(count % PAGES * STRIDE / 4096 * 4096, &page).unwrap();
                }
            }
        });
        for round in 0..12 {
            let ids = [format!("snap-{round}a"), format!("snap-{round}b")];
            let pairs: Vec<_> = volumes
                .iter()
                .zip(&ids)
                .map(|(volume, id)| (volume.clone(), id.clone(), Some(KEY)))
                .collect();
            store.snapshot_begin(&pairs).unwrap();
            // Every other time the next one begins while this one is pending.
            if round % 2 == 1 {
                for id in &ids {
                    store.snapshot_run(id).unwrap();
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut before = 0;
    for round in 0..12 {
        let latest = ["a", "b"].map(|name| {
            let bytes = snapshot_content(&store, &format!("snap-{round}{name}"), 20 * BLOCK as usize);
            let numbers = (0..PAGES).map(|page| number(&bytes[(page * STRIDE) as usize / 4096 * 4096..]));
            let numbers: Vec<u64> = numbers.collect();
            let latest = *numbers.iter().max().unwrap();
            for (page, found) in (0..).zip(numbers) {
                let expected =
                    (latest.saturating_sub(PAGES - 1)..=latest).find(|count| count % PAGES == page);
                assert_eq!(found, expected.unwrap_or(0), "round {round}{name}, page {page} of {latest}");
            }
            latest
        });
        assert!(latest[0] == latest[1] || latest[0] == latest[1] + 1, "{latest:?}");
        assert!(latest[0] >= before);
        before = latest[0];
    }
    assert!(before > PAGES, "the writer went on: {before}");
}

#[test]
fn a_snapshot_of_an_unchanged_volume_is_quick() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 10 << 30);
    // A sector of every sixteenth block: to write all of it takes the tests too long.
    for block in 0..(10 << 30) / BLOCK / 16 {
        volume.write_at(block * 16 * BLOCK, &[1; 4096]).unwrap();
    }
    snapshot(&store, &volume, "snap-1");
    let start = Instant::now();
    begin(&store, &volume, "snap-2");
    assert!(start.elapsed() < Duration::from_secs(1));
    store.snapshot_run("snap-2").unwrap();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(own_bytes(&store, "snap-2"), 0);
}
