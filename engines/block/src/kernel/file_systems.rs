//! A FUSE file system that is mounted nowhere, so that no mount can be left behind: when the last descriptor and the
//! loop device upon its file are gone, so is it.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::checked;

const FSCONFIG_SET_STRING: libc::c_uint = 1;
const FSCONFIG_CMD_CREATE: libc::c_uint = 6;
const FSOPEN_CLOEXEC: libc::c_uint = 1;
const FSMOUNT_CLOEXEC: libc::c_uint = 1;

/// One end of a file system that is to be made.
pub fn open_fuse() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/fuse")
}

/// Whether the kernel makes file systems in steps, and lets this process.
pub fn can_mount() -> io::Result<()> {
    // SAFETY: a terminated string; the new descriptor is owned by nobody else.
    unsafe {
        let context = checked(libc::syscall(libc::SYS_fsopen, c"fuse".as_ptr(), FSOPEN_CLOEXEC))?;
        drop(OwnedFd::from_raw_fd(context as i32));
    }
    Ok(())
}

/// Makes the file system whose requests come through `fuse`. The answer is a handle on its root, a folder.
pub fn make(fuse: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: terminated strings that live across the calls; new descriptors are owned by nobody else.
    unsafe {
        let context = checked(libc::syscall(libc::SYS_fsopen, c"fuse".as_ptr(), FSOPEN_CLOEXEC))?;
        let context = OwnedFd::from_raw_fd(context as i32);
        let number = format!("{}\0", fuse.as_raw_fd());
        let number = CStr::from_bytes_with_nul(number.as_bytes()).map_err(io::Error::other)?;
        let options =
            [(c"source", c"fogbank"), (c"rootmode", c"40000"), (c"user_id", c"0"), (c"group_id", c"0")];
        for (key, value) in options.into_iter().chain([(c"fd", number)]) {
            checked(libc::syscall(
                libc::SYS_fsconfig,
                context.as_raw_fd(),
                FSCONFIG_SET_STRING,
                key.as_ptr(),
                value.as_ptr(),
                0,
            ))?;
        }
        let nothing: *const libc::c_char = std::ptr::null();
        checked(libc::syscall(
            libc::SYS_fsconfig,
            context.as_raw_fd(),
            FSCONFIG_CMD_CREATE,
            nothing,
            nothing,
            0,
        ))?;
        let attributes = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
        let mount =
            checked(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), FSMOUNT_CLOEXEC, attributes))?;
        Ok(OwnedFd::from_raw_fd(mount as i32))
    }
}
