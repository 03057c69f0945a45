//! A full disk of the host: writers wait and lose nothing, others go on, and somebody is told.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use fogbank_block::{BlockError, Event};
use support::{KEY, MIB, can_run, ground_upon, run, text, until};

/// A file system of its own for the disks, until it is dropped.
struct Small(tempfile::TempDir);

impl Small {
    fn new(bytes: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(&["mount", "-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs", &text(folder.path())]);
        Self(folder)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[tokio::test]
async fn a_full_disk_pauses_writers_and_loses_nothing() {
    if !can_run() {
        return;
    }
    let small = Small::new(48 * MIB);
    let ground = ground_upon(small.0.path()).await;
    ground.volume("vol-1", 64 * MIB).await;
    ground.volume("vol-2", 8 * MIB).await;
    let first = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let second = ground.block.serve("vol-2", Some(&KEY), None).await.unwrap();
    let other = File::options().read(true).write(true).open(&second.path).unwrap();
    other.write_all_at(&[1; 4096], 0).unwrap();
    other.sync_all().unwrap();
    let ballast = small.0.path().join("ballast");
    fs::write(&ballast, vec![0; 24 * MIB as usize]).unwrap();

    let path = first.path.clone();
    let writer = tokio::task::spawn_blocking(move || {
        let file = File::options().write(true).open(path).unwrap();
        for at in 0..32 {
            file.write_all_at(&vec![at as u8 + 1; MIB as usize], at * MIB).unwrap();
        }
        file.sync_all().unwrap();
    });
    let event = tokio::time::timeout(Duration::from_secs(20), ground.block.next_event()).await.unwrap();
    assert_eq!(event, Event::Full { volume: "vol-1".to_owned() });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!writer.is_finished());
    // The other volume, and questions, do not wait.
    let mut back = [0; 4096];
    std::os::unix::fs::FileExt::read_exact_at(&File::open(&second.path).unwrap(), &mut back, 0).unwrap();
    assert_eq!(back, [1; 4096]);
    assert_eq!(ground.block.served().await.unwrap().len(), 2);
    // Its device is open, so that it is in use; and what waits would be lost.
    let refused = ground.block.unserve("vol-1", false).await.unwrap_err();
    assert!(matches!(refused, BlockError::Full | BlockError::Busy(_)), "{refused}");

    fs::remove_file(&ballast).unwrap();
    tokio::time::timeout(Duration::from_secs(20), writer).await.unwrap().unwrap();
    let mut last = ground.block.next_event().await;
    // It may go on for a moment and wait again.
    while last != (Event::FullNoMore { volume: "vol-1".to_owned() }) {
        last = tokio::time::timeout(Duration::from_secs(5), ground.block.next_event()).await.unwrap();
    }
    let file = File::open(&first.path).unwrap();
    let mut bytes = vec![0; MIB as usize];
    for at in 0..32 {
        file.read_exact_at(&mut bytes, at * MIB).unwrap();
        assert!(bytes.iter().all(|byte| u64::from(*byte) == at + 1), "the {at}th MiB");
    }
    drop((file, other));
    until("nobody has the device open", async || ground.block.unserve("vol-1", false).await.is_ok()).await;
    ground.end().await;
}
