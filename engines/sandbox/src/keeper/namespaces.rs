//! The user and the network namespace of a machine. Both exist before its first process: the user namespace, because the
//! layers of its root file system are mapped by it; the network namespace, because the network engine fills it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::kernel::{descriptors, process};
use crate::limits::USER_IDS;

pub struct Namespaces {
    pub users: OwnedFd,
    pub network: OwnedFd,
    /// The machine's root, as the host sees it.
    pub first_user_id: u32,
}

/// New ones: a network namespace with a loopback, owned by the user namespace.
pub fn create(first_user_id: u32) -> io::Result<Namespaces> {
    let (users, network) = of_child(libc::CLONE_NEWUSER | libc::CLONE_NEWNET, first_user_id)?;
    Ok(Namespaces { users, network, first_user_id })
}

/// Those of a network namespace that exists. If it belongs to a user namespace of its own, made by [`create`] before,
/// that is the machine's.
pub fn join(path: &Path, first_user_id: u32) -> io::Result<Namespaces> {
    let network = OwnedFd::from(File::open(path)?);
    let users = process::owner(network.as_fd())?;
    if same(&users, "/proc/self/ns/user")? {
        let (users, _) = of_child(libc::CLONE_NEWUSER, first_user_id)?;
        return Ok(Namespaces { users, network, first_user_id });
    }
    let first_user_id = first_id_of(&users)?;
    Ok(Namespaces { users, network, first_user_id })
}

/// Where the network namespace does not belong to the machine's root, that may still listen at low ports and ping.
/// The caller is in the network namespace.
pub fn open_low_ports(users: &OwnedFd, first_user_id: u32) -> io::Result<()> {
    let network = File::open("/proc/self/ns/net")?;
    if same(users, process::owner(network.as_fd())?)? {
        return Ok(());
    }
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")?;
    let last = first_user_id + (USER_IDS - 1);
    fs::write("/proc/sys/net/ipv4/ping_group_range", format!("{first_user_id} {last}"))
}

/// Whether a file of /proc is that namespace.
pub fn is(namespace: &OwnedFd, file: &str) -> io::Result<bool> {
    same(namespace, file)
}

/// A file of /proc or a descriptor, as a namespace's identity.
trait Identity {
    fn identity(self) -> io::Result<(u64, u64)>;
}

impl Identity for &str {
    fn identity(self) -> io::Result<(u64, u64)> {
        fs::metadata(self).map(|facts| (facts.dev(), facts.ino()))
    }
}

impl Identity for OwnedFd {
    fn identity(self) -> io::Result<(u64, u64)> {
        File::from(self).metadata().map(|facts| (facts.dev(), facts.ino()))
    }
}

fn same(one: &OwnedFd, other: impl Identity) -> io::Result<bool> {
    Ok(one.try_clone()?.identity()? == other.identity()?)
}

/// The user namespace (with ids mapped) and the network namespace of a child that made them and is gone.
fn of_child(flags: i32, first_user_id: u32) -> io::Result<(OwnedFd, OwnedFd)> {
    with_child(
        || {
            process::unshare(flags)?;
            if flags & libc::CLONE_NEWNET != 0 { loopback_up() } else { Ok(()) }
        },
        |child| {
            for (map, name) in [("uid_map", "user"), ("gid_map", "group")] {
                fs::write(format!("/proc/{child}/{map}"), format!("0 {first_user_id} {USER_IDS}"))
                    .map_err(|error| io::Error::new(error.kind(), format!("mapping {name} ids: {error}")))?;
            }
            let users = File::open(format!("/proc/{child}/ns/user"))?;
            let network = File::open(format!("/proc/{child}/ns/net"))?;
            Ok((users.into(), network.into()))
        },
    )
}

/// The host's id of the namespace's root.
fn first_id_of(users: &OwnedFd) -> io::Result<u32> {
    with_child(
        || process::enter(users.as_fd(), libc::CLONE_NEWUSER),
        |child| {
            let map = fs::read_to_string(format!("/proc/{child}/uid_map"))?;
            first_id(&map).ok_or_else(|| {
                io::Error::other(
                    "the user namespace of the network namespace maps other ids than machines have",
                )
            })
        },
    )
}

/// The one line of a map that [`create`] made (user_namespaces(7)).
fn first_id(map: &str) -> Option<u32> {
    let mut words = map.split_ascii_whitespace();
    let (inside, outside, count) = (words.next()?, words.next()?, words.next()?);
    let whole = inside == "0" && count.parse() == Ok(USER_IDS) && words.next().is_none();
    outside.parse().ok().filter(|&id| whole && id != 0)
}

/// Runs `prepare` in a child, looks at it from outside with `look`, and ends it.
fn with_child<T>(
    prepare: impl FnOnce() -> io::Result<()>,
    look: impl FnOnce(i32) -> io::Result<T>,
) -> io::Result<T> {
    let (mut ready, tell_ready) = descriptors::pipe().map(|(read, write)| (File::from(read), write))?;
    let own = process::id();
    let Some(child) = process::fork()? else {
        let done = process::die_with_parent(own).and_then(|()| prepare());
        let number = done.err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
        std::io::Write::write_all(&mut File::from(tell_ready), &number.to_ne_bytes()).ok();
        loop {
            process::nap(1_000_000);
        }
    };
    drop(tell_ready);
    let mut number = [0; 4];
    let told = ready.read_exact(&mut number);
    let answer = match (told, i32::from_ne_bytes(number)) {
        (Ok(()), 0) => look(child),
        (Ok(()), number) => Err(io::Error::from_raw_os_error(number)),
        (Err(error), _) => Err(error),
    };
    process::kill(child, libc::SIGKILL).ok();
    process::wait(child).ok();
    answer
}

/// The loopback of this network namespace is switched on, as every host's is.
fn loopback_up() -> io::Result<()> {
    crate::kernel::interface::loopback_up()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_maps_are_machines_maps() {
        assert_eq!(first_id("         0 1073741824      65536\n"), Some(1_073_741_824));
        for other in ["", "0 0 4294967295", "0 1000 1", "0 5 65536 1 2 3", "1 7 65536"] {
            assert_eq!(first_id(other), None, "{other}");
        }
    }
}
