//! Processes and their namespaces.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use super::{capabilities, checked};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// A copy of this process: `None` in the child. Only for processes with one thread (nursery and keepers), where the
/// child may do whatever the parent might.
pub fn fork() -> io::Result<Option<libc::pid_t>> {
    // SAFETY: the callers have one thread, so that the child's memory is consistent.
    let pid = unsafe { libc::fork() };
    let pid = checked(pid.into())?;
    Ok((pid != 0).then_some(pid as libc::pid_t))
}

/// As [`fork`], but the child is a child of this process's parent.
pub fn fork_sibling() -> io::Result<Option<libc::pid_t>> {
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: without CLONE_VM this is a fork; the caller has one thread. The null stack means "as it is".
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) };
    let pid = checked(pid)?;
    Ok((pid != 0).then_some(pid as libc::pid_t))
}

/// Ends this process at once, without unwinding and without handlers of its copy of the parent's state.
pub fn leave(code: i32) -> ! {
    // SAFETY: _exit touches no memory of ours.
    unsafe { libc::_exit(code) }
}

pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no pointers; the namespaces change for this single-threaded process only.
    checked(unsafe { libc::unshare(flags) }.into()).map(drop)
}

pub fn enter(namespace: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: a valid descriptor and no pointers.
    checked(unsafe { libc::setns(namespace.as_raw_fd(), flags) }.into()).map(drop)
}

/// The user namespace that owns a namespace. `None` where the caller may not know it.
pub fn owner(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const NS_GET_USERNS: libc::Ioctl = 0xb701;
    // SAFETY: this ioctl takes no argument and answers with a new descriptor, owned by nobody else.
    unsafe {
        let fd = checked(libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

pub fn pidfd(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the new descriptor is owned by nobody else.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// A file that another process has open, by its number there.
pub fn file_of(pidfd: BorrowedFd<'_>, number: i32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers; the new descriptor is owned by nobody else.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), number, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// Works from the folder `folder`, below the root folder `root`, as another process does whose these are.
pub fn stand_where(root: BorrowedFd<'_>, folder: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: a terminated string.
    unsafe {
        checked(libc::fchdir(root.as_raw_fd()).into())?;
        checked(libc::chroot(c".".as_ptr()).into())?;
        checked(libc::fchdir(folder.as_raw_fd()).into()).map(drop)
    }
}

pub fn signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let nothing: *const libc::siginfo_t = ptr::null();
    // SAFETY: the null pointer means "as kill() would".
    let answer = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, nothing, 0) };
    checked(answer).map(drop)
}

pub fn kill(pid: libc::pid_t, signal: i32) -> io::Result<()> {
    assert!(pid > 0, "never a group, never everybody");
    // SAFETY: no pointers.
    checked(unsafe { libc::kill(pid, signal) }.into()).map(drop)
}

/// Waits for a child.
pub fn wait(pid: libc::pid_t) -> io::Result<Exit> {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives across the call.
        match checked(unsafe { libc::waitpid(pid, &raw mut status, 0) }.into()) {
            Ok(_) => return Ok(exit_of(status)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A child that has ended, if any has.
pub fn reap() -> Option<(libc::pid_t, Exit)> {
    let mut status = 0;
    // SAFETY: `status` lives across the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (pid > 0).then(|| (pid, exit_of(status)))
}

fn exit_of(status: libc::c_int) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}

pub fn id() -> libc::pid_t {
    // SAFETY: always succeeds.
    unsafe { libc::getpid() }
}

pub fn is_root() -> bool {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() == 0 }
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

/// Nobody may trace this process or open its program and memory by /proc, until it executes another.
pub fn hide() -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }.into()).map(drop)
}

/// This process is killed when its parent ends.
pub fn die_with_parent(parent: libc::pid_t) -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) }.into())?;
    // SAFETY: always succeeds. In a new pid namespace the parent is not visible and reads as 0.
    let now = unsafe { libc::getppid() };
    if now == parent || now == 0 {
        return Ok(());
    }
    Err(io::Error::other("the parent ended meanwhile"))
}

/// Does something with files as the given user and group, with all capabilities of this process.
pub fn as_file_user<T>(user: u32, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    // SAFETY: no pointers; the calls answer with the earlier id and cannot fail for root.
    unsafe {
        libc::setfsgid(user);
        libc::setfsuid(user);
    }
    // The kernel took the capabilities over files away with the user.
    let done = capabilities::raise_all().and_then(|()| work());
    // SAFETY: as above.
    unsafe {
        libc::setfsuid(0);
        libc::setfsgid(0);
    }
    done
}

/// Becomes the given user and group, with no others.
pub fn become_user(user: u32, group: u32) -> io::Result<()> {
    // SAFETY: an empty list of groups, and no pointers.
    unsafe {
        checked(libc::setgroups(0, ptr::null()).into())?;
        checked(libc::setresgid(group, group, group).into())?;
        checked(libc::setresuid(user, user, user).into())?;
    }
    Ok(())
}

pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: the kernel reads exactly the bytes that are there.
    checked(unsafe { libc::sethostname(name.as_ptr().cast(), name.len()) }.into()).map(drop)
}

/// Replaces this process's program. The new one may have huge pages: that Fogbank forgoes them is inherited otherwise.
pub fn execute(words: &[CString], env: &[CString]) -> io::Error {
    // SAFETY: no pointers. Where it fails, the program goes without them.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 0, 0, 0, 0) };
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
    };
    let (words, env) = (pointers(words), pointers(env));
    // SAFETY: both lists are ended by null and live across the call, as do the strings.
    unsafe { libc::execve(words[0], words.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

pub fn set_umask(mask: u32) {
    // SAFETY: always succeeds.
    unsafe { libc::umask(mask) };
}

/// How much this process is spared when memory runs out, if the host allows to say so.
pub fn set_oom_score(score: i32) {
    std::fs::write("/proc/self/oom_score_adj", score.to_string()).ok();
}

/// Has this process, and what comes from it, run on so many of the processors that it may use now; which ones, the name
/// decides, so that machines spread. All of them if there are not more.
pub fn use_processors(count: usize, name: &str) {
    // SAFETY: plain calls on sets that live across them. What fails leaves things as they were.
    unsafe {
        let size = size_of::<libc::cpu_set_t>();
        let mut usable: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size, &raw mut usable) != 0 {
            return;
        }
        let bits = 8 * size;
        let all: Vec<usize> = (0..bits).filter(|&number| libc::CPU_ISSET(number, &usable)).collect();
        if all.len() <= count {
            return;
        }
        let first = name.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let mut chosen: libc::cpu_set_t = std::mem::zeroed();
        for index in 0..count {
            libc::CPU_SET(all[first.wrapping_add(index) % all.len()], &mut chosen);
        }
        libc::sched_setaffinity(0, size, &raw const chosen);
    }
}

/// Every signal as it is at the start of a program: nothing blocked, nothing handled.
pub fn reset_signals() {
    // SAFETY: plain calls on a set that lives across them; some signals cannot be set, which is as good.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Children are reaped by the kernel.
pub fn forget_children() {
    // SAFETY: no handler is installed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Blocks the signals and lets them be read from the descriptor instead.
pub fn signal_descriptor(signals: &[i32]) -> io::Result<OwnedFd> {
    // SAFETY: the set lives across the calls; the new descriptor is owned by nobody else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::signal(signal, libc::SIG_DFL);
            libc::sigaddset(&raw mut set, signal);
        }
        checked(libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()).into())?;
        let fd = checked(libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// The next signal that waits in a descriptor of [`signal_descriptor`].
pub fn next_signal(from: BorrowedFd<'_>) -> Option<i32> {
    // SAFETY: plain data, for which zeroes are a value.
    let mut info: libc::signalfd_siginfo = unsafe { std::mem::zeroed() };
    let size = size_of::<libc::signalfd_siginfo>();
    // SAFETY: the buffer is as large as is said.
    let read = unsafe { libc::read(from.as_raw_fd(), (&raw mut info).cast(), size) };
    (read == size as isize).then_some(info.ssi_signo as i32)
}

pub fn nap(micros: u32) {
    std::thread::sleep(std::time::Duration::from_micros(micros.into()));
}
