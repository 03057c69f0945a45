//! Mounting a machine's own block devices for it, in answer to mount(2). The kernel lets no guest do that: a file system
//! on a device is read by the kernel itself, so only the host's root may mount one.
//!
//! A process forked for that one call does it, in the machine's control groups, so that a device that hangs holds up
//! this call and nothing else. The mount is made by the numbers of a device that the machine has, never by a path of the
//! guest's; its ids are mapped; device nodes in it are dead, and that is locked; then it is attached with the guest's
//! rights, at the place that the caller means. What is not about the machine's own devices goes its usual way.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::devices::{self, Devices, Reach};
use super::namespaces;
use super::options::{self, Kind};
use crate::kernel::file_systems::{self, Draft};
use crate::kernel::notify::{EXT4_RESIZE, Notice, Reply};
use crate::kernel::process::Exit;
use crate::kernel::{descriptors, memory, mounts, notify, process};
use crate::limits::{MOUNT_OPTIONS_BYTES_MAX, MOUNT_TYPE_BYTES_MAX, PATH_BYTES_MAX};
use crate::spec::BlockDevice;

/// By number, as in linux/capability.h.
const SYS_ADMIN: u32 = 21;
const SYS_RESOURCE: u32 = 24;

/// One call to answer.
pub struct Mounting<'a> {
    pub notice: Notice,
    pub listener: &'a OwnedFd,
    pub devices: &'a Devices,
    pub reach: Reach<'a>,
}

/// Who made the call.
struct Caller {
    process: i32,
    capabilities: u64,
    root: File,
    folder: File,
    mounts: File,
}

impl Caller {
    fn of(thread: i32, users: &OwnedFd) -> io::Result<Option<Self>> {
        let proc = format!("/proc/{thread}");
        if !namespaces::is(users, &format!("{proc}/ns/user"))? {
            return Ok(None);
        }
        let status = fs::read_to_string(format!("{proc}/status"))?;
        let field = |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim()));
        let process = field("Tgid:").and_then(|text| text.parse().ok());
        let capabilities = field("CapEff:").and_then(|text| u64::from_str_radix(text, 16).ok());
        let (Some(process), Some(capabilities)) = (process, capabilities) else {
            return Ok(None);
        };
        let path =
            |name: &str| File::options().read(true).custom_flags(libc::O_PATH).open(format!("{proc}/{name}"));
        Ok(Some(Self {
            process,
            capabilities,
            root: path("root")?,
            folder: path("cwd")?,
            mounts: File::open(format!("{proc}/ns/mnt"))?,
        }))
    }

    fn may(&self, capability: u32) -> bool {
        self.capabilities >> capability & 1 == 1
    }

    /// This process stands where the caller does, with the rights of the machine's root.
    fn stand_beside(&self) -> io::Result<()> {
        process::enter(self.mounts.as_fd(), libc::CLONE_NEWNS)?;
        process::stand_where(self.root.as_fd(), self.folder.as_fd())?;
        process::become_user(0, 0)
    }
}

impl Mounting<'_> {
    /// Answers the call; the number is how this process ends.
    pub fn answer(&self) -> i32 {
        let outcome = match self.notice.call {
            libc::SYS_mount => self.mount(),
            libc::SYS_fsopen => self.open(),
            _ => self.grow(),
        };
        let reply = outcome.unwrap_or_else(|error| Reply::Refused(number_of(&error)));
        // The caller may have been killed meanwhile.
        notify::reply(self.listener.as_fd(), self.notice.id, reply).ok();
        0
    }

    fn text(&self, argument: usize, most: usize) -> io::Result<Vec<u8>> {
        memory::string(self.notice.pid, self.notice.arguments[argument], most)
    }

    /// The caller, if what was read of it so far was its own.
    fn caller(&self) -> io::Result<Option<Caller>> {
        let caller = Caller::of(self.notice.pid, self.reach.users)?;
        if !notify::still_waits(self.listener.as_fd(), self.notice.id) {
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        Ok(caller)
    }

    /// Programs that mount in steps take the older way, where everything is said in one call.
    fn open(&self) -> io::Result<Reply> {
        let kind = self.text(0, MOUNT_TYPE_BYTES_MAX).ok().and_then(|text| Kind::named(&text));
        Ok(kind.map_or(Reply::GoOn, |_| Reply::Refused(libc::ENOSYS)))
    }

    fn mount(&self) -> io::Result<Reply> {
        let Ok(name) = self.text(2, MOUNT_TYPE_BYTES_MAX) else { return Ok(Reply::GoOn) };
        let kind = Kind::named(&name);
        if kind.is_none() && !is_of_devices(&name) {
            return Ok(Reply::GoOn);
        }
        let source = self.text(0, PATH_BYTES_MAX)?;
        let target = self.text(1, PATH_BYTES_MAX)?;
        let wanted = self.text(4, MOUNT_OPTIONS_BYTES_MAX)?;
        let flags = options::Flags::of(self.notice.arguments[3]);
        let caller = self.caller()?.filter(|caller| caller.may(SYS_ADMIN));
        let Some(caller) = caller else { return Ok(Reply::GoOn) };
        self.devices.placement.join_beside()?;
        let Some(device) = self.meant(&caller, &source)? else { return Ok(Reply::GoOn) };
        // Programs that try all kinds take this for a kind that the kernel does not know, and go on.
        let kind = kind.ok_or_else(|| error(libc::ENODEV))?;
        let wanted = options::read(kind, &wanted).ok_or_else(|| error(libc::EINVAL))?;

        // All of this process's own: it is gone with it, whatever happens.
        process::unshare(libc::CLONE_NEWNS)?;
        let workplace = devices::workplace(self.reach.folder);
        let made = self.make(device, kind, flags, &wanted)?;
        mounts::attach(&made, &workplace)?;
        drop(made);
        let handed = self.hand_over(&caller, &workplace, Path::new(std::ffi::OsStr::from_bytes(&target)));
        mounts::detach(&workplace)?;
        handed.map(|()| Reply::Done)
    }

    /// The device of this machine's that the caller means by a path, if any.
    fn meant(&self, caller: &Caller, source: &[u8]) -> io::Result<Option<&BlockDevice>> {
        let (mut found, tell) =
            descriptors::pipe().map(|(read, write)| (File::from(read), File::from(write)))?;
        in_child(|| {
            process::enter(self.reach.users.as_fd(), libc::CLONE_NEWUSER)?;
            caller.stand_beside()?;
            let path = Path::new(std::ffi::OsStr::from_bytes(source));
            let facts = File::options().read(true).custom_flags(libc::O_PATH).open(path)?.metadata()?;
            let number = if facts.file_type().is_block_device() { facts.rdev() } else { 0 };
            (&tell).write_all(&number.to_ne_bytes())
        })?;
        let mut number = [0; 8];
        found.read_exact(&mut number)?;
        let number = u64::from_ne_bytes(number);
        Ok(self.numbered(number))
    }

    fn numbered(&self, number: u64) -> Option<&BlockDevice> {
        self.devices.list.iter().find(|one| file_systems::number(one.major, one.minor) == number)
    }

    /// The mount, attached nowhere. In this process /dev has the machine's devices alone, so that the kernel finds the
    /// device by the name that is to be seen in the machine's /proc/mounts.
    fn make(
        &self,
        device: &BlockDevice,
        kind: Kind,
        flags: options::Flags,
        wanted: &[(String, Option<String>)],
    ) -> io::Result<OwnedFd> {
        mounts::bind(&devices::nodes(self.reach.folder), Path::new("/dev"))?;
        if kind == Kind::Ext4 {
            let mut superblock = [0; options::SUPERBLOCK_BYTES];
            let file = File::open(Path::new("/dev").join(&device.name))?;
            file.read_exact_at(&mut superblock, options::SUPERBLOCK_AT).map_err(|_| error(libc::EINVAL))?;
            if options::reaches_elsewhere(&superblock) {
                return Err(error(libc::EINVAL));
            }
        }
        let draft = Draft::new(kind.name())?;
        draft.string("source", &format!("/dev/{}", device.name))?;
        for flag in flags.of_file_system() {
            draft.flag(flag)?;
        }
        for (key, value) in wanted {
            match value {
                Some(value) => draft.string(key, value)?,
                None => draft.flag(key)?,
            }
        }
        let made = draft.mount(flags.of_mount())?;
        mounts::map(made.as_fd(), self.reach.users.as_fd(), 0)?;
        Ok(made)
    }

    fn hand_over(&self, caller: &Caller, from: &Path, target: &Path) -> io::Result<()> {
        in_child(|| {
            let mount = self.reach.taken_along(from)?;
            caller.stand_beside()?;
            mounts::attach_following(&mount, target)
        })
    }

    /// A mounted file system is to be as large as its device has become.
    fn grow(&self) -> io::Result<Reply> {
        let request = self.notice.arguments[1] as u32;
        let (kind, capability, length) = match request {
            EXT4_RESIZE => (Kind::Ext4, SYS_RESOURCE, 8),
            _ => (Kind::Xfs, SYS_ADMIN, 16),
        };
        let mut argument = [0; 16];
        memory::bytes(self.notice.pid, self.notice.arguments[2], &mut argument[..length])?;
        let caller = self.caller()?.filter(|caller| caller.may(capability));
        let Some(caller) = caller else { return Ok(Reply::GoOn) };
        let handle = process::pidfd(caller.process)?;
        let file = process::file_of(handle.as_fd(), self.notice.arguments[0] as i32)?;
        if !notify::still_waits(self.listener.as_fd(), self.notice.id) {
            return Err(error(libc::EINTR));
        }
        let file = File::from(file);
        let facts = file.metadata()?;
        let is_plain = facts.is_dir() || facts.is_file();
        if !is_plain
            || self.numbered(facts.dev()).is_none()
            || file_systems::kind_of(file.as_fd())? != kind.magic()
        {
            return Ok(Reply::GoOn);
        }
        self.devices.placement.join_beside()?;
        file_systems::grow(file.as_fd(), request, &argument)?;
        Ok(Reply::Done)
    }
}

/// Whether file systems of that kind are on block devices (proc_filesystems(5)).
fn is_of_devices(kind: &[u8]) -> bool {
    let known = fs::read("/proc/filesystems").unwrap_or_default();
    known.split(|byte| *byte == b'\n').any(|line| line.strip_prefix(b"\t") == Some(kind))
}

fn error(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

fn number_of(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// Does something in a fork of this process, which then is gone, namespaces and all.
fn in_child(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let own = process::id();
    let Some(child) = process::fork()? else {
        let done = process::die_with_parent(own).and_then(|()| work());
        process::leave(done.err().map_or(0, |error| number_of(&error)))
    };
    match process::wait(child)? {
        Exit::Code(0) => Ok(()),
        Exit::Code(number) => Err(error(number)),
        Exit::Signal(_) => Err(error(libc::EIO)),
    }
}
