//! What a machine is to be: plain data, checked once ([`MachineSpec::check`]).

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::limits::{
    BINDS_MAX, DEVICE_NAME_BYTES_MAX, DEVICES_MAX, FILES_BYTES_MAX, HOSTNAME_BYTES_MAX, ID_BYTES_MAX,
    LOWERS_MAX, PATH_BYTES_MAX, USER_IDS,
};

/// How this engine works, from the composition root.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program that is started as nursery: the own binary, or a test's.
    pub program: PathBuf,
    /// Its first arguments, which lead to [`crate::keeper_main`].
    pub arguments: Vec<String>,
    /// The cgroup above all machines. Tests and several clouds side by side need different names.
    pub cgroup: String,
    /// The first host user id given to machines. Machine n has 65,536 ids from `first_user_id + n * 65,536`.
    pub first_user_id: u32,
}

impl Settings {
    /// Settings for the binary: `program` with `fogbank sandbox-keeper`, the usual names.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            arguments: vec!["sandbox-keeper".to_owned()],
            cgroup: "fogbank".to_owned(),
            first_user_id: 0x4000_0000,
        }
    }
}

/// What runs as the machine's first process, which decides how it is stopped and what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A whole system under systemd, with a cgroup tree of its own.
    Systemd,
    /// A whole system under busybox's init.
    Busybox,
    /// One program: a function, a container, a database. It has no capability beyond its own files and may neither
    /// mount nor trace, and Landlock holds it too. Its console is a pipe, not a terminal.
    Process,
    /// A single program that is a machine itself, with a kernel of its own inside. It is held as any, but has block
    /// devices, and `/dev/net/tun`, for the taps in its network that belong to its root, and what [`MachineSpec::kvm`] says.
    Emulator,
}

impl Kind {
    /// The signal that asks process 1 to power off. systemd(1) and busybox's init.c name them.
    pub(crate) fn stop_signal(self) -> i32 {
        match self {
            Self::Systemd => libc::SIGRTMIN() + 4,
            Self::Busybox => libc::SIGUSR2,
            Self::Process | Self::Emulator => libc::SIGTERM,
        }
    }

    /// The signal that asks process 1 to reboot; a single program knows none.
    pub(crate) fn reboot_signal(self) -> Option<i32> {
        match self {
            Self::Systemd => Some(libc::SIGRTMIN() + 5),
            Self::Busybox => Some(libc::SIGTERM),
            Self::Process | Self::Emulator => None,
        }
    }

    pub(crate) fn is_system(self) -> bool {
        matches!(self, Self::Systemd | Self::Busybox)
    }
}

/// A machine to launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineSpec {
    /// Names the machine's folder and cgroups: letters, digits, `-`, `_`, `.`.
    pub id: String,
    pub kind: Kind,
    /// Folders that make the root file system, the uppermost first. They are not written to, and files in them belong
    /// to the user ids that the guest shall see (0 is its root). As with `upper`, no other user of the host should
    /// reach them. None of them with a root device.
    pub lowers: Vec<PathBuf>,
    /// The folder that keeps what the machine changes. The engine makes what it needs in it, closes it to all but root,
    /// and never deletes it; its layer is [`upper_layer`]. Not used with a root device.
    pub upper: PathBuf,
    /// A device whose ext4 file system is the root file system, in place of folders. It is repaired after a crash, and
    /// grown to the device's size, before each launch. A system sees it in its /dev, to be read only.
    #[serde(default)]
    pub root_device: Option<BlockDevice>,
    /// The first program and its arguments; the first word is an absolute path in the machine.
    pub init: Vec<String>,
    /// The network namespace to live in, a file as in `/run/netns`. Made by [`crate::Sandbox::network`], the machine's
    /// root owns it (interfaces, packet filters); any other it only uses. None: loopback alone.
    pub network: Option<PathBuf>,
    pub hostname: String,
    pub limits: Limits,
    /// Written into the root file system before the first program starts, at this launch.
    pub files: Vec<File>,
    pub binds: Vec<Bind>,
    /// Disks that are there from the first start on. More come and go with [`crate::Machine::attach_device`].
    #[serde(default)]
    pub devices: Vec<BlockDevice>,
    /// An emulator is given `/dev/kvm`, for guests that the processor itself runs.
    #[serde(default)]
    pub kvm: bool,
    pub env: Vec<(String, String)>,
    /// User and group of the first program, for [`Kind::Process`]; systems start as root (0, 0).
    pub user: (u32, u32),
    /// The working folder of the first program.
    pub folder: PathBuf,
}

impl MachineSpec {
    /// A machine of this id and kind over `lower`, with everything else as is usual.
    pub fn new(id: &str, kind: Kind, lower: PathBuf, upper: PathBuf, init: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            kind,
            lowers: vec![lower],
            upper,
            root_device: None,
            init: init.iter().map(|&word| word.to_owned()).collect(),
            network: None,
            hostname: id.to_owned(),
            limits: Limits::default(),
            files: Vec::new(),
            binds: Vec::new(),
            devices: Vec::new(),
            kvm: false,
            env: Vec::new(),
            user: (0, 0),
            folder: PathBuf::from("/"),
        }
    }

    /// A machine of this id and kind whose root file system is that of a block device.
    pub fn on_device(id: &str, kind: Kind, device: BlockDevice, init: &[&str]) -> Self {
        let spec = Self::new(id, kind, PathBuf::new(), PathBuf::new(), init);
        Self { lowers: Vec::new(), root_device: Some(device), ..spec }
    }

    /// All block devices that a launch concerns, its root's first.
    pub(crate) fn all_devices(&self) -> impl Iterator<Item = &BlockDevice> {
        self.root_device.iter().chain(&self.devices)
    }
}

/// What a machine may use at most. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Processors' worth of time; 0.25 is a quarter of one.
    pub vcpus: f64,
    pub memory_bytes: u64,
    /// Processes and threads together.
    pub pids: u64,
    pub disk: Option<DiskLimit>,
}

/// What a machine may read and write of one block device a second. Zero is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskLimit {
    /// Major and minor number of the whole disk.
    pub device: (u32, u32),
    pub read_bytes_a_second: u64,
    pub write_bytes_a_second: u64,
    pub reads_a_second: u64,
    pub writes_a_second: u64,
}

/// A file to inject. Its folders are made as needed, and it belongs to the machine's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Absolute, in the machine.
    pub path: PathBuf,
    pub mode: u32,
    pub bytes: Vec<u8>,
}

impl From<(&str, u32, &[u8])> for File {
    fn from((path, mode, bytes): (&str, u32, &[u8])) -> Self {
        Self { path: PathBuf::from(path), mode, bytes: bytes.to_vec() }
    }
}

/// A folder of the host that the machine sees, with ids mapped as in `lowers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    pub source: PathBuf,
    /// Absolute, in the machine; made as needed.
    pub target: PathBuf,
    pub read_only: bool,
}

/// A block device of the host that a system may use as its own: read, written, made a file system on, and mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockDevice {
    /// Its name in the machine's /dev, as `xvdf`: a lower-case letter, then lower-case letters and digits.
    pub name: String,
    /// A name in the machine's /dev/disk/by-id that leads to it too, as `nvme-Amazon_Elastic_Block_Store_vol0123`.
    pub by_id: Option<String>,
    /// The device on the host. It must have the numbers below, which are what counts.
    pub path: PathBuf,
    pub major: u32,
    pub minor: u32,
}

/// Where the changed files of the machine lie that was launched with this `upper`: what an image is burned from,
/// together with the lowers (whiteouts and opaque marks are those of overlayfs).
pub fn upper_layer(upper: &Path) -> PathBuf {
    upper.join("layer")
}

/// Overlayfs's scratch folder beside the layer.
pub(crate) fn upper_work(upper: &Path) -> PathBuf {
    upper.join("work")
}

impl MachineSpec {
    /// Refuses what cannot work or what could lead out of the machine's own folders.
    pub fn check(&self) -> Result<(), SandboxError> {
        check_id(&self.id)?;
        self.check_layers()?;
        let Some(first) = self.init.first() else {
            return Err(SandboxError::spec("`init` is empty"));
        };
        inside(Path::new(first), "the first word of `init`")?;
        inside(&self.folder, "`folder`")?;
        if self.hostname.is_empty() || self.hostname.len() > HOSTNAME_BYTES_MAX {
            return Err(SandboxError::spec(format!("a host name has 1 to {HOSTNAME_BYTES_MAX} bytes")));
        }
        let words = self.init.iter().chain(self.env.iter().flat_map(|(name, value)| [name, value]));
        if words.chain([&self.hostname]).any(|word| word.contains('\0')) {
            return Err(SandboxError::spec("words with a zero byte"));
        }
        if self.kind.is_system() && self.user != (0, 0) {
            return Err(SandboxError::spec("a system starts as root"));
        }
        if self.user.0 >= USER_IDS || self.user.1 >= USER_IDS {
            return Err(SandboxError::spec("user and group ids end at 65,535"));
        }
        if !self.limits.vcpus.is_finite() || self.limits.vcpus < 0.0 {
            return Err(SandboxError::spec("`vcpus` is no number of processors"));
        }
        Ok(())
    }

    fn check_layers(&self) -> Result<(), SandboxError> {
        if self.root_device.is_some() && !self.lowers.is_empty() {
            return Err(SandboxError::spec("a root is a block device or folders, not both"));
        }
        if self.root_device.is_none() && (self.lowers.is_empty() || self.lowers.len() > LOWERS_MAX) {
            return Err(SandboxError::spec(format!("a machine has 1 to {LOWERS_MAX} lower folders")));
        }
        if self.binds.len() > BINDS_MAX {
            return Err(SandboxError::spec(format!("a machine has {BINDS_MAX} binds at most")));
        }
        let upper = self.root_device.is_none().then_some(&self.upper);
        let host = self.lowers.iter().chain(upper).chain(self.network.iter());
        for path in host.chain(self.binds.iter().map(|bind| &bind.source)) {
            if !path.is_absolute() {
                return Err(SandboxError::spec(format!("{} is not an absolute path", path.display())));
            }
        }
        for bind in &self.binds {
            inside(&bind.target, "the target of a bind")?;
        }
        let devices: Vec<&BlockDevice> = self.all_devices().collect();
        if devices.len() > DEVICES_MAX {
            return Err(SandboxError::spec(format!("a machine has {DEVICES_MAX} block devices at most")));
        }
        if !self.devices.is_empty() && self.kind == Kind::Process {
            return Err(SandboxError::spec("a single program has no block devices"));
        }
        if self.kvm && self.kind != Kind::Emulator {
            return Err(SandboxError::spec("KVM is for emulators"));
        }
        for (index, device) in devices.iter().enumerate() {
            device.check()?;
            if devices[..index].iter().any(|other| device.clashes_with(other)) {
                return Err(SandboxError::spec(format!("two block devices are {:?}", device.name)));
            }
        }
        for file in &self.files {
            inside(&file.path, "the path of a file")?;
        }
        if self.files.iter().map(|file| file.bytes.len()).sum::<usize>() > FILES_BYTES_MAX {
            return Err(SandboxError::spec(format!("files of more than {FILES_BYTES_MAX} bytes")));
        }
        Ok(())
    }
}

/// Names in /dev that a block device cannot have, since something else has them.
const TAKEN: &[&str] =
    &["null", "zero", "full", "random", "urandom", "tty", "console", "fd", "stdin", "stdout", "stderr"];
const TAKEN_FOLDERS: &[&str] = &["pts", "ptmx", "shm", "mqueue", "disk", "log", "initctl", "hugepages"];

impl BlockDevice {
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let name = self.name.as_str();
        let plain = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && name.len() <= DEVICE_NAME_BYTES_MAX;
        if !plain || TAKEN.contains(&name) || TAKEN_FOLDERS.contains(&name) {
            return Err(SandboxError::spec(format!("{name:?} cannot be the name of a block device")));
        }
        if let Some(by_id) = &self.by_id {
            let plain = by_id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
            if !plain || by_id.is_empty() || by_id.len() > ID_BYTES_MAX || by_id.starts_with('.') {
                return Err(SandboxError::spec(format!("{by_id:?} cannot be the id of a block device")));
            }
        }
        if !self.path.is_absolute() {
            return Err(SandboxError::spec(format!("{} is not an absolute path", self.path.display())));
        }
        Ok(())
    }

    /// Whether the two cannot be in one machine.
    pub(crate) fn clashes_with(&self, other: &Self) -> bool {
        self.name == other.name
            || (self.major, self.minor) == (other.major, other.minor)
            || (self.by_id.is_some() && self.by_id == other.by_id)
    }
}

/// Ids become names of folders and cgroups, so they are kept plain.
pub(crate) fn check_id(id: &str) -> Result<(), SandboxError> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !plain || id.is_empty() || id.len() > ID_BYTES_MAX || id.starts_with('.') {
        return Err(SandboxError::spec(format!("{id:?} cannot be the id of a machine")));
    }
    Ok(())
}

/// A path as the machine sees it: absolute, without `..`.
fn inside(path: &Path, what: &str) -> Result<(), SandboxError> {
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let bytes = path.as_os_str().as_encoded_bytes();
    if !path.is_absolute() || !plain || bytes.len() > PATH_BYTES_MAX || bytes.contains(&0) {
        return Err(SandboxError::spec(format!("{what} is {path:?}, not an absolute path without `..`")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> MachineSpec {
        MachineSpec::new(
            "i-1",
            Kind::Busybox,
            PathBuf::from("/lower"),
            PathBuf::from("/upper"),
            &["/sbin/init"],
        )
    }

    fn refused(change: impl FnOnce(&mut MachineSpec)) -> String {
        let mut spec = plain();
        change(&mut spec);
        spec.check().expect_err("the change is wrong").to_string()
    }

    #[test]
    fn a_plain_machine_is_accepted() {
        plain().check().expect("nothing is wrong with it");
    }

    #[test]
    fn ids_that_lead_out_of_the_folder_are_refused() {
        for id in ["", "..", ".hidden", "a/b", "a b", "a\0b", &"x".repeat(65)] {
            assert!(refused(|spec| spec.id = id.to_owned()).contains("id of a machine"), "{id}");
        }
    }

    #[test]
    fn paths_that_climb_are_refused() {
        for path in ["relative", "/a/../../b"] {
            refused(|spec| spec.files.push((path, 0o644, b"".as_slice()).into()));
            refused(|spec| spec.init = vec![path.to_owned()]);
            refused(|spec| {
                let target = PathBuf::from(path);
                spec.binds.push(Bind { source: PathBuf::from("/x"), target, read_only: true });
            });
        }
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for vcpus in [f64::NAN, f64::INFINITY, -1.0] {
            refused(|spec| spec.limits.vcpus = vcpus);
        }
        refused(|spec| spec.user = (1, 1));
        refused(|spec| spec.lowers.clear());
    }
}
