//! The only place that talks to the kernel without the standard library in between: thin wrappers.

pub mod descriptors;
pub mod file_systems;
pub mod loops;
pub mod memory;
pub mod process;

use std::io;

/// The kernel's answer as a result.
fn checked(answer: libc::c_long) -> io::Result<libc::c_long> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn c_path(path: &std::path::Path) -> io::Result<std::ffi::CString> {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::CString::new(path.as_os_str().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a zero byte in a path"))
}
