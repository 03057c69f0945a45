//! What this host can hold machines with, found out before one is launched.

use std::fs;
use std::path::Path;

use crate::keeper::checking;
use crate::kernel::{landlock, mounts, process};
use crate::placement::Hierarchies;

/// What there is and what is missing, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Without these no machine can run.
    pub missing: Vec<String>,
    /// Without these machines run, with less.
    pub lacking: Vec<String>,
    /// The control groups: `v1`, `v2`, `v1 with v2 beside it`, `none`.
    pub cgroups: String,
    /// The version of Landlock; 0 is none.
    pub landlock: i64,
}

impl Capabilities {
    pub fn can_run(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Looks at the host. Cheap: a handful of files and three system calls.
pub fn probe() -> Capabilities {
    let mut missing = Vec::new();
    let mut lacking = Vec::new();
    if !process::is_root() {
        missing.push("it is not running as root".to_owned());
    }
    for (name, what) in [
        ("user", "user"),
        ("mnt", "mount"),
        ("pid", "process"),
        ("net", "network"),
        ("uts", "host name"),
        ("ipc", "IPC"),
        ("cgroup", "control group"),
    ] {
        if !Path::new("/proc/self/ns").join(name).exists() {
            missing.push(format!("the kernel has no {what} namespaces"));
        }
    }
    if fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|text| text.trim() == "0") {
        missing.push("user namespaces are switched off (sysctl user.max_user_namespaces)".to_owned());
    }
    let file_systems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if !file_systems.lines().any(|line| line.ends_with("\toverlay")) {
        missing.push("the kernel has no overlay file system (modprobe overlay)".to_owned());
    }
    if !mounts::can_map() {
        missing.push("the kernel cannot map user ids of mounts (Linux 5.19 can)".to_owned());
    }
    let filters = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if !filters.split_ascii_whitespace().any(|word| word == "errno") {
        missing.push("the kernel has no seccomp filters".to_owned());
    }
    if process::pidfd(process::id()).is_err() {
        missing.push("the kernel has no process descriptors (Linux 5.3 has)".to_owned());
    }
    let hierarchies = read_hierarchies(&mut lacking);
    let landlock = landlock::version();
    if landlock == 0 {
        lacking.push("no Landlock: functions and containers are held by the other walls alone".to_owned());
    }
    for name in ["e2fsck", "resize2fs"] {
        if checking::find(name).is_none() {
            lacking.push(format!("no {name}: a root on a block device is not repaired and does not grow"));
        }
    }
    Capabilities { missing, lacking, cgroups: hierarchies.version().to_owned(), landlock }
}

/// Why an emulator has to do without KVM here; nothing where KVM runs its guests. Tried with a small one, which takes up to
/// two seconds where it does not.
pub fn kvm_lacking() -> Option<String> {
    #[cfg(target_arch = "x86_64")]
    return crate::kernel::kvm::lacking();
    #[cfg(not(target_arch = "x86_64"))]
    return Some("virtual machines are for x86_64".to_owned());
}

fn read_hierarchies(lacking: &mut Vec<String>) -> Hierarchies {
    let hierarchies = Hierarchies::read().unwrap_or_default();
    for name in hierarchies.missing() {
        lacking.push(format!(
            "no control group controller {name}: machines with such a limit cannot be launched"
        ));
    }
    for folder in hierarchies.read_only() {
        lacking.push(format!("{} is read-only: machines with limits cannot be launched", folder.display()));
    }
    hierarchies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_in_words() {
        let found = probe();
        assert_eq!(found.can_run(), found.missing.is_empty());
        assert!(found.missing.iter().chain(&found.lacking).all(|line| line.contains(' ')), "{found:?}");
    }
}
