//! Images as disks: one ext4 file system over all of it, made by mke2fs from the image's folder, nothing mounted.
//!
//! The file system's features are named one by one, so that a disk does not depend on the host's settings and that
//! kernels which are some years old mount it. Its UUIDs come from the image's digest. Tables that hold nothing are holes
//! of the file: a new disk of 8 GiB takes what the image takes, and a snapshot of it has as many blocks.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Disk, Size, sparse};
use crate::command;
use crate::digest;
use crate::error::{At, ImageError};
use crate::limits::{DISK_BYTES, DISK_BYTES_MAX};
use crate::lock::Lock;
use crate::need::{find, need};
use crate::root::{ImageRoot, Progress};
use crate::store::{Images, OnProgress, remove_tree, sync_folder};

/// Counted up when disks are made otherwise.
const VERSION: u32 = 1;

const FEATURES: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,\
                        large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

const LABEL: &str = "fogbank-root";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const BLOCK_BYTES: u64 = 4096;

/// Bytes of the disk for each inode, as mke2fs has it, and what an inode takes.
const INODE_RATIO: u64 = 16_384;
const INODE_BYTES: u64 = 256;

/// How often progress is told.
const LOOK: Duration = Duration::from_millis(500);

impl Images {
    pub(super) fn make_disk(
        &self,
        image: &ImageRoot,
        size: Size,
        on: &OnProgress,
    ) -> Result<Disk, ImageError> {
        let bytes = bytes_of(image, size)?;
        let folder = self.path("images", &image.id);
        let disk = Disk { path: folder.join(format!("disk-{VERSION}-{bytes}.ext4")), bytes };
        if disk.path.exists() {
            return Ok(disk);
        }
        let _lock = Lock::wait(&self.locks(), &image.id, || on(Progress::Waiting))?;
        if disk.path.exists() {
            return Ok(disk);
        }
        if !folder.exists() {
            return Err(ImageError::NotFound(image.id.clone()));
        }
        let mke2fs = need("mke2fs")?;
        on(Progress::Step(format!("making a disk of {} MiB", bytes / MIB)));
        // Below the drafts, which are swept.
        let drafts = self.path("drafts", &image.id);
        remove_tree(&drafts)?;
        fs::create_dir(&drafts).at(&drafts)?;
        let draft = drafts.join("disk");
        let made = fill(&mke2fs, image, bytes, &draft, on)
            .and_then(|()| fs::rename(&draft, &disk.path).at(&disk.path))
            .and_then(|()| sync_folder(&folder));
        // The next open sweeps what cannot be removed now; why the work failed says more.
        let _ = remove_tree(&drafts);
        made.map(|()| disk)
    }
}

fn fill(
    mke2fs: &Path,
    image: &ImageRoot,
    bytes: u64,
    draft: &Path,
    on: &OnProgress,
) -> Result<(), ImageError> {
    let file = File::options().create_new(true).write(true).open(draft).at(draft)?;
    file.set_len(bytes).at(draft)?;
    let uuid = uuid_of(image, bytes);
    let inodes = (bytes / INODE_RATIO).max(image.about.entries * 5 / 4 + 1024);
    let mut command = apart(mke2fs);
    // The host's own settings are not to matter.
    command.env("MKE2FS_CONFIG", "/dev/null").env("E2FSPROGS_LIBMAGIC_SUPPRESS", "1");
    command.args(["-q", "-F", "-t", "ext4", "-m", "1", "-O", FEATURES, "-L", LABEL]);
    command.args(["-b", &BLOCK_BYTES.to_string(), "-I", &INODE_BYTES.to_string(), "-N", &inodes.to_string()]);
    command.args(["-U", &uuid, "-E"]);
    command.arg(format!("hash_seed={uuid},lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0"));
    command.arg("-d").args([&image.folder, draft]);
    while_telling(draft, on, || command::run(&mut command, &|_| {}))?;
    on(Progress::Step("syncing".to_owned()));
    sparse::punch(draft).at(draft)?;
    file.sync_all().at(draft)
}

/// mke2fs asks every loop device that the host has mounted whether this file is behind it, and a volume that hangs hangs
/// it. In a mount namespace without /proc it knows of none.
fn apart(program: &Path) -> Command {
    let Some(unshare) = find("unshare").filter(|_| rustix::process::geteuid().is_root()) else {
        return Command::new(program);
    };
    let mut command = Command::new(unshare);
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c"]);
    command.arg(r#"mount -t tmpfs -o size=4k tmpfs /proc && exec "$@""#).arg("sh").arg(program);
    command
}

/// Tells how much of a file there is while something is done.
fn while_telling<T>(file: &Path, on: &OnProgress, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let teller = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                thread::park_timeout(LOOK);
                let bytes = fs::metadata(file).map_or(0, |about| about.blocks() * 512);
                on(Progress::Written { bytes });
            }
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        teller.thread().unpark();
        done
    })
}

/// How large the disk is to be, if the image fits.
fn bytes_of(image: &ImageRoot, size: Size) -> Result<u64, ImageError> {
    let least = least(image.about.bytes, image.about.entries);
    let bytes = match size {
        Size::Usual if least <= DISK_BYTES => DISK_BYTES,
        Size::Usual => (least + GIB).next_multiple_of(GIB),
        Size::Spare(bytes) => least.saturating_add(bytes).checked_next_multiple_of(MIB).unwrap_or(u64::MAX),
        Size::Bytes(bytes) => bytes,
    };
    if bytes < least || bytes > DISK_BYTES_MAX || bytes % MIB != 0 {
        let (least, most) = (least / MIB, DISK_BYTES_MAX / MIB);
        return Err(ImageError::Foreign(format!(
            "a disk of {} has {least} to {most} whole MiB, not {bytes} bytes",
            image.id
        )));
    }
    Ok(bytes)
}

/// What a file system needs that holds so much: the files, each rounded up to blocks, folders, inodes, and a journal.
fn least(bytes: u64, entries: u64) -> u64 {
    let files = bytes + entries * (BLOCK_BYTES + 2 * INODE_BYTES);
    (files + files / 16 + 32 * MIB).next_multiple_of(16 * MIB)
}

/// The same for the same image: of version 8, "custom" (RFC 9562, section 5.8).
fn uuid_of(image: &ImageRoot, bytes: u64) -> String {
    let digest = digest::of_bytes(format!("{} {bytes} {VERSION}", image.digest()).as_bytes());
    let hex = &digest["sha256:".len()..];
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

impl Images {
    /// Disks of an image that are kept.
    pub fn disks(&self, image: &ImageRoot) -> Result<Vec<PathBuf>, ImageError> {
        let folder = self.path("images", &image.id);
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).at(&folder)? {
            let entry = entry.at(&folder)?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with("disk-")) {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_images_need_little_and_large_ones_more_than_their_bytes() {
        assert_eq!(least(0, 0), 32 * MIB);
        assert_eq!(least(28 << 20, 500), 80 * MIB);
        let debian = least(300 << 20, 10_000);
        assert!((380 * MIB..420 * MIB).contains(&debian), "{}", debian / MIB);
    }
}
