//! What a machine sees of block devices in /sys: its own, under its own names. The kernel's folders list all of the
//! host's, with the files behind them; other file systems lie over these in a machine. Like all such masks they are a
//! courtesy to programs (lsblk, blkid), no wall.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::kernel::mounts::{self, NO_DEV, NO_EXEC, NO_SUID};
use crate::records::Folder;
use crate::spec::BlockDevice;

/// The folder of the devices themselves, and those of links to them.
const FACTS: &str = "/sys/devices/virtual/block";
const BY_NAME: &[&str] = &["/sys/block", "/sys/class/block"];
const BY_NUMBER: &str = "/sys/dev/block";

/// In a machine: nothing is listed.
pub fn cover() -> io::Result<()> {
    for place in [FACTS, BY_NUMBER].iter().chain(BY_NAME) {
        if Path::new(place).is_dir() {
            cover_one(Path::new(place))?;
        }
    }
    Ok(())
}

fn cover_one(place: &Path) -> io::Result<()> {
    mounts::mount("tmpfs", place, NO_SUID | NO_DEV | NO_EXEC, "mode=755,size=1m")
}

/// The kernel's folder of a device, as the keeper sees it.
pub fn facts(folder: &Folder, device: &BlockDevice) -> PathBuf {
    folder.sys().join(format!("dev/block/{}:{}", device.major, device.minor))
}

/// In a machine: lists a device, whose folder that is.
pub fn put(device: &BlockDevice, facts: &OwnedFd) -> io::Result<()> {
    let place = Path::new(FACTS).join(&device.name);
    fs::create_dir_all(&place)?;
    mounts::attach(facts, &place)?;
    // Names the host's file behind the device.
    if place.join("loop").is_dir() {
        cover_one(&place.join("loop"))?;
    }
    for (link, target) in links(device) {
        fs::remove_file(&link).ok();
        symlink(target, link)?;
    }
    Ok(())
}

/// In a machine: it is listed no more.
pub fn take(device: &BlockDevice) -> io::Result<()> {
    for (link, _) in links(device) {
        fs::remove_file(link).ok();
    }
    let place = Path::new(FACTS).join(&device.name);
    mounts::detach(&place)?;
    fs::remove_dir(place)
}

fn links(device: &BlockDevice) -> Vec<(PathBuf, PathBuf)> {
    let number = format!("{}:{}", device.major, device.minor);
    // From /sys/block it is one step to /sys, from the others it are two.
    let target = |steps: &str| PathBuf::from(format!("{steps}/devices/virtual/block/{}", device.name));
    let mut all = vec![(Path::new(BY_NUMBER).join(number), target("../.."))];
    for folder in BY_NAME {
        let steps = if *folder == "/sys/block" { ".." } else { "../.." };
        all.push((Path::new(folder).join(&device.name), target(steps)));
    }
    all
}
