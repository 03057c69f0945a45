//! Damage is found, named, and never returned.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fogbank_block::store::{SnapshotState, StoreError};

use super::{BLOCK, KEY, restored, snapshot, store, volume};

fn only_file(folder: PathBuf) -> PathBuf {
    let mut files = std::fs::read_dir(folder).unwrap();
    let file = files.next().unwrap().unwrap().path();
    assert!(files.next().is_none());
    file
}

fn flip(path: &Path, at: u64) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_flipped_byte_and_blocks_in_each_others_places_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let source = volume(&first, "vol-1", 4 * BLOCK);
    for block in 0..4 {
        source.write_at(block * BLOCK, &vec![block as u8 + 1; BLOCK as usize]).unwrap();
    }
    snapshot(&first, &source, "snap-1");
    let other = restored(&first, "vol-2", 4 * BLOCK, "snap-1");
    let segment = only_file(folder.path().join("snapshots/segments"));
    let damaged = |numbers: &[u64]| {
        let store = store(folder.path());
        for block in 0..4 {
            let read = store.block("snap-1", Some(&KEY), block);
            match read {
                Err(StoreError::Damaged { snapshot, block: named }) => {
                    assert!(numbers.contains(&block) && snapshot == "snap-1" && named == block);
                }
                read => assert!(!numbers.contains(&block) && read.unwrap().is_some()),
            }
        }
        let found = store.verify(&mut |_, _| ()).unwrap().damaged;
        let of = |id: &str| found.iter().filter(|(owner, _)| owner == id).map(|(_, block)| *block).collect();
        let (snapshot, volume): (Vec<u64>, Vec<u64>) = (of("snap-1"), of("vol-2"));
        assert_eq!((&snapshot[..], &volume[..]), (numbers, numbers));
    };
    damaged(&[]);
    // Two copiers wrote the blocks, so which one is first is chance.
    flip(&segment, 2 * BLOCK + 70);
    let rotten = (0..4).find(|block| first.block("snap-1", Some(&KEY), *block).is_err()).unwrap();
    damaged(&[rotten]);
    let read = other.read_at(rotten * BLOCK, &mut [0; 10]);
    assert!(
        matches!(read, Err(StoreError::Damaged { snapshot, block }) if snapshot == "snap-1" && block == rotten)
    );
    flip(&segment, 2 * BLOCK + 70);
    damaged(&[]);
    let file = std::fs::File::options().read(true).write(true).open(&segment).unwrap();
    let mut blocks = [vec![0; BLOCK as usize], vec![0; BLOCK as usize]];
    file.read_exact_at(&mut blocks[0], 0).unwrap();
    file.read_exact_at(&mut blocks[1], BLOCK).unwrap();
    file.write_all_at(&blocks[1], 0).unwrap();
    file.write_all_at(&blocks[0], BLOCK).unwrap();
    let swapped: Vec<u64> =
        (0..4).filter(|block| first.block("snap-1", Some(&KEY), *block).is_err()).collect();
    assert_eq!(swapped.len(), 2);
    damaged(&swapped);
    std::fs::remove_file(segment).unwrap();
    damaged(&[0, 1, 2, 3]);
}

#[test]
fn a_damaged_table_is_refused_and_nothing_is_given_back_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let source = volume(&first, "vol-1", 2 * BLOCK);
    source.write_at(0, &[1; 4096]).unwrap();
    snapshot(&first, &source, "snap-1");
    let table = folder.path().join("snapshots/tables/snap-1/table");
    flip(&table, 13);
    let again = store(folder.path());
    assert!(matches!(again.block("snap-1", Some(&KEY), 0), Err(StoreError::Broken(_))));
    assert_eq!(again.verify(&mut |_, _| ()).unwrap().broken, ["snap-1"]);
    flip(&table, 13);
    assert!(again.block("snap-1", Some(&KEY), 0).unwrap().is_some());
    // A zone that is lost takes volumes with it, and no snapshots.
    drop((source, first));
    std::fs::remove_dir_all(folder.path().join("zones/a")).unwrap();
    let again = store(folder.path());
    assert_eq!(again.kept().unwrap(), (vec![], vec!["snap-1".to_owned()]));
    assert!(again.block("snap-1", Some(&KEY), 0).unwrap().is_some());
    assert!(matches!(again.snapshot_state("snap-1").unwrap(), SnapshotState::Completed { .. }));
}
