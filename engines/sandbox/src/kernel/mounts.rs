//! Mounts, among them those that map user ids.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

use super::{c_path, c_string, checked};

pub const READ_ONLY: libc::c_ulong = libc::MS_RDONLY;
pub const NO_SUID: libc::c_ulong = libc::MS_NOSUID;
pub const NO_DEV: libc::c_ulong = libc::MS_NODEV;
pub const NO_EXEC: libc::c_ulong = libc::MS_NOEXEC;

/// A new file system of that kind.
pub fn mount(kind: &str, target: &Path, flags: libc::c_ulong, options: &str) -> io::Result<()> {
    let (name, target, options) =
        (c_string(kind.as_bytes())?, c_path(target)?, c_string(options.as_bytes())?);
    raw_mount(&name, &target, &name, flags, &options)
}

/// The folder or file `source` is to be seen at `target` too, with everything mounted below it.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    raw_mount(&c_path(source)?, &c_path(target)?, c"", libc::MS_BIND | libc::MS_REC, c"")
}

/// Makes one mount (not those below) read-only.
pub fn make_read_only(target: &Path) -> io::Result<()> {
    change(target, libc::MOUNT_ATTR_RDONLY)
}

/// Adds attributes to one mount, as `MOUNT_ATTR_…`.
pub fn change(target: &Path, add: u64) -> io::Result<()> {
    let target = c_path(target)?;
    let attributes = libc::mount_attr { attr_set: add, attr_clr: 0, propagation: 0, userns_fd: 0 };
    set_attributes(libc::AT_FDCWD, &target, 0, &attributes)
}

/// Nothing that is mounted here is seen elsewhere. What the host unmounts goes here too: a keeper would hold it for as
/// long as its machine lives.
pub fn make_slave() -> io::Result<()> {
    raw_mount(c"none", c"/", c"", libc::MS_REC | libc::MS_SLAVE, c"")
}

fn raw_mount(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: libc::c_ulong,
    options: &CStr,
) -> io::Result<()> {
    // SAFETY: terminated strings that live across the call.
    let answer = unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    };
    checked(answer.into()).map(drop)
}

fn set_attributes(
    folder: libc::c_int,
    path: &CStr,
    flags: libc::c_int,
    attributes: &libc::mount_attr,
) -> io::Result<()> {
    let size = size_of::<libc::mount_attr>();
    // SAFETY: a terminated string and a structure of the size that is said, living across the call.
    let answer = unsafe {
        libc::syscall(libc::SYS_mount_setattr, folder, path.as_ptr(), flags, ptr::from_ref(attributes), size)
    };
    checked(answer).map(drop)
}

/// A copy of the mount at `source`, not attached anywhere yet, in which the ids on disk appear as those of the user
/// namespace: what 0 owns on disk belongs to the guest's root.
pub fn mapped_copy(source: &Path, users: BorrowedFd<'_>, read_only: bool) -> io::Result<OwnedFd> {
    let copy = copy(source)?;
    let read_only = if read_only { libc::MOUNT_ATTR_RDONLY } else { 0 };
    map(copy.as_fd(), users, libc::MOUNT_ATTR_NODEV | read_only)?;
    Ok(copy)
}

/// The ids on disk of a mount that is attached nowhere yet appear as those of the user namespace, and it has the
/// attributes too.
pub fn map(mount: BorrowedFd<'_>, users: BorrowedFd<'_>, add: u64) -> io::Result<()> {
    let attr_set = libc::MOUNT_ATTR_IDMAP | add;
    let userns_fd = users.as_raw_fd() as u64;
    let attributes = libc::mount_attr { attr_set, attr_clr: 0, propagation: 0, userns_fd };
    set_attributes(mount.as_raw_fd(), c"", libc::AT_EMPTY_PATH, &attributes)
}

/// A copy of the mount at `source`, not attached anywhere yet, from that folder or file on, without what is mounted below.
pub fn copy(source: &Path) -> io::Result<OwnedFd> {
    let source = c_path(source)?;
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: a terminated string; the new descriptor is owned by nobody else.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, source.as_ptr(), flags))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Attaches what [`mapped_copy`] made.
pub fn attach(copy: &OwnedFd, target: &Path) -> io::Result<()> {
    attach_with(copy, target, 0)
}

/// As [`attach`], where links may lead to the target, as mount(2) has it.
pub fn attach_following(copy: &OwnedFd, target: &Path) -> io::Result<()> {
    const MOVE_MOUNT_T_SYMLINKS: libc::c_uint = 0x10;
    const MOVE_MOUNT_T_AUTOMOUNTS: libc::c_uint = 0x20;
    attach_with(copy, target, MOVE_MOUNT_T_SYMLINKS | MOVE_MOUNT_T_AUTOMOUNTS)
}

fn attach_with(copy: &OwnedFd, target: &Path, flags: libc::c_uint) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    let target = c_path(target)?;
    let from = copy.as_fd().as_raw_fd();
    // SAFETY: terminated strings that live across the call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            from,
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            flags | MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    checked(answer).map(drop)
}

/// Detaches a mount now; it is gone when nobody uses it any more.
pub fn detach(target: &Path) -> io::Result<()> {
    let target = c_path(target)?;
    // SAFETY: a terminated string that lives across the call.
    checked(unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW) }.into())
        .map(drop)
}

/// The working folder, which is a mount, becomes the root of this mount namespace, and the old root is gone.
pub fn pivot_here() -> io::Result<()> {
    // SAFETY: terminated strings. Both folders being one stacks the old root upon the new one (pivot_root(2)), from
    // where it is detached.
    unsafe {
        checked(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
        checked(libc::umount2(c".".as_ptr(), libc::MNT_DETACH).into())?;
        checked(libc::chdir(c"/".as_ptr()).into())?;
    }
    Ok(())
}

/// Whether the kernel knows mounts that map ids: it complains of the descriptor, not of the call.
pub fn can_map() -> bool {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::MAX,
    };
    let answer = set_attributes(libc::AT_FDCWD, c"/", 0, &attributes);
    answer.is_err_and(|error| error.raw_os_error() != Some(libc::ENOSYS))
}

/// Whether the file system at this path is mounted read-only.
pub fn is_read_only(path: &Path) -> bool {
    let Ok(path) = c_path(path) else { return false };
    // SAFETY: a terminated string.
    let answer = unsafe { libc::access(path.as_ptr(), libc::W_OK) };
    answer != 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EROFS)
}
