//! What a guest's root may never do, even in a user namespace of its own.

use std::io;

use super::checked;
use crate::spec::Kind;

/// By number, as in linux/capability.h.
const DAC_READ_SEARCH: u32 = 2;
const SETPCAP: u32 = 8;
const LINUX_IMMUTABLE: u32 = 9;
const NET_BROADCAST: u32 = 11;
const NET_ADMIN: u32 = 12;
const NET_RAW: u32 = 13;
const IPC_LOCK: u32 = 14;
const IPC_OWNER: u32 = 15;
const SYS_MODULE: u32 = 16;
const SYS_RAWIO: u32 = 17;
const SYS_PTRACE: u32 = 19;
const SYS_PACCT: u32 = 20;
const SYS_ADMIN: u32 = 21;
const SYS_BOOT: u32 = 22;
const SYS_NICE: u32 = 23;
const SYS_RESOURCE: u32 = 24;
const SYS_TIME: u32 = 25;
const SYS_TTY_CONFIG: u32 = 26;
const MKNOD: u32 = 27;
const LEASE: u32 = 28;
const AUDIT_CONTROL: u32 = 30;
const SETFCAP: u32 = 31;
const MAC_OVERRIDE: u32 = 32;
const MAC_ADMIN: u32 = 33;
const SYSLOG: u32 = 34;
const WAKE_ALARM: u32 = 35;
const BLOCK_SUSPEND: u32 = 36;
const AUDIT_READ: u32 = 37;
const PERFMON: u32 = 38;
const BPF: u32 = 39;
const CHECKPOINT_RESTORE: u32 = 40;

/// What nobody in a machine gets.
const NEVER: &[u32] = &[
    LINUX_IMMUTABLE,
    SYS_MODULE,
    SYS_RAWIO,
    SYS_PACCT,
    SYS_TIME,
    MKNOD,
    AUDIT_CONTROL,
    MAC_OVERRIDE,
    MAC_ADMIN,
    SYSLOG,
    WAKE_ALARM,
    BLOCK_SUSPEND,
    AUDIT_READ,
    PERFMON,
    BPF,
    CHECKPOINT_RESTORE,
];

/// What a single program does not need either.
const NOT_FOR_PROCESSES: &[u32] = &[
    DAC_READ_SEARCH,
    SETPCAP,
    NET_BROADCAST,
    NET_ADMIN,
    NET_RAW,
    IPC_LOCK,
    IPC_OWNER,
    SYS_PTRACE,
    SYS_ADMIN,
    SYS_BOOT,
    SYS_NICE,
    SYS_RESOURCE,
    SYS_TTY_CONFIG,
    LEASE,
    SETFCAP,
];

/// The newest capability that is known here; newer ones are dropped too.
const LAST: u32 = 63;

/// Whether a machine of that kind may have a capability.
fn may_have(kind: Kind, capability: u32) -> bool {
    capability <= CHECKPOINT_RESTORE
        && !NEVER.contains(&capability)
        && (kind.is_system() || !NOT_FOR_PROCESSES.contains(&capability))
}

/// Takes from this process, and from all that comes of it, for ever, what a machine of that kind may not have.
pub fn bound(kind: Kind) -> io::Result<()> {
    for capability in 0..=LAST {
        if may_have(kind, capability) {
            continue;
        }
        // SAFETY: no pointers. The kernel answers EINVAL for capabilities it does not know.
        let answer = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match checked(answer.into()) {
            Err(error) if error.raw_os_error() != Some(libc::EINVAL) => return Err(error),
            _ => {}
        }
    }
    // SAFETY: no pointers.
    checked(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) }.into())
        .map(drop)
}

/// Makes all capabilities effective that this process has.
pub fn raise_all() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    // _LINUX_CAPABILITY_VERSION_3: two words of each set.
    let mut header = Header { version: 0x2008_0522, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: both structures are laid out as the kernel's and live across the calls.
    unsafe {
        checked(libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()))?;
        for word in &mut data {
            word.effective = word.permitted;
        }
        checked(libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_may_mount_and_a_process_may_not() {
        assert!(may_have(Kind::Systemd, SYS_ADMIN) && !may_have(Kind::Process, SYS_ADMIN));
        assert!(may_have(Kind::Busybox, NET_ADMIN) && !may_have(Kind::Process, NET_ADMIN));
    }

    #[test]
    fn nobody_loads_modules_or_programs_of_the_kernel() {
        for kind in [Kind::Systemd, Kind::Busybox, Kind::Process] {
            for capability in [SYS_MODULE, SYS_RAWIO, BPF, PERFMON, MKNOD, SYS_TIME, SYSLOG, 41] {
                assert!(!may_have(kind, capability), "{kind:?} {capability}");
            }
        }
    }
}
