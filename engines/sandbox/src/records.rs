//! What lies in a machine's folder: the plan it was launched by, and the state that its keeper writes. Both are
//! replaced whole, so that a reader never sees half of one.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kernel::descriptors::wait_readable;
use crate::limits::RECORD_BYTES_MAX;
use crate::placement::Placement;
use crate::spec::{BlockDevice, File, MachineSpec};

/// How a machine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// The machine turned itself off.
    PoweredOff,
    /// Its first program ended with that code.
    Exited(i32),
    /// Its first program was ended by that signal.
    Signalled(i32),
    /// Its first program was ended because the machine's memory was used up.
    OutOfMemory,
    /// It was killed through this engine.
    Killed,
    /// Its keeper is gone without a word: the host was restarted, or somebody killed it.
    Lost,
}

/// The end of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub machine: String,
    pub how: How,
    /// Processes that were killed because the machine's memory was used up, since its launch.
    pub oom_kills: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, and has been started that many times (1 and one more for each reboot).
    Running {
        boots: u32,
    },
    Ended(How),
}

/// The end of one launch of a machine, which may have been launched again since: whose keeper it was tells.
#[derive(Debug)]
pub struct Over {
    pub ended: Ended,
    pub keeper: ProcessId,
}

/// A process that no later one can be taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    pub pid: i32,
    /// When it started, in ticks since the host's start, and which start that was.
    pub started: u64,
    pub host_start: String,
}

/// What the keeper needs to know. Written before the keeper exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Without its files, which lie beside it and only until they are injected.
    pub spec: MachineSpec,
    pub placement: Placement,
    /// The first of the machine's user ids, unless its network namespace brings a user namespace along.
    pub first_user_id: u32,
}

/// What the keeper tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub keeper: ProcessId,
    pub init: Option<ProcessId>,
    pub boots: u32,
    pub oom_kills: u64,
    pub ended: Option<How>,
    /// The block devices that it has now. Keepers from before there were any do not tell.
    #[serde(default)]
    pub devices: Vec<BlockDevice>,
}

/// Where the parts of one machine lie.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }
    pub fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }
    pub fn files(&self) -> PathBuf {
        self.0.join("files")
    }
    /// Exists once the machine's end has been told.
    pub fn told(&self) -> PathBuf {
        self.0.join("told")
    }
    /// Where the root file system is put together, in the keeper's own mount namespace.
    pub fn root(&self) -> PathBuf {
        self.0.join("root")
    }
    pub fn layers(&self) -> PathBuf {
        self.0.join("layers")
    }
    pub fn sys(&self) -> PathBuf {
        self.0.join("sys")
    }
    pub fn proc(&self) -> PathBuf {
        self.0.join("proc")
    }
    /// What the machine sees of its own size.
    pub fn shown(&self) -> PathBuf {
        self.0.join("shown")
    }
    pub fn binds(&self) -> PathBuf {
        self.0.join("binds")
    }
    /// The keeper's own nodes of the machine's block devices.
    pub fn devices(&self) -> PathBuf {
        self.0.join("devices")
    }
    /// Where the keeper listens while its machine runs.
    pub fn talk(&self) -> PathBuf {
        self.0.join("talk")
    }
    pub fn console(&self) -> PathBuf {
        self.0.join("console")
    }
    pub fn console_before(&self) -> PathBuf {
        self.0.join("console_before")
    }

    pub fn read_plan(&self) -> io::Result<Plan> {
        read(&self.plan())
    }
    pub fn read_status(&self) -> io::Result<Status> {
        read(&self.status())
    }
    pub fn write_status(&self, status: &Status) -> io::Result<()> {
        write(&self.status(), &serde_json::to_vec(status)?)
    }

    pub fn write_plan(&self, plan: &Plan, files: &[File]) -> io::Result<()> {
        if !files.is_empty() {
            write(&self.files(), &postcard::to_stdvec(files).map_err(io::Error::other)?)?;
        }
        write(&self.plan(), &serde_json::to_vec(plan)?)
    }

    /// Removes what a machine leaves in its folder, and the folder. Names that are known and empty folders only: were
    /// anything mounted below, it would stay, and so would what a guest keeps.
    pub fn erase(&self) {
        for file in [
            self.files(),
            self.talk(),
            self.status(),
            self.console(),
            self.console_before(),
            self.told(),
            self.plan(),
        ] {
            fs::remove_file(file.with_extension("new")).ok();
            fs::remove_file(file).ok();
        }
        for file in ["meminfo", "cpuinfo", "online"] {
            fs::remove_file(self.shown().join(file)).ok();
        }
        for folder in [self.layers(), self.binds()] {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                fs::remove_dir(entry.path()).ok();
            }
            fs::remove_dir(folder).ok();
        }
        for folder in [self.root(), self.sys(), self.proc(), self.devices(), self.shown(), self.0.clone()] {
            fs::remove_dir(folder).ok();
        }
    }

    /// The files to inject, which may hold secrets: they are gone once they are taken.
    pub fn take_files(&self) -> io::Result<Vec<File>> {
        let bytes = match fs::read(self.files()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        fs::remove_file(self.files())?;
        postcard::from_bytes(&bytes).map_err(io::Error::other)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    if fs::metadata(path)?.len() > RECORD_BYTES_MAX {
        return Err(io::Error::other("too large to be one of ours"));
    }
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Replaces a file whole. It is not synced: what it tells ends with the host's run anyway.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = fs::File::options().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    fs::rename(&fresh, path)
}

impl ProcessId {
    /// The process of that number, as it is now.
    pub fn of(pid: i32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let started = start_of(&stat).ok_or_else(|| io::Error::other("/proc/…/stat reads otherwise"))?;
        let host_start = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        Ok(Self { pid, started, host_start })
    }

    /// A handle on it, if it still is that process and lives.
    pub fn open(&self) -> Option<std::os::fd::OwnedFd> {
        let handle = crate::kernel::process::pidfd(self.pid).ok()?;
        // Read after the handle was had: the number cannot have gone to another process in between.
        let same = Self::of(self.pid).ok()? == *self;
        // A process that has ended keeps its number until its parent looks; its handle is readable by then.
        let ended = wait_readable(&[handle.as_fd()], 0).ok()? == [true];
        (same && !ended).then_some(handle)
    }
}

/// Field 22 of /proc/…/stat (proc(5)). The second one, the name, may hold blanks and brackets.
fn start_of(stat: &str) -> Option<u64> {
    stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_and_not_an_earlier_one() {
        let own = ProcessId::of(std::process::id() as i32).unwrap();
        assert!(own.open().is_some());
        assert!(ProcessId { started: own.started - 1, ..own.clone() }.open().is_none());
        assert!(ProcessId { host_start: "before".into(), ..own }.open().is_none());
    }

    #[test]
    fn the_start_is_found_behind_any_name() {
        let rest = (3..30).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
        for name in ["sh", "a b) (c", ")"] {
            assert_eq!(start_of(&format!("12 ({name}) {rest}")), Some(22), "{name}");
        }
        assert_eq!(start_of("nonsense"), None);
    }

    #[test]
    fn files_are_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder(folder.path().to_owned());
        let file = File::from(("/etc/key", 0o600, b"secret".as_slice()));
        write(&folder.files(), &postcard::to_stdvec(&vec![file.clone()]).unwrap()).unwrap();
        assert_eq!(folder.take_files().unwrap(), [file]);
        assert_eq!(folder.take_files().unwrap(), []);
    }
}
