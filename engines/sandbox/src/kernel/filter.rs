//! System calls that nobody in a machine needs: the user namespace refuses most of them anyway, the filter keeps the
//! kernel's code behind them out of reach.

use std::collections::BTreeMap;
use std::io;
use std::ptr;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use super::checked;
use crate::spec::Kind;

/// Refused with EPERM, whatever the arguments.
const REFUSED: &[i64] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_fanotify_init,
    libc::SYS_finit_module,
    libc::SYS_init_module,
    libc::SYS_kcmp,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_perf_event_open,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_request_key,
    libc::SYS_settimeofday,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_sysfs,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ustat,
];

/// Refused to single programs beyond that.
const REFUSED_TO_PROCESSES: &[i64] = &[
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_mknodat,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_setns,
    libc::SYS_umount2,
    libc::SYS_unshare,
];

/// Answered with ENOSYS, upon which programs take the older way: clone3's flags lie in memory, where no filter sees
/// them, and io_uring does what a filter would refuse.
const UNKNOWN: &[i64] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// The newest call that this list has been held against (file_setattr, Linux 6.17); newer ones answer ENOSYS. Calls of
/// the x32 kind have higher numbers too.
const NEWEST: u32 = 469;

/// What must not be asked of a terminal: typing into it, and the virtual console's commands.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// All requests to a loop device (linux/loop.h). A block device of a machine's may be one of the host's, and whoever may
/// write to it may, says the kernel, also take it off its file, so that its number becomes somebody else's.
const LOOP: u64 = 0x4c00;
const LOOP_MASK: u64 = 0xffff_ff00;

/// Filters for one machine, made before any of them is in force.
pub struct Filters(Vec<BpfProgram>);

pub fn filters(kind: Kind) -> io::Result<Filters> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let loops = rule(1, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(LOOP_MASK), LOOP)?;
    refused.insert(libc::SYS_ioctl, vec![argument(1, TIOCSTI)?, argument(1, TIOCLINUX)?, loops]);
    // Sockets to the host of this host, which no namespace holds back, and the kernel's cryptography.
    refused.insert(
        libc::SYS_socket,
        vec![argument(0, libc::AF_VSOCK as u64)?, argument(0, libc::AF_ALG as u64)?],
    );
    let users = libc::CLONE_NEWUSER as u64;
    refused.insert(libc::SYS_clone, vec![flag(0, users)?]);
    refused.insert(libc::SYS_unshare, vec![flag(0, users)?]);
    if !kind.is_system() {
        for &call in REFUSED_TO_PROCESSES {
            refused.insert(call, Vec::new());
        }
        let namespaces = [libc::CLONE_NEWNS, libc::CLONE_NEWPID, libc::CLONE_NEWNET, libc::CLONE_NEWUSER];
        let flags: io::Result<Vec<_>> = namespaces.iter().map(|&bit| flag(0, bit as u64)).collect();
        refused.insert(libc::SYS_clone, flags?);
    }
    let unknown = UNKNOWN.iter().map(|&call| (call, Vec::new())).collect();
    Ok(Filters(vec![newest_first(), program(refused, libc::EPERM)?, program(unknown, libc::ENOSYS)?]))
}

impl Filters {
    /// Puts them in force for this process and all that comes of it. The process holds CAP_SYS_ADMIN in its user
    /// namespace, so that `no_new_privs` stays off and sudo works in the machine.
    pub fn install(&self) -> io::Result<()> {
        const SECCOMP_SET_MODE_FILTER: libc::c_uint = 1;
        for program in &self.0 {
            let length = u16::try_from(program.len()).map_err(io::Error::other)?;
            let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut().cast() };
            // SAFETY: the kernel copies as many instructions as are said; both crates' types are the kernel's.
            let answer = unsafe {
                libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, ptr::from_ref(&filter))
            };
            checked(answer)?;
        }
        Ok(())
    }
}

/// The rules as a program: a call that matches answers `errno`, any other is allowed; calls of another architecture
/// end the process.
fn program(rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32) -> io::Result<BpfProgram> {
    let architecture = std::env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let answer = SeccompAction::Errno(errno as u32);
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, answer, architecture).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

fn argument(index: u8, value: u64) -> io::Result<SeccompRule> {
    // The kernel takes these arguments as 32 bits, so the filter must not look at more.
    rule(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn flag(index: u8, bit: u64) -> io::Result<SeccompRule> {
    rule(index, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(bit), bit)
}

fn rule(index: u8, length: SeccompCmpArgLen, op: SeccompCmpOp, value: u64) -> io::Result<SeccompRule> {
    let condition = SeccompCondition::new(index, length, op, value).map_err(io::Error::other)?;
    SeccompRule::new(vec![condition]).map_err(io::Error::other)
}

/// Calls that are newer than [`NEWEST`] answer ENOSYS.
fn newest_first() -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_GREATER: u16 = 0x25;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const ERRNO: u32 = 0x0005_0000;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_GREATER, 0, 1, NEWEST),
        step(RETURN, 0, 0, ERRNO | libc::ENOSYS as u32),
        step(RETURN, 0, 0, ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a child process, since a filter cannot be taken off again.
    fn under_filter(kind: Kind, check: fn() -> bool) -> bool {
        use crate::kernel::process::{Exit, fork, leave, wait};
        let filters = filters(kind).unwrap();
        match fork().unwrap() {
            Some(child) => wait(child).unwrap() == Exit::Code(0),
            None => {
                // SAFETY: no pointers; tests may lack the capability.
                unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
                leave(if filters.install().is_ok() && check() { 0 } else { 1 })
            }
        }
    }

    fn refused(call: i64, argument: i64, errno: i32) -> bool {
        // SAFETY: calls that the filter answers, so that the kernel reads nothing.
        let answer = unsafe { libc::syscall(call, argument, 0_usize, 0_usize, 0_usize, 0_usize) };
        answer == -1 && io::Error::last_os_error().raw_os_error() == Some(errno)
    }

    #[test]
    fn refused_calls_answer_eperm_and_newer_ones_enosys() {
        assert!(under_filter(Kind::Systemd, || {
            REFUSED.iter().all(|&call| refused(call, -1, libc::EPERM))
                && UNKNOWN.iter().all(|&call| refused(call, -1, libc::ENOSYS))
                && refused(i64::from(NEWEST) + 1, 0, libc::ENOSYS)
                && refused(0x4000_0000 | libc::SYS_getpid, 0, libc::ENOSYS)
        }));
    }

    #[test]
    fn user_namespaces_and_vsock_are_refused_and_other_sockets_are_not() {
        assert!(under_filter(Kind::Busybox, || {
            refused(libc::SYS_unshare, i64::from(libc::CLONE_NEWUSER), libc::EPERM)
                && refused(libc::SYS_unshare, i64::from(libc::CLONE_NEWUSER | libc::CLONE_NEWNS), libc::EPERM)
                && refused(libc::SYS_clone, i64::from(libc::CLONE_NEWUSER | libc::SIGCHLD), libc::EPERM)
                && refused(libc::SYS_socket, i64::from(libc::AF_VSOCK), libc::EPERM)
                && std::os::unix::net::UnixDatagram::unbound().is_ok()
        }));
    }

    #[test]
    fn loop_devices_take_no_commands() {
        assert!(under_filter(Kind::Systemd, || {
            let refused = |request: i64| {
                // SAFETY: a call that the filter answers, or that fails for its descriptor.
                let answer = unsafe { libc::syscall(libc::SYS_ioctl, -1, request, 0) };
                answer == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
            };
            (0x4c00..0x4c10).chain(0x4c80..0x4c83).all(refused) && !refused(0x1272)
        }));
    }

    #[test]
    fn a_single_program_may_not_mount_or_trace() {
        assert!(under_filter(Kind::Process, || {
            REFUSED_TO_PROCESSES.iter().all(|&call| refused(call, -1, libc::EPERM))
                && refused(libc::SYS_clone, i64::from(libc::CLONE_NEWPID), libc::EPERM)
        }));
    }
}
