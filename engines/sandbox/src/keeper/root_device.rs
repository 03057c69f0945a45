//! A root file system on a block device: claimed, checked, grown and mounted before the machine starts, and let go when
//! it has ended.
//!
//! Forks do it, as with all that touches a device: one that hangs holds up its own machine's launch, and the keeper can
//! still give up. What the fork mounted it hands over as a descriptor. The lock that comes along is held by the keeper
//! for as long as it lives: the kernel would mount one device for two machines without a word.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::checking::{self, Programs};
use super::devices;
use super::superblock::Superblock;
use super::talk::Failure;
use crate::kernel::file_systems::{self, Draft};
use crate::kernel::process::{self, Exit};
use crate::kernel::{descriptors, mounts};
use crate::limits::{
    CLAIM_MILLIS_MAX, COMPLAINT_BYTES_MAX, GROWTH_BYTES_MIN, LOOK_MILLIS, RELEASE_MILLIS_MAX, ROOT_MILLIS_MAX,
};
use crate::placement::Placement;
use crate::records::Folder;
use crate::spec::BlockDevice;

const STEP: &str = "the root file system";

/// What a fork says when all went well.
const MOUNTED: &[u8] = b"mounted";

/// Mounts attached at one place, at most: the root, and what covers it.
const STACKED_MAX: usize = 4;

/// What is needed to mount a machine's root device.
pub struct RootDevice<'a> {
    pub folder: &'a Folder,
    pub placement: &'a Placement,
    pub users: &'a OwnedFd,
    /// The machine's root as the host sees it.
    pub owner: u32,
    pub device: &'a BlockDevice,
}

/// The claim to a device, as long as this lives.
pub struct Claim {
    _lock: OwnedFd,
}

impl RootDevice<'_> {
    /// Has the root mounted at its place. A failure is a sentence.
    pub fn mount(&self) -> Result<Claim, Failure> {
        let failed = |cause: String| Failure { step: STEP, cause };
        let named = |error: io::Error| failed(format!("{}: {error}", self.device.name));
        let (ours, theirs) = descriptors::pair().map_err(named)?;
        let node = self.programs_node();
        // Made here: in the machine's control groups nobody makes nodes.
        file_systems::make_node(&node, self.device.major, self.device.minor).map_err(named)?;
        fs::set_permissions(&node, fs::Permissions::from_mode(0o600)).map_err(named)?;
        chown(&node, Some(self.owner), Some(self.owner)).map_err(named)?;
        let own = process::id();
        let Some(child) = process::fork().map_err(named)? else {
            drop(ours);
            let made =
                process::die_with_parent(own).map_err(|error| error.to_string()).and_then(|()| self.make());
            let told = match &made {
                Ok((mount, lock)) => {
                    descriptors::send(theirs.as_fd(), MOUNTED, &[mount.as_fd(), lock.as_fd()])
                }
                Err(cause) => descriptors::send(theirs.as_fd(), cause.as_bytes(), &[]),
            };
            process::leave(i32::from(told.is_err()))
        };
        drop(theirs);
        let limit = ROOT_MILLIS_MAX + CLAIM_MILLIS_MAX;
        if descriptors::wait_readable(&[ours.as_fd()], limit).map_err(named)? == [false] {
            process::kill(child, libc::SIGKILL).ok();
            return Err(failed(format!("{} took longer than {} s", self.device.name, limit / 1000)));
        }
        let mut words = vec![0; 2 * COMPLAINT_BYTES_MAX];
        let (length, carried) = descriptors::receive(ours.as_fd(), &mut words).map_err(named)?;
        process::wait(child).map_err(named)?;
        fs::remove_file(&node).map_err(named)?;
        let mut carried = carried.into_iter();
        match (&words[..length], carried.next(), carried.next()) {
            (MOUNTED, Some(mount), Some(lock)) => {
                mounts::attach(&mount, &self.folder.root()).map_err(named)?;
                Ok(Claim { _lock: lock })
            }
            (words, ..) => Err(failed(String::from_utf8_lossy(words).into_owned())),
        }
    }

    /// In the fork: the mount, attached nowhere, and the lock.
    fn make(&self) -> Result<(OwnedFd, OwnedFd), String> {
        let name = &self.device.name;
        let named = |error: io::Error| format!("{name}: {error}");
        process::set_name("fb-helper");
        self.placement.join_beside().map_err(named)?;
        let lock = self.claim()?;
        process::unshare(libc::CLONE_NEWNS).map_err(named)?;
        // In this process /dev has the machine's devices alone, so that the kernel finds the device by the name that is
        // to be seen in the machine's /proc/mounts.
        mounts::bind(&devices::nodes(self.folder), Path::new("/dev")).map_err(named)?;
        let node = Path::new("/dev").join(name);
        let mut device = File::open(&node).map_err(named)?;
        let superblock = self.superblock(&device)?;
        let superblock = self.checked(&device, superblock)?;
        let size = device.seek(SeekFrom::End(0)).map_err(named)?;
        if superblock.bytes() > size {
            let bytes = superblock.bytes();
            return Err(format!("the file system on {name} has {bytes} bytes, the device has {size}"));
        }
        if size - superblock.bytes() >= GROWTH_BYTES_MIN {
            self.grow(&superblock)?;
        }
        drop(device);
        self.draft(&node).map(|mount| (mount, lock)).map_err(|error| {
            let hint = match error.raw_os_error() {
                Some(libc::EINVAL | libc::EUCLEAN | libc::EBADMSG) => {
                    " (the kernel does not know such an ext4, or finds it damaged; its log says more)"
                }
                _ => "",
            };
            format!("{name} cannot be mounted: {error}{hint}")
        })
    }

    /// Waits until nobody else has the device, and takes it.
    fn claim(&self) -> Result<OwnedFd, String> {
        let BlockDevice { path, major, minor, .. } = self.device;
        let named = |error: io::Error| format!("{}: {error}", path.display());
        let open = |flags| File::options().read(true).custom_flags(libc::O_NONBLOCK | flags).open(path);
        let file = open(0).map_err(named)?;
        let facts = file.metadata().map_err(named)?;
        if !facts.file_type().is_block_device() || facts.rdev() != file_systems::number(*major, *minor) {
            return Err(format!("{} is not the block device {major}:{minor}", path.display()));
        }
        let others = || format!("{} is in use: something else has it mounted or open", path.display());
        let mut naps = 0..CLAIM_MILLIS_MAX / LOOK_MILLIS;
        while file.try_lock().is_err() {
            naps.next().ok_or_else(others)?;
            process::nap(1000 * LOOK_MILLIS as u32);
        }
        match file_systems::await_free(path, CLAIM_MILLIS_MAX) {
            Ok(true) => Ok(file.into()),
            Ok(false) => Err(others()),
            Err(error) => Err(named(error)),
        }
    }

    fn superblock(&self, device: &File) -> Result<Superblock, String> {
        let name = &self.device.name;
        let found = Superblock::read(device).map_err(|error| format!("{name} cannot be read: {error}"))?;
        let found = found.ok_or_else(|| {
            format!("{name} has no ext4 file system as a whole; roots of other kinds and in partitions cannot be started")
        })?;
        match found.reaches_elsewhere() {
            true => Err(format!(
                "the file system on {name} keeps its journal elsewhere, or asks for options it may not have"
            )),
            false => Ok(found),
        }
    }

    /// As systems do at their start after a crash.
    fn checked(&self, device: &File, superblock: Superblock) -> Result<Superblock, String> {
        let in_doubt = superblock.is_in_doubt();
        if !in_doubt && !superblock.is_unfinished() {
            return Ok(superblock);
        }
        match checking::find("e2fsck") {
            Some(program) => self.check(&program, &["-p"])?,
            None if in_doubt => {
                let name = &self.device.name;
                return Err(format!(
                    "the file system on {name} has to be checked, and the host has no e2fsck"
                ));
            }
            // The kernel replays the journal when it mounts it.
            None => return Ok(superblock),
        }
        self.superblock(device)
    }

    fn check(&self, program: &Path, options: &[&str]) -> Result<(), String> {
        let name = &self.device.name;
        let outcome = self.programs(|programs| programs.run(program, options))?;
        match outcome.exit {
            // "errors corrected", and "should be rebooted" (e2fsck(8)), which is of file systems that are mounted.
            Exit::Code(0..=3) => Ok(()),
            exit => Err(format!(
                "the file system on {name} is damaged and e2fsck cannot repair it without being asked ({exit:?}): {}",
                outcome.words
            )),
        }
    }

    /// The file system becomes as large as its device. Where that cannot be, it stays as it is and is of use.
    fn grow(&self, superblock: &Superblock) -> Result<(), String> {
        let (Some(resize), Some(check)) = (checking::find("resize2fs"), checking::find("e2fsck")) else {
            return Ok(());
        };
        if superblock.is_used_since_check() {
            self.check(&check, &["-f", "-p"])?;
        }
        let outcome = self.programs(|programs| programs.run(&resize, &[]))?;
        match outcome.exit {
            Exit::Code(0) => Ok(()),
            // Whatever it left half done is repaired, or found not to be repairable, now.
            _ => self.check(&check, &["-f", "-p"]),
        }
    }

    /// The node for programs that check the device, which they may write to as the machine itself may not.
    fn programs_node(&self) -> PathBuf {
        self.folder.devices().join("checked")
    }

    fn programs<T>(&self, run: impl FnOnce(&Programs<'_>) -> io::Result<T>) -> Result<T, String> {
        let (place, node) = (devices::workplace(self.folder), self.programs_node());
        run(&Programs { place: &place, node: &node, device: self.device, user: self.owner })
            .map_err(|error| format!("checking {}: {error}", self.device.name))
    }

    fn draft(&self, node: &Path) -> io::Result<OwnedFd> {
        let draft = Draft::new("ext4")?;
        draft.string("source", &node.to_string_lossy())?;
        // A superblock may say "panic".
        draft.string("errors", "remount-ro")?;
        // The blocks that are set aside for root are the machine's root's.
        draft.string("resuid", &self.owner.to_string())?;
        // Zeroes need not be written where a volume begins with them: they would take space.
        draft.flag("noinit_itable")?;
        let mount = draft.mount(libc::MOUNT_ATTR_NODEV)?;
        mounts::map(mount.as_fd(), self.users.as_fd(), 0)?;
        Ok(mount)
    }
}

/// Unmounts a machine's root, when its processes have ended: what it wrote reaches the device. When this answers, nobody
/// has that open, unless it hangs.
pub fn release(folder: &Folder, device: &BlockDevice) {
    let Ok(child) = process::fork() else { return };
    let Some(child) = child else {
        process::set_name("fb-helper");
        for _ in 0..STACKED_MAX {
            if mounts::detach(&folder.root()).is_err() {
                break;
            }
        }
        // A command that was executed in the machine may hold its mounts for a moment yet.
        let free = file_systems::await_free(&device.path, RELEASE_MILLIS_MAX);
        process::leave(i32::from(!matches!(free, Ok(true))))
    };
    if let Ok(handle) = process::pidfd(child)
        && descriptors::wait_readable(&[handle.as_fd()], RELEASE_MILLIS_MAX).is_ok_and(|over| over == [true])
    {
        process::wait(child).ok();
    } else {
        process::kill(child, libc::SIGKILL).ok();
    }
}
