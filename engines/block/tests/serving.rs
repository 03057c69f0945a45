//! Volumes as block devices of the host: they come and go quickly, keep what was written, grow, and keep their pace.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use fogbank_block::limits::IDLE_SECONDS_MAX;
use fogbank_block::store::VolumeSpec;
use fogbank_block::{Block, BlockError, Event, Pace};
use support::{
    KEY, MIB, can_run, ground, is_busy, kill, loops_of, mounts_below, processes_of, run, settings, text,
    until,
};

#[tokio::test]
async fn a_volume_is_a_device_within_a_moment_and_keeps_what_was_written() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 64 * MIB).await;
    let started = Instant::now();
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let served_after = started.elapsed();
    assert_eq!(ground.block.serve("vol-1", Some(&KEY), None).await.unwrap(), device);
    assert_eq!(ground.block.served().await.unwrap()["vol-1"], device);
    assert_eq!(run(&["blockdev", "--getsize64", &text(&device.path)]), (64 * MIB).to_string());

    let mut bytes = vec![0; 3 * MIB as usize];
    bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at * 7 % 251) as u8);
    let mut file = File::options().read(true).write(true).open(&device.path).unwrap();
    file.write_all_at(&bytes, 12_345).unwrap();
    file.sync_all().unwrap();
    drop(file);
    let started = Instant::now();
    ground.block.unserve("vol-1", false).await.unwrap();
    let left_after = started.elapsed();
    eprintln!("served after {served_after:?}, taken away after {left_after:?}");
    ground.block.unserve("vol-1", false).await.unwrap();
    assert_eq!(loops_of(&ground.folder), Vec::<u32>::new());

    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let mut back = vec![0; bytes.len()];
    file = File::open(&device.path).unwrap();
    file.seek(SeekFrom::Start(12_345)).unwrap();
    file.read_exact(&mut back).unwrap();
    assert!(back == bytes);
    drop(file);
    run(&["blkdiscard", "-o", "1048576", "-l", "1048576", &text(&device.path)]);
    file = File::open(&device.path).unwrap();
    file.read_exact_at(&mut back[..MIB as usize], MIB).unwrap();
    assert!(back[..MIB as usize].iter().all(|byte| *byte == 0), "what was discarded reads as zeroes");
    drop(file);
    ground.end().await;
    // The first start of the daemon is in the first.
    assert!(served_after < Duration::from_millis(1000) && left_after < Duration::from_millis(300));
}

#[tokio::test]
async fn a_mounted_volume_is_busy_and_grows() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 64 * MIB).await;
    let started = Instant::now();
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    eprintln!("served after {:?}", started.elapsed());
    let (path, place) = (text(&device.path), ground.place("at"));
    run(&["mkfs.ext4", "-q", &path]);
    run(&["mount", &path, &text(&place)]);
    fs::write(place.join("file"), "kept").unwrap();
    assert!(is_busy(&ground.block.unserve("vol-1", false).await.unwrap_err()));
    assert!(is_busy(&ground.block.remove("vol-1").await.unwrap_err()));
    ground.block.grow("vol-1", 128 * MIB).await.unwrap();
    assert_eq!(run(&["blockdev", "--getsize64", &path]), (128 * MIB).to_string());
    run(&["umount", &text(&place)]);
    run(&["fsck.ext4", "-f", "-p", &path]);
    run(&["resize2fs", &path]);
    run(&["mount", &path, &text(&place)]);
    assert_eq!(fs::read_to_string(place.join("file")).unwrap(), "kept");
    fs::write(place.join("large"), vec![1; 80 * MIB as usize]).unwrap();
    run(&["umount", &text(&place)]);
    run(&["fsck.ext4", "-fn", &path]);
    ground.end().await;
}

#[tokio::test]
async fn by_force_a_mounted_volume_leaves_and_its_user_gets_errors() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 64 * MIB).await;
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let (path, place) = (text(&device.path), ground.place("at"));
    run(&["mkfs.ext4", "-q", &path]);
    run(&["mount", &path, &text(&place)]);
    fs::write(place.join("file"), "kept").unwrap();
    run(&["sync", "-f", &text(&place)]);
    ground.block.unserve("vol-1", true).await.unwrap();
    let failed = fs::write(place.join("other"), "x")
        .and_then(|()| File::open(place.join("other"))?.sync_all())
        .and_then(|()| File::open(&place)?.sync_all());
    assert!(failed.is_err());
    assert!(ground.block.served().await.unwrap().is_empty());
    // The volume is free for another device at once, though the old one is mounted still.
    let other = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    assert_ne!(other.minor, device.minor);
    run(&["umount", &text(&place)]);
    run(&["fsck.ext4", "-p", &text(&other.path)]);
    run(&["mount", &text(&other.path), &text(&place)]);
    assert_eq!(fs::read_to_string(place.join("file")).unwrap(), "kept");
    run(&["umount", &text(&place)]);
    ground.end().await;
}

/// Reads of this size, four at a time, for a while: how many a second.
fn reads_a_second(device: &std::path::Path, bytes: usize, seconds: u64) -> f64 {
    use std::os::unix::fs::OpenOptionsExt;
    let file = File::options().read(true).custom_flags(libc::O_DIRECT).open(device).unwrap();
    let began = Instant::now();
    let count = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (file, count) = (&file, &count);
            scope.spawn(move || {
                let mut room = vec![0_u8; bytes + 4096];
                let skip = room.as_ptr().align_offset(4096);
                let mut at = thread * 4096;
                while began.elapsed() < Duration::from_secs(seconds) {
                    file.read_exact_at(&mut room[skip..skip + bytes], at % (32 * MIB)).unwrap();
                    at += 5 * 4096;
                    count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    count.into_inner() as f64 / began.elapsed().as_secs_f64()
}

#[tokio::test]
async fn a_volume_keeps_its_pace_which_can_change() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 64 * MIB).await;
    let pace = Pace { operations_a_second: 200, bytes_a_second: 64 * MIB, credits: None };
    let device = ground.block.serve("vol-1", Some(&KEY), Some(pace)).await.unwrap();
    let path = device.path.clone();
    let measure = async |bytes| {
        let path = path.clone();
        tokio::task::spawn_blocking(move || reads_a_second(&path, bytes, 3)).await.unwrap()
    };
    let operations = measure(4096).await;
    assert!((170.0..=230.0).contains(&operations), "{operations} a second, of 200");
    ground
        .block
        .set_pace("vol-1", Some(Pace { operations_a_second: 10_000, bytes_a_second: 4 * MIB, credits: None }))
        .await
        .unwrap();
    let bytes = measure(128 << 10).await * f64::from(128 << 10) / MIB as f64;
    assert!((3.4..=4.6).contains(&bytes), "{bytes} MiB a second, of 4");
    ground.block.set_pace("vol-1", None).await.unwrap();
    assert!(measure(4096).await > 1000.0);
    // Served again, it has the pace of that.
    assert_eq!(ground.block.serve("vol-1", Some(&KEY), Some(pace)).await.unwrap(), device);
    let operations = measure(4096).await;
    assert!((170.0..=230.0).contains(&operations), "{operations} a second, of 200");
    ground.end().await;
}

#[tokio::test]
async fn another_client_finds_what_is_served() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 16 * MIB).await;
    let device = ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    // It closes what it may, which is nothing, as long as something is served.
    ground.block.close().await.unwrap();
    let other = Block::open(settings(&ground.folder)).await.unwrap();
    assert_eq!(other.served().await.unwrap()["vol-1"], device);
    other.unserve("vol-1", false).await.unwrap();
    drop(other);
    ground.end().await;
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-0", 16 * MIB).await;
    for round in 0..5 {
        let ids: Vec<String> = (0..4).map(|number| format!("vol-{round}-{number}")).collect();
        for id in &ids {
            ground.volume(id, 16 * MIB).await;
            ground.block.serve(id, Some(&KEY), None).await.unwrap();
        }
        assert_eq!(loops_of(&ground.folder).len(), 4);
        for id in &ids {
            ground.block.unserve(id, false).await.unwrap();
            ground.block.remove(id).await.unwrap();
        }
        assert_eq!(loops_of(&ground.folder), Vec::<u32>::new());
    }
    let daemon = ground.block.processes().await.unwrap().daemon;
    let count = |what: &str| fs::read_dir(format!("/proc/{daemon}/{what}")).unwrap().count();
    support::until("threads and descriptors of volumes that left are gone", async || {
        count("task") < 12 && count("fd") < 20
    })
    .await;
    assert!(matches!(ground.block.serve("vol-9", None, None).await, Err(BlockError::Absent(_))));
    assert_eq!(mounts_below(&ground.folder), Vec::<String>::new());
    let folder = ground.folder.clone();
    assert_eq!(processes_of(&folder).len(), 2);
    ground.end().await;
}

#[tokio::test]
async fn who_is_not_needed_any_more_ends() {
    if !can_run() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let opened = || async { Block::open(settings(folder)).await.unwrap() };
    let block = opened().await;
    let spec = VolumeSpec {
        id: "vol-1".to_owned(),
        bytes: 8 * MIB,
        zone: "a".to_owned(),
        key: Some(KEY),
        snapshot: None,
    };
    block.create(&spec).await.unwrap();
    let idle = Duration::from_secs(IDLE_SECONDS_MAX + 3);
    tokio::time::sleep(idle).await;
    assert_eq!(processes_of(folder).len(), 2, "whoever may ask again needs them");
    drop(block);
    until("the processes end", async || processes_of(folder).is_empty()).await;
    // What is served is needed, whoever has gone, until its folder is deleted.
    let block = opened().await;
    let device = block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let behind = format!("/sys/block/loop{}/loop/backing_file", device.minor);
    drop(block);
    tokio::time::sleep(idle).await;
    let processes = processes_of(folder);
    assert_eq!(processes.len(), 2);
    let prefix = fs::read_to_string(&behind).unwrap();
    fs::remove_dir_all(folder.join("disks")).unwrap();
    let is_gone = |process: &u32| !std::path::Path::new(&format!("/proc/{process}/fd")).exists();
    until("the processes end", async || processes.iter().all(is_gone)).await;
    assert_ne!(fs::read_to_string(&behind).ok(), Some(prefix), "its device is free");
}

#[tokio::test]
async fn whoever_watches_is_told_that_devices_were_lost_and_not_that_a_daemon_was_replaced() {
    let Some(ground) = ground().await else { return };
    ground.volume("vol-1", 8 * MIB).await;
    ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    let heard = async |wanted: Event, seconds: u64| {
        let hearing = async { while ground.block.next_event().await != wanted {} };
        tokio::time::timeout(Duration::from_secs(seconds), hearing).await.is_ok()
    };
    kill(ground.block.processes().await.unwrap().daemon);
    assert!(heard(Event::Restarted, 10).await);
    assert!(!heard(Event::Lost, 1).await, "the holder kept the device");
    let both = ground.block.processes().await.unwrap();
    kill(both.holder);
    kill(both.daemon);
    assert!(heard(Event::Lost, 10).await);
    ground.block.serve("vol-1", Some(&KEY), None).await.unwrap();
    assert!(!heard(Event::Lost, 1).await, "it is told once");
    ground.end().await;
}
