//! A full disk: a small tmpfs, where the tests may mount one.

use std::path::Path;
use std::process::Command;

use fogbank_block::store::StoreError;

use super::{BLOCK, KEY, begin, content, snapshot_content, store, volume};

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        Command::new("umount").arg(self.0).status().ok();
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(folder.path()).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        println!("skipped: a tmpfs cannot be mounted here");
        return;
    }
    let mounted = Mounted(folder.path());
    let ballast = folder.path().join("ballast");
    {
        let store = store(folder.path());
        let volume = volume(&store, "vol-1", 64 * BLOCK);
        let block = |fill: u8| vec![fill; BLOCK as usize];
        let mut written = 0;
        let full = loop {
            match volume.write_at(written * BLOCK, &block(written as u8 + 1)) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(full, StoreError::Full), "{full:?}");
        assert!((30..48).contains(&written), "{written}");
        let mut expected = content(&volume);
        for at in 0..written {
            assert!(expected[(at * BLOCK) as usize..((at + 1) * BLOCK) as usize] == block(at as u8 + 1));
        }
        // What was refused may have left a beginning. There is room again: the same write goes through. Half of the disk is then left to a snapshot.
        volume.discard(10 * BLOCK, (written - 9) * BLOCK).unwrap();
        volume.write_at(10 * BLOCK, &block(77)).unwrap();
        expected[10 * BLOCK as usize..].fill(0);
        expected[10 * BLOCK as usize..11 * BLOCK as usize].fill(77);
        volume.sync().unwrap();
        begin(&store, &volume, "snap-1");
        let rest = rustix::fs::statvfs(folder.path()).unwrap();
        std::fs::write(&ballast, vec![0; (rest.f_bavail * rest.f_frsize - 3 * BLOCK) as usize]).unwrap();
        let full = store.snapshot_run("snap-1").unwrap_err();
        assert!(matches!(full, StoreError::Full), "{full:?}");
        // What would write over a block that the snapshot needs cannot either, and changes nothing.
        let full = volume.write_at(8 * BLOCK, &[9; 4096]).unwrap_err();
        assert!(matches!(full, StoreError::Full), "{full:?}");
        assert!(content(&volume) == expected);
        std::fs::remove_file(&ballast).unwrap();
        volume.write_at(8 * BLOCK, &[9; 4096]).unwrap();
        store.snapshot_run("snap-1").unwrap();
        assert!(snapshot_content(&store, "snap-1", 64 * BLOCK as usize) == expected);
        expected[8 * BLOCK as usize..8 * BLOCK as usize + 4096].fill(9);
        drop(volume);
        let volume = store.open_volume("vol-1", Some(&KEY)).unwrap();
        assert!(content(&volume) == expected);
    }
    drop(mounted);
}
