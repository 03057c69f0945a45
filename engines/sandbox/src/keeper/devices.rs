//! A machine's block devices: nodes of its own for each, which its root owns.
//!
//! The nodes lie in a small file system that only the keeper sees, and are mounted into the machine's /dev one by one. A
//! node belongs to one stay of one device: when that ends, the node is given to the host's root, with no rights for
//! anybody, and its name is gone. So a mount of it that a guest made elsewhere leads to nothing, whatever device has those
//! numbers later and whichever version of control groups there is.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::listed;
use super::talk::{At, Failure};
use crate::kernel::mounts::{NO_EXEC, NO_SUID};
use crate::kernel::{file_systems, mounts, process};
use crate::placement::Placement;
use crate::records::Folder;
use crate::spec::{BlockDevice, Kind, MachineSpec};

/// The group `disk` of all usual systems.
const DISK_GROUP: u32 = 6;

/// A device of the kernel's own that an emulator works with, by the kernel's list of devices (devices.txt).
pub struct Instrument {
    /// The keeper's name of the node.
    name: &'static str,
    major: u32,
    minor: u32,
    place: &'static str,
}

/// Gives programs their ends of taps.
const TAP_MAKER: Instrument = Instrument { name: "tun", major: 10, minor: 200, place: "/dev/net/tun" };
const KVM: Instrument = Instrument { name: "kvm", major: 10, minor: 232, place: "/dev/kvm" };

/// Those of a machine.
pub fn instruments(spec: &MachineSpec) -> impl Iterator<Item = &'static Instrument> {
    let emulates = spec.kind == Kind::Emulator;
    [(emulates, &TAP_MAKER), (emulates && spec.kvm, &KVM)]
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, it)| it)
}

impl Instrument {
    /// The keeper's node.
    pub fn node(&self, folder: &Folder) -> PathBuf {
        folder.devices().join(self.name)
    }

    /// In a machine: the node in its place.
    pub fn put(&self, node: &OwnedFd) -> io::Result<()> {
        let place = Path::new(self.place);
        fs::create_dir_all(place.parent().expect("it lies in /dev"))?;
        File::options().write(true).create_new(true).open(place)?;
        mounts::attach(node, place)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.place)))
    }
}

/// How a process that detaches a device ends when that is in use.
pub const BUSY: i32 = 16;

pub struct Devices {
    pub folder: Folder,
    pub placement: Placement,
    /// The machine's root as the host sees it.
    owner: u32,
    pub list: Vec<BlockDevice>,
    /// The name of the device that the machine's root is on: it stays.
    pub root: Option<String>,
}

/// The keeper's node of a device.
pub fn node(folder: &Folder, name: &str) -> PathBuf {
    nodes(folder).join(name)
}

pub fn nodes(folder: &Folder) -> PathBuf {
    folder.devices().join("dev")
}

/// Where a mount is put together.
pub fn workplace(folder: &Folder) -> PathBuf {
    folder.devices().join("at")
}

impl Devices {
    /// Makes the place for nodes, and those that the machine starts with.
    pub fn prepare(
        folder: &Folder,
        placement: &Placement,
        owner: u32,
        spec: &MachineSpec,
    ) -> io::Result<Self> {
        let place = folder.devices();
        match fs::create_dir(&place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        mounts::mount("tmpfs", &place, NO_SUID | NO_EXEC, "mode=700,size=64k,nr_inodes=512")?;
        fs::create_dir(nodes(folder))?;
        fs::create_dir(workplace(folder))?;
        let (folder, placement) = (folder.clone(), placement.clone());
        let root = spec.root_device.as_ref().map(|device| device.name.clone());
        let mut devices = Self { folder, placement, owner, list: Vec::new(), root };
        for device in spec.all_devices() {
            devices.admit(device)?;
            devices.list.push(device.clone());
        }
        if let Some(device) = &spec.root_device {
            devices.protect(device)?;
        }
        for instrument in instruments(spec) {
            devices.admit_instrument(instrument)?;
        }
        Ok(devices)
    }

    /// A node of its own, since the host's may be for root only. What it may be used for follows from the user
    /// namespace: taps that belong to the machine's root, in the machine's network.
    fn admit_instrument(&self, instrument: &Instrument) -> io::Result<()> {
        let node = instrument.node(&self.folder);
        let (major, minor) = (instrument.major, instrument.minor);
        file_systems::make_character_node(&node, major, minor)?;
        chown(&node, Some(self.owner), Some(self.owner))?;
        fs::set_permissions(&node, fs::Permissions::from_mode(0o600))?;
        self.placement.allow_character_device(major, minor)
    }

    /// The root's device is for reading: writing to it past its file system, which the kernel has mounted, breaks that,
    /// and perhaps the kernel. The machine's root owns the node, but the mount of it that every machine's /dev is copied
    /// from is read-only, for ever as soon as it crosses into the user namespace: so its rights stay as they are. Its
    /// group is nobody's there, so that a capability over files does not count for it.
    fn protect(&self, device: &BlockDevice) -> io::Result<()> {
        let node = node(&self.folder, &device.name);
        chown(&node, Some(self.owner), Some(0))?;
        fs::set_permissions(&node, fs::Permissions::from_mode(0o400))?;
        mounts::bind(&node, &node)?;
        mounts::make_read_only(&node)
    }

    /// A single program has its root, and no device.
    pub fn conceal(&mut self, device: &BlockDevice) -> io::Result<()> {
        self.list.retain(|one| one != device);
        self.placement.deny_device(device.major, device.minor)
    }

    /// Makes a node and lets the machine use the device. It is not in the list yet.
    pub fn admit(&self, device: &BlockDevice) -> io::Result<()> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", device.path.display()));
        let facts = fs::metadata(&device.path).map_err(named)?;
        let number = file_systems::number(device.major, device.minor);
        if !facts.file_type().is_block_device() || facts.rdev() != number {
            let (path, major, minor) = (device.path.display(), device.major, device.minor);
            return Err(io::Error::other(format!("{path} is not the block device {major}:{minor}")));
        }
        let node = node(&self.folder, &device.name);
        revoke(&node).ok();
        file_systems::make_node(&node, device.major, device.minor)?;
        chown(&node, Some(self.owner), Some(self.owner + DISK_GROUP))?;
        fs::set_permissions(&node, fs::Permissions::from_mode(0o660))?;
        self.placement.allow_device(device.major, device.minor).map_err(|error| {
            io::Error::new(error.kind(), format!("allowing the device in the control group: {error}"))
        })
    }

    /// Takes the right to use a device away for good.
    pub fn withdraw(&self, device: &BlockDevice) -> io::Result<()> {
        self.placement.deny_device(device.major, device.minor)?;
        revoke(&node(&self.folder, &device.name))
    }
}

/// Nobody in a machine can open this node any more, by whatever mount or descriptor of it.
fn revoke(node: &Path) -> io::Result<()> {
    match chown(node, Some(0), Some(0)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    fs::set_permissions(node, fs::Permissions::from_mode(0o000))?;
    fs::remove_file(node)
}

/// What a fork of the keeper needs to reach a machine that runs.
pub struct Reach<'a> {
    pub folder: &'a Folder,
    pub users: &'a OwnedFd,
    /// Process 1.
    pub first: i32,
}

impl Reach<'_> {
    fn first_mounts(&self) -> io::Result<File> {
        File::open(format!("/proc/{}/ns/mnt", self.first))
    }

    /// Shows a node in the machine's /dev, with the machine's rights.
    pub fn show(&self, device: &BlockDevice) -> Result<(), Failure> {
        let step = "showing the block device in the machine";
        let mounts_of_first = self.first_mounts().at(step)?;
        let node = self.taken_along(&node(self.folder, &device.name)).at(step)?;
        let facts = mounts::copy(&listed::facts(self.folder, device)).ok();
        process::enter(mounts_of_first.as_fd(), libc::CLONE_NEWNS).at(step)?;
        process::become_user(0, 0).at(step)?;
        put(device, &node, facts.as_ref()).at(step)
    }

    /// Enters the machine's user namespace, and copies a mount of the keeper's there: what the mount refuses it refuses
    /// for ever, since it crossed into a user namespace (mount_namespaces(7)).
    pub fn taken_along(&self, place: &Path) -> io::Result<OwnedFd> {
        process::enter(self.users.as_fd(), libc::CLONE_NEWUSER)?;
        process::unshare(libc::CLONE_NEWNS)?;
        mounts::copy(place)
    }

    /// Takes a device away from the machine; the answer is the process's end.
    pub fn hide(&self, devices: &Devices, device: &BlockDevice, force: bool) -> Result<i32, Failure> {
        let step = "detaching the block device";
        // Held until the node is dead: in between, nobody can mount it.
        let claim = File::options()
            .read(true)
            .custom_flags(libc::O_EXCL | libc::O_NONBLOCK)
            .open(node(self.folder, &device.name));
        let busy = claim.as_ref().is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY));
        if busy && !force {
            return Ok(BUSY);
        }
        let found = if busy { self.mounted(device) } else { Vec::new() };
        devices.withdraw(device).at(step)?;
        drop(claim);
        // The rest is tidiness: what is seen leads to nothing.
        self.clear(device, &found).ok();
        Ok(0)
    }

    /// Where process 1 sees the device mounted, the latest first.
    fn mounted(&self, device: &BlockDevice) -> Vec<PathBuf> {
        let text = fs::read_to_string(format!("/proc/{}/mountinfo", self.first)).unwrap_or_default();
        let mut found = mounted_in(&text, device.major, device.minor);
        found.reverse();
        found
    }

    fn clear(&self, device: &BlockDevice, mounted: &[PathBuf]) -> io::Result<()> {
        let mounts_of_first = self.first_mounts()?;
        process::enter(self.users.as_fd(), libc::CLONE_NEWUSER)?;
        process::enter(mounts_of_first.as_fd(), libc::CLONE_NEWNS)?;
        process::become_user(0, 0)?;
        for place in mounted {
            mounts::detach(place).ok();
        }
        let place = Path::new("/dev").join(&device.name);
        mounts::detach(&place).ok();
        listed::take(device).ok();
        if is_placeholder(&place) {
            fs::remove_file(&place)?;
        }
        if let Some(link) = link_of(device)
            && fs::read_link(&link).is_ok_and(|target| target == link_target(device))
        {
            fs::remove_file(link)?;
        }
        Ok(())
    }
}

/// In a machine: a node under its name in /dev, and the link to it.
pub fn put(device: &BlockDevice, node: &OwnedFd, facts: Option<&OwnedFd>) -> io::Result<()> {
    let place = Path::new("/dev").join(&device.name);
    let made = File::options().write(true).create_new(true).mode(0o600).open(&place);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_placeholder(&place) => {}
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", place.display()))),
        Ok(_) => {}
    }
    mounts::attach(node, &place)?;
    if let Some(facts) = facts {
        // The machine may have changed what lies there; its device is of use all the same.
        listed::put(device, facts).ok();
    }
    let Some(link) = link_of(device) else { return Ok(()) };
    fs::create_dir_all(link.parent().expect("it lies in /dev/disk/by-id"))?;
    fs::remove_file(&link).ok();
    symlink(link_target(device), link)
}

/// An empty file, as one is below each node.
fn is_placeholder(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|facts| facts.is_file() && facts.len() == 0)
}

fn link_of(device: &BlockDevice) -> Option<PathBuf> {
    device.by_id.as_ref().map(|by_id| Path::new("/dev/disk/by-id").join(by_id))
}

fn link_target(device: &BlockDevice) -> PathBuf {
    Path::new("../..").join(&device.name)
}

/// The places in a mountinfo (proc_pid_mountinfo(5)) where a device is mounted.
fn mounted_in(mountinfo: &str, major: u32, minor: u32) -> Vec<PathBuf> {
    let number = format!("{major}:{minor}");
    let line = |line: &str| {
        let mut words = line.split(' ').skip(2);
        let (found, _root, place) = (words.next()?, words.next()?, words.next()?);
        (found == number).then(|| unescaped(place))
    };
    mountinfo.lines().filter_map(line).collect()
}

/// Blanks and the like are written as three octal digits there.
fn unescaped(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| byte == b'\\') {
            Some(meant) => {
                bytes.push(meant);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_of_a_device_are_found_by_its_numbers() {
        let text = "\
22 1 0:20 / / rw - overlay overlay rw
80 22 7:3 / /data rw,nodev - ext4 /dev/xvdf rw
81 22 7:31 / /other rw - ext4 /dev/xvdg rw
82 80 7:3 /sub /a\\040b\\134c rw - ext4 /dev/xvdf rw
";
        assert_eq!(mounted_in(text, 7, 3), [Path::new("/data"), Path::new("/a b\\c")]);
        assert_eq!(mounted_in(text, 7, 4), [] as [&Path; 0]);
    }
}
