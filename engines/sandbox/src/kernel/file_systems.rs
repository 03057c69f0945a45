//! File systems of block devices, mounted in steps, so that what is mounted can be changed before anybody sees it.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::ptr;

use super::{c_string, checked};
use crate::limits::LOOK_MILLIS;

const FSCONFIG_SET_FLAG: libc::c_uint = 0;
const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;

/// A file system that is being described.
pub struct Draft(OwnedFd);

impl Draft {
    pub fn new(kind: &str) -> io::Result<Self> {
        let kind = c_string(kind.as_bytes())?;
        const FSOPEN_CLOEXEC: libc::c_uint = 1;
        // SAFETY: a terminated string; the new descriptor is owned by nobody else.
        unsafe {
            let fd = checked(libc::syscall(libc::SYS_fsopen, kind.as_ptr(), FSOPEN_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw_fd(fd as i32)))
        }
    }

    pub fn flag(&self, key: &str) -> io::Result<()> {
        self.configure(FSCONFIG_SET_FLAG, Some(&c_string(key.as_bytes())?), None)
    }

    pub fn string(&self, key: &str, value: &str) -> io::Result<()> {
        let (key, value) = (c_string(key.as_bytes())?, c_string(value.as_bytes())?);
        self.configure(FSCONFIG_SET_STRING, Some(&key), Some(&value))
    }

    /// Reads the device. Answers with a mount that is attached nowhere, with attributes as `MOUNT_ATTR_…`.
    pub fn mount(self, attributes: u64) -> io::Result<OwnedFd> {
        const FSMOUNT_CLOEXEC: libc::c_uint = 1;
        self.configure(FSCONFIG_CMD_CREATE, None, None)?;
        // SAFETY: no pointers; the new descriptor is owned by nobody else.
        unsafe {
            let fd = checked(libc::syscall(
                libc::SYS_fsmount,
                self.0.as_raw_fd(),
                FSMOUNT_CLOEXEC,
                attributes as libc::c_uint,
            ))?;
            Ok(OwnedFd::from_raw_fd(fd as i32))
        }
    }

    fn configure(&self, command: libc::c_uint, key: Option<&CStr>, value: Option<&CStr>) -> io::Result<()> {
        let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: terminated strings or null, as the command wants, living across the call.
        let answer = unsafe {
            libc::syscall(libc::SYS_fsconfig, self.0.as_raw_fd(), command, pointer(key), pointer(value), 0)
        };
        checked(answer).map(drop)
    }
}

/// Which file system an open file lies in, as `statfs` numbers them.
pub fn kind_of(file: BorrowedFd<'_>) -> io::Result<i64> {
    // SAFETY: plain data, for which zeroes are a value, living across the call.
    unsafe {
        let mut facts: libc::statfs = std::mem::zeroed();
        checked(libc::fstatfs(file.as_raw_fd(), &raw mut facts).into())?;
        Ok(facts.f_type as i64)
    }
}

/// Grows the mounted file system that the file lies in, by a request that reads `argument`.
pub fn grow(file: BorrowedFd<'_>, request: u32, argument: &[u8; 16]) -> io::Result<()> {
    // SAFETY: both requests read 8 or 16 bytes of the buffer, which lives across the call.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), request as libc::Ioctl, argument.as_ptr()) }.into())
        .map(drop)
}

/// Waits until nobody has a block device mounted or to himself; false when the time is over.
pub fn await_free(device: &std::path::Path, millis: i32) -> io::Result<bool> {
    let mut naps = 0..millis / LOOK_MILLIS;
    loop {
        let flags = libc::O_EXCL | libc::O_NONBLOCK;
        match File::options().read(true).custom_flags(flags).open(device) {
            Ok(_) => return Ok(true),
            Err(error) if error.raw_os_error() != Some(libc::EBUSY) => return Err(error),
            Err(_) if naps.next().is_none() => return Ok(false),
            Err(_) => super::process::nap(1000 * LOOK_MILLIS as u32),
        }
    }
}

/// A node of a block device, for nobody yet.
pub fn make_node(at: &std::path::Path, major: u32, minor: u32) -> io::Result<()> {
    make_node_of(libc::S_IFBLK, at, major, minor)
}

/// A node of a character device, for nobody yet.
pub fn make_character_node(at: &std::path::Path, major: u32, minor: u32) -> io::Result<()> {
    make_node_of(libc::S_IFCHR, at, major, minor)
}

fn make_node_of(kind: libc::mode_t, at: &std::path::Path, major: u32, minor: u32) -> io::Result<()> {
    let at = super::c_path(at)?;
    // SAFETY: a terminated string that lives across the call.
    checked(unsafe { libc::mknod(at.as_ptr(), kind, libc::makedev(major, minor)) }.into()).map(drop)
}

/// Major and minor number as one, as in `st_rdev`.
pub fn number(major: u32, minor: u32) -> u64 {
    libc::makedev(major, minor)
}
