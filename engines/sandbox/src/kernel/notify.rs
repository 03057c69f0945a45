//! Calls of a guest that the kernel holds and hands to the keeper (seccomp_unotify(2)): those that mount and that grow a
//! mounted file system. The keeper lets the kernel go on with them, or answers in its place.
//!
//! Nothing is held back by this: what is let go on meets the same checks as without. So it does no harm that the guest
//! may change the strings that a call points to after they were looked at.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use seccompiler::sock_filter;

use super::checked;

/// `_IOW('f', 16, __u64)` of linux/ext4.h, `_IOW('X', 110, struct xfs_growfs_data)` of xfs_fs.h.
pub const EXT4_RESIZE: u32 = 0x4008_6610;
pub const XFS_GROW: u32 = 0x4010_586e;

/// Mount calls that change mounts which exist are the guest's own affair. The other such flags lie where very old
/// programs put a magic number (mount(2)), so that a filter cannot tell.
const OTHER_MOUNTS: u32 = (libc::MS_BIND | libc::MS_REMOUNT | libc::MS_MOVE) as u32;

/// One call that waits for its answer.
#[derive(Debug, Clone, Copy)]
pub struct Notice {
    pub id: u64,
    /// The thread that made it, as the receiver sees it.
    pub pid: i32,
    pub call: i64,
    pub arguments: [u64; 6],
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The kernel does it as if nobody had looked.
    GoOn,
    Done,
    /// It fails with that error number.
    Refused(i32),
}

/// The filter as a program: which calls are held.
fn program() -> [sock_filter; 12] {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_ANY: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    // In `struct seccomp_data`: the call's number, then, from byte 16 on, its arguments of eight bytes; the lower half of
    // each comes first on both architectures.
    const NUMBER: u32 = 0;
    const SECOND: u32 = 24;
    const FOURTH: u32 = 40;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    [
        step(LOAD_WORD, 0, 0, NUMBER),
        step(JUMP_EQUAL, 9, 0, libc::SYS_fsopen as u32),
        step(JUMP_EQUAL, 2, 0, libc::SYS_mount as u32),
        step(JUMP_EQUAL, 3, 0, libc::SYS_ioctl as u32),
        step(RETURN, 0, 0, ALLOW),
        step(LOAD_WORD, 0, 0, FOURTH),
        step(JUMP_ANY, 3, 4, OTHER_MOUNTS),
        step(LOAD_WORD, 0, 0, SECOND),
        step(JUMP_EQUAL, 2, 0, EXT4_RESIZE),
        step(JUMP_EQUAL, 1, 0, XFS_GROW),
        step(RETURN, 0, 0, ALLOW),
        step(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
    ]
}

/// From now on such calls of this process, and of all that comes of it, wait for answers through the descriptor. `None`
/// where the kernel cannot, or somebody above listens already: then they are as without.
pub fn install() -> io::Result<Option<OwnedFd>> {
    const SECCOMP_SET_MODE_FILTER: libc::c_uint = 1;
    let program = program();
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut().cast() };
    // A call that has been received is interrupted by the end of its process alone: a mount is made once.
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    // SAFETY: the kernel copies as many instructions as are said; the new descriptor is owned by nobody else.
    let answer = unsafe {
        checked(libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, ptr::from_ref(&filter)))
            .map(|fd| OwnedFd::from_raw_fd(fd as i32))
    };
    match answer {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBUSY | libc::EINVAL)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The next call that waits. Only after the descriptor was readable; the call may be gone all the same.
pub fn receive(listener: BorrowedFd<'_>) -> io::Result<Notice> {
    // SAFETY: plain data, for which zeroes are a value, and must be here; it lives across the call.
    unsafe {
        let mut told: libc::seccomp_notif = std::mem::zeroed();
        checked(libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut told).into())?;
        Ok(Notice { id: told.id, pid: told.pid as i32, call: told.data.nr.into(), arguments: told.data.args })
    }
}

/// Whether the call still waits. Then what was read of its process before was read of that process, and not of a later
/// one with its number.
pub fn still_waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads the id, which lives across the call.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0 }
}

/// Answers a call. It is an error if the call is gone or answered.
pub fn reply(listener: BorrowedFd<'_>, id: u64, reply: Reply) -> io::Result<()> {
    let (error, flags) = match reply {
        Reply::GoOn => (0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
        Reply::Done => (0, 0),
        Reply::Refused(number) => (-number, 0),
    };
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error, flags };
    // SAFETY: the structure lives across the call.
    checked(unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer).into()
    })
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::process::{Exit, fork, kill, leave, wait};
    use crate::kernel::{descriptors, memory};
    use std::os::fd::AsFd;

    #[test]
    fn a_mount_call_is_held_and_answered_and_others_are_not() {
        let (ours, theirs) = descriptors::pair().unwrap();
        let Some(child) = fork().unwrap() else {
            // SAFETY: calls that are answered by the test, or fail for their arguments.
            unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                let Ok(Some(listener)) = install() else { leave(77) };
                descriptors::send(theirs.as_fd(), b"l", &[listener.as_fd()]).ok();
                drop(listener);
                let bind = libc::mount(
                    c"/nowhere".as_ptr(),
                    c"/nowhere".as_ptr(),
                    ptr::null(),
                    libc::MS_BIND,
                    ptr::null(),
                );
                let other = libc::ioctl(0, libc::TIOCGWINSZ, ptr::null::<u8>());
                let held =
                    libc::mount(c"here".as_ptr(), c"/there".as_ptr(), c"ext4".as_ptr(), 0, ptr::null());
                let held_errno = io::Error::last_os_error().raw_os_error();
                let done = libc::syscall(libc::SYS_fsopen, c"xfs".as_ptr(), 0);
                leave(
                    if bind == -1 && other == -1 && held == -1 && held_errno == Some(libc::EXDEV) && done == 0
                    {
                        0
                    } else {
                        1
                    },
                )
            }
        };
        drop(theirs);
        let mut bytes = [0; 8];
        let (_, carried) = descriptors::receive(ours.as_fd(), &mut bytes).unwrap();
        let Some(listener) = carried.into_iter().next() else {
            assert_eq!(wait(child).unwrap(), Exit::Code(77));
            eprintln!("skipped: somebody above listens already");
            return;
        };
        let first = receive(listener.as_fd()).unwrap();
        assert_eq!((first.pid, first.call), (child, libc::SYS_mount), "the bind mount was not told of");
        let kind = memory::string(first.pid, first.arguments[2], 32).unwrap();
        assert_eq!(kind, b"ext4");
        assert!(memory::string(first.pid, first.arguments[2], 3).is_err(), "longer than allowed");
        assert!(memory::string(first.pid, 8, 32).is_err());
        assert!(still_waits(listener.as_fd(), first.id));
        reply(listener.as_fd(), first.id, Reply::Refused(libc::EXDEV)).unwrap();
        assert!(!still_waits(listener.as_fd(), first.id));
        let second = receive(listener.as_fd()).unwrap();
        assert_eq!(second.call, libc::SYS_fsopen);
        reply(listener.as_fd(), second.id, Reply::Done).unwrap();
        let exit = wait(child).unwrap();
        kill(child, libc::SIGKILL).ok();
        assert_eq!(exit, Exit::Code(0));
    }
}
