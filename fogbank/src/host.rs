//! What this host can do, probed when asked, never assumed.
//!
//! The data planes to come (instances, networks, volumes) need kernel features that many hosts lack. Each probe
//! is a look at the kernel's own files or one system call; nothing is changed.

use std::fs;
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags, access};
use rustix::net::{AddressFamily, SocketType, netlink};

use crate::environment::Environment;

/// One thing a host may be able to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    pub name: &'static str,
    /// What in AWS's terms depends on it.
    pub serves: &'static str,
    pub state: State,
}

#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// There, with what kind where there are several.
    Has(String),
    /// Not there: why, and how to get it.
    Lacks { why: String, remedy: &'static str },
}

impl Feature {
    pub fn is_there(&self) -> bool {
        matches!(self.state, State::Has(_))
    }
}

/// How closely it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// At what is there. Takes about a millisecond.
    Glance,
    /// And whether it works: trying a guest on KVM takes a second where KVM does not run it.
    Trial,
}

/// Looks at everything.
pub fn probe(environment: &Environment, look: Look) -> Vec<Feature> {
    vec![
        Feature {
            name: "namespaces",
            serves: "instances and functions that are isolated from each other",
            state: namespaces(),
        },
        Feature { name: "cgroups", serves: "limits of memory and CPU for instances", state: cgroups() },
        Feature {
            name: "nftables",
            serves: "security groups, network ACLs and NAT that filter real packets",
            state: nftables(environment),
        },
        Feature { name: "IPsec", serves: "tunnels of site-to-site VPN connections", state: ipsec() },
        Feature {
            name: "FUSE",
            serves: "volumes with snapshots, also for instances' roots, which else go with their instances",
            state: device("/dev/fuse", FUSE_REMEDY),
        },
        Feature {
            name: "loop devices",
            serves: "volumes that are attached to instances",
            state: device("/dev/loop-control", LOOP_REMEDY),
        },
        Feature {
            name: "e2fsprogs",
            serves: "volumes that instances start from (mke2fs makes them of images)",
            state: disk_maker(),
        },
        Feature {
            name: "own kernels",
            serves: "instances with kernels of their own ([instances] driver = \"microvm\")",
            state: own_kernels(look),
        },
    ]
}

const FUSE_REMEDY: &str = "load the fuse module (modprobe fuse), or give the container --device /dev/fuse";
const LOOP_REMEDY: &str = "load the loop module (modprobe loop), and run as root";

/// What makes disks of images, and so says whether their instances' roots are volumes.
fn disk_maker() -> State {
    let found = image_engine::needs().into_iter().find(|need| need.program == "mke2fs");
    match found.and_then(|need| need.found) {
        Some(path) => State::Has(path.display().to_string()),
        None => {
            State::Lacks { why: "there is no mke2fs".to_owned(), remedy: "run `apt-get install e2fsprogs`" }
        }
    }
}

/// What virtual machines need beside what all instances do. QEMU and a kernel come from packages when they are needed.
fn own_kernels(look: Look) -> State {
    let programs = image_engine::needs().into_iter().filter(|need| need.required && need.found.is_none());
    let programs = programs.map(|need| format!("there is no {} {}", need.program, need.purpose));
    let missing: Vec<String> = network_engine::Network::tap_missing().into_iter().chain(programs).collect();
    match (missing.is_empty(), std::env::consts::ARCH) {
        (true, "x86_64") if look == Look::Glance => State::Has("by QEMU".to_owned()),
        (true, "x86_64") => State::Has(match sandbox_engine::kvm_lacking() {
            None => "on KVM, by QEMU, which is fetched when it is needed".to_owned(),
            Some(why) => format!("emulated by QEMU, which is fetched when it is needed ({why})"),
        }),
        (true, other) => State::Lacks {
            why: format!("virtual machines are for x86_64, and this is {other}"),
            remedy: "use the driver sandbox",
        },
        (false, _) => State::Lacks {
            why: missing.join("; "),
            remedy: "run on Debian or Ubuntu with iproute2 and the module tun, or use the driver sandbox",
        },
    }
}

fn namespaces() -> State {
    let missing = ["mnt", "net", "pid", "uts", "ipc", "user"]
        .into_iter()
        .find(|kind| !Path::new("/proc/self/ns").join(kind).exists());
    if let Some(kind) = missing {
        let why = format!("the kernel has no {kind} namespaces");
        return State::Lacks { why, remedy: "use a kernel built with CONFIG_NAMESPACES" };
    }
    if has_sys_admin() {
        return State::Has("as root".to_owned());
    }
    let user_namespaces = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let closed = fs::read_to_string("/proc/sys/kernel/unprivileged_userns_clone").unwrap_or_default();
    if user_namespaces.trim() == "0" || closed.trim() == "0" {
        return State::Lacks {
            why: "this user may not make namespaces".to_owned(),
            remedy: "run as root, or set the sysctl user.max_user_namespaces above 0",
        };
    }
    State::Has("unprivileged, without addresses on the host".to_owned())
}

/// Whether the effective capabilities hold CAP_SYS_ADMIN, which is number 21.
fn has_sys_admin() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    bits & (1 << 21) != 0
}

fn cgroups() -> State {
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    let (kind, folder) = if controllers.contains("memory") {
        ("version 2", "/sys/fs/cgroup")
    } else if Path::new("/sys/fs/cgroup/memory").is_dir() {
        ("version 1", "/sys/fs/cgroup/memory")
    } else {
        return State::Lacks {
            why: "no cgroup controllers are mounted".to_owned(),
            remedy: "mount cgroup2 on /sys/fs/cgroup",
        };
    };
    match access(folder, Access::WRITE_OK) {
        Ok(()) => State::Has(kind.to_owned()),
        Err(_) => State::Lacks {
            why: format!("{folder} ({kind}) is read-only for this user"),
            remedy: "run as root; in a container, make it privileged",
        },
    }
}

fn nftables(environment: &Environment) -> State {
    let kernel = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::NETFILTER));
    if kernel.is_err() {
        return State::Lacks {
            why: "the kernel has no netfilter netlink".to_owned(),
            remedy: "load the nf_tables module (modprobe nf_tables)",
        };
    }
    let in_sbin = ["/usr/sbin/nft", "/sbin/nft"].iter().any(|path| Path::new(path).exists());
    if !in_sbin && environment.programs("nft").is_empty() {
        return State::Lacks {
            why: "the nft program is not installed".to_owned(),
            remedy: "install it (apt-get install nftables)",
        };
    }
    if !has_sys_admin() {
        return State::Lacks { why: "this user may not change them".to_owned(), remedy: "run as root" };
    }
    State::Has("with the nft program".to_owned())
}

/// Tunnels end in user space, so the kernel need not know IPsec.
fn ipsec() -> State {
    match network_engine::Network::vpn_missing_of(&network_engine::Ipsec::default()).first() {
        None => State::Has("strongSwan, in user space".to_owned()),
        Some(why) => State::Lacks {
            why: why.clone(),
            remedy: "apt-get install charon-systemd strongswan-swanctl libcharon-extra-plugins",
        },
    }
}

fn device(path: &'static str, remedy: &'static str) -> State {
    match rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(_) => State::Has(path.to_owned()),
        Err(error) => {
            let why = match error {
                rustix::io::Errno::NOENT => format!("there is no {path}"),
                error => format!("{path} cannot be opened: {}", std::io::Error::from(error)),
            };
            State::Lacks { why, remedy }
        }
    }
}

/// Lets the process open as many files and sockets as the host allows.
pub fn raise_open_files_limit() {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let raised = rustix::process::Rlimit { current: limits.maximum, maximum: limits.maximum };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Takes memory by pages of 4 KiB also where the kernel would give pages of 2 MiB to everybody: a small cloud fills them to a
/// thirtieth. (The allocator is built not to ask for them.) See docs/decisions/2026-11-23-memory-of-small-pages.md.
pub fn take_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::warn!(%error, "memory is taken in larger pages than are needed");
    }
}

/// Keeps what is in memory (keys, secrets, messages) out of core dumps, and away from the debuggers of this user's
/// other processes. /proc then shows this process's memory, environment and open files to root only; how much memory
/// it takes is still for everybody to see.
pub fn keep_memory_private() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    // A kernel that pipes core dumps to a program does not look at the limit, but at the second.
    let limited = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    let hidden = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    if let Err(error) = limited.and(hidden) {
        tracing::warn!(%error, "a crash may leave what is in memory in a core dump");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_feature_comes_with_a_remedy() {
        for feature in probe(&Environment::default(), Look::Trial) {
            if let State::Lacks { why, remedy } = feature.state {
                assert!(!why.is_empty() && !remedy.is_empty(), "{}", feature.name);
            }
        }
    }

    #[test]
    fn memory_is_kept_private_and_what_is_read_of_this_process_stays_readable() {
        use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};
        let namespaces_before = matches!(namespaces(), State::Has(_));
        keep_memory_private();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert!(!fs::read_to_string("/proc/self/status").unwrap_or_default().is_empty());
        assert_eq!(matches!(namespaces(), State::Has(_)), namespaces_before);
    }

    #[test]
    fn a_device_that_is_absent_is_lacking() {
        assert!(matches!(device("/dev/no-such-device", "-"), State::Lacks { .. }));
        assert!(matches!(device("/dev/null", "-"), State::Has(_)));
    }
}
