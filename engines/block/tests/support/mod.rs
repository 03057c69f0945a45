//! Disks upon a temporary folder, and what the host looks like.

#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fogbank_block::store::VolumeSpec;
use fogbank_block::{Block, BlockError, BlockSettings, probe};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_block-holder");
pub const MIB: u64 = 1 << 20;
pub const KEY: [u8; 32] = [7; 32];

/// The disks of one test. What it served and mounted goes with it.
pub struct Ground {
    /// Last of all.
    pub block: Block,
    pub folder: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

/// What these tests need and the host lacks, said aloud.
pub fn can_run() -> bool {
    let missing = probe();
    let tools = ["mkfs.ext4", "fsck.ext4", "resize2fs"].iter().all(|tool| find(tool).is_some());
    if !missing.is_empty() || !tools {
        eprintln!("skipped: {missing:?}, e2fsprogs installed: {tools}");
    }
    missing.is_empty() && tools
}

pub fn find(program: &str) -> Option<PathBuf> {
    ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]
        .iter()
        .map(|place| Path::new(place).join(program))
        .find(|path| path.exists())
}

pub fn settings(folder: &Path) -> BlockSettings {
    let mut settings = BlockSettings::new(folder.join("disks"), PathBuf::from(PROGRAM), [1; 32]);
    settings.arguments.clear();
    settings
}

pub async fn ground() -> Option<Ground> {
    if !can_run() {
        return None;
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().to_owned();
    let mut ground = ground_upon(&folder).await;
    ground.temporary = Some(temporary);
    Some(ground)
}

pub async fn ground_upon(folder: &Path) -> Ground {
    let block = Block::open(settings(folder)).await.unwrap();
    Ground { block, folder: folder.to_owned(), temporary: None }
}

impl Ground {
    pub async fn volume(&self, id: &str, bytes: u64) {
        let spec =
            VolumeSpec { id: id.to_owned(), bytes, zone: "a".to_owned(), key: Some(KEY), snapshot: None };
        self.block.create(&spec).await.unwrap();
    }

    /// A place to mount something at.
    pub fn place(&self, name: &str) -> PathBuf {
        let place = self.folder.join(name);
        fs::create_dir_all(&place).unwrap();
        place
    }

    /// Takes away all that is served, and ends the processes.
    pub async fn end(self) {
        let served = self.block.served().await.unwrap();
        for volume in served.keys() {
            // Somebody else's new mount namespace may hold a mount of ours for a moment.
            until("the device is free", async || self.block.unserve(volume, false).await.is_ok()).await;
        }
        self.block.close().await.unwrap();
        until("the processes end", async || processes_of(&self.folder).is_empty()).await;
        assert_eq!(loops_of(&self.folder), Vec::<u32>::new());
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // After a test that failed; one that went well has ended everything.
        for line in mounts_below(&self.folder) {
            let place = line.split(' ').nth(4).unwrap_or_default().to_owned();
            std::process::Command::new("umount").args(["-l", &place]).status().ok();
        }
        let mut pids = processes_of(&self.folder);
        // Holders first, lest they start others.
        pids.sort_unstable();
        for pid in pids {
            kill(pid);
        }
        for minor in loops_of(&self.folder) {
            let device = format!("/dev/loop{minor}");
            std::process::Command::new("losetup").args(["-d", &device]).status().ok();
        }
    }
}

/// Kills one process by its number.
pub fn kill(pid: u32) {
    std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().ok();
}

/// Holder and daemon of the disks in this folder: those that hold its lock open.
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let lock = folder.join("disks/holder.lock");
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        if pid == std::process::id() {
            continue;
        }
        let files = fs::read_dir(entry.path().join("fd")).into_iter().flatten().flatten();
        if files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|path| path == lock)) {
            found.push(pid);
        }
    }
    found
}

/// The loop devices in use of the disks in this folder.
pub fn loops_of(folder: &Path) -> Vec<u32> {
    fogbank_block::devices_of(&folder.join("disks")).unwrap_or_default()
}

/// Mounts of this mount namespace that lie below a folder.
pub fn mounts_below(folder: &Path) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let folder = folder.to_string_lossy();
    all.lines().filter(|line| line.contains(&*folder)).map(str::to_owned).collect()
}

/// Runs a program of the host, which has to succeed.
pub fn run(words: &[&str]) -> String {
    let output = std::process::Command::new(words[0]).args(&words[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim().to_owned()
}

/// As [`run`], where other things go on meanwhile.
pub async fn run_beside(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let work = move || run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Waits until something holds; half a minute at most.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in half a minute: {what}");
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

pub fn is_busy(error: &BlockError) -> bool {
    matches!(error, BlockError::Busy(_))
}
