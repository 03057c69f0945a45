//! The only place that talks to the kernel without the standard library in between: thin wrappers, each safe to call
//! from a process with one thread, which nursery and keepers are.

pub mod capabilities;
pub mod descriptors;
pub mod file_systems;
pub mod filter;
pub mod interface;
#[cfg(target_arch = "x86_64")]
pub mod kvm;
pub mod landlock;
pub mod memory;
pub mod mounts;
pub mod notify;
pub mod process;
pub mod sockets;
pub mod terminal;

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The kernel's answer as a result.
fn checked(answer: libc::c_long) -> io::Result<libc::c_long> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

pub(crate) fn c_path(path: &Path) -> io::Result<CString> {
    c_string(path.as_os_str().as_bytes())
}

pub(crate) fn c_string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a zero byte in a name"))
}
