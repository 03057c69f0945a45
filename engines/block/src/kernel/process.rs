//! Processes.

use std::ffi::CString;
use std::io;

use super::checked;

/// A copy of this process: `None` in the child. Only for the holder, which has one thread, so that the child may do
/// whatever the parent might.
pub fn fork() -> io::Result<Option<libc::pid_t>> {
    // SAFETY: the caller has one thread, so that the child's memory is consistent.
    let pid = checked(unsafe { libc::fork() }.into())?;
    Ok((pid != 0).then_some(pid as libc::pid_t))
}

/// Ends this process at once, without unwinding.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// Waits until a child has ended, with all its threads. Whether it ended by itself and content.
pub fn wait(pid: libc::pid_t) -> io::Result<bool> {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives across the call.
        match checked(unsafe { libc::waitpid(pid, &raw mut status, 0) }.into()) {
            Ok(_) => return Ok(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a child has ended; it is reaped then.
pub fn has_ended(pid: libc::pid_t) -> bool {
    let mut status = 0;
    // SAFETY: `status` lives across the call.
    unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) != 0 }
}

pub fn id() -> u32 {
    std::process::id()
}

pub fn parent() -> u32 {
    std::os::unix::process::parent_id()
}

/// Whose rights this process has.
pub fn user() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// A session of its own, so that a terminal's Ctrl-C does not reach it.
pub fn new_session() {
    // SAFETY: no pointers. It fails where the process leads a session already, which is as good.
    unsafe { libc::setsid() };
}

pub fn set_name(name: &str) {
    let Ok(name) = CString::new(name) else { return };
    // SAFETY: the kernel copies up to 16 bytes of a terminated string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Nobody may trace this process or read its memory, and it leaves no core: it has keys.
pub fn hide() -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }.into()).map(drop)
}

/// Memory that this process asks for is never had by writing to a device, since that may be one that waits for it.
pub fn serves_writers() {
    const PR_SET_IO_FLUSHER: libc::c_int = 57;
    // SAFETY: no pointers. Kernels before 5.6 and containers without the right do not know it; it is a courtesy.
    unsafe { libc::prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) };
}

pub fn set_umask(mask: u32) {
    // SAFETY: always succeeds.
    unsafe { libc::umask(mask) };
}

/// How much this process is spared when memory runs out, if the host allows to say so.
pub fn set_oom_score(score: i32) {
    std::fs::write("/proc/self/oom_score_adj", score.to_string()).ok();
}

/// As many open files as the host lets a process have.
pub fn raise_open_files() {
    // SAFETY: a structure that lives across both calls; what fails leaves things as they were.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}
