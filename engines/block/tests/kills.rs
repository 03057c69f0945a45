//! What a guest has synced survives `kill -9` of the daemon at any moment, and of the client: nothing hangs, no error is
//! seen, the file system is whole.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use support::{Ground, KEY, MIB, ground, ground_upon, kill, loops_of, processes_of, run_beside, text, until};

/// A sum over bytes, told apart by their places.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Writes files of chance whose names have their sums, syncs each, and removes old ones, until it is told to stop. The
/// answer is what is there and synced.
fn write_files(folder: &Path, seed: u64, stop: &AtomicBool, written: &AtomicU64) -> Vec<PathBuf> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut there: Vec<PathBuf> = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let mut bytes = vec![0; random.random_range(1..700_000)];
        random.fill_bytes(&mut bytes);
        let path = folder.join(format!("{seed}-{number}-{:x}", sum(&bytes)));
        let mut file = File::create(&path).unwrap();
        for part in bytes.chunks(random.random_range(1000..300_000)) {
            file.write_all(part).unwrap();
        }
        file.sync_all().unwrap();
        there.push(path);
        written.fetch_add(1, Ordering::SeqCst);
        if there.len() > 40 {
            let old = there.swap_remove(random.random_range(0..there.len()));
            fs::remove_file(old).unwrap();
        }
    }
    there
}

fn check(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.ends_with(&format!("-{:x}", sum(&bytes))), "{name} holds something else");
}

/// Kills again and again while two writers write, then looks.
async fn survive(ground: &Ground, kills: u32, mut kill_one: impl AsyncFnMut(&mut SmallRng)) {
    ground.volume("vol-1", 256 * MIB).await;
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let (path, place) = (text(&device.path), ground.place("at"));
    run_beside(&["mkfs.ext4", "-q", &path]).await;
    run_beside(&["mount", &path, &text(&place)]).await;
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..2)
        .map(|seed| {
            let (place, stop, written) = (place.clone(), stop.clone(), written.clone());
            tokio::task::spawn_blocking(move || write_files(&place, seed, &stop, &written))
        })
        .collect();
    let mut random = SmallRng::seed_from_u64(u64::from(kills));
    let mut longest = Duration::ZERO;
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_micros(random.random_range(1..250_000))).await;
        let before = written.load(Ordering::SeqCst);
        let began = Instant::now();
        kill_one(&mut random).await;
        until("writers go on", async || written.load(Ordering::SeqCst) > before + 2).await;
        longest = longest.max(began.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    eprintln!("{} files, longest pause {longest:?}", written.load(Ordering::SeqCst));
    let mut there = Vec::new();
    for writer in writers {
        there.extend(writer.await.unwrap());
    }
    run_beside(&["umount", &text(&place)]).await;
    run_beside(&["fsck.ext4", "-fn", &path]).await;
    run_beside(&["mount", &path, &text(&place)]).await;
    assert!(!there.is_empty());
    tokio::task::spawn_blocking(move || there.iter().for_each(|path| check(path))).await.unwrap();
    run_beside(&["umount", &text(&place)]).await;
}

#[tokio::test]
async fn a_daemon_that_is_killed_while_a_file_system_is_written_loses_nothing() {
    let Some(ground) = ground().await else { return };
    let block = ground.block.clone();
    survive(&ground, 10, async |_| {
        let before = block.processes().await.unwrap();
        kill(before.daemon);
        // Questions go on as well.
        until("another daemon", async || block.processes().await.unwrap().daemon != before.daemon).await;
        assert_eq!(block.processes().await.unwrap().holder, before.holder);
        assert_eq!(block.served().await.unwrap().len(), 1);
    })
    .await;
    ground.end().await;
}

/// A client in a process of its own, which asks for what is there until it is killed.
#[tokio::test]
#[ignore = "is started by the test below, as a process of its own"]
async fn a_client_to_be_killed() {
    let folder = std::env::current_dir().unwrap();
    if !folder.join("disks").exists() {
        return;
    }
    let ground = ground_upon(&folder).await;
    loop {
        ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
        ground.volume("vol-other", MIB).await;
        ground.block.serve("vol-other", Some(&KEY), None).await.unwrap();
        ground.block.unserve("vol-other", false).await.unwrap();
    }
}

fn other_client(folder: &Path) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_client_to_be_killed", "--ignored"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "a hundred kills of daemon and client take minutes"]
async fn a_hundred_kills_of_daemon_and_client_lose_nothing() {
    let Some(ground) = ground().await else { return };
    let folder = ground.folder.clone();
    let block = ground.block.clone();
    survive(&ground, 100, async |random| {
        let mut client = other_client(&folder);
        tokio::time::sleep(Duration::from_millis(random.random_range(50..300))).await;
        if random.random_bool(0.7) {
            kill(block.processes().await.unwrap().daemon);
        }
        client.kill().unwrap();
        client.wait().unwrap();
    })
    .await;
    ground.block.unserve("vol-other", false).await.unwrap();
    ground.end().await;
}

#[tokio::test]
async fn after_holder_and_daemon_are_killed_the_next_client_clears_what_they_left() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 32 * MIB).await;
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let file = File::options().write(true).open(&device.path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"synced", 8192).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let both = ground.block.processes().await.unwrap();
    kill(both.holder);
    kill(both.daemon);
    until("both are gone", async || processes_of(&ground.folder).is_empty()).await;
    assert_eq!(loops_of(&ground.folder), [device.minor]);
    let next = ground_upon(&ground.folder).await;
    assert_eq!(loops_of(&ground.folder), Vec::<u32>::new());
    assert!(next.block.served().await.unwrap().is_empty());
    let device = next.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let mut bytes = [0; 6];
    std::os::unix::fs::FileExt::read_exact_at(&File::open(&device.path).unwrap(), &mut bytes, 8192).unwrap();
    assert_eq!(&bytes, b"synced");
    next.end().await;
}
