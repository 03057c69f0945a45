//! Full disks, other processes, other versions.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use fogbank_table::{Settings, TableEngine, TableError};
use medium::Faulty;

use crate::{ONE, TWO, all, append, check, delete, open, put, small, with_spaces, write};

#[tokio::test]
async fn a_full_disk_refuses_puts_while_reads_and_deletes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk.clone()), small()).unwrap();
    with_spaces(&engine).await;
    write(&engine, vec![put(ONE, "a", "1"), put(ONE, "b", "2"), put(TWO, "c", "3")]).await.unwrap();
    disk.set_room_bytes(Some(small().reserve_bytes - 1));
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    assert!(matches!(write(&engine, vec![put(ONE, "d", "4")]).await, Err(TableError::Full)));
    assert!(matches!(write(&engine, vec![append(ONE, "4")]).await, Err(TableError::Full)));
    assert!(matches!(
        write(&engine, vec![delete(ONE, "a"), put(ONE, "d", "4")]).await,
        Err(TableError::Full)
    ));
    assert_eq!(engine.get(ONE, b"a").await.unwrap().unwrap(), "1");
    write(&engine, vec![delete(ONE, "a"), append(TWO, "deleted a")]).await.unwrap();
    engine.drop_space(ONE).await.unwrap();
    engine.settle().await;
    disk.set_room_bytes(None);
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    write(&engine, vec![put(TWO, "d", "4")]).await.unwrap();
    assert_eq!(all(&engine, TWO).await.len(), 3);
    check(&engine).await;
}

#[tokio::test]
async fn a_full_disk_that_cannot_hold_another_segment_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let settings = Settings { reserve_bytes: 0, ..small() };
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk.clone()), settings.clone()).unwrap();
    with_spaces(&engine).await;
    disk.set_room_bytes(Some(0));
    let mut kept = 0;
    while write(&engine, vec![put(ONE, format!("{kept:04}"), vec![0; 1000])]).await.is_ok() {
        kept += 1;
    }
    assert!(kept > 10, "{kept}");
    let more = write(&engine, vec![put(ONE, "more", vec![0; 1000])]).await;
    assert!(matches!(more, Err(TableError::Full)), "{more:?}");
    assert_eq!(all(&engine, ONE).await.len(), kept);
    disk.set_room_bytes(None);
    write(&engine, vec![put(ONE, "more", vec![0; 1000])]).await.unwrap();
    drop(engine);
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk), settings).unwrap();
    with_spaces(&engine).await;
    assert_eq!(all(&engine, ONE).await.len(), kept + 1);
    check(&engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletes_go_on_and_reads_stay_whole_where_there_is_no_room_to_merge() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let settings = Settings { memtable_bytes: 8 << 10, ..small() };
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk.clone()), settings.clone()).unwrap();
    with_spaces(&engine).await;
    for first in (0..8000).step_by(100) {
        let writes = (first..first + 100).map(|nth| put(ONE, format!("{nth:06}"), "1")).collect();
        write(&engine, writes).await.unwrap();
    }
    // Enough for the log, and too little for a merge.
    disk.set_room_bytes(Some(small().reserve_bytes / 5));
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
    for first in (0..7900).step_by(100) {
        let writes = (first..first + 100).map(|nth| delete(ONE, format!("{nth:06}"))).collect();
        write(&engine, writes).await.unwrap();
    }
    assert_eq!(all(&engine, ONE).await.len(), 100);
    assert!(matches!(write(&engine, vec![put(ONE, "more", "1")]).await, Err(TableError::Full)));
    disk.set_room_bytes(None);
    // The next look at the room and the next merge let puts in again.
    let mut refused = 0;
    while write(&engine, vec![put(ONE, "more", "1")]).await.is_err() {
        refused += 1;
        assert!(refused < 100, "still full");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(all(&engine, ONE).await.len(), 101);
    check(&engine).await;
}

/// A small file system of its own, where the test may mount one.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(at: &'a Path, megabytes: u64) -> Option<Mounted<'a>> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Mounted(at))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_file_system_fills_up_is_emptied_by_deletes_and_fills_again() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_mounted) = Mounted::new(folder.path(), 24) else {
        println!("skipped: no file system can be mounted here");
        return;
    };
    let settings = Settings { reserve_bytes: 8 << 20, ..small() };
    let engine = TableEngine::open(&folder.path().join("tables"), settings.clone()).await.unwrap();
    with_spaces(&engine).await;
    let mut kept = [0, 0];
    for kept in &mut kept {
        loop {
            let writes =
                (0..20).map(|more| put(ONE, format!("{:06}", *kept + more), vec![5; 1000])).collect();
            match write(&engine, writes).await {
                Ok(()) => *kept += 20,
                Err(TableError::Full) => break,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(*kept > 3000, "{kept} kept");
        assert_eq!(all(&engine, ONE).await.len(), *kept);
        for first in (0..*kept).step_by(100) {
            let writes = (first..first + 100).map(|nth| delete(ONE, format!("{nth:06}"))).collect();
            write(&engine, writes).await.unwrap();
        }
        assert!(all(&engine, ONE).await.is_empty());
        // Until files are merged, which is when deletes give room back.
        for _ in 0..100 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            if write(&engine, vec![put(TWO, "probe", "1")]).await.is_ok() {
                break;
            }
        }
    }
    check(&engine).await;
    drop(engine);
    let engine = TableEngine::open(&folder.path().join("tables"), settings).await.unwrap();
    with_spaces(&engine).await;
    check(&engine).await;
}

/// The story: a snapshot kept files that had been merged away, and removed them when it went. By then another engine
/// had opened the folder and made files of the same numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_stays_locked_while_a_snapshot_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(ONE, "a", "1")]).await.unwrap();
    let snapshot = engine.snapshot();
    drop(engine);
    assert!(matches!(TableEngine::open(folder.path(), small()).await, Err(TableError::Locked(_))));
    assert_eq!(snapshot.get(ONE, b"a").await.unwrap().unwrap(), "1");
    drop(snapshot);
    assert_eq!(open(folder.path()).await.get(ONE, b"a").await.unwrap().unwrap(), "1");
}

/// Deletes give room back when they meet what they deleted, which may be long after in a tree that nobody writes to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_room_of_what_was_deleted_comes_back_without_more_writes() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(TWO, "kept", "1")]).await.unwrap();
    for first in (0..4000).step_by(100) {
        let writes = (first..first + 100).map(|nth| put(ONE, format!("{nth:06}"), vec![5; 1000])).collect();
        write(&engine, writes).await.unwrap();
    }
    let full = engine.disk_bytes();
    assert!(full > 2_000_000, "{full} bytes");
    for first in (0..4000).step_by(100) {
        let writes = (first..first + 100).map(|nth| delete(ONE, format!("{nth:06}"))).collect();
        write(&engine, writes).await.unwrap();
    }
    // Less than two memories is not looked for.
    let most = 3 * small().memtable_bytes;
    let mut left = engine.disk_bytes();
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        left = engine.disk_bytes();
        if left < most {
            break;
        }
    }
    println!("{full} bytes before, {left} after everything was deleted");
    assert!(left < most, "{left} of {full} bytes are left");
    assert_eq!(engine.get(TWO, b"kept").await.unwrap().unwrap(), "1");
    check(&engine).await;
}

#[tokio::test]
async fn a_folder_is_open_in_one_engine_at_a_time_and_of_a_known_version() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    assert!(matches!(TableEngine::open(folder.path(), small()).await, Err(TableError::Locked(_))));
    drop(engine);
    drop(open(folder.path()).await);
    let format = folder.path().join("format");
    std::fs::write(&format, "fogbank tables 2\n").unwrap();
    let newer = TableEngine::open(folder.path(), small()).await;
    assert!(matches!(newer, Err(TableError::NewerVersion { found: 2, known: 1, .. })));
    std::fs::write(&format, "something else").unwrap();
    assert!(matches!(TableEngine::open(folder.path(), small()).await, Err(TableError::UnknownFormat(_))));
}
