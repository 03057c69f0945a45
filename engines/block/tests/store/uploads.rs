//! Snapshots that are written block by block.

use fogbank_block::store::{SnapshotState, StoreError, UploadSpec};

use super::{BLOCK, KEY, image, room, snapshot, store, store_after, volume};

#[test]
fn an_upload_is_its_parent_with_the_blocks_that_were_put() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let volume = volume(&store, "vol-1", 4 * BLOCK);
    volume.write_at(0, &vec![5; 3 * BLOCK as usize]).unwrap();
    snapshot(&store, &volume, "snap-1");
    let key = [3; 32];
    let parent = Some(("snap-1".to_owned(), Some(KEY)));
    let spec = UploadSpec { id: "snap-2".into(), volume_bytes: 6 * BLOCK, key: Some(key), parent };
    store.start_upload(&spec).unwrap();
    store.start_upload(&spec).unwrap();
    assert_eq!(store.snapshot_state("snap-2").unwrap(), SnapshotState::Pending(0));
    let block = |fill: u8| vec![fill; BLOCK as usize];
    store.put_block("snap-2", Some(&key), 1, &block(6)).unwrap();
    store.put_block("snap-2", Some(&key), 1, &block(7)).unwrap();
    store.put_block("snap-2", Some(&key), 2, &block(0)).unwrap();
    store.put_block("snap-2", Some(&key), 5, &block(8)).unwrap();
    for (wrong, bytes) in
        [((Some(&KEY), 1), block(1)), ((Some(&key), 6), block(1)), ((Some(&key), 1), vec![1; 9])]
    {
        store.put_block("snap-2", wrong.0, wrong.1, &bytes).unwrap_err();
    }
    store.remove_snapshot("snap-1").unwrap();
    // Also after a power cut: every block that was answered is there.
    let crashed = image(folder.path());
    let crashed = store_after(crashed.path(), [2; 16]);
    for store in [&store, &crashed] {
        assert!(matches!(store.block("snap-2", Some(&key), 1), Err(StoreError::Absent(_))));
        store.complete_upload("snap-2").unwrap();
        store.complete_upload("snap-2").unwrap();
        let read = |number| store.block("snap-2", Some(&key), number).unwrap();
        assert_eq!(read(0), Some(block(5)));
        assert_eq!(read(1), Some(block(7)));
        assert_eq!((read(2), read(3), read(4)), (None, None, None));
        assert_eq!(read(5), Some(block(8)));
        assert_eq!(read(99), None);
        assert!(matches!(store.put_block("snap-2", Some(&key), 1, &block(1)), Err(StoreError::Invalid(_))));
        assert_eq!(store.blocks("snap-2", 1, 1).unwrap().into_keys().collect::<Vec<_>>(), [1]);
    }
    store.remove_snapshot("snap-2").unwrap();
    assert_eq!(room(&folder.path().join("snapshots/segments")), 0);
}
