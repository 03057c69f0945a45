//! Pseudo-terminals: what a machine takes for its serial console.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{c_path, checked};

/// A terminal: the end that we read, the end that the machine writes, and the latter's path.
#[derive(Debug)]
pub struct Terminal {
    pub master: OwnedFd,
    pub slave: OwnedFd,
    pub path: PathBuf,
}

/// A terminal that belongs to the given user and group.
pub fn open(user: u32, group: u32) -> io::Result<Terminal> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    let mut name = [0_u8; 64];
    // SAFETY: room for the name is as large as is said; new descriptors are owned by nobody else.
    let (master, path) = unsafe {
        let master = OwnedFd::from_raw_fd(checked(libc::posix_openpt(flags).into())? as i32);
        checked(libc::unlockpt(master.as_raw_fd()).into())?;
        let failed = libc::ptsname_r(master.as_raw_fd(), name.as_mut_ptr().cast(), name.len());
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        let name = CStr::from_bytes_until_nul(&name).map_err(io::Error::other)?;
        (master, PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes())))
    };
    let terminated = c_path(&path)?;
    // SAFETY: as above.
    let slave = unsafe {
        let slave = OwnedFd::from_raw_fd(checked(libc::open(terminated.as_ptr(), flags).into())? as i32);
        checked(libc::fchown(slave.as_raw_fd(), user, group).into())?;
        checked(libc::fchmod(slave.as_raw_fd(), 0o600).into())?;
        slave
    };
    Ok(Terminal { master, slave, path })
}
