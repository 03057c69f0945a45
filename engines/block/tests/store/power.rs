//! Power cuts: an image of the folder is opened as after another start of the host, where what was not synced may be
//! there or not. The image has the data that was not synced, and the map that was: the worst of both.

use fogbank_block::store::SnapshotState;

use super::{
    BLOCK, KEY, begin, content, image, restored, snapshot, snapshot_content, store, store_after, volume,
};

const NEXT_BOOT: [u8; 16] = [2; 16];

#[test]
fn after_a_power_cut_the_map_vouches_for_synced_data_only() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let source = volume(&first, "vol-1", 8 * BLOCK);
    source.write_at(0, &vec![1; 8 * BLOCK as usize]).unwrap();
    snapshot(&first, &source, "snap-1");
    for base in [true, false] {
        let id = format!("vol-2{base}");
        let other =
            if base { restored(&first, &id, 8 * BLOCK, "snap-1") } else { volume(&first, &id, 8 * BLOCK) };
        let old = u8::from(base);
        other.write_at(BLOCK, &[2; 4096]).unwrap();
        other.discard(2 * BLOCK, BLOCK).unwrap();
        other.sync().unwrap();
        // Not synced: a part of a block, and a whole one.
        other.write_at(4 * BLOCK + 4096, &[3; 4096]).unwrap();
        other.write_at(5 * BLOCK, &vec![3; BLOCK as usize]).unwrap();
        let image = image(folder.path());
        let crashed = store_after(image.path(), NEXT_BOOT);
        let volume = crashed.open_volume(&id, Some(&KEY)).unwrap();
        let mut expected = vec![old; 8 * BLOCK as usize];
        expected[BLOCK as usize..BLOCK as usize + 4096].fill(2);
        expected[2 * BLOCK as usize..3 * BLOCK as usize].fill(0);
        assert!(content(&volume) == expected, "base {base}");
        // And it stays so when the blocks become its own.
        for block in [4, 5] {
            volume.write_at(block * BLOCK, &[4; 10]).unwrap();
            expected[(block * BLOCK) as usize..][..10].fill(4);
        }
        assert!(content(&volume) == expected, "base {base}");
        // The same, killed: everything is there.
        let killed = store(image_of(&folder).path());
        drop(killed);
        let image = image_of(&folder);
        let killed = store(image.path()).open_volume(&id, Some(&KEY)).unwrap();
        assert!(content(&killed) == content(&other));
    }
}

fn image_of(folder: &tempfile::TempDir) -> tempfile::TempDir {
    image(folder.path())
}

#[test]
fn after_a_power_cut_the_next_snapshot_has_what_the_volume_has() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let source = volume(&first, "vol-1", 4 * BLOCK);
    source.write_at(0, &vec![1; 3 * BLOCK as usize]).unwrap();
    snapshot(&first, &source, "snap-1");
    source.sync().unwrap();
    // The kernel happened to write this; the map of it was never synced.
    source.write_at(BLOCK, &[9; 4096]).unwrap();
    let image = image(folder.path());
    let crashed = store_after(image.path(), NEXT_BOOT);
    let volume = crashed.open_volume("vol-1", Some(&KEY)).unwrap();
    snapshot(&crashed, &volume, "snap-2");
    assert!(snapshot_content(&crashed, "snap-2", 4 * BLOCK as usize) == content(&volume));
    let state = crashed.snapshot_state("snap-2").unwrap();
    assert_eq!(state, SnapshotState::Completed { blocks: 3, own_bytes: BLOCK });
}

#[test]
fn a_snapshot_that_a_power_cut_met_has_failed_and_one_that_a_kill_met_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path());
    let source = volume(&first, "vol-1", 4 * BLOCK);
    source.write_at(0, &vec![1; 3 * BLOCK as usize]).unwrap();
    begin(&first, &source, "snap-1");
    let then = content(&source);
    source.write_at(BLOCK, &[9; 4096]).unwrap();
    begin(&first, &source, "snap-2");
    let later = content(&source);
    source.write_at(2 * BLOCK, &[8; 4096]).unwrap();

    let image = image(folder.path());
    let killed = store(image.path());
    assert!(matches!(killed.snapshot_state("snap-1").unwrap(), SnapshotState::Pending(_)));
    killed.snapshot_run("snap-1").unwrap_err();
    let volume = killed.open_volume("vol-1", Some(&KEY)).unwrap();
    assert_eq!(volume.pending(), ["snap-1", "snap-2"]);
    killed.snapshot_run("snap-2").unwrap();
    assert!(snapshot_content(&killed, "snap-1", 4 * BLOCK as usize) == then);
    assert!(snapshot_content(&killed, "snap-2", 4 * BLOCK as usize) == later);
    drop((volume, killed));

    let image = self::image(folder.path());
    let cut = store_after(image.path(), NEXT_BOOT);
    for id in ["snap-1", "snap-2"] {
        assert!(matches!(cut.snapshot_state(id).unwrap(), SnapshotState::Failed(_)));
        cut.snapshot_run(id).unwrap_err();
    }
    let volume = cut.open_volume("vol-1", Some(&KEY)).unwrap();
    snapshot(&cut, &volume, "snap-3");
    assert!(snapshot_content(&cut, "snap-3", 4 * BLOCK as usize) == content(&volume));
    cut.remove_snapshot("snap-1").unwrap();
    assert_eq!(cut.snapshot_state("snap-1").unwrap(), SnapshotState::Absent);
}
