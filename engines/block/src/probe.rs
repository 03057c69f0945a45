//! What this host can make block devices with.

use crate::kernel::{file_systems, loops, process};

/// What is missing for volumes to be attached, in words; nothing if all is there. Making volumes and snapshots needs
/// files alone.
pub fn probe() -> Vec<String> {
    let mut missing = Vec::new();
    if process::user() != 0 {
        missing.push("it is not running as root".to_owned());
    }
    if let Err(error) = file_systems::open_fuse() {
        missing.push(format!("/dev/fuse cannot be opened ({error}; modprobe fuse)"));
    }
    if !loops::has_control() {
        missing.push("there is no /dev/loop-control (modprobe loop)".to_owned());
    }
    if !std::path::Path::new("/sys/block").exists() {
        missing.push("/sys is not mounted".to_owned());
    }
    if missing.is_empty()
        && let Err(error) = file_systems::can_mount()
    {
        missing.push(format!("file systems cannot be made without a mount point ({error}; Linux 5.10 can)"));
    }
    missing
}
